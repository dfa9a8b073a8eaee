/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarpyramid.h"

#include <math.h>
#include <string.h>

#include "haarmemory.h"

/* Returns a scaled size, rounded half to even. All sizes in this file are computed in the
 * precision, float or double, that OpenCV uses at the same step. */
static gint
scaled (gint size, gfloat scale)
{
  return (gint) lrintf (size * scale);
}

static GArray *
all_scales (gint window_width, gint window_height, gint width, gint height, gdouble factor)
{
  GArray *scales = g_array_new (FALSE, FALSE, sizeof (gfloat));

  for (gdouble scale = 1;; scale *= factor) {
    gfloat rounded = (gfloat) scale;

    if (lrint (window_width * scale) > width || lrint (window_height * scale) > height)
      return scales;
    g_array_append_val (scales, rounded);
  }
}

/* Returns the scale whose window size is nearest to the smallest size to search for, which is used
 * if no scale has a window between the smallest and the largest size. */
static gfloat
nearest_scale (GArray *scales, gint window_width, gint window_height, const HaarParams *params)
{
  gdouble least = G_MAXDOUBLE;
  gfloat nearest = 1;

  for (guint i = 0; i < scales->len; i++) {
    gfloat scale = g_array_index (scales, gfloat, i);
    gdouble dx = (gdouble) params->min_w - scaled (window_width, scale);
    gdouble dy = (gdouble) params->min_h - scaled (window_height, scale);

    if (dx * dx + dy * dy < least) {
      least = dx * dx + dy * dy;
      nearest = scale;
    }
  }
  return nearest;
}

static void
add_level (
    GArray *levels, gint window_width, gint window_height, gint width, gint height, gfloat scale)
{
  HaarLevel level = {.scale = scale};

  level.width = (gint) lrintf (width / scale);
  level.height = (gint) lrintf (height / scale);
  level.step = scale >= 2 ? 1 : 2;
  level.columns = level.width + 1 - window_width;
  level.rows = level.height + 1 - window_height;
  level.window_width = scaled (window_width, scale);
  level.window_height = scaled (window_height, scale);
  g_array_append_val (levels, level);
}

/* Removes the rows of windows that OpenCV doesn't scan. OpenCV divides the rows of each level into
 * stripes of equal height, whose number is determined by the first level; if the rows can't be
 * divided evenly, the last row of windows belongs to no stripe. */
static void
trim_rows (GArray *levels)
{
  gint stripes = 0;

  for (guint i = 0; i < levels->len; i++) {
    HaarLevel *level = &g_array_index (levels, HaarLevel, i);
    gint height;

    if (i == 0)
      stripes = (level->columns + 31) / 32;
    height = MAX ((level->rows / level->step + stripes - 1) / stripes, 1) * level->step;
    level->rows = MIN (level->rows, stripes * height);
  }
}

void
haar_pyramid_plan (gint window_width, gint window_height, gint width, gint height,
    const HaarParams *params, GArray *levels)
{
  gint max_w = params->max_w, max_h = params->max_h;
  GArray *scales = all_scales (window_width, window_height, width, height, params->scale_factor);

  if (max_w == 0 || max_h == 0) {
    max_w = width;
    max_h = height;
  }
  for (guint i = 0; i < scales->len; i++) {
    gfloat scale = g_array_index (scales, gfloat, i);
    gint w = scaled (window_width, scale), h = scaled (window_height, scale);

    if (w > max_w || h > max_h)
      break;
    if (w >= params->min_w && h >= params->min_h)
      add_level (levels, window_width, window_height, width, height, scale);
  }
  if (levels->len == 0 && scales->len > 0)
    add_level (levels, window_width, window_height, width, height,
        nearest_scale (scales, window_width, window_height, params));
  trim_rows (levels);
  g_array_unref (scales);
}

struct _HaarResizer {
  const HaarKernel *kernel;
  const guint8 *gray;
  gsize stride;
  gint width, height;
  HaarTaps columns, rows;
  gint16 *blended; /* two source rows */
  guint8 *row;
};

HaarResizer *
haar_resizer_new (const HaarKernel *kernel)
{
  HaarResizer *self = g_new0 (HaarResizer, 1);

  self->kernel = kernel;
  return self;
}

void
haar_resizer_free (HaarResizer *self)
{
  g_free (self->columns.firsts);
  g_free (self->columns.weights);
  g_free (self->rows.firsts);
  g_free (self->rows.weights);
  g_free (self->blended);
  g_free (self->row);
  g_free (self);
}

static gboolean
set_taps (HaarTaps *taps, gint from, gint to)
{
  taps->n = to;
  /* The scale is inverted twice, because OpenCV does so too, and each division rounds. */
  taps->scale = 1. / ((gdouble) to / from);
  if (!HAAR_TRY_RENEW (taps->firsts, to + HAAR_ROW_MARGIN) ||
      !HAAR_TRY_RENEW (taps->weights, to + HAAR_ROW_MARGIN))
    return FALSE;
  for (gint i = 0; i < to; i++) {
    gdouble position = taps->scale * (i + 0.5) - 0.5;
    gint first = CLAMP ((gint) floor (position), 0, from - 1);
    gint second = first < from - 1 ? MAX ((gint) lrint ((position - first) * 256), 0) : 0;

    taps->firsts[i] = first;
    taps->weights[i] = (guint32) (256 - second) | (guint32) second << 16;
  }
  for (gint i = to; i < to + HAAR_ROW_MARGIN; i++) {
    taps->firsts[i] = taps->firsts[to - 1];
    taps->weights[i] = 0;
  }
  return TRUE;
}

gboolean
haar_resizer_start (HaarResizer *self, const guint8 *gray, gint width, gint height, gsize stride,
    gint to_width, gint to_height)
{
  self->gray = gray;
  self->stride = stride;
  self->width = width;
  self->height = height;
  if (!set_taps (&self->columns, width, to_width) || !set_taps (&self->rows, height, to_height) ||
      !HAAR_TRY_RENEW (self->row, to_width + HAAR_ROW_MARGIN) ||
      !HAAR_TRY_RENEW (self->blended, width + HAAR_ROW_MARGIN))
    return FALSE;
  memset (self->blended + width, 0, HAAR_ROW_MARGIN * sizeof (gint16));
  return TRUE;
}

const guint8 *
haar_resizer_row (HaarResizer *self, gint y)
{
  gint first = self->rows.firsts[y];
  const guint8 *above = self->gray + first * self->stride;
  const guint8 *below = first < self->height - 1 ? above + self->stride : above;
  guint32 weights = self->rows.weights[y];

  if (self->columns.n == self->width && self->rows.n == self->height)
    return above;
  /* OpenCV blends columns before rows; blending rows first gives the same result, because nothing
   * is rounded before the end. */
  self->kernel->blend (above, below, weights & 0xffff, weights >> 16, self->width, self->blended);
  self->kernel->shrink (self->blended, &self->columns, self->row);
  return self->row;
}
