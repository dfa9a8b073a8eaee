/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the components of haarfacecount (workers, costs, reports) without the element. */
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

/* Of two items, the worker learns that somebody waits for the first one's result (at_once), and
 * that nobody waits for the second one's. */
GST_START_TEST (test_a_worker_knows_whether_its_items_result_is_waited_for)
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
  /* Both workers have an item, a third item waits, and the next push blocks because the queue is
   * full. */
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
  while (haar_workers_get_queued (workers) > 0)
    g_usleep (1000);
  haar_workers_free (workers);
  fail_unless (g_get_monotonic_time () - begin < 20 * G_TIME_SPAN_SECOND);
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

GST_START_TEST (test_the_least_cpu_quota_of_a_control_group_and_its_parents_counts)
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

GST_START_TEST (test_error_lists_the_folders_in_which_a_cascade_was_searched)
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

GST_START_TEST (test_the_cost_of_a_frame_is_its_time_in_a_saturated_run)
{
  HaarCosts costs;

  start_costs (&costs, 1, 1, 1);
  assert_near (add_frames (&costs, 300, 0.012, 0.011, FALSE, 0), 0.012);
  /* In a saturated run the caches are warm, and here other processes use the processors too. */
  assert_near (add_frames (&costs, 300, 0.020, 0.010, TRUE, 0), 0.020);
  assert_near (add_frames (&costs, 300, 0.012, 0.011, FALSE, 0), 0.020);
  /* 31 s later the other load may have ended, so only the processor time of the saturated run still
   * counts, not its waits. */
  add_frames (&costs, 300, 0.012, 0.011, FALSE, 0);
  assert_near (add_frames (&costs, 1, 0.0121, 0.011, FALSE, 31 * G_TIME_SPAN_SECOND),
      0.011 * 10 / 11 + 0.0011);
}
GST_END_TEST;

/* A frame that follows another one without a pause isn't a sample of a saturated run yet; four in a
 * row are needed. */
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

/* Two workers on a quota of one processor work for 50 ms, and are then paused for the rest of the
 * quota's period of 100 ms. */
GST_START_TEST (test_the_pauses_by_a_cpu_quota_are_in_the_cost_of_a_saturated_run)
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

