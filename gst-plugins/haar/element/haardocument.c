/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haardocument.h"

#include "fogjson.h"
#include "fogname.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "fogtime.h"

/* --- the document --- */

static void
add_string (JsonBuilder *builder, const gchar *name, const gchar *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_double (JsonBuilder *builder, const gchar *name, gdouble value)
{
  json_builder_set_member_name (builder, name);
  fog_json_add_number (builder, value);
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

/* The label's length is limited, because it comes from another element. */
static void
add_label (JsonBuilder *builder, GQuark label)
{
  g_autofree gchar *bounded = fog_name_bounded (g_quark_to_string (label));

  add_string (builder, "label", bounded);
}

/* Boxes are written as objects, not as arrays, because some databases that speak MongoDB's protocol
 * refuse an array within an array. */
static void
add_zones_of_box (JsonBuilder *builder, const HaarJob *job, const HaarRect *rect)
{
  const HaarCameraZones *zones = haar_job_find_zones (job);

  if (haar_camera_zones_count (zones) == 0)
    return;
  json_builder_set_member_name (builder, "zones");
  json_builder_begin_array (builder);
  for (guint i = 0; i < haar_camera_zones_count (zones); i++)
    if (haar_camera_zones_contains (zones, i, rect, job->width, job->height))
      json_builder_add_string_value (builder, haar_camera_zones_get_name (zones, i));
  json_builder_end_array (builder);
}

static void
add_boxes (JsonBuilder *builder, const HaarJob *job)
{
  const GArray *boxes = job->boxes;

  json_builder_set_member_name (builder, "boxes");
  json_builder_begin_array (builder);
  for (guint i = 0; i < boxes->len; i++) {
    const HaarBox *box = &g_array_index (boxes, HaarBox, i);
    const HaarRect *r = &box->rect;

    json_builder_begin_object (builder);
    add_int (builder, "x", r->x);
    add_int (builder, "y", r->y);
    add_int (builder, "w", r->w);
    add_int (builder, "h", r->h);
    if (!isnan (box->score))
      add_double (builder, "score", box->score);
    if (box->label)
      add_label (builder, box->label);
    add_zones_of_box (builder, job, r);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

/* Adds the number of faces in each zone. */
static void
add_zones (JsonBuilder *builder, const HaarJob *job)
{
  const HaarCameraZones *zones = haar_job_find_zones (job);

  if (haar_camera_zones_count (zones) == 0)
    return;
  json_builder_set_member_name (builder, "zones");
  json_builder_begin_object (builder);
  for (guint i = 0; i < haar_camera_zones_count (zones); i++)
    add_int (builder, haar_camera_zones_get_name (zones, i), haar_job_count_in_zone (job, i));
  json_builder_end_object (builder);
}

static void
add_origin (JsonBuilder *builder, const HaarJob *job)
{
  const GstKafkaFrameId *frame = &job->origin.id;
  /* Adds the `_id`, which is the same if a frame is counted twice, so that a frame is stored as a
   * single document. */
  g_autofree gchar *id = gst_kafka_frame_id_to_text (frame, job->frame);

  if (id)
    add_string (builder, "_id", id);
  if (frame->camera) {
    g_autofree gchar *camera = fog_name_bounded (frame->camera);

    add_string (builder, "camera", camera);
  }
  if (frame->has_seq)
    add_int (builder, "seq", (gint64) MIN (frame->seq, (guint64) G_MAXINT64));
}

/* Adds the number and the time of the frames that the camera didn't send because they show nothing
 * new. */
static void
add_still (JsonBuilder *builder, const HaarOrigin *origin)
{
  if (!origin->still_interval)
    return;
  json_builder_set_member_name (builder, "still");
  json_builder_begin_object (builder);
  add_double (builder, "interval", (gdouble) origin->still_interval / GST_SECOND);
  if (origin->still_frames) {
    add_int (builder, "frames", (gint64) origin->still_frames);
    add_double (builder, "time", (gdouble) origin->still_time / GST_SECOND);
    json_builder_set_member_name (builder, "changed");
    json_builder_add_boolean_value (builder, origin->still_changed);
  }
  json_builder_end_object (builder);
}

static gchar *
to_text (JsonBuilder *builder, gsize *size)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (builder);

  json_generator_set_root (generator, root);
  return json_generator_to_data (generator, size);
}

/* Copies the frame's meta with its ack token, but without the topic and partition to which the
 * frame itself was to be sent. */
static void
inherit (GstBuffer *document, const HaarJob *job)
{
  const gchar *camera = job->origin.id.camera;
  GstStructure *s;

  gst_kafka_meta_copy (document, job->frame);
  s = gst_kafka_meta_ensure (document);
  gst_structure_remove_fields (s, "target-topic", "target-partition", "target-key", NULL);
  if (camera) {
    g_autoptr (GBytes) key = g_bytes_new (camera, strlen (camera));

    gst_structure_set (s, "target-key", G_TYPE_BYTES, key, NULL);
  }
  if (GST_CLOCK_TIME_IS_VALID (job->captured) &&
      !gst_kafka_meta_get_header (document, GST_KAFKA_HEADER_CAPTURE_TIME)) {
    g_autofree gchar *text = g_strdup_printf ("%" G_GUINT64_FORMAT, job->captured);

    gst_kafka_meta_set_headers (document, GST_KAFKA_HEADER_CAPTURE_TIME, text, NULL);
  }
}

static gchar *
make_text (const HaarJob *job, const gchar *replica, gsize *size)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_origin (builder, job);
  if (GST_CLOCK_TIME_IS_VALID (job->captured))
    add_date (builder, "captured", job->captured);
  add_date (builder, "processed", fog_time_now ());
  add_int (builder, "faces", job->boxes->len);
  add_boxes (builder, job);
  add_zones (builder, job);
  add_int (builder, "width", job->width);
  add_int (builder, "height", job->height);
  add_string (builder, "replica", replica);
  add_still (builder, &job->origin);
  json_builder_end_object (builder);
  return to_text (builder, size);
}

GstBuffer *
haar_document_new (const HaarJob *job, const gchar *replica)
{
  gsize size;
  gchar *text = make_text (job, replica, &size);
  GstBuffer *document = gst_buffer_new_wrapped (text, size);

  GST_BUFFER_PTS (document) = GST_BUFFER_PTS (job->frame);
  GST_BUFFER_DURATION (document) = GST_BUFFER_DURATION (job->frame);
  inherit (document, job);
  return document;
}

/* --- the fields of the message `faces` --- */

static void
take_boxes (GstStructure *s, const GArray *found)
{
  GValue boxes = G_VALUE_INIT;

  g_value_init (&boxes, GST_TYPE_ARRAY);
  for (guint i = 0; i < found->len; i++) {
    const HaarRect *r = &g_array_index (found, HaarBox, i).rect;
    const gint sides[] = {r->x, r->y, r->w, r->h};
    GValue box = G_VALUE_INIT, side = G_VALUE_INIT;

    g_value_init (&box, GST_TYPE_ARRAY);
    g_value_init (&side, G_TYPE_INT);
    for (guint j = 0; j < G_N_ELEMENTS (sides); j++) {
      g_value_set_int (&side, sides[j]);
      gst_value_array_append_value (&box, &side);
    }
    gst_value_array_append_and_take_value (&boxes, &box);
  }
  gst_structure_take_value (s, "boxes", &boxes);
}

static void
take_scores (GstStructure *s, const GArray *found)
{
  GValue scores = G_VALUE_INIT, score = G_VALUE_INIT;

  g_value_init (&scores, GST_TYPE_ARRAY);
  g_value_init (&score, G_TYPE_DOUBLE);
  for (guint i = 0; i < found->len; i++) {
    g_value_set_double (&score, g_array_index (found, HaarBox, i).score);
    gst_value_array_append_value (&scores, &score);
  }
  g_value_unset (&score);
  gst_structure_take_value (s, "scores", &scores);
}

/* Adds the zones as an array of structures and not as fields, because the name of a zone may not be
 * a valid name of a GstStructure's field. */
static void
take_zones (GstStructure *s, const HaarJob *job)
{
  const HaarCameraZones *zones = haar_job_find_zones (job);
  GValue array = G_VALUE_INIT, entry = G_VALUE_INIT;

  g_value_init (&array, GST_TYPE_ARRAY);
  g_value_init (&entry, GST_TYPE_STRUCTURE);
  for (guint i = 0; i < haar_camera_zones_count (zones); i++) {
    g_value_take_boxed (&entry,
        gst_structure_new ("zone", "zone", G_TYPE_STRING, haar_camera_zones_get_name (zones, i),
            "faces", G_TYPE_UINT, haar_job_count_in_zone (job, i), NULL));
    gst_value_array_append_value (&array, &entry);
  }
  g_value_unset (&entry);
  gst_structure_take_value (s, "zones", &array);
}

/* Adds the labels that another element gave to the boxes. */
static void
take_labels (GstStructure *s, const GArray *found)
{
  GValue labels = G_VALUE_INIT, label = G_VALUE_INIT;

  g_value_init (&labels, GST_TYPE_ARRAY);
  g_value_init (&label, G_TYPE_STRING);
  for (guint i = 0; i < found->len; i++) {
    GQuark given = g_array_index (found, HaarBox, i).label;

    g_value_set_static_string (&label, given ? g_quark_to_string (given) : "");
    gst_value_array_append_value (&labels, &label);
  }
  g_value_unset (&label);
  gst_structure_take_value (s, "labels", &labels);
}

GstStructure *
haar_document_describe (const HaarJob *job, const gchar *label)
{
  GstStructure *s = gst_structure_new ("faces", "faces", G_TYPE_UINT, job->boxes->len, "timestamp",
      G_TYPE_UINT64, GST_BUFFER_PTS (job->frame), "label", G_TYPE_STRING, label, NULL);

  take_boxes (s, job->boxes);
  take_scores (s, job->boxes);
  if (haar_camera_zones_count (haar_job_find_zones (job)) > 0)
    take_zones (s, job);
  if (job->given)
    take_labels (s, job->boxes);
  if (job->origin.id.camera)
    gst_structure_set (s, "camera", G_TYPE_STRING, job->origin.id.camera, NULL);
  return s;
}
