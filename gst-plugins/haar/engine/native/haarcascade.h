/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAAR_MAX_BLOCKS 3
/* Larger windows would overflow the 32-bit sum of squares of one window. */
#define HAAR_MAX_WINDOW 255
G_STATIC_ASSERT (G_GUINT64_CONSTANT (255) * 255 * HAAR_MAX_WINDOW * HAAR_MAX_WINDOW <= G_MAXUINT32);

/* The sum of a rectangle's pixels, upright or turned by 45 degrees, times a weight. */
typedef struct {
  gint x, y, width, height;
  gfloat weight;
} HaarBlock;

/* Of local binary patterns: the first block is that of the upper left one of 3x3 equal cells, without weight. */
typedef struct {
  HaarBlock blocks[HAAR_MAX_BLOCKS];
  guint n_blocks;
  gboolean tilted;
} HaarFeature;

/* One bit for each pattern. */
typedef struct {
  guint32 bits[8];
} HaarPatterns;

/* A child above 0 is a node of the same tree; at or below 0 it is minus the index of a leaf. */
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
  HaarPatterns *
      patterns; /* that lead to each node's left child, instead of its threshold; NULL: Haar features */
  gfloat *leaves;
  guint n_leaves;
  HaarFeature *features;
  guint n_features;
} HaarCascade;

/* Reads OpenCV's XML, the format of opencv_traincascade or the older one of opencv_haartraining.
 * Everything that the scan relies on is checked here. G_IO_ERROR_INVALID_DATA: it isn't a sound cascade;
 * G_IO_ERROR_NOT_SUPPORTED: one of another kind; G_IO_ERROR_NO_SPACE: there's no memory for it. */
HaarCascade *haar_cascade_parse (const gchar *xml, gsize length, GError **error);
void haar_cascade_free (HaarCascade *cascade);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HaarCascade, haar_cascade_free)

G_END_DECLS
