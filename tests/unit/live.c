/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "model/liveanswer.h"
#include "pictures/liveblur.h"
#include "pictures/livedecode.h"
#include "sources/livebudget.h"
#include "sources/livezones.h"
#include "model/livecamera.h"
#include "model/livehistory.h"
#include "model/livemodel.h"
#include "model/livename.h"
#include "pictures/livesize.h"
#include "livejson.h"
#include "model/liveprogress.h"
#include "model/livesentence.h"
#include "http/liveguesses.h"
#include "http/livesocket.h"
#include "http/livetoken.h"
#include "kafkamock.h"
#include "sources/livefetch.h"

/* --- the sentence --- */

/* All is well. */
static LiveSummary
good_summary (void)
{
  return (LiveSummary){.cameras = 3, .replicas = 2, .newest = 0.4, .frames_lag = NAN};
}

static void
expect_sentence (const LiveSummary *summary, LiveLevel level, const gchar *expected)
{
  g_autofree gchar *text = NULL;
  LiveLevel found = live_sentence (summary, &text);

  fail_unless_equals_string (text, expected);
  fail_unless_equals_int (found, level);
}

GST_START_TEST (test_the_sentence_about_a_healthy_system)
{
  LiveSummary s = good_summary ();

  expect_sentence (
      &s, LIVE_GOOD, "3 cameras, 2 replicas, newest answer 0.4 s old, nothing waiting");
  s.cameras = s.replicas = 1;
  s.rest = 10;
  s.newest = 9;
  expect_sentence (&s, LIVE_GOOD, "1 camera, 1 replica, newest answer 9.0 s old, nothing waiting");
  s.newest = 0.4;
  /* Messages that have waited for less than 2 s aren't named in the sentence. */
  s.waiting_frames = 7;
  s.frames_lag = 0.3;
  expect_sentence (&s, LIVE_GOOD, "1 camera, 1 replica, newest answer 0.4 s old, nothing waiting");
}
GST_END_TEST;

GST_START_TEST (test_the_sentence_before_any_message_came)
{
  LiveSummary s = {.newest = NAN, .waiting_frames = -1, .waiting_events = -1};

  expect_sentence (&s, LIVE_WARN, "no camera, no replica");
  s.cameras = s.replicas = 1;
  expect_sentence (&s, LIVE_WARN, "1 camera, 1 replica, no answer yet, nothing waiting");
}
GST_END_TEST;

GST_START_TEST (test_the_sentence_names_the_fault_with_its_place_and_duration)
{
  LiveSummary s = good_summary ();

  s.stopped = 2;
  s.stopped_camera = "cam-2";
  s.stopped_for = 12;
  expect_sentence (&s, LIVE_BAD,
      "cam-2 has given no frame for 12 s (and 1 more), 3 cameras, 2 replicas, newest answer 0.4 s "
      "old, nothing waiting");
  s = good_summary ();
  s.silent = 1;
  s.silent_replica = "fog-1";
  s.silent_for = 300;
  s.waiting_frames = 1;
  s.frames_lag = 90;
  expect_sentence (&s, LIVE_BAD,
      "fog-1 has sent no report for 5 min, 3 cameras, 2 replicas, newest answer 0.4 s old, "
      "1 frame waiting for the fog for 90 s");
  s = good_summary ();
  s.database_trouble = "connection refused";
  s.database_away = 4.25;
  s.waiting_events = 61;
  s.events_lag = 4;
  expect_sentence (&s, LIVE_BAD,
      "the database hasn't answered for 4.2 s (connection refused), 3 cameras, 2 replicas, newest "
      "answer 0.4 s old, 61 events waiting for the database for 4.0 s");
  s = good_summary ();
  s.frames = (LiveMissing){"camera", 9.1};
  /* the sentence doesn't name stopped cameras, because the missing topic is the cause */
  s.stopped = 3;
  s.stopped_camera = "cam-1";
  expect_sentence (&s, LIVE_BAD,
      "the topic \"camera\" has been missing for 9.1 s, 3 cameras, 2 replicas, newest answer 0.4 s "
      "old, nothing waiting");
  s = good_summary ();
  s.replicas = 0;
  expect_sentence (&s, LIVE_BAD, "no fog replica reports, 3 cameras, no replica");
  s.kafka_trouble = "";
  s.kafka_away = 8000;
  expect_sentence (&s, LIVE_BAD, "Kafka hasn't answered for 2.2 h");
}
GST_END_TEST;

GST_START_TEST (test_the_pages_first_line_warns_of_two_cameras_of_one_name)
{
  LiveSummary s = good_summary ();

  s.shared_name = "hall";
  expect_sentence (&s, LIVE_WARN,
      "hall is the name of two cameras, 3 cameras, 2 replicas, newest answer 0.4 s old, nothing "
      "waiting");
  s.stopped = 1;
  s.stopped_camera = "a\nb";
  s.stopped_for = 3;
  expect_sentence (&s, LIVE_BAD,
      "a\\u{a}b has given no frame for 3.0 s, hall is the name of two cameras, 3 cameras, 2 "
      "replicas, newest answer 0.4 s old, nothing waiting");
}
GST_END_TEST;

GST_START_TEST (test_the_sentence_warns_of_old_answers)
{
  LiveSummary s = good_summary ();

  s.newest = 34;
  expect_sentence (&s, LIVE_WARN, "3 cameras, 2 replicas, newest answer 34 s old, nothing waiting");
}
GST_END_TEST;

/* --- answers --- */

static const gchar *event =
    "{\"_id\":\"cam-1:9f2c41d0:1234\",\"camera\":\"cam-1\",\"seq\":1234,"
    "\"captured\":{\"$date\":\"2026-11-25T00:44:00.123Z\"},"
    "\"processed\":{\"$date\":{\"$numberLong\":\"1795567440523\"}},\"faces\":2,"
    "\"boxes\":[{\"x\":120,\"y\":96,\"w\":64,\"h\":65},{\"x\":0,\"y\":0,\"w\":1,\"h\":1}],"
    "\"width\":640,\"height\":480,\"replica\":\"fog-1\",\"more\":[1]}";

GST_START_TEST (test_answer_is_read)
{
  g_autoptr (LiveAnswer) answer = live_answer_parse (event, strlen (event), NULL);
  const LiveBox *box;

  fail_unless (answer != NULL);
  fail_unless_equals_string (answer->id, "cam-1:9f2c41d0:1234");
  fail_unless_equals_string (answer->camera, "cam-1");
  fail_unless_equals_string (answer->replica, "fog-1");
  fail_unless_equals_uint64 (answer->seq, 1234);
  fail_unless_equals_int64 (answer->captured, 1795567440123);
  fail_unless_equals_int64 (answer->processed, 1795567440523);
  fail_unless_equals_int (answer->faces, 2);
  fail_unless_equals_int (answer->boxes->len, 2);
  box = &g_array_index (answer->boxes, LiveBox, 0);
  fail_unless (box->x == 120 && box->y == 96 && box->w == 64 && box->h == 65);
  fail_unless_equals_int (answer->width, 640);
}
GST_END_TEST;

/* Runs the parser of gst-launch-1.0 on a printed command line. Returns the property camera of its
 * source; NULL: it is unset. */
