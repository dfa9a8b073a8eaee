/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "src/consumer/gstkafkaconsumer.h"

G_BEGIN_DECLS

/**
 * gst_kafka_message_to_buffer:
 * @fetched: (transfer full):
 *
 * Returns: (transfer full): a buffer of the message's own bytes, uncopied, with its #GstKafkaMeta,
 * flags and duration. A message without a value becomes an empty buffer, flagged as a gap.
 */
GstBuffer *gst_kafka_message_to_buffer (GstKafkaFetched *fetched);

/* Returns the capture time in ns since the Unix epoch: the header `capture-time` if it is plausible
 * (not before 2000, less than an hour ahead of Kafka's timestamp), else Kafka's timestamp.
 * %GST_CLOCK_TIME_NONE: not known */
GstClockTime gst_kafka_message_get_capture_time (const rd_kafka_message_t *message);

/* Returns whether a decoder needs earlier messages too. */
gboolean gst_kafka_message_is_delta_unit (const rd_kafka_message_t *message);
/* Returns whether the message is a header of the stream, such as Theora's, which has no time of its
 * own. */
gboolean gst_kafka_message_is_header (const rd_kafka_message_t *message);
/* The header `seq`. FALSE: it has none */
gboolean gst_kafka_message_get_seq (const rd_kafka_message_t *message, guint64 *seq);
/* Returns the duration in ns, at most an hour; 0: not known */
GstClockTime gst_kafka_message_get_duration (const rd_kafka_message_t *message);
/* Returns whether both messages are of one session of one camera. */
gboolean gst_kafka_message_is_of_session (const rd_kafka_message_t *a, const rd_kafka_message_t *b);
/* Sets @before to the time from the message's DTS to its PTS, in ns, at most an hour. Returns FALSE
 * if the message's headers don't say it. */
gboolean gst_kafka_message_get_reorder (
    const rd_kafka_message_t *message, GstClockTimeDiff *before);
/* Returns whether the message's header `camera` is @camera; %NULL matches any message. */
gboolean gst_kafka_message_is_of_camera (const rd_kafka_message_t *message, const gchar *camera);

G_END_DECLS
