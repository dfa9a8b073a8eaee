/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarintegral.h"

G_BEGIN_DECLS

/* A cascade in 16-bit integers. Each stage computes an upper and a lower bound of the window's
 * score. If the stage's threshold lies between them, the filter is in doubt, and OpenCV's own
 * arithmetic has to decide (haarexact.h).
 *
 * A stump compares its feature's value with a limit: its threshold times the window's contrast. If
 * the value is less, the stump adds its weight. A stump whose right leaf is the larger one is
 * negated, so that no weight is negative. */

/* How a feature's value is computed from the integral image's values at its corners, a to h. */
typedef enum {
  HAAR_SUM_6,   /* a + b - c - d + 2 (e - f) */
  HAAR_SUM_8,   /* a + b - c - d + factor (e + f - g - h) */
  HAAR_SUM_9,   /* factor (a + b + c + d - 2 (e + f + g + h) + 4 i) */
  HAAR_SUM_ANY, /* the sum of all corners, each times its factor */
  /* The sum of all blocks, each shifted right and times its factor, because the value would take
   * more than 16 bits: */
  HAAR_SUM_WIDE,
  HAAR_SUM_KINDS,
  HAAR_SUM_UNKNOWN =
      HAAR_SUM_KINDS /* a node of a tree that isn't covered: both children are possible */
} HaarSumKind;

/* A local binary pattern is a kind of stump too. Its corners are those of the nine cells, row by
 * row. The stump's weight is added if the pattern is in a set. The filter complements patterns
 * and sets: a bit means that the middle cell is brighter than an outer cell. */
#define HAAR_PATTERN_CORNERS 16

/* The same 16-bit number in both halves of 32 bits. One instruction copies such a pair to all lanes
 * of a vector. */
typedef gint32 HaarTwin;

typedef struct {
  HaarTwin threshold; /* factor for the contrast; the limit is the upper half of the product */
  HaarTwin weight;
  HaarTwin factor;               /* for HAAR_SUM_8 and HAAR_SUM_9 */
  guint8 shift;                  /* with HAAR_SUM_WIDE */
  guint first_corner, n_corners; /* sorted in each stage by stump */
} HaarFilterStump;

typedef struct {
  gint16 x, y;
  gint16 factor;
  gboolean tilted;
} HaarFilterCorner;

#define HAAR_FILTER_MAX_NODES 4
/* A child of a HaarFilterTree is a gint8. */
G_STATIC_ASSERT (HAAR_FILTER_MAX_NODES <= G_MAXINT8);

/* A tree of several nodes. Its stumps are its nodes, in the same order. Children are as in
 * HaarNode. */
typedef struct {
  guint first_stump, n_nodes;
  HaarSumKind kinds[HAAR_FILTER_MAX_NODES];
  gint8 left[HAAR_FILTER_MAX_NODES], right[HAAR_FILTER_MAX_NODES];
  HaarTwin leaves[HAAR_FILTER_MAX_NODES + 1]; /* the leaves, each minus the smallest one */
  HaarTwin depths[HAAR_FILTER_MAX_NODES + 1]; /* the largest leaf minus each leaf */
  HaarTwin span;                              /* the largest leaf minus the smallest one */
} HaarFilterTree;

typedef struct {
  gint16 possible, sure;
} HaarMargin;

typedef struct {
  guint first[HAAR_SUM_KINDS + 1]; /* the first stump of each kind */
  guint first_corner, n_corners;   /* the corners of all its stumps */
  guint first_tree, n_trees;       /* in place of stumps, if the cascade has trees */
  /* The value is less than the limit for certain if limit - value is above `sure`, and may be less
   * if it is above `possible`. `wide_margin` is for HAAR_SUM_WIDE. */
  HaarMargin margin, wide_margin;
  gint16 possible; /* the window may pass if the upper bound is above this */
  gint16 sure;     /* the window passes for certain if the lower bound is above this */
  /* The sum that a window needs to pass, and the factor with which the leaves, each minus the
   * tree's smallest one, became weights. */
  gdouble threshold, scale;
  gboolean complete; /* flag: the bounds include all stumps */
} HaarFilterStage;

typedef struct {
  HaarFilterStage *stages;
  HaarFilterStump *stumps;
  HaarFilterCorner *corners;
  HaarFilterTree *trees; /* the trees; NULL if all are stumps */
  HaarPatterns *sets; /* one set for each stump; NULL unless the stumps are local binary patterns */
  guint n_stages, n_stumps, n_corners;
  gfloat contrast_scale; /* factor with which a contrast takes 15 bits */
} HaarFilter;

/* Returns: (nullable): the filter; NULL if it can't cover this cascade. */
HaarFilter *haar_filter_new (const HaarCascade *cascade);
void haar_filter_free (HaarFilter *filter);

static inline HaarTwin
haar_twin (gint16 number)
{
  return (HaarTwin) ((guint32) (guint16) number * 0x10001u);
}

G_END_DECLS
