/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/gstkafkaclient.h"
#include "gstkafkaproducerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* --- access that was lost --- */

#define ASK_AGAIN_TIME (G_USEC_PER_SEC / 2)

/* With lock. Returns TRUE if the right to write was granted before. The lack of a right that was
 * never granted is an error at once, not an outage. */
static gboolean
was_granted (GstKafkaProducer *self, const gchar *topic)
{
  return topic ? g_hash_table_contains (self->delivered_topics, topic)
               : self->counters.delivered > 0;
}

/* With lock */
static void
begin_to_wait (GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *detail)
{
  gint64 now = g_get_monotonic_time ();

  self->ask_again = now + ASK_AGAIN_TIME;
  GST_DEBUG_OBJECT (self->element, "access is refused (%s): next try in %.1f s",
      rd_kafka_err2name (err), ASK_AGAIN_TIME / (gdouble) G_USEC_PER_SEC);
  if (self->access != GST_KAFKA_ACCESS_GRANTED)
    return;
  self->access = GST_KAFKA_ACCESS_RIGHT_LOST;
  if (gst_kafka_is_same_loss (self->granted_since))
    return;
  self->refusal_reported = FALSE;
  self->refused_since = now;
  self->refusal = err;
  g_free (self->refusal_detail);
  self->refusal_detail = g_strdup (detail);
}

/* With lock. Returns TRUE if @err withdraws a right that was granted before, so that the producer
 * waits until the right is back. @topic: NULL for the producer's topic */
static gboolean
lose_access (GstKafkaProducer *self, const gchar *topic, rd_kafka_resp_err_t err)
{
  if (!gst_kafka_error_is_refusal (err) || !was_granted (self, topic))
    return FALSE;
  begin_to_wait (self, err, NULL);
  return TRUE;
}

void
gst_kafka_producer_lose_connection (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *detail)
{
  g_mutex_lock (&self->lock);
  if (self->connected) {
    begin_to_wait (self, err, detail);
    self->access = GST_KAFKA_ACCESS_CONNECTION_LOST;
  }
  g_mutex_unlock (&self->lock);
}

/* With lock. Notes that a record was delivered, so access is granted. */
static void
regain_access (GstKafkaProducer *self, const gchar *topic)
{
  if (topic && !g_hash_table_contains (self->delivered_topics, topic))
    g_hash_table_add (self->delivered_topics, g_strdup (topic));
  if (self->access == GST_KAFKA_ACCESS_GRANTED)
    return;
  self->granted_since = g_get_monotonic_time ();
  GST_INFO_OBJECT (self->element, "access is back after %.1f s",
      (self->granted_since - self->refused_since) / (gdouble) G_USEC_PER_SEC);
  self->access = GST_KAFKA_ACCESS_GRANTED;
  self->ask_again = 0;
}

static GError *
new_access_error (GstKafkaProducer *self, const gchar *suffix)
{
  g_autofree gchar *attempt = gst_kafka_producer_name_attempt (self->topic, self->servers);
  g_autofree gchar *tried = g_strconcat (attempt, suffix, NULL);

  return gst_kafka_error_new (tried, self->refusal, self->refusal_detail, GST_RESOURCE_ERROR_WRITE);
}

static void
warn_of_access (GstKafkaProducer *self)
{
  g_autoptr (GError) error = new_access_error (self, " any more");

  GST_ELEMENT_WARNING (self->element, RESOURCE, NOT_AUTHORIZED,
      ("%s Waiting for access to come back, as long as access-timeout allows.", error->message),
      ("%s", rd_kafka_err2name (self->refusal)));
}

static void
fail_for_access (GstKafkaProducer *self)
{
  g_autoptr (GError) error = new_access_error (self, "");
  gboolean first;

  g_mutex_lock (&self->lock);
  first = gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first)
    gst_kafka_producer_fail (self, error, rd_kafka_err2name (self->refusal));
}

/* Called without lock, on the poller's thread, after a fatal error. An idempotent client ends with
 * a fatal error when a right is missing. Returns FALSE if the client may be replaced now. */
static gboolean
is_ended_by_refusal (GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *reason)
{
  gboolean start, waits;

  if (!gst_kafka_error_is_refusal (err))
    return FALSE;
  g_mutex_lock (&self->lock);
  waits = g_get_monotonic_time () < self->ask_again;
  start = !self->counters.delivered;
  if (!waits)
    begin_to_wait (self, err, reason);
  g_mutex_unlock (&self->lock);
  if (start)
    fail_for_access (self);
  return start || waits;
}

