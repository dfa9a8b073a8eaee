/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the property blur-faces, and how it changes the pixels of each format. */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "elementtest.h"
#include "engine/haarengine.h"
#include "pictures/fogluma.h"
#include "frames/haaroverlay.h"
#include "haarframes.h"

/* The size of the pictures is odd, and no multiple of the size of any square of the blur. */
#define WIDTH 203
#define HEIGHT 151
#define N_FORMATS 44
#define MOST_SQUARES 6

/* Boxes in the middle of the picture, at each border, in corners, as large as the picture, as
 * narrow as a line or a point, and partly outside. */
static const HaarRect boxes[] = {{81, 50, 47, 47}, {0, 61, 40, 40}, {163, 40, 40, 40},
    {60, 0, 33, 33}, {60, 110, 41, 41}, {0, 0, 30, 30}, {173, 121, 30, 30}, {0, 0, WIDTH, HEIGHT},
    {90, 70, 60, 3}, {100, 75, 1, 1}, {51, 17, 20, 80}, {-10, -10, 50, 50}, {190, 140, 60, 60}};

static GstVideoFormat
nth_format (guint n)
{
  GstCaps *caps = gst_caps_from_string ("video/x-raw,format=" FOG_LUMA_FORMATS);
  const GValue *formats = gst_structure_get_value (gst_caps_get_structure (caps, 0), "format");
  GstVideoFormat format;

  fail_unless_equals_int (gst_value_list_get_size (formats), N_FORMATS);
  format =
      gst_video_format_from_string (g_value_get_string (gst_value_list_get_value (formats, n)));
  gst_caps_unref (caps);
  return format;
}

/* Makes a frame in which each byte is noise, including bytes that belong to no component. */
static GstBuffer *
make_noise (const GstVideoInfo *info)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, info->size, NULL);
  guint32 random = 12345;
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++) {
    random = random * 1664525 + 1013904223;
    map.data[i] = (guint8) (random >> 24);
  }
  gst_buffer_unmap (frame, &map);
  return frame;
}

/* Copies a frame into a buffer with one memory for each plane, as some decoders give it. */
static GstBuffer *
split_planes (GstBuffer *frame, const GstVideoInfo *info)
{
  GstBuffer *split = gst_buffer_new ();
  GstVideoInfo layout = *info;

  for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES (info); i++) {
    gsize end = i + 1 < GST_VIDEO_INFO_N_PLANES (info) ? info->offset[i + 1] : info->size;

    split = gst_buffer_append (split, gst_buffer_copy_region (frame, GST_BUFFER_COPY_MEMORY,
                                          info->offset[i], end - info->offset[i]));
  }
  gst_buffer_add_video_meta_full (split, 0, GST_VIDEO_INFO_FORMAT (info), info->width, info->height,
      GST_VIDEO_INFO_N_PLANES (info), layout.offset, layout.stride);
  return split;
}

static void
assert_same_bytes (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo map;

  gst_buffer_map (a, &map, GST_MAP_READ);
  fail_unless_equals_int (gst_buffer_memcmp (b, 0, map.data, map.size), 0);
  gst_buffer_unmap (a, &map);
}

/* Returns a blurred copy of the frame; before the blur the copy shares its memory with the
 * frame. */
static GstBuffer *
blur (GstBuffer *frame, const GstVideoInfo *info, const HaarRect *box)
{
  GArray *found = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  HaarBox face = {*box};
  GstBuffer *blurred = gst_buffer_copy (frame);

  g_array_append_val (found, face);
  fail_unless (haar_overlay_blur (blurred, info, found));
  g_array_unref (found);
  return blurred;
}

/* Returns the part of the picture within @x and @y pixels of a box, extended to multiples of 4
 * pixels. */
