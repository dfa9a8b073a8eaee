/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarpictures.h"

#include <string.h>

HaarPicture
haar_picture_new (gint width, gint height)
{
  HaarPicture picture = {width, height, (gsize) width + 13, NULL};

  picture.pixels = g_malloc0 (picture.stride * height);
  return picture;
}

void
haar_picture_clear (HaarPicture *picture)
{
  g_clear_pointer (&picture->pixels, g_free);
}

static void
take_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
  HaarPicture *picture = user_data;
  GstCaps *caps = gst_pad_get_current_caps (pad);
  GstStructure *s = gst_caps_get_structure (caps, 0);
  GstMapInfo map;
  gsize stride;

  gst_structure_get_int (s, "width", &picture->width);
  gst_structure_get_int (s, "height", &picture->height);
  gst_caps_unref (caps);
  *picture = haar_picture_new (picture->width, picture->height);
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  stride = map.size / picture->height;
  for (gint y = 0; y < picture->height; y++)
    memcpy (picture->pixels + y * picture->stride, map.data + y * stride, picture->width);
  gst_buffer_unmap (buffer, &map);
}

HaarPicture
haar_picture_load (const gchar *path)
{
  HaarPicture picture = {0};
  GError *error = NULL;
  GstElement *sink, *pipeline = gst_parse_launch (
                        "filesrc name=source ! jpegdec ! videoconvert ! video/x-raw,format=GRAY8 ! "
                        "fakesink name=sink signal-handoffs=true",
                        &error);
  GstElement *source;
  GstMessage *message;

  g_assert_no_error (error);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (source, "location", path, NULL);
  g_signal_connect (sink, "handoff", G_CALLBACK (take_frame), &picture);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (
      GST_ELEMENT_BUS (pipeline), 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_true (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS && picture.pixels);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (source);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  return picture;
}

static guint8
sample (const HaarPicture *picture, gdouble x, gdouble y)
{
  gint x0 = CLAMP ((gint) x, 0, picture->width - 2), y0 = CLAMP ((gint) y, 0, picture->height - 2);
  gdouble fx = x - x0, fy = y - y0;
  const guint8 *p = picture->pixels + y0 * picture->stride + x0;
  gdouble top = p[0] * (1 - fx) + p[1] * fx;
  gdouble bottom = p[picture->stride] * (1 - fx) + p[picture->stride + 1] * fx;

  return (guint8) CLAMP (top * (1 - fy) + bottom * fy, 0, 255);
}

static void
fill_clutter (HaarPicture *picture, GRand *rand)
{
  gint blocks = picture->width * picture->height / 900;

  for (gint y = 0; y < picture->height; y++)
    for (gint x = 0; x < picture->width; x++)
      picture->pixels[y * picture->stride + x] =
          (guint8) (60 + 120 * x / picture->width + 30 * y / picture->height);
  for (gint i = 0; i < blocks; i++) {
    gint w = g_rand_int_range (rand, 2, MAX (3, picture->width / 6));
    gint h = g_rand_int_range (rand, 2, MAX (3, picture->height / 6));
    gint left = g_rand_int_range (rand, 0, picture->width);
    gint top = g_rand_int_range (rand, 0, picture->height);
    guint8 value = (guint8) g_rand_int_range (rand, 0, 256);

    for (gint y = top; y < MIN (top + h, picture->height); y++)
      memset (picture->pixels + y * picture->stride + left, value, MIN (w, picture->width - left));
  }
}

static void
paste (HaarPicture *picture, const HaarPicture *face, gint left, gint top, gint size)
{
  gdouble scale = (gdouble) face->width / size;

  for (gint y = 0; y < MIN (size, picture->height - top); y++)
    for (gint x = 0; x < MIN (size, picture->width - left); x++)
      picture->pixels[(top + y) * picture->stride + left + x] = sample (face, x * scale, y * scale);
}

static void
add_noise (HaarPicture *picture, GRand *rand, gint amount)
{
  for (gint y = 0; y < picture->height; y++) {
    guint8 *row = picture->pixels + y * picture->stride;

    for (gint x = 0; x < picture->width; x++)
      row[x] = (guint8) CLAMP (row[x] + g_rand_int_range (rand, -amount, amount + 1), 0, 255);
  }
}

HaarPicture
haar_picture_compose (const HaarPicture *face, gint width, gint height, guint32 seed)
{
  HaarPicture picture = haar_picture_new (width, height);
  GRand *rand = g_rand_new_with_seed (seed);
  gint copies = g_rand_int_range (rand, 2, 7);

  fill_clutter (&picture, rand);
  for (gint i = 0; i < copies; i++) {
    gint size = g_rand_int_range (rand, MIN (width, height) / 4, MIN (width, height) + 1);

    paste (&picture, face, g_rand_int_range (rand, 0, width - size / 2),
        g_rand_int_range (rand, 0, height - size / 2), size);
  }
  add_noise (&picture, rand, g_rand_int_range (rand, 0, 8));
  g_rand_free (rand);
  return picture;
}

HaarPicture
haar_picture_plain (const HaarPicture *face, gint width, gint height, guint32 seed)
{
  HaarPicture picture = haar_picture_new (width, height);
  GRand *rand = g_rand_new_with_seed (seed);
  gint size = MIN (width, height) / 2;

  memset (picture.pixels, 128, picture.stride * (gsize) height);
  paste (&picture, face, g_rand_int_range (rand, 0, width - size),
      g_rand_int_range (rand, 0, height - size), size);
  g_rand_free (rand);
  return picture;
}
