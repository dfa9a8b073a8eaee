/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <gst/check/gstcheck.h>
#include <math.h>
#include <string.h>

#include "haarcut.h"
#include "engine/haarengine.h"
#include "engine/native/haarkernel.h"
#include "haarpictures.h"

/* The cascades of OpenCV, which is the reference for the native engine. */
static const gchar *const cascades[] = {"haarcascade_eye", "haarcascade_eye_tree_eyeglasses",
    "haarcascade_frontalcatface", "haarcascade_frontalcatface_extended",
    "haarcascade_frontalface_alt", "haarcascade_frontalface_alt2",
    "haarcascade_frontalface_alt_tree", "haarcascade_frontalface_default", "haarcascade_fullbody",
    "haarcascade_lefteye_2splits", "haarcascade_licence_plate_rus_16stages",
    "haarcascade_lowerbody", "haarcascade_profileface", "haarcascade_righteye_2splits",
    "haarcascade_russian_plate_number", "haarcascade_smile", "haarcascade_upperbody",
    "lbpcascade_frontalcatface", "lbpcascade_frontalface", "lbpcascade_frontalface_improved",
    "lbpcascade_profileface", "lbpcascade_silverware"};

typedef struct {
  const HaarEngineClass *klass;
  HaarEngine *engine;
  GArray *boxes;
} Detector;

/* Returns the name under which this OpenCV ships a cascade: 4.7 and later spell "licence" as
 * "license". */
static const gchar *
spelling_here (const gchar *name)
{
  if (strcmp (name, "haarcascade_licence_plate_rus_16stages") == 0 &&
      !g_file_test (
          HAAR_CASCADES "/haarcascade_licence_plate_rus_16stages.xml", G_FILE_TEST_EXISTS))
    return "haarcascade_license_plate_rus_16stages";
  return name;
}

static GBytes *
load_cascade (const gchar *name)
{
  const gchar *dir =
      g_str_has_prefix (name, "lbp") ? HAAR_CASCADES "/../lbpcascades" : HAAR_CASCADES;
  gchar *path = g_strdup_printf ("%s/%s.xml", dir, spelling_here (name));
  gchar *text;
  gsize length;
  GError *error = NULL;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  g_free (path);
  return g_bytes_new_take (text, length);
}

static Detector
detector_new (const gchar *engine, GBytes *cascade)
{
  Detector detector = {haar_engine_class_find (engine)};
  GError *error = NULL;

  fail_unless (detector.klass != NULL);
  detector.engine = detector.klass->create (cascade, &error);
  g_assert_no_error (error);
  detector.boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  return detector;
}

/* OpenCV's engine, and the native engine once for each instruction set of this processor. */
typedef struct {
  Detector opencv, natives[4];
  guint n;
} Detectors;

static Detectors
detectors_new (GBytes *cascade)
{
  static const gchar *const kernels[] = {"plain", "neon", "avx2", "avx512"};
  Detectors detectors = {detector_new ("opencv", cascade)};

  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++) {
    if (!haar_kernel_find (kernels[i]))
      continue;
    g_setenv ("GST_FOG_HAAR_KERNEL", kernels[i], TRUE);
    detectors.natives[detectors.n++] = detector_new ("native", cascade);
  }
  return detectors;
}

static void
detector_clear (Detector *detector)
{
  detector->klass->free (detector->engine);
  g_array_unref (detector->boxes);
}

static void
detect (Detector *detector, const HaarPicture *picture, const HaarParams *params)
{
  GError *error = NULL;

  g_array_set_size (detector->boxes, 0);
  detector->klass->detect (detector->engine, picture->pixels, picture->width, picture->height,
      picture->stride, params, detector->boxes, &error);
  g_assert_no_error (error);
}

static void
detectors_clear (Detectors *detectors)
{
  detector_clear (&detectors->opencv);
  for (guint i = 0; i < detectors->n; i++)
    detector_clear (&detectors->natives[i]);
}

static void
assert_same_boxes (GArray *boxes, GArray *expected)
{
  fail_unless_equals_int (boxes->len, expected->len);
  for (guint i = 0; i < boxes->len; i++) {
    const HaarRect *a = &g_array_index (boxes, HaarBox, i).rect;
    const HaarRect *b = &g_array_index (expected, HaarBox, i).rect;

    fail_unless (a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h,
        "rectangle %u is %d,%d %dx%d, OpenCV's %d,%d %dx%d", i, a->x, a->y, a->w, a->h, b->x, b->y,
        b->w, b->h);
  }
}

/* Checks that all instruction sets give the same scores, and that OpenCV's scores, which are
 * coarser, are near them. */
static void
assert_same_scores (GArray *boxes, GArray *expected)
{
  for (guint i = 0; i < boxes->len; i++) {
    gdouble score = g_array_index (boxes, HaarBox, i).score;

    fail_unless (score >= 0 && score <= 1);
    fail_unless (score == g_array_index (expected, HaarBox, i).score);
  }
}

