/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the health tracer's verdict about a stage whose threads stall, wait or are idle, at times
 * that the test supplies; its metrics; and its HTTP server. */
#include <gio/gio.h>
#include <gst/check/gstcheck.h>
#include <math.h>
#include <string.h>

#include "elementmetrics.h"
#include "fogstats.h"
#include "processmetrics.h"
#include "stageactivity.h"
#include "statusserver.h"

#define SECOND G_USEC_PER_SEC

static const StageLimits limits = {.stall = 8, .start = 60, .server = 180};

/* A pipeline of the linked elements source ! filter ! sink. */
typedef struct {
  GstElement *bin, *source, *filter, *sink;
  GstPad *source_pad, *filter_pad;
} Line;

static void
line_init (Line *line, const gchar *sink_factory)
{
  line->bin = gst_bin_new (NULL);
  line->source = gst_element_factory_make ("videotestsrc", "camera");
  line->filter = gst_element_factory_make ("identity", "filter");
  line->sink = gst_element_factory_make (sink_factory, "sink");
  fail_unless (line->source && line->filter && line->sink);
  gst_bin_add_many (GST_BIN (line->bin), line->source, line->filter, line->sink, NULL);
  fail_unless (gst_element_link_many (line->source, line->filter, line->sink, NULL));
  line->source_pad = gst_element_get_static_pad (line->source, "src");
  line->filter_pad = gst_element_get_static_pad (line->filter, "src");
}

static void
line_clear (Line *line)
{
  gst_object_unref (line->source_pad);
  gst_object_unref (line->filter_pad);
  gst_object_unref (line->bin);
}

static void
expect (GList *cameras, gint64 now, StageState state, const gchar *element)
{
  StageVerdict verdict = stage_activity_judge (cameras, TRUE, 0, &limits, now);

  fail_unless_equals_string (stage_state_name (verdict.state), stage_state_name (state));
  fail_unless_equals_string (verdict.element, element);
  stage_verdict_clear (&verdict);
}

GST_START_TEST (test_a_start_stalls_after_its_limit)
{
  StageVerdict verdict = stage_activity_judge (NULL, FALSE, 0, &limits, 59 * SECOND);

  fail_unless_equals_int (verdict.state, STAGE_STARTING);
  stage_verdict_clear (&verdict);
  verdict = stage_activity_judge (NULL, FALSE, 0, &limits, 61 * SECOND);
  fail_unless_equals_int (verdict.state, STAGE_STALLED);
  stage_verdict_clear (&verdict);
}
GST_END_TEST;

