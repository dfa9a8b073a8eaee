/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveanswer.h"

G_BEGIN_DECLS

/* A picture of 3 bytes a pixel. */
typedef struct {
  guint8 *pixels;
  gint width, height;
  gsize stride; /* bytes */
} LivePixels;

/* Replaces what is in @box, and a little round it, by a few large squares of its mean colours. A
 * box may lie outside. */
void live_blur_face (LivePixels *picture, const LiveBox *box);
/* Replaces the whole picture by such squares. */
void live_blur_picture (LivePixels *picture);

G_END_DECLS
