/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

gboolean
gst_kafka_producer_take_failure (GstKafkaProducer *self)
{
  gboolean first = !self->failing && !self->stopping;

  self->failing = TRUE;
  return first;
}

void
gst_kafka_producer_fail (GstKafkaProducer *self, const GError *error, const gchar *debug)
{
  gst_kafka_post_error (self->element, error, debug);
  g_mutex_lock (&self->lock);
  self->failed = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

rd_kafka_resp_err_t
gst_kafka_producer_telling_error (GstKafkaProducer *self, rd_kafka_resp_err_t err, gchar **detail)
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
