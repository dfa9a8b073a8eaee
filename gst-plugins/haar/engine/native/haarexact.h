/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarintegral.h"

G_BEGIN_DECLS

/* Where a feature's corners are, from the window's first pixel in the integral image. */
typedef union {
  gint32 corners[HAAR_MAX_BLOCKS][4];
  gint32 grid[4][4]; /* of 3x3 cells, row by row */
} HaarOffsets;

/* One window's evaluation in OpenCV's own arithmetic, operation by operation. */
typedef struct {
  const HaarCascade *cascade;
  HaarLayout layout;
  HaarOffsets *features;
  guint8 *ready; /* which stages' features have their offsets for the layout */
  gint32 contrast[4];
  gdouble area;
  gint64 least_variance; /* see haar_exact_factor() */
} HaarExact;

void haar_exact_init (HaarExact *self, const HaarCascade *cascade);
void haar_exact_clear (HaarExact *self);
void haar_exact_set_layout (HaarExact *self, const HaarLayout *layout);

/* The area times the sum of squares minus the square of the sum, over the window less its rim. */
gint64 haar_exact_variance (const HaarExact *self, const HaarIntegral *integral, gint at);
/* The factor that features are multiplied with, given a variance of at least self->least_variance; below that
 * OpenCV doesn't evaluate the window. */
gfloat haar_exact_factor (gint64 variance);
/* Local binary patterns know neither variance nor factor. */
gboolean haar_exact_stage (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage);

G_END_DECLS
