/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkasettings.h"
#include "sink/producer/gstkafkasendqueue.h"
#include "sink/spool/gstkafkaspool.h"

G_BEGIN_DECLS

/**
 * GstKafkaAcks:
 * @GST_KAFKA_ACKS_NONE: no broker acknowledges; a message counts as delivered once it is sent
 * @GST_KAFKA_ACKS_LEADER: the partition's leader has stored the message
 * @GST_KAFKA_ACKS_ALL: all in-sync replicas have stored the message
 *
 * When a message counts as delivered. The values are Kafka's own: 0, 1 and -1.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_ACKS_NONE = 0,
  GST_KAFKA_ACKS_LEADER = 1,
  GST_KAFKA_ACKS_ALL = -1,
} GstKafkaAcks;

/**
 * GstKafkaCompression:
 * @GST_KAFKA_COMPRESSION_NONE: batches are sent as they are
 * @GST_KAFKA_COMPRESSION_GZIP: gzip
 * @GST_KAFKA_COMPRESSION_SNAPPY: Snappy
 * @GST_KAFKA_COMPRESSION_LZ4: LZ4
 * @GST_KAFKA_COMPRESSION_ZSTD: Zstandard
 *
 * How the client compresses batches.
 *
 * Since: 0.1
 */
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
 * @GST_KAFKA_SINK_ON_ERROR_SKIP: post a warning, count the buffer, and continue with the next
 *   buffer
 *
 * What happens when a buffer can't be delivered.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_SINK_ON_ERROR_FAIL,
  GST_KAFKA_SINK_ON_ERROR_SKIP,
} GstKafkaSinkOnError;

/* The properties that only kafkasink has, guarded by the element's object lock. */
typedef struct {
  gchar *camera, *key, *congestion_control;
  gint partition;
  GstKafkaAcks acks;
  GstKafkaCompression compression;
  GstKafkaBounds bounds;
  GstClockTime connect_timeout, delivery_timeout, drain_timeout, linger;
  guint message_max_bytes;
  gint socket_send_buffer_bytes;
  gboolean enable_idempotence, create_topic;
  gint partitions, replication_factor;
  GstKafkaSinkOnError on_error;
  gchar *spool;
  GstKafkaSpoolLimits spool_limits;
} GstKafkaSinkSettings;

/* The property ids from this one on belong to gstkafkasink.c. */
enum { GST_KAFKA_SINK_PROP_OTHER = GST_KAFKA_PROP_OWN + 100 };

void gst_kafka_sink_settings_init (GstKafkaSinkSettings *self);
void gst_kafka_sink_settings_clear (GstKafkaSinkSettings *self);
void gst_kafka_sink_settings_install_properties (GObjectClass *klass);
/* Returns FALSE if @id is none of kafkasink's own properties. The functions that set and get a
 * property take the object lock themselves. */
gboolean gst_kafka_sink_settings_set_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, const GValue *value);
gboolean gst_kafka_sink_settings_get_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, GValue *value);

/* Called with the object lock. Returns FALSE if the properties can't be used together. @error:
 * GST_RESOURCE_ERROR_SETTINGS */
gboolean gst_kafka_sink_settings_check (
    const GstKafkaSinkSettings *self, const GstKafkaSettings *common, GError **error);
/* Takes the object lock of @element. Returns: (nullable) (transfer full): librdkafka's
 * configuration for one run. @common: the properties that kafkasink shares with kafkasrc. @error:
 * as for gst_kafka_conf_new() */
rd_kafka_conf_t *gst_kafka_sink_settings_new_conf (
    GstKafkaSinkSettings *self, GstKafkaSettings *common, GstElement *element, GError **error);

G_END_DECLS
