/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongowriterprivate.h"

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

/* Waits before the next try. FALSE: the deadline is over, or the
 * writer is stopping or has failed. */
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
  if (self->state == MONGO_WRITER_CONNECTING)
    self->state = MONGO_WRITER_WORKING;
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
      MONGO_WRITER_LOG (self->writer, INFO, "connected to MongoDB at %s",
          mongo_session_get_hosts (self->session));
      set_connected (self->writer);
      return TRUE;
    }
    MONGO_WRITER_LOG (self->writer, INFO, "can't reach MongoDB at %s yet: %s",
        mongo_session_get_hosts (self->session), what.message);
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

/* FALSE: the owner has posted an error about a rejected document (on-error=fail), or is gone. */
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

/* --- outages --- */

/* FALSE: another thread is waiting already and has reported the outage. */
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
  GstElement *owner = mongo_writer_ref_owner (self->writer);
  g_autoptr (GError) error = NULL;

  if (!owner)
    return;
  g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "MongoDB at %s can't store documents now: %s (code %d). Trying again for as long as "
      "retry-timeout allows.",
      mongo_session_get_hosts (self->session), result->reason, result->code);
  self->writer->funcs.warning (owner, error, MONGO_HERE);
  gst_object_unref (owner);
}

static void
fail_to_write (const MongoWorker *self, const MongoItem *worst)
{
  g_autoptr (GError) error =
      is_stopping (self->writer) ? NULL : mongo_worker_new_write_error (self, worst);

  mongo_writer_fail (self->writer, error);
}

static void
count_retry (MongoWriter *self)
{
  g_mutex_lock (&self->lock);
  self->stats.retries++;
  g_mutex_unlock (&self->lock);
}

/* --- a database that is away, or slow --- */

static void
forget_results (GPtrArray *batch)
{
  for (guint i = 0; i < batch->len; i++) {
    MongoItem *item = g_ptr_array_index (batch, i);

    mongo_result_clear (&item->result);
    item->result.verdict = MONGO_VERDICT_UNTRIED;
  }
}

/* A write that isn't answered in time may still be running, and repeating it would take as long. So
 * the next one has fewer documents and more time. */
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

/* Tries once to write the batch. (nullable): the document with the worst verdict
 * of those that aren't settled */
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
  mongo_worker_find_fault (self, tried);
  *go_on = report_rejected (self->writer, self->batch);
  if (!*go_on) {
    mongo_writer_fail (self->writer, NULL);
    return NULL;
  }
  log_try (self, tried, took);
  mongo_writer_settle (self->writer, self->batch, took * GST_USECOND);
  worst = mongo_batch_find_worst (self->batch);
  adapt_to_speed (self, tried, worst, took);
  return worst;
}

/* Sets how long the next connection waits for an answer. */
static void
choose_answer_timeout (MongoWorker *self)
{
  gint64 own = mongo_session_get_answer_timeout (self->session);
  gint64 left = (self->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

  if (own > 0)
    mongo_session_set_answer_timeout (
        self->session, (gint32) CLAMP (MIN (own << self->doublings, left), own, G_MAXINT32));
}

/* A right that is missing at the start is an error. One that is withdrawn later may come back. */
static gboolean
may_come_back (MongoWriter *self, const MongoItem *worst)
{
  gboolean stored;

  g_mutex_lock (&self->lock);
  stored = self->stats.documents + self->stats.duplicates > 0;
  g_mutex_unlock (&self->lock);
  return stored && worst->result.verdict == MONGO_VERDICT_DENIED;
}

/* FALSE: trying again is useless, or retry-timeout is over. */
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
  /* More documents, because one of them may be stored, which shows
   * that others are refused alone. */
  mongo_writer_take_more (writer, self->batch);
  return TRUE;
}

static void
forget_failures (MongoWorker *self)
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

  forget_failures (self);
  while ((worst = try_batch (self, &go_on))) {
    if (self->batch->len < left)
      forget_failures (self);
    left = self->batch->len;
    if (worst->result.verdict == MONGO_VERDICT_UNTRIED || mongo_worker_isolate (self))
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
