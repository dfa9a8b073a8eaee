/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <math.h>
#include <string.h>

#include "elementtest.h"
#include "fogreport.h"
#include "gstkafkameta.h"

#define CAPS_30 "video/x-raw,format=GRAY8,width=16,height=16,framerate=30/1"

static GstBuffer *
frame (guint i)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 256, NULL);

  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (i, GST_SECOND, 30);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / 30;
  return buffer;
}

static GstHarness *
harness (const gchar *launch)
{
  GstHarness *h;
  GstElement *element = gst_parse_launch (launch, NULL);

  h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_set_src_caps_str (h, CAPS_30);
  return h;
}

static guint
push_frames (GstHarness *h, guint from, guint to)
{
  guint before = gst_harness_buffers_received (h);

  for (guint i = from; i < to; i++)
    fail_unless_equals_int (gst_harness_push (h, frame (i)), GST_FLOW_OK);
  return gst_harness_buffers_received (h) - before;
}

static guint64
stat_uint64 (GstElement *element, const gchar *name)
{
  GstStructure *stats;
  guint64 value = G_MAXUINT64;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no %s", name);
  gst_structure_free (stats);
  return value;
}

static gdouble
current_rate (GstElement *element)
{
  gdouble rate;

  g_object_get (element, "current-rate", &rate, NULL);
  return rate;
}

GST_START_TEST (test_decimates_evenly)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=7.3");
  guint frames = push_frames (h, 0, 1800);

  fail_unless (
      frames >= 437 && frames <= 439, "%u of the 1,800 frames of a minute have passed", frames);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "frames-in"), 1800);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "frames-out"), frames);
  g_object_set (h->element, "initial-rate", 30.0, NULL);
  fail_unless (push_frames (h, 1800, 2400) >= 599);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_frames_get_the_headers_from_which_the_fog_makes_its_reports)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=15 camera=cam-1 min-rate=0.5 "
                           "max-rate=20 weight=2");
  g_autofree gchar *session = NULL;

  push_frames (h, 0, 20);
  for (guint64 i = 0; i < 10; i++) {
    GstBuffer *buffer = gst_harness_pull (h);
    guint64 seq;
    gdouble number;

    fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "camera"), "cam-1");
    fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "seq", &seq));
    fail_unless_equals_uint64 (seq, i);
    if (!session)
      session = g_strdup (gst_kafka_meta_get_header (buffer, "session"));
    fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "session"), session);
    fail_unless (gst_kafka_meta_get_header_double (buffer, "rate-min", &number) && number == 0.5);
    fail_unless (gst_kafka_meta_get_header_double (buffer, "rate-max", &number) && number == 20);
    fail_unless (gst_kafka_meta_get_header_double (buffer, "rate-weight", &number) && number == 2);
    fail_if (gst_structure_has_field (gst_kafka_meta_peek (buffer), "target-partition"));
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* --- still pictures --- */

#define SIDE 64
#define CAPS_STILL "video/x-raw,format=GRAY8,width=64,height=64,framerate=30/1"

/* Returns frame number @i: a dark picture with a bright square at @place, or without a square if
 * @place is 0. */
static GstBuffer *
picture (guint i, guint place)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, SIDE * SIDE, NULL);

  gst_buffer_memset (buffer, 0, 60, SIDE * SIDE);
  for (guint y = 16; place && y < 48; y++)
    gst_buffer_memset (buffer, y * SIDE + 8 * place, 200, 24);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (i, GST_SECOND, 30);
  return buffer;
}

static GstHarness *
still_harness (const gchar *more)
{
  g_autofree gchar *launch = g_strdup_printf ("feedbackrate camera=cam-1 %s", more);
  GstHarness *h = harness (launch);

  gst_harness_set_src_caps_str (h, CAPS_STILL);
  return h;
}

static guint
push_pictures (GstHarness *h, guint from, guint to, guint place)
{
  guint before = gst_harness_buffers_received (h);

  for (guint i = from; i < to; i++)
    fail_unless_equals_int (gst_harness_push (h, picture (i, place)), GST_FLOW_OK);
  return gst_harness_buffers_received (h) - before;
}

