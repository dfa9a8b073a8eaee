/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarfilter.h"

G_BEGIN_DECLS

#define HAAR_MAX_LANES 32

/* A filter, with the distances in memory of its corners from the window's first value. */
typedef struct {
  const HaarFilter *filter;
  gint32 *offsets; /* the distances, one for each of the filter's corners */
} HaarProgram;

/* How a row is made smaller: each pixel of the result is the weighted mean of two neighbours. Their
 * weights make 256; the first one's is in the lower half of `weights`. */
typedef struct {
  gint32 *firsts;
  guint32 *weights;
  gint n;
  gdouble scale;
} HaarTaps;

#define HAAR_ROW_MARGIN 64

/* The result of a stage for the windows of a vector: one bit a window. */
typedef struct {
  guint32 live;     /* OpenCV doesn't skip it for its low contrast */
  guint32 possible; /* the window is live, and may pass the stage */
  guint32 sure;     /* the window is live, and passes the stage for certain */
} HaarVerdict;

/* The lower and upper bounds of a stage's sum for each window of a patch. */
typedef struct {
  gint16 lower[HAAR_MAX_LANES], upper[HAAR_MAX_LANES];
} HaarBounds;

/* A run of neighbouring windows in a row. */
typedef struct {
  gint at;                 /* index of the first window's first pixel in the integral image */
  guint32 alive;           /* bit mask of the windows that may still pass */
  const gint16 *contrasts; /* contrast of each window */
} HaarSpan;

/* The functions that are compiled once for each instruction set. */
struct _HaarKernel {
  const gchar *name;
  guint lanes;         /* number of windows in a patch */
  guint width;         /* number of windows in a span */
  gboolean needs_twin; /* flag: a span takes half a cache line, so HaarIntegral needs a twin */
  /* Computes the contrasts of @n windows side by side; -1 if the variance is below
   * @least_variance. */
  void (*contrast) (const HaarIntegral *integral, gint at, const gint32 corners[4], gdouble area,
      gdouble least_variance, gfloat scale, gint n, gint16 *contrasts);
  /* Evaluates a stage for the windows of a patch. `sure` is set only with @bounds.
   * @bounds: (out) (nullable) */
  HaarVerdict (*stage) (const HaarProgram *program, guint stage, const guint16 *patch,
      const gint16 *contrasts, HaarBounds *bounds);
  /* Evaluates a stage for the windows of @n spans in @plane. */
  void (*judge_spans) (const HaarProgram *program, guint stage, const guint16 *plane,
      const HaarSpan *spans, guint n, gboolean with_sure, HaarVerdict *verdicts);
  /* Copies columns first to first + n - 1 of one row of each lane's window to every @spread-th
   * place of @to, where the values of all lanes lie side by side. May read 7 values more. */
  void (*interleave) (
      const guint16 *const *windows, gssize first, gint n, gint spread, guint16 *to);
  /* The weighted sum of two rows of pixels, minus 32768 so that it takes 16 bits with a sign. */
  void (*blend) (const guint8 *above, const guint8 *below, guint weight, guint weight_below, gint n,
      gint16 *to);
  /* Makes a row of pixels from a blended row. May read and write HAAR_ROW_MARGIN values more. */
  void (*shrink) (const gint16 *blended, const HaarTaps *taps, guint8 *row);
  /* Adds row y of the picture to the upright integral images. */
  void (*add_row) (const HaarIntegral *integral, const guint8 *pixels, gint y);
  /* Separates @n even values from @n odd ones. */
  void (*split) (const guint32 *values, gint n, guint32 *even, guint32 *odd);
  void (*narrow) (const guint32 *values, gint n, guint16 *to);
};

/* The function `judge_spans` of the kernel for AVX-512, compiled for registers of half the
 * width. */
void haar_halves_judge_spans (const HaarProgram *program, guint stage, const guint16 *plane,
    const HaarSpan *spans, guint n, gboolean with_sure, HaarVerdict *verdicts);

/* Returns the kernel of that name; NULL if this processor can't run it. @name: (nullable): NULL
 * means the fastest kernel that this processor can run */
const HaarKernel *haar_kernel_find (const gchar *name);

G_END_DECLS
