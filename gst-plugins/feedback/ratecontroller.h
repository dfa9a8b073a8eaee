/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "fogstats.h"
#include "fogreport.h"

G_BEGIN_DECLS

/* Decides how many frames a second a camera sends, from the reports of the replicas and from the
 * number of frames in flight. The controller doesn't read a clock: the caller passes the time, in s
 * since any fixed moment. */
typedef struct _RateController RateController;

/* The largest number of replicas that are remembered at a time. The number is limited, because the
 * names of replicas come from the network, and must not fill the memory. */
#define RATE_CONTROLLER_REPLICAS 4096

/**
 * GstFeedbackRateAlgorithm:
 * @RATE_ALGORITHM_ADAPTIVE: this camera's share of the fog's capacity, with a short queue before
 *   each replica
 * @RATE_ALGORITHM_THESIS: the rate that the last report measured, doubled every 30 s to find out
 *   whether the fog can count more
 * @RATE_ALGORITHM_FIXED: always the initial rate
 *
 * The rule by which the rate is decided.
 *
 * Since: 0.1
 */
typedef enum {
  RATE_ALGORITHM_ADAPTIVE,
  RATE_ALGORITHM_THESIS,
  RATE_ALGORITHM_FIXED,
} RateAlgorithm;

typedef struct {
  RateAlgorithm algorithm;
  gdouble initial_rate; /* rate until the first report, frames/s */
  gdouble min_rate;     /* frames/s */
  gdouble max_rate;     /* frames/s */
  /* weight of this camera's share relative to the weights of other cameras */
  gdouble weight;
  gdouble latency_target; /* time that frames may wait before the replicas, s */
} RateSettings;

typedef struct {
  guint replicas;    /* number of replicas that are alive */
  guint cameras;     /* number of cameras that share these replicas, this one included */
  gdouble capacity;  /* rate that these replicas can count, frames/s */
  gdouble delivered; /* rate that these replicas do count, frames/s */
  gdouble demand;    /* rate that all cameras want, divided by the recent capacity; 0: unknown */
  /* number of replicas, as fast as these ones are on average, that could count all frames that the
   * cameras want; 0: unknown */
  gdouble needed;
  gdouble queue;      /* frames waiting before the replicas */
  gdouble gain;       /* factor that corrects the capacity that the reports claim */
  gdouble link_rate;  /* rate that the link takes, frames/s; 0: no limit */
  gdouble round_trip; /* time from sending a frame to the report about it, s; 0: unknown */
  guint64 in_flight;  /* frames sent that no report has covered yet */
  guint64 reports;    /* taken into account */
  /* number of reports that were ignored because they are duplicates, or older than the latest
   * one */
  guint64 old_reports;
  guint64 displaced_replicas; /* number of replicas forgotten to make room for newer names */
  RateBound bound;            /* what bounds the rate */
} RateState;

/* @session: the id of this run, as in the header of each frame */
RateController *rate_controller_new (
    const gchar *camera, const gchar *session, const RateSettings *settings, gdouble now);
void rate_controller_free (RateController *self);
void rate_controller_configure (RateController *self, const RateSettings *settings);

/* Takes a report. Returns FALSE if the report is ignored, because it is a duplicate, or older than
 * the latest report of its replica. */
gboolean rate_controller_report (RateController *self, const FogReport *report, gdouble now);
/* Notes that the sink has asked for at most @rate frames/s. */
void rate_controller_throttle (RateController *self, gdouble rate, gdouble now);
/* Notes that the frame with the number @seq of this session was sent. */
void rate_controller_sent (RateController *self, guint64 seq, gdouble now);

/* @activity: the fraction of the camera's frames that show something new, 0 to 1. Frames that show
 * nothing new aren't sent. Before the first call the activity is 1. */
void rate_controller_set_activity (RateController *self, gdouble activity);

/* Returns the rate to send now, frames/s. */
gdouble rate_controller_get_rate (const RateController *self, gdouble now);
/* Returns FALSE if too many frames are in flight. */
gboolean rate_controller_may_send (const RateController *self, gdouble now);
/* Returns the partition of the next frame; -1: the sink chooses. */
gint rate_controller_next_partition (RateController *self, gdouble now);
void rate_controller_get_state (const RateController *self, gdouble now, RateState *state);

G_END_DECLS
