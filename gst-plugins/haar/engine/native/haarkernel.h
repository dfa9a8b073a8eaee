/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarfilter.h"

G_BEGIN_DECLS

#define HAAR_MAX_LANES 32

/* A filter with its corners as distances in memory. */
typedef struct {
  const HaarFilter *filter;
  gint32 *offsets; /* one for each of the filter's corners */
} HaarProgram;

/* Where each pixel of a smaller row comes from: the first of two neighbours, and the neighbours' weights, the
 * first one's in the lower half, which make 256. */
typedef struct {
  gint32 *firsts;
  guint32 *weights;
  gint n;
  gdouble scale;
} HaarTaps;

#define HAAR_ROW_MARGIN 64

/* One flag a window of a vector. */
typedef struct {
  guint32 live;     /* has contrast enough to be evaluated */
  guint32 possible; /* live, and may pass the stage */
  guint32 sure;     /* live, and does */
} HaarVerdict;

/* What is compiled once for each instruction set. */
struct _HaarKernel {
  const gchar *name;
  guint lanes;
  /* Contrasts of n windows side by side, each -1 if below the least. */
  void (*contrast) (const HaarIntegral *integral, gint at, const gint32 corners[4], gdouble area,
      gdouble least_variance, gfloat scale, gint n, gint16 *contrasts);
  /* One stage for as many windows as there are lanes; `sure` only if asked for. */
  HaarVerdict (*stage) (const HaarProgram *program, guint stage, const guint16 *base,
      const gint16 *contrasts, gboolean with_sure);
  /* The same for neighbours, of which only those in `alive` matter; stumps alone. */
  HaarVerdict (*neighbours) (const HaarProgram *program, guint stage, const guint16 *base,
      const gint16 *contrasts, guint32 alive, gboolean with_sure);
  /* Columns first..first+n-1 of one row of each lane's window, to every `spread`-th place of a row whose
   * values lie lane by lane. May read 7 values more. */
  void (*interleave) (
      const guint16 *const *windows, gssize first, gint n, gint spread, guint16 *to);
  /* Two rows of pixels weighed, and 32768 taken off so that the result is signed. */
  void (*blend) (const guint8 *above, const guint8 *below, guint weight, guint weight_below, gint n,
      gint16 *to);
  /* A row of pixels from a blended one. May read and write HAAR_ROW_MARGIN more. */
  void (*shrink) (const gint16 *blended, const HaarTaps *taps, guint8 *row);
  /* Row y of pixels to the upright sums below those of the rows above it. */
  void (*add_row) (const HaarIntegral *integral, const guint8 *pixels, gint y);
  /* n even and n odd values apart. */
  void (*split) (const guint32 *values, gint n, guint32 *even, guint32 *odd);
  void (*narrow) (const guint32 *values, gint n, guint16 *to);
};

/* For AVX-512, with registers of half the width. */
HaarVerdict haar_halves_neighbours (const HaarProgram *program, guint stage, const guint16 *base,
    const gint16 *contrasts, guint32 alive, gboolean with_sure);

/* The best that this processor has; or by name (nullable), NULL if it doesn't have that. */
const HaarKernel *haar_kernel_find (const gchar *name);

G_END_DECLS
