/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Remembers the most informative of librdkafka's errors since gst_kafka_fault_forget(): a refused
 * password says more than the "all brokers down" that follows it. Any thread may use the fault
 * memory. */
typedef struct {
  GMutex lock; /* guards all below */
  rd_kafka_resp_err_t err;
  gchar *detail;
  gchar *tls_cause; /* OpenSSL's error text, most of which librdkafka drops */
  gchar *ca_file;   /* ssl.ca.location; set by gst_kafka_client_new() */
} GstKafkaFault;

void gst_kafka_fault_init (GstKafkaFault *fault);
void gst_kafka_fault_clear (GstKafkaFault *fault);
/* For an error callback: remembers the error and returns a more exact code for it. */
rd_kafka_resp_err_t gst_kafka_fault_note (
    GstKafkaFault *fault, rd_kafka_resp_err_t err, const gchar *detail);
/* @detail: (out) (optional) (nullable) (transfer full). Returns: the error, 0 for none. */
rd_kafka_resp_err_t gst_kafka_fault_get (GstKafkaFault *fault, gchar **detail);
void gst_kafka_fault_forget (GstKafkaFault *fault);

/* Remembers a line of librdkafka's log if it explains a failure of TLS. */
void gst_kafka_fault_note_log (GstKafkaFault *fault, const gchar *facility, const gchar *text);
/* (nullable) (transfer full) */
gchar *gst_kafka_fault_dup_tls_cause (GstKafkaFault *fault);
/* Makes @fault the opaque of @conf, and records in it why a certificate is refused. */
void gst_kafka_fault_watch (GstKafkaFault *fault, rd_kafka_conf_t *conf);

G_END_DECLS
