/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "elementtest.h"

/* A branch that fails is started again at once. */
#define QUICK "longest-wait=1000000 "
/* A sound branch, whose frames are numbered without a gap. */
#define GOOD                                                                                       \
  "camerabranch.( name=good videotestsrc is-live=true ! video/x-raw,framerate=50/1 "               \
  "! fakesink name=counter signal-handoffs=true ) "

typedef struct {
  GstElement *pipeline;
  GstBus *bus;
  gint frames;      /* atomic: frames of the sound branch */
  gboolean missing; /* frames are missing between two frames of the sound branch */
  guint64 last;
} Stage;

static void
note_frame (GstElement *sink, GstBuffer *frame, GstPad *pad, gpointer data)
{
  Stage *self = data;

  self->missing |= g_atomic_int_get (&self->frames) && GST_BUFFER_OFFSET (frame) != self->last + 1;
  self->last = GST_BUFFER_OFFSET (frame);
  g_atomic_int_inc (&self->frames);
}

static void
stage_make (Stage *self, const gchar *line)
{
  g_autofree gchar *whole = g_strdup_printf ("pipeline.( %s )", line);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) frames = NULL;

  *self = (Stage){gst_parse_launch (whole, &error), NULL, 0, FALSE, 0};
  fail_unless (self->pipeline && !error, "%s: %s", error ? error->message : "", line);
  self->bus = gst_element_get_bus (self->pipeline);
  frames = gst_bin_get_by_name (GST_BIN (self->pipeline), "counter");
  if (frames)
    g_signal_connect (frames, "handoff", G_CALLBACK (note_frame), self);
}

static void
stage_start (Stage *self, const gchar *line)
{
  stage_make (self, line);
  fail_if (gst_element_set_state (self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
}

static GstElement *
find (Stage *self, const gchar *name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (self->pipeline), name);

  fail_unless (element != NULL, "%s", name);
  gst_object_unref (element);
  return element;
}

static void
wait_for_frames (Stage *self, gint more)
{
  gint wanted = g_atomic_int_get (&self->frames) + more;

  for (guint i = 0; i < 3000 && g_atomic_int_get (&self->frames) < wanted; i++)
    g_usleep (10000);
  fail_unless (g_atomic_int_get (&self->frames) >= wanted);
}

static void
stage_stop (Stage *self)
{
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->bus);
  gst_object_unref (self->pipeline);
}

/* Waits for the pipeline's end, which is no error. */
static void
expect_eos (Stage *self)
{
  GstMessage *message =
      gst_bus_timed_pop_filtered (self->bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);

  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
}

static gboolean
is_running (GstElement *branch)
{
  g_autoptr (GstStructure) stats = NULL;
  gboolean running = FALSE;

  g_object_get (branch, "stats", &stats, NULL);
  fail_unless (gst_structure_get_boolean (stats, "running", &running));
  return running;
}

static void
wait_until_running (GstElement *branch, gboolean running)
{
  for (guint i = 0; i < 3000 && is_running (branch) != running; i++)
    g_usleep (10000);
  fail_unless_equals_int (is_running (branch), running);
}

/* --- faults of one branch --- */

static const struct {
  const gchar *elements;
  const gchar *said; /* in the warning */
} faults[] = {
    {"filesrc location=/nowhere/at-all ! fakesink", "/nowhere/at-all"},
    {"filesrc location=/proc/self/mem ! fakesink", "filesrc"},
    {"filesrc location=/etc/passwd ! decodebin name=decoder ! fakesink", "decoder: "},
    {"fakesrc sizetype=fixed filltype=zero ! filesink location=/dev/full buffer-mode=unbuffered",
        "filesink"},
    {"fakesrc ! filesink location=/nowhere/at-all", "/nowhere/at-all"},
    {"fakesrc ! fakesink state-error=paused-to-playing", "fakesink"},
    {"fakesrc ! fakesink state-error=null-to-ready", "fakesink"},
    {"multifilesrc location=/etc/hostname ! capssetter replace=true "
     "caps=video/x-raw,width=99999999 "
     "! videoconvert ! fakesink",
        "not-negotiated"},
    {"fakesrc ! kafkasink bootstrap-servers=127.0.0.1:1 topic=a connect-timeout=10000000",
        "127.0.0.1:1"},
};