static HaarRect
surround (const HaarRect *box, gint x, gint y)
{
  gint left = MAX (box->x - x, 0) & ~3, top = MAX (box->y - y, 0) & ~3;

  return (HaarRect){left, top, MIN (GST_ROUND_UP_4 (box->x + box->w + x), WIDTH) - left,
      MIN (GST_ROUND_UP_4 (box->y + box->h + y), HEIGHT) - top};
}

static guint8 *
find_pixel (const GstVideoFrame *frame, guint component, gint x, gint y)
{
  guint plane = GST_VIDEO_FRAME_COMP_PLANE (frame, component);

  return (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, plane) +
         y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane) +
         x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
}

/* Returns the number of bytes to compare for a pixel of this component: the size of the plane's
 * pixel, or 0 if another component has larger pixels in this plane, as the chroma of YUY2 has. */
static gsize
count_bytes (const GstVideoFrame *frame, guint component)
{
  guint plane = GST_VIDEO_FRAME_COMP_PLANE (frame, component);
  gint pixel = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);

  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (frame); c++)
    if ((guint) GST_VIDEO_FRAME_COMP_PLANE (frame, c) == plane &&
        GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c) > pixel)
      return 0;
  return (gsize) pixel;
}

/* Returns the value of a sample with all its bits, used or not. The offset is rounded, because in
 * GStreamer 1.22 the offset of P010's second chroma sample is within the first sample. */
static guint
read_sample (const GstVideoFrame *frame, guint component, gint x, gint y)
{
  const GstVideoFormatInfo *finfo = frame->info.finfo;
  guint bytes = finfo->depth[component] > 8 ? 2 : 1;
  guint offset = (finfo->poffset[component] + bytes - 1) / bytes * bytes;
  const guint8 *sample = find_pixel (frame, component, x, y) + offset;

  if (finfo->depth[component] <= 8)
    return *sample;
  return GST_VIDEO_FORMAT_INFO_IS_LE (finfo) ? GST_READ_UINT16_LE (sample)
                                             : GST_READ_UINT16_BE (sample);
}

/* Sets all samples to 0 that cover a pixel of the area. */
static void
clear_area (GstVideoFrame *frame, const HaarRect *area)
{
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (frame); c++) {
    gint w_sub = GST_VIDEO_FORMAT_INFO_W_SUB (frame->info.finfo, c);
    gint h_sub = GST_VIDEO_FORMAT_INFO_H_SUB (frame->info.finfo, c);
    gint pixel = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);
    gint right = GST_VIDEO_SUB_SCALE (w_sub, area->x + area->w);
    gint bottom = GST_VIDEO_SUB_SCALE (h_sub, area->y + area->h);

    for (gint y = area->y >> h_sub; y < bottom; y++)
      memset (find_pixel (frame, c, area->x >> w_sub, y), 0,
          (gsize) ((right - (area->x >> w_sub)) * pixel));
  }
}

static void
assert_rest_is_equal (GstBuffer *a, GstBuffer *b, const GstVideoInfo *info, const HaarRect *area)
{
  GstBuffer *frames[] = {gst_buffer_copy_deep (a), gst_buffer_copy_deep (b)};

  for (guint i = 0; i < 2; i++) {
    GstVideoFrame frame;

    fail_unless (gst_video_frame_map (&frame, info, frames[i], GST_MAP_READWRITE));
    clear_area (&frame, area);
    gst_video_frame_unmap (&frame);
  }
  assert_same_bytes (frames[0], frames[1]);
  gst_buffer_unref (frames[0]);
  gst_buffer_unref (frames[1]);
}

/* Counts how often a component changes along the middle of an area, from left to right. */
static gint
count_edges (const GstVideoFrame *frame, guint component, const HaarRect *area)
{
  gint w_sub = GST_VIDEO_FORMAT_INFO_W_SUB (frame->info.finfo, component);
  gint y = (area->y + area->h / 2) >> GST_VIDEO_FORMAT_INFO_H_SUB (frame->info.finfo, component);
  gint n = 0;

  for (gint x = (area->x >> w_sub) + 1; x < (area->x + area->w) >> w_sub; x++)
    n += read_sample (frame, component, x, y) != read_sample (frame, component, x - 1, y);
  return n;
}

