/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled once for each instruction set, with HAAR_KERNEL as the name of what it defines. */
#include "haarkernel.h"

#include <math.h>

#include "haarsimd.h"

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
    /* No rounding: all of it is below 2^53. */
    gdouble variance = area * squares - sum * sum;
    gfloat value = sqrtf ((gfloat) variance) * scale;

    contrasts[i] = variance >= least_variance ? (gint16) (gint32) value : -1;
  }
}

typedef struct {
  HaarVector upper, lower;
} Sums;

static inline __attribute__ ((always_inline)) void
judge (Sums *sums, const HaarFilterStump *stump, HaarVector value, HaarVector contrasts,
    gboolean with_sure)
{
  HaarVector limit = haar_multiply_high (contrasts, haar_set (stump->threshold));
  HaarVector room = haar_sub_saturated (limit, value);
  HaarVector weight = haar_set (stump->weight);

  sums->upper = haar_add_if (haar_greater (room, haar_set (-stump->margin)), sums->upper, weight);
  if (with_sure)
    sums->lower = haar_add_if (haar_greater (room, haar_set (stump->margin)), sums->lower, weight);
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
sum_of_8 (const guint16 *base, const gint32 *offsets, gint16 factor)
{
  HaarVector times = sum_of_4 (base, offsets + 4);

  return haar_add (sum_of_4 (base, offsets), haar_multiply (times, haar_set (factor)));
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

static inline __attribute__ ((always_inline)) Sums
sum_stage (const HaarProgram *program, const HaarFilterStage *stage, const guint16 *base,
    HaarVector contrasts, gboolean with_sure)
{
  const HaarFilterStump *s = program->filter->stumps + stage->first[0];
  const HaarFilterStump *end[HAAR_SUM_KINDS];
  const HaarFilterCorner *corners = program->filter->corners;
  const gint32 *offsets = program->offsets;
  Sums sums = {haar_set (0), haar_set (0)};

  for (guint kind = 0; kind < HAAR_SUM_KINDS; kind++)
    end[kind] = program->filter->stumps + stage->first[kind + 1];
  for (; s < end[HAAR_SUM_6]; s++)
    judge (&sums, s, sum_of_6 (base, offsets + s->first_corner), contrasts, with_sure);
  for (; s < end[HAAR_SUM_8]; s++)
    judge (&sums, s, sum_of_8 (base, offsets + s->first_corner, s->factor), contrasts, with_sure);
  for (; s < end[HAAR_SUM_ANY]; s++)
    judge (&sums, s,
        sum_of_any (base, offsets + s->first_corner, corners + s->first_corner, s->n_corners),
        contrasts, with_sure);
  for (; s < end[HAAR_SUM_WIDE]; s++)
    judge (&sums, s, sum_of_wide (base, offsets + s->first_corner, corners + s->first_corner, s),
        contrasts, with_sure);
  return sums;
}

static HaarVerdict
stage (const HaarProgram *program, guint n, const guint16 *base, const gint16 *contrasts,
    gboolean with_sure)
{
  const HaarFilterStage *s = &program->filter->stages[n];
  HaarVector values = haar_load (contrasts);
  HaarVerdict verdict = {.live = haar_mask_bits (haar_greater (values, haar_set (-1)))};
  Sums sums;

  if (!verdict.live)
    return verdict;
  if (with_sure) {
    sums = sum_stage (program, s, base, values, TRUE);
    verdict.sure = verdict.live & haar_mask_bits (haar_greater (sums.lower, haar_set (s->sure)));
  } else {
    sums = sum_stage (program, s, base, values, FALSE);
  }
  verdict.possible =
      verdict.live & haar_mask_bits (haar_greater (sums.upper, haar_set (s->possible)));
  return verdict;
}

/* Eight columns of as many windows as there are lanes: transposes eight by eight within each piece. */
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

extern const HaarKernel HAAR_KERNEL;
const HaarKernel HAAR_KERNEL = {
    .name = HAAR_KERNEL_NAME,
    .lanes = HAAR_LANES,
    .contrast = contrast,
    .stage = stage,
    .interleave = interleave,
};
