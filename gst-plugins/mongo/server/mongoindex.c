/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongoindex.h"

#include <gio/gio.h>
#include <string.h>

static gboolean
append_field (bson_t *key, GString *name, gchar *field, GError **error)
{
  gint direction = 1;

  g_strstrip (field);
  if (*field == '-') {
    direction = -1;
    field++;
  }
  if (!*field || strchr (field, '$')) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "\"%s\" isn\'t a field; write an index as camera,-captured and separate indexes with ;",
        field);
    return FALSE;
  }
  BSON_APPEND_INT32 (key, field, direction);
  g_string_append_printf (name, "%s%s_%d", name->len ? "_" : "", field, direction);
  return TRUE;
}

/* Gives the index the name that the server would choose, so that creating an existing index again
 * isn't an error. */
static bson_t *
new_index (const gchar *spec, GError **error)
{
  g_auto (GStrv) fields = g_strsplit (*spec ? spec : ",", ",", -1);
  g_autoptr (GString) name = g_string_new (NULL);
  bson_t *index = NULL;
  bson_t key = BSON_INITIALIZER;
  gboolean ok = TRUE;

  for (guint i = 0; fields[i] && ok; i++)
    ok = append_field (&key, name, fields[i], error);
  if (ok)
    index = BCON_NEW ("key", BCON_DOCUMENT (&key), "name", BCON_UTF8 (name->str));
  bson_destroy (&key);
  return index;
}

static gboolean
append_indexes (GPtrArray *list, const gchar *indexes, const gchar *except, GError **error)
{
  g_auto (GStrv) specs = g_strsplit (indexes, ";", -1);

  for (guint i = 0; specs[i]; i++) {
    bson_t *index;

    if (g_strcmp0 (g_strstrip (specs[i]), except) == 0)
      continue;
    if (!(index = new_index (specs[i], error)))
      return FALSE;
    g_ptr_array_add (list, index);
  }
  return TRUE;
}

static bson_t *
new_command (const gchar *collection, GPtrArray *list)
{
  bson_t *command = BCON_NEW ("createIndexes", BCON_UTF8 (collection));
  bson_t array;
  gchar key[16];

  BSON_APPEND_ARRAY_BEGIN (command, "indexes", &array);
  for (guint i = 0; i < list->len; i++) {
    g_snprintf (key, sizeof key, "%u", i);
    BSON_APPEND_DOCUMENT (&array, key, g_ptr_array_index (list, i));
  }
  bson_append_array_end (command, &array);
  return command;
}

bson_t *
mongo_index_command (
    const gchar *collection, const gchar *indexes, const gchar *except, GError **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) bson_destroy);

  if (indexes && *indexes && !append_indexes (list, indexes, except, error))
    return NULL;
  return list->len ? new_command (collection, list) : NULL;
}

gboolean
mongo_index_is_of_id (const bson_t *index, const gchar *key)
{
  bson_iter_t iter, field;

  return bson_iter_init_find (&iter, index, key) && BSON_ITER_HOLDS_DOCUMENT (&iter) &&
         bson_iter_recurse (&iter, &field) && bson_iter_next (&field) &&
         strcmp (bson_iter_key (&field), "_id") == 0 && !bson_iter_next (&field);
}
