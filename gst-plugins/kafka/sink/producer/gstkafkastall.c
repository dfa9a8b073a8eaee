/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkastall.h"

/* The largest part (us) of the time between two calls of gst_kafka_stall_look() that counts as
 * waiting. If more time has passed, the caller or the whole process was stopped. */
#define LONGEST_STEP G_TIME_SPAN_SECOND

void
gst_kafka_stall_restart (GstKafkaStall *self)
{
  self->waited = self->busy = 0;
}

void
gst_kafka_stall_look (
    GstKafkaStall *self, gint64 since, gboolean explained, gboolean sending, gint64 now)
{
  gint64 step = MIN (now - self->looked, LONGEST_STEP);

  self->looked = now;
  if (since != self->since || !since || explained) {
    self->since = since;
    gst_kafka_stall_restart (self);
    return;
  }
  self->waited += step;
  if (sending)
    self->busy += step;
}

gboolean
gst_kafka_stall_is_long (const GstKafkaStall *self, gint64 patience)
{
  return self->since && self->waited >= patience && self->busy <= self->waited / 2;
}

GstKafkaNews
gst_kafka_stall_note (
    GstKafkaStall *self, gboolean stalled, gint64 acknowledged, gint64 now, gint64 *began)
{
  /* The message that was reported still waits, whatever happens to messages of other partitions. */
  gboolean same = self->since && self->since <= self->episode.began;
  gboolean lasts = !stalled && self->episode.began && (same || acknowledged <= self->episode.began);
  gint64 since = stalled ? self->since : 0;

  return gst_kafka_episode_note (&self->episode, lasts ? self->episode.began : since, now, began);
}
