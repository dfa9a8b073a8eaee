/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file haarkernel.c is compiled once for each instruction set. The macro HAAR_KERNEL is the
 * name of the HaarKernel that this file defines. */
#include "haarkernel.h"

#include <math.h>

#include "haarsimd.h"

G_STATIC_ASSERT (HAAR_LANES <= HAAR_MAX_LANES);

#define INLINE static inline __attribute__ ((always_inline))
#ifdef __clang__
#define UNROLL _Pragma ("unroll")
#else
#define UNROLL _Pragma ("GCC unroll 8")
#endif
/* A loop over the vectors of a group, or over the cells of a pattern, which is unrolled so that all
 * values stay in registers. */
#define FOR_EACH(i, n) UNROLL for (guint i = 0; i < (n); i++)

/* The contrasts of a vector's windows, and the upper and lower bounds of their sums in a stage. */
typedef struct {
  HaarVector contrasts, upper, lower;
} Sums;

/* A group of vectors of windows that are evaluated together, so that the offset of a corner is read
 * only once for all of them, and the processor computes one vector while another waits for memory.
 * `n` is a constant wherever the functions below are inlined. */
typedef struct {
  const guint16 *const *bases;
  Sums *sums;
  guint n;
  gboolean with_sure;
} Group;

typedef struct {
  HaarVector possible, sure;
} Limits;

INLINE Limits
limits_of (HaarMargin margin)
{
  return (Limits){haar_set (margin.possible), haar_set (margin.sure)};
}

INLINE void
judge (const Group *group, const HaarFilterStump *stump, const HaarVector *values, Limits limits)
{
  const HaarVector threshold = haar_broadcast (stump->threshold);
  const HaarVector weight = haar_broadcast (stump->weight);

  FOR_EACH (i, group->n)
  {
    Sums *sums = &group->sums[i];
    HaarVector room =
        haar_sub_saturated (haar_multiply_high (sums->contrasts, threshold), values[i]);

    sums->upper = haar_add_if (haar_greater (room, limits.possible), sums->upper, weight);
    if (group->with_sure)
      sums->lower = haar_add_if (haar_greater (room, limits.sure), sums->lower, weight);
  }
}

#define AT(corner) haar_load (group->bases[i] + offsets[corner])

/* Computes a + b - c - d. */
INLINE void
sum_4 (const Group *group, const gint32 *offsets, HaarVector *values)
{
  FOR_EACH (i, group->n) values[i] = AT (0);
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (1));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (2));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (3));
}

INLINE void
sum_6 (const Group *group, const gint32 *offsets, HaarVector *values)
{
  FOR_EACH (i, group->n) values[i] = AT (4);
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (5));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], values[i]);
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (0));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (1));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (2));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (3));
}

INLINE void
sum_8 (const Group *group, const gint32 *offsets, HaarTwin factor, HaarVector *values)
{
  const HaarVector times = haar_broadcast (factor);

  sum_4 (group, offsets + 4, values);
  FOR_EACH (i, group->n) values[i] = haar_multiply (values[i], times);
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (0));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (1));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (2));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (3));
}

INLINE void
sum_9 (const Group *group, const gint32 *offsets, HaarTwin factor, HaarVector *values)
{
  const HaarVector sign = haar_broadcast (factor);

  FOR_EACH (i, group->n) values[i] = AT (8);
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], values[i]);
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (4));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (5));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (6));
  FOR_EACH (i, group->n) values[i] = haar_sub (values[i], AT (7));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], values[i]);
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (0));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (1));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (2));
  FOR_EACH (i, group->n) values[i] = haar_add (values[i], AT (3));
  FOR_EACH (i, group->n) values[i] = haar_multiply (values[i], sign);
}

INLINE void
sum_any (const Group *group, const gint32 *offsets, const HaarFilterCorner *corners, guint n,
    HaarVector *values)
{
  FOR_EACH (i, group->n) values[i] = haar_set (0);
  for (guint k = 0; k < n; k++) {
    const HaarVector factor = haar_set (corners[k].factor);

    FOR_EACH (i, group->n) values[i] = haar_add (values[i], haar_multiply (AT (k), factor));
  }
}

