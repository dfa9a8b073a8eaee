/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriter.h"
#include "fogthread.h"
#include "gstkafkameta.h"
#include "mongouri.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

/* One of the writer's threads, which has a connection of its own. */
typedef struct {
  MongoWriter *writer;
  MongoSession *session; /* the thread's connection, which no other thread uses */
  /* array of MongoItem: the documents that are being written; only this thread changes the array,
   * with the lock */
  GPtrArray *batch;
  /* largest number of documents in one write; it becomes smaller when the database is too slow */
  guint at_once;
  guint doublings; /* number of times that the time for an answer was doubled */
  /* monotonic time (us) when the thread stops trying again; 0: the last try stored a document */
  gint64 deadline;
  gint64 backoff; /* mean pause (us) before the next try */
  /* number of successive tries that broke the connection, or ended with an internal error of the
   * server */
  guint lost_in_row;
  gint64 outage_began; /* monotonic time (us) when the outage began; 0: no outage */
  gboolean isolated;   /* TRUE if the next try writes the first document of the batch alone */
  FogThread *thread;   /* created by the element */
} MongoWorker;

typedef enum {
  MONGO_WRITER_CONNECTING, /* the first thread connects, and the other threads wait until it has */
  MONGO_WRITER_WORKING,
  MONGO_WRITER_FAILING, /* a thread is posting an error */
  MONGO_WRITER_ENDED,   /* the error was posted, and all buffers are marked failed */
} MongoWriterState;

struct _MongoWriter {
  gatomicrefcount refs; /* number of references: the element and each thread have one */
  MongoWriterFuncs funcs;
  MongoWriterSettings settings;
  gchar *hosts, *database; /* the hosts of the URI and the target's database, for messages */
  GPtrArray *workers;      /* array of MongoWorker, which doesn't change while the threads run */

  /* The lock guards all fields below, and the items' buffers. The lock order is the element's
   * object lock, then `lock`; no other lock is taken while `lock` is held. */
  GMutex lock;
  GCond changed; /* signalled after each change of a field that the lock guards */
  /* the element that owns the writer; NULL after mongo_writer_stop(), which a thread that is stuck
   * in libmongoc may outlive */
  GstElement *owner;
  GQueue queue;        /* of MongoItem */
  gint64 first_queued; /* monotonic time (us) since when the first item of the queue waits */
  gboolean interrupted, draining, stopping;
  MongoWriterState state;
  guint in_outage; /* number of threads that wait in an outage of the database */
  /* number of first failures and of stored documents so far, which shows which of two came first */
  gsize count;
  /* maps a collection's name to the value of `count` when a document of the collection was last
   * stored */
  GHashTable *stored;
  MongoWriterStats stats;
};

