/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogjson.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#define MAX_TEXT (1024 * 1024)
#define MAX_LEVELS 16

/* json-glib parses nested values by recursion, so the nesting depth of a text is checked before
 * json-glib parses it. */
static gboolean
levels_are_few (const gchar *text, gsize size)
{
  gint level = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < size; i++) {
    if (in_string) {
      if (text[i] == '\\')
        i++;
      else if (text[i] == '"')
        in_string = FALSE;
    } else if (text[i] == '"') {
      in_string = TRUE;
    } else if (text[i] == '{' || text[i] == '[') {
      if (++level > MAX_LEVELS)
        return FALSE;
    } else if (text[i] == '}' || text[i] == ']') {
      level--;
    }
  }
  return TRUE;
}

gboolean
fog_json_fail (GError **error, const gchar *what, const gchar *name)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: \"%s\"", what, name);
  return FALSE;
}

gboolean
fog_json_read_number (
    JsonObject *object, const gchar *name, gdouble max, gdouble *value, GError **error)
{
  JsonNode *node = json_object_get_member (object, name);
  GType type;
  gdouble number;

  if (!node)
    return TRUE;
  type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_NONE;
  if (type != G_TYPE_DOUBLE && type != G_TYPE_INT64)
    return fog_json_fail (error, "not a number", name);
  number = json_node_get_double (node);
  if (!isfinite (number) || number < 0 || number > max)
    return fog_json_fail (error, "a number out of range", name);
  *value = number;
  return TRUE;
}

gboolean
fog_json_read_count (
    JsonObject *object, const gchar *name, guint64 max, guint64 *value, GError **error)
{
  gdouble number = (gdouble) *value;

  if (!fog_json_read_number (object, name, (gdouble) max, &number, error))
    return FALSE;
  if (json_object_has_member (object, name))
    *value = (guint64) number;
  return TRUE;
}

const gchar *
fog_json_read_string (JsonObject *object, const gchar *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

JsonObject *
fog_json_parse_object (JsonParser *parser, const gchar *text, gsize size, GError **error)
{
  g_autoptr (GError) json_error = NULL;
  JsonNode *root;

  if (size == 0 || size > MAX_TEXT || !g_utf8_validate_len (text, size, NULL) ||
      !levels_are_few (text, size)) {
    fog_json_fail (error, "empty, too large, too deep, or not UTF-8", "text");
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, (gssize) size, &json_error)) {
    fog_json_fail (error, "not JSON", json_error->message);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root)) {
    fog_json_fail (error, "not an object", "text");
    return NULL;
  }
  return json_node_get_object (root);
}

static gboolean
has_exponent_alone (gdouble value)
{
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_dtostr (text, sizeof text, value);
  return strchr (text, 'e') && !strchr (text, '.');
}

void
fog_json_add_number (JsonBuilder *builder, gdouble value)
{
  while (has_exponent_alone (value))
    value = nextafter (value, 0);
  json_builder_add_double_value (builder, value);
}
