/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Where a reader goes on whose place isn't in its partition. */

typedef enum {
  GST_KAFKA_RESET_LATEST,
  GST_KAFKA_RESET_EARLIEST,
  GST_KAFKA_RESET_ERROR,
} GstKafkaResetPolicy;

typedef enum {
  GST_KAFKA_RESET_NONE,    /* the place is there */
  GST_KAFKA_RESET_DELETED, /* it is older than the oldest message */
  GST_KAFKA_RESET_BEYOND,  /* it is newer than the newest one */
  GST_KAFKA_RESET_UNSET,   /* there is no place: the group has committed none */
} GstKafkaResetReason;

typedef struct {
  GstKafkaResetReason reason;
  gint64 from; /* an offset; negative: a time, or no place at all */
  gint64 to;   /* an offset */
  gint64 high; /* as below */
  gint64 lost; /* offsets between the two that are gone; -1: not known */
} GstKafkaReset;

/* @from: the offset to read next. @low and @high: the first offset left, and the one
 * after the last; -1: not known */
GstKafkaReset gst_kafka_reset_decide (
    GstKafkaResetPolicy policy, gint64 from, gint64 low, gint64 high);

/* Whether a refused @offset can be one that was asked for by a reader at @place, with @high the
 * newest offset known; a negative @place isn't known. Behind a damaged batch the library asks
 * for what it takes for an offset in its payload. */
gboolean gst_kafka_reset_was_asked (gint64 offset, gint64 place, gint64 high);

/**
 * gst_kafka_reset_ask:
 * @from: the offset to read next; negative: there is none
 * @refused: the broker has just refused it
 * @timeout_ms: for each of two requests
 *
 * Asks the broker what it has, and decides. A refused place is taken for beyond the newest unless
 * it is older than the oldest: with transactions the newest message may not be readable yet.
 */
rd_kafka_resp_err_t gst_kafka_reset_ask (GstKafkaResetPolicy policy, rd_kafka_t *rk,
    const gchar *topic, gint partition, gint64 from, gboolean refused, gint timeout_ms,
    GstKafkaReset *reset);

/* The stream is to end. */
gboolean gst_kafka_reset_is_error (const GstKafkaReset *self, GstKafkaResetPolicy policy);
/* (transfer full): what happened, for a person. */
gchar *gst_kafka_reset_describe (const GstKafkaReset *self, const gchar *topic, gint partition);
/* (transfer full): GST_RESOURCE_ERROR_READ */
GError *gst_kafka_reset_to_error (const GstKafkaReset *self, const gchar *topic, gint partition);
/* Makes the library read on at @offset, which a seek doesn't do once a place was
 * refused. Not for eager groups. */
void gst_kafka_reset_reassign (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset);
/* Makes the library read on at @offset, without a wait: what it has read ahead is dropped by its
 * version. */
void gst_kafka_reset_seek (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset);
/* The offset after the newest message, as far as the library knows, at least @known. */
gint64 gst_kafka_reset_get_high (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 known);
void gst_kafka_reset_warn (
    const GstKafkaReset *self, GstElement *element, const gchar *topic, gint partition);

G_END_DECLS
