/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clipread.h"

#include <gio/gio.h>
#include <gst/app/gstappsink.h>

#include "sources/livetopic.h"

/* The read fails if no message comes for this time. */
#define PATIENCE (20 * GST_SECOND)

void
clip_set_range (GstElement *kafkasrc, const ClipRange *range)
{
  g_object_set (kafkasrc, "replay", TRUE, NULL);
  if (range)
    g_object_set (kafkasrc, "camera", range->camera, "start-time",
        (guint64) range->from * GST_MSECOND, "end-time", (guint64) range->to * GST_MSECOND, NULL);
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

/* A source that fails also ends its stream, so EOS counts as the end only if there is no error. */
static gboolean
pull_all (GstElement *pipeline, GstAppSink *sink, ClipFunc func, gpointer data, GError **error)
{
  g_autoptr (GError) failed = NULL;
  gboolean more = TRUE;
  GstSample *sample;

  while (more && (sample = gst_app_sink_try_pull_sample (sink, PATIENCE))) {
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
