/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaconsumerprivate.h"
#include "client/gstkafkaclient.h"

#include <stdlib.h>
#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* --- careful reading: one message at a time after a failed run --- */

/* After a failed run, the element pushes one message at a time, to find the message that makes runs
 * fail. */

/* The time (us) within which an error that a message causes comes after the message is released;
 * usually it takes some ms. */
#define QUIET_TIME (250 * G_TIME_SPAN_MILLISECOND)
/* Time (us): an element downstream that has kept a message for longer is assumed to need the next
 * message before it releases this one. */
#define HOLD_TIME (10 * G_TIME_SPAN_SECOND)
/* The time (us) after which an element that works on a message may be waiting for another branch of
 * the pipeline. */
#define HANG_TIME (60 * G_TIME_SPAN_SECOND)
#define LOOK_TIME (20 * G_TIME_SPAN_MILLISECOND)

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

/* Called with self->lock: returns TRUE if the run has failed at the last message, so that the
 * stream has to end, and a queue posts the error that it holds back. */
static gboolean
careful_has_failed (GstKafkaConsumer *self)
{
  return is_careful (self) &&
         gst_kafka_clean_end_get_blame (self->settings->end) != GST_KAFKA_BLAME_NONE;
}

/* Returns the latest result of gst_kafka_ledger_get_released() of all partitions. */
static gint64
partitions_get_released (GPtrArray *self)
{
  gint64 released = 0;

  for (guint i = 0; i < self->len; i++)
    released = MAX (released, gst_kafka_ledger_get_released (
                                  ((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger));
  return released;
}

static guint
partitions_get_pending (GPtrArray *self)
{
  guint pending = 0;

  for (guint i = 0; i < self->len; i++)
    pending +=
        gst_kafka_ledger_get_pending (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
  return pending;
}

/* Called with self->lock: returns TRUE while the next message must not be read yet */
static gboolean
careful_must_wait (GstKafkaConsumer *self)
{
  return is_careful (self) &&
         (partitions_get_pending (self->partitions) > 0 ||
             g_get_monotonic_time () - partitions_get_released (self->partitions) < QUIET_TIME);
}

/* With self->lock. No message is alone from now on, so this run no longer counts as a failed run of
 * a message. The changed suspicions are committed again. */
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
  self->careless = partitions_get_pending (self->partitions) > 0;
  if (self->careless)
    withdraw_all (self);
  g_mutex_unlock (&self->lock);
  if (self->careless)
    GST_INFO_OBJECT (self->settings->pad,
        "an element keeps a message until the next one comes: no message goes alone");
}

/* Checks the pipeline while the streaming thread waits for the message that is alone. Called on the
 * streaming thread, without the lock. */
static void
careful_look (GstKafkaConsumer *self)
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

  /* librdkafka frees the text with free(). */
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

/* Called with self->lock. Returns: (transfer full): the offsets to commit before the message is
 * pushed. No message is in the pipeline, so the previous message has got through. */
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

/* With self->lock. No message is in the pipeline, so all messages that were alone have got
 * through. */
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

/* With self->lock. Returns: (transfer full) (nullable): the offsets to commit with the mark
 * `running`. The offsets are committed before the first message is pushed, so that the next run
 * learns of a crash even if that message causes it. All partitions share one commit, so that no
 * partition waits while messages of other partitions are in the pipeline. */
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
       "without metadata, so a message at which each run fails is not found. Set "
       "offset.metadata.max.bytes of the brokers to 4096, the default."),
      ("%s", rd_kafka_err2name (RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE)));
  gst_object_unref (element);
}

static gboolean
is_flushing (gpointer consumer)
{
  GstKafkaConsumer *self = consumer;
  gboolean flushing;

  g_mutex_lock (&self->lock);
  flushing = self->flushing;
  g_mutex_unlock (&self->lock);
  return flushing;
}

/* Commits, before @fetched goes downstream, that this message is alone in the pipeline, or that the
 * run has begun. Called without the lock. */
