/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveanswer.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "fogjson.h"
#include "gstkafkameta.h"
#include "livejson.h"

#define MAX_BOXES 1000
#define MAX_NAME 256 /* bytes */
#define MAX_ID 1024  /* bytes */

void
live_place_copy (LivePlace *self, const LivePlace *from)
{
  *self = *from;
  self->topic = g_strdup (from->topic);
}

gboolean
live_place_read (LivePlace *self, GstBuffer *buffer)
{
  const GstStructure *meta = gst_kafka_meta_peek (buffer);
  const gchar *topic = meta ? gst_structure_get_string (meta, "topic") : NULL;

  *self = (LivePlace){.topic = g_strdup (topic)};
  return topic && gst_structure_get_int (meta, "partition", &self->partition) &&
         gst_structure_get_int64 (meta, "offset", &self->offset);
}

void
live_place_clear (LivePlace *self)
{
  g_clear_pointer (&self->topic, g_free);
}

void
live_place_to_json (const LivePlace *self, JsonBuilder *json)
{
  live_json_text (json, "topic", self->topic);
  live_json_int (json, "partition", self->partition);
  live_json_int (json, "offset", self->offset);
}

/* Returns FALSE if gst-launch-1.0 reads the name in another way than it is written: it takes quotes
 * and backslashes out of its arguments, and white space apart from a single space. A name with
 * quotes could add elements to the pipeline. */
static gboolean
is_plain (const gchar *name)
{
  for (const gchar *c = name; *c; c = g_utf8_next_char (c))
    if (strchr ("\"'\\", *c) || (*c != ' ' && g_unichar_isspace (g_utf8_get_char (c))) ||
        g_unichar_iscntrl (g_utf8_get_char (c)))
      return FALSE;
  return *name && *name != ' ' && !g_str_has_suffix (name, " ");
}

gchar *
live_place_make_line (const LivePlace *self, gint64 first, const gchar *camera,
    const LiveBroker *broker, const gchar *head, const gchar *tail)
{
  g_autofree gchar *servers = g_shell_quote (broker->servers);
  g_autofree gchar *file = broker->config_file ? g_shell_quote (broker->config_file) : NULL;
  g_autofree gchar *name = camera && is_plain (camera) ? g_shell_quote (camera) : NULL;

  return g_strdup_printf ("%s kafkasrc bootstrap-servers=%s%s%s topic=%s partitions=\"<%d>\" "
                          "start-offset=%" G_GINT64_FORMAT " end-offset=%" G_GINT64_FORMAT
                          "%s%s ! %s%s",
      head, servers, file ? " config-file=" : "", file ? file : "", self->topic, self->partition,
      first, self->offset + 1, name ? " camera=" : "", name ? name : "", tail,
      camera && !name ? " # reads other cameras too: quotes in this name can't be written here"
                      : "");
}

