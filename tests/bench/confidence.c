/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures what min-score adds to min-neighbors: the precision at the same recall on labelled
 * photographs of people, with its confidence interval, and the number of boxes of each score that
 * are faces.
 * Prints the Markdown tables of cascades/README.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gst/gst.h>

#include "engine/haarload.h"
#include "haarpictures.h"
#include "judge.h"

#define MIN_SIZE 30
#define NEIGHBORS 4 /* the default of min-neighbors, with which min-score is compared */
#define FEWER_NEIGHBORS                                                                            \
  1                  /* values of min-neighbors at which boxes are found, to be selected by score */
#define SAMPLES 4000 /* number of random samples of the photographs, for the confidence interval */
#define STEPS 10     /* of scores */

static gchar *cascade = "frontalface_default", *engine_name = "auto";
static gdouble min_score = NAN;
static gboolean unlabelled;

static const GOptionEntry options[] = {
    {"cascade", 'c', 0, G_OPTION_ARG_STRING, &cascade, "The cascade (frontalface_default)", "NAME"},
    {"engine", 'e', 0, G_OPTION_ARG_STRING, &engine_name, "The engine (auto)", "NAME"},
    {"min-score", 'm', 0, G_OPTION_ARG_DOUBLE, &min_score,
        "Show the result of this min-score, which was chosen on other photographs, instead of the "
        "one with the same recall",
        "SCORE"},
    {"unlabelled", 'u', 0, G_OPTION_ARG_NONE, &unlabelled,
        "Include photographs without labels: they show no faces", NULL},
    {NULL},
};

/* A found box, and whether it is a face. */
typedef struct {
  gdouble score;
  gboolean right;
} Verdict;

typedef struct {
  GArray *truth; /* of HaarRect */
  /* with NEIGHBORS */
  guint found, right;
  /* elements are Verdict: boxes at FEWER_NEIGHBORS, the highest score first */
  GArray *verdicts;
} Photograph;

static void
photograph_free (Photograph *photograph)
{
  g_array_unref (photograph->truth);
  g_clear_pointer (&photograph->verdicts, g_array_unref);
  g_free (photograph);
}

/* --- labels --- */

static Photograph *
ensure_photograph (GHashTable *photographs, const gchar *name)
{
  Photograph *photograph = g_hash_table_lookup (photographs, name);

  if (!photograph) {
    photograph = g_new0 (Photograph, 1);
    photograph->truth = g_array_new (FALSE, FALSE, sizeof (HaarRect));
    g_hash_table_insert (photographs, g_strdup (name), photograph);
  }
  return photograph;
}

static void
add_face (GHashTable *photographs, const gchar *name, HaarRect face)
{
  g_array_append_val (ensure_photograph (photographs, name)->truth, face);
}

static void
add_unlabelled (GHashTable *photographs, const gchar *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".jpg"))
      ensure_photograph (photographs, name);
  g_clear_pointer (&dir, g_dir_close);
}

/* The file has lines `NAME LEFT TOP RIGHT BOTTOM`, as the MIT+CMU test set has. */
static void
read_lines (GHashTable *photographs, const gchar *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    gint left, top, right, bottom;
    gchar name[256];

    if (sscanf (lines[i], "%255s %d %d %d %d", name, &left, &top, &right, &bottom) == 5)
      add_face (photographs, name, (HaarRect){left, top, right - left, bottom - top});
  }
}

static gint
number_of (const gchar **names, const gchar **values, const gchar *name)
{
  for (guint i = 0; names[i]; i++)
    if (g_str_equal (names[i], name))
      return atoi (values[i]);
  return 0;
}

typedef struct {
  GHashTable *photographs;
  gchar *name;
} Reading;

static void
read_element (GMarkupParseContext *context, const gchar *element, const gchar **names,
    const gchar **values, gpointer user_data, GError **error)
{
  Reading *reading = user_data;

  if (g_str_equal (element, "image")) {
    g_free (reading->name);
    reading->name = g_strdup (values[0]);
  } else if (g_str_equal (element, "box")) {
    add_face (reading->photographs, reading->name,
        (HaarRect){number_of (names, values, "left"), number_of (names, values, "top"),
            number_of (names, values, "width"), number_of (names, values, "height")});
  }
}

/* The XML of dlib's imglab. */
static void
read_xml (GHashTable *photographs, const gchar *text)
{
  static const GMarkupParser parser = {.start_element = read_element};
  Reading reading = {photographs, NULL};
  GMarkupParseContext *context = g_markup_parse_context_new (&parser, 0, &reading, NULL);
  GError *error = NULL;

  g_markup_parse_context_parse (context, text, -1, &error);
  g_assert_no_error (error);
  g_markup_parse_context_free (context);
  g_free (reading.name);
}