/* Checks that all samples of a square have the mean of its pixels as their value, and that unused
 * bits and bytes show no detail either. */
static void
assert_means (const GstVideoFrame *blurred, const GstVideoFrame *clear, guint c, gint side,
    const HaarRect *area)
{
  const GstVideoFormatInfo *finfo = blurred->info.finfo;
  gint w_sub = GST_VIDEO_FORMAT_INFO_W_SUB (finfo, c),
       h_sub = GST_VIDEO_FORMAT_INFO_H_SUB (finfo, c);
  gint left = area->x / side * side, top = area->y / side * side;
  gint right = MIN (GST_VIDEO_FRAME_COMP_WIDTH (blurred, c), (left + side) >> w_sub);
  gint bottom = MIN (GST_VIDEO_FRAME_COMP_HEIGHT (blurred, c), (top + side) >> h_sub);
  guint value = read_sample (blurred, c, left >> w_sub, top >> h_sub);
  const guint8 *first = find_pixel (blurred, c, left >> w_sub, top >> h_sub);
  gsize bytes = count_bytes (blurred, c);
  guint step = 1u << finfo->shift[c];
  guint64 sum = 0, n = 0, others = 0;

  for (gint y = top >> h_sub; y < bottom; y++)
    for (gint x = left >> w_sub; x < right; x++, n++) {
      others += read_sample (blurred, c, x, y) != value;
      /* The bytes of the last pixel of an odd width aren't compared, because its chroma sample
       * covers only this pixel. */
      if ((x + 1) << w_sub <= GST_VIDEO_FRAME_WIDTH (blurred))
        others += memcmp (find_pixel (blurred, c, x, y), first, bytes) != 0;
      sum += read_sample (clear, c, x, y) / step;
    }
  fail_unless_equals_uint64 (others, 0);
  fail_unless_equals_int (value % step, 0);
  fail_unless (ABS ((gint64) (value / step) - (gint64) (sum / n)) <= 1);
}

static gint
expected_square (const HaarRect *box)
{
  gint side = 4;

  while (side * 5 < MAX (box->w, box->h))
    side *= 2;
  return side;
}

static void
assert_blurred (const GstVideoFrame *blurred, const GstVideoFrame *clear, const HaarRect *box)
{
  HaarRect margin = surround (box, box->w / 5, box->h / 5), face = surround (box, 0, 0);
  gint side = expected_square (box);

  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (blurred); c++) {
    fail_unless (count_edges (blurred, c, &face) <= MOST_SQUARES);
    for (gint y = margin.y / side * side; y < margin.y + margin.h; y += side)
      for (gint x = margin.x / side * side; x < margin.x + margin.w; x += side)
        assert_means (blurred, clear, c, side, &(HaarRect){x, y, 1, 1});
  }
}

static void
assert_shared_frames_stay (const GstVideoInfo *info, const HaarRect *box)
{
  GstBuffer *clear = make_noise (info), *shared = make_noise (info);
  GstBuffer *split = split_planes (shared, info);
  GstBuffer *whole_blurred = blur (shared, info, box), *split_blurred = blur (split, info, box);

  assert_same_bytes (clear, shared);
  assert_same_bytes (clear, split);
  assert_same_bytes (whole_blurred, split_blurred);
  gst_buffer_unref (clear);
  gst_buffer_unref (shared);
  gst_buffer_unref (split);
  gst_buffer_unref (whole_blurred);
  gst_buffer_unref (split_blurred);
}

