/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests feedbackrate with the real v4l2src on a simulated camera: tests/camera/v4l2camera.c. The
 * sink keeps its last frame, as queues and kafkasink keep frames. */
#include <gst/check/gstcheck.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  gchar *dir, *node, *log;
  GstElement *pipeline, *rate;
  gint frames; /* number of frames that have left feedbackrate, atomic */
  gint64 last,
      /* monotonic times (us), atomic: the time of the camera's last frame, and the longest gap
       * between two frames */
      longest;
} Camera;

static GstPadProbeReturn
measure_gap (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Camera *camera = data;
  gint64 now = g_get_monotonic_time ();

  if (camera->last)
    camera->longest = MAX (camera->longest, now - camera->last);
  camera->last = now;
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer camera)
{
  g_atomic_int_inc (&((Camera *) camera)->frames);
  return GST_PAD_PROBE_OK;
}

static void
camera_start (Camera *camera, const gchar *format, const gchar *downstream)
{
  g_autofree gchar *launch = NULL;
  GstPad *pad;

  *camera = (Camera){0};
  camera->dir = g_dir_make_tmp ("camera-XXXXXX", NULL);
  camera->node = g_build_filename (camera->dir, "video0", NULL);
  camera->log = g_build_filename (camera->dir, "log", NULL);
  fail_unless_equals_int (symlink ("/dev/null", camera->node), 0);
  g_setenv ("FOG_CAMERA_NODE", camera->node, TRUE);
  g_setenv ("FOG_CAMERA_LOG", camera->log, TRUE);
  launch = g_strdup_printf ("v4l2src device=%s ! %s ! feedbackrate name=rate algorithm=fixed "
                            "initial-rate=30 min-dwell=0 ! %s fakesink sync=false",
      camera->node, format, downstream);
  camera->pipeline = gst_parse_launch (launch, NULL);
  camera->rate = gst_bin_get_by_name (GST_BIN (camera->pipeline), "rate");
  pad = gst_element_get_static_pad (camera->rate, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, camera, NULL);
  gst_object_unref (pad);
  pad = gst_element_get_static_pad (camera->rate, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, measure_gap, camera, NULL);
  gst_object_unref (pad);
  gst_element_set_state (camera->pipeline, GST_STATE_PLAYING);
}

static gchar *
camera_log (Camera *camera)
{
  gchar *text = NULL;

  return g_file_get_contents (camera->log, &text, NULL, NULL) ? text : g_strdup ("");
}

/* Waits until the last line of the simulated camera's log is @line. */
static void
camera_wait (Camera *camera, const gchar *line)
{
  for (guint i = 0; i < 1500; i++) {
    g_autofree gchar *log = camera_log (camera);

    if (g_str_has_suffix (log, line))
      return;
    g_usleep (10000);
  }
  fail ("the camera was never set to %s", line);
}

static void
camera_goes_on (Camera *camera)
{
  gint before = g_atomic_int_get (&camera->frames);

  for (guint i = 0; i < 1500 && g_atomic_int_get (&camera->frames) < before + 5; i++)
    g_usleep (10000);
  fail_unless (g_atomic_int_get (&camera->frames) >= before + 5, "no frames any more");
}

static void
camera_end (Camera *camera)
{
  gst_element_set_state (camera->pipeline, GST_STATE_NULL);
  gst_object_unref (camera->rate);
  gst_object_unref (camera->pipeline);
  g_unlink (camera->node);
  g_unlink (camera->log);
  g_rmdir (camera->dir);
  g_free (camera->node);
  g_free (camera->log);
  g_free (camera->dir);
}

static void
camera_stop (Camera *camera)
{
  GstBus *bus = gst_element_get_bus (camera->pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message) {
    g_autoptr (GError) error = NULL;
    g_autofree gchar *debug = NULL;

    gst_message_parse_error (message, &error, &debug);
    fail ("%s (%s)", error->message, debug);
  }
  gst_object_unref (bus);
  camera_end (camera);
}

