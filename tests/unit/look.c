/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what composed pictures say about their camera: covered, frozen, or neither. */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <math.h>
#include <string.h>

#include "frames/haarlooks.h"

/* Pictures with a detail below COVERED count as covered, pictures with a detail of CLEAR or more as
 * clear (pipelines/tools/alerts). */
#define COVERED 4.0
#define CLEAR 8.0

typedef gdouble (*Paint) (gdouble x, gdouble y); /* x, y: -1 to 1. Returns the luma */

static gdouble
black (gdouble x, gdouble y)
{
  return 16;
}

/* A hand or a piece of paper before the lens: plain, and darker towards the corners. */
static gdouble
hand (gdouble x, gdouble y)
{
  return 70 - 25 * (x * x + y * y);
}

static gdouble
tape (gdouble x, gdouble y)
{
  return 180 + 20 * x - 30 * (x * x + y * y);
}

static gdouble
room (gdouble x, gdouble y)
{
  return fabs (x) < 0.3 && y > -0.2 ? 60 : y > 0.6 ? 90 : 140 + 20 * sin (9 * x);
}

static gdouble
lamp_at (gdouble x, gdouble y, gdouble lamp_x, gdouble lamp_y)
{
  gdouble distance = hypot (x - lamp_x, y - lamp_y);

  return 200 * exp (-distance * distance / 0.004);
}

static gdouble
night_with_a_lamp (gdouble x, gdouble y)
{
  return MIN (14 + lamp_at (x, y, 0.3, -0.4), 255);
}

static gdouble
night_street (gdouble x, gdouble y)
{
  return MIN (12 + lamp_at (x, y, -0.6, -0.5) + lamp_at (x, y, 0, -0.4) +
                  lamp_at (x, y, 0.6, -0.5) + (y > 0.3 ? 10 : 0),
      255);
}

/* A room seen through fog that leaves a tenth of its contrast. */
static gdouble
fog (gdouble x, gdouble y)
{
  return 150 + 0.15 * room (x, y);
}

static gdouble
bricks (gdouble x, gdouble y)
{
  return ((gint) floor (x * 12) + (gint) floor (y * 9)) & 1 ? 90 : 130;
}

/* Returns a number with the mean 0 and the standard deviation 1. */
static gdouble
noise (GRand *rand)
{
  gdouble sum = -6;

  for (guint i = 0; i < 12; i++)
    sum += g_rand_double (rand);
  return sum;
}

static FogLuma
paint (Paint picture, gint width, gint height, gdouble deviation)
{
  guint8 *data = g_malloc ((gsize) width * (gsize) height);
  GRand *rand = g_rand_new_with_seed (7);

  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++) {
      gdouble luma = picture (2.0 * x / width - 1, 2.0 * y / height - 1);

      if (deviation > 0)
        luma += deviation * noise (rand);
      data[(gsize) y * (gsize) width + (gsize) x] = (guint8) CLAMP (luma + 0.5, 0, 255);
    }
  g_rand_free (rand);
  return (FogLuma){data, (gsize) width, width, height};
}

static const struct {
  const gchar *name;
  Paint paint;
  gdouble deviation; /* standard deviation of the sensor's noise, levels of luma */
  gboolean covered;
} pictures[] = {
    {"black", black, 0, TRUE},
    {"black with noise", black, 4, TRUE},
    {"black with much noise", black, 14, TRUE},
    {"hand", hand, 1, TRUE},
    {"hand with noise", hand, 8, TRUE},
    {"tape", tape, 2, TRUE},
    {"room", room, 2, FALSE},
    {"room without noise", room, 0, FALSE},
    {"room with much noise", room, 12, FALSE},
    {"night with a lamp", night_with_a_lamp, 4, FALSE},
    {"night with a lamp and much noise", night_with_a_lamp, 12, FALSE},
    {"street at night", night_street, 8, FALSE},
    {"fog", fog, 2, FALSE},
    {"bricks", bricks, 2, FALSE},
};
static const struct {
  gint width, height;
} sizes[] = {{320, 240}, {640, 480}, {1280, 720}};

GST_START_TEST (test_covered)
{
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    FogLuma luma =
        paint (pictures[__i__].paint, sizes[i].width, sizes[i].height, pictures[__i__].deviation);
    FogLook look;

    fail_unless (fog_look_at (&look, &luma));
    fail_unless (pictures[__i__].covered ? look.detail < COVERED : look.detail >= CLEAR,
        "%s, %d px: %f", pictures[__i__].name, sizes[i].width, look.detail);
    g_free ((gpointer) luma.data);
  }
}
GST_END_TEST;

