/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarintegral.h"

G_BEGIN_DECLS

/* Offsets of a feature's corners in the integral image, from the window's first pixel. */
typedef union {
  gint32 corners[HAAR_MAX_BLOCKS][4];
  gint32 grid[4][4]; /* corners of the 3x3 cells of a local binary pattern */
} HaarOffsets;

/* Evaluates one window as OpenCV does, operation by operation, so that every rounding is the
 * same. */
typedef struct {
  const HaarCascade *cascade;
  HaarLayout layout;
  HaarOffsets *features;
  gdouble *spreads;   /* for each stage: the standard deviation of its sum, see haarexact.c */
  guint8 *ready;      /* for each stage: the offsets of its features are computed for the layout */
  gint32 contrast[4]; /* the offsets of the corners of the window without its rim */
  gdouble area;       /* the area of the window without its rim, px */
  gint64 least_variance; /* OpenCV skips a window with less variance than this */
} HaarExact;

void haar_exact_init (HaarExact *self, const HaarCascade *cascade);
void haar_exact_clear (HaarExact *self);
void haar_exact_set_layout (HaarExact *self, const HaarLayout *layout);

/* @at: the window's first pixel in the integral image
 * Returns: area times sum of squares, minus the square of the sum, of the window less its rim */
gint64 haar_exact_variance (const HaarExact *self, const HaarIntegral *integral, gint at);
/* The factor that a window's features are multiplied with. @variance: at least least_variance */
gfloat haar_exact_factor (gint64 variance);
/* The first of the last stages, whose margins show how certain a window is. */
guint haar_exact_first_telling (const HaarExact *self);
/* Returns the square of the mean margin by which a window passes the last stages. @margins: the
 * sum of these margins, each in standard deviations of the stage's sum */
gdouble haar_exact_strength (const HaarExact *self, gdouble margins);
/* Returns the margin by which a window passes a stage. @factor: as below */
gdouble haar_exact_margin (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage);
/* Returns the sum of the margins by which a window passes the last stages. @factor: as below */
gdouble haar_exact_margins (HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor);
/* Returns TRUE if the window passes the stage. @factor: unused for local binary patterns */
gboolean haar_exact_stage (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage);

G_END_DECLS