/* Checks whether access is back. The answer to a query shows that connections are accepted again;
 * only a delivered record shows that the right to write is back. */
static void
ask_again (GstKafkaProducer *self)
{
  const gchar *topic = self->config.each_names_topic ? NULL : self->topic;
  rd_kafka_resp_err_t err;
  gboolean answered = gst_kafka_producer_query_topic (self, topic, GST_KAFKA_ANSWER_MS, &err);

  g_mutex_lock (&self->lock);
  self->ask_again = g_get_monotonic_time () + ASK_AGAIN_TIME;
  if (answered && self->access == GST_KAFKA_ACCESS_CONNECTION_LOST)
    regain_access (self, NULL);
  g_mutex_unlock (&self->lock);
}

/* Called without lock, on the poller's thread. */
static void
watch_access (GstKafkaProducer *self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean lost, works, news, over, asks;

  g_mutex_lock (&self->lock);
  lost = self->access != GST_KAFKA_ACCESS_GRANTED;
  works = self->health == GST_KAFKA_PRODUCER_WORKING;
  news = lost && works && !self->refusal_reported && !self->stopping;
  self->refusal_reported |= lost;
  over = lost && works &&
         (GstClockTime) (now - self->refused_since) * GST_USECOND >= self->config.access_timeout;
  asks =
      self->access == GST_KAFKA_ACCESS_CONNECTION_LOST && now >= self->ask_again && !self->stopping;
  g_mutex_unlock (&self->lock);
  if (news)
    warn_of_access (self);
  if (over)
    fail_for_access (self);
  else if (asks)
    ask_again (self);
}

/* --- the size of batches --- */

/* Brokers refuse a batch that is larger than the topic's max.message.bytes as a whole, and batches
 * behind it that are smaller overtake it. So batches are kept below max.message.bytes, if the
 * cluster reports it. */

/* Size in bytes of a batch while the topic's limit isn't known. Smaller batches would need more
 * requests, and topics with a lower limit are unusual. */
#define CAUTIOUS_BATCH 16384
/* Smallest size in bytes of a batch of one record, without the record's key and value. */
#define LEAST_OVERHEAD 61
#define ASK_INTERVAL G_USEC_PER_SEC

/* With lock. Returns the size of batches that fits the known limits. With idempotence too, batches
 * must not be refused for their size: a broker that refused a new producer's first batch accepts
 * the second batch in its place. */
static guint64
fitting_batch_bytes (GstKafkaProducer *self)
{
  return MIN (self->batch_bound, self->topic_limit ? self->topic_limit : CAUTIOUS_BATCH);
}

/* Sets the size of librdkafka's batches. Called with the lock, or before the client exists. A batch
 * of one record is sent even if it is larger than this size. */
static void
set_batch_size (GstKafkaProducer *self, guint64 bytes)
{
  gchar text[24];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, bytes);
  rd_kafka_conf_set (self->conf, "batch.size", text, NULL, 0);
  self->batch_bytes = bytes;
}

void
gst_kafka_producer_init_batches (GstKafkaProducer *self)
{
  g_autofree gchar *bytes = gst_kafka_conf_dup (self->conf, "batch.size");

  self->batch_bytes = self->batch_bound = g_ascii_strtoull (bytes, NULL, 10);
  if (self->config.each_names_topic)
    set_batch_size (self, fitting_batch_bytes (self));
}

/* With lock */
static void
note_limit (GstKafkaProducer *self, rd_kafka_resp_err_t err, guint64 limit)
{
  gboolean known = !err, news = known && limit != self->topic_limit;

  if (news) {
    self->topic_limit = limit;
    GST_INFO_OBJECT (self->element, "topic \"%s\" takes batches of %" G_GUINT64_FORMAT " bytes",
        self->topic, limit);
  } else if (!known && !self->limit_asked)
    GST_INFO_OBJECT (self->element,
        "no max.message.bytes of topic \"%s\" (%s; it takes the right DescribeConfigs): batches "
        "get at most %" G_GUINT64_FORMAT " bytes",
        self->topic, rd_kafka_err2name (err), fitting_batch_bytes (self));
}

