/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarintegral.h"

#include <string.h>

#include "haarkernel.h"
#include "haarmemory.h"

gint
haar_integral_stride (gint width)
{
  return (width + 1 + 2 * HAAR_INTEGRAL_MARGIN + 63) / 64 * 64;
}

static gboolean
allocate (HaarIntegral *self, gsize size, gboolean tilted)
{
  haar_integral_clear (self);
  self->sum = g_try_new0 (guint32, size);
  self->squares = g_try_new0 (guint32, size);
  self->low = g_try_new0 (guint16, tilted ? 2 * size : size);
  if (tilted)
    self->tilted = g_try_new0 (guint32, size);
  if (!self->sum || !self->squares || !self->low || (tilted && !self->tilted)) {
    haar_integral_clear (self);
    return FALSE;
  }
  self->capacity = size;
  return TRUE;
}

static gboolean
reserve (HaarIntegral *self, gboolean tilted)
{
  gsize size = (gsize) self->layout.stride * (self->height + 1) + HAAR_INTEGRAL_MARGIN;

  if (size > self->capacity && !allocate (self, size, tilted))
    return FALSE;
  if (tilted && self->layout.stride > self->row_capacity) {
    if (!HAAR_TRY_RENEW (self->diagonals, self->layout.stride) ||
        !HAAR_TRY_RENEW (self->tilted_rows, 2 * self->layout.stride))
      return FALSE;
    self->row_capacity = self->layout.stride;
  }
  return TRUE;
}

gboolean
haar_integral_start (
    HaarIntegral *self, const HaarLayout *layout, gint width, gint height, gboolean tilted)
{
  self->layout = *layout;
  self->width = width;
  self->height = height;
  if (!reserve (self, tilted))
    return FALSE;
  memset (self->sum, 0, layout->stride * sizeof (guint32));
  memset (self->squares, 0, layout->stride * sizeof (guint32));
  memset (self->low, 0, layout->stride * sizeof (guint16));
  if (tilted) {
    memset (self->tilted, 0, layout->stride * sizeof (guint32));
    memset (self->low + self->capacity, 0, layout->stride * sizeof (guint16));
    memset (self->diagonals, 0, (width + 1) * sizeof (guint32));
    memset (self->tilted_rows, 0, 2 * self->row_capacity * sizeof (guint32));
  }
  return TRUE;
}

static void
store_tilted_row (const HaarIntegral *self, const guint32 *row, gint y)
{
  guint32 *to = self->tilted + (gsize) y * self->layout.stride;

  if (self->layout.step == 1)
    memcpy (to, row, (self->width + 1) * sizeof (guint32));
  else
    self->kernel->split (row, self->width / 2 + 1, to, to + self->layout.stride / 2);
}

/* A tilted value is the sum of the triangle of pixels above its point. A diagonal is the sum of the
 * pixels up and to the right of its point. */
static void
add_tilted_row (HaarIntegral *self, const guint8 *pixels, gint y)
{
  const guint32 *above = self->tilted_rows + (y & 1) * self->row_capacity;
  guint32 *restrict row = self->tilted_rows + (~y & 1) * self->row_capacity;
  guint32 *restrict diagonals = self->diagonals;
  gsize at = (gsize) (y + 1) * self->layout.stride;

  row[0] = y > 0 ? above[1] : 0;
  for (gint x = 0; x < self->width; x++)
    row[x + 1] = diagonals[x] + diagonals[x + 1] + pixels[x] + above[x];
  for (gint x = 0; x < self->width; x++)
    diagonals[x] = diagonals[x + 1] + pixels[x];
  store_tilted_row (self, row, y + 1);
  self->kernel->narrow (self->tilted + at, self->layout.stride, self->low + self->capacity + at);
}

void
haar_integral_add_row (HaarIntegral *self, const guint8 *pixels, gint y)
{
  self->kernel->add_row (self, pixels, y);
  if (self->tilted)
    add_tilted_row (self, pixels, y);
}

void
haar_integral_clear (HaarIntegral *self)
{
  g_clear_pointer (&self->sum, g_free);
  g_clear_pointer (&self->squares, g_free);
  g_clear_pointer (&self->tilted, g_free);
  g_clear_pointer (&self->low, g_free);
  g_clear_pointer (&self->diagonals, g_free);
  g_clear_pointer (&self->tilted_rows, g_free);
  self->capacity = 0;
  self->row_capacity = 0;
}
