/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkadiscovery.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkatopics.h"

static gboolean
is_wanted (const GArray *wanted, gint partition)
{
  for (guint i = 0; wanted && i < wanted->len; i++)
    if (g_array_index (wanted, gint, i) == partition)
      return TRUE;
  return !wanted;
}

/* @topic: (nullable): the topic to query, which is cheaper for a large cluster than a query of all
 * topics; %NULL: all topics */
static rd_kafka_resp_err_t
ask_metadata (
    rd_kafka_t *rk, const gchar *topic, gint timeout_ms, const rd_kafka_metadata_t **metadata)
{
  rd_kafka_topic_t *only = topic ? rd_kafka_topic_new (rk, topic, NULL) : NULL;
  rd_kafka_resp_err_t err = rd_kafka_metadata (rk, only == NULL, only, metadata, timeout_ms);

  if (only)
    rd_kafka_topic_destroy (only);
  return err;
}

/* Takes ownership of @what. */
static void
miss (GstKafkaDiscovery *self, gchar *what)
{
  if (self->missing)
    g_free (what);
  else
    self->missing = what;
}

static void
look_for_partitions (
    GstKafkaDiscovery *self, const rd_kafka_metadata_topic_t *topic, const GArray *wanted)
{
  for (guint i = 0; wanted && i < wanted->len; i++) {
    gint partition = g_array_index (wanted, gint, i);

    if (!rd_kafka_topic_partition_list_find (self->list, topic->topic, partition))
      miss (self, g_strdup_printf ("Partition %d of topic \"%s\"", partition, topic->topic));
  }
}

/* An answer also has an entry for a topic that was queried by name and doesn't exist. */
static void
note_count (GstKafkaDiscovery *self, const rd_kafka_metadata_topic_t *topic)
{
  if (topic->partition_cnt > 0 || gst_kafka_error_is_refusal (topic->err))
    g_hash_table_insert (
        self->counts, g_strdup (topic->topic), GINT_TO_POINTER (topic->partition_cnt));
}

static void
add_topic (GstKafkaDiscovery *self, const rd_kafka_metadata_topic_t *topic, const GArray *wanted)
{
  note_count (self, topic);
  if (gst_kafka_error_is_refusal (topic->err)) {
    self->refused = topic->err;
    g_free (self->refused_topic);
    self->refused_topic = g_strdup (topic->topic);
  }
  for (gint i = 0; i < topic->partition_cnt; i++)
    if (is_wanted (wanted, topic->partitions[i].id) &&
        !rd_kafka_topic_partition_list_find (self->list, topic->topic, topic->partitions[i].id))
      rd_kafka_topic_partition_list_add (self->list, topic->topic, topic->partitions[i].id);
  if (topic->partition_cnt > 0)
    look_for_partitions (self, topic, wanted);
}

/* Returns TRUE if the answer says for a topic that matches @name that the topic exists, or that the
 * user has no right to it. */
static gboolean
look_for (GstKafkaDiscovery *self, const rd_kafka_metadata_t *metadata, const gchar *name,
    const GArray *wanted)
{
  gboolean found = FALSE;

  for (gint i = 0; i < metadata->topic_cnt; i++) {
    const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];

    if (!gst_kafka_topics_match (name, topic->topic))
      continue;
    found |= topic->partition_cnt > 0 || gst_kafka_error_is_refusal (topic->err);
    add_topic (self, topic, wanted);
  }
  return found;
}

/* Queries one topic by its name. The answer about all topics lacks those that the user has no right
 * to describe, while the answer about a named topic reports the missing right. */
