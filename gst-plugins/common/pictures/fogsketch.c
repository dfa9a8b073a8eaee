/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogsketch.h"

#include <math.h>
#include <string.h>

/* The side of a block, px. The smallest face that a cascade finds covers about nine blocks. */
#define BLOCK 8
/* The number of steps in which a block's mean divides one level of luma. */
#define STEPS 64
/* Blocks are shifted by multiples of 1/8 of a pixel. */
#define PART_BITS 3
#define PARTS (1 << PART_BITS)
/* The smallest difference (levels of luma) between blocks of two pictures that counts as a change,
 * because compression and rounding cause smaller differences. */
#define LEAST 2.5f
/* A difference of up to this many standard deviations of the noise counts as noise. The noise
 * exceeds this value in one of 10^9 blocks. */
#define DEVIATIONS 6
/* The largest noise (levels) between two neighbouring blocks that is measured. Cameras have less
 * noise, even at night, so a larger difference is a change. */
#define MOST_NOISE 2
/* The number of classes for each level of luma in the histogram of errors. */
#define CLASSES 16
/* The smallest and the largest factor of brightness, in 1/256 (0.85 and 1.18), that count as a
 * change of the light. Within these factors a plain object that covers most of a row of a plain
 * wall can't be distinguished from a change of the light. */
#define DARKEST 218
#define BRIGHTEST 302
/* Brightness in levels: blocks that are darker aren't used to find the factor of brightness. */
#define DARK 12
/* The largest and the smallest shift (px) of the whole picture that are corrected. A larger shift
 * counts as a change, and a smaller shift isn't corrected. */
#define LONGEST_SHIFT 5.0f
#define SHORTEST_SHIFT 0.05f
/* Contrast in levels: blocks with less contrast to their neighbours aren't used to find a shift. */
#define FLAT 4
/* After a shift was corrected, a block may still differ by this fraction of its contrast to the
 * neighbouring blocks. */
#define SHIFT_ERROR 0.12f

/* --- means --- */

static void
add_row (guint16 *sums, const guint8 *row, gint width)
{
  for (gint x = 0; x < width; x++)
    sums[x] = (guint16) (sums[x] + row[x]);
}

static gint
count_blocks (gint side)
{
  return (side + BLOCK - 1) / BLOCK;
}

/* Returns the first pixel (column or row) of block @i. The last block ends at the picture's edge,
 * and may overlap the block before it. */
static gint
start_of (gint i, gint side)
{
  return CLAMP (i * BLOCK, 0, MAX (side - BLOCK, 0));
}

/* Moves the rows over which @sums were computed down by @part / PARTS of a row: subtracts that
 * fraction of the row @first, and adds that fraction of the row @next. The resulting sums are
 * multiplied by PARTS. */
static void
move_down (guint16 *sums, const guint8 *first, const guint8 *next, gint part, gint width)
{
  for (gint x = 0; x < width; x++)
    sums[x] = (guint16) (sums[x] * PARTS + part * (next[x] - first[x]));
}

/* Returns the sum of the sums of @n columns. Like move_down(), moves the columns to the right by
 * @part / PARTS of a column. */
static gint
add_up (const guint16 *sums, gint n, gint part)
{
  gint sum = 0;

  for (gint i = 0; i < n; i++)
    sum += sums[i];
  return part ? sum * PARTS + part * (sums[n] - sums[0]) : sum;
}

/* Computes the means of all blocks after a shift of the blocks by @dx to the right and @dy down, in
 * 1/PARTS of a pixel. Blocks at the picture's edges are shifted less. */
static void
measure (const FogLuma *luma, gint dx, gint dy, guint16 *sums, guint16 *means)
{
  gint columns = count_blocks (luma->width), rows = count_blocks (luma->height);
  gint w = MIN (BLOCK, luma->width), h = MIN (BLOCK, luma->height);

  for (gint y = 0; y < rows; y++) {
    gint top = CLAMP (start_of (y, luma->height) + (dy >> PART_BITS), 0, luma->height - h);
    gint lower = top + h < luma->height ? dy & (PARTS - 1) : 0, n = w * h * (lower ? PARTS : 1);
    const guint8 *first = luma->data + (gsize) top * luma->stride;

    memset (sums, 0, (gsize) luma->width * sizeof *sums);
    for (gint i = 0; i < h; i++)
      add_row (sums, first + (gsize) i * luma->stride, luma->width);
    if (lower)
      move_down (sums, first, first + (gsize) h * luma->stride, lower, luma->width);
    for (gint x = 0; x < columns; x++) {
      gint left = CLAMP (start_of (x, luma->width) + (dx >> PART_BITS), 0, luma->width - w);
      gint right = left + w < luma->width ? dx & (PARTS - 1) : 0;

      *means++ = (guint16) (add_up (sums + left, w, right) * STEPS / (n * (right ? PARTS : 1)));
    }
  }
}

