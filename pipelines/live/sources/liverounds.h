/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* A thread that calls a function at equal intervals, from now on. */
typedef struct _LiveRounds LiveRounds;

/* Called on the thread. */
typedef void (*LiveRound) (gpointer data);

/* @interval: time (us) from the beginning of one call to the beginning of the next */
LiveRounds *live_rounds_new (const gchar *name, gint64 interval, LiveRound round, gpointer data);
/* Begins the next call at once, or as soon as the running call has returned. */
void live_rounds_wake (LiveRounds *self);
/* Waits until a running call has returned. @self: (nullable) */
void live_rounds_free (LiveRounds *self);
