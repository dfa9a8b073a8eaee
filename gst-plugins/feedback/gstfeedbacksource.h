/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (gst_feedback_rate_debug);

/* A frame rate as a fraction, in frames/s; 0/1 means an unknown rate. */
typedef struct {
  gint n, d;
} GstFeedbackFraction;

typedef enum {
  GST_FEEDBACK_OFFER_UNKNOWN, /* the source's rates weren't queried since the format changed */
  GST_FEEDBACK_OFFER_ONE,     /* the source has no other rate in this format and size */
  GST_FEEDBACK_OFFER_MORE,
} GstFeedbackOffer;

/* The rates in the source's caps in this run, in frames/s; 0 means an unknown rate. */
typedef struct {
  gdouble rate, highest;
  guint64 changes; /* number of changes of `rate` */
} GstFeedbackRates;

/* The part of feedbackrate that faces its source: the rates that the source offers, the rate that
 * feedbackrate requests, and the caps of the pads `sink` and `src`. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad, *srcpad;

  /* guards the fields below; no other lock is taken while it is held */
  GMutex lock;
  GstFeedbackFraction rate;    /* rate in the source's caps */
  GstFeedbackFraction highest; /* highest rate that the source's caps have had in this run */
  GstFeedbackFraction asked;   /* rate that was last requested; 0/1: none */
  guint64 changes;             /* number of changes of `rate` */

  /* only the streaming thread uses the fields below */
  gint64 asked_at, checked_at; /* us, monotonic; 0: never */
  gboolean is_plain;           /* flag: frames are in system memory */
  GstFeedbackOffer offer;
} GstFeedbackSource;

void gst_feedback_source_init (
    GstFeedbackSource *source, GstElement *element, GstPad *sinkpad, GstPad *srcpad);
void gst_feedback_source_clear (GstFeedbackSource *source);
/* A run begins. */
void gst_feedback_source_reset (GstFeedbackSource *source);

GstFeedbackRates gst_feedback_source_get_rates (GstFeedbackSource *source);

/* Notes @caps, which the source has chosen. @is_higher: (out): TRUE if the highest rate has
 * changed. Returns: (transfer full): the caps of the pad `src`: @caps, but with a rate that
 * downstream accepts. */
GstCaps *gst_feedback_source_take_caps (
    GstFeedbackSource *source, GstCaps *caps, gboolean *is_higher);
/* Answers a caps query of @pad, which is the pad `sink` or `src`. */
gboolean gst_feedback_source_answer_caps (GstFeedbackSource *source, GstPad *pad, GstQuery *query);

/* The following functions are for the streaming thread. */

/* Returns: (transfer full): @buffer, made writable. The buffer is a copy if elements that hold the
 * original would keep the camera from changing its rate. */
GstBuffer *gst_feedback_source_detach (GstFeedbackSource *source, GstBuffer *buffer);
/* Requests another rate from the source if another one fits better and @dwell has passed since the
 * last request. @rate: the rate that passes, frames/s @dwell: the shortest time between two
 * requests, us @now: the time, us, monotonic */
void gst_feedback_source_follow (GstFeedbackSource *source, gdouble rate, gint64 dwell, gint64 now);

G_END_DECLS
