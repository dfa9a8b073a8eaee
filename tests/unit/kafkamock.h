/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A Kafka cluster inside the test's own process. */

#include <gst/check/gstcheck.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define KAFKA_API_PRODUCE 0
#define KAFKA_API_FETCH 1
#define KAFKA_API_LIST_OFFSETS 2
#define KAFKA_API_METADATA 3
#define KAFKA_API_OFFSET_COMMIT 8
#define KAFKA_API_SYNC_GROUP 14

typedef struct {
  rd_kafka_t *rk;
  rd_kafka_mock_cluster_t *cluster;
  const gchar *servers;
} KafkaMock;

G_GNUC_UNUSED static void
kafka_mock_start (KafkaMock *mock, const gchar *topic, gint partitions)
{
  gchar said[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new ();

  rd_kafka_conf_set (conf, "log_level", "2", NULL, 0);
  mock->rk = rd_kafka_new (RD_KAFKA_PRODUCER, conf, said, sizeof said);
  fail_unless (mock->rk != NULL, "%s", said);
  mock->cluster = rd_kafka_mock_cluster_new (mock->rk, 1);
  fail_unless (mock->cluster != NULL);
  mock->servers = rd_kafka_mock_cluster_bootstraps (mock->cluster);
  if (topic)
    fail_if (rd_kafka_mock_topic_create (mock->cluster, topic, partitions, 1));
}

G_GNUC_UNUSED static void
kafka_mock_stop (KafkaMock *mock)
{
  rd_kafka_mock_cluster_destroy (mock->cluster);
  rd_kafka_destroy (mock->rk);
}

/* Sends one message, and waits until the cluster has stored it. @key: (nullable). @headers:
 * (nullable): names and values in turn, ended by NULL. @timestamp: time in ms since the epoch, or 0
 * for now. */
G_GNUC_UNUSED static void
kafka_mock_produce (KafkaMock *mock, const gchar *topic, gint partition, const gchar *key,
    gconstpointer value, gsize size, gint64 timestamp, const gchar *const *headers)
{
  gchar said[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new ();
  rd_kafka_headers_t *list = rd_kafka_headers_new (8);
  rd_kafka_t *rk;

  rd_kafka_conf_set (conf, "bootstrap.servers", mock->servers, NULL, 0);
  rd_kafka_conf_set (conf, "linger.ms", "0", NULL, 0);
  rk = rd_kafka_new (RD_KAFKA_PRODUCER, conf, said, sizeof said);
  fail_unless (rk != NULL, "%s", said);
  for (; headers && headers[0]; headers += 2)
    rd_kafka_header_add (list, headers[0], -1, headers[1], -1);
  fail_if (rd_kafka_producev (rk, RD_KAFKA_V_TOPIC (topic), RD_KAFKA_V_PARTITION (partition),
      RD_KAFKA_V_KEY (key, key ? strlen (key) : 0), RD_KAFKA_V_VALUE ((void *) value, size),
      RD_KAFKA_V_TIMESTAMP (timestamp), RD_KAFKA_V_HEADERS (list),
      RD_KAFKA_V_MSGFLAGS (RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
  fail_if (rd_kafka_flush (rk, 100000));
  rd_kafka_destroy (rk);
}

/* Returns a consumer of one partition, which reads from its first message on. */
G_GNUC_UNUSED static rd_kafka_t *
kafka_mock_consumer (KafkaMock *mock, const gchar *topic, gint partition)
{
  gchar said[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new ();
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);
  rd_kafka_t *rk;

  rd_kafka_conf_set (conf, "bootstrap.servers", mock->servers, NULL, 0);
  rd_kafka_conf_set (conf, "group.id", "check", NULL, 0);
  rd_kafka_conf_set (conf, "fetch.wait.max.ms", "10", NULL, 0);
  rk = rd_kafka_new (RD_KAFKA_CONSUMER, conf, said, sizeof said);
  fail_unless (rk != NULL, "%s", said);
  rd_kafka_topic_partition_list_add (list, topic, partition)->offset = 0;
  fail_if (rd_kafka_assign (rk, list));
  rd_kafka_topic_partition_list_destroy (list);
  return rk;
}

/* Returns the consumer's next message. Fails the test if no message comes within @seconds. */
G_GNUC_UNUSED static rd_kafka_message_t *
kafka_mock_next (rd_kafka_t *consumer, guint seconds)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) seconds * G_USEC_PER_SEC;

  while (g_get_monotonic_time () < deadline) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll (consumer, 100);

    if (message && !message->err)
      return message;
    if (message)
      rd_kafka_message_destroy (message);
  }
  fail ("no message came in %u s", seconds);
  return NULL;
}
