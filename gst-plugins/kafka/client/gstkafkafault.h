/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* The most telling error since the last one was forgotten: a refused password says more than the
 * "all brokers down" that follows it. From any thread. */
typedef struct {
  GMutex lock; /* guards all below */
  rd_kafka_resp_err_t err;
  gchar *detail;
  gchar *tls_cause; /* what OpenSSL said, of which the library hands on little */
} GstKafkaFault;

void gst_kafka_fault_init (GstKafkaFault *fault);
void gst_kafka_fault_clear (GstKafkaFault *fault);
/* What an error callback is told; returns the better code for it. */
rd_kafka_resp_err_t gst_kafka_fault_note (
    GstKafkaFault *fault, rd_kafka_resp_err_t err, const gchar *detail);
/* @detail: (out) (optional) (nullable) (transfer full). Returns: the error, 0 for none. */
rd_kafka_resp_err_t gst_kafka_fault_get (GstKafkaFault *fault, gchar **detail);
void gst_kafka_fault_forget (GstKafkaFault *fault);

/* A line of the library's log. */
void gst_kafka_fault_note_log (GstKafkaFault *fault, const gchar *facility, const gchar *text);
/* (nullable) (transfer full) */
gchar *gst_kafka_fault_dup_tls_cause (GstKafkaFault *fault);
/* Makes @fault the opaque of @conf and lets it see why a certificate is refused. */
void gst_kafka_fault_watch (GstKafkaFault *fault, rd_kafka_conf_t *conf);

G_END_DECLS
