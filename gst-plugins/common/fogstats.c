/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogstats.h"

#include <math.h>

const gdouble fog_histogram_bounds[FOG_HISTOGRAM_BOUNDS] = {
    0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60};

void
fog_histogram_add (FogHistogram *self, gdouble time)
{
  guint i = 0;

  if (isnan (time))
    return;
  while (i < FOG_HISTOGRAM_BOUNDS && time > fog_histogram_bounds[i])
    i++;
  self->counts[i]++;
  self->sum += time;
}

void
fog_histogram_to_field (const FogHistogram *self, GstStructure *s, const gchar *name)
{
  GstStructure *histogram = gst_structure_new ("histogram", "sum", G_TYPE_DOUBLE, self->sum, NULL);
  GValue counts = G_VALUE_INIT, count = G_VALUE_INIT;

  gst_value_array_init (&counts, FOG_HISTOGRAM_BOUNDS + 1);
  g_value_init (&count, G_TYPE_UINT64);
  for (guint i = 0; i <= FOG_HISTOGRAM_BOUNDS; i++) {
    g_value_set_uint64 (&count, self->counts[i]);
    gst_value_array_append_value (&counts, &count);
  }
  gst_structure_take_value (histogram, "counts", &counts);
  gst_structure_set (s, name, GST_TYPE_STRUCTURE, histogram, NULL);
  gst_structure_free (histogram);
}

gboolean
fog_histogram_from_structure (FogHistogram *self, const GstStructure *s)
{
  const GValue *counts = gst_structure_get_value (s, "counts");

  *self = (FogHistogram){0};
  if (!gst_structure_has_name (s, "histogram") ||
      !gst_structure_get_double (s, "sum", &self->sum) || !counts ||
      !GST_VALUE_HOLDS_ARRAY (counts) ||
      gst_value_array_get_size (counts) != FOG_HISTOGRAM_BOUNDS + 1)
    return FALSE;
  for (guint i = 0; i <= FOG_HISTOGRAM_BOUNDS; i++) {
    const GValue *count = gst_value_array_get_value (counts, i);

    if (!G_VALUE_HOLDS_UINT64 (count))
      return FALSE;
    self->counts[i] = g_value_get_uint64 (count);
  }
  return TRUE;
}

const gchar *
rate_bound_name (RateBound bound)
{
  static const gchar *const names[RATE_BOUND_COUNT] = {
      [RATE_BOUND_CAMERA] = "camera",
      [RATE_BOUND_FOG] = "fog",
      [RATE_BOUND_LINK] = "link",
      [RATE_BOUND_MINIMUM] = "minimum",
  };

  return names[bound];
}
