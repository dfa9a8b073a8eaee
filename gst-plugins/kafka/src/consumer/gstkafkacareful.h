/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumerprivate.h"

G_BEGIN_DECLS

/* After a failed run, sends one message at a time, to find the one that makes runs fail. */

/* with self->lock: TRUE if the run has failed at the last message. The stream has to end then, so
 * that a queue posts the error that it holds back. */
gboolean gst_kafka_careful_has_failed (GstKafkaConsumer *self);
/* with self->lock: TRUE while the next message must not be read yet */
gboolean gst_kafka_careful_must_wait (GstKafkaConsumer *self);
/* On the streaming thread while it waits, without the lock. */
void gst_kafka_careful_look (GstKafkaConsumer *self);
/* @fetched goes downstream next: writes down that it is alone, or that it is
 * condemned. Without the lock. */
void gst_kafka_careful_begin (GstKafkaConsumer *self, GstKafkaFetched *fetched);

/* with self->lock: adds to @list, offsets to commit, the metadata of each partition for a run that
 * goes on */
void gst_kafka_careful_describe (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list);
/* with self->lock; (transfer full) (nullable): the last offsets to commit in this run, for all
 * partitions or for those that leave */
rd_kafka_topic_partition_list_t *gst_kafka_careful_take_last (
    GstKafkaConsumer *self, const GstKafkaFlow *flow, gboolean leaving_only);

G_END_DECLS
