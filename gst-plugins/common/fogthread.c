/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogthread.h"

struct _FogThread {
  gatomicrefcount refs; /* number of references: one of the owner, one of the thread */
  GThreadFunc func;
  gpointer data;
  GMutex lock; /* guards the fields below */
  GCond changed;
  gboolean done;
};

static void
thread_unref (FogThread *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
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
  thread_unref (self);
  return NULL;
}

FogThread *
fog_thread_new (const gchar *name, GThreadFunc func, gpointer data, GError **error)
{
  FogThread *self = g_new0 (FogThread, 1);
  GThread *thread;

  g_atomic_ref_count_init (&self->refs);
  g_atomic_ref_count_inc (&self->refs);
  self->func = func;
  self->data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  thread = error ? g_thread_try_new (name, run, self, error) : g_thread_new (name, run, self);
  if (thread) {
    g_thread_unref (thread);
    return self;
  }
  thread_unref (self);
  thread_unref (self);
  return NULL;
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
  thread_unref (self);
  return done;
}
