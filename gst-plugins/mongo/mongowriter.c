/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriter.h"

#include <string.h>

#include "gstkafkameta.h"
#include "mongodocument.h"
#include "mongoindex.h"
#include "mongouri.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define CONNECT_TIMEOUT (5 * G_USEC_PER_SEC)
#define STOP_TIMEOUT (1500 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_MIN (50 * G_TIME_SPAN_MILLISECOND)
#define BACKOFF_MAX (2 * G_USEC_PER_SEC)
#define BATCHES_WAITING 4
#define CLOSED_AT_ONCE G_USEC_PER_SEC
#define LOST_BEFORE_DOUBT 2
#define NO_CLIENT "the library makes no client from the URI"

struct _MongoWriter {
  gatomicrefcount refs; /* one of the element's, one of the thread's */
  MongoWriterFuncs funcs;
  MongoWriterSettings settings;
  mongoc_uri_t *uri;
  gchar *target; /* for messages */

  mongoc_client_t *client; /* of the thread alone, as is: */
  GHashTable *prepared;    /* collections whose indexes were asked for */
  guint lost_in_row;       /* times that the batch got no answer */

  GMutex lock;         /* guards all that follows, and the items' buffers; leaf */
  GCond changed;       /* any of it */
  GstElement *owner;   /* NULL: left behind */
  GQueue queue;        /* of MongoItem */
  GPtrArray *batch;    /* of MongoItem: with the thread; only the thread changes it */
  gint64 first_queued; /* when the queue's first item came */
  gboolean interrupted, draining, stopping, failed, finished;
  MongoWriterStats stats;
};

MongoItem *
mongo_item_new (bson_t *document, GRefString *collection, GstBuffer *buffer)
{
  MongoItem *item = g_new0 (MongoItem, 1);

  item->document = document;
  item->collection = collection;
  item->buffer = buffer;
  return item;
}

void
mongo_item_free (MongoItem *item)
{
  bson_destroy (item->document);
  g_ref_string_release (item->collection);
  g_clear_pointer (&item->buffer, gst_buffer_unref);
  mongo_result_clear (&item->result);
  g_free (item);
}

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

/* with the lock: the buffers of all that is waiting. */
static GPtrArray *
steal_all_buffers (MongoWriter *self)
{
  GPtrArray *buffers = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);

  for (guint i = 0; i < self->batch->len; i++)
    steal_buffer (g_ptr_array_index (self->batch, i), buffers);
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

void
mongo_writer_unref (MongoWriter *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_queue_clear_full (&self->queue, (GDestroyNotify) mongo_item_free);
  g_ptr_array_unref (self->batch);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  mongoc_uri_destroy (self->uri);
  g_hash_table_unref (self->prepared);
  g_free (self->settings.database);
  g_free (self->settings.indexes);
  g_free (self->settings.expire_field);
  g_free (self->target);
  g_free (self);
}

/* ---- the thread: connection ---- */

static gboolean
ensure_client (MongoWriter *self)
{
  if (self->client)
    return TRUE;
  self->client = mongoc_client_new_from_uri (self->uri);
  if (self->client)
    mongoc_client_set_error_api (self->client, MONGOC_ERROR_API_VERSION_2);
  return self->client != NULL;
}

/* A new client looks for its servers at once; one that has lost them waits for five seconds. */
static void
drop_client (MongoWriter *self)
{
  g_clear_pointer (&self->client, mongoc_client_destroy);
}

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

