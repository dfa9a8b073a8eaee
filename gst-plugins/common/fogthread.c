/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogthread.h"

/* The longest time (us) from an interruption to the moment when the waiting owner notices it. */
#define SLICE (10 * G_TIME_SPAN_MILLISECOND)

struct _FogThread {
  gatomicrefcount refs; /* number of references: one of the owner, one of the thread */
  GThreadFunc func;
  gpointer data;
  GDestroyNotify free; /* (nullable): frees the data when the last reference is released */
  GMutex lock;         /* guards the fields below */
  GCond changed;
  gboolean done;
};

void
fog_thread_release (FogThread *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  if (self->free)
    self->free (self->data);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

static gpointer
run (gpointer data)
{
  FogThread *self = data;

  self->func (self->data);
  g_mutex_lock (&self->lock);
  self->done = TRUE;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->lock);
  fog_thread_release (self);
  return NULL;
}

/* Returns an object with one reference for the owner and one for the thread. */
static FogThread *
thread_new (GThreadFunc func, gpointer data, GDestroyNotify free)
{
  FogThread *self = g_new0 (FogThread, 1);

  g_atomic_ref_count_init (&self->refs);
  g_atomic_ref_count_inc (&self->refs);
  self->func = func;
  self->data = data;
  self->free = free;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  return self;
}

FogThread *
fog_thread_new (const gchar *name, GThreadFunc func, gpointer data, GError **error)
{
  FogThread *self = thread_new (func, data, NULL);
  GThread *thread =
      error ? g_thread_try_new (name, run, self, error) : g_thread_new (name, run, self);

  if (thread) {
    g_thread_unref (thread);
    return self;
  }
  fog_thread_release (self);
  fog_thread_release (self);
  return NULL;
}

FogThread *
fog_thread_start (const gchar *name, GThreadFunc func, gpointer data, GDestroyNotify free)
{
  FogThread *self = thread_new (func, data, free);
  GThread *thread = g_thread_try_new (name, run, self, NULL);

  if (thread)
    g_thread_unref (thread);
  else
    run (self);
  return self;
}

gboolean
fog_thread_is_done (FogThread *self)
{
  gboolean done;

  g_mutex_lock (&self->lock);
  done = self->done;
  g_mutex_unlock (&self->lock);
  return done;
}

gboolean
fog_thread_wait (FogThread *self, FogThreadIsInterrupted is_interrupted, gpointer user_data)
{
  gboolean done;

  g_mutex_lock (&self->lock);
  while (!self->done && !is_interrupted (user_data))
    g_cond_wait_until (&self->changed, &self->lock, g_get_monotonic_time () + SLICE);
  done = self->done;
  g_mutex_unlock (&self->lock);
  return done;
}

gboolean
fog_thread_end (FogThread *self, gint64 deadline)
{
  gboolean done;

  g_mutex_lock (&self->lock);
  while (!self->done && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;
  done = self->done;
  g_mutex_unlock (&self->lock);
  fog_thread_release (self);
  return done;
}