/* A branch that fails, whatever fails in it, is started again and named, and the sound branch
 * misses no frame. */
GST_START_TEST (test_a_fault_stays_in_its_branch)
{
  g_autofree gchar *line =
      g_strdup_printf (GOOD "camerabranch.( name=bad " QUICK " %s )", faults[__i__].elements);
  GstElement *bad;
  GstMessage *warning;
  g_autoptr (GError) error = NULL;
  Stage self;

  stage_start (&self, line);
  bad = find (&self, "bad");
  wait_for_at_least (bad, "failures", 7);
  wait_for_frames (&self, 3);
  warning = gst_bus_pop_filtered (self.bus, GST_MESSAGE_WARNING);
  fail_unless (warning != NULL);
  gst_message_parse_warning (warning, &error, NULL);
  fail_unless_equals_string (GST_MESSAGE_SRC_NAME (warning), "bad");
  fail_unless (strstr (error->message, faults[__i__].said) != NULL, "%s", error->message);
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_ERROR) == NULL);
  fail_unless_equals_int (read_stat (find (&self, "good"), "failures"), 0);
  fail_if (self.missing);
  gst_message_unref (warning);
  stage_stop (&self);
}
GST_END_TEST;

/* The same reason causes one warning, then info messages. */
GST_START_TEST (test_a_reason_is_one_warning)
{
  GstMessage *message;
  Stage self;

  stage_start (
      &self, GOOD "camerabranch.( name=bad " QUICK " fakesrc ! filesink location=/nowhere/x )");
  wait_for_at_least (find (&self, "bad"), "failures", 5);
  message = gst_bus_timed_pop_filtered (self.bus, 30 * GST_SECOND, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_unref (message);
  message = gst_bus_timed_pop_filtered (self.bus, 30 * GST_SECOND, GST_MESSAGE_INFO);
  fail_unless (message != NULL);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_WARNING) == NULL);
  stage_stop (&self);
}
GST_END_TEST;

static void
fail_element (Stage *self, const gchar *name)
{
  GST_ELEMENT_ERROR (find (self, name), RESOURCE, WRITE, ("The disk burns."), (NULL));
}

/* A branch that failed gives frames again, several times, with its clock: frames leave it at their
 * time. */
GST_START_TEST (test_a_branch_works_after_a_restart)
{
  Stage self;

  stage_start (&self,
      "camerabranch.( name=good " QUICK " videotestsrc is-live=true ! video/x-raw,framerate=50/1 "
      "! fakesink name=counter sync=true signal-handoffs=true )");
  for (guint i = 1; i < 4; i++) {
    wait_for_frames (&self, 2);
    fail_element (&self, "counter");
    wait_for_at_least (find (&self, "good"), "failures", i);
    wait_until_running (find (&self, "good"), TRUE);
    wait_for_frames (&self, 2);
  }
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_ERROR) == NULL);
  stage_stop (&self);
}
GST_END_TEST;

/* An info message reports that a branch has run for steady-time. */
GST_START_TEST (test_the_return_is_reported)
{
  Stage self;

  stage_start (&self, "camerabranch.( name=good steady-time=1000000000 " QUICK
                      " videotestsrc is-live=true ! fakesink name=counter signal-handoffs=true )");
  wait_for_frames (&self, 1);
  fail_element (&self, "counter");
  expect_message (self.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "counter: The disk burns.");
  expect_message (
      self.bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "has run for 1 s");
  fail_unless_equals_int (read_stat (find (&self, "good"), "in-a-row"), 0);
  stage_stop (&self);
}
GST_END_TEST;

/* --- the end --- */

/* The end of a branch's source is no fault. */
GST_START_TEST (test_a_branch_that_ends_is_not_started_again)
{
  Stage self;

  stage_start (&self, GOOD "camerabranch.( name=short fakesrc num-buffers=3 ! fakesink )");
  wait_for_frames (&self, 5);
  fail_unless_equals_int (read_stat (find (&self, "short"), "failures"), 0);
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_EOS) == NULL);
  gst_element_send_event (self.pipeline, gst_event_new_eos ());
  expect_eos (&self);
  stage_stop (&self);
}
GST_END_TEST;