INLINE void
sum_wide (const Group *group, const gint32 *offsets, const HaarFilterCorner *corners,
    const HaarFilterStump *stump, HaarVector *values)
{
  FOR_EACH (i, group->n) values[i] = haar_set (0);
  for (guint k = 0; k < stump->n_corners; k += 4, offsets += 4) {
    const HaarVector factor = haar_set (corners[k].factor);

    FOR_EACH (i, group->n)
    {
      HaarVector block = haar_add (haar_sub (AT (0), AT (1)), haar_sub (AT (3), AT (2)));

      block = haar_shift_right (block, stump->shift);
      values[i] = haar_add (values[i], haar_multiply (block, factor));
    }
  }
}

INLINE void
sum_of_kind (const Group *group, HaarSumKind kind, const gint32 *offsets,
    const HaarFilterCorner *corners, const HaarFilterStump *stump, HaarVector *values)
{
  if (kind == HAAR_SUM_6)
    sum_6 (group, offsets, values);
  else if (kind == HAAR_SUM_8)
    sum_8 (group, offsets, stump->factor, values);
  else if (kind == HAAR_SUM_9)
    sum_9 (group, offsets, stump->factor, values);
  else if (kind == HAAR_SUM_ANY)
    sum_any (group, offsets, corners, stump->n_corners, values);
  else
    sum_wide (group, offsets, corners, stump, values);
}

/* Evaluates the stumps of one kind in a stage. These stumps lie one behind the other in memory, and
 * so do their corners. */
INLINE void
sum_stumps (
    const Group *group, const HaarProgram *program, const HaarFilterStage *stage, HaarSumKind kind)
{
  const HaarFilterStump *s = program->filter->stumps + stage->first[kind];
  const HaarFilterStump *end = program->filter->stumps + stage->first[kind + 1];
  const guint first_corner = s < end ? s->first_corner : 0;
  const HaarFilterCorner *corners = program->filter->corners + first_corner;
  const gint32 *offsets = program->offsets + first_corner;
  const Limits limits = limits_of (kind == HAAR_SUM_WIDE ? stage->wide_margin : stage->margin);
  static const guint counts[] = {[HAAR_SUM_6] = 6, [HAAR_SUM_8] = 8, [HAAR_SUM_9] = 9};

  for (; s < end; s++) {
    guint n = kind <= HAAR_SUM_9 ? counts[kind] : s->n_corners;
    HaarVector values[HAAR_ABREAST];

    sum_of_kind (group, kind, offsets, corners, s, values);
    judge (group, s, values, limits);
    offsets += n;
    corners += n;
  }
}

INLINE void
sum_stage (const Group *group, const HaarProgram *program, const HaarFilterStage *stage)
{
  sum_stumps (group, program, stage, HAAR_SUM_6);
  sum_stumps (group, program, stage, HAAR_SUM_8);
  sum_stumps (group, program, stage, HAAR_SUM_9);
  sum_stumps (group, program, stage, HAAR_SUM_ANY);
  sum_stumps (group, program, stage, HAAR_SUM_WIDE);
}

/* Returns the sum of the pixels of one of the nine cells of a local binary pattern, minus 32768, so
 * that comparisons of signed 16-bit numbers give the right order of the sums. */
INLINE HaarVector
cell_of (const guint16 *base, const gint32 *offsets, guint x, guint y)
{
  const gint32 *above = offsets + 4 * y + x, *below = above + 4;

  HaarVector sum = haar_sub (haar_sub (haar_load (base + below[1]), haar_load (base + below[0])),
      haar_sub (haar_load (base + above[1]), haar_load (base + above[0])));

  return haar_add (sum, haar_set (G_MININT16));
}

/* Returns the local binary pattern; its bits have the order of pattern_at() in haarexact.c, but are
 * complemented. */
INLINE HaarVector
pattern_of (const guint16 *base, const gint32 *offsets)
{
  static const guint8 xs[] = {0, 1, 2, 2, 2, 1, 0, 0}, ys[] = {0, 0, 0, 1, 2, 2, 2, 1};
  const HaarVector middle = cell_of (base, offsets, 1, 1);
  HaarVector pattern = haar_set (0);

  FOR_EACH (i, 8)
  {
    HaarMask darker = haar_greater (middle, cell_of (base, offsets, xs[i], ys[i]));

    pattern = haar_add_if (darker, pattern, haar_set (128 >> i));
  }
  return pattern;
}

