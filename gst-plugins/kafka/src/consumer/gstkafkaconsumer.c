/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaconsumerprivate.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkatopics.h"
#include "gstkafkadiscovery.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define TICK (100 * G_TIME_SPAN_MILLISECOND)
#define CONNECT_TIME (10 * G_TIME_SPAN_SECOND)
#define WATCH_TIME (1 * G_TIME_SPAN_SECOND)
/* us: the time after which the watermarks are queried if little is prefetched although more
 * messages exist. The time between two queries doubles while a query has no effect. */
#define HUNGRY_TIME (2 * G_TIME_SPAN_MILLISECOND)
#define DISCOVER_TIME (5 * G_TIME_SPAN_SECOND)
/* us: the time that other members have to drain, and to rejoin after a heartbeat. */
#define IDLE_TIME (5 * G_TIME_SPAN_SECOND)
#define LEAVE_TIME_MS 1500
#define STOP_TIME (4200 * G_TIME_SPAN_MILLISECOND)

void
gst_kafka_consumer_settings_free (GstKafkaConsumerSettings *self)
{
  g_strfreev (self->topics);
  g_free (self->where);
  g_free (self->camera);
  gst_clear_object (&self->pad);
  g_clear_pointer (&self->end, gst_kafka_clean_end_unref);
  g_clear_pointer (&self->partitions, g_array_unref);
  g_free (self);
}

void
gst_kafka_fetched_clear (GstKafkaFetched *self)
{
  g_clear_pointer (&self->message, rd_kafka_message_destroy);
  g_clear_pointer (&self->ledger, gst_kafka_ledger_unref);
  g_clear_pointer (&self->handle, gst_kafka_handle_unref);
}

