/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "erasekafka.h"

#include "toolstime.h"

/* Retention of 1000 years (ms), from which on it counts as unlimited, because some users set a very
 * large number instead of -1. */
#define FOR_EVER (G_GINT64_CONSTANT (1000) * 365 * 24 * 3600 * 1000)

static gint
compare_offsets (gconstpointer a, gconstpointer b)
{
  gint64 one = *(const gint64 *) a, other = *(const gint64 *) b;

  return one < other ? -1 : one > other;
}

guint
erase_count_prefix (GArray *offsets, gint64 low)
{
  guint n = 0;

  g_array_sort (offsets, compare_offsets);
  while (n < offsets->len && g_array_index (offsets, gint64, n) == low + n)
    n++;
  return n;
}

gchar *
erase_describe_end (gint64 newest, gint64 retention, gint64 segment)
{
  g_autofree gchar *time = NULL;

  if (retention < 0 || retention > FOR_EVER)
    return g_strdup_printf ("for ever: its retention.ms is %" G_GINT64_FORMAT, retention);
  if (segment > FOR_EVER)
    return g_strdup_printf ("until its segment is full, and then for %" G_GINT64_FORMAT
                            " ms (retention.ms)",
        retention);
  time = tools_time_to_text (newest + retention + MAX (segment, 0));
  return g_strdup_printf ("until %s at the latest (retention.ms and segment.ms)", time);
}
