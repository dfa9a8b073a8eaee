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

/**
 * gst_kafka_reset_ask:
 * @from: an offset that the broker has just refused; negative: there is none
 * @timeout_ms: for each of two requests
 *
 * Asks the broker what it has, and decides. @from is taken for beyond the newest unless it is older
 * than the oldest: with transactions the newest message may not be readable yet.
 */
rd_kafka_resp_err_t gst_kafka_reset_ask (GstKafkaResetPolicy policy, rd_kafka_t *rk,
    const gchar *topic, gint partition, gint64 from, gint timeout_ms, GstKafkaReset *reset);

/* The stream is to end. */
gboolean gst_kafka_reset_is_error (const GstKafkaReset *self, GstKafkaResetPolicy policy);
/* (transfer full): what happened, for a person. */
gchar *gst_kafka_reset_describe (const GstKafkaReset *self, const gchar *topic, gint partition);
/* (transfer full): GST_RESOURCE_ERROR_READ */
GError *gst_kafka_reset_to_error (const GstKafkaReset *self, const gchar *topic, gint partition);
/* Makes the library read on at @offset, which a seek doesn't do once a place was
 * refused. Not for eager groups. */
void gst_kafka_reset_reassign (rd_kafka_t *rk, const gchar *topic, gint partition, gint64 offset);
void gst_kafka_reset_warn (
    const GstKafkaReset *self, GstElement *element, const gchar *topic, gint partition);

G_END_DECLS