INLINE void
sum_patterns (const Group *group, const HaarProgram *program, const HaarFilterStage *stage)
{
  for (guint k = stage->first[0]; k < stage->first[1]; k++) {
    const HaarFilterStump *stump = &program->filter->stumps[k];
    const HaarVector weight = haar_broadcast (stump->weight);

    FOR_EACH (i, group->n)
    {
      HaarVector pattern = pattern_of (group->bases[i], program->offsets + stump->first_corner);

      group->sums[i].upper = haar_add_if (
          haar_in_set (pattern, program->filter->sets[k].bits), group->sums[i].upper, weight);
    }
  }
  FOR_EACH (i, group->n) group->sums[i].lower = group->sums[i].upper;
}

/* Returns the value of a node: the larger one of its children's values, if both children are
 * possible for the window, else that of the possible child. */
static inline HaarVector
value_of_node (const HaarFilterTree *tree, guint node, const HaarTwin *leaves,
    const HaarVector *nodes, HaarMask may_be_less, HaarMask may_not)
{
  gint left = tree->left[node], right = tree->right[node];
  HaarVector a = left > 0 ? nodes[left] : haar_broadcast (leaves[-left]);
  HaarVector b = right > 0 ? nodes[right] : haar_broadcast (leaves[-right]);

  return haar_larger (haar_if (may_be_less, a), haar_if (may_not, b));
}

/* Evaluates a tree from the last node to the first one, because the value of a node depends on its
 * children, which come after it. */
INLINE void
judge_tree (const Group *group, const HaarProgram *program, const HaarFilterStage *stage,
    const HaarFilterTree *tree)
{
  HaarVector most[HAAR_FILTER_MAX_NODES], depths[HAAR_FILTER_MAX_NODES];
  Sums *sums = group->sums;

  for (guint i = tree->n_nodes; i-- > 0;) {
    const HaarFilterStump *s = &program->filter->stumps[tree->first_stump + i];
    HaarMargin margin = tree->kinds[i] == HAAR_SUM_WIDE ? stage->wide_margin : stage->margin;
    HaarVector room = haar_set (0), value;

    if (tree->kinds[i] == HAAR_SUM_UNKNOWN) {
      margin = (HaarMargin){-1, 0};
    } else {
      sum_of_kind (group, tree->kinds[i], program->offsets + s->first_corner,
          program->filter->corners + s->first_corner, s, &value);
      room = haar_sub_saturated (
          haar_multiply_high (sums->contrasts, haar_broadcast (s->threshold)), value);
    }
    HaarMask may_be_less = haar_greater (room, haar_set (margin.possible));
    HaarMask may_not = haar_greater (haar_set (margin.sure + 1), room);

    most[i] = value_of_node (tree, i, tree->leaves, most, may_be_less, may_not);
    if (group->with_sure)
      depths[i] = value_of_node (tree, i, tree->depths, depths, may_be_less, may_not);
  }
  sums->upper = haar_add (sums->upper, most[0]);
  if (group->with_sure)
    sums->lower = haar_add (sums->lower, haar_sub (haar_broadcast (tree->span), depths[0]));
}

INLINE void
sum_trees (const Group *group, const HaarProgram *program, const HaarFilterStage *stage)
{
  for (guint i = 0; i < stage->n_trees; i++)
    judge_tree (group, program, stage, &program->filter->trees[stage->first_tree + i]);
}

INLINE Sums
start_sums (const gint16 *contrasts)
{
  return (Sums){haar_load (contrasts), haar_set (0), haar_set (0)};
}

INLINE HaarVerdict
conclude (const Sums *sums, const HaarFilterStage *stage, gboolean with_sure)
{
  HaarVerdict verdict = {.live = haar_mask_bits (haar_greater (sums->contrasts, haar_set (-1)))};

  if (with_sure)
    verdict.sure =
        verdict.live & haar_mask_bits (haar_greater (sums->lower, haar_set (stage->sure)));
  verdict.possible =
      verdict.live & haar_mask_bits (haar_greater (sums->upper, haar_set (stage->possible)));
  return verdict;
}

