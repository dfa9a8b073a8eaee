/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaheld.h"

/* us: transactions that end within this time are no reason for a warning. */
#define PATIENCE (10 * G_TIME_SPAN_SECOND)

void
gst_kafka_held_init (GstKafkaHeld *self)
{
  *self = (GstKafkaHeld){.newest = -1, .stable = -1};
}

void
gst_kafka_held_take_answer (GstKafkaHeld *self, gint64 newest, gint64 stable, gint64 now)
{
  gboolean goes_on = gst_kafka_held_get_count (self) > 0 && stable == self->stable;

  self->newest = newest;
  self->stable = stable;
  if (!goes_on)
    self->since = now;
}

gint64
gst_kafka_held_get_count (const GstKafkaHeld *self)
{
  return self->stable >= 0 && self->newest > self->stable ? self->newest - self->stable : 0;
}

gboolean
gst_kafka_held_is_news (GstKafkaHeld *self, gint64 place, gint64 now)
{
  gboolean news = gst_kafka_held_get_count (self) > 0 && place == self->stable &&
                  now - self->since >= PATIENCE && !self->warned;

  self->warned |= news;
  return news;
}

void
gst_kafka_held_warn (GstElement *element, const gchar *topic, gint partition, gint64 stable,
    gint64 count, gboolean ends)
{
  GST_ELEMENT_WARNING_WITH_DETAILS (element, RESOURCE, READ,
      ("%" G_GINT64_FORMAT " messages from offset %" G_GINT64_FORMAT
       " on in partition %d of topic \"%s\" %s, because a producer has opened a transaction there "
       "and hasn't ended it. The brokers end it after the producer's transaction.timeout.ms. Find "
       "the producer with kafka-transactions.sh, or read without waiting with "
       "client-properties=c,isolation.level=read_uncommitted.",
          count, stable, partition, topic, ends ? "aren't read" : "are held back"),
      (NULL),
      ("topic", G_TYPE_STRING, topic, "partition", G_TYPE_INT, partition, "stable", G_TYPE_INT64,
          stable, "held-back", G_TYPE_INT64, count, NULL));
}