void
gst_kafka_producer_fit_batches (GstKafkaProducer *self)
{
  self->regrouping |= fitting_batch_bytes (self) != self->batch_bytes;
}

gboolean
gst_kafka_producer_learn_batch_limit (GstKafkaProducer *self, gint timeout_ms)
{
  guint64 limit = 0;
  rd_kafka_resp_err_t err = gst_kafka_producer_query_batch_limit (self, timeout_ms, &limit);

  g_mutex_lock (&self->lock);
  note_limit (self, err, limit);
  self->limit_asked = g_get_monotonic_time ();
  self->asks_limit = FALSE;
  gst_kafka_producer_fit_batches (self);
  g_mutex_unlock (&self->lock);
  return !err || err == RD_KAFKA_RESP_ERR__NOENT || gst_kafka_error_is_refusal (err);
}

/* With lock. Returns TRUE if nothing may be sent now: batches are being regrouped, a record that
 * has to be sent alone is in flight, or the next record has to be sent alone and other records are
 * in flight. */
static gboolean
must_wait (GstKafkaProducer *self)
{
  const GstKafkaRecord *next = gst_kafka_send_queue_peek (&self->queue);
  const GList *sent = self->queue.in_flight.head;

  return self->regrouping ||
         (sent && (next->alone || ((const GstKafkaRecord *) sent->data)->alone));
}

