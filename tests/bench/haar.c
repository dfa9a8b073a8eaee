/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures frames a second on one core: the native engine with each instruction set of this
 * processor, OpenCV with one and with two threads, and GStreamer's facedetect for faces alone. All
 * engines search the same pictures with the same parameters in one run, in turns, and the median is
 * shown, so that other load on the machine affects all alike; the run fails if two engines find
 * different rectangles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gst/check/gstharness.h>

#include "engine/haarengine.h"
#include "engine/native/haarkernel.h"
#include "haarpictures.h"
#ifdef HAVE_HAAR_OPENCV
#include "haarthreads.h"
#endif

#define MAX_PEERS 8
#define MAX_ROUNDS 1000
#define PICTURES 4

static gint rounds = 15;
static gdouble scale_factor = 1.1;
static gint min_size = 30;
static gchar *cascade = HAAR_CASCADES "/haarcascade_frontalface_default.xml";
static gchar *size = "640x480";
static gchar *only;
static gboolean plain;

static const GOptionEntry options[] = {
    {"rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "Rounds over all pictures (15)", "N"},
    {"scale-factor", 's', 0, G_OPTION_ARG_DOUBLE, &scale_factor, "Ratio of window sizes (1.1)",
        "F"},
    {"min-size", 'm', 0, G_OPTION_ARG_INT, &min_size, "Smallest window in pixels (30)", "N"},
    {"cascade", 'c', 0, G_OPTION_ARG_FILENAME, &cascade, "Cascade file", "PATH"},
    {"size", 'z', 0, G_OPTION_ARG_STRING, &size, "Size of the pictures (640x480)", "WxH"},
    {"only", 'o', 0, G_OPTION_ARG_STRING, &only,
        "Measure only engines of this name, such as native or avx2", "NAME"},
    {"plain", 'p', 0, G_OPTION_ARG_NONE, &plain, "Search pictures of one face on grey", NULL},
    {NULL},
};

typedef struct {
  const gchar *name;
  gchar *detail;
  guint threads;
  /* either of */
  const HaarEngineClass *klass;
  GstHarness *facedetect;

  HaarEngine *engine;
  GArray *boxes;
  gdouble cpu[MAX_ROUNDS], wall[MAX_ROUNDS]; /* times in ms a frame, one for each round */
} Peer;

static gdouble
clock_ms (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);
  return (gdouble) now.tv_sec * 1e3 + (gdouble) now.tv_nsec / 1e6;
}

static GstBuffer *
make_rgb (const HaarPicture *picture)
{
  gsize stride = GST_ROUND_UP_4 ((gsize) picture->width * 3);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, stride * (gsize) picture->height, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gint y = 0; y < picture->height; y++)
    for (gint x = 0; x < picture->width; x++)
      memset (map.data + (gsize) y * stride + 3 * (gsize) x,
          picture->pixels[(gsize) y * picture->stride + (gsize) x], 3);
  gst_buffer_unmap (frame, &map);
  return frame;
}

/* Sorts by position, because scores differ from engine to engine. */
static gint
compare_boxes (gconstpointer a, gconstpointer b)
{
  return memcmp (&((const HaarBox *) a)->rect, &((const HaarBox *) b)->rect, sizeof (HaarRect));
}

static gboolean
are_same (const GArray *a, const GArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    if (compare_boxes (&g_array_index (a, HaarBox, i), &g_array_index (b, HaarBox, i)) != 0)
      return FALSE;
  return TRUE;
}

static void
run (Peer *peer, const HaarPicture *picture, GstBuffer *rgb, const HaarParams *params)
{
  g_autoptr (GError) error = NULL;

  if (peer->facedetect) {
    g_assert_cmpint (gst_harness_push (peer->facedetect, gst_buffer_ref (rgb)), ==, GST_FLOW_OK);
    gst_buffer_unref (gst_harness_pull (peer->facedetect));
    return;
  }
#ifdef HAVE_HAAR_OPENCV
  haar_set_opencv_threads (peer->threads);
#endif
  g_array_set_size (peer->boxes, 0);
  peer->klass->detect (peer->engine, picture->pixels, picture->width, picture->height,
      picture->stride, params, peer->boxes, &error);
  g_assert_no_error (error);
  /* Sorts the results, because OpenCV's threads append them in any order. */
  if (peer->threads > 1)
    g_array_sort (peer->boxes, compare_boxes);
}

static void
check_same (Peer *a, Peer *b)
{
  if (b->threads > 1)
    g_array_sort (a->boxes, compare_boxes);
  if (a->facedetect || b->facedetect || are_same (a->boxes, b->boxes))
    return;
  g_printerr ("%s and %s find different rectangles\n", a->name, b->name);
  exit (1);
}

static Peer *
add_peer (Peer *peers, guint *n, const gchar *name, const gchar *detail)
{
  if (only && strcmp (only, name) != 0 && strcmp (only, detail) != 0)
    return NULL;
  g_assert_cmpuint (*n, <, MAX_PEERS);
  peers[*n].name = name;
  peers[*n].detail = g_strdup (detail);
  peers[*n].threads = 1;
  return &peers[(*n)++];
}

static Peer *
add_engine (Peer *peers, guint *n, const HaarEngineClass *klass, const gchar *detail, GBytes *bytes)
{
  Peer *peer = add_peer (peers, n, klass->name, detail);
  g_autoptr (GError) error = NULL;

  if (!peer)
    return NULL;
  peer->klass = klass;
  peer->engine = klass->create (bytes, &error);
  g_assert_no_error (error);
  peer->boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  return peer;
}

