/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

#include "scene.h"

G_BEGIN_DECLS

typedef struct _ScenePainter ScenePainter;

/* Returns: (nullable) (transfer full): the picture in the JPEG file as I420; @error
 * says what is wrong with it. */
GstSample *scene_load_portrait (const gchar *location, GError **error);

/**
 * scene_painter_new:
 * @script: gives the sizes of frame and heads
 * @portrait: of scene_load_portrait()
 *
 * Scales the head to every size and weaves the ground once, so that a
 * frame costs copies and blends only.
 */
ScenePainter *scene_painter_new (const SceneScript *script, GstSample *portrait);
void scene_painter_free (ScenePainter *painter);

/* Paints @frame, I420 of the script's size. */
void scene_painter_paint (
    ScenePainter *painter, GstVideoFrame *frame, const SceneHead *heads, guint n_heads);

G_END_DECLS