/* Writes to the debug log, with the owner as the object. Must be called without the lock. */
#define MONGO_WRITER_LOG(self, level, ...)                                                         \
  G_STMT_START                                                                                     \
  {                                                                                                \
    if (gst_debug_category_get_threshold (GST_CAT_DEFAULT) >= GST_LEVEL_##level) {                 \
      GstElement *owner_ = ref_owner (self);                                                       \
      GST_CAT_LEVEL_LOG (GST_CAT_DEFAULT, GST_LEVEL_##level, owner_, __VA_ARGS__);                 \
      gst_clear_object (&owner_);                                                                  \
    }                                                                                              \
  }                                                                                                \
  G_STMT_END

/* @start: us; @duration: ns, GST_CLOCK_TIME_NONE for ever. Returns: us */
static gint64
add_time (gint64 start, GstClockTime duration)
{
  return GST_CLOCK_TIME_IS_VALID (duration) ? start + (gint64) (duration / 1000) : G_MAXINT64;
}

/* (nullable) (transfer full) */
static GstElement *
ref_owner (MongoWriter *self)
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

/* Called with the lock: moves items from the queue to @batch until the batch is full, and sorts the
 * batch by collection. */
static void
take_batch (MongoWriter *self, GPtrArray *batch)
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

/* Called without the lock: moves items from the queue to @batch until the batch is full, and sorts
 * the batch by collection. */
static void
take_more (MongoWriter *self, GPtrArray *batch)
{
  g_mutex_lock (&self->lock);
  take_batch (self, batch);
  g_mutex_unlock (&self->lock);
}

/* --- buffers --- */

/* Called with the lock: moves the item's buffer to @buffers, because release_buffers() must be
 * called without the lock. */
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

/* With the lock. Takes the buffers from all waiting documents and returns them. */
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

/* Marks the ack tokens of @buffers with @outcome and releases @buffers. */
static void
release_buffers (GPtrArray *buffers, GstKafkaAckOutcome outcome)
{
  for (guint i = 0; i < buffers->len; i++)
    gst_kafka_meta_mark (g_ptr_array_index (buffers, i), outcome);
  g_ptr_array_unref (buffers);
}

/* --- failure --- */

/* Called with the lock, which is released for a moment: empties the queue and marks all buffers
 * failed. */
static void
abandon (MongoWriter *self)
{
  GPtrArray *buffers = steal_all_buffers (self);

  g_queue_clear_full (&self->queue, (GDestroyNotify) mongo_item_free);
  self->stats.waiting = self->stats.waiting_bytes = 0;
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
  g_mutex_lock (&self->lock);
}

/* Marks all buffers failed. Called before `state` becomes MONGO_WRITER_ENDED, which other threads
 * wait for. */
static void
fail_waiting (MongoWriter *self)
{
  GPtrArray *buffers;

  g_mutex_lock (&self->lock);
  buffers = steal_all_buffers (self);
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
}

/* Returns TRUE if this is the first failure, which the caller has to post. */
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

/* Takes the lock itself. Makes all threads end, and posts @error. @error: NULL if the writer is
 * stopping, or the error was posted already */
#define fail(self, error) fail_at (self, error, MONGO_HERE)
static void
fail_at (MongoWriter *self, const GError *error, const MongoPlace *place)
{
  GstElement *owner = ref_owner (self);
  gboolean first = begin_to_fail (self);

  if (owner && error && first)
    self->funcs.failed (owner, error, place);
  gst_clear_object (&owner);
  fail_waiting (self);
  g_mutex_lock (&self->lock);
  self->state = MONGO_WRITER_ENDED;
  g_cond_broadcast (&self->changed);
  abandon (self);
  g_mutex_unlock (&self->lock);
}

/* --- results --- */

static gboolean
is_stored (const MongoItem *item)
{
  return item->result.verdict == MONGO_VERDICT_STORED ||
         item->result.verdict == MONGO_VERDICT_DUPLICATE;
}

static gboolean
is_settled (const MongoItem *item)
{
  return is_stored (item) || item->result.verdict == MONGO_VERDICT_REJECTED;
}

/* Notes the collections in which documents were stored, so that a thread whose document was refused
 * knows that the server stores others. */
static void
note_stored (MongoWriter *self, const GPtrArray *batch)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < batch->len; i++) {
    const MongoItem *item = g_ptr_array_index (batch, i);

    if (is_stored (item))
      g_hash_table_replace (
          self->stored, g_ref_string_acquire (item->collection), GSIZE_TO_POINTER (++self->count));
  }
  g_mutex_unlock (&self->lock);
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
  /* funcs.rejected has marked the ack tokens of the rejected documents' buffers */
  g_ptr_array_unref (rejected);
}

/* Removes the settled documents from @batch, and counts them. The buffers of settled documents are
 * released before these are counted, because mongo_writer_drain() waits for the count, and must not
 * return before all buffers are released. */
static void
settle (MongoWriter *self, GPtrArray *batch, GstClockTime latency)
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

/* --- the cause of a failed try --- */

/* Notes since when the tries to write the item break the connection. */
static void
note_loss (MongoWriter *self, MongoItem *item)
{
  g_mutex_lock (&self->lock);
  if (item->result.verdict != MONGO_VERDICT_LOST)
    item->lost = 0;
  else if (!item->lost)
    item->lost = ++self->count;
  g_mutex_unlock (&self->lock);
}

/* Notes that the item was refused. If another thread has stored a document of the same collection
 * since the item's first refusal, or since the item first broke the connection, `beside` becomes
 * TRUE. An internal error counts from the refusal, because the disk may have become full just
 * before. */
static void
note_refusal (MongoWriter *self, MongoItem *item)
{
  g_mutex_lock (&self->lock);
  if (!item->refused)
    item->refused = item->lost && !mongo_item_is_internal_error (item) ? item->lost : ++self->count;
  if (GPOINTER_TO_SIZE (g_hash_table_lookup (self->stored, item->collection)) > item->refused)
    item->beside = TRUE;
  g_mutex_unlock (&self->lock);
}

/* Returns TRUE if @other was stored, which shows that the server stores documents of the collection
 * of @item. If @item failed with an internal error, @other must have been stored after it, because
 * the disk may have become full in between. */
