/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongojson.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

typedef struct {
  const gchar *at, *end;
  const gchar *copied; /* what stands before it is in out */
  GString *out;
  gchar key[16]; /* the last name, if it is so short */
  guint dates_cut;
} Scan;

static gboolean
refuse (GError **error, const gchar *form, const gchar *value, gsize size)
{
  g_autofree gchar *shown = g_strndup (value, MIN (size, 40));

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, form, shown);
  return FALSE;
}

/* Numbers */

static const gchar *
skip_digits (const gchar *at, const gchar *end)
{
  while (at < end && g_ascii_isdigit (*at))
    at++;
  return at;
}

/* (nullable): behind a number as JSON writes it. @whole: (out): without fraction or exponent */
static const gchar *
match_number (const gchar *at, const gchar *end, gboolean *whole)
{
  const gchar *digits;

  at += at < end && *at == '-';
  digits = at;
  at = skip_digits (at, end);
  if (at == digits || (*digits == '0' && at - digits > 1))
    return NULL;
  *whole = TRUE;
  if (at < end && *at == '.') {
    *whole = FALSE;
    digits = ++at;
    if ((at = skip_digits (at, end)) == digits)
      return NULL;
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    *whole = FALSE;
    at++;
    at += at < end && (*at == '+' || *at == '-');
    digits = at;
    if ((at = skip_digits (at, end)) == digits)
      return NULL;
  }
  return at;
}

/* What int64 doesn't hold becomes a double, which may hold another value. */
static gboolean
keeps_value (const gchar *number, gboolean whole)
{
  gdouble value = g_ascii_strtod (number, NULL);
  g_autofree gchar *again = NULL;

  if (!isfinite (value))
    return FALSE;
  if (!whole || g_ascii_string_to_signed (number, 10, G_MININT64, G_MAXINT64, NULL, NULL))
    return TRUE;
  again = g_strdup_printf ("%.0f", value);
  return g_str_equal (again, number);
}

static gboolean
take_number (Scan *self, GError **error)
{
  const gchar *start = self->at, *end = self->at;
  g_autofree gchar *number = NULL;
  gboolean whole;

  while (end < self->end && (g_ascii_isalnum (*end) || strchr ("+-.", *end)))
    end++;
  self->at = end;
  if (match_number (start, end, &whole) != end)
    return refuse (error, "%s is no number in JSON", start, end - start);
  number = g_strndup (start, end - start);
  return keeps_value (number, whole) ||
         refuse (error, "%s can't be stored as exactly this number", start, end - start);
}

/* Dates */

/* Digits of a second's fraction: those of milliseconds, and whether others are lost. */
static gint64
take_fraction (const gchar *digits, gsize n, gboolean *cut)
{
  gint64 ms = 0;

  for (gsize i = 0; i < 3; i++)
    ms = ms * 10 + (i < n ? digits[i] - '0' : 0);
  for (gsize i = 3; i < n; i++)
    *cut |= digits[i] != '0';
  return ms;
}

/* FALSE: it isn't one. */
static gboolean
parse_date (const gchar *text, gint64 *ms, gboolean *cut)
{
  const gchar *point = strpbrk (text, ".,");
  gsize n = point ? strspn (point + 1, "0123456789") : 0;
  g_autofree gchar *seconds =
      point ? g_strdup_printf ("%.*s%s", (gint) (point - text), text, point + 1 + n)
            : g_strdup (text);
  g_autoptr (GDateTime) date = NULL;

  *cut = FALSE;
  if (point && n == 0)
    return FALSE;
  date = g_date_time_new_from_iso8601 (seconds, NULL);
  if (!date)
    return FALSE;
  *ms = g_date_time_to_unix (date) * 1000 + (n ? take_fraction (point + 1, n, cut) : 0);
  return TRUE;
}

