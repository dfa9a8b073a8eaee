/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <librdkafka/rdkafka.h>
#include <glib.h>

G_BEGIN_DECLS

/* Waits up to @timeout_ms for the cluster to create @topic. An existing topic isn't an error. With
 * -1 as @partitions or @replication_factor the brokers use their defaults. @detail: (out)
 * (nullable): the brokers' error text. */
rd_kafka_resp_err_t gst_kafka_create_topic (rd_kafka_t *rk, const gchar *topic, gint partitions,
    gint replication_factor, gint timeout_ms, gchar **detail);

/* Queries for up to @timeout_ms how many @bytes a batch for @topic may have (max.message.bytes).
 * It takes the right DescribeConfigs. RD_KAFKA_RESP_ERR__NOENT: the topic has no such setting. */
rd_kafka_resp_err_t gst_kafka_query_batch_limit (
    rd_kafka_t *rk, const gchar *topic, gint timeout_ms, guint64 *bytes);

/* Queries the cluster for up to @timeout_ms. TRUE: it answered. @topic: (nullable): the topic to
 * query; @topic_err: (out): its error, 0 if it exists. */
gboolean gst_kafka_query_topic (
    rd_kafka_t *rk, const gchar *topic, gint timeout_ms, rd_kafka_resp_err_t *topic_err);

G_END_DECLS
