/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "capacity/haarreporter.h"
#include "capacity/haartally.h"
#include "fogslot.h"
#include "gsthaarstats.h"

G_BEGIN_DECLS

typedef enum {
  GST_HAAR_RATE_NEW,   /* the pad hasn't pushed any event of this stream */
  GST_HAAR_RATE_BEGUN, /* stream-start, caps and segment were pushed */
  GST_HAAR_RATE_ENDED, /* EOS was pushed */
} GstHaarRateStream;

/* The branch of the pad `rate`, by which reports leave. The reporter's thread makes and pushes the
 * reports at their interval, even if no frames come, and posts the statistics. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  GstHaarStats *stats;

  /* the slot's lock guards the fields below; it is taken before the reporter's lock */
  FogSlot slot;
  GstHaarRateStream stream;
  GstFlowReturn answer; /* flow return of the last push by the pad in this stream */
  GArray *partitions;   /* partitions (gint) that this replica reads */
  /* the run's reporter, which the threads of the run use without the lock */
  HaarReporter *reporter;

  HaarTally *tally; /* of a run */
} GstHaarRate;

void gst_haar_rate_init (
    GstHaarRate *rate, GstElement *element, GstPad *sinkpad, GstHaarStats *stats);
void gst_haar_rate_clear (GstHaarRate *rate);

/* Returns: (nullable): the new pad `rate`; NULL if the element has one already. */
GstPad *gst_haar_rate_request_pad (GstHaarRate *rate, GstPadTemplate *templ);
void gst_haar_rate_release_pad (GstHaarRate *rate, GstPad *pad);

/* Takes ownership of @tally, and starts the reporter's thread. Returns FALSE if the system gives no
 * thread; in this case @tally stays the caller's. */
gboolean gst_haar_rate_start (
    GstHaarRate *rate, GstClockTime interval, HaarTally *tally, GError **error);
void gst_haar_rate_stop (GstHaarRate *rate);

/* The following functions are called only between gst_haar_rate_start() and
 * gst_haar_rate_stop(). */

void gst_haar_rate_begin (GstHaarRate *rate);
/* Starts or stops the regular reports, which are made only in PLAYING. */
void gst_haar_rate_set_playing (GstHaarRate *rate, gboolean playing);
/* Requests the last report of the stream now, and doesn't wait for it. */
void gst_haar_rate_finish (GstHaarRate *rate);
/* Requests the last report of the stream, and waits at most 300 ms until it is pushed. */
void gst_haar_rate_leave (GstHaarRate *rate);
/* Begins the stream of reports again if it has ended. Waits for the end of the previous stream of
 * reports, but no longer than 300 ms. */
void gst_haar_rate_restart (GstHaarRate *rate);
/* Makes a report at once with the partitions of @assignment, if @assignment names any. */
void gst_haar_rate_take_assignment (GstHaarRate *rate, const GstStructure *assignment);
/* Returns the time (s) for which the frame would keep a worker busy in a saturated run, see
 * #HaarCosts */
gdouble gst_haar_rate_add_frame (GstHaarRate *rate, const HaarJob *job);

/* The following functions may be called between runs too. */
void gst_haar_rate_set_interval (GstHaarRate *rate, GstClockTime interval);
/* Returns GST_FLOW_OK, or the flow return with which the last push of a report failed. */
GstFlowReturn gst_haar_rate_get_failure (GstHaarRate *rate);

G_END_DECLS