/* EOS ends the pipeline, also while a branch waits for its next start. */
GST_START_TEST (test_eos_ends_a_branch_that_is_down)
{
  Stage self;

  stage_start (&self, GOOD "camerabranch.( name=bad fakesrc ! filesink location=/nowhere/x )");
  wait_until_running (find (&self, "bad"), FALSE);
  wait_for_frames (&self, 2);
  gst_element_send_event (self.pipeline, gst_event_new_eos ());
  expect_eos (&self);
  fail_if (self.missing);
  stage_stop (&self);
}
GST_END_TEST;

/* EOS is not lost at any moment of a restart. */
GST_START_TEST (test_eos_during_restarts)
{
  Stage self;

  stage_start (&self,
      "camerabranch.( name=bad " QUICK " videotestsrc is-live=true ! fakesink name=sink ) " GOOD);
  wait_for_frames (&self, 1);
  fail_element (&self, "sink");
  g_usleep ((gulong) __i__ * 300);
  gst_element_send_event (self.pipeline, gst_event_new_eos ());
  expect_eos (&self);
  stage_stop (&self);
}
GST_END_TEST;

static void
expect_stopped (const GValue *item, gpointer data)
{
  GstElement *element = g_value_get_object (item);

  fail_unless (GST_STATE (element) == GST_STATE_NULL, "%s", GST_ELEMENT_NAME (element));
}

/* Stops the pipeline, and checks that none of its elements stays behind. */
static void
stop_all (Stage *self)
{
  GstIterator *elements = gst_bin_iterate_recurse (GST_BIN (self->pipeline));

  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_iterator_foreach (elements, expect_stopped, NULL);
  gst_iterator_free (elements);
}

/* A pipeline can be stopped at any moment of a restart, and started again. */
GST_START_TEST (test_states_during_restarts)
{
  Stage self;

  stage_start (
      &self, GOOD "camerabranch.( name=bad " QUICK " fakesrc ! filesink location=/nowhere/x )");
  for (guint i = 0; i < 20; i++) {
    g_usleep (i * 500);
    if (i % 2)
      gst_element_set_state (self.pipeline, GST_STATE_PAUSED);
    else
      stop_all (&self);
    fail_if (gst_element_set_state (self.pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
  }
  wait_for_at_least (find (&self, "bad"), "failures", 6);
  stage_stop (&self);
}
GST_END_TEST;

/* --- errors of the pipeline --- */

/* If no branch works, the pipeline ends with an error. */
GST_START_TEST (test_an_error_if_all_branches_fail)
{
  Stage self;

  stage_start (&self, "camerabranch.( " QUICK " fakesrc ! filesink location=/nowhere/x ) "
                      "camerabranch.( " QUICK " filesrc location=/nowhere/y ! fakesink ) "
                      "camerabranch.( fakesrc num-buffers=1 ! fakesink )");
  expect_message (self.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
      "All 2 branches have failed 5 times");
  stage_stop (&self);
}
GST_END_TEST;

static void
fail_repeatedly (Stage *self, const gchar *branch, const gchar *sink)
{
  for (guint i = 1; i <= 6; i++) {
    fail_element (self, sink);
    wait_for_at_least (find (self, branch), "failures", i);
    wait_until_running (find (self, branch), TRUE);
  }
}

/* A branch that failed and works again keeps the pipeline alive, although it hasn't yet run for
 * steady-time. */
GST_START_TEST (test_a_branch_that_works_again_counts)
{
  Stage self;

  stage_start (&self, "camerabranch.( name=a " QUICK " videotestsrc is-live=true "
                      "! fakesink name=sink-a ) camerabranch.( name=b " QUICK
                      " videotestsrc is-live=true ! fakesink name=sink-b )");
  fail_repeatedly (&self, "a", "sink-a");
  g_usleep (6 * G_USEC_PER_SEC);
  fail_repeatedly (&self, "b", "sink-b");
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_ERROR) == NULL);
  stage_stop (&self);
}
GST_END_TEST;

