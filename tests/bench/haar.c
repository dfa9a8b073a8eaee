/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames a second of every engine that was built in, on one core, for the same pictures and parameters. Rounds
 * are interleaved and the median counts, so that other load on the machine falls on all alike; rectangles that
 * differ end the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gst/gst.h>

#include "haarengine.h"
#include "haarpictures.h"

#define MAX_ENGINES 8
#define MAX_ROUNDS 1000
#define PICTURES 4

static gint rounds = 15;
static gdouble scale_factor = 1.1;
static gint min_size = 30;
static gchar *cascade = HAAR_CASCADES "/haarcascade_frontalface_default.xml";
static gchar *size = "640x480";
static gchar *only;

static const GOptionEntry options[] = {
    {"rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "Rounds over all pictures (15)", "N"},
    {"scale-factor", 's', 0, G_OPTION_ARG_DOUBLE, &scale_factor, "Ratio of window sizes (1.1)",
        "F"},
    {"min-size", 'm', 0, G_OPTION_ARG_INT, &min_size, "Smallest window in pixels (30)", "N"},
    {"cascade", 'c', 0, G_OPTION_ARG_FILENAME, &cascade, "Cascade file", "PATH"},
    {"size", 'z', 0, G_OPTION_ARG_STRING, &size, "Size of the pictures (640x480)", "WxH"},
    {"engine", 'e', 0, G_OPTION_ARG_STRING, &only, "Only this engine", "NAME"},
    {NULL},
};

typedef struct {
  const HaarEngineClass *klass;
  HaarEngine *engine;
  GArray *rects;
  gdouble times[MAX_ROUNDS]; /* of one round each, in ms of CPU a frame */
} Entry;

static gdouble
cpu_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void
run (Entry *entry, const HaarPicture *picture, const HaarParams *params)
{
  GError *error = NULL;

  g_array_set_size (entry->rects, 0);
  entry->klass->detect (entry->engine, picture->pixels, picture->width, picture->height,
      picture->stride, params, entry->rects, &error);
  g_assert_no_error (error);
}

static void
check_same (const Entry *a, const Entry *b)
{
  if (a->rects->len == b->rects->len &&
      (a->rects->len == 0 ||
          memcmp (a->rects->data, b->rects->data, a->rects->len * sizeof (HaarRect)) == 0))
    return;
  g_printerr ("%s and %s find different rectangles\n", a->klass->name, b->klass->name);
  exit (1);
}

static guint
create_engines (Entry *entries, GBytes *bytes)
{
  guint n = 0;

  for (guint i = 0; n < MAX_ENGINES && haar_engine_class_nth (i); i++) {
    GError *error = NULL;

    entries[n].klass = haar_engine_class_nth (i);
    if (only && strcmp (only, entries[n].klass->name) != 0)
      continue;
    entries[n].engine = entries[n].klass->create (bytes, &error);
    g_assert_no_error (error);
    entries[n++].rects = g_array_new (FALSE, FALSE, sizeof (HaarRect));
  }
  return n;
}

static int
compare_times (const void *a, const void *b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

static void
measure (Entry *entries, guint n, const HaarPicture *pictures, const HaarParams *params)
{
  for (gint round = -1; round < rounds; round++) {
    for (guint p = 0; p < PICTURES; p++) {
      for (guint i = 0; i < n; i++) {
        gdouble start = cpu_time ();

        run (&entries[i], &pictures[p], params);
        if (round >= 0)
          entries[i].times[round] += (cpu_time () - start) / PICTURES;
        check_same (&entries[0], &entries[i]);
      }
    }
  }
  for (guint i = 0; i < n; i++)
    qsort (entries[i].times, rounds, sizeof (gdouble), compare_times);
}

static void
report (const Entry *entries, guint n)
{
  gdouble slowest = 0;

  for (guint i = 0; i < n; i++)
    slowest = MAX (slowest, entries[i].times[rounds / 2]);
  g_print ("%-10s %10s %10s %8s\n", "engine", "ms/frame", "frames/s", "ratio");
  for (guint i = 0; i < n; i++)
    g_print ("%-10s %10.2f %10.1f %8.2f\n", entries[i].klass->name, entries[i].times[rounds / 2],
        1000 / entries[i].times[rounds / 2], slowest / entries[i].times[rounds / 2]);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new ("- speed of the face finding engines");
  static Entry entries[MAX_ENGINES];
  HaarPicture portrait, pictures[PICTURES];
  HaarParams params = {0};
  GError *error = NULL;
  gchar *text;
  gsize length;
  gint width, height;
  GBytes *bytes;
  guint n;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error) ||
      !g_file_get_contents (cascade, &text, &length, &error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  if (sscanf (size, "%dx%d", &width, &height) != 2 || width < 16 || height < 16 || rounds < 1 ||
      rounds > MAX_ROUNDS) {
    g_printerr ("--size takes WIDTHxHEIGHT, --rounds 1 to %d\n", MAX_ROUNDS);
    return 1;
  }
  params.scale_factor = scale_factor;
  params.min_neighbors = 3;
  params.min_w = params.min_h = min_size;
  portrait = haar_picture_load (HAAR_PORTRAIT);
  for (guint p = 0; p < PICTURES; p++)
    pictures[p] = haar_picture_compose (&portrait, width, height, p);
  bytes = g_bytes_new_take (text, length);
  n = create_engines (entries, bytes);
  measure (entries, n, pictures, &params);
  report (entries, n);
  return 0;
}
