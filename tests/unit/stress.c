/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests every element with gst_harness_stress_*: several threads push buffers, flush, seek, change
 * states, properties and caps, and request pads at the same time; afterwards the element has to
 * work as before. The environment variable STRESS_SECONDS sets how long each test takes. */
#include <glib/gstdio.h>
#include <gst/check/gstharness.h>
#include <string.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "haarstump.h"
#include "kafkamock.h"
#include "mongomock.h"
#include "rtspmock.h"

#define TOPIC "t"
#define MESSAGES 20
#define STRESS_US (G_USEC_PER_SEC / 2)
#define PAUSE_US 200   /* time (us) between two calls of a thread */
#define AWAY_US 20000  /* time (us) for which the camera closes connections */
#define THERE_US 50000 /* time (us) for which the camera keeps connections open */
#define FRAME (HAAR_STUMP_SIDE * HAAR_STUMP_SIDE * 2)

#define GRAY(w, h, rate)                                                                           \
  "video/x-raw,format=GRAY8,width=" G_STRINGIFY (w) ",height=" G_STRINGIFY (h) ",framerate=" rate

typedef struct {
  /* pipeline, in which %s is the address of the mock server, or the path of the cascade */
  const gchar *line;
  const gchar *sink;    /* (nullable) */
  const gchar *src;     /* (nullable) */
  const gchar *caps[2]; /* a buffer fits both */
  const gchar *value;   /* content of a buffer; NULL: a frame */
  const gchar *request; /* (nullable) template of the pads to request */
} Case;

static const Case cases[] = {
    {"kafkasink topic=" TOPIC " bootstrap-servers=%s linger=0", "sink", NULL,
        {"image/jpeg,width=1", "image/jpeg,width=2"}, "value", NULL},
    {"mongosink uri=%s collection=c", "sink", NULL, {"application/json", "application/x-ndjson"},
        "{\"a\":1}", "rejects"},
    {"haarfacecount cascade=%s min-size=0 min-neighbors=0 min-faces=0", "sink", "src",
        {GRAY (40, 20, "25/1"), GRAY (20, 40, "30/1")}, NULL, "rate"},
    {"haarfacecount cascade=%s min-size=0 min-faces=0 workers=2 report-interval=100000000", "sink",
        "src", {GRAY (40, 20, "25/1"), GRAY (20, 40, "30/1")}, NULL, "video"},
    {"feedbackrate name=rate algorithm=fixed initial-rate=1000 max-rate=1000", "sink", "src",
        {GRAY (40, 20, "25/1"), GRAY (20, 40, "30/1")}, NULL, NULL},
    {"feedbackrate name=rate", "feedback", NULL,
        {"application/json,schema=fog-report", "application/json,schema=fog-report,n=1"},
        "{\"replica\":\"r\",\"seq\":1,\"interval\":1,\"frames\":9,\"busy\":1,\"workers\":1}", NULL},
    {"kafkasrc topic=" TOPIC " bootstrap-servers=%s auto-offset-reset=earliest", NULL, "src",
        {NULL}, NULL, "rejects"},
    {"kafkasrc topic=" TOPIC " bootstrap-servers=%s replay=true", NULL, "src", {NULL}, NULL,
        "rejects"},
    {"scenesrc location=" HAAR_PORTRAIT, NULL, "src", {NULL}, NULL, NULL},
    {"ipcamerasrc uri=%s transport=tcp", NULL, "src", {NULL}, NULL, NULL},
};

static const Case *now; /* the case under test */
static KafkaMock kafka;
static MongoMock *mongo;
static RtspMock *camera;
static gchar *dir, *place; /* @place: the address of the server, or the path of the cascade */
static GstElement *element;
static GstHarness *h;
static GstBus *bus;
static gint pushed;        /* atomic */
static GPtrArray *threads; /* GstHarnessThread */

static gboolean
is_element (const gchar *prefix)
{
  return g_str_has_prefix (now->line, prefix);
}

