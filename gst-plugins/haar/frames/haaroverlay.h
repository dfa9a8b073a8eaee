/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * haar_overlay_draw:
 * @frame: writable; its memory is copied if another buffer shares it
 * @info: of the frame's caps
 * @boxes: of HaarBox
 *
 * Draws a green box, or in grey formats a white one, round each rectangle in @boxes, in any format
 * of FOG_LUMA_FORMATS.
 */
void haar_overlay_draw (GstBuffer *frame, const GstVideoInfo *info, const GArray *boxes);

/**
 * haar_overlay_blur:
 * @frame: writable; its memory is copied if another buffer shares it
 * @info: of the frame's caps
 * @boxes: of HaarBox
 *
 * Replaces each rectangle, and a margin round it, by a few large squares of their mean colours, in
 * any format of FOG_LUMA_FORMATS. Alpha is replaced too.
 *
 * Returns: FALSE if a part of the frame can't be written, so that it may still show a face
 */
gboolean haar_overlay_blur (GstBuffer *frame, const GstVideoInfo *info, const GArray *boxes);

G_END_DECLS