GST_START_TEST (test_the_cost_of_an_outlier_after_a_pause_is_the_usual_one)
{
  HaarCosts costs;

  start_costs (&costs, 1, 1, 1);
  for (guint i = 0; i < 8; i++) {
    add_frames (&costs, 9, 0.010, 0.010, FALSE, 0);
    assert_near (add_frames (&costs, 1, 0.017, 0.017, FALSE, 0), 0.010);
  }
  /* If every second frame is costly, it isn't an outlier, so its own time counts. */
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
  /* A frame whose camera has no record of recent costs isn't an outlier either. */
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

  /* If one worker and two busy loops share two processors, a frame would take 1.5 times its
   * processor time in a saturated run. */
  start_costs (&costs, 1, 2, 2);
  note_others (&costs, 50, 2);
  assert_near (add_frames (&costs, 1, 0.018, 0.010, FALSE, 0), 0.015);
  /* If one loop is busy half of the time, and two workers share two processors with it, the factor
   * is 1.25. */
  start_costs (&costs, 2, 2, 2);
  for (guint i = 0; i < 100; i++)
    haar_costs_note_others (&costs, i % 2, 1 + i * G_TIME_SPAN_SECOND / 10);
  assert_near (add_frames (&costs, 1, 0.012, 0.010, FALSE, 0), 0.0125);
  /* A frame that didn't wait for a processor has its measured time, whatever the other load: it has
   * priority over the other processes. */
  start_costs (&costs, 1, 2, 2);
  note_others (&costs, 50, 20);
  assert_near (add_frames (&costs, 1, 0.010, 0.010, FALSE, 0), 0.010);
  /* With a quota of one processor for two workers a frame takes twice its processor time, and a
   * machine of 8 processors provides the whole quota despite other load. */
  start_costs (&costs, 2, 1, 8);
  note_others (&costs, 50, 4);
  assert_near (add_frames (&costs, 1, 0.011, 0.010, FALSE, 0), 0.020);
  /* The time measured in a saturated run replaces the estimate from the other load. */
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

/* Returns the mean number of threads of other processes that want a processor, over ten samples; 0
 * if no sample can be taken. */
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

GST_START_TEST (test_frames_of_unusual_cost_change_the_cost_little)
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

/* --- still pictures --- */

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

GST_START_TEST (test_a_report_counts_exactly_the_frames_since_the_last_one)
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

/* A report has `brightness`, `detail` and `frozen` of a camera only if a frame of the camera was
 * looked at since the previous report. */
GST_START_TEST (test_a_report_has_the_latest_look_at_a_camera)
{
  const HaarLook look = {97.26, 1.5, 12};
  HaarTally *tally = haar_tally_new ("r", 1, 1);

  for (guint i = 0; i < 2; i++) {
    g_autoptr (FogReport) report = NULL, parsed = NULL;
    g_autofree gchar *text = NULL;
    FogReportCamera *camera;
    gsize size;

    count (tally, "a", "s", "1", 0);
    if (i == 0)
      haar_tally_note_look (tally, "a", &look);
    report = haar_tally_take (tally);
    text = fog_report_to_json (report, &size);
    parsed = fog_report_parse (text, size, NULL);
    fail_unless (parsed != NULL, "%s", text);
    camera = fog_report_add_camera (parsed, "a");
    fail_unless_equals_int (camera->looked, i == 0);
    fail_unless_equals_float (camera->brightness, i == 0 ? 97.3 : 0);
    fail_unless_equals_float (camera->detail, i == 0 ? 1.5 : 0);
    fail_unless_equals_float (camera->frozen, i == 0 ? 12 : 0);
  }
  haar_tally_free (tally);
}
GST_END_TEST;

/* A frame of 0.2 s of processor time takes 1.6 s if four workers share a quota of half a
 * processor. */
GST_START_TEST (test_a_cpu_quota_is_in_the_cost_before_it_has_paused_the_process)
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

/* If other threads of the process, such as a decoder, use 0.1 s of processor time for each frame, a
 * quota of half a processor makes the frame take at least 0.2 s. */
GST_START_TEST (test_the_work_of_the_process_other_threads_is_in_the_cost)
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

/* The processor time that the process uses before the first frame, to load plugins and to connect,
 * isn't counted as work for this frame. */
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

/* Counts a frame of a camera that sends a frame every @interval ns while its picture stands
 * still. */
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

/* Reports list a camera whose picture stands still for its still-interval, even if none of its
 * frames came since the last report. */
GST_START_TEST (test_a_camera_whose_picture_stands_still_stays_in_the_reports)
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

/* A camera without frames is listed in only a few reports, even if the header still-interval of its
 * last frame is absurd. */
GST_START_TEST (test_an_absurd_still_interval_keeps_no_camera_in_the_reports)
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

GST_START_TEST (test_last_seq_in_a_report_is_of_the_newest_session)
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

/* Very long names of one camera must not make a report invalid, because then no camera would get
 * reports. */
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

/* While a producer sends frames under ever new camera names of @padding characters, a real camera
 * that comes later has to be in the reports, because a camera without reports lowers its rate. */
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
  tcase_add_test (tc, test_a_worker_knows_whether_its_items_result_is_waited_for);
  tcase_add_test (tc, test_flushing_ends_every_wait_of_the_workers);
  tcase_add_test (tc, test_a_slow_worker_delays_no_stop);
  tcase_add_test (tc, test_the_least_cpu_quota_of_a_control_group_and_its_parents_counts);
  tcase_add_test (tc, test_error_lists_the_folders_in_which_a_cascade_was_searched);
  tcase_add_test (tc, test_only_cascades_that_opencv_ships_are_known);
  tcase_add_test (tc, test_the_cost_of_a_frame_is_its_time_in_a_saturated_run);
  tcase_add_test (tc, test_two_frames_in_a_row_are_no_saturated_run);
  tcase_add_test (tc, test_the_pauses_by_a_cpu_quota_are_in_the_cost_of_a_saturated_run);
  tcase_add_test (tc, test_the_cost_of_an_outlier_after_a_pause_is_the_usual_one);
  tcase_add_test (tc, test_an_expensive_camera_among_cheap_ones_is_not_an_outlier);
  tcase_add_test (tc, test_the_cost_assumes_a_fair_share_of_the_processors);
  tcase_add_test (tc, test_old_samples_of_the_cost_are_ignored);
  tcase_add_test (tc, test_threads_of_this_process_do_not_count_as_other_load);
  tcase_add_test (tc, test_a_new_camera_replaces_the_camera_without_frames_for_the_longest_time);
  tcase_add_test (tc, test_frames_of_unusual_cost_change_the_cost_little);
  tcase_add_test (tc, test_a_report_counts_exactly_the_frames_since_the_last_one);
  tcase_add_test (tc, test_a_report_has_the_latest_look_at_a_camera);
  tcase_add_test (tc, test_a_cpu_quota_is_in_the_cost_before_it_has_paused_the_process);
  tcase_add_test (tc, test_the_work_of_the_process_other_threads_is_in_the_cost);
  tcase_add_test (tc, test_the_work_of_the_start_is_no_cost_of_a_frame);
  tcase_add_test (tc, test_a_camera_whose_picture_stands_still_stays_in_the_reports);
  tcase_add_test (tc, test_an_absurd_still_interval_keeps_no_camera_in_the_reports);
  tcase_add_test (tc, test_last_seq_in_a_report_is_of_the_newest_session);
  tcase_add_test (tc, test_camera_names_of_any_length_leave_reports_valid);
  tcase_add_test (tc, test_long_camera_names_without_seq_leave_reports_valid);
  tcase_add_test (tc, test_cameras_without_seq_take_bounded_memory);
  tcase_add_test (tc, test_new_camera_names_displace_no_real_camera);
  tcase_add_test (tc, test_reports_come_while_the_reporter_runs_and_the_last_one_comes_once);
  return s;
}

GST_CHECK_MAIN (haarparts);