static void
careful_begin (GstKafkaConsumer *self, GstKafkaFetched *fetched)
{
  rd_kafka_topic_partition_list_t *list = NULL;
  gboolean before = gst_kafka_handle_is_without_metadata (self->handle);
  GstKafkaPartition *partition;

  if (!self->settings->group)
    return;
  g_mutex_lock (&self->lock);
  partition = gst_kafka_partitions_find (
      self->partitions, rd_kafka_topic_name (fetched->message->rkt), fetched->message->partition);
  self->handed = g_get_monotonic_time ();
  if (partition && gst_kafka_suspicion_is_poison (&partition->suspicion, fetched->message->offset))
    condemn (self, partition, fetched);
  else if (partition && fetched->careful)
    list = mark (self, partition, fetched->message->offset);
  else if (partition && !partition->announced)
    list = announce (self);
  g_mutex_unlock (&self->lock);
  if (!list)
    return;
  GST_DEBUG_OBJECT (self->settings->pad, "message %" G_GINT64_FORMAT " of partition %d goes %s",
      fetched->message->offset, fetched->message->partition, fetched->careful ? "alone" : "first");
  if (!gst_kafka_handle_commit (self->handle, list, GST_KAFKA_ANSWER_MS, is_flushing, self))
    GST_INFO_OBJECT (self->settings->pad,
        "the brokers don't answer yet: if this run crashes now, the next one won't know of it");
  rd_kafka_topic_partition_list_destroy (list);
  if (!before && gst_kafka_handle_is_without_metadata (self->handle))
    warn_of_metadata (self);
}

/* With self->lock. Decides how this run ended for the message that is alone in the pipeline. */
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

/* With self->lock. @offset: the offset to commit. Messages that aren't finished yet stay
 * suspects. */
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

/* --- reading --- */

#define HUNGRY_MESSAGES 8
/* The time (us) between two checks whether the message that is alone has gone through the
 * pipeline. */
#define CAREFUL_TIME (2 * G_TIME_SPAN_MILLISECOND)

static void
wake_group (GstKafkaConsumer *self)
{
  rd_kafka_queue_t *events = rd_kafka_queue_get_consumer (self->rk);

  rd_kafka_queue_yield (events);
  rd_kafka_queue_destroy (events);
}

/* Returns the number of the partition's messages that aren't pushed yet, as far as known. */
static guint64
partition_get_lag (const GstKafkaPartition *self)
{
  gint64 high = self->end >= 0 ? MIN (self->end, self->high) : self->high;

  return self->position >= 0 && high > self->position ? high - self->position : 0;
}

static guint64
partitions_get_lag (GPtrArray *self)
{
  guint64 lag = 0;

  for (guint i = 0; i < self->len; i++)
    lag += partition_get_lag (g_ptr_array_index (self, i));
  return lag;
}

/* Called with self->lock. Wakes the group's thread if little is prefetched although more messages
 * exist. */
static void
look_for_hunger (GstKafkaConsumer *self)
{
  gsize left;

  if (self->hungry)
    return;
  left = rd_kafka_queue_length (self->queue);
  if (left >= HUNGRY_MESSAGES || partitions_get_lag (self->partitions) <= left)
    return;
  GST_LOG_OBJECT (self->settings->pad,
      "only %" G_GSIZE_FORMAT " messages are prefetched although more exist", left);
  self->hungry = TRUE;
  wake_group (self);
}

/* Returns TRUE if there is a partition, and all partitions are read to their end. */
static gboolean
partitions_are_at_end (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    if (partition->end < 0 || partition->position < partition->end)
      return FALSE;
  }
  return self->len > 0;
}

/* With self->lock. Returns TRUE if messages beyond the end of a bounded stream exist, and it isn't
 * known yet whether the brokers held these messages back at the start, so that the stream ends
 * before messages that it should have read. */
static gboolean
partitions_may_be_held (GstKafkaConsumer *self)
{
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);
    gint64 high = gst_kafka_reset_get_high (
        self->rk, partition->topic, partition->partition, partition->high);

    if (high > partition->end && partition->held.newest <= partition->end)
      return TRUE;
  }
  return FALSE;
}

/* With self->lock. Returns TRUE while a stream that is read to its end waits for the answer to a
 * query. */
static gboolean
ends_later (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!self->settings->range.stop_at_end || !partitions_may_be_held (self)) {
    self->ending = 0;
    return FALSE;
  }
  if (!self->ending)
    self->ending = now + GST_KAFKA_ANSWER_MS * G_TIME_SPAN_MILLISECOND;
  wake_group (self);
  return now < self->ending;
}

