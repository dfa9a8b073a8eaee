/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstdataqueue.h>

#include "frames/haarworkers.h"
#include "gsthaarrate.h"
#include "gsthaarsettings.h"
#include "fogslot.h"
#include "gsthaarsrc.h"

G_BEGIN_DECLS

/* Called from the pad's task when the flow return is not OK. */
typedef void (*GstHaarVideoAnswered) (gpointer user_data);

/* The marks for faces in the frames of the pad `video`. */
typedef struct {
  const gchar *label; /* the type of the regions of interest */
  gboolean draw_boxes, blur_faces;
} GstHaarMarks;

/* The branch of the pad `video`, by which frames leave. The src task queues the frames; a task of
 * the pad pushes them, so that neither pad's downstream waits for the other, and both may
 * preroll. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  GstHaarStats *stats;
  GstHaarVideoAnswered answered;
  gpointer user_data;
  GstDataQueue *queue; /* of VideoItem */

  FogSlot slot;     /* its lock guards the fields below; taken before a pad's lock */
  GCond left;       /* n_queued or stopped has changed */
  guint n_queued;   /* number of frames in `queue` or being pushed */
  gboolean stopped; /* no frame is pushed until the next stream */
  gboolean begun;   /* the pad has got the events in `first`, or there were none */
  GstFlowReturn answer;

  /* used by the src task, or by another thread while that task is stopped */
  GstEvent *first
      [3]; /* events that a pad gets first: stream-start, caps, segment; NULL if none came yet */
} GstHaarVideo;

/* Returns: (nullable): the new pad; NULL if it exists already. */
GstPad *gst_haar_video_request_pad (GstHaarVideo *video, GstPadTemplate *templ);
void gst_haar_video_release_pad (GstHaarVideo *video, GstPad *pad);

/* The output after the workers: the branches `src` and `video` together. The task of the pad `src`
 * takes jobs from the workers, in the order of arrival, and gives each to both branches. The flow
 * returns of both pads are combined into the one that the sender of frames gets. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  const GstHaarSettings *settings; /* with the object lock */
  GstHaarStats *stats;
  GstHaarRate *rate;
  GstHaarSrc src;
  GstHaarVideo video;

  HaarWorkers *workers; /* the workers of a run; borrowed */

  GMutex lock; /* guards the fields below; a leaf lock */
  /* flow return for the sender: OK until a flush, a stop or the pads' flow returns end it */
  GstFlowReturn flow;
  gboolean ended; /* EOS has arrived: no sender of a frame gets the flow any more */
} GstHaarOutput;

/* @srcpad: becomes the element's. @settings, @stats and @rate live as long as @output. */
void gst_haar_output_init (GstHaarOutput *output, GstElement *element, GstPad *srcpad,
    GstPad *sinkpad, const GstHaarSettings *settings, GstHaarStats *stats, GstHaarRate *rate);
void gst_haar_output_clear (GstHaarOutput *output);

/* A run begins, before its pads are active. */
void gst_haar_output_begin (GstHaarOutput *output, HaarWorkers *workers);
/* Ends a run. Both tasks must have stopped before. */
void gst_haar_output_end (GstHaarOutput *output);

/* The following functions are for a run. */

/* Returns the flow return for the sender of a frame. */
GstFlowReturn gst_haar_output_get_flow (GstHaarOutput *output);
/* Frees all queued items, and stops pushing: a flush begins, or the run ends. */
void gst_haar_output_stop (GstHaarOutput *output);
/* The tasks wait until they are started. */
void gst_haar_output_pause (GstHaarOutput *output);
/* A flush has ended. */
void gst_haar_output_start (GstHaarOutput *output);
/* Waits until both pads have pushed everything that has arrived. Returns FALSE if the job was
 * freed, or the output was stopped. */
gboolean gst_haar_output_drain (GstHaarOutput *output);
/* Called on the thread of the sink pad when a stream begins. */
void gst_haar_output_begin_stream (GstHaarOutput *output);
/* Called on the thread of the sink pad when a stream ends. */
void gst_haar_output_end_stream (GstHaarOutput *output);
/* @event: (transfer full): an event that is pushed before the frames in the workers. Reports aren't
 * concerned. */
gboolean gst_haar_output_push_past (GstHaarOutput *output, GstEvent *event);

G_END_DECLS
