/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaproducerprivate.h"
#include "sink/spool/gstkafkaspoolrecord.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* us: a record counts as stuck if its delivery takes longer by this time than the link's latency
 * explains. A broker's disk or a busy machine delays delivery reports by less than this time. */
#define STANDSTILL G_USEC_PER_SEC
/* us: the longest time for which a drain waits for the disk. */
#define FLUSH_BOUND (5 * G_USEC_PER_SEC)

gboolean
gst_kafka_producer_spools (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return self->config.spool && !record->replayable;
}

/* Called with the lock. Returns: (transfer full): the spool's message for @record */
static GstKafkaSpoolMessage *
message_of (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return gst_kafka_record_to_message (record, self->topic);
}

static gboolean
is_spooled (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  return record->spool_id && gst_kafka_spool_has (self->config.spool, record->spool_id);
}

void
gst_kafka_producer_spool (GstKafkaProducer *self, GstKafkaRecord *record)
{
  GST_LOG_OBJECT (self->element, "a buffer queued %.3f s ago goes to the spool%s",
      (g_get_monotonic_time () - record->queued) / (gdouble) G_USEC_PER_SEC,
      is_spooled (self, record) ? ", which has it already" : "");
  if (!is_spooled (self, record))
    gst_kafka_spool_put (self->config.spool, message_of (self, record));
  gst_kafka_record_free (record, GST_KAFKA_ACK_DONE);
}

/* With SPOOL_LATE a record that has to be sent in a batch of its own stays in memory: the broker
 * refused its batch, so the link isn't the cause of its delay. */
typedef enum { SPOOL_LATE, SPOOL_ALL } Spool;

/* With lock. Returns TRUE if @record may be moved to the disk. */
static gboolean
may_move (GstKafkaProducer *self, const GstKafkaRecord *record, Spool which)
{
  return gst_kafka_producer_spools (self, record) && (which == SPOOL_ALL || !record->alone);
}

/* With lock. Writes copies of the records in flight to the disk; the records stay in memory too.
 * All records in flight are copied, so that on the disk they precede the waiting records. */
static void
copy_in_flight (GstKafkaProducer *self, Spool which)
{
  for (GList *l = self->queue.in_flight.head; l; l = l->next) {
    GstKafkaRecord *record = l->data;

    if (may_move (self, record, which) && !is_spooled (self, record))
      record->spool_id = gst_kafka_spool_copy (self->config.spool, message_of (self, record));
  }
}

/* With lock. Moves waiting records to the disk. The records that stay in memory keep their
 * order. */
static void
move_waiting (GstKafkaProducer *self, Spool which)
{
  for (guint n = self->queue.waiting.length; n > 0; n--) {
    GstKafkaRecord *record = gst_kafka_send_queue_pop (&self->queue);

    if (may_move (self, record, which) && !is_spooled (self, record))
      gst_kafka_producer_spool (self, record);
    else
      gst_kafka_send_queue_push (&self->queue, record);
  }
}

/* Called with the lock. Returns the time in us after which an undelivered record is moved to the
 * disk. */
static gint64
patience (GstKafkaProducer *self)
{
  gint64 bound = self->queue.bounds.time / GST_USECOND / 2;
  gint64 most = STANDSTILL + 2 * gst_kafka_pace_least_latency (&self->queue.pace);

  return bound ? MIN (most, bound) : most;
}

void
gst_kafka_producer_watch_spool (GstKafkaProducer *self)
{
  const GstKafkaRecord *oldest = gst_kafka_send_queue_oldest (&self->queue);

  if (!self->config.spool || !oldest || self->health == GST_KAFKA_PRODUCER_FAILED)
    return;
  if (g_get_monotonic_time () - oldest->queued < patience (self) &&
      gst_kafka_send_queue_is_half_empty (&self->queue))
    return;
  GST_LOG_OBJECT (self->element,
      "the link is too slow, so %u buffers go to the spool: the oldest waits for %.3f s, %.3f s "
      "are allowed",
      gst_kafka_send_queue_buffers (&self->queue),
      (g_get_monotonic_time () - oldest->queued) / (gdouble) G_USEC_PER_SEC,
      patience (self) / (gdouble) G_USEC_PER_SEC);
  copy_in_flight (self, SPOOL_LATE);
  move_waiting (self, SPOOL_LATE);
}

void
gst_kafka_producer_fetch_spooled (GstKafkaProducer *self)
{
  GstKafkaSpoolMessage *message;
  GstKafkaRecord *record;

  if (!self->config.spool || self->queue.waiting.head ||
      !gst_kafka_send_queue_may_send (&self->queue) ||
      !(message = gst_kafka_spool_take (self->config.spool)))
    return;
  record = gst_kafka_record_from_message (message, self->topic);
  gst_kafka_spool_message_unref (message);
  record->number = self->next_number++;
  GST_LOG_OBJECT (self->element, "the spool gives back record %" G_GUINT64_FORMAT, record->number);
  gst_kafka_send_queue_push (&self->queue, record);
}

gboolean
gst_kafka_producer_spool_has_room (GstKafkaProducer *self)
{
  return !self->config.spool || !self->queue.bounds.bytes ||
         gst_kafka_spool_unwritten (self->config.spool) <= self->queue.bounds.bytes / 2;
}

void
gst_kafka_producer_unspool (GstKafkaProducer *self, const GstKafkaRecord *record)
{
  if (record->spool_id)
    gst_kafka_spool_done (self->config.spool, record->spool_id);
}

gboolean
gst_kafka_producer_awaits_spool (GstKafkaProducer *self, gint64 deadline)
{
  return self->config.spool && gst_kafka_spool_is_behind (self->config.spool) &&
         g_get_monotonic_time () + gst_kafka_spool_needs (self->config.spool) < deadline;
}

/* With lock */
static gboolean
is_all_spooled (GstKafkaProducer *self)
{
  for (GList *l = self->queue.waiting.head; l; l = l->next)
    if (!is_spooled (self, l->data))
      return FALSE;
  for (GList *l = self->queue.in_flight.head; l; l = l->next)
    if (!is_spooled (self, l->data))
      return FALSE;
  return TRUE;
}

gboolean
gst_kafka_producer_spool_all (GstKafkaProducer *self)
{
  gboolean flushed;

  copy_in_flight (self, SPOOL_ALL);
  move_waiting (self, SPOOL_ALL);
  g_mutex_unlock (&self->lock);
  flushed = gst_kafka_spool_flush (self->config.spool, g_get_monotonic_time () + FLUSH_BOUND);
  g_mutex_lock (&self->lock);
  /* Whether all records are on the disk is checked only after the flush, because a database that
   * the flush finds damaged loses its messages. */
  return flushed && is_all_spooled (self);
}
