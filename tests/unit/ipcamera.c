/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <string.h>

#include "cameraclock.h"
#include "camerasecret.h"
#include "camerawait.h"
#include "elementtest.h"
#include "gstcameradebug.h"
#include "gstcameragate.h"
#include "gstcamerartsp.h"

/* Nobody listens there. */
#define AWAY "rtsp://127.0.0.1:1/video"

/* --- waits --- */

GST_START_TEST (test_waits_between_connections_double_up_to_24_s)
{
  static const gdouble expected[] = {1, 2, 4, 8, 16, 24, 24};
  CameraWait wait = {0};

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    fail_unless_equals_float (camera_wait_take (&wait, 0, FALSE, 0), expected[i]);
}
GST_END_TEST;

GST_START_TEST (test_waits_between_connections_have_a_random_addition)
{
  CameraWait wait = {0};

  fail_unless_equals_float (camera_wait_take (&wait, 0, FALSE, 1), 1.25);
  for (guint i = 0; i < 10; i++)
    camera_wait_take (&wait, 0, FALSE, 0);
  fail_unless_equals_float (camera_wait_take (&wait, 0, FALSE, 1), 30);
}
GST_END_TEST;

GST_START_TEST (test_waits_are_short_again_after_a_minute_of_frames)
{
  CameraWait wait = {0};

  for (guint i = 0; i < 10; i++)
    camera_wait_take (&wait, 59.9, FALSE, 0);
  fail_unless_equals_float (camera_wait_take (&wait, 59.9, FALSE, 0), 24);
  fail_unless_equals_float (camera_wait_take (&wait, 60, FALSE, 0), 1);
  fail_unless_equals_float (camera_wait_take (&wait, 0, FALSE, 0), 2);
}
GST_END_TEST;

GST_START_TEST (test_the_wait_after_a_refused_password_is_long_at_once)
{
  CameraWait wait = {0};

  fail_unless_equals_float (camera_wait_take (&wait, 0, TRUE, 0), 24);
  fail_unless_equals_float (camera_wait_take (&wait, 100, TRUE, 1), 30);
}
GST_END_TEST;

/* --- the camera's clock --- */

#define EPOCH (G_GUINT64_CONSTANT (2208988800) * GST_SECOND) /* of Unix, in NTP's time */
#define NOW (G_GUINT64_CONSTANT (1790000000) * GST_SECOND)   /* in 2026 */
#define TOLERANCE (2 * GST_SECOND)

static const struct {
  GstClockTimeDiff ahead;
  CameraClockState state;
} differences[] = {
    {0, CAMERA_CLOCK_TRUSTED},
    {-(GstClockTimeDiff) (2 * GST_SECOND), CAMERA_CLOCK_TRUSTED},
    {2 * GST_SECOND, CAMERA_CLOCK_TRUSTED},
    {2 * GST_SECOND + 1, CAMERA_CLOCK_DISTRUSTED},
    {-(GstClockTimeDiff) (3600 * GST_SECOND), CAMERA_CLOCK_DISTRUSTED},
    {-(GstClockTimeDiff) (G_GUINT64_CONSTANT (1700000000) * GST_SECOND), CAMERA_CLOCK_DISTRUSTED},
};

GST_START_TEST (test_clock)
{
  CameraClock clock = {CAMERA_CLOCK_UNKNOWN, 0};

  fail_unless (camera_clock_see (&clock, EPOCH + NOW + differences[__i__].ahead, NOW, TOLERANCE));
  fail_unless_equals_int64 (clock.difference, differences[__i__].ahead);
  fail_unless_equals_int (clock.state, differences[__i__].state);
  fail_if (camera_clock_see (&clock, EPOCH + NOW + differences[__i__].ahead, NOW, TOLERANCE));
}
GST_END_TEST;

/* NTP's seconds begin again at 0 in February 2036. A camera's clock is read rightly whether its
 * seconds begin again or exceed 32 bits. */
