/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveblur.h"

/* Squares along a face, and along the longer side of a picture: too few to recognise anybody. */
#define FACE_SQUARES 5
#define PICTURE_SQUARES 24
/* A box fits a face tightly: this part of its size is blurred on each side as well. */
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

/* @area lies within the picture. */
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

void
live_blur_face (LivePixels *picture, const LiveBox *box)
{
  gint64 left = (gint64) box->x - box->w / MARGIN, top = (gint64) box->y - box->h / MARGIN;
  gint64 right = (gint64) box->x + box->w + box->w / MARGIN;
  gint64 bottom = (gint64) box->y + box->h + box->h / MARGIN;
  LiveBox area;

  left = CLAMP (left, 0, picture->width);
  top = CLAMP (top, 0, picture->height);
  right = CLAMP (right, left, picture->width);
  bottom = CLAMP (bottom, top, picture->height);
  area = (LiveBox){(gint) left, (gint) top, (gint) (right - left), (gint) (bottom - top)};
  make_mosaic (picture, &area, MAX (MAX (area.w, area.h) / FACE_SQUARES, 4));
}

void
live_blur_picture (LivePixels *picture)
{
  LiveBox all = {0, 0, picture->width, picture->height};

  make_mosaic (picture, &all, MAX (MAX (all.w, all.h) / PICTURE_SQUARES, 4));
}
