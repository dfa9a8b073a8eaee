/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongojson.h"

#include <bson/bson.h>
#include <errno.h>
#include <gio/gio.h>
#include <glib.h>
#include <math.h>
#include <string.h>

/* --- dates --- */

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

/* Reads the digits of a fraction of a second as milliseconds; digits after the third one are cut
 * off. Returns FALSE if there is no digit. */
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

/**
 * date_parse:
 * @text: a date and time in the extended form of ISO 8601 or RFC 3339, with an offset from UTC:
 *   `2026-11-25T00:44:00.123456+01:00`. A space may replace the T, and the seconds may be missing.
 * @size: number of bytes of @text
 * @ms: (out): milliseconds since the Unix epoch; digits below the millisecond are cut off
 * @cut: (out): TRUE if a digit other than 0 was cut off
 *
 * Returns: (nullable): the error as a text for users; %NULL on success
 */
static const gchar *
date_parse (const gchar *text, gsize size, gint64 *ms, gboolean *cut)
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

/* --- Extended JSON --- */

/* The nesting depth of JSON that libbson accepts. This depth is checked here, because libbson's own
 * error gives only a code of its parser. */
#define LEVELS_MAX 98

typedef const gchar *(*Check) (const gchar *text, gsize size);

typedef enum { TYPE, DATE, PART_OF_BINARY, PART_OF_REGEX, PART_OF_TIMESTAMP, PART_OF_POINTER } Kind;

/* A key of Extended JSON. */
typedef struct {
  const gchar *name;
  Kind kind;
  /* function that checks a text as value of the key, and returns NULL or an error; nullable */
  Check check;
} Key;

typedef struct {
  gboolean is_object;
  gboolean has_keys;
  /* the object's first key, if it makes the object a value of Extended JSON, such as $date; else
   * NULL */
  const Key *type;
  gboolean awaits_key;
  /* the key that was read last, if it has a meaning in Extended JSON at this place; else NULL */
  const Key *key;
  /* for each element of the table of keys, a bit that is 1 if this object has the key */
  guint32 seen;
  /* error in the value of the object's $type, which is reported only if a $binary follows */
  const gchar *doubt;
} Level;

typedef struct {
  const gchar *at;
  const gchar *end;
  const gchar *copied; /* end of the text that was already copied to @out */
  GString *out;
  GString *unescaped;
  guint dates_cut;
  guint depth;
  Level levels[LEVELS_MAX];
} Scan;

/* --- numbers --- */

static const gchar *
skip_digits (const gchar *at, const gchar *end)
{
  while (at < end && g_ascii_isdigit (*at))
    at++;
  return at;
}

/* Returns: (nullable): the end of a fraction or exponent at @at, which begins with one of @marks
 * and has digits; @at if none begins there; %NULL if its digits are missing */
static const gchar *
skip_part (const gchar *at, const gchar *end, const gchar *marks, const gchar *signs)
{
  const gchar *digits = at + 1;

  if (at == end || !*at || !strchr (marks, *at))
    return at;
  if (digits < end && *digits && strchr (signs, *digits))
    digits++;
  at = skip_digits (digits, end);
  return at > digits ? at : NULL;
}

/* Returns: (nullable): the end of the JSON integer at @at; %NULL if there is none */
static const gchar *
skip_integer (const gchar *at, const gchar *end)
{
  const gchar *digits = at < end && *at == '-' ? at + 1 : at;

  at = skip_digits (digits, end);
  return at == digits || (*digits == '0' && at > digits + 1) ? NULL : at;
}

/* Returns: (nullable): the end of the JSON number at @at; %NULL if there is none */
static const gchar *
skip_number (const gchar *at, const gchar *end)
{
  at = skip_integer (at, end);
  at = at ? skip_part (at, end, ".", "") : NULL;
  return at ? skip_part (at, end, "eE", "+-") : NULL;
}

/* Returns TRUE if the number isn't 0, but becomes 0 as a double. At least one byte must follow the
 * number in memory. */