/* As the library reads it: 2026-11-25T00:44:00.123Z. */
static gboolean
is_plain_date (const gchar *text, gsize size)
{
  static const gchar form[] = "dddd-dd-ddTdd:dd:dd";
  gsize n = strlen (form), digits;

  if (size <= n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (form[i] == 'd' ? !g_ascii_isdigit (text[i]) : text[i] != form[i])
      return FALSE;
  if (text[n] == 'Z')
    return size == n + 1;
  digits = strspn (text + n + 1, "0123456789");
  return text[n] == '.' && digits == 3 && size == n + 5 && text[n + 4] == 'Z';
}

/* @text: the string's inside */
static gboolean
take_date (Scan *self, const gchar *text, gsize size, GError **error)
{
  g_autofree gchar *date = NULL;
  gboolean cut;
  gint64 ms;

  if (is_plain_date (text, size))
    return TRUE;
  date = g_strndup (text, size);
  if (!parse_date (date, &ms, &cut))
    return refuse (
        error, "\"%s\" is no date with a time zone, as in 2026-11-25T00:44:00.123Z", text, size);
  self->dates_cut += cut;
  g_string_append_len (self->out, self->copied, text - 1 - self->copied);
  g_string_append_printf (self->out, "{\"$numberLong\":\"%" G_GINT64_FORMAT "\"}", ms);
  self->copied = self->at;
  return TRUE;
}

/* Strings */

/* Behind the closing quote; @nul: (out): a \u0000 is in it. (nullable): it has none */
static const gchar *
skip_string (const gchar *at, const gchar *end, gboolean *nul)
{
  *nul = FALSE;
  for (at++; at < end && *at != '"'; at++) {
    *nul |= *at == 0;
    if (*at != '\\')
      continue;
    if (++at == end)
      return NULL;
    *nul |= *at == 'u' && end - at > 4 && memcmp (at + 1, "0000", 4) == 0;
  }
  return at < end ? at + 1 : NULL;
}

static gboolean
is_name (const Scan *self)
{
  const gchar *at = self->at;

  while (at < self->end && g_ascii_isspace (*at))
    at++;
  return at < self->end && *at == ':';
}

/* Whose text the library cuts at a NUL. */
static gboolean
is_cut_at_nul (const gchar *key)
{
  static const gchar *const cut[] = {
      "$code", "$symbol", "$regex", "$options", "pattern", "options", "$ref"};

  for (guint i = 0; i < G_N_ELEMENTS (cut); i++)
    if (g_str_equal (cut[i], key))
      return TRUE;
  return FALSE;
}

/* FALSE with @error unset: the string has no end, which the library says */
static gboolean
take_string (Scan *self, GError **error)
{
  const gchar *start = self->at + 1;
  gboolean nul;
  gsize size;

  self->at = skip_string (self->at, self->end, &nul);
  if (!self->at) {
    self->at = self->end;
    return TRUE;
  }
  size = self->at - 1 - start;
  if (is_name (self)) {
    g_strlcpy (self->key, "", sizeof self->key);
    if (size < sizeof self->key)
      g_strlcpy (self->key, start, size + 1);
    return !nul || refuse (error, "the name \"%s\" has a NUL in it", start, size);
  }
  if (nul && is_cut_at_nul (self->key))
    return refuse (error, "\"%s\" has a NUL in it, at which it would be cut", start, size);
  return !g_str_equal (self->key, "$date") || take_date (self, start, size, error);
}

GString *
mongo_json_prepare (const gchar *text, gsize size, guint *dates_cut, GError **error)
{
  Scan self = {text, text + size, text, g_string_sized_new (size + 32), "", 0};
  gboolean fine = TRUE;

  while (fine && self.at < self.end) {
    if (*self.at == '"')
      fine = take_string (&self, error);
    else if (*self.at == '-' || *self.at == '+' || g_ascii_isdigit (*self.at))
      fine = take_number (&self, error);
    else
      self.at++;
  }
  g_string_append_len (self.out, self.copied, self.end - self.copied);
  *dates_cut = self.dates_cut;
  if (!fine)
    g_string_free (g_steal_pointer (&self.out), TRUE);
  return self.out;
}
