/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsstate.h"

#include <string.h>

#include "alertsclient.h"
#include "alertsjournal.h"
#include "client/gstkafkaerror.h"
#include "doctorclient.h"

#define FLUSH_TIME (5 * G_USEC_PER_SEC)
#define FLUSH_STEP (G_USEC_PER_SEC / 50)
#define READ_TIME 1000 /* time for which one poll waits for records, ms */
#define WAIT_TIME (G_USEC_PER_SEC / 5)
/* Number of attempts after which it is logged that the topic doesn't exist yet. */
#define QUIET_TRIES 10
#define SEGMENT_TIME "3600000" /* ms */
#define PARTITION 0            /* partition of all records */

struct _AlertsState {
  /* must be the first field, because callbacks cast it back to the state */
  AlertsClient client;
  const LiveSource *source;
  AlertsBook *book;
  AlertsJournal *journal;
  GHashTable *others; /* records that don't belong to a watch */
  gchar *tried;
};

/* A notice whose delivery report hasn't come yet. */
typedef struct {
  AlertsProduced done;
  gpointer data;
} Pending;

/* --- records --- */

static void
note_record (const gchar *key, guint64 version, gpointer data)
{
  AlertsState *self = data;
  AlertsWatch *watch =
      self->book ? g_hash_table_lookup (alerts_book_get_watches (self->book), key) : NULL;

  if (watch)
    watch->durable = MAX (watch->durable, version);
}

gboolean
alerts_state_take_over (AlertsState *self, GError **error)
{
  return alerts_journal_take_over (self->journal, error);
}

void
alerts_state_write (AlertsState *self, AlertsWatch *watch)
{
  g_autofree gchar *key = alerts_book_make_key (watch);
  g_autoptr (GBytes) record = alerts_watch_to_json (watch);
  gsize size;
  const gchar *text = g_bytes_get_data (record, &size);

  alerts_journal_put (self->journal, key, text, size, watch->version);
}

void
alerts_state_put (AlertsState *self, const gchar *key, const gchar *text, gsize size)
{
  alerts_journal_put (self->journal, key, text, size, 0);
}

const gchar *
alerts_state_get (AlertsState *self, const gchar *key)
{
  return g_hash_table_lookup (self->others, key);
}

GList *
alerts_state_list (AlertsState *self, const gchar *prefix)
{
  GHashTableIter iter;
  GList *keys = NULL;
  gpointer key;

  g_hash_table_iter_init (&iter, self->others);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (g_str_has_prefix (key, prefix))
      keys = g_list_prepend (keys, key);
  return keys;
}

void
alerts_state_delete (AlertsState *self, const gchar *key)
{
  g_hash_table_remove (self->others, key);
  alerts_journal_put (self->journal, key, NULL, 0, 0);
}

gboolean
alerts_state_is_durable (AlertsState *self)
{
  return alerts_journal_is_durable (self->journal);
}

gboolean
alerts_state_is_busy (AlertsState *self)
{
  return alerts_journal_is_busy (self->journal);
}

gboolean
alerts_state_poll (AlertsState *self, GError **error)
{
  rd_kafka_poll (self->client.rk, 0);
  return alerts_journal_poll (self->journal, note_record, self, error);
}

void
alerts_state_flush (AlertsState *self)
{
  gint64 until = g_get_monotonic_time () + FLUSH_TIME;

  while (alerts_state_poll (self, NULL) && !alerts_state_is_durable (self) &&
         g_get_monotonic_time () < until)
    g_usleep (FLUSH_STEP);
}

/* --- notices --- */

static void
note_delivery (rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
  Pending *pending = message->_private;

  pending->done (message->err, pending->data);
  g_free (pending);
}