GST_START_TEST (test_an_idle_stage_is_not_stalled)
{
  Line line;

  line_init (&line, "fakesink");
  expect (NULL, 1000 * SECOND, STAGE_IDLE, NULL);
  stage_activity_enter (line.source_pad, 0);
  stage_activity_leave (0);
  expect (NULL, 1000 * SECOND, STAGE_IDLE, NULL);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (test_a_stuck_buffer_is_a_stall_of_the_element_that_holds_it)
{
  Line line;

  line_init (&line, "fakesink");
  stage_activity_enter (line.source_pad, 0);
  expect (NULL, 7 * SECOND, STAGE_WORKING, NULL);
  expect (NULL, 9 * SECOND, STAGE_STALLED, "filter");
  stage_activity_enter (line.filter_pad, 10 * SECOND);
  expect (NULL, 17 * SECOND, STAGE_WORKING, NULL);
  expect (NULL, 19 * SECOND, STAGE_STALLED, "sink");
  stage_activity_leave (20 * SECOND);
  expect (NULL, 21 * SECOND, STAGE_WORKING, NULL);
  stage_activity_leave (22 * SECOND);
  expect (NULL, 99 * SECOND, STAGE_IDLE, NULL);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (test_a_stage_that_waits_for_a_server_is_not_stalled)
{
  Line line;

  line_init (&line, "tcpclientsink");
  stage_activity_enter (line.source_pad, 0);
  stage_activity_enter (line.filter_pad, 0);
  expect (NULL, 9 * SECOND, STAGE_WAITING, "sink");
  expect (NULL, 179 * SECOND, STAGE_WAITING, "sink");
  expect (NULL, 181 * SECOND, STAGE_STALLED, "sink");
  line_clear (&line);
}
GST_END_TEST;

static gpointer
stuck_before_the_waiting_one (gpointer data)
{
  stage_activity_enter (data, 0);
  expect (NULL, 20 * SECOND, STAGE_WAITING, "sink");
  return NULL;
}

GST_START_TEST (test_a_thread_that_waits_for_a_waiting_thread_has_not_stalled)
{
  Line line;

  line_init (&line, "tcpclientsink");
  stage_activity_enter (line.filter_pad, 10 * SECOND);
  g_thread_join (g_thread_new ("stuck", stuck_before_the_waiting_one, line.source_pad));
  /* the thread "stuck" has ended, so it can't stall any more, and its buffers remain counted */
  expect (NULL, 11 * SECOND, STAGE_WORKING, NULL);
  fail_unless_equals_uint64 (stage_activity_get_buffers (), 2);
  line_clear (&line);
}
GST_END_TEST;

static gpointer
give_a_last_frame (gpointer pad)
{
  stage_activity_enter (pad, 0);
  stage_activity_leave (0);
  gst_pad_push_event (pad, gst_event_new_eos ());
  return NULL;
}

/* A camera that has sent EOS doesn't count as stalled, although its thread has ended. */
GST_START_TEST (test_a_camera_that_has_ended_is_not_stalled)
{
  Line line;
  g_autoptr (GList) cameras = NULL;

  line_init (&line, "fakesink");
  cameras = g_list_append (NULL, line.filter);
  gst_pad_set_active (line.filter_pad, TRUE);
  gst_pad_push_event (line.filter_pad, gst_event_new_stream_start ("s"));
  expect (cameras, 9 * SECOND, STAGE_STALLED, "filter");
  g_thread_join (g_thread_new ("camera", give_a_last_frame, line.filter_pad));
  expect (cameras, 1000 * SECOND, STAGE_IDLE, NULL);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (test_a_camera_without_frames_for_its_limit_is_stalled)
{
  Line line;
  g_autoptr (GList) cameras = NULL;
  g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-raw,framerate=1/5");

  /* the element filter stands for the camera, because a real source would push frames by itself */
  line_init (&line, "fakesink");
  cameras = g_list_append (NULL, line.filter);
  expect (cameras, 7 * SECOND, STAGE_IDLE, NULL);
  expect (cameras, 9 * SECOND, STAGE_STALLED, "filter");
  stage_activity_enter (line.filter_pad, 9 * SECOND);
  stage_activity_leave (10 * SECOND);
  expect (cameras, 17 * SECOND, STAGE_IDLE, NULL);
  expect (cameras, 19 * SECOND, STAGE_STALLED, "filter");
  /* a camera whose caps have a frame every 5 s stalls only after three such intervals */
  gst_pad_set_active (line.filter_pad, TRUE);
  gst_pad_push_event (line.filter_pad, gst_event_new_stream_start ("s"));
  fail_unless (gst_pad_push_event (line.filter_pad, gst_event_new_caps (caps)));
  expect (cameras, 24 * SECOND, STAGE_IDLE, NULL);
  expect (cameras, 26 * SECOND, STAGE_STALLED, "filter");
  gst_pad_push_event (line.filter_pad, gst_event_new_eos ());
  expect (cameras, 1000 * SECOND, STAGE_IDLE, NULL);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (test_the_samples_of_a_metric_follow_its_header)
{
  PrometheusText *text = prometheus_text_new ();
  g_autofree gchar *all = NULL;

  prometheus_text_add (text, "x_total", PROMETHEUS_COUNTER, "what it is", "a=\"1\"", 3);
  prometheus_text_add (text, "y", PROMETHEUS_GAUGE, NULL, NULL, NAN);
  prometheus_text_add (text, "x_total", PROMETHEUS_COUNTER, "what it is", "a=\"2\"", INFINITY);
  all = prometheus_text_end (text);
  fail_unless_equals_string (all,
      "# HELP x_total what it is\n# TYPE x_total counter\n"
      "x_total{a=\"1\"} 3\nx_total{a=\"2\"} +Inf\n# TYPE y gauge\ny NaN\n");
}
GST_END_TEST;

GST_START_TEST (test_hostile_labels)
{
  g_autofree gchar *quoted = prometheus_labels ("a", "\"}\n\\x", "b", NULL, "c", "\xff", NULL);
  g_autofree gchar *name = g_strnfill (127, 'n'),
                   *long_name = g_strconcat (name, "\xc3\xa4\xc3\xa4", NULL);
  g_autofree gchar *cut = prometheus_labels ("camera", long_name, NULL);

  fail_unless_equals_string (quoted, "a=\"\\\"}\\n\\\\x\",c=\"\xef\xbf\xbd~a8100ae6aa1940d0\"");
  fail_unless (g_utf8_validate (cut, -1, NULL));
  fail_unless (strstr (cut, "nnn~"), "%s", cut);
}
GST_END_TEST;

/* Names that are shortened, or have invalid bytes replaced, still give distinct labels, because two
 * series with the same labels would make a scrape fail. */
GST_START_TEST (test_labels_with_unusual_characters_stay_distinct)
{
  g_autofree gchar *longest = g_strnfill (128, 'n'), *start = g_strnfill (10000, 'n');
  g_autofree gchar *one = g_strconcat (start, "1", NULL), *other = g_strconcat (start, "2", NULL);
  g_autofree gchar *bytes = g_strnfill (200, '\xfe');
  const gchar *names[] = {longest, one, other, bytes, "\xff", "\xfe", "\xef\xbf\xbd", "\xc3", ""};
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gchar *label = prometheus_labels ("camera", names[i], NULL);

    fail_unless (g_utf8_validate (label, -1, NULL));
    fail_unless (strlen (label) <= 128 + strlen ("camera=\"\""), "%s", label);
    fail_unless (g_hash_table_add (seen, label), "%u", i);
  }
}
GST_END_TEST;

GST_START_TEST (test_the_buckets_of_a_histogram_are_cumulative)
{
  FogHistogram histogram = {0}, copy;
  GstStructure *s = gst_structure_new_empty ("stats");
  const GstStructure *field;
  PrometheusText *text = prometheus_text_new ();
  g_autofree gchar *all = NULL;

  fog_histogram_add (&histogram, 0.0005);
  fog_histogram_add (&histogram, 0.15);
  fog_histogram_add (&histogram, 1000);
  fog_histogram_add (&histogram, NAN);
  fog_histogram_to_field (&histogram, s, "age");
  field = gst_value_get_structure (gst_structure_get_value (s, "age"));
  fail_unless (fog_histogram_from_structure (&copy, field));
  prometheus_text_add_histogram (text, "age", "a", "x=\"y\"", FOG_HISTOGRAM_BOUNDS,
      fog_histogram_bounds, copy.counts, copy.sum);
  all = prometheus_text_end (text);
  fail_unless (strstr (all, "age_bucket{x=\"y\",le=\"0.005\"} 1\n"), "%s", all);
  fail_unless (strstr (all, "age_bucket{x=\"y\",le=\"0.1\"} 1\n"), "%s", all);
  fail_unless (strstr (all, "age_bucket{x=\"y\",le=\"0.2\"} 2\n"), "%s", all);
  fail_unless (
      strstr (all, "\"60\"} 2\nage_bucket{x=\"y\",le=\"+Inf\"} 3\nage_sum{x=\"y\"} 1000.1"), "%s",
      all);
  fail_unless (strstr (all, "age_count{x=\"y\"} 3\n"), "%s", all);
  gst_structure_free (s);
}
GST_END_TEST;

GST_START_TEST (test_stats_become_metrics)
{
  GstElement *element = gst_element_factory_make ("fakesink", "a \"b\"");
  PrometheusText *text = prometheus_text_new ();
  g_autofree gchar *all = NULL;

  element_metrics_add (text, element);
  all = prometheus_text_end (text);
  fail_unless (strstr (all, "\ngstfog_fakesink_rendered{element=\"a \\\"b\\\"\"} 0\n"), "%s", all);
  fail_unless (strstr (all, "gstfog_fakesink_average_rate{"), "%s", all);
  gst_object_unref (element);
}
GST_END_TEST;

static GstElement *
bin_with (const gchar *bin_name, const gchar *name)
{
  GstElement *bin = gst_bin_new (bin_name);

  gst_bin_add (GST_BIN (bin), gst_element_factory_make ("fakesink", name));
  return bin;
}

GST_START_TEST (test_elements_with_equal_names_in_two_bins_are_distinct)
{
  GstElement *pipeline = gst_pipeline_new ("all");
  PrometheusText *text = prometheus_text_new ();
  g_autofree gchar *all = NULL;

  gst_bin_add_many (GST_BIN (pipeline), bin_with ("one", "sink"), bin_with ("other", "sink"), NULL);
  for (GList *bin = GST_BIN_CHILDREN (pipeline); bin; bin = bin->next)
    element_metrics_add (text, GST_BIN_CHILDREN (bin->data)->data);
  all = prometheus_text_end (text);
  fail_unless (strstr (all, "rendered{element=\"one/sink\"} 0\n"), "%s", all);
  fail_unless (strstr (all, "rendered{element=\"other/sink\"} 0\n"), "%s", all);
  gst_object_unref (pipeline);
}
GST_END_TEST;

static gdouble
value_of (const gchar *text, const gchar *metric)
{
  g_autofree gchar *start = g_strdup_printf ("\n%s ", metric);
  const gchar *line = strstr (text, start);

  fail_unless (line != NULL, "no %s in %s", metric, text);
  return g_ascii_strtod (line + strlen (start), NULL);
}

/* A bin with stats, as ipcamerasrc, has metrics of its own, and the elements inside it, which come
 * and go with connections, have none. */
GST_START_TEST (test_the_elements_inside_a_bin_with_stats_have_no_metrics)
{
  PrometheusText *text = prometheus_text_new ();
  GstElement *pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  GstElement *camera = gst_element_factory_make ("ipcamerasrc", "door");
  GstElement *inner = bin_with ("connection", "sink");
  g_autofree gchar *written = NULL;

  gst_bin_add (GST_BIN (camera), inner);
  gst_bin_add (GST_BIN (pipeline), camera);
  element_metrics_add (text, GST_BIN_CHILDREN (inner)->data);
  element_metrics_add (text, camera);
  written = prometheus_text_end (text);
  fail_unless (strstr (written, "gstfog_camera_connected{element=\"door\"} 0\n") != NULL);
  fail_if (strstr (written, "fakesink"));
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* The elements inside a branch have metrics of their own, as if they weren't inside it. */
GST_START_TEST (test_the_elements_inside_a_branch_have_metrics)
{
  PrometheusText *text = prometheus_text_new ();
  GstElement *pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  GstElement *branch = gst_element_factory_make ("camerabranch", "branch-door");
  GstElement *camera = gst_element_factory_make ("ipcamerasrc", "door");
  g_autofree gchar *written = NULL;

  gst_bin_add (GST_BIN (branch), camera);
  gst_bin_add (GST_BIN (pipeline), branch);
  element_metrics_add (text, branch);
  element_metrics_add (text, camera);
  written = prometheus_text_end (text);
  fail_unless (strstr (written, "gstfog_camera_connected{element=\"door\"} 0\n") != NULL);
  fail_unless (strstr (written, "gstfog_branch_running{element=\"branch-door\"} 1\n") != NULL);
  gst_object_unref (pipeline);
}
GST_END_TEST;

GST_START_TEST (test_the_process)
{
  PrometheusText *text = prometheus_text_new ();
  gdouble now = (gdouble) g_get_real_time () / G_USEC_PER_SEC, start;
  g_autofree gchar *all = NULL;

  process_metrics_add (text);
  all = prometheus_text_end (text);
  start = value_of (all, "process_start_time_seconds");
  fail_unless (start > now - 600 && start < now + 2, "%f, now %f", start, now);
  fail_unless (value_of (all, "process_resident_memory_bytes") > 1e6);
  fail_unless (value_of (all, "process_virtual_memory_bytes") >=
               value_of (all, "process_resident_memory_bytes"));
  fail_unless (value_of (all, "process_open_fds") >= 3);
  fail_unless (value_of (all, "process_max_fds") >= value_of (all, "process_open_fds"));
  fail_unless (value_of (all, "process_cpu_seconds_total") >= 0);
}
GST_END_TEST;

/* Of the series gstfog_rate_bound, the one of the bound in force is 1, and all others are 0. */
GST_START_TEST (test_the_metric_of_the_bound_in_force_is_1)
{
  GstElement *element = gst_element_factory_make ("feedbackrate", NULL);
  PrometheusText *text = prometheus_text_new ();
  g_autofree gchar *all = NULL;
  guint holding = 0, bounds = 0;

  element_metrics_add (text, element);
  all = prometheus_text_end (text);
  for (const gchar *at = all; (at = strstr (at, "\ngstfog_rate_bound{")); at++, bounds++)
    holding += strchr (at + 1, '\n')[-1] == '1';
  fail_unless_equals_int (bounds, 4);
  fail_unless_equals_int (holding, 1);
  gst_object_unref (element);
}
GST_END_TEST;

/* Each field of the elements' stats has an entry in the table of metrics, without which its metric
 * would have a name that begins with the element's. */
GST_START_TEST (test_all_stats_of_the_elements_have_metric_names)
{
  static const gchar *const ours[] = {"kafkasink", "kafkasrc", "haarfacecount", "mongosink",
      "feedbackrate", "ipcamerasrc", "camerabranch"};

  for (guint i = 0; i < G_N_ELEMENTS (ours); i++) {
    GstElement *element = gst_element_factory_make (ours[i], NULL);
    g_autofree gchar *prefix = g_strdup_printf ("gstfog_%s_", ours[i]), *all = NULL;
    PrometheusText *text = prometheus_text_new ();

    fail_unless (element != NULL, "no %s", ours[i]);
    element_metrics_add (text, element);
    all = prometheus_text_end (text);
    fail_unless (strstr (all, "# HELP gstfog_"), "%s: %s", ours[i], all);
    fail_if (strstr (all, prefix), "%s", all);
    gst_object_unref (element);
  }
}
GST_END_TEST;

static StatusAnswer
answer_one_path (const gchar *path, gpointer data)
{
  return g_str_equal (path, "/here") ? (StatusAnswer){200, g_strdup (data)}
                                     : (StatusAnswer){0, NULL};
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
  const gchar *request, *reply_start, *reply_end;
} exchanges[] = {
    {"GET /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", OK, "\r\n\r\nyes\n"},
    {"GET /here?x=1 HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\nyes\n"},
    {"HEAD /here HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\n"},
    {"GET /here HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\nyes\n"},
    {"GET /there HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found\r\n", "/metrics\n"},
    {"POST /here HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n",
        "supported\n"},
    {"GET /here HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 405 Method Not Allowed\r\n", "supported\n"},
    {"POST /here HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 405 Method Not Allowed\r\n", "supported\n"},
    {"nonsense\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n", ""},
};

static gchar *
exchange (guint16 port, const gchar *request)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection =
      g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, NULL);
  GIOStream *stream = G_IO_STREAM (connection);
  gchar reply[4096];
  gsize length = 0;

  fail_unless (connection != NULL);
  g_output_stream_write_all (
      g_io_stream_get_output_stream (stream), request, strlen (request), NULL, NULL, NULL);
  g_input_stream_read_all (
      g_io_stream_get_input_stream (stream), reply, sizeof reply - 1, &length, NULL, NULL);
  return g_strndup (reply, length);
}

GST_START_TEST (test_requests_are_answered)
{
  StatusServer *server = status_server_new (0, answer_one_path, "yes\n", NULL);
  g_autofree gchar *reply = exchange (status_server_get_port (server), exchanges[__i__].request);

  fail_unless (g_str_has_prefix (reply, exchanges[__i__].reply_start), "%s", reply);
  fail_unless (g_str_has_suffix (reply, exchanges[__i__].reply_end), "%s", reply);
  status_server_free (server);
}
GST_END_TEST;

GST_START_TEST (test_a_request_that_is_too_long_is_closed)
{
  StatusServer *server = status_server_new (0, answer_one_path, "yes\n", NULL);
  g_autofree gchar *request = g_strnfill (200000, 'x');
  g_autofree gchar *reply = exchange (status_server_get_port (server), request);

  fail_unless_equals_string (reply, "");
  g_free (reply);
  reply = exchange (status_server_get_port (server), exchanges[0].request);
  fail_unless (g_str_has_prefix (reply, OK), "%s", reply);
  status_server_free (server);
}
GST_END_TEST;

static gpointer
send_slowly (gpointer connection)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));

  while (g_output_stream_write (out, "x", 1, NULL, NULL) == 1)
    g_usleep (G_USEC_PER_SEC / 5);
  return NULL;
}

