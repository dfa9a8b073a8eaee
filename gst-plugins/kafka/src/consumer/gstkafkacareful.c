/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkacareful.h"

#include <stdlib.h>
#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* An error that a message causes comes within some ms after the message is released. */
#define QUIET_TIME (250 * G_TIME_SPAN_MILLISECOND)
/* An element that keeps a message for longer than this may be waiting for the next one. */
#define HOLD_TIME (10 * G_TIME_SPAN_SECOND)
#define LOOK_TIME (20 * G_TIME_SPAN_MILLISECOND)
#define COMMIT_TIME_MS 1000

/* with self->lock */
static gboolean
is_careful (GstKafkaConsumer *self)
{
  if (!self->settings->group || self->careless)
    return FALSE;
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->position < partition->suspicion.until)
      return TRUE;
  }
  return FALSE;
}

gboolean
gst_kafka_careful_has_failed (GstKafkaConsumer *self)
{
  return is_careful (self) &&
         gst_kafka_clean_end_get_blame (self->settings->end) != GST_KAFKA_BLAME_NONE;
}

gboolean
gst_kafka_careful_must_wait (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!is_careful (self))
    return FALSE;
  if (gst_kafka_partitions_get_pending (self->partitions) == 0)
    return now - gst_kafka_partitions_get_released (self->partitions) < QUIET_TIME;
  if (now - self->handed < HOLD_TIME)
    return TRUE;
  GST_INFO_OBJECT (self->settings->pad,
      "an element keeps a message until the next one comes: no message goes alone");
  self->careless = TRUE;
  return FALSE;
}

void
gst_kafka_careful_look (GstKafkaConsumer *self)
{
  gint64 since = g_get_monotonic_time () - self->handed;

  if (since < LOOK_TIME)
    return;
  gst_kafka_clean_end_look_for_error (self->settings->end, self->settings->pad, since > QUIET_TIME);
}

/* with self->lock */
static void
clear_mark (GstKafkaPartition *self)
{
  self->suspicion.offset = -1;
  self->suspicion.runs = 0;
  self->suspicion.row = 0;
}

static void
set_metadata (rd_kafka_topic_partition_t *entry, const GstKafkaSuspicion *suspicion, gboolean runs)
{
  g_autofree gchar *text = gst_kafka_suspicion_to_text (suspicion, runs);

  /* librdkafka frees it with free(). */
  free (entry->metadata);
  entry->metadata = strdup (text);
  entry->metadata_size = strlen (text);
}

void
gst_kafka_careful_describe (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaPartition *partition = gst_kafka_partitions_find (
        self->partitions, list->elems[i].topic, list->elems[i].partition);

    if (!partition)
      continue;
    if (partition->suspicion.offset >= 0 && partition->suspicion.offset < list->elems[i].offset)
      clear_mark (partition);
    set_metadata (&list->elems[i], &partition->suspicion, TRUE);
  }
}

/* with self->lock */
static gint64
get_committable (GstKafkaPartition *self, const GstKafkaFlow *flow)
{
  gint64 end = gst_kafka_ledger_settle (self->ledger, flow, g_get_monotonic_time ());

  return end >= 0 ? end : self->start;
}

/* with self->lock: no message is on its way, so messages that were marked before have gone
 * through. */
static rd_kafka_topic_partition_list_t *
mark (GstKafkaConsumer *self, GstKafkaPartition *marked, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (2);

  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition != marked && !partition->marked)
      continue;
    if (partition->marked && (partition != marked || partition->suspicion.offset != offset))
      clear_mark (partition);
    partition->marked = partition == marked;
    if (partition == marked) {
      partition->suspicion.runs =
          partition->suspicion.offset == offset ? partition->suspicion.runs + 1 : 1;
      partition->suspicion.offset = offset;
    }
    rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset =
        get_committable (partition, NULL);
    set_metadata (&list->elems[list->cnt - 1], &partition->suspicion, TRUE);
  }
  return list;
}

/* with self->lock; (transfer full) (nullable): offsets to commit before the message goes
 * downstream */
