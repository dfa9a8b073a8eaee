/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* The shortest time (us) between two looks, because a look asks the kernel about each connection,
 * and the poller's thread may have hundreds of rounds a second. */
#define LOOK_TIME (G_TIME_SPAN_SECOND / 10)

const gchar *
gst_kafka_producer_describe_wait (GstKafkaProducer *self)
{
  if (self->config.spool)
    return "Buffers go to the disk (spool), and are sent later.";
  if (self->queue.bounds.leaky != GST_KAFKA_LEAKY_NONE)
    return "Buffers wait in the queue, which drops buffers when it is full (leaky).";
  if (!GST_CLOCK_TIME_IS_VALID (self->config.delivery_timeout))
    return "Buffers wait in the queue, and the stream waits when it is full.";
  return self->config.skip_failed
             ? "Buffers wait in the queue; after delivery-timeout they are skipped (on-error)."
             : "Buffers wait in the queue; after delivery-timeout they are an error (on-error).";
}

/* With lock. Returns the time since when the oldest buffer has waited for its acknowledgement; 0 if
 * none waits. A buffer that is sent again and again, because each attempt fails, has waited since
 * the last acknowledgement. */
static gint64
get_oldest_wait (GstKafkaProducer *self, gint64 now)
{
  const GList *sent = self->queue.in_flight.head;

  if (!gst_kafka_send_queue_buffers (&self->queue) || self->held)
    self->dry = 0;
  else
    self->dry = self->dry ? MAX (self->dry, self->acknowledged) : now;
  return sent && self->dry ? MIN (self->dry, ((const GstKafkaRecord *) sent->data)->sent)
                           : self->dry;
}

/* With lock. Returns TRUE if a report about something else, or an outage that is too short to be
 * reported, explains why buffers wait. */
static gboolean
is_explained (GstKafkaProducer *self)
{
  return self->access != GST_KAFKA_ACCESS_GRANTED || self->stopping ||
         self->health != GST_KAFKA_PRODUCER_WORKING ||
         gst_kafka_outage_is_reported (&self->outage) ||
         gst_kafka_outage_lacks_answer_since (&self->outage, self->stall.looked) ||
         gst_kafka_fault_get_throttle_time (self->fault) >= GST_SECOND;
}

/* With lock. Returns: (nullable): the name of the topic that the oldest record itself names */
static const gchar *
get_own_topic (GstKafkaProducer *self)
{
  const GstKafkaRecord *oldest = gst_kafka_send_queue_oldest (&self->queue);

  return oldest ? oldest->topic : NULL;
}

void
gst_kafka_producer_note_missing_topic (GstKafkaProducer *self)
{
  g_mutex_lock (&self->lock);
  gst_kafka_stall_restart (&self->stall);
  g_mutex_unlock (&self->lock);
}

/* With lock. Lets the connector's thread query whether the brokers answer at all, and the poller's
 * thread whether the record's own topic exists. librdkafka holds a record for a topic that doesn't
 * exist for 30 s. */
static void
doubt (GstKafkaProducer *self, gint64 now)
{
  GST_DEBUG_OBJECT (self->element, "no acknowledgement for %.1f s: asking the brokers",
      self->stall.waited / (gdouble) G_USEC_PER_SEC);
  self->stall_doubted = TRUE;
  if (!self->doubted)
    self->doubted = g_strdup (get_own_topic (self));
  gst_kafka_outage_note_error (&self->outage, RD_KAFKA_RESP_ERR__TIMED_OUT, now);
  g_cond_signal (&self->suspicion);
}

/* With lock. Returns TRUE if buffers wait although the brokers answer. The connector's thread first
 * queries the brokers: if no broker answers, the buffers wait because of an outage. */
static gboolean
is_stalled (GstKafkaProducer *self, gboolean explained, gint64 now)
{
  if (!gst_kafka_stall_is_long (&self->stall, GST_KAFKA_EPISODE_TIME + self->linger) || explained) {
    self->stall_doubted = FALSE;
    return FALSE;
  }
  if (!self->stall_doubted && !self->stall.episode.began)
    doubt (self, now);
  return !gst_kafka_outage_is_suspected (&self->outage);
}

/* Without lock. Returns the error for the warning. @cause: (out) (nullable): librdkafka's text. The
 * brokers have just answered, so an error of a connection may be an old one. */
static GError *
explain_stall (GstKafkaProducer *self, const gchar *attempt, gint64 lasted, gchar **cause)
{
  rd_kafka_resp_err_t fault = gst_kafka_fault_get (self->fault, cause);
  g_autofree gchar *said = g_strdup_printf (
      "the brokers answer, but a buffer has waited for its acknowledgement for %.0f s",
      lasted / (gdouble) G_USEC_PER_SEC);

  if (fault && !gst_kafka_error_is_unanswered (fault))
    return gst_kafka_error_new (attempt, fault, said, GST_RESOURCE_ERROR_WRITE);
  return g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "Could not %s: %s. Check that each partition has a leader%s (kafka-topics.sh --describe).",
      attempt, said,
      self->config.replicated
          ? ", and as many replicas in sync as the topic's min.insync.replicas requires"
          : "");
}

static void
report_begin (GstKafkaProducer *self, gint64 lasted)
{
  g_autofree gchar *attempt = NULL, *cause = NULL;
  g_autoptr (GError) error = NULL;
  const gchar *topic, *meanwhile;

  g_mutex_lock (&self->lock);
  topic = get_own_topic (self);
  attempt = gst_kafka_producer_name_attempt (topic ? topic : self->topic, self->servers);
  meanwhile = gst_kafka_producer_describe_wait (self);
  g_mutex_unlock (&self->lock);
  error = explain_stall (self, attempt, lasted, &cause);
  GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE, ("%s %s", error->message, meanwhile),
      ("%s", cause ? cause : "librdkafka has reported no error"));
}

static void
report_end (GstKafkaProducer *self, gint64 lasted)
{
  gdouble seconds = lasted / (gdouble) G_USEC_PER_SEC;

  GST_ELEMENT_INFO (self->element, RESOURCE, WRITE,
      ("The brokers acknowledge buffers again after %.1f s: topic \"%s\" at %s", seconds,
          self->topic, self->servers),
      ("acknowledged again"));
}

/* Looks for a stall, and returns what has to be reported. */
static GstKafkaNews
look (GstKafkaProducer *self, gint64 now, gint64 *began)
{
  gboolean sending = gst_kafka_connections_are_sending (self->fault->connections);
  gboolean explained;
  GstKafkaNews news;

  g_mutex_lock (&self->lock);
  explained = is_explained (self);
  gst_kafka_stall_look (&self->stall, get_oldest_wait (self, now), explained, sending, now);
  news = gst_kafka_stall_note (
      &self->stall, is_stalled (self, explained, now), self->acknowledged, now, began);
  g_mutex_unlock (&self->lock);
  return news;
}

/* Only this thread changes `stall.looked`, so the function may read it without lock. */
void
gst_kafka_producer_watch_stall (GstKafkaProducer *self)
{
  gint64 now = g_get_monotonic_time (), began;
  GstKafkaNews news;

  if (!self->config.acknowledged || now - self->stall.looked < LOOK_TIME)
    return;
  news = look (self, now, &began);
  if (news == GST_KAFKA_NEWS_BEGIN)
    report_begin (self, now - began);
  else if (news == GST_KAFKA_NEWS_END)
    report_end (self, now - began);
}
