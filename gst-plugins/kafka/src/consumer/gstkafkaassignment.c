/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaconsumerprivate.h"
#include "gstkafkadiscovery.h"
#include "client/gstkafkaclient.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* --- positions that don't exist --- */

#define CHECK_TIME (2 * G_TIME_SPAN_SECOND)

typedef struct {
  gchar *topic;
  gint partition;
  gint64 from;      /* the first missing offset; -1: not known */
  gint64 place;     /* the offset to request if nothing is missing */
  gboolean refused; /* the broker has refused @from */
  gboolean existed; /* @from was the reader's position in the log that was read */
  gboolean early;   /* messages before @from haven't been read yet */
  gboolean replaced;
  gint64 time; /* for gst_kafka_reset_ask_replaced() */
} Stray;

/* With self->lock. Describes in @stray a partition without a valid position. While the end of a
 * damaged batch is being searched, the offsets that are tried don't count as positions. */
static void
describe_stray (const GstKafkaPartition *partition, Stray *stray)
{
  gboolean searched = gst_kafka_damage_is_searched (&partition->damage);

  stray->topic = g_strdup (partition->topic);
  stray->partition = partition->partition;
  stray->refused = partition->refused_at >= 0 && !searched;
  stray->place = gst_kafka_partition_get_place (partition);
  stray->existed = stray->refused && partition->position >= 0;
  stray->early = stray->existed && partition->refused_at > partition->position;
  stray->replaced = partition->replaced;
  stray->time = partition->log.time;
  if (searched)
    stray->from = partition->damage.from;
  else
    stray->from = stray->refused ? partition->refused_at : stray->place;
}

static gboolean
take_stray (GstKafkaConsumer *self, Stray *stray)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; !self->stopping && !stray->topic && i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->astray)
      describe_stray (partition, stray);
  }
  g_mutex_unlock (&self->lock);
  return stray->topic != NULL;
}

/* Redirects the messages of a partition to the element's own queue, so that the thread that serves
 * the group never receives a message. The redirection has to be repeated after an unassign and
 * assign. librdkafka doesn't replace a redirection that an application has set. */
static void
forward (GstKafkaConsumer *self, const gchar *topic, gint partition)
{
  rd_kafka_queue_t *from = rd_kafka_queue_get_partition (self->rk, topic, partition);

  if (!from)
    return;
  g_mutex_lock (&self->lock);
  if (self->queue)
    rd_kafka_queue_forward (from, self->queue);
  g_mutex_unlock (&self->lock);
  rd_kafka_queue_destroy (from);
}

/* Returns TRUE if the reset is the first one of its partition, and has to be reported. */
static gboolean
is_news (GstKafkaPartition *partition, const GstKafkaReset *reset)
{
  gboolean news = reset->reason == GST_KAFKA_RESET_REPLACED ||
                  (!partition->reset_told && (reset->reason == GST_KAFKA_RESET_DELETED ||
                                                 reset->reason == GST_KAFKA_RESET_BEYOND));

  partition->reset_told |= news;
  return news;
}

static void
report (GstKafkaConsumer *self, const gchar *topic, gint partition, const GstKafkaReset *reset,
    gboolean news)
{
  GstElement *element = gst_kafka_consumer_get_element (self);
  g_autoptr (GError) error = NULL;

  if (gst_kafka_reset_is_error (reset, self->settings->range.reset)) {
    error = gst_kafka_reset_to_error (reset, topic, partition);
    gst_kafka_consumer_end_with (self, error, self->settings->where);
  } else if (element && news) {
    gst_kafka_reset_warn (reset, element, topic, partition);
  } else {
    GST_INFO_OBJECT (self->settings->pad,
        "partition %d of topic \"%s\": from offset %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
        partition, topic, reset->from, reset->to);
  }
  gst_clear_object (&element);
}

