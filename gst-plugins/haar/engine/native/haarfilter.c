/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarfilter.h"

#include <math.h>
#include <stdlib.h>

#define MAX_PIXEL 255
/* The area (px) of the largest block whose sum of pixels fits into 16 bits. */
#define MAX_BLOCK_AREA (G_MAXUINT16 / MAX_PIXEL)
#define MAX_SHIFT 6
#define MAX_FACTOR 64
/* The weights of a stage are scaled so that their sum is this number. */
#define WEIGHT_RANGE 30000.
#define MAX_STUMPS 2000
#define MAX_CORNERS (4 * HAAR_MAX_BLOCKS)

typedef struct {
  const HaarCascade *cascade;
  GArray *stages, *stumps, *corners, *trees, *sets;
  /* for each kind, an array of HaarFilterStump: the stumps of this kind in the current stage */
  GArray *kinds[HAAR_SUM_KINDS];
  /* the largest error of the limit of a stump in the current stage */
  gdouble error, wide_error;
  /* number of bits by which contrasts are shifted right, so that they fit into 15 bits */
  gint contrast_bits;
} Builder;

/* The corners of all blocks of a feature, in which corners at the same position are merged into
 * one. */
typedef struct {
  HaarFilterCorner corners[MAX_CORNERS];
  guint n;
} CornerSet;

static void
add_corner (CornerSet *set, gint x, gint y, gint factor, gboolean tilted)
{
  guint i;

  for (i = 0; i < set->n; i++)
    if (set->corners[i].x == x && set->corners[i].y == y)
      break;
  if (i == set->n)
    set->corners[set->n++] = (HaarFilterCorner){(gint16) x, (gint16) y, 0, tilted};
  set->corners[i].factor += factor;
  if (set->corners[i].factor == 0)
    set->corners[i] = set->corners[--set->n];
}

/* Adds the four corners of a block to @set. A tilted block extends down and left by its height, and
 * down and right by its width. */
static void
add_block (CornerSet *set, const HaarBlock *b, gboolean tilted, gint factor)
{
  gint x = b->x, y = b->y, w = b->width, h = b->height;

  add_corner (set, x, y, factor, tilted);
  add_corner (set, x + w, tilted ? y + w : y, -factor, tilted);
  add_corner (set, tilted ? x - h : x, y + h, -factor, tilted);
  add_corner (set, tilted ? x + w - h : x + w, tilted ? y + w + h : y + h, factor, tilted);
}

static CornerSet
merge_corners (const HaarFeature *feature, gint sign)
{
  CornerSet set = {.n = 0};

  for (guint i = 0; i < feature->n_blocks; i++)
    add_block (&set, &feature->blocks[i], feature->tilted, sign * (gint) feature->blocks[i].weight);
  return set;
}

/* A factor, and the number of corners of a feature that must have it. */
typedef struct {
  gint factor;
  guint n;
} Share;

/* Sorts the corners by their factors, in the order of @shares. Returns FALSE if the corners don't
 * have the factors in @shares, in these numbers. */
static gboolean
order_corners (CornerSet *set, const Share *shares, guint n_shares)
{
  CornerSet ordered = {.n = 0};

  for (guint k = 0; k < n_shares; k++) {
    guint before = ordered.n;

    for (guint i = 0; i < set->n; i++)
      if (set->corners[i].factor == shares[k].factor)
        ordered.corners[ordered.n++] = set->corners[i];
    if (ordered.n - before != shares[k].n)
      return FALSE;
  }
  if (ordered.n != set->n)
    return FALSE;
  *set = ordered;
  return TRUE;
}

static gint
largest_factor (const CornerSet *set)
{
  gint largest = 0;

  for (guint i = 0; i < set->n; i++)
    largest = MAX (largest, set->corners[i].factor);
  return largest;
}

/* Returns the kind of sum that suits the corners of a feature, and sorts the corners as this kind
 * demands. @factor: (out): the factor of the kinds that have one */
static HaarSumKind
classify (CornerSet *set, gint16 *factor)
{
  gint largest = largest_factor (set), sign = set->n == 9 && largest == 2 ? -1 : 1;
  const Share two[] = {{1, 2}, {-1, 2}, {2, 1}, {-2, 1}};
  const Share three[] = {{1, 2}, {-1, 2}, {largest, 2}, {-largest, 2}};
  const Share chequers[] = {{sign, 4}, {-2 * sign, 4}, {4 * sign, 1}};

  *factor = (gint16) largest;
  if (order_corners (set, two, G_N_ELEMENTS (two)))
    return HAAR_SUM_6;
  if (largest > 1 && order_corners (set, three, G_N_ELEMENTS (three)))
    return HAAR_SUM_8;
  *factor = (gint16) sign;
  if (order_corners (set, chequers, G_N_ELEMENTS (chequers)))
    return HAAR_SUM_9;
  return HAAR_SUM_ANY;
}