GST_START_TEST (test_clock_in_2036)
{
  const GstClockTime era = (G_GUINT64_CONSTANT (1) << 32) * GST_SECOND, own = era - EPOCH;
  CameraClock clock = {CAMERA_CLOCK_UNKNOWN, 0};

  camera_clock_see (&clock, era + GST_SECOND, own, TOLERANCE);
  fail_unless_equals_int64 (clock.difference, GST_SECOND);
  camera_clock_see (&clock, GST_SECOND, own, TOLERANCE);
  fail_unless_equals_int64 (clock.difference, GST_SECOND);
  camera_clock_see (&clock, era - GST_SECOND, own, TOLERANCE);
  fail_unless_equals_int64 (clock.difference, -(gint64) GST_SECOND);
}
GST_END_TEST;

GST_START_TEST (test_a_clock_near_the_tolerance_does_not_change_its_state_often)
{
  CameraClock clock = {CAMERA_CLOCK_UNKNOWN, 0};

  fail_unless (camera_clock_see (&clock, EPOCH + NOW + 2100 * GST_MSECOND, NOW, TOLERANCE));
  fail_if (camera_clock_see (&clock, EPOCH + NOW + 1900 * GST_MSECOND, NOW, TOLERANCE));
  fail_unless (camera_clock_see (&clock, EPOCH + NOW + 1500 * GST_MSECOND, NOW, TOLERANCE));
  fail_if (camera_clock_see (&clock, EPOCH + NOW + 1900 * GST_MSECOND, NOW, TOLERANCE));
  fail_unless_equals_int (clock.state, CAMERA_CLOCK_TRUSTED);
}
GST_END_TEST;

/* --- passwords --- */

static gchar *
write_file (const gchar *text, gsize size)
{
  gchar *name;
  gint file = g_file_open_tmp ("camera-XXXXXX", &name, NULL);

  g_close (file, NULL);
  fail_unless (g_file_set_contents (name, text, size, NULL));
  return name;
}

static const struct {
  const gchar *text;
  gsize size;
  const gchar *password; /* NULL: refused */
} secrets[] = {
    {"geheim", 6, "geheim"},
    {"geheim\n", 7, "geheim"},
    {"geheim\r\n", 8, "geheim"},
    {" ge heim \n", 10, " ge heim "},
    {"", 0, NULL},
    {"\n", 1, NULL},
    {"one\ntwo\n", 8, NULL},
    {"ge\0heim", 7, NULL},
};

GST_START_TEST (test_password_files)
{
  g_autofree gchar *file = write_file (secrets[__i__].text, secrets[__i__].size);
  g_autoptr (GError) error = NULL;
  gchar *password = camera_secret_read (file, &error);

  fail_unless_equals_string (password, secrets[__i__].password);
  fail_unless (
      password || g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
  fail_if (error && strstr (error->message, "heim"));
  camera_secret_free (password);
  g_unlink (file);
}
GST_END_TEST;

GST_START_TEST (test_no_password_file)
{
  g_autoptr (GError) error = NULL;

  fail_unless (camera_secret_read ("/nowhere/at-all", &error) == NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ));
  fail_unless (strstr (error->message, "/nowhere/at-all") != NULL);
}
GST_END_TEST;

/* The password isn't in a dot file, in which rtspsrc itself would show its user-pw. */
GST_START_TEST (test_no_dot_file_shows_the_password)
{
  GstElement *pipeline = gst_pipeline_new (NULL), *source = gst_camera_rtsp_new ();
  g_autofree gchar *dot = NULL;

  fail_unless (source != NULL);
  g_object_set (source, "location", AWAY, "user-id", "fog", "user-pw", "geheim", NULL);
  gst_bin_add (GST_BIN (pipeline), source);
  dot = gst_debug_bin_to_dot_data (GST_BIN (pipeline), GST_DEBUG_GRAPH_SHOW_ALL);
  fail_unless (strstr (dot, AWAY) && strstr (dot, "user-id"));
  fail_if (strstr (dot, "geheim"));
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* --- the gate --- */

static GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  return GST_PAD_PROBE_OK;
}

