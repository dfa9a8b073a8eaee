/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "engine/haarengine.h"

G_BEGIN_DECLS

/**
 * haar_event_new:
 * @frame: the frame's buffer; its headers name the camera
 * @rects: of HaarRect
 * @width: of the picture that was counted, px
 * @height: px
 * @captured: ns since the Unix epoch, or %GST_CLOCK_TIME_NONE
 * @replica: who counted
 *
 * Returns: (transfer full): the event document of a frame (README, "Messages"), with the frame's times, and
 *   its #GstKafkaMeta, so that it is done only when the event is; keyed by the camera
 */
GstBuffer *haar_event_new (GstBuffer *frame, const GArray *rects, gint width, gint height,
    GstClockTime captured, const gchar *replica);

G_END_DECLS
