/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsclient.h"

#include "client/gstkafkaerror.h"

/* Time (us) without an error after which the error counts as over; it is not over at the first
 * success, because one request may fail while others succeed. */
#define CALM (10 * G_USEC_PER_SEC)

static void
note_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  gst_kafka_fault_note (opaque, err, reason);
}

gboolean
alerts_client_open (AlertsClient *self, const LiveSource *source, rd_kafka_type_t type,
    const GstKafkaOption *options,
    void (*delivered) (rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque),
    GError **error)
{
  GstElement *element = gst_object_ref_sink (gst_bin_new ("fog-alerts"));
  GstKafkaSettings settings;
  rd_kafka_conf_t *conf;

  self->fault = gst_kafka_fault_new (self, NULL);
  gst_kafka_settings_init (&settings);
  g_free (settings.bootstrap_servers);
  settings.bootstrap_servers = g_strdup (source->servers);
  settings.config_file = g_strdup (source->config_file);
  conf = gst_kafka_conf_new (&settings, element, options, error);
  gst_kafka_settings_clear (&settings);
  gst_object_unref (element);
  if (!conf)
    return FALSE;
  rd_kafka_conf_set_error_cb (conf, note_error);
  if (delivered)
    rd_kafka_conf_set_dr_msg_cb (conf, delivered);
  self->rk = gst_kafka_client_new (type, conf, self->fault, error);
  return self->rk != NULL;
}

void
alerts_client_close (AlertsClient *self)
{
  if (self->rk && rd_kafka_type (self->rk) == RD_KAFKA_PRODUCER)
    rd_kafka_purge (self->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (self->rk)
    rd_kafka_destroy_flags (self->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  g_clear_pointer (&self->said, g_free);
  g_clear_pointer (&self->fault, gst_kafka_fault_unref);
}

GError *
alerts_client_explain (AlertsClient *self, const gchar *tried, rd_kafka_resp_err_t err)
{
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t known = gst_kafka_fault_get (self->fault, &detail);
  gboolean little = gst_kafka_error_is_timeout (err) || err == RD_KAFKA_RESP_ERR__TRANSPORT;

  return gst_kafka_error_new (tried, known && little ? known : err, known && little ? detail : NULL,
      GST_RESOURCE_ERROR_FAILED);
}

void
alerts_client_complain (AlertsClient *self, const gchar *tried, rd_kafka_resp_err_t err)
{
  g_autoptr (GError) error = alerts_client_explain (self, tried, err);

  self->complained = g_get_monotonic_time ();
  if (g_strcmp0 (self->said, error->message) == 0)
    return;
  g_message ("%s It is tried again.", error->message);
  g_free (self->said);
  self->said = g_strdup (error->message);
}

void
alerts_client_recover (AlertsClient *self, const gchar *tried)
{
  if (!self->said || g_get_monotonic_time () - self->complained < CALM)
    return;
  g_message ("It works again to %s.", tried);
  g_clear_pointer (&self->said, g_free);
  gst_kafka_fault_forget (self->fault);
}
