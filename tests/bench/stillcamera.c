/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the savings, the misses and the cost of feedbackrate's still-interval: on films of a
 * room through which somebody passes now and then, under the conditions of a real camera, and on
 * any videos. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "stillscene.h"

#define WIDTH 640
#define HEIGHT 480

static gint seconds = 60;
static gdouble interval = 1;
static gchar **videos;

static const GOptionEntry options[] = {
    {"seconds", 's', 0, G_OPTION_ARG_INT, &seconds, "Duration of each film in seconds (60)", "N"},
    {"interval", 'i', 0, G_OPTION_ARG_DOUBLE, &interval, "still-interval in seconds (1)", "S"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &videos,
        "Videos: the first frame of each is used as a room, too", "VIDEO…"},
    {NULL},
};

static const StillConditions conditions[] = {
    {.name = "quiet", .noise = 1},
    {.name = "noise (σ 3)", .noise = 3},
    {.name = "night (σ 8)", .noise = 8},
    {.name = "lamps flicker (±6 %)", .noise = 2, .flicker = 0.06},
    {.name = "daylight (±30 % in 2 min)", .noise = 2, .daylight = 0.3},
    {.name = "camera shakes (±2.5 px)", .noise = 2, .shake = 2.5},
    {.name = "all of it", .noise = 4, .flicker = 0.04, .daylight = 0.2, .shake = 1.5},
    {.name = "all of it, nobody comes",
        .noise = 4,
        .flicker = 0.04,
        .daylight = 0.2,
        .shake = 1.5,
        .empty = TRUE},
};

/* The peer: compares means of blocks of 16x16 pixels with a fixed threshold. */
#define PEER_BLOCK 16
#define PEER_THRESHOLD 4

typedef struct {
  guint8 *means; /* block means of the last sent frame */
  gint since;    /* frames since then */
  guint sent;
} Peer;

static guint8
mean_of (const guint8 *pixels, gint width, gint left, gint top)
{
  guint sum = 0;

  for (gint y = top; y < top + PEER_BLOCK; y++)
    for (gint x = left; x < left + PEER_BLOCK; x++)
      sum += pixels[y * width + x];
  return (guint8) (sum / (PEER_BLOCK * PEER_BLOCK));
}

static void
peer_look (Peer *self, const guint8 *pixels, gint width, gint height)
{
  gint columns = width / PEER_BLOCK, rows = height / PEER_BLOCK, n = columns * rows;
  guint8 *means = g_malloc ((gsize) n);
  gboolean differs = !self->means || ++self->since >= interval * STILL_RATE;

  for (gint i = 0; i < n; i++) {
    means[i] = mean_of (pixels, width, i % columns * PEER_BLOCK, i / columns * PEER_BLOCK);
    differs |= self->means && ABS (means[i] - self->means[i]) >= PEER_THRESHOLD;
  }
  if (differs) {
    self->sent++;
    self->since = 0;
    g_free (self->means);
    self->means = g_steal_pointer (&means);
  }
  g_free (means);
}

/* Runs one film through one element. */
typedef struct {
  GstHarness *rate, *encoder;
  GArray *sent;  /* array of gboolean, one for each frame */
  GArray *costs; /* array of gdouble: time of each frame in ms */
  guint64 bytes, sent_bytes;
  gdouble wanted; /* wanted rate in frames/s, summed over the frames */
  Peer peer;
} Run;

static void
run_init (Run *self, const gchar *caps)
{
  g_autofree gchar *launch = g_strdup_printf (
      "feedbackrate algorithm=fixed initial-rate=%d still-interval=%" G_GUINT64_FORMAT, STILL_RATE,
      (guint64) (interval * GST_SECOND));
  GstElement *element = gst_parse_launch (launch, NULL);

  self->rate = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_set_src_caps_str (self->rate, caps);
  self->encoder = gst_harness_new_parse ("jpegenc");
  gst_harness_set_src_caps_str (self->encoder, caps);
  self->sent = g_array_new (FALSE, TRUE, sizeof (gboolean));
  self->costs = g_array_new (FALSE, FALSE, sizeof (gdouble));
  self->bytes = self->sent_bytes = 0;
  self->wanted = 0;
  self->peer = (Peer){0};
}

