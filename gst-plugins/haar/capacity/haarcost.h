/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarrecent.h"

G_BEGIN_DECLS

/* What it took to count one frame. */
typedef struct {
  gdouble wall;   /* s by the clock on the wall */
  gdouble cpu;    /* s of a processor */
  gdouble pixels; /* that were searched; 0: not as a whole, so it's no example for others */
  guint
      in_row; /* its worker came to it straight from another one, to that from a third…: so many; 0: after a pause */
} HaarCost;

typedef struct {
  gdouble value;
  guint n;
} HaarMean;

/* What the workers run on, in processors. */
typedef struct {
  gdouble usable;  /* by this process, of haar_cpus_available() */
  gdouble machine; /* that there are */
} HaarCpus;

/**
 * HaarCosts:
 *
 * A report's frames/(busy/workers) is to be what a saturated run would reach. But a frame that comes while there is
 * time to spare takes another time than it would then: more of a processor, since its worker finds the caches cold after
 * a pause, and as the machine now and then disturbs such frames as it does none without one; and less waiting for a
 * processor, as not all workers want it, or more, as a thread that has slept is given one in another way beside other load.
 *
 * What frames took that came without a pause tells what the others would have. As long as there are none, a frame is
 * taken to get its fair share of the processors beside who else wants them, but to wait at most %HAAR_COSTS_WAIT times as
 * long as frames do with time to spare: where those hardly wait, the others don't count, by their priority or their place. And of
 * what a camera's frames take, the dearest are taken to be disturbed: what is above the share %HAAR_COSTS_USUAL of them.
 */
typedef struct {
  gdouble workers;
  HaarCpus cpus;
  gdouble others;       /* threads of other processes that want a processor: a mean */
  gint64 others_at;     /* us, monotonic: of the last look; 0: there was none */
  HaarMean rested_wait; /* for a processor, s a pixel */
  /* Of frames lately, s a pixel: */
  HaarMean pressed_cpu, rested_cpu;
  HaarMean pressed_wait; /* for a processor */
  gint64 pressed_at;     /* us, monotonic: when the latest came */
  gdouble saved;         /* s of processors, had there been no pauses; the owner resets it */
} HaarCosts;

#define HAAR_COSTS_USUAL 0.85
/* From so many frames in a row on one is an example: the first are more often than not those that wait for a slow one. */
#define HAAR_COSTS_IN_ROW 4
#define HAAR_COSTS_WAIT 2

void haar_costs_init (HaarCosts *costs, guint workers, const HaarCpus *cpus);
/* @others: threads of other processes that want a processor at this moment. @now: us, monotonic */
void haar_costs_note_others (HaarCosts *costs, gint others, gint64 now);

/**
 * haar_costs_add:
 * @rested: (nullable): what frames of the same camera that came after a pause took of a processor, s a pixel; is added to
 * @now: us, monotonic
 *
 * Returns: s for which the frame would keep a worker busy in a saturated run
 */
gdouble haar_costs_add (HaarCosts *costs, HaarRecent *rested, const HaarCost *cost, gint64 now);

G_END_DECLS