/* Handles a start offset if it is known, before anything is read, that the offset doesn't exist. */
static void
check_start (
    GstKafkaConsumer *self, const gchar *topic, gint partition, const GstKafkaPosition *position)
{
  gboolean news;

  if (position->reset.reason == GST_KAFKA_RESET_NONE)
    return;
  g_mutex_lock (&self->lock);
  news = is_news (gst_kafka_partitions_find (self->partitions, topic, partition), &position->reset);
  g_mutex_unlock (&self->lock);
  report (self, topic, partition, &position->reset, news);
}

/* With self->lock. Forgets the messages that were read before, because their offsets are after the
 * new position and can't be committed any more. */
static void
begin_again (GstKafkaPartition *partition, const GstKafkaReset *reset, gboolean stop_at_end)
{
  gst_kafka_ledger_unref (partition->ledger);
  partition->ledger = gst_kafka_ledger_new ();
  partition->stored = -1;
  gst_kafka_suspicion_init (&partition->suspicion);
  partition->failure_told = FALSE;
  partition->high = reset->high;
  partition->newest = 0;
  if (stop_at_end && partition->end > reset->high)
    partition->end = reset->high;
}

/* with self->lock */
static void
move (GstKafkaConsumer *self, GstKafkaPartition *partition, const GstKafkaReset *reset)
{
  gst_kafka_damage_init (&partition->damage);
  gst_kafka_log_init (&partition->log);
  gst_kafka_held_init (&partition->held);
  if (reset->to < reset->from || reset->reason == GST_KAFKA_RESET_REPLACED)
    begin_again (partition, reset, self->settings->range.stop_at_end);
  partition->position = partition->asked = reset->to;
  /* The new position is committed, so that the broker doesn't refuse the position of the
   * partition's next owner too. */
  partition->start = reset->to;
  self->lost += (guint64) MAX (reset->lost, 0);
}

/* Assigns all partitions again, because an eager group can't assign a single one. The prefetched
 * messages of the other partitions are fetched again. */
static void
reassign_all (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list;

  g_mutex_lock (&self->lock);
  list = gst_kafka_partitions_to_list (self->partitions, RD_KAFKA_OFFSET_INVALID);
  for (gint i = 0; i < list->cnt; i++) {
    gint64 place = gst_kafka_partition_get_place (g_ptr_array_index (self->partitions, i));

    if (place >= 0)
      list->elems[i].offset = place;
  }
  g_mutex_unlock (&self->lock);
  rd_kafka_assign (self->rk, NULL);
  rd_kafka_assign (self->rk, list);
  for (gint i = 0; i < list->cnt; i++)
    forward (self, list->elems[i].topic, list->elems[i].partition);
  rd_kafka_topic_partition_list_destroy (list);
}

static void
read_on (GstKafkaConsumer *self, const Stray *stray, gint64 offset)
{
  if (g_strcmp0 (rd_kafka_rebalance_protocol (self->rk), "EAGER") == 0) {
    reassign_all (self);
    return;
  }
  gst_kafka_reset_reassign (self->rk, stray->topic, stray->partition, offset);
  forward (self, stray->topic, stray->partition);
}

/* Ends the time in which messages of the partition are dropped because they might follow the old
 * position. */
static void
admit (GstKafkaConsumer *self, const Stray *stray)
{
  GstKafkaPartition *partition;

  g_mutex_lock (&self->lock);
  partition = gst_kafka_partitions_find (self->partitions, stray->topic, stray->partition);
  partition->astray = partition->replaced = FALSE;
  g_mutex_unlock (&self->lock);
}

static void
carry_out (GstKafkaConsumer *self, const Stray *stray, const GstKafkaReset *reset)
{
  gboolean ends = gst_kafka_reset_is_error (reset, self->settings->range.reset);
  gboolean moves = !ends && reset->reason != GST_KAFKA_RESET_NONE;
  GstKafkaPartition *partition;
  gboolean news;

  g_mutex_lock (&self->lock);
  partition = gst_kafka_partitions_find (self->partitions, stray->topic, stray->partition);
  news = is_news (partition, reset);
  if (moves)
    move (self, partition, reset);
  g_mutex_unlock (&self->lock);
  report (self, stray->topic, stray->partition, reset, news);
  if (!ends)
    read_on (self, stray, moves ? reset->to : stray->place);
  admit (self, stray);
}

