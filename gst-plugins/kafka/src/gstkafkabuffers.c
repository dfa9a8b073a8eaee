/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkabuffers.h"

#include "gstkafkameta.h"

/* Number of the meta's fields that a free buffer keeps: the first fields, which are the topic and
 * numbers. */
#define N_KEPT (GST_KAFKA_FIELD_TIMESTAMP + 1)
/* The largest number of free buffers that are kept: about as many as downstream holds at a time. */
#define MAX_KEPT 64

struct _GstKafkaBuffers {
  gatomicrefcount refs; /* reference count: one for the run, one for each buffer */
  GMutex lock;          /* guards all fields below */
  guint n;
  GstBuffer *kept[MAX_KEPT];
  gboolean closed;
};

/* GstBuffer's own dispose function, which gst_buffer_new() sets. This pointer is read and written
 * only by atomic operations, because several threads use it. */
static GstMiniObjectDisposeFunction dispose_buffer;

static GQuark
buffers_quark (void)
{
  static GQuark quark;

  return quark ? quark : (quark = g_quark_from_static_string ("gst-kafka-buffers"));
}

GstKafkaBuffers *
gst_kafka_buffers_new (void)
{
  GstKafkaBuffers *self = g_new0 (GstKafkaBuffers, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  return self;
}

static void
unref (gpointer buffers)
{
  GstKafkaBuffers *self = buffers;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
gst_kafka_buffers_close (GstKafkaBuffers *self)
{
  g_mutex_lock (&self->lock);
  self->closed = TRUE;
  g_mutex_unlock (&self->lock);
  while (self->n > 0)
    gst_buffer_unref (self->kept[--self->n]);
  unref (self);
}

/* --- a buffer is released downstream and comes back --- */

/* Returns FALSE if the field has to be removed, because it belongs to one message, or another
 * element has added it. */
static gboolean
is_kept (GQuark name, GValue *value, gpointer fields)
{
  for (guint i = 0; i < N_KEPT; i++)
    if (name == ((const GQuark *) fields)[i])
      return TRUE;
  return FALSE;
}

static gboolean
remove_other (GstBuffer *buffer, GstMeta **meta, gpointer kept)
{
  if (*meta == kept)
    return TRUE;
  GST_META_FLAG_UNSET (*meta, GST_META_FLAG_LOCKED);
  *meta = NULL;
  return TRUE;
}

static void
clean (GstBuffer *buffer, GstCustomMeta *meta)
{
  gst_buffer_remove_all_memory (buffer);
  gst_buffer_foreach_meta (buffer, remove_other, meta);
  gst_structure_filter_and_map_in_place (
      gst_custom_meta_get_structure (meta), is_kept, (gpointer) gst_kafka_meta_get_fields ());
  GST_MINI_OBJECT_FLAGS (buffer) = 0;
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = GST_BUFFER_DURATION (buffer) =
      GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET (buffer) = GST_BUFFER_OFFSET_END (buffer) = GST_BUFFER_OFFSET_NONE;
}

/* Returns FALSE if enough buffers are kept, or the run has ended */
static gboolean
keep (GstKafkaBuffers *self, GstBuffer *buffer)
{
  gboolean keeps;

  g_mutex_lock (&self->lock);
  keeps = !self->closed && self->n < MAX_KEPT;
  if (keeps)
    self->kept[self->n++] = buffer;
  g_mutex_unlock (&self->lock);
  return keeps;
}

/* Called when the last reference of @object is gone. Returns FALSE if @object must not be freed. */
static gboolean
come_back (GstMiniObject *object)
{
  GstBuffer *buffer = (GstBuffer *) object;
  GstKafkaBuffers *self = gst_mini_object_get_qdata (object, buffers_quark ());
  GstMiniObjectDisposeFunction dispose = g_atomic_pointer_get (&dispose_buffer);
  GstCustomMeta *meta = gst_kafka_meta_get (buffer);

  if (!meta)
    return dispose (object);
  gst_buffer_ref (buffer);
  clean (buffer, meta);
  if (keep (self, buffer))
    return FALSE;
  object->dispose = dispose;
  gst_buffer_unref (buffer);
  return FALSE;
}

/* --- a buffer leaves --- */

static GstBuffer *
make_buffer (GstKafkaBuffers *self)
{
  GstBuffer *buffer = gst_buffer_new ();

  gst_kafka_meta_ensure (buffer);
  g_atomic_ref_count_inc (&self->refs);
  gst_mini_object_set_qdata (GST_MINI_OBJECT_CAST (buffer), buffers_quark (), self, unref);
  g_atomic_pointer_set (&dispose_buffer, GST_MINI_OBJECT_CAST (buffer)->dispose);
  GST_MINI_OBJECT_CAST (buffer)->dispose = come_back;
  return buffer;
}

GstBuffer *
gst_kafka_buffers_take (GstKafkaBuffers *self)
{
  GstBuffer *buffer = NULL;

  g_mutex_lock (&self->lock);
  if (self->n > 0)
    buffer = self->kept[--self->n];
  g_mutex_unlock (&self->lock);
  return buffer ? buffer : make_buffer (self);
}