/* facedetect also looks for eyes, nose and mouth with profiles that OpenCV doesn't ship any more.
 * OpenCV prints a message for each missing profile, and works without it. */
static GstElement *
make_facedetect (void)
{
  GstElement *element;

#ifdef HAVE_HAAR_OPENCV
  haar_set_opencv_silent (TRUE);
#endif
  element = gst_element_factory_make ("facedetect", NULL);
  if (element)
    g_object_set (element, "profile", cascade, "eyes-profile", "none", "nose-profile", "none",
        "mouth-profile", "none", "display", FALSE, "min-neighbors", 3, "min-size-width", min_size,
        "min-size-height", min_size, "scale-factor", scale_factor, NULL);
#ifdef HAVE_HAAR_OPENCV
  haar_set_opencv_silent (FALSE);
#endif
  return element;
}

static void
add_facedetect (Peer *peers, guint *n, gint width, gint height)
{
  GstElement *element = make_facedetect ();
  Peer *peer = element ? add_peer (peers, n, "facedetect", "face profile only") : NULL;
  g_autofree gchar *caps = NULL;

  if (!peer) {
    gst_clear_object (&element);
    return;
  }
  peer->facedetect = gst_harness_new_with_element (element, "sink", "src");
  caps = g_strdup_printf ("video/x-raw,format=RGB,width=%d,height=%d,framerate=0/1", width, height);
  gst_harness_set_src_caps_str (peer->facedetect, caps);
  gst_object_unref (element);
}

static guint
create_peers (Peer *peers, GBytes *bytes, gint width, gint height)
{
  static const gchar *const kernels[] = {"avx512", "avx2", "neon", "plain"};
  const HaarEngineClass *opencv = haar_engine_class_find ("opencv");
  const gchar *wanted = g_getenv ("GST_FOG_HAAR_KERNEL");
  g_autofree gchar *one = g_strdup (wanted);
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++) {
    if (!haar_kernel_find (kernels[i]) || (one && strcmp (one, kernels[i]) != 0))
      continue;
    g_setenv ("GST_FOG_HAAR_KERNEL", kernels[i], TRUE);
    add_engine (peers, &n, haar_engine_class_find ("native"), kernels[i], bytes);
  }
  for (guint threads = 1; opencv && threads <= 2; threads++) {
    Peer *peer = add_engine (peers, &n, opencv, threads == 1 ? "1 thread" : "2 threads", bytes);

    if (peer)
      peer->threads = threads;
  }
  add_facedetect (peers, &n, width, height);
  return n;
}

static int
compare_times (const void *a, const void *b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

static void
measure (Peer *peers, guint n, const HaarPicture *pictures, const HaarParams *params)
{
  GstBuffer *rgb[PICTURES];

  for (guint p = 0; p < PICTURES; p++)
    rgb[p] = make_rgb (&pictures[p]);
  for (gint round = -1; round < rounds; round++) {
    for (guint p = 0; p < PICTURES; p++) {
      for (guint i = 0; i < n; i++) {
        gdouble cpu = clock_ms (CLOCK_PROCESS_CPUTIME_ID), wall = clock_ms (CLOCK_MONOTONIC);

        run (&peers[i], &pictures[p], rgb[p], params);
        if (round >= 0) {
          peers[i].cpu[round] += (clock_ms (CLOCK_PROCESS_CPUTIME_ID) - cpu) / PICTURES;
          peers[i].wall[round] += (clock_ms (CLOCK_MONOTONIC) - wall) / PICTURES;
        }
        check_same (&peers[0], &peers[i]);
      }
    }
  }
  for (guint p = 0; p < PICTURES; p++)
    gst_buffer_unref (rgb[p]);
  for (guint i = 0; i < n; i++) {
    qsort (peers[i].cpu, (gsize) rounds, sizeof (gdouble), compare_times);
    qsort (peers[i].wall, (gsize) rounds, sizeof (gdouble), compare_times);
  }
}

/* Prints the figures of the median round; frames/s a core are by CPU time, which other load affects
 * least. */
static void
report (const Peer *peers, guint n)
{
  gdouble reference = 0;

  for (guint i = 0; i < n; i++)
    if (strcmp (peers[i].name, "opencv") == 0 && peers[i].threads == 1)
      reference = peers[i].cpu[rounds / 2];
  g_print (
      "| %s | | CPU ms/frame | frames/s a core | ms/frame by the clock | x OpenCV, 1 thread |\n"
      "| --- | --- | --- | --- | --- | --- |\n",
      size);
  for (guint i = 0; i < n; i++)
    g_print ("| %s | %s | %.2f | %.1f | %.2f | %.2f |\n", peers[i].name, peers[i].detail,
        peers[i].cpu[rounds / 2], 1000 / peers[i].cpu[rounds / 2], peers[i].wall[rounds / 2],
        reference / peers[i].cpu[rounds / 2]);
}

static void
clear_peers (Peer *peers, guint n)
{
  for (guint i = 0; i < n; i++) {
    if (peers[i].facedetect)
      gst_harness_teardown (peers[i].facedetect);
    else
      peers[i].klass->free (peers[i].engine);
    g_clear_pointer (&peers[i].boxes, g_array_unref);
    g_free (peers[i].detail);
  }
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new ("- compare the speed of face detectors");
  static Peer peers[MAX_PEERS];
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
    pictures[p] = plain ? haar_picture_plain (&portrait, width, height, p)
                        : haar_picture_compose (&portrait, width, height, p);
  bytes = g_bytes_new_take (text, length);
  n = create_peers (peers, bytes, width, height);
  measure (peers, n, pictures, &params);
  report (peers, n);
  clear_peers (peers, n);
  g_bytes_unref (bytes);
  return 0;
}