/* Frames go from @pad through the gate into a queue that nothing empties. */
typedef struct {
  GstElement *pipeline, *queue;
  GstPad *pad, *sink;
  GstCameraGate gate;
} Camera;

static void
push_segment (Camera *self)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 10 * GST_SECOND;
  gst_pad_push_event (self->pad, gst_event_new_segment (&segment));
}

static void
camera_start (Camera *self, const gchar *caps_text)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (caps_text);
  GstPad *src;

  GST_DEBUG_CATEGORY_INIT (gst_ip_camera_src_debug, "ipcamerasrc", 0, "ipcamerasrc");
  self->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  self->queue = gst_element_factory_make ("queue", NULL);
  g_object_set (
      self->queue, "max-size-buffers", 0, "max-size-bytes", 0, "max-size-time", (guint64) 0, NULL);
  gst_bin_add (GST_BIN (self->pipeline), self->queue);
  src = gst_element_get_static_pad (self->queue, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, block, NULL, NULL);
  gst_object_unref (src);
  self->pad = gst_object_ref_sink (gst_pad_new ("camera", GST_PAD_SRC));
  self->sink = gst_element_get_static_pad (self->queue, "sink");
  memset (&self->gate, 0, sizeof self->gate);
  gst_camera_gate_init (&self->gate, self->pipeline, self->queue);
  gst_camera_gate_reset (&self->gate);
  gst_camera_gate_open (&self->gate, self->pad, TOLERANCE);
  gst_pad_set_active (self->pad, TRUE);
  fail_unless_equals_int (gst_pad_link (self->pad, self->sink), GST_PAD_LINK_OK);
  gst_element_set_state (self->pipeline, GST_STATE_PAUSED);
  /* the gate passes no stream-start event, so the element itself sends one */
  gst_pad_send_event (self->sink, gst_event_new_stream_start ("camera"));
  gst_pad_push_event (self->pad, gst_event_new_stream_start ("connection"));
  gst_pad_push_event (self->pad, gst_event_new_caps (caps));
  push_segment (self);
}

static void
camera_stop (Camera *self)
{
  gst_pad_set_active (self->pad, FALSE);
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->sink);
  gst_object_unref (self->pad);
  gst_object_unref (self->pipeline);
  gst_camera_gate_clear (&self->gate);
}

static void
camera_push (Camera *self, guint frames, gsize size, gboolean is_delta)
{
  for (guint i = 0; i < frames; i++) {
    GstBuffer *frame = gst_buffer_new_allocate (NULL, size, NULL);

    GST_BUFFER_PTS (frame) = 11 * GST_SECOND;
    if (is_delta)
      GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DELTA_UNIT);
    fail_unless_equals_int (gst_pad_push (self->pad, frame), GST_FLOW_OK);
  }
}

static void
camera_expect (Camera *self, guint64 frames, guint64 dropped)
{
  GstCameraCounts counts;

  gst_camera_gate_read (&self->gate, &counts);
  fail_unless_equals_uint64 (counts.frames, frames);
  fail_unless_equals_uint64 (counts.dropped, dropped);
}

/* Empties the queue, as elements behind it would. */
static void
camera_empty (Camera *self)
{
  gst_pad_send_event (self->sink, gst_event_new_flush_start ());
  gst_pad_send_event (self->sink, gst_event_new_flush_stop (FALSE));
  push_segment (self);
}

GST_START_TEST (test_pictures_are_dropped_if_12_wait)
{
  Camera camera;

  camera_start (&camera, "image/jpeg");
  camera_push (&camera, 20, 1000, FALSE);
  camera_expect (&camera, 12, 8);
  camera_stop (&camera);
}
GST_END_TEST;

/* The queue takes one frame of more than its limit of 16 MiB, because the frame is alone in the
 * queue. */
GST_START_TEST (test_large_pictures_are_dropped_if_16_mib_wait)
{
  Camera camera;

  camera_start (&camera, "video/x-raw, format=(string)I420");
  camera_push (&camera, 5, 17 << 20, FALSE);
  camera_expect (&camera, 1, 4);
  camera_stop (&camera);
}
GST_END_TEST;

