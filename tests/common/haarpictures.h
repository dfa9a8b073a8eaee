/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A picture with one byte of luma a pixel, whose rows take a little more memory than their
 * width. */
typedef struct {
  gint width, height;
  gsize stride;
  guint8 *pixels;
} HaarPicture;

HaarPicture haar_picture_new (gint width, gint height);
void haar_picture_clear (HaarPicture *picture);
/* Returns the luma of a JPEG file. Aborts the program if the JPEG file can't be decoded. */
HaarPicture haar_picture_load (const gchar *path);
/* Makes a picture with many copies of another picture, in several sizes, over clutter and noise.
 * The seed decides all. */
HaarPicture haar_picture_compose (const HaarPicture *face, gint width, gint height, guint32 seed);
/* Makes a grey picture with one copy of another picture, which is half as high as the result. The
 * seed decides where. */
HaarPicture haar_picture_plain (const HaarPicture *face, gint width, gint height, guint32 seed);

G_END_DECLS
