/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>

#include "haargroup.h"
#include "haarintegral.h"
#include "haarpyramid.h"
#include "haarscan.h"

struct _HaarEngine {
  HaarCascade *cascade;
  HaarScanner *scanner;
  HaarIntegral integral;
  HaarResizer *resizer;
  GArray *levels;
};

static HaarEngine *
native_create (GBytes *bytes, GError **error)
{
  /* For comparisons: another instruction set than the best one. */
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
  self->scanner = haar_scanner_new (cascade, kernel);
  self->integral.kernel = kernel;
  self->resizer = haar_resizer_new (kernel);
  self->levels = g_array_new (FALSE, FALSE, sizeof (HaarLevel));
  return self;
}

static void
native_free (HaarEngine *self)
{
  haar_scanner_free (self->scanner);
  haar_integral_clear (&self->integral);
  haar_resizer_free (self->resizer);
  g_array_unref (self->levels);
  haar_cascade_free (self->cascade);
  g_free (self);
}

static void
scan_level (HaarEngine *self, const guint8 *gray, gint width, gint height, gsize stride,
    const HaarLevel *level, GArray *rects)
{
  const HaarLayout layout = {haar_integral_stride (level->width), level->step};

  haar_resizer_start (self->resizer, gray, width, height, stride, level->width, level->height);
  haar_integral_start (
      &self->integral, &layout, level->width, level->height, self->cascade->has_tilted);
  for (gint y = 0; y < level->height; y++)
    haar_integral_add_row (&self->integral, haar_resizer_row (self->resizer, y), y);
  haar_scanner_scan (self->scanner, &self->integral, level, rects);
}

static gboolean
native_detect (HaarEngine *self, const guint8 *gray, gint width, gint height, gsize stride,
    const HaarParams *params, GArray *rects, GError **error)
{
  g_array_set_size (self->levels, 0);
  haar_pyramid_plan (
      self->cascade->width, self->cascade->height, width, height, params, self->levels);
  for (guint i = 0; i < self->levels->len; i++)
    scan_level (
        self, gray, width, height, stride, &g_array_index (self->levels, HaarLevel, i), rects);
  haar_group_rects (rects, params->min_neighbors);
  haar_clip_rects (rects, width, height);
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