static gboolean
is_about_size (rd_kafka_resp_err_t err)
{
  return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

/* Returns TRUE if the batch was refused because of its size, or because of one of its records. */
static gboolean
concerns_batch (rd_kafka_resp_err_t err)
{
  switch ((gint) err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    /* The error _INVALID_DIFFERENT_RECORD, which librdkafka 2.0 doesn't have: another record of the
     * batch is to blame */
    case -138:
      return TRUE;
    default:
      return FALSE;
  }
}

/* With lock. Handles a refused record. Returns TRUE if the record is sent again, in a batch of its
 * own. */
static gboolean
send_alone (GstKafkaProducer *self, GstKafkaRecord *record)
{
  if (record->alone || !concerns_batch (record->err))
    return FALSE;
  GST_DEBUG_OBJECT (self->element,
      "a batch was refused (%s): sending its record %" G_GUINT64_FORMAT " again",
      rd_kafka_err2name (record->err), record->number);
  record->alone = TRUE;
  record->too_large = is_about_size (record->err);
  self->regrouping = TRUE;
  self->asks_limit |= record->too_large && !record->topic;
  return TRUE;
}

/* With lock. Handles the delivery of @record. If a record was refused in a batch for its size and
 * is accepted alone, the batch was too large, so batches get smaller. */
static void
note_arrival (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  if (!record->alone || !record->too_large || self->regrouping || self->batch_bytes == 1)
    return;
  self->batch_bound = self->batch_bytes > CAUTIOUS_BATCH ? CAUTIOUS_BATCH : 1;
  self->regrouping = TRUE;
  self->counters.refused_batches++;
  GST_INFO_OBJECT (self->element,
      "the brokers refused a batch, but not record %" G_GUINT64_FORMAT
      " alone: batches get at most %" G_GUINT64_FORMAT " bytes",
      record->number, self->batch_bound);
}

/* With lock */
static gboolean
exceeds_limit (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  gsize key = record->key ? g_bytes_get_size (record->key) : 0;

  return self->topic_limit && !record->topic &&
         gst_kafka_record_size (record) + key + LEAST_OVERHEAD > self->topic_limit;
}

/* Called with the lock. Returns TRUE if the brokers would refuse @record for its size and no report
 * would say so, because records aren't acknowledged. */
static gboolean
never_fits (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  if (self->config.acknowledged || self->config.compressed || !exceeds_limit (self, record))
    return FALSE;
  /* The limit is queried again, because it may have been raised since the last query. */
  self->asks_limit |= g_get_monotonic_time () - self->limit_asked > ASK_INTERVAL;
  return TRUE;
}

/* Called with the lock. Returns: (nullable): the reason why the topic can't take @record. */
static gchar *
describe_size (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  if (!exceeds_limit (self, record))
    return NULL;
  return g_strdup_printf ("a message of %" G_GSIZE_FORMAT
                          " bytes, and the topic's max.message.bytes is %" G_GUINT64_FORMAT,
      gst_kafka_record_size (record), self->topic_limit);
}

/* The part (us) of the 5 s for stop() in which the reports of purged records have to come;
 * DESTROY_BOUND follows it. */
#define PURGE_BOUND (1 * G_USEC_PER_SEC)
#define PARTITION_GRACE (5 * G_USEC_PER_SEC)

/* --- outcomes --- */

static gboolean
is_overdue (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return !gst_kafka_producer_spools (self, record) &&
         GST_CLOCK_TIME_IS_VALID (self->config.delivery_timeout) &&
         (GstClockTime) (g_get_monotonic_time () - record->queued) * GST_USECOND >=
             self->config.delivery_timeout;
}

/* Without lock. Releases a record that isn't sent any more. If the broker refused the record for a
 * missing right, the record itself is valid, so a spool keeps it. */
static void
release (GstKafkaProducer *self, GstKafkaRecord *record, gboolean skip, gboolean refused)
{
  if (!skip && refused && gst_kafka_producer_spools (self, record)) {
    gst_kafka_producer_spool (self, record);
    return;
  }
  gst_kafka_producer_unspool (self, record);
  gst_kafka_record_free (record, skip ? GST_KAFKA_ACK_DONE : GST_KAFKA_ACK_FAILED);
}

/* Without lock. The function takes ownership of @record, which has left the queues and is counted
 * in self->lost.
 *  */
static void
give_up (GstKafkaProducer *self, GstKafkaRecord *record, rd_kafka_resp_err_t err)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *detail = NULL, *tried = NULL;
  g_autofree gchar *debug = g_strdup_printf ("record %" G_GUINT64_FORMAT " of %" G_GSIZE_FORMAT
                                             " bytes, %s, partition %d: %s",
      record->number, gst_kafka_record_size (record), record->topic ? record->topic : self->topic,
      record->partition, rd_kafka_err2name (err));
  /* on-error=skip doesn't cover a missing right, unless each record chooses its own topic. */
  gboolean skip = self->config.skip_failed && (record->topic || !gst_kafka_error_is_refusal (err));
  gboolean first;

  GST_DEBUG_OBJECT (self->element, "undeliverable, %s: %s", skip ? "skipped" : "fails", debug);
  g_mutex_lock (&self->lock);
  self->counters.undeliverable++;
  err = gst_kafka_producer_explain_error (self, err, &detail);
  if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    detail = describe_size (self, record);
  first = skip ? !self->stopping : gst_kafka_producer_take_failure (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  tried =
      gst_kafka_producer_name_attempt (record->topic ? record->topic : self->topic, self->servers);
  release (self, record, skip, gst_kafka_error_is_refusal (err));
  error = gst_kafka_error_new (tried, err, detail, GST_RESOURCE_ERROR_WRITE);
  if (first && skip)
    gst_kafka_producer_report_skip (self, err, error, debug);
  else if (first)
    gst_kafka_producer_fail (self, error, debug);
  g_mutex_lock (&self->lock);
  self->lost--;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

/* Returns TRUE if the partition of @record may exist soon: a topic that is deleted and created
 * again has no partitions for a moment. */
static gboolean
may_come_back (const GstKafkaRecord *record)
{
  return record->partition == RD_KAFKA_PARTITION_UA ||
         g_get_monotonic_time () - record->queued < PARTITION_GRACE;
}

/* Returns TRUE if the record may be delivered when it is sent again. @rk: the client that reported
 * @err, and that is replaced after a fatal error */
static gboolean
is_retriable (
    GstKafkaProducer *self, rd_kafka_t *rk, const GstKafkaRecord *record, rd_kafka_resp_err_t err)
{
  switch (err) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return may_come_back (record);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      /* If records have topics of their own, this record isn't sent again, because records of other
       * topics wait behind it. */
      return !record->topic;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY: /* the client is being replaced */
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return TRUE;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      return FALSE;
    default:
      /* After a fatal error all records are sent again, whatever the client reports about them.
       * With a spool, records are also sent again after a passing error. */
      return rd_kafka_fatal_error (rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR ||
             (gst_kafka_producer_spools (self, record) && gst_kafka_error_is_passing (err));
  }
}

/* With lock */
static void
count_delivery (GstKafkaProducer *self, GstKafkaRecord *record, gint64 now)
{
  GstKafkaProducerCounters *c = &self->counters;
  GstClockTime latency = (now - record->sent) * GST_USECOND;

  c->delivered++;
  c->delivered_bytes += gst_kafka_record_size (record);
  c->latency = c->latency ? (7 * c->latency + latency) / 8 : latency;
  gst_kafka_pace_delivered (
      &self->queue.pace, now, gst_kafka_record_size (record), now - record->sent);
  self->connected = TRUE;
  self->acknowledged = now;
  /* With acks=none a delivery report says only that the record was sent, not that a broker has
   * answered. */
  if (self->config.acknowledged)
    gst_kafka_outage_note_answer (&self->outage, TRUE, now);
  self->unconfirmed = !self->config.acknowledged;
  note_arrival (self, record);
  regain_access (self, record->topic);
  gst_kafka_fault_forget (self->fault);
}

static void
log_delivery (
    GstKafkaProducer *self, const GstKafkaRecord *record, const rd_kafka_message_t *message)
{
  g_autofree gchar *frame = NULL;

  if (gst_debug_category_get_threshold (GST_CAT_DEFAULT) < GST_LEVEL_LOG)
    return;
  frame = gst_kafka_record_make_frame_id (record);
  GST_LOG_OBJECT (self->element, "delivered %s to partition %d, offset %" G_GINT64_FORMAT, frame,
      message->partition, message->offset);
}

void
gst_kafka_producer_note_report (rd_kafka_t *rk, const rd_kafka_message_t *message, gpointer fault)
{
  GstKafkaProducer *self = gst_kafka_fault_get_user_data (fault);
  GstKafkaRecord *record = message->_private;

  record->err = message->err;
  if (!message->err)
    log_delivery (self, record, message);
  if (!message->err && !self->config.acknowledged)
    gst_kafka_producer_note_sent (self, message);
  g_ptr_array_add (self->reported, record);
}

/* Brokers refuse a timestamp that is too far from their own time, by default over an hour ahead.
 * The cause of a refused timestamp is a wrong clock or another producer's header. A record whose
 * timestamp was refused is sent again with the time of sending; its header keeps the capture
 * time. */
static gboolean
goes_with_other_time (GstKafkaProducer *self, GstKafkaRecord *record)
{
  if (record->err != RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || !record->timestamp)
    return FALSE;
  GST_DEBUG_OBJECT (self->element,
      "the brokers refuse the timestamp of record %" G_GUINT64_FORMAT ", %" G_GINT64_FORMAT
      " ms: it gets the time of sending",
      record->number, record->timestamp);
  record->timestamp = 0;
  return TRUE;
}

/* With lock. The partition in a buffer's meta comes from a report for feedbackrate, perhaps from a
 * replica that reads another topic, or from a time before the topic was created again, so a wrong
 * partition must not lose a frame. */
static gboolean
goes_elsewhere (GstKafkaProducer *self, GstKafkaRecord *record, rd_kafka_resp_err_t err)
{
  if (err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || !record->suggested)
    return FALSE;
  GST_DEBUG_OBJECT (self->element,
      "the topic has no partition %d: record %" G_GUINT64_FORMAT " goes to another one",
      record->partition, record->number);
  self->astray = record->partition;
  record->partition = RD_KAFKA_PARTITION_UA;
  record->suggested = FALSE;
  return TRUE;
}

/* Called on the poller's thread, without lock. */
static void
warn_of_partition (GstKafkaProducer *self)
{
  gint partition;

  g_mutex_lock (&self->lock);
  partition = self->astray_reported ? -1 : self->astray;
  self->astray_reported = self->astray >= 0;
  g_mutex_unlock (&self->lock);
  if (partition >= 0)
    GST_ELEMENT_WARNING (self->element, RESOURCE, SETTINGS,
        ("The meta of a buffer names partition %d, which the topic doesn't have. Such buffers are "
         "sent to other partitions. If the reports for feedbackrate come from replicas that read "
         "another "
         "topic, give each topic of frames its own topic of reports.",
            partition),
        (NULL));
}

/* With lock */
static void
take_back (GstKafkaProducer *self, GstKafkaRecord *record)
{
  GST_DEBUG_OBJECT (self->element, "record %" G_GUINT64_FORMAT " goes again: %s", record->number,
      rd_kafka_err2name (record->err));
  gst_kafka_send_queue_take_back (&self->queue, record);
  self->counters.resent++;
}

/* With lock. Returns TRUE if @record may not be sent any more because the producer has failed. A
 * spool keeps its records for the next run. */
static gboolean
is_over (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return self->health != GST_KAFKA_PRODUCER_WORKING && !gst_kafka_producer_spools (self, record);
}

/* With lock. Returns TRUE if the record is sent again, and is back in the queue. */
static gboolean
take_report (GstKafkaProducer *self, rd_kafka_t *rk, GstKafkaRecord *record, gint64 now)
{
  gst_kafka_send_queue_reported (&self->queue, record);
  if (!record->err) {
    count_delivery (self, record, now);
    return FALSE;
  }
  if (is_over (self, record) || is_overdue (self, record) ||
      (!goes_with_other_time (self, record) && !goes_elsewhere (self, record, record->err) &&
          !send_alone (self, record) && !lose_access (self, record->topic, record->err) &&
          !is_retriable (self, rk, record, record->err))) {
    self->lost++;
    return FALSE;
  }
  take_back (self, record);
  return TRUE;
}

/* With lock */
static void
log_queue (GstKafkaProducer *self)
{
  GST_DEBUG_OBJECT (self->element,
      "%u reports: %" G_GUINT64_FORMAT " delivered so far, %u waiting, %u in flight",
      self->reported->len, self->counters.delivered, self->queue.waiting.length,
      self->queue.in_flight.length);
}

/* Takes all delivery reports of a request, then wakes the streaming thread once. */
static void
take_reports (GstKafkaProducer *self, rd_kafka_t *rk)
{
  gpointer *records = self->reported->pdata;
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->reported->len; i++)
    if (take_report (self, rk, records[i], now))
      records[i] = NULL;
  log_queue (self);
  if (gst_kafka_send_queue_has_slack (&self->queue))
    g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < self->reported->len; i++) {
    GstKafkaRecord *record = records[i];

    if (record && record->err)
      give_up (self, record, record->err);
    else if (record)
      release (self, record, TRUE, FALSE);
  }
  g_ptr_array_set_size (self->reported, 0);
}