static void
fail (MongoWriter *self, const GError *error)
{
  GstElement *owner = ref_owner (self);
  GPtrArray *late;

  if (owner && error)
    self->funcs.failed (owner, error);
  gst_clear_object (&owner);
  fail_waiting (self);
  g_mutex_lock (&self->lock);
  self->failed = TRUE;
  late = steal_all_buffers (self);
  g_ptr_array_set_size (self->batch, 0);
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

/* FALSE: the deadline is over, or the sink stops. */
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
  while (!self->stopping && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  go_on = !self->stopping;
  g_mutex_unlock (&self->lock);
  return go_on;
}

static gboolean
ping (MongoWriter *self, bson_error_t *error)
{
  bson_t *command = BCON_NEW ("ping", BCON_INT32 (1));
  gboolean ok = mongoc_client_command_simple (
      self->client, self->settings.database, command, NULL, NULL, error);

  bson_destroy (command);
  return ok;
}

static gboolean
is_refused (const bson_error_t *error)
{
  return (error->domain == MONGOC_ERROR_CLIENT &&
             error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
         mongo_error_judge (error, NULL) == MONGO_VERDICT_DENIED;
}

static void
fail_to_connect (MongoWriter *self, const bson_error_t *what)
{
  g_autoptr (GError) error = NULL;

  if (is_refused (what))
    g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "MongoDB at %s refused the user: %s. Check user, password and authSource in the URI.",
        self->target, what->message);
  else
    g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
        "Can't reach MongoDB at %s: %s. Check that it runs there, or set uri, uri-file or "
        "MONGODB_URI.",
        self->target, what->message);
  fail (self, error);
}

static gboolean
connect_first (MongoWriter *self)
{
  gint64 deadline = g_get_monotonic_time () + CONNECT_TIMEOUT;
  gint64 backoff = BACKOFF_MIN;
  bson_error_t what = {0};

  do {
    if (!ensure_client (self)) {
      g_strlcpy (what.message, NO_CLIENT, sizeof what.message);
      break;
    }
    if (ping (self, &what))
      return TRUE;
    GST_INFO ("%s: %s", self->target, what.message);
    drop_client (self);
  } while (!is_refused (&what) && wait_backoff (self, &backoff, deadline));
  if (!is_stopping (self))
    fail_to_connect (self, &what);
  return FALSE;
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
take_batch (MongoWriter *self)
{
  gsize bytes = 0;
  MongoItem *item;

  while (
      self->batch->len < self->settings.batch_size && (item = g_queue_peek_head (&self->queue))) {
    if (self->batch->len && bytes + item->document->len > self->settings.batch_bytes)
      break;
    bytes += item->document->len;
    g_ptr_array_add (self->batch, g_queue_pop_head (&self->queue));
  }
  self->first_queued = g_get_monotonic_time ();
  g_ptr_array_sort (self->batch, compare_collections);
}

/* FALSE: stopping, and nothing left to do. */
static gboolean
next_batch (MongoWriter *self)
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
      take_batch (self);
      break;
    } else {
      g_cond_wait_until (
          &self->changed, &self->lock, add_time (self->first_queued, self->settings.batch_latency));
    }
  }
  found = self->batch->len > 0;
  g_mutex_unlock (&self->lock);
  return found;
}

static void
judge_all (MongoItem **items, guint n, const MongoResult *result)
{
  for (guint i = 0; i < n; i++)
    mongo_result_set (&items[i]->result, result->verdict, result->code, result->reason);
}

/* Fills the bulk with those of @items that the library takes, and returns them. */
static GPtrArray *
fill_bulk (mongoc_bulk_operation_t *bulk, MongoItem **items, guint n)
{
  GPtrArray *taken = g_ptr_array_sized_new (n);
  bson_error_t error;

  for (guint i = 0; i < n; i++) {
    if (mongoc_bulk_operation_insert_with_opts (bulk, items[i]->document, NULL, &error))
      g_ptr_array_add (taken, items[i]);
    else
      mongo_result_set (&items[i]->result, MONGO_VERDICT_REJECTED, error.code, error.message);
  }
  return taken;
}

static void
execute (mongoc_bulk_operation_t *bulk, GPtrArray *items)
{
  g_autofree MongoResult *results = g_new0 (MongoResult, items->len);
  bson_error_t error = {0};
  bson_t reply;
  gboolean ok = mongoc_bulk_operation_execute (bulk, &reply, &error) != 0;

  mongo_reply_judge (ok, &reply, &error, results, items->len);
  bson_destroy (&reply);
  for (guint i = 0; i < items->len; i++) {
    MongoItem *item = g_ptr_array_index (items, i);

    mongo_result_clear (&item->result);
    item->result = results[i];
  }
}

