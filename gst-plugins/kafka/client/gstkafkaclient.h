/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkafault.h"
#include "gstkafkasettings.h"

G_BEGIN_DECLS

/* How long the answer to a query may take: a round trip over two hops of a satellite, with a
 * margin. Whoever stops an element may wait for one. */
#define GST_KAFKA_ANSWER_MS 2000

/* Makes a configuration of librdkafka from the settings, and a client from the configuration.
 * librdkafka's log becomes GStreamer's. */

/* An option of librdkafka that the element sets. */
typedef struct {
  const gchar *name;
  const gchar *value; /* NULL: the element doesn't set it, but refuses it from users */
  gboolean owned;     /* TRUE: users must not set it; FALSE: users may override this default */
  gboolean classic;   /* TRUE: librdkafka refuses it with group.protocol=consumer */
} GstKafkaOption;

/**
 * gst_kafka_conf_new:
 * @settings: copied with @element's object lock, which the caller must not hold
 * @element: its name becomes the client id
 * @options: the element's own options, ended by a NULL name
 * @error: GST_RESOURCE_ERROR_SETTINGS (names the option with a wrong name or value, or the first
 *   version of librdkafka that supports it), NOT_FOUND or OPEN_READ (config-file)
 *
 * Applies @options first, then config-file, then client-properties. Only config-file may set
 * secrets. librdkafka's log goes to the debug category `rdkafka`, one level down, with @element's
 * name.
 *
 * Returns: (nullable) (transfer full): a configuration for gst_kafka_client_new()
 */
rd_kafka_conf_t *gst_kafka_conf_new (
    GstKafkaSettings *settings, GstElement *element, const GstKafkaOption *options, GError **error);

/* Returns: (transfer full): the value of an option, "" if it is unset */
gchar *gst_kafka_conf_dup (const rd_kafka_conf_t *conf, const gchar *name);

/* Returns: (transfer full): a description of the connection for the log, without secrets */
gchar *gst_kafka_conf_describe (const rd_kafka_conf_t *conf);

/* Takes ownership of @conf. The client's opaque becomes @fault, which must be the first member of
 * the struct that the caller's callbacks cast it to. The text of @error says what to change. */
rd_kafka_t *gst_kafka_client_new (
    rd_kafka_type_t type, rd_kafka_conf_t *conf, GstKafkaFault *fault, GError **error);

G_END_DECLS
