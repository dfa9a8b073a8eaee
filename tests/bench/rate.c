/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares rules of rate control on traces of capacity, and measures the cost of a decision.
 *   bench-rate TRACE…   prints a table for each model
 *   bench-rate --cost   prints the time for one report, with 100 replicas and 1000 cameras */
#include <stdio.h>
#include <time.h>

#include "ratemodel.h"
#include "rateoracle.h"
#include "raterules.h"

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

static const gchar *const models[] = {
    "one shared queue", "partitions, in turn", "partitions, placement", "keyed"};

static gboolean
is_wanted (const gchar *only, const gchar *name)
{
  return !only || g_str_equal (only, name);
}

static RateModelSettings
settings_of (const RateNamedRule *rule, RateModelKind kind, gint seed)
{
  gdouble initial = rule->algorithm == RATE_ALGORITHM_FIXED ? 30 : 10;

  return (RateModelSettings){kind, {rule->algorithm, initial, 1, 30, 1, latency_target}, rule->rule,
      (guint) cameras, (guint) held, interval, max_age, loss, busy_error, (guint32) seed};
}

static void
print_row (const gchar *model, const gchar *rule, const RateModelResult *row)
{
  printf ("| %-21s | %-14s | %5.3f | %7.3f | %7.3f | %7.3f | %7.3f | %7" G_GUINT64_FORMAT
          " | %7" G_GUINT64_FORMAT " | %5.1f |\n",
      model, rule, row->utilisation, row->p50, row->p95, row->p99, row->max, row->counted,
      row->dropped, row->changes);
}

/* The bound for all rules, which holds for each model. */
static void
run_oracle (const RateTrace *trace)
{
  RateModelSettings settings = settings_of (&rate_rules[0], RATE_MODEL_SHARED, 0);
  RateModelResult bound = rate_oracle_run (trace, &settings);

  print_row ("any", "oracle", &bound);
}

static void
run_rule (const RateTrace *trace, const RateNamedRule *rule, RateModelKind kind)
{
  RateModelResult sum = {0};

  for (gint seed = 1; seed <= seeds; seed++) {
    RateModelSettings settings = settings_of (rule, kind, seed);
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
  print_row (models[kind], rule->name, &sum);
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
  if (is_wanted (only_rule, "oracle"))
    run_oracle (trace);
  for (guint kind = RATE_MODEL_SHARED; kind <= RATE_MODEL_KEYED; kind++) {
    for (guint rule = 0; rate_rules[rule].name; rule++) {
      const RateNamedRule *one = &rate_rules[rule];

      if (is_wanted (only_model, models[kind]) && is_wanted (only_rule, one->name))
        run_rule (trace, one, kind);
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
