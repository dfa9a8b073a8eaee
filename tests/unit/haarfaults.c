/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of haarfacecount with faults: bad frames and cascades, blocked downstream elements, flushes
 * and stops at any time. */
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elementtest.h"
#include "haarframes.h"

GST_START_TEST (test_a_frame_shorter_than_its_caps_is_skipped)
{
  GstElement *element = make_element ();
  GstBus *bus = gst_bus_new ();
  GstHarness *h;
  GstBuffer *frame = make_acked_frame (TRUE, 0);
  GstVideoCropMeta *crop;

  gst_element_set_bus (element, bus);
  h = make_harness (element, "src");
  acks_done = 0;
  gst_buffer_set_size (frame, SIDE * SIDE - 1);
  gst_harness_push (h, frame);
  frame = make_padded_frame ();
  gst_buffer_set_size (frame, 64 * 48 - 5);
  gst_harness_push (h, frame);
  frame = make_padded_frame ();
  crop = gst_buffer_add_video_crop_meta (frame);
  crop->x = 60;
  crop->width = crop->height = 4;
  gst_harness_push (h, frame);
  gst_harness_push (h, make_frame (TRUE, 9));
  frame = gst_harness_pull (h);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), 360 * GST_MSECOND);
  gst_buffer_unref (frame);
  fail_unless_equals_uint64 (get_stat (element, "bad-frames"), 3);
  fail_unless_equals_int (acks_done, 1);
  expect_warning (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* An allocator whose memory can't be mapped, as that of a device that was removed. */
typedef GstAllocator Refuser;
typedef GstAllocatorClass RefuserClass;

static GType refuser_get_type (void);
G_DEFINE_TYPE (Refuser, refuser, GST_TYPE_ALLOCATOR)

static gpointer
refuse_map (GstMemory *memory, gsize size, GstMapFlags flags)
{
  return NULL;
}

static void
free_memory (GstAllocator *allocator, GstMemory *memory)
{
  g_free (memory);
}

static void
refuser_class_init (RefuserClass *klass)
{
  klass->free = free_memory;
}

static void
refuser_init (Refuser *self)
{
  self->mem_map = refuse_map;
}

static GstBuffer *
make_unmappable_frame (GstAllocator *allocator)
{
  GstMemory *memory = g_new0 (GstMemory, 1);
  GstBuffer *frame = gst_buffer_new ();

  gst_memory_init (
      memory, GST_MEMORY_FLAG_NO_SHARE, allocator, NULL, SIDE * SIDE, 0, 0, SIDE * SIDE);
  gst_buffer_append_memory (frame, memory);
  return frame;
}

GST_START_TEST (test_memory_that_cant_be_mapped_is_skipped)
{
  GstElement *element = make_element ();
  GstBus *bus = gst_bus_new ();
  GstAllocator *allocator = gst_object_ref_sink (g_object_new (refuser_get_type (), NULL));
  GstHarness *h;

  gst_element_set_bus (element, bus);
  h = make_harness (element, "src");
  gst_harness_push (h, make_unmappable_frame (allocator));
  gst_harness_push (h, make_frame (TRUE, 9));
  gst_buffer_unref (gst_harness_pull (h));
  fail_unless_equals_uint64 (get_stat (element, "bad-frames"), 1);
  expect_warning (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
  gst_object_unref (allocator);
}
GST_END_TEST;

/* --- samples --- */

static void
write_deep (guint8 *sample, gboolean little, guint value)
{
  if (little)
    GST_WRITE_UINT16_LE (sample, value);
  else
    GST_WRITE_UINT16_BE (sample, value);
}

static GstBuffer *
make_deep_frame (gboolean little, guint left, guint right)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 2 * SIDE * SIDE, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (guint i = 0; i < SIDE * SIDE; i++)
    write_deep (map.data + 2 * i, little, i % SIDE < SIDE / 2 ? left : right);
  gst_buffer_unmap (frame, &map);
  return frame;
}

/* Faces are found although samples of GRAY16 often have only the 10 or 12 bits of the sensor. The
 * last of the pictures is dark all over, so it shows no face. */
GST_START_TEST (test_faces_are_found_in_samples_of_fewer_bits_than_their_caps_say)
{
  static const guint sides[][2] = {
      {250, 50}, {1000, 200}, {4000, 800}, {16000, 3000}, {65535, 10000}, {0x8000, 0x4000}, {0, 0}};
  gboolean little = __i__ == 0;
  GstElement *element = make_element ();
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
  g_autofree gchar *caps =
      g_strdup_printf ("video/x-raw,format=GRAY16_%s,width=%d,height=%d,framerate=25/1",
          little ? "LE" : "BE", SIDE, SIDE);

  g_object_set (element, "min-faces", 0, NULL);
  gst_harness_set_src_caps_str (h, caps);
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++) {
    gst_harness_push (h, make_deep_frame (little, sides[i][0], sides[i][1]));
    gst_buffer_unref (gst_harness_pull (h));
    fail_unless_equals_uint64 (get_stat (element, "faces"), MIN (i + 1, G_N_ELEMENTS (sides) - 1));
  }
  end_harness (h, element);
}
GST_END_TEST;