static gchar *
find_camera (const gchar *line)
{
  g_auto (GStrv) words = NULL;
  g_autoptr (GstElement) pipeline = NULL, source = NULL, harmed = NULL;
  g_autofree gchar *uncommented = g_strdup (line);
  gchar *comment = strstr (uncommented, " # reads"), *camera;
  g_autoptr (GError) error = NULL;

  if (comment)
    *comment = '\0';
  fail_unless (g_shell_parse_argv (uncommented, NULL, &words, NULL), "%s", line);
  pipeline = gst_parse_launchv_full (
      (const gchar **) words + 2, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  fail_unless (pipeline && !error, "%s: %s", line, error ? error->message : "");
  source = gst_bin_get_by_interface (GST_BIN (pipeline), GST_TYPE_URI_HANDLER);
  harmed = gst_bin_get_by_name (GST_BIN (pipeline), "harm");
  fail_if (harmed, "%s", line);
  g_object_get (source, "camera", &camera, NULL);
  return camera;
}

/* A printed command line reads the frames of one camera only, because frames of other cameras may
 * be between a keyframe and the frame. If the camera's name can't be written in a command line, a
 * comment in the line says so. */
GST_START_TEST (test_a_printed_command_line_reads_the_frames_of_one_camera)
{
  static const gchar *const plain[] = {"cam-1", "the hall", "Tür 3!", "a=b", "$(reboot)", "`x`",
      "<0>", "a ! fakesink name=harm", "(x)", "-", "a;b", "#1", "a # b", "&", "\u4e2d\u6587", "%s",
      "{", "a  b", "c. b."};
  static const gchar *const odd[] = {"a\"b", "it's", "\\", "a\nb", "a\tb", " a", "a ", "",
      "\" ! fakesink name=harm", "' ! fakesink name=harm '", "\\\" ! fakesink name=harm \"",
      "a\u00a0b"};
  const LiveBroker broker = {"localhost:9092", NULL};
  LivePlace place = {"camera", 3, 1234};

  for (guint i = 0; i < G_N_ELEMENTS (plain); i++) {
    g_autofree gchar *line =
        live_place_make_line (&place, 1200, plain[i], &broker, "gst-launch-1.0 -q", "fakesink");
    g_autofree gchar *camera = find_camera (line);

    fail_unless_equals_string (camera, plain[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autofree gchar *line =
        live_place_make_line (&place, 1200, odd[i], &broker, "gst-launch-1.0 -q", "fakesink");
    g_autofree gchar *camera = find_camera (line);

    fail_if (camera, "%s", line);
    fail_unless (strstr (line, "other cameras"), "%s", line);
  }
}
GST_END_TEST;

GST_START_TEST (test_events_of_any_text_do_not_crash)
{
  static const gchar *const texts[] = {"", "null", "[]", "{}", "not JSON", "{\"_id\":7}",
      "{\"_id\":\"a\",\"faces\":-1}", "{\"_id\":\"a\",\"faces\":1e99}",
      "{\"_id\":\"a\",\"boxes\":7}", "{\"_id\":\"a\",\"boxes\":[7]}",
      "{\"_id\":\"a\",\"boxes\":[{\"x\":-1}]}", "{\"_id\":\"a\",\"boxes\":[{\"x\":4294967296}]}",
      "{\"_id\":\"a\",\"seq\":\"<script>\"}", "\xff\xfe"};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (live_answer_parse (texts[i], strlen (texts[i]), &error) == NULL, "%s", texts[i]);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
  }
}
GST_END_TEST;

GST_START_TEST (test_an_event_without_valid_dates_is_accepted)
{
  static const gchar *const texts[] = {"{\"_id\":\"a\"}", "{\"_id\":\"a\",\"captured\":7}",
      "{\"_id\":\"a\",\"captured\":{\"$date\":\"yesterday\"}}",
      "{\"_id\":\"a\",\"captured\":{\"$date\":{\"$numberLong\":7}}}",
      "{\"_id\":\"a\",\"captured\":{\"$date\":{\"$numberLong\":\"-5\"}}}"};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (LiveAnswer) answer = live_answer_parse (texts[i], strlen (texts[i]), NULL);

    fail_unless (answer != NULL, "%s", texts[i]);
    fail_unless_equals_int64 (answer->captured, 0);
    fail_unless (answer->camera == NULL);
  }
}
GST_END_TEST;

/* --- lag --- */

/* Returns the progress of a topic that got ten messages a second for a minute. */
static LiveProgress *
steady_lag (void)
{
  LiveProgress *lag = live_progress_new ();

  for (gint64 second = 0; second <= 60; second++)
    live_progress_add (lag, second * 1000, second * 10);
  return lag;
}

GST_START_TEST (test_a_frame_that_is_seen_late_does_not_revive_a_stopped_camera)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);

  live_camera_see (camera, "s", 5, 0, 1000);
  live_camera_tick (camera, TRUE, 1500);
  fail_if (camera->health == LIVE_CAMERA_STOPPED);
  live_camera_see (camera, "s", 3, 0, 3900);
  live_camera_tick (camera, TRUE, 4100);
  fail_unless_equals_int (camera->health, LIVE_CAMERA_STOPPED);
  live_camera_see (camera, "s", 6, 0, 4200);
  live_camera_tick (camera, TRUE, 4300);
  fail_if (camera->health == LIVE_CAMERA_STOPPED);
  live_camera_free (camera);
}
GST_END_TEST;

/* Gives the camera a report in which its still-interval is 10 s. */
static void
report_still (LiveCamera *camera, guint64 frames, guint64 last_seq, gint64 now)
{
  g_autoptr (FogReport) report = fog_report_new ("fog-1");
  FogReportCamera *own = fog_report_add_camera (report, "cam-1");

  report->seq = (guint64) now;
  report->frames = own->frames = frames;
  report->busy = 0.01 * (gdouble) frames;
  own->session = g_strdup ("s");
  own->last_seq = last_seq;
  own->max = 25;
  own->still_interval = 10;
  own->still = 249 * frames;
  live_camera_take_report (camera, report, own, now);
}

/* Checks that a camera that sends a frame every 10 s, because its picture stands still, counts
 * neither as stopped nor as late, nor as limited by its link. */
static void
check_still (LiveCamera *camera, gboolean watched)
{
  const gchar *reason;

  for (gint64 second = 1; second <= 120; second++) {
    gint64 now = 1000 * second;

    report_still (camera, second % 10 == 1, (guint64) second / 10, now);
    live_camera_tick (camera, watched, now);
    fail_unless (camera->health != LIVE_CAMERA_STOPPED, "after %d s", (gint) second);
    fail_unless (camera->health != LIVE_CAMERA_LATE, "after %d s", (gint) second);
  }
  fail_unless_equals_string (live_camera_get_bound (camera, 120000, &reason), "camera");
  fail_unless (strstr (reason, "stands still") != NULL, "%s", reason);
  live_camera_tick (camera, watched, 180000);
  fail_unless_equals_int (camera->health, LIVE_CAMERA_STOPPED);
}

GST_START_TEST (test_a_camera_whose_picture_stands_still_is_not_taken_for_dead)
{
  for (gint watched = 0; watched < 2; watched++) {
    LiveCamera *camera = live_camera_new ("cam-1", 0);

    check_still (camera, watched);
    live_camera_free (camera);
  }
}
GST_END_TEST;

/* Gives the camera a report in which its largest rate is @max, and the age of the counted frames is
 * @age (s). Every second report lists no frame of the camera. */
static void
give_report (LiveCamera *camera, guint64 seq, gdouble max, gdouble age, gint64 now)
{
  g_autoptr (FogReport) report = fog_report_new ("fog-1");
  FogReportCamera *own = fog_report_add_camera (report, "cam-1");

  report->seq = (guint64) now;
  report->interval = 0.5;
  report->frames = own->frames = seq % 2;
  report->busy = 0.3;
  report->lag = 20;
  report->age_p95 = report->age_p50 = age;
  own->session = g_strdup ("s");
  own->last_seq = seq;
  own->max = max;
  own->min = 1;
  live_camera_take_report (camera, report, own, now);
}