/* 100 clients, more than the server keeps connections, each send a byte every 0.2 s, and another
 * client is still answered in time. */
GST_START_TEST (test_slow_clients_do_not_keep_other_clients_out)
{
  StatusServer *server = status_server_new (0, answer_one_path, "yes\n", NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  GSocketConnection *slow[100];
  GThread *threads[G_N_ELEMENTS (slow)];
  g_autofree gchar *reply = NULL;
  gint64 began = g_get_monotonic_time ();

  for (guint i = 0; i < G_N_ELEMENTS (slow); i++) {
    slow[i] = g_socket_client_connect_to_host (
        client, "127.0.0.1", status_server_get_port (server), NULL, NULL);
    threads[i] = g_thread_new ("slow", send_slowly, slow[i]);
  }
  reply = exchange (status_server_get_port (server), exchanges[0].request);
  fail_unless (g_str_has_prefix (reply, OK), "%s", reply);
  fail_unless (g_get_monotonic_time () - began < 8 * SECOND);
  status_server_free (server);
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++) {
    g_thread_join (threads[i]);
    g_object_unref (slow[i]);
  }
}
GST_END_TEST;

typedef struct {
  StatusServer *server;
  GMutex mutex;
  GCond changed;
  gboolean entered, open;
} Gate;

/* Answers the path /stuck only when the test permits it, as a scrape is late if an element is
 * stuck. */
