/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarrecent.h"

G_BEGIN_DECLS

/* What it took to count one frame. */
typedef struct {
  gdouble wall;     /* s by the clock on the wall */
  gdouble cpu;      /* s of a processor */
  gdouble pixels;   /* that were searched; 0: not as a whole, so it's no example for others */
  gboolean pressed; /* its worker came to it straight from another one */
} HaarCost;

typedef struct {
  gdouble value;
  guint n;
} HaarMean;

/**
 * HaarCosts:
 *
 * A report's frames/(busy/workers) is to be what a saturated run would reach. But a frame that comes while there is
 * time to spare takes another time than it would then: more of a processor, since its worker finds the caches cold after
 * a pause; and less waiting for one, as not all workers want it, or more, as a thread that has slept is given one in
 * another way beside other load. What frames took that came without a pause tells what the others would have. As long as
 * there are none, a frame is taken to get its fair share of the processors beside those who always want one; and as the
 * machine now and then disturbs a frame after a pause as it does none without, what takes longer than %HAAR_COSTS_USUAL
 * of them is taken to be one of those.
 */
typedef struct {
  gdouble share;     /* workers for each processor that they may use */
  HaarRecent rested; /* s of a processor a pixel, of frames after a pause */
  HaarRecent others; /* for each processor of the machine, threads of others that want it */
  /* Of frames lately, s a pixel: */
  HaarMean pressed_cpu, rested_cpu;
  HaarMean pressed_wait; /* for a processor */
  gint64 pressed_at;     /* us, monotonic: when the latest came */
  gdouble saved;         /* s of processors, had there been no pauses; the owner resets it */
} HaarCosts;

#define HAAR_COSTS_USUAL 0.85

/* @share: workers for each processor */
void haar_costs_init (HaarCosts *costs, gdouble share);
/* @others: for each processor of the machine, threads that want one beside the workers at this moment */
void haar_costs_note_others (HaarCosts *costs, gdouble others);

/**
 * haar_costs_add:
 * @now: us, monotonic
 *
 * Returns: s for which the frame would keep a worker busy in a saturated run
 */
gdouble haar_costs_add (HaarCosts *costs, const HaarCost *cost, gint64 now);

G_END_DECLS
