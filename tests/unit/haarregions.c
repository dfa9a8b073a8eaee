/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

#include "elementtest.h"
#include "haarframes.h"

#define WIDTH 320
#define HEIGHT 240

static GstElement *
make_counter (void)
{
  GstElement *element = make_element ();

  /* No cascade is needed. */
  gst_util_set_object_arg (G_OBJECT (element), "engine", "none");
  g_object_set (element, "cascade", "there is none of this name", NULL);
  return element;
}

static GstHarness *
make_wide_harness (GstElement *element, const gchar *src)
{
  GstHarness *h = gst_harness_new_with_element (element, "sink", src);

  set_caps (h, WIDTH, HEIGHT);
  return h;
}

/* Makes a frame with an ack token, as kafkasrc does, and without regions. */
static GstBuffer *
make_plain_frame (guint n)
{
  GstBuffer *frame = make_acked_frame (FALSE, n);

  gst_buffer_replace_all_memory (frame, gst_allocator_alloc (NULL, WIDTH * HEIGHT, NULL));
  gst_buffer_memset (frame, 0, 40, WIDTH * HEIGHT);
  return frame;
}

/* Adds a region to a frame, as a detector does. @confidence: negative if the detector gives none */
static void
add (GstBuffer *frame, const gchar *label, guint x, guint y, guint w, guint h, gdouble confidence)
{
  GstVideoRegionOfInterestMeta *region =
      gst_buffer_add_video_region_of_interest_meta (frame, label, x, y, w, h);

  /* The first param is that of a classifier, which isn't the detection. */
  gst_video_region_of_interest_meta_add_param (
      region, gst_structure_new ("age", "confidence", G_TYPE_DOUBLE, 0.01, NULL));
  if (confidence >= 0)
    gst_video_region_of_interest_meta_add_param (
        region, gst_structure_new ("detection", "x_min", G_TYPE_DOUBLE, 0.1, "confidence",
                    G_TYPE_DOUBLE, confidence, NULL));
}

/* Makes a frame with regions of two faces and a person. */
static GstBuffer *
make_frame_of_three (guint n)
{
  GstBuffer *frame = make_plain_frame (n);

  add (frame, "face", 10, 20, 30, 40, 0.9);
  add (frame, "person", 0, 0, 100, 200, 0.8);
  add (frame, "face", 300, 230, 50, 50, -1);
  return frame;
}

/* Checks the boxes of the next document, as JSON without blanks. */
static void
expect_boxes (GstHarness *h, const gchar *expected)
{
  JsonParser *parser = json_parser_new ();
  GstBuffer *document = gst_harness_pull (h);
  JsonObject *object = parse (parser, document);
  gchar *boxes = json_to_string (json_object_get_member (object, "boxes"), FALSE);

  fail_unless_equals_string (boxes, expected);
  fail_unless_equals_int (json_object_get_int_member (object, "faces"),
      json_array_get_length (json_object_get_array_member (object, "boxes")));
  g_free (boxes);
  gst_buffer_unref (document);
  g_object_unref (parser);
}

GST_START_TEST (test_regions_with_the_chosen_label_are_counted)
{
  GstElement *element = make_counter ();
  GstHarness *h = make_wide_harness (element, "src");

  acks_done = acks_undecided = 0;
  gst_harness_push (h, make_frame_of_three (0));
  gst_harness_push (h, make_plain_frame (1));
  expect_boxes (h, "[{\"x\":10,\"y\":20,\"w\":30,\"h\":40,\"score\":0.90000000000000002,"
                   "\"label\":\"face\"},{\"x\":300,\"y\":230,\"w\":20,\"h\":10,"
                   "\"label\":\"face\"}]");
  g_object_set (element, "label", "person", NULL);
  gst_harness_push (h, make_frame_of_three (2));
  expect_boxes (h, "[{\"x\":0,\"y\":0,\"w\":100,\"h\":200,\"score\":0.80000000000000004,"
                   "\"label\":\"person\"}]");
  finish (h);
  fail_unless_equals_uint64 (get_stat (element, "frames"), 3);
  fail_unless_equals_uint64 (get_stat (element, "faces"), 3);
  fail_unless_equals_uint64 (get_stat (element, "events"), 2);
  fail_unless_equals_uint64 (get_stat (element, "other-labels"), 1 + 2);
  fail_unless_equals_int (acks_done, 1);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_all_regions_are_counted_without_a_label)
{
  GstElement *element = make_counter ();
  GstHarness *h = make_wide_harness (element, "src");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  const GValue *labels;

  gst_element_set_bus (element, bus);
  g_object_set (element, "label", "", "min-score", 0.85, NULL);
  gst_harness_push (h, make_frame_of_three (0));
  expect_boxes (h, "[{\"x\":10,\"y\":20,\"w\":30,\"h\":40,\"score\":0.90000000000000002,"
                   "\"label\":\"face\"},{\"x\":300,\"y\":230,\"w\":20,\"h\":10,"
                   "\"label\":\"face\"}]");
  fail_unless_equals_uint64 (get_stat (element, "low-scores"), 1);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT);
  labels = gst_structure_get_value (gst_message_get_structure (message), "labels");
  fail_unless_equals_int (gst_value_array_get_size (labels), 2);
  fail_unless_equals_string (g_value_get_string (gst_value_array_get_value (labels, 1)), "face");
  gst_message_unref (message);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* Regions that reach out of the frame are clipped, and regions outside it are ignored, because a
 * detector of another project may give any coordinates. */
