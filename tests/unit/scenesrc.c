/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "gstkafkameta.h"
#include "scene.h"

#define FRAME (GST_SECOND / 30)

static const SceneScript scripts[] = {
    {1, 4, 640, 480},
    {2, 2, 320, 240},
    {3, 4, 643, 481},
    {4, 3, 1280, 720},
    {5, 1, 3840, 2160},
};

static void
check_heads (const SceneScript *script, const SceneHead *heads, guint n)
{
  for (guint i = 0; i < n; i++) {
    const SceneHead *a = &heads[i];

    fail_unless_equals_int (a->size, scene_head_size (script, a->step));
    fail_unless (a->size >= 114 && (a->x | a->y | a->size) % 2 == 0);
    fail_unless (a->x >= 0 && a->x + a->size <= script->width);
    fail_unless (a->y >= 0 && a->y + a->size <= script->height);
    for (guint j = 0; j < i; j++)
      fail_if (a->x < heads[j].x + heads[j].size && heads[j].x < a->x + a->size &&
               a->y < heads[j].y + heads[j].size && heads[j].y < a->y + a->size);
  }
}

GST_START_TEST (test_heads_lie_completely_in_the_frame_and_apart)
{
  const SceneScript *script = &scripts[__i__];
  SceneHead heads[SCENE_MAX_FACES];

  for (guint64 t = 0; t < 100 * GST_SECOND; t += FRAME) {
    guint n = scene_at (script, t, heads);

    fail_unless (n <= script->max_faces);
    check_heads (script, heads, n);
  }
}
GST_END_TEST;

GST_START_TEST (test_each_number_of_faces_is_shown_in_turn)
{
  SceneHead heads[SCENE_MAX_FACES];

  /* each 10 s have five acts of two seconds, with 0 to 4 faces in any order */
  for (guint64 start = 0; start < 50 * GST_SECOND; start += 10 * GST_SECOND) {
    guint frames[SCENE_MAX_FACES + 1] = {0};

    for (guint64 t = start; t < start + 10 * GST_SECOND; t += FRAME)
      frames[scene_at (&scripts[0], t, heads)]++;
    for (guint n = 0; n <= SCENE_MAX_FACES; n++)
      fail_unless (frames[n] >= 25, "%u faces in %u frames only", n, frames[n]);
  }
}
GST_END_TEST;

GST_START_TEST (test_another_seed_makes_another_scene)
{
  SceneScript other = scripts[0];
  SceneHead a[SCENE_MAX_FACES], b[SCENE_MAX_FACES];
  guint differ = 0;

  other.seed++;
  for (guint64 t = 0; t < 20 * GST_SECOND; t += FRAME)
    differ += scene_at (&scripts[0], t, a) != scene_at (&other, t, b);
  fail_unless (differ > 60);
}
GST_END_TEST;

/* Checks that the number of faces in the frame's headers is the one in the script of the scene. */
static void
check_truth (const SceneScript *script, GstBuffer *buffer)
{
  SceneHead heads[SCENE_MAX_FACES];
  guint64 faces, time;

  fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "scene-faces", &faces));
  fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "scene-time", &time));
  fail_unless_equals_uint64 (time, GST_BUFFER_PTS (buffer));
  fail_unless_equals_uint64 (faces, scene_at (script, time, heads));
}

static guint
luma_at (GstBuffer *buffer, gint x, gint y)
{
  guint8 luma;

  gst_buffer_extract (buffer, y * 640 + x, &luma, 1);
  return luma;
}

/* Checks that the picture shows a face, which is brighter than the background, at each place of the
 * script. */
static void
check_picture (GstBuffer *buffer, GstBuffer *empty)
{
  SceneHead heads[SCENE_MAX_FACES];
  guint n = scene_at (&scripts[0], GST_BUFFER_PTS (buffer), heads);

  for (guint i = 0; i < n; i++) {
    gint x = heads[i].x + heads[i].size / 2, y = heads[i].y + heads[i].size * 6 / 10;

    fail_unless (luma_at (buffer, x, y) > luma_at (empty, x, y) + 20);
  }
}

GST_START_TEST (test_frames_show_the_faces_that_their_headers_list)
{
  GstHarness *h = gst_harness_new_parse ("scenesrc is-live=false seed=1 num-buffers=50");
  GstBuffer *buffers[50], *empty = NULL;
  guint64 faces;

  gst_harness_set_sink_caps_str (h, "video/x-raw, width=640, height=480, framerate=5/1");
  gst_harness_play (h);
  for (guint i = 0; i < 50; i++) {
    buffers[i] = gst_harness_pull (h);
    fail_unless_equals_int (gst_buffer_get_size (buffers[i]), 640 * 480 * 3 / 2);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffers[i]), i * GST_SECOND / 5);
    check_truth (&scripts[0], buffers[i]);
    gst_kafka_meta_get_header_uint64 (buffers[i], "scene-faces", &faces);
    if (faces == 0)
      empty = buffers[i];
  }
  fail_unless (empty != NULL);
  for (guint i = 0; i < 50; i++)
    check_picture (buffers[i], empty);
  for (guint i = 0; i < 50; i++)
    gst_buffer_unref (buffers[i]);
  gst_harness_teardown (h);
}
GST_END_TEST;

