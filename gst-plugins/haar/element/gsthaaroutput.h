/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstdataqueue.h>

#include "frames/haarworkers.h"
#include "gsthaarrate.h"
#include "gsthaarsettings.h"
#include "fogslot.h"
#include "gsthaarsrc.h"

G_BEGIN_DECLS

/* A function that is called from the task of the pad `video` when a push didn't return OK. */
typedef void (*GstHaarVideoAnswered) (gpointer user_data);

/* The way in which faces are marked in the frames of the pad `video`. */
typedef struct {
  const gchar *label; /* the type of the regions of interest that mark faces */
  gboolean draw_boxes, blur_faces;
} GstHaarMarks;

/* The branch of the pad `video`, by which frames leave. The task of the pad `src` queues the
 * frames; a task of the pad `video` pushes them, so that the elements behind one pad don't wait for
 * those behind the other, and both may preroll. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  GstHaarStats *stats;
  GstHaarVideoAnswered answered;
  gpointer user_data;
  GstDataQueue *queue; /* of VideoItem */

  FogSlot slot;     /* the slot's lock guards the fields below; it is taken before a pad's lock */
  GCond left;       /* signalled when n_queued or stopped has changed */
  guint n_queued;   /* number of frames and events in `queue`, or being pushed */
  gboolean stopped; /* the pad pushes no frame until the next stream begins */
  gboolean begun;   /* the events in `first` were queued for the pad, or `first` was empty */
  GstFlowReturn answer;

  /* `first` is used only by the task of the pad `src`, or by another thread while that task is
   * stopped */
  GstEvent *first
      [3]; /* events that a pad gets first: stream-start, caps, segment; NULL if none came yet */
} GstHaarVideo;

/* Returns: (nullable): the new pad `video`; NULL if the element has one already. */
GstPad *gst_haar_video_request_pad (GstHaarVideo *video, GstPadTemplate *templ);
void gst_haar_video_release_pad (GstHaarVideo *video, GstPad *pad);

/* The part of the element behind the workers: the branches of the pads `src` and `video` together.
 * The task of the pad `src` takes jobs from the workers, in the order of arrival, and gives each to
 * both branches. The flow returns of both pads are combined into the one that the upstream element
 * gets. */
typedef struct {
  GstElement *element; /* whose part it is */
  GstPad *sinkpad;
  const GstHaarSettings *settings; /* with the object lock */
  GstHaarStats *stats;
  GstHaarRate *rate;
  GstHaarSrc src;
  GstHaarVideo video;

  HaarWorkers *workers; /* the workers of a run, which this part doesn't own */

  GMutex lock; /* guards the fields below; a leaf lock */
  /* flow return for the upstream element: OK until a flush, a stop, or a flow return of the pads
   * that ends the stream */
  GstFlowReturn flow;
  /* EOS has arrived, so no upstream element pushes a frame and gets `flow` any more */
  gboolean ended;
} GstHaarOutput;

/* @srcpad: becomes the element's. @settings, @stats and @rate live as long as @output. */
void gst_haar_output_init (GstHaarOutput *output, GstElement *element, GstPad *srcpad,
    GstPad *sinkpad, const GstHaarSettings *settings, GstHaarStats *stats, GstHaarRate *rate);
void gst_haar_output_clear (GstHaarOutput *output);

/* Called when a run begins, before the pads are active. */
void gst_haar_output_begin (GstHaarOutput *output, HaarWorkers *workers);
/* Called when a run has ended, after the tasks of both pads have stopped. */
void gst_haar_output_end (GstHaarOutput *output);

/* The following functions, except gst_haar_output_push_past(), are called only between
 * gst_haar_output_begin() and gst_haar_output_end(). */

/* Returns the flow return for an upstream element that pushes a frame. */
GstFlowReturn gst_haar_output_get_flow (GstHaarOutput *output);
/* Called when a flush begins, or the run ends: frees the workers' jobs, and stops pushing. */
void gst_haar_output_stop (GstHaarOutput *output);
/* Pauses the tasks of both pads until gst_haar_output_start(). */
void gst_haar_output_pause (GstHaarOutput *output);
/* Called when a flush has ended: starts the tasks of both pads again. */
void gst_haar_output_start (GstHaarOutput *output);
/* Waits until both pads have pushed everything that has arrived. Returns FALSE if the output was
 * stopped meanwhile. */
gboolean gst_haar_output_drain (GstHaarOutput *output);
/* Called on the thread of the sink pad when a stream begins. */
void gst_haar_output_begin_stream (GstHaarOutput *output);
/* Called on the thread of the sink pad when a stream ends. */
void gst_haar_output_end_stream (GstHaarOutput *output);
/* @event: (transfer full): an event that is pushed at once by `src` and `video`, before the frames
 * that the workers still hold. */
gboolean gst_haar_output_push_past (GstHaarOutput *output, GstEvent *event);

G_END_DECLS