static void
run_clear (Run *self)
{
  gst_harness_teardown (self->rate);
  gst_harness_teardown (self->encoder);
  g_array_unref (self->sent);
  g_array_unref (self->costs);
  g_free (self->peer.means);
}

static gdouble
cpu_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gdouble) now.tv_sec * 1e3 + (gdouble) now.tv_nsec / 1e6;
}

static gsize
encoded_size (Run *self, GstBuffer *frame)
{
  GstBuffer *jpeg;
  gsize size;

  gst_harness_push (self->encoder, gst_buffer_ref (frame));
  jpeg = gst_harness_pull (self->encoder);
  size = gst_buffer_get_size (jpeg);
  gst_buffer_unref (jpeg);
  return size;
}

static void
note_wanted (Run *self)
{
  GstStructure *stats;
  gdouble wanted;

  g_object_get (self->rate->element, "stats", &stats, NULL);
  gst_structure_get_double (stats, "wanted", &wanted);
  gst_structure_free (stats);
  self->wanted += wanted;
}

static void
show_frame (Run *self, GstBuffer *frame)
{
  gsize size = encoded_size (self, frame);
  gdouble began = cpu_ms (), cost;
  GstBuffer *out;
  gboolean sent;

  gst_harness_push (self->rate, gst_buffer_ref (frame));
  cost = cpu_ms () - began;
  out = gst_harness_try_pull (self->rate);
  sent = out != NULL;
  gst_clear_buffer (&out);
  g_array_append_val (self->sent, sent);
  g_array_append_val (self->costs, cost);
  self->bytes += size;
  self->sent_bytes += sent ? size : 0;
  note_wanted (self);
}

static gint
compare_doubles (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return x < y ? -1 : x > y;
}

static guint
count_sent (const Run *self)
{
  guint n = 0;

  for (guint i = 0; i < self->sent->len; i++)
    n += g_array_index (self->sent, gboolean, i);
  return n;
}

static guint
count_missed (const Run *self, const StillScene *scene)
{
  guint missed = 0;

  for (guint i = 0; i < scene->heads->len; i++) {
    const StillHead *head = &g_array_index (scene->heads, StillHead, i);
    gboolean seen = FALSE;

    for (gint frame = head->from; frame < head->to; frame++)
      seen |= g_array_index (self->sent, gboolean, frame);
    missed += !seen;
  }
  return missed;
}

static void
print_run (Run *self, const gchar *room, const gchar *name, const gchar *heads)
{
  guint n = self->sent->len, sent = count_sent (self);
  g_autofree gchar *peer = g_strdup_printf ("%u", self->peer.sent);
  gdouble sum = 0;

  for (guint i = 0; i < n; i++)
    sum += g_array_index (self->costs, gdouble, i);
  g_array_sort (self->costs, compare_doubles);
  printf ("| %s | %s | %u of %u | %s | %.1f %% | %.1f %% | %s | %.1f | %.2f, %.2f |\n", room, name,
      sent, n, self->peer.means ? peer : "-", 100 - 100.0 * sent / n,
      100 - 100.0 * (gdouble) self->sent_bytes / (gdouble) self->bytes, heads, self->wanted / n,
      sum / n, g_array_index (self->costs, gdouble, n * 99 / 100));
  fflush (stdout);
}

static GstBuffer *
paint_frame (const StillScene *scene, gint i)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, WIDTH * HEIGHT, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  still_scene_paint (scene, i, map.data);
  gst_buffer_unmap (frame, &map);
  GST_BUFFER_PTS (frame) = gst_util_uint64_scale ((guint64) i, GST_SECOND, STILL_RATE);
  return frame;
}

static void
show_peer (Run *self, GstBuffer *frame)
{
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_READ);
  peer_look (&self->peer, map.data, WIDTH, HEIGHT);
  gst_buffer_unmap (frame, &map);
}

