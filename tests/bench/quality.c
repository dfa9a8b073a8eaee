/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures how well each cascade and setting counts: precision, recall, error of the count and CPU
 * time a frame, over composed scenes, whose faces are known; prints the Markdown table of
 * cascades/README.md. The same seed gives the same scenes. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gst/gst.h>

#include "engine/haarload.h"
#include "engine/haarengine.h"
#include "haarpictures.h"
#include "judge.h"

#define WIDTH 640
#define HEIGHT 480
#define MIN_FACE 40
#define MAX_FACE 170
#define MAX_ITEMS 6
#define CROP 25   /* width and height of the pictures of the LFW subset */
#define CROPS 200 /* number of pictures in the LFW subset, of which the first half are faces */

static gint n_scenes = 100;
static gint seed = 1;
static gchar *lfw;

static const GOptionEntry options[] = {
    {"scenes", 'n', 0, G_OPTION_ARG_INT, &n_scenes, "Scenes of each kind (100)", "N"},
    {"seed", 's', 0, G_OPTION_ARG_INT, &seed, "Seed of the scenes (1)", "N"},
    {"lfw", 'l', 0, G_OPTION_ARG_FILENAME, &lfw,
        "lfw_subset.npy of scikit-image: 100 faces of Labeled Faces in the Wild, 100 pictures of "
        "none",
        "PATH"},
    {NULL},
};

typedef struct {
  HaarPicture picture;
  GArray *truth; /* of HaarRect */
} Scene;

/* The position of the face in a picture, as a fraction of the picture's width. */
typedef struct {
  HaarPicture picture;
  gdouble x, y, side;
} Portrait;

/* --- scenes --- */

static gdouble
sample (const HaarPicture *picture, gdouble x, gdouble y)
{
  gint x0 = CLAMP ((gint) floor (x), 0, picture->width - 2);
  gint y0 = CLAMP ((gint) floor (y), 0, picture->height - 2);
  gdouble fx = CLAMP (x - x0, 0, 1), fy = CLAMP (y - y0, 0, 1);
  const guint8 *p = picture->pixels + (gsize) y0 * picture->stride + x0;

  return (p[0] * (1 - fx) + p[1] * fx) * (1 - fy) +
         (p[picture->stride] * (1 - fx) + p[picture->stride + 1] * fx) * fy;
}

/* Halves the size at most in each step, so that a small face is as smooth as through a lens. */
static HaarPicture
shrink (const HaarPicture *from, gint width)
{
  HaarPicture half, result;

  if (from->width < 2 * width) {
    result = haar_picture_new (from->width, from->height);
    for (gint y = 0; y < from->height; y++)
      memcpy (result.pixels + (gsize) y * result.stride, from->pixels + (gsize) y * from->stride,
          (gsize) from->width);
    return result;
  }
  half = haar_picture_new (from->width / 2, from->height / 2);
  for (gint y = 0; y < half.height; y++)
    for (gint x = 0; x < half.width; x++) {
      const guint8 *p = from->pixels + 2 * (gsize) y * from->stride + 2 * x;

      half.pixels[(gsize) y * half.stride + x] =
          (guint8) ((p[0] + p[1] + p[from->stride] + p[from->stride + 1] + 2) / 4);
    }
  result = shrink (&half, width);
  haar_picture_clear (&half);
  return result;
}

/* Draws a portrait rotated by up to 8 degrees, in other light, with soft edges. */
static void
paste (HaarPicture *to, const HaarPicture *portrait, gint left, gint top, gint side, GRand *rand)
{
  HaarPicture small = shrink (portrait, side);
  gdouble angle = g_rand_double_range (rand, -0.14, 0.14), c = cos (angle), s = sin (angle);
  gdouble gain = g_rand_double_range (rand, 0.5, 1.2), offset = g_rand_double_range (rand, -20, 40);
  gdouble scale = (gdouble) small.width / side, middle = side / 2.0;

  for (gint y = 0; y < side; y++)
    for (gint x = 0; x < side; x++) {
      gdouble dx = x - middle, dy = y - middle;
      gdouble edge = MIN (MIN (x, y), MIN (side - 1 - x, side - 1 - y)) / (side * 0.06);
      gdouble alpha = MIN (edge, 1);
      gdouble value =
          sample (&small, (middle + c * dx - s * dy) * scale, (middle + s * dx + c * dy) * scale) *
              gain +
          offset;
      guint8 *p = to->pixels + (gsize) (top + y) * to->stride + left + x;

      *p = (guint8) CLAMP (*p * (1 - alpha) + value * alpha, 0, 255);
    }
  haar_picture_clear (&small);
}

