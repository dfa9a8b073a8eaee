/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaconsumerprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define ASK_TIME_MS 1000

typedef struct {
  gchar *topic;
  gint partition;
  gint64 from;      /* the first missing offset; -1: not known */
  gint64 place;     /* the offset to request if nothing is missing */
  gboolean refused; /* the broker has refused @from */
} Stray;

/* with self->lock: while the end of a damaged batch is being searched, the offsets that are tried
 * aren't positions. */
static void
describe_stray (const GstKafkaPartition *partition, Stray *stray)
{
  gboolean searched = gst_kafka_damage_is_searched (&partition->damage);

  stray->topic = g_strdup (partition->topic);
  stray->partition = partition->partition;
  stray->refused = partition->refused_at >= 0 && !searched;
  stray->place = gst_kafka_partition_get_place (partition);
  if (searched)
    stray->from = partition->damage.from;
  else
    stray->from = stray->refused ? partition->refused_at : stray->place;
}

static gboolean
take_stray (GstKafkaConsumer *self, Stray *stray)
{
  g_mutex_lock (&self->lock);
  for (guint i = 0; !stray->topic && i < self->partitions->len; i++) {
    GstKafkaPartition *partition = g_ptr_array_index (self->partitions, i);

    if (partition->astray)
      describe_stray (partition, stray);
  }
  g_mutex_unlock (&self->lock);
  return stray->topic != NULL;
}

/* TRUE: it is the first reset of its partition, and it has to be reported. */
static gboolean
is_news (GstKafkaPartition *partition, const GstKafkaReset *reset)
{
  gboolean news = !partition->reset_told && (reset->reason == GST_KAFKA_RESET_DELETED ||
                                                reset->reason == GST_KAFKA_RESET_BEYOND);

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

void
gst_kafka_consumer_check_start (
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

/* with self->lock: messages that were read are after the new position and can't be committed any
 * more */
static void
begin_again (GstKafkaPartition *partition, const GstKafkaReset *reset, gboolean stop_at_end)
{
  gst_kafka_ledger_unref (partition->ledger);
  partition->ledger = gst_kafka_ledger_new ();
  partition->stored = -1;
  gst_kafka_suspicion_init (&partition->suspicion);
  partition->failure_told = FALSE;
  partition->high = reset->high;
  if (stop_at_end && partition->end > reset->high)
    partition->end = reset->high;
}

/* with self->lock */
static void
move (GstKafkaConsumer *self, GstKafkaPartition *partition, const GstKafkaReset *reset)
{
  gst_kafka_damage_init (&partition->damage);
  if (reset->to < reset->from)
    begin_again (partition, reset, self->settings->range.stop_at_end);
  partition->position = partition->asked = reset->to;
  /* Committed, so that the next owner isn't refused again. */
  partition->start = reset->to;
  self->lost += (guint64) MAX (reset->lost, 0);
}

/* In an eager group, prefetched messages of the other partitions are fetched again. */
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
    gst_kafka_consumer_forward (self, list->elems[i].topic, list->elems[i].partition);
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
  gst_kafka_consumer_forward (self, stray->topic, stray->partition);
}

/* Until now messages were dropped, because they could belong to the old position. */
static void
admit (GstKafkaConsumer *self, const Stray *stray)
{
  g_mutex_lock (&self->lock);
  gst_kafka_partitions_find (self->partitions, stray->topic, stray->partition)->astray = FALSE;
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

void
gst_kafka_consumer_reset_strays (GstKafkaConsumer *self)
{
  Stray stray = {NULL};
  GstKafkaReset reset;

  /* If the broker doesn't answer, the next round queries it again. */
  while (take_stray (self, &stray) &&
         !gst_kafka_reset_ask (self->settings->range.reset, self->rk, stray.topic, stray.partition,
             stray.from, stray.refused, ASK_TIME_MS, &reset)) {
    carry_out (self, &stray, &reset);
    g_clear_pointer (&stray.topic, g_free);
  }
  g_free (stray.topic);
}
