/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "pictures/fogsketch.h"

G_BEGIN_DECLS

/* The result of comparing a frame with the frame that was sent last. */
typedef enum {
  GST_FEEDBACK_STILL_NEW, /* the frame differs, or can't be compared */
  /* the frame shows nothing new, but the interval has passed, so it is sent */
  GST_FEEDBACK_STILL_DUE,
  GST_FEEDBACK_STILL_SAME, /* the frame shows nothing new, and isn't sent */
} GstFeedbackStillVerdict;

/* Describes the time between two sent frames, in which frames that show nothing new weren't
 * sent. */
typedef struct {
  /* number of frames that weren't sent in this time, because they show nothing new */
  guint64 frames;
  gdouble time;     /* time from the last sent frame to the present frame, s */
  gboolean changed; /* the present frame shows something new */
} GstFeedbackStillSpan;

/* The state of feedbackrate's property still-interval. Each frame is compared with the frame that
 * was sent last. Only the streaming thread uses this structure, except for the fields that the
 * element's lock guards. */
typedef struct {
  GstElement *element; /* the element of which this is a part */

  GstVideoInfo info;
  gboolean comparable; /* flag: frames of the present caps can be compared */
  gboolean reported;   /* flag: a warning said that frames of these caps can't be compared */
  guint8 *scratch;     /* memory for fog_luma_of_frame() */
  FogSketch sent, now;
  gdouble sent_at; /* time of the frame that was sent last, s */

  /* The element's lock guards the fields below. */
  /* numbers of frames not sent because they show nothing new, and of frames sent without a
   * comparison */
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
/* Notes that the last compared frame is sent. Returns: the time since the frame that was sent
 * before, and the frames not sent in between */
GstFeedbackStillSpan gst_feedback_still_send (GstFeedbackStill *still, gdouble time);

G_END_DECLS