/* The number of rectangles. */
static guint
assert_same (Detectors *detectors, const HaarPicture *picture, const HaarParams *params)
{
  detect (&detectors->opencv, picture, params);
  for (guint i = 0; i < detectors->n; i++) {
    detect (&detectors->natives[i], picture, params);
    assert_same_boxes (detectors->natives[i].boxes, detectors->opencv.boxes);
    assert_same_scores (detectors->natives[i].boxes, detectors->natives[0].boxes);
  }
  return detectors->opencv.boxes->len;
}

/* Before grouping and after. */
static void
compare (Detectors *detectors, const HaarPicture *picture, HaarParams params)
{
  params.min_neighbors = 0;
  assert_same (detectors, picture, &params);
  params.min_neighbors = 3;
  assert_same (detectors, picture, &params);
}

GST_START_TEST (test_same_as_opencv)
{
  static const struct {
    gint width, height;
    HaarParams params;
  } cases[] = {
      {320, 240, {1.1, 3, 30, 30}},
      {257, 193, {1.05, 3}},
      {163, 211, {1.3, 3, 0, 0, 90, 120}},
      {64, 64, {1.1, 3}},
      {90, 70, {1.2, 3, 40, 40, 40, 40}},
      {121, 61, {1.1, 3, 1000, 1000}},
      {48, 300, {1.17, 3}},
      {20, 20, {1.1, 3}},
      {16, 16, {1.1, 3}},
  };
  const HaarParams params = {1.2, 3, 30, 30};
  GBytes *cascade = load_cascade (cascades[__i__]);
  Detectors detectors = detectors_new (cascade);
  HaarPicture portrait = haar_picture_load (HAAR_PORTRAIT);

  assert_same (&detectors, &portrait, &params);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    HaarPicture picture =
        haar_picture_compose (&portrait, cases[i].width, cases[i].height, 100 + i);

    compare (&detectors, &picture, cases[i].params);
    haar_picture_clear (&picture);
  }
  haar_picture_clear (&portrait);
  detectors_clear (&detectors);
  g_bytes_unref (cascade);
}
GST_END_TEST;

/* The first stages of a cascade accept many windows, so the comparison would show any difference
 * between the engines in judging or skipping windows. */
GST_START_TEST (test_the_first_stages_find_the_same_windows_as_opencv)
{
  GBytes *cascade = load_cascade (cascades[__i__]);
  HaarPicture portrait = haar_picture_load (HAAR_PORTRAIT);
  HaarPicture picture = haar_picture_compose (&portrait, 201, 151, __i__);

  for (guint n = 1; n <= 5; n += 2) {
    const HaarParams params = {1.1};
    GBytes *shorter = haar_cut_stages (cascade, n);
    Detectors detectors = detectors_new (shorter);

    fail_unless (assert_same (&detectors, &picture, &params) > 0);
    detectors_clear (&detectors);
    g_bytes_unref (shorter);
  }
  haar_picture_clear (&picture);
  haar_picture_clear (&portrait);
  g_bytes_unref (cascade);
}
GST_END_TEST;

/* Changes the text of a cascade file at random: replaces a byte, removes or doubles some bytes,
 * makes a number absurd, or truncates the text. */
static void
mutate (GString *text, GRand *rand)
{
  static const gchar *const numbers[] = {"-1", "0", "2147483647", "-2147483648", "1e308", "-1e-308",
      "nan", "inf", "65536", "4294967296", "1e6", "99999", "0x10", ""};
  gint at = g_rand_int_range (rand, 0, (gint) text->len);
  gint most = g_rand_int_range (rand, 1, 400), n = MIN (most, (gint) text->len - at);
  gchar *copy;

  switch (g_rand_int_range (rand, 0, 6)) {
    case 0:
      text->str[at] = (gchar) g_rand_int_range (rand, 0, 256);
      break;
    case 1:
      g_string_erase (text, at, n);
      break;
    case 2:
      copy = g_strndup (text->str + at, n);
      g_string_insert (text, g_rand_int_range (rand, 0, (gint) text->len), copy);
      g_free (copy);
      break;
    case 3:
      g_string_truncate (text, at);
      break;
    default:
      while (at < (gint) text->len && !g_ascii_isdigit (text->str[at]))
        at++;
      n = (gint) strspn (text->str + at, "0123456789.");
      g_string_erase (text, at, n);
      g_string_insert (
          text, at, numbers[g_rand_int_range (rand, 0, (gint) G_N_ELEMENTS (numbers))]);
      break;
  }
}

/* Checks that the native engine either refuses the cascade file with an error, or searches a
 * picture with it. Returns TRUE if it did search. */
static gboolean
try_text (const gchar *text, gsize length, const HaarPicture *picture)
{
  const HaarEngineClass *klass = haar_engine_class_find ("native");
  const HaarParams params = {1.2, 3};
  GBytes *bytes = g_bytes_new (text, length);
  GError *error = NULL;
  Detector detector = {klass, klass->create (bytes, &error)};

  g_bytes_unref (bytes);
  if (!detector.engine) {
    fail_unless (error && error->domain == G_IO_ERROR && error->message[0] != '\0');
    g_error_free (error);
    return FALSE;
  }
  g_assert_no_error (error);
  detector.boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  detect (&detector, picture, &params);
  detector_clear (&detector);
  return TRUE;
}

