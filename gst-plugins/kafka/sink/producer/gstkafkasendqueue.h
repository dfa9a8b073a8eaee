/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "gstkafkapace.h"
#include "sink/gstkafkarecord.h"

G_BEGIN_DECLS

/* The queue of records to send: the waiting records, in order, and the records in flight, which
 * librdkafka has until their delivery report. The queue doesn't own the records and takes no
 * lock. */

/**
 * GstKafkaLeaky:
 * @GST_KAFKA_LEAKY_NONE: wait for room
 * @GST_KAFKA_LEAKY_UPSTREAM: drop the new buffer
 * @GST_KAFKA_LEAKY_DOWNSTREAM: drop the oldest buffer not yet handed to the client
 *
 * What happens when the queue is full.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_LEAKY_NONE,
  GST_KAFKA_LEAKY_UPSTREAM,
  GST_KAFKA_LEAKY_DOWNSTREAM,
} GstKafkaLeaky;

typedef struct {
  guint64 bytes; /* limit of the queue's bytes; 0 means no limit, also for `buffers` and `time` */
  guint buffers;
  GstClockTime time; /* limit of the time since the oldest record was queued */
  GstKafkaLeaky leaky;
} GstKafkaBounds;

typedef struct {
  /* records not yet passed to librdkafka; ordered by number unless `disordered` is set */
  GQueue waiting;
  GQueue in_flight; /* records passed to librdkafka, without a delivery report yet */
  guint64 waiting_bytes, in_flight_bytes;
  /* records were put back into `waiting`, which has to be sorted before it is used */
  gboolean disordered;
  /* waiting records can be moved to the disk, so librdkafka gets only a few at a time */
  gboolean spools;
  GstKafkaBounds bounds;
  GstKafkaPace pace;
} GstKafkaSendQueue;

void gst_kafka_send_queue_init (GstKafkaSendQueue *self);
guint gst_kafka_send_queue_buffers (const GstKafkaSendQueue *self);
guint64 gst_kafka_send_queue_bytes (const GstKafkaSendQueue *self);

/* Appends a record to the waiting records. */
void gst_kafka_send_queue_push (GstKafkaSendQueue *self, GstKafkaRecord *record);
/* Returns: (nullable): the first waiting record, which stays in the queue */
GstKafkaRecord *gst_kafka_send_queue_peek (GstKafkaSendQueue *self);
/* Returns: (nullable): the first waiting record, which leaves the queue */
GstKafkaRecord *gst_kafka_send_queue_pop (GstKafkaSendQueue *self);

/* The caller calls sent() when librdkafka gets a popped record, and reported() with the record's
 * delivery report. After this report, the record is either freed, or take_back() puts it back at
 * its position in the queue. */
void gst_kafka_send_queue_sent (GstKafkaSendQueue *self, GstKafkaRecord *record);
void gst_kafka_send_queue_reported (GstKafkaSendQueue *self, GstKafkaRecord *record);
void gst_kafka_send_queue_take_back (GstKafkaSendQueue *self, GstKafkaRecord *record);

/* Returns whether @record fits within the queue's limits. */
gboolean gst_kafka_send_queue_has_room (
    const GstKafkaSendQueue *self, const GstKafkaRecord *record, gint64 now);
/* Returns TRUE if the queue is empty, or if enough of its limits is free to wake a thread that
 * waits to push. */
gboolean gst_kafka_send_queue_has_slack (const GstKafkaSendQueue *self);
/* Returns TRUE if less than half of the limits is used. */
gboolean gst_kafka_send_queue_is_half_empty (const GstKafkaSendQueue *self);
/* Returns whether librdkafka may have the next record now. */
gboolean gst_kafka_send_queue_may_send (const GstKafkaSendQueue *self);
/* Returns: (nullable): the oldest undelivered record */
const GstKafkaRecord *gst_kafka_send_queue_oldest (const GstKafkaSendQueue *self);

G_END_DECLS