static void
start_kafka (void)
{
  kafka_mock_start (&kafka, TOPIC, 1);
  for (gint i = 0; is_element ("kafkasrc") && i < MESSAGES; i++)
    kafka_mock_produce (&kafka, TOPIC, 0, NULL, "value", 5, 1000 + i, NULL);
  place = g_strdup (kafka.servers);
}

static void
start_mongo (void)
{
  mongo = mongo_mock_new ();
  place = mongo_mock_uri (mongo, "");
}

static void
start_camera (void)
{
  camera = rtsp_mock_new ();
  place = rtsp_mock_uri (camera);
}

static void
write_cascade (void)
{
  dir = g_dir_make_tmp ("stress-XXXXXX", NULL);
  place = g_build_filename (dir, "stump.xml", NULL);
  fail_unless (g_file_set_contents (place, HAAR_STUMP, -1, NULL));
}

static void
start_server (void)
{
  if (is_element ("kafka"))
    start_kafka ();
  else if (is_element ("mongo"))
    start_mongo ();
  else if (is_element ("haar"))
    write_cascade ();
  else if (is_element ("ipcamerasrc"))
    start_camera ();
}

static void
stop_server (void)
{
  if (is_element ("kafka"))
    kafka_mock_stop (&kafka);
  g_clear_pointer (&mongo, mongo_mock_free);
  g_clear_pointer (&camera, rtsp_mock_free);
  if (dir) {
    g_remove (place);
    g_rmdir (dir);
  }
  g_clear_pointer (&dir, g_free);
  g_clear_pointer (&place, g_free);
}

/* Keeps only errors and EOS on the bus, because nothing reads the other messages. */
static GstBusSyncReply
keep_errors (GstBus *from, GstMessage *message, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (message) & (GST_MESSAGE_ERROR | GST_MESSAGE_EOS))
    return GST_BUS_PASS;
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static void
expect_no_error (void)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *debug = NULL;

  if (!message)
    return;
  gst_message_parse_error (message, &error, &debug);
  fail ("%s: %s (%s)", now->line, error->message, debug);
}

static void
start (gint i)
{
  g_autofree gchar *line = NULL;

  gst_kafka_meta_register ();
  now = &cases[i];
  start_server ();
  line = place ? g_strdup_printf (now->line, place) : g_strdup (now->line);
  element = gst_object_ref_sink (gst_parse_launch (line, NULL));
  bus = gst_bus_new ();
  gst_bus_set_sync_handler (bus, keep_errors, NULL, NULL);
  gst_element_set_bus (element, bus);
  h = gst_harness_new_with_element (element, now->sink, now->src);
  gst_harness_use_systemclock (h);
  gst_harness_set_drop_buffers (h, TRUE);
  gst_harness_play (h);
  g_atomic_int_set (&pushed, 0);
  threads = g_ptr_array_new ();
}

static GstBuffer *
next_buffer (GstHarness *harness, gpointer user_data)
{
  GstBuffer *buffer = now->value ? gst_buffer_new_memdup (now->value, strlen (now->value))
                                 : gst_buffer_new_allocate (NULL, FRAME, NULL);
  gint n = g_atomic_int_add (&pushed, 1);

  if (!now->value)
    gst_buffer_memset (buffer, 0, (guint8) n, FRAME);
  GST_BUFFER_PTS (buffer) = n * 40 * GST_MSECOND;
  return buffer;
}

/* Begins to push buffers, and waits for the first one, because the harness asserts that its first
 * events pass. */
static void
push_buffers (void)
{
  g_autoptr (GstCaps) caps = NULL;
  GstSegment segment;

  if (!now->sink)
    return;
  caps = gst_caps_from_string (now->caps[0]);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  g_ptr_array_add (threads, gst_harness_stress_push_buffer_with_cb_start_full (
                                h, caps, &segment, next_buffer, NULL, NULL, PAUSE_US));
  while (g_atomic_int_get (&pushed) < 2)
    g_usleep (PAUSE_US);
}

