/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liverounds.h"

struct _LiveRounds {
  gint64 interval;
  LiveRound round;
  gpointer data;
  GThread *thread;
  GMutex lock; /* guards all fields below */
  GCond changed;
  gboolean woken; /* the next call begins at once */
  gboolean ending;
};

/* with self->lock */
static void
wait_until (LiveRounds *self, gint64 next)
{
  while (!self->ending && !self->woken && g_cond_wait_until (&self->changed, &self->lock, next))
    ;
  self->woken = FALSE;
}

static gpointer
run (gpointer data)
{
  LiveRounds *self = data;

  g_mutex_lock (&self->lock);
  while (!self->ending) {
    gint64 next = g_get_monotonic_time () + self->interval;

    g_mutex_unlock (&self->lock);
    self->round (self->data);
    g_mutex_lock (&self->lock);
    wait_until (self, next);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

LiveRounds *
live_rounds_new (const gchar *name, gint64 interval, LiveRound round, gpointer data)
{
  LiveRounds *self = g_new0 (LiveRounds, 1);

  self->interval = interval;
  self->round = round;
  self->data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_new (name, run, self);
  return self;
}

void
live_rounds_wake (LiveRounds *self)
{
  g_mutex_lock (&self->lock);
  self->woken = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
live_rounds_free (LiveRounds *self)
{
  if (!self)
    return;
  g_mutex_lock (&self->lock);
  self->ending = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}