static void
report_slow (LiveCamera *camera, guint64 seq, gdouble max, gint64 now)
{
  give_report (camera, seq, max, 9, now);
}

static const gchar *
bound_at (gdouble max, const gchar **reason)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);
  const gchar *bound;
  gint64 now;

  for (now = 500; now <= 60000; now += 500) {
    report_slow (camera, (guint64) now / 500, max, now);
    live_camera_tick (camera, FALSE, now);
  }
  bound = live_camera_get_bound (camera, now, reason);
  live_camera_free (camera);
  return bound;
}

/* A camera that sends at its largest rate isn't bound by the fog, although the fog is slow, and
 * some reports list none of its frames. */
GST_START_TEST (test_a_camera_that_gets_its_largest_rate_is_not_bound_by_the_fog)
{
  const gchar *reason;

  fail_unless_equals_string (bound_at (2, &reason), "camera");
  fail_unless_equals_string (bound_at (4, &reason), "fog"); /* twice its minimum */
}
GST_END_TEST;

GST_START_TEST (test_a_camera_that_stops_after_three_frames_is_noticed)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);

  for (guint seq = 1; seq <= 3; seq++)
    live_camera_see (camera, "s", seq, 0, 200 * seq);
  for (gint64 now = 500; now <= 3500; now += 500)
    live_camera_tick (camera, TRUE, now);
  fail_unless_equals_int (camera->health, LIVE_CAMERA_STOPPED);
  live_camera_free (camera);
}
GST_END_TEST;

/* Returns the event of a frame that was captured at the time @captured (ms) of the camera's
 * clock. */
static LiveAnswer *
make_answer (const gchar *session, guint64 seq, gint64 captured, guint faces)
{
  g_autofree gchar *text = g_strdup_printf (
      "{\"_id\":\"cam-1:%s:%" G_GUINT64_FORMAT "\",\"camera\":\"cam-1\",\"seq\":%" G_GUINT64_FORMAT
      ",\"captured\":{\"$date\":{\"$numberLong\":\"%" G_GINT64_FORMAT
      "\"}},\"faces\":%u,\"boxes\":[],\"width\":640,\"height\":480}",
      session, seq, seq, captured, faces);

  return live_answer_parse (text, strlen (text), NULL);
}

static void
give_answer (LiveCamera *camera, const gchar *session, guint64 seq, gint64 captured, gint64 now)
{
  g_autoptr (LiveAnswer) answer = make_answer (session, seq, captured, (guint) seq);

  live_camera_take_answer (camera, answer, FALSE, now);
}

GST_START_TEST (test_events_are_shown_after_the_cameras_clock_is_set_back)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);
  const gint64 hour = 3600000;

  give_answer (camera, "s", 1, 2 * hour, hour);
  live_camera_tick (camera, FALSE, hour + 500);
  fail_unless_equals_int (camera->health, LIVE_CAMERA_GOOD);
  give_answer (camera, "s", 2, hour + 1000, hour + 1000);
  fail_unless_equals_int (camera->faces, 2);
  give_answer (camera, "s", 1, 2 * hour, hour + 1100); /* late */
  fail_unless_equals_int (camera->faces, 2);
  live_camera_tick (camera, FALSE, hour + 1500);
  fail_unless_equals_int (camera->health, LIVE_CAMERA_GOOD);
  live_camera_free (camera);
}
GST_END_TEST;

/* A camera whose clock is an hour ahead counts as late if its events stop although its frames
 * come. */
GST_START_TEST (test_a_camera_whose_clock_is_ahead_may_count_as_late)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);

  give_answer (camera, "s", 1, 3600000, 1000);
  for (guint seq = 2; seq < 20; seq++) {
    live_camera_see (camera, "s", seq, 3600000 + 500 * seq, 1000 + 500 * seq);
    live_camera_tick (camera, TRUE, 1000 + 500 * seq);
  }
  fail_unless_equals_int (camera->health, LIVE_CAMERA_LATE);
  live_camera_free (camera);
}
GST_END_TEST;

/* After a restart of a camera, events of frames from before the restart still come, and don't count
 * as those of a second camera. */
GST_START_TEST (test_a_restarted_camera_does_not_count_as_a_second_one)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);

  for (gint64 now = 0; now < 20000; now += 500) {
    gint64 sent = now - 4000; /* the fog is 4 s behind */

    live_camera_see (camera, now < 8000 ? "a" : "b", (guint64) now + 1, now, now);
    if (sent >= 0)
      give_answer (camera, sent < 8000 ? "a" : "b", (guint64) sent + 1, sent, now);
    fail_if (live_senders_are_two (&camera->senders, now), "at %d ms", (gint) now);
  }
  fail_unless_equals_string (camera->session, "b");
  live_camera_free (camera);
}
GST_END_TEST;

GST_START_TEST (test_two_cameras_of_one_name_are_noticed)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);
  const gchar *reason;
  gint64 now;

  for (now = 0; now < 8000; now += 250) {
    live_camera_see (camera, "a", (guint64) now + 1, now, now);
    live_camera_see (camera, "b", (guint64) now / 2 + 1, now, now);
    live_camera_tick (camera, TRUE, now);
  }
  fail_unless (live_senders_are_two (&camera->senders, now));
  fail_unless_equals_string (live_camera_get_bound (camera, now, &reason), "unknown");
  fail_unless (strstr (reason, "two cameras send under this name") != NULL, "%s", reason);
  /* Messages of the two cameras in turn don't restart the measurement of the rate. */
  fail_unless (isfinite (camera->given));
  /* When one of the two cameras is switched off, the other one counts as the only camera of this
   * name. */
  for (; now < 40000; now += 250) {
    live_camera_see (camera, "a", (guint64) now + 1, now, now);
    live_camera_tick (camera, TRUE, now);
    fail_if (camera->health == LIVE_CAMERA_STOPPED, "at %d ms", (gint) now);
  }
  fail_if (live_senders_are_two (&camera->senders, now));
  fail_unless_equals_string (camera->session, "a");
  live_camera_free (camera);
}
GST_END_TEST;

/* Five cameras send under one name, as replicas of an edge would. */
GST_START_TEST (test_five_cameras_of_one_name_are_noticed)
{
  static const gchar *const sessions[] = {"a", "b", "c", "d", "e"};
  LiveCamera *camera = live_camera_new ("cam-1", 0);
  gint64 now;

  for (now = 0; now < 8000; now += 250)
    for (guint i = 0; i < G_N_ELEMENTS (sessions); i++)
      live_camera_see (camera, sessions[i], (guint64) now + 1, now, now);
  fail_unless (live_senders_are_two (&camera->senders, now));
  live_camera_free (camera);
}
GST_END_TEST;

/* If the fog is 30 s behind, events of a session that ended before the page began don't count as
 * those of a second camera. */
GST_START_TEST (test_late_events_of_an_old_session_do_not_count_as_a_second_camera)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);

  for (gint64 now = 60000; now < 80000; now += 500) {
    live_camera_see (camera, "new", (guint64) now, now, now);
    give_answer (camera, "old", (guint64) now, now - 30000, now);
    fail_if (live_senders_are_two (&camera->senders, now), "at %d ms", (gint) now);
  }
  live_camera_free (camera);
}
GST_END_TEST;

/* Events that come 8 s late don't make a camera late, because the fog's reports say that newer
 * frames were counted. */