static void
add_thread (GFunc callback)
{
  g_ptr_array_add (threads, gst_harness_stress_custom_start (h, NULL, callback, NULL, PAUSE_US));
}

static gboolean
is_accepted (const gchar *text)
{
  return strstr (text, "segment event") || strstr (text, "misordering") ||
         strstr (text, "stream-start event") || strstr (text, "seqnum != GST_SEQNUM_INVALID");
}

/* Uses g_error(), because check's macros may be used on one thread only. */
static void
check_warning (const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer user_data)
{
  if (!is_accepted (text))
    g_error ("%s", text);
}

/* Accepts the warnings of GStreamer about missing or misordered events, because the harness links
 * pads again while another thread pushes through them, and a warning of rtspsrc, which ends a
 * connection with an event without a number. */
static void
accept_known_warnings (void)
{
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_handler ("GStreamer", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL, check_warning, NULL);
}

/* The camera goes away and comes back. */
static void
leave (gpointer thread, gpointer user_data)
{
  rtsp_mock_leave (camera, AWAY_US);
  g_usleep (THERE_US);
}

static void
disturb_server (void)
{
  if (!camera)
    return;
  accept_known_warnings ();
  add_thread (leave);
}

static void
change_states (void)
{
  accept_known_warnings ();
  g_ptr_array_add (threads, gst_harness_stress_statechange_start (h));
}

/* Ends a flush and sends a new segment. The pad's stream lock delays buffers until the segment was
 * sent, because a buffer before its segment would be the test's fault. If the segment is refused,
 * the harness sends it again. */
static void
end_flush (GstPad *pad)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  GST_PAD_STREAM_LOCK (pad);
  gst_pad_send_event (pad, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  GST_PAD_STREAM_UNLOCK (pad);
}

static void
flush (gpointer thread, gpointer user_data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, now->sink);

  if (g_random_int_range (0, 4) == 0)
    gst_pad_send_event (pad, gst_event_new_eos ());
  gst_pad_send_event (pad, gst_event_new_flush_start ());
  end_flush (pad);
}

static void
renegotiate (gpointer thread, gpointer user_data)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (now->caps[g_random_int_range (0, 2)]);

  gst_harness_push_event (h, gst_event_new_caps (caps));
}

static GstEvent *
next_seek (GstHarness *harness, gpointer user_data)
{
  GstSeekFlags flags = g_random_boolean () ? GST_SEEK_FLAG_FLUSH : GST_SEEK_FLAG_NONE;
  gint64 to = g_random_int_range (0, 2 * MESSAGES) * GST_MSECOND;

  return gst_event_new_seek (g_random_boolean () ? 1.0 : 2.0, GST_FORMAT_TIME,
      flags | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET, to, GST_SEEK_TYPE_NONE, 0);
}

static void
send_events (void)
{
  if (now->sink)
    add_thread (flush);
  else
    g_ptr_array_add (threads, gst_harness_stress_push_upstream_event_with_cb_start_full (
                                  h, next_seek, NULL, NULL, PAUSE_US));
}

static gboolean
is_live (GParamSpec *pspec)
{
  return (pspec->flags & GST_PARAM_MUTABLE_PLAYING) && (pspec->flags & G_PARAM_WRITABLE);
}

/* Sets @value to the property's default, least or largest value. Timeouts get only their default,
 * because a short timeout rightly ends in an error. */
