/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clipread.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>

#include "gstkafkameta.h"
#include "sources/livetopic.h"

/* Earliest plausible time of capture: the year 2000, because clocks that were never set show an
 * earlier time. */
#define EARLIEST (G_GUINT64_CONSTANT (946684800) * GST_SECOND)

void
clip_set_range (GstElement *kafkasrc, const ClipRange *range)
{
  g_object_set (kafkasrc, "replay", TRUE, NULL);
  if (!range)
    return;
  g_object_set (kafkasrc, "camera", range->camera, NULL);
  if (range->from > 0)
    g_object_set (kafkasrc, "start-time", (guint64) range->from * GST_MSECOND, NULL);
  if (range->to != CLIP_NO_END)
    g_object_set (kafkasrc, "end-time", (guint64) range->to * GST_MSECOND, NULL);
  if (range->partitions)
    gst_util_set_object_arg (G_OBJECT (kafkasrc), "partitions", range->partitions);
}

GstClockTime
clip_get_capture_time (GstBuffer *message)
{
  const GstStructure *s = gst_kafka_meta_peek (message);
  gint64 timestamp = 0;
  guint64 captured;

  if (s)
    gst_structure_get_int64 (s, "timestamp", &timestamp);
  timestamp = MAX (timestamp, 0);
  if (gst_kafka_meta_get_header_uint64 (message, GST_KAFKA_HEADER_CAPTURE_TIME, &captured) &&
      captured >= EARLIEST &&
      (!timestamp || captured / GST_MSECOND <= (guint64) timestamp + CLIP_MOST_AHEAD))
    return captured;
  return (GstClockTime) timestamp * GST_MSECOND;
}

gboolean
clip_range_has (const ClipRange *self, GstBuffer *message)
{
  gint64 ms = (gint64) (clip_get_capture_time (message) / GST_MSECOND);

  return !ms || (ms >= self->from && ms < self->to);
}

guint64
clip_get_stat (GstElement *kafkasrc, const gchar *name)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 value = 0;

  g_object_get (kafkasrc, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, name, &value);
  return value;
}

guint64
clip_get_progress (GstElement *kafkasrc)
{
  return clip_get_stat (kafkasrc, "messages") + clip_get_stat (kafkasrc, "other-cameras");
}

/* (nullable) (transfer full) */
static GError *
pop_error (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (message) {
    gst_message_parse_error (message, &error, NULL);
    gst_message_unref (message);
  }
  return error;
}

/* Returns: (nullable) (transfer full): the next message; NULL at the end, or if reading has made no
 * progress for CLIP_PATIENCE */
static GstSample *
pull (GstElement *pipeline, GstAppSink *sink)
{
  g_autoptr (GstElement) kafkasrc = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  GstSample *sample;
  guint64 progress;

  do {
    progress = clip_get_progress (kafkasrc);
    sample = gst_app_sink_try_pull_sample (sink, CLIP_PATIENCE);
  } while (!sample && !gst_app_sink_is_eos (sink) && clip_get_progress (kafkasrc) != progress);
  return sample;
}

/* Passes all messages to @func. At EOS the bus is checked for an error, because a source that fails
 * also ends its stream. */
static gboolean
pull_all (GstElement *pipeline, GstAppSink *sink, ClipFunc func, gpointer data, GError **error)
{
  g_autoptr (GError) failed = NULL;
  gboolean more = TRUE;
  GstSample *sample;

  while (more && (sample = pull (pipeline, sink))) {
    more = func (sample, data);
    gst_sample_unref (sample);
  }
  failed = more ? pop_error (pipeline) : NULL;
  if (!more || (!failed && gst_app_sink_is_eos (sink)))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s",
      failed ? failed->message : "Kafka has given nothing for 20 s.");
  return FALSE;
}

gboolean
clip_read (
    const LiveSource *source, const ClipRange *range, ClipFunc func, gpointer data, GError **error)
{
  GstElement *pipeline = live_topic_make_pipeline (source, error);
  g_autoptr (GstElement) kafkasrc = NULL, sink = NULL;
  gboolean read;

  if (!pipeline)
    return FALSE;
  kafkasrc = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  clip_set_range (kafkasrc, range);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  read = pull_all (pipeline, GST_APP_SINK (sink), func, data, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return read;
}

/* State of a search for late messages. */
typedef struct {
  ClipFunc func;
  gpointer data;
  gint64 deadline; /* monotonic us */
  gint64 reached;  /* ms since the Unix epoch */
  gboolean cut;
} Rest;

static gboolean
take_rest (GstSample *sample, gpointer data)
{
  Rest *self = data;

  self->reached = (gint64) (clip_get_capture_time (gst_sample_get_buffer (sample)) / GST_MSECOND);
  self->cut = g_get_monotonic_time () > self->deadline;
  return self->func (sample, self->data) && !self->cut;
}

gboolean
clip_read_rest (const LiveSource *source, gint64 from, ClipFunc func, gpointer data,
    gint64 *reached, GError **error)
{
  const ClipRange after = {NULL, from, CLIP_NO_END, NULL};
  Rest rest = {func, data, g_get_monotonic_time () + CLIP_REST_TIME, 0, FALSE};
  gboolean read = clip_read (source, &after, take_rest, &rest, error);

  *reached = rest.cut ? rest.reached : 0;
  return read;
}
