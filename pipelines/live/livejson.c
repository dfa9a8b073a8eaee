/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livejson.h"

#include <math.h>

#include "fogjson.h"

void
live_json_text (JsonBuilder *json, const gchar *name, const gchar *value)
{
  json_builder_set_member_name (json, name);
  if (value)
    json_builder_add_string_value (json, value);
  else
    json_builder_add_null_value (json);
}

void
live_json_int (JsonBuilder *json, const gchar *name, gint64 value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, value);
}

void
live_json_time (JsonBuilder *json, const gchar *name, gint64 ms)
{
  json_builder_set_member_name (json, name);
  if (ms)
    json_builder_add_int_value (json, ms);
  else
    json_builder_add_null_value (json);
}

void
live_json_item (JsonBuilder *json, gdouble value)
{
  /* Numbers are rounded to three decimals, because more decimals of a time (s) or a rate aren't
   * meaningful. */
  gdouble rounded = round (value * 1000) / 1000;

  if (!isfinite (rounded))
    json_builder_add_null_value (json);
  else if (rounded == floor (rounded) && fabs (rounded) < 1e15)
    json_builder_add_int_value (json, (gint64) rounded);
  else
    fog_json_add_number (json, rounded);
}

void
live_json_number (JsonBuilder *json, const gchar *name, gdouble value)
{
  json_builder_set_member_name (json, name);
  live_json_item (json, value);
}

void
live_json_flag (JsonBuilder *json, const gchar *name, gboolean value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_boolean_value (json, value);
}

void
live_json_open_object (JsonBuilder *json, const gchar *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_object (json);
}

void
live_json_open_list (JsonBuilder *json, const gchar *name)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_array (json);
}

JsonBuilder *
live_json_new (void)
{
  JsonBuilder *json = json_builder_new ();

  json_builder_begin_object (json);
  return json;
}

GBytes *
live_json_end (JsonBuilder *json)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  gchar *text;
  gsize size;

  json_builder_end_object (json);
  root = json_builder_get_root (json);
  json_generator_set_root (generator, root);
  text = json_generator_to_data (generator, &size);
  g_object_unref (json);
  return g_bytes_new_take (text, size);
}
