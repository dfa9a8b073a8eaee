/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This file is compiled once for each instruction set. HAAR_KERNEL is the name of the kernel that
 * it defines. */
#include "haarkernel.h"

#include <math.h>

#include "haarsimd.h"

G_STATIC_ASSERT (HAAR_LANES <= HAAR_MAX_LANES);

typedef struct {
  HaarVector contrasts, possible, sure;
  HaarVector upper, lower;
} Sums;

static inline __attribute__ ((always_inline)) void
set_margin (Sums *sums, HaarMargin margin)
{
  sums->possible = haar_set (margin.possible);
  sums->sure = haar_set (margin.sure);
}

static inline __attribute__ ((always_inline)) void
judge (Sums *sums, const HaarFilterStump *stump, HaarVector value, gboolean with_sure)
{
  HaarVector limit = haar_multiply_high (sums->contrasts, haar_broadcast (stump->threshold));
  HaarVector room = haar_sub_saturated (limit, value);
  HaarVector weight = haar_broadcast (stump->weight);

  sums->upper = haar_add_if (haar_greater (room, sums->possible), sums->upper, weight);
  if (with_sure)
    sums->lower = haar_add_if (haar_greater (room, sums->sure), sums->lower, weight);
}

#define AT(i) haar_load (base + offsets[i])

static inline __attribute__ ((always_inline)) HaarVector
sum_of_4 (const guint16 *base, const gint32 *offsets)
{
  return haar_sub (haar_add (AT (0), AT (1)), haar_add (AT (2), AT (3)));
}

static inline __attribute__ ((always_inline)) HaarVector
sum_of_6 (const guint16 *base, const gint32 *offsets)
{
  HaarVector twice = haar_sub (AT (4), AT (5));

  return haar_add (sum_of_4 (base, offsets), haar_add (twice, twice));
}

static inline __attribute__ ((always_inline)) HaarVector
sum_of_8 (const guint16 *base, const gint32 *offsets, HaarTwin factor)
{
  HaarVector times = sum_of_4 (base, offsets + 4);

  return haar_add (sum_of_4 (base, offsets), haar_multiply (times, haar_broadcast (factor)));
}

static inline __attribute__ ((always_inline)) HaarVector
sum_of_any (const guint16 *base, const gint32 *offsets, const HaarFilterCorner *corners, guint n)
{
  HaarVector sum = haar_set (0);

  for (guint i = 0; i < n; i++)
    sum = haar_add (sum, haar_multiply (AT (i), haar_set (corners[i].factor)));
  return sum;
}

static inline __attribute__ ((always_inline)) HaarVector
sum_of_wide (const guint16 *base, const gint32 *offsets, const HaarFilterCorner *corners,
    const HaarFilterStump *stump)
{
  HaarVector sum = haar_set (0);

  for (guint i = 0; i < stump->n_corners; i += 4) {
    HaarVector block = haar_add (haar_sub (AT (i), AT (i + 1)), haar_sub (AT (i + 3), AT (i + 2)));

    block = haar_shift_right (block, stump->shift);
    sum = haar_add (sum, haar_multiply (block, haar_set (corners[i].factor)));
  }
  return sum;
}

/* For @n vectors side by side. @n is a constant, so the compiler unrolls the loop. */
static inline __attribute__ ((always_inline)) void
set_sums (Sums *sums, guint n, const gint16 *contrasts)
{
  for (guint i = 0; i < n; i++)
    sums[i] = (Sums){.contrasts = haar_load (contrasts + i * HAAR_LANES),
        .upper = haar_set (0),
        .lower = haar_set (0)};
}

