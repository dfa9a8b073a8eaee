/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures what rescan-interval= saves and costs: the same film, live, is searched as a whole in
 * every frame, and then only where it changed. In the film a face enters, crosses a scene of faces
 * that don't move, and leaves; every pixel has noise. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gst/check/gstharness.h>

#include "haarelement.h"
#include "haarpictures.h"

#define WIDTH 640
#define HEIGHT 480
#define RATE 25
#define SIDE 200 /* size in px of the moving head */

static gint seconds = 20;
static gdouble interval = 1;
static gint noise = 4;

static const GOptionEntry options[] = {
    {"seconds", 's', 0, G_OPTION_ARG_INT, &seconds, "Duration of the film in seconds (20)", "N"},
    {"interval", 'i', 0, G_OPTION_ARG_DOUBLE, &interval, "rescan-interval in seconds (1)", "S"},
    {"noise", 'n', 0, G_OPTION_ARG_INT, &noise, "Amplitude of the noise of each pixel (4)", "N"},
    {NULL},
};

typedef struct {
  GstElement *element;
  GstHarness *harness;
  guint *counts; /* faces of each frame */
  gdouble busy;
  guint64 unchanged, partial;
} Pass;

static void
note_faces (GstBus *bus, Pass *pass)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    const GstStructure *s = gst_message_get_structure (message);
    guint64 time;
    guint faces;

    if (gst_structure_has_name (s, "faces") && gst_structure_get (s, "timestamp", G_TYPE_UINT64,
                                                   &time, "faces", G_TYPE_UINT, &faces, NULL))
      pass->counts[gst_util_uint64_scale_round (time, RATE, GST_SECOND)] = faces;
    gst_message_unref (message);
  }
}

/* Returns whether the moving head lies completely within the picture. */
static gboolean
head_is_there (gint n)
{
  return n >= seconds * RATE / 4 && n < seconds * RATE * 3 / 4;
}

static gint
pixel_of_head (const HaarPicture *photo, gint x, gint y)
{
  return photo->pixels[(gsize) (20 + y) * photo->stride + 140 + x];
}

static gboolean
is_in (gint x, gint y, gint left, gint top)
{
  return x >= left && x < left + SIDE && y >= top && y < top + SIDE;
}

/* Draws two heads that don't move, and one that passes below them. */
static gint
pixel_of_scene (const HaarPicture *photo, gint n, gint x, gint y)
{
  gint quarter = seconds * RATE / 4, left = (n - quarter) * (WIDTH - SIDE) / (2 * quarter);

  if (is_in (x, y, 60, 20))
    return pixel_of_head (photo, x - 60, y - 20);
  if (is_in (x, y, 380, 10))
    return pixel_of_head (photo, x - 380, y - 10);
  if (head_is_there (n) && is_in (x, y, left, 250))
    return pixel_of_head (photo, x - left, y - 250);
  return 60 + 100 * x / WIDTH + 40 * y / HEIGHT;
}

static GstBuffer *
make_frame (const HaarPicture *photo, gint n, GRand *rand)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, WIDTH * HEIGHT, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gint y = 0; y < HEIGHT; y++)
    for (gint x = 0; x < WIDTH; x++) {
      gint value = pixel_of_scene (photo, n, x, y) + g_rand_int_range (rand, -noise, noise + 1);

      map.data[y * WIDTH + x] = (guint8) CLAMP (value, 0, 255);
    }
  gst_buffer_unmap (frame, &map);
  GST_BUFFER_PTS (frame) = gst_util_uint64_scale ((guint64) n, GST_SECOND, RATE);
  return frame;
}

static Pass
show (const HaarPicture *photo, GstClockTime rescan)
{
  Pass pass = {make_haarfacecount ()};
  GstBus *bus = gst_bus_new ();
  gint64 start = g_get_monotonic_time ();
  GRand *rand = g_rand_new_with_seed (1);
  GstStructure *stats;

  g_assert_nonnull (pass.element);
  pass.counts = g_new0 (guint, seconds * RATE);
  gst_element_set_bus (pass.element, bus);
  g_object_set (pass.element, "rescan-interval", rescan, "workers", 1, NULL);
  pass.harness = gst_harness_new_with_element (pass.element, "sink", "src");
  gst_harness_set_drop_buffers (pass.harness, TRUE);
  gst_harness_set_src_caps_str (
      pass.harness, "video/x-raw,format=GRAY8,width=640,height=480,framerate=25/1");
  for (gint i = 0; i < seconds * RATE; i++) {
    gint64 due = start + i * G_TIME_SPAN_SECOND / RATE;

    g_usleep ((gulong) MAX (due - g_get_monotonic_time (), 0));
    gst_harness_push (pass.harness, make_frame (photo, i, rand));
    note_faces (bus, &pass);
  }
  g_usleep (G_USEC_PER_SEC / 2);
  note_faces (bus, &pass);
  g_object_get (pass.element, "stats", &stats, NULL);
  gst_structure_get (stats, "busy", G_TYPE_DOUBLE, &pass.busy, "unchanged", G_TYPE_UINT64,
      &pass.unchanged, "partial", G_TYPE_UINT64, &pass.partial, NULL);
  gst_structure_free (stats);
  gst_element_set_bus (pass.element, NULL);
  gst_harness_teardown (pass.harness);
  gst_object_unref (pass.element);
  gst_object_unref (bus);
  g_rand_free (rand);
  return pass;
}

static gdouble
mean_error (const Pass *pass)
{
  gdouble error = 0;

  for (gint i = 0; i < seconds * RATE; i++)
    error += fabs ((gdouble) pass->counts[i] - (head_is_there (i) ? 3 : 2));
  return error / (seconds * RATE);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  HaarPicture photo;
  GError *error = NULL;
  gint frames, differ = 0;
  Pass whole, changes;

  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  g_option_context_free (context);
  photo = haar_picture_load (HAAR_PORTRAIT);
  frames = seconds * RATE;
  whole = show (&photo, 0);
  changes = show (&photo, (GstClockTime) (interval * GST_SECOND));
  for (gint i = 0; i < frames; i++)
    differ += whole.counts[i] != changes.counts[i];
  printf ("| | every frame searched as a whole | rescan-interval=%.1f s |\n| --- | --- | --- |\n",
      interval);
  printf ("| ms a frame | %.2f | %.2f |\n", whole.busy * 1e3 / frames, changes.busy * 1e3 / frames);
  printf ("| frames not searched, searched in part, of %d | 0, 0 | %" G_GUINT64_FORMAT
          ", %" G_GUINT64_FORMAT " |\n",
      frames, changes.unchanged, changes.partial);
  printf (
      "| mean error of the count | %.3f | %.3f |\n", mean_error (&whole), mean_error (&changes));
  printf ("| frames whose counts differ | | %d |\n", differ);
  g_free (whole.counts);
  g_free (changes.counts);
  haar_picture_clear (&photo);
  return 0;
}
