/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcost.h"

/* Frames that a mean follows: some periods of a quota, at whose ends a few frames wait for long. */
#define MEMORY 256
/* How cold caches may be: a ratio beyond it comes from pictures that differ. */
#define LEAST_WARMTH 0.8
/* For how long the wait for a processor is taken to be what it was. */
#define KNOWN_FOR (30 * G_TIME_SPAN_SECOND)

void
haar_costs_init (HaarCosts *self, gdouble share)
{
  *self = (HaarCosts){.crowd = MAX (share, 1)};
}

static void
mean_add (HaarMean *mean, gdouble value)
{
  mean->n = MIN (mean->n + 1, MEMORY);
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

/* How long it would have to wait for a processor. */
static gdouble
wait_of (const HaarCosts *self, const HaarCost *cost, gint64 now)
{
  if (cost->pixels > 0 && self->pressed_wait.n > 0 && now < self->pressed_at + KNOWN_FOR)
    return self->pressed_wait.value * cost->pixels;
  /* With fewer processors than workers, or a quota, each frame would. */
  return MAX (cost->wall - cost->cpu, cost->cpu * (self->crowd - 1));
}

static void
learn (HaarCosts *self, const HaarCost *cost, gint64 now)
{
  if (!cost->pressed) {
    mean_add (&self->rested_cpu, cost->cpu / cost->pixels);
    return;
  }
  mean_add (&self->pressed_cpu, cost->cpu / cost->pixels);
  mean_add (&self->pressed_wait, (cost->wall - cost->cpu) / cost->pixels);
  self->pressed_at = now;
}

gdouble
haar_costs_add (HaarCosts *self, const HaarCost *cost, gint64 now)
{
  gdouble warm = cost->cpu;

  if (cost->pixels > 0)
    learn (self, cost, now);
  if (cost->pressed)
    return cost->wall;
  warm *= warmth (self);
  self->saved += cost->cpu - warm;
  return warm + wait_of (self, cost, now);
}