GST_START_TEST (test_late_events_do_not_make_a_camera_late)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);

  for (guint64 n = 1; n <= 20; n++) {
    gint64 now = 100000 + (gint64) n * 500;

    give_report (camera, n, 4, 0.1, now);
    give_answer (camera, "s", n, now - 8000, now);
    live_camera_tick (camera, FALSE, now);
    fail_if (camera->health == LIVE_CAMERA_LATE, "at %d ms", (gint) now);
    fail_unless_equals_int (camera->faces, (gint) n);
  }
  live_camera_free (camera);
}
GST_END_TEST;

/* --- names --- */

GST_START_TEST (test_invisible_characters_in_names_are_shown_as_escapes)
{
  static const gchar *const names[][2] = {
      {"hall", "hall"},
      {"a\nb\tc", "a\\u{a}b\\u{9}c"},
      {"\342\200\256gnp.live", "\\u{202e}gnp.live"},
      {"\342\200\213", "\\u{200b}"},
      {"\342\200\250", "\\u{2028}"},
      {"\303\204\342\200\214\360\237\223\267", "\303\204\342\200\214\360\237\223\267"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *visible = live_name_make_visible (names[i][0]);

    fail_unless_equals_string (visible, names[i][1]);
  }
}
GST_END_TEST;

/* Events that come later than the reports about the same frames don't change the number of faces to
 * 0 and back, nor is a frame shown without faces before its event comes. */
GST_START_TEST (test_late_events_do_not_make_the_number_of_faces_flicker)
{
  static const gint64 delays[] = {0, 1400, 2500, 8000, 60000};

  for (guint i = 0; i < G_N_ELEMENTS (delays); i++) {
    LiveCamera *camera = live_camera_new ("cam-1", 0);
    gint64 now = 100000, left;

    for (guint64 n = 1; n <= 40; n++) {
      now = 100000 + (gint64) n * 500;
      give_report (camera, n, 4, 0.1, now);
      if (n > 2)
        fail_unless (camera->faces > 0, "%d ms late", (gint) delays[i]);
      give_answer (camera, "s", n, now - delays[i], now + 200);
      fail_unless (n <= 2 || live_camera_get_settled (camera, 0) <= now - delays[i]);
    }
    /* When no face is left in the pictures, no event comes, but reports go on. */
    for (left = now; camera->faces && now - left < 120000; now += 500)
      give_report (camera, (guint64) (now / 500) | 1, 4, 0.1, now);
    fail_unless (
        now - left <= delays[i] + 3000, "%d ms late: %d ms", (gint) delays[i], (gint) (now - left));
    live_camera_free (camera);
  }
}
GST_END_TEST;

/* After an event that is five minutes late, a person who leaves isn't shown for five minutes. */
GST_START_TEST (test_one_late_event_does_not_keep_faces_for_long)
{
  LiveCamera *camera = live_camera_new ("cam-1", 0);
  const gint64 left = 1000000;
  gint64 now = left;

  give_report (camera, 1, 4, 0.1, now);
  give_answer (camera, "s", 2, now, now);
  give_answer (camera, "s", 1, now - 300000, now);
  fail_unless_equals_int (camera->faces, 2);
  for (guint64 seq = 3; camera->faces && now - left < 150000; seq += 2)
    give_report (camera, seq, 4, 0.1, now += 500);
  fail_unless_equals_int (camera->faces, 0);
  fail_unless (now - live_camera_get_settled (camera, 0) < 150000);
  live_camera_free (camera);
}
GST_END_TEST;

/* --- the clock of this machine --- */

static void
expect_sentence_of (LiveModel *model, gint64 now, const gchar *start)
{
  g_autoptr (GBytes) json = live_model_make_state (model, now);
  g_autofree gchar *expected = g_strconcat ("\"sentence\":\"", start, NULL);

  fail_unless (g_strstr_len (g_bytes_get_data (json, NULL), (gssize) g_bytes_get_size (json),
                   expected) != NULL,
      "%.*s", (int) g_bytes_get_size (json), (const gchar *) g_bytes_get_data (json, NULL));
}

static void
confirm_and_tick (LiveModel *model, gint64 now)
{
  live_model_confirm_kafka (model, now);
  live_model_tick (model, now);
}

static void
answer_and_tick (LiveModel *model, guint64 seq, gint64 now)
{
  g_autoptr (LiveAnswer) answer = make_answer ("s", seq, now, 1);

  live_model_take_answer (model, answer, now);
  confirm_and_tick (model, now);
}

/* A replica that replaces a killed one counts frames again. The lateness of their events, which
 * come again, isn't expected of the events of newer frames. */
GST_START_TEST (test_repeated_events_do_not_make_the_next_ones_late)
{
  const LiveBrokers brokers = {{"localhost", NULL}, {"localhost", NULL}};
  LiveModel *model = live_model_new (&brokers, "none", 1000);
  gint64 settled;

  for (guint64 seq = 1; seq <= 10; seq++)
    answer_and_tick (model, seq, 1000 * (gint64) seq);
  settled = live_model_get_settled (model, "cam-1", 0);
  for (guint64 seq = 1; seq <= 10; seq++) {
    g_autoptr (LiveAnswer) answer = make_answer ("s", seq, 1000 * (gint64) seq, 1);

    live_model_take_answer (model, answer, 200000);
  }
  fail_unless_equals_int64 (live_model_get_settled (model, "cam-1", 0), settled);
  live_model_free (model);
}
GST_END_TEST;

/* Returns the time (ms) of the newest sample of the history. */
static gint64
last_sample (LiveModel *model)
{
  g_autoptr (GBytes) json = live_model_make_history (model);
  g_autofree gchar *text = g_strndup (g_bytes_get_data (json, NULL), g_bytes_get_size (json));
  const gchar *marks = strstr (text, "],\"marks\""), *at = marks;

  while (*at != '[')
    at--;
  return g_ascii_strtoll (at + 1, NULL, 10);
}

GST_START_TEST (test_setting_the_machines_clock_makes_no_camera_stop)
{
  const LiveBrokers brokers = {{"localhost", NULL}, {"localhost", NULL}};
  const gint64 begin = 1795567441000, hour = 3600000;
  LiveModel *model = live_model_new (&brokers, "none", begin);
  gint64 now = begin;
  guint64 seq = 1;

  for (; now < begin + 5000; now += 500)
    answer_and_tick (model, seq++, now);
  /* Forward: nobody has stopped. */
  now += hour;
  confirm_and_tick (model, now);
  expect_sentence_of (model, now, "no fog replica reports, 1 camera");
  answer_and_tick (model, seq++, now);
  /* After the clock is set back, the history continues, and a camera that stops is noticed. */
  now -= 2 * hour;
  answer_and_tick (model, seq++, now);
  for (guint i = 0; i < 10; i++)
    confirm_and_tick (model, now += 500);
  fail_unless (last_sample (model) > now - 2000 && last_sample (model) <= now);
  expect_sentence_of (model, now, "no fog replica reports, cam-1 has given no frame for 5.0 s");
  live_model_free (model);
}
GST_END_TEST;

static gboolean
is_marked (LiveModel *model, const gchar *text)
{
  g_autoptr (GBytes) json = live_model_make_history (model);

  return g_strstr_len (g_bytes_get_data (json, NULL), (gssize) g_bytes_get_size (json), text) !=
         NULL;
}

static void
take_report (LiveModel *model, guint64 seq, gint64 now)
{
  g_autoptr (FogReport) report = fog_report_new ("fog-1");

  report->seq = seq;
  live_model_take_report (model, report, now);
}

GST_START_TEST (test_nothing_counts_as_silent_while_kafka_does_not_answer)
{
  const LiveBrokers brokers = {{"localhost", NULL}, {"localhost", NULL}};
  LiveModel *model = live_model_new (&brokers, "none", 1000);
  gint64 now = 1000;

  for (guint64 seq = 1; seq < 10; seq++) {
    take_report (model, seq, now += 500);
    answer_and_tick (model, seq, now);
  }
  /* Kafka doesn't answer any more, but no request to it has failed yet. */
  for (guint i = 0; i < 20; i++)
    live_model_tick (model, now += 500);
  live_model_set_trouble (model, LIVE_KAFKA, "timed out", now);
  live_model_tick (model, now += 500);
  fail_if (is_marked (model, "cam-1 stopped") || is_marked (model, "fog-1 fell silent"));
  /* When Kafka answers again, a camera and a replica that stay silent are reported. */
  live_model_set_trouble (model, LIVE_KAFKA, NULL, now);
  for (guint i = 0; i < 40; i++)
    confirm_and_tick (model, now += 500);
  fail_unless (is_marked (model, "cam-1 stopped") && is_marked (model, "fog-1 fell silent"));
  live_model_free (model);
}
GST_END_TEST;

GST_START_TEST (test_lag_in_messages_and_seconds)
{
  LiveProgress *lag = steady_lag ();
  gdouble seconds;

  fail_unless_equals_float (live_progress_get_rate (lag, 5), 10);
  fail_unless_equals_int64 (live_progress_get_lag (lag, 60000, 600, 1500, &seconds), 0);
  fail_unless_equals_float (seconds, 0);
  /* Messages of the last 1.5 s don't count, because they may still be on their way. */
  fail_unless_equals_int64 (live_progress_get_lag (lag, 60000, 590, 1500, &seconds), 0);
  fail_unless_equals_int64 (live_progress_get_lag (lag, 60000, 300, 1500, &seconds), 280);
  fail_unless_equals_float (seconds, 29);
  live_progress_free (lag);
}
GST_END_TEST;

GST_START_TEST (test_the_lag_is_measured_anew_if_the_topic_is_created_again)
{
  LiveProgress *lag = steady_lag ();
  gdouble seconds;

  live_progress_add (lag, 61000, 5);
  fail_unless (isnan (live_progress_get_rate (lag, 5)));
  fail_unless_equals_int64 (live_progress_get_lag (lag, 61000, 600, 0, &seconds), 0);
  live_progress_free (lag);
}
GST_END_TEST;

GST_START_TEST (test_the_lag_is_known_for_the_last_ten_minutes)
{
  LiveProgress *lag = live_progress_new ();
  gdouble seconds;

  for (gint64 second = 0; second <= 5000; second++)
    live_progress_add (lag, second * 1000, second);
  fail_unless_equals_int64 (live_progress_get_lag (lag, 5000000, 0, 0, &seconds), 5000);
  fail_unless_equals_float (seconds, 599);
  live_progress_free (lag);
}
GST_END_TEST;

/* --- the token --- */

GST_START_TEST (test_a_token_must_be_long_and_without_spaces)
{
  static const gchar *const wrong[] = {"", "short", "123456789012345", "a token with a space in it",
      "with\na line break", "s\303\266 nicht, mein Freund"};

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (live_token_new (wrong[i], &error) == NULL);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT));
  }
}
GST_END_TEST;

