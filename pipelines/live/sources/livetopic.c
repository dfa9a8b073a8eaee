/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livetopic.h"

#include <gst/app/gstappsink.h>

#include "liverounds.h"

/* Least time (us) between two attempts to read. */
#define RETRY_TIME (G_USEC_PER_SEC)
/* Time (ns) for which the bus is polled. */
#define LOOK_TIME (200 * GST_MSECOND)
/* Largest number of messages that wait in the appsink. */
#define MAX_BUFFERS 64

struct _LiveTopic {
  const LiveSource *source;
  LiveTopicFunc func;
  gpointer data;
  LiveRounds *attempts;
  GMutex lock;      /* guards all fields below */
  gboolean reading; /* what is wanted */
  guint64 bytes;
};

static GstElement *
make_element (const gchar *factory, const gchar *name, GError **error)
{
  GstElement *element = gst_element_factory_make (factory, name);

  if (!element)
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "There is no element \"%s\": install its plugin, or set GST_PLUGIN_PATH.", factory);
  return element;
}

GstElement *
live_topic_make_pipeline (const LiveSource *source, GError **error)
{
  GstElement *kafkasrc = make_element ("kafkasrc", "source", error);
  GstElement *sink = kafkasrc ? make_element ("appsink", "sink", error) : NULL;
  GstElement *pipeline;

  if (!sink) {
    gst_clear_object (&kafkasrc);
    return NULL;
  }
  g_object_set (kafkasrc, "bootstrap-servers", source->servers, "topic", source->topic, NULL);
  if (source->config_file)
    g_object_set (kafkasrc, "config-file", source->config_file, NULL);
  g_object_set (sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, "max-buffers",
      MAX_BUFFERS, NULL);
  pipeline = gst_pipeline_new (NULL);
  gst_bin_add_many (GST_BIN (pipeline), kafkasrc, sink, NULL);
  gst_element_link (kafkasrc, sink);
  return pipeline;
}

static GstFlowReturn
take_sample (GstAppSink *sink, gpointer data)
{
  LiveTopic *self = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);

  if (!sample)
    return GST_FLOW_EOS;
  g_mutex_lock (&self->lock);
  self->bytes += gst_buffer_get_size (gst_sample_get_buffer (sample));
  g_mutex_unlock (&self->lock);
  self->func (sample, self->data);
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static gboolean
is_wanted (LiveTopic *self)
{
  gboolean wanted;

  g_mutex_lock (&self->lock);
  wanted = self->reading;
  g_mutex_unlock (&self->lock);
  return wanted;
}

/* Waits while the pipeline reads, until the topic isn't wanted any more, or reading fails. */
static void
watch (LiveTopic *self, GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message = NULL;

  while (is_wanted (self) && !message)
    message = gst_bus_timed_pop_filtered (bus, LOOK_TIME, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    g_message ("topic %s: %s It is tried again.", self->source->topic, error->message);
  }
  if (message)
    gst_message_unref (message);
}

static void
read_topic (LiveTopic *self)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = live_topic_make_pipeline (self->source, &error);
  GstAppSinkCallbacks callbacks = {.new_sample = take_sample};
  g_autoptr (GstElement) sink = NULL;

  if (!pipeline) {
    g_message ("%s", error->message);
    return;
  }
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, self, NULL);
  g_info ("topic %s: reading begins", self->source->topic);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  watch (self, pipeline);
  g_info ("topic %s: reading ends", self->source->topic);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static void
try_to_read (gpointer data)
{
  if (is_wanted (data))
    read_topic (data);
}

LiveTopic *
live_topic_new (const LiveSource *source, LiveTopicFunc func, gpointer data)
{
  LiveTopic *self = g_new0 (LiveTopic, 1);

  self->source = source;
  self->func = func;
  self->data = data;
  g_mutex_init (&self->lock);
  self->attempts = live_rounds_new (source->topic, RETRY_TIME, try_to_read, self);
  return self;
}

void
live_topic_free (LiveTopic *self)
{
  live_topic_set_reading (self, FALSE);
  live_rounds_free (self->attempts);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
live_topic_set_reading (LiveTopic *self, gboolean reading)
{
  gboolean begins;

  g_mutex_lock (&self->lock);
  begins = reading && !self->reading;
  self->reading = reading;
  g_mutex_unlock (&self->lock);
  if (begins)
    live_rounds_wake (self->attempts);
}

guint64
live_topic_get_bytes (LiveTopic *self)
{
  guint64 bytes;

  g_mutex_lock (&self->lock);
  bytes = self->bytes;
  g_mutex_unlock (&self->lock);
  return bytes;
}