static GstKafkaConsumer *
consumer_ref (GstKafkaConsumer *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
consumer_unref (GstKafkaConsumer *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->partitions);
  gst_kafka_fault_unref (self->fault);
  gst_kafka_outage_clear (&self->outage);
  g_clear_pointer (&self->known_topics, g_hash_table_unref);
  g_clear_pointer (&self->committed_once, g_hash_table_unref);
  g_clear_pointer (&self->read_topics, g_hash_table_unref);
  g_clear_pointer (&self->warned, g_hash_table_unref);
  g_clear_pointer (&self->brokers, g_hash_table_unref);
  g_free (self->refusal_detail);
  g_free (self->coordinator);
  gst_kafka_consumer_settings_free (self->settings);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* Reports are posted without the lock, because a bus handler may call the element. */

GstElement *
gst_kafka_consumer_get_element (GstKafkaConsumer *self)
{
  GstElement *element;

  g_mutex_lock (&self->lock);
  element = self->element ? gst_object_ref (self->element) : NULL;
  g_mutex_unlock (&self->lock);
  return element;
}

void
gst_kafka_consumer_wake_reader (GstKafkaConsumer *self)
{
  g_mutex_lock (&self->lock);
  if (self->queue)
    rd_kafka_queue_yield (self->queue);
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_consumer_end_with (GstKafkaConsumer *self, const GError *error, const gchar *debug)
{
  GstElement *element = gst_kafka_consumer_get_element (self);
  gboolean first;

  g_mutex_lock (&self->lock);
  first = !self->failed && !self->stopping;
  self->failed = TRUE;
  g_mutex_unlock (&self->lock);
  if (element && first)
    gst_kafka_post_error (element, error, debug);
  gst_clear_object (&element);
  gst_kafka_consumer_wake_reader (self);
}

void
gst_kafka_consumer_fail (GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *detail)
{
  g_autofree gchar *tried = g_strdup_printf ("read from %s", self->settings->where);
  g_autoptr (GError) error = gst_kafka_error_new (tried, err, detail, GST_RESOURCE_ERROR_OPEN_READ);

  gst_kafka_consumer_end_with (self, error, rd_kafka_err2name (err));
}

static void
tell_failure (GstKafkaConsumer *self, const gchar *topic, gint partition, gint64 offset)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (!element)
    return;
  GST_ELEMENT_WARNING (element, STREAM, FAILED,
      ("Message %" G_GINT64_FORMAT " of partition %d of topic \"%s\" was given up on.%s", offset,
          partition, topic,
          self->settings->group ? " The failed message and those that follow it there are read "
                                  "again at the next start."
                                : ""),
      (NULL));
  gst_object_unref (element);
}

gboolean
gst_kafka_consumer_is_stopping (GstKafkaConsumer *self)
{
  gboolean stopping;

  g_mutex_lock (&self->lock);
  stopping = self->stopping || self->failed;
  g_mutex_unlock (&self->lock);
  return stopping;
}

/* --- the thread --- */

/* Returns TRUE if a broker's response exceeds librdkafka's limit: librdkafka then closes the
 * connection, and sends the same request again. Before the first contact the result is FALSE,
 * because the peer may not be a Kafka broker at all. */
static gboolean
is_too_large (GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *reason)
{
  return err == RD_KAFKA_RESP_ERR__BAD_MSG && self->known_topics &&
         strstr (reason, "Invalid response size");
}

static void
fail_too_large (GstKafkaConsumer *self, const gchar *reason)
{
  g_autofree gchar *detail = g_strdup_printf (
      "a batch of messages is larger than message-max-bytes, %" G_GUINT64_FORMAT ", allows: %s",
      self->settings->message_max_bytes, strstr (reason, "Invalid response size"));

  gst_kafka_consumer_fail (self, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, detail);
}

static void
take_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  GstKafkaConsumer *self = gst_kafka_fault_get_user_data (opaque);
  g_autofree gchar *detail = NULL;

  GST_INFO_OBJECT (
      self->settings->pad, "librdkafka reports %s: %s", rd_kafka_err2name (err), reason);
  gst_kafka_consumer_note_coordinator (self, reason);
  err = gst_kafka_fault_note (self->fault, err, reason);
  gst_kafka_outage_note_error (&self->outage, err, g_get_monotonic_time ());
  if (is_too_large (self, err, reason))
    fail_too_large (self, reason);
  else if (err == RD_KAFKA_RESP_ERR__FATAL)
    gst_kafka_consumer_take_error (self, err, NULL, reason);
  if (!gst_kafka_error_is_refusal (err))
    return;
  err = gst_kafka_fault_get (self->fault, &detail);
  gst_kafka_consumer_take_error (self, err, NULL, detail);
}

static void
take_event (GstKafkaConsumer *self, rd_kafka_message_t *message)
{
  const gchar *name = message->rkt ? rd_kafka_topic_name (message->rkt) : NULL;
  g_autofree gchar *topic = name ? gst_kafka_topics_describe (name) : NULL;

  if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && topic) {
    gst_kafka_consumer_forget_topic (self, name);
    gst_kafka_consumer_tell_waiting (self, topic);
  } else if (message->err)
    gst_kafka_consumer_take_error (self, message->err, name, rd_kafka_message_errstr (message));
  rd_kafka_message_destroy (message);
}

static void
serve (GstKafkaConsumer *self, gint timeout_ms)
{
  rd_kafka_message_t *message = rd_kafka_consumer_poll (self->rk, timeout_ms);

  if (message)
    take_event (self, message);
}

static void
fail_to_connect (GstKafkaConsumer *self, rd_kafka_resp_err_t err)
{
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t fault = gst_kafka_fault_get (self->fault, &detail);

  gst_kafka_consumer_fail (self, fault ? fault : err, detail);
}

/* Returns TRUE while the first contact may still come. A wrong password is reported after
 * CONNECT_TIME, even if connect-timeout is longer. */
static gboolean
waits_for_contact (GstKafkaConsumer *self, gint64 waited)
{
  GstClockTime bound = self->settings->connect_timeout;

  if (gst_kafka_error_is_refusal (gst_kafka_fault_get (self->fault, NULL)))
    bound = MIN (bound, CONNECT_TIME * GST_USECOND);
  return !gst_kafka_consumer_is_stopping (self) && (GstClockTime) waited * GST_USECOND < bound;
}

