/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* A buffer on its way to Kafka: the future message, without a copy of the buffer's bytes. */
typedef struct {
  GList link;              /* in one of the producer's queues; data is the record itself */
  guint64 number;          /* running number of the buffer: its place in the queue */
  guint64 turn;            /* running number of the hand-over: chooses the partition */
  gint64 queued;           /* monotonic time, us */
  gint64 sent;             /* monotonic time of the last hand-over to the client, us */
  rd_kafka_resp_err_t err; /* error of its last delivery report */
  /* A batch with it was refused, so it goes alone; and whether for the batch's size. */
  gboolean alone, too_large;
  GstBuffer *buffer;
  GstMapInfo map;
  gchar *topic;       /* NULL: the producer's */
  gint partition;     /* RD_KAFKA_PARTITION_UA: the partitioner chooses */
  gboolean suggested; /* the buffer's meta named it, so another one will do */
  gint chosen;        /* the partitioner's first choice; RD_KAFKA_PARTITION_UA: none yet */
  GBytes *key;        /* NULL: none */
  gboolean tombstone; /* without a value, which differs from an empty value */
  gint64 timestamp;   /* ms since the Unix epoch; 0: now */
  /* Headers that the buffer lacks. NULL or GST_CLOCK_TIME_NONE: the buffer has the header. */
  GstKafkaHeader *caps, *camera, *session;
  guint64 seq; /* with session */
  GstClockTime captured;
  gboolean replayable; /* kafkasrc made the buffer, and Kafka keeps its message until the ack */
  gboolean complete;   /* the buffer's meta has all headers of the message */
  guint64 spool_id;    /* id of the record in the spool; 0: the spool doesn't have it */
} GstKafkaRecord;

/* Marks the ack token with @outcome and releases the buffer. */
void gst_kafka_record_free (GstKafkaRecord *record, GstKafkaAckOutcome outcome);

/* The size of the message's value, in bytes. */
gsize gst_kafka_record_size (const GstKafkaRecord *record);
/* (transfer full): `camera:session:seq` of the headers; a missing header is empty */
gchar *gst_kafka_record_make_frame_id (const GstKafkaRecord *record);

/* (transfer full): the headers of the message */
rd_kafka_headers_t *gst_kafka_record_make_headers (const GstKafkaRecord *record);

/* Hands the record to the client, as the message's opaque too. The client reads the buffer's memory
 * until its report. */
rd_kafka_resp_err_t gst_kafka_record_produce (
    GstKafkaRecord *record, rd_kafka_t *rk, const gchar *topic);

G_END_DECLS