static void
write_items (MongoWriter *self, MongoItem **items, guint n)
{
  bson_t unordered = BSON_INITIALIZER;
  mongoc_collection_t *collection =
      mongoc_client_get_collection (self->client, self->settings.database, items[0]->collection);
  mongoc_bulk_operation_t *bulk;
  g_autoptr (GPtrArray) taken = NULL;

  BSON_APPEND_BOOL (&unordered, "ordered", false);
  bulk = mongoc_collection_create_bulk_operation_with_opts (collection, &unordered);
  taken = fill_bulk (bulk, items, n);
  if (taken->len)
    execute (bulk, taken);
  mongoc_bulk_operation_destroy (bulk);
  mongoc_collection_destroy (collection);
  bson_destroy (&unordered);
}

/* The verdict, if one of the items has it. */
static const MongoResult *
find_verdict (MongoItem **items, guint n, MongoVerdict verdict)
{
  for (guint i = 0; i < n; i++)
    if (items[i]->result.verdict == verdict)
      return &items[i]->result;
  return NULL;
}

static gboolean
is_retry (const MongoResult *result)
{
  return result->verdict == MONGO_VERDICT_RETRY || result->verdict == MONGO_VERDICT_LOST;
}

static const MongoResult *
find_retry (MongoItem **items, guint n)
{
  for (guint i = 0; i < n; i++)
    if (is_retry (&items[i]->result))
      return &items[i]->result;
  return NULL;
}

/* Some servers close the connection on a document they can't read, and are there for the next one. */
static gboolean
closes_connection (MongoWriter *self, MongoItem **items, guint n)
{
  gint64 start = g_get_monotonic_time ();
  bson_error_t error;

  write_items (self, items, n);
  if (!find_verdict (items, n, MONGO_VERDICT_LOST) ||
      g_get_monotonic_time () - start > CLOSED_AT_ONCE)
    return FALSE;
  drop_client (self);
  return ensure_client (self) && ping (self, &error);
}

/* Whether some of the items will never be taken. */
static gboolean
must_split (MongoWriter *self, MongoItem **items, guint n)
{
  if (self->lost_in_row < LOST_BEFORE_DOUBT)
    write_items (self, items, n);
  else if (closes_connection (self, items, n) && (n > 1 || closes_connection (self, items, n)))
    return TRUE;
  return find_verdict (items, n, MONGO_VERDICT_SPLIT) != NULL;
}

/* Halves a batch that is refused for the sake of one document, until that one stands alone. */
static void
write_split (MongoWriter *self, MongoItem **items, guint n)
{
  const MongoResult *later;

  if (!must_split (self, items, n))
    return;
  if (n == 1) {
    items[0]->result.verdict = MONGO_VERDICT_REJECTED;
    return;
  }
  write_split (self, items, n / 2);
  if (!(later = find_retry (items, n / 2)))
    write_split (self, items + n / 2, n - n / 2);
  else
    judge_all (items + n / 2, n - n / 2, later);
}

static void
warn_of_index (MongoWriter *self, const gchar *collection, const bson_error_t *what)
{
  GstElement *owner = ref_owner (self);
  g_autoptr (GError) error = NULL;

  if (!owner)
    return;
  g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "MongoDB at %s made no indexes for %s.%s: %s (code %u). Documents are stored without; check "
      "create-index and expire-after.",
      self->target, self->settings.database, collection, what->message, what->code);
  self->funcs.warning (owner, error);
  gst_object_unref (owner);
}

