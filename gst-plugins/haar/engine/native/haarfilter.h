/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "haarcascade.h"
#include "haarintegral.h"

G_BEGIN_DECLS

/* A cascade in 16-bit integers. Each stage gives a bound of the window's score from above and one from below;
 * a window between them needs OpenCV's own arithmetic, see haarexact.h.
 *
 * A stump asks whether its feature's value is less than its threshold times the window's contrast, and adds
 * its weight if so; a stump whose right leaf is the larger one has been negated, so that no weight is. */

/* How a stump's feature is summed up. */
typedef enum {
  HAAR_SUM_6,   /* a + b - c - d + 2 (e - f) */
  HAAR_SUM_8,   /* a + b - c - d + factor (e + f - g - h) */
  HAAR_SUM_ANY, /* corners each with a factor */
  HAAR_SUM_WIDE, /* blocks' sums, each shifted right and with a factor: the total would take more than 16 bits */
  HAAR_SUM_KINDS,
  HAAR_SUM_UNKNOWN = HAAR_SUM_KINDS /* in trees only: not covered */
} HaarSumKind;

/* The same 16-bit number twice: that is broadcast to a vector without another instruction. */
typedef gint32 HaarTwin;

typedef struct {
  HaarTwin threshold; /* for the upper half of its product with the contrast */
  HaarTwin weight;
  HaarTwin factor; /* of HAAR_SUM_8 */
  guint8 shift;    /* of HAAR_SUM_WIDE */
  guint first_corner, n_corners;
} HaarFilterStump;

typedef struct {
  gint16 x, y;
  gint16 factor;
  gboolean tilted;
} HaarFilterCorner;

#define HAAR_FILTER_MAX_NODES 4
/* A child of a HaarFilterTree is a gint8. */
G_STATIC_ASSERT (HAAR_FILTER_MAX_NODES <= G_MAXINT8);

/* A tree of more than one node: its stumps are its nodes, in their order. A child is as in HaarNode. */
typedef struct {
  guint first_stump, n_nodes;
  HaarSumKind kinds[HAAR_FILTER_MAX_NODES];
  gint8 left[HAAR_FILTER_MAX_NODES], right[HAAR_FILTER_MAX_NODES];
  HaarTwin leaves[HAAR_FILTER_MAX_NODES + 1]; /* above the smallest */
  HaarTwin depths[HAAR_FILTER_MAX_NODES + 1]; /* below the largest */
  HaarTwin span;
} HaarFilterTree;

typedef struct {
  gint16 possible, sure;
} HaarMargin;

typedef struct {
  guint first[HAAR_SUM_KINDS + 1]; /* the stage's stumps by kind */
  guint first_corner, n_corners;   /* of all of them */
  guint first_tree, n_trees;       /* instead of `first`, if the cascade has trees */
  /* How far a limit less a sum may be off, for HAAR_SUM_WIDE and for the others: the one is less than the other
   * for certain if the difference is above `sure`, and may be if it's above `possible`. */
  HaarMargin margin, wide_margin;
  gint16 possible; /* the window may pass if the upper bound is above this */
  gint16 sure;     /* it does if the lower bound is above this */
} HaarFilterStage;

typedef struct {
  HaarFilterStage *stages;
  HaarFilterStump *stumps;
  HaarFilterCorner *corners;
  HaarFilterTree *trees; /* NULL if all are stumps */
  guint n_stages, n_stumps, n_corners;
  gfloat contrast_scale; /* contrasts times this take 15 bits */
} HaarFilter;

/* NULL if the cascade's kind isn't covered. */
HaarFilter *haar_filter_new (const HaarCascade *cascade);
void haar_filter_free (HaarFilter *filter);

static inline HaarTwin
haar_twin (gint16 number)
{
  return (HaarTwin) ((guint32) (guint16) number * 0x10001u);
}

G_END_DECLS
