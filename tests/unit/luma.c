/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the luma of frames whose samples have more than 8 bits. */
#include <gst/check/gstcheck.h>

#include "pictures/fogluma.h"

typedef struct {
  GstBuffer *buffer;
  GstVideoFrame frame;
  gint width, height;
  gboolean little;
} Picture;

static void
begin_picture (Picture *p, const gchar *format, gint width, gint height)
{
  g_autofree gchar *text =
      g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d", format, width, height);
  GstCaps *caps = gst_caps_from_string (text);
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  *p = (Picture){gst_buffer_new_allocate (NULL, info.size, NULL), .width = width, .height = height};
  gst_buffer_memset (p->buffer, 0, 0, info.size);
  fail_unless (gst_video_frame_map (&p->frame, &info, p->buffer, GST_MAP_READWRITE));
  p->little = GST_VIDEO_FORMAT_INFO_IS_LE (info.finfo);
}

static void
end_picture (Picture *p)
{
  gst_video_frame_unmap (&p->frame);
  gst_buffer_unref (p->buffer);
}

static void
set_sample (Picture *p, gint x, gint y, guint value)
{
  guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&p->frame, 0) +
                (gsize) y * (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&p->frame, 0);

  if (p->little)
    GST_WRITE_UINT16_LE (row + 2 * x, value);
  else
    GST_WRITE_UINT16_BE (row + 2 * x, value);
}

/* Returns the value of a sample: @lit samples, evenly spread, are bright (65535), and the others
 * rise from 0 in the left column to @most in the right one. */
static guint
sample_at (const Picture *p, guint most, guint lit, gint x, gint y)
{
  guint at = (guint) (y * p->width + x), apart = (guint) (p->width * p->height) / MAX (lit, 1);

  return lit && at % apart == 0 && at / apart < lit ? 65535
                                                    : (guint) x * most / (guint) (p->width - 1);
}

static void
fill (Picture *p, guint most, guint lit)
{
  for (gint y = 0; y < p->height; y++)
    for (gint x = 0; x < p->width; x++)
      set_sample (p, x, y, sample_at (p, most, lit, x, y));
}

/* Checks the luma of a picture. @shift: number of bits by which each sample has to be shifted
 * right; larger values become 255 */
static void
assert_luma (Picture *p, guint most, guint lit, guint shift)
{
  g_autofree guint8 *scratch = NULL;
  FogLuma luma;

  fail_unless_equals_int (fog_luma_of_frame (&p->frame, NULL, &scratch, &luma), FOG_LUMA_READY);
  for (gint y = 0; y < p->height; y++)
    for (gint x = 0; x < p->width; x++) {
      guint expected = MIN (sample_at (p, most, lit, x, y) >> shift, 255);
      guint found = luma.data[(gsize) y * luma.stride + (gsize) x];

      if (found != expected)
        fail ("%u lit, at most %u: %u, not %u, at %d,%d", lit, most, found, expected, x, y);
    }
}

typedef struct {
  gint width, height;
  guint most; /* largest value of the samples that aren't bright */
  guint lit;  /* number of bright samples, which have the value 65535 */
  guint shift;
} Case;

static const Case cases[] = {
    /* samples of 10, 12, 14 and 16 bits */
    {320, 240, 1023, 0, 2},
    {320, 240, 4095, 0, 4},
    {320, 240, 16383, 0, 6},
    {320, 240, 65535, 0, 8},
    {320, 240, 200, 0, 2},
    /* so few bright samples count as errors of the sensor */
    {320, 240, 1023, 1, 2},
    {320, 240, 4095, 1, 4},
    {320, 240, 16383, 1, 6},
    {320, 240, 1023, 76, 2},
    {640, 480, 1023, 144, 2},
    {1920, 1080, 1023, 144, 2},
    {24, 24, 1023, 1, 2},
    /* so many bright samples count as part of the picture, whose other samples are dark */
    {320, 240, 1023, 77, 8},
    {640, 480, 1023, 145, 8},
    {1920, 1080, 1023, 145, 8},
    {24, 24, 1023, 2, 8},
};

GST_START_TEST (test_the_depth_of_16_bit_samples_is_found_from_their_values)
{
  static const gchar *formats[] = {"GRAY16_LE", "GRAY16_BE"};
  const Case *c = &cases[__i__];

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    Picture p;

    begin_picture (&p, formats[i], c->width, c->height);
    fill (&p, c->most, c->lit);
    assert_luma (&p, c->most, c->lit, c->shift);
    end_picture (&p);
  }
}
GST_END_TEST;

/* A sample that exceeds the 10 bits of its format becomes white, and not the value of its lower 10
 * bits. */
GST_START_TEST (test_samples_that_exceed_the_depth_of_their_format_are_white)
{
  Picture p;

  begin_picture (&p, "I420_10LE", 320, 240);
  fill (&p, 1023, 500);
  assert_luma (&p, 1023, 500, 2);
  end_picture (&p);
}
GST_END_TEST;

static Suite *
luma_suite (void)
{
  Suite *s = suite_create ("luma");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_loop_test (
      tc, test_the_depth_of_16_bit_samples_is_found_from_their_values, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tc, test_samples_that_exceed_the_depth_of_their_format_are_white);
  return s;
}

GST_CHECK_MAIN (luma);
