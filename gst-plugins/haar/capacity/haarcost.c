/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcost.h"

#include <math.h>

/* Frames that a mean follows: some periods of a quota, at whose ends a few frames wait for long. */
#define MEMORY 256
/* Seconds of work without a pause that the wait for a processor then is a mean of: beside other load a thread has one
 * of its own for a second or two, and the next must share it. */
#define LONG_MEMORY 20
/* How cold caches may be: a ratio beyond it comes from pictures that differ. */
#define LEAST_WARMTH 0.8
/* So few don't tell what's usual. */
#define FEW 8
/* For how long the wait for a processor is taken to be what it was. */
#define KNOWN_FOR (30 * G_TIME_SPAN_SECOND)
/* Of the looks at others: what their mean follows, and when it is out of date. */
#define LOOKS_MEMORY (3.0 * G_TIME_SPAN_SECOND)
#define LOOKS_LAST (10 * G_TIME_SPAN_SECOND)

void
haar_costs_init (HaarCosts *self, guint workers, const HaarCpus *cpus)
{
  *self = (HaarCosts){.workers = workers, .cpus = *cpus};
}

void
haar_costs_note_others (HaarCosts *self, gint others, gint64 now)
{
  gdouble passed = (gdouble) (now - self->others_at);
  gdouble rest = self->others_at && passed < LOOKS_LAST ? exp (-passed / LOOKS_MEMORY) : 0;

  self->others = self->others * rest + others * (1 - rest);
  self->others_at = now;
}

static void
mean_add (HaarMean *mean, gdouble value, guint memory)
{
  mean->n = MIN (mean->n + 1, memory);
  mean->value += (value - mean->value) / mean->n;
}

/* What a frame takes of a processor without a pause before it, to what it takes after one. */
static gdouble
warmth (const HaarCosts *self)
{
  if (self->pressed_cpu.n == 0 || self->rested_cpu.n == 0)
    return 1;
  return CLAMP (self->pressed_cpu.value / self->rested_cpu.value, LEAST_WARMTH, 1);
}

/* By how much longer a frame takes where there are @cpus for so many threads. */
static gdouble
wait_among (gdouble threads, gdouble cpus)
{
  return MAX (threads / cpus, 1) - 1;
}

static gboolean
is_saturation_known (const HaarCosts *self, gint64 now)
{
  return self->pressed_wait.n > 0 && now < self->pressed_at + KNOWN_FOR;
}

/* How long it would have to wait for a processor of which it takes @cpu. */
static gdouble
wait_of (const HaarCosts *self, const HaarCost *cost, gdouble cpu, gint64 now)
{
  gdouble wait = cost->wall - cost->cpu;
  gdouble quota = cpu * wait_among (self->workers, self->cpus.usable), fair;

  if (cost->pixels > 0 && is_saturation_known (self, now))
    return self->pressed_wait.value * cost->pixels;
  if (cost->pixels > 0 && self->others_at && now < self->others_at + LOOKS_LAST) {
    fair = cpu * wait_among (self->workers + MAX (self->others, 0), self->cpus.machine);
    wait = MIN (fair, HAAR_COSTS_WAIT * self->rested_wait.value * cost->pixels);
  }
  return MAX (wait, quota);
}

/* What it takes after a pause, undisturbed, by what others of its camera took, to which it is added. */
static gdouble
usual (HaarRecent *rested, const HaarCost *cost)
{
  if (!rested || cost->pixels <= 0)
    return cost->cpu;
  haar_recent_add (rested, cost->cpu / cost->pixels);
  if (rested->n < FEW)
    return cost->cpu;
  return MIN (cost->cpu, haar_recent_quantile (rested, HAAR_COSTS_USUAL) * cost->pixels);
}

/* @cpu: what it takes, undisturbed */
static void
learn (HaarCosts *self, const HaarCost *cost, gdouble cpu, gint64 now)
{
  gdouble wait = (cost->wall - cost->cpu) / cost->pixels;

  if (!cost->in_row) {
    mean_add (&self->rested_cpu, cpu / cost->pixels, MEMORY);
    mean_add (&self->rested_wait, wait, MEMORY);
    return;
  }
  mean_add (&self->pressed_cpu, cpu / cost->pixels, MEMORY);
  if (cost->in_row < HAAR_COSTS_IN_ROW)
    return;
  if (!is_saturation_known (self, now))
    self->pressed_wait.n = 0;
  mean_add (&self->pressed_wait, wait, (guint) MAX (MEMORY, LONG_MEMORY / cost->wall));
  self->pressed_at = now;
}

gdouble
haar_costs_add (HaarCosts *self, HaarRecent *rested, const HaarCost *cost, gint64 now)
{
  gdouble cpu = cost->cpu;

  if (!cost->in_row)
    cpu = usual (rested, cost);
  if (cost->pixels > 0)
    learn (self, cost, cpu, now);
  if (cost->in_row >= HAAR_COSTS_IN_ROW)
    return cost->wall;
  if (!cost->in_row)
    cpu *= warmth (self);
  self->saved += cost->cpu - cpu;
  return cpu + wait_of (self, cost, cpu, now);
}
