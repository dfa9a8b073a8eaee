/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <math.h>

#include "decimator.h"
#include "fairshare.h"
#include "ratecontroller.h"

static const RateSettings settings = {RATE_ALGORITHM_ADAPTIVE, 10, 1, 30, 1, 0.25};

/* --- decimation --- */

/* Checks the decimation to @rate of a simulated source with @source frames/s, each frame late by up
 * to the fraction @jitter of the frame period. */
static void
check_decimation (gdouble rate, gdouble source, gdouble jitter)
{
  Decimator decimator = {0};
  guint taken = 0, frames = (guint) (600 * source);
  gdouble last = 0, largest = 0, smallest = G_MAXDOUBLE;
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < frames; i++) {
    gdouble late = jitter > 0 ? g_rand_double_range (rand, 0, jitter) : 0;

    if (!decimator_take (&decimator, (i + late) / source, rate, source))
      continue;
    if (taken++ > 0) {
      largest = MAX (largest, i / source - last);
      smallest = MIN (smallest, i / source - last);
    }
    last = i / source;
    fail_unless (fabs (taken - (i + 1) / source * rate) <= 1.0 + jitter,
        "%g of %g: %u frames after %g s", rate, source, taken, i / source);
  }
  fail_unless (largest <= 1 / rate + (1 + jitter) / source + 1e-6, "%g of %g: a gap of %g s", rate,
      source, largest);
  fail_unless (smallest >= 1 / rate - (1 + jitter) / source - 1e-6, "%g of %g: only %g s apart",
      rate, source, smallest);
}

GST_START_TEST (test_decimation_is_exact_and_even_over_time)
{
  static const gdouble rates[] = {1.0 / 60, 0.5, 1, 3, 7.3, 10, 14.99, 15.01, 29.9, 30};

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    check_decimation (rates[i], 30, 0);
    check_decimation (rates[i], 30, 0.3);
  }
  check_decimation (23.976, 59.94, 0);
}
GST_END_TEST;

/* The rate of the source falls and rises, and every minute still has the right number of frames. */
GST_START_TEST (test_any_minute_has_the_target_number_of_frames_within_one)
{
  static const gdouble rate = 7.3;
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gdouble));
  Decimator decimator = {0};
  gdouble now = 0;
  guint end = 0;

  while (now < 300) {
    gdouble source = now > 100 && now < 200 ? 10 : 30;

    if (decimator_take (&decimator, now, rate, source))
      g_array_append_val (times, now);
    now += 1 / source;
  }
  for (guint begin = 0; g_array_index (times, gdouble, begin) < 239; begin++) {
    while (g_array_index (times, gdouble, end) < g_array_index (times, gdouble, begin) + 60)
      end++;
    fail_unless (fabs (end - begin - 60 * rate) <= 1, "%u frames of the minute from %g s",
        end - begin, g_array_index (times, gdouble, begin));
  }
}
GST_END_TEST;

GST_START_TEST (test_the_decimator_accepts_times_with_a_gap_or_standing_still)
{
  Decimator decimator = {0};
  guint taken = 0;

  fail_unless (decimator_take (&decimator, 5, 10, 30));
  /* After ten minutes without a frame, frames don't pass in a burst. */
  for (guint i = 0; i < 30; i++)
    taken += decimator_take (&decimator, 605 + i / 30.0, 10, 30);
  fail_unless (taken >= 10 && taken <= 12, "%u", taken);
  /* Time that stands still. */
  for (taken = 0; taken < 3000 && !decimator_take (&decimator, 5, 10, 30); taken++)
    ;
  fail_unless (taken <= 3);
}
GST_END_TEST;

/* --- shares --- */

GST_START_TEST (test_shares_follow_the_weights_within_minimum_and_maximum)
{
  const FairShareTerms own = {1, 30, 1}, heavy = {1, 30, 3}, small = {0.5, 2, 1};
  g_autofree gchar *endless = g_strnfill (257, 'x');
  FairShare *share = fair_share_new ("own", &own);

  fail_unless (fabs (fair_share_of (share, 12, 0) - 12) < 1e-3);
  fail_unless (fabs (fair_share_of (share, 50, 0) - 30) < 1e-3);
  fair_share_see (share, "heavy", &heavy, 0, 1);
  fair_share_see (share, "own", &heavy, 0, 1);
  fail_unless_equals_int (fair_share_count (share), 2);
  fail_unless (fabs (fair_share_of (share, 12, 1) - 3) < 1e-3);
  fail_unless (fabs (fair_share_of (share, 2, 1) - 1) < 1e-3);
  fair_share_see (share, "small", &small, 2, 1);
  fail_unless (fabs (fair_share_of (share, 14, 1) - 3) < 1e-3);
  fail_unless (fabs (fair_share_demand (share, 1) - 62) < 1e-9);
  /* A camera whose name is longer than 256 characters is ignored. */
  fair_share_see (share, endless, &small, 2, 1);
  fail_unless_equals_int (fair_share_count (share), 3);
  /* The camera with the large weight wasn't seen for two rounds, so its share goes to the other
   * cameras. */
  fail_unless (fabs (fair_share_of (share, 14, 3) - 12) < 1e-3);
  fail_unless_equals_int (fair_share_count (share), 2);
  fair_share_free (share);
}
GST_END_TEST;

