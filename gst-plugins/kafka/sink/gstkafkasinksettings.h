/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkasettings.h"
#include "gstkafkasinktypes.h"

G_BEGIN_DECLS

/* kafkasink's own properties; guarded by the element's object lock. */
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

/* Ids from here on are the element's. */
enum { GST_KAFKA_SINK_PROP_OTHER = GST_KAFKA_PROP_OWN + 100 };

void gst_kafka_sink_settings_init (GstKafkaSinkSettings *self);
void gst_kafka_sink_settings_clear (GstKafkaSinkSettings *self);
void gst_kafka_sink_settings_install_properties (GObjectClass *klass);
/* FALSE: not one of these ids. With the object lock held by these, not by the caller. */
gboolean gst_kafka_sink_settings_set_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, const GValue *value);
gboolean gst_kafka_sink_settings_get_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, GValue *value);

G_END_DECLS
