/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares rules of rate control on traces of capacity, and measures the cost of a decision.
 *   bench-rate TRACE…   prints a table for each model
 *   bench-rate --cost   prints the time for one report, with 100 replicas and 1000 cameras */
#include <stdio.h>
#include <time.h>

#include "ratemodel.h"

static gdouble interval = 1, max_age = 1, loss, busy_error, latency_target = 0.25;
static gint cameras = 1, seeds = 3, held = 2;
static gchar *only_rule, *only_model;
static gboolean cost;

static const GOptionEntry entries[] = {
    {"interval", 0, 0, G_OPTION_ARG_DOUBLE, &interval, "s between reports (1)", "S"},
    {"max-age", 0, 0, G_OPTION_ARG_DOUBLE, &max_age,
        "age in s above which the fog drops a frame, 0: never (1)", "S"},
    {"loss", 0, 0, G_OPTION_ARG_DOUBLE, &loss, "fraction of the reports that is lost (0)", "P"},
    {"busy-error", 0, 0, G_OPTION_ARG_DOUBLE, &busy_error,
        "relative error of the field busy in reports (0)", "P"},
    {"latency-target", 0, 0, G_OPTION_ARG_DOUBLE, &latency_target, "s (0.25)", "S"},
    {"cameras", 0, 0, G_OPTION_ARG_INT, &cameras, "number of cameras (1)", "N"},
    {"held", 0, 0, G_OPTION_ARG_INT, &held,
        "frames that a replica takes ahead from its partitions (2)", "N"},
    {"rule", 0, 0, G_OPTION_ARG_STRING, &only_rule, "only this one", "NAME"},
    {"model", 0, 0, G_OPTION_ARG_STRING, &only_model, "only this one", "NAME"},
    {"seeds", 0, 0, G_OPTION_ARG_INT, &seeds, "runs to average (3)", "N"},
    {"cost", 0, 0, G_OPTION_ARG_NONE, &cost, "measure the cost of a decision", NULL},
    {NULL},
};

/* Spark's PIDRateEstimator with its default gains: proportional 1, integral 0.2, derivative 0. */
static gdouble
pid (gdouble memory[2], gdouble rate, const RateState *fog, gdouble interval, gdouble now)
{
  gdouble speed = fog->capacity / fog->gain;

  if (memory[0] <= 0)
    memory[0] = rate;
  memory[0] = MAX (memory[0] - (memory[0] - speed) - 0.2 * fog->queue / interval, 0.1);
  return memory[0];
}

/* The rule of the thesis, but with the sum of all replicas' rates. */
static gdouble
thesis_of_all (gdouble memory[2], gdouble rate, const RateState *fog, gdouble interval, gdouble now)
{
  gdouble probe = now - memory[0] >= 30 ? 2 : 1;

  if (probe > 1)
    memory[0] = now;
  return fog->delivered * probe;
}

static const struct {
  const gchar *name;
  RateAlgorithm algorithm;
  RateRule rule;
} rules[] = {
    {"fixed 30/s", RATE_ALGORITHM_FIXED, NULL},
    {"thesis", RATE_ALGORITHM_THESIS, NULL},
    {"thesis, summed", RATE_ALGORITHM_ADAPTIVE, thesis_of_all},
    {"PID (Spark)", RATE_ALGORITHM_ADAPTIVE, pid},
    {"adaptive", RATE_ALGORITHM_ADAPTIVE, NULL},
};

static const gchar *const models[] = {
    "one shared queue", "partitions, in turn", "partitions, placement", "keyed"};

static gboolean
is_wanted (const gchar *only, const gchar *name)
{
  return !only || g_str_equal (only, name);
}

