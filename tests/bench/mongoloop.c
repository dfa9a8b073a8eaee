/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A minimal program that moves documents from Kafka to MongoDB with librdkafka and libmongoc only.
 * tests/bench/mongo compares mongosink with it.
 *   MONGODB_URI=… bench-mongoloop bulk|single BOOTSTRAP TOPIC COLLECTION
 *   bulk: inserts up to 500 documents at a time, stops at the end of the topic, and prints the
 *     wall-clock and CPU seconds since the first message
 *   single: inserts one document at a time, until a signal */
#include <glib.h>
#include <librdkafka/rdkafka.h>
#include <mongoc/mongoc.h>
#include <string.h>

#include "cputime.h"

#define BATCH 500

static rd_kafka_t *
open_consumer (const gchar *bootstrap, const gchar *topic, const gchar *group)
{
  const gchar *settings[][2] = {{"bootstrap.servers", bootstrap}, {"group.id", group},
      {"auto.offset.reset", "earliest"}, {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", "true"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new ();
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new (1);
  rd_kafka_t *consumer;
  char error[512];

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (rd_kafka_conf_set (conf, settings[i][0], settings[i][1], error, sizeof error))
      g_error ("%s", error);
  if (!(consumer = rd_kafka_new (RD_KAFKA_CONSUMER, conf, error, sizeof error)))
    g_error ("%s", error);
  rd_kafka_poll_set_consumer (consumer);
  rd_kafka_topic_partition_list_add (topics, topic, RD_KAFKA_PARTITION_UA);
  if (rd_kafka_subscribe (consumer, topics))
    g_error ("can't subscribe to %s", topic);
  rd_kafka_topic_partition_list_destroy (topics);
  return consumer;
}

static bson_t *
parse (const rd_kafka_message_t *message)
{
  bson_error_t error;
  bson_t *document = bson_new_from_json (message->payload, (gssize) message->len, &error);

  if (!document)
    g_error ("%s", error.message);
  return document;
}

/* All documents of a batch are stored, by this run or an earlier one, so the offsets may be
 * committed. */
static void
settle (GPtrArray *messages)
{
  for (guint i = 0; i < messages->len; i++) {
    const rd_kafka_message_t *message = g_ptr_array_index (messages, i);

    rd_kafka_offset_store (message->rkt, message->partition, message->offset);
  }
  g_ptr_array_set_size (messages, 0);
}

static void
insert (mongoc_collection_t *collection, GPtrArray *messages)
{
  bson_t *unordered = BCON_NEW ("ordered", BCON_BOOL (false));
  mongoc_bulk_operation_t *bulk =
      mongoc_collection_create_bulk_operation_with_opts (collection, unordered);
  bson_error_t error;
  bson_t reply;

  for (guint i = 0; i < messages->len; i++) {
    bson_t *document = parse (g_ptr_array_index (messages, i));

    mongoc_bulk_operation_insert (bulk, document);
    bson_destroy (document);
  }
  if (!mongoc_bulk_operation_execute (bulk, &reply, &error) && error.code != 11000)
    g_error ("%s", error.message);
  bson_destroy (&reply);
  mongoc_bulk_operation_destroy (bulk);
  bson_destroy (unordered);
  settle (messages);
}

/* Counts the partitions that were read to the end. TRUE: a message came. */
static gboolean
take (rd_kafka_t *consumer, GPtrArray *messages, guint *ends)
{
  rd_kafka_message_t *message = rd_kafka_consumer_poll (consumer, 50);

  if (message && !message->err) {
    g_ptr_array_add (messages, message);
    return TRUE;
  }
  if (message) {
    *ends += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    rd_kafka_message_destroy (message);
  }
  return FALSE;
}

static void
run_bulk (rd_kafka_t *consumer, mongoc_collection_t *collection)
{
  g_autoptr (GPtrArray) messages =
      g_ptr_array_new_with_free_func ((GDestroyNotify) rd_kafka_message_destroy);
  guint ends = 0;
  gint64 start = 0;
  gdouble cpu = 0;

  while (!ends) {
    while (messages->len < BATCH && take (consumer, messages, &ends))
      if (!start) {
        start = g_get_monotonic_time ();
        cpu = cpu_now ();
      }
    if (messages->len)
      insert (collection, messages);
  }
  g_print (
      "%f %f\n", (gdouble) (g_get_monotonic_time () - start) / G_USEC_PER_SEC, cpu_now () - cpu);
}

static void
run_single (rd_kafka_t *consumer, mongoc_collection_t *collection)
{
  g_autoptr (GPtrArray) messages =
      g_ptr_array_new_with_free_func ((GDestroyNotify) rd_kafka_message_destroy);
  bson_error_t error;
  guint ends = 0;

  for (;;) {
    bson_t *document;

    if (!take (consumer, messages, &ends))
      continue;
    document = parse (g_ptr_array_index (messages, 0));
    if (!mongoc_collection_insert_one (collection, document, NULL, NULL, &error) &&
        error.code != 11000)
      g_error ("%s", error.message);
    bson_destroy (document);
    settle (messages);
  }
}

int
main (int argc, char **argv)
{
  mongoc_client_t *client;
  mongoc_collection_t *collection;
  rd_kafka_t *consumer;

  if (argc < 5 || !g_getenv ("MONGODB_URI")) {
    g_printerr ("usage: MONGODB_URI=… bench-mongoloop bulk|single BOOTSTRAP TOPIC COLLECTION\n");
    return 2;
  }
  mongoc_init ();
  client = mongoc_client_new (g_getenv ("MONGODB_URI"));
  collection = mongoc_client_get_collection (client, "bench", argv[4]);
  consumer = open_consumer (argv[2], argv[3], argv[4]);
  if (strcmp (argv[1], "single") == 0)
    run_single (consumer, collection);
  else
    run_bulk (consumer, collection);
  rd_kafka_consumer_close (consumer);
  rd_kafka_destroy (consumer);
  mongoc_collection_destroy (collection);
  mongoc_client_destroy (client);
  return 0;
}
