/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkaclient.h"
#include "livesettings.h"

G_BEGIN_DECLS

/* A Kafka client with the settings of the stages, and librdkafka's errors in words. */
typedef struct {
  GstKafkaFault fault; /* the first field: the client's callbacks get it as their opaque */
  rd_kafka_t *rk;
  gchar *said;       /* (nullable): the last error that was logged; NULL: all is well */
  gint64 complained; /* monotonic us: when an error came last */
} AlertsClient;

/* @options: as gst_kafka_conf_new() has them; @delivered: (nullable): a producer's reports */
gboolean alerts_client_open (AlertsClient *self, const LiveSource *source, rd_kafka_type_t type,
    const GstKafkaOption *options,
    void (*delivered) (rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque),
    GError **error);
void alerts_client_close (AlertsClient *self);

/* Logs the error once, until it is another one or alerts_client_recover(). @tried: as in
 * gst_kafka_error_new() */
void alerts_client_complain (AlertsClient *self, const gchar *tried, rd_kafka_resp_err_t err);
void alerts_client_recover (AlertsClient *self, const gchar *tried);
/* (transfer full) */
GError *alerts_client_explain (AlertsClient *self, const gchar *tried, rd_kafka_resp_err_t err);

G_END_DECLS