/* Returns TRUE if the integral image's value at the corner includes the pixel at @x and @y. */
static gboolean
is_summed (const HaarFilterCorner *corner, gint x, gint y)
{
  if (corner->tilted)
    return ABS (x - corner->x + 1) <= corner->y - y - 1;
  return x < corner->x && y < corner->y;
}

/* Returns the largest absolute value that a feature can have in any picture. */
static gint
feature_range (const CornerSet *set, gint width, gint height)
{
  gint positive = 0, negative = 0;

  for (gint y = 0; y < height; y++) {
    for (gint x = 0; x < width; x++) {
      gint weight = 0;

      for (guint i = 0; i < set->n; i++)
        if (is_summed (&set->corners[i], x, y))
          weight += set->corners[i].factor;
      positive += MAX (weight, 0);
      negative += MAX (-weight, 0);
    }
  }
  return MAX_PIXEL * MAX (positive, negative);
}

/* Returns the number of a block's rows whose sum of pixels fits into 16 bits; 0 if not even the sum
 * of one row does. A row of a tilted block has two pixels in each column. */
static gint
slice_rows (const HaarBlock *block, gboolean tilted)
{
  return MAX_BLOCK_AREA / (tilted ? 2 * block->width : block->width);
}

static gboolean
is_covered (const HaarFeature *feature)
{
  for (guint i = 0; i < feature->n_blocks; i++) {
    gfloat weight = feature->blocks[i].weight;

    if (weight != rintf (weight) || fabsf (weight) > MAX_FACTOR ||
        slice_rows (&feature->blocks[i], feature->tilted) == 0)
      return FALSE;
  }
  return TRUE;
}

/* Sets the stump's threshold, with which contrasts are multiplied, for sums shifted right by
 * @shift. @error: the error of the feature's sum; @largest: (inout): the largest error of a limit
 * so far. Returns FALSE if the threshold doesn't fit into 16 bits. */
static gboolean
set_threshold (const Builder *self, HaarFilterStump *stump, gdouble threshold, gint shift,
    gdouble error, gdouble *largest)
{
  gdouble scaled = ldexp (threshold, 16 + self->contrast_bits - shift);

  if (fabs (scaled) > G_MAXINT16)
    return FALSE;
  stump->threshold = haar_twin ((gint16) lrint (scaled));
  /* The limit has an error because both the contrast and the threshold are rounded. */
  error += fabs (ldexp (threshold, self->contrast_bits - shift)) * 0.51 + 0.26;
  *largest = MAX (*largest, error);
  return TRUE;
}

/* Cuts the block into slices whose sums of pixels fit into 16 bits, and appends the corners of
 * these slices. Returns: the number of slices */
static gint
append_slices (
    Builder *self, HaarFilterStump *stump, const HaarBlock *block, gboolean tilted, gint factor)
{
  gint rows = slice_rows (block, tilted), n = 0;

  for (gint y = 0; y < block->height; y += rows, n++) {
    HaarBlock slice = {tilted ? block->x - y : block->x, block->y + y, block->width,
        MIN (rows, block->height - y)};
    CornerSet set = {.n = 0};

    add_block (&set, &slice, tilted, factor);
    g_array_append_vals (self->corners, set.corners, 4);
    stump->n_corners += 4;
  }
  return n;
}

static gboolean
make_wide (Builder *self, const HaarFeature *feature, gint range, gint sign, gdouble threshold,
    HaarFilterStump *stump)
{
  gdouble error = 0;

  for (guint i = 0; i < feature->n_blocks; i++) {
    const HaarBlock *block = &feature->blocks[i];

    error += fabsf (block->weight) *
             append_slices (self, stump, block, feature->tilted, sign * (gint) block->weight);
  }
  for (gint shift = 1; shift <= MAX_SHIFT; shift++) {
    if ((range >> shift) + error < G_MAXINT16 &&
        set_threshold (self, stump, threshold, shift, error, &self->wide_error)) {
      stump->shift = (guint8) shift;
      return TRUE;
    }
  }
  g_array_set_size (self->corners, stump->first_corner);
  return FALSE;
}

