/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkaconnections.h"

G_BEGIN_DECLS

/* A broker lets the client wait, because the client exceeds a quota. */
typedef struct {
  gint32 broker; /* the broker's id */
  gint ms;
  gint64 noted; /* monotonic us */
} GstKafkaWait;

/* Remembers the most informative of librdkafka's errors since gst_kafka_fault_forget(): a refused
 * password says more than the "all brokers down" that follows it. Any thread may use this memory of
 * errors. librdkafka's own threads use it until the client is destroyed, so the owner of the client
 * must hold a reference until then. */
typedef struct {
  gatomicrefcount refs;
  /* the owner of the client, for callbacks that run while the owner polls the client */
  gpointer user_data;
  GstKafkaConnections *connections;
  GMutex lock; /* guards all fields below */
  rd_kafka_resp_err_t err;
  gchar *detail;
  gchar *tls_cause; /* OpenSSL's error text, most of which librdkafka drops */
  gchar *ca_file;   /* ssl.ca.location; set by gst_kafka_client_new() */
  GArray *waits; /* of GstKafkaWait: the last wait for each broker that has made the client wait */
  gint longest_ms; /* the longest time for which a broker let the client wait, ms */
  gboolean throttling_told;
} GstKafkaFault;

/* @congestion_control: (nullable): as for gst_kafka_connections_new() */
GstKafkaFault *gst_kafka_fault_new (gpointer user_data, const gchar *congestion_control);
GstKafkaFault *gst_kafka_fault_ref (GstKafkaFault *fault);
void gst_kafka_fault_unref (GstKafkaFault *fault);
/* Returns the user_data of a fault that a callback of librdkafka gets as its opaque pointer. Only
 * callbacks that run while the client's owner calls librdkafka may use the user_data. */
gpointer gst_kafka_fault_get_user_data (gpointer fault);
/* Remembers an error that librdkafka reported to an error callback, and returns a more exact code
 * for this error. */
rd_kafka_resp_err_t gst_kafka_fault_note (
    GstKafkaFault *fault, rd_kafka_resp_err_t err, const gchar *detail);
/* Returns the remembered error, or 0 if there is none. @detail: (out) (optional) (nullable)
 * (transfer full): librdkafka's text for the error */
rd_kafka_resp_err_t gst_kafka_fault_get (GstKafkaFault *fault, gchar **detail);
void gst_kafka_fault_forget (GstKafkaFault *fault);

/* Remembers a line of librdkafka's log if it explains a failure of TLS. */
void gst_kafka_fault_note_log (GstKafkaFault *fault, const gchar *facility, const gchar *text);
/* Returns: (nullable) (transfer full): OpenSSL's text for the last TLS failure */
gchar *gst_kafka_fault_dup_tls_cause (GstKafkaFault *fault);
/* Notes that a broker lets this client wait for @ms milliseconds; 0: the client doesn't wait for
 * this broker any more. */
void gst_kafka_fault_note_throttling (GstKafkaFault *fault, gint32 broker, gint ms);
/* Notes that the client was replaced by a new one, which waits for no broker. */
void gst_kafka_fault_forget_throttling (GstKafkaFault *fault);
/* Posts a warning, once, when the brokers let this client wait for a second or more, because it
 * exceeds a quota. @quota: the name of the quota that slows this kind of element down */
void gst_kafka_fault_warn_of_throttling (
    GstKafkaFault *fault, GstElement *element, const gchar *quota);
/* Returns the longest time for which a broker lets this client wait at present, ns. */
guint64 gst_kafka_fault_get_throttle_time (GstKafkaFault *fault);
/* Makes @fault the opaque pointer of @conf, and from then on records in @fault why a certificate is
 * refused, and which connections are open. */
void gst_kafka_fault_watch (GstKafkaFault *fault, rd_kafka_conf_t *conf);

G_END_DECLS