/* Returns TRUE if the refusal is older than the position, because the refusal waited behind
 * messages in librdkafka's queue. */
static gboolean
is_stale (const Stray *stray, const GstKafkaReset *reset)
{
  return stray->early && reset->reason == GST_KAFKA_RESET_BEYOND && stray->from <= reset->high;
}

/* Finds the offset at which reading continues. A position that existed, and is now beyond the
 * newest message, shows that the log was replaced. */
static rd_kafka_resp_err_t
ask_for_place (GstKafkaConsumer *self, const Stray *stray, GstKafkaReset *reset)
{
  GstKafkaSrcOffsetReset policy = self->settings->range.reset;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

  if (!stray->replaced)
    err = gst_kafka_reset_ask (policy, self->rk, stray->topic, stray->partition, stray->from,
        stray->refused, GST_KAFKA_ANSWER_MS, reset);
  if (!err && !stray->replaced && is_stale (stray, reset))
    reset->reason = GST_KAFKA_RESET_NONE;
  if (!err && (stray->replaced || (stray->existed && reset->reason == GST_KAFKA_RESET_BEYOND)))
    err = gst_kafka_reset_ask_replaced (policy, self->rk, stray->topic, stray->partition,
        stray->from, stray->time, GST_KAFKA_ANSWER_MS, reset);
  return err;
}

void
gst_kafka_consumer_reset_strays (GstKafkaConsumer *self)
{
  Stray stray = {NULL};
  GstKafkaReset reset;

  /* If the broker doesn't answer, the next round queries the position again. */
  while (take_stray (self, &stray) && !ask_for_place (self, &stray, &reset)) {
    carry_out (self, &stray, &reset);
    g_clear_pointer (&stray.topic, g_free);
  }
  g_free (stray.topic);
}

/* --- replaced logs --- */

/* Returns: (transfer full): the partitions to query, with a time for each. @soon: (out): TRUE if
 * the answer for a partition is still missing, or a partition's last answer was below the expected
 * offset */
static rd_kafka_topic_partition_list_t *
list_logs (GstKafkaConsumer *self, gboolean *soon)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (4);
  gint64 now = g_get_real_time () / G_TIME_SPAN_MILLISECOND;

  *soon = FALSE;
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->position <= 0 || partition->astray || partition->leaving)
      continue;
    *soon |= partition->log.least < 0 || partition->log.doubted;
    rd_kafka_topic_partition_list_add (list, partition->topic, partition->partition)->offset =
        gst_kafka_log_begin (&partition->log, partition->position, now);
  }
  g_mutex_unlock (&self->lock);
  return list;
}

/* with self->lock */
static void
take_log (GstKafkaConsumer *self, const rd_kafka_topic_partition_t *answer)
{
  GstKafkaPartition *partition =
      gst_kafka_partitions_find (self->partitions, answer->topic, answer->partition);

  if (answer->err || !partition || partition->astray || partition->log.time < 0 ||
      !gst_kafka_log_take_answer (&partition->log, answer->offset))
    return;
  GST_INFO_OBJECT (self->settings->pad,
      "partition %d of %s has another log: the first offset from %" G_GINT64_FORMAT
      " ms on is %" G_GINT64_FORMAT ", was %" G_GINT64_FORMAT " or more",
      partition->partition, partition->topic, partition->log.time, answer->offset,
      partition->log.least);
  partition->astray = partition->replaced = TRUE;
}

static gboolean
asks_logs (GstKafkaConsumer *self)
{
  gboolean asks;

  g_mutex_lock (&self->lock);
  asks = self->answering != 0 && !self->stopping;
  g_mutex_unlock (&self->lock);
  return asks;
}

