/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* A consumer's librdkafka handle. It lives until the last message is freed, because destroying it
 * earlier would wait for the messages for ever. Releasing the last reference never blocks. */
typedef struct _GstKafkaHandle GstKafkaHandle;

/* Takes ownership of @rk, a consumer. */
GstKafkaHandle *gst_kafka_handle_new (rd_kafka_t *rk);
GstKafkaHandle *gst_kafka_handle_ref (GstKafkaHandle *self);
/* May be called from any thread. */
void gst_kafka_handle_unref (GstKafkaHandle *self);
/* Like gst_kafka_handle_unref(), for a thread that may wait until librdkafka has ended. */
void gst_kafka_handle_unref_and_wait (GstKafkaHandle *self);

/* Called by the rebalance callback: the member has been assigned partitions, or none. */
void gst_kafka_handle_set_assigned (GstKafkaHandle *self);

/* Commits @offsets; FALSE: no answer in @timeout_ms. If the brokers refuse the metadata for its
 * length, it is removed, and @offsets are committed without. */
gboolean gst_kafka_handle_commit (
    GstKafkaHandle *self, rd_kafka_topic_partition_list_t *offsets, gint timeout_ms);
/* TRUE: the brokers have refused metadata for its length. */
gboolean gst_kafka_handle_is_without_metadata (GstKafkaHandle *self);

/* Leaves the group. FALSE: not finished within @timeout_ms. Rebalance callbacks run within this
 * call. */
gboolean gst_kafka_handle_close (GstKafkaHandle *self, gint timeout_ms);

G_END_DECLS