static gboolean
vanishes (const gchar *at, const gchar *end)
{
  const gchar *digit = at;

  while (digit < end && !(*digit >= '1' && *digit <= '9') && *digit != 'e' && *digit != 'E')
    digit++;
  return digit < end && g_ascii_isdigit (*digit) &&
         fpclassify (g_ascii_strtod (at, NULL)) == FP_ZERO;
}

/* Returns TRUE if the whole number fits into 64 bits; libbson reads some larger numbers as other
 * numbers, for example 2^64 as 0. At least one byte must follow the number in memory. */
static gboolean
fits_64_bits (const gchar *at)
{
  errno = 0;
  g_ascii_strtoll (at, NULL, 10);
  return errno != ERANGE;
}

/* --- values of Extended JSON --- */

static const gchar *
check_long (const gchar *text, gsize size)
{
  if (skip_integer (text, text + size) != text + size)
    return "a $numberInt or $numberLong isn't a whole number";
  return fits_64_bits (text) ? NULL : "a $numberLong is out of range: it has more than 64 bits";
}

static const gchar *
check_int (const gchar *text, gsize size)
{
  const gchar *wrong = check_long (text, size);
  gint64 value = wrong ? 0 : g_ascii_strtoll (text, NULL, 10);

  return wrong || (value >= G_MININT32 && value <= G_MAXINT32)
             ? wrong
             : "a $numberInt is out of range: it has more than 32 bits (INT32)";
}

static gboolean
is_text (const gchar *text, gsize size, const gchar *wanted)
{
  return size == strlen (wanted) && memcmp (text, wanted, size) == 0;
}

static const gchar *
check_double (const gchar *text, gsize size)
{
  if (is_text (text, size, "NaN") || is_text (text, size, "Infinity") ||
      is_text (text, size, "-Infinity"))
    return NULL;
  if (skip_number (text, text + size) != text + size)
    return "a $numberDouble is not a number";
  return vanishes (text, text + size) ? "a $numberDouble is too small for a double" : NULL;
}

/* The largest number of digits of an exponent, because libbson takes an exponent that doesn't fit
 * into an int modulo 2^32: it reads 1E4294967297 as 10. */
#define EXPONENT_DIGITS_MAX 9

/* Returns TRUE if the number has no exponent, or an exponent that libbson reads correctly. */
static gboolean
has_sound_exponent (const gchar *text)
{
  const gchar *mark = strpbrk (text, "eE"), *end = text + strlen (text), *digits;

  if (!mark)
    return TRUE;
  digits = mark + 1 + (mark[1] == '-' || mark[1] == '+');
  if (digits == end || skip_digits (digits, end) != end)
    return FALSE;
  return strlen (digits + strspn (digits, "0")) <= EXPONENT_DIGITS_MAX;
}

static const gchar *
check_decimal (const gchar *text, gsize size)
{
  g_autofree gchar *terminated = g_strndup (text, size);
  bson_decimal128_t decimal;

  return strlen (terminated) == size && has_sound_exponent (terminated) &&
                 bson_decimal128_from_string (terminated, &decimal)
             ? NULL
             : "a $numberDecimal isn't a decimal number, or has more than 34 digits, or is out of "
               "range";
}

static const gchar *
check_subtype (const gchar *text, gsize size)
{
  return size >= 1 && size <= 2 && g_ascii_isxdigit (text[0]) && g_ascii_isxdigit (text[size - 1])
             ? NULL
             : "the type of a $binary isn't one or two hexadecimal digits";
}

/* Checks a $oid, because libbson reads characters that aren't hexadecimal digits as a digit 0. */
static const gchar *
check_oid (const gchar *text, gsize size)
{
  gsize digits = 0;

  while (digits < size && g_ascii_isxdigit (text[digits]))
    digits++;
  return digits == size && size == 24 ? NULL : "a $oid isn't 24 hexadecimal digits";
}

