/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "haargroup.h"
#include "haarmemory.h"
#include "haarscan.h"

/* The number of rows of windows in a band of the picture; a band is scanned as soon as its part of
 * the integral images is complete. */
#define BAND_ROWS 64
/* The largest number of pixels of a picture, because offsets in the integral images are 32-bit
 * numbers. */
#define MAX_PIXELS (1 << 28)
/* The largest number of windows that may pass all stages, because a cascade that accepts more is
 * useless, and the time for grouping grows with the square of their number. */
#define MAX_WINDOWS (1 << 17)
/* The smallest scale factor, because a scan with a smaller factor would take minutes. */
#define MIN_SCALE_FACTOR 1.001

/* BAND_ROWS is even, so that a band of rows begins with a row of windows in levels with a step of 2
 * too. */
G_STATIC_ASSERT (BAND_ROWS % 2 == 0);

/* --- the levels --- */

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

/* Appends the levels (HaarLevel) that OpenCV scans, in the order in which it scans them.
 * @window_width, @window_height: the size of the window at scale 1 */
static void
plan_levels (gint window_width, gint window_height, gint width, gint height,
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

/* A grey picture of @height rows of @width bytes; a row begins @stride bytes after the one
 * before. */
typedef struct {
  const guint8 *gray;
  gint width, height;
  gsize stride;
} HaarPicture;

/* A HaarPyramid scales a picture down for one level after another, row by row, to the same pixels
 * as cv::resize() with INTER_LINEAR_EXACT, and computes the integral images of the smaller
 * picture. */
typedef struct {
  gboolean tilted; /* the cascade has tilted features */
  HaarPicture picture;
  HaarTaps columns, rows;
  gint16 *blended; /* two source rows */
  guint8 *row;
  HaarIntegral integral;
  gint n_rows; /* number of rows of the smaller picture that are in the integral images */
} HaarPyramid;

/* --- the smaller picture --- */

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

static gboolean
start_resizing (HaarPyramid *self, const HaarLevel *level)
{
  gint width = self->picture.width, height = self->picture.height;

  if (!set_taps (&self->columns, width, level->width) ||
      !set_taps (&self->rows, height, level->height) ||
      !HAAR_TRY_RENEW (self->row, level->width + HAAR_ROW_MARGIN) ||
      !HAAR_TRY_RENEW (self->blended, width + HAAR_ROW_MARGIN))
    return FALSE;
  memset (self->blended + width, 0, HAAR_ROW_MARGIN * sizeof (gint16));
  return TRUE;
}

/* Returns row @y of the smaller picture, which is valid until the next call. */
static const guint8 *
make_row (HaarPyramid *self, gint y)
{
  const HaarPicture *picture = &self->picture;
  const HaarKernel *kernel = self->integral.kernel;
  gint first = self->rows.firsts[y];
  const guint8 *above = picture->gray + first * picture->stride;
  const guint8 *below = first < picture->height - 1 ? above + picture->stride : above;
  guint32 weights = self->rows.weights[y];

  if (self->columns.n == picture->width && self->rows.n == picture->height)
    return above;
  /* OpenCV blends columns before rows; blending rows first gives the same result, because nothing
   * is rounded before the end. */
  kernel->blend (above, below, weights & 0xffff, weights >> 16, picture->width, self->blended);
  kernel->shrink (self->blended, &self->columns, self->row);
  return self->row;
}

/* --- the integral images --- */

static gint
find_stride (gint width)
{
  return (width + 1 + 2 * HAAR_INTEGRAL_MARGIN + 63) / 64 * 64;
}

static void
integral_clear (HaarIntegral *self)
{
  g_clear_pointer (&self->sum, g_free);
  g_clear_pointer (&self->squares, g_free);
  g_clear_pointer (&self->tilted, g_free);
  g_clear_pointer (&self->low_memory, g_free);
  g_clear_pointer (&self->diagonals, g_free);
  g_clear_pointer (&self->tilted_rows, g_free);
  self->capacity = 0;
  self->row_capacity = 0;
}

/* Allocates `low`, the integral images modulo 2^16. Returns FALSE if there is no memory for it. */
static gboolean
integral_allocate_low (HaarIntegral *self, gsize size)
{
  gsize twin = self->kernel->needs_twin ? (size / HAAR_LINE + 1) * HAAR_LINE + HAAR_LINE / 2 : 0;

  self->low_memory = g_try_new0 (guint16, twin + size + HAAR_LINE);
  if (!self->low_memory)
    return FALSE;
  self->low = (guint16 *) (((guintptr) self->low_memory + 2 * HAAR_LINE - 1) / (2 * HAAR_LINE) *
                           (2 * HAAR_LINE));
  self->twin = twin;
  return TRUE;
}

static gboolean
integral_allocate (HaarIntegral *self, gsize size, gboolean tilted)
{
  integral_clear (self);
  self->sum = g_try_new0 (guint32, size);
  self->squares = g_try_new0 (guint32, size);
  if (tilted)
    self->tilted = g_try_new0 (guint32, size);
  if (!self->sum || !self->squares || (tilted && !self->tilted) ||
      !integral_allocate_low (self, tilted ? 2 * size : size)) {
    integral_clear (self);
    return FALSE;
  }
  self->capacity = size;
  return TRUE;
}

static gboolean
integral_reserve (HaarIntegral *self, gboolean tilted)
{
  gsize size = (gsize) self->layout.stride * (self->height + 1) + HAAR_INTEGRAL_MARGIN;

  if (size > self->capacity && !integral_allocate (self, size, tilted))
    return FALSE;
  if (tilted && self->layout.stride > self->row_capacity) {
    if (!HAAR_TRY_RENEW (self->diagonals, self->layout.stride) ||
        !HAAR_TRY_RENEW (self->tilted_rows, 2 * self->layout.stride))
      return FALSE;
    self->row_capacity = self->layout.stride;
  }
  return TRUE;
}

static void
clear_low_row (HaarIntegral *self, guint16 *row)
{
  memset (row, 0, self->layout.stride * sizeof (guint16));
  memset (row + self->twin, 0, self->layout.stride * sizeof (guint16));
}

/* Returns FALSE if there is no memory for the images. @tilted must be the same in each call. */
static gboolean
integral_start (HaarIntegral *self, const HaarLevel *level, gboolean tilted)
{
  const HaarLayout *layout = &self->layout;

  self->layout = (HaarLayout){find_stride (level->width), level->step};
  self->width = level->width;
  self->height = level->height;
  if (!integral_reserve (self, tilted))
    return FALSE;
  memset (self->sum, 0, layout->stride * sizeof (guint32));
  memset (self->squares, 0, layout->stride * sizeof (guint32));
  clear_low_row (self, self->low);
  if (tilted) {
    memset (self->tilted, 0, layout->stride * sizeof (guint32));
    clear_low_row (self, self->low + self->capacity);
    memset (self->diagonals, 0, (level->width + 1) * sizeof (guint32));
    memset (self->tilted_rows, 0, 2 * self->row_capacity * sizeof (guint32));
  }
  return TRUE;
}

static void
store_tilted_row (const HaarIntegral *self, const guint32 *row, gint y)
{
  guint32 *to = self->tilted + (gsize) y * self->layout.stride;

  if (self->layout.step == 1)
    memcpy (to, row, (self->width + 1) * sizeof (guint32));
  else
    self->kernel->split (row, self->width / 2 + 1, to, to + self->layout.stride / 2);
}

/* Adds a row to the tilted integral image. A value of the tilted integral image is the sum of the
 * triangle of pixels above its point. A value of `diagonals` is the sum of the pixels on the
 * diagonal that leads up and to the right from its point. */
static void
add_tilted_row (HaarIntegral *self, const guint8 *pixels, gint y)
{
  const guint32 *above = self->tilted_rows + (y & 1) * self->row_capacity;
  guint32 *restrict row = self->tilted_rows + (~y & 1) * self->row_capacity;
  guint32 *restrict diagonals = self->diagonals;
  gsize at = (gsize) (y + 1) * self->layout.stride;
  guint16 *low = self->low + self->capacity + at;

  row[0] = y > 0 ? above[1] : 0;
  for (gint x = 0; x < self->width; x++)
    row[x + 1] = diagonals[x] + diagonals[x + 1] + pixels[x] + above[x];
  for (gint x = 0; x < self->width; x++)
    diagonals[x] = diagonals[x + 1] + pixels[x];
  store_tilted_row (self, row, y + 1);
  self->kernel->narrow (self->tilted + at, self->layout.stride, low);
  if (self->twin)
    memcpy (low + self->twin, low, self->layout.stride * sizeof (guint16));
}

static void
integral_add_row (HaarIntegral *self, const guint8 *pixels, gint y)
{
  self->kernel->add_row (self, pixels, y);
  if (self->tilted)
    add_tilted_row (self, pixels, y);
}

/* --- the pyramid --- */

/* @tilted: TRUE if the cascade has tilted features */
static HaarPyramid *
pyramid_new (const HaarKernel *kernel, gboolean tilted)
{
  HaarPyramid *self = g_new0 (HaarPyramid, 1);

  self->integral.kernel = kernel;
  self->tilted = tilted;
  return self;
}

static void
pyramid_free (HaarPyramid *self)
{
  integral_clear (&self->integral);
  g_free (self->columns.firsts);
  g_free (self->columns.weights);
  g_free (self->rows.firsts);
  g_free (self->rows.weights);
  g_free (self->blended);
  g_free (self->row);
  g_free (self);
}

/* Begins a level of @picture, which must live until the end of the level. Returns: (nullable): the
 * integral images, which have no row yet; NULL if there is no memory for them */
static const HaarIntegral *
pyramid_start (HaarPyramid *self, const HaarPicture *picture, const HaarLevel *level)
{
  self->picture = *picture;
  self->n_rows = 0;
  if (!start_resizing (self, level) || !integral_start (&self->integral, level, self->tilted))
    return NULL;
  return &self->integral;
}

/* Adds all rows of the smaller picture before row @end to the integral images. */
static void
pyramid_add_rows (HaarPyramid *self, gint end)
{
  for (; self->n_rows < end; self->n_rows++)
    integral_add_row (&self->integral, make_row (self, self->n_rows), self->n_rows);
}

/* --- the engine --- */

struct _HaarEngine {
  HaarCascade *cascade;
  HaarScanner *scanner;
  HaarPyramid *pyramid;
  GArray *levels;
  GArray *windows; /* array of HaarWindow: the windows of this picture that passed all stages */
};

static void
native_free (HaarEngine *self)
{
  g_clear_pointer (&self->scanner, haar_scanner_free);
  pyramid_free (self->pyramid);
  g_array_unref (self->levels);
  g_array_unref (self->windows);
  haar_cascade_free (self->cascade);
  g_free (self);
}

static HaarEngine *
native_create (GBytes *bytes, GError **error)
{
  /* The environment variable lets benchmarks and tests choose another instruction set than the
   * fastest one. */
  const HaarKernel *kernel = haar_kernel_find (g_getenv ("GST_FOG_HAAR_KERNEL"));
  gsize length;
  const gchar *xml = g_bytes_get_data (bytes, &length);
  HaarCascade *cascade = haar_cascade_parse (xml, length, error);
  HaarEngine *self;

  if (!cascade)
    return NULL;
  self = g_new0 (HaarEngine, 1);
  self->cascade = cascade;
  if (!kernel)
    kernel = haar_kernel_find (NULL);
  self->pyramid = pyramid_new (kernel, cascade->has_tilted);
  self->levels = g_array_new (FALSE, FALSE, sizeof (HaarLevel));
  self->windows = g_array_new (FALSE, FALSE, sizeof (HaarWindow));
  self->scanner = haar_scanner_new (cascade, kernel);
  if (!self->scanner) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
        "there is no memory for windows of %dx%d pixels", cascade->width, cascade->height);
    g_clear_pointer (&self, native_free);
  }
  return self;
}

