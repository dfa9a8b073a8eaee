/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livezones.h"

#include <gio/gio.h>
#include <string.h>

#include "fogfile.h"
#include "fogjson.h"
#include "frames/haarzones.h"
#include "livejson.h"

static gboolean
are_zones (const gchar *text, gsize size, GError **error)
{
  g_autoptr (HaarZones) zones = haar_zones_parse (text, size, error);

  return zones != NULL;
}

/* Returns: (transfer full): an object with a member for each camera: its zones and masks. */
static JsonNode *
read_file (const gchar *file, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree gchar *text = NULL;
  g_autoptr (GError) why = NULL;
  gsize size;

  if (!fog_file_read (file, HAAR_ZONES_MAX_FILE, &text, &size, &why)) {
    if (g_error_matches (why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      return json_node_init_object (json_node_alloc (), json_object_new ());
    g_propagate_error (error, g_steal_pointer (&why));
    return NULL;
  }
  if (are_zones (text, size, &why) && fog_json_parse_object (parser, text, size, &why))
    return json_node_copy (json_parser_get_root (parser));
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s holds something else: %s", file,
      why->message);
  return NULL;
}

GBytes *
live_zones_make (const gchar *file, GError **error)
{
  JsonNode *zones = file ? read_file (file, error) : NULL;
  JsonBuilder *json;

  if (file && !zones)
    return NULL;
  json = live_json_new ();
  json_builder_set_member_name (json, "file");
  json_builder_add_boolean_value (json, file != NULL);
  json_builder_set_member_name (json, "zones");
  if (zones)
    json_builder_add_value (json, zones);
  else
    json_builder_add_null_value (json);
  return live_json_end (json);
}

/* --- saving --- */

static gchar *
to_text (JsonNode *node, gsize *size)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();

  json_generator_set_root (generator, node);
  return json_generator_to_data (generator, size);
}

/* Copies the member @name of @from to @to, unless the member is empty. */
static void
take_member (JsonObject *from, const gchar *name, JsonObject *to)
{
  JsonNode *node = json_object_get_member (from, name);
  gboolean is_empty =
      !node ||
      (JSON_NODE_HOLDS_OBJECT (node) && !json_object_get_size (json_node_get_object (node))) ||
      (JSON_NODE_HOLDS_ARRAY (node) && !json_array_get_length (json_node_get_array (node)));

  if (!is_empty)
    json_object_set_member (to, name, json_node_copy (node));
}

/* Returns FALSE if a camera's entry @own can be removed. An empty entry is kept if the file has an
 * entry for *, because the entry for * would otherwise apply to the camera. */
static gboolean
says_something (JsonObject *all, const gchar *camera, JsonObject *own)
{
  return json_object_get_size (own) > 0 ||
         (!g_str_equal (camera, "*") && json_object_has_member (all, "*"));
}

static void
set_camera (JsonObject *all, const gchar *camera, JsonObject *wish)
{
  JsonObject *own = json_object_new ();

  take_member (wish, "zones", own);
  take_member (wish, "masks", own);
  if (says_something (all, camera, own))
    json_object_set_object_member (all, camera, json_object_ref (own));
  else
    json_object_remove_member (all, camera);
  json_object_unref (own);
}

/* Returns FALSE if haarfacecount wouldn't read a file with this text. */
static gboolean
is_readable (const gchar *text, gsize size, GError **error)
{
  if (size <= HAAR_ZONES_MAX_FILE)
    return are_zones (text, size, error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
      "The zones of all cameras would take more than 1 MiB, which haarfacecount doesn't read.");
  return FALSE;
}

gboolean
live_zones_save (const gchar *file, const gchar *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *wish = fog_json_parse_object (parser, text, size, error);
  const gchar *camera = wish ? fog_json_read_string (wish, "camera") : NULL;
  g_autoptr (JsonNode) all = NULL;
  g_autofree gchar *changed = NULL;

  if (wish && !camera)
    fog_json_fail (error, "it takes a camera and its zones and masks", "camera");
  if (!camera || !(all = read_file (file, error)))
    return FALSE;
  set_camera (json_node_get_object (all), camera, wish);
  changed = to_text (all, &size);
  return is_readable (changed, size, error) &&
         g_file_set_contents (file, changed, (gssize) size, error);
}