/* --- cascades --- */

GST_START_TEST (test_no_such_cascade)
{
  GstElement *element = make_element ();

  g_object_set (element, "cascade", "no-such-cascade", NULL);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "");
  element = make_element ();
  g_object_set (element, "cascade", "/no/such/cascade.xml", NULL);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND, "");
}
GST_END_TEST;

GST_START_TEST (test_min_size_above_max_size_is_an_error_at_the_start)
{
  GstElement *element = make_element ();

  g_object_set (element, "min-size", 31, "max-size", 30, NULL);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "");
}
GST_END_TEST;

/* Returns the size of the first box in a picture with faces of all sizes. */
static gint64
find_width (GstHarness *h)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 60 * 60, NULL), *document;
  JsonParser *parser = json_parser_new ();
  JsonArray *boxes;
  gint64 width;

  for (gsize y = 0; y < 60; y++) {
    gst_buffer_memset (frame, 60 * y, 200, 30);
    gst_buffer_memset (frame, 60 * y + 30, 40, 30);
  }
  gst_harness_push (h, frame);
  document = gst_harness_pull (h);
  boxes = json_object_get_array_member (parse (parser, document), "boxes");
  width = json_object_get_int_member (json_array_get_object_element (boxes, 0), "w");
  gst_buffer_unref (document);
  g_object_unref (parser);
  return width;
}

static void
expect_refusal (GstBus *bus)
{
  g_autofree gchar *text =
      wait_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);

  fail_unless (strstr (text, "min-size 50 and max-size 40:") != NULL, "%s", text);
}

GST_START_TEST (test_sizes_that_exclude_every_face_are_not_used)
{
  GstElement *element = make_element ();
  GstBus *bus = gst_bus_new ();
  GstHarness *h;

  gst_element_set_bus (element, bus);
  g_object_set (element, "max-size", 25, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  set_caps (h, 60, 60);
  fail_unless (find_width (h) <= 25);
  g_object_set (element, "min-size", 50, "max-size", 40, NULL);
  fail_unless (find_width (h) <= 25);
  expect_refusal (bus);
  /* Another property still applies at once, and the sizes that were in use before the refused ones
   * stay in use. */
  g_object_set (element, "scale-factor", 1.2, NULL);
  fail_unless (find_width (h) <= 25);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  g_object_set (element, "max-size", 60, NULL);
  fail_unless (find_width (h) >= 50);
  g_object_set (element, "max-size", 40, NULL);
  fail_unless (find_width (h) >= 50);
  expect_refusal (bus);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_frames_smaller_than_min_size_are_counted_with_a_warning)
{
  GstElement *element = make_element ();
  GstBus *bus = gst_bus_new ();
  GstHarness *h;
  guint64 faces;

  gst_element_set_bus (element, bus);
  /* Frames smaller than min-size are counted without a search, and the 1st, 2nd and 4th of them are
   * reported; frames of another camera, which are larger, are searched. */
  g_object_set (element, "min-faces", 0, "min-size", 30, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  set_caps (h, 60, 60);
  fail_unless (find_width (h) >= 30);
  faces = get_stat (element, "faces");
  set_caps (h, SIDE, SIDE);
  for (guint i = 0; i < 5; i++) {
    gst_harness_push (h, make_frame (TRUE, i));
    gst_buffer_unref (gst_harness_pull (h));
  }
  fail_unless_equals_uint64 (get_stat (element, "faces"), faces);
  set_caps (h, 60, 60);
  fail_unless (find_width (h) >= 30);
  fail_unless_equals_uint64 (get_stat (element, "frames"), 7);
  fail_unless_equals_uint64 (get_stat (element, "too-small"), 5);
  for (guint i = 0; i < 3; i++)
    expect_warning (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* A cascade whose feature type isn't HAAR is an error with every engine, whether the cascade is
 * trusted or not. */
GST_START_TEST (test_a_cascade_of_another_feature_type_is_an_error)
{
  static const gchar *const engines[] = {"auto", "opencv", "native"};
  static const gchar *const types[] = {"HOG", " HOG\n", "HAARLIKE", ""};
  GString *text = g_string_new (HAAR_STUMP);

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    g_autofree gchar *type = g_strdup_printf ("<featureType>%s</featureType>", types[i]);

    g_string_assign (text, HAAR_STUMP);
    g_string_replace (text, "<featureType>HAAR</featureType>", type, 1);
    fail_unless (g_file_set_contents (cascade, text->str, -1, NULL));
    for (guint j = 0; j < 2 * G_N_ELEMENTS (engines); j++) {
      GstElement *element = make_element ();

      gst_util_set_object_arg (G_OBJECT (element), "engine", engines[j / 2]);
      g_object_set (element, "trust-cascade", j % 2, NULL);
      expect_no_start (
          element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "has features of the type");
    }
  }
  g_string_free (text, TRUE);
}
GST_END_TEST;

GST_START_TEST (test_a_file_that_is_no_cascade_is_an_error)
{
  g_autofree gchar *fifo = g_build_filename (dir, "fifo", NULL);
  GstElement *element = make_element ();

  fail_unless (g_file_set_contents (cascade, "<?xml version=\"1.0\"?><html/>", -1, NULL));
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "");
  element = make_element ();
  g_object_set (element, "cascade", dir, NULL);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "");
  /* A FIFO to which no process writes must not block the element's start. */
  fail_unless_equals_int (mkfifo (fifo, 0600), 0);
  element = make_element ();
  g_object_set (element, "cascade", fifo, NULL);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "");
  g_remove (fifo);
  fail_unless_equals_int (truncate (cascade, 17 * 1024 * 1024), 0);
  expect_no_start (make_element (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "");
}
GST_END_TEST;

#ifdef HAVE_HAAR_OPENCV
GST_START_TEST (test_opencv_loads_an_unknown_cascade_only_if_it_is_trusted)
{
  GstElement *element = make_element ();
  GstHarness *h;

  gst_util_set_object_arg (G_OBJECT (element), "engine", "opencv");
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED, "");
  element = make_element ();
  gst_util_set_object_arg (G_OBJECT (element), "engine", "opencv");
  g_object_set (element, "trust-cascade", TRUE, NULL);
  h = make_harness (element, "src");
  gst_harness_push (h, make_frame (TRUE, 0));
  gst_buffer_unref (gst_harness_pull (h));
  end_harness (h, element);
}
GST_END_TEST;
#endif

