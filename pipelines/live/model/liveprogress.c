/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveprogress.h"

#include <math.h>

/* Number of samples that are kept: ten minutes, at one sample a second. */
#define SAMPLES 600

typedef struct {
  gint64 time, end;
} Sample;

struct _LiveProgress {
  Sample samples[SAMPLES]; /* a ring */
  guint n, next;
};

LiveProgress *
live_progress_new (void)
{
  return g_new0 (LiveProgress, 1);
}

void
live_progress_free (LiveProgress *self)
{
  g_free (self);
}

/* @age: 0 for the newest sample, 1 for the one before it. */
static const Sample *
sample_at (const LiveProgress *self, guint age)
{
  return &self->samples[(self->next + SAMPLES - 1 - age) % SAMPLES];
}

void
live_progress_add (LiveProgress *self, gint64 now, gint64 end)
{
  /* The samples are dropped if the number or the time has decreased, because the topic was created
   * again, or the clock was set back. */
  if (self->n && (end < sample_at (self, 0)->end || now < sample_at (self, 0)->time))
    self->n = 0;
  self->samples[self->next] = (Sample){now, end};
  self->next = (self->next + 1) % SAMPLES;
  self->n = MIN (self->n + 1, SAMPLES);
}

gint64
live_progress_get_lag (
    const LiveProgress *self, gint64 now, gint64 committed, gint64 tolerance, gdouble *seconds)
{
  gint64 waiting = 0, since = now;

  *seconds = 0;
  for (guint age = 0; age < self->n && sample_at (self, age)->end > committed; age++) {
    const Sample *sample = sample_at (self, age);

    since = sample->time;
    if (waiting == 0 && now - since >= tolerance)
      waiting = sample->end - committed;
  }
  if (waiting)
    *seconds = (gdouble) (now - since) / 1000;
  return waiting;
}

gdouble
live_progress_get_rate (const LiveProgress *self, guint window)
{
  const Sample *newest, *before;

  if (self->n < 2)
    return NAN;
  newest = sample_at (self, 0);
  before = sample_at (self, MIN (self->n - 1, window));
  if (newest->time <= before->time)
    return NAN;
  return (gdouble) (newest->end - before->end) * 1000 / (gdouble) (newest->time - before->time);
}

gint64
live_progress_get_end (const LiveProgress *self)
{
  return self->n ? sample_at (self, 0)->end : -1;
}