void
gst_kafka_consumer_check_logs (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time ();
  rd_kafka_topic_partition_list_t *list;
  gboolean soon;

  list = list_logs (self, &soon);
  if (list->cnt > 0 && asks_logs (self) && (soon || now - self->checked >= CHECK_TIME)) {
    self->checked = now;
    if (!rd_kafka_offsets_for_times (self->rk, list, GST_KAFKA_ANSWER_MS)) {
      g_mutex_lock (&self->lock);
      for (gint i = 0; i < list->cnt; i++)
        take_log (self, &list->elems[i]);
      g_mutex_unlock (&self->lock);
    }
  }
  rd_kafka_topic_partition_list_destroy (list);
}

#define TICK (100 * G_TIME_SPAN_MILLISECOND)
#define DRAIN_TIME (2 * G_TIME_SPAN_SECOND)
/* us: the longest time between the returns of the first and of the last member after the brokers
 * were away. */
#define REJOIN_TIME (60 * G_TIME_SPAN_SECOND)
#define LEAVE_TIME_MS 1500

/* --- reports to the application --- */

void
gst_kafka_consumer_tell_waiting (GstKafkaConsumer *self, const gchar *what)
{
  GstElement *element = self->waiting_told ? NULL : gst_kafka_consumer_get_element (self);

  GST_LOG_OBJECT (self->settings->pad, "waiting for %s", what);
  self->waiting_told = TRUE;
  if (!element)
    return;
  GST_ELEMENT_INFO (element, RESOURCE, NOT_FOUND, ("%s doesn't exist yet. Waiting for it.", what),
      ("waiting for %s", self->settings->where));
  gst_object_unref (element);
}

/* Returns a GstValueArray of string: the topic of each partition. */
static void
partitions_to_topics (GPtrArray *self, GValue *value)
{
  g_value_init (value, GST_TYPE_ARRAY);
  for (guint i = 0; i < self->len; i++) {
    GValue topic = G_VALUE_INIT;

    g_value_init (&topic, G_TYPE_STRING);
    g_value_set_string (&topic, ((GstKafkaPartition *) g_ptr_array_index (self, i))->topic);
    gst_value_array_append_and_take_value (value, &topic);
  }
}

static void
tell_assignment (GstKafkaConsumer *self)
{
  GstStructure *s = gst_structure_new_empty ("kafkasrc-assignment");
  GstElement *element = gst_kafka_consumer_get_element (self);
  GValue partitions = G_VALUE_INIT, topics = G_VALUE_INIT;

  g_mutex_lock (&self->lock);
  gst_kafka_partitions_to_value (self->partitions, &partitions);
  partitions_to_topics (self->partitions, &topics);
  gst_structure_set (s, "rebalances", G_TYPE_UINT64, self->rebalances, NULL);
  g_mutex_unlock (&self->lock);
  gst_structure_take_value (s, "partitions", &partitions);
  gst_structure_take_value (s, "topics", &topics);
  if (element)
    gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element), s));
  else
    gst_structure_free (s);
  gst_clear_object (&element);
}

/* --- groups --- */

static gchar *
name_partition (const gchar *topic, gint partition)
{
  return g_strdup_printf ("%s-%d", topic, partition);
}

/* Returns TRUE if the topic or partition was created while the element runs, so it is read from its
 * first message. Returns TRUE also if this run has committed an offset in the partition before. For
 * such a partition the result is used only if the group has no committed offset any more, which
 * means that the topic was deleted and created again. */
static gboolean
is_fresh (GstKafkaConsumer *self, const gchar *topic, gint partition)
{
  g_autofree gchar *name = name_partition (topic, partition);

  return self->known_topics &&
         (partition >= GPOINTER_TO_INT (g_hash_table_lookup (self->known_topics, topic)) ||
             g_hash_table_contains (self->committed_once, name));
}

void
gst_kafka_consumer_forget_topic (GstKafkaConsumer *self, const gchar *topic)
{
  g_mutex_lock (&self->lock);
  if (self->known_topics && g_hash_table_remove (self->known_topics, topic))
    GST_INFO_OBJECT (self->settings->pad, "topic %s is deleted", topic);
  g_mutex_unlock (&self->lock);
}

