/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "pictures/fogsketch.h"

G_BEGIN_DECLS

/* The result of comparing a frame with the frame that was sent last. */
typedef enum {
  GST_FEEDBACK_STILL_NEW,  /* the frame differs, or can't be compared */
  GST_FEEDBACK_STILL_DUE,  /* the frame shows the same, but the interval has passed */
  GST_FEEDBACK_STILL_SAME, /* the frame shows the same */
} GstFeedbackStillVerdict;

/* Describes the time for which the last sent frame stood. */
typedef struct {
  guint64 frames;   /* number of frames that weren't sent, because they show the same */
  gdouble time;     /* time from that frame to the present one, s */
  gboolean changed; /* the present frame shows something else */
} GstFeedbackStillSpan;

/* The state of feedbackrate's property still-interval. It compares each frame with the frame
 * that was sent last. Only the streaming thread uses it, except for the fields that the
 * element's lock guards. */
typedef struct {
  GstElement *element; /* the element of which this is a part */

  GstVideoInfo info;
  gboolean comparable; /* frames of the present caps can be compared */
  gboolean reported;   /* a warning said that frames of these caps can't be compared */
  guint8 *scratch;     /* memory for fog_luma_of_frame() */
  FogSketch sent, now;
  gdouble sent_at; /* time of the frame that was sent last, s */

  /* The element's lock guards the fields below. */
  /* numbers of frames: not sent because they show the same; sent without a comparison */
  guint64 frames, uncompared;
  GstFeedbackStillSpan span;
  gdouble seen_at;  /* time of the last frame, s */
  gdouble activity; /* moving mean of the fraction of the frames that show a change */
} GstFeedbackStill;

void gst_feedback_still_init (GstFeedbackStill *still, GstElement *element);
void gst_feedback_still_clear (GstFeedbackStill *still);
/* A run begins. */
void gst_feedback_still_reset (GstFeedbackStill *still);

void gst_feedback_still_set_caps (GstFeedbackStill *still, const GstCaps *caps);
/* After this call, the next frame counts as changed. */
void gst_feedback_still_forget (GstFeedbackStill *still);
/* @time: the frame's time, s; @interval: s, > 0. Posts one warning if frames of these caps can't
 * be compared. */
GstFeedbackStillVerdict gst_feedback_still_compare (
    GstFeedbackStill *still, GstBuffer *buffer, gdouble time, gdouble interval);

/* The functions below are called with the element's lock. */

/* Counts the frame that was compared last. */
void gst_feedback_still_count (
    GstFeedbackStill *still, GstFeedbackStillVerdict verdict, gdouble time);
/* Notes that the last compared frame is sent. Returns: the time for which the frame sent before
 * stood */
GstFeedbackStillSpan gst_feedback_still_send (GstFeedbackStill *still, gdouble time);

G_END_DECLS