static StatusAnswer
answer_late (const gchar *path, gpointer data)
{
  Gate *gate = data;

  g_mutex_lock (&gate->mutex);
  gate->entered |= g_str_equal (path, "/stuck");
  g_cond_broadcast (&gate->changed);
  while (g_str_equal (path, "/stuck") && !gate->open)
    g_cond_wait (&gate->changed, &gate->mutex);
  g_mutex_unlock (&gate->mutex);
  return (StatusAnswer){200, g_strdup ("late\n")};
}

static gpointer
ask_stuck (gpointer data)
{
  Gate *gate = data;

  return exchange (status_server_get_port (gate->server), "GET /stuck HTTP/1.0\r\n\r\n");
}

static gpointer
free_server (gpointer server)
{
  status_server_free (server);
  return NULL;
}

/* While one answer is stuck, another client gets its answer, and status_server_free() waits for the
 * stuck one. */
GST_START_TEST (test_a_stuck_answer_does_not_delay_other_answers)
{
  Gate gate = {0};
  GThread *asks, *ends;
  g_autofree gchar *reply = NULL, *late = NULL;

  gate.server = status_server_new (0, answer_late, &gate, NULL);
  asks = g_thread_new ("asks", ask_stuck, &gate);
  g_mutex_lock (&gate.mutex);
  while (!gate.entered)
    g_cond_wait (&gate.changed, &gate.mutex);
  g_mutex_unlock (&gate.mutex);
  reply = exchange (status_server_get_port (gate.server), "GET /here HTTP/1.0\r\n\r\n");
  fail_unless (g_str_has_suffix (reply, "late\n"), "%s", reply);
  ends = g_thread_new ("ends", free_server, gate.server);
  g_usleep (SECOND / 20);
  g_mutex_lock (&gate.mutex);
  gate.open = TRUE;
  g_cond_broadcast (&gate.changed);
  g_mutex_unlock (&gate.mutex);
  g_thread_join (ends);
  late = g_thread_join (asks);
}
GST_END_TEST;

