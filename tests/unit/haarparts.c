/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the parts of haarfacecount without the element. */
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <math.h>

#include "gstkafkameta.h"
#include "engine/haarload.h"
#include "capacity/haarcpus.h"
#include "capacity/haarreporter.h"
#include "frames/haarstill.h"
#include "capacity/haartally.h"
#include "frames/haarworkers.h"

/* --- workers --- */

static GMutex gate;
static gint freed, worked, at_once_worked;

/* Odd items take longer to process than even ones. */
static void
work (gpointer item, gpointer tool, gboolean at_once)
{
  g_usleep (GPOINTER_TO_UINT (item) % 2 ? 2000 : 10);
  g_mutex_lock (&gate);
  g_mutex_unlock (&gate);
  g_atomic_int_inc (&worked);
  g_atomic_int_add (&at_once_worked, at_once);
}

static void
count_freed (gpointer item)
{
  g_atomic_int_inc (&freed);
}

static HaarWorkers *
make_workers (guint n)
{
  static const HaarWorkersClass klass = {work, count_freed, count_freed};
  GPtrArray *tools = g_ptr_array_new ();
  HaarWorkers *workers;

  freed = worked = at_once_worked = 0;
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (tools, GUINT_TO_POINTER (1));
  workers = haar_workers_new (&klass, tools, NULL);
  g_ptr_array_unref (tools);
  return workers;
}

static gpointer
push_forty (gpointer data)
{
  for (guint i = 1; i <= 40; i++)
    if (i % 5 ? !haar_workers_push (data, GUINT_TO_POINTER (i))
              : !haar_workers_push_ready (data, GUINT_TO_POINTER (i)))
      return GUINT_TO_POINTER (i);
  return NULL;
}

GST_START_TEST (test_items_leave_the_workers_in_the_order_in_which_they_came)
{
  HaarWorkers *workers = make_workers (3);
  GThread *thread = g_thread_new ("pusher", push_forty, workers);

  for (guint i = 1; i <= 40; i++) {
    fail_unless (haar_workers_get_waiting (workers) <= 4);
    fail_unless_equals_int (GPOINTER_TO_UINT (haar_workers_pop (workers)), i);
  }
  fail_unless (g_thread_join (thread) == NULL);
  fail_unless_equals_int (worked, 32);
  haar_workers_free (workers);
  fail_unless_equals_int (freed, 3);
}
GST_END_TEST;

/* The test waits for the first item; the second one is ready when the worker has finished it. */
GST_START_TEST (test_the_result_of_an_item_is_known_at_once)
{
  HaarWorkers *workers = make_workers (1);

  g_mutex_lock (&gate);
  fail_unless (haar_workers_push (workers, GUINT_TO_POINTER (2)));
  fail_unless (haar_workers_push (workers, GUINT_TO_POINTER (4)));
  g_mutex_unlock (&gate);
  fail_unless_equals_int (GPOINTER_TO_UINT (haar_workers_pop (workers)), 2);
  fail_unless_equals_int (GPOINTER_TO_UINT (haar_workers_pop (workers)), 4);
  fail_unless_equals_int (g_atomic_int_get (&at_once_worked), 1);
  haar_workers_free (workers);
}
GST_END_TEST;

GST_START_TEST (test_flushing_ends_every_wait_of_the_workers)
{
  HaarWorkers *workers = make_workers (2);
  GThread *thread;

  g_mutex_lock (&gate);
  thread = g_thread_new ("pusher", push_forty, workers);
  while (haar_workers_get_waiting (workers) < 3)
    g_usleep (100);
  /* Two items are being processed, one waits, and the next push waits for room. */
  for (guint i = 0; i < 10000 && haar_workers_get_queued (workers) != 2; i++)
    g_usleep (1000);
  fail_unless_equals_int (haar_workers_get_queued (workers), 2);
  haar_workers_set_flushing (workers, TRUE);
  fail_unless_equals_int (GPOINTER_TO_UINT (g_thread_join (thread)), 4);
  fail_unless (haar_workers_pop (workers) == NULL);
  fail_if (haar_workers_drain (workers));
  g_mutex_unlock (&gate);
  haar_workers_set_flushing (workers, FALSE);
  fail_unless (haar_workers_push (workers, GUINT_TO_POINTER (8)));
  fail_unless_equals_int (GPOINTER_TO_UINT (haar_workers_pop (workers)), 8);
  haar_workers_free (workers);
  fail_unless_equals_int (freed, 4 + 2);
}
GST_END_TEST;

