/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsquiet.h"

#include <string.h>

#define DAY_MINUTES (24 * 60)
#define ALL_DAYS 0x7f

typedef struct {
  guint days;     /* bits; bit 0 is Monday */
  guint from, to; /* minutes since midnight; if @to <= @from, the span ends on the next day */
} Span;

struct _AlertsQuiet {
  GTimeZone *zone;
  GArray *spans; /* of Span */
};

static gboolean
fail (GError **error, const gchar *format, const gchar *what)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, what);
  return FALSE;
}

static gint
find_day (const gchar *name)
{
  static const gchar *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (name, names[i]) == 0)
      return (gint) i;
  return -1;
}

/* Reads days such as `sat`, or `fri-mon`, which includes Saturday and Sunday. */
static gboolean
read_days (const gchar *text, guint *days, GError **error)
{
  g_auto (GStrv) ends = g_strsplit (text, "-", 2);
  gint first = ends[0] ? find_day (ends[0]) : -1;
  gint last = ends[0] && ends[1] ? find_day (ends[1]) : first;

  if (first < 0 || last < 0)
    return fail (
        error, "\"%s\" is neither a day (mon, tue, wed, thu, fri, sat, sun) nor two", text);
  *days = 0;
  for (gint day = first; day != last; day = (day + 1) % 7)
    *days |= 1U << day;
  *days |= 1U << last;
  return TRUE;
}

static gboolean
is_time (const gchar *text)
{
  return strlen (text) == 5 && g_ascii_isdigit (text[0]) && g_ascii_isdigit (text[1]) &&
         text[2] == ':' && g_ascii_isdigit (text[3]) && g_ascii_isdigit (text[4]);
}

static gboolean
read_time (const gchar *text, guint *minutes)
{
  if (!is_time (text) || text[3] > '5')
    return FALSE;
  *minutes = (guint) ((text[0] - '0') * 10 + text[1] - '0') * 60 +
             (guint) ((text[3] - '0') * 10 + text[4] - '0');
  return *minutes <= DAY_MINUTES;
}

static gboolean
read_hours (const gchar *text, Span *span, GError **error)
{
  g_auto (GStrv) ends = g_strsplit (text, "-", 2);

  if (!ends[0] || !ends[1] || !read_time (ends[0], &span->from) || !read_time (ends[1], &span->to))
    return fail (error, "\"%s\" isn't a span of time as 22:00-06:00", text);
  if (span->from == span->to || span->from == DAY_MINUTES)
    return fail (error, "\"%s\" is empty; a whole day is 00:00-24:00", text);
  return TRUE;
}

static gboolean
read_span (gchar *text, Span *span, GError **error)
{
  gchar *space = strchr (g_strstrip (text), ' ');

  span->days = ALL_DAYS;
  if (!space)
    return read_hours (text, span, error);
  *space = '\0';
  return read_days (text, &span->days, error) && read_hours (g_strstrip (space + 1), span, error);
}

static GTimeZone *
find_zone (const gchar *name, GError **error)
{
  GTimeZone *zone = name ? g_time_zone_new_identifier (name) : g_time_zone_new_local ();

  if (!zone)
    fail (error, "this machine knows no time zone \"%s\" (Debian has them in tzdata)", name);
  return zone;
}

AlertsQuiet *
alerts_quiet_parse (const gchar *text, const gchar *zone, GError **error)
{
  g_autoptr (AlertsQuiet) self = g_new0 (AlertsQuiet, 1);
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  Span span;

  self->spans = g_array_new (FALSE, FALSE, sizeof (Span));
  self->zone = find_zone (zone, error);
  if (!self->zone)
    return NULL;
  for (guint i = 0; parts[i]; i++) {
    if (!read_span (parts[i], &span, error))
      return NULL;
    g_array_append_val (self->spans, span);
  }
  return g_steal_pointer (&self);
}

void
alerts_quiet_free (AlertsQuiet *self)
{
  g_clear_pointer (&self->zone, g_time_zone_unref);
  g_array_unref (self->spans);
  g_free (self);
}

/* @day: 0 is Monday */
static gboolean
span_contains (const Span *span, guint day, guint minute)
{
  gboolean today = span->days >> day & 1, yesterday = span->days >> (day + 6) % 7 & 1;

  if (span->from < span->to)
    return today && minute >= span->from && minute < span->to;
  return (today && minute >= span->from) || (yesterday && minute < span->to);
}

gboolean
alerts_quiet_contains (const AlertsQuiet *self, gint64 now)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (now / 1000);
  g_autoptr (GDateTime) local = self && utc ? g_date_time_to_timezone (utc, self->zone) : NULL;
  guint day, minute;

  if (!local)
    return FALSE;
  day = (guint) g_date_time_get_day_of_week (local) - 1;
  minute = (guint) (g_date_time_get_hour (local) * 60 + g_date_time_get_minute (local));
  for (guint i = 0; i < self->spans->len; i++)
    if (span_contains (&g_array_index (self->spans, Span, i), day, minute))
      return TRUE;
  return FALSE;
}
