/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "fogreport.h"
#include "elementtest.h"
#include "haarframes.h"

#define N_FORMATS 44

/* --- documents --- */

GST_START_TEST (test_documents_come_in_order_and_other_messages_are_marked_done)
{
  GstElement *element = make_element ();
  GstHarness *h;

  g_object_set (element, "workers", 3, NULL);
  h = make_harness (element, "src");
  acks_done = acks_undecided = 0;
  for (guint i = 0; i < 60; i++)
    fail_unless_equals_int (gst_harness_push (h, make_acked_frame (i % 3 == 0, i)), GST_FLOW_OK);
  finish (h);
  for (guint i = 0; i < 60; i += 3) {
    GstBuffer *document = gst_harness_pull (h);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (document), i * 40 * GST_MSECOND);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (document), 40 * GST_MSECOND);
    gst_buffer_unref (document);
  }
  fail_unless (gst_harness_try_pull (h) == NULL);
  fail_unless_equals_int (acks_done, 40);
  fail_unless_equals_int (acks_undecided, 20);
  fail_unless_equals_uint64 (get_stat (element, "frames"), 60);
  fail_unless_equals_uint64 (get_stat (element, "events"), 20);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_document_has_the_documented_fields)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  JsonParser *parser = json_parser_new ();
  GstBuffer *frame = make_acked_frame (TRUE, 1), *document;
  const GValue *key;
  JsonObject *object;
  JsonObject *box;
  GstCaps *caps, *expected;

  gst_kafka_meta_set_headers (frame, "camera", "cam \"1\"", "session", "9f2c41d0", "seq", "1234",
      "capture-time", "1764031440123456789", "mine", "kept", NULL);
  gst_structure_set (gst_kafka_meta_ensure (frame), "target-partition", G_TYPE_INT, 5, NULL);
  gst_harness_push (h, frame);
  document = gst_harness_pull (h);
  object = parse (parser, document);
  fail_unless_equals_string (
      json_object_get_string_member (object, "_id"), "cam \"1\":9f2c41d0:1234");
  fail_unless_equals_string (json_object_get_string_member (object, "camera"), "cam \"1\"");
  fail_unless_equals_int (json_object_get_int_member (object, "seq"), 1234);
  fail_unless_equals_string (
      json_object_get_string_member (json_object_get_object_member (object, "captured"), "$date"),
      "2025-11-25T00:44:00.123Z");
  fail_unless (
      json_object_has_member (json_object_get_object_member (object, "processed"), "$date"));
  fail_unless_equals_int (json_object_get_int_member (object, "faces"), 1);
  fail_unless_equals_int (
      json_array_get_length (json_object_get_array_member (object, "boxes")), 1);
  box = json_array_get_object_element (json_object_get_array_member (object, "boxes"), 0);
  fail_unless_equals_int (json_object_get_int_member (box, "x"), 0);
  fail_unless_equals_int (json_object_get_int_member (box, "h"), SIDE);
  assert_equals_float (json_object_get_double_member (box, "score"), SCORE);
  fail_unless_equals_int (json_object_get_int_member (object, "width"), SIDE);
  fail_unless_equals_int (json_object_get_int_member (object, "height"), SIDE);
  fail_unless_equals_string (json_object_get_string_member (object, "replica"), "here");

  fail_unless_equals_string (gst_kafka_meta_get_header (document, "mine"), "kept");
  key = gst_structure_get_value (gst_kafka_meta_peek (document), "target-key");
  fail_unless_equals_int (g_bytes_get_size (g_value_get_boxed (key)), strlen ("cam \"1\""));
  fail_if (gst_structure_has_field (gst_kafka_meta_peek (document), "target-partition"));
  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string (FOG_EVENT_CAPS);
  fail_unless (gst_caps_is_strictly_equal (caps, expected));
  gst_caps_unref (expected);
  gst_caps_unref (caps);
  gst_buffer_unref (document);
  g_object_unref (parser);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_a_frame_of_another_producer_is_named_by_topic_and_offset_or_gets_no_id)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  JsonParser *parser = json_parser_new ();
  GstBuffer *document;

  gst_harness_push (h, make_acked_frame (TRUE, 77));
  document = gst_harness_pull (h);
  fail_unless_equals_string (
      json_object_get_string_member (parse (parser, document), "_id"), "camera:3:77");
  gst_buffer_unref (document);
  gst_harness_push (h, make_frame (TRUE, 78));
  document = gst_harness_pull (h);
  fail_if (json_object_has_member (parse (parser, document), "_id"));
  fail_if (json_object_has_member (parse (parser, document), "camera"));
  gst_buffer_unref (document);
  g_object_unref (parser);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_frames_below_min_faces_are_counted_but_make_no_document)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");

  g_object_set (element, "min-faces", 0, NULL);
  gst_harness_push (h, make_frame (FALSE, 0));
  gst_buffer_unref (gst_harness_pull (h));
  g_object_set (element, "min-faces", 2, NULL);
  gst_harness_push (h, make_frame (TRUE, 1));
  finish (h);
  fail_unless (gst_harness_try_pull (h) == NULL);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_frames_older_than_max_age_are_skipped_and_marked_done)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  GstBuffer *frame = make_acked_frame (TRUE, 0);
  GstBus *bus = gst_bus_new ();
  g_autofree gchar *info = NULL;

  gst_element_set_bus (element, bus);
  acks_done = 0;
  g_object_set (element, "max-age", 10 * GST_SECOND, NULL);
  gst_kafka_meta_set_headers (frame, "capture-time", "1000000000", NULL);
  gst_harness_push (h, frame);
  gst_harness_push (h, make_frame (TRUE, 1));
  frame = gst_harness_pull (h);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), 40 * GST_MSECOND);
  gst_buffer_unref (frame);
  fail_unless_equals_int (acks_done, 1);
  fail_unless_equals_uint64 (get_stat (element, "too-old"), 1);
  fail_unless_equals_uint64 (get_stat (element, "frames"), 1);
  info = wait_message (bus, GST_MESSAGE_INFO, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
  fail_unless (strstr (info, "max-age") != NULL, "%s", info);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

static void
expect_boxes (GstHarness *h, gboolean left, gboolean right)
{
  JsonParser *parser = json_parser_new ();
  GstBuffer *document = gst_harness_pull (h);
  JsonArray *boxes = json_object_get_array_member (parse (parser, document), "boxes");
  gboolean found[2] = {FALSE, FALSE};

  for (guint i = 0; i < json_array_get_length (boxes); i++) {
    gint64 x = json_object_get_int_member (json_array_get_object_element (boxes, i), "x");

    found[x > 160] = TRUE;
  }
  fail_unless_equals_int (found[0], left);
  fail_unless_equals_int (found[1], right);
  gst_buffer_unref (document);
  g_object_unref (parser);
}

GST_START_TEST (test_only_changed_parts_of_a_picture_are_searched)
{
  GstElement *element = make_element ();
  GstHarness *h;

  g_object_set (element, "min-faces", 0, "workers", 1, "rescan-interval", 3600 * GST_SECOND, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  set_caps (h, 320, 64);
  gst_harness_push (h, make_scene (TRUE, FALSE, 0));
  expect_boxes (h, TRUE, FALSE);
  gst_harness_push (h, make_scene (TRUE, FALSE, 1));
  expect_boxes (h, TRUE, FALSE);
  fail_unless_equals_uint64 (get_stat (element, "unchanged"), 1);
  gst_harness_push (h, make_scene (TRUE, TRUE, 2));
  expect_boxes (h, TRUE, TRUE);
  fail_unless_equals_uint64 (get_stat (element, "partial"), 1);
  gst_harness_push (h, make_scene (FALSE, TRUE, 3));
  expect_boxes (h, FALSE, TRUE);
  /* After a change of the search's parameters, a still picture is searched again as a whole. */
  g_object_set (element, "min-size", SIDE + 1, "max-size", 2 * SIDE, NULL);
  gst_harness_push (h, make_scene (FALSE, TRUE, 4));
  gst_buffer_unref (gst_harness_pull (h));
  fail_unless_equals_uint64 (get_stat (element, "partial"), 2);
  fail_unless_equals_uint64 (get_stat (element, "unchanged"), 1);
  g_object_set (element, "min-size", 0, "max-size", 0, "min-score", 1., NULL);
  gst_harness_push (h, make_scene (FALSE, TRUE, 5));
  expect_boxes (h, FALSE, FALSE);
  fail_unless_equals_uint64 (get_stat (element, "unchanged"), 1);
  fail_unless_equals_uint64 (get_stat (element, "frames"), 6);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_each_cameras_frames_are_compared_with_its_own_last_picture)
{
  GstElement *element = make_element ();
  GstHarness *h;

  g_object_set (element, "min-faces", 0, "workers", 1, "rescan-interval", 3600 * GST_SECOND, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  set_caps (h, 320, 64);
  for (guint i = 0; i < 6; i++) {
    GstBuffer *frame = make_scene (i % 2, !(i % 2), i);

    gst_kafka_meta_set_headers (frame, "camera", i % 2 ? "a" : "b", NULL);
    gst_harness_push (h, frame);
    expect_boxes (h, i % 2, !(i % 2));
  }
  fail_unless_equals_uint64 (get_stat (element, "unchanged"), 4);
  end_harness (h, element);
}
GST_END_TEST;

/* --- formats of frames --- */

/* Returns the n-th format of the sink pad. */
static GstCaps *
nth_caps (guint n, gint width, gint height)
{
  GstElementFactory *factory = gst_element_factory_find ("haarfacecount");
  GstStaticPadTemplate *templ = NULL;
  const GValue *formats, *format;
  GstCaps *all, *caps;

  for (const GList *l = gst_element_factory_get_static_pad_templates (factory); l; l = l->next)
    if (((GstStaticPadTemplate *) l->data)->direction == GST_PAD_SINK)
      templ = l->data;
  all = gst_static_caps_get (&templ->static_caps);
  formats = gst_structure_get_value (gst_caps_get_structure (all, 0), "format");
  fail_unless_equals_int (gst_value_list_get_size (formats), N_FORMATS);
  format = gst_value_list_get_value (formats, n);
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, g_value_get_string (format),
      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 25,
      1, NULL);
  gst_caps_unref (all);
  gst_object_unref (factory);
  return caps;
}

GST_START_TEST (test_every_format)
{
  GstElement *element = make_element ();
  GstCaps *caps = nth_caps ((guint) __i__, SIDE + 3, SIDE + 1);
  GstHarness *in = gst_harness_new_parse ("videoconvert");
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
  GstBuffer *frame = gst_buffer_new_allocate (NULL, GST_ROUND_UP_4 (SIDE + 3) * (SIDE + 1), NULL);
  JsonParser *parser = json_parser_new ();
  GstMapInfo map;
  GstBuffer *document;
  JsonObject *object;

  set_caps (in, SIDE + 3, SIDE + 1);
  gst_harness_set_sink_caps (in, gst_caps_ref (caps));
  gst_harness_set_src_caps (h, caps);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  memset (map.data, 40, map.size);
  paint (map.data, GST_ROUND_UP_4 (SIDE + 3), TRUE);
  gst_buffer_unmap (frame, &map);
  gst_harness_push (in, frame);
  gst_harness_push (h, gst_harness_pull (in));
  document = gst_harness_pull (h);
  object = parse (parser, document);
  fail_unless (json_object_get_int_member (object, "faces") >= 1);
  fail_unless_equals_int (json_object_get_int_member (object, "width"), SIDE + 3);
  fail_unless_equals_int (json_object_get_int_member (object, "height"), SIDE + 1);
  gst_buffer_unref (document);
  g_object_unref (parser);
  gst_harness_teardown (in);
  end_harness (h, element);
}
GST_END_TEST;

/* A box is drawn in the same colour in all formats, and in a copy if the frame is shared. */
GST_START_TEST (test_boxes_are_drawn_in_every_format)
{
  GstElement *element = make_element ();
  GstElement *convert = gst_element_factory_make ("videoconvert", NULL);
  GstHarness *in = gst_harness_new_parse ("videoconvert");
  GstHarness *h = gst_harness_new_with_element (element, "sink", "video");
  GstHarness *out = gst_harness_new_with_element (convert, "sink", "src");
  GstCaps *caps = nth_caps ((guint) __i__, SIDE, SIDE);
  GstBuffer *frame, *shared;
  gboolean is_gray = g_str_has_prefix (
      gst_structure_get_string (gst_caps_get_structure (caps, 0), "format"), "GRAY");
  guint8 pixel[4];

  g_object_set (element, "draw-boxes", TRUE, NULL);
  set_caps (in, SIDE, SIDE);
  gst_harness_set_sink_caps (in, gst_caps_ref (caps));
  gst_harness_set_src_caps (out, gst_caps_ref (caps));
  gst_harness_set_sink_caps_str (out, "video/x-raw,format=RGBx");
  gst_harness_set_src_caps (h, caps);
  gst_harness_push (in, make_frame (TRUE, 0));
  frame = gst_harness_pull (in);
  shared = gst_buffer_ref (frame);
  gst_harness_push (h, frame);
  gst_harness_push (out, gst_harness_pull (h));
  frame = gst_harness_pull (out);
  gst_buffer_extract (frame, 4 * (SIDE * (SIDE - 1) + SIDE / 2), pixel, 4);
  fail_unless (
      pixel[1] > 120 && pixel[0] >= pixel[2] - 30, "%u %u %u", pixel[0], pixel[1], pixel[2]);
  fail_unless (is_gray || pixel[0] < 100, "red %u", pixel[0]);
  gst_buffer_unref (frame);
  gst_harness_push (out, shared);
  frame = gst_harness_pull (out);
  gst_buffer_extract (frame, 4 * (SIDE * (SIDE - 1) + SIDE / 2), pixel, 4);
  fail_unless (pixel[1] < 100, "%u %u %u", pixel[0], pixel[1], pixel[2]);
  gst_buffer_unref (frame);
  gst_harness_teardown (in);
  gst_harness_teardown (out);
  gst_object_unref (convert);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_frames_from_one_pixel_to_8k_are_accepted)
{
  static const gint sizes[][2] = {{1, 1}, {16, 16}, {SIDE, 19}, {1, 4320}, {7680, 1}, {7680, 4320}};
  GstElement *element = make_element ();
  GstHarness *h;

  g_object_set (element, "min-faces", 0, "min-size", 4000, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gint stride = GST_ROUND_UP_4 (sizes[i][0]);
    GstBuffer *frame = gst_buffer_new_allocate (NULL, (gsize) (stride * sizes[i][1]), NULL);

    gst_buffer_memset (frame, 0, 90, (gsize) (stride * sizes[i][1]));
    set_caps (h, sizes[i][0], sizes[i][1]);
    gst_harness_push (h, frame);
    gst_buffer_unref (gst_harness_pull (h));
  }
  fail_unless_equals_uint64 (get_stat (element, "frames"), G_N_ELEMENTS (sizes));
  fail_unless_equals_uint64 (get_stat (element, "faces"), 0);
  end_harness (h, element);
}
GST_END_TEST;

static GstBuffer *
make_cropped_frame (void)
{
  GstBuffer *frame = make_padded_frame ();
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

  crop->x = 20;
  crop->y = 10;
  crop->width = crop->height = SIDE;
  return frame;
}

GST_START_TEST (test_strides_and_crops)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  GstBuffer *frame = make_cropped_frame (), *document;
  JsonParser *parser = json_parser_new ();
  JsonObject *object;

  gst_harness_push (h, frame);
  document = gst_harness_pull (h);
  object = parse (parser, document);
  fail_unless_equals_int (json_object_get_int_member (object, "faces"), 1);
  fail_unless_equals_int (json_object_get_int_member (object, "width"), SIDE);
  gst_buffer_unref (document);
  g_object_unref (parser);
  end_harness (h, element);
}
GST_END_TEST;

/* The coordinates of regions count from the corner of the whole frame, even if its crop meta
 * displays only a part. */
GST_START_TEST (test_regions_of_a_cropped_frame_use_coordinates_of_the_whole_frame)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBuffer *frame = make_cropped_frame ();
  GstVideoRegionOfInterestMeta *region;

  gst_harness_push (h, frame);
  frame = gst_harness_pull (h);
  region = gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  fail_unless (region != NULL);
  fail_unless_equals_int (region->x, 20);
  fail_unless_equals_int (region->y, 10);
  fail_unless_equals_int (region->w, SIDE);
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

/* No byte is written behind the end of a frame whose last plane begins within the buffer and ends
 * after it. */
GST_START_TEST (test_no_box_is_drawn_behind_the_end_of_the_frame)
{
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0, SIDE * SIDE, SIDE * SIDE + SIDE * SIDE / 4 - 10};
  gint strides[GST_VIDEO_MAX_PLANES] = {SIDE, SIDE / 2, SIDE / 2};
  const gsize size = SIDE * SIDE + SIDE * SIDE / 4, room = 2 * SIDE * SIDE;
  GstElement *element = make_element ();
  GstHarness *h = gst_harness_new_with_element (element, "sink", "video");
  GstBuffer *frame = gst_buffer_new_allocate (NULL, room, NULL);
  GstMapInfo map;

  g_object_set (element, "draw-boxes", TRUE, NULL);
  gst_harness_set_src_caps_str (
      h, "video/x-raw,format=I420,width=20,height=20,framerate=25/1,colorimetry=bt601");
  gst_buffer_memset (frame, 0, 7, room);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  paint (map.data, SIDE, TRUE);
  gst_buffer_unmap (frame, &map);
  gst_buffer_set_size (frame, (gssize) size);
  gst_buffer_add_video_meta_full (frame, 0, GST_VIDEO_FORMAT_I420, SIDE, SIDE, 3, offsets, strides);
  gst_harness_push (h, frame);
  frame = gst_harness_pull (h);
  fail_unless (gst_buffer_get_video_region_of_interest_meta_id (frame, 0) != NULL);
  gst_buffer_set_size (frame, (gssize) room);
  gst_buffer_map (frame, &map, GST_MAP_READ);
  fail_unless_equals_int (map.data[0], 149);
  for (gsize i = size; i < room; i++)
    fail_unless_equals_int (map.data[i], 7);
  gst_buffer_unmap (frame, &map);
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_caps_may_change_between_frames)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");

  for (guint i = 0; i < 20; i++) {
    gint side = i % 2 ? SIDE : SIDE + 4;
    GstBuffer *frame = gst_buffer_new_allocate (NULL, (gsize) (side * side), NULL);
    GstMapInfo map;

    gst_buffer_map (frame, &map, GST_MAP_WRITE);
    memset (map.data, 40, map.size);
    paint (map.data, side, TRUE);
    gst_buffer_unmap (frame, &map);
    set_caps (h, side, side);
    fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  }
  for (guint i = 0; i < 20; i++)
    gst_buffer_unref (gst_harness_pull (h));
  fail_unless_equals_uint64 (get_stat (element, "bad-frames"), 0);
  end_harness (h, element);
}
GST_END_TEST;