void
live_boxes_to_json (const GArray *boxes, JsonBuilder *json)
{
  live_json_open_list (json, "boxes");
  for (guint i = 0; i < boxes->len; i++) {
    const LiveBox *box = &g_array_index (boxes, LiveBox, i);

    json_builder_begin_object (json);
    live_json_int (json, "x", box->x);
    live_json_int (json, "y", box->y);
    live_json_int (json, "w", box->w);
    live_json_int (json, "h", box->h);
    if (!isnan (box->score))
      live_json_number (json, "score", box->score);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

LiveAnswer *
live_answer_ref (LiveAnswer *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
live_answer_unref (LiveAnswer *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_free (self->id);
  g_free (self->camera);
  g_free (self->replica);
  g_array_unref (self->boxes);
  live_place_clear (&self->place);
  g_free (self);
}

/* Returns: (nullable) (transfer full): a copy of the text in the member @name of @object; NULL if
 * it is absent, or longer than @most bytes. */
static gchar *
dup_text (JsonObject *object, const gchar *name, gsize most)
{
  const gchar *text = fog_json_read_string (object, name);

  return text && strlen (text) <= most ? g_strdup (text) : NULL;
}

static gint64
date_of_text (const gchar *text)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (text, utc);

  return date ? g_date_time_to_unix (date) * 1000 + g_date_time_get_microsecond (date) / 1000 : 0;
}

/* Reads the member @name of @object, a date in relaxed or canonical Extended JSON. Returns ms since
 * the Unix epoch; 0: the member isn't a date. */
static gint64
read_date (JsonObject *object, const gchar *name)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonObject *inner;
  const gchar *text;

  if (!node || !JSON_NODE_HOLDS_OBJECT (node))
    return 0;
  inner = json_node_get_object (node);
  text = fog_json_read_string (inner, "$date");
  if (text)
    return date_of_text (text);
  node = json_object_get_member (inner, "$date");
  if (!node || !JSON_NODE_HOLDS_OBJECT (node))
    return 0;
  text = fog_json_read_string (json_node_get_object (node), "$numberLong");
  return text ? CLAMP (g_ascii_strtoll (text, NULL, 10), 0, G_MAXINT64 / 1000) : 0;
}

static gboolean
read_size (JsonObject *object, const gchar *name, gint *value, GError **error)
{
  guint64 number = 0;

  if (!fog_json_read_count (object, name, G_MAXINT32, &number, error))
    return FALSE;
  *value = (gint) number;
  return TRUE;
}

static gboolean
read_box (JsonNode *node, GArray *boxes, GError **error)
{
  JsonObject *object;
  LiveBox box = {.score = NAN};

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fog_json_fail (error, "not an object", "boxes");
  object = json_node_get_object (node);
  if (!read_size (object, "x", &box.x, error) || !read_size (object, "y", &box.y, error) ||
      !read_size (object, "w", &box.w, error) || !read_size (object, "h", &box.h, error) ||
      !fog_json_read_number (object, "score", 1, &box.score, error))
    return FALSE;
  g_array_append_val (boxes, box);
  return TRUE;
}

static gboolean
read_boxes (JsonObject *object, GArray *boxes, GError **error)
{
  JsonNode *node = json_object_get_member (object, "boxes");
  JsonArray *list;

  if (!node)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return fog_json_fail (error, "not a list", "boxes");
  list = json_node_get_array (node);
  for (guint i = 0; i < MIN (json_array_get_length (list), MAX_BOXES); i++)
    if (!read_box (json_array_get_element (list, i), boxes, error))
      return FALSE;
  return TRUE;
}

static gboolean
read_answer (LiveAnswer *self, JsonObject *object, GError **error)
{
  guint64 faces = 0;

  self->id = dup_text (object, "_id", MAX_ID);
  if (!self->id)
    return fog_json_fail (error, "missing or too long", "_id");
  self->camera = dup_text (object, "camera", MAX_NAME);
  self->replica = dup_text (object, "replica", MAX_NAME);
  self->captured = read_date (object, "captured");
  self->processed = read_date (object, "processed");
  if (!fog_json_read_count (object, "seq", G_MAXINT64, &self->seq, error) ||
      !fog_json_read_count (object, "faces", G_MAXINT32, &faces, error) ||
      !read_size (object, "width", &self->width, error) ||
      !read_size (object, "height", &self->height, error))
    return FALSE;
  self->faces = (guint) faces;
  return read_boxes (object, self->boxes, error);
}

LiveAnswer *
live_answer_parse (const gchar *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = fog_json_parse_object (parser, text, size, error);
  g_autoptr (LiveAnswer) self = NULL;

  if (!object)
    return NULL;
  self = g_new0 (LiveAnswer, 1);
  g_atomic_ref_count_init (&self->refs);
  self->boxes = g_array_new (FALSE, FALSE, sizeof (LiveBox));
  return read_answer (self, object, error) ? g_steal_pointer (&self) : NULL;
}

LiveAnswer *
live_answer_from_sample (GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  LiveAnswer *self;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return NULL;
  self = live_answer_parse ((const gchar *) map.data, map.size, NULL);
  gst_buffer_unmap (buffer, &map);
  if (self)
    live_place_read (&self->place, buffer);
  return self;
}
