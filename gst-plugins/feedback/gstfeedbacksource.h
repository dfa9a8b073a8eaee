/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (gst_feedback_rate_debug);

/* A frame rate, frames/s. 0/1: unknown. */
typedef struct {
  gint n, d;
} GstFeedbackFraction;

typedef enum {
  GST_FEEDBACK_OFFER_UNKNOWN, /* nobody has asked since the format changed */
  GST_FEEDBACK_OFFER_ONE,     /* the source has no other rate in this format and size */
  GST_FEEDBACK_OFFER_MORE,
} GstFeedbackOffer;

/* feedbackrate towards its source: which rates the source offers, which one it is asked for, and
 * which caps it and downstream see. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad, *srcpad;

  GMutex lock;                 /* guards the fields below; a leaf lock */
  GstFeedbackFraction rate;    /* of the source's caps */
  GstFeedbackFraction highest; /* that the source's caps have had in this run */
  GstFeedbackFraction asked;   /* that the source was asked for last; 0/1: none */
  guint64 changes;             /* of `rate` */

  /* of the streaming thread */
  gint64 asked_at, checked_at; /* us, monotonic; 0: never */
  gboolean is_plain;           /* frames are in system memory */
  GstFeedbackOffer offer;
} GstFeedbackSource;

void gst_feedback_source_init (
    GstFeedbackSource *source, GstElement *element, GstPad *sinkpad, GstPad *srcpad);
void gst_feedback_source_clear (GstFeedbackSource *source);
/* A run begins. */
void gst_feedback_source_reset (GstFeedbackSource *source);

/* Frames/s; 0: unknown. */
gdouble gst_feedback_source_get_rate (GstFeedbackSource *source);
gdouble gst_feedback_source_get_highest (GstFeedbackSource *source);
guint64 gst_feedback_source_get_changes (GstFeedbackSource *source);

/* The source's caps. TRUE: the highest rate has changed. */
gboolean gst_feedback_source_set_caps (GstFeedbackSource *source, const GstCaps *caps);
/* (transfer full): what the pad `sink` takes, if downstream takes @downstream. */
GstCaps *gst_feedback_source_make_sink_caps (GstFeedbackSource *source, const GstCaps *downstream);
/* (transfer full): what the pad `src` gives for @caps of the source: @caps, but with a rate that
 * downstream takes. */
GstCaps *gst_feedback_source_make_src_caps (GstFeedbackSource *source, GstCaps *caps);
/* (transfer full): @caps at any frame rate. */
GstCaps *gst_feedback_source_make_any_rate (const GstCaps *caps);

/* The following ones are for the streaming thread. */

/* (transfer full) @buffer: writable, and not the camera's own memory if that would keep it from
 * changing its rate. */
GstBuffer *gst_feedback_source_detach (GstFeedbackSource *source, GstBuffer *buffer);
/* Asks the source for another rate if that is due.
 * @rate: frames/s that pass
 * @dwell: least time between two requests, us
 * @now: us, monotonic */
void gst_feedback_source_follow (GstFeedbackSource *source, gdouble rate, gint64 dwell, gint64 now);

G_END_DECLS
