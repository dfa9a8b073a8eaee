/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumer.h"

G_BEGIN_DECLS

/* The existing partitions of the topics that the user has named. */
typedef struct {
  rd_kafka_topic_partition_list_t *list; /* the wanted partitions */
  GHashTable *counts;                    /* maps a topic's name to its number of partitions */
  GHashTable *brokers;                   /* maps a broker's address, as host:port, to its id */
  gchar *missing;                        /* text about a missing topic or partition; NULL: none */
  rd_kafka_resp_err_t refused; /* the reason why a topic can't be read; 0: all can be read */
  gchar *refused_topic;        /* the topic that can't be read */
  /* set by the caller to query all topics, so that librdkafka checks a group's patterns again */
  gboolean all;
  gchar **read; /* (nullable): set by the caller: the topics that were read before */
} GstKafkaDiscovery;

/* Queries the brokers for the partitions of the topics. The caller has to clear @self in any
 * case. */
rd_kafka_resp_err_t gst_kafka_discover (rd_kafka_t *rk, const GstKafkaConsumerSettings *settings,
    gint timeout_ms, GstKafkaDiscovery *self);
/* Adds to @brokers, which maps a broker's address to its id, the brokers in the answer. */
void gst_kafka_discovery_note_brokers (GHashTable *brokers, const rd_kafka_metadata_t *metadata);
/* Returns: (transfer full): the address of a broker, as librdkafka writes it */
gchar *gst_kafka_discovery_name_broker (const rd_kafka_metadata_broker_t *broker);
/* Returns: (transfer full): a text about the topic that can't be read */
gchar *gst_kafka_discovery_explain_refusal (const GstKafkaDiscovery *self);
void gst_kafka_discovery_clear (GstKafkaDiscovery *self);

G_END_DECLS