static HaarSumKind
make_stump (
    Builder *self, const HaarFeature *feature, gint sign, gdouble threshold, HaarFilterStump *stump)
{
  HaarSumKind kind;
  gint16 factor;
  CornerSet set;
  gint range;

  *stump = (HaarFilterStump){.first_corner = self->corners->len};
  if (!is_covered (feature))
    return HAAR_SUM_UNKNOWN;
  set = merge_corners (feature, sign);
  range = feature_range (&set, self->cascade->width, self->cascade->height);
  if (range >= G_MAXINT16 || !set_threshold (self, stump, threshold, 0, 0, &self->error))
    return make_wide (self, feature, range, sign, threshold, stump) ? HAAR_SUM_WIDE
                                                                    : HAAR_SUM_UNKNOWN;
  kind = classify (&set, &factor);
  stump->factor = haar_twin (factor);
  stump->n_corners = set.n;
  g_array_append_vals (self->corners, set.corners, set.n);
  return kind;
}

/* Returns the margin between a feature's value and a limit of a stump that has the error @error,
 * and is rounded down to a whole number. */
static HaarMargin
make_margin (gdouble error)
{
  return (HaarMargin){(gint16) -floor (error + 2), (gint16) (ceil (error) - 1)};
}

/* Sorts the corners of a stage in the order of its stumps, so that the kernel reads the corners
 * sequentially. */
static void
sort_corners (Builder *self, const HaarFilterStage *stage)
{
  const HaarFilterCorner *all = &g_array_index (self->corners, HaarFilterCorner, 0);
  gsize size = stage->n_corners * sizeof (HaarFilterCorner);
  g_autofree HaarFilterCorner *unsorted = g_memdup2 (all + stage->first_corner, size);

  g_array_set_size (self->corners, stage->first_corner);
  for (guint i = stage->first[0]; i < stage->first[HAAR_SUM_KINDS]; i++) {
    HaarFilterStump *stump = &g_array_index (self->stumps, HaarFilterStump, i);
    guint from = stump->first_corner - stage->first_corner;

    stump->first_corner = self->corners->len;
    g_array_append_vals (self->corners, unsorted + from, stump->n_corners);
  }
}

static void
close_stage (Builder *self, HaarFilterStage *stage, gdouble possible, gdouble sure)
{
  for (guint kind = 0; kind < HAAR_SUM_KINDS; kind++) {
    GArray *stumps = self->kinds[kind];

    stage->first[kind] = self->stumps->len;
    g_array_append_vals (self->stumps, stumps->data, stumps->len);
    g_array_set_size (stumps, 0);
  }
  stage->first[HAAR_SUM_KINDS] = self->stumps->len;
  stage->n_corners = self->corners->len - stage->first_corner;
  if (self->cascade->stumps && stage->n_corners > 0)
    sort_corners (self, stage);
  stage->margin = make_margin (self->error);
  stage->wide_margin = make_margin (self->wide_error);
  self->error = self->wide_error = 0;
  stage->possible = (gint16) CLAMP (ceil (possible) - 1, -1, G_MAXINT16);
  stage->sure = (gint16) CLAMP (ceil (sure) - 1, -1, G_MAXINT16);
  g_array_append_val (self->stages, *stage);
}

static void
leaf_range (const HaarCascade *cascade, const HaarTree *tree, gdouble *least, gdouble *most)
{
  *least = *most = cascade->leaves[tree->first_leaf];
  for (guint i = 1; i <= tree->n_nodes; i++) {
    *least = MIN (*least, cascade->leaves[tree->first_leaf + i]);
    *most = MAX (*most, cascade->leaves[tree->first_leaf + i]);
  }
}

/* Adds the stump of a tree with one node. Returns: the error of the stump's rounded weight.
 * @unknown: (inout): grows by the weight of the stump if the filter can't evaluate it */
static gdouble
add_stump (Builder *self, const HaarTree *tree, gdouble scale, gdouble *unknown)
{
  const HaarCascade *cascade = self->cascade;
  const HaarNode *node = &cascade->nodes[tree->first_node];
  const gfloat *leaves = &cascade->leaves[tree->first_leaf];
  gdouble difference = ((gdouble) leaves[0] - leaves[1]) * scale;
  gint16 weight = (gint16) lrint (fabs (difference));
  gint sign = difference < 0 ? -1 : 1;
  HaarFilterStump stump;
  HaarSumKind kind = make_stump (
      self, &cascade->features[node->feature], sign, sign * (gdouble) node->threshold, &stump);

  if (kind == HAAR_SUM_UNKNOWN) {
    *unknown += fabs (difference);
    return 0;
  }
  stump.weight = haar_twin (weight);
  g_array_append_val (self->kinds[kind], stump);
  return fabs (fabs (difference) - weight);
}