/* Checks the headers of the next frame; NULL: the frame must not have this header. */
static void
expect_still (GstHarness *h, const gchar *frames, const gchar *time, const gchar *changed)
{
  GstBuffer *buffer = gst_harness_pull (h);

  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "still-interval"), "1000000000");
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "still-frames"), frames);
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "still-time"), time);
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "still-changed"), changed);
  gst_buffer_unref (buffer);
}

GST_START_TEST (test_only_frames_with_a_change_pass)
{
  GstHarness *h = still_harness ("algorithm=fixed initial-rate=30 still-interval=1000000000");

  fail_unless_equals_int (push_pictures (h, 0, 75, 0), 3);
  expect_still (h, NULL, NULL, NULL);
  expect_still (h, "29", "1000000000", "false");
  expect_still (h, "29", "1000000000", "false");
  /* The first frame that differs from a still picture passes, and its header says how long the
   * picture has stood still. */
  fail_unless_equals_int (push_pictures (h, 75, 76, 1), 1);
  expect_still (h, "14", "500000000", "true");
  fail_unless_equals_int (push_pictures (h, 76, 77, 2), 1);
  expect_still (h, NULL, NULL, NULL);
  fail_unless_equals_int (push_pictures (h, 77, 107, 2), 1);
  expect_still (h, "29", "1000000000", "false");
  fail_unless_equals_uint64 (stat_uint64 (h->element, "frames-in"), 107);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "frames-out"), 6);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "frames-still"), 101);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "uncompared-frames"), 0);
  /* If still-interval was set to 0 meanwhile, the element has forgotten the last picture. */
  g_object_set (h->element, "still-interval", G_GUINT64_CONSTANT (0), NULL);
  fail_unless_equals_int (push_pictures (h, 107, 110, 3), 3);
  g_object_set (h->element, "still-interval", GST_SECOND, NULL);
  fail_unless_equals_int (push_pictures (h, 110, 120, 2), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* With still-interval, a changed frame passes at once even at a rate of 2 frames/s, because the
 * frames before it, which were still, have used up no rate. */
GST_START_TEST (test_a_changed_frame_passes_at_once_at_a_low_rate)
{
  GstHarness *h = still_harness ("algorithm=fixed initial-rate=2 still-interval=10000000000");

  for (guint i = 0; i < 40; i++)
    fail_unless_equals_int (push_pictures (h, 30 * i, 30 * i + 1, 1 + i % 4), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* The next frame passes, although its picture is still, after a flush, after other caps, and if its
 * time is before that of the last frame. */
GST_START_TEST (test_the_first_frame_of_a_new_stream_passes)
{
  GstHarness *h = still_harness ("algorithm=fixed initial-rate=30 still-interval=60000000000");
  GstSegment segment;

  fail_unless_equals_int (push_pictures (h, 100, 110, 1), 1);
  fail_unless_equals_int (push_pictures (h, 50, 60, 1), 1);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless_equals_int (push_pictures (h, 60, 70, 1), 1);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=32,height=128,framerate=30/1");
  fail_unless_equals_int (push_pictures (h, 70, 80, 1), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Checks that all frames of @caps pass, because they can't be compared, with one warning. */
static void
expect_uncompared (const gchar *caps)
{
  GstHarness *h = still_harness ("algorithm=fixed initial-rate=30 still-interval=1000000000");
  GstBus *bus = gst_bus_new ();
  g_autofree gchar *text = NULL;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, caps);
  fail_unless_equals_int (push_frames (h, 0, 30), 30);
  text = wait_message (bus, GST_MESSAGE_WARNING, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
  fail_unless (strstr (text, "still-interval") != NULL, "%s", text);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL, "%s", caps);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "uncompared-frames"), 30);
  fail_unless_equals_uint64 (stat_uint64 (h->element, "frames-still"), 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_START_TEST (test_frames_that_cannot_be_compared_pass)
{
  expect_uncompared ("image/jpeg,width=64,height=64,framerate=30/1");
  expect_uncompared ("video/x-raw,format=v210,width=48,height=2,framerate=30/1");
  expect_uncompared ("video/x-raw(memory:DMABuf),format=NV12,width=16,height=8,framerate=30/1");
  /* here the frames have fewer bytes than these caps require */
  expect_uncompared ("video/x-raw,format=GRAY8,width=640,height=480,framerate=30/1");
}
GST_END_TEST;

static gdouble
stat_double (GstElement *element, const gchar *name)
{
  GstStructure *stats;
  gdouble value = NAN;

  g_object_get (element, "stats", &stats, NULL);
  gst_structure_get_double (stats, name, &value);
  gst_structure_free (stats);
  return value;
}

static GstHarness *feedback_of (GstHarness *h);

/* A report of a replica that could count 30 frames a second. */
static GstBuffer *
idle_report (guint64 seq, guint frames)
{
  g_autoptr (FogReport) report = fog_report_new ("fog-1");
  FogReportCamera *camera = fog_report_add_camera (report, "cam-1");
  gsize size;
  gchar *json;

  report->seq = seq;
  report->frames = camera->frames = frames;
  report->busy = frames / 30.0;
  camera->max = 30;
  json = fog_report_to_json (report, &size);
  return gst_buffer_new_wrapped (json, size);
}

/* While a camera's picture stands still, its demand falls, so the fog may get fewer replicas; when
 * the picture changes, the rate is at once the full one again. */
GST_START_TEST (test_a_camera_whose_picture_stands_still_wants_a_lower_rate)
{
  GstHarness *h = still_harness ("initial-rate=30 still-interval=1000000000");
  GstHarness *feedback = feedback_of (h);
  gdouble busy_demand, number;
  GstBuffer *last;

  gst_harness_push (feedback, idle_report (1, 30));
  for (guint i = 0; i < 300; i++)
    push_pictures (h, i, i + 1, 1 + i % 4);
  busy_demand = stat_double (h->element, "demand");
  fail_unless (stat_double (h->element, "wanted") > 29.5);
  for (guint i = 0; i < 150; i++) {
    push_pictures (h, 300 + 30 * i, 330 + 30 * i, 1);
    gst_harness_push (feedback, idle_report (2 + i, 1));
  }
  fail_unless (stat_double (h->element, "wanted") < 1.5, "%g", stat_double (h->element, "wanted"));
  fail_unless (stat_double (h->element, "demand") < busy_demand / 10, "%g of %g",
      stat_double (h->element, "demand"), busy_demand);
  fail_unless (current_rate (h->element) > 20, "%g", current_rate (h->element));
  last = gst_harness_take_all_data_as_buffer (h);
  gst_buffer_unref (last);
  push_pictures (h, 4800, 4801, 2);
  last = gst_harness_pull (h);
  fail_unless (gst_kafka_meta_get_header_double (last, "rate-max", &number) && number < 1.5);
  fail_unless (gst_kafka_meta_get_header_double (last, "rate-min", &number) && number <= 1);
  gst_buffer_unref (last);
  gst_harness_teardown (feedback);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* --- reports --- */

static GstHarness *
feedback_of (GstHarness *h)
{
  GstHarness *feedback = gst_harness_new_with_element (h->element, "feedback", NULL);

  gst_harness_set_src_caps_str (feedback, FOG_REPORT_CAPS);
  return feedback;
}

static GstBuffer *
report_buffer (guint64 seq, guint64 last_seq, guint frames)
{
  g_autoptr (FogReport) report = fog_report_new ("fog-1");
  FogReportCamera *camera = fog_report_add_camera (report, "cam-1");
  gint partition = 7;
  gsize size;
  gchar *json;

  report->seq = seq;
  report->frames = camera->frames = frames;
  report->busy = 1;
  report->lag = 2;
  camera->last_seq = last_seq;
  camera->max = 30;
  g_array_append_val (report->partitions, partition);
  json = fog_report_to_json (report, &size);
  return gst_buffer_new_wrapped (json, size);
}

GST_START_TEST (test_follows_reports)
{
  GstHarness *h = harness ("feedbackrate camera=cam-1 initial-rate=30");
  GstHarness *feedback = feedback_of (h);
  const GstStructure *s;
  GstBuffer *buffer;
  gint partition;

  push_frames (h, 0, 30);
  for (guint i = 1; i < 10; i++)
    gst_harness_push (feedback, report_buffer (i, 0, 6));
  fail_unless (current_rate (h->element) > 4 && current_rate (h->element) < 9.1, "%g",
      current_rate (h->element));
  fail_unless_equals_uint64 (stat_uint64 (h->element, "reports"), 9);
  gst_buffer_unref (gst_harness_take_all_data_as_buffer (h));
  fail_unless (push_frames (h, 30, 90) <= 20);
  buffer = gst_harness_pull (h);
  s = gst_kafka_meta_peek (buffer);
  fail_unless (gst_structure_get_int (s, "target-partition", &partition));
  fail_unless_equals_int (partition, 7);
  gst_buffer_unref (buffer);
  gst_harness_teardown (feedback);
  gst_harness_teardown (h);
}
GST_END_TEST;

static void
note_outcome (gpointer outcome, gint64 offset, GstKafkaAckOutcome what)
{
  *(GstKafkaAckOutcome *) outcome = what;
}

static void
add_ack (GstBuffer *buffer, GstKafkaAckOutcome *outcome)
{
  GstKafkaAck *ack = gst_kafka_ack_new (outcome, 0, note_outcome, NULL);

  *outcome = GST_KAFKA_ACK_FAILED;
  gst_kafka_meta_take_ack (buffer, ack);
}

/* The rate that the camera wants is its largest rate according to the caps. */
GST_START_TEST (test_the_largest_rate_of_a_camera_with_a_variable_rate_is_its_upper_limit)
{
  static const struct {
    const gchar *caps;
    gdouble wanted;
  } cases[] = {{"framerate=0/1,max-framerate=60/1", 60}, {"framerate=0/1,max-framerate=25/2", 12.5},
      {"framerate=0/1", 30}, {"framerate=0/1,max-framerate=0/1", 30},
      {"framerate=50/1,max-framerate=60/1", 50}, {"framerate=0/1,max-framerate=10000/1", 10000},
      {"framerate=0/1,max-framerate=10001/1", 30}, {"framerate=0/1,max-framerate=2147483647/1", 30},
      {"framerate=2147483647/1", 30}};

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree gchar *caps =
        g_strdup_printf ("video/x-raw,format=GRAY8,width=16,height=16,%s", cases[i].caps);
    GstElement *element = gst_element_factory_make ("feedbackrate", NULL);
    GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
    GstStructure *stats;
    gdouble wanted;

    gst_harness_set_src_caps_str (h, caps);
    g_object_get (element, "stats", &stats, NULL);
    fail_unless (gst_structure_get_double (stats, "wanted", &wanted));
    fail_unless (wanted == cases[i].wanted, "%s: %g", cases[i].caps, wanted);
    gst_structure_free (stats);
    gst_harness_teardown (h);
    gst_object_unref (element);
  }
}
GST_END_TEST;

/* No frame of a source with a variable rate is dropped if initial-rate is the caps'
 * max-framerate. */
GST_START_TEST (test_no_frame_of_a_variable_rate_is_dropped_below_its_upper_limit)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=60");
  guint before = gst_harness_buffers_received (h);

  gst_harness_set_src_caps_str (
      h, "video/x-raw,format=GRAY8,width=16,height=16,framerate=0/1,max-framerate=60/1");
  for (guint i = 0; i < 120; i++) {
    GstBuffer *buffer = frame (0);

    GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (i, GST_SECOND, 60);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  fail_unless (gst_harness_buffers_received (h) - before >= 118);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_invalid_reports_are_counted_and_marked_done)
{
  static const gchar *const texts[] = {"", "{", "[]", "null", "{\"replica\":7}",
      "{\"replica\":\"a\",\"frames\":-1}", "{\"replica\":\"a\",\"busy\":1e999}", "\xff\xfe"};
  GstHarness *h = harness ("feedbackrate camera=cam-1");
  GstHarness *feedback = feedback_of (h);
  gdouble before = current_rate (h->element);
  GstBus *bus = gst_bus_new ();
  GstKafkaAckOutcome outcome;

  gst_element_set_bus (h->element, bus);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, strlen (texts[i]), NULL);

    gst_buffer_fill (buffer, 0, texts[i], strlen (texts[i]));
    add_ack (buffer, &outcome);
    fail_unless_equals_int (gst_harness_push (feedback, buffer), GST_FLOW_OK);
    fail_unless_equals_int (outcome, GST_KAFKA_ACK_DONE);
  }
  fail_unless_equals_uint64 (stat_uint64 (h->element, "bad-reports"), G_N_ELEMENTS (texts));
  fail_unless (current_rate (h->element) == before);
  /* warnings are posted for the 1st, 2nd, 4th and 8th invalid report */
  for (guint i = 0; i < 4; i++)
    g_free (wait_message (bus, GST_MESSAGE_WARNING, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE));
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (feedback);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_a_dropped_frame_is_marked_done)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=1");
  GstBuffer *buffer = frame (1);
  GstKafkaAckOutcome outcome;

  push_frames (h, 0, 1);
  add_ack (buffer, &outcome);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_received (h), 1);
  fail_unless_equals_int (outcome, GST_KAFKA_ACK_DONE);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_eos_of_the_reports_does_not_end_the_stream)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=30");
  GstHarness *feedback = feedback_of (h);
  GstEvent *event;

  gst_harness_push_event (feedback, gst_event_new_eos ());
  fail_unless (push_frames (h, 0, 10) >= 9);
  while ((event = gst_harness_try_pull_event (h))) {
    fail_if (GST_EVENT_TYPE (event) == GST_EVENT_EOS);
    gst_event_unref (event);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((event = gst_harness_pull_event (h)) && GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    gst_event_unref (event);
  fail_unless (event != NULL);
  gst_event_unref (event);
  gst_harness_teardown (feedback);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_a_throttle_event_lowers_the_rate)
{
  GstHarness *h = harness ("feedbackrate algorithm=adaptive initial-rate=30");

  gst_harness_push_upstream_event (
      h, gst_event_new_qos (GST_QOS_TYPE_THROTTLE, 1.0, GST_SECOND / 5, 0));
  fail_unless (current_rate (h->element) > 4.9 && current_rate (h->element) < 5.1);
  fail_unless_equals_int (
      gst_harness_upstream_events_received (h), 1); /* harness' own RECONFIGURE */
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_a_change_of_the_rate_is_posted)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=12");
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  gdouble rate;

  gst_element_set_bus (h->element, bus);
  push_frames (h, 0, 2);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  fail_unless (message && gst_message_has_name (message, "feedbackrate"));
  fail_unless (gst_structure_get_double (gst_message_get_structure (message), "rate", &rate));
  fail_unless (rate == 12);
  fail_unless (gst_structure_has_field (gst_message_get_structure (message), "capacity"));
  /* Without any report the fog's capacity is unknown, so the message has no field demand. */
  fail_if (gst_structure_has_field (gst_message_get_structure (message), "demand"));
  gst_message_unref (message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* --- the source --- */

typedef struct {
  GstElement *pipeline, *rate;
  GMutex lock;
  GCond changed;
  gint fps; /* the source's rate, as its caps say */
  guint reconfigures;
} Camera;

static GstPadProbeReturn
watch_source (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Camera *camera = data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstCaps *caps;

  g_mutex_lock (&camera->lock);
  if (GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE)
    camera->reconfigures++;
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gint d;

    gst_event_parse_caps (event, &caps);
    gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &camera->fps, &d);
  }
  g_cond_broadcast (&camera->changed);
  g_mutex_unlock (&camera->lock);
  return GST_PAD_PROBE_OK;
}

