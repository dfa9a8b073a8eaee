/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/**
 * live_picture_make:
 * @run: of LiveFrame: the frames from a keyframe on, up to the one to show
 * @answer: (nullable): what the fog found in it
 * @blur: what nobody may see: with %LIVE_BLUR_FACES and no @answer, the whole picture
 * @type: (out): image/jpeg or image/png
 * @error: G_IO_ERROR_NOT_SUPPORTED: no picture can be made of its format, or it is too large;
 *   another: it is damaged
 *
 * Returns: (nullable) (transfer full): JPEG; JPEG and PNG as they came where nothing is to be
 *   blurred
 */
GBytes *live_picture_make (const GPtrArray *run, const LiveAnswer *answer, LiveBlur blur,
    const gchar **type, GError **error);

G_END_DECLS