static void
blur (HaarPicture *picture, gint times)
{
  for (; times > 0; times--)
    for (gint y = 1; y < picture->height; y++) {
      guint8 *row = picture->pixels + (gsize) y * picture->stride;
      const guint8 *above = row - picture->stride;

      for (gint x = 1; x < picture->width; x++)
        row[x] = (guint8) ((row[x] + row[x - 1] + above[x] + above[x - 1] + 2) / 4);
    }
}

static void
add_noise (HaarPicture *picture, GRand *rand, gint amount)
{
  for (gint y = 0; y < picture->height; y++)
    for (gint x = 0; x < picture->width; x++) {
      guint8 *p = picture->pixels + (gsize) y * picture->stride + x;

      *p = (guint8) CLAMP (*p + g_rand_int_range (rand, -amount, amount + 1), 0, 255);
    }
}

/* Paints a background: light that fades, with overlapping blocks and stripes. */
static void
fill_ground (HaarPicture *picture, GRand *rand)
{
  gint base = g_rand_int_range (rand, 40, 140), slope = g_rand_int_range (rand, -60, 100);

  for (gint y = 0; y < picture->height; y++)
    for (gint x = 0; x < picture->width; x++)
      picture->pixels[(gsize) y * picture->stride + x] =
          (guint8) CLAMP (base + slope * x / picture->width + 30 * y / picture->height, 0, 255);
  for (gint i = g_rand_int_range (rand, 0, 120); i > 0; i--) {
    gint w = g_rand_int_range (rand, 3, 100), h = g_rand_int_range (rand, 3, 100);
    gint left = g_rand_int_range (rand, 0, WIDTH - w), top = g_rand_int_range (rand, 0, HEIGHT - h);
    gint value = g_rand_int_range (rand, 0, 256), period = g_rand_int_range (rand, 1, 12);

    for (gint y = top; y < top + h; y++)
      for (gint x = left; x < left + w; x++)
        if ((x - left) / period % 2 == 0)
          picture->pixels[(gsize) y * picture->stride + x] = (guint8) value;
  }
}

static gboolean
is_free (const GArray *taken, gint left, gint top, gint side)
{
  for (guint i = 0; i < taken->len; i++) {
    const HaarRect *r = &g_array_index (taken, HaarRect, i);

    if (left < r->x + r->w && r->x < left + side && top < r->y + r->h && r->y < top + side)
      return FALSE;
  }
  return TRUE;
}

/* The first @n_faces of @n portraits are faces. */
static Scene
compose (const Portrait *portraits, guint n, guint n_faces, guint32 number)
{
  GRand *rand = g_rand_new_with_seed (number);
  Scene scene = {haar_picture_new (WIDTH, HEIGHT), g_array_new (FALSE, FALSE, sizeof (HaarRect))};
  GArray *taken = g_array_new (FALSE, FALSE, sizeof (HaarRect));

  fill_ground (&scene.picture, rand);
  for (gint i = g_rand_int_range (rand, 0, MAX_ITEMS + 1); i > 0; i--) {
    guint which = (guint) g_rand_int_range (rand, 0, (gint32) n);
    const Portrait *portrait = &portraits[which];
    gint face = (gint) (MIN_FACE * pow ((gdouble) MAX_FACE / MIN_FACE, g_rand_double (rand)));
    gint side = MIN ((gint) (face / portrait->side), HEIGHT - 1);
    gint left = g_rand_int_range (rand, 0, WIDTH - side);
    gint top = g_rand_int_range (rand, 0, HEIGHT - side);
    HaarRect all = {left, top, side, side};
    HaarRect truth = {left + (gint) (portrait->x * side), top + (gint) (portrait->y * side),
        (gint) (portrait->side * side), (gint) (portrait->side * side)};

    if (!is_free (taken, left, top, side))
      continue;
    g_array_append_val (taken, all);
    paste (&scene.picture, &portrait->picture, left, top, side, rand);
    if (which < n_faces)
      g_array_append_val (scene.truth, truth);
  }
  blur (&scene.picture, g_rand_int_range (rand, 0, 3));
  add_noise (&scene.picture, rand, g_rand_int_range (rand, 0, 16));
  g_array_unref (taken);
  g_rand_free (rand);
  return scene;
}

