/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAAR_MAX_BLOCKS 3
/* px: the largest side of a window. A larger window's sum of squares would take more than 32
 * bits. */
#define HAAR_MAX_WINDOW 255
G_STATIC_ASSERT (G_GUINT64_CONSTANT (255) * 255 * HAAR_MAX_WINDOW * HAAR_MAX_WINDOW <= G_MAXUINT32);

/* A rectangle, upright or turned by 45 degrees, whose sum of pixels is multiplied with the
 * weight. */
typedef struct {
  gint x, y, width, height;
  gfloat weight;
} HaarBlock;

/* A Haar feature: the sum of its blocks. Or a local binary pattern of 3x3 equal cells: then its
 * only block is the upper left cell, and has no weight. */
typedef struct {
  HaarBlock blocks[HAAR_MAX_BLOCKS];
  guint n_blocks;
  gboolean tilted;
} HaarFeature;

/* A set of local binary patterns, with one bit for each of the 256. */
typedef struct {
  guint32 bits[8];
} HaarPatterns;

/* A child above 0 is the index of a node of the same tree. At or below 0 it is minus the index of a
 * leaf. The left child comes next if the feature's value is below the threshold. */
typedef struct {
  guint feature;
  gfloat threshold;
  gint left, right;
} HaarNode;

typedef struct {
  guint first_node, n_nodes;
  guint first_leaf;
} HaarTree;

typedef struct {
  guint first_tree, n_trees;
  gfloat threshold;
} HaarStage;

typedef struct {
  gint width, height;
  gboolean has_tilted;
  gboolean stumps; /* every tree has one node */
  HaarStage *stages;
  guint n_stages;
  HaarTree *trees;
  guint n_trees;
  HaarNode *nodes;
  guint n_nodes;
  /* For each node: the patterns that lead to its left child, in place of a threshold. NULL: Haar
   * features. */
  HaarPatterns *patterns;
  gfloat *leaves;
  guint n_leaves;
  HaarFeature *features;
  guint n_features;
} HaarCascade;

/* Reads OpenCV's XML: the format of opencv_traincascade, or the older one of opencv_haartraining.
 * The reader checks all properties that the scan relies on. G_IO_ERROR_INVALID_DATA: it isn't a
 * correct cascade; G_IO_ERROR_NOT_SUPPORTED: it is one of another kind; G_IO_ERROR_NO_SPACE: there
 * is no memory for it. */
HaarCascade *haar_cascade_parse (const gchar *xml, gsize length, GError **error);
void haar_cascade_free (HaarCascade *cascade);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HaarCascade, haar_cascade_free)

G_END_DECLS