static guint64
camera_stat (Camera *camera, const gchar *name)
{
  GstStructure *stats;
  guint64 value = 0;

  g_object_get (camera->rate, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no %s", name);
  gst_structure_free (stats);
  return value;
}

/* Asks for a rate, waits until the camera delivers frames at that rate, and checks the longest time
 * without a frame meanwhile. @restart: time (ms) that the camera itself takes for the change */
static void
change_rate (Camera *camera, gdouble rate, const gchar *line, guint restart)
{
  gint64 bound = ((gint64) restart + 1000 / 10 + 1000 / 10 + 1500) * 1000;

  camera->longest = 0;
  g_object_set (camera->rate, "initial-rate", rate, NULL);
  camera_wait (camera, line);
  camera_goes_on (camera);
  g_print ("%g frames/s: a pause of %d ms with a camera that takes %u ms to start\n", rate,
      (gint) (camera->longest / 1000), restart);
  fail_unless (camera->longest < bound, "no frame for %d ms", (gint) (camera->longest / 1000));
}

static void
check_down_and_up (const gchar *format, const gchar *downstream, guint restart)
{
  g_autofree gchar *log = NULL, *text = g_strdup_printf ("%u", restart);
  Camera camera;

  g_setenv ("FOG_CAMERA_RESTART", text, TRUE);

  camera_start (&camera, format, downstream);
  camera_goes_on (&camera);
  change_rate (&camera, 8, "rate 10\n", restart);
  change_rate (&camera, 30, "rate 30\n", restart);
  log = camera_log (&camera);
  fail_if (strstr (log, "unknown") || strstr (log, "busy"), "%s", log);
  camera_stop (&camera);
}

GST_START_TEST (test_raw_frames)
{
  check_down_and_up ("video/x-raw,width=320", "", 0);
}
GST_END_TEST;

GST_START_TEST (test_motion_jpeg)
{
  check_down_and_up ("image/jpeg,width=320", "", 200);
}
GST_END_TEST;

GST_START_TEST (test_the_camera_slows_down_although_downstream_requires_its_framerate)
{
  check_down_and_up ("video/x-raw,width=320", "video/x-raw,framerate=30/1 !", 0);
  check_down_and_up ("image/jpeg,width=320", "image/jpeg,framerate=30/1 !", 0);
}
GST_END_TEST;

GST_START_TEST (test_frames_are_dropped_if_the_driver_refuses_the_new_rate)
{
  Camera camera;
  guint64 in, out;

  g_setenv ("FOG_CAMERA_REFUSE", "1", TRUE);
  camera_start (&camera, "video/x-raw,width=320", "");
  camera_goes_on (&camera);
  g_object_set (camera.rate, "initial-rate", 8.0, NULL);
  camera_wait (&camera, "busy 10\n");
  camera_goes_on (&camera);
  /* The camera still gives 30 frames/s, of which feedbackrate passes 8. */
  in = camera_stat (&camera, "frames-in");
  out = camera_stat (&camera, "frames-out");
  for (guint i = 0; i < 3; i++)
    camera_goes_on (&camera);
  in = camera_stat (&camera, "frames-in") - in;
  out = camera_stat (&camera, "frames-out") - out;
  fail_unless (out >= 15 && ABS ((gint64) out * 30 - (gint64) in * 8) <= 60,
      "%" G_GUINT64_FORMAT " frames of %" G_GUINT64_FORMAT, out, in);
  camera_stop (&camera);
}
GST_END_TEST;

/* If the target rate changes while the camera gives no frames, the camera is set to the new rate
 * when frames come again. */
GST_START_TEST (test_a_rate_set_while_the_camera_stalls_applies_when_frames_come_again)
{
  Camera camera;
  guint64 before;

  camera_start (&camera, "video/x-raw,width=320", "");
  camera_goes_on (&camera);
  g_setenv ("FOG_CAMERA_STALL", "1", TRUE);
  g_usleep (100000);
  before = camera_stat (&camera, "frames-out");
  g_object_set (camera.rate, "initial-rate", 8.0, NULL);
  g_usleep (1000000);
  fail_unless (camera_stat (&camera, "frames-out") <= before + 1);
  g_unsetenv ("FOG_CAMERA_STALL");
  camera_wait (&camera, "rate 10\n");
  camera_goes_on (&camera);
  camera_stop (&camera);
}
GST_END_TEST;

static void
check_vanished (Camera *camera)
{
  GstBus *bus = gst_element_get_bus (camera->pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;

  fail_unless (message != NULL, "no message on the bus says that the camera is gone");
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_str_has_prefix (GST_OBJECT_NAME (GST_MESSAGE_SRC (message)), "v4l2src"));
  gst_message_unref (message);
  gst_object_unref (bus);
  camera_end (camera);
}

GST_START_TEST (test_a_camera_that_is_unplugged_is_an_error)
{
  Camera camera;

  camera_start (&camera, "video/x-raw,width=320", "");
  camera_goes_on (&camera);
  g_setenv ("FOG_CAMERA_VANISH", "1", TRUE);
  check_vanished (&camera);
}
GST_END_TEST;

static Suite *
feedbackv4l2_suite (void)
{
  Suite *suite = suite_create ("feedbackv4l2");
  TCase *tcase = tcase_create ("v4l2src");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_raw_frames);
  tcase_add_test (tcase, test_motion_jpeg);
  tcase_add_test (tcase, test_the_camera_slows_down_although_downstream_requires_its_framerate);
  tcase_add_test (tcase, test_frames_are_dropped_if_the_driver_refuses_the_new_rate);
  tcase_add_test (tcase, test_a_rate_set_while_the_camera_stalls_applies_when_frames_come_again);
  tcase_add_test (tcase, test_a_camera_that_is_unplugged_is_an_error);
  return suite;
}

GST_CHECK_MAIN (feedbackv4l2);