/* --- the video pad --- */

static guint
count_regions (GstBuffer *frame, const gchar *label)
{
  GstVideoRegionOfInterestMeta *meta;
  gpointer state = NULL;
  guint n = 0;

  while ((meta = (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
              frame, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    fail_unless_equals_string (g_quark_to_string (meta->roi_type), label);
    fail_unless_equals_int (meta->w, SIDE);
    n++;
  }
  return n;
}

GST_START_TEST (test_pad_video_passes_frames_with_their_regions_and_ack_tokens)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  GstHarness *video = gst_harness_new_with_element (element, NULL, "video");

  acks_done = acks_undecided = 0;
  g_object_set (element, "label", "edge", NULL);
  for (guint i = 0; i < 10; i++) {
    GstBuffer *frame;

    gst_harness_push (h, make_acked_frame (i % 2, i));
    frame = gst_harness_pull (video);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), i * 40 * GST_MSECOND);
    fail_unless_equals_int (count_regions (frame, "edge"), i % 2);
    fail_unless (gst_kafka_meta_peek (frame) != NULL);
    if (i % 2)
      gst_buffer_unref (gst_harness_pull (h));
    fail_unless_equals_int (acks_done + acks_undecided, i);
    gst_buffer_unref (frame);
  }
  /* If the pad video is linked, the elements behind this pad decide whether the message is done, so
   * haarfacecount marks no token. */
  fail_unless_equals_int (acks_done, 0);
  gst_harness_push_event (h, gst_event_new_eos ());
  gst_harness_teardown (video);
  end_harness (h, element);
}
GST_END_TEST;

