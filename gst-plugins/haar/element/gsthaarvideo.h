/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstdataqueue.h>
#include "frames/haarjob.h"
#include "gsthaarslot.h"
#include "gsthaarstats.h"

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

  GstHaarSlot slot; /* its lock guards the fields below; taken before a pad's lock */
  GCond left;       /* n_queued or stopped has changed */
  guint n_queued;   /* in `queue`, or being pushed */
  gboolean stopped; /* nothing leaves until the next stream */
  gboolean begun;   /* the pad has got `first`, or nothing was there to get it */
  GstFlowReturn answer;

  /* of the src task, or of another thread while that task stands still */
  GstEvent
      *first[3]; /* what a pad gets first: stream-start, caps, segment; NULL if none came yet */
} GstHaarVideo;

void gst_haar_video_init (GstHaarVideo *video, GstElement *element, GstPad *sinkpad,
    GstHaarStats *stats, GstHaarVideoAnswered answered, gpointer user_data);
void gst_haar_video_clear (GstHaarVideo *video);

/* (nullable): NULL if the pad exists already. */
GstPad *gst_haar_video_request_pad (GstHaarVideo *video, GstPadTemplate *templ);
void gst_haar_video_release_pad (GstHaarVideo *video, GstPad *pad);

/* Before a run, and after it. */
void gst_haar_video_reset (GstHaarVideo *video);
/* All that is queued is freed, and nothing leaves until started. */
void gst_haar_video_stop (GstHaarVideo *video);
/* The task stands still until started. */
void gst_haar_video_pause (GstHaarVideo *video);
/* A new stream begins. While the src task stands still. */
void gst_haar_video_start (GstHaarVideo *video);
/* Waits until all that is queued has left. FALSE: stopped. */
gboolean gst_haar_video_drain (GstHaarVideo *video);

/* A new stream: the reader has answered nothing yet. */
void gst_haar_video_reset_answer (GstHaarVideo *video);
/* What the reader answers to the frames: NOT_LINKED without one. */
GstFlowReturn gst_haar_video_get_answer (GstHaarVideo *video);
/* TRUE: @event is one of `first`. From the src task, or while it stands still. */
gboolean gst_haar_video_begins_with (GstHaarVideo *video, GstEvent *event);

/* From the src task: */
void gst_haar_video_push_event (GstHaarVideo *video, GstEvent *event);
/* Takes the frame out of @job and marks its faces, or queues @gap (nullable) if it wasn't counted,
 * or can't be blurred though it should be. */
void gst_haar_video_push (
    GstHaarVideo *video, HaarJob *job, const GstHaarMarks *marks, GstEvent *gap);

G_END_DECLS