static void
show_film (const StillConditions *of, const HaarPicture *photo, const HaarPicture *room,
    const gchar *room_name)
{
  StillScene *scene = still_scene_new (of, photo, room, WIDTH, HEIGHT, seconds);
  g_autofree gchar *heads = NULL;
  Run run;

  run_init (&run, "video/x-raw,format=GRAY8,width=640,height=480,framerate=25/1");
  for (gint i = 0; i < scene->frames; i++) {
    GstBuffer *frame = paint_frame (scene, i);

    show_frame (&run, frame);
    show_peer (&run, frame);
    gst_buffer_unref (frame);
  }
  heads = g_strdup_printf ("%u of %u", count_missed (&run, scene), scene->heads->len);
  print_run (&run, room_name, of->name, heads);
  run_clear (&run);
  still_scene_free (scene);
}

/* --- videos --- */

static GstElement *
open_video (const gchar *path, GstElement **sink)
{
  GError *error = NULL;
  GstElement *source, *pipeline = gst_parse_launch (
                          "filesrc name=source ! decodebin ! videoconvert ! "
                          "video/x-raw,format=I420 ! appsink name=sink sync=false max-buffers=4",
                          &error);

  g_assert_no_error (error);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_object_set (source, "location", path, NULL);
  gst_object_unref (source);
  *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  return pipeline;
}

static GstSample *
next_sample (GstElement *sink)
{
  GstSample *sample;

  g_signal_emit_by_name (sink, "pull-sample", &sample);
  return sample;
}

static void
keep_as_room (GstSample *sample, HaarPicture *room)
{
  GstVideoFrame frame;
  GstVideoInfo info;

  gst_video_info_from_caps (&info, gst_sample_get_caps (sample));
  gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ);
  *room = haar_picture_new (info.width, info.height);
  for (gint y = 0; y < info.height; y++)
    memcpy (room->pixels + (gsize) y * room->stride,
        (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, 0) +
            (gsize) y * (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0),
        (gsize) info.width);
  gst_video_frame_unmap (&frame);
}

/* Reads a video unchanged; @room: (out): its first frame */
static void
show_video (const gchar *path, HaarPicture *room)
{
  GstElement *sink, *pipeline = open_video (path, &sink);
  g_autofree gchar *name = g_path_get_basename (path);
  GstSample *sample;
  Run run = {0};

  while ((sample = next_sample (sink))) {
    if (!run.rate) {
      g_autofree gchar *caps = gst_caps_to_string (gst_sample_get_caps (sample));

      run_init (&run, caps);
      keep_as_room (sample, room);
    }
    show_frame (&run, gst_sample_get_buffer (sample));
    gst_sample_unref (sample);
  }
  if (run.rate) {
    print_run (&run, name, "as it is", "-");
    run_clear (&run);
  } else {
    g_printerr ("%s can't be decoded\n", path);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

static void
show_all (const HaarPicture *photo)
{
  printf (
      "| room | conditions | sent | sent by a fixed threshold | frames saved | bytes saved | heads "
      "missed | wanted, frames/s | ms a frame: mean, p99 |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (guint i = 0; i < G_N_ELEMENTS (conditions); i++)
    show_film (&conditions[i], photo, NULL, "drawn");
  for (guint v = 0; videos && videos[v]; v++) {
    g_autofree gchar *name = g_path_get_basename (videos[v]);
    HaarPicture room = {0};

    show_video (videos[v], &room);
    for (guint i = 0; room.pixels && i < G_N_ELEMENTS (conditions); i++)
      show_film (&conditions[i], photo, &room, name);
    haar_picture_clear (&room);
  }
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;
  HaarPicture photo;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  g_option_context_free (context);
  gst_registry_scan_path (gst_registry_get (), FEEDBACK_PLUGIN_DIR);
  photo = haar_picture_load (HAAR_PORTRAIT);
  show_all (&photo);
  haar_picture_clear (&photo);
  return 0;
}
