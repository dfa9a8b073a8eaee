/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "ratecontroller.h"

G_BEGIN_DECLS

/* A model of cameras, partitions and replicas, in steps of time, round the real controller. */

typedef enum {
  RATE_MODEL_SHARED,    /* one queue that every replica takes from */
  RATE_MODEL_TURNS,     /* partitions, each waits for its own replica; frames take turns */
  RATE_MODEL_PLACEMENT, /* the same, and the controller names the partition */
  RATE_MODEL_KEYED,     /* all frames of a camera in one partition */
} RateModelKind;

/* What the replicas could count a second, from a file: lines of a time in s and a speed for each replica ('-': it
 * isn't there), that hold until the next line. */
typedef struct {
  GArray *times;  /* of gdouble */
  GArray *speeds; /* of gdouble, replicas for each time; below 0: absent */
  guint replicas;
} RateTrace;

RateTrace *rate_trace_load (const gchar *path, GError **error);
void rate_trace_free (RateTrace *trace);
gdouble rate_trace_seconds (const RateTrace *trace);

/* A rule that isn't the controller's: the whole fog's rate from a report. */
typedef gdouble (*RateRule) (
    gpointer state, gdouble rate, gdouble speed, gdouble lag, gdouble interval);

typedef struct {
  RateModelKind kind;
  RateSettings settings;
  RateRule rule; /* NULL: the controller's own */
  guint cameras;
  gdouble interval;   /* s between reports */
  gdouble max_age;    /* s; 0: none */
  gdouble loss;       /* part of the reports */
  gdouble busy_error; /* part of `busy` */
  guint32 seed;
} RateModelSettings;

typedef struct {
  gdouble utilisation;        /* frames counted of those that could have been */
  gdouble p50, p95, p99, max; /* s, age of a frame when it was counted */
  guint64 counted, dropped;
  guint64 changes; /* of a camera's rate, by more than 5 % */
} RateModelResult;

RateModelResult rate_model_run (const RateTrace *trace, const RateModelSettings *settings);

G_END_DECLS