GST_START_TEST (test_only_the_token_gives_access)
{
  LiveToken *token = live_token_new ("0123456789abcdef", NULL);
  LiveToken *other = live_token_new ("0123456789abcdef", NULL);
  g_autofree gchar *cookie = g_strdup_printf ("a=b; fog-live=%s", live_token_get_session (token));

  fail_unless (live_token_allows (token, "Bearer 0123456789abcdef", NULL));
  fail_unless (live_token_allows (token, NULL, cookie));
  fail_if (live_token_allows (token, NULL, NULL));
  fail_if (live_token_allows (token, "", ""));
  fail_if (live_token_allows (token, "Bearer ", "fog-live="));
  fail_if (live_token_allows (token, "Bearer 0123456789abcdeF", NULL));
  fail_if (live_token_allows (token, "Bearer 0123456789abcdef0", NULL));
  fail_if (live_token_allows (token, "Basic 0123456789abcdef", NULL));
  fail_if (live_token_allows (token, NULL, "fog-live=0123456789abcdef"));
  fail_if (live_token_allows (other, NULL, cookie),
      "a session stays valid over a restart of the server");
  live_token_free (token);
  live_token_free (other);
}
GST_END_TEST;

static gboolean
may_guess (LiveGuesses *guesses, const gchar *from, gint64 now)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (from);

  return live_guesses_allow (guesses, address, now);
}

static void
guess (LiveGuesses *guesses, const gchar *from, guint times, gint64 now)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (from);

  for (guint i = 0; i < times; i++)
    live_guesses_count (guesses, address, now);
}

GST_START_TEST (test_wrong_guesses_delay_only_their_own_address)
{
  LiveGuesses *guesses = live_guesses_new ();
  const gint64 minute = 60 * G_USEC_PER_SEC;

  guess (guesses, "10.0.0.1", 9, 0);
  fail_unless (may_guess (guesses, "10.0.0.1", 0));
  guess (guesses, "10.0.0.1", 1, 0);
  fail_if (may_guess (guesses, "10.0.0.1", minute));
  fail_unless (may_guess (guesses, "10.0.0.2", minute));
  fail_unless (may_guess (guesses, "10.0.0.1", minute + 1));
  guess (guesses, "2001:db8::1", 10, minute);
  fail_if (may_guess (guesses, "2001:db8::ffff:2", minute));
  fail_unless (may_guess (guesses, "2001:db8:0:1::1", minute));
  live_guesses_free (guesses);
}
GST_END_TEST;

/* After wrong guesses from thousands of addresses, every unknown address has to wait, so the
 * addresses that the server remembers are bounded. */
GST_START_TEST (test_guesses_from_too_many_addresses_delay_unknown_addresses)
{
  LiveGuesses *guesses = live_guesses_new ();

  for (guint i = 0; i < 3000; i++) {
    g_autofree gchar *from = g_strdup_printf ("10.0.%u.%u", i / 250, i % 250);

    guess (guesses, from, 1, 0);
  }
  fail_if (may_guess (guesses, "10.9.9.9", 0));
  /* An address that the server remembers has guesses left. */
  fail_unless (may_guess (guesses, "10.0.0.0", 0));
  fail_unless (may_guess (guesses, "10.9.9.9", 61 * G_USEC_PER_SEC));
  live_guesses_free (guesses);
}
GST_END_TEST;

GST_START_TEST (test_without_a_token_all_users_of_the_machine_have_access)
{
  LiveToken *token = live_token_new (NULL, NULL);

  fail_unless (live_token_allows (token, NULL, NULL));
  fail_if (live_token_matches (token, ""));
  live_token_free (token);
}
GST_END_TEST;

GST_START_TEST (test_only_names_of_loopback_count_as_this_machine)
{
  static const gchar *const good[] = {
      "localhost", "localhost:8090", "LOCALHOST", "127.0.0.1:1", "127.9.9.9", "[::1]:8090"};
  static const gchar *const wrong[] = {"", "example.org", "localhost.example.org",
      "127.0.0.1.nip.io", "10.0.0.1", "user@localhost", "localhost/x", "[::2]", "localhost:x"};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    fail_unless (live_host_is_loopback (good[i]), "%s", good[i]);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    fail_if (live_host_is_loopback (wrong[i]), "%s", wrong[i]);
  fail_if (live_host_is_loopback (NULL));
}
GST_END_TEST;

/* --- JSON, history --- */

static void
expect_json (GBytes *json, const gchar *expected)
{
  g_autofree gchar *text = g_strndup (g_bytes_get_data (json, NULL), g_bytes_get_size (json));

  fail_unless_equals_string (text, expected);
  g_bytes_unref (json);
}

