/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "decimator.h"
#include "ratecontroller.h"

G_BEGIN_DECLS

#define GST_TYPE_FEEDBACK_RATE (gst_feedback_rate_get_type ())
G_DECLARE_FINAL_TYPE (GstFeedbackRate, gst_feedback_rate, GST, FEEDBACK_RATE, GstElement)
GST_ELEMENT_REGISTER_DECLARE (feedbackrate)

#define GST_FEEDBACK_RATE_LOWEST 0.001
#define GST_FEEDBACK_RATE_HIGHEST 10000.0

struct _GstFeedbackRate {
  GstElement parent;

  GstPad *sinkpad, *srcpad, *feedbackpad;

  GMutex lock; /* guards all that follows, down to the next comment; taken before the object lock */
  gchar *camera;
  RateSettings settings; /* max_rate 0: the source's */
  GstClockTime min_dwell;
  gboolean placement;
  RateController *controller;
  gchar *session;
  Decimator decimator;
  gint source_n, source_d; /* the frame rate of the caps; 0/1: unknown */
  gint native_n, native_d; /* the highest that the source came with by itself */
  gint asked_n, asked_d;   /* what it was asked for; 0/1: nothing */
  guint64 seq;             /* of the next frame */
  guint64 in, out, held;   /* frames; held: for the bound on frames under way */
  guint64 bad_reports;
  guint64 source_changes;

  /* Of the streaming thread. */
  GstSegment segment;
  gint64 asked_at, checked_at, told_at; /* monotonic; 0: never */
  gdouble told_rate;
  gboolean plain;      /* the frames are in ordinary memory */
  gboolean offer_seen; /* for the present format */
  gboolean adjustable; /* the source can do other rates */
};

G_END_DECLS
