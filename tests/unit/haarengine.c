/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <gst/check/gstcheck.h>
#include <math.h>

#include "engine/haarengine.h"
#include "haarstump.h"

static HaarEngine *
create (const HaarEngineClass *klass, const gchar *text, GError **error)
{
  GBytes *bytes = g_bytes_new_static (text, strlen (text));
  HaarEngine *engine = klass->create (bytes, error);

  g_bytes_unref (bytes);
  return engine;
}

GST_START_TEST (test_found_by_name)
{
  fail_unless (haar_engine_class_find ("auto") == haar_engine_class_nth (0));
  fail_unless (haar_engine_class_find (NULL) == haar_engine_class_nth (0));
  fail_unless (haar_engine_class_find ("abacus") == NULL);
  for (guint i = 0; haar_engine_class_nth (i); i++)
    fail_unless (
        haar_engine_class_find (haar_engine_class_nth (i)->name) == haar_engine_class_nth (i));
}
GST_END_TEST;

GST_START_TEST (test_a_search_finds_the_object_that_the_cascade_describes)
{
  const HaarEngineClass *klass = haar_engine_class_nth (__i__);
  const HaarParams params = {1.1, 0, 20, 20, 20, 20};
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  GError *error = NULL;
  HaarEngine *engine = create (klass, HAAR_STUMP, &error);
  guint8 picture[24 * 64];

  g_assert_no_error (error);
  memset (picture, 200, sizeof picture);
  fail_unless (klass->detect (engine, picture, 50, 24, 64, &params, boxes, &error));
  fail_unless_equals_int (boxes->len, 0);
  for (gint y = 0; y < 24; y++)
    memset (picture + y * 64 + 25, 20, 64 - 25);
  fail_unless (klass->detect (engine, picture, 50, 24, 64, &params, boxes, &error));
  fail_unless (boxes->len > 0);
  for (guint i = 0; i < boxes->len; i++) {
    const HaarRect *r = &g_array_index (boxes, HaarBox, i).rect;

    fail_unless (r->x > 5 && r->x < 25 && r->w == 20 && r->h == 20 && r->y >= 0 && r->y <= 4);
  }
  klass->free (engine);
  g_array_unref (boxes);
}
GST_END_TEST;

GST_START_TEST (test_a_file_that_is_no_cascade_is_an_error)
{
  static const gchar *texts[] = {"", "not XML", "<?xml version=\"1.0\"?><opencv_storage/>",
      "<?xml version=\"1.0\"?><opencv_storage><cascade type_id=\"opencv-cascade-classifier\">"};
  const HaarEngineClass *klass = haar_engine_class_nth (__i__);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    GError *error = NULL;

    fail_unless (create (klass, texts[i], &error) == NULL);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    g_error_free (error);
  }
}
GST_END_TEST;

GST_START_TEST (test_a_picture_smaller_than_the_window_has_no_object)
{
  const HaarEngineClass *klass = haar_engine_class_nth (__i__);
  const HaarParams params = {1.1, 3, 0, 0, 0, 0};
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  GError *error = NULL;
  HaarEngine *engine = create (klass, HAAR_STUMP, &error);
  guint8 picture[16 * 16] = {0};

  g_assert_no_error (error);
  for (gint side = 1; side <= 16; side++) {
    fail_unless (klass->detect (engine, picture, side, side, 16, &params, boxes, &error));
    fail_unless_equals_int (boxes->len, 0);
  }
  klass->free (engine);
  g_array_unref (boxes);
}
GST_END_TEST;

/* The search for a cascade that accepts every window is stopped with an error, because grouping so
 * many windows would take hours, with OpenCV too. */
GST_START_TEST (test_a_cascade_that_accepts_every_window_is_an_error)
{
  const HaarEngineClass *klass = haar_engine_class_find ("native");
  const HaarParams params = {1.02, 3, 0, 0, 0, 0};
  const gint side = 640;
  guint8 *picture = g_malloc ((gsize) (side * side));
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  GString *text = g_string_new (HAAR_STUMP);
  GError *error = NULL;
  HaarEngine *engine;

  g_string_replace (text, "<stageThreshold>0.5", "<stageThreshold>-5", 1);
  engine = create (klass, text->str, &error);
  g_assert_no_error (error);
  for (gint i = 0; i < side * side; i++)
    picture[i] = (guint8) (i * 37);
  fail_if (klass->detect (engine, picture, side, side, (gsize) side, &params, boxes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  /* A search after the error doesn't return windows that the interrupted search has found. */
  g_array_set_size (boxes, 0);
  fail_unless (klass->detect (engine, picture, 20, 20, (gsize) side, &params, boxes, &error));
  fail_unless (boxes->len <= 1);
  klass->free (engine);
  g_string_free (text, TRUE);
  g_array_unref (boxes);
  g_free (picture);
}
GST_END_TEST;

static void
expect_score (const GArray *boxes, guint i, gdouble strength)
{
  gdouble score = g_array_index (boxes, HaarBox, i).score;

  /* OpenCV lowers the thresholds of stages a little to allow for rounding errors. */
  fail_unless (fabs (score - strength * strength / (1 + strength * strength)) < 1e-4,
      "score %g for the strength %g", score, strength);
}

/* A window passes the only stage of HAAR_STUMP by half a standard deviation, so it has the strength
 * 0.25, and the strengths of merged windows add up. */
GST_START_TEST (test_score_depends_on_the_number_of_windows_and_their_margins)
{
  const HaarEngineClass *klass = haar_engine_class_nth (__i__);
  HaarParams params = {1.1, 0, 20, 20, 20, 20};
  GArray *boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  GError *error = NULL;
  HaarEngine *engine = create (klass, HAAR_STUMP, &error);
  guint8 picture[24 * 64];
  gdouble strength;

  for (gint y = 0; y < 24; y++) {
    memset (picture + y * 64, 200, 25);
    memset (picture + y * 64 + 25, 20, 64 - 25);
  }
  fail_unless (klass->detect (engine, picture, 50, 24, 64, &params, boxes, &error));
  for (guint i = 0; i < boxes->len; i++)
    expect_score (boxes, i, 0.25);
  strength = 0.25 * boxes->len;
  fail_unless (strength > 1);
  params.min_neighbors = 1;
  g_array_set_size (boxes, 0);
  fail_unless (klass->detect (engine, picture, 50, 24, 64, &params, boxes, &error));
  fail_unless_equals_int (boxes->len, 1);
  expect_score (boxes, 0, strength);
  klass->free (engine);
  g_array_unref (boxes);
}
GST_END_TEST;

static Suite *
haarengine_suite (void)
{
  Suite *s = suite_create ("haarengine");
  TCase *tc = tcase_create ("general");
  gint n = 0;

  while (haar_engine_class_nth ((guint) n))
    n++;
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_found_by_name);
  tcase_add_loop_test (tc, test_a_search_finds_the_object_that_the_cascade_describes, 0, n);
  tcase_add_loop_test (tc, test_a_file_that_is_no_cascade_is_an_error, 0, n);
  tcase_add_loop_test (tc, test_a_picture_smaller_than_the_window_has_no_object, 0, n);
  tcase_add_loop_test (tc, test_score_depends_on_the_number_of_windows_and_their_margins, 0, n);
  tcase_add_test (tc, test_a_cascade_that_accepts_every_window_is_an_error);
  return s;
}

GST_CHECK_MAIN (haarengine);
