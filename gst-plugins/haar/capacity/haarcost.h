/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The cost of counting one frame. */
typedef struct {
  gdouble wall; /* time from begin to end of the count, s */
  gdouble cpu;  /* processor time that the worker's thread used for the count, s */
  /* number of pixels that were searched; 0 if only a part of the frame was searched */
  gdouble pixels;
  guint in_row; /* number of frames that the worker counted right before this one, without a
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

/* A ring buffer of the latest values of a series, which begins with all zeros. */
typedef struct {
  gdouble values[HAAR_RECENT_MAX];
  guint n, next;
} HaarRecent;

/**
 * HaarCosts:
 *
 * Estimates for how long a frame would keep a worker busy in a saturated run, that is, one in which
 * no worker ever pauses. With these costs, a report's frames / (busy / workers) is the rate that a
 * saturated run would reach. In a run that isn't saturated, a frame takes another time than in a
 * saturated run, for three reasons. After a pause of the worker, the processor's caches are cold.
 * After a pause, other work of the machine sometimes slows a frame down, but hardly ever a frame
 * that follows another one without a pause. A frame waits while other threads use the processors.
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
 *   pause. A frame that took more processor time than this quantile counts as slowed down by other
 *   work.
 * - warmth: row_cpu / paused_cpu, 0.8 to 1. In a row of frames without pauses, a frame takes less
 *   processor time, because the caches are warm.
 * - row_cpu, row_wait: the means of cpu / pixels and of (wall - cpu) / pixels of frames in a row.
 * - paused_cpu, paused_wait: the means of cpu / pixels and of (wall - cpu) / pixels of frames after
 *   a pause.
 * - fair: the time that a worker waits for a processor if each thread gets its fair share of the
 *   machine's processors.
 * - quota: the wait of a worker because all workers share the processors that this process may use.
 * - limit: keeps `fair` low if the other threads have a low priority and hardly make a frame wait.
 * - others: the number of threads of other processes that run or wait for a processor.
 *
 * A frame that wasn't searched as a whole (pixels = 0) isn't a sample for the means. For its
 * estimate, only its own cpu and wall are known.
 */
typedef struct {
  gdouble workers;
  HaarCpus cpus;
  /* moving mean of the number of other processes' threads that run or wait for a processor */
  gdouble others;
  /* time when other processes' threads were last counted, us, monotonic; 0: never */
  gint64 others_at;
  HaarMean paused_cpu;  /* s a pixel */
  HaarMean paused_wait; /* s a pixel */
  HaarMean row_cpu;     /* s a pixel */
  HaarMean row_wait;    /* s a pixel */
  /* time of the latest frame that was averaged into row_wait, us, monotonic */
  gint64 row_at;
  /* sum of cpu - cpu' of all frames, s of processor time; the owner of HaarCosts sets it to 0
   * again */
  gdouble saved;
} HaarCosts;

#define HAAR_COSTS_USUAL 0.85
/* A frame counts as a sample of a saturated run if the worker counted at least this many frames
 * right before it, without a pause. Frames that fewer frames preceded mostly waited behind one slow
 * frame. */
#define HAAR_COSTS_IN_ROW 4
#define HAAR_COSTS_WAIT 2

void haar_costs_init (HaarCosts *costs, guint workers, const HaarCpus *cpus);
/* @others: counted at @now (us, monotonic) */
void haar_costs_note_others (HaarCosts *costs, gint others, gint64 now);

/**
 * haar_costs_add:
 * @rested: (nullable): cpu / pixels of the camera's latest frames after a pause; this frame's value
 *    is added
 * @now: us, monotonic
 *
 * Returns: the time in s for which the frame would keep a worker busy in a saturated run
 */
gdouble haar_costs_add (HaarCosts *costs, HaarRecent *rested, const HaarCost *cost, gint64 now);

G_END_DECLS