/* Evaluates the first @abreast of @n spans together; if @n is less than @abreast, the last span is
 * evaluated several times. @sums: (out): the sums of @abreast spans */
INLINE void
judge_group (const HaarProgram *program, const HaarFilterStage *stage, const guint16 *plane,
    const HaarSpan *spans, guint n, guint abreast, gboolean with_sure, Sums *sums,
    HaarVerdict *verdicts)
{
  const guint16 *bases[HAAR_ABREAST];
  const Group group = {bases, sums, abreast, with_sure};

  FOR_EACH (i, abreast)
  {
    const HaarSpan *span = &spans[MIN (i, n - 1)];

    bases[i] = plane + span->at;
    sums[i] = start_sums (span->contrasts);
  }
  if (program->filter->sets)
    sum_patterns (&group, program, stage);
  else if (program->filter->trees)
    sum_trees (&group, program, stage);
  else
    sum_stage (&group, program, stage);
  for (guint i = 0; i < MIN (n, abreast); i++)
    verdicts[i] = conclude (&sums[i], stage, with_sure);
}

#ifdef HAAR_SPANS_BY_HALVES
/* The spans of this kernel (AVX-512) are half as wide as its vectors, because a read of a full
 * vector nearly always crosses a cache line, and after a stage often no window of one half is
 * left. */
#define JUDGE_SPANS haar_halves_judge_spans
#define SPAN_WIDTH (HAAR_LANES / 2)
#else
#define JUDGE_SPANS judge_spans
#define SPAN_WIDTH HAAR_LANES
INLINE void
judge_all (const HaarProgram *program, const HaarFilterStage *stage, const guint16 *plane,
    const HaarSpan *spans, guint n, guint abreast, gboolean with_sure, HaarVerdict *verdicts)
{
  Sums sums[HAAR_ABREAST];

  for (guint i = 0; i < n; i += abreast)
    judge_group (program, stage, plane, spans + i, n - i, abreast, with_sure, sums, verdicts + i);
}

static void
judge_spans (const HaarProgram *program, guint n, const guint16 *plane, const HaarSpan *spans,
    guint n_spans, gboolean with_sure, HaarVerdict *verdicts)
{
  const HaarFilterStage *stage = &program->filter->stages[n];

  if (program->filter->trees || program->filter->sets)
    judge_all (program, stage, plane, spans, n_spans, 1, with_sure, verdicts);
  else if (with_sure)
    judge_all (program, stage, plane, spans, n_spans, HAAR_ABREAST, TRUE, verdicts);
  else
    judge_all (program, stage, plane, spans, n_spans, HAAR_ABREAST, FALSE, verdicts);
}
#endif

#define NEEDS_TWIN (SPAN_WIDTH == HAAR_LINE / 2)

#ifdef HAAR_HALVES
void
haar_halves_judge_spans (const HaarProgram *program, guint stage, const guint16 *plane,
    const HaarSpan *spans, guint n, gboolean with_sure, HaarVerdict *verdicts)
{
  judge_spans (program, stage, plane, spans, n, with_sure, verdicts);
}
#else
static HaarVerdict
stage (const HaarProgram *program, guint n, const guint16 *patch, const gint16 *contrasts,
    HaarBounds *bounds)
{
  const HaarFilterStage *stage = &program->filter->stages[n];
  const HaarSpan span = {0, 0, contrasts};
  HaarVerdict verdict;
  Sums sums;

  if (!bounds) {
    judge_group (program, stage, patch, &span, 1, 1, FALSE, &sums, &verdict);
    return verdict;
  }
  judge_group (program, stage, patch, &span, 1, 1, TRUE, &sums, &verdict);
  haar_store (bounds->lower, sums.lower);
  haar_store (bounds->upper, sums.upper);
  return verdict;
}