static gboolean
vouches_for (const MongoItem *other, const MongoItem *item)
{
  return is_stored (other) && g_str_equal (other->collection, item->collection) &&
         (!mongo_item_is_internal_error (item) || other->order > item->order);
}

/* Finds out whether refused documents are the cause of their refusal. A document is rejected if it
 * was refused while another one of its collection was stored, and is refused again when it is sent
 * alone. If all documents are refused, the server or the settings are the cause. */
static void
worker_find_fault (MongoWorker *self, guint tried)
{
  for (guint i = 0; i < tried; i++) {
    MongoItem *item = g_ptr_array_index (self->batch, i);

    if (item->result.verdict != MONGO_VERDICT_REFUSED) {
      note_loss (self->writer, item);
      continue;
    }
    note_refusal (self->writer, item);
    if (item->beside && tried == 1) {
      MONGO_WRITER_LOG (
          self->writer, DEBUG, "the document is refused alone too, so it is at fault");
      mongo_session_reject (self->session, item);
    }
    for (guint n = 0; n < tried && !item->beside; n++)
      item->beside = vouches_for (g_ptr_array_index (self->batch, n), item);
  }
}

/* Chooses a refused document that the next try sends alone, to find out whether it is the cause.
 * Returns FALSE if there is no such document. */
static gboolean
worker_isolate (MongoWorker *self)
{
  GPtrArray *batch = self->batch;

  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    if (item->result.verdict != MONGO_VERDICT_REFUSED || !item->beside)
      continue;
    g_mutex_lock (&self->writer->lock);
    memmove (batch->pdata + 1, batch->pdata, i * sizeof *batch->pdata);
    batch->pdata[0] = item;
    g_mutex_unlock (&self->writer->lock);
    self->isolated = TRUE;
    MONGO_WRITER_LOG (self->writer, DEBUG,
        "a document was refused while others were stored, so it is sent again alone: %s (code %d)",
        item->result.reason, item->result.code);
    return TRUE;
  }
  return FALSE;
}

/* Returns: (nullable): the document with the worst verdict, which decides whether the batch is
 * tried again */
static const MongoItem *
batch_find_worst (GPtrArray *batch)
{
  const MongoItem *worst = NULL;

  for (guint i = 0; i < batch->len; i++) {
    const MongoItem *item = g_ptr_array_index (batch, i);

    if (!worst || item->result.verdict > worst->result.verdict)
      worst = item;
  }
  return worst;
}

/* Returns: (transfer full): the error to post because the batch isn't tried again; its cause is the
 * result of @item */
static GError *
worker_new_write_error (const MongoWorker *self, const MongoItem *item)
{
  const MongoResult *result = &item->result;
  const gchar *hosts = self->writer->hosts, *database = self->writer->database;

  if (result->verdict == MONGO_VERDICT_DENIED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "MongoDB at %s doesn't let this user write to %s.%s: %s. Grant it readWrite there, or use "
        "another user in the URI.",
        hosts, database, item->collection, result->reason);
  if (result->verdict == MONGO_VERDICT_FAILED || result->verdict == MONGO_VERDICT_REFUSED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "MongoDB at %s refused all documents for %s.%s alike until the end of retry-timeout: %s "
        "(code %d). Change what is set: database, collection, its shard key or rules, or the write "
        "concern in the URI (w, journal).",
        hosts, database, item->collection, result->reason, result->code);
  return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s didn't store documents in %s.%s for as long as retry-timeout allows: %s (code "
      "%d). Check the server, or raise retry-timeout.",
      hosts, database, item->collection, result->reason, result->code);
}

#define CONNECT_TIMEOUT (5 * G_USEC_PER_SEC)
#define BACKOFF_MIN (50 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_MAX (2 * G_USEC_PER_SEC)
#define LOST_BEFORE_DOUBT 2
#define LATE_DIVISOR 4
#define DOUBLINGS_MAX 6

static gboolean
is_stopping (MongoWriter *self)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping;
  g_mutex_unlock (&self->lock);
  return stopping;
}

/* Pauses before the next try, and doubles @backoff. Returns FALSE if the deadline is over, or the
 * writer stops or has failed. */
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
  while (!self->stopping && self->state < MONGO_WRITER_FAILING &&
         g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  go_on = !self->stopping && self->state < MONGO_WRITER_FAILING;
  g_mutex_unlock (&self->lock);
  return go_on;
}

/* --- connection --- */

