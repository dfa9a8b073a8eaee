/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"
#include "client/gstkafkaclient.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* stop() may take 5 s: this much for the reports of purged records, then DESTROY_BOUND. */
#define PURGE_BOUND (1 * G_USEC_PER_SEC)
#define PARTITION_GRACE (5 * G_USEC_PER_SEC)

/* --- outcomes --- */

static gboolean
is_overdue (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return GST_CLOCK_TIME_IS_VALID (self->config.delivery_timeout) &&
         (GstClockTime) (g_get_monotonic_time () - record->queued) * GST_USECOND >=
             self->config.delivery_timeout;
}

/* Without lock. Takes ownership of @record, which has left the queues and is counted in self->lost.
 */
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

  g_mutex_lock (&self->lock);
  self->counters.undeliverable++;
  err = gst_kafka_producer_explain_error (self, err, &detail);
  if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    detail = gst_kafka_producer_describe_size (self, record);
  first = skip ? !self->stopping : gst_kafka_producer_take_failure (self);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  tried =
      gst_kafka_producer_name_attempt (record->topic ? record->topic : self->topic, self->servers);
  gst_kafka_record_free (record, skip ? GST_KAFKA_ACK_DONE : GST_KAFKA_ACK_FAILED);
  error = gst_kafka_error_new (tried, err, detail, GST_RESOURCE_ERROR_WRITE);
  if (first && skip)
    GST_ELEMENT_WARNING (
        self->element, RESOURCE, WRITE, ("Skipped a buffer. %s", error->message), ("%s", debug));
  else if (first)
    gst_kafka_producer_fail (self, error, debug);
  g_mutex_lock (&self->lock);
  self->lost--;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

/* A topic that is deleted and created again has no partitions for a moment. */
static gboolean
may_come_back (const GstKafkaRecord *record)
{
  return record->partition == RD_KAFKA_PARTITION_UA ||
         g_get_monotonic_time () - record->queued < PARTITION_GRACE;
}

