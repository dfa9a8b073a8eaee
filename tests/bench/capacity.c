/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares the capacity in a report at partial load, frames/(busy/workers), with the rate of a
 * saturated run that follows: with spare processors, under other load, and under a CPU quota; for
 * an element that was never saturated, and for one that was saturated a moment ago. Also measures
 * the gain from more workers. Runs the element alone, without a source or a decoder. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gst/check/gstharness.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpuquota.h"
#include "fogreport.h"
#include "haarelement.h"
#include "haarpictures.h"

static gint seconds = 5;
static gint load = 40;
static gint hogs = 2;
static gdouble quota = 1.2;
static gchar *only;
static gchar *size = "640x480";
static gchar *engine = "auto";

static const GOptionEntry options[] = {
    {"seconds", 's', 0, G_OPTION_ARG_INT, &seconds, "Duration of each run in seconds (5)", "N"},
    {"load", 'l', 0, G_OPTION_ARG_INT, &load, "Load of the unsaturated run in % (40)", "PERCENT"},
    {"hogs", 'o', 0, G_OPTION_ARG_INT, &hogs, "Number of processes that load the processors (2)",
        "N"},
    {"quota", 'q', 0, G_OPTION_ARG_DOUBLE, &quota, "CPU quota, in processors (1.2)", "F"},
    {"only", 'c', 0, G_OPTION_ARG_STRING, &only, "Run only this case: spare, load or quota",
        "CASE"},
    {"size", 'z', 0, G_OPTION_ARG_STRING, &size, "Size of the pictures (640x480)", "WxH"},
    {"engine", 'e', 0, G_OPTION_ARG_STRING, &engine, "As of haarfacecount (auto)", "NAME"},
    {NULL},
};

typedef struct {
  GstElement *element;
  GstHarness *harness;
  GstBuffer *frame;
} Bench;

/* The second run of each pair starts with the state of the first one. */
#define REPORT_INTERVAL (G_TIME_SPAN_SECOND / 4)
#define SETTLING (2 * REPORT_INTERVAL)

static GstBuffer *
make_frame (gint width, gint height)
{
  HaarPicture face = haar_picture_load (HAAR_PORTRAIT);
  HaarPicture picture = haar_picture_compose (&face, width, height, 1);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, (gsize) (width * height), NULL);

  for (gint y = 0; y < height; y++)
    gst_buffer_fill (
        frame, (gsize) (y * width), picture.pixels + (gsize) y * picture.stride, (gsize) width);
  haar_picture_clear (&face);
  haar_picture_clear (&picture);
  return frame;
}

static Bench
open_bench (guint workers)
{
  Bench bench = {make_haarfacecount ()};
  g_autofree gchar *caps = NULL;
  gint width, height;

  g_assert_cmpint (sscanf (size, "%dx%d", &width, &height), ==, 2);
  g_object_set (bench.element, "workers", workers, "report-interval",
      (guint64) (REPORT_INTERVAL * GST_USECOND), NULL);
  gst_util_set_object_arg (G_OBJECT (bench.element), "engine", engine);
  bench.harness = gst_harness_new_with_element (bench.element, "sink", "rate");
  caps =
      g_strdup_printf ("video/x-raw,format=GRAY8,width=%d,height=%d,framerate=0/1", width, height);
  gst_harness_set_src_caps_str (bench.harness, caps);
  bench.frame = make_frame (width, height);
  return bench;
}

static void
close_bench (Bench *bench)
{
  gst_buffer_unref (bench->frame);
  gst_harness_teardown (bench->harness);
  gst_object_unref (bench->element);
}

/* What reports told. */
typedef struct {
  gdouble frames, busy;
} Sums;

static void
add_reports (GstHarness *harness, Sums *sums)
{
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (harness))) {
    g_autoptr (FogReport) report = NULL;
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_READ);
    report = fog_report_parse ((const gchar *) map.data, map.size, NULL);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
    sums->frames += (gdouble) report->frames;
    sums->busy += report->busy;
  }
}

