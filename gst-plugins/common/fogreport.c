/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogreport.h"
#include "fogjson.h"

#include <math.h>
#include <string.h>

#define MAX_ENTRIES 4096

static void
camera_free (FogReportCamera *camera)
{
  g_free (camera->camera);
  g_free (camera->session);
  g_free (camera);
}

FogReport *
fog_report_new (const gchar *replica)
{
  FogReport *report = g_new0 (FogReport, 1);

  report->replica = g_strdup (replica);
  report->interval = 1;
  report->workers = 1;
  report->partitions = g_array_new (FALSE, FALSE, sizeof (gint));
  report->age_p50 = report->age_p95 = NAN;
  report->cameras = g_ptr_array_new_with_free_func ((GDestroyNotify) camera_free);
  return report;
}

void
fog_report_free (FogReport *report)
{
  g_free (report->replica);
  g_free (report->version);
  g_array_unref (report->partitions);
  g_ptr_array_unref (report->cameras);
  g_free (report);
}

FogReportCamera *
fog_report_add_camera (FogReport *report, const gchar *name)
{
  FogReportCamera *camera;

  for (guint i = 0; i < report->cameras->len; i++) {
    camera = g_ptr_array_index (report->cameras, i);
    if (g_str_equal (camera->camera, name))
      return camera;
  }
  return fog_report_append_camera (report, name);
}

FogReportCamera *
fog_report_append_camera (FogReport *report, const gchar *name)
{
  FogReportCamera *camera = g_new0 (FogReportCamera, 1);

  camera->camera = g_strdup (name);
  camera->weight = 1;
  g_ptr_array_add (report->cameras, camera);
  return camera;
}

/* --- to JSON --- */

static void
add_int (JsonBuilder *builder, const gchar *name, guint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, (gint64) MIN (value, (guint64) G_MAXINT64));
}

static void
add_double (JsonBuilder *builder, const gchar *name, gdouble value)
{
  json_builder_set_member_name (builder, name);
  fog_json_add_number (builder, value);
}

static void
add_string (JsonBuilder *builder, const gchar *name, const gchar *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_camera (JsonBuilder *builder, const FogReportCamera *camera)
{
  json_builder_set_member_name (builder, camera->camera);
  json_builder_begin_object (builder);
  add_int (builder, "frames", camera->frames);
  add_int (builder, "last-seq", camera->last_seq);
  if (camera->session)
    add_string (builder, "session", camera->session);
  if (camera->max > 0) {
    add_double (builder, "max", camera->max);
    add_double (builder, "min", camera->min);
  }
  add_double (builder, "weight", camera->weight);
  if (camera->still_interval > 0) {
    add_double (builder, "still-interval", camera->still_interval);
    add_int (builder, "still", camera->still);
  }
  if (camera->looked) {
    add_double (builder, "brightness", round (camera->brightness * 10) / 10);
    add_double (builder, "detail", round (camera->detail * 100) / 100);
    add_double (builder, "frozen", round (camera->frozen * 10) / 10);
  }
  json_builder_end_object (builder);
}

static void
add_age (JsonBuilder *builder, const FogReport *report)
{
  json_builder_set_member_name (builder, "age");
  json_builder_begin_object (builder);
  if (isfinite (report->age_p50))
    add_double (builder, "p50", report->age_p50);
  if (isfinite (report->age_p95))
    add_double (builder, "p95", report->age_p95);
  json_builder_end_object (builder);
}

gchar *
fog_report_to_json (const FogReport *report, gsize *size)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (builder);
  add_string (builder, "replica", report->replica);
  if (report->version)
    add_string (builder, "version", report->version);
  add_int (builder, "seq", report->seq);
  add_double (builder, "interval", report->interval);
  add_int (builder, "frames", report->frames);
  add_int (builder, "faces", report->faces);
  add_double (builder, "busy", report->busy);
  add_int (builder, "workers", report->workers);
  add_int (builder, "lag", report->lag);
  json_builder_set_member_name (builder, "partitions");
  json_builder_begin_array (builder);
  for (guint i = 0; i < report->partitions->len; i++)
    json_builder_add_int_value (builder, g_array_index (report->partitions, gint, i));
  json_builder_end_array (builder);
  add_age (builder, report);
  json_builder_set_member_name (builder, "cameras");
  json_builder_begin_object (builder);
  for (guint i = 0; i < report->cameras->len; i++)
    add_camera (builder, g_ptr_array_index (report->cameras, i));
  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "leaving");
  json_builder_add_boolean_value (builder, report->leaving);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  return json_generator_to_data (generator, size);
}

/* --- from JSON --- */