static GArray *
compose_all (const Portrait *portraits, guint n, guint n_faces)
{
  GArray *scenes = g_array_new (FALSE, FALSE, sizeof (Scene));

  for (gint i = 0; i < n_scenes; i++) {
    Scene scene = compose (portraits, n, n_faces, (guint32) (seed * 100000 + i));

    g_array_append_val (scenes, scene);
  }
  return scenes;
}

/* The file has 200 pictures of 25x25 doubles, behind a header of 80 bytes. */
static Portrait *
load_lfw (const gchar *path)
{
  Portrait *portraits = g_new0 (Portrait, CROPS);
  GError *error = NULL;
  gchar *data;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (size, ==, 80 + CROPS * CROP * CROP * sizeof (gdouble));
  for (guint i = 0; i < CROPS; i++) {
    portraits[i] = (Portrait){haar_picture_new (CROP, CROP), 0.05, 0.05, 0.9};
    for (guint p = 0; p < CROP * CROP; p++) {
      gdouble value;

      memcpy (&value, data + 80 + (i * CROP * CROP + p) * sizeof value, sizeof value);
      portraits[i].picture.pixels[p / CROP * portraits[i].picture.stride + p % CROP] =
          (guint8) (value * 255);
    }
  }
  g_free (data);
  return portraits;
}

/* --- detectors --- */

typedef struct {
  const gchar *cascade;
  gdouble scale_factor;
  gint min_neighbors;
  const gchar *verify; /* NULL: every rectangle counts */
} Setting;

static const Setting settings[] = {
    {"haarcascade_frontalface_default", 1.1, 3, NULL},
    {"haarcascade_frontalface_default", 1.1, 4, NULL},
    {"haarcascade_frontalface_default", 1.1, 6, NULL},
    {"haarcascade_frontalface_default", 1.2, 3, NULL},
    {"haarcascade_frontalface_default", 1.05, 6, NULL},
    {"haarcascade_frontalface_default", 1.1, 3, "haarcascade_frontalface_alt2"},
    {"haarcascade_frontalface_default", 1.1, 3, "haarcascade_eye"},
    {"haarcascade_frontalface_alt", 1.1, 3, NULL},
    {"haarcascade_frontalface_alt", 1.1, 2, NULL},
    {"haarcascade_frontalface_alt", 1.2, 3, NULL},
    {"haarcascade_frontalface_alt2", 1.1, 3, NULL},
    {"haarcascade_frontalface_alt2", 1.1, 2, NULL},
    {"haarcascade_frontalface_alt2", 1.1, 6, NULL},
    {"haarcascade_frontalface_alt2", 1.2, 3, NULL},
    {"haarcascade_frontalface_alt2", 1.1, 3, "haarcascade_frontalface_default"},
    {"haarcascade_frontalface_alt_tree", 1.1, 3, NULL},
    {"haarcascade_profileface", 1.1, 3, NULL},
    {"lbpcascade_frontalface", 1.1, 3, NULL},
    {"lbpcascade_frontalface_improved", 1.1, 3, NULL},
};

typedef struct {
  const HaarEngineClass *klass;
  HaarEngine *engine;
} Detector;

static Detector
open_cascade (const gchar *name)
{
  Detector detector = {NULL, NULL};
  GError *error = NULL;
  GBytes *bytes = haar_cascade_load (name, &error);

  g_assert_no_error (error);
  for (guint i = 0; !detector.engine && (detector.klass = haar_engine_class_nth (i)); i++)
    detector.engine = detector.klass->create (bytes, NULL);
  g_assert (detector.engine);
  g_bytes_unref (bytes);
  return detector;
}

static void
detect (const Detector *detector, const guint8 *pixels, gint width, gint height, gsize stride,
    const HaarParams *params, GArray *boxes)
{
  GError *error = NULL;

  g_array_set_size (boxes, 0);
  detector->klass->detect (detector->engine, pixels, width, height, stride, params, boxes, &error);
  g_assert_no_error (error);
}

/* Matches leniently: a rectangle counts if it is near the face and of similar size, or half of the
 * size for an eye. */
static gboolean
confirm (const Detector *verify, const HaarPicture *picture, const HaarRect *rect, GArray *found)
{
  gint margin = rect->w / 4;
  gint left = MAX (rect->x - margin, 0), top = MAX (rect->y - margin, 0);
  gint right = MIN (rect->x + rect->w + margin, picture->width);
  gint bottom = MIN (rect->y + rect->h + margin, picture->height);
  HaarParams params = {1.1, 1, rect->w / 6, rect->h / 6, 0, 0};

  detect (verify, picture->pixels + (gsize) top * picture->stride + left, right - left,
      bottom - top, picture->stride, &params, found);
  return found->len > 0;
}