static void
choose_value (GParamSpec *pspec, GValue *value)
{
  gboolean low = g_random_boolean ();

  if (g_random_boolean () || g_str_has_suffix (pspec->name, "-timeout"))
    g_param_value_set_default (pspec, value);
  else if (G_IS_PARAM_SPEC_UINT64 (pspec))
    g_value_set_uint64 (
        value, low ? G_PARAM_SPEC_UINT64 (pspec)->minimum : G_PARAM_SPEC_UINT64 (pspec)->maximum);
  else if (G_IS_PARAM_SPEC_DOUBLE (pspec))
    g_value_set_double (
        value, low ? G_PARAM_SPEC_DOUBLE (pspec)->minimum : G_PARAM_SPEC_DOUBLE (pspec)->maximum);
  else if (G_IS_PARAM_SPEC_BOOLEAN (pspec))
    g_value_set_boolean (value, low);
}

/* Sets a property: to another value if it may change while the element plays, and otherwise to the
 * value that it has. */
static void
set_property (GParamSpec *pspec)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, pspec->value_type);
  g_object_get_property (G_OBJECT (element), pspec->name, &value);
  if (is_live (pspec))
    choose_value (pspec, &value);
  if (pspec->flags & G_PARAM_WRITABLE)
    g_object_set_property (G_OBJECT (element), pspec->name, &value);
}

static gboolean
is_own (GParamSpec *pspec)
{
  return pspec->owner_type == G_OBJECT_TYPE (element) && (pspec->flags & G_PARAM_READABLE);
}

static void
set_properties (gpointer thread, gpointer user_data)
{
  guint n;
  g_autofree GParamSpec **pspecs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++)
    if (is_own (pspecs[i]))
      set_property (pspecs[i]);
}

static void
request_pads (void)
{
  GstPadTemplate *template = gst_element_class_get_pad_template (
      GST_ELEMENT_GET_CLASS (element), now->request ? now->request : "");

  if (template)
    g_ptr_array_add (threads,
        gst_harness_stress_requestpad_start_full (h, template, NULL, NULL, TRUE, PAUSE_US));
}

static gulong
stress_time (void)
{
  const gchar *seconds = g_getenv ("STRESS_SECONDS");

  return seconds ? (gulong) (g_ascii_strtod (seconds, NULL) * G_USEC_PER_SEC) : STRESS_US;
}

static void
stop_threads (void)
{
  g_usleep (stress_time ());
  for (guint i = threads->len; i > 0; i--)
    fail_unless (gst_harness_stress_thread_stop (threads->pdata[i - 1]) > 0);
  g_ptr_array_unref (threads);
}

/* --- everything at once --- */

/* In this test the threads call the element itself, without the harness, which would miss events at
 * a state change. An element whose state changes while a stream flows may refuse the stream and
 * post errors, but must neither crash nor hang. */
static void
set_any_state (gpointer thread, gpointer user_data)
{
  gst_element_set_state (
      element, (GstState) g_random_int_range (GST_STATE_NULL, GST_STATE_PLAYING + 1));
}

static void
send_stream (GstPad *pad)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (pad, gst_event_new_stream_start ("stress"));
  if (now->caps[0]) {
    g_autoptr (GstCaps) caps = gst_caps_from_string (now->caps[g_random_int_range (0, 2)]);

    gst_pad_send_event (pad, gst_event_new_caps (caps));
  }
  gst_pad_send_event (pad, gst_event_new_segment (&segment));
}

/* Makes a buffer of a random size, which may be 0. */
static GstBuffer *
odd_buffer (void)
{
  gsize size = (gsize) g_random_int_range (0, 2 * FRAME);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, (guint8) size, size);
  if (g_random_boolean ())
    GST_BUFFER_PTS (buffer) = size * GST_MSECOND;
  return buffer;
}

static void
send_anything (gpointer thread, gpointer user_data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, now->sink);

  send_stream (pad);
  for (gint i = g_random_int_range (0, 20); i > 0; i--)
    gst_pad_chain (pad, g_random_boolean () ? next_buffer (h, NULL) : odd_buffer ());
  if (g_random_boolean ())
    gst_pad_send_event (pad, gst_event_new_eos ());
}

