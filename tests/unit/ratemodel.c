/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the rate controller in a simulation, on other traces than steps.txt and link.txt, on which
 * it was tuned. The simulation is deterministic, so the limits of its results are tight. */
#include <gst/check/gstcheck.h>

#include "ratemodel.h"

static RateModelSettings
model (RateModelKind kind, RateAlgorithm algorithm)
{
  return (RateModelSettings){.kind = kind,
      .settings = {algorithm, 10, 1, 30, 1, 0.25},
      .cameras = 1,
      .held = 2,
      .interval = 1,
      .max_age = 1,
      .seed = 1};
}

static RateModelResult
run (const gchar *name, const RateModelSettings *settings)
{
  g_autofree gchar *path = g_build_filename (RATE_TRACES, name, NULL);
  g_autoptr (RateTrace) trace = rate_trace_load (path, NULL);

  fail_unless (trace != NULL, "%s", path);
  return rate_model_run (trace, settings);
}

static void
check (const gchar *name, const RateModelSettings *settings, gdouble utilisation, gdouble p95,
    gdouble max)
{
  RateModelResult result = run (name, settings);

  fail_unless (result.utilisation >= utilisation, "%s: utilisation %g", name, result.utilisation);
  fail_unless (result.p95 <= p95, "%s: p95 %g s", name, result.p95);
  fail_unless (result.max <= max, "%s: max %g s", name, result.max);
}

static const gchar *const held_out[] = {"half.txt", "neighbour.txt", "ramp.txt", "lost.txt",
    "mixed-11.txt", "mixed-12.txt", "mixed-13.txt", "mixed-14.txt", "mixed-22.txt", "mixed-23.txt",
    "mixed-24.txt"};

GST_START_TEST (test_one_shared_queue)
{
  RateModelSettings settings = model (RATE_MODEL_SHARED, RATE_ALGORITHM_ADAPTIVE);

  check (held_out[__i__], &settings, 0.97, 0.75, 1.5);
}
GST_END_TEST;

GST_START_TEST (test_partitions_with_placement)
{
  RateModelSettings settings = model (RATE_MODEL_PLACEMENT, RATE_ALGORITHM_ADAPTIVE);

  check (held_out[__i__], &settings, 0.95, 1.0, 1.75);
}
GST_END_TEST;

GST_START_TEST (test_frames_stay_recent_despite_lost_reports_and_wrong_work_times)
{
  RateModelSettings settings = model (RATE_MODEL_SHARED, RATE_ALGORITHM_ADAPTIVE);

  settings.loss = settings.busy_error = 0.2;
  check (held_out[__i__], &settings, 0.94, 1.2, 1.5);
}
GST_END_TEST;

/* Four cameras, whose frames may arrive at the same moment, share the fog. */
GST_START_TEST (test_several_cameras)
{
  RateModelSettings settings = model (RATE_MODEL_PLACEMENT, RATE_ALGORITHM_ADAPTIVE);

  settings.cameras = 4;
  check (held_out[__i__], &settings, 0.94, 1.0, 1.75);
}
GST_END_TEST;

/* No frame is skipped as too old in this simulation, so only the rate limits the age of frames. */
GST_START_TEST (test_frames_stay_recent_over_a_slow_link)
{
  RateModelSettings settings = model (RATE_MODEL_PLACEMENT, RATE_ALGORITHM_ADAPTIVE);

  settings.max_age = 0;
  check ("link-14.txt", &settings, 0.85, 1.5, 5);
}
GST_END_TEST;

GST_START_TEST (test_the_algorithm_thesis_uses_less_than_half_of_the_fog)
{
  RateModelSettings settings = model (RATE_MODEL_SHARED, RATE_ALGORITHM_THESIS);

  fail_unless (run (held_out[__i__], &settings).utilisation < 0.5);
}
GST_END_TEST;

static Suite *
ratemodel_suite (void)
{
  Suite *suite = suite_create ("ratemodel");
  TCase *tcase = tcase_create ("simulation");
  const gint n = G_N_ELEMENTS (held_out);

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_one_shared_queue, 0, n);
  tcase_add_loop_test (tcase, test_partitions_with_placement, 0, n);
  tcase_add_loop_test (
      tcase, test_frames_stay_recent_despite_lost_reports_and_wrong_work_times, 0, n);
  tcase_add_loop_test (tcase, test_several_cameras, 0, n);
  tcase_add_test (tcase, test_frames_stay_recent_over_a_slow_link);
  tcase_add_loop_test (tcase, test_the_algorithm_thesis_uses_less_than_half_of_the_fog, 0, n);
  return suite;
}

GST_CHECK_MAIN (ratemodel);
