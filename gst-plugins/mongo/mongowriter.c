/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriter.h"

#include <string.h>

#include "gstkafkameta.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define CONNECT_TIMEOUT (5 * G_USEC_PER_SEC)
#define STOP_TIMEOUT (1500 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_MIN (50 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_MAX (2 * G_USEC_PER_SEC)
#define BATCHES_WAITING 4
#define LOST_BEFORE_DOUBT 2
#define LATE_DIVISOR 4
#define DOUBLINGS_MAX 6

/* A thread with a connection of its own. */
typedef struct {
  MongoWriter *writer;
  MongoSession *session; /* of the thread alone, as is the batch's array itself */
  GPtrArray *batch;      /* of MongoItem, being written; changed with the writer's lock */
  guint at_once;         /* how many of them a write takes: fewer where the database was too slow */
  guint doublings;       /* of the time that it gets for an answer */
  gint64 deadline;       /* of its tries; 0: the last one got somewhere */
  gint64 backoff;
  guint lost_in_row; /* tries over which the connection broke */
  gboolean in_outage;
} Worker;

struct _MongoWriter {
  gatomicrefcount refs; /* one of the element's, one of each thread's */
  MongoWriterFuncs funcs;
  MongoWriterSettings settings;
  GPtrArray *workers; /* of Worker; fixed once they run */

  GMutex lock;         /* guards all that follows, and the items' buffers; leaf */
  GCond changed;       /* any of it */
  GstElement *owner;   /* NULL: left behind */
  GQueue queue;        /* of MongoItem */
  gint64 first_queued; /* when the queue's first item came */
  gboolean interrupted, draining, stopping;
  gboolean connected;       /* once, by the first worker: the others wait for it */
  gboolean failing, failed; /* a worker gave up; all buffers are told of it */
  guint in_outage;          /* workers that wait for the database */
  guint running;            /* threads */
  MongoWriterStats stats;
};

static gint64
add_time (gint64 start, GstClockTime duration)
{
  return GST_CLOCK_TIME_IS_VALID (duration) ? start + (gint64) (duration / 1000) : G_MAXINT64;
}

/* with the lock: takes the item's buffer away, for release_buffers() without it. */
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

/* with the lock: the buffers of all that is waiting. */
static GPtrArray *
steal_all_buffers (MongoWriter *self)
{
  GPtrArray *buffers = new_buffers ();

  for (guint i = 0; i < self->workers->len; i++) {
    const Worker *worker = g_ptr_array_index (self->workers, i);

    for (guint n = 0; n < worker->batch->len; n++)
      steal_buffer (g_ptr_array_index (worker->batch, n), buffers);
  }
  for (GList *link = self->queue.head; link; link = link->next)
    steal_buffer (link->data, buffers);
  return buffers;
}

/* with the lock */
static void
clear_queue (MongoWriter *self)
{
  g_queue_clear_full (&self->queue, (GDestroyNotify) mongo_item_free);
  self->stats.waiting = self->stats.waiting_bytes = 0;
}

/* Lets go of the buffers, with a word on what became of them. */
static void
release_buffers (GPtrArray *buffers, GstKafkaAckOutcome outcome)
{
  for (guint i = 0; i < buffers->len; i++)
    gst_kafka_meta_mark (g_ptr_array_index (buffers, i), outcome);
  g_ptr_array_unref (buffers);
}

/* The owner, kept alive, or NULL. */
static GstElement *
ref_owner (MongoWriter *self)
{
  GstElement *owner;

  g_mutex_lock (&self->lock);
  owner = self->owner ? gst_object_ref (self->owner) : NULL;
  g_mutex_unlock (&self->lock);
  return owner;
}

static void
worker_free (Worker *worker)
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

/* ---- the thread: connection ---- */

/* Buffers are told of the failure before anyone can see it. */
static void
fail_waiting (MongoWriter *self)
{
  GPtrArray *buffers;

  g_mutex_lock (&self->lock);
  buffers = steal_all_buffers (self);
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
}

/* TRUE: no other worker did before. */
static gboolean
begin_to_fail (MongoWriter *self)
{
  gboolean first;

  g_mutex_lock (&self->lock);
  first = !self->failing;
  self->failing = TRUE;
  g_mutex_unlock (&self->lock);
  return first;
}

static void
fail (MongoWriter *self, const GError *error)
{
  GstElement *owner = ref_owner (self);
  gboolean first = begin_to_fail (self);
  GPtrArray *late;

  if (owner && error && first)
    self->funcs.failed (owner, error);
  gst_clear_object (&owner);
  fail_waiting (self);
  g_mutex_lock (&self->lock);
  self->failed = TRUE;
  late = steal_all_buffers (self);
  clear_queue (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  release_buffers (late, GST_KAFKA_ACK_FAILED);
}

static gboolean
is_stopping (MongoWriter *self)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping;
  g_mutex_unlock (&self->lock);
  return stopping;
}