/* --- the controller --- */

typedef struct {
  RateController *controller;
  guint64 seq; /* of the frames sent */
  guint64 reports;
  gdouble queues[4]; /* of the replicas, frames */
} Fixture;

static Fixture
begin (const RateSettings *with)
{
  return (Fixture){rate_controller_new ("cam", "session", with, 0)};
}

static void
send_frames (Fixture *f, guint n, gdouble now)
{
  for (guint i = 0; i < n; i++)
    rate_controller_sent (f->controller, f->seq++, now);
}

/* Makes a report of a replica that was busy for the whole last second, and counted @frames frames
 * of the camera. */
static FogReport *
full_report (Fixture *f, const gchar *replica, guint frames)
{
  FogReport *report = fog_report_new (replica);
  FogReportCamera *camera = fog_report_add_camera (report, "cam");

  report->seq = ++f->reports;
  report->frames = camera->frames = frames;
  report->busy = 1;
  report->lag = 2;
  camera->session = g_strdup ("session");
  camera->last_seq = f->seq ? f->seq - 1 : 0;
  camera->max = 30;
  camera->min = 1;
  return report;
}

static gboolean
take (Fixture *f, FogReport *report, gdouble now)
{
  gboolean taken = rate_controller_report (f->controller, report, now);

  fog_report_free (report);
  return taken;
}

static gdouble
rate_at (Fixture *f, gdouble now)
{
  return rate_controller_get_rate (f->controller, now);
}

static void
assert_rate (Fixture *f, gdouble now, gdouble min, gdouble max)
{
  gdouble rate = rate_at (f, now);

  fail_unless (
      rate >= min && rate <= max, "at %g s %g frames/s, not %g to %g", now, rate, min, max);
}

/* Simulates the seconds @from to @to of a fog of @replicas replicas, each of which counts @speed
 * frames/s from a queue of its own. */
static void
run_fog (Fixture *f, guint replicas, gdouble speed, guint from, guint to)
{
  for (guint second = from; second < to; second++) {
    gdouble rate = rate_at (f, second);

    send_frames (f, (guint) rate, second);
    for (guint i = 0; i < replicas; i++) {
      g_autofree gchar *name = g_strdup_printf ("replica-%u", i);
      gdouble waiting = f->queues[i] + rate / replicas, counted = MIN (waiting, speed);
      FogReport *report = full_report (f, name, (guint) (counted + 0.5));

      f->queues[i] = waiting - counted;
      report->busy = report->frames / speed;
      report->lag = (guint64) f->queues[i];
      take (f, report, second + 0.9);
    }
  }
}

GST_START_TEST (test_the_rate_reaches_the_sum_of_all_replicas)
{
  Fixture f = begin (&settings);

  assert_rate (&f, 0, 10, 10);
  run_fog (&f, 3, 6, 0, 20);
  assert_rate (&f, 20, 15, 21);
  /* One of three replicas ends without a last report. */
  run_fog (&f, 2, 6, 20, 30);
  assert_rate (&f, 30, 10, 14);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_the_rate_falls_when_a_replica_leaves)
{
  Fixture f = begin (&settings);
  FogReport *last;

  run_fog (&f, 2, 6, 0, 20);
  last = full_report (&f, "replica-1", 6);
  last->leaving = TRUE;
  fail_unless (take (&f, last, 20));
  assert_rate (&f, 20, 4, 8.5);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_the_rate_falls_to_the_minimum_without_reports_and_rises_with_them)
{
  Fixture f = begin (&settings);

  /* Before the first report the interval of reports is assumed to be 5 s. */
  assert_rate (&f, 14, 10, 10);
  assert_rate (&f, 16, 6.9, 7.1);
  assert_rate (&f, 200, 1, 1);
  run_fog (&f, 2, 8, 200, 220);
  assert_rate (&f, 220, 13, 18);
  assert_rate (&f, 222, 13, 18);
  assert_rate (&f, 260, 1, 1);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_old_reports_are_ignored)
{
  Fixture f = begin (&settings);
  FogReport *slow;
  RateState state;
  gdouble before;

  run_fog (&f, 1, 10, 0, 10);
  before = rate_at (&f, 10);
  slow = full_report (&f, "replica-0", 1);
  slow->seq = 3;
  fail_if (take (&f, slow, 10));
  fail_unless (rate_at (&f, 10) == before);
  rate_controller_get_state (f.controller, 10, &state);
  fail_unless_equals_uint64 (state.old_reports, 1);
  /* After a restart a replica counts its reports from 0 again, and they are accepted. */
  f.reports = 0;
  fail_unless (take (&f, full_report (&f, "replica-0", 1), 14));
  rate_controller_free (f.controller);
}
GST_END_TEST;

static gboolean
take_numbered (Fixture *f, guint64 seq, gboolean leaving, gdouble now)
{
  FogReport *report = full_report (f, "replica-0", 10);

  report->seq = seq;
  report->leaving = leaving;
  return take (f, report, now);
}