static void
assert_eats_qos (const gchar *src)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, src);
  GstEvent *event;

  fail_unless (gst_harness_push_upstream_event (
      h, gst_event_new_qos (GST_QOS_TYPE_THROTTLE, 3, GST_SECOND, 0)));
  while ((event = gst_harness_try_pull_upstream_event (h))) {
    fail_unless (GST_EVENT_TYPE (event) != GST_EVENT_QOS);
    gst_event_unref (event);
  }
  end_harness (h, element);
}

GST_START_TEST (test_late_frames_at_the_pad_video_cause_no_qos_events_for_the_decoder)
{
  assert_eats_qos ("src");
  assert_eats_qos ("video");
}
GST_END_TEST;

static GstPadProbeReturn
see_caps (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *caps = gst_pad_get_sticky_event (pad, GST_EVENT_CAPS, 0);
  gint *seen = user_data;

  g_atomic_int_inc (&seen[caps != NULL]);
  gst_clear_event (&caps);
  return GST_PAD_PROBE_OK;
}

/* If a pad is requested while frames pass, its first buffer comes after the caps event; pads are
 * requested and released 100 times. */
GST_START_TEST (test_a_pad_requested_while_frames_pass_begins_with_caps)
{
  GstElement *pipeline = gst_parse_launch (
      "videotestsrc ! video/x-raw,format=GRAY8,width=32,height=32 ! haarfacecount name=faces "
      "min-faces=0 ! fakesink async=false",
      NULL);
  GstElement *faces = gst_bin_get_by_name (GST_BIN (pipeline), "faces");

  g_object_set (faces, "cascade", cascade, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (guint i = 0; i < 100; i++) {
    GstElement *sink = gst_element_factory_make ("fakesink", NULL);
    GstPad *pad, *peer = gst_element_get_static_pad (sink, "sink");
    gint seen[2] = {0};

    g_object_set (sink, "async", FALSE, NULL);
    gst_bin_add (GST_BIN (pipeline), sink);
    gst_element_sync_state_with_parent (sink);
    pad = gst_element_request_pad_simple (faces, "video");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, see_caps, seen, NULL);
    fail_unless_equals_int (gst_pad_link (pad, peer), GST_PAD_LINK_OK);
    while (g_atomic_int_get (&seen[0]) + g_atomic_int_get (&seen[1]) < 3)
      g_usleep (500);
    gst_element_release_request_pad (faces, pad);
    fail_unless_equals_int (seen[0], 0);
    gst_object_unref (pad);
    gst_object_unref (peer);
    gst_element_set_state (sink, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (pipeline), sink);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (faces);
  gst_object_unref (pipeline);
}
GST_END_TEST;

GST_START_TEST (test_pad_video_works_alone_and_is_released_while_frames_pass)
{
  GstElement *element = make_element ();
  GstPad *pad = gst_element_request_pad_simple (element, "video");
  GstHarness *h = make_harness (element, NULL);
  GstHarness *video = gst_harness_new_with_element (element, NULL, NULL);

  gst_harness_add_element_src_pad (video, pad);
  gst_harness_push (h, make_frame (TRUE, 0));
  gst_buffer_unref (gst_harness_pull (video));
  gst_element_release_request_pad (element, pad);
  gst_object_unref (pad);
  pad = gst_element_request_pad_simple (element, "video");
  fail_unless (pad != NULL);
  gst_object_unref (pad);
  gst_harness_teardown (video);
  end_harness (h, element);
}
GST_END_TEST;

/* --- reports --- */

/* Adds up the numbers of frames in all reports, and returns the last report. */
static FogReport *
pull_last_report (GstHarness *rate, guint64 *frames, guint64 *faces)
{
  FogReport *report;

  for (*frames = *faces = 0;; fog_report_free (report)) {
    report = pull_report (rate);
    *frames += report->frames;
    *faces += report->faces;
    if (report->leaving)
      return report;
  }
}

static void
set_partitions (GstStructure *s, gint first, gint second)
{
  GValue list = G_VALUE_INIT, value = G_VALUE_INIT;

  g_value_init (&list, GST_TYPE_ARRAY);
  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, first);
  gst_value_array_append_value (&list, &value);
  g_value_set_int (&value, second);
  gst_value_array_append_value (&list, &value);
  gst_structure_take_value (s, "partitions", &list);
}