/* Returns what is left of the picture after it was compressed as JPEG. */
static FogLuma
compress (const FogLuma *luma, gint quality)
{
  g_autofree gchar *line = g_strdup_printf ("jpegenc quality=%d ! jpegdec", quality);
  g_autofree gchar *caps = g_strdup_printf (
      "video/x-raw,format=GRAY8,width=%d,height=%d,framerate=1/1", luma->width, luma->height);
  GstHarness *harness = gst_harness_new_parse (line);
  gsize size = (gsize) luma->width * (gsize) luma->height;
  guint8 *data = g_malloc (size);
  GstBuffer *frame;

  gst_harness_set_src_caps_str (harness, caps);
  frame = gst_harness_push_and_pull (harness, gst_buffer_new_memdup (luma->data, size));
  fail_unless (frame && gst_buffer_extract (frame, 0, data, size) == size);
  gst_buffer_unref (frame);
  gst_harness_teardown (harness);
  return (FogLuma){data, (gsize) luma->width, luma->width, luma->height};
}

/* JPEG's blocks don't make a covered picture look clear, nor a clear picture look covered. At
 * quality 30 covered pictures reach COVERED, because JPEG's steps of brightness are 4 levels
 * there. */
GST_START_TEST (test_covered_after_compression)
{
  static const gint qualities[] = {50, 90};
  FogLuma luma = paint (pictures[__i__].paint, 320, 240, pictures[__i__].deviation);

  for (guint i = 0; i < G_N_ELEMENTS (qualities); i++) {
    FogLuma left = compress (&luma, qualities[i]);
    FogLook look;

    fail_unless (fog_look_at (&look, &left));
    fail_unless (pictures[__i__].covered ? look.detail < COVERED : look.detail >= CLEAR,
        "%s, quality %d: %f", pictures[__i__].name, qualities[i], look.detail);
    g_free ((gpointer) left.data);
  }
  g_free ((gpointer) luma.data);
}
GST_END_TEST;

GST_START_TEST (test_a_picture_that_is_too_small_is_not_judged)
{
  FogLuma luma = paint (room, 16, 16, 0);
  FogLook look;

  fail_if (fog_look_at (&look, &luma));
  g_free ((gpointer) luma.data);
}
GST_END_TEST;

GST_START_TEST (test_brightness)
{
  FogLuma luma = paint (black, 642, 483, 0);
  FogLook look;

  fail_unless (fog_look_at (&look, &luma));
  fail_unless_equals_float (look.brightness, 16);
  g_free ((gpointer) luma.data);
}
GST_END_TEST;

/* --- frozen --- */

#define SECOND G_USEC_PER_SEC

static gdouble
look_frozen (HaarLooks *looks, const FogLuma *luma, gint64 now)
{
  HaarLook look;

  fail_unless (haar_looks_take (looks, "cam-1", luma, now, &look));
  return look.frozen;
}

/* A picture is frozen while no bit of it changes, in any place. */
GST_START_TEST (test_frozen)
{
  FogLuma luma = paint (room, 643, 480, 2);
  guint8 *data = (guint8 *) luma.data;
  const gsize places[] = {0, 642, 643 * 480 / 2, 643 * 480 - 1};
  HaarLooks *looks = haar_looks_new ();
  gint64 now = SECOND;

  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    fail_unless_equals_float (look_frozen (looks, &luma, now), 0);
    fail_unless_equals_float (look_frozen (looks, &luma, now + 20 * SECOND), 20);
    now += 30 * SECOND;
    data[places[i]] ^= 1;
  }
  fail_unless_equals_float (look_frozen (looks, &luma, now), 0);
  haar_looks_unref (looks);
  g_free (data);
}
GST_END_TEST;

/* One frame a second of each camera is looked at. */
GST_START_TEST (test_one_frame_a_second_of_each_camera_is_looked_at)
{
  FogLuma luma = paint (room, 64, 64, 2);
  HaarLooks *looks = haar_looks_new ();
  HaarLook look;
  guint n = 0;

  for (gint64 now = 0; now < 10 * SECOND; now += SECOND / 30)
    n += haar_looks_take (looks, "cam-1", &luma, now, &look);
  fail_unless (n >= 9 && n <= 10, "%u", n);
  fail_unless (haar_looks_take (looks, "cam-2", &luma, 10, &look));
  fail_if (haar_looks_take (looks, NULL, &luma, 10, &look));
  haar_looks_unref (looks);
  g_free ((gpointer) luma.data);
}
GST_END_TEST;

static Suite *
look_suite (void)
{
  Suite *suite = suite_create ("look");
  TCase *tests = tcase_create ("pictures");

  suite_add_tcase (suite, tests);
  tcase_add_loop_test (tests, test_covered, 0, G_N_ELEMENTS (pictures));
  tcase_add_loop_test (tests, test_covered_after_compression, 0, G_N_ELEMENTS (pictures));
  tcase_add_test (tests, test_a_picture_that_is_too_small_is_not_judged);
  tcase_add_test (tests, test_brightness);
  tcase_add_test (tests, test_frozen);
  tcase_add_test (tests, test_one_frame_a_second_of_each_camera_is_looked_at);
  return suite;
}

GST_CHECK_MAIN (look)
