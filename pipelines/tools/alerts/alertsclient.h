/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkaclient.h"
#include "livesettings.h"

G_BEGIN_DECLS

/* A Kafka client with the settings of the stages, which explains librdkafka's errors in
 * sentences. */
typedef struct {
  GstKafkaFault *fault; /* the client's errors; its user_data is this AlertsClient */
  rd_kafka_t *rk;
  gchar *said;       /* (nullable): the last error that was logged; NULL: there is no error */
  gint64 complained; /* monotonic time of the last error, us */
} AlertsClient;

/* @options: as in gst_kafka_conf_new(); @delivered: (nullable): callback for a producer's delivery
 * reports */
gboolean alerts_client_open (AlertsClient *self, const LiveSource *source, rd_kafka_type_t type,
    const GstKafkaOption *options,
    void (*delivered) (rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque),
    GError **error);
void alerts_client_close (AlertsClient *self);

/* Logs the error, unless the same error was logged already and alerts_client_recover() wasn't
 * called since. @tried: as in gst_kafka_error_new() */
void alerts_client_complain (AlertsClient *self, const gchar *tried, rd_kafka_resp_err_t err);
void alerts_client_recover (AlertsClient *self, const gchar *tried);
/* (transfer full) */
GError *alerts_client_explain (AlertsClient *self, const gchar *tried, rd_kafka_resp_err_t err);

G_END_DECLS