static void
contrast (const HaarIntegral *integral, gint at, const gint32 corners[4], gdouble area,
    gdouble least_variance, gfloat scale, gint n, gint16 *restrict contrasts)
{
  const guint32 *s0 = integral->sum + at + corners[0], *s1 = integral->sum + at + corners[1];
  const guint32 *s2 = integral->sum + at + corners[2], *s3 = integral->sum + at + corners[3];
  const guint32 *q0 = integral->squares + at + corners[0],
                *q1 = integral->squares + at + corners[1];
  const guint32 *q2 = integral->squares + at + corners[2],
                *q3 = integral->squares + at + corners[3];

  for (gint i = 0; i < n; i++) {
    gdouble sum = (gint32) (s0[i] - s1[i] - s2[i] + s3[i]);
    gdouble squares = (gint32) (q0[i] - q1[i] - q2[i] + q3[i]);
    /* The variance is exact in double precision, because all numbers are integers below 2^53. */
    gdouble variance = area * squares - sum * sum;
    gfloat value = sqrtf ((gfloat) variance) * scale + 0.5f;

    contrasts[i] = variance >= least_variance ? (gint16) (gint32) value : -1;
  }
}

/* Reads eight columns of a row from as many windows as a vector has lanes, and makes eight vectors:
 * one for each column, with a lane for each window. */
static inline __attribute__ ((always_inline)) void
transpose (const guint16 *const *windows, gssize first, HaarVector *columns)
{
  HaarVector r[8], a[8], b[8];

  for (guint i = 0; i < 8; i++)
    r[i] = haar_load_pieces (windows + i, first);
  for (guint i = 0; i < 4; i++) {
    a[2 * i] = haar_zip_low_16 (r[2 * i], r[2 * i + 1]);
    a[2 * i + 1] = haar_zip_high_16 (r[2 * i], r[2 * i + 1]);
  }
  for (guint i = 0; i < 8; i += 4) {
    b[i] = haar_zip_low_32 (a[i], a[i + 2]);
    b[i + 1] = haar_zip_high_32 (a[i], a[i + 2]);
    b[i + 2] = haar_zip_low_32 (a[i + 1], a[i + 3]);
    b[i + 3] = haar_zip_high_32 (a[i + 1], a[i + 3]);
  }
  for (guint i = 0; i < 4; i++) {
    columns[2 * i] = haar_zip_low_64 (b[i], b[i + 4]);
    columns[2 * i + 1] = haar_zip_high_64 (b[i], b[i + 4]);
  }
}

static void
interleave (const guint16 *const *windows, gssize first, gint n, gint spread, guint16 *to)
{
  for (gint x = 0; x < n; x += 8) {
    HaarVector columns[8];

    transpose (windows, first + x, columns);
    for (gint i = 0; i < MIN (8, n - x); i++)
      haar_store (to + (gsize) (x + i) * spread * HAAR_LANES, columns[i]);
  }
}

static void
blend (const guint8 *above, const guint8 *below, guint weight, guint weight_below, gint n,
    gint16 *restrict to)
{
  guint16 a = (guint16) weight, b = (guint16) weight_below;

  for (gint i = 0; i < n; i++)
    to[i] = (gint16) (guint16) ((guint16) (above[i] * a) + (guint16) (below[i] * b) - 0x8000);
}

static void
shrink (const gint16 *blended, const HaarTaps *taps, guint8 *row)
{
  haar_shrink (blended, taps->firsts, taps->weights, taps->n, taps->scale, row);
}

/* The sums of the pixels, and of the squared pixels, of a row up to the current column. */
typedef struct {
  guint32 sum, square;
} Running;

/* Pointers into the current row of the integral images. A value is the running sum of the row plus
 * the value above, which lies `stride` values back in memory. */
typedef struct {
  guint32 *sum, *squares;
  guint16 *low;
  gint stride;
  gsize twin;
} RowSums;

static inline __attribute__ ((always_inline)) void
put (const RowSums *to, gint at, guint32 sum, guint32 square)
{
  to->sum[at] = to->sum[at - to->stride] + sum;
  to->squares[at] = to->squares[at - to->stride] + square;
  to->low[at] = (guint16) to->sum[at];
  if (NEEDS_TWIN)
    to->low[to->twin + (gsize) at] = to->low[at];
}

#ifdef HAAR_WIDE_LANES
static inline __attribute__ ((always_inline)) void
put_wide (const RowSums *to, gint at, HaarWide sum, HaarWide square)
{
  sum = haar_wide_add (sum, haar_wide_load (to->sum + at - to->stride));
  square = haar_wide_add (square, haar_wide_load (to->squares + at - to->stride));
  haar_wide_store (to->sum + at, sum);
  haar_wide_store (to->squares + at, square);
  haar_wide_store_low (to->low + at, sum);
  if (NEEDS_TWIN)
    haar_wide_store_low (to->low + to->twin + at, sum);
}