void
gst_kafka_consumer_note_compared (GstKafkaConsumer *self)
{
  gboolean ends;

  g_mutex_lock (&self->lock);
  ends = self->ending != 0;
  g_mutex_unlock (&self->lock);
  if (ends)
    gst_kafka_consumer_wake_reader (self);
}

/* With self->lock. Returns TRUE if this member has read everything that it has to read. */
static gboolean
is_read (GstKafkaConsumer *self)
{
  return self->idle || careful_has_failed (self) ||
         (partitions_are_at_end (self->partitions) && !ends_later (self));
}

/* With self->lock. Returns FALSE if @what isn't set, so a message may be read. */
static gboolean
read_state (GstKafkaConsumer *self, GstKafkaRead *what)
{
  if (self->flushing || !self->queue)
    *what = self->failed && !self->flushing ? GST_KAFKA_READ_FAILED : GST_KAFKA_READ_FLUSHING;
  else if (self->failed)
    *what = GST_KAFKA_READ_FAILED;
  else if (self->changed)
    *what = GST_KAFKA_READ_ASSIGNMENT;
  else if (is_read (self))
    *what = GST_KAFKA_READ_END;
  else if (self->broken)
    *what = GST_KAFKA_READ_BROKEN;
  else
    return FALSE;
  if (*what == GST_KAFKA_READ_ASSIGNMENT)
    self->changed = FALSE;
  return TRUE;
}

/* Called with self->lock. Notes that the broker has refused @offset, so that the group's thread
 * queries where reading continues. */
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

/* With self->lock. Counts offsets without a message. Compaction, transactions and damage to a
 * batch's first offset leave offsets without a message, and can't be distinguished. */
static void
note_gap (GstKafkaConsumer *self, const GstKafkaPartition *partition, gint64 offset)
{
  gint64 gap = partition->position >= 0 ? offset - partition->position : 0;

  if (gap <= 0)
    return;
  self->missing += (guint64) gap;
  GST_DEBUG_OBJECT (self->settings->pad,
      "no message has the offsets %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
      " of partition %d of %s",
      partition->position, offset - 1, partition->partition, partition->topic);
}

/* Called with self->lock. Notes a fetched message in its partition. Returns FALSE if the message
 * has to be dropped. */
static gboolean
enter_message (GstKafkaConsumer *self, GstKafkaFetched *fetched)
{
  rd_kafka_message_t *message = fetched->message;
  GstKafkaPartition *partition = gst_kafka_partitions_find (
      self->partitions, rd_kafka_topic_name (message->rkt), message->partition);
  rd_kafka_timestamp_type_t unused;
  gint64 timestamp;

  if (!partition || partition->leaving || partition->astray)
    return FALSE;
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    GST_DEBUG_OBJECT (self->settings->pad,
        "partition %d of %s is read to its end, offset %" G_GINT64_FORMAT, partition->partition,
        partition->topic, message->offset);
  if (!message->err || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    note_gap (self, partition, message->offset);
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
  timestamp = rd_kafka_message_timestamp (message, &unused);
  gst_kafka_log_note (&partition->log, timestamp);
  if (partition->end < 0 && gst_kafka_range_excludes (&self->settings->range, timestamp))
    partition->end = message->offset;
  if (partition->end >= 0 && message->offset >= partition->end)
    return FALSE;
  fetched->careful =
      self->settings->group && !self->careless && message->offset < partition->suspicion.until;
  fetched->behind = (gint64) partition_get_lag (partition);
  fetched->handle = gst_kafka_handle_ref (self->handle);
  fetched->ledger = gst_kafka_ledger_ref (partition->ledger);
  gst_kafka_ledger_add (partition->ledger, message->offset);
  GST_LOG_OBJECT (self->settings->pad,
      "read offset %" G_GINT64_FORMAT " of partition %d of %s, %" G_GSIZE_FORMAT
      " bytes, %" G_GINT64_FORMAT " behind it",
      message->offset, partition->partition, partition->topic, message->len, fetched->behind);
  return TRUE;
}

/* Returns: (nullable): a message to push, or the end of a partition */
static rd_kafka_message_t *
read_queue (GstKafkaConsumer *self, rd_kafka_queue_t *queue, gint timeout_ms)
{
  rd_kafka_message_t *message = rd_kafka_consume_queue (queue, timeout_ms);

  if (message && gst_kafka_consumer_take_trouble (self, message))
    g_clear_pointer (&message, rd_kafka_message_destroy);
  return message;
}

/* Looks for an error of an element behind a queue, because such an error comes back only with the
 * next push, which may come much later. */
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
    waits = !done && careful_must_wait (self);
    if (waits)
      g_cond_wait_until (&self->cond, &self->lock, g_get_monotonic_time () + CAREFUL_TIME);
    g_mutex_unlock (&self->lock);
    if (done)
      break;
    if (waits) {
      careful_look (self);
      continue;
    }
    gst_kafka_consumer_look_for_silence (self);
    if (!self->kept)
      self->kept = read_queue (self, queue, timeout_ms);
    if (!self->kept && timeout_ms > 0)
      look_behind_queues (self);
    g_mutex_lock (&self->lock);
    /* A new assignment is announced before its first message is returned. */
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
    careful_begin (self, fetched);
  return what;
}

