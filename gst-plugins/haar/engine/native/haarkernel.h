/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarfilter.h"

G_BEGIN_DECLS

#define HAAR_MAX_LANES 32

/* A filter, and for each of its corners the distance in memory from the window's first value. */
typedef struct {
  const HaarFilter *filter;
  gint32 *offsets; /* the distances, one for each of the filter's corners */
} HaarProgram;

/* The way in which a row of pixels is made smaller: each pixel of the result is the weighted mean
 * of two neighbouring pixels. The sum of both weights is 256; the weight of the first pixel is in
 * the lower half of a number in `weights`. */
typedef struct {
  gint32 *firsts;
  guint32 *weights;
  gint n;
  gdouble scale;
} HaarTaps;

#define HAAR_ROW_MARGIN 64

/* The result of a stage for the windows of a vector, with one bit for each window. */
typedef struct {
  guint32 live;     /* OpenCV doesn't skip the window for its low contrast */
  guint32 possible; /* the window is live, and may pass the stage */
  guint32 sure;     /* the window is live, and passes the stage for certain */
} HaarVerdict;

/* The lower and upper bounds of a stage's sum for each window of a patch. */
typedef struct {
  gint16 lower[HAAR_MAX_LANES], upper[HAAR_MAX_LANES];
} HaarBounds;

/* A span: neighbouring windows in a row, which a kernel evaluates together. */
typedef struct {
  gint at;                 /* index of the first window's first pixel in the integral image */
  guint32 alive;           /* bit mask of the windows that may still pass */
  const gint16 *contrasts; /* contrast of each window */
} HaarSpan;

/* A kernel: the functions that are compiled once for each instruction set. */
struct _HaarKernel {
  const gchar *name;
  /* number of windows in a patch, a copy in which one vector holds the same value of all windows */
  guint lanes;
  guint width; /* number of windows in a span */
  /* TRUE if the values of a span fill half a cache line, so that HaarIntegral needs a copy of
   * `low` */
  gboolean needs_twin;
  /* Computes the contrasts of @n windows that lie side by side; a contrast is -1 if the variance is
   * below @least_variance. */
  void (*contrast) (const HaarIntegral *integral, gint at, const gint32 corners[4], gdouble area,
      gdouble least_variance, gfloat scale, gint n, gint16 *contrasts);
  /* Evaluates a stage for the windows of a patch. The verdict's `sure` is set only if @bounds isn't
   * NULL. @bounds: (out) (nullable) */
  HaarVerdict (*stage) (const HaarProgram *program, guint stage, const guint16 *patch,
      const gint16 *contrasts, HaarBounds *bounds);
  /* Evaluates a stage for the windows of @n spans in the integral image @plane. */
  void (*judge_spans) (const HaarProgram *program, guint stage, const guint16 *plane,
      const HaarSpan *spans, guint n, gboolean with_sure, HaarVerdict *verdicts);
  /* Copies the columns @first to @first + @n - 1 of one row of each window to @to, in vectors that
   * hold the same column of all windows. Only every @spread-th vector of @to is written. The
   * function may read 7 values behind the last column. */
  void (*interleave) (
      const guint16 *const *windows, gssize first, gint n, gint spread, guint16 *to);
  /* Computes the weighted sum of two rows of pixels, minus 32768, so that it fits into a signed
   * 16-bit number. */
  void (*blend) (const guint8 *above, const guint8 *below, guint weight, guint weight_below, gint n,
      gint16 *to);
  /* Makes a row of the smaller picture from a row that blend() made. The function may read and
   * write up to HAAR_ROW_MARGIN values behind the rows. */
  void (*shrink) (const gint16 *blended, const HaarTaps *taps, guint8 *row);
  /* Adds row y of the picture to the upright integral images. */
  void (*add_row) (const HaarIntegral *integral, const guint8 *pixels, gint y);
  /* Copies the @n values with even indexes to @even, and the @n values with odd indexes to @odd. */
  void (*split) (const guint32 *values, gint n, guint32 *even, guint32 *odd);
  void (*narrow) (const guint32 *values, gint n, guint16 *to);
};

/* The function `judge_spans` of the kernel for AVX-512, compiled for registers of half the
 * width. */
void haar_halves_judge_spans (const HaarProgram *program, guint stage, const guint16 *plane,
    const HaarSpan *spans, guint n, gboolean with_sure, HaarVerdict *verdicts);

/* Returns the kernel with the name @name; NULL if this processor can't run it. @name: (nullable):
 * NULL means the fastest kernel that this processor can run */
const HaarKernel *haar_kernel_find (const gchar *name);

G_END_DECLS
