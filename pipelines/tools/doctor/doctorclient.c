/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctorclient.h"

#include "client/gstkafkaerror.h"

/* Length (ms) of the steps in which the client waits for an answer; after each step it tests
 * whether access was refused. */
#define STEP_TIME 500
/* Time (ms) for which a broker that can't be reached is tried again, because it may be
 * restarting. */
#define PATIENCE_TIME 2000

static void
note_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  gst_kafka_fault_note (opaque, err, reason);
}

static void
note_delivery (rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
  DoctorClient *self = gst_kafka_fault_get_user_data (opaque);

  self->delivered = message->err;
  self->reported = TRUE;
}

gchar *
doctor_client_dup_servers (GstElement *element)
{
  gchar *servers;

  g_object_get (element, "bootstrap-servers", &servers, NULL);
  return servers;
}

/* Reads the element's settings. If bootstrap-servers has its default, it is left unset, because the
 * config-file may name the servers. */
static void
read_settings (GstKafkaSettings *settings, GstElement *element, const gchar *servers)
{
  gst_kafka_settings_init (settings);
  g_free (settings->bootstrap_servers);
  settings->bootstrap_servers = servers ? g_strdup (servers) : doctor_client_dup_servers (element);
  if (g_strcmp0 (settings->bootstrap_servers, GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS) == 0)
    g_clear_pointer (&settings->bootstrap_servers, g_free);
  g_object_get (element, "config-file", &settings->config_file, "client-properties",
      &settings->client_properties, NULL);
}

/* Configures a producer whose messages are refused: with acks=2, which no broker supports, a broker
 * checks the right to write, but then refuses the message and appends nothing. */
static void
refuse_messages (rd_kafka_conf_t *conf)
{
  static const gchar *const options[][2] = {{"enable.idempotence", "false"}, {"acks", "2"},
      {"message.send.max.retries", "0"}, {"message.timeout.ms", "5000"}};

  for (guint i = 0; i < G_N_ELEMENTS (options); i++)
    rd_kafka_conf_set (conf, options[i][0], options[i][1], NULL, 0);
  rd_kafka_conf_set_dr_msg_cb (conf, note_delivery);
}

static rd_kafka_conf_t *
make_conf (GstElement *element, const DoctorClientWish *wish, GError **error)
{
  const GstKafkaOption consumer[] = {
      {"group.id", wish->group ? wish->group : "fog-doctor", TRUE},
      {"enable.auto.commit", "false", TRUE},
      {"enable.partition.eof", "true", TRUE},
      {"auto.offset.reset", "latest", TRUE},
      {"reconnect.backoff.max.ms", "1000", FALSE},
      {NULL, NULL, FALSE},
  };
  const GstKafkaOption producer[] = {
      {"acks", "all", TRUE},
      {"enable.idempotence", "false", TRUE},
      {"reconnect.backoff.max.ms", "1000", FALSE},
      {NULL, NULL, FALSE},
  };
  gboolean reads = wish->type == RD_KAFKA_CONSUMER;
  GstKafkaSettings settings;
  rd_kafka_conf_t *conf;

  read_settings (&settings, element, wish->servers);
  conf = gst_kafka_conf_new (&settings, element, reads ? consumer : producer, error);
  gst_kafka_settings_clear (&settings);
  if (!conf)
    return NULL;
  rd_kafka_conf_set_error_cb (conf, note_error);
  if (!reads)
    refuse_messages (conf);
  return conf;
}

DoctorClient *
doctor_client_new (GstElement *element, const DoctorClientWish *wish, GError **error)
{
  rd_kafka_conf_t *conf = make_conf (element, wish, error);
  DoctorClient *self;

  if (!conf)
    return NULL;
  self = g_new0 (DoctorClient, 1);
  self->fault = gst_kafka_fault_new (self, NULL);
  self->rk = gst_kafka_client_new (wish->type, conf, self->fault, error);
  if (self->rk)
    return self;
  doctor_client_free (self);
  return NULL;
}