/* Called with self->lock: reads the high watermark of each partition's last fetch, because many
 * messages may come between two queries of watch_lag(). */
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
  lag = partitions_get_lag (self->partitions);
  if (partitions)
    gst_kafka_partitions_to_value (self->partitions, partitions);
  g_mutex_unlock (&self->lock);
  return lag;
}

static guint64
partitions_get_held (GPtrArray *self)
{
  guint64 held = 0;

  for (guint i = 0; i < self->len; i++)
    held += (guint64) gst_kafka_held_get_count (
        &((GstKafkaPartition *) g_ptr_array_index (self, i))->held);
  return held;
}

/* Returns a GstValueArray of GstStructure, for the stats. */
static void
partitions_to_stats (GPtrArray *self, GValue *value)
{
  g_value_init (value, GST_TYPE_ARRAY);
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);
    GValue entry = G_VALUE_INIT;

    g_value_init (&entry, GST_TYPE_STRUCTURE);
    g_value_take_boxed (
        &entry, gst_structure_new ("kafkasrc-partition", "topic", G_TYPE_STRING, partition->topic,
                    "partition", G_TYPE_INT, partition->partition, "lag", G_TYPE_UINT64,
                    partition_get_lag (partition), "position", G_TYPE_INT64, partition->position,
                    "stored", G_TYPE_INT64, partition->stored, "failed", G_TYPE_INT64,
                    gst_kafka_ledger_get_failed (partition->ledger), NULL));
    gst_value_array_append_and_take_value (value, &entry);
  }
}

static guint
partitions_get_parked (GPtrArray *self)
{
  guint parked = 0;

  for (guint i = 0; i < self->len; i++)
    parked +=
        gst_kafka_ledger_get_parked (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
  return parked;
}

void
gst_kafka_consumer_add_stats (GstKafkaConsumer *self, GstStructure *stats)
{
  GValue partitions = G_VALUE_INIT;

  g_mutex_lock (&self->lock);
  partitions_to_stats (self->partitions, &partitions);
  gst_structure_set (stats, "connected", G_TYPE_BOOLEAN,
      self->known_topics && !self->exclusion.began && !gst_kafka_outage_is_reported (&self->outage),
      "damaged", G_TYPE_UINT64, self->damaged, "waits-for-access", G_TYPE_BOOLEAN,
      self->refused != 0, "lag", G_TYPE_UINT64, partitions_get_lag (self->partitions), "prefetched",
      G_TYPE_UINT64, (guint64) (self->queue ? rd_kafka_queue_length (self->queue) : 0), "pending",
      G_TYPE_UINT64, (guint64) partitions_get_pending (self->partitions), "parked", G_TYPE_UINT64,
      (guint64) partitions_get_parked (self->partitions), "rebalances", G_TYPE_UINT64,
      self->rebalances, "lost", G_TYPE_UINT64, self->lost, "offsets-missing", G_TYPE_UINT64,
      self->missing, "held-back", G_TYPE_UINT64, partitions_get_held (self->partitions),
      "throttle-time", G_TYPE_UINT64, gst_kafka_fault_get_throttle_time (self->fault), NULL);
  g_mutex_unlock (&self->lock);
  gst_structure_take_value (stats, "partitions", &partitions);
}
