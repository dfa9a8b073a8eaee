/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstdataqueue.h>
#include <gst/base/gstflowcombiner.h>
#include <gst/video/video.h>

#include "engine/haarengine.h"
#include "frames/haarjob.h"
#include "capacity/haarreporter.h"
#include "capacity/haartally.h"
#include "capacity/haartotals.h"
#include "foghistogram.h"
#include "frames/haarworkers.h"

G_BEGIN_DECLS

/* What the element's parts share: frames arrive (gsthaarinput.c), go through the workers, leave (gsthaaroutput.c);
 * reports leave by themselves (gsthaarreport.c). The element (gsthaarfacecount.c) calls them, input calls output and
 * report, all three what pads have in common (gsthaarpads.c); none calls back. */

typedef enum { GST_HAAR_ENGINE_AUTO, GST_HAAR_ENGINE_NATIVE, GST_HAAR_ENGINE_OPENCV } GstHaarEngine;

/* with the object lock */
typedef struct {
  guint64 frames, faces, events, unchanged, partial, too_small, too_old, bad, failed, skewed,
      reports;
  gdouble busy;
  FogHistogram ages, processes; /* of frames counted */
} GstHaarCounters;

/* Of HaarParams that don't agree: min_w, max_w. */
#define GST_HAAR_NO_SIZE                                                                           \
  "No face is of min-size %d and max-size %d: lower the one or raise the other."

#define GST_TYPE_HAAR_FACE_COUNT (gst_haar_face_count_get_type ())
G_DECLARE_FINAL_TYPE (GstHaarFaceCount, gst_haar_face_count, GST, HAAR_FACE_COUNT, GstElement)

/* No lock is held while the workers, the reporter or a pad is waited for. */
struct _GstHaarFaceCount {
  GstElement element;

  GstPad *sinkpad, *srcpad;
  GstDataQueue *video_queue; /* of events and frames that the video pad is to push */

  /* with the object lock: properties */
  gchar *cascade;
  gboolean trust_cascade;
  HaarParams params;
  guint min_faces;
  guint n_workers;
  GstHaarEngine engine;
  GstClockTime report_interval;
  gchar *replica;
  GstClockTime max_age;
  GstClockTime rescan_interval;
  gchar *label;
  gboolean draw_boxes;

  /* with the object lock */
  GstPad *video, *rate;             /* NULL unless requested */
  gboolean video_taken, rate_taken; /* from before its request until after its removal */
  GstFlowCombiner *combiner;
  GstFlowReturn flow;      /* of the pads that frames leave by */
  GstFlowReturn rate_flow; /* of the one that reports leave by */
  gboolean eos;            /* no frame comes any more, to be answered with a flow */
  gboolean video_begun;    /* it has had the sticky events */
  guint n_video;           /* in video_queue, or on their way out of it */
  GCond video_left;        /* n_video or flow has changed */
  gboolean rate_begun;
  gboolean rate_ended;
  gint *partitions;
  guint n_partitions;
  guint64 lag;
  GstHaarCounters counters;
  HaarTotals *totals;
  const gchar *engine_name; /* of a run */
  guint n_running;          /* workers of a run */

  /* of a run, from READY to PAUSED and back */
  HaarWorkers *workers;
  HaarReporter *reporter;
  HaarTally *tally;

  /* the thread that frames come from */
  GstVideoInfo info;
  gboolean have_info;
  GstSegment segment;
  HaarParams agreed;  /* the last that did */
  HaarParams refused; /* since then, and told of; or the same */

  /* the thread that frames leave by */
  GstEvent *stream_start, *caps, *segment_event;
};

GST_DEBUG_CATEGORY_EXTERN (gst_haar_face_count_debug);

G_END_DECLS
