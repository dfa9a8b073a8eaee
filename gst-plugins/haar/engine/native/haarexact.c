/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarexact.h"

#include <math.h>
#include <string.h>

/* The number of last stages of a cascade whose margins show how certainly a window contains a face,
 * because windows without a face hardly ever pass these stages. The margins of earlier stages
 * hardly show how certainly a window contains a face. */
#define TELLING_STAGES 5

gfloat
haar_exact_factor (gint64 variance)
{
  return (gfloat) (1. / sqrt ((gdouble) variance));
}

/* OpenCV skips a window if area * factor >= 0.1. haar_exact_factor() falls as the variance grows,
 * so a bisection finds the least variance of a window that isn't skipped. */
static gint64
find_least_variance (gdouble area)
{
  gint64 low = 0, high = G_GINT64_CONSTANT (1) << 52;

  while (high - low > 1) {
    gint64 middle = low + (high - low) / 2;

    if (area * haar_exact_factor (middle) < 1e-1)
      high = middle;
    else
      low = middle;
  }
  return high;
}

/* Returns the standard deviation that a stage's sum would have if each tree of the stage returned
 * its least or its greatest leaf at random. Margins that are divided by this standard deviation are
 * comparable between stages and cascades. */
static gdouble
find_spread (const HaarCascade *cascade, const HaarStage *stage)
{
  gdouble variance = 0;

  for (guint i = stage->first_tree; i < stage->first_tree + stage->n_trees; i++) {
    const HaarTree *tree = &cascade->trees[i];
    const gfloat *leaves = &cascade->leaves[tree->first_leaf];
    gfloat least = leaves[0], greatest = leaves[0];

    for (guint j = 1; j <= tree->n_nodes; j++) {
      least = MIN (least, leaves[j]);
      greatest = MAX (greatest, leaves[j]);
    }
    variance += pow ((greatest - least) / 2., 2);
  }
  return sqrt (variance);
}

void
haar_exact_init (HaarExact *self, const HaarCascade *cascade)
{
  self->cascade = cascade;
  self->layout = (HaarLayout){0, 0};
  self->features = g_new0 (HaarOffsets, cascade->n_features);
  self->spreads = g_new (gdouble, cascade->n_stages);
  for (guint i = 0; i < cascade->n_stages; i++)
    self->spreads[i] = find_spread (cascade, &cascade->stages[i]);
  self->ready = g_new0 (guint8, cascade->n_stages);
  self->area = (gdouble) (cascade->width - 2) * (cascade->height - 2);
  self->least_variance = find_least_variance (self->area);
}

void
haar_exact_clear (HaarExact *self)
{
  g_free (self->features);
  g_free (self->spreads);
  g_free (self->ready);
}

static void
upright_corners (const HaarLayout *layout, gint x, gint y, gint width, gint height, gint32 *corners)
{
  corners[0] = haar_layout_index (layout, x, y);
  corners[1] = haar_layout_index (layout, x + width, y);
  corners[2] = haar_layout_index (layout, x, y + height);
  corners[3] = haar_layout_index (layout, x + width, y + height);
}

static void
tilted_corners (const HaarLayout *layout, const HaarBlock *block, gint32 *corners)
{
  gint x = block->x, y = block->y, w = block->width, h = block->height;

  corners[0] = haar_layout_index (layout, x, y);
  corners[1] = haar_layout_index (layout, x - h, y + h);
  corners[2] = haar_layout_index (layout, x + w, y + w);
  corners[3] = haar_layout_index (layout, x + w - h, y + w + h);
}

void
haar_exact_set_layout (HaarExact *self, const HaarLayout *layout)
{
  const HaarCascade *cascade = self->cascade;

  if (layout->stride == self->layout.stride && layout->step == self->layout.step)
    return;
  self->layout = *layout;
  memset (self->ready, FALSE, cascade->n_stages);
  upright_corners (layout, 1, 1, cascade->width - 2, cascade->height - 2, self->contrast);
}

static void
grid_corners (const HaarLayout *layout, const HaarBlock *cell, gint32 grid[4][4])
{
  for (gint y = 0; y < 4; y++)
    for (gint x = 0; x < 4; x++)
      grid[y][x] =
          haar_layout_index (layout, cell->x + x * cell->width, cell->y + y * cell->height);
}

static void
set_feature_offsets (HaarExact *self, guint i)
{
  const HaarFeature *feature = &self->cascade->features[i];

  if (self->cascade->patterns) {
    grid_corners (&self->layout, &feature->blocks[0], self->features[i].grid);
    return;
  }
  for (guint j = 0; j < feature->n_blocks; j++) {
    const HaarBlock *block = &feature->blocks[j];
    gint32 *corners = self->features[i].corners[j];

    if (feature->tilted)
      tilted_corners (&self->layout, block, corners);
    else
      upright_corners (&self->layout, block->x, block->y, block->width, block->height, corners);
  }
}

/* Computes the offsets of a stage's features when the stage is used first, because most stages are
 * never used with most layouts. */
static void
prepare_stage (HaarExact *self, guint stage)
{
  const HaarStage *s = &self->cascade->stages[stage];

  for (guint i = s->first_tree; i < s->first_tree + s->n_trees; i++) {
    const HaarTree *tree = &self->cascade->trees[i];

    for (guint j = tree->first_node; j < tree->first_node + tree->n_nodes; j++)
      set_feature_offsets (self, self->cascade->nodes[j].feature);
  }
  self->ready[stage] = TRUE;
}

static inline guint32
block_sum (const guint32 *plane, const gint32 *corners)
{
  return plane[corners[0]] - plane[corners[1]] - plane[corners[2]] + plane[corners[3]];
}