static void
run_rule (const RateTrace *trace, guint rule, RateModelKind kind)
{
  RateModelResult sum = {0};

  for (gint seed = 1; seed <= seeds; seed++) {
    RateModelSettings settings = {kind,
        {rules[rule].algorithm, rules[rule].algorithm == RATE_ALGORITHM_FIXED ? 30 : 10, 1, 30, 1,
            latency_target},
        rules[rule].rule, (guint) cameras, (guint) held, interval, max_age, loss, busy_error,
        (guint32) seed};
    RateModelResult result = rate_model_run (trace, &settings);

    sum.utilisation += result.utilisation / seeds;
    sum.p50 += result.p50 / seeds;
    sum.p95 += result.p95 / seeds;
    sum.p99 += result.p99 / seeds;
    sum.max = MAX (sum.max, result.max);
    sum.counted += result.counted / seeds;
    sum.dropped += result.dropped / seeds;
    sum.changes += result.changes / seeds;
  }
  printf ("| %-21s | %-14s | %5.3f | %7.2f | %7.2f | %7.2f | %7.2f | %7" G_GUINT64_FORMAT
          " | %7" G_GUINT64_FORMAT " | %5.1f |\n",
      models[kind], rules[rule].name, sum.utilisation, sum.p50, sum.p95, sum.p99, sum.max,
      sum.counted, sum.dropped, sum.changes);
}

static gboolean
run_trace (const gchar *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RateTrace) trace = rate_trace_load (path, &error);

  if (!trace) {
    fprintf (stderr, "%s\n", error->message);
    return FALSE;
  }
  printf ("\n%s, %u replicas, %.0f s\n| model | rule | utilisation | p50 s | p95 s | p99 s | max s "
          "| counted | dropped | changes/min |\n| --- | --- | --- | --- | --- | --- | --- | --- | "
          "--- | "
          "--- |\n",
      path, trace->replicas, rate_trace_seconds (trace));
  for (guint kind = RATE_MODEL_SHARED; kind <= RATE_MODEL_KEYED; kind++) {
    for (guint rule = 0; rule < G_N_ELEMENTS (rules); rule++) {
      if (is_wanted (only_model, models[kind]) && is_wanted (only_rule, rules[rule].name))
        run_rule (trace, rule, kind);
    }
  }
  return TRUE;
}

/* --- cost of a decision --- */

#define COST_REPLICAS 100
#define COST_CAMERAS 1000
#define COST_ROUNDS 50

static FogReport *
large_report (guint replica)
{
  g_autofree gchar *name = g_strdup_printf ("fog-%u", replica);
  FogReport *report = fog_report_new (name);

  report->frames = 100;
  report->busy = 0.9;
  report->lag = 3;
  for (guint c = 0; c < COST_CAMERAS; c++) {
    g_autofree gchar *camera_name = g_strdup_printf ("cam-%u", c);
    FogReportCamera *camera = fog_report_add_camera (report, camera_name);

    camera->frames = 1;
    camera->max = 30;
    camera->weight = 1 + c % 3;
  }
  return report;
}

static gdouble
cpu_seconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void
measure_cost (void)
{
  RateSettings settings = {RATE_ALGORITHM_ADAPTIVE, 10, 0.1, 30, 1, 0.25};
  RateController *controller = rate_controller_new ("cam-500", "s", &settings, 0);
  FogReport *reports[COST_REPLICAS];
  gdouble began, spent = 0;

  for (guint i = 0; i < COST_REPLICAS; i++)
    reports[i] = large_report (i);
  for (guint round = 0; round < COST_ROUNDS; round++) {
    for (guint i = 0; i < COST_REPLICAS; i++)
      reports[i]->seq = round + 1;
    began = cpu_seconds ();
    for (guint i = 0; i < COST_REPLICAS; i++)
      rate_controller_report (controller, reports[i], round + i / (gdouble) COST_REPLICAS);
    /* The first rounds warm up, because every name is new in them. */
    if (round >= 5)
      spent += cpu_seconds () - began;
  }
  printf ("%.2f us a report (%d replicas, %d cameras; rate %.3f)\n",
      spent * 1e6 / (COST_REPLICAS * (COST_ROUNDS - 5)), COST_REPLICAS, COST_CAMERAS,
      rate_controller_get_rate (controller, COST_ROUNDS));
  for (guint i = 0; i < COST_REPLICAS; i++)
    fog_report_free (reports[i]);
  rate_controller_free (controller);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("TRACE…");
  g_autoptr (GError) error = NULL;
  gboolean ok = TRUE;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 2;
  }
  if (cost)
    measure_cost ();
  for (gint i = 1; i < argc; i++)
    ok = run_trace (argv[i]) && ok;
  return !ok;
}
