/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumer.h"

G_BEGIN_DECLS

/* Which partitions there are of the topics that a user names. */
typedef struct {
  rd_kafka_topic_partition_list_t *list; /* those that are wanted */
  GHashTable *counts;                    /* of each topic: name to number of partitions */
  gchar *missing;              /* a topic or partition that doesn't exist, in words; NULL: none */
  rd_kafka_resp_err_t refused; /* why a topic may not be read; 0: it may */
  gchar *refused_topic;        /* which one */
} GstKafkaDiscovery;

/* Asks the brokers. @self has to be cleared whatever the answer. */
rd_kafka_resp_err_t gst_kafka_discover (rd_kafka_t *rk, const GstKafkaConsumerSettings *settings,
    gint timeout_ms, GstKafkaDiscovery *self);
void gst_kafka_discovery_clear (GstKafkaDiscovery *self);

G_END_DECLS