void
alerts_state_send (AlertsState *self, const gchar *topic, const gchar *key, const gchar *text,
    AlertsProduced done, gpointer data)
{
  Pending *pending = g_new0 (Pending, 1);
  rd_kafka_message_t message = {._private = pending};

  pending->done = done;
  pending->data = data;
  message.err = rd_kafka_producev (self->client.rk, RD_KAFKA_V_TOPIC (topic),
      RD_KAFKA_V_KEY (key, strlen (key)), RD_KAFKA_V_VALUE ((void *) text, strlen (text)),
      RD_KAFKA_V_MSGFLAGS (RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE (pending), RD_KAFKA_V_END);
  if (message.err)
    note_delivery (self->client.rk, &message, self);
}

/* --- topics --- */

gboolean
alerts_state_lacks_topic (AlertsState *self, const gchar *topic)
{
  rd_kafka_topic_t *handle = rd_kafka_topic_new (self->client.rk, topic, NULL);
  const struct rd_kafka_metadata *metadata;
  gboolean lacks = FALSE;

  if (!rd_kafka_metadata (self->client.rk, 0, handle, &metadata, GST_KAFKA_ANSWER_MS)) {
    lacks = metadata->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy (metadata);
  }
  rd_kafka_topic_destroy (handle);
  return lacks;
}

static rd_kafka_resp_err_t
create_topic (rd_kafka_t *rk, const gchar *name)
{
  rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new (name, 1, -1, NULL, 0);
  rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new (rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_queue_t *queue = rd_kafka_queue_new (rk);
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;
  rd_kafka_event_t *event;

  rd_kafka_NewTopic_set_config (topic, "cleanup.policy", "compact");
  /* Only closed segments are compacted, and the journal writes a record at least every 5 s. */
  rd_kafka_NewTopic_set_config (topic, "segment.ms", SEGMENT_TIME);
  rd_kafka_AdminOptions_set_operation_timeout (options, DOCTOR_ANSWER_TIME, NULL, 0);
  rd_kafka_CreateTopics (rk, &topic, 1, options, queue);
  event = rd_kafka_queue_poll (queue, 2 * DOCTOR_ANSWER_TIME);
  if (event) {
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result (event);
    size_t count = 0;
    const rd_kafka_topic_result_t **topics =
        result ? rd_kafka_CreateTopics_result_topics (result, &count) : NULL;

    err = topics && count ? rd_kafka_topic_result_error (topics[0]) : rd_kafka_event_error (event);
    rd_kafka_event_destroy (event);
  }
  rd_kafka_queue_destroy (queue);
  rd_kafka_AdminOptions_destroy (options);
  rd_kafka_NewTopic_destroy (topic);
  return err;
}

/* Returns FALSE if the topic's cleanup.policy deletes records by age, because then the state of
 * firing alerts would be lost. */
static gboolean
check_policy (AlertsState *self, GError **error)
{
  g_autoptr (GHashTable) config =
      doctor_client_get_config (self->client.rk, RD_KAFKA_RESOURCE_TOPIC, self->source->topic);
  const gchar *policy = config ? g_hash_table_lookup (config, "cleanup.policy") : NULL;

  if (!policy)
    g_message ("The settings of the topic %s can't be read. It needs cleanup.policy=compact.",
        self->source->topic);
  if (!policy || g_str_equal (policy, "compact"))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "The topic \"%s\" has cleanup.policy=%s, so Kafka would delete the state of alerts. Set it: "
      "kafka-configs.sh --bootstrap-server %s --alter --topic %s --add-config "
      "cleanup.policy=compact",
      self->source->topic, policy, self->source->servers, self->source->topic);
  return FALSE;
}

/* Creates the topic unless it exists. A user without the right to create topics can use a topic
 * that exists already. */
static gboolean
ensure_topic (AlertsState *self, GError **error)
{
  rd_kafka_resp_err_t err;

  for (err = create_topic (self->client.rk, self->source->topic);
       gst_kafka_error_is_passing (err) || gst_kafka_error_is_timeout (err);
       err = create_topic (self->client.rk, self->source->topic)) {
    rd_kafka_poll (self->client.rk, 0);
    alerts_client_complain (&self->client, self->tried, err);
    g_usleep (WAIT_TIME);
  }
  if (!err)
    return TRUE;
  if (err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS &&
      err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
      err != RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
    g_propagate_error (error, alerts_client_explain (&self->client, self->tried, err));
    return FALSE;
  }
  return check_policy (self, error);
}

/* --- loading --- */

/* Returns TRUE if the key isn't that of a watch: its first part contains a space, which a rule's
 * name never does. */
static gboolean
is_other (const gchar *key)
{
  return strcspn (key, " ") < strcspn (key, "/");
}

static void
load_record (
    AlertsState *self, const AlertsRules *rules, gint64 now, const rd_kafka_message_t *record)
{
  g_autofree gchar *key = g_strndup (record->key, record->key_len);
  g_autoptr (GError) cause = NULL;
  guint missing = 0;
  AlertsWatch *watch;

  if (record->payload && is_other (key)) {
    g_hash_table_replace (
        self->others, g_steal_pointer (&key), g_strndup (record->payload, record->len));
    return;
  }
  g_hash_table_remove (alerts_book_get_watches (self->book), key);
  if (!record->payload)
    return;
  watch = alerts_watch_from_json (record->payload, record->len, rules, now, &missing, &cause);
  if (missing)
    g_message ("alert %s: %u notices are dropped, since their targets aren't in the rule file any "
               "more",
        key, missing);
  if (watch)
    alerts_book_add (self->book, watch);
  else
    g_message ("The state of alert %s is dropped: %s", key, cause->message);
}

static gboolean
load_records (
    AlertsState *self, AlertsClient *client, const AlertsRules *rules, gint64 now, gint64 high)
{
  gint64 next = 0;

  while (next < high) {
    rd_kafka_message_t *record = rd_kafka_consumer_poll (client->rk, READ_TIME);

    if (!record)
      continue;
    if (!record->err || record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      next = record->offset + 1;
    else
      alerts_client_complain (client, self->tried, record->err);
    if (record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      next = MAX (next, high);
    if (!record->err && !record->key)
      g_message ("topic %s: a message without a key is skipped; it is no state of an alert",
          self->source->topic);
    else if (!record->err)
      load_record (self, rules, now, record);
    rd_kafka_message_destroy (record);
  }
  return TRUE;
}

static gboolean
find_end (AlertsState *self, AlertsClient *client, gint64 *high, GError **error)
{
  gint64 low;
  rd_kafka_resp_err_t err;

  for (guint tries = 1;; tries++) {
    err = rd_kafka_query_watermark_offsets (
        client->rk, self->source->topic, PARTITION, &low, high, GST_KAFKA_ANSWER_MS);
    if (!err)
      return TRUE;
    rd_kafka_poll (client->rk, 0);
    if (!gst_kafka_error_is_passing (err) && !gst_kafka_error_is_timeout (err))
      break;
    if (tries >= QUIET_TRIES)
      alerts_client_complain (client, self->tried, err);
    g_usleep (WAIT_TIME);
  }
  g_propagate_error (error, alerts_client_explain (client, self->tried, err));
  return FALSE;
}

gboolean
alerts_state_load (
    AlertsState *self, AlertsBook *book, const AlertsRules *rules, gint64 now, GError **error)
{
  const GstKafkaOption options[] = {
      {"group.id", self->source->group, TRUE},
      {"enable.auto.commit", "false", TRUE},
      {"enable.partition.eof", "true", TRUE},
      {NULL, NULL, FALSE},
  };
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);
  AlertsClient client = {0};
  gboolean loaded;
  gint64 high;

  self->book = book;
  rd_kafka_topic_partition_list_add (list, self->source->topic, PARTITION)->offset =
      RD_KAFKA_OFFSET_BEGINNING;
  loaded = alerts_client_open (&client, self->source, RD_KAFKA_CONSUMER, options, NULL, error) &&
           ensure_topic (self, error) && find_end (self, &client, &high, error);
  if (loaded) {
    rd_kafka_poll_set_consumer (client.rk);
    rd_kafka_assign (client.rk, list);
    loaded = load_records (self, &client, rules, now, high);
  }
  rd_kafka_topic_partition_list_destroy (list);
  alerts_client_close (&client);
  return loaded;
}

/* --- life --- */

AlertsState *
alerts_state_new (const LiveSource *source, GError **error)
{
  const GstKafkaOption options[] = {
      {"enable.idempotence", "true", TRUE},
      {"message.timeout.ms", "0", TRUE},
      {"linger.ms", "5", FALSE},
      {"reconnect.backoff.max.ms", "2000", FALSE},
      {NULL, NULL, FALSE},
  };
  AlertsState *self = g_new0 (AlertsState, 1);

  self->source = source;
  self->others = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->tried = g_strdup_printf (
      "keep the state of alerts in the topic \"%s\" at %s", source->topic, source->servers);
  self->journal = alerts_journal_new (source, error);
  if (self->journal &&
      alerts_client_open (&self->client, source, RD_KAFKA_PRODUCER, options, note_delivery, error))
    return self;
  alerts_state_free (self);
  return NULL;
}

void
alerts_state_free (AlertsState *self)
{
  if (self->client.rk) {
    rd_kafka_purge (self->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush (self->client.rk, 1000);
  }
  alerts_client_close (&self->client);
  g_clear_pointer (&self->journal, alerts_journal_free);
  g_hash_table_unref (self->others);
  g_free (self->tried);
  g_free (self);
}
