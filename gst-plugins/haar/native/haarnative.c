/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include <gio/gio.h>

#include "haarexact.h"
#include "haargroup.h"
#include "haarpyramid.h"

struct _HaarEngine {
  HaarCascade *cascade;
  HaarExact exact[2]; /* for steps of 1 and 2 */
  HaarIntegral integral;
  HaarResizer *resizer;
  GArray *levels;
};

static HaarEngine *
native_create (GBytes *bytes, GError **error)
{
  gsize length;
  const gchar *xml = g_bytes_get_data (bytes, &length);
  HaarCascade *cascade = haar_cascade_parse (xml, length, error);
  HaarEngine *self;

  if (!cascade)
    return NULL;
  self = g_new0 (HaarEngine, 1);
  self->cascade = cascade;
  for (guint i = 0; i < G_N_ELEMENTS (self->exact); i++)
    haar_exact_init (&self->exact[i], cascade);
  self->resizer = haar_resizer_new ();
  self->levels = g_array_new (FALSE, FALSE, sizeof (HaarLevel));
  return self;
}

static void
native_free (HaarEngine *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->exact); i++)
    haar_exact_clear (&self->exact[i]);
  haar_integral_clear (&self->integral);
  haar_resizer_free (self->resizer);
  g_array_unref (self->levels);
  haar_cascade_free (self->cascade);
  g_free (self);
}

static void
prepare_level (HaarEngine *self, const guint8 *gray, gint width, gint height, gsize stride,
    const HaarLayout *layout, const HaarLevel *level)
{
  haar_resizer_start (self->resizer, gray, width, height, stride, level->width, level->height);
  haar_integral_start (
      &self->integral, layout, level->width, level->height, self->cascade->has_tilted);
  for (gint y = 0; y < level->height; y++)
    haar_integral_add_row (&self->integral, haar_resizer_row (self->resizer, y), y);
}

/* How many stages the window passes; -1 if its contrast is too low to be evaluated. */
static gint
passed_stages (HaarEngine *self, const HaarExact *exact, gint at)
{
  gint64 variance = haar_exact_variance (exact, &self->integral, at);
  gfloat factor;
  guint stage = 0;

  if (variance < exact->least_variance)
    return -1;
  factor = haar_exact_factor (variance);
  while (stage < self->cascade->n_stages &&
         haar_exact_stage (exact, &self->integral, at, factor, stage))
    stage++;
  return (gint) stage;
}

static void
add_window (GArray *rects, const HaarLevel *level, gint x, gint y)
{
  HaarRect rect = {(gint) lrintf (x * level->scale), (gint) lrintf (y * level->scale),
      level->window_width, level->window_height};

  g_array_append_val (rects, rect);
}

static void
scan_level (HaarEngine *self, const HaarExact *exact, const HaarLevel *level, GArray *rects)
{
  for (gint y = 0; y < level->rows; y += level->step) {
    for (gint x = 0; x < level->columns; x += level->step) {
      gint passed = passed_stages (self, exact, haar_layout_index (&exact->layout, x, y));

      if (passed == (gint) self->cascade->n_stages)
        add_window (rects, level, x, y);
      if (passed == 0)
        x += level->step;
    }
  }
}

static gboolean
native_detect (HaarEngine *self, const guint8 *gray, gint width, gint height, gsize stride,
    const HaarParams *params, GArray *rects, GError **error)
{
  gint row = haar_integral_stride (width);

  g_array_set_size (self->levels, 0);
  haar_pyramid_plan (
      self->cascade->width, self->cascade->height, width, height, params, self->levels);
  for (guint i = 0; i < self->levels->len; i++) {
    const HaarLevel *level = &g_array_index (self->levels, HaarLevel, i);
    const HaarLayout layout = {row, level->step};
    HaarExact *exact = &self->exact[level->step - 1];

    haar_exact_set_layout (exact, &layout);
    prepare_level (self, gray, width, height, stride, &layout, level);
    scan_level (self, exact, level, rects);
  }
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