void
doctor_client_free (DoctorClient *self)
{
  if (self->rk && rd_kafka_type (self->rk) == RD_KAFKA_PRODUCER)
    rd_kafka_purge (self->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (self->rk)
    rd_kafka_destroy_flags (self->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  gst_kafka_fault_unref (self->fault);
  g_free (self);
}

static gboolean
says_little (rd_kafka_resp_err_t err)
{
  return gst_kafka_error_is_timeout (err) || err == RD_KAFKA_RESP_ERR__TRANSPORT;
}

gchar *
doctor_client_explain (DoctorClient *self, const gchar *tried, rd_kafka_resp_err_t err)
{
  g_autofree gchar *detail = NULL;
  g_autofree gchar *nothing =
      g_strdup_printf ("there was no answer within %d s", DOCTOR_ANSWER_TIME / 1000);
  rd_kafka_resp_err_t known = gst_kafka_fault_get (self->fault, &detail);
  g_autoptr (GError) error = NULL;

  if (known && says_little (err))
    error = gst_kafka_error_new (tried, known, detail, GST_RESOURCE_ERROR_FAILED);
  else
    error = gst_kafka_error_new (
        tried, err, says_little (err) ? nothing : NULL, GST_RESOURCE_ERROR_FAILED);
  return g_strdup (error->message);
}

/* Returns TRUE if waiting longer is useless, because access is refused, or no broker can be
 * reached. @waited: ms */
static gboolean
is_hopeless (DoctorClient *self, gint waited)
{
  rd_kafka_resp_err_t err;

  rd_kafka_poll (self->rk, 0);
  err = gst_kafka_fault_get (self->fault, NULL);
  return gst_kafka_error_is_refusal (err) || (err && waited >= PATIENCE_TIME);
}

rd_kafka_resp_err_t
doctor_client_ask (
    DoctorClient *self, const gchar *topic, const struct rd_kafka_metadata **metadata)
{
  rd_kafka_topic_t *asked = topic ? rd_kafka_topic_new (self->rk, topic, NULL) : NULL;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;

  for (gint waited = 0; waited < DOCTOR_ANSWER_TIME && (asked || !topic); waited += STEP_TIME) {
    err = rd_kafka_metadata (self->rk, 0, asked, metadata, STEP_TIME);
    if (!gst_kafka_error_is_passing (err) || is_hopeless (self, waited))
      break;
  }
  if (asked)
    rd_kafka_topic_destroy (asked);
  return err;
}

static GHashTable *
read_config (const rd_kafka_ConfigResource_t *resource)
{
  size_t count;
  const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs (resource, &count);
  GHashTable *config = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (size_t i = 0; i < count; i++)
    g_hash_table_replace (config, g_strdup (rd_kafka_ConfigEntry_name (entries[i])),
        g_strdup (rd_kafka_ConfigEntry_value (entries[i])));
  return config;
}

static GHashTable *
read_config_event (rd_kafka_event_t *event)
{
  const rd_kafka_ConfigResource_t **resources;
  size_t count;

  if (!event || rd_kafka_event_error (event))
    return NULL;
  resources = rd_kafka_DescribeConfigs_result_resources (
      rd_kafka_event_DescribeConfigs_result (event), &count);
  if (count != 1 || rd_kafka_ConfigResource_error (resources[0]))
    return NULL;
  return read_config (resources[0]);
}

GHashTable *
doctor_client_get_config (rd_kafka_t *rk, rd_kafka_ResourceType_t type, const gchar *name)
{
  rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new (type, name);
  rd_kafka_AdminOptions_t *options =
      rd_kafka_AdminOptions_new (rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_queue_t *queue = rd_kafka_queue_new (rk);
  rd_kafka_event_t *event;
  GHashTable *config;

  rd_kafka_AdminOptions_set_request_timeout (options, DOCTOR_ANSWER_TIME, NULL, 0);
  rd_kafka_DescribeConfigs (rk, &resource, 1, options, queue);
  event = rd_kafka_queue_poll (queue, DOCTOR_ANSWER_TIME + STEP_TIME);
  config = read_config_event (event);
  g_clear_pointer (&event, rd_kafka_event_destroy);
  rd_kafka_queue_destroy (queue);
  rd_kafka_AdminOptions_destroy (options);
  rd_kafka_ConfigResource_destroy (resource);
  return config;
}
