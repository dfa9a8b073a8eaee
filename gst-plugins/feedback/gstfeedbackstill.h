/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "pictures/fogsketch.h"

G_BEGIN_DECLS

/* What a frame shows, compared with the one that was sent last. */
typedef enum {
  GST_FEEDBACK_STILL_NEW,  /* something else, or it can't be compared */
  GST_FEEDBACK_STILL_DUE,  /* the same, but the interval has passed */
  GST_FEEDBACK_STILL_SAME, /* the same */
} GstFeedbackStillVerdict;

/* How long the frame that was sent last has stood for those after it. */
typedef struct {
  guint64 frames;   /* that weren't sent since, because they show the same */
  gdouble time;     /* s, from that frame to the present one */
  gboolean changed; /* the present one shows something else */
} GstFeedbackStillSpan;

/* feedbackrate's property still-interval: compares each frame with the one that was sent last. Only
 * the streaming thread uses it, except for the fields that the element's lock guards. */
typedef struct {
  GstElement *element; /* whose part it is */

  GstVideoInfo info;
  gboolean comparable; /* frames of these caps */
  gboolean reported;   /* that they aren't */
  guint8 *scratch;     /* for fog_luma_of_frame() */
  FogSketch sent, now;
  gdouble sent_at; /* s: the time of the frame that was sent last */

  /* with the element's lock */
  guint64 frames, uncompared; /* not sent because nothing had changed; sent without a comparison */
  GstFeedbackStillSpan span;
  gdouble seen_at;  /* s: the time of the last frame */
  gdouble activity; /* the part of the frames that show something new, a moving mean */
} GstFeedbackStill;

void gst_feedback_still_init (GstFeedbackStill *still, GstElement *element);
void gst_feedback_still_clear (GstFeedbackStill *still);
/* A run begins. */
void gst_feedback_still_reset (GstFeedbackStill *still);

void gst_feedback_still_set_caps (GstFeedbackStill *still, const GstCaps *caps);
/* The next frame is a new one. */
void gst_feedback_still_forget (GstFeedbackStill *still);
/* @time: s, of the frame; @interval: s, > 0. Posts a warning, once, about frames that can't be
 * compared. */
GstFeedbackStillVerdict gst_feedback_still_compare (
    GstFeedbackStill *still, GstBuffer *buffer, gdouble time, gdouble interval);

/* The following ones are called with the element's lock. */

/* The frame that was compared last is counted. */
void gst_feedback_still_count (
    GstFeedbackStill *still, GstFeedbackStillVerdict verdict, gdouble time);
/* It is sent. Returns: for how long the one before stood */
GstFeedbackStillSpan gst_feedback_still_send (GstFeedbackStill *still, gdouble time);

G_END_DECLS