static void
flush_anytime (gpointer thread, gpointer user_data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, now->sink);

  gst_pad_send_event (pad, gst_event_new_flush_start ());
  if (g_random_boolean ())
    g_usleep (PAUSE_US);
  gst_pad_send_event (pad, gst_event_new_flush_stop (g_random_boolean ()));
}

static void
query (gpointer thread, gpointer user_data)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, now->sink ? now->sink : now->src);
  GstQuery *queries[] = {gst_query_new_latency (), gst_query_new_caps (NULL),
      gst_query_new_position (GST_FORMAT_TIME), gst_query_new_duration (GST_FORMAT_TIME),
      gst_query_new_seeking (GST_FORMAT_TIME), gst_query_new_drain ()};

  for (guint i = 0; i < G_N_ELEMENTS (queries); i++) {
    if (now->sink || GST_QUERY_TYPE (queries[i]) != GST_QUERY_DRAIN)
      gst_pad_query (pad, queries[i]);
    gst_query_unref (queries[i]);
  }
}

static GstFlowReturn
drop (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return g_random_int_range (0, 100) ? GST_FLOW_OK : GST_FLOW_EOS;
}

/* Requests a pad, links it sometimes, and releases it. The sink pad @reader has a template, because
 * GStreamer answers a caps query on a pad without a template from the last caps, which another
 * thread may replace and free meanwhile. */
