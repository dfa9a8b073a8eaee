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
/* An element that works on a message for longer may be waiting for another branch of the
 * pipeline. */
#define HANG_TIME (60 * G_TIME_SPAN_SECOND)
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
  return is_careful (self) &&
         (gst_kafka_partitions_get_pending (self->partitions) > 0 ||
             g_get_monotonic_time () - gst_kafka_partitions_get_released (self->partitions) <
                 QUIET_TIME);
}

/* with self->lock: no message is alone from now on, so this run doesn't count as failed at one.
 * That is committed again. */
static void
withdraw_all (GstKafkaConsumer *self)
{
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->suspicion.alone < 0)
      continue;
    gst_kafka_suspicion_withdraw (&partition->suspicion);
    partition->stored = -1;
  }
}

static void
give_up_care (GstKafkaConsumer *self)
{
  g_mutex_lock (&self->lock);
  self->careless = gst_kafka_partitions_get_pending (self->partitions) > 0;
  if (self->careless)
    withdraw_all (self);
  g_mutex_unlock (&self->lock);
  if (self->careless)
    GST_INFO_OBJECT (self->settings->pad,
        "an element keeps a message until the next one comes: no message goes alone");
}

void
gst_kafka_careful_look (GstKafkaConsumer *self)
{
  gint64 since = g_get_monotonic_time () - self->handed;
  GstElement *element = since < LOOK_TIME ? NULL : gst_kafka_consumer_get_element (self);

  if (!element)
    return;
  gst_kafka_clean_end_look_for_error (self->settings->end, element, since > QUIET_TIME);
  if (since >= HANG_TIME || (since >= HOLD_TIME && !gst_kafka_clean_end_is_stuck (element)))
    give_up_care (self);
  gst_object_unref (element);
}

static void
set_metadata (
    rd_kafka_topic_partition_t *entry, const GstKafkaSuspicion *suspicion, const gchar *run)
{
  g_autofree gchar *text = gst_kafka_suspicion_to_text (suspicion, run);

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
    gst_kafka_suspicion_forget (&partition->suspicion, list->elems[i].offset);
    if (!gst_kafka_handle_is_without_metadata (self->handle))
      set_metadata (&list->elems[i], &partition->suspicion, self->settings->range.run);
  }
}

/* with self->lock */
static gint64
get_committable (GstKafkaPartition *self, const GstKafkaFlow *flow)
{
  gint64 end = gst_kafka_ledger_settle (self->ledger, flow, g_get_monotonic_time ());

  return end >= 0 ? end : self->start;
}

/* with self->lock */
static void
add_to_list (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list,
    GstKafkaPartition *partition, gint64 offset, const gchar *run)
{
  rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset = offset;
  gst_kafka_suspicion_forget (&partition->suspicion, offset);
  if (!gst_kafka_handle_is_without_metadata (self->handle))
    set_metadata (&list->elems[list->cnt - 1], &partition->suspicion, run);
}

/* with self->lock; (transfer full): what to commit before the message goes downstream. Nothing
 * is on its way, so the one that went before has gone through. */
static rd_kafka_topic_partition_list_t *
mark (GstKafkaConsumer *self, GstKafkaPartition *marked, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (2);

  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition != marked && partition->suspicion.alone < 0)
      continue;
    if (partition->suspicion.alone >= 0)
      gst_kafka_suspicion_pass (&partition->suspicion);
    if (partition == marked)
      gst_kafka_suspicion_begin (&partition->suspicion, offset);
    add_to_list (
        self, list, partition, get_committable (partition, NULL), self->settings->range.run);
  }
  return list;
}

/* with self->lock: nothing is on its way. */
static void
pass_all (GstKafkaConsumer *self)
{
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->suspicion.alone >= 0)
      gst_kafka_suspicion_pass (&partition->suspicion);
  }
}

