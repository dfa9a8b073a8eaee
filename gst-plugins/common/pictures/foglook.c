/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foglook.h"

#include <string.h>

#include "fogsketch.h"

/* number of steps into which a sketch divides a level of luma */
#define STEPS 64
/* number of the histogram's classes for a contrast of one level of luma */
#define CLASSES 4
/* greatest contrast that the histogram distinguishes, levels of luma */
#define MOST 64
/* Only this fraction of all blocks may have more contrast than the one that counts as the greatest.
 * The fraction is small, so that one lamp in a dark picture is seen, but larger than that of the
 * few blocks that defects of the sensor change. */
#define GREATEST 0.002
/* Noise alone has a greatest contrast of about three times its median contrast. */
#define NOISE_RATIO 3.0
/* The greatest median contrast (levels) that counts as noise; a greater one is texture. */
#define MOST_NOISE 2.5
#define LEAST_BLOCKS 16

typedef struct {
  guint64 sum;                       /* sum of the mean luma of all blocks, in steps */
  guint classes[MOST * CLASSES + 1]; /* histogram of the contrasts */
  guint n;                           /* number of contrasts */
} Survey;

static void
add_contrast (Survey *self, const guint16 *mean, gint columns)
{
  gint right = ABS (mean[0] - mean[1]), down = ABS (mean[0] - mean[columns]);
  gint contrast = MAX (right, down) * CLASSES / STEPS;

  self->classes[MIN (contrast, MOST * CLASSES)]++;
  self->n++;
}

static void
survey (Survey *self, const FogSketch *sketch)
{
  const guint16 *means = sketch->means;

  for (gint y = 0; y < sketch->rows; y++)
    for (gint x = 0; x < sketch->columns; x++) {
      self->sum += means[y * sketch->columns + x];
      if (x + 1 < sketch->columns && y + 1 < sketch->rows)
        add_contrast (self, means + y * sketch->columns + x, sketch->columns);
    }
}

/* Returns the contrast (levels) that the fraction @part of all contrasts exceeds. */
static gdouble
find_contrast (const Survey *self, gdouble part)
{
  guint above = (guint) (part * self->n), count = 0, i = MOST * CLASSES;

  while (i > 0 && (count += self->classes[i]) <= above)
    i--;
  return (gdouble) i / CLASSES;
}

static guint64
mix (guint64 mark, guint64 word)
{
  mark = (mark ^ word) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return mark ^ mark >> 29;
}

static guint64
mark_row (guint64 mark, const guint8 *row, gsize width)
{
  guint64 word;
  gsize i = 0;

  for (; i + sizeof word <= width; i += sizeof word) {
    memcpy (&word, row + i, sizeof word);
    mark = mix (mark, word);
  }
  word = 0;
  memcpy (&word, row + i, width - i);
  return mix (mark, word);
}

static guint64
make_mark (const FogLuma *luma)
{
  guint64 mark = mix ((guint64) luma->width, (guint64) luma->height);

  for (gint y = 0; y < luma->height; y++)
    mark = mark_row (mark, luma->data + (gsize) y * luma->stride, (gsize) luma->width);
  return mark;
}

gboolean
fog_look_at (FogLook *look, const FogLuma *luma)
{
  FogSketch sketch = {0};
  Survey blocks = {0};
  gdouble noise;

  if (!fog_sketch_draw (&sketch, luma))
    return FALSE;
  survey (&blocks, &sketch);
  noise = MIN (find_contrast (&blocks, 0.5), MOST_NOISE);
  look->brightness = (gdouble) blocks.sum / STEPS / (sketch.columns * sketch.rows);
  look->detail = MAX (find_contrast (&blocks, GREATEST) - NOISE_RATIO * noise, 0);
  look->mark = make_mark (luma);
  fog_sketch_clear (&sketch);
  return blocks.n >= LEAST_BLOCKS;
}
