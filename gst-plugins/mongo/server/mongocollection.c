/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongocollection.h"

#include <gio/gio.h>
#include <string.h>

#include "fogtemplate.h"

/* The largest length of a collection's name; servers allow 255 bytes for the names of database and
 * collection together. */
#define NAME_MAX_BYTES 180

static gboolean
is_harmless (gchar c)
{
  return g_ascii_isalnum (c) || (c && strchr ("_-.:", c)) || (guchar) c >= 0x80;
}

/* Returns TRUE if the name of a collection is allowed. Names are restricted so that no message can
 * make the sink write to the server's own collections. */
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
        "the document's date can't be written as %s for the collection's name", format);
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

    if (strlen (text) != size) /* the text has a NUL, which would end the name */
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

typedef struct {
  const bson_t *document;
  GError **error;
} Filling;

/* Is a FogTemplateFunc. */
static gboolean
append_field (GString *name, const gchar *place, gpointer user_data)
{
  const Filling *filling = user_data;
  g_auto (GStrv) parts = g_strsplit (place, ":", 2);
  bson_iter_t iter, value;
  gboolean found = bson_iter_init (&iter, filling->document) &&
                   bson_iter_find_descendant (&iter, parts[0], &value);

  if (found && parts[1] && BSON_ITER_HOLDS_DATE_TIME (&value))
    return append_date (name, &value, parts[1], filling->error);
  if (found && !parts[1] && append_value (name, &value))
    return TRUE;
  g_set_error (filling->error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
      "the document has no field \"%s\" that is %s, for the collection's name", parts[0],
      parts[1] ? "a date" : "text or a whole number");
  return FALSE;
}

gchar *
mongo_collection_expand (const gchar *template, const bson_t *document, GError **error)
{
  Filling filling = {document, error};
  g_autofree gchar *name = fog_template_fill (template, append_field, &filling);

  if (!name || is_good_name (name))
    return g_steal_pointer (&name);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
      "what it says isn't a name for a collection: letters, digits, _ - . and : make one, 180 "
      "bytes at most");
  return NULL;
}

/* Is a FogTemplateFunc. */
static gboolean
append_example (GString *name, const gchar *place, gpointer user_data)
{
  g_string_append_c (name, 'x');
  return TRUE;
}

gboolean
mongo_collection_check (const gchar *name, GError **error)
{
  g_autofree gchar *example = NULL;

  if (!fog_template_check (name)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "\"%s\" has a %%{ without a field's name and a } after it", name);
    return FALSE;
  }
  example = fog_template_fill (name, append_example, NULL);
  if (is_good_name (example))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
      "\"%s\" isn't a name for a collection: use letters, digits, _ - . and :", name);
  return FALSE;
}
