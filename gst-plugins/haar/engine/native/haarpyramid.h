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

typedef struct _HaarResizer HaarResizer;

/* A HaarResizer makes a picture smaller, row by row, with the same pixels as cv::resize() with
 * INTER_LINEAR_EXACT. */
HaarResizer *haar_resizer_new (const HaarKernel *kernel);
void haar_resizer_free (HaarResizer *self);
/* Begins a new picture. Returns FALSE if there is no memory for a row of the picture. */
gboolean haar_resizer_start (HaarResizer *self, const guint8 *gray, gint width, gint height,
    gsize stride, gint to_width, gint to_height);
/* Returns row @y of the smaller picture, which is valid until the next call. */
const guint8 *haar_resizer_row (HaarResizer *self, gint y);

G_END_DECLS
