/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcost.h"

#include <math.h>
#include <string.h>

#include "haarquantile.h"

/* Number of frames over which a mean is taken: they span several periods of a CPU quota, and at the
 * end of each period some frames wait long. */
#define MEMORY 256
/* Seconds of work over which row_wait is averaged. If other processes are busy too, the scheduler
 * gives a thread a processor of its own for a second or two, and then makes the thread share
 * one. */
#define LONG_MEMORY 20
/* The smallest ratio of processor times, after no pause and after a pause, that warm caches
 * explain. A smaller ratio shows that the pictures differed. */
#define LEAST_WARMTH 0.8
/* The number of frames that a camera needs before a quantile of their costs is taken. */
#define FEW 8
G_STATIC_ASSERT (FEW <= HAAR_RECENT_MAX);
/* The time for which the mean row_wait is used after its latest sample. */
#define KNOWN_FOR (30 * G_TIME_SPAN_SECOND)
/* Two times for the number of other processes' threads: over the first, counts are averaged; for
 * the second, a count is used. */
#define LOOKS_MEMORY (3.0 * G_TIME_SPAN_SECOND)
#define LOOKS_LAST (10 * G_TIME_SPAN_SECOND)

static void
recent_add (HaarRecent *recent, gdouble value)
{
  recent->values[recent->next] = value;
  recent->next = (recent->next + 1) % HAAR_RECENT_MAX;
  recent->n = MIN (recent->n + 1, HAAR_RECENT_MAX);
}

static gdouble
recent_quantile (const HaarRecent *recent, gdouble q)
{
  gdouble sorted[HAAR_RECENT_MAX];

  memcpy (sorted, recent->values, recent->n * sizeof *sorted);
  haar_sort (sorted, recent->n);
  return haar_quantile (sorted, recent->n, q);
}

static void
mean_add (HaarMean *mean, gdouble value, guint memory)
{
  mean->n = MIN (mean->n + 1, memory);
  mean->value += (value - mean->value) / mean->n;
}

void
haar_costs_init (HaarCosts *self, guint workers, const HaarCpus *cpus)
{
  *self = (HaarCosts){.workers = workers, .cpus = *cpus};
}

static gboolean
others_are_known (const HaarCosts *self, gint64 now)
{
  return self->others_at && now < self->others_at + LOOKS_LAST;
}

void
haar_costs_note_others (HaarCosts *self, gint others, gint64 now)
{
  gdouble passed = (gdouble) (now - self->others_at);
  gdouble rest = others_are_known (self, now) ? exp (-passed / LOOKS_MEMORY) : 0;

  self->others = self->others * rest + others * (1 - rest);
  self->others_at = now;
}

static gboolean
row_wait_is_known (const HaarCosts *self, gint64 now)
{
  return self->row_wait.n > 0 && now < self->row_at + KNOWN_FOR;
}

static gdouble
warmth (const HaarCosts *self)
{
  if (self->row_cpu.n == 0 || self->paused_cpu.n == 0)
    return 1;
  return CLAMP (self->row_cpu.value / self->paused_cpu.value, LEAST_WARMTH, 1);
}

/* Returns how many seconds a thread waits for a processor for each second that it runs, if @threads
 * threads share @cpus processors. */
static gdouble
wait_among (gdouble threads, gdouble cpus)
{
  return MAX (threads / cpus, 1) - 1;
}

/* Returns the value wait' of the formula in haarcost.h; @cpu: the value cpu' of that formula */
static gdouble
estimate_wait (const HaarCosts *self, const HaarCost *cost, gdouble cpu, gint64 now)
{
  gdouble wait = cost->wall - cost->cpu;
  gdouble quota = cpu * wait_among (self->workers, self->cpus.usable), fair;

  if (cost->pixels > 0 && row_wait_is_known (self, now))
    return self->row_wait.value * cost->pixels;
  if (cost->pixels > 0 && others_are_known (self, now)) {
    fair = cpu * wait_among (self->workers + MAX (self->others, 0), self->cpus.machine);
    wait = MIN (fair, HAAR_COSTS_WAIT * self->paused_wait.value * cost->pixels);
  }
  return MAX (wait, quota);
}

/* Returns min (cpu, usual * pixels) of the formula in haarcost.h. Adds the frame's cost to
 * @rested. */
static gdouble
remove_disturbance (HaarRecent *rested, const HaarCost *cost)
{
  if (!rested || cost->pixels <= 0)
    return cost->cpu;
  recent_add (rested, cost->cpu / cost->pixels);
  if (rested->n < FEW)
    return cost->cpu;
  return MIN (cost->cpu, recent_quantile (rested, HAAR_COSTS_USUAL) * cost->pixels);
}

/* @cpu: without disturbance */
static void
learn (HaarCosts *self, const HaarCost *cost, gdouble cpu, gint64 now)
{
  gdouble wait = (cost->wall - cost->cpu) / cost->pixels;

  if (!cost->in_row) {
    mean_add (&self->paused_cpu, cpu / cost->pixels, MEMORY);
    mean_add (&self->paused_wait, wait, MEMORY);
    return;
  }
  mean_add (&self->row_cpu, cpu / cost->pixels, MEMORY);
  if (cost->in_row < HAAR_COSTS_IN_ROW)
    return;
  if (!row_wait_is_known (self, now))
    self->row_wait.n = 0;
  mean_add (&self->row_wait, wait, (guint) MAX (MEMORY, LONG_MEMORY / cost->wall));
  self->row_at = now;
}

gdouble
haar_costs_add (HaarCosts *self, HaarRecent *rested, const HaarCost *cost, gint64 now)
{
  gdouble cpu = cost->cpu;

  if (!cost->in_row)
    cpu = remove_disturbance (rested, cost);
  if (cost->pixels > 0)
    learn (self, cost, cpu, now);
  if (cost->in_row >= HAAR_COSTS_IN_ROW)
    return cost->wall;
  if (!cost->in_row)
    cpu *= warmth (self);
  self->saved += cost->cpu - cpu;
  return cpu + estimate_wait (self, cost, cpu, now);
}