/* If another program sends reports with a replica's name and higher sequence numbers, the replica's
 * own reports are still accepted. */
GST_START_TEST (test_a_forged_report_does_not_make_a_replicas_own_reports_old)
{
  static const guint64 ahead[] = {2, 100, G_GUINT64_CONSTANT (1) << 62};

  for (guint i = 0; i < G_N_ELEMENTS (ahead); i++) {
    Fixture f = begin (&settings);
    RateState state;

    for (guint64 seq = 0; seq < 5; seq++)
      fail_unless (take_numbered (&f, seq, FALSE, 1));
    take_numbered (&f, 4 + ahead[i], FALSE, 1.1);
    fail_unless (take_numbered (&f, 5, FALSE, 1.2));
    fail_if (take_numbered (&f, 5, FALSE, 1.3));
    fail_if (take_numbered (&f, 2, FALSE, 1.3));
    for (guint64 n = 0; n < 3; n++)
      take_numbered (&f, 10 + (n + 1) * ahead[i], FALSE, 1.4);
    fail_unless (take_numbered (&f, 6, FALSE, 1.5));
    fail_unless (take_numbered (&f, 7, FALSE, 1.6));
    take_numbered (&f, 20 + ahead[i], FALSE, 1.7);
    fail_unless (take_numbered (&f, 8, TRUE, 1.8));
    rate_controller_get_state (f.controller, 1.8, &state);
    fail_unless_equals_int (state.replicas, 0);
    rate_controller_free (f.controller);
  }
}
GST_END_TEST;

/* A report that arrives after later ones, because the topic has several partitions, is accepted
 * once; a report whose number has come before isn't. */