/* Called with the lock. Returns TRUE if lingering is useless, because no more records can come that
 * would share a batch with the records in flight. */
static gboolean
lingers_in_vain (GstKafkaProducer *self)
{
  const GList *sent = self->queue.in_flight.head;

  return self->config.lingers && sent &&
         (self->draining || self->full || ((const GstKafkaRecord *) sent->data)->alone);
}

/* Called on the poller's thread, without lock. */
static void
poll_client (GstKafkaProducer *self, rd_kafka_t *rk, gint timeout_ms)
{
  gboolean hurries;

  g_mutex_lock (&self->lock);
  hurries = lingers_in_vain (self);
  g_mutex_unlock (&self->lock);
  if (hurries)
    rd_kafka_flush (rk, timeout_ms);
  else
    rd_kafka_poll (rk, timeout_ms);
  if (self->reported->len)
    take_reports (self, rk);
}

/* --- handing over --- */

/* With lock */
static gboolean
is_ready (GstKafkaProducer *self)
{
  return self->rk && !self->held && self->health == GST_KAFKA_PRODUCER_WORKING &&
         g_get_monotonic_time () >= self->ask_again && !self->regrouping;
}

/* With lock. Returns TRUE if the client may get the next record. */
static gboolean
takes_more (GstKafkaProducer *self)
{
  if (!is_ready (self))
    return FALSE;
  gst_kafka_producer_fetch_spooled (self);
  return self->queue.waiting.head && !must_wait (self) &&
         gst_kafka_send_queue_may_send (&self->queue);
}

