/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Chooses the new position of a reader whose position doesn't exist in the partition. */

/**
 * GstKafkaSrcOffsetReset:
 * @GST_KAFKA_RESET_LATEST: continue with the next message that is published
 * @GST_KAFKA_RESET_EARLIEST: continue with the oldest message left
 * @GST_KAFKA_RESET_ERROR: end the stream with an error
 *
 * What happens if a reader has no position, or if its position doesn't exist: the values of
 * #GstKafkaSrc:auto-offset-reset.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_RESET_LATEST,
  GST_KAFKA_RESET_EARLIEST,
  GST_KAFKA_RESET_ERROR,
} GstKafkaSrcOffsetReset;

typedef enum {
  GST_KAFKA_RESET_NONE,     /* the position exists */
  GST_KAFKA_RESET_DELETED,  /* the position is older than the oldest message left */
  GST_KAFKA_RESET_BEYOND,   /* the position is newer than the newest message */
  GST_KAFKA_RESET_REPLACED, /* the log that was read was replaced by another log */
  GST_KAFKA_RESET_UNSET,    /* there is no position, because the group has committed no offset */
} GstKafkaResetReason;

typedef struct {
  GstKafkaResetReason reason;
  /* the former position: an offset; negative: a time was requested, or there was no position */
  gint64 from;
  gint64 to;   /* an offset */
  gint64 high; /* as in gst_kafka_reset_decide() */
  gint64 lost; /* number of deleted offsets between `from` and `to`; -1: not known */
} GstKafkaReset;

/* Chooses the new position. @from: the offset to read next. @low: the oldest existing offset;
 * @high: the offset after the newest message; -1: not known */
GstKafkaReset gst_kafka_reset_decide (
    GstKafkaSrcOffsetReset policy, gint64 from, gint64 low, gint64 high);

/* Returns TRUE if a reader at the offset @place can have requested the refused @offset. After a
 * damaged batch, librdkafka may request other offsets, which it derives from the payload. @place:
 * negative: not known. @high: the newest offset known */
gboolean gst_kafka_reset_was_asked (gint64 offset, gint64 place, gint64 high);

/**
 * gst_kafka_reset_ask:
 * @from: the offset to read next; negative: no position
 * @refused: TRUE if the broker has just refused @from
 * @timeout_ms: time limit for each of two requests
 *
 * Queries the broker for its offsets, and chooses the new position. A refused position that isn't
 * older than the oldest message counts as beyond the newest one, because with transactions the
 * newest message may not be readable yet.
 */
rd_kafka_resp_err_t gst_kafka_reset_ask (GstKafkaSrcOffsetReset policy, rd_kafka_t *rk,
    const gchar *topic, gint partition, gint64 from, gboolean refused, gint timeout_ms,
    GstKafkaReset *reset);

/**
 * gst_kafka_reset_ask_replaced:
 * @from: the offset to read next in the former log
 * @time: the time of the newest message read from the former log, ms since the Unix epoch;
 *   negative: none
 *
 * Chooses the position in a log that has replaced another log: a minute before @time, or the oldest
 * message if that is later. So a topic that was created again is read from its first message, and a
 * log whose newest messages a broker has lost isn't read from its oldest message.
 */
rd_kafka_resp_err_t gst_kafka_reset_ask_replaced (GstKafkaSrcOffsetReset policy, rd_kafka_t *rk,
    const gchar *topic, gint partition, gint64 from, gint64 time, gint timeout_ms,
    GstKafkaReset *reset);

/* Returns TRUE if @policy requires that the stream ends with an error. */
gboolean gst_kafka_reset_is_error (const GstKafkaReset *self, GstKafkaSrcOffsetReset policy);
/* Returns: (transfer full): a text for users that says what happened */
gchar *gst_kafka_reset_describe (const GstKafkaReset *self, const gchar *topic, gint partition);
/* Returns: (transfer full): a GST_RESOURCE_ERROR_READ that names the topic, the partition and the
 * position */
GError *gst_kafka_reset_to_error (const GstKafkaReset *self, const gchar *topic, gint partition);
/* Makes librdkafka continue at @offset after a refused position, where a seek would have no effect.
 * The function must not be called in a group with an eager assignor. */
void gst_kafka_reset_reassign (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset);
/* Makes librdkafka continue at @offset, and doesn't wait until it does. librdkafka drops the
 * messages prefetched from the partition. */
void gst_kafka_reset_seek (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset);
/* Returns the offset after the newest message that librdkafka knows of, but at least @known. */
gint64 gst_kafka_reset_get_high (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 known);
void gst_kafka_reset_warn (
    const GstKafkaReset *self, GstElement *element, const gchar *topic, gint partition);

G_END_DECLS
