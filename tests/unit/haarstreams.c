/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what haarfacecount does between two streams: drain queries, and a stream that follows
 * another one. */
#include <gst/check/gstcheck.h>

#include "elementtest.h"
#include "haarframes.h"

typedef struct {
  GstElement *element;
  GstHarness *h, *video;
  GstPad *pad; /* the element's video */
  gint drains; /* number of drain queries that the element behind the pad got */
} Split;

static gboolean
note_drain (GstPad *pad, GstObject *parent, GstQuery *query)
{
  Split *split = g_object_get_data (G_OBJECT (pad), "split");

  if (GST_QUERY_TYPE (query) == GST_QUERY_DRAIN)
    g_atomic_int_inc (&split->drains);
  return gst_pad_query_default (pad, parent, query);
}

static void
split_init (Split *split)
{
  split->drains = 0;
  split->element = make_element ();
  split->h = make_harness (split->element, "src");
  split->video = gst_harness_new_with_element (split->element, NULL, "video");
  split->pad = gst_pad_get_peer (split->video->sinkpad);
  g_object_set_data (G_OBJECT (split->video->sinkpad), "split", split);
  gst_pad_set_query_function (split->video->sinkpad, note_drain);
}

static void
split_clear (Split *split)
{
  gst_object_unref (split->pad);
  gst_harness_teardown (split->video);
  end_harness (split->h, split->element);
}

/* --- drains --- */

static gpointer
drain (gpointer data)
{
  GstHarness *h = data;
  GstQuery *query = gst_query_new_drain ();
  gboolean drained = gst_pad_peer_query (h->srcpad, query);

  gst_query_unref (query);
  return GINT_TO_POINTER (drained);
}

static GstPadProbeReturn
dawdle (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_usleep (50000);
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (test_a_drain_waits_for_the_elements_behind_both_pads)
{
  Split split;

  split_init (&split);
  gst_pad_add_probe (split.pad, GST_PAD_PROBE_TYPE_BUFFER, dawdle, NULL, NULL);
  for (guint i = 0; i < 3; i++)
    gst_harness_push (split.h, make_frame (TRUE, i));
  fail_unless (drain (split.h) != NULL);
  fail_unless_equals_int (gst_harness_buffers_received (split.video), 3);
  fail_unless_equals_int (gst_harness_buffers_received (split.h), 3);
  fail_unless_equals_int (split.drains, 1);
  split_clear (&split);
}
GST_END_TEST;

/* Begins a drain query while the element behind the pad video is blocked. Returns its thread. */
static GThread *
begin_stuck_drain (Split *split, gulong *id)
{
  GThread *drainer;

  split_init (split);
  *id = gst_pad_add_probe (split->pad,
      GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_PUSH, block, NULL,
      NULL);
  gst_harness_push (split->h, make_frame (TRUE, 0));
  gst_harness_push (split->h, make_frame (TRUE, 1));
  drainer = g_thread_new ("drainer", drain, split->h);
  gst_buffer_unref (gst_harness_pull (split->h));
  gst_buffer_unref (gst_harness_pull (split->h));
  g_usleep (20000);
  return drainer;
}

GST_START_TEST (test_a_flush_ends_the_wait_of_a_drain)
{
  Split split;
  gulong id;
  GThread *drainer = begin_stuck_drain (&split, &id);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (split.h, gst_event_new_flush_start ());
  fail_unless (g_thread_join (drainer) == NULL);
  gst_pad_remove_probe (split.pad, id);
  gst_harness_push_event (split.h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (split.h, gst_event_new_segment (&segment));
  gst_harness_push (split.h, make_frame (TRUE, 2));
  fail_unless (drain (split.h) != NULL);
  fail_unless_equals_int (gst_harness_buffers_received (split.video), 1);
  split_clear (&split);
}
GST_END_TEST;

GST_START_TEST (test_a_stop_ends_the_wait_of_a_drain)
{
  Split split;
  gulong id;
  GThread *drainer = begin_stuck_drain (&split, &id);

  gst_element_set_state (split.element, GST_STATE_NULL);
  fail_unless (g_thread_join (drainer) == NULL);
  split_clear (&split);
}
GST_END_TEST;

GST_START_TEST (test_a_drain_query_during_a_stop_is_refused)
{
  Split split;

  split_init (&split);
  gst_element_set_state (split.element, GST_STATE_NULL);
  fail_unless (drain (split.h) == NULL);
  split_clear (&split);
}
GST_END_TEST;

GST_START_TEST (test_a_drain_does_not_wait_for_a_released_pad)
{
  Split split;
  gulong id;
  GThread *drainer = begin_stuck_drain (&split, &id);

  gst_element_release_request_pad (split.element, split.pad);
  fail_unless (g_thread_join (drainer) != NULL);
  gst_harness_push (split.h, make_frame (TRUE, 2));
  fail_unless (drain (split.h) != NULL);
  split_clear (&split);
}
GST_END_TEST;

/* --- a stream that follows another one --- */

static void
begin_stream (GstHarness *h, const gchar *name)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_stream_start (name)));
  set_caps (h, SIDE, SIDE);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

