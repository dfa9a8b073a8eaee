/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include "fogreport.h"

G_BEGIN_DECLS

/* Decides how many frames a second a camera may send, from the fog's reports and from how many frames are under
 * way. It has no clock: its caller says what time it is, in s from any moment on. */
typedef struct _RateController RateController;

/* Replicas that are remembered at most: names from the network must not fill the memory. */
#define RATE_CONTROLLER_REPLICAS 4096

typedef enum {
  RATE_ALGORITHM_ADAPTIVE,
  RATE_ALGORITHM_THESIS,
  RATE_ALGORITHM_FIXED,
} RateAlgorithm;

typedef struct {
  RateAlgorithm algorithm;
  gdouble initial_rate;   /* frames/s until reports tell more */
  gdouble min_rate;       /* frames/s */
  gdouble max_rate;       /* frames/s */
  gdouble weight;         /* this camera's share against others' */
  gdouble latency_target; /* s that a frame may wait in the fog's queues */
} RateSettings;

typedef enum {
  RATE_BOUND_CAMERA,  /* it gets all that it wants */
  RATE_BOUND_FOG,     /* the replicas count no more, or none has reported yet */
  RATE_BOUND_LINK,    /* the link to Kafka takes no more */
  RATE_BOUND_MINIMUM, /* the least rate is more than fog and link take */
} RateBound;

typedef struct {
  guint replicas;             /* that are alive */
  guint cameras;              /* that share them, this one included */
  gdouble capacity;           /* frames/s that those replicas can count */
  gdouble delivered;          /* frames/s that they do count */
  gdouble demand;             /* what the cameras want over the capacity of late; 0 if unknown */
  gdouble queue;              /* frames waiting in the fog */
  gdouble gain;               /* what the capacity as reported is multiplied by */
  gdouble link_rate;          /* frames/s that the link takes; 0: no limit */
  gdouble round_trip;         /* s from a frame sent to a report of it; 0 if unknown */
  guint64 in_flight;          /* frames sent that no report has told of */
  guint64 reports;            /* taken into account */
  guint64 old_reports;        /* not: replayed, doubled, or overtaken by newer ones */
  guint64 displaced_replicas; /* forgotten to make room for newer names */
  RateBound bound;            /* of the rate now */
} RateState;

/* @session: of this run, as in the header of each frame */
RateController *rate_controller_new (
    const gchar *camera, const gchar *session, const RateSettings *settings, gdouble now);
void rate_controller_free (RateController *self);
void rate_controller_configure (RateController *self, const RateSettings *settings);

/* FALSE: nothing new in it. */
gboolean rate_controller_report (RateController *self, const FogReport *report, gdouble now);
/* The link says that it takes no more than @rate frames/s. */
void rate_controller_throttle (RateController *self, gdouble rate, gdouble now);
/* The frame with that number in the session is on its way. */
void rate_controller_sent (RateController *self, guint64 seq, gdouble now);

/* Frames/s to send now. */
gdouble rate_controller_get_rate (const RateController *self, gdouble now);
/* "camera", "fog", "link" or "minimum" */
const gchar *rate_bound_name (RateBound bound);
/* FALSE: as many frames are under way as may be. */
gboolean rate_controller_may_send (const RateController *self, gdouble now);
/* The partition for the next frame; -1: any. */
gint rate_controller_next_partition (RateController *self, gdouble now);
void rate_controller_get_state (const RateController *self, gdouble now, RateState *state);

G_END_DECLS