/* TRUE: it may succeed when sent again, by this client or by its replacement @rk. */
static gboolean
is_retriable (rd_kafka_t *rk, const GstKafkaRecord *record, rd_kafka_resp_err_t err)
{
  switch (err) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return may_come_back (record);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      /* With many topics it isn't sent again, because records of other topics wait behind it. */
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
      /* After a fatal error, whatever the client reports about its remaining records. */
      return rd_kafka_fatal_error (rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
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
  self->unconfirmed = !self->config.acknowledged;
  gst_kafka_producer_note_arrival (self, record);
  gst_kafka_producer_regain_access (self, record->topic);
  gst_kafka_fault_forget (&self->fault);
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
gst_kafka_producer_note_report (
    rd_kafka_t *rk, const rd_kafka_message_t *message, gpointer user_data)
{
  GstKafkaProducer *self = user_data;
  GstKafkaRecord *record = message->_private;

  record->err = message->err;
  if (!message->err)
    log_delivery (self, record, message);
  if (!message->err && !self->config.acknowledged)
    gst_kafka_producer_note_sent (self, message);
  g_ptr_array_add (self->reported, record);
}

/* Brokers refuse a timestamp that is too far from their own time, by default over an hour ahead. It
 * comes from a wrong clock or from a stranger's header. The record goes again with the time of
 * sending; its header keeps the capture time. */
static gboolean
goes_with_other_time (GstKafkaRecord *record)
{
  if (record->err != RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP || !record->timestamp)
    return FALSE;
  record->timestamp = 0;
  return TRUE;
}

/* With lock. The meta's partition comes from a report, perhaps of a replica that reads another
 * topic, or of the time before the topic was created again. That is no reason to lose a frame. */
static gboolean
goes_elsewhere (GstKafkaProducer *self, GstKafkaRecord *record, rd_kafka_resp_err_t err)
{
  if (err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || !record->suggested)
    return FALSE;
  self->astray = record->partition;
  record->partition = RD_KAFKA_PARTITION_UA;
  record->suggested = FALSE;
  return TRUE;
}

/* Poller's thread, without lock. */
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
        ("The meta of a buffer names partition %d, which the topic doesn't have. Such buffers go "
         "to "
         "other partitions. If the reports for feedbackrate come from replicas that read another "
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

/* With lock. TRUE: the record goes again, and is back in the queue. */
static gboolean
take_report (GstKafkaProducer *self, rd_kafka_t *rk, GstKafkaRecord *record, gint64 now)
{
  gst_kafka_send_queue_reported (&self->queue, record);
  if (!record->err) {
    count_delivery (self, record, now);
    return FALSE;
  }
  if (self->health != GST_KAFKA_PRODUCER_WORKING || is_overdue (self, record) ||
      (!goes_with_other_time (record) && !goes_elsewhere (self, record, record->err) &&
          !gst_kafka_producer_send_alone (self, record) &&
          !gst_kafka_producer_lose_access (self, record->topic, record->err) &&
          !is_retriable (rk, record, record->err))) {
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
      gst_kafka_record_free (record, GST_KAFKA_ACK_DONE);
  }
  g_ptr_array_set_size (self->reported, 0);
}

/* With lock: no more records can come that would share a request with those in flight. */
static gboolean
lingers_in_vain (GstKafkaProducer *self)
{
  const GList *sent = self->queue.in_flight.head;

  return self->config.lingers && sent &&
         (self->draining || self->full || ((const GstKafkaRecord *) sent->data)->alone);
}

/* Poller's thread, without lock. */
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
may_send (GstKafkaProducer *self)
{
  return self->rk && !self->held && self->health == GST_KAFKA_PRODUCER_WORKING &&
         g_get_monotonic_time () >= self->ask_again && self->queue.waiting.head &&
         !gst_kafka_producer_must_wait (self) && gst_kafka_send_queue_may_send (&self->queue);
}

/* With lock. (nullable): a record that the client refuses for good, and that has left the queues */
static GstKafkaRecord *
hand_over (GstKafkaProducer *self, rd_kafka_resp_err_t *err)
{
  while (may_send (self)) {
    GstKafkaRecord *record = gst_kafka_send_queue_pop (&self->queue);

    /* Before the call, because the report may come before it returns. */
    gst_kafka_send_queue_sent (&self->queue, record);
    record->turn = self->next_turn++;
    *err = gst_kafka_producer_never_fits (self, record)
               ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
               : gst_kafka_record_produce (record, self->rk, self->topic);
    if (!*err)
      continue;
    gst_kafka_send_queue_reported (&self->queue, record);
    if (goes_elsewhere (self, record, *err)) {
      gst_kafka_send_queue_take_back (&self->queue, record);
      continue;
    }
    if (*err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC && !record->topic)
      gst_kafka_fault_note (&self->fault, *err, NULL);
    if (is_overdue (self, record) || (!gst_kafka_producer_lose_access (self, record->topic, *err) &&
                                         !is_retriable (self->rk, record, *err))) {
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
      RD_KAFKA_PRODUCER, rd_kafka_conf_dup (self->conf), &self->fault, error);
}

/* Poller's thread, without lock. */
static void
purge (GstKafkaProducer *self, rd_kafka_t *rk)
{
  gint64 deadline = g_get_monotonic_time () + PURGE_BOUND;

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

void
gst_kafka_producer_replace_handle (GstKafkaProducer *self, const gchar *reason)
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
  g_atomic_int_set (&self->unacked.closing, TRUE);
  purge (self, old);
  rd_kafka_destroy (old);
  g_atomic_int_set (&self->unacked.closing, FALSE);
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
  gst_kafka_producer_replace_handle (self, reason);
  g_mutex_lock (&self->lock);
  self->counters.rebuilds++;
  g_mutex_unlock (&self->lock);
}

/* With lock. (nullable): a record whose delivery-timeout ended while it was waiting, for example
 * for a topic that is never created */
static GstKafkaRecord *
pop_overdue (GstKafkaProducer *self)
{
  GstKafkaRecord *record = gst_kafka_send_queue_peek (&self->queue);

  if (!record || !is_overdue (self, record))
    return NULL;
  self->lost++;
  return gst_kafka_send_queue_pop (&self->queue);
}

static void
serve (GstKafkaProducer *self)
{
  rd_kafka_resp_err_t fatal;
  GstKafkaRecord *overdue;
  gchar reason[512];

  poll_client (self, self->rk, GST_KAFKA_PRODUCER_SLICE_MS);
  fatal = rd_kafka_fatal_error (self->rk, reason, sizeof reason);
  if (fatal && !gst_kafka_producer_is_ended_by_refusal (self, fatal, reason))
    replace_ended (self, reason);
  gst_kafka_producer_regroup (self);
  gst_kafka_producer_watch_unacked (self);
  g_mutex_lock (&self->lock);
  gst_kafka_producer_hand_over_all (self);
  overdue = pop_overdue (self);
  g_mutex_unlock (&self->lock);
  if (overdue)
    give_up (self, overdue, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
  gst_kafka_producer_watch_access (self);
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

/* Only this thread changes rk, so it may read it without lock. */
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
