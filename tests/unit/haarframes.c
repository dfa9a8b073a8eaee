/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarframes.h"

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>
#include <string.h>

#include "elementtest.h"

gchar *dir, *cascade;

void
haar_frames_setup (void)
{
  dir = g_dir_make_tmp ("haar-XXXXXX", NULL);
  cascade = g_build_filename (dir, "stump.xml", NULL);
  fail_unless (g_file_set_contents (cascade, HAAR_STUMP, -1, NULL));
}

void
haar_frames_teardown (void)
{
  g_remove (cascade);
  g_rmdir (dir);
  g_free (cascade);
  g_free (dir);
}

GstElement *
make_element (void)
{
  GstElement *element = gst_element_factory_make ("haarfacecount", NULL);

  g_object_set (
      element, "cascade", cascade, "min-size", 0, "min-neighbors", 0, "replica", "here", NULL);
  return element;
}

void
set_caps (GstHarness *h, gint width, gint height)
{
  g_autofree gchar *caps =
      g_strdup_printf ("video/x-raw,format=GRAY8,width=%d,height=%d,framerate=25/1", width, height);

  gst_harness_set_src_caps_str (h, caps);
}

GstHarness *
make_harness (GstElement *element, const gchar *src)
{
  GstHarness *h = gst_harness_new_with_element (element, "sink", src);

  set_caps (h, SIDE, SIDE);
  return h;
}

void
end_harness (GstHarness *h, GstElement *element)
{
  gst_harness_teardown (h);
  gst_object_unref (element);
}

void
paint (guint8 *data, gint stride, gboolean face)
{
  for (gint y = 0; y < SIDE; y++)
    for (gint x = 0; x < SIDE; x++)
      data[y * stride + x] = face && x < SIDE / 2 ? 200 : 40;
}

GstBuffer *
make_frame (gboolean face, guint n)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, SIDE * SIDE, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  paint (map.data, SIDE, face);
  gst_buffer_unmap (frame, &map);
  GST_BUFFER_PTS (frame) = n * 40 * GST_MSECOND;
  GST_BUFFER_DURATION (frame) = 40 * GST_MSECOND;
  return frame;
}

gint acks_done, acks_undecided;

static void
note_ack (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome)
{
  g_atomic_int_inc (outcome == GST_KAFKA_ACK_DONE ? &acks_done : &acks_undecided);
}

GstBuffer *
make_acked_frame (gboolean face, guint n)
{
  GstBuffer *frame = make_frame (face, n);
  GstKafkaAck *ack = gst_kafka_ack_new (NULL, n, note_ack, NULL);

  gst_structure_set (gst_kafka_meta_ensure (frame), "topic", G_TYPE_STRING, "camera", "partition",
      G_TYPE_INT, 3, "offset", G_TYPE_INT64, (gint64) n, NULL);
  gst_kafka_meta_take_ack (frame, ack);
  return frame;
}

GstBuffer *
make_scene (gboolean left, gboolean right, guint n)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 320 * 64, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  memset (map.data, 40, map.size);
  paint (map.data + 320 * 16 + 16, 320, left);
  paint (map.data + 320 * 16 + 272, 320, right);
  gst_buffer_unmap (frame, &map);
  GST_BUFFER_PTS (frame) = n * 40 * GST_MSECOND;
  return frame;
}

JsonObject *
parse (JsonParser *parser, GstBuffer *buffer)
{
  GstMapInfo map;
  GError *error = NULL;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  json_parser_load_from_data (parser, (const gchar *) map.data, (gssize) map.size, &error);
  g_assert_no_error (error);
  gst_buffer_unmap (buffer, &map);
  return json_node_get_object (json_parser_get_root (parser));
}

guint64
get_stat (GstElement *element, const gchar *name)
{
  GstStructure *stats;
  guint64 value = 0;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "the stats have no field %s", name);
  gst_structure_free (stats);
  return value;
}

void
await_end (GstHarness *h)
{
  GstEventType type;
  GstEvent *event;

  do {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL);
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (type != GST_EVENT_EOS);
}

void
finish (GstHarness *h)
{
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  await_end (h);
}

GstBuffer *
make_padded_frame (void)
{
  gsize offsets[GST_VIDEO_MAX_PLANES] = {16};
  gint strides[GST_VIDEO_MAX_PLANES] = {64};
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 16 + 64 * 48, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  memset (map.data, 40, map.size);
  paint (map.data + 16 + 64 * 10 + 20, 64, TRUE);
  gst_buffer_unmap (frame, &map);
  gst_buffer_add_video_meta_full (frame, 0, GST_VIDEO_FORMAT_GRAY8, 60, 48, 1, offsets, strides);
  return frame;
}

void
expect_warning (GstBus *bus, GQuark domain, gint code)
{
  g_free (wait_message (bus, GST_MESSAGE_WARNING, domain, code));
}

FogReport *
pull_report (GstHarness *rate)
{
  GstBuffer *buffer = gst_harness_pull (rate);
  GError *error = NULL;
  FogReport *report;
  GstMapInfo map;

  fail_unless (buffer != NULL);
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  report = fog_report_parse ((const gchar *) map.data, map.size, &error);
  g_assert_no_error (error);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return report;
}

GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_OK;
}
