/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarreporter.h"

typedef enum {
  GOES_ON,
  FINISHING, /* the run's final report was requested, and isn't made yet */
  FINISHED,  /* the run's final report has been made */
  QUITTING,  /* the thread ends */
} Stage;

struct _HaarReporter {
  HaarReporterFunc func;
  gpointer user_data;
  GThread *thread;

  GMutex lock;   /* guards the fields below; a leaf lock: nothing is called under it */
  GCond changed; /* any of it */
  Stage stage;
  gint64 interval; /* us */
  gint64 next;     /* time when the next report is due, us, monotonic */
  gboolean running;
  gboolean begin_wanted, report_wanted; /* set of requested calls */
};

/* with the lock */
static gboolean
is_due (HaarReporter *self)
{
  if (self->stage == FINISHED)
    return FALSE;
  return self->begin_wanted || self->stage == FINISHING ||
         (self->running && (self->report_wanted || g_get_monotonic_time () >= self->next));
}

/* with the lock */
static void
wait_until_due (HaarReporter *self)
{
  while (self->stage != QUITTING && !is_due (self)) {
    if (self->running && self->stage != FINISHED)
      g_cond_wait_until (&self->changed, &self->lock, self->next);
    else
      g_cond_wait (&self->changed, &self->lock);
  }
}

/* with the lock */
static HaarReporterCall
next_call (HaarReporter *self)
{
  if (self->begin_wanted) {
    self->begin_wanted = FALSE;
    return HAAR_REPORTER_BEGIN;
  }
  self->report_wanted = FALSE;
  return self->stage == FINISHING ? HAAR_REPORTER_LEAVE : HAAR_REPORTER_REPORT;
}

static gpointer
reporter_main (gpointer data)
{
  HaarReporter *self = data;

  g_mutex_lock (&self->lock);
  for (wait_until_due (self); self->stage != QUITTING; wait_until_due (self)) {
    HaarReporterCall call = next_call (self);

    g_mutex_unlock (&self->lock);
    self->func (call, self->user_data);
    g_mutex_lock (&self->lock);
    self->next = g_get_monotonic_time () + self->interval;
    if (call == HAAR_REPORTER_LEAVE && self->stage == FINISHING)
      self->stage = FINISHED;
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

HaarReporter *
haar_reporter_new (GstClockTime interval, HaarReporterFunc func, gpointer user_data, GError **error)
{
  HaarReporter *self = g_new0 (HaarReporter, 1);

  self->func = func;
  self->user_data = user_data;
  self->interval = (gint64) GST_TIME_AS_USECONDS (interval);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_try_new ("haar-reporter", reporter_main, self, error);
  if (!self->thread)
    g_clear_pointer (&self, haar_reporter_free);
  return self;
}

void
haar_reporter_free (HaarReporter *self)
{
  g_mutex_lock (&self->lock);
  self->stage = QUITTING;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  if (self->thread)
    g_thread_join (self->thread);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

void
haar_reporter_set_interval (HaarReporter *self, GstClockTime interval)
{
  g_mutex_lock (&self->lock);
  self->next -= self->interval;
  self->interval = (gint64) GST_TIME_AS_USECONDS (interval);
  self->next += self->interval;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
haar_reporter_begin (HaarReporter *self)
{
  g_mutex_lock (&self->lock);
  self->begin_wanted = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
haar_reporter_set_running (HaarReporter *self, gboolean running)
{
  g_mutex_lock (&self->lock);
  self->running = running;
  self->next = g_get_monotonic_time () + self->interval;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
haar_reporter_wake (HaarReporter *self)
{
  g_mutex_lock (&self->lock);
  self->report_wanted = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
haar_reporter_finish (HaarReporter *self)
{
  g_mutex_lock (&self->lock);
  if (self->stage == GOES_ON)
    self->stage = FINISHING;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

gboolean
haar_reporter_wait_finished (HaarReporter *self, gint64 timeout)
{
  gint64 deadline = g_get_monotonic_time () + timeout;
  gboolean finished;

  g_mutex_lock (&self->lock);
  while (self->stage == FINISHING && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;
  finished = self->stage != FINISHING;
  g_mutex_unlock (&self->lock);
  return finished;
}

void
haar_reporter_resume (HaarReporter *self)
{
  g_mutex_lock (&self->lock);
  self->stage = GOES_ON;
  self->next = g_get_monotonic_time () + self->interval;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}