static gboolean
is_refused (const bson_error_t *error)
{
  return (error->domain == MONGOC_ERROR_CLIENT &&
             error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
         mongo_error_judge (error, NULL) == MONGO_VERDICT_DENIED;
}

static void
fail_to_connect (const MongoWorker *self, const bson_error_t *what)
{
  const gchar *hosts = self->writer->hosts;
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
  if (self->state == MONGO_WRITER_CONNECTING)
    self->state = MONGO_WRITER_WORKING;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
worker_connect (MongoWorker *self)
{
  gint64 deadline = g_get_monotonic_time () + CONNECT_TIMEOUT;
  gint64 backoff = BACKOFF_MIN;
  bson_error_t what = {0};

  do {
    if (mongo_session_ping (self->session, &what)) {
      MONGO_WRITER_LOG (self->writer, INFO, "connected to MongoDB at %s", self->writer->hosts);
      set_connected (self->writer);
      return TRUE;
    }
    MONGO_WRITER_LOG (
        self->writer, INFO, "can't reach MongoDB at %s yet: %s", self->writer->hosts, what.message);
    mongo_session_drop (self->session);
  } while (!is_refused (&what) && wait_backoff (self->writer, &backoff, deadline));
  if (!is_stopping (self->writer))
    fail_to_connect (self, &what);
  return FALSE;
}

/* --- rejected documents --- */

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
  go_on = buffer && self->funcs.rejected (owner, item, buffer);
  gst_clear_buffer (&buffer);
  return go_on;
}

/* Reports the rejected documents of a batch to the owner. Returns FALSE if the owner has posted an
 * error about one of them (on-error=fail), or the writer has no owner any more. */
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

/* --- outages --- */

/* Returns FALSE if another thread already waits in an outage, and has reported it. */
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
end_outage (MongoWorker *self)
{
  gdouble lasted = (g_get_monotonic_time () - self->outage_began) / (gdouble) G_USEC_PER_SEC;

  MONGO_WRITER_LOG (self->writer, INFO, "the outage is over after %.1f s", lasted);
  self->outage_began = 0;
  g_mutex_lock (&self->writer->lock);
  self->writer->in_outage--;
  g_mutex_unlock (&self->writer->lock);
}

static void
report_outage (const MongoWorker *self, const MongoResult *result)
{
  GstElement *owner = ref_owner (self->writer);
  g_autoptr (GError) error = NULL;

  if (!owner)
    return;
  g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s can't store documents now: %s (code %d). Trying again for as long as "
      "retry-timeout allows.",
      self->writer->hosts, result->reason, result->code);
  self->writer->funcs.warning (owner, error, MONGO_HERE);
  gst_object_unref (owner);
}

static void
fail_to_write (const MongoWorker *self, const MongoItem *worst)
{
  g_autoptr (GError) error =
      is_stopping (self->writer) ? NULL : worker_new_write_error (self, worst);

  fail (self->writer, error);
}

static void
count_retry (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->stats.retries++;
  g_mutex_unlock (&self->lock);
}

/* --- retries and slow answers --- */

static void
forget_results (GPtrArray *batch)
{
  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    mongo_result_clear (&item->result);
    item->result.verdict = MONGO_VERDICT_UNTRIED;
  }
}

/* Adapts the size of writes and the time for an answer to the speed of the database. After a write
 * that wasn't answered in time, the next write has fewer documents and more time, because the first
 * write may still be running, and repeating it would take as long. */
static void
adapt_to_speed (MongoWorker *self, guint tried, const MongoItem *worst, gint64 took)
{
  gint64 patience = mongo_session_get_answer_timeout (self->session) * G_TIME_SPAN_MILLISECOND;

  if (worst && worst->result.verdict == MONGO_VERDICT_LATE) {
    self->at_once = MAX (1, tried / LATE_DIVISOR);
    self->doublings = MIN (self->doublings + 1, DOUBLINGS_MAX);
    MONGO_WRITER_LOG (self->writer, INFO,
        "%u documents weren't acknowledged within %.1f s: writing at most %u in a batch", tried,
        took / (gdouble) G_USEC_PER_SEC, self->at_once);
  } else if ((!worst || worst->result.verdict == MONGO_VERDICT_UNTRIED) && took < patience / 4) {
    if (self->at_once < self->writer->settings.batch_size)
      MONGO_WRITER_LOG (self->writer, DEBUG,
          "the answer took %.3f s of %.1f s: batches of more than %u documents again",
          took / (gdouble) G_USEC_PER_SEC, patience / (gdouble) G_USEC_PER_SEC, self->at_once);
    self->at_once = MIN (self->at_once * 2, self->writer->settings.batch_size);
    self->doublings -= self->doublings > 0;
  }
}

