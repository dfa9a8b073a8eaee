/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarstill.h"

#include <stdlib.h>
#include <string.h>

/* px: the side of the blocks whose means are compared. */
#define BLOCK 16
/* A difference of two means: noise causes a smaller one, a face a larger one. */
#define THRESHOLD 4
/* The surroundings of a face that are searched with it, as a part of its side: a face is found by
 * how it stands out from them. */
#define MARGIN 0.5
#define MAX_CAMERAS 256

/* What is known about a camera's picture. */
typedef struct {
  gint columns, rows;
  guint8 *means; /* of each block, when it was last searched */
  HaarParams params;
  gint64 full; /* us, monotonic: when the whole frame was searched last */
  GArray *rects;
} View;

struct _HaarStill {
  gatomicrefcount refs;
  GMutex lock;       /* guards the fields below; a leaf lock */
  GHashTable *views; /* camera to View */
};

static void
view_free (View *view)
{
  g_free (view->means);
  g_array_unref (view->rects);
  g_free (view);
}

HaarStill *
haar_still_new (void)
{
  HaarStill *self = g_new0 (HaarStill, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->views = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) view_free);
  return self;
}

HaarStill *
haar_still_ref (HaarStill *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
haar_still_unref (HaarStill *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->lock);
  g_hash_table_unref (self->views);
  g_free (self);
}

static guint8
block_mean (const FogLuma *luma, gint left, gint top)
{
  gint right = MIN (left + BLOCK, luma->width), bottom = MIN (top + BLOCK, luma->height);
  guint sum = 0;

  for (gint y = top; y < bottom; y++) {
    const guint8 *row = luma->data + (gsize) y * luma->stride;

    for (gint x = left; x < right; x++)
      sum += row[x];
  }
  return (guint8) (sum / (guint) ((right - left) * (bottom - top)));
}

/* (nullable): the mean of each block; NULL if there is no memory for them. */
static guint8 *
measure (const FogLuma *luma, gint columns, gint rows)
{
  guint8 *means = g_try_malloc ((gsize) columns * (gsize) rows);

  for (gint y = 0; means && y < rows; y++)
    for (gint x = 0; x < columns; x++)
      means[y * columns + x] = block_mean (luma, x * BLOCK, y * BLOCK);
  return means;
}

static void
count_blocks (const FogLuma *luma, gint *columns, gint *rows)
{
  *columns = (luma->width + BLOCK - 1) / BLOCK;
  *rows = (luma->height + BLOCK - 1) / BLOCK;
}

/* FALSE: no block differs. @change: the smallest rectangle round all blocks that do */
static gboolean
find_change (const View *view, const guint8 *means, HaarRect *change)
{
  gint left = view->columns, top = view->rows, right = -1, bottom = -1;

  for (gint y = 0; y < view->rows; y++)
    for (gint x = 0; x < view->columns; x++) {
      gint i = y * view->columns + x;

      if (abs (means[i] - view->means[i]) < THRESHOLD)
        continue;
      left = MIN (left, x);
      right = MAX (right, x);
      top = MIN (top, y);
      bottom = MAX (bottom, y);
    }
  if (right < 0)
    return FALSE;
  *change =
      (HaarRect){left * BLOCK, top * BLOCK, (right - left + 1) * BLOCK, (bottom - top + 1) * BLOCK};
  return TRUE;
}

