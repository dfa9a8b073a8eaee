/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarlooks.h"

#define INTERVAL G_USEC_PER_SEC
/* Largest number of cameras that are remembered, because names from the network must not fill the
 * memory. */
#define MAX_CAMERAS 4096

/* The latest look at a camera's picture. Times are monotonic, us. */
typedef struct {
  gint64 due;   /* time when a picture of the camera is to be looked at next */
  gint64 since; /* time of the picture's latest change */
  guint64 mark; /* FogLook's mark of the picture; 0: no picture was looked at yet */
} Last;

struct _HaarLooks {
  gatomicrefcount refs;
  GMutex lock;         /* guards the field below; no other lock is taken under it */
  GHashTable *cameras; /* maps a camera's name to Last */
};

HaarLooks *
haar_looks_new (void)
{
  HaarLooks *self = g_new0 (HaarLooks, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->cameras = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

HaarLooks *
haar_looks_ref (HaarLooks *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
haar_looks_unref (HaarLooks *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->lock);
  g_hash_table_unref (self->cameras);
  g_free (self);
}

/* with the lock */
static Last *
find_last (HaarLooks *self, const gchar *camera)
{
  Last *last = g_hash_table_lookup (self->cameras, camera);

  if (last)
    return last;
  if (g_hash_table_size (self->cameras) >= MAX_CAMERAS)
    g_hash_table_remove_all (self->cameras);
  last = g_new0 (Last, 1);
  g_hash_table_insert (self->cameras, g_strdup (camera), last);
  return last;
}

static gboolean
is_due (HaarLooks *self, const gchar *camera, gint64 now)
{
  gboolean due;
  Last *last;

  g_mutex_lock (&self->lock);
  last = find_last (self, camera);
  due = now >= last->due;
  if (due)
    last->due = now + INTERVAL;
  g_mutex_unlock (&self->lock);
  return due;
}

/* Returns the time (s) for which the pictures of @camera have had the same @mark. */
static gdouble
compare (HaarLooks *self, const gchar *camera, guint64 mark, gint64 now)
{
  gint64 since;
  Last *last;

  g_mutex_lock (&self->lock);
  last = find_last (self, camera);
  if (last->mark != mark)
    last->since = now;
  last->mark = mark;
  since = last->since;
  g_mutex_unlock (&self->lock);
  return (gdouble) (now - since) / G_USEC_PER_SEC;
}

gboolean
haar_looks_take (
    HaarLooks *self, const gchar *camera, const FogLuma *luma, gint64 now, HaarLook *look)
{
  FogLook seen;

  if (!camera || !is_due (self, camera, now) || !fog_look_at (&seen, luma))
    return FALSE;
  *look = (HaarLook){seen.brightness, seen.detail, compare (self, camera, seen.mark, now)};
  return TRUE;
}