/* Checks that the next report isn't the last one of the stream, or, if @leaving, waits for the last
 * one. */
static void
expect_report (GstHarness *rate, gboolean leaving)
{
  FogReport *report = pull_report (rate);

  for (; leaving && !report->leaving; report = pull_report (rate))
    fog_report_free (report);
  fail_unless_equals_int (report->leaving, leaving);
  fog_report_free (report);
}

GST_START_TEST (test_a_stream_after_eos_is_counted_and_reported)
{
  Split split;
  GstHarness *rate;

  split_init (&split);
  g_object_set (split.element, "report-interval", 100 * GST_MSECOND, NULL);
  rate = gst_harness_new_with_element (split.element, NULL, "rate");
  for (guint i = 0; i < 5; i++) {
    g_autofree gchar *name = g_strdup_printf ("stream-%u", i);

    begin_stream (split.h, name);
    for (guint j = 0; j < 4; j++)
      fail_unless_equals_int (gst_harness_push (split.h, make_frame (j % 2, j)), GST_FLOW_OK);
    expect_report (rate, FALSE);
    finish (split.h);
    await_end (split.video);
    fail_unless_equals_int (gst_harness_buffers_received (split.h), 2 * (i + 1));
    fail_unless_equals_int (gst_harness_buffers_received (split.video), 4 * (i + 1));
    expect_report (rate, TRUE);
  }
  gst_harness_teardown (rate);
  split_clear (&split);
}
GST_END_TEST;

static GstPadProbeReturn
answer_flow (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  gst_buffer_unref (GST_PAD_PROBE_INFO_BUFFER (info));
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = GPOINTER_TO_INT (user_data);
  return GST_PAD_PROBE_HANDLED;
}

static gulong
make_reader_answer (GstPad *pad, GstFlowReturn flow)
{
  return gst_pad_add_probe (
      pad, GST_PAD_PROBE_TYPE_BUFFER, answer_flow, GINT_TO_POINTER (flow), NULL);
}

static void
push_until (GstHarness *h, GstFlowReturn expected)
{
  GstFlowReturn flow;

  do
    flow = gst_harness_push (h, make_frame (TRUE, 0));
  while (flow == GST_FLOW_OK);
  fail_unless_equals_int (flow, expected);
}

GST_START_TEST (test_the_sender_learns_of_a_failure_of_a_later_stream)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  GstPad *src = gst_element_get_static_pad (element, "src");
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  finish (h);
  begin_stream (h, "next");
  make_reader_answer (src, GST_FLOW_ERROR);
  push_until (h, GST_FLOW_ERROR);
  gst_pad_stop_task (src);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (src);
  end_harness (h, element);
}
GST_END_TEST;

/* An element behind the pad that has returned EOS gets the next stream, even if the first stream
 * ended without EOS (concat sends none) or with buffers still in haarfacecount. */
GST_START_TEST (test_an_element_that_returned_eos_gets_the_next_stream)
{
  GstElement *element = make_element ();
  GstHarness *h, *rate;
  GstPad *src = gst_element_get_static_pad (element, "src");
  gulong id = make_reader_answer (src, GST_FLOW_EOS);

  g_object_set (element, "report-interval", 100 * GST_MSECOND, NULL);
  h = make_harness (element, "src");
  rate = gst_harness_new_with_element (element, NULL, "rate");
  if (__i__ & 1)
    push_until (h, GST_FLOW_EOS);
  else
    gst_harness_push (h, make_frame (TRUE, 0));
  if (__i__ & 2)
    gst_harness_push_event (h, gst_event_new_eos ());
  begin_stream (h, "next");
  await_end (h);
  gst_pad_remove_probe (src, id);
  expect_report (rate, TRUE);
  for (guint i = 0; i < 10; i++)
    fail_unless_equals_int (gst_harness_push (h, make_frame (i == 9, i)), GST_FLOW_OK);
  gst_buffer_unref (gst_harness_pull (h));
  expect_report (rate, FALSE);
  finish (h);
  expect_report (rate, TRUE);
  gst_object_unref (src);
  gst_harness_teardown (rate);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_a_pad_requested_after_the_end_gets_the_next_stream)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src"), *video;
  GstPad *src = gst_element_get_static_pad (element, "src");
  gulong id = make_reader_answer (src, GST_FLOW_EOS);

  push_until (h, GST_FLOW_EOS);
  video = gst_harness_new_with_element (element, NULL, "video");
  begin_stream (h, "next");
  gst_pad_remove_probe (src, id);
  fail_unless_equals_int (gst_harness_push (h, make_frame (TRUE, 0)), GST_FLOW_OK);
  gst_buffer_unref (gst_harness_pull (video));
  gst_object_unref (src);
  gst_harness_teardown (video);
  end_harness (h, element);
}
GST_END_TEST;

/* --- pads that several threads request and release --- */

typedef struct {
  GstElement *element;
  const gchar *name;
  gint got;
  gboolean stop;
} Race;