static gboolean
read_partitions (JsonObject *object, GArray *partitions, GError **error)
{
  JsonNode *node = json_object_get_member (object, "partitions");
  JsonArray *array;

  if (!node)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return fog_json_fail (error, "not a list", "partitions");
  array = json_node_get_array (node);
  if (json_array_get_length (array) > MAX_ENTRIES)
    return fog_json_fail (error, "too many entries", "partitions");
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *element = json_array_get_element (array, i);
    gint64 number = -1;
    gint partition;

    if (JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_INT64)
      number = json_node_get_int (element);
    if (number < 0 || number > G_MAXINT)
      return fog_json_fail (error, "a number out of range", "partitions");
    partition = (gint) number;
    g_array_append_val (partitions, partition);
  }
  return TRUE;
}

static gboolean
read_camera (FogReport *report, const gchar *name, JsonNode *node, GError **error)
{
  FogReportCamera *camera;
  JsonObject *object;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fog_json_fail (error, "not an object", name);
  object = json_node_get_object (node);
  camera = g_new0 (FogReportCamera, 1);
  camera->camera = g_strdup (name);
  camera->session = g_strdup (fog_json_read_string (object, "session"));
  camera->weight = 1;
  camera->looked = json_object_has_member (object, "detail");
  g_ptr_array_add (report->cameras, camera);
  return fog_json_read_count (object, "frames", G_MAXINT64, &camera->frames, error) &&
         fog_json_read_count (object, "last-seq", G_MAXINT64, &camera->last_seq, error) &&
         fog_json_read_number (object, "min", 1e6, &camera->min, error) &&
         fog_json_read_number (object, "max", 1e6, &camera->max, error) &&
         fog_json_read_number (object, "weight", 1e6, &camera->weight, error) &&
         fog_json_read_number (
             object, "still-interval", FOG_REPORT_STILL_INTERVAL, &camera->still_interval, error) &&
         fog_json_read_count (object, "still", G_MAXINT64, &camera->still, error) &&
         fog_json_read_number (object, "brightness", 255, &camera->brightness, error) &&
         fog_json_read_number (object, "detail", 255, &camera->detail, error) &&
         fog_json_read_number (object, "frozen", 1e9, &camera->frozen, error);
}

static gboolean
read_cameras (JsonObject *object, FogReport *report, GError **error)
{
  JsonNode *node = json_object_get_member (object, "cameras");
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *entry;

  if (!node)
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fog_json_fail (error, "not an object", "cameras");
  if (json_object_get_size (json_node_get_object (node)) > MAX_ENTRIES)
    return fog_json_fail (error, "too many entries", "cameras");
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &entry))
    if (!read_camera (report, name, entry, error))
      return FALSE;
  return TRUE;
}

static gboolean
read_age (JsonObject *object, FogReport *report, GError **error)
{
  JsonNode *node = json_object_get_member (object, "age");

  if (!node)
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fog_json_fail (error, "not an object", "age");
  return fog_json_read_number (json_node_get_object (node), "p50", 1e9, &report->age_p50, error) &&
         fog_json_read_number (json_node_get_object (node), "p95", 1e9, &report->age_p95, error);
}

static gboolean
read_leaving (JsonObject *object, gboolean *leaving, GError **error)
{
  JsonNode *node = json_object_get_member (object, "leaving");

  if (!node)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return fog_json_fail (error, "not true or false", "leaving");
  *leaving = json_node_get_boolean (node);
  return TRUE;
}

static gboolean
read_report (JsonObject *object, FogReport *report, GError **error)
{
  guint64 workers = 1;

  if (!fog_json_read_count (object, "seq", G_MAXINT64, &report->seq, error) ||
      !fog_json_read_number (object, "interval", 86400, &report->interval, error) ||
      !fog_json_read_count (object, "frames", G_MAXINT32, &report->frames, error) ||
      !fog_json_read_count (object, "faces", G_MAXINT64, &report->faces, error) ||
      !fog_json_read_number (object, "busy", 1e9, &report->busy, error) ||
      !fog_json_read_count (object, "workers", 4096, &workers, error) ||
      !fog_json_read_count (object, "lag", G_MAXINT64, &report->lag, error) ||
      !read_partitions (object, report->partitions, error) || !read_age (object, report, error) ||
      !read_cameras (object, report, error) || !read_leaving (object, &report->leaving, error))
    return FALSE;
  report->workers = (guint) workers;
  if (report->interval <= 0)
    return fog_json_fail (error, "must be above 0", "interval");
  return workers > 0 || fog_json_fail (error, "must be above 0", "workers");
}

FogReport *
fog_report_parse (const gchar *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (FogReport) report = NULL;
  JsonObject *object = fog_json_parse_object (parser, text, size, error);
  const gchar *replica;

  if (!object)
    return NULL;
  replica = fog_json_read_string (object, "replica");
  if (!replica || !*replica || strlen (replica) > 256) {
    fog_json_fail (error, "missing, empty or too long", "replica");
    return NULL;
  }
  report = fog_report_new (replica);
  report->version = g_strdup (fog_json_read_string (object, "version"));
  return read_report (object, report, error) ? g_steal_pointer (&report) : NULL;
}
