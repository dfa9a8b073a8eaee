/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkasettings.h"
#include "gstkafkasinktypes.h"

G_BEGIN_DECLS

/* kafkasink's own properties. The element's object lock guards them. */
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
} GstKafkaSinkSettings;

/* The ids from here on belong to gstkafkasink.c. */
enum { GST_KAFKA_SINK_PROP_OTHER = GST_KAFKA_PROP_OWN + 100 };

void gst_kafka_sink_settings_init (GstKafkaSinkSettings *self);
void gst_kafka_sink_settings_clear (GstKafkaSinkSettings *self);
void gst_kafka_sink_settings_install_properties (GObjectClass *klass);
/* FALSE: @id is none of these properties. These functions take the object lock themselves. */
gboolean gst_kafka_sink_settings_set_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, const GValue *value);
gboolean gst_kafka_sink_settings_get_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, GValue *value);

G_END_DECLS