static guint
count_verdicts (const MongoWorker *self, MongoVerdict verdict)
{
  guint count = 0;

  for (guint i = 0; i < self->batch->len; i++)
    count += ((const MongoItem *) g_ptr_array_index (self->batch, i))->result.verdict == verdict;
  return count;
}

static void
log_try (MongoWorker *self, guint tried, gint64 took)
{
  MONGO_WRITER_LOG (self->writer, DEBUG,
      "wrote %u documents in %.3f s: %u stored, %u duplicates, %u rejected", tried,
      took / (gdouble) G_USEC_PER_SEC, count_verdicts (self, MONGO_VERDICT_STORED),
      count_verdicts (self, MONGO_VERDICT_DUPLICATE),
      count_verdicts (self, MONGO_VERDICT_REJECTED));
}

/* Tries once to write the batch. Returns: (nullable): of the documents that are neither stored nor
 * rejected, the one with the worst verdict */
static const MongoItem *
try_batch (MongoWorker *self, gboolean *go_on)
{
  gint64 start = g_get_monotonic_time (), took;
  gboolean in_doubt = self->isolated || self->lost_in_row >= LOST_BEFORE_DOUBT;
  guint tried = self->isolated ? 1 : MIN (self->batch->len, self->at_once);
  const MongoItem *worst;

  self->isolated = FALSE;
  forget_results (self->batch);
  mongo_session_write (self->session, (MongoItem **) self->batch->pdata, tried, in_doubt);
  took = g_get_monotonic_time () - start;
  note_stored (self->writer, self->batch);
  worker_find_fault (self, tried);
  *go_on = report_rejected (self->writer, self->batch);
  if (!*go_on) {
    fail (self->writer, NULL);
    return NULL;
  }
  log_try (self, tried, took);
  settle (self->writer, self->batch, took * GST_USECOND);
  worst = batch_find_worst (self->batch);
  adapt_to_speed (self, tried, worst, took);
  return worst;
}

/* Sets the time for which the next connections wait for an answer. */
static void
choose_answer_timeout (MongoWorker *self)
{
  gint64 own = mongo_session_get_answer_timeout (self->session);
  gint64 left = (self->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;
  gint32 chosen = (gint32) CLAMP (MIN (own << self->doublings, left), own, G_MAXINT32);

  if (own <= 0)
    return;
  if (chosen != own)
    MONGO_WRITER_LOG (self->writer, DEBUG, "an answer may take %.1f s, %.1f s are left for tries",
        chosen / 1000.0, left / 1000.0);
  mongo_session_set_answer_timeout (self->session, chosen);
}

/* Returns TRUE if the user lacks a right that the user had before, because it may be granted again;
 * a right that is missing from the start is an error. */
static gboolean
may_come_back (MongoWriter *self, const MongoItem *worst)
{
  gboolean stored;

  g_mutex_lock (&self->lock);
  stored = self->stats.documents + self->stats.duplicates > 0;
  g_mutex_unlock (&self->lock);
  return stored && worst->result.verdict == MONGO_VERDICT_DENIED;
}

/* Waits before the batch is tried again. Returns FALSE if trying again is useless, or retry-timeout
 * is over. */
static gboolean
wait_to_try_again (MongoWorker *self, const MongoItem *worst)
{
  MongoWriter *writer = self->writer;

  self->lost_in_row =
      worst->result.verdict == MONGO_VERDICT_LOST || mongo_item_is_internal_error (worst)
          ? self->lost_in_row + 1
          : 0;
  mongo_session_drop (self->session);
  if (!mongo_item_is_retry (worst) && !may_come_back (writer, worst))
    return FALSE;
  if (!self->deadline)
    self->deadline = add_time (g_get_monotonic_time (), writer->settings.retry_timeout);
  if (!self->outage_began && begin_outage (writer))
    report_outage (self, &worst->result);
  if (!self->outage_began)
    self->outage_began = g_get_monotonic_time ();
  MONGO_WRITER_LOG (writer, INFO, "%u documents not stored: %s (code %d); next try in about %.2f s",
      self->batch->len, worst->result.reason, worst->result.code,
      self->backoff / (gdouble) G_USEC_PER_SEC);
  if (!wait_backoff (writer, &self->backoff, self->deadline))
    return FALSE;
  count_retry (writer);
  choose_answer_timeout (self);
  /* Adds more documents to the batch, because if the server stores one of them, the refused
   * documents are the cause of their refusal. */
  take_more (writer, self->batch);
  return TRUE;
}

static void
forget_failures (MongoWorker *self)
{
  self->deadline = 0;
  self->backoff = BACKOFF_MIN;
  self->lost_in_row = 0;
}

static gboolean
worker_write (MongoWorker *self)
{
  guint left = self->batch->len;
  const MongoItem *worst;
  gboolean go_on;

  forget_failures (self);
  while ((worst = try_batch (self, &go_on))) {
    if (self->batch->len < left)
      forget_failures (self);
    left = self->batch->len;
    if (worst->result.verdict == MONGO_VERDICT_UNTRIED || worker_isolate (self))
      continue;
    if (!wait_to_try_again (self, worst)) {
      fail_to_write (self, worst);
      go_on = FALSE;
      break;
    }
  }
  if (self->outage_began)
    end_outage (self);
  return go_on;
}

/* --- the queue and the threads --- */

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
  g_hash_table_unref (self->stored);
  g_free (self->hosts);
  g_free (self->database);
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
         now >= add_time (self->first_queued, self->settings.batch_latency);
}