#define FOR_EACH(sums, n, stump, sum_of, ...)                                                      \
  for (guint i = 0; i < n; i++)                                                                    \
  judge (&sums[i], stump,                                                                          \
      sum_of (base + i * HAAR_LANES, offsets + stump->first_corner, ##__VA_ARGS__), with_sure)

static inline __attribute__ ((always_inline)) void
sum_stage (const HaarProgram *program, const HaarFilterStage *stage, const guint16 *base,
    Sums *sums, guint n, gboolean with_sure)
{
  const HaarFilterStump *s = program->filter->stumps + stage->first[0];
  const HaarFilterStump *end[HAAR_SUM_KINDS];
  const HaarFilterCorner *corners = program->filter->corners;
  const gint32 *offsets = program->offsets;

  for (guint kind = 0; kind < HAAR_SUM_KINDS; kind++)
    end[kind] = program->filter->stumps + stage->first[kind + 1];
  for (guint i = 0; i < n; i++)
    set_margin (&sums[i], stage->margin);
  for (; s < end[HAAR_SUM_6]; s++)
    FOR_EACH (sums, n, s, sum_of_6);
  for (; s < end[HAAR_SUM_8]; s++)
    FOR_EACH (sums, n, s, sum_of_8, s->factor);
  for (; s < end[HAAR_SUM_ANY]; s++)
    FOR_EACH (sums, n, s, sum_of_any, corners + s->first_corner, s->n_corners);
  for (guint i = 0; i < n; i++)
    set_margin (&sums[i], stage->wide_margin);
  for (; s < end[HAAR_SUM_WIDE]; s++)
    FOR_EACH (sums, n, s, sum_of_wide, corners + s->first_corner, s);
}

static inline HaarVector
sum_of_kind (
    const HaarProgram *program, HaarSumKind kind, const HaarFilterStump *s, const guint16 *base)
{
  const HaarFilterCorner *corners = program->filter->corners + s->first_corner;
  const gint32 *offsets = program->offsets + s->first_corner;

  switch (kind) {
    case HAAR_SUM_6:
      return sum_of_6 (base, offsets);
    case HAAR_SUM_8:
      return sum_of_8 (base, offsets, s->factor);
    case HAAR_SUM_ANY:
      return sum_of_any (base, offsets, corners, s->n_corners);
    default:
      return sum_of_wide (base, offsets, corners, s);
  }
}

/* The larger value of those children of a node that the window may go to. */
static inline HaarVector
value_of_node (const HaarFilterTree *tree, guint node, const HaarTwin *leaves,
    const HaarVector *nodes, HaarMask may_be_less, HaarMask may_not)
{
  gint left = tree->left[node], right = tree->right[node];
  HaarVector a = left > 0 ? nodes[left] : haar_broadcast (leaves[-left]);
  HaarVector b = right > 0 ? nodes[right] : haar_broadcast (leaves[-right]);

  return haar_larger (haar_if (may_be_less, a), haar_if (may_not, b));
}

/* From the last node to the first one, because children come after their parents. */
static inline __attribute__ ((always_inline)) void
judge_tree (Sums *sums, const HaarProgram *program, const HaarFilterStage *stage,
    const HaarFilterTree *tree, const guint16 *base, gboolean with_sure)
{
  HaarVector most[HAAR_FILTER_MAX_NODES], depths[HAAR_FILTER_MAX_NODES];

  for (guint i = tree->n_nodes; i-- > 0;) {
    const HaarFilterStump *s = &program->filter->stumps[tree->first_stump + i];
    HaarMargin margin = tree->kinds[i] == HAAR_SUM_WIDE ? stage->wide_margin : stage->margin;
    HaarVector room = haar_set (0);

    if (tree->kinds[i] == HAAR_SUM_UNKNOWN)
      margin = (HaarMargin){-1, 0};
    else
      room =
          haar_sub_saturated (haar_multiply_high (sums->contrasts, haar_broadcast (s->threshold)),
              sum_of_kind (program, tree->kinds[i], s, base));
    HaarMask may_be_less = haar_greater (room, haar_set (margin.possible));
    HaarMask may_not = haar_greater (haar_set (margin.sure + 1), room);

    most[i] = value_of_node (tree, i, tree->leaves, most, may_be_less, may_not);
    if (with_sure)
      depths[i] = value_of_node (tree, i, tree->depths, depths, may_be_less, may_not);
  }
  sums->upper = haar_add (sums->upper, most[0]);
  if (with_sure)
    sums->lower = haar_add (sums->lower, haar_sub (haar_broadcast (tree->span), depths[0]));
}

static inline __attribute__ ((always_inline)) void
sum_trees (const HaarProgram *program, const HaarFilterStage *stage, const guint16 *base,
    Sums *sums, gboolean with_sure)
{
  for (guint i = 0; i < stage->n_trees; i++)
    judge_tree (
        sums, program, stage, &program->filter->trees[stage->first_tree + i], base, with_sure);
}

static inline guint32
live_windows (const gint16 *contrasts)
{
  return haar_mask_bits (haar_greater (haar_load (contrasts), haar_set (-1)));
}

static inline __attribute__ ((always_inline)) HaarVerdict
conclude (const Sums *sums, const HaarFilterStage *stage, guint32 live, gboolean with_sure)
{
  HaarVerdict verdict = {.live = live};

  if (with_sure)
    verdict.sure = live & haar_mask_bits (haar_greater (sums->lower, haar_set (stage->sure)));
  verdict.possible = live & haar_mask_bits (haar_greater (sums->upper, haar_set (stage->possible)));
  return verdict;
}

static HaarVerdict
stage (const HaarProgram *program, guint n, const guint16 *base, const gint16 *contrasts,
    gboolean with_sure)
{
  const HaarFilterStage *s = &program->filter->stages[n];
  guint32 live = live_windows (contrasts);
  Sums sums;

  if (!live)
    return (HaarVerdict){0};
  set_sums (&sums, 1, contrasts);
  if (program->filter->trees && with_sure)
    sum_trees (program, s, base, &sums, TRUE);
  else if (program->filter->trees)
    sum_trees (program, s, base, &sums, FALSE);
  else if (with_sure)
    sum_stage (program, s, base, &sums, 1, TRUE);
  else
    sum_stage (program, s, base, &sums, 1, FALSE);
  return conclude (&sums, s, live, with_sure);
}

#ifdef HAAR_HALVES
static HaarVerdict
join (HaarVerdict low, HaarVerdict high)
{
  return (HaarVerdict){low.live | high.live << HAAR_LANES,
      low.possible | high.possible << HAAR_LANES, low.sure | high.sure << HAAR_LANES};
}

static inline __attribute__ ((always_inline)) HaarVerdict
both_halves (const HaarProgram *program, guint n, const guint16 *base, const gint16 *contrasts,
    gboolean with_sure)
{
  const HaarFilterStage *s = &program->filter->stages[n];
  Sums sums[2];

  set_sums (sums, 2, contrasts);
  sum_stage (program, s, base, sums, 2, with_sure);
  return join (conclude (&sums[0], s, live_windows (contrasts), with_sure),
      conclude (&sums[1], s, live_windows (contrasts + HAAR_LANES), with_sure));
}

/* Evaluates neighbours in two vectors of half the width: a full vector nearly always straddles two
 * lines of the cache, and after a stage one half may have no window left. */
HaarVerdict
haar_halves_neighbours (const HaarProgram *program, guint n, const guint16 *base,
    const gint16 *contrasts, guint32 alive, gboolean with_sure)
{
  if (alive >> HAAR_LANES == 0)
    return stage (program, n, base, contrasts, with_sure);
  if ((alive & ((1u << HAAR_LANES) - 1)) == 0)
    return join (
        (HaarVerdict){0}, stage (program, n, base + HAAR_LANES, contrasts + HAAR_LANES, with_sure));
  return with_sure ? both_halves (program, n, base, contrasts, TRUE)
                   : both_halves (program, n, base, contrasts, FALSE);
}
#else
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
    /* Nothing is rounded, because all of it is below 2^53. */
    gdouble variance = area * squares - sum * sum;
    gfloat value = sqrtf ((gfloat) variance) * scale + 0.5f;

    contrasts[i] = variance >= least_variance ? (gint16) (gint32) value : -1;
  }
}