static void
report_long_wait (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element)
    GST_ELEMENT_WARNING (element, RESOURCE, OPEN_READ,
        ("No broker has answered yet about %s. Waiting, as long as connect-timeout allows. Check "
         "that the brokers are up.",
            self->settings->where),
        (NULL));
  gst_clear_object (&element);
}

/* Waits for the first contact. A broker that never answered is an error, while for a broker that is
 * lost later the consumer waits. */
static void
connect_first (GstKafkaConsumer *self)
{
  gint64 began = g_get_monotonic_time (), waited;
  gboolean reported = FALSE;
  GstKafkaDiscovery found = {NULL};
  rd_kafka_resp_err_t err;

  do {
    serve (self, 0);
    err = gst_kafka_discover (self->rk, self->settings, GST_KAFKA_ANSWER_MS, &found);
    GST_DEBUG_OBJECT (
        self->settings->pad, "looking for %s: %s", self->settings->where, rd_kafka_err2name (err));
    waited = g_get_monotonic_time () - began;
    if (err && !reported && waited >= CONNECT_TIME && waits_for_contact (self, waited)) {
      report_long_wait (self);
      reported = TRUE;
    }
  } while (err && waits_for_contact (self, waited));
  g_mutex_lock (&self->lock);
  self->known_topics = g_steal_pointer (&found.counts);
  g_mutex_unlock (&self->lock);
  self->brokers = g_steal_pointer (&found.brokers);
  if (!err && found.missing)
    gst_kafka_consumer_tell_waiting (self, found.missing);
  gst_kafka_discovery_clear (&found);
  gst_kafka_outage_note_answer (&self->outage, !err, g_get_monotonic_time ());
  if (err && !gst_kafka_consumer_is_stopping (self))
    fail_to_connect (self, err);
}

/* Calls gst_kafka_ledger_end() for all partitions. */
static void
partitions_end_stream (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++)
    gst_kafka_ledger_end (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
}

/* Checks whether the stream has ended cleanly. For a clean end it isn't enough that an EOS event
 * was pushed: EOS has to reach the sinks, and no error may be posted. */
static void
look_for_clean_end (GstKafkaConsumer *self)
{
  if (!self->settings->end || !gst_kafka_clean_end_is_reached (self->settings->end))
    return;
  g_mutex_lock (&self->lock);
  if (!self->ended)
    GST_INFO_OBJECT (self->settings->pad, "the stream has ended cleanly: parked messages are done");
  self->ended = TRUE;
  partitions_end_stream (self->partitions);
  g_mutex_unlock (&self->lock);
}

/* librdkafka's callback for the result of a commit. The offsets of a failed commit are committed
 * again. A failed commit may also show that the group's rights were withdrawn. */
static void
note_commit (
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
  GstKafkaConsumer *self = gst_kafka_fault_get_user_data (opaque);

  GST_LOG_OBJECT (self->settings->pad, "commit: %s", rd_kafka_err2name (err));
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
    gst_kafka_consumer_grant (self, GST_KAFKA_REFUSED_GROUP);
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR__NO_OFFSET)
    return;
  GST_INFO_OBJECT (self->settings->pad, "a commit failed: %s", rd_kafka_err2str (err));
  if (gst_kafka_error_is_refusal (err))
    gst_kafka_consumer_take_error (self, err, NULL, rd_kafka_err2str (err));
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->partitions->len; i++)
    ((GstKafkaPartition *) g_ptr_array_index (self->partitions, i))->stored = -1;
  g_mutex_unlock (&self->lock);
}

/* Returns: (transfer full) (nullable): offsets before which all messages are done and that weren't
 * passed to librdkafka yet; with @all, also offsets that were passed before. @flow: as for
 * gst_kafka_ledger_settle() */
