/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "src/consumer/gstkafkaconsumer.h"

G_BEGIN_DECLS

/* Reads a recorded topic in the order of capture over all partitions, from any time on. Streaming
 * thread only, except set_flushing(), the duration and the stats. No call blocks much longer than a
 * second. */
typedef struct _GstKafkaReplay GstKafkaReplay;

/* Takes ownership of @conf and @settings. */
GstKafkaReplay *gst_kafka_replay_new (
    rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error);
void gst_kafka_replay_free (GstKafkaReplay *self);

/**
 * gst_kafka_replay_open:
 *
 * Looks up the partitions and their ends. Call it again after %GST_KAFKA_READ_FLUSHING.
 *
 * Returns: %GST_KAFKA_READ_MESSAGE when it is open, %GST_KAFKA_READ_FAILED with @error
 */
GstKafkaRead gst_kafka_replay_open (GstKafkaReplay *self, GError **error);

/* The next read returns the first message captured at @time or later (since the beginning of the
 * recording), or with delta-coded video the key unit before it. Reading ends when no message before
 * @stop can follow (%GST_CLOCK_TIME_NONE: at the end). */
void gst_kafka_replay_seek (GstKafkaReplay *self, GstClockTime time, GstClockTime stop);

/* @pts and @dts, which needn't be known: since the begin of the recording. @fetched comes without a
 * ledger. */
GstKafkaRead gst_kafka_replay_read (GstKafkaReplay *self, GstKafkaFetched *fetched,
    GstClockTime *pts, GstClockTime *dts, GError **error);

void gst_kafka_replay_set_flushing (GstKafkaReplay *self, gboolean flushing);
/* Adds `lost` and `damaged`. For any thread. */
void gst_kafka_replay_add_stats (GstKafkaReplay *self, GstStructure *stats);
/* %GST_CLOCK_TIME_NONE until it is known. */
GstClockTime gst_kafka_replay_get_duration (GstKafkaReplay *self);

G_END_DECLS