static gsize
n_blocks (const FogSketch *self)
{
  return (gsize) self->columns * (gsize) self->rows;
}

gboolean
fog_sketch_draw (FogSketch *self, const FogLuma *luma)
{
  g_autofree guint16 *sums = g_try_new (guint16, (gsize) luma->width);
  guint16 *means = NULL;

  self->width = luma->width;
  self->height = luma->height;
  self->columns = count_blocks (luma->width);
  self->rows = count_blocks (luma->height);
  if (sums)
    means = g_try_renew (guint16, self->means, n_blocks (self));
  if (!means) {
    fog_sketch_clear (self);
    return FALSE;
  }
  self->means = means;
  measure (luma, 0, 0, sums, means);
  return TRUE;
}

void
fog_sketch_clear (FogSketch *self)
{
  g_free (self->means);
  *self = (FogSketch){0};
}

/* --- the comparison --- */

typedef struct {
  gsize block;
  gfloat range; /* noise in levels: the result of find_range() */
  gfloat x, y;  /* change of the luma to the right and down, levels a pixel */
} Slope;

typedef struct {
  const FogSketch *then;
  const FogLuma *luma;
  guint16 *now;  /* means of the blocks of the later picture, after a shift if there is one */
  guint16 *sums; /* for measure() */
  /* for each row of blocks, the brightness of the later picture divided by that of the earlier
   * one */
  gfloat *factors;
  /* for each block, the difference (levels) that the factor of brightness doesn't explain */
  gfloat *errors;
  gfloat threshold; /* the largest error (levels) that noise causes */
  Slope *slopes;
  gsize n_slopes;
  gfloat dx, dy; /* the shift of the later picture, px */
} Comparison;

/* Returns the median of the factors of a row's blocks, weighted by their brightness. An object that
 * covers less than half of the row doesn't change the median. */
static gfloat
find_factor (const guint16 *then, const guint16 *now, gint n)
{
  guint64 weights[BRIGHTEST - DARKEST + 1] = {0}, all = 0, sum = 0;
  gint i;

  for (gint x = 0; x < n; x++) {
    gint factor;

    if (then[x] < DARK * STEPS)
      continue;
    factor = now[x] * 256 / then[x];
    weights[CLAMP (factor, DARKEST, BRIGHTEST) - DARKEST] += then[x];
    all += then[x];
  }
  if (all < (guint64) n * DARK * STEPS / 2)
    return 1;
  for (i = 0; sum + weights[i] <= all / 2; i++)
    sum += weights[i];
  /* Interpolates the median within its class of the histogram. */
  return ((gfloat) (DARKEST + i) + ((gfloat) all / 2 - (gfloat) sum) / (gfloat) weights[i]) / 256;
}

static void
find_errors (Comparison *self)
{
  gint columns = self->then->columns;

  for (gint y = 0; y < self->then->rows; y++) {
    const guint16 *then = self->then->means + y * columns, *now = self->now + y * columns;
    gfloat *errors = self->errors + y * columns;

    self->factors[y] = find_factor (then, now, columns);
    for (gint x = 0; x < columns; x++)
      errors[x] = ((gfloat) now[x] - self->factors[y] * (gfloat) then[x]) / STEPS;
  }
}

/* Reduces the errors of blocks whose brightness changed less than the factor says, because some of
 * their pixels are white, or are lit by other lamps. */
static void
forgive_light (Comparison *self)
{
  gint columns = self->then->columns;

  for (gint y = 0; y < self->then->rows; y++) {
    const guint16 *then = self->then->means + y * columns;
    gfloat *errors = self->errors + y * columns, light = (1 - self->factors[y]) / STEPS;

    for (gint x = 0; x < columns; x++) {
      gfloat unlit = light * (gfloat) then[x];

      errors[x] -= CLAMP (errors[x], MIN (unlit, 0), MAX (unlit, 0));
    }
  }
}

/* Computes the threshold from the noise: the median of the differences between the errors of
 * neighbouring blocks. An object that covers a large part of the picture hardly changes this
 * median, because the errors that it causes are similar in neighbouring blocks. */
