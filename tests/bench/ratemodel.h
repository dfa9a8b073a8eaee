/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ratecontroller.h"
#include "ratetrace.h"

G_BEGIN_DECLS

/* A model of cameras, links, partitions and replicas, simulated by events around the real
 * controller and the real pace of kafkasink. */

typedef enum {
  RATE_MODEL_SHARED,    /* one queue from which every replica takes frames */
  RATE_MODEL_TURNS,     /* partitions, each read by one replica; frames take turns */
  RATE_MODEL_PLACEMENT, /* the same, and the controller names the partition */
  RATE_MODEL_KEYED,     /* all frames of a camera in one partition */
} RateModelKind;

/* A rule that isn't the controller's own. @memory: all zero at first.
 * Returns: frames/s for the whole fog, from now on */
typedef gdouble (*RateRule) (
    gdouble memory[2], gdouble rate, const RateState *fog, gdouble interval, gdouble now);

typedef struct {
  RateModelKind kind;
  RateSettings settings; /* of each camera */
  RateRule rule;         /* NULL: the controller's own */
  guint cameras;
  guint held;         /* frames that a replica reads ahead from its partitions */
  gdouble interval;   /* s between reports */
  gdouble max_age;    /* age in s above which a frame isn't counted; 0: no limit */
  gdouble loss;       /* part of the reports */
  gdouble busy_error; /* part of `busy` */
  guint32 seed;
} RateModelSettings;

typedef struct {
  /* work done, divided by what replicas, cameras and links could have done */
  gdouble utilisation;
  gdouble p50, p95, p99, max; /* s, age of a frame when it was counted */
  guint64 counted, dropped;
  gdouble changes; /* changes of a camera's rate by more than 5 %, a minute */
} RateModelResult;

/* The trace's cameras, interval and minimum rate override @settings. */
RateModelResult rate_model_run (const RateTrace *trace, const RateModelSettings *settings);

G_END_DECLS
