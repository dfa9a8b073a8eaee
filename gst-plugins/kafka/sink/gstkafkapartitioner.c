/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkapartitioner.h"
#include "client/gstkafkaclient.h"
#include "gstkafkarecord.h"

/* The configuration's value while users name no other. It is Java's partitioner, which ours follows
 * except for messages without a key. */
#define OWN_PARTITIONER "murmur2_random"

static gint32
take_turns (const rd_kafka_topic_t *topic, gint32 count, guint64 turn)
{
  gint32 first = turn % count;

  for (gint32 i = 0; i < count; i++) {
    gint32 partition = (first + i) % count;

    if (rd_kafka_topic_partition_available (topic, partition))
      return partition;
  }
  return first;
}

static gint32
choose_partition (const rd_kafka_topic_t *topic, const void *key, size_t size, gint32 count,
    void *topic_opaque, void *opaque)
{
  GstKafkaRecord *record = opaque;

  if (!key) {
    /* A record that a new client sends again stays in its partition: in another one it would come
     * after later frames. */
    if (record->chosen < 0 || record->chosen >= count)
      record->chosen = take_turns (topic, count, record->turn);
    return record->chosen;
  }
  return rd_kafka_msg_partitioner_murmur2 (topic, key, size, count, topic_opaque, opaque);
}

void
gst_kafka_partitioner_install (rd_kafka_conf_t *conf)
{
  g_autofree gchar *name = NULL;
  rd_kafka_topic_conf_t *topic_conf = rd_kafka_conf_get_default_topic_conf (conf);

  name = gst_kafka_conf_dup (conf, "partitioner");
  if (!g_str_equal (name, OWN_PARTITIONER))
    return;
  if (!topic_conf) {
    topic_conf = rd_kafka_topic_conf_new ();
    rd_kafka_conf_set_default_topic_conf (conf, topic_conf);
  }
  rd_kafka_topic_conf_set_partitioner_cb (topic_conf, choose_partition);
}
