/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkameta.h"
#include "mongowriterprivate.h"

#include <string.h>

gint64
mongo_writer_add_time (gint64 start, GstClockTime duration)
{
  return GST_CLOCK_TIME_IS_VALID (duration) ? start + (gint64) (duration / 1000) : G_MAXINT64;
}

GstElement *
mongo_writer_ref_owner (MongoWriter *self)
{
  GstElement *owner;

  g_mutex_lock (&self->lock);
  owner = self->owner ? gst_object_ref (self->owner) : NULL;
  g_mutex_unlock (&self->lock);
  return owner;
}

/* --- batches --- */

static gint
compare_collections (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(MongoItem *const *) a)->collection, (*(MongoItem *const *) b)->collection);
}

/* with the lock */
void
mongo_writer_take_batch (MongoWriter *self, GPtrArray *batch)
{
  gsize bytes = 0;
  MongoItem *item;

  for (guint i = 0; i < batch->len; i++)
    bytes += ((MongoItem *) g_ptr_array_index (batch, i))->document->len;
  while (batch->len < self->settings.batch_size && (item = g_queue_peek_head (&self->queue))) {
    if (batch->len && bytes + item->document->len > self->settings.batch_bytes)
      break;
    bytes += item->document->len;
    g_ptr_array_add (batch, g_queue_pop_head (&self->queue));
  }
  self->first_queued = g_get_monotonic_time ();
  g_ptr_array_sort (batch, compare_collections);
}

void
mongo_writer_take_more (MongoWriter *self, GPtrArray *batch)
{
  g_mutex_lock (&self->lock);
  mongo_writer_take_batch (self, batch);
  g_mutex_unlock (&self->lock);
}

/* --- buffers --- */

/* With the lock: moves the item's buffer to @buffers, for release_buffers() without the lock. */
static void
steal_buffer (MongoItem *item, GPtrArray *buffers)
{
  if (item->buffer)
    g_ptr_array_add (buffers, g_steal_pointer (&item->buffer));
}

static GPtrArray *
new_buffers (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
}

/* With the lock: the buffers of all waiting documents. */
static GPtrArray *
steal_all_buffers (MongoWriter *self)
{
  GPtrArray *buffers = new_buffers ();

  for (guint i = 0; i < self->workers->len; i++) {
    const MongoWorker *worker = g_ptr_array_index (self->workers, i);

    for (guint n = 0; n < worker->batch->len; n++)
      steal_buffer (g_ptr_array_index (worker->batch, n), buffers);
  }
  for (GList *link = self->queue.head; link; link = link->next)
    steal_buffer (link->data, buffers);
  return buffers;
}

/* Marks the ack tokens of the buffers with @outcome and releases the buffers. */
static void
release_buffers (GPtrArray *buffers, GstKafkaAckOutcome outcome)
{
  for (guint i = 0; i < buffers->len; i++)
    gst_kafka_meta_mark (g_ptr_array_index (buffers, i), outcome);
  g_ptr_array_unref (buffers);
}

/* --- failure --- */

void
mongo_writer_abandon (MongoWriter *self)
{
  GPtrArray *buffers = steal_all_buffers (self);

  g_queue_clear_full (&self->queue, (GDestroyNotify) mongo_item_free);
  self->stats.waiting = self->stats.waiting_bytes = 0;
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
  g_mutex_lock (&self->lock);
}

/* Marks the buffers failed before the failure becomes visible to other threads. */
static void
fail_waiting (MongoWriter *self)
{
  GPtrArray *buffers;

  g_mutex_lock (&self->lock);
  buffers = steal_all_buffers (self);
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
}

/* TRUE: this is the first failure. */
static gboolean
begin_to_fail (MongoWriter *self)
{
  gboolean first;

  g_mutex_lock (&self->lock);
  first = self->state < MONGO_WRITER_FAILING;
  if (first)
    self->state = MONGO_WRITER_FAILING;
  g_mutex_unlock (&self->lock);
  return first;
}

void
mongo_writer_fail_at (MongoWriter *self, const GError *error, const MongoPlace *place)
{
  GstElement *owner = mongo_writer_ref_owner (self);
  gboolean first = begin_to_fail (self);

  if (owner && error && first)
    self->funcs.failed (owner, error, place);
  gst_clear_object (&owner);
  fail_waiting (self);
  g_mutex_lock (&self->lock);
  self->state = MONGO_WRITER_ENDED;
  g_cond_broadcast (&self->changed);
  mongo_writer_abandon (self);
  g_mutex_unlock (&self->lock);
}

/* --- results --- */

static gboolean
is_settled (const MongoItem *item)
{
  return item->result.verdict == MONGO_VERDICT_STORED ||
         item->result.verdict == MONGO_VERDICT_DUPLICATE ||
         item->result.verdict == MONGO_VERDICT_REJECTED;
}

/* with the lock */
static void
count_settled (MongoWriter *self, const MongoItem *item)
{
  self->stats.waiting--;
  self->stats.waiting_bytes -= item->document->len;
  if (item->is_part)
    return;
  if (item->result.verdict == MONGO_VERDICT_STORED)
    self->stats.documents++;
  else if (item->result.verdict == MONGO_VERDICT_DUPLICATE)
    self->stats.duplicates++;
  else
    self->stats.rejected++;
}

/* with the lock */
static void
count_batch (MongoWriter *self, GstClockTime latency)
{
  MongoWriterStats *stats = &self->stats;

  stats->batches++;
  stats->write_latency = stats->write_latency ? (stats->write_latency * 7 + latency) / 8 : latency;
  stats->write_latency_max = MAX (stats->write_latency_max, latency);
}

static void
release_settled (MongoWriter *self, GPtrArray *batch)
{
  GPtrArray *stored = new_buffers (), *rejected = new_buffers ();

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    if (is_settled (item))
      steal_buffer (item, item->result.verdict == MONGO_VERDICT_REJECTED ? rejected : stored);
  }
  g_mutex_unlock (&self->lock);
  release_buffers (stored, GST_KAFKA_ACK_DONE);
  g_ptr_array_unref (rejected); /* funcs.rejected has marked their ack tokens */
}

/* Releases the buffers first, because after drain() all buffers must be released. */
void
mongo_writer_settle (MongoWriter *self, GPtrArray *batch, GstClockTime latency)
{
  guint before = batch->len;

  release_settled (self, batch);
  g_mutex_lock (&self->lock);
  for (guint i = batch->len; i-- > 0 && self->owner && self->state != MONGO_WRITER_ENDED;) {
    MongoItem *item = g_ptr_array_index (batch, i);

    if (is_settled (item)) {
      count_settled (self, item);
      g_ptr_array_remove_index (batch, i);
    }
  }
  if (batch->len < before)
    count_batch (self, latency);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}