static rd_kafka_topic_partition_list_t *
judge (GstKafkaConsumer *self, GstKafkaPartition *partition, GstKafkaFetched *fetched)
{
  GstKafkaSuspicion *suspicion = &partition->suspicion;
  gint64 offset = fetched->message->offset;

  self->handed = g_get_monotonic_time ();
  if (suspicion->offset == offset && suspicion->runs >= GST_KAFKA_SUSPICION_RUNS) {
    fetched->condemned = TRUE;
    fetched->hopeless = suspicion->row >= GST_KAFKA_SUSPICION_ROW;
    suspicion->row++;
    suspicion->offset = -1;
    suspicion->runs = 0;
    partition->marked = FALSE;
    return NULL;
  }
  /* The suspect comes later: in the failed run all messages before it went through. */
  return offset < suspicion->offset && !partition->marked ? NULL : mark (self, partition, offset);
}

/* with self->lock; (transfer full) (nullable): offsets with the mark `running`, so that the next
 * run knows of a crash at the first message. One commit for all partitions, so that no partition
 * waits while messages of others are on their way. */
static rd_kafka_topic_partition_list_t *
announce (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list = NULL;

  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);
    gint64 offset = partition->announced ? -1 : get_committable (partition, NULL);

    partition->announced = TRUE;
    if (offset < 0)
      continue;
    if (!list)
      list = rd_kafka_topic_partition_list_new (4);
    rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset =
        offset;
    set_metadata (&list->elems[list->cnt - 1], &partition->suspicion, TRUE);
  }
  return list;
}

void
gst_kafka_careful_begin (GstKafkaConsumer *self, GstKafkaFetched *fetched)
{
  rd_kafka_topic_partition_list_t *list = NULL;
  GstKafkaPartition *partition;

  g_mutex_lock (&self->lock);
  partition = gst_kafka_partitions_find (
      self->partitions, rd_kafka_topic_name (fetched->message->rkt), fetched->message->partition);
  if (partition && fetched->careful)
    list = judge (self, partition, fetched);
  else if (partition && self->settings->group && !partition->announced)
    list = announce (self);
  g_mutex_unlock (&self->lock);
  if (!list)
    return;
  GST_DEBUG_OBJECT (self->settings->pad, "message %" G_GINT64_FORMAT " of partition %d goes %s",
      fetched->message->offset, fetched->message->partition, fetched->careful ? "alone" : "first");
  if (!gst_kafka_handle_commit (self->handle, list, COMMIT_TIME_MS))
    GST_INFO_OBJECT (
        self->settings->pad, "no answer: if this run crashes now, the next one won't know of it");
  rd_kafka_topic_partition_list_destroy (list);
}

/* with self->lock */
static void
conclude (GstKafkaPartition *self, GstKafkaBlame blame)
{
  GstKafkaSuspicion *suspicion = &self->suspicion;
  gboolean undecided =
      self->marked && gst_kafka_ledger_is_undecided (self->ledger, suspicion->offset);

  if (self->marked && !undecided && suspicion->offset != gst_kafka_ledger_get_failed (self->ledger))
    clear_mark (self);
  else if (self->marked && suspicion->runs > 0 && (!undecided || blame != GST_KAFKA_BLAME_MESSAGE))
    suspicion->runs--;
  if (blame != GST_KAFKA_BLAME_NONE)
    suspicion->until = MAX (suspicion->until, self->position);
  else if (self->position >= suspicion->until)
    gst_kafka_suspicion_init (suspicion);
  self->marked = FALSE;
}

rd_kafka_topic_partition_list_t *
gst_kafka_careful_take_last (
    GstKafkaConsumer *self, const GstKafkaFlow *flow, gboolean leaving_only)
{
  GstKafkaBlame blame = gst_kafka_clean_end_get_blame (self->settings->end);
  rd_kafka_topic_partition_list_t *list = NULL;

  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);
    gint64 offset = get_committable (partition, flow);

    if (offset < 0 || (leaving_only && !partition->leaving))
      continue;
    conclude (partition, self->failed ? GST_KAFKA_BLAME_OTHER : blame);
    if (!list)
      list = rd_kafka_topic_partition_list_new (4);
    rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset =
        offset;
    set_metadata (
        &list->elems[list->cnt - 1], &partition->suspicion, blame != GST_KAFKA_BLAME_NONE);
    partition->stored = offset;
  }
  return list;
}