/* Once a collection; a lost connection is left to the write that follows. */
static void
prepare_collection (MongoWriter *self, const gchar *collection)
{
  g_autoptr (bson_t) command = NULL;
  bson_error_t error;

  if (g_hash_table_contains (self->prepared, collection))
    return;
  command = mongo_index_command (collection, self->settings.indexes, self->settings.expire_field,
      self->settings.expire_after, NULL);
  if (command && !mongoc_client_write_command_with_opts (
                     self->client, self->settings.database, command, NULL, NULL, &error)) {
    if (error.domain != MONGOC_ERROR_SERVER ||
        mongo_error_judge (&error, NULL) == MONGO_VERDICT_RETRY)
      return;
    warn_of_index (self, collection, &error);
  }
  g_hash_table_add (self->prepared, g_strdup (collection));
}

/* How many of the items, from the first on, go to the same collection. */
static guint
count_run (MongoItem **items, guint n)
{
  guint run = 1;

  while (run < n && strcmp (items[run]->collection, items[0]->collection) == 0)
    run++;
  return run;
}

static void
write_once (MongoWriter *self)
{
  MongoItem **items = (MongoItem **) self->batch->pdata;
  guint n = self->batch->len;
  const MongoResult none = {MONGO_VERDICT_FAILED, 0, (gchar *) NO_CLIENT};
  const MongoResult *later = NULL;

  while (n > 0) {
    guint run = count_run (items, n);

    if (!ensure_client (self))
      later = &none;
    if (later) {
      judge_all (items, n, later);
      return;
    }
    prepare_collection (self, items[0]->collection);
    write_split (self, items, run);
    later = find_retry (items, run);
    items += run;
    n -= run;
  }
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
  if (item->result.verdict == MONGO_VERDICT_STORED)
    self->stats.documents++;
  else if (item->result.verdict == MONGO_VERDICT_DUPLICATE)
    self->stats.duplicates++;
  else
    self->stats.rejected++;
  self->stats.waiting--;
  self->stats.waiting_bytes -= item->document->len;
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
release_settled (MongoWriter *self)
{
  GPtrArray *buffers = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->batch->len; i++) {
    MongoItem *item = g_ptr_array_index (self->batch, i);

    if (is_settled (item))
      steal_buffer (item, buffers);
  }
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_DONE);
}

/* Buffers first: who has seen everything drained relies on their being gone. */
static void
settle_batch (MongoWriter *self, GstClockTime latency)
{
  guint before = self->batch->len;

  release_settled (self);
  g_mutex_lock (&self->lock);
  for (guint i = self->batch->len; i-- > 0 && self->owner;) {
    MongoItem *item = g_ptr_array_index (self->batch, i);

    if (is_settled (item)) {
      count_settled (self, item);
      g_ptr_array_remove_index (self->batch, i);
    }
  }
  if (self->batch->len < before)
    count_batch (self, latency);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
report_one (MongoWriter *self, GstElement *owner, MongoItem *item)
{
  GstBuffer *buffer;
  gboolean go_on;

  g_mutex_lock (&self->lock);
  buffer = item->buffer ? gst_buffer_ref (item->buffer) : NULL;
  g_mutex_unlock (&self->lock);
  go_on = buffer && self->funcs.rejected (owner, item->document, buffer, &item->result);
  gst_clear_buffer (&buffer);
  return go_on;
}

/* FALSE: the owner doesn't want to go on without a document, or is gone. */
static gboolean
report_rejected (MongoWriter *self)
{
  GstElement *owner = ref_owner (self);
  gboolean go_on = owner != NULL;

  for (guint i = 0; i < self->batch->len && go_on; i++) {
    MongoItem *item = g_ptr_array_index (self->batch, i);

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
new_write_error (MongoWriter *self, const MongoItem *item)
{
  const MongoResult *result = &item->result;

  if (result->verdict == MONGO_VERDICT_DENIED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED,
        "MongoDB at %s doesn't let this user write to %s.%s: %s. Grant it readWrite there, or use "
        "another user in the URI.",
        self->target, self->settings.database, item->collection, result->reason);
  if (result->verdict == MONGO_VERDICT_FAILED)
    return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "MongoDB at %s takes nothing for %s.%s: %s (code %d). Check database, collection and the "
        "URI's write concern.",
        self->target, self->settings.database, item->collection, result->reason, result->code);
  return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s didn't store documents in %s.%s for as long as retry-timeout allows: %s (code "
      "%d). Check the server, or raise retry-timeout.",
      self->target, self->settings.database, item->collection, result->reason, result->code);
}

static void
report_outage (MongoWriter *self, const MongoResult *result)
{
  GstElement *owner = ref_owner (self);
  g_autoptr (GError) error = NULL;

  if (!owner)
    return;
  g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s can't store documents now, waiting for it: %s (code %d).", self->target,
      result->reason, result->code);
  self->funcs.outage (owner, error);
  gst_object_unref (owner);
}