static void
mark_fresh (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  for (gint i = 0; i < list->cnt; i++)
    if (is_fresh (self, list->elems[i].topic, list->elems[i].partition))
      list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
}

void
gst_kafka_consumer_log_offsets (
    GstKafkaConsumer *self, const gchar *what, const rd_kafka_topic_partition_list_t *list)
{
  for (gint i = 0; i < list->cnt; i++)
    GST_DEBUG_OBJECT (self->settings->pad, "%s: partition %d of %s at offset %" G_GINT64_FORMAT,
        what, list->elems[i].partition, list->elems[i].topic, list->elems[i].offset);
}

static void
log_assigned (GstKafkaConsumer *self, const GstKafkaPartition *partition)
{
  GST_INFO_OBJECT (self->settings->pad,
      "assigned: partition %d of %s, from offset %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
      ", end %" G_GINT64_FORMAT,
      partition->partition, partition->topic, partition->asked, partition->high, partition->end);
}

/* Returns TRUE if the brokers were away for so long that all members lost their partitions. After
 * such a loss a missing mark `ended` in the group's metadata doesn't mean that a run has
 * crashed. */
static gboolean
has_just_lost_its_own (GstKafkaConsumer *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!self->lost_assignment)
    return FALSE;
  if (!self->rejoined)
    self->rejoined = now;
  return now - self->rejoined < REJOIN_TIME;
}

static void
partitions_remove (GPtrArray *self, const gchar *topic, gint partition)
{
  GstKafkaPartition *found = gst_kafka_partitions_find (self, topic, partition);

  if (found)
    g_ptr_array_remove (self, found);
}

static GstKafkaPartition *
partitions_add (GPtrArray *self, const gchar *topic, gint partition)
{
  GstKafkaPartition *added = g_new0 (GstKafkaPartition, 1);

  partitions_remove (self, topic, partition);
  added->topic = g_strdup (topic);
  added->partition = partition;
  added->ledger = gst_kafka_ledger_new ();
  gst_kafka_suspicion_init (&added->suspicion);
  added->position = added->high = added->end = added->start = added->stored = -1;
  added->asked = added->refused_at = -1;
  gst_kafka_damage_init (&added->damage);
  gst_kafka_log_init (&added->log);
  gst_kafka_held_init (&added->held);
  added->heard = g_get_monotonic_time ();
  g_ptr_array_add (self, added);
  return added;
}

static void
warn_if_empty (GstKafkaConsumer *self, const GstKafkaPosition *positions, gint count)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element)
    gst_kafka_range_warn_if_empty (&self->settings->range, positions, count, element);
  gst_clear_object (&element);
}

static void
add_partitions (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  g_autofree GstKafkaPosition *positions = g_new0 (GstKafkaPosition, list->cnt);
  rd_kafka_resp_err_t err;

  mark_fresh (self, list);
  err = gst_kafka_range_resolve (&self->settings->range, self->rk, list, positions);
  if (err)
    gst_kafka_consumer_fail (self, err, NULL);
  else
    warn_if_empty (self, positions, list->cnt);
  g_mutex_lock (&self->lock);
  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaPartition *added =
        partitions_add (self->partitions, list->elems[i].topic, list->elems[i].partition);

    /* A start beyond `high` isn't the position yet, because the broker decides about it: while a
     * transaction is open, the log has more messages than consumers may read. */
    added->position = positions[i].start > positions[i].high ? -1 : positions[i].start;
    added->asked = MAX (positions[i].start, -1);
    added->high = positions[i].high;
    added->end = positions[i].end;
    /* The start offset is committed at once, so that the next owner of the partition begins at the
     * same offset if this process crashes before the first message is done. */
    if (positions[i].start >= 0 &&
        !gst_kafka_reset_is_error (&positions[i].reset, self->settings->range.reset))
      added->start = positions[i].start;
    added->suspicion = positions[i].suspicion;
    gst_kafka_suspicion_conclude (
        &added->suspicion, positions[i].start, has_just_lost_its_own (self));
    if (added->high >= 0)
      added->suspicion.until = MIN (added->suspicion.until, added->high);
    log_assigned (self, added);
    if (added->suspicion.until >= 0)
      GST_INFO_OBJECT (self->settings->pad,
          "one message at a time before offset %" G_GINT64_FORMAT
          " of partition %d, because the last run failed",
          added->suspicion.until, added->partition);
  }
  self->changed = TRUE;
  self->idle = FALSE;
  self->rebalances++;
  g_mutex_unlock (&self->lock);
  for (gint i = 0; i < list->cnt; i++) {
    check_start (self, list->elems[i].topic, list->elems[i].partition, &positions[i]);
    forward (self, list->elems[i].topic, list->elems[i].partition);
  }
}

