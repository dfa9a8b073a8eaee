/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* A buffer on its way to Kafka: the message it becomes, without a copy of its bytes. */
typedef struct {
  GList link;              /* in one of the producer's queues; data is the record itself */
  guint64 number;          /* its place in the queue */
  guint64 turn;            /* its place in what is handed over: which partition's turn it is */
  gint64 queued;           /* monotonic time, us */
  gint64 sent;             /* monotonic time of the last hand-over to the client, us */
  rd_kafka_resp_err_t err; /* of its last report */
  /* Of the client whose batch with this record the brokers refused, its batches' most bytes; 0:
   * none was. Such a record goes alone. */
  guint64 refused_batch;
  GstBuffer *buffer;
  GstMapInfo map;
  gchar *topic;       /* NULL: the producer's */
  gint partition;     /* RD_KAFKA_PARTITION_UA: the partitioner decides */
  gint chosen;        /* what it decided when first asked, or RD_KAFKA_PARTITION_UA */
  GBytes *key;        /* NULL: none */
  gboolean tombstone; /* no value, rather than an empty one */
  gint64 timestamp;   /* ms since the Unix epoch; 0: now */
  /* Headers beside those that the buffer has: NULL or GST_CLOCK_TIME_NONE where those say it. */
  GstKafkaHeader *caps, *camera, *session;
  guint64 seq; /* with session */
  GstClockTime captured;
} GstKafkaRecord;

/* What all records of a stream have in common, and the numbering; for
 * the streaming thread alone. */
typedef struct {
  GstKafkaHeader *caps;
  GstKafkaHeader *camera;
  GstKafkaHeader *session;
  guint64 seq;
  gchar *topic; /* for each record to be filled from its headers; NULL: the producer's */
  gchar *key;   /* the same; NULL: what the buffer has */
  gint partition;
} GstKafkaRecordTemplate;

/* A new session whose numbers begin at 0; the texts are nullable, -1 as
 * @partition leaves the choice. */
void gst_kafka_record_template_init (GstKafkaRecordTemplate *self, const gchar *camera,
    const gchar *topic, const gchar *key, gint partition);
void gst_kafka_record_template_set_caps (GstKafkaRecordTemplate *self, GstCaps *caps);
void gst_kafka_record_template_clear (GstKafkaRecordTemplate *self);

/**
 * gst_kafka_record_new:
 * @self: gives what @buffer doesn't say
 * @buffer: kept until gst_kafka_record_free()
 * @captured: ns since the Unix epoch or %GST_CLOCK_TIME_NONE
 * @error: GST_RESOURCE_ERROR_READ (it can't be mapped), WRITE (a header
 *   is missing that its topic takes)
 *
 * Returns: (nullable)
 */
GstKafkaRecord *gst_kafka_record_new (
    GstKafkaRecordTemplate *self, GstBuffer *buffer, GstClockTime captured, GError **error);
/* Decides on the ack token and lets the buffer go. */
void gst_kafka_record_free (GstKafkaRecord *record, GstKafkaAckOutcome outcome);

/* (transfer full): `camera:session:seq` of its headers, each empty if there is none */
gchar *gst_kafka_record_make_frame_id (const GstKafkaRecord *record);

/* Hands it to the client, with itself as opaque; the client reads the
 * buffer's memory until its report. */
rd_kafka_resp_err_t gst_kafka_record_produce (
    GstKafkaRecord *record, rd_kafka_t *rk, const gchar *topic);

G_END_DECLS
