/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A thread whose owner waits for its end only for a limited time, or until an interruption, because
 * the thread's call into a library may hang, and must not delay a flush or a state change of the
 * element. */
typedef struct _FogThread FogThread;

/* Returns TRUE if a wait has to end. */
typedef gboolean (*FogThreadIsInterrupted) (gpointer user_data);

/* Returns: (nullable): the thread; %NULL with @error if no thread can be created. @error:
 * (nullable): if @error is %NULL and no thread can be created, the process ends. @name: at most 15
 * characters. @data must live as long as the thread. */
FogThread *fog_thread_new (const gchar *name, GThreadFunc func, gpointer data, GError **error);

/* Starts @func like fog_thread_new(), or calls it at once if no thread can be created. @data
 * belongs to the thread, and is freed with @free when @func has returned and the owner has released
 * the thread. */
FogThread *fog_thread_start (
    const gchar *name, GThreadFunc func, gpointer data, GDestroyNotify free);

/* Returns TRUE, without waiting, if @func has returned, so the owner may read its data. */
gboolean fog_thread_is_done (FogThread *thread);

/* Waits until @func has returned. Returns FALSE if @is_interrupted returned TRUE earlier; in this
 * case the owner must not read the thread's data. */
gboolean fog_thread_wait (
    FogThread *thread, FogThreadIsInterrupted is_interrupted, gpointer user_data);

/* Waits until @deadline (monotonic, us) for @func to return, and releases @thread. Returns FALSE if
 * @func hasn't returned; the thread then continues without an owner. */
gboolean fog_thread_end (FogThread *thread, gint64 deadline);

/* Releases @thread without waiting for it. */
void fog_thread_release (FogThread *thread);

G_END_DECLS