/* Adds a tree with several nodes. Returns: the largest error of the tree's rounded leaves */
static gdouble
add_tree (Builder *self, const HaarTree *tree, gdouble scale)
{
  const HaarCascade *cascade = self->cascade;
  HaarFilterTree to = {.first_stump = self->stumps->len, .n_nodes = tree->n_nodes};
  gdouble least, most, error = 0;
  gint16 span;

  leaf_range (cascade, tree, &least, &most);
  span = (gint16) lrint ((most - least) * scale);
  to.span = haar_twin (span);
  for (guint i = 0; i <= tree->n_nodes; i++) {
    gdouble leaf = (cascade->leaves[tree->first_leaf + i] - least) * scale;

    to.leaves[i] = haar_twin ((gint16) lrint (leaf));
    to.depths[i] = haar_twin ((gint16) (span - lrint (leaf)));
    error = MAX (error, fabs (leaf - lrint (leaf)));
  }
  for (guint i = 0; i < tree->n_nodes; i++) {
    const HaarNode *node = &cascade->nodes[tree->first_node + i];
    HaarFilterStump stump;

    to.kinds[i] = make_stump (self, &cascade->features[node->feature], 1, node->threshold, &stump);
    to.left[i] = (gint8) node->left;
    to.right[i] = (gint8) node->right;
    g_array_append_val (self->stumps, stump);
  }
  g_array_append_val (self->trees, to);
  return error;
}

static void
append_grid (Builder *self, const HaarBlock *cell)
{
  for (gint y = 0; y < 4; y++)
    for (gint x = 0; x < 4; x++) {
      HaarFilterCorner corner = {
          .x = (gint16) (cell->x + x * cell->width), .y = (gint16) (cell->y + y * cell->height)};

      g_array_append_val (self->corners, corner);
    }
}

/* Returns the set of patterns that lead to the larger leaf. The set holds the complements of the
 * patterns, because the filter computes these complements. */
static HaarPatterns
choose_set (const HaarPatterns *to_left, gboolean left_is_larger)
{
  HaarPatterns set = {{0}};

  for (guint i = 0; i < 256; i++) {
    gboolean left = to_left->bits[i / 32] >> i % 32 & 1;
    guint complement = 255 - i;

    if (left == left_is_larger)
      set.bits[complement / 32] |= 1u << complement % 32;
  }
  return set;
}

/* Adds the stump of a local binary pattern. Returns: the error of the stump's rounded weight, plus
 * the error that OpenCV's sum in single precision may have */
static gdouble
add_pattern (Builder *self, const HaarTree *tree, gdouble scale, gdouble largest_sum)
{
  const HaarCascade *cascade = self->cascade;
  const gfloat *leaves = &cascade->leaves[tree->first_leaf];
  gdouble difference = fabs ((gdouble) leaves[0] - leaves[1]) * scale;
  HaarFilterStump stump = {.first_corner = self->corners->len, .n_corners = HAAR_PATTERN_CORNERS};
  HaarPatterns set = choose_set (&cascade->patterns[tree->first_node], leaves[0] > leaves[1]);
  guint feature = cascade->nodes[tree->first_node].feature;

  stump.weight = haar_twin ((gint16) lrint (difference));
  append_grid (self, &cascade->features[feature].blocks[0]);
  g_array_append_val (self->kinds[0], stump);
  g_array_append_val (self->sets, set);
  return fabs (difference - lrint (difference)) + ldexp (largest_sum * scale, -23);
}

