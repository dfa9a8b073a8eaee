/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumer.h"

G_BEGIN_DECLS

/**
 * gst_kafka_message_to_buffer:
 * @fetched: taken over
 *
 * Returns: (transfer full): a buffer of the message's own bytes, uncopied, with its #GstKafkaMeta, flags and
 *   duration. A message without a value becomes an empty buffer, flagged as a gap.
 */
GstBuffer *gst_kafka_message_to_buffer (GstKafkaFetched *fetched);

/* When the content was captured, in ns since the Unix epoch: its header says, else Kafka's timestamp. */
GstClockTime gst_kafka_message_get_capture_time (GstBuffer *buffer);

/* Whether it can't be decoded without those before it. */
gboolean gst_kafka_message_is_delta_unit (const rd_kafka_message_t *message);
/* Whether its header says so; a %NULL @camera means any message. */
gboolean gst_kafka_message_is_of_camera (const rd_kafka_message_t *message, const gchar *camera);

G_END_DECLS