static void
find_threshold (Comparison *self)
{
  guint classes[MOST_NOISE * CLASSES + 1] = {0}, i = 0;
  gint columns = self->then->columns;
  gsize n = n_blocks (self->then) - (gsize) self->then->rows, sum = 0;
  gfloat deviation;

  self->threshold = LEAST;
  for (gint y = 0; y < self->then->rows; y++)
    for (gint x = 1; x < columns; x++) {
      const gfloat *error = self->errors + (gsize) y * (gsize) columns + x;

      classes[(guint) MIN (
          fabsf (error[0] - error[-1]) * CLASSES, (gfloat) (MOST_NOISE * CLASSES))]++;
    }
  if (n == 0)
    return;
  while ((sum += classes[i]) <= n / 2)
    i++;
  deviation = 1.4826f / sqrtf (2) * ((gfloat) i + 0.5f) / CLASSES;
  self->threshold = MAX (LEAST, DEVIATIONS * deviation);
}

static void
find_errors_and_noise (Comparison *self)
{
  find_errors (self);
  find_threshold (self);
  forgive_light (self);
}

/* --- a shift of the whole picture --- */

/* Returns the largest difference, in levels, between @block and the four blocks beside @block. */
static gfloat
find_range (const FogSketch *sketch, gsize block)
{
  const guint16 *m = sketch->means + block, *up = m - sketch->columns, *down = m + sketch->columns;
  gint high = MAX (MAX (m[-1], m[1]), MAX (*up, *down));
  gint low = MIN (MIN (m[-1], m[1]), MIN (*up, *down));

  return (gfloat) MAX (high - *m, *m - low) / STEPS;
}

/* Collects the blocks that have enough contrast to their neighbours to show a shift. */
static void
find_slopes (Comparison *self)
{
  const FogSketch *then = self->then;

  for (gint y = 1; y < then->rows - 1; y++)
    for (gint x = 1; x < then->columns - 1; x++) {
      gsize block = (gsize) y * (gsize) then->columns + (gsize) x;
      const guint16 *m = then->means + block;
      gfloat range = find_range (then, block);

      if (range < FLAT)
        continue;
      self->slopes[self->n_slopes++] =
          (Slope){block, range, (gfloat) (m[1] - m[-1]) / (2 * BLOCK * STEPS),
              (gfloat) (m[then->columns] - m[-then->columns]) / (2 * BLOCK * STEPS)};
    }
}

/* Computes the shift that explains the errors best, by least squares. The second round gives less
 * weight to blocks with errors that the first shift doesn't explain: something moves there. Returns
 * FALSE if the equations have no solution. */
static gboolean
find_shift (const Comparison *self, gfloat *dx, gfloat *dy)
{
  *dx = *dy = 0;
  for (guint round = 0; round < 2; round++) {
    gfloat xx = 1e-3f, xy = 0, yy = 1e-3f, xe = 0, ye = 0, det;

    for (gsize i = 0; i < self->n_slopes; i++) {
      const Slope *s = &self->slopes[i];
      gfloat error = self->errors[s->block], left = error - s->x * *dx - s->y * *dy;
      gfloat weight = 1 / (1 + left * left / (4 + s->range * s->range / 16));

      xx += weight * s->x * s->x;
      xy += weight * s->x * s->y;
      yy += weight * s->y * s->y;
      xe += weight * s->x * error;
      ye += weight * s->y * error;
    }
    det = xx * yy - xy * xy;
    *dx = (yy * xe - xy * ye) / det;
    *dy = (xx * ye - xy * xe) / det;
  }
  return isfinite (*dx) && isfinite (*dy);
}

static gboolean
is_beyond (const Comparison *self, gint x, gint y)
{
  const FogSketch *then = self->then;
  gfloat shift = hypotf (self->dx, self->dy), error = fabsf (self->errors[y * then->columns + x]);

  if (error <= self->threshold)
    return FALSE;
  if (shift == 0)
    return TRUE;
  /* After a shift, blocks at the edge show parts of the scene that the earlier picture didn't
   * have. */
  if (x == 0 || y == 0 || x == then->columns - 1 || y == then->rows - 1)
    return FALSE;
  return error > self->threshold + SHIFT_ERROR * find_range (then, (gsize) (y * then->columns + x));
}

/* Returns TRUE if a block beside the block (@x, @y) differs too. A single block that differs is
 * taken for a defect of the sensor. */