/* FALSE: the deadline is over, the sink stops, or another worker gave up. */
static gboolean
wait_backoff (MongoWriter *self, gint64 *backoff, gint64 deadline)
{
  gint64 now = g_get_monotonic_time ();
  gint64 until = MIN (deadline, now + *backoff / 2 + g_random_int_range (0, *backoff));
  gboolean go_on;

  *backoff = MIN (*backoff * 2, BACKOFF_MAX);
  if (now >= deadline)
    return FALSE;
  g_mutex_lock (&self->lock);
  while (
      !self->stopping && !self->failing && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  go_on = !self->stopping && !self->failing;
  g_mutex_unlock (&self->lock);
  return go_on;
}

static gboolean
is_refused (const bson_error_t *error)
{
  return (error->domain == MONGOC_ERROR_CLIENT &&
             error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
         mongo_error_judge (error, NULL) == MONGO_VERDICT_DENIED;
}

static void
fail_to_connect (const Worker *self, const bson_error_t *what)
{
  const gchar *hosts = mongo_session_get_hosts (self->session);
  g_autoptr (GError) error = NULL;

  if (is_refused (what))
    g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "MongoDB at %s refused the user: %s. Check user, password and authSource in the URI.",
        hosts, what->message);
  else
    g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
        "Can't reach MongoDB at %s: %s. Check that it runs there, or set uri, uri-file or "
        "MONGODB_URI.",
        hosts, what->message);
  fail (self->writer, error);
}

static void
set_connected (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->connected = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
connect_first (Worker *self)
{
  gint64 deadline = g_get_monotonic_time () + CONNECT_TIMEOUT;
  gint64 backoff = BACKOFF_MIN;
  bson_error_t what = {0};

  do {
    if (mongo_session_ping (self->session, &what)) {
      set_connected (self->writer);
      return TRUE;
    }
    GST_INFO ("%s: %s", mongo_session_get_hosts (self->session), what.message);
    mongo_session_drop (self->session);
  } while (!is_refused (&what) && wait_backoff (self->writer, &backoff, deadline));
  if (!is_stopping (self->writer))
    fail_to_connect (self, &what);
  return FALSE;
}

/* FALSE: it never will be. */
static gboolean
wait_connected (MongoWriter *self)
{
  gboolean connected;

  g_mutex_lock (&self->lock);
  while (!self->connected && !self->failed && !self->stopping)
    g_cond_wait (&self->changed, &self->lock);
  connected = self->connected;
  g_mutex_unlock (&self->lock);
  return connected;
}

/* ---- the thread: batches ---- */

/* with the lock */
static gboolean
batch_is_due (MongoWriter *self, gint64 now)
{
  return self->draining || self->stopping || self->queue.length >= self->settings.batch_size ||
         self->stats.waiting_bytes >= self->settings.batch_bytes ||
         now >= add_time (self->first_queued, self->settings.batch_latency);
}

static gint
compare_collections (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(MongoItem *const *) a)->collection, (*(MongoItem *const *) b)->collection);
}

/* with the lock */
static void
take_batch (MongoWriter *self, GPtrArray *batch)
{
  gsize bytes = 0;
  MongoItem *item;

  while (batch->len < self->settings.batch_size && (item = g_queue_peek_head (&self->queue))) {
    if (batch->len && bytes + item->document->len > self->settings.batch_bytes)
      break;
    bytes += item->document->len;
    g_ptr_array_add (batch, g_queue_pop_head (&self->queue));
  }
  self->first_queued = g_get_monotonic_time ();
  g_ptr_array_sort (batch, compare_collections);
}

/* FALSE: stopping, and nothing left to do. */
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
      take_batch (self, batch);
      break;
    } else {
      g_cond_wait_until (
          &self->changed, &self->lock, add_time (self->first_queued, self->settings.batch_latency));
    }
  }
  found = batch->len > 0;
  g_mutex_unlock (&self->lock);
  return found;
}

static void
on_session_warning (gpointer data, const GError *error)
{
  MongoWriter *self = data;
  GstElement *owner = ref_owner (self);

  if (owner)
    self->funcs.warning (owner, error);
  gst_clear_object (&owner);
}

/* ---- the thread: what became of a batch ---- */

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
  g_ptr_array_unref (rejected); /* funcs.rejected has decided on their messages */
}