static rd_kafka_topic_partition_list_t *
partitions_take_done (
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

/* Removes finished messages from the ledgers. */
static void
partitions_settle (GPtrArray *self, const GstKafkaFlow *flow)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < self->len; i++)
    gst_kafka_ledger_settle (
        ((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger, flow, now);
}

/* Without a group nothing is committed, but finished messages are removed from the ledger. With a
 * group the element commits by itself, because librdkafka's own commits carry no metadata. */
static void
commit_done (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list = NULL;
  gint64 now = g_get_monotonic_time ();

  g_mutex_lock (&self->lock);
  partitions_settle (self->partitions, gst_kafka_consumer_get_flow (self));
  if (self->settings->group && now - self->committed >= self->commit_interval) {
    list =
        partitions_take_done (self->partitions, gst_kafka_consumer_get_flow (self), FALSE, FALSE);
    self->committed = now;
  }
  if (list)
    gst_kafka_careful_describe (self, list);
  g_mutex_unlock (&self->lock);
  if (!list)
    return;
  gst_kafka_consumer_log_offsets (self, "commit", list);
  rd_kafka_commit (self->rk, list, 1);
  rd_kafka_topic_partition_list_destroy (list);
}

/* Returns: (nullable): a partition with a failure that wasn't reported yet */
static GstKafkaPartition *
partitions_find_failure (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);

    if (!partition->failure_told && gst_kafka_ledger_get_failed (partition->ledger) >= 0)
      return partition;
  }
  return NULL;
}

static void
look_at_failures (GstKafkaConsumer *self)
{
  GstKafkaPartition *partition;
  g_autofree gchar *topic = NULL;
  gint number = 0;
  gint64 offset = 0;

  g_mutex_lock (&self->lock);
  partition = partitions_find_failure (self->partitions);
  if (partition) {
    partition->failure_told = TRUE;
    topic = g_strdup (partition->topic);
    number = partition->partition;
    offset = gst_kafka_ledger_get_failed (partition->ledger);
  }
  g_mutex_unlock (&self->lock);
  if (topic)
    tell_failure (self, topic, number, offset);
}

static gboolean
has_no_error (const rd_kafka_topic_partition_list_t *list)
{
  for (gint i = 0; i < list->cnt; i++)
    if (list->elems[i].err)
      return FALSE;
  return TRUE;
}

/* With self->lock. Stores in @list the newest offsets that are known before the brokers are queried
 * for the last stable offsets. */
static void
note_newest (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    partition->high = gst_kafka_reset_get_high (
        self->rk, partition->topic, partition->partition, partition->high);
    list->elems[i].opaque = GSIZE_TO_POINTER ((gsize) MAX (partition->high, 0));
  }
}

/* With self->lock */
static void
take_end (GstKafkaPartition *partition, const rd_kafka_topic_partition_t *answer)
{
  partition->high = MAX (partition->high, answer->offset);
  gst_kafka_held_take_answer (&partition->held, (gint64) GPOINTER_TO_SIZE (answer->opaque),
      answer->offset, g_get_monotonic_time ());
}

/* With self->lock. Returns: (nullable): a partition with messages that are held back, and that
 * weren't reported yet. @ends: (out): the stream ends before these messages */
static GstKafkaPartition *
partitions_find_held (GPtrArray *self, gboolean *ends)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < self->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self, i);
    gint64 place = gst_kafka_partition_get_place (partition);

    *ends =
        partition->end >= 0 && place >= partition->end && partition->held.stable == partition->end;
    if (gst_kafka_held_is_news (&partition->held, place, *ends ? G_MAXINT64 : now))
      return partition;
  }
  return NULL;
}

/* Reports messages that are held back in one partition. Returns FALSE if there was nothing to
 * report. */