/* with self->lock */
const GstKafkaFlow *
gst_kafka_consumer_get_flow (GstKafkaConsumer *self)
{
  GstFlowReturn last = gst_pad_get_last_flow_return (self->settings->pad);

  return self->playing && !self->broken && (last == GST_FLOW_OK || last == GST_FLOW_EOS)
             ? &self->flow
             : NULL;
}

static void
mark_leaving (GstKafkaConsumer *self, const rd_kafka_topic_partition_list_t *list)
{
  g_mutex_lock (&self->lock);
  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaPartition *partition = gst_kafka_partitions_find (
        self->partitions, list->elems[i].topic, list->elems[i].partition);

    if (!partition)
      continue;
    partition->leaving = TRUE;
    GST_INFO_OBJECT (self->settings->pad,
        "revoked: partition %d of %s, read up to offset %" G_GINT64_FORMAT ", %u in the pipeline",
        partition->partition, partition->topic, partition->position,
        gst_kafka_ledger_get_pending (partition->ledger));
  }
  g_mutex_unlock (&self->lock);
}

/* Returns the number of messages of revoked partitions that are still in the pipeline. */
static guint
partitions_count_leaving (GPtrArray *self)
{
  guint pending = 0;

  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    if (partition->leaving)
      pending += gst_kafka_ledger_get_pending (partition->ledger);
  }
  return pending;
}

/* Waits up to DRAIN_TIME until the messages of revoked partitions that are in the pipeline are
 * done. A partition's next owner reads again the messages that aren't done by then. */
static void
drain (GstKafkaConsumer *self)
{
  gint64 deadline = g_get_monotonic_time () + DRAIN_TIME;
  rd_kafka_topic_partition_list_t *list;

  g_mutex_lock (&self->lock);
  while (!self->stopping && self->playing && partitions_count_leaving (self->partitions) > 0 &&
         g_get_monotonic_time () < deadline)
    g_cond_wait_until (&self->cond, &self->lock, g_get_monotonic_time () + TICK / 5);
  GST_DEBUG_OBJECT (self->settings->pad,
      "%u messages of revoked partitions are left in the pipeline",
      partitions_count_leaving (self->partitions));
  list = self->settings->group
             ? gst_kafka_careful_take_last (self, gst_kafka_consumer_get_flow (self), TRUE)
             : NULL;
  g_mutex_unlock (&self->lock);
  if (!list)
    return;
  gst_kafka_consumer_log_offsets (self, "commit before it leaves", list);
  if (!gst_kafka_handle_commit (self->handle, list, LEAVE_TIME_MS, NULL, NULL))
    GST_WARNING_OBJECT (self->settings->pad, "no answer to the last commit");
  rd_kafka_topic_partition_list_destroy (list);
}