static gboolean
start_level (HaarEngine *self, const HaarPicture *picture, const HaarLevel *level, GError **error)
{
  const HaarIntegral *integral = pyramid_start (self->pyramid, picture, level);

  if (integral && haar_scanner_start (self->scanner, integral, level))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
      "there is no memory for the sums over a picture of %dx%d", level->width, level->height);
  return FALSE;
}

static gboolean
scan_level (HaarEngine *self, const HaarLevel *level, GError **error)
{
  /* The picture is searched in bands of rows, so that the integral images of a band are still in
   * the cache when the band is scanned. */
  for (gint scanned = 0; scanned < level->rows; scanned += BAND_ROWS) {
    gint end = MIN (scanned + BAND_ROWS, level->rows);

    pyramid_add_rows (self->pyramid, end - 1 + self->cascade->height);
    if (haar_scanner_scan (self->scanner, scanned, end) + self->windows->len > MAX_WINDOWS) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
          "more than %d windows pass: the cascade finds its object everywhere", MAX_WINDOWS);
      return FALSE;
    }
  }
  haar_scanner_finish (self->scanner, self->windows);
  return TRUE;
}

static gboolean
check_input (gint width, gint height, const HaarParams *params, GError **error)
{
  if (width <= 0 || height <= 0 || (gint64) width * height > MAX_PIXELS) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "a picture of %dx%d, expected 1 to %d pixels", width, height, MAX_PIXELS);
    return FALSE;
  }
  if (!(params->scale_factor >= MIN_SCALE_FACTOR)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "a scale factor of %g, expected %g or more", params->scale_factor, MIN_SCALE_FACTOR);
    return FALSE;
  }
  return TRUE;
}

static gboolean
native_detect (HaarEngine *self, const guint8 *gray, gint width, gint height, gsize stride,
    const HaarParams *params, GArray *boxes, GError **error)
{
  const HaarPicture picture = {gray, width, height, stride};

  if (!check_input (width, height, params, error))
    return FALSE;
  g_array_set_size (self->levels, 0);
  g_array_set_size (self->windows, 0);
  plan_levels (self->cascade->width, self->cascade->height, width, height, params, self->levels);
  for (guint i = 0; i < self->levels->len; i++) {
    const HaarLevel *level = &g_array_index (self->levels, HaarLevel, i);

    if (!start_level (self, &picture, level, error) || !scan_level (self, level, error))
      return FALSE;
  }
  haar_group_windows (self->windows, params->min_neighbors, width, height, boxes);
  return TRUE;
}

extern const HaarEngineClass haar_engine_native;
const HaarEngineClass haar_engine_native = {
    .name = "native",
    .checks_cascade = TRUE,
    .create = native_create,
    .detect = native_detect,
    .free = native_free,
};
