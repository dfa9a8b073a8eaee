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

/* One flag a window of a vector. */
typedef struct {
  guint32 live;     /* has contrast enough to be evaluated */
  guint32 possible; /* live, and may pass the stage */
  guint32 sure;     /* live, and does */
} HaarVerdict;

/* What is compiled once for each instruction set. */
typedef struct {
  const gchar *name;
  guint lanes;
  /* Contrasts of n windows side by side, each -1 if below the least. */
  void (*contrast) (const HaarIntegral *integral, gint at, const gint32 corners[4], gdouble area,
      gdouble least_variance, gfloat scale, gint n, gint16 *contrasts);
  /* One stage for as many windows as there are lanes; `sure` only if asked for. */
  HaarVerdict (*stage) (const HaarProgram *program, guint stage, const guint16 *base,
      const gint16 *contrasts, gboolean with_sure);
  /* Columns first..first+n-1 of one row of each lane's window, to every `spread`-th place of a row whose
   * values lie lane by lane. May read 7 values more. */
  void (*interleave) (
      const guint16 *const *windows, gssize first, gint n, gint spread, guint16 *to);
} HaarKernel;

/* The best that this processor has; or by name (nullable), NULL if it doesn't have that. */
const HaarKernel *haar_kernel_find (const gchar *name);

G_END_DECLS
