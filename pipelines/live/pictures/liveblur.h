/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveanswer.h"

G_BEGIN_DECLS

/* A picture with 3 bytes for each pixel. */
typedef struct {
  guint8 *pixels;
  gint width, height;
  gsize stride; /* bytes */
} LivePixels;

/* Replaces the area of @box, and a margin around it, by a few large squares, each with its mean
 * colour. @box may be partly or fully outside of the picture. */
void live_blur_face (LivePixels *picture, const LiveBox *box);
/* Replaces the whole picture by large squares, each with its mean colour. */
void live_blur_picture (LivePixels *picture);

G_END_DECLS
