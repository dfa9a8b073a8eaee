/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where one stream ends in haarfacecount and the next begins: drains, and streams one after the other. */
#include <gst/check/gstcheck.h>

#include "haarframes.h"

typedef struct {
  GstElement *element;
  GstHarness *h, *video;
  GstPad *pad; /* the element's video */
  gint drains; /* that its reader was asked for */
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

GST_START_TEST (test_a_drain_waits_for_both_readers)
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

static GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_OK;
}

/* Whoever drains while the video's reader stands still. */
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

GST_START_TEST (test_a_flush_ends_a_drain)
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

GST_START_TEST (test_a_stop_ends_a_drain)
{
  Split split;
  gulong id;
  GThread *drainer = begin_stuck_drain (&split, &id);

  gst_element_set_state (split.element, GST_STATE_NULL);
  fail_unless (g_thread_join (drainer) == NULL);
  split_clear (&split);
}
GST_END_TEST;

GST_START_TEST (test_a_drain_waits_for_no_reader_that_left)
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

static Suite *
haarstreams_suite (void)
{
  Suite *s = suite_create ("haarstreams");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_a_drain_waits_for_both_readers);
  tcase_add_test (tc, test_a_flush_ends_a_drain);
  tcase_add_test (tc, test_a_stop_ends_a_drain);
  tcase_add_test (tc, test_a_drain_waits_for_no_reader_that_left);
  return s;
}

GST_CHECK_MAIN (haarstreams);
