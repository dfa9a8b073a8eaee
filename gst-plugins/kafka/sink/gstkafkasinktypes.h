/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkasendqueue.h"

G_BEGIN_DECLS

/**
 * GstKafkaAcks:
 * @GST_KAFKA_ACKS_NONE: sent is good enough
 * @GST_KAFKA_ACKS_LEADER: the partition's leader has it
 * @GST_KAFKA_ACKS_ALL: all in-sync replicas have it
 *
 * When a message counts as delivered. The values are Kafka's own: 0, 1 and -1.
 */
typedef enum {
  GST_KAFKA_ACKS_NONE = 0,
  GST_KAFKA_ACKS_LEADER = 1,
  GST_KAFKA_ACKS_ALL = -1,
} GstKafkaAcks;

typedef enum {
  GST_KAFKA_COMPRESSION_NONE,
  GST_KAFKA_COMPRESSION_GZIP,
  GST_KAFKA_COMPRESSION_SNAPPY,
  GST_KAFKA_COMPRESSION_LZ4,
  GST_KAFKA_COMPRESSION_ZSTD,
} GstKafkaCompression;

/**
 * GstKafkaSinkOnError:
 * @GST_KAFKA_SINK_ON_ERROR_FAIL: post an error and stop
 * @GST_KAFKA_SINK_ON_ERROR_SKIP: post a warning, count it, go on with the next
 *
 * What a buffer brings about that can't be delivered.
 */
typedef enum {
  GST_KAFKA_SINK_ON_ERROR_FAIL,
  GST_KAFKA_SINK_ON_ERROR_SKIP,
} GstKafkaSinkOnError;

GType gst_kafka_leaky_get_type (void);
GType gst_kafka_acks_get_type (void);
GType gst_kafka_compression_get_type (void);
GType gst_kafka_sink_on_error_get_type (void);

G_END_DECLS
