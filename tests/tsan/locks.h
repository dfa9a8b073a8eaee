/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tests/tsan/run includes this file before each C file. ThreadSanitizer doesn't see the locks and
 * queues of GLib, because GLib is built without ThreadSanitizer, so these functions report each
 * lock and its release. */
#pragma once
#include <glib.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

static inline void
tsan_mutex_lock (GMutex *mutex)
{
  g_mutex_lock (mutex);
  __tsan_acquire (mutex);
}

static inline gboolean
tsan_mutex_trylock (GMutex *mutex)
{
  gboolean locked = g_mutex_trylock (mutex);

  if (locked)
    __tsan_acquire (mutex);
  return locked;
}

static inline void
tsan_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  g_mutex_unlock (mutex);
}

static inline void
tsan_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  g_cond_wait (cond, mutex);
  __tsan_acquire (mutex);
}

static inline gboolean
tsan_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end)
{
  gboolean signalled;

  __tsan_release (mutex);
  signalled = g_cond_wait_until (cond, mutex, end);
  __tsan_acquire (mutex);
  return signalled;
}

static inline void
tsan_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  __tsan_release (queue);
  g_async_queue_push (queue, data);
}

static inline gpointer
tsan_async_queue_pop (GAsyncQueue *queue)
{
  gpointer data = g_async_queue_pop (queue);

  __tsan_acquire (queue);
  return data;
}

static inline gpointer
tsan_async_queue_try_pop (GAsyncQueue *queue)
{
  gpointer data = g_async_queue_try_pop (queue);

  __tsan_acquire (queue);
  return data;
}

static inline gboolean
tsan_atomic_ref_count_dec (gatomicrefcount *count)
{
  gboolean last;

  __tsan_release (count);
  last = g_atomic_ref_count_dec (count);
  if (last)
    __tsan_acquire (count);
  return last;
}

#undef g_atomic_ref_count_dec
#define g_atomic_ref_count_dec tsan_atomic_ref_count_dec
#define g_mutex_lock tsan_mutex_lock
#define g_mutex_trylock tsan_mutex_trylock
#define g_mutex_unlock tsan_mutex_unlock
#define g_cond_wait tsan_cond_wait
#define g_cond_wait_until tsan_cond_wait_until
#define g_async_queue_push tsan_async_queue_push
#define g_async_queue_pop tsan_async_queue_pop
#define g_async_queue_try_pop tsan_async_queue_try_pop
