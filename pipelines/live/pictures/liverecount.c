/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liverecount.h"

#include <gio/gio.h>

#include "fogjson.h"
#include "gstkafkameta.h"
#include "livedecode.h"
#include "livejson.h"

#define MAX_NEIGHBORS 50
/* The smallest scale factor, because a search with smaller steps takes seconds of processor
 * time. */
#define MIN_SCALE 1.02
#define MAX_SCALE 4.0

static gboolean
fail (GError **error, const gchar *text)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean
read_place (LivePlace *place, JsonObject *object, GError **error)
{
  const gchar *topic = fog_json_read_string (object, "topic");
  guint64 partition = G_MAXUINT64, offset = G_MAXUINT64;

  if (!topic || !fog_json_read_count (object, "partition", G_MAXINT32, &partition, error) ||
      !fog_json_read_count (object, "offset", G_MAXINT64 / 2, &offset, error) ||
      partition == G_MAXUINT64 || offset == G_MAXUINT64) {
    g_clear_error (error);
    return fail (error, "The request needs topic, partition and offset of a frame.");
  }
  *place = (LivePlace){g_strdup (topic), (gint) partition, (gint64) offset};
  return TRUE;
}

/* Reads the cascade's name. Only names from the list are accepted, and no paths, because a path
 * might name any file. */
static gboolean
read_cascade (LiveRecount *self, JsonObject *object, const gchar *const *cascades, GError **error)
{
  const gchar *name = fog_json_read_string (object, "cascade");

  if (!name || !g_strv_contains (cascades, name))
    return fail (error, "The cascade must be one of /api/cascades.");
  self->cascade = g_strdup (name);
  return TRUE;
}

static gboolean
read_numbers (LiveRecount *self, JsonObject *object, GError **error)
{
  guint64 neighbors = 4;
  gdouble scale = 1.1;

  if (!fog_json_read_count (object, "neighbors", MAX_NEIGHBORS, &neighbors, NULL))
    return fail (error, "neighbors must be a number from 0 to 50.");
  if (!fog_json_read_number (object, "scale", MAX_SCALE, &scale, NULL) || scale < MIN_SCALE)
    return fail (error, "scale must be a number from 1.02 to 4.");
  self->neighbors = (gint) neighbors;
  self->scale = scale;
  return TRUE;
}

gboolean
live_recount_parse (
    LiveRecount *self, const gchar *text, gsize size, const gchar *const *cascades, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = fog_json_parse_object (parser, text, size, error);

  *self = (LiveRecount){0};
  return object && read_place (&self->place, object, error) &&
         read_cascade (self, object, cascades, error) && read_numbers (self, object, error);
}

void
live_recount_clear (LiveRecount *self)
{
  live_place_clear (&self->place);
  g_clear_pointer (&self->cascade, g_free);
}

/* --- counting --- */

/* haarfacecount with these settings, as gst-launch-1.0 takes it. */
static gchar *
make_counter (const LiveRecount *self)
{
  gchar scale[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup_printf ("haarfacecount cascade=%s min-neighbors=%d scale-factor=%s min-faces=0",
      self->cascade, self->neighbors, g_ascii_formatd (scale, sizeof scale, "%g", self->scale));
}

/* Returns a buffer without the frame's headers, so that the id of the new count's document is the
 * frame's position in Kafka. */
static GstBuffer *
make_buffer (GstSample *raw, const LiveFrame *frame)
{
  GstBuffer *buffer = gst_buffer_copy (gst_sample_get_buffer (raw));

  gst_structure_set (gst_kafka_meta_ensure (buffer), "topic", G_TYPE_STRING, frame->place.topic,
      "partition", G_TYPE_INT, frame->place.partition, "offset", G_TYPE_INT64, frame->place.offset,
      NULL);
  return buffer;
}

/* Returns a command line that makes the same count. If the frame depends on earlier frames, the
 * line prints a count for each of them, and the last one is that of the frame. */
static gchar *
make_line (const LiveRecount *self, const GPtrArray *run, const LiveBroker *broker)
{
  const LiveFrame *first = g_ptr_array_index (run, 0);
  const LiveFrame *frame = g_ptr_array_index (run, run->len - 1);
  const gchar *decoder = live_decode_find_elements (frame, NULL);
  g_autofree gchar *counter = make_counter (self);
  g_autofree gchar *counted = g_strdup_printf ("%s ! %s ! fdsink", decoder, counter);

  return live_place_make_line (&frame->place, first->place.offset,
      first != frame ? frame->camera : NULL, broker, "gst-launch-1.0 -q", counted);
}

static LiveAnswer *
count (const LiveRecount *self, const GPtrArray *run, GError **error)
{
  g_autofree gchar *counter = make_counter (self);
  g_autoptr (GstSample) raw = live_decode (run, error), counted = NULL;
  g_autoptr (GstBuffer) buffer = NULL;
  LiveAnswer *answer;

  if (!raw)
    return NULL;
  buffer = make_buffer (raw, g_ptr_array_index (run, run->len - 1));
  counted = live_decode_pass (counter, buffer, gst_sample_get_caps (raw), error);
  answer = counted ? live_answer_from_sample (counted) : NULL;
  if (counted && !answer)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The count can't be read.");
  return answer;
}

static void
add_settings (const LiveRecount *self, JsonBuilder *json)
{
  live_json_text (json, "cascade", self->cascade);
  live_json_int (json, "neighbors", self->neighbors);
  live_json_number (json, "scale", self->scale);
}

GBytes *
live_recount_run (
    const LiveRecount *self, const GPtrArray *run, const LiveBroker *broker, GError **error)
{
  gint64 began = g_get_monotonic_time ();
  g_autoptr (LiveAnswer) answer = count (self, run, error);
  g_autofree gchar *line = answer ? make_line (self, run, broker) : NULL;
  JsonBuilder *json;

  if (!answer)
    return NULL;
  json = live_json_new ();
  live_json_int (json, "faces", answer->faces);
  live_boxes_to_json (answer->boxes, json);
  live_json_int (json, "width", answer->width);
  live_json_int (json, "height", answer->height);
  live_json_number (json, "seconds", (gdouble) (g_get_monotonic_time () - began) / G_USEC_PER_SEC);
  add_settings (self, json);
  live_json_text (json, "line", line);
  return live_json_end (json);
}
