/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Windows two columns apart start side by side in memory when even columns come first and odd ones behind. */
typedef struct {
  gint stride;
  gint step; /* 1 or 2 */
} HaarLayout;

static inline gint
haar_layout_index (const HaarLayout *layout, gint x, gint y)
{
  gint column = layout->step == 1 ? x : x / 2 + (x & 1) * (layout->stride / 2);

  return y * layout->stride + column;
}

typedef struct _HaarKernel HaarKernel;

/* Integral images with one row and column more than the picture; all sums are modulo 2^32. */
typedef struct {
  const HaarKernel *kernel;
  HaarLayout layout;
  gint width, height; /* of the picture */
  guint32 *sum, *squares;
  guint32 *tilted; /* NULL unless wanted */
  guint16 *low;    /* sum modulo 2^16; tilted, if wanted, is `capacity` values behind */
  gsize capacity;
  guint32 *diagonals;   /* scratch of tilted */
  guint32 *tilted_rows; /* scratch: the latest two, in natural order */
  gint row_capacity;
} HaarIntegral;

/* Vector code may read this many columns past the last one. */
#define HAAR_INTEGRAL_MARGIN 64

gint haar_integral_stride (gint width);
/* FALSE: there's no memory for it. @tilted is the same each time. */
gboolean haar_integral_start (
    HaarIntegral *self, const HaarLayout *layout, gint width, gint height, gboolean tilted);
/* The picture's rows from 0 on, each once. */
void haar_integral_add_row (HaarIntegral *self, const guint8 *pixels, gint y);
void haar_integral_clear (HaarIntegral *self);

G_END_DECLS