static void
read_labels (GHashTable *photographs, const gchar *path)
{
  GError *error = NULL;
  gchar *text;

  if (!g_file_get_contents (path, &text, NULL, &error)) {
    g_printerr ("%s\n", error->message);
    exit (2);
  }
  if (g_str_has_suffix (path, ".xml"))
    read_xml (photographs, text);
  else
    read_lines (photographs, text);
  g_free (text);
}

/* --- boxes --- */

typedef struct {
  const HaarEngineClass *klass;
  HaarEngine *engine;
} Detector;

static Detector
open_cascade (void)
{
  GError *error = NULL;
  GBytes *bytes = haar_cascade_load (cascade, &error);
  Detector detector = {haar_engine_class_find (engine_name)};

  if (bytes && detector.klass)
    detector.engine = detector.klass->create (bytes, &error);
  if (!detector.engine) {
    g_printerr ("%s\n", error ? error->message : "this build has no such engine");
    exit (2);
  }
  g_bytes_unref (bytes);
  return detector;
}

static gint
compare_scores (gconstpointer a, gconstpointer b)
{
  gdouble first = ((const HaarBox *) a)->score, second = ((const HaarBox *) b)->score;

  return (first < second) - (first > second);
}

/* Returns: (transfer full): an array of HaarBox, the highest score first */
static GArray *
find_boxes (const Detector *detector, const HaarPicture *picture, gint neighbors)
{
  const HaarParams params = {1.1, neighbors, MIN_SIZE, MIN_SIZE};
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  GError *error = NULL;

  detector->klass->detect (detector->engine, picture->pixels, picture->width, picture->height,
      picture->stride, &params, boxes, &error);
  g_assert_no_error (error);
  g_array_sort (boxes, compare_scores);
  return boxes;
}

static void
search (Photograph *self, const Detector *detector, const gchar *path)
{
  HaarPicture picture = haar_picture_load (path);
  GArray *usual = find_boxes (detector, &picture, NEIGHBORS);
  GArray *scored = find_boxes (detector, &picture, FEWER_NEIGHBORS);
  gboolean right[JUDGE_MAX];

  self->found = usual->len;
  self->right = judge_boxes (usual, self->truth, right);
  judge_boxes (scored, self->truth, right);
  self->verdicts = g_array_new (FALSE, FALSE, sizeof (Verdict));
  for (guint i = 0; i < scored->len; i++) {
    Verdict verdict = {g_array_index (scored, HaarBox, i).score, right[i]};

    g_array_append_val (self->verdicts, verdict);
  }
  g_array_unref (usual);
  g_array_unref (scored);
  haar_picture_clear (&picture);
}

/* Returns: (transfer container): an array of Photograph, in the order of their names */
static GPtrArray *
search_all (GHashTable *photographs, const gchar *folder)
{
  Detector detector = open_cascade ();
  GPtrArray *all = g_ptr_array_new ();
  GList *names = g_list_sort (g_hash_table_get_keys (photographs), (GCompareFunc) strcmp);

  for (GList *l = names; l; l = l->next) {
    gchar *path = g_build_filename (folder, l->data, NULL);

    g_ptr_array_add (all, g_hash_table_lookup (photographs, l->data));
    search (g_ptr_array_index (all, all->len - 1), &detector, path);
    g_free (path);
  }
  g_list_free (names);
  detector.klass->free (detector.engine);
  return all;
}

/* --- figures --- */

typedef struct {
  guint truth, found, right;
  gdouble error; /* the sum of |found - there| */
} Count;

static gdouble
precision_of (const Count *count)
{
  return count->found ? (gdouble) count->right / count->found : 1;
}

static Count
count_usual (const GPtrArray *photographs)
{
  Count count = {0};

  for (guint i = 0; i < photographs->len; i++) {
    const Photograph *p = g_ptr_array_index (photographs, i);

    count.truth += p->truth->len;
    count.found += p->found;
    count.right += p->right;
    count.error += fabs ((gdouble) p->found - p->truth->len);
  }
  return count;
}

static Count
count_scored (const GPtrArray *photographs, gdouble least)
{
  Count count = {0};

  for (guint i = 0; i < photographs->len; i++) {
    const Photograph *p = g_ptr_array_index (photographs, i);
    guint found = 0;

    for (; found < p->verdicts->len; found++) {
      const Verdict *verdict = &g_array_index (p->verdicts, Verdict, found);

      if (verdict->score < least)
        break;
      count.right += verdict->right ? 1 : 0;
    }
    count.truth += p->truth->len;
    count.found += found;
    count.error += fabs ((gdouble) found - p->truth->len);
  }
  return count;
}

static gint
compare_numbers (gconstpointer a, gconstpointer b)
{
  gdouble first = *(const gdouble *) a, second = *(const gdouble *) b;

  return (first > second) - (first < second);
}

