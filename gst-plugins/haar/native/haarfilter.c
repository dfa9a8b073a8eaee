/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarfilter.h"

#include <math.h>
#include <stdlib.h>

#define MAX_PIXEL 255
/* The sum of a block of so many pixels takes 16 bits. */
#define MAX_BLOCK_AREA (G_MAXUINT16 / MAX_PIXEL)
#define MAX_SHIFT 6
#define MAX_FACTOR 64
/* Of all weights of a stage together. */
#define WEIGHT_RANGE 30000.
#define MAX_STUMPS 2000
#define MAX_CORNERS (4 * HAAR_MAX_BLOCKS)

typedef struct {
  const HaarCascade *cascade;
  GArray *stages, *stumps, *corners;
  GArray *kinds[HAAR_SUM_KINDS]; /* of HaarFilterStump: those of the current stage */
  gint16 margin, wide_margin;    /* of the current stage */
  gint contrast_bits;            /* that contrasts are shifted right by */
} Builder;

/* Corners of all blocks, those at the same place merged. */
typedef struct {
  HaarFilterCorner corners[MAX_CORNERS];
  guint n;
} CornerSet;

static void
add_corner (CornerSet *set, gint x, gint y, gint factor)
{
  guint i;

  for (i = 0; i < set->n; i++)
    if (set->corners[i].x == x && set->corners[i].y == y)
      break;
  if (i == set->n)
    set->corners[set->n++] = (HaarFilterCorner){(gint16) x, (gint16) y, 0};
  set->corners[i].factor += factor;
  if (set->corners[i].factor == 0)
    set->corners[i] = set->corners[--set->n];
}

static CornerSet
merge_corners (const HaarFeature *feature, gint sign)
{
  CornerSet set = {.n = 0};

  for (guint i = 0; i < feature->n_blocks; i++) {
    const HaarBlock *b = &feature->blocks[i];
    gint factor = sign * (gint) b->weight;

    add_corner (&set, b->x, b->y, factor);
    add_corner (&set, b->x + b->width, b->y, -factor);
    add_corner (&set, b->x, b->y + b->height, -factor);
    add_corner (&set, b->x + b->width, b->y + b->height, factor);
  }
  return set;
}

/* Corners in the order +1 +1 -1 -1 +factor... -factor..., with n / 2 - 2 of either of the last. */
static gboolean
order_corners (CornerSet *set, guint n, gint factor)
{
  const gint wanted[] = {1, -1, factor, -factor};
  const guint counts[] = {2, 2, n / 2 - 2, n / 2 - 2};
  CornerSet ordered = {.n = 0};

  if (set->n != n)
    return FALSE;
  for (guint k = 0; k < G_N_ELEMENTS (wanted); k++) {
    guint before = ordered.n;

    for (guint i = 0; i < n; i++)
      if (set->corners[i].factor == wanted[k])
        ordered.corners[ordered.n++] = set->corners[i];
    if (ordered.n - before != counts[k])
      return FALSE;
  }
  *set = ordered;
  return TRUE;
}

/* The largest factor of a corner. */
static gint
largest_factor (const CornerSet *set)
{
  gint largest = 0;

  for (guint i = 0; i < set->n; i++)
    largest = MAX (largest, set->corners[i].factor);
  return largest;
}

static HaarSumKind
classify (CornerSet *set, gint16 *factor)
{
  *factor = (gint16) largest_factor (set);
  if (*factor == 2 && order_corners (set, 6, 2))
    return HAAR_SUM_6;
  if (*factor > 1 && order_corners (set, 8, *factor))
    return HAAR_SUM_8;
  return HAAR_SUM_ANY;
}

/* The largest value that a feature can have, of either sign, over all pictures. */
static gint
feature_range (const HaarFeature *feature, gint width, gint height)
{
  gint positive = 0, negative = 0;

  for (gint y = 0; y < height; y++) {
    for (gint x = 0; x < width; x++) {
      gint weight = 0;

      for (guint i = 0; i < feature->n_blocks; i++) {
        const HaarBlock *b = &feature->blocks[i];

        if (x >= b->x && x < b->x + b->width && y >= b->y && y < b->y + b->height)
          weight += (gint) b->weight;
      }
      positive += MAX (weight, 0);
      negative += MAX (-weight, 0);
    }
  }
  return MAX_PIXEL * MAX (positive, negative);
}

static gboolean
is_covered (const HaarFeature *feature)
{
  if (feature->tilted)
    return FALSE;
  for (guint i = 0; i < feature->n_blocks; i++) {
    gfloat weight = feature->blocks[i].weight;

    if (weight != rintf (weight) || fabsf (weight) > MAX_FACTOR)
      return FALSE;
  }
  return TRUE;
}

/* The threshold to multiply contrasts with, for sums shifted right by `shift`, and by how much the stump may then
 * be off; FALSE if it takes more than 16 bits. */
static gboolean
set_threshold (const Builder *self, HaarFilterStump *stump, gdouble threshold, gint shift,
    gdouble error, gint16 *margin)
{
  gdouble scaled = ldexp (threshold, 16 + self->contrast_bits - shift);

  if (fabs (scaled) > G_MAXINT16)
    return FALSE;
  stump->threshold = haar_twin ((gint16) lrint (scaled));
  /* The contrast is cut off at a whole number, the threshold rounded, and so is their product cut off. */
  error += fabs (ldexp (threshold, self->contrast_bits - shift)) * 1.01 + 0.5 + 1;
  *margin = MAX (*margin, (gint16) ceil (error));
  return TRUE;
}

