/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "fairshare.h"
#include "fogfield.h"
#include "ratecontroller.h"

G_BEGIN_DECLS

#define GST_FEEDBACK_RATE_LOWEST 0.001
#define GST_FEEDBACK_RATE_HIGHEST FAIR_SHARE_HIGHEST
#define GST_FEEDBACK_STILL_LONGEST (FOG_REPORT_STILL_INTERVAL * GST_SECOND)

/* The properties that can be set. The element's lock guards the settings. */
typedef struct {
  RateAlgorithm algorithm;
  gchar *camera;        /* NULL or empty: the host's name */
  gdouble initial_rate; /* frames/s */
  gdouble min_rate;     /* frames/s */
  gdouble max_rate;     /* frames/s; 0: the source's */
  gdouble weight;
  guint64 min_dwell;      /* ns */
  guint64 latency_target; /* ns */
  gboolean placement;
  /* longest time between two frames of a still picture, ns; 0: each frame passes */
  guint64 still_interval;
} GstFeedbackSettings;

/* The first of the property ids that gstfeedbackrate.c defines. */
enum { GST_FEEDBACK_PROP_OTHER = 100 };

/* The properties of GstFeedbackSettings. */
extern const FogField gst_feedback_settings_fields[];

#define GST_TYPE_FEEDBACK_RATE_ALGORITHM (gst_feedback_rate_algorithm_get_type ())
GType gst_feedback_rate_algorithm_get_type (void);

void gst_feedback_settings_init (GstFeedbackSettings *settings);
void gst_feedback_settings_install_properties (GObjectClass *klass);

G_END_DECLS
