/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CAMERA_BRANCH (gst_camera_branch_get_type ())
G_DECLARE_FINAL_TYPE (GstCameraBranch, gst_camera_branch, GST, CAMERA_BRANCH, GstBin)

/* The functions below are called by the branch's pads. */

/**
 * gst_camera_branch_admits:
 * @buffers: number of buffers that come from outside
 * @failures: (out): the branch's failures before this moment
 *
 * Returns: FALSE if the elements don't run; in this case @buffers are counted as dropped
 */
gboolean gst_camera_branch_admits (GstCameraBranch *self, guint buffers, guint64 *failures);
/**
 * gst_camera_branch_take_flow:
 * @flow: the result of a push into the branch
 * @failures: the branch's failures before the push
 *
 * If @flow is an error, makes it a fault of the branch, unless the branch has failed since the
 * push.
 *
 * Returns: the result for the element outside, which must not stop when the branch fails
 */
GstFlowReturn gst_camera_branch_take_flow (
    GstCameraBranch *self, GstFlowReturn flow, guint64 failures);
/**
 * gst_camera_branch_note_end:
 * @at_end: whether all streams that enter the branch have ended
 *
 * If the elements don't run, the branch ends if all streams have ended; if a stream has begun after
 * the end, the elements are started again.
 */
void gst_camera_branch_note_end (GstCameraBranch *self, gboolean at_end);
/* Returns TRUE while EOS only follows from a fault: a source that fails ends its stream. */
gboolean gst_camera_branch_is_failing (GstCameraBranch *self);

G_END_DECLS