GST_START_TEST (test_faces_lose_their_detail_and_the_rest_of_the_frame_stays)
{
  GstVideoInfo info;

  fail_unless (gst_video_info_set_format (&info, nth_format ((guint) __i__), WIDTH, HEIGHT));
  assert_shared_frames_stay (&info, &boxes[0]);
  for (guint i = 0; i < G_N_ELEMENTS (boxes); i++) {
    GstBuffer *clear = make_noise (&info), *blurred = blur (clear, &info, &boxes[i]);
    HaarRect most = surround (&boxes[i], boxes[i].w / 5 + expected_square (&boxes[i]),
        boxes[i].h / 5 + expected_square (&boxes[i]));
    GstVideoFrame before, after;

    assert_rest_is_equal (clear, blurred, &info, &most);
    fail_unless (gst_video_frame_map (&before, &info, clear, GST_MAP_READ));
    fail_unless (gst_video_frame_map (&after, &info, blurred, GST_MAP_READ));
    assert_blurred (&after, &before, &boxes[i]);
    gst_video_frame_unmap (&before);
    gst_video_frame_unmap (&after);
    gst_buffer_unref (clear);
    gst_buffer_unref (blurred);
  }
}
GST_END_TEST;

/* The byte of a pixel that RGBx doesn't use is blurred too, because it may contain an alpha or a
 * luma that shows the face. */
GST_START_TEST (test_bytes_that_a_format_does_not_use_are_blurred_too)
{
  static const GstVideoFormat formats[][2] = {{GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_RGBA},
      {GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_BGRA},
      {GST_VIDEO_FORMAT_xRGB, GST_VIDEO_FORMAT_ARGB},
      {GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_ABGR}};

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    GstVideoInfo info, full;
    GstVideoFrame before, after;
    GstBuffer *clear, *blurred;

    gst_video_info_set_format (&info, formats[i][0], WIDTH, HEIGHT);
    gst_video_info_set_format (&full, formats[i][1], WIDTH, HEIGHT);
    clear = make_noise (&info);
    blurred = blur (clear, &info, &boxes[0]);
    fail_unless (gst_video_frame_map (&before, &full, clear, GST_MAP_READ));
    fail_unless (gst_video_frame_map (&after, &full, blurred, GST_MAP_READ));
    assert_blurred (&after, &before, &boxes[0]);
    gst_video_frame_unmap (&before);
    gst_video_frame_unmap (&after);
    gst_buffer_unref (clear);
    gst_buffer_unref (blurred);
  }
}
GST_END_TEST;

/* A viewer sees no more detail in many frames of a face than in one, because the squares of the
 * blur don't move with the box. */
GST_START_TEST (test_blur_is_the_same_if_the_box_moves_slightly)
{
  const HaarRect steady = {81, 50, 45, 45};
  GstVideoFrame first;
  GstVideoInfo info;
  GstBuffer *clear, *blurred;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, WIDTH, HEIGHT);
  clear = make_noise (&info);
  blurred = blur (clear, &info, &steady);
  gst_video_frame_map (&first, &info, blurred, GST_MAP_READ);
  for (gint i = 0; i < 25; i++) {
    HaarRect box = {steady.x + i % 5 - 2, steady.y + i / 5 - 2, steady.w + i % 3, steady.h + i % 3};
    GstBuffer *other = blur (clear, &info, &box);
    GstVideoFrame frame;
    guint others = 0;

    gst_video_frame_map (&frame, &info, other, GST_MAP_READ);
    for (gint y = steady.y; y < steady.y + steady.h; y++)
      for (gint x = steady.x; x < steady.x + steady.w; x++)
        others += read_sample (&frame, 0, x, y) != read_sample (&first, 0, x, y);
    fail_unless_equals_int (others, 0);
    gst_video_frame_unmap (&frame);
    gst_buffer_unref (other);
  }
  gst_video_frame_unmap (&first);
  gst_buffer_unref (blurred);
  gst_buffer_unref (clear);
}
GST_END_TEST;

/* --- the element --- */