/* --- flow returns, flushes and stops --- */

static gpointer
push_many (gpointer data)
{
  GstHarness *h = data;

  for (guint i = 0; i < 100; i++) {
    GstFlowReturn ret = gst_harness_push (h, make_frame (TRUE, i));

    if (ret != GST_FLOW_OK)
      return GINT_TO_POINTER (ret);
  }
  return GINT_TO_POINTER (GST_FLOW_OK);
}

GST_START_TEST (test_a_blocked_downstream_element_blocks_the_sender_until_a_flush)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  GstPad *src = gst_element_get_static_pad (element, "src");
  gulong id = gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, block, NULL, NULL);
  GThread *sender = g_thread_new ("sender", push_many, h);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  g_usleep (50000);
  fail_unless (get_stat (element, "frames") < 10);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (sender)), GST_FLOW_FLUSHING);
  gst_pad_remove_probe (src, id);
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, make_frame (TRUE, 500));
  fail_unless_equals_int (GPOINTER_TO_INT (push_many (h)), GST_FLOW_OK);
  gst_object_unref (src);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_flushes_while_workers_are_busy)
{
  const gint side = 160;
  GstElement *element = make_element ();
  GstHarness *h;
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  g_object_set (element, "workers", 4, "min-faces", 0, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  set_caps (h, side, side);
  for (guint i = 0; i < 50; i++) {
    for (guint j = 0; j <= 4; j++) {
      GstBuffer *frame = gst_buffer_new_allocate (NULL, (gsize) (side * side), NULL);

      gst_buffer_memset (frame, 0, 90, (gsize) (side * side));
      GST_BUFFER_PTS (frame) = i * GST_SECOND + j * GST_MSECOND;
      if (j == 4) {
        gst_harness_push_event (h, gst_event_new_flush_start ());
        while (gst_harness_buffers_in_queue (h) > 0)
          gst_buffer_unref (gst_harness_pull (h));
        gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
        gst_harness_push_event (h, gst_event_new_segment (&segment));
      }
      fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
    }
    /* The first document after a flush is that of the frame that was pushed after the flush. */
    GstBuffer *document = gst_harness_pull (h);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (document), i * GST_SECOND + 4 * GST_MSECOND);
    gst_buffer_unref (document);
  }
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_a_flush_removes_no_sticky_event)
{
  GstElement *element = make_element ();
  GstPad *src = gst_element_get_static_pad (element, "src");
  gulong id = gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, block, NULL, NULL);
  GstHarness *h = make_harness (element, "src");
  GstSegment segment;
  GstCaps *caps;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_pad_remove_probe (src, id);
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_push (h, make_frame (TRUE, 0));
  gst_buffer_unref (gst_harness_pull (h));
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (caps != NULL);
  gst_caps_unref (caps);
  gst_object_unref (src);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_the_element_stops_while_downstream_is_blocked)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "src");
  GstPad *src = gst_element_get_static_pad (element, "src");
  GThread *sender;

  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, block, NULL, NULL);
  sender = g_thread_new ("sender", push_many, h);
  g_usleep (20000);
  gst_element_set_state (element, GST_STATE_NULL);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (sender)), GST_FLOW_FLUSHING);
  gst_object_unref (src);
  end_harness (h, element);
}
GST_END_TEST;