/* The native engine refuses or evaluates cascade files that were changed at random. Two stages of
 * each cascade find the same faults as all stages, and faster. The environment variable
 * HAAR_MUTANTS sets the number of files made of each cascade. */
GST_START_TEST (test_cascades_changed_at_random_are_refused_or_evaluated)
{
  GBytes *cascade = load_cascade (cascades[__i__]), *shorter = haar_cut_stages (cascade, 2);
  HaarPicture portrait = haar_picture_load (HAAR_PORTRAIT);
  HaarPicture picture = haar_picture_compose (&portrait, 80, 60, 1);
  GRand *rand = g_rand_new_with_seed (__i__);
  const gchar *wanted = g_getenv ("HAAR_MUTANTS");
  guint64 n = wanted ? g_ascii_strtoull (wanted, NULL, 10) : 60, refused = 0;

  for (guint64 i = 0; i < n; i++) {
    gsize length;
    const gchar *text = g_bytes_get_data (shorter, &length);
    GString *mutant = g_string_new_len (text, length);

    for (gint left = g_rand_int_range (rand, 1, 4); left > 0 && mutant->len > 0; left--)
      mutate (mutant, rand);
    refused += !try_text (mutant->str, mutant->len, &picture);
    g_string_free (mutant, TRUE);
  }
  fail_unless (refused > 0);
  if (wanted)
    g_print ("%s: of %" G_GUINT64_FORMAT " mutated files %" G_GUINT64_FORMAT
             " are refused with an error, the others evaluated\n",
        cascades[__i__], n, refused);
  g_rand_free (rand);
  haar_picture_clear (&picture);
  haar_picture_clear (&portrait);
  g_bytes_unref (shorter);
  g_bytes_unref (cascade);
}
GST_END_TEST;

GST_START_TEST (test_cascades_that_are_too_deep_too_large_or_empty_are_an_error)
{
  HaarPicture picture = haar_picture_new (64, 64);
  GString *deep = g_string_new ("<opencv_storage>"), *large = g_string_new ("<opencv_storage>");

  for (guint i = 0; i < 100000; i++)
    g_string_append (deep, "<_>");
  while (large->len <= 16 * 1024 * 1024)
    g_string_append (large, "<a/><b/><c/><d/><e/><f/><g/><h/><i/><j/><k/><l/><m/><n/><o/><p/>");
  fail_if (try_text (deep->str, deep->len, &picture));
  fail_if (try_text (large->str, large->len, &picture));
  fail_if (try_text (large->str, 8 * 1024 * 1024, &picture));
  fail_if (try_text ("", 0, &picture));
  fail_if (try_text ("\0\0\0", 3, &picture));
  fail_if (try_text ("<a/>", 4, &picture));
  g_string_free (deep, TRUE);
  g_string_free (large, TRUE);
  haar_picture_clear (&picture);
}
GST_END_TEST;

GST_START_TEST (test_absurd_search_parameters_are_an_error)
{
  static const struct {
    gint width, height;
    gdouble scale_factor;
    gint code;
  } cases[] = {
      {64, 64, 1, G_IO_ERROR_INVALID_ARGUMENT},
      {64, 64, NAN, G_IO_ERROR_INVALID_ARGUMENT},
      {1 << 20, 1 << 20, 1.1, G_IO_ERROR_NOT_SUPPORTED},
      {0, 64, 1.1, G_IO_ERROR_NOT_SUPPORTED},
  };
  GBytes *cascade = load_cascade ("haarcascade_frontalface_default");
  Detector native = detector_new ("native", cascade);
  HaarPicture picture = haar_picture_new (64, 64);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const HaarParams params = {cases[i].scale_factor, 3};
    GError *error = NULL;

    fail_if (native.klass->detect (native.engine, picture.pixels, cases[i].width, cases[i].height,
        picture.stride, &params, native.boxes, &error));
    g_assert_error (error, G_IO_ERROR, cases[i].code);
    g_error_free (error);
  }
  haar_picture_clear (&picture);
  detector_clear (&native);
  g_bytes_unref (cascade);
}
GST_END_TEST;

static Suite *
haarnative_suite (void)
{
  Suite *suite = suite_create ("haarnative");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 120);
  tcase_add_loop_test (tcase, test_same_as_opencv, 0, G_N_ELEMENTS (cascades));
  tcase_add_loop_test (
      tcase, test_the_first_stages_find_the_same_windows_as_opencv, 0, G_N_ELEMENTS (cascades));
  tcase_add_loop_test (
      tcase, test_cascades_changed_at_random_are_refused_or_evaluated, 0, G_N_ELEMENTS (cascades));
  tcase_add_test (tcase, test_cascades_that_are_too_deep_too_large_or_empty_are_an_error);
  tcase_add_test (tcase, test_absurd_search_parameters_are_an_error);
  return suite;
}

GST_CHECK_MAIN (haarnative);
