/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests haarfacecount when allocations fail: first each large allocation in turn, then all that
 * exceed a limit of the process. */
#include <errno.h>
#include <gst/check/gstcheck.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "elementtest.h"
#include "haarframes.h"

/* --- an allocator that refuses single allocations, in place of the C library's --- */

/* size (bytes) from which an allocation is large: those for pictures are larger, all others
 * smaller */
#define LARGE 4096

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *memory, size_t size);

/* TRUE in the test's own thread, in which no allocation fails, so that GStreamer and the harness
 * work */
static __thread gboolean is_main;
/* number of large allocations that succeed before one fails; negative: none fails */
static gint granted = -1;

static gboolean
is_refused (size_t size)
{
  if (is_main || size < LARGE || g_atomic_int_get (&granted) < 0 ||
      g_atomic_int_add (&granted, -1) > 0)
    return FALSE;
  errno = ENOMEM;
  return TRUE;
}

G_MODULE_EXPORT void *
malloc (size_t size)
{
  return is_refused (size) ? NULL : __libc_malloc (size);
}

G_MODULE_EXPORT void *
calloc (size_t n, size_t size)
{
  return is_refused (n * size) ? NULL : __libc_calloc (n, size);
}

G_MODULE_EXPORT void *
realloc (void *memory, size_t size)
{
  return is_refused (size) ? NULL : __libc_realloc (memory, size);
}

/* Waits until the element has counted or dropped all pushed frames. */
static void
drain (GstHarness *h)
{
  GstQuery *query = gst_query_new_drain ();

  fail_unless (gst_pad_peer_query (h->srcpad, query));
  gst_query_unref (query);
}

static void
push_picture (GstHarness *h, gsize size, guint n)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (frame, 0, 90, size);
  GST_BUFFER_PTS (frame) = n * GST_SECOND;
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  drain (h);
}

typedef struct {
  const gchar *engine, *format;
  gint width, height, bytes; /* bytes a pixel */
  GstClockTime rescan_interval;
} Picture;

/* Counts a frame while large allocation number @n (from 0) fails. Returns: FALSE if there were at
 * most @n large allocations. */
static gboolean
refuse_nth (const Picture *picture, gint n)
{
  g_autofree gchar *caps =
      g_strdup_printf ("video/x-raw,format=%s,width=%d,height=%d,framerate=0/1", picture->format,
          picture->width, picture->height);
  GstElement *element = make_element ();
  GstHarness *h;
  gboolean refused;

  g_object_set (element, "workers", 1, "trust-cascade", TRUE, "min-size", 150, "max-size", 200,
      "rescan-interval", picture->rescan_interval, NULL);
  gst_util_set_object_arg (G_OBJECT (element), "engine", picture->engine);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_harness_set_src_caps_str (h, caps);
  g_atomic_int_set (&granted, n);
  push_picture (h, (gsize) (picture->width * picture->height * picture->bytes), 0);
  refused = g_atomic_int_get (&granted) < 0;
  g_atomic_int_set (&granted, -1);
  /* If the failed allocation was that for the record of the still picture, the frame is counted all
   * the same. */
  fail_unless_equals_uint64 (get_stat (element, "frames") + get_stat (element, "failed-frames"), 1);
  fail_unless (
      picture->rescan_interval || get_stat (element, "failed-frames") == (guint64) refused);
  push_picture (h, (gsize) (picture->width * picture->height * picture->bytes), 1);
  fail_unless (get_stat (element, "frames") >= 1);
  end_harness (h, element);
  return refused;
}

static const Picture pictures[] = {
    {"native", "GRAY8", 4000, 300, 1},
    {"native", "GRAY8", 300, 4000, 1},
    {"native", "YUY2", 4000, 300, 2},
    {"native", "RGB", 4000, 300, 3},
    {"native", "GRAY8", 4000, 300, 1, GST_SECOND},
#ifdef HAVE_HAAR_OPENCV
    {"opencv", "GRAY8", 4000, 300, 1},
#endif
};

static void
write_tilted_cascade (void)
{
  GString *text = g_string_new (HAAR_STUMP);

  fail_unless_equals_int (g_string_replace (text, "<_>0 0 20 20 -1.</_><_>0 0 10 20 2.</_></rects>",
                              "<_>10 0 8 8 -1.</_><_>10 0 4 8 2.</_></rects><tilted>1</tilted>", 1),
      1);
  fail_unless (g_file_set_contents (cascade, text->str, -1, NULL));
  g_string_free (text, TRUE);
}