static gint
frame_rate (GstHarness *h)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  gint n, d;

  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n, &d));
  fail_unless_equals_int (d, 1);
  gst_caps_unref (caps);
  return n;
}

GST_START_TEST (test_rate_follows_downstream)
{
  GstHarness *h = gst_harness_new_parse ("scenesrc is-live=false");
  GstClockTime next = 0, duration;

  gst_harness_set_sink_caps_str (h, "video/x-raw, framerate=30/1");
  gst_harness_play (h);
  gst_buffer_unref (gst_harness_pull (h));
  fail_unless_equals_int (frame_rate (h), 30);
  gst_harness_set_sink_caps_str (h, "video/x-raw, framerate=5/1");
  /* frames that were made before the change come first */
  do {
    GstBuffer *buffer = gst_harness_pull (h);

    fail_unless (GST_BUFFER_PTS (buffer) >= next);
    duration = GST_BUFFER_DURATION (buffer);
    next = GST_BUFFER_PTS (buffer) + duration;
    check_truth (&scripts[0], buffer);
    gst_buffer_unref (buffer);
  } while (duration < GST_SECOND / 5);
  fail_unless_equals_int (frame_rate (h), 5);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_frames_for_whose_time_downstream_was_not_ready_are_dropped)
{
  GstHarness *h = gst_harness_new_parse ("scenesrc");
  GstStructure *stats;
  GstBuffer *buffer;
  guint64 missed = 0;
  GstElement *scene;

  gst_harness_use_testclock (h);
  gst_harness_play (h);
  fail_unless (gst_harness_crank_single_clock_wait (h));
  gst_buffer_unref (gst_harness_pull (h));
  fail_unless (gst_harness_wait_for_clock_id_waits (h, 1, 10));
  gst_harness_set_time (h, GST_SECOND);
  gst_harness_crank_single_clock_wait (h);
  buffer = gst_harness_pull (h);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), FRAME);
  gst_buffer_unref (buffer);
  gst_harness_crank_single_clock_wait (h);
  buffer = gst_harness_pull (h);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), GST_SECOND);
  fail_unless (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT));
  check_truth (&scripts[0], buffer);
  gst_buffer_unref (buffer);
  scene = gst_harness_find_element (h, "scenesrc");
  g_object_get (scene, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "missed", &missed));
  fail_unless_equals_uint64 (missed, 28);
  gst_structure_free (stats);
  gst_object_unref (scene);
  gst_harness_teardown (h);
}
GST_END_TEST;

static void
note_scene_time (GstElement *sink, GstBuffer *buffer, GstPad *pad, GAsyncQueue *times)
{
  guint64 time;

  fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "scene-time", &time));
  g_async_queue_push (times, GUINT_TO_POINTER ((guint) (time / GST_MSECOND) + 1));
}

GST_START_TEST (test_the_scene_stops_during_a_pause)
{
  GstElement *pipeline = gst_parse_launch ("scenesrc ! fakesink name=sink signal-handoffs=1", NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GAsyncQueue *times = g_async_queue_new ();
  guint before, after;

  g_signal_connect (sink, "handoff", G_CALLBACK (note_scene_time), times);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_async_queue_pop (times);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  before = 1;
  while (g_async_queue_length (times) > 0)
    before = GPOINTER_TO_UINT (g_async_queue_pop (times));
  g_usleep (3 * G_USEC_PER_SEC / 2);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_async_queue_pop (times); /* this frame may have been painted before the pause */
  after = GPOINTER_TO_UINT (g_async_queue_pop (times));
  fail_unless (after < before + 1000, "from %u to %u ms", before, after);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_async_queue_unref (times);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}
GST_END_TEST;

GST_START_TEST (test_a_missing_portrait_is_an_error)
{
  static const gchar *locations[] = {"/nonexistent.jpg", "/dev/null", "/"};
  GstElement *pipeline = gst_parse_launch ("scenesrc name=scene ! fakesink", NULL);
  GstElement *scene = gst_bin_get_by_name (GST_BIN (pipeline), "scene");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  g_object_set (scene, "location", locations[__i__], NULL);
  fail_unless_equals_int (
      gst_element_set_state (pipeline, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  fail_unless (GST_MESSAGE_SRC (message) == GST_OBJECT (scene));
  fail_unless_message_error (message, RESOURCE, OPEN_READ);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (scene);
  gst_object_unref (pipeline);
}
GST_END_TEST;

static Suite *
scenesrc_suite (void)
{
  Suite *s = suite_create ("scenesrc");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_loop_test (
      tc, test_heads_lie_completely_in_the_frame_and_apart, 0, G_N_ELEMENTS (scripts));
  tcase_add_test (tc, test_each_number_of_faces_is_shown_in_turn);
  tcase_add_test (tc, test_another_seed_makes_another_scene);
  tcase_add_test (tc, test_frames_show_the_faces_that_their_headers_list);
  tcase_add_test (tc, test_rate_follows_downstream);
  tcase_add_test (tc, test_frames_for_whose_time_downstream_was_not_ready_are_dropped);
  tcase_add_test (tc, test_the_scene_stops_during_a_pause);
  tcase_add_loop_test (tc, test_a_missing_portrait_is_an_error, 0, 3);
  return s;
}

GST_CHECK_MAIN (scenesrc);
