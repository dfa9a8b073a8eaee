/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A thread whose owner waits for its end for a limited time only: a call into a library may hang,
 * and must not hold up a state change. What the thread uses has to live as long as it. */
typedef struct _FogThread FogThread;

/* (nullable): %NULL with @error (nullable; without it that ends the process): no thread can be
 * created. @name: at most 15 characters */
FogThread *fog_thread_new (const gchar *name, GThreadFunc func, gpointer data, GError **error);

/* Waits until @deadline (monotonic, us) for @func to return, and frees @thread. FALSE: it hasn't
 * returned; it goes on, and nobody waits for it any more. */
gboolean fog_thread_end (FogThread *thread, gint64 deadline);

G_END_DECLS