/* Checks a $uuid, because libbson reads its parts with sscanf(), which accepts spaces, signs and 0x
 * too. */
static const gchar *
check_uuid (const gchar *text, gsize size)
{
  static const gchar form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  gsize at = 0;

  while (at < size && form[at] && (form[at] == 'x' ? g_ascii_isxdigit (text[at]) : text[at] == '-'))
    at++;
  return at == size && !form[at]
             ? NULL
             : "a $uuid is not of the form 73ffd264-44b3-4c69-90e8-e7d1dfc035d4";
}

/* Checks the base64 of a $binary for a NUL, at which libbson would stop; libbson finds all other
 * errors. */
static const gchar *
check_base64 (const gchar *text, gsize size)
{
  return memchr (text, 0, size) ? "the base64 of a $binary holds a NUL" : NULL;
}

/* Checks the options of a regular expression, because libbson silently leaves out options that it
 * doesn't know. */
static const gchar *
check_options (const gchar *text, gsize size)
{
  for (gsize i = 0; i < size; i++)
    if (!text[i] || !strchr ("ilmsux", text[i]) || memchr (text, text[i], i))
      return "an option of a regular expression isn't one of i, l, m, s, u and x, or comes twice";
  return NULL;
}

static const gchar *
check_no_nul (const gchar *text, gsize size)
{
  return memchr (text, 0, size) ? "a $code or a $dbPointer holds a NUL, which can't be stored"
                                : NULL;
}

static const Key keys[] = {
    {"$date", DATE, NULL},
    {"$numberInt", TYPE, check_int},
    {"$numberLong", TYPE, check_long},
    {"$numberDouble", TYPE, check_double},
    {"$numberDecimal", TYPE, check_decimal},
    {"$oid", TYPE, check_oid},
    {"$uuid", TYPE, check_uuid},
    {"$symbol", TYPE, NULL},
    {"$undefined", TYPE, NULL},
    {"$minKey", TYPE, NULL},
    {"$maxKey", TYPE, NULL},
    {"$regex", TYPE, NULL},
    {"$options", TYPE, check_options},
    {"$regularExpression", TYPE, NULL},
    {"$code", TYPE, check_no_nul},
    {"$scope", TYPE, NULL},
    {"$binary", TYPE, check_base64},
    {"$type", TYPE, check_subtype},
    {"$timestamp", TYPE, NULL},
    {"$dbPointer", TYPE, NULL},
    {"base64", PART_OF_BINARY, check_base64},
    {"subType", PART_OF_BINARY, check_subtype},
    {"pattern", PART_OF_REGEX, NULL},
    {"options", PART_OF_REGEX, check_options},
    {"t", PART_OF_TIMESTAMP, NULL},
    {"i", PART_OF_TIMESTAMP, NULL},
    {"$ref", PART_OF_POINTER, check_no_nul},
    {"$id", PART_OF_POINTER, NULL},
};
G_STATIC_ASSERT (G_N_ELEMENTS (keys) <= 32);

static gboolean
is_named (const Key *key, const gchar *name)
{
  return key && strcmp (key->name, name) == 0;
}

/* --- position of the scan --- */

/* (nullable) */
static Level *
get_level (Scan *self)
{
  return self->depth ? &self->levels[self->depth - 1] : NULL;
}

/* Returns: (nullable): the key of Extended JSON whose value is the object that is being read. */
static const Key *
get_outer_key (Scan *self)
{
  return self->depth > 1 ? self->levels[self->depth - 2].key : NULL;
}

/* Returns TRUE if @key has a meaning in Extended JSON within the object that is being read. */
static gboolean
belongs_here (Scan *self, const Key *key)
{
  const Level *level = get_level (self);
  const Key *outer = get_outer_key (self);

  switch (key->kind) {
    case TYPE:
    case DATE:
      return level->type || (!level->has_keys && self->depth > 1 && !is_named (outer, "$scope"));
    case PART_OF_BINARY:
      return is_named (outer, "$binary");
    case PART_OF_REGEX:
      return is_named (outer, "$regularExpression");
    case PART_OF_TIMESTAMP:
      return is_named (outer, "$timestamp");
    case PART_OF_POINTER:
      return is_named (outer, "$dbPointer");
  }
  return FALSE;
}

