/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/haarengine.h"
#include "haarkernel.h"

G_BEGIN_DECLS

/* One level of a scan, that is, one scale: the size of the scaled picture, and the windows that are
 * evaluated in it. */
typedef struct {
  gfloat scale;
  gint width, height; /* of the scaled picture */
  gint step;          /* distance between windows in both directions, px */
  /* bounds for the first column and row of a window: windows start at 0, step, 2 step … below
   * these */
  gint columns, rows;
  gint window_width, window_height; /* size of the window in pixels of the original picture */
} HaarLevel;

/* Appends the levels (HaarLevel) that OpenCV scans, in the order in which it scans them.
 * @window_width, @window_height: the size of the window at scale 1 */
void haar_pyramid_plan (gint window_width, gint window_height, gint width, gint height,
    const HaarParams *params, GArray *levels);

/* A grey picture of @height rows of @width bytes; a row begins @stride bytes after the one
 * before. */
typedef struct {
  const guint8 *gray;
  gint width, height;
  gsize stride;
} HaarPicture;

typedef struct _HaarPyramid HaarPyramid;

/* A HaarPyramid scales a picture down for one level after another, row by row, to the same pixels
 * as cv::resize() with INTER_LINEAR_EXACT, and computes the integral images of the smaller picture.
 *
 * @tilted: TRUE if the cascade has tilted features */
HaarPyramid *haar_pyramid_new (const HaarKernel *kernel, gboolean tilted);
void haar_pyramid_free (HaarPyramid *self);
/* Begins a level of @picture, which must live until the end of the level. Returns: (nullable): the
 * integral images, which have no row yet; NULL if there is no memory for them */
const HaarIntegral *haar_pyramid_start (
    HaarPyramid *self, const HaarPicture *picture, const HaarLevel *level);
/* Adds all rows of the smaller picture before row @end to the integral images. */
void haar_pyramid_add_rows (HaarPyramid *self, gint end);

G_END_DECLS
