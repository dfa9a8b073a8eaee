/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "scene.h"

G_BEGIN_DECLS

typedef struct _ScenePainter ScenePainter;

/* Returns: (nullable) (transfer full): the picture in the JPEG file @location, as I420; NULL with
 * @error, which says what is wrong with the file. */
GstSample *scene_load_portrait (const gchar *location, GError **error);

/**
 * scene_painter_new:
 * @script: determines the sizes of the frame and of the heads
 * @portrait: the result of scene_load_portrait()
 *
 * Scales the head to every size and paints the background once, so that later only copying and
 * blending is needed for each frame.
 */
ScenePainter *scene_painter_new (const SceneScript *script, GstSample *portrait);
void scene_painter_free (ScenePainter *painter);

/* Paints @heads into @frame, an I420 frame of the size in the painter's script. */
void scene_painter_paint (
    ScenePainter *painter, GstVideoFrame *frame, const SceneHead *heads, guint n_heads);

G_END_DECLS