static gpointer
request_and_release (gpointer data)
{
  Race *race = data;

  while (!g_atomic_int_get (&race->stop)) {
    /* The pad is requested without a name, because GStreamer prints a critical if a pad of that
     * name exists. */
    GstPad *pad = gst_element_request_pad (
        race->element, gst_element_get_pad_template (race->element, race->name), NULL, NULL);

    if (!pad)
      continue;
    g_atomic_int_inc (&race->got);
    gst_element_release_request_pad (race->element, pad);
    fail_unless (GST_OBJECT_PARENT (pad) == NULL);
    gst_object_unref (pad);
  }
  return NULL;
}

/* While frames pass, three threads request and release the same pad, and no thread gets a pad that
 * another one has, or that was released. */
GST_START_TEST (test_threads_may_request_and_release_a_pad_while_frames_pass)
{
  GstElement *element = make_element ();
  Race race = {element, __i__ ? "rate" : "video", 0, FALSE};
  GstHarness *h;
  GThread *threads[3];
  GstPad *pad;

  g_object_set (element, "min-faces", 0, NULL);
  h = make_harness (element, "src");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("race", request_and_release, &race);
  for (guint i = 0; i < 300 || g_atomic_int_get (&race.got) < 300; i++) {
    gst_harness_push (h, make_frame (TRUE, i));
    gst_buffer_unref (gst_harness_pull (h));
  }
  g_atomic_int_set (&race.stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  pad = gst_element_request_pad_simple (element, race.name);
  fail_unless (pad != NULL && GST_PAD_IS_ACTIVE (pad));
  fail_unless (gst_element_request_pad (
                   element, gst_element_get_pad_template (element, race.name), NULL, NULL) == NULL);
  gst_element_release_request_pad (element, pad);
  gst_object_unref (pad);
  end_harness (h, element);
}
GST_END_TEST;

/* --- the log --- */

/* The log contains the settings, the caps, decisions with their numbers, why a frame was skipped,
 * and the stats at the end. */
GST_START_TEST (test_the_log_describes_a_run)
{
  static const gchar *const story[] = {"INFO  min-size ", "INFO  1 workers, engine ",
      "INFO  replica here, ", "DEBUG a stream begins", "INFO  caps video/x-raw",
      "searched the whole frame, valid for 0:01:00",
      "LOG   camera cam-1, seq 7: 1 faces, searched all", "LOG   pushing buffer",
      "DEBUG skipped buffer", ": captured ", "s ago, allowed 10.000", "INFO  GstKafkaAssignment",
      "DEBUG a flush begins", "DEBUG a flush ends", "DEBUG the stream ends, with the flow ok",
      "DEBUG report ", "; the last one", "INFO  ended: haarfacecount-stats, frames=(guint64)1,",
      NULL};
  GstElement *element = make_element ();
  GstHarness *h;
  GstBuffer *frame;
  GstSegment segment;

  record_log ("haarfacecount", GST_LEVEL_LOG);
  g_object_set (
      element, "workers", 1, "max-age", 10 * GST_SECOND, "rescan-interval", 60 * GST_SECOND, NULL);
  h = make_harness (element, "src");
  frame = make_frame (TRUE, 0);
  gst_kafka_meta_set_headers (frame, "camera", "cam-1", "session", "s", "seq", "7", NULL);
  gst_harness_push (h, frame);
  gst_buffer_unref (gst_harness_pull (h));
  frame = make_frame (TRUE, 1);
  gst_kafka_meta_set_headers (frame, "capture-time", "1000000000", NULL);
  gst_harness_push (h, frame);
  fail_unless (drain (h) != NULL);
  gst_harness_push_event (h,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_from_string (GST_KAFKA_ASSIGNMENT_EVENT ", partitions=(int)<1,2>", NULL)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  finish (h);
  gst_element_set_state (element, GST_STATE_NULL);
  expect_log (story);
  end_harness (h, element);
}
GST_END_TEST;

static Suite *
haarstreams_suite (void)
{
  Suite *s = suite_create ("haarstreams");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_a_drain_waits_for_the_elements_behind_both_pads);
  tcase_add_test (tc, test_a_flush_ends_the_wait_of_a_drain);
  tcase_add_test (tc, test_a_stop_ends_the_wait_of_a_drain);
  tcase_add_test (tc, test_a_drain_query_during_a_stop_is_refused);
  tcase_add_test (tc, test_a_drain_does_not_wait_for_a_released_pad);
  tcase_add_test (tc, test_a_stream_after_eos_is_counted_and_reported);
  tcase_add_test (tc, test_the_sender_learns_of_a_failure_of_a_later_stream);
  tcase_add_loop_test (tc, test_an_element_that_returned_eos_gets_the_next_stream, 0, 4);
  tcase_add_test (tc, test_a_pad_requested_after_the_end_gets_the_next_stream);
  tcase_add_loop_test (tc, test_threads_may_request_and_release_a_pad_while_frames_pass, 0, 2);
  tcase_add_test (tc, test_the_log_describes_a_run);
  return s;
}

GST_CHECK_MAIN (haarstreams);