static gboolean
overlap (const HaarRect *a, const HaarRect *b)
{
  return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

static HaarRect
unite (const HaarRect *a, const HaarRect *b)
{
  gint x = MIN (a->x, b->x), y = MIN (a->y, b->y);

  return (HaarRect){x, y, MAX (a->x + a->w, b->x + b->w) - x, MAX (a->y + a->h, b->y + b->h) - y};
}

static HaarRect
widen (const HaarRect *r, gint margin, const FogLuma *luma)
{
  gint x = MAX (r->x - margin, 0), y = MAX (r->y - margin, 0);

  return (HaarRect){x, y, MIN (r->x + r->w + margin, luma->width) - x,
      MIN (r->y + r->h + margin, luma->height) - y};
}

/* Grows @part until it holds every known face that it touches, each with its surroundings. */
static void
take_in_faces (const View *view, const FogLuma *luma, HaarRect *part)
{
  gboolean grown = TRUE;

  while (grown) {
    grown = FALSE;
    for (guint i = 0; i < view->rects->len; i++) {
      const HaarRect *r = &g_array_index (view->rects, HaarRect, i);
      HaarRect wide = widen (r, (gint) (MARGIN * r->w), luma), all;

      if (!overlap (r, part))
        continue;
      all = unite (part, &wide);
      grown |= memcmp (&all, part, sizeof all) != 0;
      *part = all;
    }
  }
}

/* with the lock; (nullable): NULL if what is known is about another size or other parameters */
static View *
find_view (HaarStill *self, const gchar *camera, gint columns, gint rows, const HaarParams *params)
{
  View *view = g_hash_table_lookup (self->views, camera ? camera : "");

  return view && view->columns == columns && view->rows == rows &&
                 haar_params_equal (&view->params, params)
             ? view
             : NULL;
}

HaarStillDifference
haar_still_compare (HaarStill *self, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gint64 interval, HaarRect *part, GArray *rects)
{
  HaarStillDifference difference = HAAR_STILL_ALL;
  g_autofree guint8 *means = NULL;
  gint columns, rows;
  View *view;

  count_blocks (luma, &columns, &rows);
  means = measure (luma, columns, rows);
  g_mutex_lock (&self->lock);
  view = means ? find_view (self, camera, columns, rows, params) : NULL;
  if (view && g_get_monotonic_time () < view->full + interval) {
    *part = (HaarRect){0};
    difference = HAAR_STILL_NOTHING;
    if (find_change (view, means, part)) {
      difference = HAAR_STILL_PART;
      *part = widen (part, MAX (params->min_w, 2 * BLOCK), luma);
      take_in_faces (view, luma, part);
    }
    /* If most of the frame differs, a search of all of it costs little more, and makes the next
     * frame cheaper. */
    if (part->w * part->h > luma->width * luma->height / 4 * 3) {
      g_mutex_unlock (&self->lock);
      return HAAR_STILL_ALL;
    }
    for (guint i = 0; i < view->rects->len; i++)
      if (!overlap (&g_array_index (view->rects, HaarRect, i), part))
        g_array_append_val (rects, g_array_index (view->rects, HaarRect, i));
  }
  g_mutex_unlock (&self->lock);
  return difference;
}

/* with the lock: makes room for one more camera */
static void
forget_oldest (HaarStill *self)
{
  gint64 oldest = G_MAXINT64;
  const gchar *camera = NULL;
  GHashTableIter iter;
  gpointer name, view;

  g_hash_table_iter_init (&iter, self->views);
  while (g_hash_table_iter_next (&iter, &name, &view)) {
    if (((View *) view)->full < oldest) {
      oldest = ((View *) view)->full;
      camera = name;
    }
  }
  g_hash_table_remove (self->views, camera);
}

void
haar_still_update (HaarStill *self, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gboolean full, const GArray *rects)
{
  guint8 *means;
  gint columns, rows;
  View *view;

  count_blocks (luma, &columns, &rows);
  means = measure (luma, columns, rows);
  if (!means)
    return;
  g_mutex_lock (&self->lock);
  view = find_view (self, camera, columns, rows, params);
  if (!view && full) {
    if (g_hash_table_size (self->views) >= MAX_CAMERAS)
      forget_oldest (self);
    view = g_new0 (View, 1);
    view->columns = columns;
    view->rows = rows;
    view->params = *params;
    view->rects = g_array_new (FALSE, FALSE, sizeof (HaarRect));
    g_hash_table_insert (self->views, g_strdup (camera ? camera : ""), view);
  }
  if (view) {
    g_free (view->means);
    view->means = g_steal_pointer (&means);
    g_array_set_size (view->rects, 0);
    g_array_append_vals (view->rects, rects->data, rects->len);
    if (full)
      view->full = g_get_monotonic_time ();
  }
  g_mutex_unlock (&self->lock);
  g_free (means);
}
