/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongodate.h"

#include <string.h>

typedef struct {
  const gchar *at;
  const gchar *end;
} Text;

static gboolean
skip_one_of (Text *text, const gchar *wanted)
{
  if (text->at == text->end || !*text->at || !strchr (wanted, *text->at))
    return FALSE;
  text->at++;
  return TRUE;
}

static gboolean
read_digits (Text *text, guint count, gint *value)
{
  *value = 0;
  while (count && text->at < text->end && g_ascii_isdigit (*text->at)) {
    *value = *value * 10 + g_ascii_digit_value (*text->at++);
    count--;
  }
  return count == 0;
}

static gboolean
read_date (Text *text, gint *year, gint *month, gint *day)
{
  return read_digits (text, 4, year) && skip_one_of (text, "-") && read_digits (text, 2, month) &&
         skip_one_of (text, "-") && read_digits (text, 2, day);
}

/* Reads at least one digit. Digits after the third are cut off. */
static gboolean
read_fraction (Text *text, gint *ms, gboolean *cut)
{
  gint unit = 100;

  *ms = 0;
  if (text->at == text->end || !g_ascii_isdigit (*text->at))
    return FALSE;
  for (; text->at < text->end && g_ascii_isdigit (*text->at); text->at++, unit /= 10) {
    *ms += unit * g_ascii_digit_value (*text->at);
    *cut |= unit == 0 && *text->at != '0';
  }
  return TRUE;
}

static gboolean
read_time (Text *text, gint *hour, gint *minute, gint *second, gint *ms, gboolean *cut)
{
  *second = *ms = 0;
  if (!read_digits (text, 2, hour) || !skip_one_of (text, ":") || !read_digits (text, 2, minute))
    return FALSE;
  if (!skip_one_of (text, ":"))
    return TRUE;
  return read_digits (text, 2, second) &&
         (!skip_one_of (text, ".,") || read_fraction (text, ms, cut));
}

/* Reads Z, +01, +0100 or +01:00. @offset: in seconds */
static gboolean
read_offset (Text *text, gint *offset)
{
  gint hours, minutes = 0, sign = text->at < text->end && *text->at == '-' ? -1 : 1;

  *offset = 0;
  if (skip_one_of (text, "Zz"))
    return TRUE;
  if (!skip_one_of (text, "+-") || !read_digits (text, 2, &hours))
    return FALSE;
  if (text->at < text->end) {
    skip_one_of (text, ":");
    if (!read_digits (text, 2, &minutes))
      return FALSE;
  }
  *offset = sign * (hours * 3600 + minutes * 60);
  return hours < 24 && minutes < 60;
}

const gchar *
mongo_date_parse (const gchar *text, gsize size, gint64 *ms, gboolean *cut)
{
  Text rest = {text, text + size};
  gint year, month, day, hour, minute, second, fraction, offset;
  g_autoptr (GDateTime) date = NULL;

  *cut = FALSE;
  if (!read_date (&rest, &year, &month, &day) || !skip_one_of (&rest, "Tt ") ||
      !read_time (&rest, &hour, &minute, &second, &fraction, cut))
    return "a $date is not of the form 2026-11-25T00:44:00.123Z";
  if (rest.at == rest.end)
    return "a $date has no offset from UTC: it must end with Z or an offset such as +01:00";
  if (!read_offset (&rest, &offset) || rest.at != rest.end)
    return "a $date doesn't end with Z or an offset such as +01:00";
  if (!(date = g_date_time_new_utc (year, month, day, hour, minute, second)))
    return "a $date doesn't exist in the calendar";
  *ms = (g_date_time_to_unix (date) - offset) * 1000 + fraction;
  return NULL;
}