/* Waits until a batch is full or has waited for batch-latency. Returns FALSE if the writer is
 * stopping, and the queue is empty. */
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
      GST_LOG_OBJECT (self->owner, "a batch of %u documents; %u more are queued", batch->len,
          self->queue.length);
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
on_session_warning (gpointer data, const GError *error, const MongoPlace *place)
{
  MongoWriter *self = data;
  GstElement *owner = ref_owner (self);

  if (owner)
    self->funcs.warning (owner, error, place);
  gst_clear_object (&owner);
}

/* --- the threads: life --- */

/* Waits until the first thread has connected. Returns FALSE if the first thread has failed, or the
 * writer is stopping. */
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

  if (first ? worker_connect (self) : wait_connected (writer))
    while (next_batch (writer, self->batch) && worker_write (self))
      ;
  mongo_session_drop (self->session);
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
start_worker (gpointer data, gpointer writer)
{
  MongoWorker *worker = data;

  g_atomic_ref_count_inc (&((MongoWriter *) writer)->refs);
  worker->thread = fog_thread_new ("mongosink", run, worker, NULL);
}

/* Waits until the threads have ended. Returns FALSE if a thread is still in a call of libmongoc at
 * @deadline. */
static gboolean
end_workers (MongoWriter *self, gint64 deadline)
{
  gboolean ended = TRUE;

  for (guint i = 0; i < self->workers->len; i++) {
    MongoWorker *worker = g_ptr_array_index (self->workers, i);

    ended = fog_thread_end (worker->thread, deadline) && ended;
  }
  return ended;
}

MongoWriter *
mongo_writer_start (GstElement *owner, const MongoWriterFuncs *funcs, const mongoc_uri_t *uri,
    const MongoTarget *target, const MongoWriterSettings *settings)
{
  MongoWriter *self = g_new0 (MongoWriter, 1);
  /* In the modes in which the order of writes matters, a single connection keeps the order. */
  guint connections = target->mode == MONGO_MODE_INSERT ? settings->connections : 1;

  g_atomic_ref_count_init (&self->refs);
  self->funcs = *funcs;
  self->settings = *settings;
  self->hosts = mongo_uri_describe (uri);
  self->database = g_strdup (target->database);
  self->owner = owner;
  self->state = MONGO_WRITER_CONNECTING;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  self->stored =
      g_hash_table_new_full (g_str_hash, g_str_equal, (GDestroyNotify) g_ref_string_release, NULL);
  self->workers = g_ptr_array_new_with_free_func ((GDestroyNotify) worker_free);
  for (guint i = 0; i < connections; i++)
    add_worker (self, uri, target);
  g_ptr_array_foreach (self->workers, start_worker, self);
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
    GST_LOG_OBJECT (self->owner,
        "%" G_GUINT64_FORMAT " documents are waiting: waiting until some are stored",
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
  gboolean ended;

  g_mutex_lock (&self->lock);
  GST_INFO_OBJECT (
      self->owner, "stopping: %" G_GUINT64_FORMAT " documents are waiting", self->stats.waiting);
  self->stopping = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  ended = end_workers (self, deadline);
  g_mutex_lock (&self->lock);
  if (!ended)
    GST_WARNING_OBJECT (self->owner, "a write to %s doesn't return: abandoning it", self->hosts);
  self->owner = NULL;
  abandon (self);
  g_mutex_unlock (&self->lock);
}
