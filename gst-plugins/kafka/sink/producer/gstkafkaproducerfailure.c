/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

gboolean
gst_kafka_producer_take_failure (GstKafkaProducer *self)
{
  gboolean first = self->health == GST_KAFKA_PRODUCER_WORKING;

  if (first)
    self->health = GST_KAFKA_PRODUCER_FAILING;
  return first && !self->stopping;
}

void
gst_kafka_producer_fail_at (GstKafkaProducer *self, const GError *error, const gchar *debug,
    const gchar *file, const gchar *function, gint line)
{
  gst_element_message_full (self->element, GST_MESSAGE_ERROR, error->domain, error->code,
      g_strdup (error->message), g_strdup (debug), file, function, line);
  g_mutex_lock (&self->lock);
  self->health = GST_KAFKA_PRODUCER_FAILED;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

rd_kafka_resp_err_t
gst_kafka_producer_explain_error (GstKafkaProducer *self, rd_kafka_resp_err_t err, gchar **detail)
{
  rd_kafka_resp_err_t fault;

  *detail = NULL;
  if (err != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && err != RD_KAFKA_RESP_ERR__TIMED_OUT)
    return err;
  fault = gst_kafka_fault_get (&self->fault, detail);
  return fault ? fault : err;
}

gchar *
gst_kafka_producer_name_attempt (const gchar *topic, const gchar *servers)
{
  return g_strdup_printf ("publish to topic \"%s\" at %s", topic, servers);
}

void
gst_kafka_producer_refuse (GstKafkaProducer *self, const GError *error)
{
  gboolean skip = self->config.skip_failed;
  gboolean first;

  g_mutex_lock (&self->lock);
  self->counters.undeliverable++;
  first = skip || gst_kafka_producer_take_failure (self);
  g_mutex_unlock (&self->lock);
  if (first && skip)
    GST_ELEMENT_WARNING (
        self->element, RESOURCE, WRITE, ("Skipped a buffer. %s", error->message), (NULL));
  else if (first)
    gst_kafka_producer_fail (self, error, NULL);
}