/* Buffers first: who has seen everything drained relies on their being gone. */
static void
settle_batch (MongoWriter *self, GPtrArray *batch, GstClockTime latency)
{
  guint before = batch->len;

  release_settled (self, batch);
  g_mutex_lock (&self->lock);
  for (guint i = batch->len; i-- > 0 && self->owner && !self->failed;) {
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

static gboolean
report_one (MongoWriter *self, GstElement *owner, MongoItem *item)
{
  GstBuffer *buffer;
  gboolean go_on;

  if (item->file && item->file->reported)
    return TRUE;
  if (item->file)
    item->file->reported = TRUE;
  g_mutex_lock (&self->lock);
  buffer = item->buffer ? gst_buffer_ref (item->buffer) : NULL;
  g_mutex_unlock (&self->lock);
  go_on = buffer && self->funcs.rejected (owner, item->document, buffer, &item->result);
  gst_clear_buffer (&buffer);
  return go_on;
}

/* FALSE: the owner doesn't want to go on without a document, or is gone. */
static gboolean
report_rejected (MongoWriter *self, GPtrArray *batch)
{
  GstElement *owner = ref_owner (self);
  gboolean go_on = owner != NULL;

  for (guint i = 0; i < batch->len && go_on; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    if (item->result.verdict == MONGO_VERDICT_REJECTED)
      go_on = report_one (self, owner, item);
  }
  gst_clear_object (&owner);
  return go_on;
}

/* What keeps the rest of the batch from being stored: the worst of its verdicts. */
static const MongoItem *
find_worst (GPtrArray *batch)
{
  const MongoItem *worst = NULL;

  for (guint i = 0; i < batch->len; i++) {
    const MongoItem *item = g_ptr_array_index (batch, i);

    if (!worst || item->result.verdict > worst->result.verdict)
      worst = item;
  }
  return worst;
}

static GError *
new_write_error (const Worker *self, const MongoItem *item)
{
  const MongoResult *result = &item->result;
  const gchar *hosts = mongo_session_get_hosts (self->session);
  const gchar *database = mongo_session_get_target (self->session)->database;

  if (result->verdict == MONGO_VERDICT_DENIED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "MongoDB at %s doesn't let this user write to %s.%s: %s. Grant it readWrite there, or use "
        "another user in the URI.",
        hosts, database, item->collection, result->reason);
  if (result->verdict == MONGO_VERDICT_FAILED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "MongoDB at %s takes nothing for %s.%s: %s (code %d). Check database, collection and the "
        "URI's write concern.",
        hosts, database, item->collection, result->reason, result->code);
  return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s didn't store documents in %s.%s for as long as retry-timeout allows: %s (code "
      "%d). Check the server, or raise retry-timeout.",
      hosts, database, item->collection, result->reason, result->code);
}

/* FALSE: another worker waits already, and told of it. */
static gboolean
begin_outage (MongoWriter *self)
{
  gboolean first;

  g_mutex_lock (&self->lock);
  first = self->in_outage++ == 0;
  g_mutex_unlock (&self->lock);
  return first;
}

static void
end_outage (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->in_outage--;
  g_mutex_unlock (&self->lock);
}

static void
report_outage (const Worker *self, const MongoResult *result)
{
  GstElement *owner = ref_owner (self->writer);
  g_autoptr (GError) error = NULL;

  if (!owner)
    return;
  g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s can't store documents now, waiting for it: %s (code %d).",
      mongo_session_get_hosts (self->session), result->reason, result->code);
  self->writer->funcs.outage (owner, error);
  gst_object_unref (owner);
}

static void
give_up (const Worker *self, const MongoItem *worst)
{
  g_autoptr (GError) error = is_stopping (self->writer) ? NULL : new_write_error (self, worst);

  fail (self->writer, error);
}

static void
count_retry (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->stats.retries++;
  g_mutex_unlock (&self->lock);
}

/* ---- the thread: a database that is away, or slow ---- */

static void
forget_results (GPtrArray *batch)
{
  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    mongo_result_clear (&item->result);
    item->result.verdict = MONGO_VERDICT_UNTRIED;
  }
}

/* A write that isn't answered in time may be at work even so, and the same one again would be no quicker. */
static void
adapt_to_speed (Worker *self, guint tried, const MongoItem *worst, gint64 took)
{
  gint64 patience = mongo_session_get_patience (self->session) * G_TIME_SPAN_MILLISECOND;

  if (worst && worst->result.verdict == MONGO_VERDICT_LATE) {
    self->at_once = MAX (1, tried / LATE_DIVISOR);
    self->doublings = MIN (self->doublings + 1, DOUBLINGS_MAX);
    GST_INFO ("%u documents weren't acknowledged in %.1f s; next %u at once", tried,
        took / (gdouble) G_USEC_PER_SEC, self->at_once);
  } else if ((!worst || worst->result.verdict == MONGO_VERDICT_UNTRIED) && took < patience / 4) {
    self->at_once = MIN (self->at_once * 2, self->writer->settings.batch_size);
    self->doublings -= self->doublings > 0;
  }
}

