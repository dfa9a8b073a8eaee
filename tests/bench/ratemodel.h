/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ratecontroller.h"
#include "ratetrace.h"

G_BEGIN_DECLS

/* frames/s of a camera's sensor */
#define RATE_MODEL_SENSOR_RATE 30.0
/* delay in s from a camera to a partition, and from a replica to a camera. */
#define RATE_MODEL_DELAY 0.05
/* A frame's cost is between 1 - RATE_MODEL_SPREAD and 1 + RATE_MODEL_SPREAD. */
#define RATE_MODEL_SPREAD 0.1
#define RATE_MODEL_MEMORY 4

/* A discrete-event simulation of cameras, links, partitions and replicas around the real controller
 * and kafkasink's real measurement of the link. */

typedef enum {
  RATE_MODEL_SHARED, /* one queue from which every replica takes frames */
  RATE_MODEL_TURNS,  /* partitions that are each read by one replica; frames go to them in turn */
  RATE_MODEL_PLACEMENT, /* the same partitions; the controller chooses one for each frame */
  RATE_MODEL_KEYED,     /* partitions, with all frames of a camera in one of them */
} RateModelKind;

/* A rule of rate control other than the controller's. @memory: the rule's own state, all zero at
 * first. Returns: the new rate of the whole fog in frames/s */
typedef gdouble (*RateRule) (gdouble memory[RATE_MODEL_MEMORY], gdouble rate, const RateState *fog,
    gdouble interval, gdouble now);

typedef struct {
  RateModelKind kind;
  RateSettings settings; /* of each camera */
  RateRule rule;         /* NULL: the controller's own */
  guint cameras;
  guint held;         /* number of frames that a replica reads ahead from its partitions */
  gdouble interval;   /* s between reports */
  gdouble max_age;    /* age in s above which a frame isn't counted; 0: no limit */
  gdouble loss;       /* part of the reports */
  gdouble busy_error; /* part of `busy` */
  guint32 seed;
} RateModelSettings;

typedef struct {
  /* utilisation: counted frames divided by those that replicas, cameras and links could have
   * handled */
  gdouble utilisation;
  gdouble p50, p95, p99, max; /* ages in s of frames when they were counted */
  guint64 counted, dropped;
  gdouble changes; /* number of changes of a camera's rate by more than 5 % in a minute */
} RateModelResult;

/* The cameras, the interval and the minimum rate in the trace override those in @settings. */
RateModelResult rate_model_run (const RateTrace *trace, const RateModelSettings *settings);

G_END_DECLS
