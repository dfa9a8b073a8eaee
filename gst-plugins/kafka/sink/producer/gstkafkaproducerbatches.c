/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"
#include "client/gstkafkaclient.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* Brokers refuse a batch that is larger than the topic's max.message.bytes as a whole, and batches
 * behind it that are smaller overtake it. So batches are kept below the limit, if the cluster
 * says what it is. */

/* Bytes. Smaller batches would need more requests, and no topic is known to have a lower limit. */
#define CAUTIOUS_BATCH 16384
/* Least size of a batch of one record, without its key and value. */
#define LEAST_OVERHEAD 61
#define ASK_MS 1000
#define ASK_INTERVAL G_USEC_PER_SEC

/* With lock. Idempotence wouldn't help: of a producer that is new to it, a broker takes the second
 * batch where it refused the first. */
static guint64
fitting_batch_bytes (GstKafkaProducer *self)
{
  return MIN (self->batch_bound, self->topic_limit ? self->topic_limit : CAUTIOUS_BATCH);
}

/* With lock, or before there is a client: batches of one record have no sizes to limit. */
static void
configure (GstKafkaProducer *self, guint64 bytes)
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
    configure (self, fitting_batch_bytes (self));
}

/* With lock */
static void
note_limit (GstKafkaProducer *self, rd_kafka_resp_err_t err, guint64 limit)
{
  gboolean known = !err, news = known && limit != self->topic_limit;

  if (news)
    self->topic_limit = limit;
  if (news)
    GST_INFO_OBJECT (self->element, "topic \"%s\" takes batches of %" G_GUINT64_FORMAT " bytes",
        self->topic, limit);
  else if (!known && !self->limit_asked)
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

/* Without lock, with nothing in flight. The library takes the size only with a new client. */
static void
use_fitting_batches (GstKafkaProducer *self)
{
  guint64 bytes, before;

  g_mutex_lock (&self->lock);
  bytes = fitting_batch_bytes (self);
  before = self->batch_bytes;
  g_mutex_unlock (&self->lock);
  if (bytes != before) {
    configure (self, bytes);
    gst_kafka_producer_replace_handle (self, "batches of another size");
  }
  g_mutex_lock (&self->lock);
  for (GList *l = bytes < before ? self->queue.waiting.head : NULL; l; l = l->next)
    ((GstKafkaRecord *) l->data)->alone = FALSE;
  self->regrouping = FALSE;
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_producer_regroup (GstKafkaProducer *self)
{
  gboolean regroups, idle, asks;

  g_mutex_lock (&self->lock);
  regroups = self->regrouping && self->rk;
  idle = !self->queue.in_flight.head;
  asks = self->asks_limit && self->rk;
  g_mutex_unlock (&self->lock);
  if (regroups && !idle) {
    rd_kafka_purge (self->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    return;
  }
  if (asks)
    gst_kafka_producer_learn_batch_limit (self, ASK_MS);
  if (regroups)
    use_fitting_batches (self);
}

gboolean
gst_kafka_producer_must_wait (GstKafkaProducer *self)
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

/* Because of its size, or of one record in it. */
static gboolean
concerns_batch (rd_kafka_resp_err_t err)
{
  switch ((gint) err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    /* _INVALID_DIFFERENT_RECORD, which librdkafka 2.0 doesn't have: another record is to blame */
    case -138:
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
gst_kafka_producer_send_alone (GstKafkaProducer *self, GstKafkaRecord *record)
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

/* A record that was refused in a batch has gone alone, so the batch was to blame. */
void
gst_kafka_producer_note_arrival (GstKafkaProducer *self, const GstKafkaRecord *record)
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

gboolean
gst_kafka_producer_never_fits (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  if (self->config.acknowledged || self->config.compressed || !exceeds_limit (self, record))
    return FALSE;
  /* It may have been raised meanwhile. */
  self->asks_limit |= g_get_monotonic_time () - self->limit_asked > ASK_INTERVAL;
  return TRUE;
}

gchar *
gst_kafka_producer_describe_size (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  if (!exceeds_limit (self, record))
    return NULL;
  return g_strdup_printf ("a message of %" G_GSIZE_FORMAT
                          " bytes, and the topic's max.message.bytes is %" G_GUINT64_FORMAT,
      gst_kafka_record_size (record), self->topic_limit);
}
