/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Classifies librdkafka's errors, and makes error messages from them. */

/* Returns TRUE if the brokers refuse access, so waiting doesn't help (a wrong password, a
 * certificate that isn't trusted). */
gboolean gst_kafka_error_is_refusal (rd_kafka_resp_err_t err);

/* Returns TRUE if a refusal now belongs to the last loss of access, because access came back only
 * some seconds ago. Shortly after access came back, an error of another connection may still
 * arrive, and one of several brokers may still refuse access that the other brokers grant.
 * @granted: the time when access came back, monotonic us; 0: access was never lost */
gboolean gst_kafka_is_same_loss (gint64 granted);

/* Returns TRUE if the error is temporary, and librdkafka tries again (an outage, an election, a
 * rebalance). */
gboolean gst_kafka_error_is_passing (rd_kafka_resp_err_t err);

/* Returns TRUE if the error means that a broker can't be reached, or hasn't answered in time. */
gboolean gst_kafka_error_is_unanswered (rd_kafka_resp_err_t err);

/* Returns TRUE if the error means that no answer came in time. */
gboolean gst_kafka_error_is_timeout (rd_kafka_resp_err_t err);

/* Posts @error (a GstResourceError of gst_kafka_conf_new() or gst_kafka_error_new()) with the
 * caller's file and line. */
#define gst_kafka_post_error(element, error, debug)                                                \
  gst_element_message_full ((element), GST_MESSAGE_ERROR, (error)->domain, (error)->code,          \
      g_strdup ((error)->message), g_strdup (debug), __FILE__, G_STRFUNC, __LINE__)

/**
 * gst_kafka_error_new:
 * @tried: the action and its object, as in "publish to topic \"camera\" at localhost:9092"
 * @err: librdkafka's code
 * @detail: (nullable): librdkafka's text, if it says more than the code
 * @fallback: the GStreamer error code to use, unless @err has a more exact one
 *
 * Authentication and certificate failures become NOT_AUTHORIZED, unknown topics NOT_FOUND. The
 * error message ends with advice on what to change.
 */
GError *gst_kafka_error_new (
    const gchar *tried, rd_kafka_resp_err_t err, const gchar *detail, GstResourceError fallback);

G_END_DECLS
