/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkacareful.h"
#include "gstkafkaconsumerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define HUNGRY_MESSAGES 8
/* How often to look whether the message that is alone has gone through. */
#define CAREFUL_TIME (2 * G_TIME_SPAN_MILLISECOND)

static void
wake_group (GstKafkaConsumer *self)
{
  rd_kafka_queue_t *events = rd_kafka_queue_get_consumer (self->rk);

  rd_kafka_queue_yield (events);
  rd_kafka_queue_destroy (events);
}

/* with self->lock: finds out whether little is prefetched although more messages exist. */
static void
look_for_hunger (GstKafkaConsumer *self)
{
  gsize left;

  if (self->hungry)
    return;
  left = rd_kafka_queue_length (self->queue);
  if (left >= HUNGRY_MESSAGES || gst_kafka_partitions_get_lag (self->partitions) <= left)
    return;
  GST_LOG_OBJECT (self->settings->pad,
      "only %" G_GSIZE_FORMAT " messages are prefetched although more exist", left);
  self->hungry = TRUE;
  wake_group (self);
}

/* with self->lock; FALSE: no other result, so a message may be read */
static gboolean
read_state (GstKafkaConsumer *self, GstKafkaRead *what)
{
  if (self->flushing || !self->queue)
    *what = self->failed && !self->flushing ? GST_KAFKA_READ_FAILED : GST_KAFKA_READ_FLUSHING;
  else if (self->failed)
    *what = GST_KAFKA_READ_FAILED;
  else if (self->changed)
    *what = GST_KAFKA_READ_ASSIGNMENT;
  else if (self->idle || gst_kafka_partitions_are_at_end (self->partitions) ||
           gst_kafka_careful_has_failed (self))
    *what = GST_KAFKA_READ_END;
  else if (self->broken)
    *what = GST_KAFKA_READ_BROKEN;
  else
    return FALSE;
  if (*what == GST_KAFKA_READ_ASSIGNMENT)
    self->changed = FALSE;
  return TRUE;
}

/* with self->lock: the group's thread will query where to go on. */
static void
note_refusal (GstKafkaConsumer *self, GstKafkaPartition *partition, gint64 offset)
{
  gint64 place = gst_kafka_partition_get_place (partition);
  gint64 high =
      gst_kafka_reset_get_high (self->rk, partition->topic, partition->partition, partition->high);
  gboolean asked = gst_kafka_reset_was_asked (offset, place, high);

  GST_DEBUG ("%s: offset %" G_GINT64_FORMAT " of partition %d of %s is refused; %s: reading is at "
             "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT,
      rd_kafka_name (self->rk), offset, partition->partition, partition->topic,
      asked ? "it was asked for" : "nobody asked for it", place, high);
  partition->astray = TRUE;
  partition->refused_at = asked ? offset : -1;
  wake_group (self);
}

/* with self->lock; FALSE: the message has to be dropped */
static gboolean
enter_message (GstKafkaConsumer *self, GstKafkaFetched *fetched)
{
  rd_kafka_message_t *message = fetched->message;
  rd_kafka_timestamp_type_t unused;
  GstKafkaPartition *partition = gst_kafka_partitions_find (
      self->partitions, rd_kafka_topic_name (message->rkt), message->partition);

  if (!partition || partition->leaving || partition->astray)
    return FALSE;
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    GST_DEBUG_OBJECT (self->settings->pad,
        "partition %d of %s is read to its end, offset %" G_GINT64_FORMAT, partition->partition,
        partition->topic, message->offset);
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    partition->position = partition->high = message->offset;
  else if (message->err)
    note_refusal (self, partition, message->offset);
  if (message->err)
    return FALSE;
  if (message->offset < partition->position)
    return FALSE;
  partition->position = message->offset + 1;
  partition->high = MAX (partition->high, partition->position);
  if (partition->end < 0 && gst_kafka_range_excludes (&self->settings->range,
                                rd_kafka_message_timestamp (message, &unused)))
    partition->end = message->offset;
  if (partition->end >= 0 && message->offset >= partition->end)
    return FALSE;
  fetched->careful =
      self->settings->group && !self->careless && message->offset < partition->suspicion.until;
  fetched->behind = (gint64) gst_kafka_partition_get_lag (partition);
  fetched->handle = gst_kafka_handle_ref (self->handle);
  fetched->ledger = gst_kafka_ledger_ref (partition->ledger);
  gst_kafka_ledger_add (partition->ledger, message->offset);
  GST_LOG_OBJECT (self->settings->pad,
      "read offset %" G_GINT64_FORMAT " of partition %d of %s, %" G_GSIZE_FORMAT
      " bytes, %" G_GINT64_FORMAT " behind it",
      message->offset, partition->partition, partition->topic, message->len, fetched->behind);
  return TRUE;
}

