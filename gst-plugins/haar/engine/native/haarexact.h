/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarintegral.h"

G_BEGIN_DECLS

/* Offsets of the corners of a feature's blocks in the integral image, counted from the window's
 * first pixel. */
typedef union {
  gint32 corners[HAAR_MAX_BLOCKS][4];
  gint32 grid[4][4]; /* corners of the 3x3 cells of a local binary pattern */
} HaarOffsets;

/* Evaluates one window as OpenCV does, operation by operation, so that all results are rounded as
 * OpenCV rounds them. */
typedef struct {
  const HaarCascade *cascade;
  HaarLayout layout;
  HaarOffsets *features;
  /* for each stage: the standard deviation of its sum, see find_spread() in haarexact.c */
  gdouble *spreads;
  /* for each stage: TRUE if the offsets of its features were computed for the layout */
  guint8 *ready;
  gint32 contrast[4]; /* the offsets of the corners of the window without its rim */
  gdouble area;       /* the area of the window without its rim, px */
  /* OpenCV skips windows with less variance than this, because of their low contrast */
  gint64 least_variance;
} HaarExact;

void haar_exact_init (HaarExact *self, const HaarCascade *cascade);
void haar_exact_clear (HaarExact *self);
void haar_exact_set_layout (HaarExact *self, const HaarLayout *layout);

/* @at: the window's first pixel in the integral image Returns: the area times the sum of the
 * squared pixels, minus the square of the sum of the pixels, of the window without its rim, which
 * is one pixel wide */
gint64 haar_exact_variance (const HaarExact *self, const HaarIntegral *integral, gint at);
/* Returns the factor with which the values of a window's features are multiplied. @variance: at
 * least least_variance */
gfloat haar_exact_factor (gint64 variance);
/* Returns the index of the first one of the last stages, whose margins show how certainly a window
 * contains a face. */
guint haar_exact_first_telling (const HaarExact *self);
/* Returns the square of the mean margin by which a window passes the last stages. @margins: the sum
 * of the margins of the last stages, each in standard deviations of the stage's sum */
gdouble haar_exact_strength (const HaarExact *self, gdouble margins);
/* Returns the margin by which a window passes a stage. @factor: haar_exact_factor() of the window's
 * variance */
gdouble haar_exact_margin (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage);
/* Returns the sum of the margins by which a window passes the last stages, each in standard
 * deviations of the stage's sum. @factor: haar_exact_factor() of the window's variance */
gdouble haar_exact_margins (HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor);
/* Returns TRUE if the window passes the stage. @factor: haar_exact_factor() of the window's
 * variance; unused for local binary patterns */
gboolean haar_exact_stage (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage);

G_END_DECLS
