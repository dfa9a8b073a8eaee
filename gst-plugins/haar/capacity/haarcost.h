/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The cost of counting one frame. */
typedef struct {
  gdouble wall;   /* time from begin to end of the count, s */
  gdouble cpu;    /* processor time that the worker's thread used meanwhile, s */
  gdouble pixels; /* number of pixels that were searched; 0 if only a part of the frame was */
  guint in_row;   /* number of frames that the worker counted right before this one, without a
                   * pause; at most HAAR_COSTS_IN_ROW */
} HaarCost;

typedef struct {
  gdouble value;
  guint n;
} HaarMean;

/* The number of processors that the workers may use. */
typedef struct {
  gdouble usable;  /* number of processors for this process: haar_cpus_available() */
  gdouble machine; /* number of processors of the machine, usable or not */
} HaarCpus;

#define HAAR_RECENT_MAX 64

/* A ring of the latest values of a series. Begins with zeros. */
typedef struct {
  gdouble values[HAAR_RECENT_MAX];
  guint n, next;
} HaarRecent;

/**
 * HaarCosts:
 *
 * Estimates for how long a frame would keep a worker busy in a saturated run, that is, one in which
 * no worker ever pauses. With these costs, a report's frames / (busy / workers) is the rate that a
 * saturated run would reach. In a run that isn't saturated a frame takes another time, for three
 * reasons. After a
 * pause the caches are cold. After a pause the machine sometimes disturbs a frame, but hardly ever
 * one that follows another without a pause. A frame waits for a processor for as long as other
 * threads use it.
 *
 *     busy  = wall                                 if in_row >= HAAR_COSTS_IN_ROW: a sample itself
 *             cpu' + wait'                         otherwise
 *
 *     cpu'  = cpu                                  if in_row > 0
 *             min (cpu, usual * pixels) * warmth   if in_row = 0, after a pause
 *
 *     wait' = row_wait * pixels                    if there were samples in the last 30 s
 *             max (min (fair, limit), quota)       if the number of other threads is known
 *             max (wall - cpu, quota)              otherwise
 *
 *     fair  = cpu' * (max ((workers + others) / machine, 1) - 1)
 *     quota = cpu' * (max (workers / usable, 1) - 1)
 *     limit = HAAR_COSTS_WAIT * paused_wait * pixels
 *
 * - usual: the quantile HAAR_COSTS_USUAL of cpu / pixels of the camera's latest frames after a
 *   pause. A frame that took more time than this counts as disturbed.
 * - warmth: row_cpu / paused_cpu, 0.8 to 1. In a row of frames without pauses, a frame takes less
 *   processor time, because the caches are warm.
 * - row_cpu, row_wait: the means of cpu / pixels and of (wall - cpu) / pixels of frames in a row.
 * - paused_cpu, paused_wait: the same values for frames after a pause.
 * - fair: the wait of a thread that gets its fair share of the machine's processors.
 * - quota: the wait because the workers share the processors that this process may use.
 * - limit: keeps `fair` low if the other threads have a low priority and hardly make a frame wait.
 * - others: threads of other processes that run or want to run.
 *
 * A frame that wasn't searched as a whole (pixels = 0) isn't a sample. Of such a frame, only its
 * own cpu and wall are known.
 */
typedef struct {
  gdouble workers;
  HaarCpus cpus;
  gdouble others;       /* moving mean of the number of other threads */
  gint64 others_at;     /* time when the other threads were last counted, us, monotonic; 0: never */
  HaarMean paused_cpu;  /* s a pixel */
  HaarMean paused_wait; /* s a pixel */
  HaarMean row_cpu;     /* s a pixel */
  HaarMean row_wait;    /* s a pixel */
  gint64 row_at;        /* us, monotonic: the time of the latest frame in row_wait */
  gdouble saved;        /* sum of cpu - cpu' in s of processors; the owner resets it */
} HaarCosts;

#define HAAR_COSTS_USUAL 0.85
/* A frame is a sample of a saturated run if at least this many frames preceded it without a pause.
 * Frames with fewer before them mostly waited behind one slow frame. */
#define HAAR_COSTS_IN_ROW 4
#define HAAR_COSTS_WAIT 2

void haar_costs_init (HaarCosts *costs, guint workers, const HaarCpus *cpus);
/* @others: counted at @now (us, monotonic) */
void haar_costs_note_others (HaarCosts *costs, gint others, gint64 now);

/**
 * haar_costs_add:
 * @rested: (nullable): cpu / pixels of the camera's latest frames after a pause; this one is added
 * @now: us, monotonic
 *
 * Returns: the time in s for which the frame would keep a worker busy in a saturated run
 */
gdouble haar_costs_add (HaarCosts *costs, HaarRecent *rested, const HaarCost *cost, gint64 now);

G_END_DECLS