/* One try; (nullable): what isn't stored yet, the worst of it. */
static const MongoItem *
try_batch (Worker *self, gboolean *go_on)
{
  gint64 start = g_get_monotonic_time (), took;
  guint tried = MIN (self->batch->len, self->at_once);
  const MongoItem *worst;

  forget_results (self->batch);
  mongo_session_write (self->session, (MongoItem **) self->batch->pdata, tried,
      self->lost_in_row >= LOST_BEFORE_DOUBT);
  took = g_get_monotonic_time () - start;
  *go_on = report_rejected (self->writer, self->batch);
  if (!*go_on) {
    fail (self->writer, NULL);
    return NULL;
  }
  settle_batch (self->writer, self->batch, took * GST_USECOND);
  worst = find_worst (self->batch);
  adapt_to_speed (self, tried, worst, took);
  return worst;
}

/* For the next connection. */
static void
choose_patience (Worker *self)
{
  gint64 own = mongo_session_get_patience (self->session);
  gint64 left = (self->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

  if (own > 0)
    mongo_session_set_patience (
        self->session, (gint32) CLAMP (MIN (own << self->doublings, left), own, G_MAXINT32));
}

/* FALSE: no use, or too late. */
static gboolean
wait_to_try_again (Worker *self, const MongoItem *worst)
{
  MongoWriter *writer = self->writer;

  self->lost_in_row = worst->result.verdict == MONGO_VERDICT_LOST ? self->lost_in_row + 1 : 0;
  mongo_session_drop (self->session);
  if (!mongo_item_is_retry (worst))
    return FALSE;
  if (!self->deadline)
    self->deadline = add_time (g_get_monotonic_time (), writer->settings.retry_timeout);
  if (!self->in_outage && begin_outage (writer))
    report_outage (self, &worst->result);
  self->in_outage = TRUE;
  if (!wait_backoff (writer, &self->backoff, self->deadline))
    return FALSE;
  count_retry (writer);
  choose_patience (self);
  return TRUE;
}

static void
forget_trouble (Worker *self)
{
  self->deadline = 0;
  self->backoff = BACKOFF_MIN;
  self->lost_in_row = 0;
}

/* FALSE: given up. */
static gboolean
write_batch (Worker *self)
{
  guint left = self->batch->len;
  const MongoItem *worst;
  gboolean go_on;

  forget_trouble (self);
  while ((worst = try_batch (self, &go_on))) {
    if (self->batch->len < left)
      forget_trouble (self);
    left = self->batch->len;
    if (worst->result.verdict == MONGO_VERDICT_UNTRIED)
      continue;
    if (!wait_to_try_again (self, worst)) {
      give_up (self, worst);
      go_on = FALSE;
      break;
    }
  }
  if (self->in_outage)
    end_outage (self->writer);
  self->in_outage = FALSE;
  return go_on;
}

static gpointer
run (gpointer data)
{
  Worker *self = data;
  MongoWriter *writer = self->writer;
  gboolean first = self == g_ptr_array_index (writer->workers, 0);

  if (first ? connect_first (self) : wait_connected (writer))
    while (next_batch (writer, self->batch) && write_batch (self))
      ;
  mongo_session_drop (self->session);
  g_mutex_lock (&writer->lock);
  writer->running--;
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
  mongo_writer_unref (writer);
  return NULL;
}

/* ---- for the element ---- */

static void
add_worker (MongoWriter *self, const mongoc_uri_t *uri, const MongoTarget *target)
{
  Worker *worker = g_new0 (Worker, 1);

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
  /* What has to come one after the other goes over one connection. */
  guint connections = target->mode == MONGO_MODE_INSERT ? settings->connections : 1;

  g_atomic_ref_count_init (&self->refs);
  self->funcs = *funcs;
  self->settings = *settings;
  self->owner = owner;
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
  while (!self->failed && !self->interrupted && is_full (self))
    g_cond_wait (&self->changed, &self->lock);
  if (self->failed) {
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
  self->draining = TRUE;
  g_cond_broadcast (&self->changed);
  while (!self->failed && !self->interrupted && self->stats.waiting && in_time)
    in_time = g_cond_wait_until (&self->changed, &self->lock, deadline);
  self->draining = FALSE;
  if (self->failed)
    ret = MONGO_WRITER_FAILED;
  else if (!self->stats.waiting)
    ret = MONGO_WRITER_OK;
  else
    ret = in_time ? MONGO_WRITER_INTERRUPTED : MONGO_WRITER_TIMEOUT;
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
  const Worker *first = g_ptr_array_index (self->workers, 0);
  GPtrArray *buffers;

  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_cond_broadcast (&self->changed);
  while (self->running && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;
  if (self->running)
    GST_WARNING_OBJECT (self->owner, "leaving behind a write to %s that doesn't return",
        mongo_session_get_hosts (first->session));
  self->owner = NULL;
  buffers = steal_all_buffers (self);
  clear_queue (self);
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
}
