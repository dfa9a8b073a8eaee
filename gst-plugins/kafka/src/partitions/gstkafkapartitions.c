/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkapartitions.h"

#include <string.h>

/* If this number of successive answers lack a partition, the topic of the partition was deleted. */
#define ANSWERS_OF_DELETION 2
/* The time (us) for which a broker that has just started may not know its topics. */
#define START_TIME (5 * G_TIME_SPAN_SECOND)

static gboolean
is_named (const GstKafkaPartition *self, const gchar *topic, gint partition)
{
  return self->partition == partition && strcmp (self->topic, topic) == 0;
}

/* Looks first at the index @partition, where the partition is if all partitions of one topic are
 * listed, because this function is called several times a message. */
GstKafkaPartition *
gst_kafka_partitions_find (GPtrArray *self, const gchar *topic, gint partition)
{
  if (partition >= 0 && (guint) partition < self->len &&
      is_named (g_ptr_array_index (self, partition), topic, partition))
    return g_ptr_array_index (self, partition);
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *found = g_ptr_array_index (self, i);

    if (is_named (found, topic, partition))
      return found;
  }
  return NULL;
}

gint64
gst_kafka_partition_get_place (const GstKafkaPartition *self)
{
  if (gst_kafka_damage_is_searched (&self->damage))
    return self->damage.tried;
  return self->position >= 0 ? self->position : self->asked;
}

gboolean
gst_kafka_partition_note_answer (GstKafkaPartition *self, gboolean exists, gint64 now)
{
  gboolean again =
      exists && self->missed >= ANSWERS_OF_DELETION && now - self->missed_at >= START_TIME;

  if (!exists && !self->missed)
    self->missed_at = now;
  self->missed = exists ? 0 : self->missed + 1;
  return again;
}

void
gst_kafka_partitions_to_value (GPtrArray *self, GValue *value)
{
  g_value_init (value, GST_TYPE_ARRAY);
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);
    GValue number = G_VALUE_INIT;

    g_value_init (&number, G_TYPE_INT);
    g_value_set_int (&number, partition->partition);
    gst_value_array_append_and_take_value (value, &number);
  }
}

rd_kafka_topic_partition_list_t *
gst_kafka_partitions_to_list (GPtrArray *self, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new ((int) self->len);

  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset =
        offset;
  }
  return list;
}
