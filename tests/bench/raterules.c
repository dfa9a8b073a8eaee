/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "raterules.h"

#include <math.h>

/* Constants of the rules below, with which each rule does best on the trace `steps`. */
#define AIMD_INCREASE 1.0 /* frames/s in each second */
#define AIMD_DECREASE 0.9
#define AIMD_QUEUE 0.25 /* s that frames may wait */
/* Netflix' GradientLimit, whose queue is the root of the limit. */
#define GRADIENT_TOLERANCE 1.0
#define GRADIENT_SMOOTHING 0.2

/* Spark's PIDRateEstimator with its default gains: proportional 1, integral 0.2, derivative 0. */
static gdouble
pid (gdouble memory[RATE_MODEL_MEMORY], gdouble rate, const RateState *fog, gdouble interval,
    gdouble now)
{
  gdouble speed = fog->capacity / fog->gain;

  if (memory[0] <= 0)
    memory[0] = rate;
  memory[0] = MAX (memory[0] - (memory[0] - speed) - 0.2 * fog->queue / interval, 0.1);
  return memory[0];
}

/* The rule of the thesis, but with the sum of all replicas' rates. */
static gdouble
thesis_of_all (gdouble memory[RATE_MODEL_MEMORY], gdouble rate, const RateState *fog,
    gdouble interval, gdouble now)
{
  gdouble probe = now - memory[0] >= 30 ? 2 : 1;

  if (probe > 1)
    memory[0] = now;
  return fog->delivered * probe;
}

/* Adds a little while frames hardly wait, and multiplies once an interval when they do. */
static gdouble
aimd (gdouble memory[RATE_MODEL_MEMORY], gdouble rate, const RateState *fog, gdouble interval,
    gdouble now)
{
  gdouble passed = now - memory[0];

  if (passed < interval)
    return rate;
  memory[0] = now;
  if (fog->queue > MAX (AIMD_QUEUE * fog->capacity, 2))
    return rate * AIMD_DECREASE;
  return rate + AIMD_INCREASE * MIN (passed, interval);
}

/* Limits the frames under way by the ratio of the time without a queue to the present one. */
static gdouble
gradient (gdouble memory[RATE_MODEL_MEMORY], gdouble rate, const RateState *fog, gdouble interval,
    gdouble now)
{
  gdouble unloaded = RATE_MODEL_DELAY + fog->replicas / fog->capacity;
  gdouble time = unloaded + MAX (fog->queue, 0) / fog->capacity;
  gdouble factor = CLAMP (GRADIENT_TOLERANCE * unloaded / time, 0.5, 1), limit = memory[0];

  if (limit <= 0)
    limit = rate * time;
  memory[0] = limit + GRADIENT_SMOOTHING * (limit * factor + sqrt (limit) - limit);
  return memory[0] / time;
}

const RateNamedRule rate_rules[] = {
    {"fixed 30/s", RATE_ALGORITHM_FIXED, NULL},
    {"thesis", RATE_ALGORITHM_THESIS, NULL},
    {"thesis, summed", RATE_ALGORITHM_ADAPTIVE, thesis_of_all},
    {"PID (Spark)", RATE_ALGORITHM_ADAPTIVE, pid},
    {"AIMD", RATE_ALGORITHM_ADAPTIVE, aimd},
    {"gradient", RATE_ALGORITHM_ADAPTIVE, gradient},
    {"adaptive", RATE_ALGORITHM_ADAPTIVE, NULL},
    {NULL},
};
