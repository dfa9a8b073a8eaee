/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

#include "client/gstkafkafault.h"
#include "fogthread.h"

G_BEGIN_DECLS

/* A consumer's librdkafka handle. librdkafka's consumer lives until its last message is freed,
 * because destroying it earlier would wait for the messages for ever. Releasing the last reference
 * blocks only if the system gives no thread. */
typedef struct _GstKafkaHandle GstKafkaHandle;

/* Takes ownership of @rk, a consumer, whose opaque pointer is @fault. */
GstKafkaHandle *gst_kafka_handle_new (rd_kafka_t *rk, GstKafkaFault *fault);
GstKafkaHandle *gst_kafka_handle_ref (GstKafkaHandle *self);
/* Releases a reference. Any thread may call this function. */
void gst_kafka_handle_unref (GstKafkaHandle *self);
/* Like gst_kafka_handle_unref(), for a thread that may wait until librdkafka has ended. */
void gst_kafka_handle_unref_and_wait (GstKafkaHandle *self);

/* Notes that the member has been assigned partitions, or an empty set of partitions. Called by the
 * rebalance callback. */
void gst_kafka_handle_set_assigned (GstKafkaHandle *self);

/* Commits @offsets; returns FALSE if no answer came in @timeout_ms, or before @is_interrupted
 * (nullable) returned TRUE; librdkafka still sends them. If the brokers refuse the metadata for its
 * length, @offsets are committed without metadata. */
gboolean gst_kafka_handle_commit (GstKafkaHandle *self, rd_kafka_topic_partition_list_t *offsets,
    gint timeout_ms, FogThreadIsInterrupted is_interrupted, gpointer user_data);
/* Returns TRUE if the brokers have refused metadata for its length. */
gboolean gst_kafka_handle_is_without_metadata (GstKafkaHandle *self);

/* Leaves the group. Returns FALSE if closing isn't finished within @timeout_ms. Rebalance callbacks
 * run within this call. */
gboolean gst_kafka_handle_close (GstKafkaHandle *self, gint timeout_ms);

G_END_DECLS