gint64
haar_exact_variance (const HaarExact *self, const HaarIntegral *integral, gint at)
{
  gint64 sum = (gint32) block_sum (integral->sum + at, self->contrast);
  gint64 squares = block_sum (integral->squares + at, self->contrast);

  return (gint64) self->area * squares - sum * sum;
}

static inline gfloat
block_value (const guint32 *plane, const gint32 *corners, const HaarBlock *block)
{
  return block->weight * (gfloat) (gint32) block_sum (plane, corners);
}

static gfloat
feature_value (const HaarExact *self, const HaarIntegral *integral, gint at, guint i)
{
  const HaarFeature *feature = &self->cascade->features[i];
  const HaarOffsets *offsets = &self->features[i];
  const guint32 *plane = (feature->tilted ? integral->tilted : integral->sum) + at;
  gfloat value = block_value (plane, offsets->corners[0], &feature->blocks[0]);

  for (guint j = 1; j < feature->n_blocks; j++)
    value += block_value (plane, offsets->corners[j], &feature->blocks[j]);
  return value;
}

static gfloat
tree_value (const HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor,
    const HaarTree *tree)
{
  gint child = 0;

  do {
    const HaarNode *node = &self->cascade->nodes[tree->first_node + (guint) child];
    gfloat value = feature_value (self, integral, at, node->feature) * factor;

    child = value < node->threshold ? node->left : node->right;
  } while (child > 0);
  return self->cascade->leaves[tree->first_leaf + (guint) -child];
}

/* Returns the leaf of a stump. The result of the comparison with the threshold is the leaf's index,
 * because a branch would be mispredicted every other time. */
static inline gfloat
stump_value (const HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor,
    const HaarTree *tree)
{
  const HaarNode *node = &self->cascade->nodes[tree->first_node];
  gfloat value = feature_value (self, integral, at, node->feature) * factor;

  return self->cascade->leaves[tree->first_leaf + !(value < node->threshold)];
}

/* Returns the local binary pattern: a bit for each of the eight outer cells, clockwise from the
 * upper left cell, which is the highest bit. A bit is 1 if the cell is at least as bright as the
 * middle cell. */
static inline guint
pattern_at (const guint32 *plane, const gint32 grid[4][4])
{
  guint32 v[4][4];
  gint32 cells[3][3], middle;

  for (guint y = 0; y < 4; y++)
    for (guint x = 0; x < 4; x++)
      v[y][x] = plane[grid[y][x]];
  for (guint y = 0; y < 3; y++)
    for (guint x = 0; x < 3; x++)
      cells[y][x] = (gint32) (v[y][x] - v[y][x + 1] - v[y + 1][x] + v[y + 1][x + 1]);
  middle = cells[1][1];
  return (guint) (cells[0][0] >= middle) << 7 | (guint) (cells[0][1] >= middle) << 6 |
         (guint) (cells[0][2] >= middle) << 5 | (guint) (cells[1][2] >= middle) << 4 |
         (guint) (cells[2][2] >= middle) << 3 | (guint) (cells[2][1] >= middle) << 2 |
         (guint) (cells[2][0] >= middle) << 1 | (guint) (cells[1][0] >= middle);
}

/* Returns a stage's sum of leaves for local binary patterns, in single precision like OpenCV. */
static gfloat
patterns_sum (const HaarExact *self, const HaarIntegral *integral, gint at, const HaarStage *stage)
{
  const HaarCascade *cascade = self->cascade;
  gfloat sum = 0;

  for (guint i = stage->first_tree; i < stage->first_tree + stage->n_trees; i++) {
    const HaarTree *tree = &cascade->trees[i];
    guint feature = cascade->nodes[tree->first_node].feature;
    guint pattern = pattern_at (integral->sum + at, self->features[feature].grid);
    gboolean left = cascade->patterns[tree->first_node].bits[pattern / 32] >> pattern % 32 & 1;

    sum += cascade->leaves[tree->first_leaf + (left ? 0 : 1)];
  }
  return sum;
}

static gdouble
stage_sum (HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage)
{
  const HaarStage *s = &self->cascade->stages[stage];
  gdouble sum = 0;

  if (!self->ready[stage])
    prepare_stage (self, stage);
  if (self->cascade->patterns)
    return patterns_sum (self, integral, at, s);
  for (guint i = s->first_tree; i < s->first_tree + s->n_trees; i++) {
    const HaarTree *tree = &self->cascade->trees[i];

    sum += self->cascade->stumps ? stump_value (self, integral, at, factor, tree)
                                 : tree_value (self, integral, at, factor, tree);
  }
  return sum;
}

gboolean
haar_exact_stage (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage)
{
  return stage_sum (self, integral, at, factor, stage) >= self->cascade->stages[stage].threshold;
}

guint
haar_exact_first_telling (const HaarExact *self)
{
  return self->cascade->n_stages - MIN (self->cascade->n_stages, TELLING_STAGES);
}

gdouble
haar_exact_margin (
    HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor, guint stage)
{
  return stage_sum (self, integral, at, factor, stage) - self->cascade->stages[stage].threshold;
}

gdouble
haar_exact_margins (HaarExact *self, const HaarIntegral *integral, gint at, gfloat factor)
{
  gdouble margins = 0;

  for (guint i = haar_exact_first_telling (self); i < self->cascade->n_stages; i++)
    if (self->spreads[i] > 0)
      margins += haar_exact_margin (self, integral, at, factor, i) / self->spreads[i];
  return margins;
}

gdouble
haar_exact_strength (const HaarExact *self, gdouble margins)
{
  guint n = self->cascade->n_stages - haar_exact_first_telling (self);

  /* The sum of margins may be infinite, because a leaf may be as large as a float can be. */
  return isfinite (margins) ? pow (margins / n, 2) : 0;
}