static void
remove_partitions (GstKafkaConsumer *self, const rd_kafka_topic_partition_list_t *list)
{
  g_mutex_lock (&self->lock);
  for (gint i = 0; i < list->cnt; i++) {
    const GstKafkaPartition *partition = gst_kafka_partitions_find (
        self->partitions, list->elems[i].topic, list->elems[i].partition);

    if (partition && partition->stored >= 0)
      g_hash_table_add (
          self->committed_once, name_partition (partition->topic, partition->partition));
    partitions_remove (self->partitions, list->elems[i].topic, list->elems[i].partition);
  }
  self->changed = self->revoked = TRUE;
  g_mutex_unlock (&self->lock);
}

static gboolean
is_cooperative (rd_kafka_t *rk)
{
  return g_strcmp0 (rd_kafka_rebalance_protocol (rk), "COOPERATIVE") == 0;
}

static void
ignore_error (rd_kafka_t *rk, rd_kafka_error_t *error)
{
  if (!error)
    return;
  GST_WARNING ("%s: %s", rd_kafka_name (rk), rd_kafka_error_string (error));
  rd_kafka_error_destroy (error);
}

static void
take_on (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  add_partitions (self, list);
  if (is_cooperative (self->rk))
    ignore_error (self->rk, rd_kafka_incremental_assign (self->rk, list));
  else
    rd_kafka_assign (self->rk, list);
}

static void
note_lost_assignment (GstKafkaConsumer *self)
{
  self->lost_assignment = TRUE;
  self->rejoined = 0;
  GST_INFO_OBJECT (self->settings->pad,
      "the group has gone on without this member: messages that aren't committed come again");
}

static void
give_up (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  mark_leaving (self, list);
  if (rd_kafka_assignment_lost (self->rk))
    note_lost_assignment (self);
  else
    drain (self);
  if (is_cooperative (self->rk))
    ignore_error (self->rk, rd_kafka_incremental_unassign (self->rk, list));
  else
    rd_kafka_assign (self->rk, NULL);
  remove_partitions (self, list);
}

void
gst_kafka_consumer_rebalance (
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
  GstKafkaConsumer *self = gst_kafka_fault_get_user_data (opaque);

  GST_INFO_OBJECT (
      self->settings->pad, "rebalance: %s of %d partitions", rd_kafka_err2name (err), list->cnt);
  gst_kafka_handle_set_assigned (self->handle);
  if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
    take_on (self, list);
  else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
    give_up (self, list);
  else
    rd_kafka_assign (rk, NULL);
  self->waiting_told = FALSE;
  if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    gst_kafka_consumer_grant (self, GST_KAFKA_REFUSED_GROUP);
    gst_kafka_consumer_forget_coordinator (self);
  }
  self->rebalanced = g_get_monotonic_time ();
  tell_assignment (self);
  gst_kafka_consumer_wake_reader (self);
}

/* The functions below are for a consumer without a group, which looks up the partitions at the
 * start, and from time to time after that. */

/* With self->lock */
static void
note_partition (GstKafkaConsumer *self, GstKafkaPartition *partition, gboolean exists)
{
  guint before = partition->missed;

  if (gst_kafka_partition_note_answer (partition, exists, g_get_monotonic_time ()) &&
      partition->position > 0)
    partition->astray = partition->replaced = TRUE;
  if (before && exists)
    GST_INFO_OBJECT (self->settings->pad, "partition %d of %s is there again after %u answers: %s",
        partition->partition, partition->topic, before,
        partition->astray ? "its topic was created again" : "nothing has changed");
  else if (!exists && before < 2)
    GST_INFO_OBJECT (self->settings->pad, "%u answers lack partition %d of %s", partition->missed,
        partition->partition, partition->topic);
}

/* Notes which partitions the cluster doesn't know. A topic that was created again while the element
 * knew of its deletion is read like a log that was replaced. */
static void
note_all_partitions (GstKafkaConsumer *self, const GstKafkaDiscovery *found)
{
  /* The brokers don't list the partitions of a topic that this user has no right to see. */
  if (found->refused)
    return;
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (!partition->refused && !partition->leaving)
      note_partition (self, partition,
          rd_kafka_topic_partition_list_find (
              found->list, partition->topic, partition->partition) != NULL);
  }
  g_mutex_unlock (&self->lock);
}

