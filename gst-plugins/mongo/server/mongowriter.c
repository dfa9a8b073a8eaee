/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriterprivate.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define STOP_TIMEOUT (1500 * G_TIME_SPAN_MILLISECOND)
#define BATCHES_WAITING 4

static void
worker_free (MongoWorker *worker)
{
  mongo_session_free (worker->session);
  g_ptr_array_unref (worker->batch);
  g_free (worker);
}

void
mongo_writer_unref (MongoWriter *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_queue_clear_full (&self->queue, (GDestroyNotify) mongo_item_free);
  g_ptr_array_unref (self->workers);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

/* --- the threads: batches --- */

/* with the lock */
static gboolean
batch_is_due (MongoWriter *self, gint64 now)
{
  return self->draining || self->stopping || self->queue.length >= self->settings.batch_size ||
         self->stats.waiting_bytes >= self->settings.batch_bytes ||
         now >= mongo_writer_add_time (self->first_queued, self->settings.batch_latency);
}

/* Waits for a batch. FALSE: the writer is stopping, and the queue is empty. */
static gboolean
next_batch (MongoWriter *self, GPtrArray *batch)
{
  gboolean found;

  g_mutex_lock (&self->lock);
  for (;;) {
    gint64 now = g_get_monotonic_time ();

    if (!self->queue.length) {
      if (self->stopping)
        break;
      g_cond_wait (&self->changed, &self->lock);
    } else if (batch_is_due (self, now)) {
      mongo_writer_take_batch (self, batch);
      GST_LOG_OBJECT (self->owner, "a batch of %u documents; %u more are queued", batch->len,
          self->queue.length);
      break;
    } else {
      g_cond_wait_until (&self->changed, &self->lock,
          mongo_writer_add_time (self->first_queued, self->settings.batch_latency));
    }
  }
  found = batch->len > 0;
  g_mutex_unlock (&self->lock);
  return found;
}

static void
on_session_warning (gpointer data, const GError *error, const MongoPlace *place)
{
  MongoWriter *self = data;
  GstElement *owner = mongo_writer_ref_owner (self);

  if (owner)
    self->funcs.warning (owner, error, place);
  gst_clear_object (&owner);
}

/* --- the threads: life --- */

/* Waits until the first thread has connected. FALSE: it never will. */
static gboolean
wait_connected (MongoWriter *self)
{
  gboolean connected;

  g_mutex_lock (&self->lock);
  while (self->state == MONGO_WRITER_CONNECTING && !self->stopping)
    g_cond_wait (&self->changed, &self->lock);
  connected = self->state == MONGO_WRITER_WORKING;
  g_mutex_unlock (&self->lock);
  return connected;
}

static gpointer
run (gpointer data)
{
  MongoWorker *self = data;
  MongoWriter *writer = self->writer;
  gboolean first = self == g_ptr_array_index (writer->workers, 0);

  if (first ? mongo_worker_connect (self) : wait_connected (writer))
    while (next_batch (writer, self->batch) && mongo_worker_write (self))
      ;
  mongo_session_drop (self->session);
  g_mutex_lock (&writer->lock);
  writer->running--;
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
  mongo_writer_unref (writer);
  return NULL;
}

/* --- for the element --- */

static void
add_worker (MongoWriter *self, const mongoc_uri_t *uri, const MongoTarget *target)
{
  MongoWorker *worker = g_new0 (MongoWorker, 1);

  worker->writer = self;
  worker->session = mongo_session_new (uri, target, on_session_warning, self);
  worker->batch = g_ptr_array_new_with_free_func ((GDestroyNotify) mongo_item_free);
  worker->at_once = self->settings.batch_size;
  g_ptr_array_add (self->workers, worker);
}

static void
start_worker (gpointer worker, gpointer writer)
{
  MongoWriter *self = writer;

  g_atomic_ref_count_inc (&self->refs);
  self->running++;
  g_thread_unref (g_thread_new ("mongosink", run, worker));
}

MongoWriter *
mongo_writer_start (GstElement *owner, const MongoWriterFuncs *funcs, const mongoc_uri_t *uri,
    const MongoTarget *target, const MongoWriterSettings *settings)
{
  MongoWriter *self = g_new0 (MongoWriter, 1);
  /* Where the order of writes matters, one connection keeps it. */
  guint connections = target->mode == MONGO_MODE_INSERT ? settings->connections : 1;

  g_atomic_ref_count_init (&self->refs);
  self->funcs = *funcs;
  self->settings = *settings;
  self->owner = owner;
  self->state = MONGO_WRITER_CONNECTING;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  self->workers = g_ptr_array_new_with_free_func ((GDestroyNotify) worker_free);
  for (guint i = 0; i < connections; i++)
    add_worker (self, uri, target);
  g_mutex_lock (&self->lock);
  g_ptr_array_foreach (self->workers, start_worker, self);
  g_mutex_unlock (&self->lock);
  return self;
}

/* with the lock */
static gboolean
is_full (MongoWriter *self)
{
  return self->stats.waiting >= (guint64) self->settings.batch_size * BATCHES_WAITING ||
         self->stats.waiting_bytes >= (guint64) self->settings.batch_bytes * BATCHES_WAITING;
}

MongoWriterReturn
mongo_writer_push (MongoWriter *self, MongoItem *item)
{
  MongoWriterReturn ret = MONGO_WRITER_OK;

  g_mutex_lock (&self->lock);
  while (self->state != MONGO_WRITER_ENDED && !self->interrupted && is_full (self)) {
    GST_LOG_OBJECT (self->owner, "%" G_GUINT64_FORMAT " documents are waiting: waiting for room",
        self->stats.waiting);
    g_cond_wait (&self->changed, &self->lock);
  }
  if (self->state == MONGO_WRITER_ENDED) {
    ret = MONGO_WRITER_FAILED;
  } else if (is_full (self)) {
    ret = MONGO_WRITER_INTERRUPTED;
  } else {
    if (!self->queue.length)
      self->first_queued = g_get_monotonic_time ();
    g_queue_push_tail (&self->queue, item);
    self->stats.waiting++;
    self->stats.waiting_bytes += item->document->len;
    if (self->queue.length == 1 || batch_is_due (self, 0))
      g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  return ret;
}

MongoWriterReturn
mongo_writer_drain (MongoWriter *self, gint64 deadline)
{
  MongoWriterReturn ret;
  gboolean in_time = TRUE;

  g_mutex_lock (&self->lock);
  GST_INFO_OBJECT (self->owner,
      "draining: %" G_GUINT64_FORMAT " documents are waiting, for at most %.1f s",
      self->stats.waiting, (deadline - g_get_monotonic_time ()) / (gdouble) G_USEC_PER_SEC);
  self->draining = TRUE;
  g_cond_broadcast (&self->changed);
  while (self->state != MONGO_WRITER_ENDED && !self->interrupted && self->stats.waiting && in_time)
    in_time = g_cond_wait_until (&self->changed, &self->lock, deadline);
  self->draining = FALSE;
  if (self->state == MONGO_WRITER_ENDED)
    ret = MONGO_WRITER_FAILED;
  else if (!self->stats.waiting)
    ret = MONGO_WRITER_OK;
  else
    ret = in_time ? MONGO_WRITER_INTERRUPTED : MONGO_WRITER_TIMEOUT;
  GST_INFO_OBJECT (self->owner, "%s: %" G_GUINT64_FORMAT " documents are waiting",
      ret == MONGO_WRITER_OK ? "drained" : "not drained", self->stats.waiting);
  g_mutex_unlock (&self->lock);
  return ret;
}

void
mongo_writer_set_interrupted (MongoWriter *self, gboolean interrupted)
{
  g_mutex_lock (&self->lock);
  self->interrupted = interrupted;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
mongo_writer_get_stats (MongoWriter *self, MongoWriterStats *stats)
{
  g_mutex_lock (&self->lock);
  *stats = self->stats;
  g_mutex_unlock (&self->lock);
}

void
mongo_writer_stop (MongoWriter *self)
{
  gint64 deadline = g_get_monotonic_time () + STOP_TIMEOUT;
  const MongoWorker *first = g_ptr_array_index (self->workers, 0);

  g_mutex_lock (&self->lock);
  GST_INFO_OBJECT (
      self->owner, "stopping: %" G_GUINT64_FORMAT " documents are waiting", self->stats.waiting);
  self->stopping = TRUE;
  g_cond_broadcast (&self->changed);
  while (self->running && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;
  if (self->running)
    GST_WARNING_OBJECT (self->owner, "a write to %s doesn't return: abandoning it",
        mongo_session_get_hosts (first->session));
  self->owner = NULL;
  mongo_writer_abandon (self);
  g_mutex_unlock (&self->lock);
}
