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

/* Returns: (nullable): the only topic, if there is just one: querying one topic is cheaper for a
 * large cluster than querying all. */
static rd_kafka_topic_t *
get_only_topic (rd_kafka_t *rk, gchar **topics)
{
  return topics[1] || gst_kafka_topics_have_pattern (topics)
             ? NULL
             : rd_kafka_topic_new (rk, topics[0], NULL);
}

static rd_kafka_resp_err_t
ask_metadata (rd_kafka_t *rk, gchar **topics, gboolean all, gint timeout_ms,
    const rd_kafka_metadata_t **metadata)
{
  rd_kafka_topic_t *only = all ? NULL : get_only_topic (rk, topics);
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

static void
add_topic (GstKafkaDiscovery *self, const rd_kafka_metadata_topic_t *topic, const GArray *wanted)
{
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

static void
look_for (GstKafkaDiscovery *self, const rd_kafka_metadata_t *metadata, const gchar *name,
    const GArray *wanted)
{
  gboolean found = FALSE;

  for (gint i = 0; i < metadata->topic_cnt; i++) {
    if (!gst_kafka_topics_match (name, metadata->topics[i].topic))
      continue;
    found |= metadata->topics[i].partition_cnt > 0;
    add_topic (self, &metadata->topics[i], wanted);
  }
  if (!found)
    miss (self, g_strdup_printf ("Topic \"%s\"", name));
}

rd_kafka_resp_err_t
gst_kafka_discover (rd_kafka_t *rk, const GstKafkaConsumerSettings *settings, gint timeout_ms,
    GstKafkaDiscovery *self)
{
  const rd_kafka_metadata_t *metadata;
  rd_kafka_resp_err_t err = ask_metadata (rk, settings->topics, self->all, timeout_ms, &metadata);

  if (err)
    return err;
  self->list = rd_kafka_topic_partition_list_new (8);
  self->counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (gint i = 0; i < metadata->topic_cnt; i++)
    g_hash_table_insert (self->counts, g_strdup (metadata->topics[i].topic),
        GINT_TO_POINTER (metadata->topics[i].partition_cnt));
  for (gchar **name = settings->topics; *name; name++)
    look_for (self, metadata, *name, settings->partitions);
  rd_kafka_metadata_destroy (metadata);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void
gst_kafka_discovery_clear (GstKafkaDiscovery *self)
{
  g_clear_pointer (&self->list, rd_kafka_topic_partition_list_destroy);
  g_clear_pointer (&self->counts, g_hash_table_unref);
  g_clear_pointer (&self->missing, g_free);
  g_clear_pointer (&self->refused_topic, g_free);
}