GST_START_TEST (test_a_slow_worker_delays_no_stop)
{
  HaarWorkers *workers = make_workers (1);
  gint64 begin = g_get_monotonic_time ();

  g_mutex_lock (&gate);
  fail_unless (haar_workers_push (workers, GUINT_TO_POINTER (2)));
  g_usleep (20000);
  haar_workers_free (workers);
  fail_unless (g_get_monotonic_time () - begin < 4 * G_TIME_SPAN_SECOND);
  fail_unless_equals_int (freed, 0);
  g_mutex_unlock (&gate);
  while (g_atomic_int_get (&freed) < 2)
    g_usleep (1000);
}
GST_END_TEST;

/* --- processors --- */

static gchar *
write_file (const gchar *root, const gchar *group, const gchar *name, const gchar *text)
{
  gchar *dir = g_build_filename (root, group, NULL);
  gchar *path = g_build_filename (dir, name, NULL);

  g_mkdir_with_parents (dir, 0700);
  fail_unless (g_file_set_contents (path, text, -1, NULL));
  g_free (dir);
  return path;
}

GST_START_TEST (test_the_quota_of_every_control_group_above_the_process_counts)
{
  static const gchar *const folders[] = {"a/b", "a", "cpu/x", "cpu", ""};
  g_autofree gchar *root = g_dir_make_tmp ("cgroup-XXXXXX", NULL);
  g_autofree gchar *inner = write_file (root, "a/b", "cpu.max", "max 100000\n");
  g_autofree gchar *outer = write_file (root, "a", "cpu.max", "250000 100000\n");
  g_autofree gchar *quota = write_file (root, "cpu/x", "cpu.cfs_quota_us", "50000\n");
  g_autofree gchar *period = write_file (root, "cpu/x", "cpu.cfs_period_us", "100000\n");

  fail_unless_equals_float (haar_cpus_of_quota (root, "0::/a/b\n"), 2.5);
  fail_unless_equals_float (haar_cpus_of_quota (root, "0::/a\n"), 2.5);
  fail_unless_equals_float (haar_cpus_of_quota (root, "4:cpu,cpuacct:/x\n0::/elsewhere\n"), 0.5);
  fail_unless (haar_cpus_of_quota (root, "0::/elsewhere\n") == G_MAXDOUBLE);
  fail_unless (haar_cpus_of_quota (root, "no such text") == G_MAXDOUBLE);
  fail_unless (haar_cpus_of_quota (root, "") == G_MAXDOUBLE);
  fail_unless (haar_cpus_available () > 0);
  g_remove (inner);
  g_remove (outer);
  g_remove (quota);
  g_remove (period);
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree gchar *folder = g_build_filename (root, folders[i], NULL);

    fail_unless_equals_int (g_rmdir (folder), 0);
  }
}
GST_END_TEST;

/* --- cascades --- */

