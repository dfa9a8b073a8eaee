/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkafault.h"
#include "gstkafkasettings.h"

G_BEGIN_DECLS

/* The time (ms) for which a query waits for a broker's answer: a round trip over two satellite
 * hops, with a margin. Stopping an element may have to wait for one such answer. */
#define GST_KAFKA_ANSWER_MS 2000

/* These functions make a configuration of librdkafka from the settings, and a client from the
 * configuration. librdkafka's log lines go to GStreamer's log. */

/* An option of librdkafka that the element sets. */
typedef struct {
  const gchar *name;
  const gchar *value; /* NULL: the element leaves the option unset */
  gboolean owned;     /* TRUE: users must not set the option; FALSE: users may override the value */
  gboolean classic;   /* TRUE: librdkafka refuses the option with group.protocol=consumer */
} GstKafkaOption;

/**
 * gst_kafka_conf_new:
 * @settings: the settings, copied with @element's object lock, which the caller must not hold
 * @element: the element whose name becomes the client id
 * @options: the element's own options, ended by a NULL name
 * @error: GST_RESOURCE_ERROR_SETTINGS (names the option with a wrong name or value, or the first
 *   version of librdkafka that supports it), NOT_FOUND or OPEN_READ (config-file)
 *
 * Applies @options first, then config-file, then client-properties. Only config-file may set
 * secrets. librdkafka's log goes to the debug category `rdkafka`, each line one level lower (an
 * error as a warning), with @element's name.
 *
 * Returns: (nullable) (transfer full): a configuration for gst_kafka_client_new()
 */
rd_kafka_conf_t *gst_kafka_conf_new (
    GstKafkaSettings *settings, GstElement *element, const GstKafkaOption *options, GError **error);

/* Returns: (transfer full): the value of an option, or "" if the option is unset */
gchar *gst_kafka_conf_dup (const rd_kafka_conf_t *conf, const gchar *name);

/* Returns: (transfer full): a description of the connection for the log, without secrets */
gchar *gst_kafka_conf_describe (const rd_kafka_conf_t *conf);

/* Takes ownership of @conf. @fault becomes the client's opaque pointer: it must live as long as the
 * client, and the caller's callbacks call gst_kafka_fault_get_user_data(). The text of @error says
 * what to change. */
rd_kafka_t *gst_kafka_client_new (
    rd_kafka_type_t type, rd_kafka_conf_t *conf, GstKafkaFault *fault, GError **error);

G_END_DECLS
