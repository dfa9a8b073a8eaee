/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "toolstime.h"

#include <string.h>

/* Largest time, ms; a larger time doesn't fit into 64 bits as ns. */
#define MOST_TIME (G_MAXINT64 / 1000000)

static gint64
find_unit (const gchar *name)
{
  static const struct {
    const gchar *name;
    gint64 ms;
  } units[] = {{"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_str_equal (name, units[i].name))
      return units[i].ms;
  return 0;
}

static gboolean
parse_relative (const gchar *text, gint64 now, gint64 *ms)
{
  gchar *unit;
  guint64 count = g_ascii_isdigit (text[1]) ? g_ascii_strtoull (text + 1, &unit, 10) : 0;
  gint64 factor = count ? find_unit (unit) : 0;

  if (!factor || count > (guint64) (now / factor))
    return FALSE;
  *ms = now - (gint64) count * factor;
  return TRUE;
}

static gboolean
parse_moment (const gchar *text, gint64 *ms)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, NULL);

  if (!time)
    return FALSE;
  *ms = g_date_time_to_unix (time) * 1000 + g_date_time_get_microsecond (time) / 1000;
  return *ms >= 0 && *ms < MOST_TIME;
}

gboolean
tools_time_parse (const gchar *text, gint64 now, gint64 *ms, GError **error)
{
  *ms = now;
  if (g_str_equal (text, "now") ||
      (*text == '-' ? parse_relative (text, now, ms) : parse_moment (text, ms)))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "\"%s\" is no time. Write it as 2026-11-25T00:44:00Z or 2026-11-25T01:44:00+01:00 (with its "
      "zone), as -5min (s, min, h, d), or as now.",
      text);
  return FALSE;
}

gchar *
tools_time_to_text (gint64 ms)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (ms / 1000);
  g_autofree gchar *text = time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : g_strdup ("?");

  return g_strdup_printf ("%s.%03dZ", text, (gint) (ms % 1000));
}