static guint8
read_byte (GstBuffer *frame, gsize offset)
{
  guint8 byte;

  gst_buffer_extract (frame, offset, &byte, 1);
  return byte;
}

/* Makes a frame of a face with one bright pixel, which the blur darkens. */
static GstBuffer *
make_marked_frame (guint n)
{
  GstBuffer *frame = make_frame (TRUE, n);

  gst_buffer_memset (frame, SIDE * 5 + 5, 255, 1);
  return frame;
}

static GstBuffer *
pass (GstHarness *h, GstBuffer *frame)
{
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  return gst_harness_pull (h);
}

GST_START_TEST (test_blur_is_switched_while_playing_and_shared_frames_stay_unchanged)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBuffer *frame = make_marked_frame (0);

  for (guint i = 0; i < 4; i++) {
    GstBuffer *passed;

    g_object_set (element, "blur-faces", i % 2, NULL);
    passed = pass (h, gst_buffer_ref (frame));
    fail_unless_equals_int (read_byte (passed, SIDE * 5 + 5) == 255, i % 2 == 0);
    fail_unless (gst_buffer_get_video_region_of_interest_meta_id (passed, 0) != NULL);
    fail_unless_equals_int (read_byte (frame, SIDE * 5 + 5), 255);
    gst_buffer_unref (passed);
  }
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_a_frame_without_faces_is_unchanged)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBuffer *frame = make_frame (FALSE, 0);
  GstMapInfo map;

  g_object_set (element, "blur-faces", TRUE, NULL);
  gst_buffer_memset (frame, SIDE * 5 + 15, 90, 1);
  frame = pass (h, frame);
  gst_buffer_map (frame, &map, GST_MAP_READ);
  for (guint i = 0; i < SIDE * SIDE; i++)
    fail_unless_equals_int (map.data[i], i == SIDE * 5 + 15 ? 90 : 40);
  gst_buffer_unmap (frame, &map);
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_boxes_are_drawn_after_the_blur)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBuffer *frame;

  g_object_set (element, "blur-faces", TRUE, "draw-boxes", TRUE, NULL);
  frame = pass (h, make_marked_frame (0));
  for (guint i = 0; i < SIDE; i++)
    fail_unless_equals_int (read_byte (frame, i), 255);
  fail_unless (read_byte (frame, SIDE * 5 + 5) < 220);
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

/* The frame's crop meta displays a part at (20, 10), in which the face lies. */
GST_START_TEST (test_the_face_of_a_cropped_frame_is_blurred)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBuffer *frame = make_padded_frame ();
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

  crop->x = 20;
  crop->y = 10;
  crop->width = crop->height = SIDE;
  gst_buffer_memset (frame, 16 + 64 * 15 + 25, 255, 1);
  gst_buffer_memset (frame, 16 + 64 * 45 + 50, 77, 1);
  g_object_set (element, "blur-faces", TRUE, NULL);
  frame = pass (h, frame);
  fail_unless (read_byte (frame, 16 + 64 * 15 + 25) < 220);
  fail_unless_equals_int (read_byte (frame, 16 + 64 * 45 + 50), 77);
  gst_buffer_unref (frame);
  end_harness (h, element);
}
GST_END_TEST;

/* Makes an I420 frame whose last plane ends after its memory, so it can be searched for faces,
 * which needs only the luma, but not blurred. */
static GstBuffer *
make_short_frame (guint n)
{
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0, SIDE * SIDE, SIDE * SIDE + SIDE * SIDE / 4 - 10};
  gint strides[GST_VIDEO_MAX_PLANES] = {SIDE, SIDE / 2, SIDE / 2};
  GstBuffer *frame = make_acked_frame (TRUE, n);

  gst_buffer_append_memory (frame, gst_allocator_alloc (NULL, SIDE * SIDE / 4, NULL));
  gst_buffer_add_video_meta_full (frame, 0, GST_VIDEO_FORMAT_I420, SIDE, SIDE, 3, offsets, strides);
  return frame;
}

