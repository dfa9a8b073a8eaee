/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>

#include "haargroup.h"
#include "haarpyramid.h"
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
  haar_pyramid_free (self->pyramid);
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
  self->pyramid = haar_pyramid_new (kernel, cascade->has_tilted);
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
  const HaarIntegral *integral = haar_pyramid_start (self->pyramid, picture, level);

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

    haar_pyramid_add_rows (self->pyramid, end - 1 + self->cascade->height);
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
  haar_pyramid_plan (
      self->cascade->width, self->cascade->height, width, height, params, self->levels);
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