/* After a frame was dropped, all frames up to the next key frame are dropped. */
GST_START_TEST (test_a_stream_continues_with_a_key_frame_after_a_drop)
{
  Camera camera;

  camera_start (&camera, "video/x-h264");
  camera_push (&camera, 1, 1000, FALSE);
  camera_push (&camera, 119, 100, TRUE);
  camera_push (&camera, 1, 100, TRUE);
  camera_expect (&camera, 120, 1);
  camera_empty (&camera);
  camera_push (&camera, 9, 100, TRUE);
  camera_expect (&camera, 120, 10);
  camera_push (&camera, 1, 1000, FALSE);
  camera_push (&camera, 9, 100, TRUE);
  camera_expect (&camera, 130, 10);
  camera_stop (&camera);
}
GST_END_TEST;

/* Of a stream without key frames, frames pass again 300 frames after a drop, because some cameras
 * never send a key frame after the first one. */
GST_START_TEST (test_a_stream_without_key_frames_continues_after_300_drops)
{
  Camera camera;

  camera_start (&camera, "video/x-h265");
  camera_push (&camera, 121, 100, TRUE);
  camera_empty (&camera);
  camera_push (&camera, 310, 100, TRUE);
  camera_expect (&camera, 130, 301);
  camera_stop (&camera);
}
GST_END_TEST;

static GstPadProbeReturn
keep_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer kept)
{
  gst_buffer_replace (kept, GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

/* Timestamps downstream are running times, because each connection to the camera has a segment of
 * its own. */
GST_START_TEST (test_times)
{
  GstBuffer *frame = NULL;
  Camera camera;

  camera_start (&camera, "image/jpeg");
  gst_pad_add_probe (camera.sink, GST_PAD_PROBE_TYPE_BUFFER, keep_buffer, &frame, NULL);
  camera_push (&camera, 1, 10, FALSE);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (frame), GST_SECOND);
  fail_unless (GST_BUFFER_FLAG_IS_SET (frame, GST_BUFFER_FLAG_DISCONT));
  camera_push (&camera, 1, 10, FALSE);
  fail_if (GST_BUFFER_FLAG_IS_SET (frame, GST_BUFFER_FLAG_DISCONT));
  gst_buffer_unref (frame);
  camera_stop (&camera);
}
GST_END_TEST;

/* The gate refuses a query at once, because the queue would answer it only after all frames before
 * it. */
GST_START_TEST (test_the_gate_refuses_a_query_at_once)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string ("image/jpeg");
  GstQuery *query = gst_query_new_allocation (caps, FALSE);
  Camera camera;

  camera_start (&camera, "image/jpeg");
  camera_push (&camera, 1, 10, FALSE);
  fail_if (gst_pad_peer_query (camera.pad, query));
  camera_push (&camera, 1, 10, FALSE);
  camera_expect (&camera, 2, 0);
  gst_query_unref (query);
  camera_stop (&camera);
}
GST_END_TEST;

/* --- the element --- */

static const struct {
  const gchar *properties;
  gint code;
  const gchar *named;
} faults[] = {
    {"", GST_RESOURCE_ERROR_SETTINGS, "uri"},
    {"uri=http://127.0.0.1/", GST_RESOURCE_ERROR_SETTINGS, "rtsp://"},
    {"uri=rtsp:///video", GST_RESOURCE_ERROR_SETTINGS, "host"},
    {"uri=rtsp://fog:geheim@127.0.0.1/", GST_RESOURCE_ERROR_SETTINGS, "password-file"},
    {"uri=rtsp://fog:1/geheim@127.0.0.1/", GST_RESOURCE_ERROR_SETTINGS, "password-file"},
    {"uri=rtsp://fog:1?geheim@127.0.0.1/", GST_RESOURCE_ERROR_SETTINGS, "password-file"},
    {"uri=" AWAY " user=fog", GST_RESOURCE_ERROR_SETTINGS, "password-file"},
    {"uri=" AWAY " password-file=/etc/hostname", GST_RESOURCE_ERROR_SETTINGS, "user"},
    {"uri=" AWAY " user=fog password-file=/nowhere", GST_RESOURCE_ERROR_OPEN_READ, "/nowhere"},
    {"uri=" AWAY " user=fog password-file=/dev/null", GST_RESOURCE_ERROR_SETTINGS, "password-file"},
    {"uri=" AWAY " tls-ca-file=/etc/hostname", GST_RESOURCE_ERROR_SETTINGS, "rtsps"},
    {"uri=rtsps://127.0.0.1:1/ tls-ca-file=/etc/hostname", GST_RESOURCE_ERROR_SETTINGS,
        "certificate"},
    {"uri=rtsps://127.0.0.1:1/ tls-ca-file=/dev/zero", GST_RESOURCE_ERROR_SETTINGS, "regular"},
    {"uri=" AWAY " user=fog password-file=/dev/zero", GST_RESOURCE_ERROR_SETTINGS, "password-file"},
};