static void
drop_known (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  g_mutex_lock (&self->lock);
  for (gint i = list->cnt; i-- > 0;)
    if (gst_kafka_partitions_find (
            self->partitions, list->elems[i].topic, list->elems[i].partition))
      rd_kafka_topic_partition_list_del_by_idx (list, i);
  g_mutex_unlock (&self->lock);
}

static void
assign_new (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  GST_INFO_OBJECT (self->settings->pad, "reading %d more partitions", list->cnt);
  add_partitions (self, list);
  ignore_error (self->rk, rd_kafka_incremental_assign (self->rk, list));
  tell_assignment (self);
  gst_kafka_consumer_wake_reader (self);
}

/* Notes which access an answer shows. Returns FALSE if the user has no right to a topic. */
static gboolean
check_rights (GstKafkaConsumer *self, const GstKafkaDiscovery *found)
{
  g_autofree gchar *refusal = found->refused ? gst_kafka_discovery_explain_refusal (found) : NULL;

  if (found->refused)
    gst_kafka_consumer_refuse (
        self, GST_KAFKA_REFUSED_TOPIC, found->refused_topic, found->refused, refusal);
  gst_kafka_consumer_grant (
      self, GST_KAFKA_REFUSED_CLIENT | (found->refused ? 0 : GST_KAFKA_REFUSED_TOPIC));
  return !found->refused;
}

static void
assign_found (GstKafkaConsumer *self, GstKafkaDiscovery *found)
{
  check_rights (self, found);
  if (found->missing)
    gst_kafka_consumer_tell_waiting (self, found->missing);
  self->waiting_told = found->missing != NULL;
  note_all_partitions (self, found);
  drop_known (self, found->list);
  if (found->list->cnt > 0 && !gst_kafka_consumer_is_stopping (self))
    assign_new (self, found->list);
}

/* Returns: (transfer full): the names of the topics that were read */
static gchar **
dup_read_topics (GstKafkaConsumer *self)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->read_topics);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, g_strdup (name));
  g_mutex_unlock (&self->lock);
  g_ptr_array_add (names, NULL);
  return (gchar **) g_ptr_array_free (names, FALSE);
}

/* Queries the brokers for the topics, and by name for those that were read and that the answer
 * about all topics lacks. The caller has to clear @found in any case. */
static rd_kafka_resp_err_t
query_topics (GstKafkaConsumer *self, GstKafkaDiscovery *found)
{
  g_auto (GStrv) read = dup_read_topics (self);
  rd_kafka_resp_err_t err;

  self->discovered = g_get_monotonic_time ();
  found->read = read;
  err = gst_kafka_discover (self->rk, self->settings, GST_KAFKA_ANSWER_MS, found);
  found->read = NULL;
  return err;
}

void
gst_kafka_consumer_discover (GstKafkaConsumer *self)
{
  GstKafkaDiscovery found = {NULL};

  if (!query_topics (self, &found))
    assign_found (self, &found);
  gst_kafka_discovery_clear (&found);
}

void
gst_kafka_consumer_look_again (GstKafkaConsumer *self)
{
  GstKafkaDiscovery found = {.all = TRUE};

  if (!query_topics (self, &found)) {
    self->revoked = FALSE;
    if (check_rights (self, &found))
      note_all_partitions (self, &found);
  }
  gst_kafka_discovery_clear (&found);
}

void
gst_kafka_consumer_subscribe (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (4);
  rd_kafka_resp_err_t err;

  for (gchar **name = self->settings->topics; *name; name++)
    rd_kafka_topic_partition_list_add (list, *name, RD_KAFKA_PARTITION_UA);
  err = rd_kafka_subscribe (self->rk, list);
  rd_kafka_topic_partition_list_destroy (list);
  if (err)
    gst_kafka_consumer_fail (self, err, NULL);
}

gboolean
gst_kafka_consumer_assigns_itself (GstKafkaConsumer *self)
{
  return !self->settings->group || self->settings->partitions;
}
