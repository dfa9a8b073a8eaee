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

/* Allocates the integral images. Returns FALSE if there is no memory for the integral images. */
static gboolean
allocate_low (HaarIntegral *self, gsize size)
{
  gsize twin = self->kernel->needs_twin ? (size / HAAR_LINE + 1) * HAAR_LINE + HAAR_LINE / 2 : 0;

  self->low_memory = g_try_new0 (guint16, twin + size + HAAR_LINE);
  if (!self->low_memory)
    return FALSE;
  self->low = (guint16 *) (((guintptr) self->low_memory + 2 * HAAR_LINE - 1) / (2 * HAAR_LINE) *
                           (2 * HAAR_LINE));
  self->twin = twin;
  return TRUE;
}

static gboolean
allocate (HaarIntegral *self, gsize size, gboolean tilted)
{
  haar_integral_clear (self);
  self->sum = g_try_new0 (guint32, size);
  self->squares = g_try_new0 (guint32, size);
  if (tilted)
    self->tilted = g_try_new0 (guint32, size);
  if (!self->sum || !self->squares || (tilted && !self->tilted) ||
      !allocate_low (self, tilted ? 2 * size : size)) {
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

static void
clear_low_row (HaarIntegral *self, guint16 *row)
{
  memset (row, 0, self->layout.stride * sizeof (guint16));
  memset (row + self->twin, 0, self->layout.stride * sizeof (guint16));
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
  clear_low_row (self, self->low);
  if (tilted) {
    memset (self->tilted, 0, layout->stride * sizeof (guint32));
    clear_low_row (self, self->low + self->capacity);
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

/* Adds a row to the tilted integral image. A value of the tilted integral image is the sum of the
 * triangle of pixels above its point. A value of `diagonals` is the sum of the pixels on the
 * diagonal that leads up and to the right from its point. */
static void
add_tilted_row (HaarIntegral *self, const guint8 *pixels, gint y)
{
  const guint32 *above = self->tilted_rows + (y & 1) * self->row_capacity;
  guint32 *restrict row = self->tilted_rows + (~y & 1) * self->row_capacity;
  guint32 *restrict diagonals = self->diagonals;
  gsize at = (gsize) (y + 1) * self->layout.stride;
  guint16 *low = self->low + self->capacity + at;

  row[0] = y > 0 ? above[1] : 0;
  for (gint x = 0; x < self->width; x++)
    row[x + 1] = diagonals[x] + diagonals[x + 1] + pixels[x] + above[x];
  for (gint x = 0; x < self->width; x++)
    diagonals[x] = diagonals[x + 1] + pixels[x];
  store_tilted_row (self, row, y + 1);
  self->kernel->narrow (self->tilted + at, self->layout.stride, low);
  if (self->twin)
    memcpy (low + self->twin, low, self->layout.stride * sizeof (guint16));
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
  g_clear_pointer (&self->low_memory, g_free);
  g_clear_pointer (&self->diagonals, g_free);
  g_clear_pointer (&self->tilted_rows, g_free);
  self->capacity = 0;
  self->row_capacity = 0;
}
