/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumerprivate.h"

G_BEGIN_DECLS

/* After a failed run: one message at a time, so that the one that makes runs fail is found. */

/* with self->lock: the run has failed at the message that went last. The stream is to end, so that
 * a queue posts the error that it keeps. */
gboolean gst_kafka_careful_has_failed (GstKafkaConsumer *self);
/* with self->lock: the next message isn't to be read yet */
gboolean gst_kafka_careful_must_wait (GstKafkaConsumer *self);
/* While it waits, for the streaming thread, without the lock. */
void gst_kafka_careful_look (GstKafkaConsumer *self);
/* @fetched goes downstream next: writes down that it is alone, or that it is
 * condemned. Without the lock. */
void gst_kafka_careful_begin (GstKafkaConsumer *self, GstKafkaFetched *fetched);

/* with self->lock: writes into @list, of offsets to commit, what a run that
 * goes on knows of each partition */
void gst_kafka_careful_describe (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list);
/* (transfer full) (nullable): with self->lock, the last offsets of this run, of all
 * partitions or those that leave */
rd_kafka_topic_partition_list_t *gst_kafka_careful_take_last (
    GstKafkaConsumer *self, const GstKafkaFlow *flow, gboolean leaving_only);

G_END_DECLS
