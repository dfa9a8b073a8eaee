/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasendqueue.h"

#include <string.h>

/* Number of buffers that librdkafka may always have from a leaky queue, however slow the link
 * is. */
#define LEAST_WINDOW 2
/* Memory that a record takes in this process, besides the bytes of its buffer. Without this
 * constant, a limit in bytes wouldn't limit the number of empty buffers. */
#define RECORD_BYTES 1024
/* A thread that waits for room is woken when this fraction (1/SLACK) of the limits is free. */
#define SLACK 8

void
gst_kafka_send_queue_init (GstKafkaSendQueue *self)
{
  memset (self, 0, sizeof *self);
  g_queue_init (&self->waiting);
  g_queue_init (&self->in_flight);
  gst_kafka_pace_init (&self->pace, g_get_monotonic_time ());
}

guint
gst_kafka_send_queue_buffers (const GstKafkaSendQueue *self)
{
  return self->waiting.length + self->in_flight.length;
}

guint64
gst_kafka_send_queue_bytes (const GstKafkaSendQueue *self)
{
  return self->waiting_bytes + self->in_flight_bytes;
}

static gint
compare_numbers (gconstpointer a, gconstpointer b, gpointer unused)
{
  const GstKafkaRecord *x = a, *y = b;

  return x->number < y->number ? -1 : x->number > y->number;
}

void
gst_kafka_send_queue_push (GstKafkaSendQueue *self, GstKafkaRecord *record)
{
  self->waiting_bytes += gst_kafka_record_size (record);
  g_queue_push_tail_link (&self->waiting, &record->link);
}

void
gst_kafka_send_queue_take_back (GstKafkaSendQueue *self, GstKafkaRecord *record)
{
  GList *first = self->waiting.head;

  self->waiting_bytes += gst_kafka_record_size (record);
  if (!first || record->number < ((GstKafkaRecord *) first->data)->number) {
    g_queue_push_head_link (&self->waiting, &record->link);
    return;
  }
  g_queue_push_tail_link (&self->waiting, &record->link);
  self->disordered = TRUE;
}

static void
restore_order (GstKafkaSendQueue *self)
{
  if (self->disordered)
    g_queue_sort (&self->waiting, compare_numbers, NULL);
  self->disordered = FALSE;
}

GstKafkaRecord *
gst_kafka_send_queue_peek (GstKafkaSendQueue *self)
{
  restore_order (self);
  return self->waiting.head ? self->waiting.head->data : NULL;
}

GstKafkaRecord *
gst_kafka_send_queue_pop (GstKafkaSendQueue *self)
{
  GstKafkaRecord *record = gst_kafka_send_queue_peek (self);

  if (!record)
    return NULL;
  g_queue_unlink (&self->waiting, &record->link);
  self->waiting_bytes -= gst_kafka_record_size (record);
  return record;
}

void
gst_kafka_send_queue_sent (GstKafkaSendQueue *self, GstKafkaRecord *record)
{
  self->in_flight_bytes += gst_kafka_record_size (record);
  g_queue_push_tail_link (&self->in_flight, &record->link);
}

void
gst_kafka_send_queue_reported (GstKafkaSendQueue *self, GstKafkaRecord *record)
{
  self->in_flight_bytes -= gst_kafka_record_size (record);
  g_queue_unlink (&self->in_flight, &record->link);
}

/* Returns the time when the oldest record that counts for max-queued-time was queued. A leaky queue
 * counts only records that it can still drop, so not the records that librdkafka's client has. */
static gint64
oldest_that_counts (const GstKafkaSendQueue *self)
{
  GList *oldest = self->waiting.head;

  if (self->bounds.leaky != GST_KAFKA_LEAKY_DOWNSTREAM && self->in_flight.head)
    oldest = self->in_flight.head;
  return oldest ? ((GstKafkaRecord *) oldest->data)->queued : G_MAXINT64;
}

static guint64
held_bytes (const GstKafkaSendQueue *self)
{
  return gst_kafka_send_queue_bytes (self) +
         (guint64) gst_kafka_send_queue_buffers (self) * RECORD_BYTES;
}

gboolean
gst_kafka_send_queue_has_room (
    const GstKafkaSendQueue *self, const GstKafkaRecord *record, gint64 now)
{
  const GstKafkaBounds *b = &self->bounds;
  gint64 oldest = oldest_that_counts (self);

  /* An empty queue takes a record of any size. */
  if (!gst_kafka_send_queue_buffers (self))
    return TRUE;
  if (b->bytes && held_bytes (self) + gst_kafka_record_size (record) + RECORD_BYTES > b->bytes)
    return FALSE;
  if (b->buffers && gst_kafka_send_queue_buffers (self) >= b->buffers)
    return FALSE;
  return !b->time || oldest == G_MAXINT64 || (GstClockTime) (now - oldest) * GST_USECOND < b->time;
}

gboolean
gst_kafka_send_queue_has_slack (const GstKafkaSendQueue *self)
{
  const GstKafkaBounds *b = &self->bounds;
  guint buffers = gst_kafka_send_queue_buffers (self);

  if (!buffers || b->time)
    return TRUE;
  if (b->buffers && buffers > b->buffers - MAX (1, b->buffers / SLACK))
    return FALSE;
  return !b->bytes || held_bytes (self) <= b->bytes - b->bytes / SLACK;
}

gboolean
gst_kafka_send_queue_is_half_empty (const GstKafkaSendQueue *self)
{
  const GstKafkaBounds *b = &self->bounds;

  return (!b->bytes || held_bytes (self) <= b->bytes / 2) &&
         (!b->buffers || gst_kafka_send_queue_buffers (self) <= MAX (1, b->buffers / 2));
}

/* With a spool, or with leaky=downstream, librdkafka gets only as many records as keep the link
 * busy, and at most half of the limits. Records that librdkafka has can't be dropped or moved to
 * the disk. */
gboolean
gst_kafka_send_queue_may_send (const GstKafkaSendQueue *self)
{
  const GstKafkaBounds *b = &self->bounds;

  if ((b->leaky != GST_KAFKA_LEAKY_DOWNSTREAM && !self->spools) || !self->in_flight.length)
    return TRUE;
  if (b->buffers && self->in_flight.length >= MAX (1, b->buffers / 2))
    return FALSE;
  if (b->bytes && self->in_flight_bytes >= b->bytes / 2)
    return FALSE;
  return self->in_flight.length < LEAST_WINDOW ||
         self->in_flight_bytes < gst_kafka_pace_window (&self->pace);
}

const GstKafkaRecord *
gst_kafka_send_queue_oldest (const GstKafkaSendQueue *self)
{
  GList *oldest = self->in_flight.head ? self->in_flight.head : self->waiting.head;

  return oldest ? oldest->data : NULL;
}
