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
  /* running number of the transfer to librdkafka; without a key this number chooses the
   * partition */
  guint64 turn;
  gint64 queued;           /* monotonic time, us */
  gint64 sent;             /* monotonic time of the last transfer to librdkafka, us */
  rd_kafka_resp_err_t err; /* error in the record's last delivery report */
  /* `alone`: a batch with this record was refused, so the record is sent alone. `too_large`: the
   * batch was refused because of its size. */
  gboolean alone, too_large;
  GstBuffer *buffer;
  GstMapInfo map;
  gchar *topic;   /* NULL: the producer's topic is used */
  gint partition; /* RD_KAFKA_PARTITION_UA: the partitioner chooses */
  /* the buffer's meta suggested the partition, so another partition may be used */
  gboolean suggested;
  /* the partition that the partitioner chose first; RD_KAFKA_PARTITION_UA: none yet */
  gint chosen;
  GBytes *key;        /* NULL: none */
  gboolean tombstone; /* the message has no value, which differs from an empty value */
  gint64 timestamp;   /* Kafka's timestamp in ms since the Unix epoch; 0: now */
  /* Values of headers that the buffer's meta lacks. NULL or GST_CLOCK_TIME_NONE: the meta has the
   * header. */
  GstKafkaHeader *caps, *camera, *session;
  guint64 seq; /* with session */
  GstClockTime captured;
  /* kafkasrc made the buffer from a message, which can be read from Kafka again */
  gboolean replayable;
  gboolean complete; /* the buffer's meta has all headers of the message */
  guint64 spool_id;  /* id of the record in the spool; 0: the record isn't in the spool */
} GstKafkaRecord;

/* Marks the buffer's ack token with @outcome, and frees the record together with its buffer. */
void gst_kafka_record_free (GstKafkaRecord *record, GstKafkaAckOutcome outcome);

/* Returns the size of the message's value, in bytes. */
gsize gst_kafka_record_size (const GstKafkaRecord *record);
/* Returns: (transfer full): the text `camera:session:seq` from the headers, with an empty text for
 * a missing header */
gchar *gst_kafka_record_make_frame_id (const GstKafkaRecord *record);

/* Returns: (transfer full): the headers of the message */
rd_kafka_headers_t *gst_kafka_record_make_headers (const GstKafkaRecord *record);

/* Passes the record to librdkafka as a message, whose opaque pointer is the record. librdkafka
 * reads the buffer's memory until the delivery report. */
rd_kafka_resp_err_t gst_kafka_record_produce (
    GstKafkaRecord *record, rd_kafka_t *rk, const gchar *topic);

/* Installs kafkasink's partitioner, unless the configuration names another partitioner. Messages
 * without a key take the available partitions in turn. Messages with a key get the partition that
 * Java's client chooses. The opaque of each message must be its GstKafkaRecord. */
void gst_kafka_record_install_partitioner (rd_kafka_conf_t *conf);

G_END_DECLS
