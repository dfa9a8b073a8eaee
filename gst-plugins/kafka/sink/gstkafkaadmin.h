/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <librdkafka/rdkafka.h>
#include <glib.h>

G_BEGIN_DECLS

/* Waits up to @timeout_ms for the cluster to make @topic. That it is there already is no
 * error; -1 as @partitions or @replication_factor leaves that to the brokers. @detail:
 * (out) (nullable): their words. */
rd_kafka_resp_err_t gst_kafka_create_topic (rd_kafka_t *rk, const gchar *topic, gint partitions,
    gint replication_factor, gint timeout_ms, gchar **detail);

/* Asks the cluster how many @bytes a batch for @topic may have, for up to @timeout_ms. FALSE: no
 * answer, or no right to know. */
gboolean gst_kafka_query_batch_limit (
    rd_kafka_t *rk, const gchar *topic, gint timeout_ms, guint64 *bytes);

/* Asks the cluster for @topic, or (nullable) for no more than an answer, for up to @timeout_ms.
 * TRUE: it answered; @topic_err: (out): what it says of the topic. */
gboolean gst_kafka_query_topic (
    rd_kafka_t *rk, const gchar *topic, gint timeout_ms, rd_kafka_resp_err_t *topic_err);

G_END_DECLS