GST_START_TEST (test_a_report_that_arrives_out_of_order_is_accepted_once)
{
  static const guint64 taken[] = {1, 2, 4, 3, 5, 6, 9, 10}, old[] = {1, 4, 6, 8, 10};
  Fixture f = begin (&settings);

  for (guint i = 0; i < G_N_ELEMENTS (taken); i++)
    fail_unless (take_numbered (&f, taken[i], FALSE, 1));
  for (guint i = 0; i < G_N_ELEMENTS (old); i++)
    fail_if (take_numbered (&f, old[i], FALSE, 1));
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* A report after only 0.01 s, which a change of partitions causes, doesn't change the rate. */
GST_START_TEST (test_an_early_report_changes_no_rate)
{
  Fixture f = begin (&settings);
  gdouble before;

  run_fog (&f, 2, 6, 0, 20);
  before = rate_at (&f, 20);
  for (guint i = 0; i < 3; i++) {
    FogReport *early = full_report (&f, "replica-0", 0);

    early->interval = 0.01;
    early->busy = 0;
    early->lag = 3;
    fail_unless (take (&f, early, 20 + 0.01 * i));
  }
  assert_rate (&f, 20.1, 0.8 * before, 1.2 * before);
  assert_rate (&f, 21.8, 0.8 * before, 1.2 * before);
  run_fog (&f, 2, 6, 22, 24);
  assert_rate (&f, 24, 0.8 * before, 1.2 * before);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* If all frames of the camera are skipped as too old, no report lists the camera, and its rate
 * still falls because of the fog's lag. */
GST_START_TEST (test_the_rate_of_a_camera_that_no_report_lists_falls_with_the_lag)
{
  Fixture f = begin (&settings);

  for (guint second = 0; second < 20; second++) {
    FogReport *report = full_report (&f, "replica-0", 6);

    g_ptr_array_set_size (report->cameras, 0);
    fog_report_add_camera (report, "another")->frames = 6;
    report->lag = 200;
    take (&f, report, second);
  }
  assert_rate (&f, 20, 1, 1);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* If the camera's largest rate leaves the replicas half idle, the measured capacity stays that of
 * the replicas. */
GST_START_TEST (test_an_idle_fog_does_not_change_the_measured_capacity)
{
  Fixture f = begin (&settings);
  RateState state;

  run_fog (&f, 3, 20, 0, 120);
  assert_rate (&f, 120, 30, 30);
  rate_controller_get_state (f.controller, 120, &state);
  fail_unless (state.capacity > 54 && state.capacity < 66, "%g frames/s", state.capacity);
  fail_unless (state.demand > 0.45 && state.demand < 0.56, "%g", state.demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_absurd_numbers_in_reports_keep_the_rate_within_bounds)
{
  Fixture f = begin (&settings);
  FogReport *report;

  run_fog (&f, 2, 6, 0, 20);
  report = full_report (&f, "stranger", G_MAXINT32);
  report->busy = 1e-300;
  report->interval = 86400;
  report->lag = G_MAXINT64;
  g_ptr_array_set_size (report->cameras, 0);
  take (&f, report, 20);
  assert_rate (&f, 20, 8, 15);
  report = full_report (&f, "replica-0", 6);
  report->busy = 1e9;
  report->lag = G_MAXINT64;
  take (&f, report, 20.5);
  assert_rate (&f, 20.5, 1, 15);
  /* A report about a frame number that was never sent does no harm. */
  report = full_report (&f, "replica-0", 6);
  ((FogReportCamera *) g_ptr_array_index (report->cameras, 0))->last_seq = G_MAXINT64;
  ((FogReportCamera *) g_ptr_array_index (report->cameras, 0))->weight = 1e6;
  take (&f, report, 21);
  run_fog (&f, 2, 6, 21, 40);
  assert_rate (&f, 40, 9, 15);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* A report over an interval of nearly 0 changes neither the rate nor the measured capacity. */
GST_START_TEST (test_a_report_over_an_interval_of_nearly_0_changes_nothing)
{
  RateSettings thesis = settings;

  for (guint algorithm = 0; algorithm < 2; algorithm++) {
    Fixture f;
    RateState state;

    thesis.algorithm = algorithm ? RATE_ALGORITHM_THESIS : RATE_ALGORITHM_ADAPTIVE;
    f = begin (&thesis);
    run_fog (&f, 2, 6, 0, 20);
    for (guint i = 0; i < 8; i++) {
      FogReport *report = full_report (&f, "replica-0", G_MAXINT32);
      const gint partition = 7;

      report->interval = 1e-308;
      report->busy = 1;
      g_array_append_val (report->partitions, partition);
      take (&f, report, 20 + i * 1e-3);
      assert_rate (&f, 20 + i * 1e-3, 1, 30);
      rate_controller_next_partition (f.controller, 20);
    }
    run_fog (&f, 2, 6, 21, 60);
    assert_rate (&f, 60, algorithm ? 1 : 9, 15);
    rate_controller_get_state (f.controller, 60, &state);
    fail_unless (state.delivered >= 1 && state.delivered < 14, "%g frames/s", state.delivered);
    rate_controller_free (f.controller);
  }
}
GST_END_TEST;

/* If a report gives another camera an impossible largest rate, that camera is taken to want as much
 * as this one. */
GST_START_TEST (test_impossible_rates_do_not_change_the_demand)
{
  static const gdouble rates[][2] = {
      {1, 2147483647}, {1, 1e6}, {1, 10001}, {1e6, 1e6}, {1e6, 0}, {20000, 30}, {1, 0}};

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    FairShareTerms own = {1, 30, 1}, other = {rates[i][0], rates[i][1], 1};
    FairShare *share = fair_share_new ("cam", &own);

    fair_share_see (share, "other", &other, 0, 1);
    fail_unless (fair_share_demand (share, 1) == 60, "%g to %g: %g", rates[i][0], rates[i][1],
        fair_share_demand (share, 1));
    fail_unless (fabs (fair_share_of (share, 20, 0) - 10) < 0.01, "%g to %g: %g", rates[i][0],
        rates[i][1], fair_share_of (share, 20, 0));
    fair_share_free (share);
  }
}
GST_END_TEST;

/* A camera with an impossibly small weight gets almost nothing, and doesn't change the rate of
 * other cameras. */
GST_START_TEST (test_impossible_weights_do_not_change_the_shares)
{
  static const gdouble weights[] = {5e-324, 1e-300, 1e-20};

  for (guint i = 0; i < G_N_ELEMENTS (weights); i++) {
    Fixture f = begin (&settings);

    for (guint second = 0; second < 20; second++) {
      FogReport *report = full_report (&f, "replica-0", 10);
      FogReportCamera *stranger = fog_report_add_camera (report, "stranger");

      stranger->frames = 1;
      stranger->weight = weights[i];
      take (&f, report, second + 0.9);
    }
    assert_rate (&f, 20, 7, 15);
    rate_controller_free (f.controller);
  }
}
GST_END_TEST;

/* Replicas that sent no report for long, as after rolling updates with new names, are forgotten, so
 * they don't slow down the reading of reports. */
GST_START_TEST (test_replicas_without_reports_for_long_are_forgotten)
{
  Fixture f = begin (&settings);
  RateState state;

  for (guint i = 0; i < 1000; i++) {
    g_autofree gchar *name = g_strdup_printf ("old-%u", i);

    take (&f, full_report (&f, name, 10), i * 0.01);
  }
  for (guint second = 1000; second < 1020; second++) {
    FogReport *report = full_report (&f, "new", 400);

    for (guint i = 0; i < 400; i++) {
      g_autofree gchar *name = g_strdup_printf ("cam-%u", i);

      fog_report_add_camera (report, name)->frames = 1;
    }
    take (&f, report, second + 0.9);
  }
  rate_controller_get_state (f.controller, 1020, &state);
  fail_unless_equals_int (state.cameras, 401);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* Takes @n reports, each of a replica with another name, @step s apart. */
static void
flood (Fixture *f, guint n, gdouble from, gdouble step)
{
  for (guint i = 0; i < n; i++) {
    g_autofree gchar *name = g_strdup_printf ("flood-%g-%u", from, i);

    take (f, full_report (f, name, 0), from + i * step);
  }
}

GST_START_TEST (test_a_flood_of_new_names_displaces_no_known_replica)
{
  Fixture f = begin (&settings);
  RateState state;

  for (guint second = 0; second < 10; second++)
    fail_unless (take (&f, full_report (&f, "old", 10), second));
  flood (&f, 5000, 10, 0.0001);
  /* After the flood of names a new replica is accepted, and the replica that has reported before
   * the flood is still known: its last report, sent again, counts as old. */
  fail_unless (take (&f, full_report (&f, "late", 10), 10.6));
  f.reports -= 5002;
  fail_if (take (&f, full_report (&f, "old", 10), 10.7));
  rate_controller_get_state (f.controller, 10.8, &state);
  fail_unless_equals_uint64 (state.displaced_replicas, 5002 - RATE_CONTROLLER_REPLICAS);
  /* A second flood doesn't displace the replica that has reported twice meanwhile. */
  f.reports = 6000;
  fail_unless (take (&f, full_report (&f, "late", 10), 11));
  flood (&f, 5000, 11, 0.0001);
  f.reports = 6000;
  fail_if (take (&f, full_report (&f, "late", 10), 11.6));
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* If the controller knows as many replicas as it can, a flood of new names displaces replicas that
 * sent no report for long, and not a new one. */
GST_START_TEST (test_replicas_without_reports_are_displaced_first)
{
  Fixture f = begin (&settings);

  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < RATE_CONTROLLER_REPLICAS; i++) {
      g_autofree gchar *name = g_strdup_printf ("old-%u", i);

      take (&f, full_report (&f, name, 1), round);
    }
  fail_unless (take (&f, full_report (&f, "new", 10), 100));
  flood (&f, RATE_CONTROLLER_REPLICAS - 1, 100, 0.0001);
  f.reports = 2 * RATE_CONTROLLER_REPLICAS;
  fail_if (take (&f, full_report (&f, "new", 10), 100.9));
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_only_replicas_that_list_the_camera_count_for_its_capacity)
{
  Fixture f = begin (&settings);

  send_frames (&f, 1, 0);
  for (guint second = 0; second < 20; second++) {
    FogReport *other = full_report (&f, "other", 10);

    g_ptr_array_set_size (other->cameras, 0);
    fog_report_add_camera (other, "another")->frames = 10;
    take (&f, other, second);
    take (&f, full_report (&f, "replica-0", 5), second + 0.5);
  }
  assert_rate (&f, 20, 3, 7.5);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_the_number_of_frames_in_flight_is_bounded)
{
  Fixture f = begin (&settings);
  guint sent = 0;

  run_fog (&f, 1, 10, 0, 10);
  while (sent < 1000 && rate_controller_may_send (f.controller, 10)) {
    send_frames (&f, 1, 10);
    sent++;
  }
  fail_unless (sent >= 10 && sent < 60, "%u frames under way", sent);
  /* While too many frames are unanswered, frames still pass at the minimum rate, so that a report
   * about them can raise the rate. */
  fail_if (rate_controller_may_send (f.controller, 10.5));
  fail_unless (rate_controller_may_send (f.controller, 11.1));
  take (&f, full_report (&f, "replica-0", 10), 10.9);
  fail_unless (rate_controller_may_send (f.controller, 10.9));
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_a_throttle_request_of_the_sink_lowers_the_rate)
{
  Fixture f = begin (&settings);

  run_fog (&f, 1, 20, 0, 20);
  rate_controller_throttle (f.controller, 4, 20);
  assert_rate (&f, 20, 4, 4);
  assert_rate (&f, 20.6, 4, 4);
  /* While the link delivers too little, the sink requests lower and lower rates until its queue is
   * empty. */
  run_fog (&f, 1, 20, 20, 22);
  assert_rate (&f, 22, 4, 5);
  rate_controller_throttle (f.controller, 3, 22);
  rate_controller_throttle (f.controller, 1.5, 22.5);
  assert_rate (&f, 23, 1.5, 1.5);
  /* Afterwards the rate rises from the rate that the link had at the last but one request. */
  assert_rate (&f, 24, 3, 3.3);
  run_fog (&f, 1, 20, 22, 60);
  assert_rate (&f, 60, 15, 24);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* A very low rate, which the sink requests after the broker was away for some seconds, is left
 * again within 16 s. */
GST_START_TEST (test_a_low_rate_requested_after_an_outage_is_left_within_16_s)
{
  Fixture f = begin (&settings);

  run_fog (&f, 1, 20, 0, 20);
  rate_controller_throttle (f.controller, 0.2, 20);
  assert_rate (&f, 20, 1, 1);
  run_fog (&f, 1, 20, 20, 36);
  assert_rate (&f, 36, 15, 30);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* The link's limit, which grows with time, doesn't overflow on a machine whose monotonic clock is
 * at 1,000,000 s. */
GST_START_TEST (test_the_link_rate_does_not_overflow_on_a_machine_up_for_long)
{
  static const gdouble uptime = 1e6;
  Fixture f = {.controller = rate_controller_new ("cam", "session", &settings, uptime)};
  RateState state;

  assert_rate (&f, uptime, 10, 10);
  rate_controller_get_state (f.controller, uptime, &state);
  fail_unless (state.link_rate == 0, "%g", state.link_rate);
  rate_controller_throttle (f.controller, 4, uptime);
  assert_rate (&f, uptime, 4, 4);
  rate_controller_get_state (f.controller, 2 * uptime, &state);
  fail_unless (state.link_rate == 0, "%g", state.link_rate);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_cameras_share_the_capacity_by_weight)
{
  Fixture f = begin (&settings);
  FogReport *report;

  for (guint second = 0; second < 20; second++) {
    FogReportCamera *other;

    report = full_report (&f, "replica-0", 20);
    report->lag = 5;
    other = fog_report_add_camera (report, "other");
    other->frames = 15;
    other->max = 30;
    other->weight = 3;
    take (&f, report, second + 0.9);
  }
  assert_rate (&f, 20, 4, 6);
  /* Within two reports after the other camera has stopped, its share goes to this camera. */
  for (guint second = 20; second < 22; second++)
    take (&f, full_report (&f, "replica-0", 20), second + 0.9);
  assert_rate (&f, 22, 16, 24);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_frames_go_to_the_replicas_with_spare_capacity)
{
  static const gint partitions[2][2] = {{0, 1}, {2, 3}};
  Fixture f = begin (&settings);
  guint n[4] = {0};

  fail_unless_equals_int (rate_controller_next_partition (f.controller, 0), -1);
  for (guint second = 0; second < 10; second++) {
    for (guint i = 0; i < 2; i++) {
      FogReport *report = full_report (&f, i ? "slow" : "fast", i ? 4 : 12);

      g_array_append_vals (report->partitions, partitions[i], 2);
      take (&f, report, second + 0.9);
    }
  }
  for (guint i = 0; i < 160; i++)
    n[rate_controller_next_partition (f.controller, 10)]++;
  fail_unless (n[0] + n[1] > 110 && n[2] + n[3] > 20, "%u and %u", n[0] + n[1], n[2] + n[3]);
  fail_unless (n[0] == n[1] && n[2] == n[3]);
  /* Without recent reports of any replica, the partition is left to the sink (-1). */
  fail_unless_equals_int (rate_controller_next_partition (f.controller, 20), -1);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_demand_is_known)
{
  Fixture f = begin (&settings);
  RateState state;

  rate_controller_get_state (f.controller, 0, &state);
  fail_unless (state.demand == 0 && state.needed == 0);
  run_fog (&f, 2, 5, 0, 10);
  rate_controller_get_state (f.controller, 10, &state);
  fail_unless_equals_int (state.replicas, 2);
  fail_unless (state.demand > 2 && state.demand < 5, "%g", state.demand);
  fail_unless (fabs (state.needed - 2 * state.demand) < 1e-9, "%g", state.needed);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* The demand for autoscalers is known from reports about other cameras' frames, without frames of
 * this camera. */
GST_START_TEST (test_demand_is_known_without_frames_of_this_camera)
{
  RateSettings own = settings;
  Fixture f;
  RateState state;

  own.min_rate = own.max_rate = 0.001;
  f = (Fixture){rate_controller_new ("listener", "x", &own, 0)};
  for (guint second = 0; second < 10; second++) {
    take (&f, full_report (&f, "replica-0", 5), second);
    take (&f, full_report (&f, "replica-1", 5), second);
  }
  rate_controller_get_state (f.controller, 9, &state);
  fail_unless_equals_int (state.replicas, 2);
  fail_unless_equals_int (state.cameras, 2);
  fail_unless (fabs (state.demand - 3) < 0.01, "%g", state.demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

static RateState
state_at (Fixture *f, gdouble now)
{
  RateState state;

  rate_controller_get_state (f->controller, now, &state);
  return state;
}

static Fixture
begin_listener (void)
{
  RateSettings own = settings;

  own.min_rate = own.max_rate = 0.001;
  return (Fixture){rate_controller_new ("listener", "x", &own, 0)};
}

/* The number of replicas that are needed doesn't depend on how many there are, so an autoscaler
 * doesn't add replicas because one restarts. */
GST_START_TEST (test_a_lost_replica_changes_the_demand_but_not_the_needed_replicas)
{
  Fixture f = begin_listener ();

  for (guint second = 0; second < 30; second++) {
    take (&f, full_report (&f, "replica-0", 5), second);
    if (second < 15)
      take (&f, full_report (&f, "replica-1", 5), second);
    fail_unless (fabs (state_at (&f, second).needed - 6) < 0.02, "%g at %u",
        state_at (&f, second).needed, second);
  }
  fail_unless_equals_int (state_at (&f, 29).replicas, 1);
  fail_unless (fabs (state_at (&f, 29).demand - 6) < 0.02, "%g", state_at (&f, 29).demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_demand_forgets_cameras_that_are_gone)
{
  Fixture f = begin_listener ();

  for (guint second = 0; second < 120; second++) {
    FogReport *report = full_report (&f, "replica-0", 60);

    for (guint i = 0; i < (second < 60 ? 29 : 0); i++) {
      g_autofree gchar *name = g_strdup_printf ("cam-%u", i);
      FogReportCamera *camera = fog_report_add_camera (report, name);

      camera->frames = 2;
      camera->max = 30;
    }
    take (&f, report, second);
    if (second == 59)
      fail_unless (fabs (state_at (&f, second).demand - 15) < 0.1);
  }
  fail_unless_equals_int (state_at (&f, 119).cameras, 2);
  fail_unless (fabs (state_at (&f, 119).demand - 0.5) < 0.01);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* A replica that gets two frames in three seconds sometimes reports no counted frame and a lag of
 * one frame, which has just come; that doesn't mean that it hangs. */
GST_START_TEST (test_a_frame_that_has_just_come_does_not_mean_that_its_replica_hangs)
{
  Fixture f = begin_listener ();

  for (guint second = 0; second < 60; second++) {
    FogReport *report = full_report (&f, "replica-0", second % 3 > 0);

    report->busy = report->frames * 0.1;
    report->lag = second % 3 == 0;
    take (&f, report, second);
  }
  fail_unless (state_at (&f, 59).capacity > 9.5, "%g", state_at (&f, 59).capacity);
  fail_unless (fabs (state_at (&f, 59).demand - 3) < 0.01, "%g", state_at (&f, 59).demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* A replica with a lag that counts no frame hangs, and doesn't count for the capacity; a replica
 * that needs two seconds for each frame does count. */
GST_START_TEST (test_a_replica_that_hangs_does_not_count_for_the_capacity)
{
  Fixture f = begin_listener ();
  RateState state;

  for (guint second = 0; second < 90; second++) {
    FogReport *hangs = full_report (&f, "hangs", second < 30 ? 10 : 0);
    FogReport *slow = full_report (&f, "slow", second % 2);

    slow->busy = slow->frames * 2;
    hangs->lag = slow->lag = 5;
    take (&f, hangs, second);
    take (&f, slow, second);
    state = state_at (&f, second);
    if (second == 29)
      fail_unless (fabs (state.capacity - 10.5 * state.gain) < 0.1, "%g", state.capacity);
  }
  fail_unless (state.capacity > 0.45 * state.gain && state.capacity < 0.6 * state.gain, "%g",
      state.capacity);
  fail_unless (state.demand > 10, "%g", state.demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* The demand changes little if reports have a few frames more or less, and falls as soon as a new
 * replica reports. */
GST_START_TEST (test_demand_is_steady)
{
  Fixture f = begin_listener ();

  for (guint second = 0; second < 120; second++) {
    for (guint i = 0; i < 2; i++) {
      FogReport *report = full_report (&f, i ? "a" : "b", 3 + 2 * ((second + i) % 2));

      report->busy = 0.8;
      take (&f, report, second);
    }
    if (second > 60)
      fail_unless (
          fabs (state_at (&f, second).demand - 3) < 0.1, "%g", state_at (&f, second).demand);
  }
  take (&f, full_report (&f, "new", 0), 119.5);
  fail_unless (fabs (state_at (&f, 119.5).demand - 2) < 0.1, "%g", state_at (&f, 119.5).demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

/* Returns the demand @seconds after the cost of a frame has risen to @times its value, at second
 * 1200 of a fog that was 86% busy before. */
static gdouble
demand_after (gdouble times, guint seconds)
{
  Fixture f = begin_listener ();
  gdouble demand;

  for (guint second = 0; second < 1200 + seconds; second++) {
    gdouble busy = 0.86 * (second < 1200 ? 1 : times);
    FogReport *report = full_report (&f, "replica-0", (guint) (30 / MAX (busy, 1)));

    report->busy = MIN (busy, 1);
    take (&f, report, second);
  }
  demand = state_at (&f, 1200 + seconds).demand;
  rate_controller_free (f.controller);
  return demand;
}

/* A minute or two in which frames cost more don't raise the demand above 0.99, from where on an
 * autoscaler would add a replica; a longer or larger rise does. */
GST_START_TEST (test_the_demand_hardly_rises_in_a_slow_minute_or_two)
{
  fail_unless (fabs (demand_after (1, 0) - 0.86) < 0.01, "%g", demand_after (1, 0));
  fail_unless (demand_after (1.25, 120) < 0.99, "%g", demand_after (1.25, 120));
  fail_unless (demand_after (2, 90) > 0.99, "%g", demand_after (2, 90));
  fail_unless (demand_after (1.25, 600) > 0.99, "%g", demand_after (1.25, 600));
}
GST_END_TEST;

GST_START_TEST (test_the_demand_rises_when_one_of_two_replicas_hangs)
{
  Fixture f = begin_listener ();

  for (guint second = 0; second < 1320; second++) {
    for (guint i = 0; i < 2; i++) {
      FogReport *report = full_report (&f, i ? "well" : "hangs", i || second < 1200 ? 15 : 0);

      report->busy = 0.86 * (report->frames > 0);
      report->lag = 5;
      take (&f, report, second);
    }
    if (second == 1199)
      fail_unless (
          fabs (state_at (&f, second).demand - 0.86) < 0.01, "%g", state_at (&f, second).demand);
  }
  fail_unless (state_at (&f, 1320).demand > 1.3, "%g", state_at (&f, 1320).demand);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_thesis_rule)
{
  RateSettings thesis = settings;
  Fixture f;

  thesis.algorithm = RATE_ALGORITHM_THESIS;
  f = begin (&thesis);
  take (&f, full_report (&f, "replica-0", 6), 5);
  assert_rate (&f, 5, 6, 6);
  take (&f, full_report (&f, "replica-0", 5), 10);
  assert_rate (&f, 10, 5, 5);
  take (&f, full_report (&f, "replica-0", 5), 31);
  assert_rate (&f, 31, 10, 10);
  take (&f, full_report (&f, "replica-0", 7), 36);
  assert_rate (&f, 36, 7, 7);
  rate_controller_free (f.controller);
}
GST_END_TEST;

GST_START_TEST (test_fixed_rate_stays)
{
  RateSettings fixed = settings;
  Fixture f;

  fixed.algorithm = RATE_ALGORITHM_FIXED;
  f = begin (&fixed);
  run_fog (&f, 1, 3, 0, 10);
  assert_rate (&f, 10, 10, 10);
  assert_rate (&f, 1000, 10, 10);
  rate_controller_free (f.controller);
}
GST_END_TEST;

static Suite *
ratecontroller_suite (void)
{
  Suite *suite = suite_create ("ratecontroller");
  TCase *tcase = tcase_create ("rate controller");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_decimation_is_exact_and_even_over_time);
  tcase_add_test (tcase, test_any_minute_has_the_target_number_of_frames_within_one);
  tcase_add_test (tcase, test_the_decimator_accepts_times_with_a_gap_or_standing_still);
  tcase_add_test (tcase, test_shares_follow_the_weights_within_minimum_and_maximum);
  tcase_add_test (tcase, test_the_rate_reaches_the_sum_of_all_replicas);
  tcase_add_test (tcase, test_the_rate_falls_when_a_replica_leaves);
  tcase_add_test (tcase, test_the_rate_falls_to_the_minimum_without_reports_and_rises_with_them);
  tcase_add_test (tcase, test_old_reports_are_ignored);
  tcase_add_test (tcase, test_a_forged_report_does_not_make_a_replicas_own_reports_old);
  tcase_add_test (tcase, test_a_report_that_arrives_out_of_order_is_accepted_once);
  tcase_add_test (tcase, test_an_early_report_changes_no_rate);
  tcase_add_test (tcase, test_the_rate_of_a_camera_that_no_report_lists_falls_with_the_lag);
  tcase_add_test (tcase, test_an_idle_fog_does_not_change_the_measured_capacity);
  tcase_add_test (tcase, test_absurd_numbers_in_reports_keep_the_rate_within_bounds);
  tcase_add_test (tcase, test_a_report_over_an_interval_of_nearly_0_changes_nothing);
  tcase_add_test (tcase, test_impossible_rates_do_not_change_the_demand);
  tcase_add_test (tcase, test_impossible_weights_do_not_change_the_shares);
  tcase_add_test (tcase, test_replicas_without_reports_for_long_are_forgotten);
  tcase_add_test (tcase, test_a_flood_of_new_names_displaces_no_known_replica);
  tcase_add_test (tcase, test_replicas_without_reports_are_displaced_first);
  tcase_add_test (tcase, test_only_replicas_that_list_the_camera_count_for_its_capacity);
  tcase_add_test (tcase, test_the_number_of_frames_in_flight_is_bounded);
  tcase_add_test (tcase, test_a_throttle_request_of_the_sink_lowers_the_rate);
  tcase_add_test (tcase, test_a_low_rate_requested_after_an_outage_is_left_within_16_s);
  tcase_add_test (tcase, test_the_link_rate_does_not_overflow_on_a_machine_up_for_long);
  tcase_add_test (tcase, test_cameras_share_the_capacity_by_weight);
  tcase_add_test (tcase, test_frames_go_to_the_replicas_with_spare_capacity);
  tcase_add_test (tcase, test_demand_is_known);
  tcase_add_test (tcase, test_demand_is_known_without_frames_of_this_camera);
  tcase_add_test (tcase, test_a_lost_replica_changes_the_demand_but_not_the_needed_replicas);
  tcase_add_test (tcase, test_demand_forgets_cameras_that_are_gone);
  tcase_add_test (tcase, test_a_frame_that_has_just_come_does_not_mean_that_its_replica_hangs);
  tcase_add_test (tcase, test_a_replica_that_hangs_does_not_count_for_the_capacity);
  tcase_add_test (tcase, test_demand_is_steady);
  tcase_add_test (tcase, test_the_demand_hardly_rises_in_a_slow_minute_or_two);
  tcase_add_test (tcase, test_the_demand_rises_when_one_of_two_replicas_hangs);
  tcase_add_test (tcase, test_thesis_rule);
  tcase_add_test (tcase, test_fixed_rate_stays);
  return suite;
}

GST_CHECK_MAIN (ratecontroller);