GST_START_TEST (test_json_has_null_for_unknown_values)
{
  JsonBuilder *json = live_json_new ();

  live_json_number (json, "a", NAN);
  live_json_number (json, "b", 30);
  live_json_number (json, "c", 0.1254);
  live_json_text (json, "d", NULL);
  live_json_text (json, "e", "</script>\"");
  live_json_time (json, "f", 0);
  live_json_number (json, "g", 1.5e15);
  live_json_number (json, "h", 1e18);
  expect_json (live_json_end (json), "{\"a\":null,\"b\":30,\"c\":0.125,\"d\":null,"
                                     "\"e\":\"</script>\\\"\",\"f\":null,\"g\":1500000000000000.0,"
                                     "\"h\":9.9999999999999987e+17}");
}
GST_END_TEST;

GST_START_TEST (test_history_keeps_the_samples_of_half_an_hour)
{
  LiveHistory *history = live_history_new ();
  JsonBuilder *json = live_json_new ();
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GBytes) text = NULL;
  JsonArray *samples, *marks;

  for (gint i = 0; i < 2000; i++) {
    live_history_add (history, (LiveSample){i, NAN});
    live_history_mark (history, i, "camera", "<b>");
  }
  live_history_to_json (history, json);
  text = live_json_end (json);
  fail_unless (json_parser_load_from_data (
      parser, g_bytes_get_data (text, NULL), (gssize) g_bytes_get_size (text), NULL));
  samples = json_object_get_array_member (
      json_node_get_object (json_parser_get_root (parser)), "samples");
  marks =
      json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "marks");
  fail_unless_equals_int (json_array_get_length (samples), 1800);
  fail_unless_equals_int (
      json_array_get_int_element (json_array_get_array_element (samples, 0), 0), 200);
  fail_unless (json_array_get_null_element (json_array_get_array_element (samples, 0), 1));
  fail_unless_equals_int (json_array_get_length (marks), 200);
  expect_json (
      live_history_take_mark (history), "{\"time\":1800,\"kind\":\"camera\",\"text\":\"<b>\"}");
  live_history_free (history);
}
GST_END_TEST;

/* --- the budget for reading frames --- */

/* Simulates reading frames at @rate (bytes/s) while the budget permits it, in steps of 125 ms.
 * Returns the bytes/s that were read. */
static gdouble
read_for (gdouble rate, guint seconds, guint *longest_rest)
{
  LiveBudget budget = {0};
  gdouble bytes = 0;
  guint rest = 0;

  *longest_rest = 0;
  for (gint64 now = 1000; now < 1000 + seconds * 1000; now += 125) {
    gboolean allowed = live_budget_allows (&budget, now, (guint64) bytes);

    bytes += allowed ? rate / 8 : 0;
    rest = allowed ? 0 : rest + 125;
    *longest_rest = MAX (*longest_rest, rest);
  }
  return bytes / seconds;
}

GST_START_TEST (test_the_budget_permits_all_frames_at_a_low_rate)
{
  guint rest;

  fail_unless (read_for (0.9 * LIVE_BUDGET_RATE, 100, &rest) > 0.89 * LIVE_BUDGET_RATE);
  fail_unless_equals_int (rest, 0);
}
GST_END_TEST;

GST_START_TEST (test_the_budget_pauses_at_a_high_rate_of_frames)
{
  guint rest;

  fail_unless (read_for (10 * LIVE_BUDGET_RATE, 100, &rest) < 1.3 * LIVE_BUDGET_RATE);
  fail_unless (rest >= 1000 && rest <= 4000, "rests for %u ms", rest);
}
GST_END_TEST;

/* --- pictures --- */

GST_START_TEST (test_size_of_a_jpeg)
{
  /* a JPEG file: SOI, a comment, a fill byte, a table, and the header of a baseline frame of
   * 640x480 */
  static const guint8 jpeg[] = {0xff, 0xd8, 0xff, 0xfe, 0, 4, 'a', 'b', 0xff, 0xff, 0xc4, 0, 3, 0,
      0xff, 0xc0, 0, 17, 8, 1, 0xe0, 2, 0x80, 3, 1, 0x22, 0};
  gint width = 0, height = 0;

  fail_unless (live_jpeg_get_size (jpeg, sizeof jpeg, &width, &height));
  fail_unless (width == 640 && height == 480);
  for (gsize size = 0; size < 23; size++)
    fail_if (live_jpeg_get_size (jpeg, size, &width, &height), "%u bytes", (guint) size);
}
GST_END_TEST;

GST_START_TEST (test_size_of_a_png)
{
  guint8 png[24] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\x80\0\0\1\xe0";
  gint width = 0, height = 0;

  fail_unless (live_png_get_size (png, sizeof png, &width, &height));
  fail_unless_equals_int (width, 640);
  fail_unless_equals_int (height, 480);
  for (gsize size = 0; size < sizeof png; size++)
    fail_if (live_png_get_size (png, size, &width, &height));
  png[16] = 0x80; /* a width above the range of an int */
  fail_if (live_png_get_size (png, sizeof png, &width, &height));
  png[0] = 0;
  fail_if (live_png_get_size (png, sizeof png, &width, &height));
}
GST_END_TEST;

GST_START_TEST (test_reading_the_size_of_a_broken_jpeg_does_not_crash)
{
  guint8 data[64];
  gint width, height;

  for (guint round = 0; round < 20000; round++) {
    for (guint i = 0; i < sizeof data; i++)
      data[i] = g_random_int_range (0, 4) ? 0xff : (guint8) g_random_int ();
    data[1] = 0xd8;
    live_jpeg_get_size (data, sizeof data, &width, &height);
  }
  fail_if (live_jpeg_get_size ((const guint8 *) "<script>", 8, &width, &height));
}
GST_END_TEST;

#define SIDE 40

/* Fills @data with a picture in which each pixel differs from its neighbours. */
static LivePixels
make_pixels (guint8 *data)
{
  for (gsize i = 0; i < SIDE * SIDE * 3; i++)
    data[i] = (guint8) (i * 37);
  return (LivePixels){data, SIDE, SIDE, SIDE * 3};
}

static gboolean
is_untouched (const guint8 *data, gint x, gint y)
{
  gsize i = ((gsize) y * SIDE + (gsize) x) * 3;

  return data[i] == (guint8) (i * 37);
}

GST_START_TEST (test_blur_hides_the_face_and_keeps_the_rest)
{
  static guint8 data[SIDE * SIDE * 3];
  LivePixels pixels = make_pixels (data);
  LiveBox box = {10, 10, 20, 20};

  live_blur_face (&pixels, &box);
  /* One square, one colour. */
  for (guint c = 0; c < 3; c++)
    fail_unless_equals_int (data[(12 * SIDE + 12) * 3 + c], data[(15 * SIDE + 15) * 3 + c]);
  fail_unless (is_untouched (data, 0, 0) && is_untouched (data, 39, 39));
  fail_if (is_untouched (data, 8, 20), "the margin isn't blurred");
}
GST_END_TEST;

/* A viewer sees no more detail in many pictures of a face than in one, because the squares of the
 * blur don't move with the box. */
GST_START_TEST (test_the_squares_of_a_blur_stay_while_a_box_moves_slightly)
{
  static guint8 data[SIDE * SIDE * 3], moved[SIDE * SIDE * 3];
  LivePixels pixels = make_pixels (data), other;

  live_blur_face (&pixels, &(LiveBox){10, 10, 19, 19});
  for (gint i = 0; i < 9; i++) {
    other = make_pixels (moved);
    live_blur_face (&other, &(LiveBox){9 + i % 3, 9 + i / 3, 18 + i % 3, 18 + i % 2});
    for (guint y = 12; y < 26; y++)
      fail_unless (memcmp (data + (y * SIDE + 12) * 3, moved + (y * SIDE + 12) * 3, 14 * 3) == 0);
  }
}
GST_END_TEST;