GST_START_TEST (test_bad_settings)
{
  g_autofree gchar *line = g_strconcat ("ipcamerasrc ", faults[__i__].properties, NULL);

  expect_no_start (
      gst_parse_launch (line, NULL), GST_RESOURCE_ERROR, faults[__i__].code, faults[__i__].named);
}
GST_END_TEST;

/* A system's file of authorities has some 200 KiB. */
GST_START_TEST (test_the_size_of_a_file_of_certificates)
{
  static const struct {
    gsize size;
    const gchar *named;
  } files[] = {{1024 * 1024, "holds no certificate"}, {4 * 1024 * 1024 + 1, "4096 KiB"}};
  g_autofree gchar *text = g_strnfill (files[__i__].size, '\n'), *path = NULL, *line = NULL;

  g_close (g_file_open_tmp ("tls-ca-XXXXXX", &path, NULL), NULL);
  fail_unless (g_file_set_contents (path, text, (gssize) files[__i__].size, NULL));
  line = g_strdup_printf ("ipcamerasrc uri=rtsps://127.0.0.1:1/ tls-ca-file=%s", path);
  expect_no_start (gst_parse_launch (line, NULL), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      files[__i__].named);
  g_unlink (path);
}
GST_END_TEST;

static gboolean
is_of (GstMessage *message, GstElement *camera)
{
  return GST_MESSAGE_SRC (message) == GST_OBJECT (camera);
}

/* Returns the text (transfer full) of the next warning or info message of @camera, and sets @type.
 * An error message fails the test. */
static gchar *
next_report (GstBus *bus, GstElement *camera, GstMessageType *type)
{
  for (;;) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
        GST_MESSAGE_WARNING | GST_MESSAGE_INFO | GST_MESSAGE_ERROR | GST_MESSAGE_PROGRESS);
    g_autoptr (GError) error = NULL;

    fail_unless (message && GST_MESSAGE_TYPE (message) & (GST_MESSAGE_WARNING | GST_MESSAGE_INFO),
        "%s", message ? GST_MESSAGE_TYPE_NAME (message) : "no message");
    if (!is_of (message, camera))
      continue;
    *type = GST_MESSAGE_TYPE (message);
    if (*type == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message, &error, NULL);
    else
      gst_message_parse_info (message, &error, NULL);
    return g_strdup (error->message);
  }
}

/* The first failed connection to a camera is a warning, each further one an info message, and the
 * pipeline still ends at EOS. */
