/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriterprivate.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

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

/* ---- connection ---- */

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
  mongo_writer_fail (self->writer, error);
}

static void
set_connected (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->connected = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

gboolean
mongo_worker_connect (MongoWorker *self)
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

/* ---- what became of a try ---- */

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

/* FALSE: the owner doesn't want to go on without a document, or is gone. */
static gboolean
report_rejected (MongoWriter *self, GPtrArray *batch)
{
  GstElement *owner = mongo_writer_ref_owner (self);
  gboolean go_on = owner != NULL;

  for (guint i = 0; i < batch->len && go_on; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    if (item->result.verdict == MONGO_VERDICT_REJECTED)
      go_on = report_one (self, owner, item);
  }
  gst_clear_object (&owner);
  return go_on;
}

/* ---- whose fault a refusal is ---- */

static gboolean
is_stored (const MongoItem *item)
{
  return item->result.verdict == MONGO_VERDICT_STORED ||
         item->result.verdict == MONGO_VERDICT_DUPLICATE;
}

/* A document that was refused while another one of its collection was stored, and then alone again,
 * is at fault itself. What is refused of all alike is a matter of the server or the settings. */
static void
find_fault (MongoWorker *self, guint tried)
{
  for (guint i = 0; i < tried; i++) {
    MongoItem *item = g_ptr_array_index (self->batch, i);

    if (item->result.verdict != MONGO_VERDICT_REFUSED)
      continue;
    if (item->beside && tried == 1)
      mongo_session_reject (self->session, item);
    for (guint n = 0; n < tried && !item->beside; n++) {
      const MongoItem *other = g_ptr_array_index (self->batch, n);

      item->beside = is_stored (other) && g_str_equal (other->collection, item->collection);
    }
  }
}

/* TRUE: the next try is of one that may be at fault, alone. */
static gboolean
isolate (MongoWorker *self)
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
    return TRUE;
  }
  return FALSE;
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
new_write_error (const MongoWorker *self, const MongoItem *item)
{
  const MongoResult *result = &item->result;
  const gchar *hosts = mongo_session_get_hosts (self->session);
  const gchar *database = mongo_session_get_target (self->session)->database;

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
report_outage (const MongoWorker *self, const MongoResult *result)
{
  GstElement *owner = mongo_writer_ref_owner (self->writer);
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
give_up (const MongoWorker *self, const MongoItem *worst)
{
  g_autoptr (GError) error = is_stopping (self->writer) ? NULL : new_write_error (self, worst);

  mongo_writer_fail (self->writer, error);
}

static void
count_retry (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->stats.retries++;
  g_mutex_unlock (&self->lock);
}

/* ---- a database that is away, or slow ---- */

static void
forget_results (GPtrArray *batch)
{
  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    mongo_result_clear (&item->result);
    item->result.verdict = MONGO_VERDICT_UNTRIED;
  }
}

/* A write that isn't answered in time may be at work even so, and the same
 * one again would be no quicker. */
static void
adapt_to_speed (MongoWorker *self, guint tried, const MongoItem *worst, gint64 took)
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
try_batch (MongoWorker *self, gboolean *go_on)
{
  gint64 start = g_get_monotonic_time (), took;
  guint tried = self->isolated ? 1 : MIN (self->batch->len, self->at_once);
  const MongoItem *worst;

  self->isolated = FALSE;
  forget_results (self->batch);
  mongo_session_write (self->session, (MongoItem **) self->batch->pdata, tried,
      self->lost_in_row >= LOST_BEFORE_DOUBT);
  took = g_get_monotonic_time () - start;
  find_fault (self, tried);
  *go_on = report_rejected (self->writer, self->batch);
  if (!*go_on) {
    mongo_writer_fail (self->writer, NULL);
    return NULL;
  }
  mongo_writer_settle (self->writer, self->batch, took * GST_USECOND);
  worst = find_worst (self->batch);
  adapt_to_speed (self, tried, worst, took);
  return worst;
}

/* For the next connection. */
static void
choose_patience (MongoWorker *self)
{
  gint64 own = mongo_session_get_patience (self->session);
  gint64 left = (self->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

  if (own > 0)
    mongo_session_set_patience (
        self->session, (gint32) CLAMP (MIN (own << self->doublings, left), own, G_MAXINT32));
}

/* A right that is missing from the start is an error; one that is taken away may come back. */
static gboolean
may_come_back (MongoWriter *self, const MongoItem *worst)
{
  gboolean stored;

  g_mutex_lock (&self->lock);
  stored = self->stats.documents + self->stats.duplicates > 0;
  g_mutex_unlock (&self->lock);
  return stored && worst->result.verdict == MONGO_VERDICT_DENIED;
}

/* FALSE: no use, or too late. */
static gboolean
wait_to_try_again (MongoWorker *self, const MongoItem *worst)
{
  MongoWriter *writer = self->writer;

  self->lost_in_row = worst->result.verdict == MONGO_VERDICT_LOST ? self->lost_in_row + 1 : 0;
  mongo_session_drop (self->session);
  if (!mongo_item_is_retry (worst) && !may_come_back (writer, worst))
    return FALSE;
  if (!self->deadline)
    self->deadline =
        mongo_writer_add_time (g_get_monotonic_time (), writer->settings.retry_timeout);
  if (!self->in_outage && begin_outage (writer))
    report_outage (self, &worst->result);
  self->in_outage = TRUE;
  if (!wait_backoff (writer, &self->backoff, self->deadline))
    return FALSE;
  count_retry (writer);
  choose_patience (self);
  /* of others it may show that documents can be stored */
  mongo_writer_take_more (writer, self->batch);
  return TRUE;
}

static void
forget_trouble (MongoWorker *self)
{
  self->deadline = 0;
  self->backoff = BACKOFF_MIN;
  self->lost_in_row = 0;
}

gboolean
mongo_worker_write (MongoWorker *self)
{
  guint left = self->batch->len;
  const MongoItem *worst;
  gboolean go_on;

  forget_trouble (self);
  while ((worst = try_batch (self, &go_on))) {
    if (self->batch->len < left)
      forget_trouble (self);
    left = self->batch->len;
    if (worst->result.verdict == MONGO_VERDICT_UNTRIED || isolate (self))
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
