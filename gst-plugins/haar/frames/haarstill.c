/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarstill.h"

#include <string.h>

/* the smallest margin (px) around a changed part of the picture that is searched together with
 * it */
#define LEAST_MARGIN 32
/* The margin around a known face that is searched again together with the face, as a fraction of
 * the face's width, because a face is found by its contrast to the surroundings. */
#define MARGIN 0.5
#define MAX_CAMERAS 256

/* A camera's picture at its last search, and the faces that were found in it. A view is immutable
 * and reference-counted. */
typedef struct {
  FogSketch sketch; /* reduced copy of the picture at the last search */
  HaarParams params;
  gint64 full; /* time when the whole frame was last searched, us, monotonic */
  GArray *boxes;
} View;

struct _HaarStill {
  gatomicrefcount refs;
  GMutex lock;       /* guards the fields below; a leaf lock */
  GHashTable *views; /* camera to View */
};

static void
view_clear (gpointer data)
{
  View *view = data;

  fog_sketch_clear (&view->sketch);
  g_array_unref (view->boxes);
}

static void
view_unref (View *view)
{
  g_atomic_rc_box_release_full (view, view_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (View, view_unref)

/* Returns: (nullable): a view of the picture @luma; %NULL if there is no memory for it. */
static View *
view_new (const FogLuma *luma, const HaarParams *params, gint64 full, const GArray *boxes)
{
  View *view = g_atomic_rc_box_new0 (View);

  view->params = *params;
  view->full = full;
  view->boxes = g_array_sized_new (FALSE, FALSE, sizeof (HaarBox), boxes->len);
  g_array_append_vals (view->boxes, boxes->data, boxes->len);
  if (!fog_sketch_draw (&view->sketch, luma))
    g_clear_pointer (&view, view_unref);
  return view;
}

HaarStill *
haar_still_new (void)
{
  HaarStill *self = g_new0 (HaarStill, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->views =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) view_unref);
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

/* Extends @part until it contains every known face that it overlaps, and the surroundings of each
 * such face. */
static void
take_in_faces (const View *view, const FogLuma *luma, HaarRect *part)
{
  gboolean grown = TRUE;

  while (grown) {
    grown = FALSE;
    for (guint i = 0; i < view->boxes->len; i++) {
      const HaarRect *r = &g_array_index (view->boxes, HaarBox, i).rect;
      HaarRect wide = widen (r, (gint) (MARGIN * r->w), luma), all;

      if (!overlap (r, part))
        continue;
      all = unite (part, &wide);
      grown |= memcmp (&all, part, sizeof all) != 0;
      *part = all;
    }
  }
}

/* Returns: (nullable) (transfer full): the camera's view; %NULL if there is none, or its size or
 * parameters differ from those of this search */
static View *
find_view (HaarStill *self, const gchar *camera, const FogLuma *luma, const HaarParams *params)
{
  View *view;

  g_mutex_lock (&self->lock);
  view = g_hash_table_lookup (self->views, camera ? camera : "");
  if (view)
    g_atomic_rc_box_acquire (view);
  g_mutex_unlock (&self->lock);
  if (view && (view->sketch.width != luma->width || view->sketch.height != luma->height ||
                  !haar_params_equal (&view->params, params)))
    g_clear_pointer (&view, view_unref);
  return view;
}

/* Compares a frame with the camera's view. @part: (out): the part to search again */
static HaarStillDifference
find_part (const View *view, const FogLuma *luma, HaarRect *part)
{
  FogSketch sketch = {0};
  GstVideoRectangle change;
  gboolean differs;

  *part = (HaarRect){0};
  if (!fog_sketch_draw (&sketch, luma))
    return HAAR_STILL_ALL;
  differs = fog_sketch_differs (&view->sketch, &sketch, luma, &change);
  fog_sketch_clear (&sketch);
  if (!differs)
    return HAAR_STILL_NOTHING;
  *part = (HaarRect){change.x, change.y, change.w, change.h};
  *part = widen (part, MAX (view->params.min_w, LEAST_MARGIN), luma);
  take_in_faces (view, luma, part);
  /* If most of the frame differs, the whole frame is searched, because that costs little more and
   * starts a new rescan-interval. */
  return part->w * part->h > luma->width * luma->height / 4 * 3 ? HAAR_STILL_ALL : HAAR_STILL_PART;
}

HaarStillDifference
haar_still_compare (HaarStill *self, const gchar *camera, const FogLuma *luma,
    const HaarParams *params, gint64 interval, HaarRect *part, GArray *boxes)
{
  g_autoptr (View) view = find_view (self, camera, luma, params);
  HaarStillDifference difference;

  if (!view || g_get_monotonic_time () >= view->full + interval)
    return HAAR_STILL_ALL;
  difference = find_part (view, luma, part);
  for (guint i = 0; difference != HAAR_STILL_ALL && i < view->boxes->len; i++)
    if (!overlap (&g_array_index (view->boxes, HaarBox, i).rect, part))
      g_array_append_val (boxes, g_array_index (view->boxes, HaarBox, i));
  return difference;
}

/* Called with the lock: removes the camera whose whole frame was searched longest ago */
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
    const HaarParams *params, gboolean full, const GArray *boxes)
{
  g_autoptr (View) old = find_view (self, camera, luma, params);
  gint64 searched = full ? g_get_monotonic_time () : old ? old->full : 0;
  View *view = full || old ? view_new (luma, params, searched, boxes) : NULL;

  if (!view)
    return;
  g_mutex_lock (&self->lock);
  if (!old && g_hash_table_size (self->views) >= MAX_CAMERAS)
    forget_oldest (self);
  g_hash_table_insert (self->views, g_strdup (camera ? camera : ""), view);
  g_mutex_unlock (&self->lock);
}