static const Key *
find_key (Scan *self, const gchar *text, gsize size)
{
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (is_text (text, size, keys[i].name) && belongs_here (self, &keys[i]))
      return &keys[i];
  return NULL;
}

static const gchar *
open_level (Scan *self)
{
  if (self->depth == LEVELS_MAX)
    return "the text has more than " G_STRINGIFY (LEVELS_MAX) " levels";
  self->levels[self->depth++] =
      (Level){.is_object = *self->at == '{', .awaits_key = *self->at == '{'};
  self->at++;
  return NULL;
}

/* Ends the object or array that is being read. An empty object as the value of a $date is an error,
 * because libbson would read it as the year 1970. */
static const gchar *
close_level (Scan *self)
{
  const Level *level = get_level (self);
  const Key *outer = get_outer_key (self);
  gboolean is_empty_date = outer && outer->kind == DATE && level->is_object && !level->has_keys;

  if (self->depth)
    self->depth--;
  self->at++;
  return is_empty_date ? "a $date is empty" : NULL;
}

/* --- texts --- */

/* Returns: (nullable): the closing quote of the JSON text; %NULL if it is missing */
static const gchar *
find_quote (const gchar *at, const gchar *end)
{
  for (; at < end && *at != '"'; at++)
    if (*at == '\\' && at + 1 < end)
      at++;
  return at < end ? at : NULL;
}

/* Appends the character of an escape sequence if it is ASCII, which suffices for keys and types,
 * because libbson checks all other text. */
static const gchar *
append_escaped (GString *text, const gchar *at, const gchar *end)
{
  guint code = 0;

  if (*at != 'u') {
    g_string_append_c (text, '?');
    return at + 1;
  }
  for (guint i = 1; i <= 4 && at + i < end && g_ascii_isxdigit (at[i]); i++)
    code = code * 16 + (guint) g_ascii_xdigit_value (at[i]);
  g_string_append_c (text, code < 0x80 ? (gchar) code : '?');
  return MIN (at + 5, end);
}

static void
unescape (Scan *self, const gchar **text, gsize *size)
{
  const gchar *at = *text, *end = *text + *size;

  if (!memchr (at, '\\', *size))
    return;
  g_string_truncate (self->unescaped, 0);
  while (at < end) {
    if (*at == '\\' && at + 1 < end)
      at = append_escaped (self->unescaped, at + 1, end);
    else
      g_string_append_c (self->unescaped, *at++);
  }
  *text = self->unescaped->str;
  *size = self->unescaped->len;
}

static const gchar *
take_key (Scan *self, const gchar *text, gsize size)
{
  Level *level = get_level (self);
  guint32 bit;

  level->awaits_key = FALSE;
  if (memchr (text, 0, size))
    return "a name holds a NUL";
  level->key = find_key (self, text, size);
  if (level->key && !level->has_keys && level->key->kind <= DATE)
    level->type = level->key;
  level->has_keys = TRUE;
  if (!level->key)
    return NULL;
  bit = 1u << (level->key - keys);
  if (level->seen & bit)
    return "a value of Extended JSON has the same key twice";
  level->seen |= bit;
  return is_named (level->key, "$binary") ? level->doubt : NULL;
}

/* Replaces the quoted date between @self->at and @close by a number of milliseconds. */
static const gchar *
replace_date (Scan *self, const gchar *close, const gchar *text, gsize size)
{
  gint64 ms;
  gboolean cut;
  const gchar *wrong = date_parse (text, size, &ms, &cut);

  if (wrong)
    return wrong;
  self->dates_cut += cut ? 1 : 0;
  g_string_append_len (self->out, self->copied, self->at - self->copied);
  g_string_append_printf (self->out, "{\"$numberLong\":\"%" G_GINT64_FORMAT "\"}", ms);
  self->copied = close + 1;
  return NULL;
}

