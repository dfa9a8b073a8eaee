/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

#define ASK_AGAIN_TIME (G_USEC_PER_SEC / 2)

/* With lock. A right that was never granted is an error at once, not an outage. */
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
  self->refused_since = now;
  self->refusal = err;
  g_free (self->refusal_detail);
  self->refusal_detail = g_strdup (detail);
}

gboolean
gst_kafka_producer_lose_access (GstKafkaProducer *self, const gchar *topic, rd_kafka_resp_err_t err)
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

void
gst_kafka_producer_regain_access (GstKafkaProducer *self, const gchar *topic)
{
  if (topic && !g_hash_table_contains (self->delivered_topics, topic))
    g_hash_table_add (self->delivered_topics, g_strdup (topic));
  if (self->access == GST_KAFKA_ACCESS_GRANTED)
    return;
  GST_INFO_OBJECT (self->element, "access is back after %.1f s",
      (g_get_monotonic_time () - self->refused_since) / (gdouble) G_USEC_PER_SEC);
  self->access = GST_KAFKA_ACCESS_GRANTED;
  self->refused_since = self->ask_again = 0;
  self->refusal_reported = FALSE;
}

static GError *
new_error (GstKafkaProducer *self, const gchar *suffix)
{
  g_autofree gchar *attempt = gst_kafka_producer_name_attempt (self->topic, self->servers);
  g_autofree gchar *tried = g_strconcat (attempt, suffix, NULL);

  return gst_kafka_error_new (tried, self->refusal, self->refusal_detail, GST_RESOURCE_ERROR_WRITE);
}

static void
warn (GstKafkaProducer *self)
{
  g_autoptr (GError) error = new_error (self, " any more");

  GST_ELEMENT_WARNING (self->element, RESOURCE, NOT_AUTHORIZED,
      ("%s Waiting for access to come back, as long as access-timeout allows.", error->message),
      ("%s", rd_kafka_err2name (self->refusal)));
}

static void
fail (GstKafkaProducer *self)
{
  g_autoptr (GError) error = new_error (self, "");
  gboolean first;

  g_mutex_lock (&self->lock);
  first = gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first)
    gst_kafka_producer_fail (self, error, rd_kafka_err2name (self->refusal));
}

gboolean
gst_kafka_producer_is_ended_by_refusal (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *reason)
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
    fail (self);
  return start || waits;
}

/* A query shows whether connections are accepted again; only a record shows a right to write. */
static void
ask_again (GstKafkaProducer *self)
{
  const gchar *topic = self->config.each_names_topic ? NULL : self->topic;
  rd_kafka_resp_err_t err;
  gboolean answered = gst_kafka_producer_query_topic (self, topic, &err);

  g_mutex_lock (&self->lock);
  self->ask_again = g_get_monotonic_time () + ASK_AGAIN_TIME;
  if (answered && self->access == GST_KAFKA_ACCESS_CONNECTION_LOST)
    gst_kafka_producer_regain_access (self, NULL);
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_producer_watch_access (GstKafkaProducer *self)
{
  gint64 now = g_get_monotonic_time ();
  gboolean lost, works, news, over, asks;

  g_mutex_lock (&self->lock);
  lost = self->access != GST_KAFKA_ACCESS_GRANTED;
  works = self->health == GST_KAFKA_PRODUCER_WORKING;
  news = lost && works && !self->refusal_reported && !self->stopping;
  self->refusal_reported = lost;
  over = lost && works &&
         (GstClockTime) (now - self->refused_since) * GST_USECOND >= self->config.access_timeout;
  asks = self->access == GST_KAFKA_ACCESS_CONNECTION_LOST && now >= self->ask_again;
  g_mutex_unlock (&self->lock);
  if (news)
    warn (self);
  if (over)
    fail (self);
  else if (asks)
    ask_again (self);
}