static void
refuse_each (const Picture *picture)
{
  gint n = 0;

  while (refuse_nth (picture, n))
    n++;
  fail_unless (n > 2);
}

GST_START_TEST (test_a_frame_is_skipped_or_counted_if_any_large_allocation_fails)
{
  is_main = TRUE;
  refuse_each (&pictures[__i__]);
}
GST_END_TEST;

GST_START_TEST (
    test_a_frame_with_tilted_features_is_skipped_or_counted_if_any_large_allocation_fails)
{
  is_main = TRUE;
  write_tilted_cascade ();
  refuse_each (&pictures[0]);
}
GST_END_TEST;

/* --- limits --- */

/* Limits the memory of the process to @bytes more than it uses now. 0 removes the limit, which
 * tests have to do at their end, because libraries of OpenCV would wait for memory at exit. */
static void
limit_memory (gsize bytes)
{
  g_autofree gchar *text = NULL;
  struct rlimit limit;

  fail_unless (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fail_unless_equals_int (getrlimit (RLIMIT_AS, &limit), 0);
  limit.rlim_cur = g_ascii_strtoull (text, NULL, 10) * (gsize) sysconf (_SC_PAGESIZE) + bytes;
  if (bytes == 0)
    limit.rlim_cur = limit.rlim_max;
  fail_unless_equals_int (setrlimit (RLIMIT_AS, &limit), 0);
}

GST_START_TEST (test_a_frame_too_large_for_the_memory_is_skipped)
{
  const gint width = 7680, height = 4320;
  GstElement *element = make_element ();
  GstBus *bus = gst_bus_new ();
  GstBuffer *frame = gst_buffer_new_allocate (NULL, (gsize) (width * height), NULL);
  GstHarness *h;

  gst_util_set_object_arg (G_OBJECT (element), "engine", "native");
  g_object_set (element, "workers", 1, NULL);
  gst_element_set_bus (element, bus);
  h = make_harness (element, "src");
  gst_harness_push (h, make_frame (TRUE, 0));
  gst_buffer_unref (gst_harness_pull (h));
  gst_buffer_memset (frame, 0, 90, (gsize) (width * height));
  limit_memory (64 * 1024 * 1024);
  set_caps (h, width, height);
  gst_harness_push (h, frame);
  set_caps (h, SIDE, SIDE);
  gst_harness_push (h, make_frame (TRUE, 1));
  gst_buffer_unref (gst_harness_pull (h));
  fail_unless_equals_uint64 (get_stat (element, "failed-frames"), 1);
  expect_warning (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
  limit_memory (0);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* The cascade file has 8 MB, mostly white space, so the memory that its features might need exceeds
 * the limit. */
GST_START_TEST (test_a_cascade_too_large_for_the_memory_is_an_error)
{
  GstElement *element = make_element ();
  GString *text = g_string_new (HAAR_STUMP);
  gsize end = text->len;

  g_string_set_size (text, 8 * 1024 * 1024);
  memset (text->str + end, ' ', text->len - end);
  fail_unless (g_file_set_contents (cascade, text->str, (gssize) text->len, NULL));
  g_string_free (text, TRUE);
  limit_memory (100 * 1024 * 1024);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT, "");
  limit_memory (0);
}
GST_END_TEST;

GST_START_TEST (test_more_workers_than_memory_allows_are_an_error)
{
  GstElement *element = make_element ();

  g_object_set (element, "workers", 200, NULL);
  limit_memory (100 * 1024 * 1024);
  expect_no_start (element, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED, "");
  limit_memory (0);
}
GST_END_TEST;

static Suite *
haarmemory_suite (void)
{
  Suite *s = suite_create ("haarmemory");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_loop_test (tc, test_a_frame_is_skipped_or_counted_if_any_large_allocation_fails, 0,
      G_N_ELEMENTS (pictures));
  tcase_add_test (
      tc, test_a_frame_with_tilted_features_is_skipped_or_counted_if_any_large_allocation_fails);
  tcase_add_test (tc, test_a_frame_too_large_for_the_memory_is_skipped);
  tcase_add_test (tc, test_a_cascade_too_large_for_the_memory_is_an_error);
  tcase_add_test (tc, test_more_workers_than_memory_allows_are_an_error);
  return s;
}

GST_CHECK_MAIN (haarmemory);