/* Checks the value of a key. An error in a $type is kept until a $binary follows it; an object with
 * a $type but no $binary, as {"$type": "string"}, is an ordinary document. */
static const gchar *
check_value (Level *level, const gchar *text, gsize size)
{
  const gchar *wrong = level->key->check (text, size);

  if (level->key != level->type || !is_named (level->key, "$type"))
    return wrong;
  level->doubt = wrong;
  return NULL;
}

static const gchar *
take_text (Scan *self)
{
  const gchar *text = self->at + 1, *close = find_quote (text, self->end), *wrong = NULL;
  Level *level = get_level (self);
  gsize size;

  if (!close || !level)
    return close ? "there is more text after the document"
                 : "the text ends before the document does";
  size = (gsize) (close - text);
  if (level->awaits_key || level->key)
    unescape (self, &text, &size);
  if (level->awaits_key)
    wrong = take_key (self, text, size);
  else if (level->key && level->key->kind == DATE)
    wrong = replace_date (self, close, text, size);
  else if (level->key && level->key->check)
    wrong = check_value (level, text, size);
  self->at = close + 1;
  return wrong;
}

static const gchar *
take_number (Scan *self)
{
  const gchar *start = self->at;
  const Level *level = get_level (self);

  if (*start == '-' && start + 1 < self->end && start[1] == 'I') { /* libbson accepts -Infinity */
    self->at++;
    return NULL;
  }
  if (!(self->at = skip_number (start, self->end)))
    return "a number is not a JSON number";
  /* the text ends with the number, so no byte follows that vanishes() may read; libbson reports the
   * error, because no document ends with a number */
  if (self->at == self->end)
    return NULL;
  if (skip_integer (start, self->end) == self->at && !fits_64_bits (start))
    return "a whole number is out of range: it has more than 64 bits";
  if (vanishes (start, self->at))
    return "a number is too small for a double";
  if (level && level->key && level->key->kind == PART_OF_TIMESTAMP &&
      g_ascii_strtoull (start, NULL, 10) > G_MAXUINT32)
    return "a $timestamp has more than 32 bits";
  return NULL;
}

static const gchar *
take_comma (Scan *self)
{
  Level *level = get_level (self);

  self->at++;
  if (level)
    level->awaits_key = level->is_object;
  return NULL;
}

/* Skips a character of a value that libbson checks itself, and refuses {"$undefined": false}, which
 * libbson would read as undefined. */
static const gchar *
take_other (Scan *self)
{
  const Level *level = get_level (self);
  gboolean is_false = *self->at++ == 'f';

  return is_false && level && is_named (level->key, "$undefined") ? "a $undefined isn't true"
                                                                  : NULL;
}

static const gchar *
take_token (Scan *self)
{
  switch (*self->at) {
    case '{':
    case '[':
      return open_level (self);
    case '}':
    case ']':
      return close_level (self);
    case ',':
      return take_comma (self);
    case '"':
      return take_text (self);
    default:
      return *self->at == '-' || g_ascii_isdigit (*self->at) ? take_number (self)
                                                             : take_other (self);
  }
}

GString *
mongo_json_prepare (const gchar *text, gsize size, guint *dates_cut, GError **error)
{
  Scan self = {.at = text, .end = text + size, .copied = text};
  const gchar *wrong = NULL;

  self.out = g_string_sized_new (size + 64);
  self.unescaped = g_string_new (NULL);
  while (!wrong && self.at < self.end)
    wrong = take_token (&self);
  g_string_append_len (self.out, self.copied, self.end - self.copied);
  g_string_free (self.unescaped, TRUE);
  *dates_cut = self.dates_cut;
  if (!wrong)
    return self.out;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, wrong);
  g_string_free (self.out, TRUE);
  return NULL;
}
