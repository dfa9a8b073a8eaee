/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"

G_BEGIN_DECLS

/* Decodes frames of any format to raw video. */

/* Number of pixels of the largest picture that is decoded. */
#define LIVE_PICTURE_MAX (40 * 1000 * 1000)

/* Returns the name of the frame's format, such as `image/jpeg`; "" if it isn't known. */
const gchar *live_decode_get_format (const LiveFrame *frame);

/* Returns: (nullable): the elements that decode @frame, as a part of a pipeline string. @error:
 * G_IO_ERROR_NOT_SUPPORTED: no elements can decode @frame, or it is too large; INVALID_DATA: @frame
 * is damaged */
const gchar *live_decode_find_elements (const LiveFrame *frame, GError **error);

/* Checks JPEG and PNG pictures before a decoder allocates memory for them. Returns FALSE if @data
 * isn't a picture of @format, or has more than LIVE_PICTURE_MAX pixels; TRUE if @format is neither
 * JPEG nor PNG. @error: as for live_decode_find_elements() */
gboolean live_decode_check_picture (
    const gchar *format, const guint8 *data, gsize size, GError **error);

/* Makes each decodebin in @pipeline use only decoders and parsers, and only for pictures of at most
 * LIVE_PICTURE_MAX pixels. Otherwise a frame could choose any element, because its caps are set by
 * its sender. */
void live_decode_guard (GstElement *pipeline);

/**
 * live_decode:
 * @run: of LiveFrame: the frames from a keyframe on, in the order of their stream. The last frame
 *   is the one to decode; it is alone if it needs no other frames.
 * @error: as above
 *
 * Returns: (nullable) (transfer full): raw video
 */
GstSample *live_decode (const GPtrArray *run, GError **error);

/* Pushes @buffer with @caps through @elements, a part of a pipeline string. Returns: (nullable)
 * (transfer full): the last sample that leaves @elements. */
GstSample *live_decode_pass (
    const gchar *elements, GstBuffer *buffer, GstCaps *caps, GError **error);

G_END_DECLS
