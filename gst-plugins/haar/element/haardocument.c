/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarevent.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "fogtime.h"
#include "gstkafkameta.h"

static void
add_string (JsonBuilder *builder, const gchar *name, const gchar *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_int (JsonBuilder *builder, const gchar *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

/* A date of MongoDB's Extended JSON. */
static void
add_date (JsonBuilder *builder, const gchar *name, GstClockTime time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc ((gint64) (time / GST_SECOND));
  g_autofree gchar *seconds = g_date_time_format (date, "%Y-%m-%dT%H:%M:%S");
  g_autofree gchar *text =
      g_strdup_printf ("%s.%03uZ", seconds, (guint) (time % GST_SECOND / GST_MSECOND));

  json_builder_set_member_name (builder, name);
  json_builder_begin_object (builder);
  add_string (builder, "$date", text);
  json_builder_end_object (builder);
}

/* Objects, since not every database that speaks MongoDB's protocol takes an array within an array. */
static void
add_boxes (JsonBuilder *builder, const GArray *rects)
{
  json_builder_set_member_name (builder, "boxes");
  json_builder_begin_array (builder);
  for (guint i = 0; i < rects->len; i++) {
    const HaarRect *r = &g_array_index (rects, HaarRect, i);

    json_builder_begin_object (builder);
    add_int (builder, "x", r->x);
    add_int (builder, "y", r->y);
    add_int (builder, "w", r->w);
    add_int (builder, "h", r->h);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_origin (JsonBuilder *builder, GstBuffer *frame)
{
  const gchar *camera = gst_kafka_meta_get_header (frame, GST_KAFKA_HEADER_CAMERA);
  /* A frame that comes twice is one document. */
  g_autofree gchar *id = gst_kafka_meta_make_frame_id (frame);
  guint64 seq;

  if (id)
    add_string (builder, "_id", id);
  if (camera)
    add_string (builder, "camera", camera);
  if (gst_kafka_meta_get_header_uint64 (frame, GST_KAFKA_HEADER_SEQ, &seq))
    add_int (builder, "seq", (gint64) MIN (seq, (guint64) G_MAXINT64));
}

static gchar *
to_text (JsonBuilder *builder, gsize *size)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (builder);

  json_generator_set_root (generator, root);
  return json_generator_to_data (generator, size);
}

/* The token rides along; where the frame itself was to go doesn't. */
static void
inherit (GstBuffer *event, GstBuffer *frame, GstClockTime captured)
{
  const gchar *camera = gst_kafka_meta_get_header (frame, GST_KAFKA_HEADER_CAMERA);
  GstStructure *s;

  gst_kafka_meta_copy (event, frame);
  s = gst_kafka_meta_ensure (event);
  gst_structure_remove_fields (s, "target-topic", "target-partition", "target-key", NULL);
  if (camera) {
    g_autoptr (GBytes) key = g_bytes_new (camera, strlen (camera));

    gst_structure_set (s, "target-key", G_TYPE_BYTES, key, NULL);
  }
  if (GST_CLOCK_TIME_IS_VALID (captured) &&
      !gst_kafka_meta_get_header (event, GST_KAFKA_HEADER_CAPTURE_TIME)) {
    g_autofree gchar *text = g_strdup_printf ("%" G_GUINT64_FORMAT, captured);

    gst_kafka_meta_set_headers (event, GST_KAFKA_HEADER_CAPTURE_TIME, text, NULL);
  }
}

GstBuffer *
haar_event_new (GstBuffer *frame, const GArray *rects, gint width, gint height,
    GstClockTime captured, const gchar *replica)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  GstBuffer *event;
  gchar *text;
  gsize size;

  json_builder_begin_object (builder);
  add_origin (builder, frame);
  if (GST_CLOCK_TIME_IS_VALID (captured))
    add_date (builder, "captured", captured);
  add_date (builder, "processed", fog_time_now ());
  add_int (builder, "faces", rects->len);
  add_boxes (builder, rects);
  add_int (builder, "width", width);
  add_int (builder, "height", height);
  add_string (builder, "replica", replica);
  json_builder_end_object (builder);
  text = to_text (builder, &size);
  event = gst_buffer_new_wrapped (text, size);
  GST_BUFFER_PTS (event) = GST_BUFFER_PTS (frame);
  GST_BUFFER_DURATION (event) = GST_BUFFER_DURATION (frame);
  inherit (event, frame, captured);
  return event;
}