/* with self->lock */
static void
condemn (GstKafkaConsumer *self, GstKafkaPartition *partition, GstKafkaFetched *fetched)
{
  GstKafkaSuspicion *suspicion = &partition->suspicion;
  gint64 offset = fetched->message->offset;

  pass_all (self);
  fetched->condemned = TRUE;
  fetched->hopeless = !gst_kafka_suspicion_condemn (suspicion, offset);
  GST_INFO_OBJECT (self->settings->pad,
      "message %" G_GINT64_FORMAT " of partition %d is condemned, %u in a row", offset,
      partition->partition, suspicion->row);
}

/* with self->lock; (transfer full) (nullable): the offsets to commit with the mark `running`. They
 * are committed before the first message goes downstream, so that the next run learns of a crash
 * even if that message causes it.
 * All partitions share one commit, so that none waits while messages of others are on their way. */
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
    add_to_list (self, list, partition, offset, self->settings->range.run);
  }
  return list;
}

static void
warn_of_metadata (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (!element)
    return;
  GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS,
      ("The brokers take no metadata of this length with committed offsets. Offsets are committed "
       "without, so a message at which each run fails is not found. Set "
       "offset.metadata.max.bytes of the brokers to 4096, the default."),
      ("%s", rd_kafka_err2name (RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE)));
  gst_object_unref (element);
}

void
gst_kafka_careful_begin (GstKafkaConsumer *self, GstKafkaFetched *fetched)
{
  rd_kafka_topic_partition_list_t *list = NULL;
  gboolean before = gst_kafka_handle_is_without_metadata (self->handle);
  GstKafkaPartition *partition;

  g_mutex_lock (&self->lock);
  partition = gst_kafka_partitions_find (
      self->partitions, rd_kafka_topic_name (fetched->message->rkt), fetched->message->partition);
  self->handed = g_get_monotonic_time ();
  if (partition && self->settings->group &&
      gst_kafka_suspicion_is_poison (&partition->suspicion, fetched->message->offset))
    condemn (self, partition, fetched);
  else if (partition && fetched->careful)
    list = mark (self, partition, fetched->message->offset);
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
  if (!before && gst_kafka_handle_is_without_metadata (self->handle))
    warn_of_metadata (self);
}

/* with self->lock: what this run found out about the message that is alone in it */
static void
judge_last (GstKafkaPartition *self, GstKafkaBlame blame)
{
  GstKafkaSuspicion *suspicion = &self->suspicion;
  gint64 alone = suspicion->alone;
  gboolean undecided = gst_kafka_ledger_is_undecided (self->ledger, alone);

  if (!undecided && alone != gst_kafka_ledger_get_failed (self->ledger))
    gst_kafka_suspicion_pass (suspicion);
  else if (!undecided || blame != GST_KAFKA_BLAME_MESSAGE)
    gst_kafka_suspicion_withdraw (suspicion);
  else
    GST_INFO ("this run failed at message %" G_GINT64_FORMAT
              " of partition %d, alone in the pipeline",
        alone, self->partition);
  suspicion->alone = -1;
}

/* with self->lock; @offset: the one that is committed. What isn't done yet stays under
 * suspicion. */
static void
conclude (GstKafkaPartition *self, GstKafkaBlame blame, gint64 offset)
{
  if (self->suspicion.alone >= 0)
    judge_last (self, blame);
  if (blame != GST_KAFKA_BLAME_NONE)
    self->suspicion.until = MAX (self->suspicion.until, self->position);
  else if (offset >= self->suspicion.until)
    gst_kafka_suspicion_init (&self->suspicion);
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
    conclude (partition, self->failed ? GST_KAFKA_BLAME_OTHER : blame, offset);
    if (!list)
      list = rd_kafka_topic_partition_list_new (4);
    add_to_list (self, list, partition, offset,
        blame != GST_KAFKA_BLAME_NONE ? self->settings->range.run : NULL);
    partition->stored = offset;
  }
  return list;
}
