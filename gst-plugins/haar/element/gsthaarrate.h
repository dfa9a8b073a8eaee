/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "capacity/haarreporter.h"
#include "capacity/haartally.h"
#include "fogslot.h"
#include "gsthaarstats.h"

G_BEGIN_DECLS

typedef enum {
  GST_HAAR_RATE_NEW,   /* the pad has got no event of this stream */
  GST_HAAR_RATE_BEGUN, /* stream-start, caps and segment */
  GST_HAAR_RATE_ENDED, /* EOS */
} GstHaarRateStream;

/* The branch of the pad `rate`, by which reports leave. The reporter's thread makes and pushes
 * them, whatever the frames do, and posts the statistics. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  GstHaarStats *stats;

  FogSlot slot; /* its lock guards the fields below; taken before the reporter's lock */
  GstHaarRateStream stream;
  GstFlowReturn answer;   /* result of the last push in this stream */
  GArray *partitions;     /* partitions (gint) that this replica reads */
  HaarReporter *reporter; /* one for each run, whose threads use it without the lock */

  HaarTally *tally; /* of a run */
} GstHaarRate;

void gst_haar_rate_init (
    GstHaarRate *rate, GstElement *element, GstPad *sinkpad, GstHaarStats *stats);
void gst_haar_rate_clear (GstHaarRate *rate);

/* Returns: (nullable): the new pad; NULL if it exists already. */
GstPad *gst_haar_rate_request_pad (GstHaarRate *rate, GstPadTemplate *templ);
void gst_haar_rate_release_pad (GstHaarRate *rate, GstPad *pad);

/* Takes @tally. Returns FALSE if the system gives no thread; then @tally stays the caller's. */
gboolean gst_haar_rate_start (
    GstHaarRate *rate, GstClockTime interval, HaarTally *tally, GError **error);
void gst_haar_rate_stop (GstHaarRate *rate);

/* The following ones are about a run. */

void gst_haar_rate_begin (GstHaarRate *rate);
/* Reports are made only in PLAYING. */
void gst_haar_rate_set_playing (GstHaarRate *rate, gboolean playing);
/* Makes the last report of the stream now. */
void gst_haar_rate_finish (GstHaarRate *rate);
/* Makes the last report, and waits at most 300 ms until downstream has taken it. */
void gst_haar_rate_leave (GstHaarRate *rate);
/* Begins the stream of reports again if it has ended. Waits for the end of the previous stream of
 * reports, but no longer than 300 ms. */
void gst_haar_rate_restart (GstHaarRate *rate);
/* Reports at once which partitions an assignment names, if it names any. */
void gst_haar_rate_take_assignment (GstHaarRate *rate, const GstStructure *assignment);
/* Returns: s for which the frame is taken to have kept a worker busy, see #HaarCosts */
gdouble gst_haar_rate_add_frame (GstHaarRate *rate, const HaarJob *job);

/* Also between runs: */
void gst_haar_rate_set_interval (GstHaarRate *rate, GstClockTime interval);
/* Returns OK, unless the element behind the pad failed, and has posted an error. */
GstFlowReturn gst_haar_rate_get_failure (GstHaarRate *rate);

G_END_DECLS
