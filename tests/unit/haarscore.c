/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

#include "elementtest.h"
#include "haarframes.h"

static gdouble
confidence_of (GstBuffer *frame)
{
  GstVideoRegionOfInterestMeta *region = gst_buffer_get_video_region_of_interest_meta_id (frame, 0);
  GstStructure *detection;
  gdouble confidence = -1;

  fail_unless (region != NULL);
  detection = gst_video_region_of_interest_meta_get_param (region, "detection");
  fail_unless (detection && gst_structure_get_double (detection, "confidence", &confidence));
  return confidence;
}

/* Checks that the next message `faces` has one score, which is @score. */
static void
expect_scores (GstBus *bus, gdouble score)
{
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT);
  const GValue *scores;

  fail_unless (message && gst_message_has_name (message, "faces"));
  scores = gst_structure_get_value (gst_message_get_structure (message), "scores");
  fail_unless_equals_int (gst_value_array_get_size (scores), 1);
  assert_equals_float (g_value_get_double (gst_value_array_get_value (scores, 0)), score);
  gst_message_unref (message);
}

static GstBus *
add_bus (GstElement *element)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  return bus;
}

GST_START_TEST (test_message_and_region_have_the_score)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBus *bus = add_bus (element);
  GstBuffer *frame;

  gst_harness_push (h, make_frame (TRUE, 0));
  frame = gst_harness_pull (h);
  assert_equals_float (confidence_of (frame), SCORE);
  gst_buffer_unref (frame);
  expect_scores (bus, SCORE);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* A box whose score is below min-score makes no event and no region, and its frame's message is
 * done. */
GST_START_TEST (test_boxes_below_min_score_are_ignored)
{
  static const gdouble least[] = {0, SCORE + 0.001, SCORE, 1, 0.01};
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");

  acks_done = acks_undecided = 0;
  for (guint i = 0; i < G_N_ELEMENTS (least); i++) {
    g_object_set (element, "min-score", least[i], NULL);
    gst_harness_push (h, make_acked_frame (TRUE, i));
    gst_harness_push (h, make_acked_frame (FALSE, i));
  }
  finish (h);
  fail_unless_equals_int (gst_harness_buffers_received (h), 3);
  fail_unless_equals_uint64 (get_stat (element, "frames"), 10);
  fail_unless_equals_uint64 (get_stat (element, "faces"), 3);
  fail_unless_equals_uint64 (get_stat (element, "low-scores"), 2);
  fail_unless_equals_int (acks_done, 7);
  end_harness (h, element);
}
GST_END_TEST;

static Suite *
haarscore_suite (void)
{
  Suite *s = suite_create ("haarscore");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_message_and_region_have_the_score);
  tcase_add_test (tc, test_boxes_below_min_score_are_ignored);
  return s;
}

GST_CHECK_MAIN (haarscore);