static void
append_block (
    Builder *self, HaarFilterStump *stump, gint x, gint y, gint width, gint height, gint factor)
{
  const HaarFilterCorner corners[] = {{(gint16) x, (gint16) y, (gint16) factor},
      {(gint16) (x + width), (gint16) y, 0}, {(gint16) x, (gint16) (y + height), 0},
      {(gint16) (x + width), (gint16) (y + height), 0}};

  g_array_append_vals (self->corners, corners, 4);
  stump->n_corners += 4;
}

/* In slices whose sums take 16 bits each. */
static void
append_slices (Builder *self, HaarFilterStump *stump, const HaarBlock *block, gint sign)
{
  gint rows = MAX (MAX_BLOCK_AREA / block->width, 1);

  for (gint y = 0; y < block->height; y += rows)
    append_block (self, stump, block->x, block->y + y, block->width, MIN (rows, block->height - y),
        sign * (gint) block->weight);
}

static gboolean
make_wide (
    Builder *self, const HaarFeature *feature, gint sign, gdouble threshold, HaarFilterStump *stump)
{
  gint range = feature_range (feature, self->cascade->width, self->cascade->height);
  gdouble error = 0;

  for (guint i = 0; i < feature->n_blocks; i++) {
    append_slices (self, stump, &feature->blocks[i], sign);
    error += fabsf (feature->blocks[i].weight) *
             ceil ((gdouble) feature->blocks[i].height /
                   MAX (MAX_BLOCK_AREA / feature->blocks[i].width, 1));
  }
  for (gint shift = 1; shift <= MAX_SHIFT; shift++) {
    if ((range >> shift) + error < G_MAXINT16 &&
        set_threshold (self, stump, threshold, shift, error, &self->wide_margin)) {
      stump->shift = (guint8) shift;
      return TRUE;
    }
  }
  g_array_set_size (self->corners, stump->first_corner);
  return FALSE;
}

/* FALSE: the stump has to stay unknown. */
static gboolean
add_stump (Builder *self, const HaarFeature *feature, gint sign, gdouble threshold, gint16 weight)
{
  HaarFilterStump stump = {.weight = haar_twin (weight), .first_corner = self->corners->len};
  HaarSumKind kind = HAAR_SUM_WIDE;
  gint16 factor;
  CornerSet set;

  if (!is_covered (feature))
    return FALSE;
  if (feature_range (feature, self->cascade->width, self->cascade->height) < G_MAXINT16 &&
      set_threshold (self, &stump, threshold, 0, 0, &self->margin)) {
    set = merge_corners (feature, sign);
    kind = classify (&set, &factor);
    stump.factor = haar_twin (factor);
    stump.n_corners = set.n;
    g_array_append_vals (self->corners, set.corners, set.n);
  } else if (!make_wide (self, feature, sign, threshold, &stump)) {
    return FALSE;
  }
  g_array_append_val (self->kinds[kind], stump);
  return TRUE;
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
  stage->margin = self->margin;
  stage->wide_margin = self->wide_margin;
  self->margin = self->wide_margin = 0;
  stage->possible = (gint16) CLAMP (ceil (possible) - 1, -1, G_MAXINT16);
  stage->sure = (gint16) CLAMP (ceil (sure) - 1, -1, G_MAXINT16);
  g_array_append_val (self->stages, *stage);
}

static gdouble
leaf_difference (const HaarCascade *cascade, guint tree, gdouble *smaller)
{
  const gfloat *leaves = &cascade->leaves[cascade->trees[tree].first_leaf];

  *smaller = MIN (leaves[0], leaves[1]);
  return (gdouble) leaves[0] - leaves[1];
}

static void
build_stage (Builder *self, const HaarStage *from)
{
  const HaarCascade *cascade = self->cascade;
  HaarFilterStage stage = {.first_corner = self->corners->len};
  gdouble least = 0, total = 0, smaller, scale, error = 0.01, unknown = 0, threshold;

  for (guint i = from->first_tree; i < from->first_tree + from->n_trees; i++) {
    total += fabs (leaf_difference (cascade, i, &smaller));
    least += smaller;
  }
  scale = total > 0 ? WEIGHT_RANGE / total : 1;
  for (guint i = from->first_tree; i < from->first_tree + from->n_trees; i++) {
    const HaarNode *node = &cascade->nodes[cascade->trees[i].first_node];
    gdouble difference = leaf_difference (cascade, i, &smaller) * scale;
    gint16 weight = (gint16) lrint (fabs (difference));
    gint sign = difference < 0 ? -1 : 1;

    if (add_stump (self, &cascade->features[node->feature], sign, sign * (gdouble) node->threshold,
            weight))
      error += fabs (fabs (difference) - weight);
    else
      unknown += fabs (difference);
  }
  threshold = (from->threshold - least) * scale;
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

static gboolean
is_suited (const HaarCascade *cascade)
{
  for (guint i = 0; i < cascade->n_stages; i++)
    if (cascade->stages[i].n_trees > MAX_STUMPS)
      return FALSE;
  /* The sum of squares is read as signed. */
  return cascade->stumps &&
         (gint64) cascade->width * cascade->height * MAX_PIXEL * MAX_PIXEL < G_MAXINT32;
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
  g_free (filter);
}