/* Called with the lock. Returns: (nullable): a record that the client refuses for good, and that
 * has left the queues */
static GstKafkaRecord *
hand_over (GstKafkaProducer *self, rd_kafka_resp_err_t *err)
{
  while (takes_more (self)) {
    GstKafkaRecord *record = gst_kafka_send_queue_pop (&self->queue);

    /* The record counts as in flight before rd_kafka_produceva() is called, because the record's
     * report may come before the call returns. */
    gst_kafka_send_queue_sent (&self->queue, record);
    record->turn = self->next_turn++;
    *err = never_fits (self, record) ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                                     : gst_kafka_record_produce (record, self->rk, self->topic);
    GST_LOG_OBJECT (self->element,
        "record %" G_GUINT64_FORMAT " to the client: %s; %u in flight, %" G_GUINT64_FORMAT " bytes",
        record->number, rd_kafka_err2name (*err), self->queue.in_flight.length,
        self->queue.in_flight_bytes);
    if (!*err)
      continue;
    gst_kafka_send_queue_reported (&self->queue, record);
    if (goes_elsewhere (self, record, *err)) {
      gst_kafka_send_queue_take_back (&self->queue, record);
      continue;
    }
    if (*err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC && !record->topic)
      gst_kafka_fault_note (self->fault, *err, NULL);
    if (is_overdue (self, record) || (!lose_access (self, record->topic, *err) &&
                                         !is_retriable (self, self->rk, record, *err))) {
      self->lost++;
      return record;
    }
    GST_DEBUG_OBJECT (self->element, "the client doesn't take record %" G_GUINT64_FORMAT " yet: %s",
        record->number, rd_kafka_err2name (*err));
    gst_kafka_send_queue_take_back (&self->queue, record);
    break;
  }
  return NULL;
}

