/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A picture of one luma byte a pixel, rows a little further apart than they are wide. */
typedef struct {
  gint width, height;
  gsize stride;
  guint8 *pixels;
} HaarPicture;

HaarPicture haar_picture_new (gint width, gint height);
void haar_picture_clear (HaarPicture *picture);
/* A JPEG file's luma; aborts the program if it can't be had. */
HaarPicture haar_picture_load (const gchar *path);
/* Copies of a picture at many sizes and places over clutter and noise, always
 * the same for the same seed. */
HaarPicture haar_picture_compose (const HaarPicture *face, gint width, gint height, guint32 seed);

G_END_DECLS
