/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which differences between two pictures of a camera count as a change. */
#include <gst/check/gstcheck.h>

#include "pictures/fogsketch.h"
#include "stillscene.h"

#define WIDTH 320
#define HEIGHT 240

static const StillConditions conditions[] = {
    {.name = "quiet", .noise = 1},
    {.name = "noise", .noise = 8},
    {.name = "lamps that flicker", .noise = 2, .flicker = 0.06},
    {.name = "daylight", .noise = 2, .daylight = 0.3},
    {.name = "a camera that shakes", .noise = 2, .shake = 2},
    {.name = "all of it", .noise = 4, .flicker = 0.04, .daylight = 0.2, .shake = 1},
};

static HaarPicture photo;

static void
load_photo (void)
{
  photo = haar_picture_load (HAAR_PORTRAIT);
}

static void
clear_photo (void)
{
  haar_picture_clear (&photo);
}

static StillScene *
make_scene (const StillConditions *of)
{
  return still_scene_new (of, &photo, NULL, WIDTH, HEIGHT, 20);
}

static FogLuma
paint (const StillScene *scene, gint frame, guint8 *pixels)
{
  still_scene_paint (scene, frame, pixels);
  return (FogLuma){pixels, WIDTH, WIDTH, HEIGHT};
}

static gboolean
differs (const FogLuma *then, const FogLuma *now, GstVideoRectangle *where)
{
  FogSketch a = {0}, b = {0};
  gboolean does;

  fail_unless (fog_sketch_draw (&a, then));
  fail_unless (fog_sketch_draw (&b, now));
  does = fog_sketch_differs (&a, &b, now, where);
  fog_sketch_clear (&a);
  fog_sketch_clear (&b);
  return does;
}

/* At most one of 100 frames of an empty room, with the sensor's noise, counts as changed. */
GST_START_TEST (test_noise_in_an_empty_room_does_not_count_as_a_change)
{
  StillConditions empty = conditions[__i__];
  StillScene *scene;
  guint alarms = 0;

  empty.empty = TRUE;
  scene = make_scene (&empty);
  for (gint i = 0; i < 100; i++) {
    g_autofree guint8 *first = g_malloc (WIDTH * HEIGHT), *second = g_malloc (WIDTH * HEIGHT);
    FogLuma then = paint (scene, i / 13 * 13, first), now = paint (scene, i, second);
    GstVideoRectangle where;

    alarms += differs (&then, &now, &where);
  }
  fail_unless (alarms <= 1, "%s: %u of 100", empty.name, alarms);
  still_scene_free (scene);
}
GST_END_TEST;

/* Paints a head of width @side into the picture, mixed with the background if @contrast is below
 * 1. */
static void
put_head (guint8 *pixels, gint side, gint left, gint top, gdouble contrast)
{
  for (gint y = 0; y < side; y++)
    for (gint x = 0; x < side; x++) {
      guint8 *pixel = pixels + (top + y) * WIDTH + left + x;
      gint head = photo.pixels[(gsize) (20 + y * 200 / side) * photo.stride + 140 + x * 200 / side];

      *pixel = (guint8) (*pixel + contrast * (head - *pixel));
    }
}

static gboolean
holds (const GstVideoRectangle *where, gint side, gint left, gint top)
{
  gint x = left + side / 2, y = top + side / 2;

  return where->x <= x && where->y <= y && x < where->x + where->w && y < where->y + where->h;
}

/* A head that appears counts as a change, from the smallest size that is searched for, and with
 * half of its contrast. One head in a hundred may be missed. */
GST_START_TEST (test_a_head_that_appears_is_a_change)
{
  static const gint sides[] = {30, 40, 64, 110, 200};
  StillConditions empty = conditions[__i__];
  GRand *rand = g_rand_new_with_seed (1);
  StillScene *scene;
  guint missed = 0;

  empty.empty = TRUE;
  scene = make_scene (&empty);
  for (gint i = 0; i < 100; i++) {
    g_autofree guint8 *first = g_malloc (WIDTH * HEIGHT), *second = g_malloc (WIDTH * HEIGHT);
    gint side = sides[i % G_N_ELEMENTS (sides)];
    gint left = g_rand_int_range (rand, 0, WIDTH - side),
         top = g_rand_int_range (rand, 0, HEIGHT - side);
    FogLuma then = paint (scene, 0, first), now = paint (scene, i % 20, second);
    GstVideoRectangle where;

    put_head (second, side, left, top, i % 2 ? 1 : 0.5);
    if (!differs (&then, &now, &where) || !holds (&where, side, left, top)) {
      GST_INFO ("%s: a head of %d px at %d,%d", empty.name, side, left, top);
      missed++;
    }
  }
  fail_unless (missed <= 1, "%s: %u of 100", empty.name, missed);
  still_scene_free (scene);
  g_rand_free (rand);
}
GST_END_TEST;

