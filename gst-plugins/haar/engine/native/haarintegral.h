/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The layout in memory of a row of an integral image. With a step of 2, the even columns come first
 * and the odd columns behind them, so that the first values of windows two columns apart lie side
 * by side. */
typedef struct {
  gint stride;
  gint step; /* columns from one window to the next: 1 or 2 */
} HaarLayout;

static inline gint
haar_layout_index (const HaarLayout *layout, gint x, gint y)
{
  gint shift = layout->step - 1, column = (x >> shift) + (x & shift) * (layout->stride / 2);

  return y * layout->stride + column;
}

typedef struct _HaarKernel HaarKernel;

/* Integral images. Integral images have one row and one column more than the picture. Sums are
 * modulo 2^32. */
typedef struct {
  const HaarKernel *kernel;
  HaarLayout layout;
  gint width, height; /* of the picture */
  guint32 *sum, *squares;
  guint32 *tilted; /* the tilted integral image; NULL unless the cascade has tilted features */
  guint16 *low;    /* `sum` modulo 2^16, and behind `capacity` values `tilted` modulo 2^16 */
  gsize capacity;
  gsize twin; /* distance in values from `low` to its copy; 0: the kernel needs no copy */
  gpointer low_memory;
  guint32 *diagonals; /* for computing `tilted`: the sums along diagonals up to the latest row */
  /* for computing `tilted`: its latest two rows, with the columns in their natural order */
  guint32 *tilted_rows;
  gint row_capacity;
} HaarIntegral;

/* The number of values of `low` in a cache line. `low` begins at the start of a cache line, and its
 * copy begins in the middle of one. So any values that fill half a cache line lie within one cache
 * line, either in `low` or in its copy, because a read across two cache lines takes twice as
 * long. */
#define HAAR_LINE 32

/* The number of columns behind the last one that vector code may read. */
#define HAAR_INTEGRAL_MARGIN 64

G_END_DECLS
