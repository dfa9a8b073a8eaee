/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/gstkafkaclient.h"
#include "gstkafkaproducerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* With acks=none a record counts as delivered when it is sent. A connection that ended while in use
 * still shows a loss, because brokers end a connection over which they refuse a batch. The answer
 * to a later query shows that the broker has handled all earlier requests, because a broker answers
 * in order. */

#define WARN_INTERVAL (10 * G_USEC_PER_SEC)

void
gst_kafka_producer_note_sent (GstKafkaProducer *self, const rd_kafka_message_t *message)
{
  const gchar *topic = rd_kafka_topic_name (message->rkt);

  if (!self->unacked.sent)
    self->unacked.sent = rd_kafka_topic_partition_list_new (1);
  if (!rd_kafka_topic_partition_list_find (self->unacked.sent, topic, message->partition))
    rd_kafka_topic_partition_list_add (self->unacked.sent, topic, message->partition);
}

static void
warn_of_loss (GstKafkaProducer *self)
{
  GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE,
      ("A connection to %s ended while buffers for topic \"%s\" were on their way. With acks=none "
       "no report says which of them are lost. Set acks=leader or acks=all, and see the brokers' "
       "logs: they end a connection over which they refuse a message.",
          self->servers, self->topic),
      (NULL));
}

/* Handles connections that ended while in use. Batches are regrouped, because the records that
 * librdkafka still has may be refused for the same reason as the lost ones. */
static void
note_lost_connections (GstKafkaProducer *self)
{
  guint closed = gst_kafka_connections_count_ended (self->fault->connections);
  gint64 now = g_get_monotonic_time ();
  gboolean counts;

  if (closed == self->unacked.seen)
    return;
  g_mutex_lock (&self->lock);
  counts = self->counters.delivered > 0;
  if (counts) {
    self->counters.lost_connections += closed - self->unacked.seen;
    self->regrouping = TRUE;
    self->asks_limit = !self->config.each_names_topic;
  }
  g_mutex_unlock (&self->lock);
  self->unacked.seen = closed;
  if (!counts || (self->unacked.warned && now - self->unacked.warned < WARN_INTERVAL))
    return;
  self->unacked.warned = now;
  warn_of_loss (self);
}

static void
ask_for_newest (rd_kafka_topic_partition_list_t *partitions)
{
  for (gint i = 0; i < partitions->cnt; i++)
    partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
}

gboolean
gst_kafka_producer_confirm_sent (GstKafkaProducer *self, rd_kafka_t *rk)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

  if (self->unacked.sent) {
    ask_for_newest (self->unacked.sent);
    err = rd_kafka_offsets_for_times (rk, self->unacked.sent, GST_KAFKA_ANSWER_MS);
    GST_DEBUG_OBJECT (self->element, "the leaders of %d partitions answered: %s",
        self->unacked.sent->cnt, rd_kafka_err2name (err));
  }
  if (err == RD_KAFKA_RESP_ERR__TIMED_OUT || err == RD_KAFKA_RESP_ERR__TRANSPORT)
    return FALSE;
  g_clear_pointer (&self->unacked.sent, rd_kafka_topic_partition_list_destroy);
  return TRUE;
}

static gboolean
is_to_confirm (GstKafkaProducer *self)
{
  gboolean now;

  g_mutex_lock (&self->lock);
  now = self->draining && self->unconfirmed && self->rk &&
        !gst_kafka_send_queue_buffers (&self->queue);
  g_mutex_unlock (&self->lock);
  return now;
}

void
gst_kafka_producer_watch_unacked (GstKafkaProducer *self)
{
  gboolean confirmed;

  if (self->config.acknowledged)
    return;
  confirmed = is_to_confirm (self) && gst_kafka_producer_confirm_sent (self, self->rk);
  note_lost_connections (self);
  if (!confirmed)
    return;
  g_mutex_lock (&self->lock);
  self->unconfirmed = FALSE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}
