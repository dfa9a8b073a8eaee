/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveblur.h"

/* Number of squares along the side of a face, and along the longer side of a picture; few enough
 * that nobody can be recognised. */
#define FACE_SQUARES 5
#define PICTURE_SQUARES 24
/* One part in MARGIN of the box's size is also blurred on each side, because a box fits a face
 * tightly. */
#define MARGIN 5

static void
average (const LivePixels *picture, const LiveBox *square, guint8 mean[3])
{
  guint64 sum[3] = {0};

  for (gint y = square->y; y < square->y + square->h; y++)
    for (gint x = square->x; x < square->x + square->w; x++)
      for (guint c = 0; c < 3; c++)
        sum[c] += picture->pixels[(gsize) y * picture->stride + (gsize) x * 3 + c];
  for (guint c = 0; c < 3; c++)
    mean[c] = (guint8) (sum[c] / ((guint64) square->w * (guint64) square->h));
}

static void
fill (LivePixels *picture, const LiveBox *square, const guint8 mean[3])
{
  for (gint y = square->y; y < square->y + square->h; y++)
    for (gint x = square->x; x < square->x + square->w; x++)
      for (guint c = 0; c < 3; c++)
        picture->pixels[(gsize) y * picture->stride + (gsize) x * 3 + c] = mean[c];
}

/* Replaces @area, which must be within the picture, by squares of @side pixels. */
static void
make_mosaic (LivePixels *picture, const LiveBox *area, gint side)
{
  for (gint y = 0; y < area->h; y += side)
    for (gint x = 0; x < area->w; x += side) {
      LiveBox square = {area->x + x, area->y + y, MIN (side, area->w - x), MIN (side, area->h - y)};
      guint8 mean[3];

      average (picture, &square, mean);
      fill (picture, &square, mean);
    }
}

/* Returns the side of a square, px. The side is a power of two, so that faces of similar sizes have
 * squares of the same size. */
static gint64
find_square (const LiveBox *box)
{
  gint64 square = 4;

  while (square * FACE_SQUARES < MAX (box->w, box->h))
    square *= 2;
  return square;
}

/* The squares lie on a grid that begins at the picture's corner, as in haarfacecount, because
 * squares that move together with the box would show more of the face from picture to picture. */
void
live_blur_face (LivePixels *picture, const LiveBox *box)
{
  gint64 square = find_square (box), wide = box->w / MARGIN, high = box->h / MARGIN;
  gint64 left = MAX (box->x - wide, 0) / square * square;
  gint64 top = MAX (box->y - high, 0) / square * square;
  gint64 right = ((gint64) box->x + box->w + wide + square - 1) / square * square;
  gint64 bottom = ((gint64) box->y + box->h + high + square - 1) / square * square;
  LiveBox area;

  left = MIN (left, picture->width);
  top = MIN (top, picture->height);
  right = CLAMP (right, left, picture->width);
  bottom = CLAMP (bottom, top, picture->height);
  area = (LiveBox){(gint) left, (gint) top, (gint) (right - left), (gint) (bottom - top)};
  make_mosaic (picture, &area, (gint) MIN (square, G_MAXINT / 2));
}

void
live_blur_picture (LivePixels *picture)
{
  LiveBox all = {0, 0, picture->width, picture->height};

  make_mosaic (picture, &all, MAX (MAX (all.w, all.h) / PICTURE_SQUARES, 4));
}