static gboolean
report_held (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);
  GstKafkaPartition *partition;
  GstKafkaHeld held;
  g_autofree gchar *topic = NULL;
  gint number = 0;
  gboolean ends;

  g_mutex_lock (&self->lock);
  partition = partitions_find_held (self->partitions, &ends);
  if (partition) {
    topic = g_strdup (partition->topic);
    number = partition->partition;
    held = partition->held;
  }
  g_mutex_unlock (&self->lock);
  if (topic && element)
    gst_kafka_held_warn (
        element, topic, number, held.stable, gst_kafka_held_get_count (&held), ends);
  gst_clear_object (&element);
  return topic != NULL;
}

/* Queries the brokers for the ends of the partitions in @list. Returns FALSE if the query failed.
 * Errors that don't come from the network show nothing about an outage: librdkafka reports unknown
 * partitions also if it has no leader to ask. */
static gboolean
query_ends (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list)
{
  rd_kafka_resp_err_t err;

  gst_kafka_connections_mark (self->fault->connections);
  err = rd_kafka_offsets_for_times (self->rk, list, GST_KAFKA_ANSWER_MS);
  if (gst_kafka_error_is_unanswered (err) || (!err && has_no_error (list)))
    gst_kafka_consumer_note_contact (self, !err);
  return !err;
}

/* Queries the partitions' ends. Fetches return the high watermark too, but with a full prefetch
 * queue there are no fetches. The query also wakes librdkafka's fetcher, which sleeps for up to 1 s
 * after the prefetch queue was full. */
static void
watch_lag (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list;
  gboolean answered;

  g_mutex_lock (&self->lock);
  list = gst_kafka_partitions_to_list (self->partitions, RD_KAFKA_OFFSET_END);
  note_newest (self, list);
  self->hungry_time = self->fed ? HUNGRY_TIME : MIN (2 * self->hungry_time, WATCH_TIME);
  self->hungry = self->fed = FALSE;
  g_mutex_unlock (&self->lock);
  answered = list->cnt > 0 && query_ends (self, list);
  gst_kafka_consumer_note_answer (self, answered && has_no_error (list));
  if (answered) {
    g_mutex_lock (&self->lock);
    for (gint i = 0; i < list->cnt; i++) {
      GstKafkaPartition *partition = gst_kafka_partitions_find (
          self->partitions, list->elems[i].topic, list->elems[i].partition);

      if (partition && !list->elems[i].err)
        take_end (partition, &list->elems[i]);
      if (partition)
        GST_LOG_OBJECT (self->settings->pad,
            "partition %d of %s: read up to %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT,
            partition->partition, partition->topic, partition->position, partition->high);
    }
    g_mutex_unlock (&self->lock);
    while (report_held (self))
      ;
  }
  rd_kafka_topic_partition_list_destroy (list);
  self->watched = g_get_monotonic_time ();
  gst_kafka_consumer_note_compared (self);
}

/* While no broker answers, the query for contact takes the place of the others. The leader of a
 * partition may not answer although another broker does, so the end of an outage is reported before
 * the leaders are queried. */
static void
watch_brokers (GstKafkaConsumer *self)
{
  gboolean contact = gst_kafka_consumer_has_contact (self);

  gst_kafka_consumer_look_for_outage (self);
  if (contact && !gst_kafka_consumer_is_stopping (self)) {
    watch_lag (self);
    return;
  }
  gst_kafka_consumer_note_answer (self, FALSE);
  self->watched = g_get_monotonic_time ();
  gst_kafka_consumer_note_compared (self);
}

/* Returns TRUE if at least one partition has no end. */
static gboolean
partitions_lack_end (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++)
    if (((GstKafkaPartition *) g_ptr_array_index (self, i))->end < 0)
      return TRUE;
  return FALSE;
}

/* Returns: (transfer full) (nullable): partitions without an end offset yet, because the end time
 * is in the future */