GST_START_TEST (test_blur_accepts_any_box)
{
  static const LiveBox boxes[] = {{0, 0, 0, 0}, {39, 39, 100, 100}, {1000, 1000, 5, 5},
      {G_MAXINT32, G_MAXINT32, G_MAXINT32, G_MAXINT32}, {0, 0, G_MAXINT32, 1}, {5, 5, 1, 1}};
  static guint8 data[SIDE * SIDE * 3];
  LivePixels pixels = make_pixels (data);

  for (guint i = 0; i < G_N_ELEMENTS (boxes); i++)
    live_blur_face (&pixels, &boxes[i]);
  live_blur_picture (&pixels);
  fail_if (is_untouched (data, 20, 20));
}
GST_END_TEST;

/* --- decoding --- */

/* Returns: (transfer full): a JPEG of one shade of gray. */
static GBytes *
make_jpeg (guint8 shade)
{
  g_autoptr (GstCaps) caps =
      gst_caps_from_string ("video/x-raw, format=GRAY8, width=64, height=64, framerate=25/1");
  GstBuffer *raw = gst_buffer_new_allocate (NULL, 64 * 64, NULL);
  g_autoptr (GstSample) sample = NULL;
  gpointer data;
  gsize size;

  gst_buffer_memset (raw, 0, shade, 64 * 64);
  sample = live_decode_pass ("jpegenc", raw, caps, NULL);
  fail_unless (sample != NULL);
  gst_buffer_extract_dup (gst_sample_get_buffer (sample), 0, G_MAXSIZE, &data, &size);
  gst_buffer_unref (raw);
  return g_bytes_new_take (data, size);
}

/* Makes a frame with a JPEG. @part: number of bytes to which the JPEG is cut, or 0 for all */
static LiveFrame *
make_coded (guint8 shade, GstClockTime pts, gsize part)
{
  g_autoptr (GBytes) whole = make_jpeg (shade);
  LiveFrame *frame = g_new0 (LiveFrame, 1);

  g_atomic_ref_count_init (&frame->refs);
  frame->caps = gst_caps_from_string ("image/jpeg, width=64, height=64, framerate=25/1");
  frame->pts = pts;
  frame->size = part ? part : g_bytes_get_size (whole);
  frame->bytes = g_bytes_new_from_bytes (whole, 0, frame->size);
  return frame;
}

/* Decodes two frames with the timestamps @first and @second. Returns: (nullable) (transfer full):
 * the picture of the second frame. */
static GstSample *
decode_two (GstClockTime first, GstClockTime second, gsize part, GError **error)
{
  GPtrArray *run = g_ptr_array_new_with_free_func ((GDestroyNotify) live_frame_unref);
  GstSample *sample;

  g_ptr_array_add (run, make_coded (40, first, 0));
  g_ptr_array_add (run, make_coded (200, second, part));
  sample = live_decode (run, error);
  g_ptr_array_unref (run);
  return sample;
}

/* timestamps of two frames: increasing, equal, the second one unknown, decreasing */
static const GstClockTime times[][2] = {{7, 8}, {7, 7}, {7, GST_CLOCK_TIME_NONE}, {8, 7}};

GST_START_TEST (test_the_wanted_frame_is_decoded)
{
  /* The last case is left out, because jpegdec changes a timestamp that is before the last one. */
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GstSample) sample = decode_two (times[i][0], times[i][1], 0, NULL);
    guint8 shade;

    fail_unless (sample != NULL, "times %u", i);
    gst_buffer_extract (gst_sample_get_buffer (sample), 0, &shade, 1);
    fail_unless (shade > 180, "times %u: %u", i, shade);
  }
}
GST_END_TEST;

/* If a frame can't be decoded, the picture of another frame isn't shown for it, because the boxes
 * of its faces would blur the wrong places. */
GST_START_TEST (test_a_damaged_frame_is_an_error_and_not_the_picture_before_it)
{
  g_autoptr (GBytes) whole = make_jpeg (200);
  /* Half of the JPEG still contains the picture's size. */
  gsize part = g_bytes_get_size (whole) / 2;

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (decode_two (times[i][0], times[i][1], part, &error) == NULL, "times %u", i);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
    fail_unless (g_str_has_prefix (error->message, "The frame can't be decoded"));
  }
}
GST_END_TEST;

/* --- what Kafka refuses --- */

#define REFUSALS 20

static void
refuse (KafkaMock *mock, gint16 request)
{
  for (guint i = 0; i < REFUSALS; i++)
    rd_kafka_mock_push_request_errors (
        mock->cluster, request, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
}

static gboolean
count_sample (GstSample *sample, gpointer n)
{
  ++*(guint *) n;
  return TRUE;
}

/* If Kafka refuses to read the window of time travel, that is an error, and not a window without
 * frames. */
GST_START_TEST (test_a_window_that_cannot_be_read_is_an_error)
{
  KafkaMock mock;
  LiveSource source = {.topic = (gchar *) "camera"};
  gint64 now = g_get_real_time () / 1000;
  g_autoptr (GError) error = NULL;
  gboolean complete = TRUE;
  guint n = 0;

  kafka_mock_start (&mock, "camera", 1);
  source.servers = (gchar *) mock.servers;
  refuse (&mock, KAFKA_API_LIST_OFFSETS);
  fail_if (
      live_fetch_window (&source, "cam-1", now - 60000, now, count_sample, &n, &complete, &error));
  fail_unless (error && strstr (error->message, "camera"));
  fail_if (complete);
  fail_unless_equals_int (n, 0);
  kafka_mock_stop (&mock);
}
GST_END_TEST;

GST_START_TEST (test_a_run_of_frames_that_cannot_be_read_is_an_error)
{
  KafkaMock mock;
  LiveSource source = {.topic = (gchar *) "camera"};
  LiveFrame frame = {.camera = (gchar *) "cam-1", .place = {(gchar *) "camera", 0, 0}};
  g_autoptr (GError) error = NULL;

  kafka_mock_start (&mock, "camera", 1);
  kafka_mock_produce (&mock, "camera", 0, NULL, "x", 1, 0, NULL);
  source.servers = (gchar *) mock.servers;
  refuse (&mock, KAFKA_API_FETCH);
  fail_if (live_fetch_run (&source, &frame, 10, &error) != NULL);
  fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_FAILED), "%s", error->message);
  kafka_mock_stop (&mock);
}
GST_END_TEST;

/* --- zones --- */

#define TRIANGLE "[[0,0],[1,0],[1,1]]"

static void
expect_saved (const gchar *before, const gchar *wish, const gchar *expected)
{
  g_autofree gchar *path = g_strdup_printf ("%s/live-zones-XXXXXX", g_get_tmp_dir ());
  g_autofree gchar *found = NULL;
  gint file = g_mkstemp (path);

  fail_unless (file >= 0 && g_file_set_contents (path, before, -1, NULL));
  fail_unless (live_zones_save (path, wish, strlen (wish), NULL), "%s", wish);
  fail_unless (g_file_get_contents (path, &found, NULL, NULL));
  fail_unless_equals_string (found, expected);
  g_close (file, NULL);
  g_unlink (path);
}

