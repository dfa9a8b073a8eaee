/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveframe.h"

#include <math.h>
#include <string.h>

#include "gstkafkameta.h"
#include "livejson.h"
#include "livename.h"

LiveFrame *
live_frame_ref (LiveFrame *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

gboolean
live_frame_precedes (const LiveFrame *self, const LiveFrame *later)
{
  return self->place.partition == later->place.partition &&
         self->place.offset < later->place.offset && self->session &&
         g_strcmp0 (self->session, later->session) == 0 &&
         g_strcmp0 (self->camera, later->camera) == 0;
}

void
live_frame_unref (LiveFrame *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  live_place_clear (&self->place);
  g_free (self->id);
  g_free (self->camera);
  g_free (self->session);
  gst_clear_caps (&self->caps);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_free (self);
}

static void
read_headers (LiveFrame *self, GstBuffer *buffer)
{
  const gchar *camera = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAMERA);
  const gchar *session = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_SESSION);
  gint64 timestamp = 0;
  guint64 captured;

  self->id = gst_kafka_meta_make_frame_id (buffer);
  self->camera = live_name_is_usable (camera) ? g_strdup (camera) : NULL;
  self->session = live_name_is_usable (session) ? g_strdup (session) : NULL;
  gst_kafka_meta_get_header_uint64 (buffer, GST_KAFKA_HEADER_SEQ, &self->seq);
  if (!gst_kafka_meta_get_header_uint64 (buffer, GST_KAFKA_HEADER_PTS, &self->pts))
    self->pts = GST_CLOCK_TIME_NONE;
  gst_structure_get_int64 (gst_kafka_meta_peek (buffer), "timestamp", &timestamp);
  self->captured = timestamp;
  if (gst_kafka_meta_get_header_uint64 (buffer, GST_KAFKA_HEADER_CAPTURE_TIME, &captured))
    self->captured = (gint64) (captured / GST_MSECOND);
}

static void
read_caps (LiveFrame *self, GstBuffer *buffer, GstCaps *caps)
{
  const GstStructure *s;

  if (!caps || gst_caps_get_size (caps) == 0)
    return;
  s = gst_caps_get_structure (caps, 0);
  self->caps = gst_caps_ref (caps);
  /* The flag DELTA_UNIT is ignored for formats that aren't video, because some encoders of single
   * pictures set it on each picture. */
  self->delta = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) &&
                g_str_has_prefix (gst_structure_get_name (s), "video/");
  gst_structure_get_int (s, "width", &self->width);
  gst_structure_get_int (s, "height", &self->height);
}

static void
copy_bytes (LiveFrame *self, GstBuffer *buffer)
{
  gpointer copy = NULL;

  self->size = gst_buffer_get_size (buffer);
  if (self->size == 0 || self->size > LIVE_FRAME_MAX)
    return;
  gst_buffer_extract_dup (buffer, 0, self->size, &copy, &self->size);
  self->bytes = g_bytes_new_take (copy, self->size);
}

LiveFrame *
live_frame_new (GstSample *sample, gint64 now)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  g_autoptr (LiveFrame) self = g_new0 (LiveFrame, 1);

  g_atomic_ref_count_init (&self->refs);
  self->arrived = now;
  self->first = -1;
  if (!buffer || !live_place_read (&self->place, buffer))
    return NULL;
  read_headers (self, buffer);
  read_caps (self, buffer, gst_sample_get_caps (sample));
  copy_bytes (self, buffer);
  return g_steal_pointer (&self);
}

/* --- JSON --- */

/* Returns a command line that shows the frame in a window, to be copied into a terminal. If the
 * frame depends on earlier frames, the command line shows these frames first. */
static gchar *
make_line (const LiveFrame *self, const LiveBroker *broker)
{
  const gchar *shown = "decodebin ! videoconvert ! autovideosink";

  if (self->delta && self->first >= 0)
    return live_place_make_line (
        &self->place, self->first, self->camera, broker, "gst-launch-1.0", shown);
  shown = "decodebin ! videoconvert ! imagefreeze ! autovideosink";
  return live_place_make_line (
      &self->place, self->place.offset, NULL, broker, "gst-launch-1.0", shown);
}

static void
event_to_json (const LiveAnswer *answer, const LiveBroker *broker, JsonBuilder *json)
{
  g_autofree gchar *line = live_place_make_line (
      &answer->place, answer->place.offset, NULL, broker, "gst-launch-1.0 -q", "fdsink");

  live_json_open_object (json, "event");
  live_place_to_json (&answer->place, json);
  live_json_text (json, "line", line);
  json_builder_end_object (json);
}

static void
answer_to_json (
    const LiveAnswer *answer, gboolean counted, const LiveBrokers *servers, JsonBuilder *json)
{
  live_json_flag (json, "counted", counted);
  live_json_number (json, "faces", answer ? answer->faces : counted ? 0 : (gdouble) NAN);
  if (answer) {
    live_boxes_to_json (answer->boxes, json);
  } else {
    live_json_open_list (json, "boxes");
    json_builder_end_array (json);
  }
  live_json_text (json, "replica", answer ? answer->replica : NULL);
  if (answer && answer->place.topic)
    event_to_json (answer, &servers->events, json);
  else
    live_json_text (json, "event", NULL);
}

void
live_frame_to_json (const LiveFrame *self, const LiveAnswer *answer, gboolean counted,
    const LiveBrokers *servers, JsonBuilder *json)
{
  const gchar *format =
      self->caps ? gst_structure_get_name (gst_caps_get_structure (self->caps, 0)) : NULL;
  g_autofree gchar *line = make_line (self, &servers->frames);

  live_place_to_json (&self->place, json);
  live_json_text (json, "camera", self->camera);
  live_json_text (json, "session", self->session);
  live_json_int (json, "seq", (gint64) MIN (self->seq, (guint64) G_MAXINT64));
  live_json_time (json, "captured", self->captured);
  live_json_text (json, "caps", format);
  live_json_int (json, "bytes", (gint64) self->size);
  live_json_int (json, "width", self->width ? self->width : answer ? answer->width : 0);
  live_json_int (json, "height", self->height ? self->height : answer ? answer->height : 0);
  answer_to_json (answer, counted, servers, json);
  live_json_text (json, "line", line);
}
