/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcost.h"

/* Frames that a mean follows. */
#define MEMORY 32
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

gdouble
haar_costs_add (HaarCosts *self, const HaarCost *cost, gint64 now)
{
  /* With fewer processors than workers, or a quota, each frame would wait for one. */
  gdouble busy = MAX (cost->wall, cost->cpu * self->crowd);

  if (cost->pressed && cost->pixels > 0) {
    mean_add (&self->pressed_busy, busy / cost->pixels);
    mean_add (&self->pressed_cpu, cost->cpu / cost->pixels);
    self->pressed_at = now;
  } else if (cost->pixels > 0) {
    mean_add (&self->rested_cpu, cost->cpu / cost->pixels);
  }
  if (cost->pressed)
    return busy;
  if (self->pressed_cpu.n > 0 && now < self->pressed_at + KNOWN_FOR)
    busy = cost->cpu * self->pressed_busy.value / self->pressed_cpu.value;
  self->saved += cost->cpu * (1 - warmth (self));
  return busy * warmth (self);
}
