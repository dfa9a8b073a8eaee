/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HAAR_MAX_BLOCKS 3
/* The largest side (px) of a window, because a larger window's sum of squared pixels would take
 * more than 32 bits. */
#define HAAR_MAX_WINDOW 255
G_STATIC_ASSERT (G_GUINT64_CONSTANT (255) * 255 * HAAR_MAX_WINDOW * HAAR_MAX_WINDOW <= G_MAXUINT32);

/* A part of a Haar feature: a rectangle, upright or turned by 45 degrees, whose sum of pixels is
 * multiplied with the weight. */
typedef struct {
  gint x, y, width, height;
  gfloat weight;
} HaarBlock;

/* A Haar feature, whose value is the sum of its blocks; or a local binary pattern of 3x3 equal
 * cells, whose only block is the upper left cell, which has no weight. */
typedef struct {
  HaarBlock blocks[HAAR_MAX_BLOCKS];
  guint n_blocks;
  gboolean tilted;
} HaarFeature;

/* A set of local binary patterns, with one bit for each of the 256 patterns. */
typedef struct {
  guint32 bits[8];
} HaarPatterns;

/* A node of a tree. If `left` or `right` is above 0, that child is the node of the same tree with
 * this index; otherwise the child is the leaf whose index is minus this number. If the feature's
 * value is below the threshold, the left child is evaluated next, otherwise the right one. */
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
  gboolean stumps; /* every tree consists of one node */
  HaarStage *stages;
  guint n_stages;
  HaarTree *trees;
  guint n_trees;
  HaarNode *nodes;
  guint n_nodes;
  /* For each node, the set of local binary patterns that lead to its left child, in place of a
   * threshold; NULL if the features are Haar features. */
  HaarPatterns *patterns;
  gfloat *leaves;
  guint n_leaves;
  HaarFeature *features;
  guint n_features;
} HaarCascade;

/* Reads a cascade from OpenCV's XML, in the format of opencv_traincascade, or in the older one of
 * opencv_haartraining. The reader checks all properties that the scan relies on. Its errors are
 * G_IO_ERROR_INVALID_DATA: the XML isn't a correct cascade; G_IO_ERROR_NOT_SUPPORTED: it is a
 * cascade that this engine can't evaluate; G_IO_ERROR_NO_SPACE: there is no memory for the
 * cascade. */
HaarCascade *haar_cascade_parse (const gchar *xml, gsize length, GError **error);
void haar_cascade_free (HaarCascade *cascade);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HaarCascade, haar_cascade_free)

G_END_DECLS
