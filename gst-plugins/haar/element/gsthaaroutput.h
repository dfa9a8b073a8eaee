/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gsthaarshared.h"

G_BEGIN_DECLS

/* Documents leave by the task of the src pad, in the order of their frames, and frames by that of the video
 * pad: neither waits for the other's reader, so both may preroll. */

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
/* Starts again what readers that had enough of a stream have stopped, for the next one; with the tasks standing still. */
void gst_haar_face_count_resume_output (GstHaarFaceCount *self);
/* Until all that has arrived has left by both pads. FALSE: it has gone, or was stopped. */
gboolean gst_haar_face_count_drain_output (GstHaarFaceCount *self);

/* Whether it ends a pipeline. */
static inline gboolean
gst_haar_face_count_is_failure (GstFlowReturn flow)
{
  return flow == GST_FLOW_NOT_LINKED || flow <= GST_FLOW_NOT_NEGOTIATED;
}

G_END_DECLS
