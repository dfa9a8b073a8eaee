/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstdataqueue.h>

#include "frames/haarworkers.h"
#include "gsthaarrate.h"
#include "gsthaarsettings.h"
#include "fogslot.h"
#include "gsthaarsrc.h"

G_BEGIN_DECLS

/* Called from the pad's task when the reader's answer is not OK. */
typedef void (*GstHaarVideoAnswered) (gpointer user_data);

/* What the frames of the pad `video` show of the faces that were found. */
typedef struct {
  const gchar *label; /* the type of the regions of interest */
  gboolean draw_boxes, blur_faces;
} GstHaarMarks;

/* The branch of the pad `video`, by which frames leave. The src task queues them; a task of the pad
 * pushes them, so that neither reader waits for the other and both may preroll. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  GstHaarStats *stats;
  GstHaarVideoAnswered answered;
  gpointer user_data;
  GstDataQueue *queue; /* of VideoItem */

  FogSlot slot;     /* its lock guards the fields below; taken before a pad's lock */
  GCond left;       /* n_queued or stopped has changed */
  guint n_queued;   /* in `queue`, or being pushed */
  gboolean stopped; /* no frame is pushed until the next stream */
  gboolean begun;   /* the pad has got `first`, or nothing was there to get it */
  GstFlowReturn answer;

  /* of the src task, or of another thread while that task stands still */
  GstEvent
      *first[3]; /* what a pad gets first: stream-start, caps, segment; NULL if none came yet */
} GstHaarVideo;

/* (nullable): NULL if the pad exists already. */
GstPad *gst_haar_video_request_pad (GstHaarVideo *video, GstPadTemplate *templ);
void gst_haar_video_release_pad (GstHaarVideo *video, GstPad *pad);

/* What leaves after the workers: the branches `src` and `video` together. The task of the pad `src`
 * takes jobs from the workers, in the order of arrival, and gives each to both branches. What their
 * readers answer becomes the flow that the sender of frames gets. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  const GstHaarSettings *settings; /* with the object lock */
  GstHaarStats *stats;
  GstHaarRate *rate;
  GstHaarSrc src;
  GstHaarVideo video;

  HaarWorkers *workers; /* of a run; borrowed */

  GMutex lock;        /* guards the fields below; a leaf lock */
  GstFlowReturn flow; /* OK until a flush, a stop or the readers end it */
  gboolean ended;     /* EOS has arrived: no sender of a frame gets the flow any more */
} GstHaarOutput;

/* @srcpad: becomes the element's. @settings, @stats and @rate live as long as @output. */
void gst_haar_output_init (GstHaarOutput *output, GstElement *element, GstPad *srcpad,
    GstPad *sinkpad, const GstHaarSettings *settings, GstHaarStats *stats, GstHaarRate *rate);
void gst_haar_output_clear (GstHaarOutput *output);

/* A run begins, before its pads are active. */
void gst_haar_output_begin (GstHaarOutput *output, HaarWorkers *workers);
/* Ends a run. Both tasks have stopped before. */
void gst_haar_output_end (GstHaarOutput *output);

/* The following ones are about a run. */

/* What the sender of a frame gets. */
GstFlowReturn gst_haar_output_get_flow (GstHaarOutput *output);
/* Frees all queued items, and stops pushing: a flush begins, or the run ends. */
void gst_haar_output_stop (GstHaarOutput *output);
/* The tasks stand still until started. */
void gst_haar_output_pause (GstHaarOutput *output);
/* A flush has ended. */
void gst_haar_output_start (GstHaarOutput *output);
/* Waits until both pads have pushed everything that has arrived. FALSE: it was freed, or the
 * output was stopped. */
gboolean gst_haar_output_drain (GstHaarOutput *output);
/* A stream begins, from the thread of the sink pad. */
void gst_haar_output_begin_stream (GstHaarOutput *output);
/* A stream ends, from the thread of the sink pad. */
void gst_haar_output_end_stream (GstHaarOutput *output);
/* (transfer full) @event: pushed past the frames that are on their way. Reports aren't
 * concerned. */
gboolean gst_haar_output_push_past (GstHaarOutput *output, GstEvent *event);

G_END_DECLS