/* Returns GStreamer's leaks tracer, or NULL if it isn't active. */
static GObject *
find_leaks_tracer (void)
{
  GList *tracers = gst_tracing_get_active_tracers ();
  GObject *found = NULL;

  for (GList *l = tracers; l; l = l->next)
    if (!found && g_strcmp0 (G_OBJECT_TYPE_NAME (l->data), "GstLeaksTracer") == 0)
      found = g_object_ref (l->data);
  g_list_free_full (tracers, gst_object_unref);
  return found;
}

/* Checks that as many objects and mini-objects were freed as were created since tracking began. */
static void
assert_no_leaks (GObject *tracer)
{
  GstStructure *activity = NULL;
  guint created, removed;

  gst_task_cleanup_all ();
  g_signal_emit_by_name (tracer, "activity-get-checkpoint", &activity);
  created = gst_value_list_get_size (gst_structure_get_value (activity, "objects-created-list"));
  removed = gst_value_list_get_size (gst_structure_get_value (activity, "objects-removed-list"));
  gst_structure_free (activity);
  g_signal_emit_by_name (tracer, "activity-stop-tracking");
  fail_unless (created > 0);
  fail_unless_equals_int (removed, created);
  if (g_getenv ("HAAR_CYCLES"))
    g_print ("objects created: %u, gone again: %u\n", created, removed);
}

/* Starts and stops the element HAAR_CYCLES times (an environment variable; default 100), with a
 * check for leaks if GStreamer's leaks tracer is active. */
GST_START_TEST (test_many_starts_and_stops_leak_no_object)
{
  GstElement *element = make_element ();
  GObject *tracer = find_leaks_tracer ();
  const gchar *wanted = g_getenv ("HAAR_CYCLES");
  guint64 cycles = wanted ? g_ascii_strtoull (wanted, NULL, 10) : 100;

  for (guint64 i = 0; i < cycles; i++) {
    GstHarness *h = make_harness (element, "src");

    gst_harness_push (h, make_frame (TRUE, 0));
    if (i % 2)
      gst_buffer_unref (gst_harness_pull (h));
    gst_harness_teardown (h);
    /* Tracking of leaks begins after the second start, when objects that are created only once
     * exist. */
    if (tracer && i == 1) {
      gst_task_cleanup_all ();
      g_signal_emit_by_name (tracer, "activity-start-tracking");
    }
  }
  if (tracer)
    assert_no_leaks (tracer);
  g_clear_object (&tracer);
  gst_object_unref (element);
}
GST_END_TEST;

static Suite *
haarfaults_suite (void)
{
  Suite *s = suite_create ("haarfaults");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_a_frame_shorter_than_its_caps_is_skipped);
  tcase_add_test (tc, test_memory_that_cant_be_mapped_is_skipped);
  tcase_add_loop_test (tc, test_faces_are_found_in_samples_of_fewer_bits_than_their_caps_say, 0, 2);
  tcase_add_test (tc, test_no_such_cascade);
  tcase_add_test (tc, test_min_size_above_max_size_is_an_error_at_the_start);
  tcase_add_test (tc, test_sizes_that_exclude_every_face_are_not_used);
  tcase_add_test (tc, test_frames_smaller_than_min_size_are_counted_with_a_warning);
  tcase_add_test (tc, test_a_cascade_of_another_feature_type_is_an_error);
  tcase_add_test (tc, test_a_file_that_is_no_cascade_is_an_error);
#ifdef HAVE_HAAR_OPENCV
  tcase_add_test (tc, test_opencv_loads_an_unknown_cascade_only_if_it_is_trusted);
#endif
  tcase_add_test (tc, test_a_blocked_downstream_element_blocks_the_sender_until_a_flush);
  tcase_add_test (tc, test_flushes_while_workers_are_busy);
  tcase_add_test (tc, test_a_flush_removes_no_sticky_event);
  tcase_add_test (tc, test_the_element_stops_while_downstream_is_blocked);
  tcase_add_test (tc, test_many_starts_and_stops_leak_no_object);
  return s;
}

GST_CHECK_MAIN (haarfaults);