static guint
count_files (void)
{
  g_autoptr (GDir) files = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (files))
    n++;
  return n;
}

static void
serve_once (void)
{
  StatusServer *server = status_server_new (0, answer_one_path, "yes\n", NULL);
  g_autofree gchar *reply = exchange (status_server_get_port (server), exchanges[0].request);

  fail_unless (g_str_has_prefix (reply, OK), "%s", reply);
  status_server_free (server);
}

/* Each GMainContext that a server leaves behind would have an open file. */
GST_START_TEST (test_a_freed_server_leaves_no_open_file)
{
  guint before;

  serve_once (); /* the first server, after which GLib keeps a few files open */
  before = count_files ();
  for (guint i = 0; i < 10; i++)
    serve_once ();
  fail_unless (count_files () < before + 10, "%u files, then %u", before, count_files ());
}
GST_END_TEST;

GST_START_TEST (test_a_port_in_use_is_an_error)
{
  StatusServer *server = status_server_new (0, answer_one_path, NULL, NULL);
  g_autoptr (GError) error = NULL;

  fail_unless (
      status_server_new (status_server_get_port (server), answer_one_path, NULL, &error) == NULL);
  fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE));
  status_server_free (server);
}
GST_END_TEST;

static Suite *
health_suite (void)
{
  Suite *s = suite_create ("health");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_a_start_stalls_after_its_limit);
  tcase_add_test (tc, test_an_idle_stage_is_not_stalled);
  tcase_add_test (tc, test_a_stuck_buffer_is_a_stall_of_the_element_that_holds_it);
  tcase_add_test (tc, test_a_stage_that_waits_for_a_server_is_not_stalled);
  tcase_add_test (tc, test_a_thread_that_waits_for_a_waiting_thread_has_not_stalled);
  tcase_add_test (tc, test_a_camera_without_frames_for_its_limit_is_stalled);
  tcase_add_test (tc, test_a_camera_that_has_ended_is_not_stalled);
  tcase_add_test (tc, test_the_samples_of_a_metric_follow_its_header);
  tcase_add_test (tc, test_hostile_labels);
  tcase_add_test (tc, test_labels_with_unusual_characters_stay_distinct);
  tcase_add_test (tc, test_the_buckets_of_a_histogram_are_cumulative);
  tcase_add_test (tc, test_stats_become_metrics);
  tcase_add_test (tc, test_elements_with_equal_names_in_two_bins_are_distinct);
  tcase_add_test (tc, test_the_elements_inside_a_bin_with_stats_have_no_metrics);
  tcase_add_test (tc, test_the_elements_inside_a_branch_have_metrics);
  tcase_add_test (tc, test_the_process);
  tcase_add_test (tc, test_the_metric_of_the_bound_in_force_is_1);
  tcase_add_test (tc, test_all_stats_of_the_elements_have_metric_names);
  tcase_add_loop_test (tc, test_requests_are_answered, 0, G_N_ELEMENTS (exchanges));
  tcase_add_test (tc, test_a_request_that_is_too_long_is_closed);
  tcase_add_test (tc, test_a_freed_server_leaves_no_open_file);
  tcase_add_test (tc, test_a_port_in_use_is_an_error);
  tcase_add_test (tc, test_slow_clients_do_not_keep_other_clients_out);
  tcase_add_test (tc, test_a_stuck_answer_does_not_delay_other_answers);
  return s;
}

GST_CHECK_MAIN (health);
