/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* A buffer on its way to Kafka: it becomes a message without a copy of the buffer's bytes. */
typedef struct {
  GList link;     /* link in one of the producer's queues; its data is the record itself */
  guint64 number; /* running number of the buffer: its position in the queue */
  /* running number of the transfer to librdkafka, which chooses the partition */
  guint64 turn;
  gint64 queued;           /* monotonic time, us */
  gint64 sent;             /* monotonic time of the last transfer to librdkafka, us */
  rd_kafka_resp_err_t err; /* error in the record's last delivery report */
  /* A batch with this record was refused, so the record is sent alone; and whether the batch's size
   * was the cause. */
  gboolean alone, too_large;
  GstBuffer *buffer;
  GstMapInfo map;
  gchar *topic;   /* NULL: the producer's */
  gint partition; /* RD_KAFKA_PARTITION_UA: the partitioner chooses */
  /* the buffer's meta suggested the partition, so another partition may be used */
  gboolean suggested;
  gint chosen;        /* the partitioner's first choice; RD_KAFKA_PARTITION_UA: none yet */
  GBytes *key;        /* NULL: none */
  gboolean tombstone; /* the message has no value, which differs from an empty value */
  gint64 timestamp;   /* Kafka's timestamp in ms since the Unix epoch; 0: now */
  /* Values of headers that the buffer's meta lacks. NULL or GST_CLOCK_TIME_NONE: the meta has the
   * header. */
  GstKafkaHeader *caps, *camera, *session;
  guint64 seq; /* with session */
  GstClockTime captured;
  /* kafkasrc made the buffer, so Kafka keeps its message until it is acknowledged */
  gboolean replayable;
  gboolean complete; /* the buffer's meta has all headers of the message */
  guint64 spool_id;  /* id of the record in the spool; 0: the record isn't in the spool */
} GstKafkaRecord;

/* Marks the ack token with @outcome and releases the buffer. */
void gst_kafka_record_free (GstKafkaRecord *record, GstKafkaAckOutcome outcome);

/* Returns the size of the message's value, in bytes. */
gsize gst_kafka_record_size (const GstKafkaRecord *record);
/* Returns: (transfer full): the text `camera:session:seq` from the headers; a missing header is
 * empty */
gchar *gst_kafka_record_make_frame_id (const GstKafkaRecord *record);

/* Returns: (transfer full): the headers of the message */
rd_kafka_headers_t *gst_kafka_record_make_headers (const GstKafkaRecord *record);

/* Passes the record to librdkafka, as the message's opaque too. librdkafka reads the buffer's
 * memory until the delivery report. */
rd_kafka_resp_err_t gst_kafka_record_produce (
    GstKafkaRecord *record, rd_kafka_t *rk, const gchar *topic);

G_END_DECLS