/* The greatest min-score with which at least @right faces are found. */
static gdouble
find_min_score (const GPtrArray *photographs, guint right)
{
  GArray *scores = g_array_new (FALSE, FALSE, sizeof (gdouble));
  gdouble least = 0;

  for (guint i = 0; i < photographs->len; i++) {
    const Photograph *p = g_ptr_array_index (photographs, i);

    for (guint j = 0; j < p->verdicts->len; j++)
      if (g_array_index (p->verdicts, Verdict, j).right)
        g_array_append_val (scores, g_array_index (p->verdicts, Verdict, j).score);
  }
  g_array_sort (scores, compare_numbers);
  if (right > 0 && scores->len >= right)
    least = g_array_index (scores, gdouble, scores->len - right);
  g_array_unref (scores);
  return least;
}

/* The precision with min-score less that with min-neighbors, at the same recall. */
static gdouble
find_gain (const GPtrArray *photographs)
{
  Count usual = count_usual (photographs);
  Count scored = count_scored (photographs, find_min_score (photographs, usual.right));

  return precision_of (&scored) - precision_of (&usual);
}

/* The 95 % interval, from random samples of whole photographs, because faces of one photograph
 * aren't independent. */
static void
print_interval (const GPtrArray *photographs)
{
  GRand *rand = g_rand_new_with_seed (1);
  gdouble *gains = g_new (gdouble, SAMPLES);
  GPtrArray *sample = g_ptr_array_new ();

  for (guint i = 0; i < SAMPLES; i++) {
    g_ptr_array_set_size (sample, 0);
    for (guint j = 0; j < photographs->len; j++)
      g_ptr_array_add (sample,
          g_ptr_array_index (photographs, g_rand_int_range (rand, 0, (gint32) photographs->len)));
    gains[i] = find_gain (sample);
  }
  qsort (gains, SAMPLES, sizeof *gains, compare_numbers);
  printf ("\nPrecision at the same recall: %+.3f, 95 %% interval %+.3f to %+.3f (%d samples of the "
          "photographs).\n",
      find_gain (photographs), gains[SAMPLES / 40], gains[SAMPLES - 1 - SAMPLES / 40], SAMPLES);
  g_ptr_array_unref (sample);
  g_free (gains);
  g_rand_free (rand);
}

static void
print_row (gint neighbors, gdouble least, const Count *count, guint n)
{
  printf ("| %d | %.3f | %.3f | %.3f | %.2f |\n", neighbors, least, precision_of (count),
      (gdouble) count->right / count->truth, count->error / n);
}

static void
print_settings (const GPtrArray *photographs)
{
  Count usual = count_usual (photographs), scored;
  gdouble least = isnan (min_score) ? find_min_score (photographs, usual.right) : min_score;

  printf ("| min-neighbors | min-score | precision | recall | count error a photograph |\n"
          "| --- | --- | --- | --- | --- |\n");
  print_row (NEIGHBORS, 0, &usual, photographs->len);
  scored = count_scored (photographs, least);
  print_row (FEWER_NEIGHBORS, least, &scored, photographs->len);
  for (guint i = 2; i < STEPS; i++) {
    scored = count_scored (photographs, (gdouble) i / STEPS);
    print_row (FEWER_NEIGHBORS, (gdouble) i / STEPS, &scored, photographs->len);
  }
}

static void
print_scores (const GPtrArray *photographs)
{
  guint found[STEPS] = {0}, right[STEPS] = {0};

  for (guint i = 0; i < photographs->len; i++) {
    const Photograph *p = g_ptr_array_index (photographs, i);

    for (guint j = 0; j < p->verdicts->len; j++) {
      const Verdict *verdict = &g_array_index (p->verdicts, Verdict, j);
      guint step = MIN ((guint) (verdict->score * STEPS), STEPS - 1);

      found[step]++;
      right[step] += verdict->right ? 1 : 0;
    }
  }
  printf ("\n| score | boxes | fraction of them that are faces | | --- | --- | --- |\n");
  for (guint i = 0; i < STEPS; i++)
    if (found[i] > 0)
      printf ("| %.1f to %.1f | %u | %.2f |\n", (gdouble) i / STEPS, (i + 1.) / STEPS, found[i],
          (gdouble) right[i] / found[i]);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new ("FOLDER LABELS…");
  GHashTable *photographs =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) photograph_free);
  GPtrArray *all;
  GError *error = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc < 3) {
    g_printerr ("%s\n", error ? error->message : "usage: bench-confidence FOLDER LABELS…");
    return 2;
  }
  g_option_context_free (context);
  for (gint i = 2; i < argc; i++)
    read_labels (photographs, argv[i]);
  if (unlabelled)
    add_unlabelled (photographs, argv[1]);
  all = search_all (photographs, argv[1]);
  printf ("%s, scale-factor 1.1, min-size %d; %u faces in %u photographs.\n\n", cascade, MIN_SIZE,
      count_usual (all).truth, all->len);
  print_settings (all);
  print_interval (all);
  print_scores (all);
  g_ptr_array_unref (all);
  g_hash_table_unref (photographs);
  return 0;
}