/* Reads eight columns of as many windows as there are lanes, and makes eight vectors of them: one
 * for each column, with a lane for each window. */
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

/* The sums of a row's pixels so far. */
typedef struct {
  guint32 sum, square;
} Running;

/* Where a row's running sums are added to the values of the row above, which are `stride` values
 * back. */
typedef struct {
  guint32 *sum, *squares;
  guint16 *low;
  gint stride;
} RowSums;

static inline __attribute__ ((always_inline)) void
put (const RowSums *to, gint at, guint32 sum, guint32 square)
{
  to->sum[at] = to->sum[at - to->stride] + sum;
  to->squares[at] = to->squares[at - to->stride] + square;
  to->low[at] = (guint16) to->sum[at];
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
}

/* Adds the pixels that fill whole vectors. Returns: their number */
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

/* The same with even and odd columns apart. Column 0 has no pixel, so the first pixel of a pair is
 * in an odd column. */
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
  const RowSums to = {
      integral->sum + at, integral->squares + at, integral->low + at, layout->stride};
  Running running = {0, 0};
  gint i;

  to.sum[0] = to.squares[0] = to.low[0] = 0;
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

#ifdef HAAR_HALVES_NEIGHBOURS
#define NEIGHBOURS haar_halves_neighbours
#else
#define NEIGHBOURS neighbours
static HaarVerdict
neighbours (const HaarProgram *program, guint n, const guint16 *base, const gint16 *contrasts,
    guint32 alive, gboolean with_sure)
{
  return stage (program, n, base, contrasts, with_sure);
}
#endif

extern const HaarKernel HAAR_KERNEL;
const HaarKernel HAAR_KERNEL = {
    .name = HAAR_KERNEL_NAME,
    .lanes = HAAR_LANES,
    .contrast = contrast,
    .stage = stage,
    .neighbours = NEIGHBOURS,
    .interleave = interleave,
    .blend = blend,
    .shrink = shrink,
    .add_row = add_row,
    .split = split,
    .narrow = narrow,
};
#endif
