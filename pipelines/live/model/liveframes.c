/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveframes.h"

/* Estimate of the memory (bytes) that a frame needs in addition to its contents. */
#define OVERHEAD 1024

struct _LiveFrames {
  GMutex lock;
  gsize most, size; /* bytes */
  GQueue all;       /* queue of LiveFrame, the oldest first; owns the frames */
  /* maps a camera's name, or "" for frames without a camera, to a GQueue of its LiveFrames, the
   * oldest first */
  GHashTable *cameras;
  GHashTable *by_place; /* maps a LivePlace to the LiveFrame at this position */
};

static guint
hash_place (gconstpointer data)
{
  const LivePlace *place = data;

  return g_str_hash (place->topic) ^ (guint) place->offset ^ ((guint) place->partition << 24);
}

static gboolean
places_equal (gconstpointer a, gconstpointer b)
{
  const LivePlace *one = a, *other = b;

  return one->offset == other->offset && one->partition == other->partition &&
         g_str_equal (one->topic, other->topic);
}

static void
free_queue (gpointer queue)
{
  g_queue_free (queue);
}

LiveFrames *
live_frames_new (gsize most)
{
  LiveFrames *self = g_new0 (LiveFrames, 1);

  g_mutex_init (&self->lock);
  self->most = most;
  g_queue_init (&self->all);
  self->cameras = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_queue);
  self->by_place = g_hash_table_new (hash_place, places_equal);
  return self;
}

void
live_frames_free (LiveFrames *self)
{
  g_hash_table_unref (self->by_place);
  g_hash_table_unref (self->cameras);
  g_queue_clear_full (&self->all, (GDestroyNotify) live_frame_unref);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static const gchar *
camera_of (const LiveFrame *frame)
{
  return frame->camera ? frame->camera : "";
}

static gsize
room_of (const LiveFrame *frame)
{
  return OVERHEAD + (frame->bytes ? frame->size : 0);
}

/* with self->lock */
static void
drop_oldest (LiveFrames *self)
{
  LiveFrame *frame = g_queue_pop_head (&self->all);
  GQueue *queue = g_hash_table_lookup (self->cameras, camera_of (frame));

  g_queue_pop_head (queue);
  if (queue->length == 0)
    g_hash_table_remove (self->cameras, camera_of (frame));
  if (g_hash_table_lookup (self->by_place, &frame->place) == frame)
    g_hash_table_remove (self->by_place, &frame->place);
  self->size -= room_of (frame);
  live_frame_unref (frame);
}

/* with self->lock */
static GQueue *
ensure_queue (LiveFrames *self, const gchar *camera)
{
  GQueue *queue = g_hash_table_lookup (self->cameras, camera);

  if (!queue) {
    queue = g_queue_new ();
    g_hash_table_insert (self->cameras, g_strdup (camera), queue);
  }
  return queue;
}

static gint64
find_first (const LiveFrame *frame, const LiveFrame *before)
{
  if (!frame->delta)
    return frame->place.offset;
  return before && live_frame_precedes (before, frame) ? before->first : -1;
}

/* with self->lock */
static void
add (LiveFrames *self, LiveFrame *frame)
{
  GQueue *queue = ensure_queue (self, camera_of (frame));

  frame->first = find_first (frame, g_queue_peek_tail (queue));
  g_queue_push_tail (&self->all, live_frame_ref (frame));
  g_queue_push_tail (queue, frame);
  g_hash_table_insert (self->by_place, &frame->place, frame);
  self->size += room_of (frame);
  while (self->size > self->most)
    drop_oldest (self);
}

void
live_frames_add (LiveFrames *self, LiveFrame *frame)
{
  const LiveFrame *known;

  g_mutex_lock (&self->lock);
  known = g_hash_table_lookup (self->by_place, &frame->place);
  if (!known)
    add (self, frame);
  else if (known != frame)
    frame->first = known->first;
  g_mutex_unlock (&self->lock);
}

LiveFrame *
live_frames_find (LiveFrames *self, const LivePlace *place)
{
  LiveFrame *frame;

  g_mutex_lock (&self->lock);
  frame = g_hash_table_lookup (self->by_place, place);
  if (frame)
    live_frame_ref (frame);
  g_mutex_unlock (&self->lock);
  return frame;
}

GPtrArray *
live_frames_list (LiveFrames *self, const gchar *camera, guint most)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) live_frame_unref);
  GQueue *queue;

  g_mutex_lock (&self->lock);
  queue = g_hash_table_lookup (self->cameras, camera);
  for (const GList *l = queue ? queue->tail : NULL; l && list->len < most; l = l->prev)
    g_ptr_array_add (list, live_frame_ref (l->data));
  g_mutex_unlock (&self->lock);
  return list;
}
