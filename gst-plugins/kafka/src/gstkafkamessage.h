/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkabuffers.h"
#include "gstkafkameta.h"
#include "src/consumer/gstkafkaconsumer.h"

G_BEGIN_DECLS

/* The headers of frames, in the order in which kafkasink writes them. */
typedef enum {
  GST_KAFKA_USED_CAMERA,
  GST_KAFKA_USED_SESSION,
  GST_KAFKA_USED_SEQ,
  GST_KAFKA_USED_CAPTURE_TIME,
  GST_KAFKA_USED_CAPS,
  GST_KAFKA_USED_PTS,
  GST_KAFKA_USED_DURATION,
  GST_KAFKA_USED_FLAGS,
  GST_KAFKA_N_USED,
} GstKafkaUsed;

/* The headers of one message, read once. The texts of the headers belong to the message, and later
 * to the buffer that is made from it. */
typedef struct {
  guint n;
  /* the last header of each name; NULL: the message has none */
  const GstKafkaHeader *used[GST_KAFKA_N_USED];
  /* all headers, except those whose name isn't UTF-8 */
  GstKafkaHeader *all;
  /* space for the headers of usual messages, so that no memory is allocated for them */
  GstKafkaHeader usual[16];
} GstKafkaMessageHeaders;

void gst_kafka_message_read_headers (
    const rd_kafka_message_t *message, GstKafkaMessageHeaders *headers);
void gst_kafka_message_headers_clear (GstKafkaMessageHeaders *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstKafkaMessageHeaders, gst_kafka_message_headers_clear)

/**
 * gst_kafka_message_to_buffer:
 * @fetched: (transfer full): the message and the objects that are needed to free it
 * @buffers: the free buffers of the run
 * @headers: the headers of the message
 *
 * Returns: (transfer full): a buffer of the message's own bytes, uncopied, with its #GstKafkaMeta,
 * flags and duration. A message without a value becomes an empty buffer, flagged as a gap.
 */
GstBuffer *gst_kafka_message_to_buffer (
    GstKafkaFetched *fetched, GstKafkaBuffers *buffers, const GstKafkaMessageHeaders *headers);

/* Returns the capture time in ns since the Unix epoch: the header `capture-time` if it is plausible
 * (not before 2000, less than an hour ahead of Kafka's timestamp), else Kafka's timestamp.
 * %GST_CLOCK_TIME_NONE: not known */
GstClockTime gst_kafka_message_get_capture_time (const rd_kafka_message_t *message);
/* Like gst_kafka_message_get_capture_time(). @header: (nullable): the message's last header
 * `capture-time` */
GstClockTime gst_kafka_message_parse_capture_time (
    const rd_kafka_message_t *message, const GstKafkaHeader *header);

/* Returns whether a decoder needs earlier messages to decode this message. */
gboolean gst_kafka_message_is_delta_unit (const rd_kafka_message_t *message);
/* Returns whether the message is a header of the stream, such as Theora's, which has no time of its
 * own. */
gboolean gst_kafka_message_is_header (const rd_kafka_message_t *message);
/* Sets @seq to the value of the header `seq`. Returns FALSE if the message has no valid header
 * `seq`. */
gboolean gst_kafka_message_get_seq (const rd_kafka_message_t *message, guint64 *seq);
/* Returns the duration in ns, at most an hour; 0: not known */
GstClockTime gst_kafka_message_get_duration (const rd_kafka_message_t *message);
/* Returns whether both messages are of one session of one camera. */
gboolean gst_kafka_message_is_of_session (const rd_kafka_message_t *a, const rd_kafka_message_t *b);
/* Sets @before to the time from the message's DTS to its PTS, in ns, at most an hour. Returns FALSE
 * if the message's headers don't have both times. */
gboolean gst_kafka_message_get_reorder (
    const rd_kafka_message_t *message, GstClockTimeDiff *before);
/* Returns whether the message's header `camera` is @camera; %NULL matches any message. */
gboolean gst_kafka_message_is_of_camera (const rd_kafka_message_t *message, const gchar *camera);
/* Returns whether the value of @header (nullable) is @text. */
gboolean gst_kafka_message_header_is (const GstKafkaHeader *header, const gchar *text);

G_END_DECLS