static rd_kafka_topic_partition_list_t *
list_endless (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list = NULL;

  if (!gst_kafka_range_is_over (&self->settings->range))
    return NULL;
  g_mutex_lock (&self->lock);
  if (partitions_lack_end (self->partitions))
    list = gst_kafka_partitions_to_list (self->partitions, RD_KAFKA_OFFSET_END);
  g_mutex_unlock (&self->lock);
  return list;
}

/* Sets the end of an assigned partition, if the partition has no end yet. */
static void
partitions_end (GPtrArray *self, const gchar *topic, gint partition, gint64 end)
{
  GstKafkaPartition *found = gst_kafka_partitions_find (self, topic, partition);

  if (found && found->end < 0)
    found->end = end;
}

/* Checks whether the end time has passed, because without new messages nothing else shows it. */
static void
look_for_ends (GstKafkaConsumer *self)
{
  rd_kafka_topic_partition_list_t *list = list_endless (self);
  g_autofree GstKafkaPosition *positions = list ? g_new0 (GstKafkaPosition, list->cnt) : NULL;

  if (!list)
    return;
  gst_kafka_range_find_ends (&self->settings->range, self->rk, list, positions);
  g_mutex_lock (&self->lock);
  for (gint i = 0; i < list->cnt; i++)
    partitions_end (
        self->partitions, list->elems[i].topic, list->elems[i].partition, positions[i].end);
  g_mutex_unlock (&self->lock);
  rd_kafka_topic_partition_list_destroy (list);
  gst_kafka_consumer_wake_reader (self);
}

/* Warns of throttling, because a quota of the brokers may slow the stream down without any
 * error. */
static void
look_for_throttling (GstKafkaConsumer *self)
{
  GstElement *element = gst_kafka_consumer_get_element (self);

  if (element)
    gst_kafka_fault_warn_of_throttling (self->fault, element, "consumer_byte_rate");
  gst_clear_object (&element);
}

static gboolean
has_to_watch (GstKafkaConsumer *self)
{
  gint64 since = g_get_monotonic_time () - self->watched;
  gboolean hungry, stops, ends;

  g_mutex_lock (&self->lock);
  hungry = self->hungry;
  stops = self->stopping;
  ends = self->ending > g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
  return !stops && (since >= (ends ? TICK : hungry ? self->hungry_time : WATCH_TIME));
}

/* Returns TRUE if the brokers' last answer lacks partitions of the assignment. */
static gboolean
misses_partitions (GstKafkaConsumer *self)
{
  gboolean missed = FALSE;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->partitions->len; i++)
    missed |= ((GstKafkaPartition *) g_ptr_array_index (self->partitions, i))->missed > 0;
  g_mutex_unlock (&self->lock);
  return missed;
}

static void
look_for_topics (GstKafkaConsumer *self)
{
  gint64 since = g_get_monotonic_time () - self->discovered;
  gboolean waits = self->waiting_told || self->revoked || gst_kafka_consumer_is_refused (self) ||
                   misses_partitions (self);

  if (since < (waits ? WATCH_TIME : DISCOVER_TIME))
    return;
  if (gst_kafka_consumer_assigns_itself (self))
    gst_kafka_consumer_discover (self);
  else if (waits)
    gst_kafka_consumer_look_again (self);
}

/* Returns TRUE if the range to read has an end. */
static gboolean
range_is_bounded (const GstKafkaRange *self)
{
  return self->stop_at_end || self->end_offset >= 0 || GST_CLOCK_TIME_IS_VALID (self->end_time);
}

/* Ends the bounded stream of a member without partitions, as in a group with more members than
 * partitions. The member first waits for IDLE_TIME, because other members may hand partitions over,
 * and it waits for topics that don't exist yet. */