GST_START_TEST (test_regions_outside_of_the_frame_are_clipped)
{
  GstElement *element = make_counter ();
  GstHarness *h = make_wide_harness (element, "src");
  GstBuffer *frame = make_plain_frame (0);

  add (frame, "face", G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT, 0.5);
  add (frame, "face", 0, 0, G_MAXUINT, G_MAXUINT, 7);
  add (frame, "face", 5, 5, 0, 10, 0.5);
  add (frame, "face", WIDTH, 0, 10, 10, 0.5);
  add (frame, "face", WIDTH - 1, HEIGHT - 1, 10, 10, -G_MINDOUBLE);
  add (frame, NULL, 1, 1, 1, 1, 0.5);
  gst_harness_push (h, frame);
  expect_boxes (h, "[{\"x\":0,\"y\":0,\"w\":320,\"h\":240,\"score\":1.0,\"label\":\"face\"},"
                   "{\"x\":319,\"y\":239,\"w\":1,\"h\":1,\"label\":\"face\"}]");
  end_harness (h, element);
}
GST_END_TEST;

static guint
count_all_regions (GstBuffer *frame)
{
  gpointer state = NULL;
  guint n = 0;

  while (
      gst_buffer_iterate_meta_filtered (frame, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
    n++;
  return n;
}

/* A frame with a detector's regions keeps them and gets no new ones. Boxes are drawn only around
 * the regions that count. */
GST_START_TEST (test_a_frame_keeps_its_detectors_regions_unchanged)
{
  GstElement *element = make_counter ();
  GstHarness *h = make_wide_harness (element, "video");
  GstBuffer *frame = make_frame_of_three (0);
  GstMapInfo map;

  g_object_set (element, "draw-boxes", TRUE, NULL);
  gst_buffer_add_video_crop_meta (frame);
  gst_buffer_get_video_crop_meta (frame)->x = 8;
  gst_buffer_get_video_crop_meta (frame)->y = 4;
  gst_buffer_get_video_crop_meta (frame)->width = 100;
  gst_buffer_get_video_crop_meta (frame)->height = 100;
  gst_harness_push (h, frame);
  frame = gst_harness_pull (h);
  fail_unless_equals_int (count_all_regions (frame), 3);
  gst_buffer_map (frame, &map, GST_MAP_READ);
  fail_unless_equals_int (map.data[20 * WIDTH + 10], 255);
  fail_unless_equals_int (map.data[0], 40);
  gst_buffer_unmap (frame, &map);
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_regions_of_a_cropped_frame_are_counted)
{
  GstElement *element = make_counter ();
  GstHarness *h = make_wide_harness (element, "src");
  GstBuffer *frame = make_frame_of_three (0);
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

  crop->x = 8;
  crop->y = 40;
  crop->width = 100;
  crop->height = G_MAXUINT;
  gst_harness_push (h, frame);
  expect_boxes (h, "[{\"x\":2,\"y\":0,\"w\":30,\"h\":20,\"score\":0.90000000000000002,"
                   "\"label\":\"face\"}]");
  end_harness (h, element);
}
GST_END_TEST;

/* A region of another detector doesn't count either if it is in a mask. */
GST_START_TEST (test_a_detectors_regions_in_a_mask_do_not_count)
{
  GstElement *element = make_counter ();
  GstHarness *h;

  g_object_set (element, "zones", "{\"*\":{\"masks\":[[[0.5,0.5],[1,0.5],[1,1],[0.5,1]]]}}", NULL);
  h = make_wide_harness (element, "src");
  gst_harness_push (h, make_frame_of_three (0));
  expect_boxes (h, "[{\"x\":10,\"y\":20,\"w\":30,\"h\":40,\"score\":0.90000000000000002,"
                   "\"label\":\"face\"}]");
  fail_unless_equals_uint64 (get_stat (element, "outside-zones"), 1);
  end_harness (h, element);
}
GST_END_TEST;

/* If all regions have other labels than the property label, nothing is counted, which is reported
 * once, because the property may be wrong. */
GST_START_TEST (test_regions_with_only_other_labels_are_reported_once)
{
  GstElement *element = make_counter ();
  GstHarness *h = make_wide_harness (element, "src");
  GstBus *bus = gst_bus_new ();
  gchar *text;

  gst_element_set_bus (element, bus);
  g_object_set (element, "label", "vehicle", NULL);
  for (guint i = 0; i < 5; i++)
    gst_harness_push (h, make_frame_of_three (i));
  text = wait_message (bus, GST_MESSAGE_INFO, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
  fail_unless (strstr (text, "\"vehicle\" but \"face\"") != NULL, "%s", text);
  g_free (text);
  finish (h);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_INFO) == NULL);
  fail_unless_equals_uint64 (get_stat (element, "other-labels"), 15);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* --- with the detector --- */

typedef struct {
  gdouble busy, elapsed; /* s */
  guint64 frames, faces;
} Run;

static Run
run_line (const gchar *line)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstElement *element;
  GstMessage *message;
  GstStructure *stats;
  gint64 begin = g_get_monotonic_time ();
  Run run;

  g_assert_no_error (error);
  element = gst_bin_get_by_name (GST_BIN (pipeline), "faces");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (
      GST_ELEMENT_BUS (pipeline), 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  run.elapsed = (gdouble) (g_get_monotonic_time () - begin) / G_TIME_SPAN_SECOND;
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get (stats, "busy", G_TYPE_DOUBLE, &run.busy, "frames", G_TYPE_UINT64,
      &run.frames, "faces", G_TYPE_UINT64, &run.faces, NULL));
  fail_unless_equals_string (gst_structure_get_string (stats, "engine"), "none");
  gst_structure_free (stats);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (element);
  gst_object_unref (pipeline);
  return run;
}

#define FOUND "found=\"face,x=1,y=2,w=30,h=40,confidence=0.9; person,x=1,y=2,w=3,h=4\" "
#define COUNTED "haarfacecount name=faces engine=none workers=3 ! fakesink async=false"

/* The time that another detector takes counts as work of the replica, so a detector without pauses
 * makes the replica saturated. */
GST_START_TEST (test_a_detector_without_pauses_counts_as_saturated)
{
  Run run = run_line (
      "videotestsrc num-buffers=60 ! testdetector work=10000000 " FOUND "! queue ! " COUNTED);

  fail_unless_equals_uint64 (run.frames, 60);
  fail_unless_equals_uint64 (run.faces, 60);
  fail_unless (run.busy > 0.59 && run.busy < run.elapsed, "%g of %g s", run.busy, run.elapsed);
}
GST_END_TEST;

/* If a camera of 10 frames/s leaves the detector idle for nine tenths of the time, this time isn't
 * counted as work. */
GST_START_TEST (test_the_pauses_of_a_detector_count_as_spare_capacity)
{
  Run run = run_line ("videotestsrc is-live=true num-buffers=20 ! video/x-raw,framerate=10/1 ! "
                      "testdetector work=10000000 " FOUND "! " COUNTED);

  fail_unless_equals_uint64 (run.frames, 20);
  fail_unless (
      run.busy > 0.19 && run.busy < 0.6 * run.elapsed, "%g of %g s", run.busy, run.elapsed);
}
GST_END_TEST;

#ifdef HAVE_ANALYTICS
/* Objects in GstAnalytics metadata are counted, and only once if the detector attaches regions of
 * the same objects too. */
GST_START_TEST (test_analytics)
{
  static const gchar *const kinds[] = {"regions=false analytics=true ", "analytics=true "};

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gchar *line = g_strconcat (
        "videotestsrc num-buffers=5 ! testdetector ", kinds[i], FOUND "! " COUNTED, NULL);
    Run run = run_line (line);

    fail_unless_equals_uint64 (run.faces, 5);
    g_free (line);
  }
}
GST_END_TEST;
#endif

static Suite *
haarregions_suite (void)
{
  Suite *s = suite_create ("haarregions");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_regions_with_the_chosen_label_are_counted);
  tcase_add_test (tc, test_all_regions_are_counted_without_a_label);
  tcase_add_test (tc, test_regions_outside_of_the_frame_are_clipped);
  tcase_add_test (tc, test_a_frame_keeps_its_detectors_regions_unchanged);
  tcase_add_test (tc, test_regions_of_a_cropped_frame_are_counted);
  tcase_add_test (tc, test_a_detectors_regions_in_a_mask_do_not_count);
  tcase_add_test (tc, test_regions_with_only_other_labels_are_reported_once);
  tcase_add_test (tc, test_a_detector_without_pauses_counts_as_saturated);
  tcase_add_test (tc, test_the_pauses_of_a_detector_count_as_spare_capacity);
#ifdef HAVE_ANALYTICS
  tcase_add_test (tc, test_analytics);
#endif
  return s;
}

GST_CHECK_MAIN (haarregions);