/* @rate: frames to push a second; 0: as fast as possible. */
static Sums
run (Bench *bench, gdouble rate)
{
  gint64 start = g_get_monotonic_time (), now;
  Sums sums = {0};
  guint sent = 0;

  while ((now = g_get_monotonic_time ()) < start + seconds * G_TIME_SPAN_SECOND + SETTLING) {
    gint64 due = rate > 0 ? start + (gint64) (sent * G_TIME_SPAN_SECOND / rate) : now;

    if (due > now)
      g_usleep ((gulong) (due - now));
    gst_harness_push (bench->harness, gst_buffer_ref (bench->frame));
    sent++;
    add_reports (bench->harness, &sums);
    if (now < start + SETTLING)
      sums = (Sums){0};
  }
  return sums;
}

static guint64
count_frames (Bench *bench)
{
  GstStructure *stats;
  guint64 frames;

  g_object_get (bench->element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, "frames", &frames);
  gst_structure_free (stats);
  return frames;
}

static gdouble
saturate (Bench *bench)
{
  gint64 start = g_get_monotonic_time ();
  guint64 frames = count_frames (bench);

  run (bench, 0);
  return (gdouble) (count_frames (bench) - frames) * G_TIME_SPAN_SECOND /
         (gdouble) (g_get_monotonic_time () - start);
}

static gdouble
tell (Bench *bench, guint workers, gdouble rate)
{
  Sums sums = run (bench, rate * load / 100);

  return sums.frames / (sums.busy / workers);
}

/* What was reached. */
static gdouble
measure (const gchar *name, guint workers, gdouble alone)
{
  Bench bench = open_bench (workers);
  gdouble reached = saturate (&bench), first, told_first, then, told_then;

  close_bench (&bench);
  bench = open_bench (workers);
  told_first = tell (&bench, workers, reached);
  first = saturate (&bench);
  told_then = tell (&bench, workers, first);
  then = saturate (&bench);
  close_bench (&bench);
  printf ("| %s | %u | %.1f | %.1f | %+.1f %% | %.1f | %+.1f %% | %.2f |\n", name, workers, then,
      told_first, 100 * (told_first / first - 1), told_then, 100 * (told_then / then - 1),
      alone > 0 ? then / alone : 1);
  fflush (stdout);
  return then;
}

static void
measure_all (const gchar *name)
{
  gdouble alone = 0;

  for (guint workers = 1; workers <= MAX (2, g_get_num_processors ()); workers++) {
    gdouble reached = measure (name, workers, alone);

    if (workers == 1)
      alone = reached;
  }
}

/* The load runs in another process, because this process's CPU time counts as the element's
 * work. */
static GPid
start_hog (void)
{
  GPid hog = fork ();

  if (hog != 0)
    return hog;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  for (;;)
    ;
}

static void
measure_beside_load (void)
{
  g_autofree gchar *name = g_strdup_printf ("beside %d busy loops", hogs);
  GPid pids[64];

  hogs = CLAMP (hogs, 0, (gint) G_N_ELEMENTS (pids));
  for (gint i = 0; i < hogs; i++)
    pids[i] = start_hog ();
  measure_all (name);
  for (gint i = 0; i < hogs; i++) {
    kill (pids[i], SIGKILL);
    waitpid (pids[i], NULL, 0);
  }
}

static void
measure_under_quota (void)
{
  g_autofree gchar *name = g_strdup_printf ("quota of %g processors", quota);
  g_autoptr (GError) error = NULL;
  CpuQuota *entered = cpu_quota_enter (quota, &error);

  if (!entered) {
    g_printerr ("A CPU quota needs root and a writable /sys/fs/cgroup: %s\n", error->message);
    exit (2);
  }
  measure_all (name);
  cpu_quota_leave (entered);
}

static gboolean
is_wanted (const gchar *name)
{
  return !only || g_str_equal (only, name);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  g_option_context_free (context);
  printf ("| %d %% load | workers | reached when saturated, frames/s | reported by one never "
          "saturated | "
          "error | reported by one that was | error | to one worker |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- |\n",
      load);
  if (is_wanted ("spare"))
    measure_all ("spare processors");
  if (is_wanted ("load"))
    measure_beside_load ();
  if (is_wanted ("quota"))
    measure_under_quota ();
  return 0;
}
