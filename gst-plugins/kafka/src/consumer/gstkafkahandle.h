/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* A consumer's librdkafka handle. It lives until the last message is freed, since destroying it
 * waits for them for ever; and it never blocks whoever lets go of it last. */
typedef struct _GstKafkaHandle GstKafkaHandle;

/* Takes over @rk, a consumer. */
GstKafkaHandle *gst_kafka_handle_new (rd_kafka_t *rk);
GstKafkaHandle *gst_kafka_handle_ref (GstKafkaHandle *self);
/* From any thread. */
void gst_kafka_handle_unref (GstKafkaHandle *self);
/* The same, from a thread that may wait for the library to wind up. */
void gst_kafka_handle_unref_and_wait (GstKafkaHandle *self);

rd_kafka_t *gst_kafka_handle_get (GstKafkaHandle *self);

/* From the rebalance callback: the member has been assigned partitions, or none. */
void gst_kafka_handle_set_assigned (GstKafkaHandle *self);

/* Commits @offsets; FALSE: no answer in @timeout_ms. */
gboolean gst_kafka_handle_commit (
    GstKafkaHandle *self, const rd_kafka_topic_partition_list_t *offsets, gint timeout_ms);

/* Leaves the group; FALSE: not done in @timeout_ms. Rebalance callbacks come in it. */
gboolean gst_kafka_handle_close (GstKafkaHandle *self, gint timeout_ms);

G_END_DECLS
