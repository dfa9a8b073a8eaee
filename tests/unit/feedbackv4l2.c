/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real v4l2src on a preloaded camera: tests/camera/v4l2camera.c. The sink holds its last frame, as queues and
 * kafkasink hold frames. */
#include <gst/check/gstcheck.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  gchar *dir, *node, *log;
  GstElement *pipeline, *rate;
  gint frames; /* out of feedbackrate, atomic */
} Camera;

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

  camera->frames = 0;
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
  gst_element_set_state (camera->pipeline, GST_STATE_PLAYING);
}

static gchar *
camera_log (Camera *camera)
{
  gchar *text = NULL;

  return g_file_get_contents (camera->log, &text, NULL, NULL) ? text : g_strdup ("");
}

/* The last line of the log is awaited. */
static void
camera_wait (Camera *camera, const gchar *line)
{
  for (guint i = 0; i < 1500; i++) {
    g_autofree gchar *log = camera_log (camera);

    if (g_str_has_suffix (log, line))
      return;
    g_usleep (10000);
  }
  fail ("the camera never came to %s", line);
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
check_down_and_up (const gchar *format, const gchar *downstream)
{
  g_autofree gchar *log = NULL;
  Camera camera;

  camera_start (&camera, format, downstream);
  camera_goes_on (&camera);
  g_object_set (camera.rate, "initial-rate", 8.0, NULL);
  camera_wait (&camera, "rate 10\n");
  camera_goes_on (&camera);
  g_object_set (camera.rate, "initial-rate", 30.0, NULL);
  camera_wait (&camera, "rate 30\n");
  camera_goes_on (&camera);
  log = camera_log (&camera);
  fail_if (strstr (log, "unknown") || strstr (log, "busy"), "%s", log);
  camera_stop (&camera);
}

GST_START_TEST (test_raw_frames)
{
  check_down_and_up ("video/x-raw,width=320", "");
}
GST_END_TEST;

GST_START_TEST (test_motion_jpeg)
{
  /* This one takes its time to start. */
  g_setenv ("FOG_CAMERA_RESTART", "200", TRUE);
  check_down_and_up ("image/jpeg,width=320", "");
}
GST_END_TEST;

GST_START_TEST (test_downstream_insists_on_a_rate)
{
  check_down_and_up ("video/x-raw,width=320", "video/x-raw,framerate=30/1 !");
}
GST_END_TEST;

GST_START_TEST (test_a_driver_that_refuses)
{
  Camera camera;

  g_setenv ("FOG_CAMERA_REFUSE", "1", TRUE);
  camera_start (&camera, "video/x-raw,width=320", "");
  camera_goes_on (&camera);
  g_object_set (camera.rate, "initial-rate", 8.0, NULL);
  camera_wait (&camera, "busy 10\n");
  camera_goes_on (&camera);
  camera_stop (&camera);
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
  tcase_add_test (tcase, test_downstream_insists_on_a_rate);
  tcase_add_test (tcase, test_a_driver_that_refuses);
  return suite;
}

GST_CHECK_MAIN (feedbackv4l2);
