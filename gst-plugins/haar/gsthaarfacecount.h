/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstdataqueue.h>
#include <gst/base/gstflowcombiner.h>
#include <gst/video/video.h>

#include "haarengine.h"
#include "haarjob.h"
#include "haarreporter.h"
#include "haartally.h"
#include "haarworkers.h"

G_BEGIN_DECLS

/* The element's own parts: frames arrive (gsthaarinput.c), go through the workers, leave (gsthaaroutput.c);
 * reports leave by themselves (gsthaarreport.c). */

typedef enum { GST_HAAR_ENGINE_AUTO, GST_HAAR_ENGINE_NATIVE, GST_HAAR_ENGINE_OPENCV } GstHaarEngine;

/* with the object lock */
typedef struct {
  guint64 frames, faces, events, unchanged, partial, too_old, bad, failed, skewed, reports;
  gdouble busy;
} GstHaarCounters;

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
  GstPad *video, *rate; /* NULL unless requested */
  GstFlowCombiner *combiner;
  GstFlowReturn flow;      /* of the pads that frames leave by */
  GstFlowReturn rate_flow; /* of the one that reports leave by */
  gboolean eos;            /* no frame comes any more, to be answered with a flow */
  gboolean video_begun;    /* it has had the sticky events */
  gboolean rate_begun;
  gboolean rate_ended;
  gint *partitions;
  guint n_partitions;
  guint64 lag;
  GstHaarCounters counters;
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

  /* the thread that frames leave by */
  GstEvent *stream_start, *caps, *segment_event;
};

/* (nullable) (transfer full): what @pad, a field of @self, points to. */
GstPad *gst_haar_face_count_ref_pad (GstHaarFaceCount *self, GstPad **pad);
gboolean gst_haar_face_count_is_linked (GstHaarFaceCount *self, GstPad **pad);
/* (transfer full): the property stats. */
GstStructure *gst_haar_face_count_make_stats (GstHaarFaceCount *self);
/* (transfer full): the beginning of a stream of ours on @pad. @upstream (nullable): whose group it joins. */
GstEvent *gst_haar_face_count_make_stream_start (
    GstHaarFaceCount *self, GstPad *pad, const gchar *name, GstEvent *upstream);

/* Whether it ends a pipeline. */
static inline gboolean
gst_haar_face_count_is_failure (GstFlowReturn flow)
{
  return flow == GST_FLOW_NOT_LINKED || flow <= GST_FLOW_NOT_NEGOTIATED;
}

/* gsthaarinput.c */
GstFlowReturn gst_haar_face_count_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean gst_haar_face_count_sink_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean gst_haar_face_count_sink_query (GstPad *pad, GstObject *parent, GstQuery *query);
/* The caps query of the sink and video pads. */
void gst_haar_face_count_answer_caps (GstHaarFaceCount *self, GstPad *pad, GstQuery *query);

/* gsthaaroutput.c: of the pads src and video */
gboolean gst_haar_face_count_src_activate (
    GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active);
gboolean gst_haar_face_count_video_activate (
    GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active);
gboolean gst_haar_face_count_src_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean gst_haar_face_count_src_query (GstPad *pad, GstObject *parent, GstQuery *query);
GstDataQueue *gst_haar_face_count_new_video_queue (void);
/* All that is on its way goes; nothing leaves any more. */
void gst_haar_face_count_stop_output (GstHaarFaceCount *self, GstFlowReturn ret);
/* What leaves by a task stands still until started. */
void gst_haar_face_count_pause_output (GstHaarFaceCount *self);
void gst_haar_face_count_start_output (GstHaarFaceCount *self);

/* gsthaarreport.c: of the pad rate */
gboolean gst_haar_face_count_rate_event (GstPad *pad, GstObject *parent, GstEvent *event);
gboolean gst_haar_face_count_rate_query (GstPad *pad, GstObject *parent, GstQuery *query);
/* A HaarReporterFunc. */
void gst_haar_face_count_report (HaarReporterCall call, gpointer self);
/* FALSE: @s names no partitions. */
gboolean gst_haar_face_count_take_partitions (GstHaarFaceCount *self, const GstStructure *s);
/* How long a stop, or a new beginning, waits for the last report to leave (us). */
#define GST_HAAR_LEAVE_TIMEOUT (300 * G_TIME_SPAN_MILLISECOND)
/* The stream of reports begins again, if it had ended. */
void gst_haar_face_count_restart_reports (GstHaarFaceCount *self);

GST_DEBUG_CATEGORY_EXTERN (gst_haar_face_count_debug);

G_END_DECLS