static gboolean
answer_lag (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_CUSTOM)
    return gst_pad_query_default (pad, parent, query);
  fail_unless (gst_structure_has_name (gst_query_get_structure (query), GST_KAFKA_LAG_QUERY));
  gst_structure_set (gst_query_writable_structure (query), "lag", G_TYPE_INT64, (gint64) 42, NULL);
  set_partitions (gst_query_writable_structure (query), 4, 5);
  return TRUE;
}

GST_START_TEST (test_reports_add_up_to_all_frames_and_the_last_one_is_marked_leaving)
{
  GstElement *element = make_element ();
  GstHarness *h, *rate;
  const FogReportCamera *camera;
  FogReport *report;
  guint64 frames, faces;

  g_object_set (element, "workers", 2, NULL);
  h = make_harness (element, "src");
  rate = gst_harness_new_with_element (element, NULL, "rate");
  gst_pad_set_query_function (h->srcpad, answer_lag);
  for (guint i = 0; i < 8; i++) {
    g_autofree gchar *seq = g_strdup_printf ("%u", 100 + i);
    GstBuffer *frame = make_frame (i % 2, i);

    gst_kafka_meta_set_headers (frame, "camera", "cam-1", "session", "s", "seq", seq, "rate-min",
        "1", "rate-max", "30", "rate-weight", "2", "capture-time", "1764031440123456789", NULL);
    gst_harness_push (h, frame);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  report = pull_last_report (rate, &frames, &faces);
  fail_unless_equals_uint64 (frames, 8);
  fail_unless_equals_uint64 (faces, 4);
  fail_unless_equals_string (report->replica, "here");
  fail_unless_equals_int (report->workers, 2);
  fail_unless_equals_uint64 (report->lag, 42);
  fail_unless_equals_int (report->partitions->len, 2);
  fail_unless_equals_int (g_array_index (report->partitions, gint, 1), 5);
  fail_unless (report->busy > 0 && report->age_p95 > 0);
  fail_unless_equals_int (report->cameras->len, 1);
  camera = g_ptr_array_index (report->cameras, 0);
  fail_unless_equals_string (camera->camera, "cam-1");
  fail_unless_equals_string (camera->session, "s");
  fail_unless_equals_uint64 (camera->last_seq, 107);
  fail_unless_equals_float (camera->min, 1);
  fail_unless_equals_float (camera->max, 30);
  fail_unless_equals_float (camera->weight, 2);
  fog_report_free (report);
  gst_harness_teardown (rate);
  end_harness (h, element);
}
GST_END_TEST;

static GstEvent *
make_assignment (gint first, gint second)
{
  GstStructure *s = gst_structure_from_string (GST_KAFKA_ASSIGNMENT_EVENT ",topic=camera", NULL);

  set_partitions (s, first, second);
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s);
}