GST_START_TEST (test_a_camera_that_does_not_answer_is_one_warning)
{
  GstElement *pipeline = gst_parse_launch ("ipcamerasrc name=camera uri=" AWAY " ! fakesink", NULL);
  GstElement *camera = gst_bin_get_by_name (GST_BIN (pipeline), "camera");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessageType type;
  GstMessage *message;

  fail_unless_equals_int (
      gst_element_set_state (pipeline, GST_STATE_PAUSED), GST_STATE_CHANGE_NO_PREROLL);
  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  for (guint i = 1; i <= 2; i++) {
    g_autofree gchar *text = next_report (bus, camera, &type);
    g_autofree gchar *attempt = g_strdup_printf ("attempt %u", i);

    fail_unless (strstr (text, attempt) && strstr (text, "again in"), "%s", text);
    fail_unless_equals_int (type, i == 1 ? GST_MESSAGE_WARNING : GST_MESSAGE_INFO);
    fail_unless_equals_uint64 (read_stat (camera, "failed"), i);
  }
  gst_element_send_event (pipeline, gst_event_new_eos ());
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  fail_unless_equals_int (
      gst_element_set_state (pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (bus);
  gst_object_unref (camera);
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* Stands for a frame of the camera. */
static void
give_frame (GstElement *camera)
{
  GstElement *queue = gst_bin_get_by_name (GST_BIN (camera), "frames");
  GstPad *sink = gst_element_get_static_pad (queue, "sink");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (sink, gst_event_new_segment (&segment));
  gst_pad_chain (sink, gst_buffer_new_allocate (NULL, 10, NULL));
  gst_object_unref (sink);
  gst_object_unref (queue);
}

/* Downstream ends the stream in two runs. The element doesn't connect again after that, not even in
 * the next PLAYING. */
GST_START_TEST (test_downstream_ends_the_stream)
{
  GstElement *pipeline = gst_parse_launch (
      "ipcamerasrc name=camera uri=" AWAY " ! identity eos-after=1 ! fakesink sync=false", NULL);
  GstElement *camera = gst_bin_get_by_name (GST_BIN (pipeline), "camera");
  GstBus *bus = gst_element_get_bus (pipeline);
  guint64 failed;
  GstMessage *message;

  for (guint run = 0; run < 2; run++) {
    gst_element_set_state (pipeline, GST_STATE_READY);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    give_frame (camera);
    message =
        gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
    gst_message_unref (message);
  }
  failed = read_stat (camera, "failed");
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (2 * G_USEC_PER_SEC); /* longer than the first wait */
  fail_unless_equals_uint64 (read_stat (camera, "failed"), failed);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (camera);
  gst_object_unref (pipeline);
}
GST_END_TEST;

static Suite *
ipcamera_suite (void)
{
  Suite *suite = suite_create ("ipcamera");
  TCase *parts = tcase_create ("parts"), *element = tcase_create ("element");

  suite_add_tcase (suite, parts);
  tcase_add_test (parts, test_waits_between_connections_double_up_to_24_s);
  tcase_add_test (parts, test_waits_between_connections_have_a_random_addition);
  tcase_add_test (parts, test_waits_are_short_again_after_a_minute_of_frames);
  tcase_add_test (parts, test_the_wait_after_a_refused_password_is_long_at_once);
  tcase_add_loop_test (parts, test_clock, 0, G_N_ELEMENTS (differences));
  tcase_add_test (parts, test_clock_in_2036);
  tcase_add_test (parts, test_a_clock_near_the_tolerance_does_not_change_its_state_often);
  tcase_add_loop_test (parts, test_password_files, 0, G_N_ELEMENTS (secrets));
  tcase_add_test (parts, test_no_password_file);
  tcase_add_test (parts, test_no_dot_file_shows_the_password);
  tcase_add_test (parts, test_pictures_are_dropped_if_12_wait);
  tcase_add_test (parts, test_large_pictures_are_dropped_if_16_mib_wait);
  tcase_add_test (parts, test_a_stream_continues_with_a_key_frame_after_a_drop);
  tcase_add_test (parts, test_a_stream_without_key_frames_continues_after_300_drops);
  tcase_add_test (parts, test_times);
  tcase_add_test (parts, test_the_gate_refuses_a_query_at_once);
  suite_add_tcase (suite, element);
  tcase_add_loop_test (element, test_bad_settings, 0, G_N_ELEMENTS (faults));
  tcase_add_loop_test (element, test_the_size_of_a_file_of_certificates, 0, 2);
  tcase_add_test (element, test_a_camera_that_does_not_answer_is_one_warning);
  tcase_add_test (element, test_downstream_ends_the_stream);
  return suite;
}

GST_CHECK_MAIN (ipcamera);
