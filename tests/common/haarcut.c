/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcut.h"

#include <string.h>

GBytes *
haar_cut_stages (GBytes *cascade, guint n)
{
  const gchar *text = g_bytes_get_data (cascade, NULL);
  const gchar *cut = strstr (text, "<stages>"), *end = strstr (text, "</stages>");
  GString *shorter;

  for (guint i = 0; i <= n && cut; i++)
    cut = strstr (cut + 1, strstr (text, "<trees>") ? "<trees>" : "<maxWeakCount>");
  if (!cut || cut > end)
    return g_bytes_ref (cascade);
  while (!g_str_has_prefix (cut, "<_>"))
    cut--;
  shorter = g_string_new_len (text, cut - text);
  g_string_append (shorter, end);
  return g_string_free_to_bytes (shorter);
}