static rd_kafka_resp_err_t
look_for_named (GstKafkaDiscovery *self, rd_kafka_t *rk, const gchar *name, const GArray *wanted,
    gint timeout_ms, gboolean *found)
{
  const rd_kafka_metadata_t *metadata;
  rd_kafka_resp_err_t err = ask_metadata (rk, name, timeout_ms, &metadata);

  if (err)
    return err;
  *found = look_for (self, metadata, name, wanted);
  rd_kafka_metadata_destroy (metadata);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* @metadata: the answer about all topics, or about @only; @only: (nullable): the only topic */
static rd_kafka_resp_err_t
look_for_each (GstKafkaDiscovery *self, rd_kafka_t *rk, const GstKafkaConsumerSettings *settings,
    const gchar *only, const rd_kafka_metadata_t *metadata, gint timeout_ms)
{
  for (gchar **name = settings->topics; *name; name++) {
    gboolean found = look_for (self, metadata, *name, settings->partitions);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (!found && !only && !gst_kafka_topics_is_pattern (*name))
      err = look_for_named (self, rk, *name, settings->partitions, timeout_ms, &found);
    if (err)
      return err;
    if (!found)
      miss (self, gst_kafka_topics_describe (*name));
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Queries by name the topics that were read before, unless the answer about all topics has them or
 * look_for_each() has queried them. */
static rd_kafka_resp_err_t
look_for_read (GstKafkaDiscovery *self, rd_kafka_t *rk, const GstKafkaConsumerSettings *settings,
    gint timeout_ms)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  gboolean found;

  for (gchar **name = self->read; name && *name && !err; name++)
    if (!g_hash_table_contains (self->counts, *name) &&
        !g_strv_contains ((const gchar *const *) settings->topics, *name))
      err = look_for_named (self, rk, *name, settings->partitions, timeout_ms, &found);
  return err;
}

/* Returns: (nullable): the only topic to query; %NULL: all are queried */
static const gchar *
get_only_topic (const GstKafkaDiscovery *self, gchar **topics)
{
  return self->all || topics[1] || gst_kafka_topics_is_pattern (topics[0]) ? NULL : topics[0];
}

rd_kafka_resp_err_t
gst_kafka_discover (rd_kafka_t *rk, const GstKafkaConsumerSettings *settings, gint timeout_ms,
    GstKafkaDiscovery *self)
{
  const gchar *only = get_only_topic (self, settings->topics);
  const rd_kafka_metadata_t *metadata;
  rd_kafka_resp_err_t err = ask_metadata (rk, only, timeout_ms, &metadata);

  if (err)
    return err;
  self->list = rd_kafka_topic_partition_list_new (8);
  self->counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->brokers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gst_kafka_discovery_note_brokers (self->brokers, metadata);
  for (gint i = 0; i < metadata->topic_cnt; i++)
    note_count (self, &metadata->topics[i]);
  err = look_for_each (self, rk, settings, only, metadata, timeout_ms);
  rd_kafka_metadata_destroy (metadata);
  if (!err)
    err = look_for_read (self, rk, settings, timeout_ms);
  if (err)
    gst_kafka_discovery_clear (self);
  return err;
}

gchar *
gst_kafka_discovery_name_broker (const rd_kafka_metadata_broker_t *broker)
{
  return g_strdup_printf ("%s:%d", broker->host, broker->port);
}

void
gst_kafka_discovery_note_brokers (GHashTable *brokers, const rd_kafka_metadata_t *metadata)
{
  for (gint i = 0; i < metadata->broker_cnt; i++)
    g_hash_table_insert (brokers, gst_kafka_discovery_name_broker (&metadata->brokers[i]),
        GINT_TO_POINTER (metadata->brokers[i].id));
}

gchar *
gst_kafka_discovery_explain_refusal (const GstKafkaDiscovery *self)
{
  return g_strdup_printf (
      "topic \"%s\": %s", self->refused_topic, rd_kafka_err2str (self->refused));
}

void
gst_kafka_discovery_clear (GstKafkaDiscovery *self)
{
  g_clear_pointer (&self->list, rd_kafka_topic_partition_list_destroy);
  g_clear_pointer (&self->counts, g_hash_table_unref);
  g_clear_pointer (&self->brokers, g_hash_table_unref);
  g_clear_pointer (&self->missing, g_free);
  g_clear_pointer (&self->refused_topic, g_free);
}
