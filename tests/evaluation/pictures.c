/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes pictures with faces as raw frames of 640x480, 3 bytes a pixel (BGR), tinted like skin.
 *   evaluation-pictures texture|plain N DIRECTORY */
#include <stdio.h>
#include <stdlib.h>

#include "haarpictures.h"

#define WIDTH 640
#define HEIGHT 480

static gboolean
write_bgr (const HaarPicture *picture, const gchar *path)
{
  g_autofree guint8 *pixels = g_malloc (3 * WIDTH * HEIGHT);
  guint8 *out = pixels;

  for (gint y = 0; y < HEIGHT; y++) {
    for (gint x = 0; x < WIDTH; x++) {
      guint luma = picture->pixels[y * picture->stride + x];

      *out++ = (guint8) (luma * 4 / 5);
      *out++ = (guint8) luma;
      *out++ = (guint8) MIN (luma * 6 / 5, 255);
    }
  }
  return g_file_set_contents (path, (const gchar *) pixels, 3 * WIDTH * HEIGHT, NULL);
}

int
main (int argc, char **argv)
{
  HaarPicture portrait;
  gboolean written = TRUE, plain;

  gst_init (&argc, &argv);
  if (argc != 4) {
    fprintf (stderr, "usage: %s texture|plain N DIRECTORY\n", argv[0]);
    return 2;
  }
  plain = g_str_equal (argv[1], "plain");
  portrait = haar_picture_load (HAAR_PORTRAIT);
  for (gint i = 0; i < atoi (argv[2]) && written; i++) {
    g_autofree gchar *path = g_strdup_printf ("%s/%02d.bgr", argv[3], i);
    HaarPicture picture = plain ? haar_picture_plain (&portrait, WIDTH, HEIGHT, i)
                                : haar_picture_compose (&portrait, WIDTH, HEIGHT, i);

    written = write_bgr (&picture, path);
    haar_picture_clear (&picture);
  }
  haar_picture_clear (&portrait);
  return !written;
}