GST_START_TEST (test_a_changed_assignment_is_reported_at_once)
{
  GstElement *element = make_element ();
  GstHarness *h, *rate;
  FogReport *report;

  g_object_set (element, "report-interval", GST_SECOND * 3600, NULL);
  h = make_harness (element, "src");
  rate = gst_harness_new_with_element (element, NULL, "rate");
  gst_harness_push_event (h, make_assignment (3, 7));
  report = pull_report (rate);
  fail_unless_equals_int (report->partitions->len, 2);
  fail_unless_equals_int (g_array_index (report->partitions, gint, 0), 3);
  fail_unless_equals_int (g_array_index (report->partitions, gint, 1), 7);
  fail_if (report->leaving);
  fog_report_free (report);
  gst_harness_teardown (rate);
  end_harness (h, element);
}
GST_END_TEST;

/* A probe that delays the reports' thread for 50 ms after a report has passed, so that the flush
 * comes before this thread has ended. */
static GstPadProbeReturn
linger (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_usleep (50000);
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (test_reports_come_once_an_interval_and_resume_after_a_seek)
{
  GstElement *element = make_element ();
  GstHarness *h, *rate;
  GstPad *pad;
  guint64 frames, faces;
  FogReport *report;

  g_object_set (element, "report-interval", 100 * GST_MSECOND, NULL);
  h = make_harness (element, "src");
  rate = gst_harness_new_with_element (element, NULL, "rate");
  for (guint64 i = 0; i < 3; i++) {
    report = pull_report (rate);
    fail_unless_equals_uint64 (report->seq, i);
    fog_report_free (report);
  }
  pad = gst_pad_get_peer (rate->sinkpad);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_IDLE, linger, NULL, NULL);
  gst_harness_push_event (h, gst_event_new_eos ());
  fog_report_free (pull_last_report (rate, &frames, &faces));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  report = pull_report (rate);
  fail_if (report->leaving);
  fog_report_free (report);
  gst_object_unref (pad);
  gst_harness_teardown (rate);
  end_harness (h, element);
}
GST_END_TEST;

