/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A thread that calls a library. The call may hang, but must not delay a flush or a state change
 * of the element, so the thread's owner waits for the thread only until a deadline or an
 * interruption. */
typedef struct _FogThread FogThread;

/* Returns TRUE if a wait has to end. */
typedef gboolean (*FogThreadIsInterrupted) (gpointer user_data);

/* Returns: (nullable): the thread; %NULL with @error if no thread can be created. @error:
 * (nullable): if @error is %NULL and no thread can be created, the process ends. @name: at most 15
 * characters. @data must live as long as the thread. */
FogThread *fog_thread_new (const gchar *name, GThreadFunc func, gpointer data, GError **error);

/* Runs @func in a new thread, like fog_thread_new(), or in the caller's thread if no thread can be
 * created. @data belongs to the thread, and is freed with @free when @func has returned and the
 * owner has released the thread. */
FogThread *fog_thread_start (
    const gchar *name, GThreadFunc func, gpointer data, GDestroyNotify free);

/* Returns TRUE if @func has returned; in this case the owner may read the thread's data. Doesn't
 * wait. */
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