/* --- the table --- */

typedef struct {
  guint truth, found, right;
  guint scenes, exact;
  gdouble error, ms;
} Score;

static void
judge (const GArray *found, const GArray *truth, Score *score)
{
  gboolean right[JUDGE_MAX];

  score->right += judge_boxes (found, truth, right);
  score->truth += truth->len;
  score->found += found->len;
  score->scenes++;
  score->exact += found->len == truth->len;
  score->error += fabs ((gdouble) found->len - (gdouble) truth->len);
}

/* ms */
static gdouble
cpu_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gdouble) now.tv_sec * 1e3 + (gdouble) now.tv_nsec / 1e6;
}

static void
score_scene (const Setting *setting, const Detector *detector, const Detector *verify,
    const Scene *scene, Score *score)
{
  HaarParams params = {setting->scale_factor, setting->min_neighbors, 30, 30, 0, 0};
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  GArray *second = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  const HaarPicture *picture = &scene->picture;
  gdouble begin = cpu_time ();

  detect (
      detector, picture->pixels, picture->width, picture->height, picture->stride, &params, boxes);
  for (guint i = boxes->len; verify && i-- > 0;)
    if (!confirm (verify, picture, &g_array_index (boxes, HaarBox, i).rect, second))
      g_array_remove_index (boxes, i);
  score->ms += cpu_time () - begin;
  judge (boxes, scene->truth, score);
  g_array_unref (boxes);
  g_array_unref (second);
}

static void
print_row (const Setting *setting, const GArray *scenes)
{
  Detector detector = open_cascade (setting->cascade), verify = {NULL, NULL};
  Score score = {0};

  if (setting->verify)
    verify = open_cascade (setting->verify);
  for (guint i = 0; i < scenes->len; i++)
    score_scene (setting, &detector, setting->verify ? &verify : NULL,
        &g_array_index (scenes, Scene, i), &score);
  printf ("| %s%s%s | %.2f | %d | %.3f | %.3f | %.2f | %.2f | %.1f |\n", setting->cascade,
      setting->verify ? " + " : "", setting->verify ? setting->verify : "", setting->scale_factor,
      setting->min_neighbors, score.found ? (gdouble) score.right / score.found : 1,
      score.truth ? (gdouble) score.right / score.truth : 1, score.error / score.scenes,
      (gdouble) score.exact / score.scenes, score.ms / score.scenes);
  fflush (stdout);
  detector.klass->free (detector.engine);
  if (setting->verify)
    verify.klass->free (verify.engine);
}

static void
print_table (const gchar *title, const GArray *scenes)
{
  guint faces = 0;

  for (guint i = 0; i < scenes->len; i++)
    faces += g_array_index (scenes, Scene, i).truth->len;
  printf ("\n%s: %u scenes of %dx%d, %u faces of %d to %d px.\n\n", title, scenes->len, WIDTH,
      HEIGHT, faces, MIN_FACE, MAX_FACE);
  printf ("| cascade | scale-factor | min-neighbors | precision | recall | mean count error | "
          "counts right | CPU ms a frame |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    print_row (&settings[i], scenes);
}

static void
free_scenes (GArray *scenes)
{
  for (guint i = 0; i < scenes->len; i++) {
    haar_picture_clear (&g_array_index (scenes, Scene, i).picture);
    g_array_unref (g_array_index (scenes, Scene, i).truth);
  }
  g_array_unref (scenes);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  Portrait portrait = {.x = 0.185, .y = 0.23, .side = 0.47};
  HaarPicture photo;
  GError *error = NULL;
  GArray *scenes;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  g_option_context_free (context);
  photo = haar_picture_load (HAAR_PORTRAIT);
  /* the part of the picture with the head and a small margin */
  portrait.picture = (HaarPicture){200, 200, photo.stride, photo.pixels + 20 * photo.stride + 140};
  scenes = compose_all (&portrait, 1, 1);
  print_table ("One portrait", scenes);
  free_scenes (scenes);
  if (lfw) {
    Portrait *people = load_lfw (lfw);

    scenes = compose_all (people, CROPS, CROPS / 2);
    print_table ("LFW subset", scenes);
    free_scenes (scenes);
    for (guint i = 0; i < CROPS; i++)
      haar_picture_clear (&people[i].picture);
    g_free (people);
  }
  haar_picture_clear (&photo);
  return 0;
}
