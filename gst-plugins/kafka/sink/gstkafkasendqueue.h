/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "gstkafkapace.h"
#include "gstkafkarecord.h"

G_BEGIN_DECLS

/* What is to be sent: records that wait, in order, and records in the client's hands until their
 * report. It owns none of them and locks nothing. */

/**
 * GstKafkaLeaky:
 * @GST_KAFKA_LEAKY_NONE: wait for room
 * @GST_KAFKA_LEAKY_UPSTREAM: drop the new buffer
 * @GST_KAFKA_LEAKY_DOWNSTREAM: drop the oldest buffer not yet handed to the client
 *
 * What happens to buffers when the queue is full.
 */
typedef enum {
  GST_KAFKA_LEAKY_NONE,
  GST_KAFKA_LEAKY_UPSTREAM,
  GST_KAFKA_LEAKY_DOWNSTREAM,
} GstKafkaLeaky;

typedef struct {
  guint64 bytes; /* 0: unlimited, like the others */
  guint buffers;
  GstClockTime time; /* since the oldest was queued */
  GstKafkaLeaky leaky;
} GstKafkaBounds;

typedef struct {
  GQueue waiting;   /* not handed over, by number */
  GQueue in_flight; /* handed over, not reported */
  guint64 waiting_bytes, in_flight_bytes;
  gboolean disordered; /* waiting has records that came back */
  GstKafkaBounds bounds;
  GstKafkaPace pace;
} GstKafkaSendQueue;

void gst_kafka_send_queue_init (GstKafkaSendQueue *self);
gsize gst_kafka_record_size (const GstKafkaRecord *record);
guint gst_kafka_send_queue_buffers (const GstKafkaSendQueue *self);
guint64 gst_kafka_send_queue_bytes (const GstKafkaSendQueue *self);

/* At the end of those that wait. */
void gst_kafka_send_queue_push (GstKafkaSendQueue *self, GstKafkaRecord *record);
/* (nullable): the first that waits, left where it is */
GstKafkaRecord *gst_kafka_send_queue_peek (GstKafkaSendQueue *self);
/* (nullable): the first that waits, taken out */
GstKafkaRecord *gst_kafka_send_queue_pop (GstKafkaSendQueue *self);

/* A record taken out is given to the client, and comes back with a report; then it is done with, or
 * goes to its old place again. */
void gst_kafka_send_queue_sent (GstKafkaSendQueue *self, GstKafkaRecord *record);
void gst_kafka_send_queue_reported (GstKafkaSendQueue *self, GstKafkaRecord *record);
void gst_kafka_send_queue_take_back (GstKafkaSendQueue *self, GstKafkaRecord *record);

/* For one more. */
gboolean gst_kafka_send_queue_has_room (
    const GstKafkaSendQueue *self, const GstKafkaRecord *record, gint64 now);
/* For enough more that it is worth to wake who waits; TRUE if it is empty. */
gboolean gst_kafka_send_queue_has_slack (const GstKafkaSendQueue *self);
/* Whether the client is to have the next one already. */
gboolean gst_kafka_send_queue_may_send (const GstKafkaSendQueue *self);
/* (nullable): the oldest undelivered one. */
const GstKafkaRecord *gst_kafka_send_queue_oldest (const GstKafkaSendQueue *self);

G_END_DECLS
