/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * haar_overlay_draw:
 * @frame: writable; its memory is copied if others have it too
 * @info: of its caps
 * @rects: of HaarRect
 *
 * Draws green boxes into any format that can be counted in; white ones into grey.
 */
void haar_overlay_draw (GstBuffer *frame, const GstVideoInfo *info, const GArray *rects);

G_END_DECLS