static void
refuse_zones (const gchar *path, const gchar *said)
{
  static const gchar *const wish = "{\"camera\":\"a\"}";
  g_autoptr (GError) error = NULL;

  fail_if (live_zones_make (path, &error) != NULL, "%s", path);
  fail_unless (strstr (error->message, said), "%s", error->message);
  fail_if (live_zones_save (path, wish, strlen (wish), NULL), "%s", path);
}

/* A pipe or a device has no end, so the page would wait for it, or fill its memory. */
GST_START_TEST (test_only_a_small_regular_file_is_read_as_zones)
{
  g_autofree gchar *directory = g_dir_make_tmp ("live-zones-XXXXXX", NULL);
  g_autofree gchar *pipe = g_build_filename (directory, "pipe", NULL);
  g_autofree gchar *large = g_build_filename (directory, "large", NULL);
  g_autofree gchar *spaces = g_strnfill (1024 * 1024 + 1, ' ');

  fail_unless_equals_int (mkfifo (pipe, 0600), 0);
  fail_unless (g_file_set_contents (large, spaces, -1, NULL));
  refuse_zones (pipe, "regular file");
  refuse_zones ("/dev/zero", "regular file");
  refuse_zones (directory, "regular file");
  refuse_zones (large, "larger than 1024 KiB");
  g_unlink (pipe);
  g_unlink (large);
  g_rmdir (directory);
}
GST_END_TEST;

/* If all zones of a camera are removed, the file keeps an empty entry for it, because without an
 * entry the zones of the camera "*" would apply. */
GST_START_TEST (test_a_camera_whose_zones_were_removed_stays_without_zones)
{
  static const gchar *const rest = "{\"*\":{\"masks\":[" TRIANGLE "]}}";

  expect_saved ("{\"a\":{\"masks\":[" TRIANGLE "]}}", "{\"camera\":\"a\"}", "{}");
  expect_saved (rest, "{\"camera\":\"a\",\"zones\":{},\"masks\":[]}",
      "{\"*\":{\"masks\":[" TRIANGLE "]},\"a\":{}}");
  expect_saved (rest, "{\"camera\":\"*\"}", "{}");
}
GST_END_TEST;

/* The address that a connection's requests give must not keep the socket after the connection. */
GST_START_TEST (test_nothing_of_a_connection_is_left)
{
  GSocketListener *listener = g_socket_listener_new ();
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  GSocketClient *client = g_socket_client_new ();
  GSocketConnection *there =
      g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, NULL);
  GSocketConnection *here = g_socket_listener_accept (listener, NULL, NULL, NULL);
  GSocketAddress *address = live_socket_make_address (here);
  gpointer socket = g_socket_connection_get_socket (here);

  fail_unless (G_IS_INET_SOCKET_ADDRESS (address));
  g_object_add_weak_pointer (socket, &socket);
  g_object_unref (here);
  fail_unless (socket != NULL);
  g_object_unref (address);
  fail_unless (socket == NULL);
  g_object_unref (there);
  g_object_unref (client);
  g_object_unref (listener);
}
GST_END_TEST;

static Suite *
live_suite (void)
{
  Suite *s = suite_create ("live");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_nothing_of_a_connection_is_left);
  tcase_add_test (tc, test_the_sentence_about_a_healthy_system);
  tcase_add_test (tc, test_the_sentence_before_any_message_came);
  tcase_add_test (tc, test_the_sentence_names_the_fault_with_its_place_and_duration);
  tcase_add_test (tc, test_the_sentence_warns_of_old_answers);
  tcase_add_test (tc, test_answer_is_read);
  tcase_add_test (tc, test_a_printed_command_line_reads_the_frames_of_one_camera);
  tcase_add_test (tc, test_events_of_any_text_do_not_crash);
  tcase_add_test (tc, test_an_event_without_valid_dates_is_accepted);
  tcase_add_test (tc, test_a_frame_that_is_seen_late_does_not_revive_a_stopped_camera);
  tcase_add_test (tc, test_a_camera_whose_picture_stands_still_is_not_taken_for_dead);
  tcase_add_test (tc, test_the_pages_first_line_warns_of_two_cameras_of_one_name);
  tcase_add_test (tc, test_a_camera_that_gets_its_largest_rate_is_not_bound_by_the_fog);
  tcase_add_test (tc, test_a_camera_that_stops_after_three_frames_is_noticed);
  tcase_add_test (tc, test_events_are_shown_after_the_cameras_clock_is_set_back);
  tcase_add_test (tc, test_a_camera_whose_clock_is_ahead_may_count_as_late);
  tcase_add_test (tc, test_a_restarted_camera_does_not_count_as_a_second_one);
  tcase_add_test (tc, test_two_cameras_of_one_name_are_noticed);
  tcase_add_test (tc, test_five_cameras_of_one_name_are_noticed);
  tcase_add_test (tc, test_late_events_of_an_old_session_do_not_count_as_a_second_camera);
  tcase_add_test (tc, test_late_events_do_not_make_a_camera_late);
  tcase_add_test (tc, test_late_events_do_not_make_the_number_of_faces_flicker);
  tcase_add_test (tc, test_one_late_event_does_not_keep_faces_for_long);
  tcase_add_test (tc, test_repeated_events_do_not_make_the_next_ones_late);
  tcase_add_test (tc, test_a_window_that_cannot_be_read_is_an_error);
  tcase_add_test (tc, test_a_run_of_frames_that_cannot_be_read_is_an_error);
  tcase_add_test (tc, test_invisible_characters_in_names_are_shown_as_escapes);
  tcase_add_test (tc, test_setting_the_machines_clock_makes_no_camera_stop);
  tcase_add_test (tc, test_nothing_counts_as_silent_while_kafka_does_not_answer);
  tcase_add_test (tc, test_lag_in_messages_and_seconds);
  tcase_add_test (tc, test_the_lag_is_measured_anew_if_the_topic_is_created_again);
  tcase_add_test (tc, test_the_lag_is_known_for_the_last_ten_minutes);
  tcase_add_test (tc, test_a_token_must_be_long_and_without_spaces);
  tcase_add_test (tc, test_only_the_token_gives_access);
  tcase_add_test (tc, test_without_a_token_all_users_of_the_machine_have_access);
  tcase_add_test (tc, test_only_names_of_loopback_count_as_this_machine);
  tcase_add_test (tc, test_json_has_null_for_unknown_values);
  tcase_add_test (tc, test_wrong_guesses_delay_only_their_own_address);
  tcase_add_test (tc, test_guesses_from_too_many_addresses_delay_unknown_addresses);
  tcase_add_test (tc, test_history_keeps_the_samples_of_half_an_hour);
  tcase_add_test (tc, test_the_budget_permits_all_frames_at_a_low_rate);
  tcase_add_test (tc, test_the_budget_pauses_at_a_high_rate_of_frames);
  tcase_add_test (tc, test_size_of_a_jpeg);
  tcase_add_test (tc, test_size_of_a_png);
  tcase_add_test (tc, test_reading_the_size_of_a_broken_jpeg_does_not_crash);
  tcase_add_test (tc, test_blur_hides_the_face_and_keeps_the_rest);
  tcase_add_test (tc, test_the_squares_of_a_blur_stay_while_a_box_moves_slightly);
  tcase_add_test (tc, test_blur_accepts_any_box);
  tcase_add_test (tc, test_the_wanted_frame_is_decoded);
  tcase_add_test (tc, test_a_damaged_frame_is_an_error_and_not_the_picture_before_it);
  tcase_add_test (tc, test_only_a_small_regular_file_is_read_as_zones);
  tcase_add_test (tc, test_a_camera_whose_zones_were_removed_stays_without_zones);
  return s;
}

GST_CHECK_MAIN (live);
