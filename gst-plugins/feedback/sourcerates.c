/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sourcerates.h"

#include <math.h>

typedef struct {
  gdouble rate;
  gint native_n, native_d;
  gboolean found;
  gint n, d;
} Choice;

static gboolean
is_better (const Choice *choice, gdouble rate)
{
  gdouble best = choice->found ? (gdouble) choice->n / choice->d : 0;
  gdouble wanted = choice->rate * (1 - 1e-9);

  if (!choice->found || best < wanted)
    return rate > best;
  return rate >= wanted && rate < best;
}

static void
consider (Choice *choice, gint n, gint d)
{
  if (n <= 0 || d <= 0 || gst_util_fraction_compare (n, d, choice->native_n, choice->native_d) > 0)
    return;
  if (!is_better (choice, (gdouble) n / d))
    return;
  choice->found = TRUE;
  choice->n = n;
  choice->d = d;
}

/* Of a range, whole numbers: a change for each small step would be too many changes. */
static void
consider_range (Choice *choice, const GValue *range)
{
  const GValue *min = gst_value_get_fraction_range_min (range);
  const GValue *max = gst_value_get_fraction_range_max (range);
  gint n = (gint) CLAMP (ceil (choice->rate - 1e-9), 1, G_MAXINT), d = 1;

  if (gst_util_fraction_compare (n, d, choice->native_n, choice->native_d) > 0) {
    n = choice->native_n;
    d = choice->native_d;
  }
  if (gst_util_fraction_compare (n, d, gst_value_get_fraction_numerator (max),
          gst_value_get_fraction_denominator (max)) > 0)
    consider (
        choice, gst_value_get_fraction_numerator (max), gst_value_get_fraction_denominator (max));
  else if (gst_util_fraction_compare (n, d, gst_value_get_fraction_numerator (min),
               gst_value_get_fraction_denominator (min)) < 0)
    consider (
        choice, gst_value_get_fraction_numerator (min), gst_value_get_fraction_denominator (min));
  else
    consider (choice, n, d);
}

static void
consider_value (Choice *choice, const GValue *value)
{
  if (GST_VALUE_HOLDS_FRACTION (value)) {
    consider (choice, gst_value_get_fraction_numerator (value),
        gst_value_get_fraction_denominator (value));
  } else if (GST_VALUE_HOLDS_FRACTION_RANGE (value)) {
    consider_range (choice, value);
  } else if (GST_VALUE_HOLDS_LIST (value)) {
    for (guint i = 0; i < gst_value_list_get_size (value); i++)
      consider_value (choice, gst_value_list_get_value (value, i));
  }
}

gboolean
source_rates_choose (
    const GstCaps *offered, gdouble rate, gint native_n, gint native_d, gint *n, gint *d)
{
  Choice choice = {rate, native_n, native_d, FALSE, 0, 1};

  for (guint i = 0; i < gst_caps_get_size (offered); i++) {
    const GValue *value =
        gst_structure_get_value (gst_caps_get_structure (offered, i), "framerate");

    if (value)
      consider_value (&choice, value);
  }
  *n = choice.n;
  *d = choice.d;
  return choice.found;
}

GstCaps *
source_rates_any (const GstCaps *caps)
{
  GstCaps *any = gst_caps_copy (caps);

  for (guint i = 0; i < gst_caps_get_size (any); i++)
    gst_structure_remove_field (gst_caps_get_structure (any, i), "framerate");
  return any;
}