/* (nullable): a message to go downstream, or the end of a partition */
static rd_kafka_message_t *
read_queue (GstKafkaConsumer *self, rd_kafka_queue_t *queue, gint timeout_ms)
{
  rd_kafka_message_t *message = rd_kafka_consume_queue (queue, timeout_ms);

  if (message && gst_kafka_consumer_take_trouble (self, message))
    g_clear_pointer (&message, rd_kafka_message_destroy);
  return message;
}

/* What fails behind a queue comes back with the next push, and that one may be far away. */
static void
look_behind_queues (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element && self->settings->end &&
      gst_kafka_clean_end_look_for_error (self->settings->end, element, FALSE)) {
    g_mutex_lock (&self->lock);
    self->broken = TRUE;
    g_mutex_unlock (&self->lock);
  }
  gst_clear_object (&element);
}

GstKafkaRead
gst_kafka_consumer_read (GstKafkaConsumer *self, GstKafkaFetched *fetched)
{
  GstKafkaRead what = GST_KAFKA_READ_MESSAGE;
  gint timeout_ms = 0;
  gboolean done = FALSE, waits;

  while (!done) {
    rd_kafka_queue_t *queue;

    g_mutex_lock (&self->lock);
    done = read_state (self, &what);
    queue = self->queue;
    waits = !done && gst_kafka_careful_must_wait (self);
    if (waits)
      g_cond_wait_until (&self->cond, &self->lock, g_get_monotonic_time () + CAREFUL_TIME);
    g_mutex_unlock (&self->lock);
    if (done)
      break;
    if (waits) {
      gst_kafka_careful_look (self);
      continue;
    }
    gst_kafka_consumer_look_for_silence (self);
    if (!self->kept)
      self->kept = read_queue (self, queue, timeout_ms);
    if (!self->kept && timeout_ms > 0)
      look_behind_queues (self);
    g_mutex_lock (&self->lock);
    /* The assignment is announced before its first message. */
    if (self->kept && !self->changed) {
      fetched->message = g_steal_pointer (&self->kept);
      done = enter_message (self, fetched);
      self->fed |= done;
    }
    look_for_hunger (self);
    g_mutex_unlock (&self->lock);
    timeout_ms = fetched->message ? 0 : 1000;
    if (!done)
      g_clear_pointer (&fetched->message, rd_kafka_message_destroy);
  }
  if (what == GST_KAFKA_READ_MESSAGE)
    gst_kafka_careful_begin (self, fetched);
  return what;
}

/* with self->lock: takes the high watermark of each partition's last fetch, because much may come
 * between two queries of watch_lag(). */
static void
note_watermarks (GstKafkaConsumer *self)
{
  for (guint i = 0; self->queue && i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);
    gint64 low, high;

    if (!rd_kafka_get_watermark_offsets (
            self->rk, partition->topic, partition->partition, &low, &high))
      partition->high = MAX (partition->high, high);
  }
}

guint64
gst_kafka_consumer_get_lag (GstKafkaConsumer *self, GValue *partitions)
{
  guint64 lag;

  g_mutex_lock (&self->lock);
  note_watermarks (self);
  lag = gst_kafka_partitions_get_lag (self->partitions);
  if (partitions)
    gst_kafka_partitions_to_value (self->partitions, partitions);
  g_mutex_unlock (&self->lock);
  return lag;
}

void
gst_kafka_consumer_add_stats (GstKafkaConsumer *self, GstStructure *stats)
{
  GValue partitions = G_VALUE_INIT;

  g_mutex_lock (&self->lock);
  gst_kafka_partitions_to_stats (self->partitions, &partitions);
  gst_structure_set (stats, "damaged", G_TYPE_UINT64, self->damaged, "waits-for-access",
      G_TYPE_BOOLEAN, self->refused != 0, "lag", G_TYPE_UINT64,
      gst_kafka_partitions_get_lag (self->partitions), "prefetched", G_TYPE_UINT64,
      (guint64) (self->queue ? rd_kafka_queue_length (self->queue) : 0), "pending", G_TYPE_UINT64,
      (guint64) gst_kafka_partitions_get_pending (self->partitions), "parked", G_TYPE_UINT64,
      (guint64) gst_kafka_partitions_get_parked (self->partitions), "rebalances", G_TYPE_UINT64,
      self->rebalances, "lost", G_TYPE_UINT64, self->lost, NULL);
  g_mutex_unlock (&self->lock);
  gst_structure_take_value (stats, "partitions", &partitions);
}
