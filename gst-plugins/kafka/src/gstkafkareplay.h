/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "src/consumer/gstkafkaconsumer.h"

G_BEGIN_DECLS

/* Reads a recorded topic in the order of capture over all partitions, beginning at any time. Only
 * the streaming thread may call these functions, except those for flushing, the duration and the
 * stats. No function blocks much longer than a second. */
typedef struct _GstKafkaReplay GstKafkaReplay;

/* Takes ownership of @conf and @settings. */
GstKafkaReplay *gst_kafka_replay_new (
    rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error);
void gst_kafka_replay_free (GstKafkaReplay *self);

/**
 * gst_kafka_replay_open:
 *
 * Looks up the partitions and their ends. Call the function again after %GST_KAFKA_READ_FLUSHING.
 *
 * Returns: %GST_KAFKA_READ_MESSAGE when the replay is open, %GST_KAFKA_READ_FAILED with @error
 */
GstKafkaRead gst_kafka_replay_open (GstKafkaReplay *self, GError **error);

/* Returns FALSE if @element, which replays a recording, can't carry out the seek @event. Logs the
 * reason, or posts it as a warning. To be called before the seek flushes anything. */
gboolean gst_kafka_replay_check_seek (GstElement *element, GstEvent *event);
/* Seeks: the next read returns the first message captured at the position of @segment (ns after the
 * beginning of the recording) or later, or with delta-coded video the key unit before this message.
 * Reading ends when no message before the stop of @segment can follow (%GST_CLOCK_TIME_NONE: at the
 * end). Returns FALSE if a replay can't play the segment, because a replay is played forward only,
 * and sought by time only. */
gboolean gst_kafka_replay_seek (GstKafkaReplay *self, GstSegment *segment);

/* Reads the next message. @fetched: (out): the message, without a ledger. @pts and @dts: (out):
 * times relative to the beginning of the recording; they may be unknown. */
GstKafkaRead gst_kafka_replay_read (GstKafkaReplay *self, GstKafkaFetched *fetched,
    GstClockTime *pts, GstClockTime *dts, GError **error);

void gst_kafka_replay_set_flushing (GstKafkaReplay *self, gboolean flushing);
/* Sets `lost`, `damaged`, `other-cameras` and `throttle-time`. Any thread may call this
 * function. */
void gst_kafka_replay_add_stats (GstKafkaReplay *self, GstStructure *stats);
/* Returns %GST_CLOCK_TIME_NONE until the duration is known. */
GstClockTime gst_kafka_replay_get_duration (GstKafkaReplay *self);

G_END_DECLS