GST_START_TEST (test_covering_switching_off_and_turning_count_as_changes)
{
  const StillConditions quiet = {.empty = TRUE};
  StillScene *scene = make_scene (&quiet);
  g_autofree guint8 *first = g_malloc (WIDTH * HEIGHT), *second = g_malloc0 (WIDTH * HEIGHT);
  FogLuma then = paint (scene, 0, first), now = {second, WIDTH, WIDTH, HEIGHT};
  GstVideoRectangle where;

  fail_unless (differs (&then, &now, &where), "a camera that is covered");
  for (gint i = 0; i < WIDTH * HEIGHT; i++)
    second[i] = first[i] / 2;
  fail_unless (differs (&then, &now, &where), "a lamp that is switched off");
  /* a plain card in front of a plain wall, which covers most of the picture */
  memset (first, 150, WIDTH * HEIGHT);
  memset (second, 150, WIDTH * HEIGHT);
  for (gint y = 20; y < HEIGHT; y++)
    memset (second + y * WIDTH + 20, 120, WIDTH - 40);
  fail_unless (differs (&then, &now, &where), "a card");
  paint (scene, 0, first);
  memcpy (second, first + 8, WIDTH * HEIGHT - 8);
  fail_unless (differs (&then, &now, &where), "a camera that is turned");
  now = (FogLuma){first, WIDTH, HEIGHT, WIDTH / 2};
  fail_unless (differs (&then, &now, &where), "another size");
  fail_unless (where.w == HEIGHT && where.h == WIDTH / 2);
  still_scene_free (scene);
}
GST_END_TEST;

/* For pictures of any size, two equal ones count as no change, and a dark and a light one as a
 * change. */
GST_START_TEST (test_pictures_of_any_size_can_be_compared)
{
  static const gint sides[][2] = {{1, 1}, {1, 9}, {9, 1}, {7, 7}, {8, 8}, {9, 9}, {15, 17},
      {16, 16}, {4096, 1}, {1, 4096}, {3000, 9}};

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++) {
    gint w = sides[i][0], h = sides[i][1];
    /* the memory is exactly as large as the picture, so that valgrind reports reads beyond it */
    g_autofree guint8 *dark = g_malloc0 ((gsize) (w * h)), *light = g_malloc ((gsize) (w * h));
    const FogLuma night = {dark, (gsize) w, w, h}, day = {light, (gsize) w, w, h};
    GstVideoRectangle where;

    memset (light, 200, (gsize) (w * h));
    fail_if (differs (&day, &day, &where), "%dx%d", w, h);
    fail_if (differs (&night, &night, &where), "%dx%d", w, h);
    fail_unless (differs (&night, &day, &where), "%dx%d", w, h);
    fail_unless (differs (&day, &night, &where), "%dx%d", w, h);
    fail_unless (where.x >= 0 && where.y >= 0 && where.x + where.w <= w && where.y + where.h <= h);
  }
}
GST_END_TEST;

static Suite *
sketch_suite (void)
{
  Suite *suite = suite_create ("sketch");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, load_photo, clear_photo);
  tcase_add_loop_test (
      tc, test_noise_in_an_empty_room_does_not_count_as_a_change, 0, G_N_ELEMENTS (conditions));
  tcase_add_loop_test (tc, test_a_head_that_appears_is_a_change, 0, G_N_ELEMENTS (conditions));
  tcase_add_test (tc, test_covering_switching_off_and_turning_count_as_changes);
  tcase_add_test (tc, test_pictures_of_any_size_can_be_compared);
  return suite;
}

GST_CHECK_MAIN (sketch)