static void
play_to_the_end (const gchar *format)
{
  GString *text = g_string_new (format);
  GstElement *pipeline;
  GstMessage *message;
  GstBus *bus;

  g_string_replace (text, "STUMP", cascade, 0);
  pipeline = gst_parse_launch (text->str, NULL);
  g_string_free (text, TRUE);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

/* The pipeline prerolls although each of three sinks waits for a buffer or a gap, and reports come
 * only in PLAYING. */
GST_START_TEST (test_all_pads_preroll)
{
  play_to_the_end ("videotestsrc num-buffers=5 ! video/x-raw,width=32,height=24 ! haarfacecount "
                   "name=faces cascade=STUMP faces.src ! fakesink faces.rate ! fakesink "
                   "faces.video ! fakesink");
}
GST_END_TEST;

GST_START_TEST (test_two_elements_in_a_row_count_the_same_frames)
{
  play_to_the_end ("videotestsrc num-buffers=5 ! video/x-raw,width=32,height=24 ! haarfacecount "
                   "name=first cascade=STUMP first.src ! fakesink first.video ! haarfacecount "
                   "name=second cascade=STUMP label=more second.src ! fakesink "
                   "second.video ! fakesink");
}
GST_END_TEST;

/* --- who reads --- */

GST_START_TEST (test_nobody_listens)
{
  g_autofree gchar *line = g_strdup_printf (
      "videotestsrc num-buffers=3 ! video/x-raw,width=32,height=24 ! haarfacecount cascade=%s",
      cascade);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

GST_START_TEST (test_frames_are_counted_if_only_the_pad_for_reports_is_linked)
{
  GstElement *element = make_element ();
  GstHarness *rate = gst_harness_new_with_element (element, NULL, "rate");
  GstHarness *h = make_harness (element, NULL);
  guint64 frames, faces;

  acks_done = 0;
  for (guint i = 0; i < 10; i++)
    fail_unless_equals_int (gst_harness_push (h, make_acked_frame (TRUE, i)), GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
  fog_report_free (pull_last_report (rate, &frames, &faces));
  fail_unless_equals_uint64 (frames, 10);
  fail_unless_equals_int (acks_done, 10);
  gst_harness_teardown (rate);
  end_harness (h, element);
}
GST_END_TEST;

static Suite *
haarfacecount_suite (void)
{
  Suite *s = suite_create ("haarfacecount");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_documents_come_in_order_and_other_messages_are_marked_done);
  tcase_add_test (tc, test_document_has_the_documented_fields);
  tcase_add_test (tc, test_a_frame_of_another_producer_is_named_by_topic_and_offset_or_gets_no_id);
  tcase_add_test (tc, test_frames_below_min_faces_are_counted_but_make_no_document);
  tcase_add_test (tc, test_frames_older_than_max_age_are_skipped_and_marked_done);
  tcase_add_test (tc, test_only_changed_parts_of_a_picture_are_searched);
  tcase_add_test (tc, test_each_cameras_frames_are_compared_with_its_own_last_picture);
  tcase_add_loop_test (tc, test_every_format, 0, N_FORMATS);
  tcase_add_loop_test (tc, test_boxes_are_drawn_in_every_format, 0, N_FORMATS);
  tcase_add_test (tc, test_frames_from_one_pixel_to_8k_are_accepted);
  tcase_add_test (tc, test_strides_and_crops);
  tcase_add_test (tc, test_regions_of_a_cropped_frame_use_coordinates_of_the_whole_frame);
  tcase_add_test (tc, test_no_box_is_drawn_behind_the_end_of_the_frame);
  tcase_add_test (tc, test_caps_may_change_between_frames);
  tcase_add_test (tc, test_pad_video_passes_frames_with_their_regions_and_ack_tokens);
  tcase_add_test (tc, test_late_frames_at_the_pad_video_cause_no_qos_events_for_the_decoder);
  tcase_add_test (tc, test_a_pad_requested_while_frames_pass_begins_with_caps);
  tcase_add_test (tc, test_pad_video_works_alone_and_is_released_while_frames_pass);
  tcase_add_test (tc, test_reports_add_up_to_all_frames_and_the_last_one_is_marked_leaving);
  tcase_add_test (tc, test_a_changed_assignment_is_reported_at_once);
  tcase_add_test (tc, test_reports_come_once_an_interval_and_resume_after_a_seek);
  tcase_add_test (tc, test_all_pads_preroll);
  tcase_add_test (tc, test_two_elements_in_a_row_count_the_same_frames);
  tcase_add_test (tc, test_nobody_listens);
  tcase_add_test (tc, test_frames_are_counted_if_only_the_pad_for_reports_is_linked);
  return s;
}

GST_CHECK_MAIN (haarfacecount);
