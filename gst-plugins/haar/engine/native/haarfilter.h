/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarintegral.h"

G_BEGIN_DECLS

/* A HaarFilter is a cascade in 16-bit integers. Each of its stages computes an upper and a lower
 * bound of the sum that OpenCV computes for a window. If the stage's threshold lies between the
 * bounds, the filter is in doubt, and OpenCV's own arithmetic has to decide (haarexact.h).
 *
 * A stump, that is, a tree with one node, compares its feature's value with a limit: its threshold
 * times the window's contrast. If the feature's value is less than the limit, the stump adds its
 * weight to the sum. If the right leaf of a stump is the larger one, feature and threshold are
 * negated, so that no weight is negative. */

/* The way in which a feature's value is computed from the integral image's values at the feature's
 * corners, a to i. */
typedef enum {
  HAAR_SUM_6,   /* a + b - c - d + 2 (e - f) */
  HAAR_SUM_8,   /* a + b - c - d + factor (e + f - g - h) */
  HAAR_SUM_9,   /* factor (a + b + c + d - 2 (e + f + g + h) + 4 i) */
  HAAR_SUM_ANY, /* the sum of all corners, each multiplied with its factor */
  /* the sum of all blocks, each shifted right and multiplied with its factor, for features whose
   * value doesn't fit into 16 bits */
  HAAR_SUM_WIDE,
  HAAR_SUM_KINDS,
  HAAR_SUM_UNKNOWN =
      /* a feature that the filter can't evaluate: both children of the node are possible */
  HAAR_SUM_KINDS
} HaarSumKind;

/* A local binary pattern is evaluated as a stump too, whose corners are those of the nine cells,
 * row by row. The stump's weight is added if the pattern is in a set. In the filter, patterns and
 * sets are complemented: a bit of a pattern means that the middle cell is brighter than an outer
 * cell. */
#define HAAR_PATTERN_CORNERS 16

/* A 16-bit number, stored in both halves of 32 bits, because one instruction copies these 32 bits
 * to all lanes of a vector. */
typedef gint32 HaarTwin;

typedef struct {
  /* factor for the contrast; the limit of the stump is the upper half of the product */
  HaarTwin threshold;
  HaarTwin weight;
  HaarTwin factor; /* for HAAR_SUM_8 and HAAR_SUM_9 */
  guint8 shift;    /* with HAAR_SUM_WIDE */
  /* the stump's corners; in each stage, corners have the order of the stumps */
  guint first_corner, n_corners;
} HaarFilterStump;

typedef struct {
  gint16 x, y;
  gint16 factor;
  gboolean tilted;
} HaarFilterCorner;

#define HAAR_FILTER_MAX_NODES 4
/* The index of a child in a HaarFilterTree must fit into a gint8. */
G_STATIC_ASSERT (HAAR_FILTER_MAX_NODES <= G_MAXINT8);

/* A tree of several nodes. Each node has a stump, in the same order; children are numbered as in
 * HaarNode. */
typedef struct {
  guint first_stump, n_nodes;
  HaarSumKind kinds[HAAR_FILTER_MAX_NODES];
  gint8 left[HAAR_FILTER_MAX_NODES], right[HAAR_FILTER_MAX_NODES];
  HaarTwin leaves[HAAR_FILTER_MAX_NODES + 1]; /* the tree's leaves, each minus its smallest leaf */
  HaarTwin depths[HAAR_FILTER_MAX_NODES + 1]; /* the tree's largest leaf minus each of its leaves */
  HaarTwin span;                              /* the tree's largest leaf minus its smallest leaf */
} HaarFilterTree;

typedef struct {
  gint16 possible, sure;
} HaarMargin;

typedef struct {
  guint first[HAAR_SUM_KINDS + 1]; /* index of the stage's first stump of each kind */
  guint first_corner, n_corners;   /* the corners of all stumps of the stage */
  /* the trees of the stage, used in place of `first` if the cascade has trees of several nodes */
  guint first_tree, n_trees;
  /* A feature's value is less than the limit for certain if limit - value is above `sure`, and may
   * be less if limit - value is above `possible`. `wide_margin` is for HAAR_SUM_WIDE. */
  HaarMargin margin, wide_margin;
  gint16 possible; /* a window may pass the stage if the upper bound is above this number */
  /* a window passes the stage for certain if the lower bound is above this number */
  gint16 sure;
  /* The sum of weights that a window needs to pass the stage, and the factor from leaves, each
   * minus its tree's smallest leaf, to weights. */
  gdouble threshold, scale;
  gboolean complete; /* TRUE if the filter can evaluate all stumps of the stage */
} HaarFilterStage;

typedef struct {
  HaarFilterStage *stages;
  HaarFilterStump *stumps;
  HaarFilterCorner *corners;
  HaarFilterTree *trees; /* the trees of several nodes; NULL if every tree is a stump */
  /* one set of patterns for each stump; NULL unless the stumps are local binary patterns */
  HaarPatterns *sets;
  guint n_stages, n_stumps, n_corners;
  gfloat contrast_scale; /* factor that makes contrasts fit into 15 bits */
} HaarFilter;

/* Returns: (nullable): the filter; NULL if a filter can't evaluate this cascade. */
HaarFilter *haar_filter_new (const HaarCascade *cascade);
void haar_filter_free (HaarFilter *filter);

static inline HaarTwin
haar_twin (gint16 number)
{
  return (HaarTwin) ((guint32) (guint16) number * 0x10001u);
}

G_END_DECLS