static void
expect_gap (GstHarness *h, GstClockTime time)
{
  GstClockTime at = GST_CLOCK_TIME_NONE;
  GstEvent *event;

  while ((event = gst_harness_pull_event (h)) && GST_EVENT_TYPE (event) != GST_EVENT_GAP)
    gst_event_unref (event);
  fail_unless (event != NULL);
  gst_event_parse_gap (event, &at, NULL);
  fail_unless_equals_uint64 (at, time);
  gst_event_unref (event);
}

GST_START_TEST (test_a_frame_that_can_not_be_blurred_is_dropped)
{
  GstElement *element = make_element ();
  GstBus *bus = gst_bus_new ();
  GstHarness *h;

  gst_element_set_bus (element, bus);
  g_object_set (element, "blur-faces", TRUE, NULL);
  h = gst_harness_new_with_element (element, "sink", "video");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=20,height=20,framerate=25/1");
  acks_done = acks_undecided = 0;
  gst_harness_push (h, make_short_frame (1));
  expect_gap (h, 40 * GST_MSECOND);
  fail_unless (gst_harness_try_pull (h) == NULL);
  expect_warning (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
  fail_unless_equals_uint64 (get_stat (element, "unblurred-frames"), 1);
  g_object_set (element, "blur-faces", FALSE, NULL);
  gst_buffer_unref (pass (h, make_short_frame (2)));
  /* The first frame's ack token is marked done, because no output is made from it; the token of the
   * second frame is left to the elements behind the pad. */
  fail_unless_equals_int (acks_done, 1);
  fail_unless_equals_uint64 (get_stat (element, "unblurred-frames"), 1);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_a_skipped_frame_leaves_by_no_pad_and_is_marked_done)
{
  GstElement *element = make_element ();
  GstHarness *h = make_harness (element, "video");
  GstBuffer *frame = make_acked_frame (TRUE, 1);

  acks_done = acks_undecided = 0;
  g_object_set (element, "max-age", GST_SECOND, "blur-faces", TRUE, NULL);
  gst_kafka_meta_set_headers (frame, "capture-time", "1000000000", NULL);
  gst_harness_push (h, frame);
  expect_gap (h, 40 * GST_MSECOND);
  frame = make_acked_frame (TRUE, 2);
  gst_buffer_set_size (frame, SIDE * SIDE - 1);
  gst_harness_push (h, frame);
  expect_gap (h, 80 * GST_MSECOND);
  gst_buffer_unref (pass (h, make_frame (TRUE, 3)));
  fail_unless (gst_harness_try_pull (h) == NULL);
  fail_unless_equals_int (acks_done, 2);
  fail_unless_equals_int (acks_undecided, 0);
  end_harness (h, element);
}
GST_END_TEST;

static Suite *
haarblur_suite (void)
{
  Suite *s = suite_create ("haarblur");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_loop_test (
      tc, test_faces_lose_their_detail_and_the_rest_of_the_frame_stays, 0, N_FORMATS);
  tcase_add_test (tc, test_bytes_that_a_format_does_not_use_are_blurred_too);
  tcase_add_test (tc, test_blur_is_the_same_if_the_box_moves_slightly);
  tcase_add_test (tc, test_blur_is_switched_while_playing_and_shared_frames_stay_unchanged);
  tcase_add_test (tc, test_a_frame_without_faces_is_unchanged);
  tcase_add_test (tc, test_boxes_are_drawn_after_the_blur);
  tcase_add_test (tc, test_the_face_of_a_cropped_frame_is_blurred);
  tcase_add_test (tc, test_a_frame_that_can_not_be_blurred_is_dropped);
  tcase_add_test (tc, test_a_skipped_frame_leaves_by_no_pad_and_is_marked_done);
  return s;
}

GST_CHECK_MAIN (haarblur);
