/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures kafkasink with a harness that feeds it, and kafkasrc with a pad that takes its
 * buffers. */
#include <gst/base/gstpushsrc.h>
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

static void
set_options (GstElement *element, const Job *j)
{
  g_autoptr (GstStructure) s = gst_structure_new_empty ("c");

  for (gchar **option = j->options; option && *option; option++) {
    g_auto (GStrv) pair = g_strsplit (*option, "=", 2);

    gst_structure_set (s, pair[0], G_TYPE_STRING, pair[1], NULL);
  }
  g_object_set (element, "client-properties", s, NULL);
  for (gchar **property = j->properties; property && *property; property++) {
    g_auto (GStrv) pair = g_strsplit (*property, "=", 2);

    gst_util_set_object_arg (G_OBJECT (element), pair[0], pair[1]);
  }
}

/* --- producing --- */

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
  set_options (sink, j);
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

/* EOS isn't sent after the warm-up, because it would end the stream. */
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

/* --- consuming --- */

typedef struct {
  Tally *tally;
  GMainLoop *loop;
} Reader;

static GstFlowReturn
take_buffer (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Reader *reader = gst_pad_get_element_private (pad);
  gboolean enough;
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  enough = tally_add (reader->tally, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  if (enough)
    g_main_loop_quit (reader->loop);
  return enough ? GST_FLOW_EOS : GST_FLOW_OK;
}

static gboolean
take_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  gst_event_unref (event);
  return TRUE;
}

/* Reads through a bare pad, because the time of a sink element isn't the source's. */
static GstPad *
make_end (GstElement *src, Reader *reader)
{
  GstPad *pad = gst_pad_new ("end", GST_PAD_SINK);
  GstPad *from = gst_element_get_static_pad (src, "src");

  gst_pad_set_element_private (pad, reader);
  gst_pad_set_chain_function (pad, take_buffer);
  gst_pad_set_event_function (pad, take_event);
  gst_pad_set_active (pad, TRUE);
  if (gst_pad_link (from, pad) != GST_PAD_LINK_OK)
    g_error ("kafkasrc's pad can't be linked");
  gst_object_unref (from);
  return pad;
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
make_src (const Job *j)
{
  GstElement *src = gst_element_factory_make ("kafkasrc", NULL);

  if (!src)
    g_error ("element: GStreamer finds no kafkasrc");
  g_object_set (src, "bootstrap-servers", j->servers, "topic", j->topic, NULL);
  set_options (src, j);
  gst_util_set_object_arg (G_OBJECT (src), "auto-offset-reset", "earliest");
  return src;
}

static void
consume_from (GstElement *src, Tally *tally)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstBus *bus = gst_pipeline_get_bus (GST_PIPELINE (pipeline));
  Reader reader = {tally, g_main_loop_new (NULL, FALSE)};
  GstPad *end;

  gst_bin_add (GST_BIN (pipeline), src);
  end = make_end (src, &reader);
  gst_bus_add_watch (bus, see_message, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (reader.loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  g_main_loop_unref (reader.loop);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  gst_object_unref (end);
}

void
element_consume (const Job *j, Tally *tally)
{
  consume_from (make_src (j), tally);
}

/* --- the least source --- */

typedef GstPushSrc LeastSrc;
typedef GstPushSrcClass LeastSrcClass;

static GType least_src_get_type (void);
G_DEFINE_TYPE (LeastSrc, least_src, GST_TYPE_PUSH_SRC)

static GstFlowReturn
create_least (GstPushSrc *src, GstBuffer **out)
{
  rd_kafka_message_t *message = bare_read ();

  *out = gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, message->payload, message->len, 0,
      message->len, message, (GDestroyNotify) rd_kafka_message_destroy);
  return GST_FLOW_OK;
}

static void
least_src_class_init (LeastSrcClass *klass)
{
  static GstStaticPadTemplate pad =
      GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

  gst_element_class_add_static_pad_template (GST_ELEMENT_CLASS (klass), &pad);
  klass->create = create_least;
}

static void
least_src_init (LeastSrc *self)
{
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), TRUE);
}

void
source_consume (const Job *j, Tally *tally)
{
  bare_open (j);
  consume_from (g_object_new (least_src_get_type (), NULL), tally);
  bare_close ();
}