/* Adds to the integral images the pixels of a row that fill whole vectors. Returns: the number of
 * these pixels */
static gint
add_vectors (const RowSums *to, const guint8 *pixels, gint n, Running *running)
{
  HaarWide sum = haar_wide_zero (), square = sum;
  gint i = 0;

  for (; i + HAAR_WIDE_LANES <= n; i += HAAR_WIDE_LANES) {
    HaarWide values = haar_wide_pixels (pixels + i);

    sum = haar_wide_add (haar_wide_last (sum), haar_wide_running (values));
    square = haar_wide_add (haar_wide_last (square), haar_wide_running (haar_wide_square (values)));
    put_wide (to, i + 1, sum, square);
  }
  *running = (Running){haar_wide_to_last (sum), haar_wide_to_last (square)};
  return i;
}

/* Does what add_vectors() does, for a layout in which even and odd columns are apart. Column 0 of
 * an integral image has no pixel, so the first pixel of each pair belongs to an odd column. */
static gint
add_pair_vectors (const RowSums *to, const guint8 *pixels, gint n, Running *running)
{
  HaarWide sum = haar_wide_zero (), square = sum;
  gint i = 0;

  for (; i + 2 * HAAR_WIDE_LANES <= n; i += 2 * HAAR_WIDE_LANES) {
    HaarWide pairs = haar_wide_pairs (pixels + i);
    HaarWide first = haar_wide_first (pairs), second = haar_wide_second (pairs);
    HaarWide second_square = haar_wide_square (second);
    HaarWide both = haar_wide_add (haar_wide_square (first), second_square);

    sum = haar_wide_add (haar_wide_last (sum), haar_wide_running (haar_wide_add (first, second)));
    square = haar_wide_add (haar_wide_last (square), haar_wide_running (both));
    put_wide (to, i / 2 + 1, sum, square);
    put_wide (to, i / 2 + to->stride / 2, haar_wide_sub (sum, second),
        haar_wide_sub (square, second_square));
  }
  *running = (Running){haar_wide_to_last (sum), haar_wide_to_last (square)};
  return i;
}
#else
#define add_vectors(to, pixels, n, running) 0
#define add_pair_vectors(to, pixels, n, running) 0
#endif

static void
add_row (const HaarIntegral *integral, const guint8 *pixels, gint y)
{
  const HaarLayout *layout = &integral->layout;
  gsize at = (gsize) (y + 1) * layout->stride;
  const RowSums to = {integral->sum + at, integral->squares + at, integral->low + at,
      layout->stride, integral->twin};
  Running running = {0, 0};
  gint i;

  to.sum[0] = to.squares[0] = to.low[0] = to.low[to.twin] = 0;
  if (layout->step == 1)
    i = add_vectors (&to, pixels, integral->width, &running);
  else
    i = add_pair_vectors (&to, pixels, integral->width, &running);
  for (; i < integral->width; i++) {
    running.sum += pixels[i];
    running.square += (guint32) pixels[i] * pixels[i];
    put (&to, haar_layout_index (layout, i + 1, 0), running.sum, running.square);
  }
}

static void
split (const guint32 *values, gint n, guint32 *restrict even, guint32 *restrict odd)
{
  for (gint i = 0; i < n; i++) {
    even[i] = values[2 * i];
    odd[i] = values[2 * i + 1];
  }
}

static void
narrow (const guint32 *values, gint n, guint16 *restrict to)
{
  for (gint i = 0; i < n; i++)
    to[i] = (guint16) values[i];
}

extern const HaarKernel HAAR_KERNEL;
const HaarKernel HAAR_KERNEL = {
    .name = HAAR_KERNEL_NAME,
    .lanes = HAAR_LANES,
    .width = SPAN_WIDTH,
    .needs_twin = NEEDS_TWIN,
    .judge_spans = JUDGE_SPANS,
    .contrast = contrast,
    .stage = stage,
    .interleave = interleave,
    .blend = blend,
    .shrink = shrink,
    .add_row = add_row,
    .split = split,
    .narrow = narrow,
};
#endif
