/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveframe.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Pixels of the largest picture that is decoded. */
#define LIVE_PICTURE_MAX (40 * 1000 * 1000)

/**
 * live_picture_make:
 * @frame: JPEG or raw video
 * @answer: (nullable): what the fog found in it
 * @blur: what nobody may see: with %LIVE_BLUR_FACES and no @answer, the whole picture
 * @error: G_IO_ERROR_NOT_SUPPORTED: no picture can be made of its format, or it is too large;
 *   another: it is damaged
 *
 * Returns: (nullable) (transfer full): JPEG, as it came where nothing is to be blurred
 */
GBytes *live_picture_make (
    const LiveFrame *frame, const LiveAnswer *answer, LiveBlur blur, GError **error);

/* (nullable): the elements that make raw video of @frame, as a pipeline string, "" for none.
 * @error: G_IO_ERROR_NOT_SUPPORTED */
const gchar *live_picture_find_decoder (const LiveFrame *frame, GError **error);

/* (nullable) (transfer full): pushes @buffer with @caps through @elements, a part of a pipeline
 * string; what comes out first. */
GstSample *live_picture_run (
    const gchar *elements, GstBuffer *buffer, GstCaps *caps, GError **error);

G_END_DECLS
