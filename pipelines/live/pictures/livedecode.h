/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"

G_BEGIN_DECLS

/* Decodes frames of any format to raw video. */

/* Pixels of the largest picture that is decoded. */
#define LIVE_PICTURE_MAX (40 * 1000 * 1000)

/* The format's name, as in `image/jpeg`; "" if it isn't known. */
const gchar *live_decode_get_format (const LiveFrame *frame);

/* Returns: (nullable): the elements that decode @frame, as a part of a pipeline string. @error:
 * G_IO_ERROR_NOT_SUPPORTED: none do, or it is too large; INVALID_DATA: it is damaged */
const gchar *live_decode_find_elements (const LiveFrame *frame, GError **error);

/**
 * live_decode:
 * @run: of LiveFrame: the frames from a keyframe on, in the order of their stream. The last frame
 *   is the wanted one; a frame that needs no others is alone.
 * @error: as above
 *
 * Returns: (nullable) (transfer full): raw video
 */
GstSample *live_decode (const GPtrArray *run, GError **error);

/* Pushes @buffer with @caps through @elements, a part of a pipeline string. Returns: (nullable)
 * (transfer full): the last sample that comes out. */
GstSample *live_decode_pass (
    const gchar *elements, GstBuffer *buffer, GstCaps *caps, GError **error);

G_END_DECLS
