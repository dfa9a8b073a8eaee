/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/**
 * live_picture_make:
 * @run: of LiveFrame: the frames from a keyframe up to the frame to show
 * @answer: (nullable): the fog's answer about the frame to show
 * @blur: what is blurred; with %LIVE_BLUR_FACES and no @answer, the whole picture is blurred
 * @type: (out): image/jpeg or image/png
 * @error: G_IO_ERROR_NOT_SUPPORTED: no picture can be made of the frame's format, or the frame is
 *   too large; any other: the frame is damaged
 *
 * Returns: (nullable) (transfer full): the picture as JPEG; a frame in JPEG or PNG is returned as
 *   it is if nothing has to be blurred
 */
GBytes *live_picture_make (const GPtrArray *run, const LiveAnswer *answer, LiveBlur blur,
    const gchar **type, GError **error);

G_END_DECLS
