/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongocollection.h"

#include <gio/gio.h>
#include <string.h>

/* Servers allow 255 bytes including the name of the database. */
#define NAME_MAX_BYTES 180

gboolean
mongo_collection_is_template (const gchar *name)
{
  return strstr (name, "%{") != NULL;
}

static gboolean
is_harmless (gchar c)
{
  return g_ascii_isalnum (c) || (c && strchr ("_-.:", c)) || (guchar) c >= 0x80;
}

/* Restricts names so that no message can write to the server's own collections. */
static gboolean
is_good_name (const gchar *name)
{
  gsize size = strlen (name);

  if (size == 0 || size > NAME_MAX_BYTES || name[0] == '.' || name[size - 1] == '.' ||
      g_str_has_prefix (name, "system."))
    return FALSE;
  for (gsize i = 0; i < size; i++)
    if (!is_harmless (name[i]))
      return FALSE;
  return TRUE;
}

static gboolean
append_date (GString *name, const bson_iter_t *value, const gchar *format, GError **error)
{
  gint64 ms = bson_iter_date_time (value);
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (ms / 1000 - (ms % 1000 < 0));
  g_autofree gchar *text = date ? g_date_time_format (date, format) : NULL;

  if (!text) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "its date can't be written as %s for the collection's name", format);
    return FALSE;
  }
  g_string_append (name, text);
  return TRUE;
}

static gboolean
append_value (GString *name, const bson_iter_t *value)
{
  char oid[25];

  if (BSON_ITER_HOLDS_UTF8 (value)) {
    guint32 size;
    const gchar *text = bson_iter_utf8 (value, &size);

    if (strlen (text) != size) /* with a NUL in it, which would end the name */
      return FALSE;
    g_string_append (name, text);
  } else if (BSON_ITER_HOLDS_INT (value)) {
    g_string_append_printf (name, "%" G_GINT64_FORMAT, bson_iter_as_int64 (value));
  } else if (BSON_ITER_HOLDS_OID (value)) {
    bson_oid_to_string (bson_iter_oid (value), oid);
    g_string_append (name, oid);
  } else {
    return FALSE;
  }
  return TRUE;
}

static gboolean
append_field (GString *name, const gchar *place, const bson_t *document, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (place, ":", 2);
  bson_iter_t iter, value;
  gboolean found =
      bson_iter_init (&iter, document) && bson_iter_find_descendant (&iter, parts[0], &value);

  if (found && parts[1] && BSON_ITER_HOLDS_DATE_TIME (&value))
    return append_date (name, &value, parts[1], error);
  if (found && !parts[1] && append_value (name, &value))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
      "it has no field \"%s\" that is %s, for the collection's name", parts[0],
      parts[1] ? "a date" : "text or a whole number");
  return FALSE;
}

gchar *
mongo_collection_expand (const gchar *template, const bson_t *document, GError **error)
{
  g_autoptr (GString) name = g_string_new (NULL);
  const gchar *at = template, *open, *close;

  while ((open = strstr (at, "%{")) && (close = strchr (open, '}'))) {
    g_autofree gchar *place = g_strndup (open + 2, close - open - 2);

    g_string_append_len (name, at, open - at);
    if (!append_field (name, place, document, error))
      return NULL;
    at = close + 1;
  }
  g_string_append (name, at);
  if (!is_good_name (name->str)) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "what it says isn't a name for a collection: letters, digits, _ - . and : make one, 180 "
        "bytes at most");
    return NULL;
  }
  return g_string_free (g_steal_pointer (&name), FALSE);
}

gboolean
mongo_collection_check (const gchar *name, GError **error)
{
  const gchar *at = name, *open, *close;
  g_autoptr (GString) filled = g_string_new (NULL);

  while ((open = strstr (at, "%{"))) {
    if (!(close = strchr (open, '}')) || close == open + 2) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
          "\"%s\" has a %%{ without a field's name and a } after it", name);
      return FALSE;
    }
    g_string_append_len (filled, at, open - at);
    g_string_append_c (filled, 'x');
    at = close + 1;
  }
  g_string_append (filled, at);
  if (is_good_name (filled->str))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
      "\"%s\" isn't a name for a collection: use letters, digits, _ - . and :", name);
  return FALSE;
}
