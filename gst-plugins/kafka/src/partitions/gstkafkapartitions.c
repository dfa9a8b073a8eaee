/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkapartitions.h"

#include <string.h>

static void
partition_free (GstKafkaPartition *self)
{
  gst_kafka_ledger_unref (self->ledger);
  g_free (self->topic);
  g_free (self);
}

GPtrArray *
gst_kafka_partitions_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) partition_free);
}

GstKafkaPartition *
gst_kafka_partitions_add (GPtrArray *self, const gchar *topic, gint partition)
{
  GstKafkaPartition *added = g_new0 (GstKafkaPartition, 1);

  gst_kafka_partitions_remove (self, topic, partition);
  added->topic = g_strdup (topic);
  added->partition = partition;
  added->ledger = gst_kafka_ledger_new ();
  gst_kafka_suspicion_init (&added->suspicion);
  added->position = added->high = added->end = added->start = added->stored = -1;
  added->asked = added->refused_at = -1;
  gst_kafka_damage_init (&added->damage);
  added->heard = g_get_monotonic_time ();
  g_ptr_array_add (self, added);
  return added;
}

GstKafkaPartition *
gst_kafka_partitions_find (GPtrArray *self, const gchar *topic, gint partition)
{
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *found = g_ptr_array_index (self, i);

    if (found->partition == partition && strcmp (found->topic, topic) == 0)
      return found;
  }
  return NULL;
}

void
gst_kafka_partitions_remove (GPtrArray *self, const gchar *topic, gint partition)
{
  GstKafkaPartition *found = gst_kafka_partitions_find (self, topic, partition);

  if (found)
    g_ptr_array_remove (self, found);
}

gint64
gst_kafka_partition_get_place (const GstKafkaPartition *self)
{
  if (gst_kafka_damage_is_searched (&self->damage))
    return self->damage.tried;
  return self->position >= 0 ? self->position : self->asked;
}

guint64
gst_kafka_partition_get_lag (const GstKafkaPartition *self)
{
  gint64 high = self->end >= 0 ? MIN (self->end, self->high) : self->high;

  return self->position >= 0 && high > self->position ? high - self->position : 0;
}

guint64
gst_kafka_partitions_get_lag (GPtrArray *self)
{
  guint64 lag = 0;

  for (guint i = 0; i < self->len; i++)
    lag += gst_kafka_partition_get_lag (g_ptr_array_index (self, i));
  return lag;
}

guint
gst_kafka_partitions_get_pending (GPtrArray *self)
{
  guint pending = 0;

  for (guint i = 0; i < self->len; i++)
    pending +=
        gst_kafka_ledger_get_pending (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
  return pending;
}

guint
gst_kafka_partitions_get_parked (GPtrArray *self)
{
  guint parked = 0;

  for (guint i = 0; i < self->len; i++)
    parked +=
        gst_kafka_ledger_get_parked (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
  return parked;
}

gint64
gst_kafka_partitions_get_released (GPtrArray *self)
{
  gint64 released = 0;

  for (guint i = 0; i < self->len; i++)
    released = MAX (released, gst_kafka_ledger_get_released (
                                  ((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger));
  return released;
}

gboolean
gst_kafka_partitions_are_at_end (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    if (partition->end < 0 || partition->position < partition->end)
      return FALSE;
  }
  return self->len > 0;
}

gboolean
gst_kafka_partitions_lack_end (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++)
    if (((GstKafkaPartition *) g_ptr_array_index (self, i))->end < 0)
      return TRUE;
  return FALSE;
}

void
gst_kafka_partitions_end (GPtrArray *self, const gchar *topic, gint partition, gint64 end)
{
  GstKafkaPartition *found = gst_kafka_partitions_find (self, topic, partition);

  if (found && found->end < 0)
    found->end = end;
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

void
gst_kafka_partitions_to_topics (GPtrArray *self, GValue *value)
{
  g_value_init (value, GST_TYPE_ARRAY);
  for (guint i = 0; i < self->len; i++) {
    GValue topic = G_VALUE_INIT;

    g_value_init (&topic, G_TYPE_STRING);
    g_value_set_string (&topic, ((GstKafkaPartition *) g_ptr_array_index (self, i))->topic);
    gst_value_array_append_and_take_value (value, &topic);
  }
}

void
gst_kafka_partitions_to_stats (GPtrArray *self, GValue *value)
{
  g_value_init (value, GST_TYPE_ARRAY);
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);
    GValue entry = G_VALUE_INIT;

    g_value_init (&entry, GST_TYPE_STRUCTURE);
    g_value_take_boxed (
        &entry, gst_structure_new ("kafkasrc-partition", "topic", G_TYPE_STRING, partition->topic,
                    "partition", G_TYPE_INT, partition->partition, "lag", G_TYPE_UINT64,
                    gst_kafka_partition_get_lag (partition), "position", G_TYPE_INT64,
                    partition->position, "stored", G_TYPE_INT64, partition->stored, "failed",
                    G_TYPE_INT64, gst_kafka_ledger_get_failed (partition->ledger), NULL));
    gst_value_array_append_and_take_value (value, &entry);
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

rd_kafka_topic_partition_list_t *
gst_kafka_partitions_take_done (
    GPtrArray *self, const GstKafkaFlow *flow, gboolean leaving_only, gboolean all)
{
  rd_kafka_topic_partition_list_t *list = NULL;
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);
    gint64 end = gst_kafka_ledger_settle (partition->ledger, flow, now);

    if (end < 0)
      end = partition->start;
    if (end < 0 || (leaving_only && !partition->leaving) || (!all && end <= partition->stored))
      continue;
    if (!list)
      list = rd_kafka_topic_partition_list_new (4);
    rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset = end;
    partition->stored = end;
  }
  return list;
}

void
gst_kafka_partitions_settle (GPtrArray *self, const GstKafkaFlow *flow)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < self->len; i++)
    gst_kafka_ledger_settle (
        ((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger, flow, now);
}

guint
gst_kafka_partitions_count_leaving (GPtrArray *self)
{
  guint pending = 0;

  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    if (partition->leaving)
      pending += gst_kafka_ledger_get_pending (partition->ledger);
  }
  return pending;
}

GstKafkaPartition *
gst_kafka_partitions_find_failure (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    if (!partition->failure_told && gst_kafka_ledger_get_failed (partition->ledger) >= 0)
      return partition;
  }
  return NULL;
}

void
gst_kafka_partitions_fail_parked (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++)
    gst_kafka_ledger_fail_parked (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
}

void
gst_kafka_partitions_end_stream (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++)
    gst_kafka_ledger_end (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
}