void
gst_kafka_producer_hand_over_all (GstKafkaProducer *self)
{
  rd_kafka_resp_err_t err;
  GstKafkaRecord *refused;

  while ((refused = hand_over (self, &err))) {
    g_mutex_unlock (&self->lock);
    give_up (self, refused, err);
    g_mutex_lock (&self->lock);
  }
}

/* --- the poller --- */

rd_kafka_t *
gst_kafka_producer_new_handle (GstKafkaProducer *self, GError **error)
{
  return gst_kafka_client_new (
      RD_KAFKA_PRODUCER, rd_kafka_conf_dup (self->conf), self->fault, error);
}

/* Called on the poller's thread, without lock. */
static void
purge (GstKafkaProducer *self, rd_kafka_t *rk)
{
  gint64 deadline = g_get_monotonic_time () + PURGE_BOUND;

  GST_DEBUG_OBJECT (self->element, "purging %d messages of the client", rd_kafka_outq_len (rk));
  rd_kafka_purge (rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  while (rd_kafka_outq_len (rk) > 0 && g_get_monotonic_time () < deadline)
    poll_client (self, rk, 10);
}

/* With lock. Takes back the records that the ended client never reported. */
static void
take_back_unreported (GstKafkaProducer *self)
{
  while (self->queue.in_flight.head) {
    GstKafkaRecord *record = self->queue.in_flight.head->data;

    gst_kafka_send_queue_reported (&self->queue, record);
    take_back (self, record);
  }
}

/* Called on the poller's thread, without lock. */
static void
replace_handle (GstKafkaProducer *self, const gchar *reason)
{
  g_autoptr (GError) error = NULL;
  rd_kafka_t *old, *fresh;
  gboolean first;

  g_mutex_lock (&self->lock);
  old = g_steal_pointer (&self->rk);
  while (self->rk_users)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  if (!self->config.acknowledged)
    gst_kafka_producer_confirm_sent (self, old);
  gst_kafka_connections_set_closing (self->fault->connections, TRUE);
  purge (self, old);
  rd_kafka_destroy (old);
  gst_kafka_connections_set_closing (self->fault->connections, FALSE);
  /* The new client reports no end of a wait that it doesn't know of. */
  gst_kafka_fault_forget_throttling (self->fault);
  fresh = gst_kafka_producer_new_handle (self, &error);
  g_mutex_lock (&self->lock);
  take_back_unreported (self);
  self->rk = fresh;
  GST_INFO_OBJECT (
      self->element, "new client (%s): %u records are waiting", reason, self->queue.waiting.length);
  first = !fresh && gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first)
    gst_kafka_producer_fail (self, error, reason);
}

static void
replace_ended (GstKafkaProducer *self, const gchar *reason)
{
  GST_WARNING_OBJECT (self->element, "the client ended (%s): replacing it", reason);
  replace_handle (self, reason);
  g_mutex_lock (&self->lock);
  self->counters.rebuilds++;
  g_mutex_unlock (&self->lock);
}

/* Called without lock, with no record in flight. A change of the size of batches needs a new client
 * of librdkafka. */