static void
look_for_idleness (GstKafkaConsumer *self)
{
  GstKafkaDiscovery found = {NULL};
  gboolean idle;

  g_mutex_lock (&self->lock);
  idle = !self->idle && self->partitions->len == 0;
  g_mutex_unlock (&self->lock);
  if (!idle || !self->rebalanced || !range_is_bounded (&self->settings->range) ||
      g_get_monotonic_time () - self->rebalanced < IDLE_TIME)
    return;
  self->rebalanced = g_get_monotonic_time ();
  idle =
      !gst_kafka_discover (self->rk, self->settings, GST_KAFKA_ANSWER_MS, &found) && !found.missing;
  gst_kafka_discovery_clear (&found);
  GST_INFO_OBJECT (self->settings->pad, "no partition is left for this member");
  g_mutex_lock (&self->lock);
  self->idle = idle;
  g_mutex_unlock (&self->lock);
  gst_kafka_consumer_wake_reader (self);
}

/* Commits finished messages, and leaves the group if the brokers answer, so that other members take
 * the partitions at once. */
static void
leave (GstKafkaConsumer *self)
{
  const rd_kafka_metadata_t *metadata;
  rd_kafka_topic_partition_list_t *list;
  gboolean answered, left;

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->queue, rd_kafka_queue_destroy);
  list = self->settings->group
             ? gst_kafka_careful_take_last (self, gst_kafka_consumer_get_flow (self), FALSE)
             : NULL;
  g_mutex_unlock (&self->lock);
  if (list) {
    gst_kafka_consumer_log_offsets (self, "last commit", list);
    answered = gst_kafka_handle_commit (self->handle, list, LEAVE_TIME_MS, NULL, NULL);
    rd_kafka_topic_partition_list_destroy (list);
  } else if (!gst_kafka_consumer_assigns_itself (self)) {
    answered = !rd_kafka_metadata (self->rk, 0, NULL, &metadata, LEAVE_TIME_MS);
    if (answered)
      rd_kafka_metadata_destroy (metadata);
  } else {
    return;
  }
  left = answered && !gst_kafka_consumer_assigns_itself (self) &&
         gst_kafka_handle_close (self->handle, LEAVE_TIME_MS);
  GST_INFO_OBJECT (self->settings->pad, "the brokers %s; %s the group",
      answered ? "answer" : "don't answer", left ? "left" : "didn't leave");
}

/* The work of the thread that serves the group. Stopping waits for at most one query, which may
 * take GST_KAFKA_ANSWER_MS. */
static void
work (GstKafkaConsumer *self)
{
  connect_first (self);
  if (!gst_kafka_consumer_is_stopping (self) && !gst_kafka_consumer_assigns_itself (self))
    gst_kafka_consumer_subscribe (self);
  self->discovered = gst_kafka_consumer_assigns_itself (self) ? 0 : g_get_monotonic_time ();
  while (!gst_kafka_consumer_is_stopping (self)) {
    look_for_topics (self);
    serve (self, TICK / 1000);
    look_for_clean_end (self);
    commit_done (self);
    look_at_failures (self);
    look_for_throttling (self);
    gst_kafka_consumer_watch_access (self);
    gst_kafka_consumer_look_for_coordinator (self);
    look_for_ends (self);
    look_for_idleness (self);
    gst_kafka_consumer_check_logs (self);
    gst_kafka_consumer_reset_strays (self);
    if (has_to_watch (self))
      watch_brokers (self);
  }
}

static gpointer
run (gpointer data)
{
  GstKafkaConsumer *self = data;

  work (self);
  /* The streaming thread may use the queue until the element stops. */
  g_mutex_lock (&self->lock);
  while (!self->stopping)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
  leave (self);
  gst_kafka_handle_unref_and_wait (self->handle);
  consumer_unref (self);
  return NULL;
}

/* --- for the element --- */

static void
partition_free (GstKafkaPartition *self)
{
  gst_kafka_ledger_unref (self->ledger);
  g_free (self->topic);
  g_free (self);
}

/* Returns an empty assignment, which is a GPtrArray of GstKafkaPartition. The assignment is used
 * with the consumer's lock. */
static GPtrArray *
partitions_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) partition_free);
}

