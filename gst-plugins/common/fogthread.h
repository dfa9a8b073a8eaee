/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A thread whose owner waits for its end only for a limited time, because the thread's call into a
 * library may hang, and must not delay a state change of the element. The data that the thread uses
 * must live as long as the thread. */
typedef struct _FogThread FogThread;

/* Returns: (nullable): the thread; %NULL with @error if no thread can be created. @error:
 * (nullable): if @error is %NULL and no thread can be created, the process ends. @name: at most 15
 * characters */
FogThread *fog_thread_new (const gchar *name, GThreadFunc func, gpointer data, GError **error);

/* Waits until @deadline (monotonic, us) for @func to return, and releases @thread. Returns FALSE if
 * @func hasn't returned; the thread then continues without an owner. */
gboolean fog_thread_end (FogThread *thread, gint64 deadline);

G_END_DECLS