/* A setting that an element refuses at the start is refused by the pipeline. */
GST_START_TEST (test_a_refused_setting_is_an_error)
{
  Stage self;

  stage_make (&self, GOOD "camerabranch.( ipcamerasrc uri=http://h/a ! fakesink )");
  fail_unless_equals_int (
      gst_element_set_state (self.pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  expect_message (
      self.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "uri");
  stage_stop (&self);
}
GST_END_TEST;

/* --- buffers from outside --- */

/* Links a pad outside with the element `sink` of the branch `bad`, and starts the pipeline. */
static GstPad *
feed_start (Stage *self, const gchar *line)
{
  GstPad *outside = gst_object_ref_sink (gst_pad_new ("reports", GST_PAD_SRC));
  g_autoptr (GstPad) inside = NULL;
  GstElement *branch;

  stage_make (self, line);
  branch = find (self, "bad");
  inside = gst_element_get_static_pad (find (self, "sink"), "sink");
  gst_element_add_pad (branch, gst_ghost_pad_new ("sink", inside));
  gst_pad_set_active (outside, TRUE);
  fail_unless (gst_pad_link (outside, g_list_first (branch->sinkpads)->data) == GST_PAD_LINK_OK);
  fail_if (gst_element_set_state (self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
  return outside;
}

static void
feed_stop (Stage *self, GstPad *outside)
{
  stage_stop (self);
  gst_pad_set_active (outside, FALSE);
  gst_object_unref (outside);
}

static void
begin_reports (GstPad *outside)
{
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple ("application/json");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (outside, gst_event_new_stream_start ("reports"));
  gst_pad_push_event (outside, gst_event_new_caps (caps));
  gst_pad_push_event (outside, gst_event_new_segment (&segment));
}

static gboolean
has_caps (GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  return caps != NULL;
}

/* Pushes buffers until the element `sink` has their caps. */
static void
push_until_received (Stage *self, GstPad *outside)
{
  g_autoptr (GstPad) inside = gst_element_get_static_pad (find (self, "sink"), "sink");

  for (guint i = 0; i < 10000 && !has_caps (inside); i++) {
    fail_unless_equals_int (gst_pad_push (outside, gst_buffer_new ()), GST_FLOW_OK);
    g_usleep (5000);
  }
  fail_unless (has_caps (inside));
}

/* A branch takes buffers although its first start failed. */
GST_START_TEST (test_buffers_after_a_failed_start)
{
  static const gchar *const states[] = {"null-to-ready", "ready-to-paused", "paused-to-playing"};
  g_autofree gchar *line = g_strdup_printf (GOOD "camerabranch.( name=bad " QUICK
                                                 " fakesink name=sink async=false state-error=%s )",
      states[__i__]);
  Stage self;
  GstPad *outside = feed_start (&self, line);

  begin_reports (outside);
  fail_unless_equals_int (gst_pad_push (outside, gst_buffer_new ()), GST_FLOW_OK);
  wait_for_at_least (find (&self, "bad"), "failures", 2);
  gst_util_set_object_arg (G_OBJECT (find (&self, "sink")), "state-error", "none");
  push_until_received (&self, outside);
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_ERROR) == NULL);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* EOS from outside ends a branch without a source at any moment of a restart. */
GST_START_TEST (test_eos_from_outside_during_restarts)
{
  Stage self;
  GstPad *outside =
      feed_start (&self, "camerabranch.( name=bad " QUICK " fakesink name=sink async=false )");

  begin_reports (outside);
  fail_element (&self, "sink");
  g_usleep ((gulong) __i__ * 300);
  gst_pad_push_event (outside, gst_event_new_eos ());
  expect_eos (&self);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* EOS from outside ends a branch that never starts. */
GST_START_TEST (test_eos_from_outside_ends_a_branch_that_is_down)
{
  Stage self;
  GstPad *outside = feed_start (
      &self, "camerabranch.( name=bad fakesink name=sink state-error=ready-to-paused )");

  wait_until_running (find (&self, "bad"), FALSE);
  begin_reports (outside);
  gst_pad_push_event (outside, gst_event_new_eos ());
  expect_eos (&self);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* EOS from outside doesn't end a branch with a source of its own, and reaches the element again
 * after a restart. */
GST_START_TEST (test_eos_from_outside_beside_a_source)
{
  Stage self;
  GstPad *outside = feed_start (&self,
      "camerabranch.( name=bad longest-wait=100000000 videotestsrc is-live=true ! fakesink "
      "fakesink name=sink async=false )");
  g_autoptr (GstPad) inside = gst_element_get_static_pad (find (&self, "sink"), "sink");

  begin_reports (outside);
  fail_element (&self, "sink");
  gst_pad_push_event (outside, gst_event_new_eos ());
  wait_for_at_least (find (&self, "bad"), "failures", 1);
  wait_until_running (find (&self, "bad"), TRUE);
  for (guint i = 0; i < 3000 && !GST_PAD_IS_EOS (inside); i++)
    g_usleep (10000);
  fail_unless (GST_PAD_IS_EOS (inside));
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_EOS) == NULL);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* What the elements refuse is a fault of the branch that is reported, and no error of the
 * sender. */
GST_START_TEST (test_what_the_elements_refuse_is_a_fault)
{
  static const gchar *const elements[] = {"capsfilter name=sink caps=image/jpeg ! fakesink",
      "identity name=sink ! capsfilter caps=image/jpeg ! fakesink", "identity name=sink"};
  g_autofree gchar *line =
      g_strdup_printf (GOOD "camerabranch.( name=bad " QUICK " %s )", elements[__i__]);
  Stage self;
  GstPad *outside = feed_start (&self, line);

  begin_reports (outside);
  for (guint i = 0; i < 10000 && read_stat (find (&self, "bad"), "failures") < 2; i++) {
    fail_unless_equals_int (gst_pad_push (outside, gst_buffer_new ()), GST_FLOW_OK);
    g_usleep (5000);
  }
  expect_message (self.bus, GST_MESSAGE_WARNING, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
      __i__ < 2 ? "not-negotiated" : "not-linked");
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_ERROR) == NULL);
  feed_stop (&self, outside);
}
GST_END_TEST;

static gpointer
push_reports (gpointer data)
{
  GstPad *pad = data;

  begin_reports (pad);
  for (guint i = 0; GST_PAD_IS_ACTIVE (pad); i++) {
    fail_unless_equals_int (gst_pad_push (pad, gst_buffer_new ()), GST_FLOW_OK);
    g_usleep (1000);
  }
  return NULL;
}

/* Whoever pushes into a branch isn't stopped by its failure, and what is pushed reaches the
 * elements after a restart, with its caps. */
GST_START_TEST (test_buffers_from_outside)
{
  Stage self;
  GstPad *outside = feed_start (&self,
      GOOD "camerabranch.( name=bad longest-wait=200000000 fakesink name=sink async=false )");
  g_autoptr (GstPad) inside = gst_element_get_static_pad (find (&self, "sink"), "sink");
  GstElement *branch = find (&self, "bad");
  GThread *thread = g_thread_new ("reports", push_reports, outside);

  /* on a busy machine the thread may push nothing while the branch is down */
  for (guint i = 1; i <= 3 || read_stat (branch, "dropped") == 0; i++) {
    fail_element (&self, "sink");
    wait_for_at_least (branch, "failures", i);
    wait_until_running (branch, TRUE);
  }
  for (guint i = 0; i < 3000 && !has_caps (inside); i++)
    g_usleep (10000);
  fail_unless (has_caps (inside));
  gst_pad_set_active (outside, FALSE);
  g_thread_join (thread);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* --- buffers for elements outside --- */

/* A source that fails doesn't end elements outside. The end that the application requests reaches
 * them, even if the branch is down. */
GST_START_TEST (test_a_failing_source_does_not_end_a_sink_outside)
{
  Stage self;

  stage_start (&self, "camerabranch.( name=bad " QUICK " filesrc name=inner location=/proc/self/mem"
                      " ) inner. ! fakesink async=false");
  wait_for_at_least (find (&self, "bad"), "failures", 7);
  fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_EOS | GST_MESSAGE_ERROR) == NULL);
  gst_element_send_event (self.pipeline, gst_event_new_eos ());
  expect_eos (&self);
  stage_stop (&self);
}
GST_END_TEST;

/* --- the end, taken back or repeated --- */

static void
wait_until_ended (Stage *self, const gchar *sink)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (find (self, sink), "sink");

  for (guint i = 0; i < 3000 && !GST_PAD_IS_EOS (pad); i++)
    g_usleep (10000);
  fail_unless (GST_PAD_IS_EOS (pad));
}