static void
build_stage (Builder *self, const HaarStage *from)
{
  const HaarCascade *cascade = self->cascade;
  HaarFilterStage stage = {
      .first_corner = self->corners->len, .first_tree = self->trees->len, .n_trees = from->n_trees};
  gdouble base = 0, total = 0, least, most, scale, error = 0.01, unknown = 0, threshold;
  gdouble largest_sum = 0;

  for (guint i = from->first_tree; i < from->first_tree + from->n_trees; i++) {
    leaf_range (cascade, &cascade->trees[i], &least, &most);
    total += most - least;
    base += least;
    largest_sum += MAX (fabs (least), fabs (most));
  }
  scale = total > 0 ? WEIGHT_RANGE / total : 1;
  for (guint i = from->first_tree; i < from->first_tree + from->n_trees; i++) {
    if (cascade->patterns)
      error += add_pattern (self, &cascade->trees[i], scale, largest_sum);
    else if (cascade->stumps)
      error += add_stump (self, &cascade->trees[i], scale, &unknown);
    else
      error += add_tree (self, &cascade->trees[i], scale);
  }
  threshold = (from->threshold - base) * scale;
  stage.threshold = threshold;
  stage.scale = scale;
  stage.complete = unknown == 0;
  close_stage (self, &stage, threshold - error - unknown, threshold + error);
}

static gint
find_contrast_bits (const HaarCascade *cascade)
{
  gdouble most = (cascade->width - 2.) * (cascade->height - 2.) * MAX_PIXEL / 2;
  gint bits = 0;

  while (ldexp (most, -bits) >= G_MAXINT16 - 1)
    bits++;
  return bits;
}

/* Returns TRUE if the sum of pixels of a cell fits into 16 bits, for all local binary patterns of
 * the cascade. */
static gboolean
has_small_cells (const HaarCascade *cascade)
{
  for (guint i = 0; i < cascade->n_features; i++) {
    const HaarBlock *cell = &cascade->features[i].blocks[0];

    if (cell->width * cell->height > MAX_BLOCK_AREA)
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_suited (const HaarCascade *cascade)
{
  if (cascade->patterns && !has_small_cells (cascade))
    return FALSE;
  for (guint i = 0; i < cascade->n_stages; i++)
    if (cascade->stages[i].n_trees > MAX_STUMPS)
      return FALSE;
  for (guint i = 0; i < cascade->n_trees; i++)
    if (cascade->trees[i].n_nodes > HAAR_FILTER_MAX_NODES)
      return FALSE;
  /* The sum of a window's squared pixels must fit into 31 bits, because the kernel reads it as a
   * signed number. */
  return (gint64) cascade->width * cascade->height * MAX_PIXEL * MAX_PIXEL < G_MAXINT32;
}

HaarFilter *
haar_filter_new (const HaarCascade *cascade)
{
  Builder builder = {.cascade = cascade};
  HaarFilter *filter;

  if (!is_suited (cascade))
    return NULL;
  builder.contrast_bits = find_contrast_bits (cascade);
  builder.stages = g_array_new (FALSE, FALSE, sizeof (HaarFilterStage));
  builder.stumps = g_array_new (FALSE, FALSE, sizeof (HaarFilterStump));
  builder.corners = g_array_new (FALSE, FALSE, sizeof (HaarFilterCorner));
  builder.trees = g_array_new (FALSE, FALSE, sizeof (HaarFilterTree));
  builder.sets = g_array_new (FALSE, FALSE, sizeof (HaarPatterns));
  for (guint i = 0; i < HAAR_SUM_KINDS; i++)
    builder.kinds[i] = g_array_new (FALSE, FALSE, sizeof (HaarFilterStump));
  for (guint i = 0; i < cascade->n_stages; i++)
    build_stage (&builder, &cascade->stages[i]);
  for (guint i = 0; i < HAAR_SUM_KINDS; i++)
    g_array_unref (builder.kinds[i]);
  filter = g_new0 (HaarFilter, 1);
  filter->contrast_scale = ldexpf (1, -builder.contrast_bits);
  filter->n_stages = builder.stages->len;
  filter->n_stumps = builder.stumps->len;
  filter->n_corners = builder.corners->len;
  filter->stages = (HaarFilterStage *) g_array_free (builder.stages, FALSE);
  filter->stumps = (HaarFilterStump *) g_array_free (builder.stumps, FALSE);
  filter->corners = (HaarFilterCorner *) g_array_free (builder.corners, FALSE);
  filter->trees = (HaarFilterTree *) g_array_free (builder.trees, cascade->stumps);
  filter->sets = (HaarPatterns *) g_array_free (builder.sets, cascade->patterns == NULL);
  return filter;
}

void
haar_filter_free (HaarFilter *filter)
{
  if (!filter)
    return;
  g_free (filter->stages);
  g_free (filter->stumps);
  g_free (filter->corners);
  g_free (filter->trees);
  g_free (filter->sets);
  g_free (filter);
}
