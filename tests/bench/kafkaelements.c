/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kafkasink behind a harness, and kafkasrc before a fakesink. */
#include <gst/check/gstharness.h>

#include "kafkaclient.h"

static const Job *job;
static GstHarness *harness;
static gint sent;

static void
fail (GstBus *bus)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;

  if (!message)
    g_error ("element: ended early");
  gst_message_parse_error (message, &error, NULL);
  g_error ("element: %s", error->message);
}

/* Producing */

static void
open_sink (const Job *j)
{
  GstElement *sink = gst_element_factory_make ("kafkasink", NULL);
  GstBus *bus = gst_bus_new ();

  if (!sink)
    g_error ("element: GStreamer finds no kafkasink");
  job = j;
  g_object_set (
      sink, "bootstrap-servers", j->servers, "topic", j->topic, "camera", HEADER_CAMERA, NULL);
  gst_element_set_bus (sink, bus);
  gst_object_unref (bus);
  harness = gst_harness_new_with_element (sink, "sink", NULL);
  gst_object_unref (sink);
  gst_harness_use_systemclock (harness);
  gst_harness_play (harness);
  gst_harness_set_src_caps_str (harness, HEADER_CAPS);
}

static void
send_to_sink (guint8 *frame, gint i)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_full (
      GST_MEMORY_FLAG_READONLY, frame, job->size, 0, job->size, NULL, NULL);

  GST_BUFFER_PTS (buffer) = i * GST_SECOND / 30;
  GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
  if (gst_harness_push (harness, buffer) != GST_FLOW_OK)
    fail (GST_ELEMENT_BUS (harness->element));
  sent++;
}

static guint64
delivered (void)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 n = 0;

  g_object_get (harness->element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "delivered", &n);
  return n;
}

/* EOS would end the stream, which the warm-up doesn't. */
static void
wait_for_sink (void)
{
  while (delivered () < (guint64) sent)
    g_usleep (500);
}

static void
close_sink (void)
{
  gst_element_set_state (harness->element, GST_STATE_NULL);
  gst_element_set_bus (harness->element, NULL);
  gst_harness_teardown (harness);
}

const Producer element_producer = {open_sink, send_to_sink, wait_for_sink, close_sink};

/* Consuming */

typedef struct {
  Tally *tally;
  GMainLoop *loop;
} Reader;

static GstPadProbeReturn
see_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Reader *reader = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  if (tally_add (reader->tally, map.data, map.size))
    g_main_loop_quit (reader->loop);
  gst_buffer_unmap (buffer, &map);
  return GST_PAD_PROBE_OK;
}

static gboolean
see_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_bus_post (bus, gst_message_ref (message));
    fail (bus);
  }
  return TRUE;
}

static GstElement *
make_reader (const Job *j)
{
  g_autofree gchar *line =
      g_strdup_printf ("kafkasrc bootstrap-servers=%s topic=%s auto-offset-reset=earliest"
                       " ! fakesink name=end sync=false enable-last-sample=false",
          j->servers, j->topic);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  if (error)
    g_error ("element: %s", error->message);
  return pipeline;
}

void
element_consume (const Job *j, Tally *tally)
{
  GstElement *pipeline = make_reader (j);
  GstElement *end = gst_bin_get_by_name (GST_BIN (pipeline), "end");
  GstPad *pad = gst_element_get_static_pad (end, "sink");
  GstBus *bus = gst_pipeline_get_bus (GST_PIPELINE (pipeline));
  Reader reader = {tally, g_main_loop_new (NULL, FALSE)};

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, see_buffer, &reader, NULL);
  gst_bus_add_watch (bus, see_message, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (reader.loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  g_main_loop_unref (reader.loop);
  gst_object_unref (bus);
  gst_object_unref (pad);
  gst_object_unref (end);
  gst_object_unref (pipeline);
}
