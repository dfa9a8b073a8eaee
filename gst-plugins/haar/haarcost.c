/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcost.h"

/* Frames that a mean follows: some periods of a quota, at whose ends a few frames wait for long. */
#define MEMORY 256
/* How cold caches may be: a ratio beyond it comes from pictures that differ. */
#define LEAST_WARMTH 0.8
/* So few don't tell what's usual. */
#define FEW 8
/* For how long the wait for a processor is taken to be what it was. */
#define KNOWN_FOR (30 * G_TIME_SPAN_SECOND)

void
haar_costs_init (HaarCosts *self, gdouble share)
{
  *self = (HaarCosts){.share = share};
}

void
haar_costs_note_others (HaarCosts *self, gdouble others)
{
  haar_recent_add (&self->others, others);
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

/* Who always wants a processor is there at most of the looks; who only works beside us isn't. */
static gdouble
crowd (const HaarCosts *self)
{
  gdouble others = self->others.n > 0 ? haar_recent_quantile (&self->others, 0.5) : 0;

  return MAX (self->share + others, 1);
}

/* How long it would have to wait for a processor of which it takes @cpu. */
static gdouble
wait_of (const HaarCosts *self, const HaarCost *cost, gdouble cpu, gint64 now)
{
  gdouble fair = cpu * (crowd (self) - 1);

  if (cost->pixels > 0 && self->pressed_wait.n > 0 && now < self->pressed_at + KNOWN_FOR)
    return self->pressed_wait.value * cost->pixels;
  return self->others.n > 0 ? fair : MAX (cost->wall - cost->cpu, fair);
}

/* What it takes after a pause, but for accidents. */
static gdouble
usual (const HaarCosts *self, const HaarCost *cost)
{
  if (cost->pixels <= 0 || self->rested.n < FEW)
    return cost->cpu;
  return MIN (cost->cpu, haar_recent_quantile (&self->rested, HAAR_COSTS_USUAL) * cost->pixels);
}

static void
learn (HaarCosts *self, const HaarCost *cost, gint64 now)
{
  if (!cost->pressed) {
    haar_recent_add (&self->rested, cost->cpu / cost->pixels);
    mean_add (&self->rested_cpu, usual (self, cost) / cost->pixels);
    return;
  }
  mean_add (&self->pressed_cpu, cost->cpu / cost->pixels);
  mean_add (&self->pressed_wait, (cost->wall - cost->cpu) / cost->pixels);
  self->pressed_at = now;
}

gdouble
haar_costs_add (HaarCosts *self, const HaarCost *cost, gint64 now)
{
  gdouble warm;

  if (cost->pixels > 0)
    learn (self, cost, now);
  if (cost->pressed)
    return cost->wall;
  warm = usual (self, cost) * warmth (self);
  self->saved += cost->cpu - warm;
  return warm + wait_of (self, cost, warm, now);
}