static GstKafkaConsumer *
consumer_new (GstElement *element, GstKafkaConsumerSettings *settings)
{
  GstKafkaConsumer *self = g_new0 (GstKafkaConsumer, 1);

  self->fault = gst_kafka_fault_new (self, NULL);
  gst_kafka_outage_init (&self->outage);
  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->element = element;
  self->settings = settings;
  self->partitions = partitions_new ();
  self->committed_once = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->read_topics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->warned = g_hash_table_new (NULL, NULL);
  return self;
}

/* Returns the value of librdkafka's option auto.commit.interval.ms, in us. */
static gint64
get_commit_interval (rd_kafka_conf_t *conf)
{
  g_autofree gchar *text = gst_kafka_conf_dup (conf, "auto.commit.interval.ms");

  return g_ascii_strtoll (text ? text : "", NULL, 10) * G_TIME_SPAN_MILLISECOND;
}

GstKafkaConsumer *
gst_kafka_consumer_start (
    GstElement *element, rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error)
{
  GstKafkaConsumer *self = consumer_new (element, settings);

  rd_kafka_conf_set_rebalance_cb (conf, gst_kafka_consumer_rebalance);
  rd_kafka_conf_set_error_cb (conf, take_error);
  rd_kafka_conf_set_offset_commit_cb (conf, note_commit);
  self->commit_interval = get_commit_interval (conf);
  self->rk = gst_kafka_client_new (RD_KAFKA_CONSUMER, conf, self->fault, error);
  if (!self->rk) {
    consumer_unref (self);
    return NULL;
  }
  rd_kafka_poll_set_consumer (self->rk);
  self->handle = gst_kafka_handle_new (self->rk, self->fault);
  self->queue = rd_kafka_queue_new (self->rk);
  self->thread = fog_thread_new ("kafkasrc-group", run, consumer_ref (self), NULL);
  return self;
}

void
gst_kafka_consumer_stop (GstKafkaConsumer *self)
{
  gint64 deadline = g_get_monotonic_time () + STOP_TIME;

  g_clear_pointer (&self->kept, rd_kafka_message_destroy);
  g_mutex_lock (&self->lock);
  self->element = NULL;
  self->stopping = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  /* The thread may be waiting for a broker that doesn't answer, so the wait for the thread's end
   * has a deadline. */
  if (!fog_thread_end (self->thread, deadline))
    GST_WARNING_OBJECT (self->settings->pad, "the client doesn't end yet, since a broker doesn't "
                                             "answer or a topic was deleted: its thread "
                                             "ends later");
  consumer_unref (self);
}

void
gst_kafka_consumer_set_flushing (GstKafkaConsumer *self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  g_mutex_unlock (&self->lock);
  if (flushing)
    gst_kafka_consumer_wake_reader (self);
}

void
gst_kafka_consumer_set_playing (GstKafkaConsumer *self, gboolean playing)
{
  if (!playing)
    look_for_clean_end (self);
  g_mutex_lock (&self->lock);
  GST_DEBUG_OBJECT (self->settings->pad, "%s PLAYING", playing ? "in" : "out of");
  self->playing = playing;
  self->flow.playing = g_get_monotonic_time ();
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_consumer_note_pushed (GstKafkaConsumer *self, gint64 begun)
{
  g_mutex_lock (&self->lock);
  self->flow.pushed = begun;
  g_mutex_unlock (&self->lock);
}

static void
partitions_fail_parked (GPtrArray *self)
{
  for (guint i = 0; i < self->len; i++)
    gst_kafka_ledger_fail_parked (((GstKafkaPartition *) g_ptr_array_index (self, i))->ledger);
}

void
gst_kafka_consumer_note_flush (GstKafkaConsumer *self)
{
  if (self->settings->end)
    gst_kafka_clean_end_reset (self->settings->end);
  g_mutex_lock (&self->lock);
  GST_DEBUG_OBJECT (self->settings->pad, "flushed: parked messages are read again");
  self->ended = FALSE;
  partitions_fail_parked (self->partitions);
  g_mutex_unlock (&self->lock);
}
