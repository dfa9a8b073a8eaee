/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarpyramid.h"

#include <math.h>
#include <string.h>

/* Picture sizes are rounded half to even, in the precision that OpenCV happens to use at each place. */
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

/* When no window is between the smallest and the largest wanted: the one nearest to the smallest. */
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

/* OpenCV shares each level's rows out among stripes of equal height, whose number comes from the first level;
 * where they don't divide evenly, the last row of windows belongs to none. */
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

/* Where a pixel comes from: two neighbours and their weights, of which the sum is 256. */
typedef struct {
  gint first;
  guint16 weights[2];
} Tap;

struct _HaarResizer {
  const guint8 *gray;
  gsize stride;
  gint width, height, to_width, to_height;
  Tap *columns, *rows;
  guint16 *blend; /* two source rows weighed, one value more than the width */
  guint8 *row;
  gint capacity_columns, capacity_rows, capacity_width;
};

HaarResizer *
haar_resizer_new (void)
{
  return g_new0 (HaarResizer, 1);
}

void
haar_resizer_free (HaarResizer *self)
{
  g_free (self->columns);
  g_free (self->rows);
  g_free (self->blend);
  g_free (self->row);
  g_free (self);
}

static void
fill_taps (Tap *taps, gint from, gint to)
{
  /* In this order: OpenCV has the inverse rounded before it is inverted again. */
  gdouble scale = 1. / ((gdouble) to / from);

  for (gint i = 0; i < to; i++) {
    gdouble position = scale * (i + 0.5) - 0.5;
    gint first = CLAMP ((gint) floor (position), 0, from - 1);
    gint second = first < from - 1 ? (gint) lrint ((position - first) * 256) : 0;

    taps[i] = (Tap){first, {(guint16) (256 - MAX (second, 0)), (guint16) MAX (second, 0)}};
  }
}

static void
reserve (HaarResizer *self)
{
  if (self->to_width > self->capacity_columns) {
    self->capacity_columns = self->to_width;
    self->columns = g_renew (Tap, self->columns, self->to_width);
    self->row = g_renew (guint8, self->row, self->to_width);
  }
  if (self->to_height > self->capacity_rows) {
    self->capacity_rows = self->to_height;
    self->rows = g_renew (Tap, self->rows, self->to_height);
  }
  if (self->width > self->capacity_width) {
    self->capacity_width = self->width;
    self->blend = g_renew (guint16, self->blend, self->width + 1);
  }
}

void
haar_resizer_start (HaarResizer *self, const guint8 *gray, gint width, gint height, gsize stride,
    gint to_width, gint to_height)
{
  self->gray = gray;
  self->stride = stride;
  self->width = width;
  self->height = height;
  self->to_width = to_width;
  self->to_height = to_height;
  reserve (self);
  fill_taps (self->columns, width, to_width);
  fill_taps (self->rows, height, to_height);
}

/* Nothing is rounded before the end, so rows may be blended before columns. */
static void
blend_rows (HaarResizer *self, gint y)
{
  const Tap *tap = &self->rows[y];
  const guint8 *above = self->gray + tap->first * self->stride;
  const guint8 *below = tap->first < self->height - 1 ? above + self->stride : above;
  guint16 a = tap->weights[0], b = tap->weights[1];

  for (gint x = 0; x < self->width; x++)
    self->blend[x] = (guint16) (above[x] * a + below[x] * b);
  self->blend[self->width] = 0;
}

const guint8 *
haar_resizer_row (HaarResizer *self, gint y)
{
  if (self->to_width == self->width && self->to_height == self->height)
    return self->gray + y * self->stride;
  blend_rows (self, y);
  for (gint x = 0; x < self->to_width; x++) {
    const Tap *tap = &self->columns[x];
    const guint16 *pair = self->blend + tap->first;

    self->row[x] = (guint8) (((guint32) pair[0] * tap->weights[0] +
                                 (guint32) pair[1] * tap->weights[1] + 0x8000) >>
                             16);
  }
  return self->row;
}
