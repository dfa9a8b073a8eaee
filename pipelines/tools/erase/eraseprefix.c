/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "erasekafka.h"

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