static void
camera_start (Camera *camera, const gchar *launch)
{
  GstPad *pad;

  memset (camera, 0, sizeof *camera);
  g_mutex_init (&camera->lock);
  g_cond_init (&camera->changed);
  camera->pipeline = gst_parse_launch (launch, NULL);
  camera->rate = gst_bin_get_by_name (GST_BIN (camera->pipeline), "rate");
  pad = gst_element_get_static_pad (camera->rate, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_BOTH, watch_source, camera, NULL);
  gst_object_unref (pad);
  fail_if (gst_element_set_state (camera->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
}

static void
camera_wait (Camera *camera, gint fps)
{
  gint64 deadline = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;

  g_mutex_lock (&camera->lock);
  while (camera->fps != fps && g_cond_wait_until (&camera->changed, &camera->lock, deadline))
    ;
  fail_unless_equals_int (camera->fps, fps);
  g_mutex_unlock (&camera->lock);
}

static void
camera_stop (Camera *camera)
{
  GstBus *bus = gst_element_get_bus (camera->pipeline);
  GstMessage *error = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  fail_if (error != NULL, "%s",
      error ? gst_structure_to_string (gst_message_get_structure (error)) : "");
  gst_object_unref (bus);
  fail_unless_equals_int (
      gst_element_set_state (camera->pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (camera->rate);
  gst_object_unref (camera->pipeline);
  g_cond_clear (&camera->changed);
  g_mutex_clear (&camera->lock);
}

#define LISTED                                                                                     \
  "videotestsrc is-live=true ! "                                                                   \
  "video/x-raw,format=I420,width=64,height=48,framerate=(fraction){5/1,10/1,15/1,30/1} ! "

GST_START_TEST (test_the_source_is_renegotiated_to_the_nearest_sufficient_rate)
{
  Camera camera;

  camera_start (&camera,
      LISTED "feedbackrate name=rate algorithm=fixed initial-rate=30 min-dwell=0 "
             "! fakesink sync=false");
  camera_wait (&camera, 30);
  g_object_set (camera.rate, "initial-rate", 7.0, NULL);
  camera_wait (&camera, 10);
  g_object_set (camera.rate, "initial-rate", 0.5, NULL);
  camera_wait (&camera, 5);
  g_object_set (camera.rate, "initial-rate", 30.0, NULL);
  camera_wait (&camera, 30);
  fail_unless (stat_uint64 (camera.rate, "source-changes") >= 2);
  fail_unless (camera.reconfigures <= 5, "%u", camera.reconfigures);
  camera_stop (&camera);
}
GST_END_TEST;

GST_START_TEST (test_the_source_slows_down_although_downstream_requires_its_framerate)
{
  Camera camera;

  camera_start (&camera,
      LISTED "feedbackrate name=rate algorithm=fixed initial-rate=30 min-dwell=0 ! "
             "video/x-raw,framerate=30/1 ! fakesink sync=false");
  camera_wait (&camera, 30);
  g_object_set (camera.rate, "initial-rate", 9.0, NULL);
  camera_wait (&camera, 10);
  camera_stop (&camera);
}
GST_END_TEST;

GST_START_TEST (test_a_source_with_a_single_rate_is_not_renegotiated)
{
  GstHarness *h = harness ("feedbackrate algorithm=fixed initial-rate=10 min-dwell=0");
  guint events = gst_harness_upstream_events_received (h);

  fail_unless (push_frames (h, 0, 300) >= 99);
  fail_unless_equals_int (gst_harness_upstream_events_received (h), events);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (test_changes_of_the_source_rate_keep_the_minimum_interval)
{
  Camera camera;

  camera_start (&camera, LISTED "feedbackrate name=rate algorithm=fixed initial-rate=4 "
                                "min-dwell=3600000000000 ! fakesink sync=false");
  camera_wait (&camera, 5);
  g_object_set (camera.rate, "initial-rate", 30.0, NULL);
  g_usleep (1500000);
  fail_unless_equals_int (camera.fps, 5);
  camera_stop (&camera);
}
GST_END_TEST;

/* --- the log --- */

/* The log has a line for each decision of the element, with the numbers from which it was made. */
GST_START_TEST (test_the_log_describes_the_rate)
{
  static const gchar *const story[] = {"INFO  camera cam-1, session ",
      "algorithm adaptive, 30.00 frames/s", "INFO  the source gives 30/1 frames/s",
      "LOG   passes at 30.00 frames/s to partition -1: buffer",
      "DEBUG took report 1 of fog-1: 6 frames in 1.00 s, busy 1.00 s of 1 workers, lag 2",
      "frames/s, bound by the fog: 1 replicas with ", "DEBUG ignored the old report 1 of fog-1",
      "DEBUG skipped a report: ", "DEBUG downstream takes 5.00 frames/s", "LOG   dropped buffer",
      NULL};
  GstHarness *h, *feedback;

  record_log ("feedbackrate", GST_LEVEL_LOG);
  h = harness ("feedbackrate camera=cam-1 initial-rate=30");
  feedback = feedback_of (h);
  push_frames (h, 0, 5);
  gst_harness_push (feedback, report_buffer (1, 0, 6));
  gst_harness_push (feedback, report_buffer (1, 0, 6));
  gst_harness_push (feedback, gst_buffer_new_wrapped (g_strdup ("{"), 1));
  gst_harness_push_upstream_event (
      h, gst_event_new_qos (GST_QOS_TYPE_THROTTLE, 1, 200 * GST_MSECOND, 0));
  push_frames (h, 5, 30);
  expect_log (story);
  gst_harness_teardown (feedback);
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
feedbackrate_suite (void)
{
  Suite *suite = suite_create ("feedbackrate");
  TCase *tcase = tcase_create ("feedbackrate");

  gst_kafka_meta_register ();
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_only_frames_with_a_change_pass);
  tcase_add_test (tcase, test_a_changed_frame_passes_at_once_at_a_low_rate);
  tcase_add_test (tcase, test_the_first_frame_of_a_new_stream_passes);
  tcase_add_test (tcase, test_frames_that_cannot_be_compared_pass);
  tcase_add_test (tcase, test_a_camera_whose_picture_stands_still_wants_a_lower_rate);
  tcase_add_test (tcase, test_decimates_evenly);
  tcase_add_test (tcase, test_frames_get_the_headers_from_which_the_fog_makes_its_reports);
  tcase_add_test (tcase, test_follows_reports);
  tcase_add_test (tcase, test_the_largest_rate_of_a_camera_with_a_variable_rate_is_its_upper_limit);
  tcase_add_test (tcase, test_no_frame_of_a_variable_rate_is_dropped_below_its_upper_limit);
  tcase_add_test (tcase, test_invalid_reports_are_counted_and_marked_done);
  tcase_add_test (tcase, test_a_dropped_frame_is_marked_done);
  tcase_add_test (tcase, test_eos_of_the_reports_does_not_end_the_stream);
  tcase_add_test (tcase, test_a_throttle_event_lowers_the_rate);
  tcase_add_test (tcase, test_a_change_of_the_rate_is_posted);
  tcase_add_test (tcase, test_the_source_is_renegotiated_to_the_nearest_sufficient_rate);
  tcase_add_test (tcase, test_the_source_slows_down_although_downstream_requires_its_framerate);
  tcase_add_test (tcase, test_a_source_with_a_single_rate_is_not_renegotiated);
  tcase_add_test (tcase, test_changes_of_the_source_rate_keep_the_minimum_interval);
  tcase_add_test (tcase, test_the_log_describes_the_rate);
  return suite;
}

GST_CHECK_MAIN (feedbackrate);