/* A stream that leaves the branch ends although the sinks inside ended before the branch failed. */
GST_START_TEST (test_a_sink_outside_ends_after_those_inside)
{
  Stage self;

  stage_start (&self,
      "camerabranch.( name=bad fakesrc num-buffers=1 ! fakesink name=sink async=false "
      "videotestsrc is-live=true name=inner ) inner. ! fakesink async=false");
  wait_until_ended (&self, "sink");
  fail_element (&self, "inner");
  expect_eos (&self);
  stage_stop (&self);
}
GST_END_TEST;

/* Waits until a sink of the pipeline, or a branch, has ended. */
static void
wait_for_end_of_one (Stage *self)
{
  GstMessage *message =
      gst_bus_timed_pop_filtered (self->bus, 30 * GST_SECOND, GST_MESSAGE_ELEMENT);

  fail_unless (message && gst_message_has_name (message, "GstBinForwarded"));
  gst_message_unref (message);
}

/* A pipeline that pauses forgets which branches have ended, so a branch that has ended and is down
 * posts EOS again. */
GST_START_TEST (test_the_end_is_posted_again_after_a_pause)
{
  Stage self;

  stage_start (&self, GOOD "camerabranch.( name=bad fakesrc ! filesink location=/nowhere/x )");
  g_object_set (self.pipeline, "message-forward", TRUE, NULL);
  wait_until_running (find (&self, "bad"), FALSE);
  wait_for_frames (&self, 1);
  gst_element_send_event (find (&self, "bad"), gst_event_new_eos ());
  wait_for_end_of_one (&self);
  gst_element_set_state (self.pipeline, GST_STATE_PAUSED);
  gst_element_set_state (self.pipeline, GST_STATE_PLAYING);
  /* a source that gets EOS while its sink prerolls would block the change to PLAYING */
  fail_unless_equals_int (
      gst_element_get_state (self.pipeline, NULL, NULL, 60 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  gst_element_send_event (find (&self, "good"), gst_event_new_eos ());
  expect_eos (&self);
  stage_stop (&self);
}
GST_END_TEST;

static void
flush (GstPad *outside)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (outside, gst_event_new_flush_start ());
  gst_pad_push_event (outside, gst_event_new_flush_stop (TRUE));
  gst_pad_push_event (outside, gst_event_new_segment (&segment));
}

/* A branch is restarted if a stream began again after the end, by a flush or as a new stream. */
GST_START_TEST (test_a_stream_that_begins_again)
{
  static void (*const begin[]) (GstPad *) = {flush, begin_reports};
  Stage self;
  GstPad *outside =
      feed_start (&self, "camerabranch.( name=bad " QUICK " fakesink name=sink async=false )");

  begin_reports (outside);
  gst_pad_push_event (outside, gst_event_new_eos ());
  expect_eos (&self);
  begin[__i__](outside);
  fail_unless_equals_int (gst_pad_push (outside, gst_buffer_new ()), GST_FLOW_OK);
  fail_element (&self, "sink");
  wait_for_at_least (find (&self, "bad"), "failures", 1);
  wait_until_running (find (&self, "bad"), TRUE);
  push_until_received (&self, outside);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* A branch that failed after its end is started again by a stream that begins. */
GST_START_TEST (test_a_stream_that_begins_after_a_failure)
{
  static void (*const begin[]) (GstPad *) = {flush, begin_reports};
  Stage self;
  GstPad *outside =
      feed_start (&self, "camerabranch.( name=bad " QUICK " fakesink name=sink async=false )");

  begin_reports (outside);
  gst_pad_push_event (outside, gst_event_new_eos ());
  expect_eos (&self);
  fail_element (&self, "sink");
  wait_until_running (find (&self, "bad"), FALSE);
  begin[__i__](outside);
  wait_until_running (find (&self, "bad"), TRUE);
  push_until_received (&self, outside);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* Drops the messages on the bus, none of which may report that a branch has run for long. */
static void
drop_messages (Stage *self)
{
  GstMessage *message;

  while ((message = gst_bus_pop (self->bus))) {
    g_autoptr (GError) error = NULL;

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_INFO) {
      gst_message_parse_info (message, &error, NULL);
      fail_if (strstr (error->message, "has run for"), "%s", error->message);
    }
    gst_message_unref (message);
  }
}

/* Fails the branch after its end, so that its elements stay down. */
static void
fail_after_end (Stage *self)
{
  if (is_running (find (self, "bad")))
    fail_element (self, "sink");
  wait_until_running (find (self, "bad"), FALSE);
  drop_messages (self);
}

/* A branch that is down ends again with a stream that ends at once, even before the control thread
 * has seen that the stream began. */
GST_START_TEST (test_a_stream_that_ends_at_once_after_a_failure)
{
  Stage self;
  GstPad *outside =
      feed_start (&self, "camerabranch.( name=bad " QUICK
                         " steady-time=3600000000000 fakesink name=sink async=false )");

  g_object_set (self.pipeline, "message-forward", TRUE, NULL);
  begin_reports (outside);
  gst_pad_push_event (outside, gst_event_new_eos ());
  wait_for_end_of_one (&self);
  for (guint i = 0; i < 50; i++) {
    fail_after_end (&self);
    gst_pad_push_event (outside, gst_event_new_stream_start ("reports"));
    gst_pad_push_event (outside, gst_event_new_eos ());
    wait_for_end_of_one (&self);
  }
  drop_messages (&self);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* A flush that ends while the branch is down doesn't stop the stream for good. Each start fails
 * until the flush has ended, so that the branch is down for certain. */
GST_START_TEST (test_a_flush_during_a_restart)
{
  Stage self;
  GstPad *outside =
      feed_start (&self, "camerabranch.( name=bad " QUICK " fakesink name=sink async=false )");
  GObject *sink = G_OBJECT (find (&self, "sink"));

  begin_reports (outside);
  gst_pad_push_event (outside, gst_event_new_flush_start ());
  gst_util_set_object_arg (sink, "state-error", "null-to-ready");
  fail_element (&self, "sink");
  wait_until_running (find (&self, "bad"), FALSE);
  gst_pad_push_event (outside, gst_event_new_flush_stop (TRUE));
  begin_reports (outside);
  fail_if (is_running (find (&self, "bad")));
  gst_util_set_object_arg (sink, "state-error", "none");
  wait_until_running (find (&self, "bad"), TRUE);
  push_until_received (&self, outside);
  feed_stop (&self, outside);
}
GST_END_TEST;

/* After the pipeline was in READY, a branch begins anew, even if it had ended or was down. */
GST_START_TEST (test_the_end_is_forgotten_in_ready)
{
  Stage self;

  stage_start (&self, "camerabranch.( name=good " QUICK " videotestsrc is-live=true "
                      "! fakesink name=counter signal-handoffs=true )");
  for (guint i = 0; i < 2; i++) {
    wait_for_frames (&self, 1);
    gst_element_send_event (self.pipeline, gst_event_new_eos ());
    expect_eos (&self);
    if (__i__) {
      fail_element (&self, "counter");
      wait_until_running (find (&self, "good"), FALSE);
    }
    gst_element_set_state (self.pipeline, GST_STATE_READY);
    gst_element_set_state (self.pipeline, GST_STATE_PLAYING);
  }
  wait_for_frames (&self, 1);
  fail_element (&self, "counter");
  wait_for_at_least (find (&self, "good"), "failures", 1);
  wait_until_running (find (&self, "good"), TRUE);
  wait_for_frames (&self, 2);
  stage_stop (&self);
}
GST_END_TEST;

/* EOS that a branch gives as it ends doesn't end the next run. The event is sent while the branch
 * is down, because GstBaseSrc would keep it for the next run. */
GST_START_TEST (test_eos_of_one_run_does_not_end_the_next)
{
  Stage self;

  stage_start (&self, "camerabranch.( name=bad filesrc name=inner location=/proc/self/mem ) "
                      "inner. ! fakesink async=false");
  g_object_set (self.pipeline, "message-forward", TRUE, NULL);
  for (guint i = 0; i < 30; i++) {
    wait_until_running (find (&self, "bad"), FALSE);
    fail_unless (gst_bus_pop_filtered (self.bus, GST_MESSAGE_EOS) == NULL);
    gst_element_send_event (find (&self, "bad"), gst_event_new_eos ());
    wait_for_end_of_one (&self);
    gst_element_set_state (self.pipeline, GST_STATE_NULL);
    gst_element_set_state (self.pipeline, GST_STATE_PLAYING);
  }
  stage_stop (&self);
}
GST_END_TEST;

/* --- caps and clocks --- */

static gboolean
accepts (GstPad *outside, const gchar *type)
{
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (type);

  return gst_pad_peer_query_accept_caps (outside, caps);
}

/* An element outside that asks for caps gets the caps that the elements accept, even after the
 * elements have refused other caps. */
GST_START_TEST (test_caps_are_asked_of_the_elements)
{
  Stage self;
  GstPad *outside = feed_start (
      &self, "camerabranch.( name=bad capsfilter name=sink caps=image/jpeg ! fakesink )");

  fail_if (accepts (outside, "application/json"));
  fail_unless (accepts (outside, "image/jpeg"));
  begin_reports (outside);
  fail_if (accepts (outside, "application/json"));
  feed_stop (&self, outside);
}
GST_END_TEST;

typedef GstElement Ticker;
typedef GstElementClass TickerClass;
static GType ticker_get_type (void);
G_DEFINE_TYPE (Ticker, ticker, GST_TYPE_ELEMENT)

static GstClock *
ticker_provide_clock (GstElement *element)
{
  return g_object_new (GST_TYPE_SYSTEM_CLOCK, "name", "ticker", NULL);
}

static void
ticker_class_init (TickerClass *klass)
{
  klass->provide_clock = ticker_provide_clock;
}

static void
ticker_init (Ticker *self)
{
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_PROVIDE_CLOCK);
}

/* The pipeline doesn't take the clock of an element that may be stopped alone. */
GST_START_TEST (test_a_branch_gives_no_clock)
{
  g_autoptr (GstClock) clock = NULL;
  Stage self;

  stage_make (&self, GOOD "camerabranch.( name=bad fakesink async=false )");
  gst_bin_add (GST_BIN (find (&self, "bad")), g_object_new (ticker_get_type (), NULL));
  fail_if (gst_element_set_state (self.pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
  wait_for_frames (&self, 1);
  clock = gst_element_get_clock (self.pipeline);
  fail_unless (clock != NULL);
  fail_if (g_str_equal (GST_OBJECT_NAME (clock), "ticker"));
  stage_stop (&self);
}
GST_END_TEST;

static Suite *
camerabranch_suite (void)
{
  Suite *suite = suite_create ("camerabranch");
  TCase *tests = tcase_create ("restarts");

  suite_add_tcase (suite, tests);
  tcase_set_timeout (tests, 120);
  tcase_add_loop_test (tests, test_a_fault_stays_in_its_branch, 0, G_N_ELEMENTS (faults));
  tcase_add_test (tests, test_a_reason_is_one_warning);
  tcase_add_test (tests, test_a_branch_works_after_a_restart);
  tcase_add_test (tests, test_the_return_is_reported);
  tcase_add_test (tests, test_a_branch_that_ends_is_not_started_again);
  tcase_add_test (tests, test_eos_ends_a_branch_that_is_down);
  tcase_add_loop_test (tests, test_eos_during_restarts, 0, 20);
  tcase_add_test (tests, test_states_during_restarts);
  tcase_add_test (tests, test_an_error_if_all_branches_fail);
  tcase_add_test (tests, test_a_branch_that_works_again_counts);
  tcase_add_test (tests, test_a_refused_setting_is_an_error);
  tcase_add_loop_test (tests, test_buffers_after_a_failed_start, 0, 3);
  tcase_add_loop_test (tests, test_eos_from_outside_during_restarts, 0, 20);
  tcase_add_test (tests, test_eos_from_outside_ends_a_branch_that_is_down);
  tcase_add_test (tests, test_eos_from_outside_beside_a_source);
  tcase_add_loop_test (tests, test_what_the_elements_refuse_is_a_fault, 0, 3);
  tcase_add_test (tests, test_a_failing_source_does_not_end_a_sink_outside);
  tcase_add_test (tests, test_buffers_from_outside);
  tcase_add_test (tests, test_a_sink_outside_ends_after_those_inside);
  tcase_add_test (tests, test_the_end_is_posted_again_after_a_pause);
  tcase_add_loop_test (tests, test_a_stream_that_begins_again, 0, 2);
  tcase_add_loop_test (tests, test_a_stream_that_begins_after_a_failure, 0, 2);
  tcase_add_test (tests, test_a_stream_that_ends_at_once_after_a_failure);
  tcase_add_test (tests, test_a_flush_during_a_restart);
  tcase_add_loop_test (tests, test_the_end_is_forgotten_in_ready, 0, 2);
  tcase_add_test (tests, test_eos_of_one_run_does_not_end_the_next);
  tcase_add_test (tests, test_caps_are_asked_of_the_elements);
  tcase_add_test (tests, test_a_branch_gives_no_clock);
  return suite;
}

GST_CHECK_MAIN (camerabranch)
