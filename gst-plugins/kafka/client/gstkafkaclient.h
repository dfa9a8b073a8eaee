/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkafault.h"
#include "gstkafkasettings.h"

G_BEGIN_DECLS

/* How settings become a librdkafka configuration and a client, and its log GStreamer's. */

/* An option the element decides on itself, or a default of its own. */
typedef struct {
  const gchar *name;
  const gchar *value; /* NULL: only refused from outside */
  gboolean
      owned; /* TRUE: a user's setting of it is an error; FALSE: a default that a user overrides */
  gboolean classic; /* TRUE: the library refuses it with group.protocol=consumer */
} GstKafkaOption;

/**
 * gst_kafka_conf_new:
 * @settings: under no lock; a snapshot is taken
 * @element: for the object lock, the client id and the log
 * @options: the element's own, ended by a NULL name
 * @error: GST_RESOURCE_ERROR_SETTINGS (a wrong name or value, a refused option: it is
 *   named; what this librdkafka can't do: the first version that can is named),
 *   NOT_FOUND or OPEN_READ (config-file)
 *
 * Order: @options, then config-file, then client-properties. Secrets are taken from
 * config-file alone. The library's log goes to the debug category `rdkafka`, one
 * level down, with @element's name.
 *
 * Returns: (nullable) (transfer full): a configuration for gst_kafka_client_new()
 */
rd_kafka_conf_t *gst_kafka_conf_new (
    GstKafkaSettings *settings, GstElement *element, const GstKafkaOption *options, GError **error);

/* (transfer full): an option's value; "" if it has none. */
gchar *gst_kafka_conf_dup (const rd_kafka_conf_t *conf, const gchar *name);

/* Takes over @conf. Its opaque becomes @fault, the first member of whatever the callbacks work on;
 * the error says what to change. */
rd_kafka_t *gst_kafka_client_new (
    rd_kafka_type_t type, rd_kafka_conf_t *conf, GstKafkaFault *fault, GError **error);

G_END_DECLS