static void
request_pad (gpointer thread, gpointer user_data)
{
  static GstStaticPadTemplate any =
      GST_STATIC_PAD_TEMPLATE ("reader", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  GstPad *reader, *pad = gst_element_request_pad_simple (element, now->request);

  if (!pad)
    return;
  reader = gst_object_ref_sink (gst_pad_new_from_static_template (&any, "reader"));
  gst_pad_set_chain_function (reader, drop);
  gst_pad_set_active (reader, TRUE);
  if (g_random_boolean ())
    gst_pad_link (pad, reader);
  g_usleep ((gulong) g_random_int_range (0, 20 * PAUSE_US));
  gst_element_release_request_pad (element, pad);
  gst_pad_set_active (reader, FALSE);
  gst_object_unref (pad);
  gst_object_unref (reader);
}

static void
do_everything (void)
{
  accept_known_warnings ();
  add_thread (set_any_state);
  add_thread (query);
  if (now->sink) {
    add_thread (send_anything);
    add_thread (flush_anytime);
  } else {
    send_events ();
  }
  if (now->request)
    add_thread (request_pad);
}

/* --- afterwards --- */

static void
expect_eos (void)
{
  GstMessage *message;

  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (
      message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s doesn't end", now->line);
  gst_message_unref (message);
}

static void
expect_output (void)
{
  GstBuffer *buffer = gst_harness_pull (h);

  fail_unless (buffer != NULL, "%s gives nothing any more", now->line);
  gst_buffer_unref (buffer);
}

static void
push_again (void)
{
  gst_harness_set_src_caps_str (h, now->caps[0]);
  fail_unless_equals_int (gst_harness_push (h, next_buffer (h, NULL)), GST_FLOW_OK);
}

/* Sets the element's properties to the values that they had before the stress. */
static void
restore_properties (void)
{
  g_autofree gchar *line = place ? g_strdup_printf (now->line, place) : g_strdup (now->line);
  GstElement *fresh = gst_object_ref_sink (gst_parse_launch (line, NULL));
  guint n;
  g_autofree GParamSpec **pspecs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

  for (guint i = 0; i < n; i++) {
    g_auto (GValue) value = G_VALUE_INIT;

    if (!is_own (pspecs[i]) || !is_live (pspecs[i]))
      continue;
    g_value_init (&value, pspecs[i]->value_type);
    g_object_get_property (G_OBJECT (fresh), pspecs[i]->name, &value);
    g_object_set_property (G_OBJECT (element), pspecs[i]->name, &value);
  }
  gst_object_unref (fresh);
}

/* Checks that the element works when it is started again, in a new harness, because the old harness
 * may have got its EOS. */
static void
expect_works (void)
{
  fail_unless_equals_int (
      gst_element_set_state (element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  if (now->sink)
    gst_pad_unlink (h->srcpad, GST_PAD_PEER (h->srcpad));
  if (now->src)
    gst_pad_unlink (GST_PAD_PEER (h->sinkpad), h->sinkpad);
  gst_harness_teardown (h);
  restore_properties ();
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  gst_element_set_bus (element, bus);
  h = gst_harness_new_with_element (element, now->sink, now->src);
  gst_harness_use_systemclock (h);
  gst_harness_play (h);
  if (now->sink)
    push_again ();
  if (now->src)
    expect_output ();
  else if (!g_str_equal (now->sink, "feedback"))
    expect_eos ();
  expect_no_error ();
}

static void
end (void)
{
  gst_element_set_state (element, GST_STATE_NULL);
  gst_harness_teardown (h);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  ASSERT_OBJECT_REFCOUNT (element, now->line, 1);
  gst_object_unref (element);
  stop_server ();
}

/* Calls the element from several threads at the same time: they push buffers, set properties, and
 * do what @more adds. */
static void
stress (gint i, void (*more) (void))
{
  start (i);
  push_buffers ();
  disturb_server ();
  more ();
  add_thread (set_properties);
  stop_threads ();
  expect_no_error ();
  expect_works ();
  end ();
}

GST_START_TEST (test_state_changes)
{
  stress (__i__, change_states);
}
GST_END_TEST;

static void
send_events_and_caps (void)
{
  send_events ();
  if (now->sink)
    add_thread (renegotiate);
}

GST_START_TEST (test_elements_survive_flushes_seeks_and_caps_from_several_threads)
{
  stress (__i__, send_events_and_caps);
}
GST_END_TEST;

static void
request_pads_and_change_states (void)
{
  request_pads ();
  change_states ();
}

/* The task of a requested pad must not run any more after a thread has released the pad while
 * another thread has started the element. */
GST_START_TEST (test_elements_survive_requested_pads_during_state_changes)
{
  if (cases[__i__].request)
    stress (__i__, request_pads_and_change_states);
}
GST_END_TEST;

static void
request_pads_and_send_events (void)
{
  request_pads ();
  send_events_and_caps ();
}

/* The task of a requested pad must not run any more after a thread has released the pad while
 * another thread flushed. States don't change in this test, because the harness would lose
 * events. */
GST_START_TEST (test_elements_survive_requested_pads_during_flushes)
{
  if (cases[__i__].request)
    stress (__i__, request_pads_and_send_events);
}
GST_END_TEST;

GST_START_TEST (test_everything_at_once)
{
  start (__i__);
  do_everything ();
  disturb_server ();
  add_thread (set_properties);
  stop_threads ();
  expect_works ();
  end ();
}
GST_END_TEST;

static Suite *
stress_suite (void)
{
  Suite *suite = suite_create ("stress");
  TCase *tcase = tcase_create ("every element");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 25 + 2 * stress_time () / G_USEC_PER_SEC);
  tcase_add_loop_test (tcase, test_state_changes, 0, G_N_ELEMENTS (cases));
  tcase_add_loop_test (tcase, test_elements_survive_flushes_seeks_and_caps_from_several_threads, 0,
      G_N_ELEMENTS (cases));
  tcase_add_loop_test (
      tcase, test_elements_survive_requested_pads_during_state_changes, 0, G_N_ELEMENTS (cases));
  tcase_add_loop_test (
      tcase, test_elements_survive_requested_pads_during_flushes, 0, G_N_ELEMENTS (cases));
  tcase = tcase_create ("everything at once");
  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 25 + 2 * stress_time () / G_USEC_PER_SEC);
  tcase_add_loop_test (tcase, test_everything_at_once, 0, G_N_ELEMENTS (cases));
  return suite;
}

GST_CHECK_MAIN (stress);