static gboolean
has_neighbour (const Comparison *self, gint x, gint y)
{
  gint left = MAX (x - 1, 0), right = MIN (x + 1, self->then->columns - 1);
  gint top = MAX (y - 1, 0), bottom = MIN (y + 1, self->then->rows - 1);

  for (gint j = top; j <= bottom; j++)
    for (gint i = left; i <= right; i++)
      if ((i != x || j != y) && is_beyond (self, i, j))
        return TRUE;
  return self->then->columns == 1 && self->then->rows == 1;
}

static void
extend (GstVideoRectangle *r, const FogLuma *luma, gint x, gint y)
{
  gint left = start_of (x, luma->width), top = start_of (y, luma->height);
  gint right = MIN (left + BLOCK, luma->width), bottom = MIN (top + BLOCK, luma->height);

  if (r->w) {
    right = MAX (right, r->x + r->w);
    bottom = MAX (bottom, r->y + r->h);
    left = MIN (left, r->x);
    top = MIN (top, r->y);
  }
  *r = (GstVideoRectangle){left, top, right - left, bottom - top};
}

/* Returns: the number of blocks that differ. @where: (out): the rectangle around the blocks that
 * differ */
static guint
find_difference (const Comparison *self, GstVideoRectangle *where)
{
  guint n = 0;

  *where = (GstVideoRectangle){0};
  for (gint y = 0; y < self->then->rows; y++)
    for (gint x = 0; x < self->then->columns; x++)
      if (is_beyond (self, x, y) && has_neighbour (self, x, y)) {
        extend (where, self->luma, x, y);
        n++;
      }
  return n;
}

/* Computes the means of the later picture's blocks after the shift. */
static void
measure_moved (Comparison *self)
{
  measure (self->luma, (gint) -lroundf (self->dx * PARTS), (gint) -lroundf (self->dy * PARTS),
      self->sums, self->now);
  find_errors_and_noise (self);
}

/* Returns FALSE if the camera didn't move, or moved too far. */
static gboolean
align (Comparison *self)
{
  gfloat dx, dy, more_x, more_y;

  find_slopes (self);
  if (!find_shift (self, &dx, &dy) || hypotf (dx, dy) > LONGEST_SHIFT ||
      hypotf (dx, dy) < SHORTEST_SHIFT)
    return FALSE;
  self->dx = roundf (dx);
  self->dy = roundf (dy);
  measure_moved (self);
  if (!find_shift (self, &more_x, &more_y))
    return FALSE;
  self->dx += more_x;
  self->dy += more_y;
  if (hypotf (self->dx, self->dy) > LONGEST_SHIFT)
    return FALSE;
  measure_moved (self);
  return TRUE;
}

static gboolean
compare (Comparison *self, const FogSketch *now, GstVideoRectangle *where)
{
  GstVideoRectangle aligned;
  guint differ;

  memcpy (self->now, now->means, n_blocks (now) * sizeof *self->now);
  find_errors_and_noise (self);
  differ = find_difference (self, where);
  if (differ == 0)
    return FALSE;
  if (!align (self) || find_difference (self, &aligned) > differ / 2)
    return TRUE;
  *where = aligned;
  return aligned.w > 0;
}

static gboolean
comparison_init (Comparison *self, const FogSketch *then, const FogLuma *luma)
{
  gsize n = n_blocks (then);

  self->then = then;
  self->luma = luma;
  self->now = g_try_new (guint16, n);
  self->sums = g_try_new (guint16, (gsize) then->width);
  self->factors = g_try_new (gfloat, (gsize) then->rows);
  self->errors = g_try_new (gfloat, n);
  self->slopes = g_try_new (Slope, n);
  return self->now && self->sums && self->factors && self->errors && self->slopes;
}

static void
comparison_clear (Comparison *self)
{
  g_free (self->now);
  g_free (self->sums);
  g_free (self->factors);
  g_free (self->errors);
  g_free (self->slopes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Comparison, comparison_clear)

gboolean
fog_sketch_differs (
    const FogSketch *then, const FogSketch *now, const FogLuma *luma, GstVideoRectangle *where)
{
  g_auto (Comparison) self = {0};

  *where = (GstVideoRectangle){0, 0, luma->width, luma->height};
  if (!now->means || then->width != now->width || then->height != now->height ||
      !comparison_init (&self, then, luma))
    return TRUE;
  return compare (&self, now, where);
}
