/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogluma.h"

G_BEGIN_DECLS

/* A sketch of a picture: the mean luma of each of its blocks. A later picture is compared with a
 * sketch of the earlier one. */
typedef struct {
  gint width, height; /* size of the picture, px; 0: the sketch is empty */
  gint columns, rows; /* number of blocks */
  guint16 *means;     /* mean luma of each block, in 1/64 of a level */
} FogSketch;

/* Draws a sketch of @luma. Returns FALSE if memory can't be allocated; then the sketch is empty. */
gboolean fog_sketch_draw (FogSketch *sketch, const FogLuma *luma);
void fog_sketch_clear (FogSketch *sketch);

/**
 * fog_sketch_differs:
 * @then: the sketch of the earlier picture
 * @now: the sketch of the later picture
 * @luma: the luma of the later picture
 * @where: (out): the rectangle around all blocks that differ
 *
 * These differences don't count: the sensor's noise, which is estimated from both pictures; a
 * factor of brightness from 0.85 to 1.18 of each row of blocks, as flickering lamps and daylight
 * cause it; a shift of the whole picture by up to 5 pixels, as a shaking camera causes it.
 *
 * Returns: %TRUE if the pictures differ, or if they can't be compared
 */
gboolean fog_sketch_differs (
    const FogSketch *then, const FogSketch *now, const FogLuma *luma, GstVideoRectangle *where);

G_END_DECLS