GST_START_TEST (test_searched_places_are_listed_in_the_error)
{
  GError *error = NULL;

  fail_unless (haar_cascade_load ("nothing-of-the-kind", &error) == NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
  fail_unless (strstr (error->message, "opencv4/haarcascades") != NULL);
  g_error_free (error);
}
GST_END_TEST;

GST_START_TEST (test_only_cascades_that_opencv_ships_are_known)
{
  GBytes *bytes = g_bytes_new_static ("<opencv_storage/>", 17);

  fail_if (haar_cascade_is_known (bytes));
  g_bytes_unref (bytes);
}
GST_END_TEST;

/* --- costs --- */

#define PIXELS 1e6

static HaarRecent camera;

static void
start_costs (HaarCosts *costs, guint workers, gdouble usable, gdouble machine)
{
  camera = (HaarRecent){{0}};
  haar_costs_init (costs, workers, &(HaarCpus){usable, machine});
}

static gdouble
add_frames (HaarCosts *costs, guint n, gdouble wall, gdouble cpu, gboolean pressed, gint64 now)
{
  const HaarCost cost = {wall, cpu, PIXELS, pressed ? HAAR_COSTS_IN_ROW : 0};
  gdouble busy = 0;

  for (guint i = 0; i < n; i++)
    busy = haar_costs_add (costs, &camera, &cost, now);
  return busy;
}

static void
assert_near (gdouble value, gdouble expected)
{
  fail_unless (fabs (value / expected - 1) < 0.01, "%g, not %g", value, expected);
}

GST_START_TEST (test_the_cost_of_a_frame_is_that_of_a_saturated_run)
{
  HaarCosts costs;

  start_costs (&costs, 1, 1, 1);
  assert_near (add_frames (&costs, 300, 0.012, 0.011, FALSE, 0), 0.012);
  /* In this case other processes use the processors, and the caches are warm. */
  assert_near (add_frames (&costs, 300, 0.020, 0.010, TRUE, 0), 0.020);
  assert_near (add_frames (&costs, 300, 0.012, 0.011, FALSE, 0), 0.020);
  /* In this case the other load may have ended by now; the caches stay as they are. */
  add_frames (&costs, 300, 0.012, 0.011, FALSE, 0);
  assert_near (add_frames (&costs, 1, 0.0121, 0.011, FALSE, 31 * G_TIME_SPAN_SECOND),
      0.011 * 10 / 11 + 0.0011);
}
GST_END_TEST;

/* The frame after a slow one doesn't begin a saturated run yet. */
GST_START_TEST (test_two_frames_in_a_row_are_no_saturated_run)
{
  const HaarCost second = {0.060, 0.010, PIXELS, 1};
  HaarCosts costs;

  start_costs (&costs, 1, 2, 2);
  haar_costs_note_others (&costs, 2, 1);
  add_frames (&costs, 20, 0.018, 0.010, FALSE, 1);
  assert_near (haar_costs_add (&costs, &camera, &second, 1), 0.015);
  assert_near (add_frames (&costs, 1, 0.018, 0.010, FALSE, 1), 0.015);
}
GST_END_TEST;

/* Two workers take 50 ms for ten frames, then wait for the rest of the quota's 100 ms. */
GST_START_TEST (test_the_pauses_of_a_quota_count_in_a_saturated_run)
{
  HaarCosts costs;
  gdouble busy = 0;

  start_costs (&costs, 2, 1, 2);
  for (guint i = 0; i < 50; i++) {
    busy += add_frames (&costs, 1, 0.010, 0.010, TRUE, 0) * 8;
    busy += add_frames (&costs, 1, 0.060, 0.010, TRUE, 0) * 2;
  }
  assert_near (busy / 2, 50 * 0.100);
}
GST_END_TEST;

GST_START_TEST (test_an_outlier_after_a_pause_costs_the_usual_time)
{
  HaarCosts costs;

  start_costs (&costs, 1, 1, 1);
  for (guint i = 0; i < 8; i++) {
    add_frames (&costs, 9, 0.010, 0.010, FALSE, 0);
    assert_near (add_frames (&costs, 1, 0.017, 0.017, FALSE, 0), 0.010);
  }
  /* Costly frames at regular intervals aren't a saturated run. */
  for (guint i = 0; i < 32; i++) {
    add_frames (&costs, 1, 0.010, 0.010, FALSE, 0);
    add_frames (&costs, 1, 0.017, 0.017, FALSE, 0);
  }
  assert_near (add_frames (&costs, 1, 0.017, 0.017, FALSE, 0), 0.017);
}
GST_END_TEST;

GST_START_TEST (test_an_expensive_camera_among_cheap_ones_is_not_an_outlier)
{
  const HaarCost dear = {0.020, 0.020, PIXELS, 0};
  HaarRecent other = {{0}};
  HaarCosts costs;

  start_costs (&costs, 1, 1, 1);
  for (guint i = 0; i < 40; i++) {
    add_frames (&costs, 19, 0.010, 0.010, FALSE, 0);
    assert_near (haar_costs_add (&costs, &other, &dear, 0), 0.020);
  }
  /* A run of frames without kept results isn't a saturated run either. */
  assert_near (haar_costs_add (&costs, NULL, &dear, 0), 0.020);
}
GST_END_TEST;

static void
note_others (HaarCosts *costs, guint n, gint others)
{
  for (guint i = 0; i < n; i++)
    haar_costs_note_others (costs, others, 1 + i * G_TIME_SPAN_SECOND / 10);
}

GST_START_TEST (test_the_cost_assumes_a_fair_share_of_the_processors)
{
  HaarCosts costs;

  /* One worker and two busy loops share two processors. With idle time in between, frames would
   * wait even longer. */
  start_costs (&costs, 1, 2, 2);
  note_others (&costs, 50, 2);
  assert_near (add_frames (&costs, 1, 0.018, 0.010, FALSE, 0), 0.015);
  /* In this case one loop is busy half the time, and there are two workers. */
  start_costs (&costs, 2, 2, 2);
  for (guint i = 0; i < 100; i++)
    haar_costs_note_others (&costs, i % 2, 1 + i * G_TIME_SPAN_SECOND / 10);
  assert_near (add_frames (&costs, 1, 0.012, 0.010, FALSE, 0), 0.0125);
  /* A frame takes the processor from processes of lower priority. */
  start_costs (&costs, 1, 2, 2);
  note_others (&costs, 50, 20);
  assert_near (add_frames (&costs, 1, 0.010, 0.010, FALSE, 0), 0.010);
  /* A quota applies whatever other load there is; a large machine provides the whole quota. */
  start_costs (&costs, 2, 1, 8);
  note_others (&costs, 50, 4);
  assert_near (add_frames (&costs, 1, 0.011, 0.010, FALSE, 0), 0.020);
  /* After a saturated run the measured cost replaces the estimate. */
  start_costs (&costs, 1, 2, 2);
  note_others (&costs, 50, 2);
  add_frames (&costs, 1, 0.011, 0.010, TRUE, 0);
  assert_near (add_frames (&costs, 1, 0.018, 0.010, FALSE, 0), 0.011);
}
GST_END_TEST;

GST_START_TEST (test_old_samples_of_the_cost_are_ignored)
{
  HaarCosts costs;

  start_costs (&costs, 1, 2, 2);
  note_others (&costs, 1, 2);
  assert_near (add_frames (&costs, 1, 0.011, 0.010, FALSE, 11 * G_TIME_SPAN_SECOND), 0.011);
  haar_costs_note_others (&costs, 0, 20 * G_TIME_SPAN_SECOND);
  assert_near (costs.others + 1, 1);
}
GST_END_TEST;

static gpointer
spin (gpointer stop)
{
  while (!g_atomic_int_get ((gint *) stop))
    ;
  return NULL;
}

/* Returns the mean of several samples; 0 if no sample can be taken. */
static gint
look_at_others (void)
{
  GDir *own = haar_cpus_open_own ();
  gint others = 0, sum = 0;

  for (guint i = 0; i < 10; i++) {
    if (haar_cpus_wanted_by_others (own, &others))
      sum += others;
    g_usleep (10000);
  }
  g_clear_pointer (&own, g_dir_close);
  return sum / 10;
}

GST_START_TEST (test_threads_of_this_process_do_not_count_as_other_load)
{
  GThread *threads[64];
  gint before = look_at_others (), with, stop = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("spin", spin, &stop);
  with = look_at_others ();
  g_atomic_int_set (&stop, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  fail_unless (with - before < (gint) G_N_ELEMENTS (threads) / 2, "%d, %d before", with, before);
}
GST_END_TEST;

GST_START_TEST (test_frames_of_unusual_cost_have_little_weight)
{
  HaarCosts costs;

  start_costs (&costs, 1, 1, 1);
  add_frames (&costs, 300, 0.001, 0.001, TRUE, 0);
  assert_near (add_frames (&costs, 300, 0.050, 0.050, FALSE, 0), 0.040);
  start_costs (&costs, 1, 1, 1);
  add_frames (&costs, 300, 0.050, 0.050, TRUE, 0);
  assert_near (add_frames (&costs, 300, 0.001, 0.001, FALSE, 0), 0.001);
}
GST_END_TEST;

/* --- what stands still --- */

GST_START_TEST (test_a_new_camera_replaces_the_camera_without_frames_for_the_longest_time)
{
  static const guint8 rows[64 * 64];
  const FogLuma luma = {rows, 64, 64, 64};
  const HaarParams params = {1.1, 3, 30, 30, 0, 0};
  HaarStill *still = haar_still_new ();
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  HaarRect part;

  for (guint i = 0; i < 300; i++) {
    g_autofree gchar *name = g_strdup_printf ("camera-%u", i);

    haar_still_update (still, name, &luma, &params, TRUE, boxes);
    fail_unless_equals_int (
        haar_still_compare (still, name, &luma, &params, G_TIME_SPAN_HOUR, &part, boxes),
        HAAR_STILL_NOTHING);
    g_usleep (10);
  }
  fail_unless_equals_int (
      haar_still_compare (still, "camera-0", &luma, &params, G_TIME_SPAN_HOUR, &part, boxes),
      HAAR_STILL_ALL);
  g_array_unref (boxes);
  haar_still_unref (still);
}
GST_END_TEST;

/* --- the tally --- */

static void
count (HaarTally *tally, const gchar *camera, const gchar *session, const gchar *seq, gdouble age)
{
  const HaarCost cost = {.wall = 0.25, .cpu = 0.2};
  GstBuffer *frame = gst_buffer_new ();
  HaarOrigin origin;

  gst_kafka_meta_set_headers (frame, "camera", camera, "session", session, "seq", seq, NULL);
  haar_origin_read (&origin, frame);
  haar_tally_add (tally, &origin, 2, &cost, age);
  haar_origin_clear (&origin);
  gst_buffer_unref (frame);
}

GST_START_TEST (test_a_report_covers_exactly_its_interval)
{
  HaarTally *tally = haar_tally_new ("r", 4, 4);
  FogReport *report;

  for (guint i = 0; i < 100; i++)
    count (tally, i % 2 ? "a" : "b", "s", i % 2 ? "9" : "7", i / 100.0);
  report = haar_tally_take (tally);
  fail_unless_equals_uint64 (report->frames, 100);
  fail_unless_equals_uint64 (report->faces, 200);
  fail_unless_equals_float (report->busy, 25);
  fail_unless_equals_int (report->workers, 4);
  fail_unless (fabs (report->age_p50 - 0.5) < 0.02 && fabs (report->age_p95 - 0.95) < 0.02);
  fail_unless_equals_int (report->cameras->len, 2);
  fail_unless_equals_uint64 (fog_report_add_camera (report, "a")->last_seq, 9);
  fog_report_free (report);
  report = haar_tally_take (tally);
  fail_unless_equals_uint64 (report->seq, 1);
  fail_unless_equals_uint64 (report->frames, 0);
  fail_unless (isnan (report->age_p50));
  fail_unless_equals_uint64 (fog_report_add_camera (report, "a")->frames, 0);
  fog_report_free (report);
  fog_report_free (haar_tally_take (tally));
  report = haar_tally_take (tally);
  fail_unless_equals_int (report->cameras->len, 0);
  fog_report_free (report);
  haar_tally_free (tally);
}
GST_END_TEST;

/* A single frame takes 0.2 s. With all four workers on half a processor the frame takes 1.6 s. */
GST_START_TEST (test_a_quota_counts_before_it_has_paused_the_process)
{
  HaarTally *tally = haar_tally_new ("r", 4, 0.5);
  FogReport *report;

  count (tally, "a", "s", "1", 0);
  report = haar_tally_take (tally);
  fail_unless_equals_float (report->busy, 1.6);
  fog_report_free (report);
  haar_tally_free (tally);
}
GST_END_TEST;

static void
use_processor (gdouble s)
{
  gdouble begin = haar_cpus_used ();

  while (haar_cpus_used () - begin < s)
    ;
}

/* A decoder uses the same half of a processor, so a frame with 0.1 s of work takes 0.2 s for the
 * only worker. */
GST_START_TEST (test_the_work_of_other_threads_of_the_process_counts)
{
  const HaarCost cost = {.wall = 0.01, .cpu = 0.01};
  HaarTally *tally = haar_tally_new ("r", 1, 0.5);
  FogReport *report;

  haar_tally_add (tally, &(HaarOrigin){0}, 0, &cost, NAN);
  use_processor (0.1);
  report = haar_tally_take (tally);
  fail_unless (report->busy >= 0.2, "%g", report->busy);
  fog_report_free (report);
  haar_tally_add (tally, &(HaarOrigin){0}, 0, &cost, NAN);
  report = haar_tally_take (tally);
  fail_unless (report->busy < 0.2, "%g", report->busy);
  fog_report_free (report);
  haar_tally_free (tally);
}
GST_END_TEST;

/* The process loads plugins and connects to brokers before the first frame comes. */
GST_START_TEST (test_the_work_of_the_start_is_no_cost_of_a_frame)
{
  const HaarCost cost = {.wall = 0.01, .cpu = 0.01};
  HaarTally *tally = haar_tally_new ("r", 1, 0.5);
  FogReport *report;

  use_processor (0.1);
  haar_tally_add (tally, &(HaarOrigin){0}, 0, &cost, NAN);
  report = haar_tally_take (tally);
  fail_unless (report->busy < 0.15, "%g", report->busy);
  fog_report_free (report);
  haar_tally_free (tally);
}
GST_END_TEST;

/* A frame of a camera that sends a frame of a still picture each @interval ns. */
static void
count_still (HaarTally *tally, const gchar *interval, const gchar *frames)
{
  const HaarCost cost = {.wall = 0.25, .cpu = 0.2};
  GstBuffer *frame = gst_buffer_new ();
  HaarOrigin origin;

  gst_kafka_meta_set_headers (frame, "camera", "a", "still-interval", interval, "still-frames",
      frames, "still-time", "1000000000", "still-changed", "true", NULL);
  haar_origin_read (&origin, frame);
  haar_tally_add (tally, &origin, 2, &cost, 0);
  haar_origin_clear (&origin);
  gst_buffer_unref (frame);
}

/* A report lists the camera even if none of its frames came since the report before. */
GST_START_TEST (test_a_camera_with_a_still_picture_stays_in_the_reports)
{
  HaarTally *tally = haar_tally_new ("r", 4, 4);
  FogReport *report;

  count_still (tally, "60000000000", "29");
  count_still (tally, "60000000000", "4");
  for (guint i = 0; i < 20; i++) {
    report = haar_tally_take (tally);
    fail_unless_equals_int (report->cameras->len, 1);
    fail_unless_equals_uint64 (fog_report_add_camera (report, "a")->still, i ? 0 : 33);
    fail_unless_equals_float (fog_report_add_camera (report, "a")->still_interval, 60);
    fog_report_free (report);
  }
  haar_tally_free (tally);
}
GST_END_TEST;

/* A camera without frames has to leave the reports after some time, whatever its headers say. */
GST_START_TEST (test_an_absurd_interval_keeps_no_camera)
{
  static const gchar *const intervals[] = {"0", "1", "-1", "60000000001", "18446744073709551615",
      "18446744073709551616", "1e3", "", "soon"};

  for (guint i = 0; i < G_N_ELEMENTS (intervals); i++) {
    HaarTally *tally = haar_tally_new ("r", 4, 4);
    FogReport *report;

    count_still (tally, intervals[i], "99999999999999999999");
    for (guint j = 0; j < 3; j++)
      fog_report_free (haar_tally_take (tally));
    report = haar_tally_take (tally);
    fail_unless (report->cameras->len == 0, "%s", intervals[i]);
    fog_report_free (report);
    haar_tally_free (tally);
  }
}
GST_END_TEST;

GST_START_TEST (test_a_new_session_counts_from_its_own_first_seq)
{
  HaarTally *tally = haar_tally_new ("r", 1, 1);
  FogReport *report;

  count (tally, "a", "old", "9000", 0);
  count (tally, "a", "old", "8000", NAN);
  count (tally, "a", "new", "5", 0);
  report = haar_tally_take (tally);
  fail_unless_equals_uint64 (fog_report_add_camera (report, "a")->last_seq, 5);
  fail_unless_equals_string (fog_report_add_camera (report, "a")->session, "new");
  fail_unless_equals_uint64 (fog_report_add_camera (report, "a")->frames, 3);
  fog_report_free (report);
  haar_tally_free (tally);
}
GST_END_TEST;

static void
assert_readable (HaarTally *tally)
{
  FogReport *report = haar_tally_take (tally), *read;
  gsize size;
  g_autofree gchar *text = fog_report_to_json (report, &size);

  fail_unless (size < 1000000, "%" G_GSIZE_FORMAT " bytes", size);
  read = fog_report_parse (text, size, NULL);
  fail_unless (read && fog_report_add_camera (read, "mine")->frames == 1);
  fog_report_free (read);
  fog_report_free (report);
}

/* If such names made a report invalid, no camera would get reports. */
GST_START_TEST (test_camera_names_of_any_length_leave_reports_valid)
{
  static const gchar fillings[] = {'x', '"', '\x01'};

  for (guint filling = 0; filling < G_N_ELEMENTS (fillings); filling++) {
    HaarTally *tally = haar_tally_new ("r", 1, 1);
    g_autofree gchar *endless = g_strnfill (600000, fillings[filling]);

    count (tally, "mine", "s", "1", 0);
    count (tally, endless, endless, "1", 0);
    count (tally, "other", endless, "1", 0);
    assert_readable (tally);
    haar_tally_free (tally);
  }
}
GST_END_TEST;

GST_START_TEST (test_long_camera_names_without_seq_leave_reports_valid)
{
  HaarTally *tally = haar_tally_new ("r", 1, 1);
  g_autofree gchar *padding = g_strnfill (240, '"');
  FogReport *report;
  gsize size;

  for (guint i = 0; i < 5000; i++) {
    g_autofree gchar *name = g_strdup_printf ("%s%u", padding, i);

    count (tally, name, padding, "1", 0);
  }
  for (guint i = 0; i < 4; i++) {
    g_autofree gchar *text = NULL;

    report = haar_tally_take (tally);
    text = fog_report_to_json (report, &size);
    fail_unless (size < 1000000, "%" G_GSIZE_FORMAT " bytes", size);
    fail_unless_equals_int (report->cameras->len > 0, i < 3);
    fog_report_free (report);
  }
  haar_tally_free (tally);
}
GST_END_TEST;

GST_START_TEST (test_cameras_without_seq_take_bounded_memory)
{
  HaarTally *tally = haar_tally_new ("r", 1, 1);
  FogReport *report;

  for (guint i = 0; i < 5000; i++) {
    g_autofree gchar *name = g_strdup_printf ("camera-%u", i);

    count (tally, name, NULL, NULL, 0);
  }
  report = haar_tally_take (tally);
  fail_unless_equals_int (report->cameras->len, 4096);
  fail_unless_equals_uint64 (report->frames, 5000);
  fail_unless_equals_uint64 (haar_tally_get_unlisted (tally), 5000 - 4096);
  fog_report_free (report);
  haar_tally_free (tally);
}
GST_END_TEST;

static const FogReportCamera *
find_listed (const FogReport *report, const gchar *name)
{
  for (guint i = 0; i < report->cameras->len; i++) {
    const FogReportCamera *camera = g_ptr_array_index (report->cameras, i);

    if (g_str_equal (camera->camera, name))
      return camera;
  }
  return NULL;
}

/* A producer sends small frames under ever new camera names, which are as long as @padding makes
 * them. A camera that comes later has to be in the report, because otherwise it would send ever
 * less. */
static void
assert_camera_among_strangers (guint padding, guint strangers)
{
  HaarTally *tally = haar_tally_new ("r", 1, 1);
  g_autofree gchar *filling = g_strnfill (padding, '"');
  guint n = 0;

  for (guint round = 0; round < 3; round++) {
    FogReport *report;

    for (guint i = 0; i < strangers; i++) {
      g_autofree gchar *name = g_strdup_printf ("%s%u", filling, n++);

      count (tally, name, NULL, NULL, 0);
      if (round > 0 && i % 500 == 499)
        count (tally, "mine", "s", "1", 0);
    }
    report = haar_tally_take (tally);
    fail_unless (!find_listed (report, "mine") == (round == 0), "report %u", round);
    if (round > 0)
      fail_unless_equals_uint64 (find_listed (report, "mine")->frames, strangers / 500);
    fog_report_free (report);
  }
  fail_unless (haar_tally_get_unlisted (tally) >= 2 * (strangers - 4096 * (strangers > 4096)) / 3,
      "%" G_GUINT64_FORMAT, haar_tally_get_unlisted (tally));
  haar_tally_free (tally);
}

GST_START_TEST (test_new_camera_names_displace_no_real_camera)
{
  assert_camera_among_strangers (0, 6000);
  assert_camera_among_strangers (240, 4000);
  assert_camera_among_strangers (240, 6000);
}
GST_END_TEST;

/* --- the reporter --- */

static gint begins, reports, leaves;

static void
note_call (HaarReporterCall call, gpointer user_data)
{
  g_atomic_int_inc (call == HAAR_REPORTER_BEGIN    ? &begins
                    : call == HAAR_REPORTER_REPORT ? &reports
                                                   : &leaves);
}

GST_START_TEST (test_reports_come_while_the_reporter_runs_and_the_last_one_comes_once)
{
  HaarReporter *reporter;

  begins = reports = leaves = 0;
  reporter = haar_reporter_new (GST_SECOND * 3600, note_call, NULL, NULL);
  haar_reporter_wake (reporter);
  haar_reporter_begin (reporter);
  while (g_atomic_int_get (&begins) == 0)
    g_usleep (100);
  fail_unless_equals_int (g_atomic_int_get (&reports), 0);
  haar_reporter_set_running (reporter, TRUE);
  while (g_atomic_int_get (&reports) == 0)
    g_usleep (100);
  haar_reporter_set_interval (reporter, GST_MSECOND);
  while (g_atomic_int_get (&reports) < 3)
    g_usleep (100);
  haar_reporter_finish (reporter);
  fail_unless (haar_reporter_wait_finished (reporter, 20 * G_TIME_SPAN_SECOND));
  haar_reporter_finish (reporter);
  fail_unless (haar_reporter_wait_finished (reporter, 0));
  reports = 0;
  haar_reporter_wake (reporter);
  g_usleep (5000);
  fail_unless_equals_int (g_atomic_int_get (&reports), 0);
  fail_unless_equals_int (g_atomic_int_get (&leaves), 1);
  haar_reporter_resume (reporter);
  while (g_atomic_int_get (&reports) == 0)
    g_usleep (100);
  haar_reporter_free (reporter);
}
GST_END_TEST;

static Suite *
haarparts_suite (void)
{
  Suite *s = suite_create ("haarparts");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_items_leave_the_workers_in_the_order_in_which_they_came);
  tcase_add_test (tc, test_the_result_of_an_item_is_known_at_once);
  tcase_add_test (tc, test_flushing_ends_every_wait_of_the_workers);
  tcase_add_test (tc, test_a_slow_worker_delays_no_stop);
  tcase_add_test (tc, test_the_quota_of_every_control_group_above_the_process_counts);
  tcase_add_test (tc, test_searched_places_are_listed_in_the_error);
  tcase_add_test (tc, test_only_cascades_that_opencv_ships_are_known);
  tcase_add_test (tc, test_the_cost_of_a_frame_is_that_of_a_saturated_run);
  tcase_add_test (tc, test_two_frames_in_a_row_are_no_saturated_run);
  tcase_add_test (tc, test_the_pauses_of_a_quota_count_in_a_saturated_run);
  tcase_add_test (tc, test_an_outlier_after_a_pause_costs_the_usual_time);
  tcase_add_test (tc, test_an_expensive_camera_among_cheap_ones_is_not_an_outlier);
  tcase_add_test (tc, test_the_cost_assumes_a_fair_share_of_the_processors);
  tcase_add_test (tc, test_old_samples_of_the_cost_are_ignored);
  tcase_add_test (tc, test_threads_of_this_process_do_not_count_as_other_load);
  tcase_add_test (tc, test_a_new_camera_replaces_the_camera_without_frames_for_the_longest_time);
  tcase_add_test (tc, test_frames_of_unusual_cost_have_little_weight);
  tcase_add_test (tc, test_a_report_covers_exactly_its_interval);
  tcase_add_test (tc, test_a_quota_counts_before_it_has_paused_the_process);
  tcase_add_test (tc, test_the_work_of_other_threads_of_the_process_counts);
  tcase_add_test (tc, test_the_work_of_the_start_is_no_cost_of_a_frame);
  tcase_add_test (tc, test_a_camera_with_a_still_picture_stays_in_the_reports);
  tcase_add_test (tc, test_an_absurd_interval_keeps_no_camera);
  tcase_add_test (tc, test_a_new_session_counts_from_its_own_first_seq);
  tcase_add_test (tc, test_camera_names_of_any_length_leave_reports_valid);
  tcase_add_test (tc, test_long_camera_names_without_seq_leave_reports_valid);
  tcase_add_test (tc, test_cameras_without_seq_take_bounded_memory);
  tcase_add_test (tc, test_new_camera_names_displace_no_real_camera);
  tcase_add_test (tc, test_reports_come_while_the_reporter_runs_and_the_last_one_comes_once);
  return s;
}

GST_CHECK_MAIN (haarparts);