static void
use_fitting_batches (GstKafkaProducer *self)
{
  guint64 bytes, before;

  g_mutex_lock (&self->lock);
  bytes = fitting_batch_bytes (self);
  before = self->batch_bytes;
  g_mutex_unlock (&self->lock);
  if (bytes != before) {
    GST_INFO_OBJECT (self->element,
        "batches get at most %" G_GUINT64_FORMAT " bytes, instead of %" G_GUINT64_FORMAT, bytes,
        before);
    set_batch_size (self, bytes);
    replace_handle (self, "batches of another size");
  }
  g_mutex_lock (&self->lock);
  for (GList *l = bytes < before ? self->queue.waiting.head : NULL; l; l = l->next)
    ((GstKafkaRecord *) l->data)->alone = FALSE;
  self->regrouping = FALSE;
  g_mutex_unlock (&self->lock);
}

/* Called on the poller's thread, without lock. */
static void
regroup (GstKafkaProducer *self)
{
  gboolean regroups, idle, asks;

  g_mutex_lock (&self->lock);
  regroups = self->regrouping && self->rk && !self->stopping;
  idle = !self->queue.in_flight.head;
  asks = self->asks_limit && self->rk && !self->stopping;
  g_mutex_unlock (&self->lock);
  if (regroups && !idle) {
    GST_LOG_OBJECT (self->element, "taking back what the client hasn't sent");
    rd_kafka_purge (self->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    return;
  }
  if (asks)
    gst_kafka_producer_learn_batch_limit (self, GST_KAFKA_ANSWER_MS);
  if (regroups)
    use_fitting_batches (self);
}

/* Called with the lock. Returns: (nullable): a record whose delivery-timeout ended while it was
 * waiting, for example for a topic that is never created */
static GstKafkaRecord *
pop_overdue (GstKafkaProducer *self)
{
  GstKafkaRecord *record = gst_kafka_send_queue_peek (&self->queue);

  if (!record || !is_overdue (self, record))
    return NULL;
  self->lost++;
  return gst_kafka_send_queue_pop (&self->queue);
}

/* Called on the poller's thread, without lock. Queries a topic whose records aren't delivered. */
static void
query_doubted (GstKafkaProducer *self)
{
  g_autofree gchar *topic = NULL;
  rd_kafka_resp_err_t err;
  gboolean answered;

  g_mutex_lock (&self->lock);
  topic = g_strdup (self->doubted);
  g_mutex_unlock (&self->lock);
  if (!topic)
    return;
  answered = gst_kafka_producer_query_topic (self, topic, GST_KAFKA_ANSWER_MS, &err);
  if (answered && err)
    gst_kafka_fault_note (self->fault, err, NULL);
  if (answered && err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    gst_kafka_producer_note_missing_topic (self);
  g_mutex_lock (&self->lock);
  if (g_strcmp0 (self->doubted, topic) == 0)
    g_clear_pointer (&self->doubted, g_free);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

/* One round of the poller's thread. Stopping waits for at most one query, which may take
 * GST_KAFKA_ANSWER_MS. */
static void
serve (GstKafkaProducer *self)
{
  rd_kafka_resp_err_t fatal;
  GstKafkaRecord *overdue;
  gchar reason[512];

  poll_client (self, self->rk, GST_KAFKA_PRODUCER_SLICE_MS);
  fatal = rd_kafka_fatal_error (self->rk, reason, sizeof reason);
  if (fatal && !is_ended_by_refusal (self, fatal, reason))
    replace_ended (self, reason);
  regroup (self);
  gst_kafka_producer_watch_unacked (self);
  gst_kafka_producer_watch_stall (self);
  gst_kafka_connections_tend (self->fault->connections, self->element);
  g_mutex_lock (&self->lock);
  gst_kafka_producer_watch_spool (self);
  gst_kafka_producer_hand_over_all (self);
  overdue = pop_overdue (self);
  g_mutex_unlock (&self->lock);
  if (overdue)
    give_up (self, overdue, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  watch_access (self);
  query_doubted (self);
  gst_kafka_fault_warn_of_throttling (self->fault, self->element, "producer_byte_rate");
  warn_of_partition (self);
}

static gboolean
goes_on (GstKafkaProducer *self)
{
  gboolean on;

  g_mutex_lock (&self->lock);
  on = !self->stopping && self->rk;
  g_mutex_unlock (&self->lock);
  return on;
}

/* Only the poller's thread changes `rk`, so this thread may read `rk` without lock. */
gpointer
gst_kafka_producer_poll_reports (gpointer user_data)
{
  GstKafkaProducer *self = user_data;

  while (goes_on (self))
    serve (self);
  if (self->rk)
    purge (self, self->rk);
  return NULL;
}