static void
give_up (MongoWriter *self, const MongoItem *worst)
{
  g_autoptr (GError) error = is_stopping (self) ? NULL : new_write_error (self, worst);

  fail (self, error);
}

static void
count_retry (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->stats.retries++;
  g_mutex_unlock (&self->lock);
}

/* FALSE: given up. */
static gboolean
write_batch (MongoWriter *self)
{
  gint64 deadline = 0, backoff = BACKOFF_MIN;

  self->lost_in_row = 0;
  for (;;) {
    gint64 start = g_get_monotonic_time ();
    const MongoItem *worst;

    write_once (self);
    if (!report_rejected (self)) {
      fail (self, NULL);
      return FALSE;
    }
    settle_batch (self, (g_get_monotonic_time () - start) * 1000);
    if (!(worst = find_worst (self->batch)))
      return TRUE;
    self->lost_in_row = worst->result.verdict == MONGO_VERDICT_LOST ? self->lost_in_row + 1 : 0;
    if (!deadline && is_retry (&worst->result)) {
      deadline = add_time (g_get_monotonic_time (), self->settings.retry_timeout);
      report_outage (self, &worst->result);
    }
    drop_client (self);
    if (!is_retry (&worst->result) || !wait_backoff (self, &backoff, deadline)) {
      give_up (self, worst);
      return FALSE;
    }
    count_retry (self);
  }
}

static gpointer
run (gpointer data)
{
  MongoWriter *self = data;

  if (connect_first (self))
    while (next_batch (self) && write_batch (self))
      ;
  drop_client (self);
  g_mutex_lock (&self->lock);
  self->finished = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  mongo_writer_unref (self);
  return NULL;
}

/* ---- for the element ---- */

MongoWriter *
mongo_writer_start (GstElement *owner, const MongoWriterFuncs *funcs, const mongoc_uri_t *uri,
    const MongoWriterSettings *settings)
{
  MongoWriter *self = g_new0 (MongoWriter, 1);

  g_atomic_ref_count_init (&self->refs);
  g_atomic_ref_count_inc (&self->refs);
  self->funcs = *funcs;
  self->settings = *settings;
  self->settings.database = g_strdup (settings->database);
  self->settings.indexes = g_strdup (settings->indexes);
  self->settings.expire_field = g_strdup (settings->expire_field);
  self->prepared = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->uri = mongoc_uri_copy (uri);
  self->target = mongo_uri_describe (uri);
  self->owner = owner;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  self->batch = g_ptr_array_new_with_free_func ((GDestroyNotify) mongo_item_free);
  g_thread_unref (g_thread_new ("mongosink", run, self));
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
  GPtrArray *buffers;

  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_cond_broadcast (&self->changed);
  while (!self->finished && g_cond_wait_until (&self->changed, &self->lock, deadline))
    ;
  if (!self->finished)
    GST_WARNING_OBJECT (
        self->owner, "leaving behind a write to %s that doesn't return", self->target);
  self->owner = NULL;
  buffers = steal_all_buffers (self);
  clear_queue (self);
  g_mutex_unlock (&self->lock);
  release_buffers (buffers, GST_KAFKA_ACK_FAILED);
}
