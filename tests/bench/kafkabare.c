/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least that librdkafka requires of a program: frames are referenced until their report, and
 * messages are read in the client's memory. */
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "kafkaclient.h"

#define WAIT_MS 1000

/* librdkafka's options as kafkasink sets them, including the limit of the queue. */
static const gchar *const like_kafkasink[][2] = {
    {"acks", "all"},
    {"linger.ms", "0"},
    {"message.max.bytes", "1000000"},
    {"message.copy.max.bytes", "4096"},
    {"queue.buffering.max.kbytes", "65536"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
};

static const Job *job;
static rd_kafka_t *rk;

static void
set (rd_kafka_conf_t *conf, const gchar *name, const gchar *value)
{
  gchar said[256];

  if (rd_kafka_conf_set (conf, name, value, said, sizeof said) != RD_KAFKA_CONF_OK)
    g_error ("bare loop: %s", said);
}

static rd_kafka_t *
new_client (rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
  gchar said[256];
  rd_kafka_t *client;

  set (conf, "bootstrap.servers", job->servers);
  for (gchar **option = job->options; option && *option; option++) {
    g_auto (GStrv) pair = g_strsplit (*option, "=", 2);

    set (conf, pair[0], pair[1]);
  }
  client = rd_kafka_new (type, conf, said, sizeof said);
  if (!client)
    g_error ("bare loop: %s", said);
  return client;
}

/* --- producing --- */

static void
look_at_report (rd_kafka_t *client, const rd_kafka_message_t *message, gpointer user_data)
{
  if (message->err)
    g_error ("bare loop: %s", rd_kafka_err2str (message->err));
}

static void
open_bare (const Job *j)
{
  rd_kafka_conf_t *conf = rd_kafka_conf_new ();

  job = j;
  rd_kafka_conf_set_dr_msg_cb (conf, look_at_report);
  for (guint i = 0; i < G_N_ELEMENTS (like_kafkasink); i++)
    set (conf, like_kafkasink[i][0], like_kafkasink[i][1]);
  rk = new_client (RD_KAFKA_PRODUCER, conf);
}

static void
add_number (rd_kafka_headers_t *headers, const gchar *name, guint64 number)
{
  gchar text[20];
  gchar *first = text + sizeof text;

  do
    *--first = '0' + number % 10;
  while (number /= 10);
  rd_kafka_header_add (headers, name, -1, first, text + sizeof text - first);
}

static rd_kafka_headers_t *
make_headers (gint i, gint64 captured)
{
  rd_kafka_headers_t *headers = rd_kafka_headers_new (8);

  rd_kafka_header_add (headers, "camera", -1, HEADER_CAMERA, -1);
  rd_kafka_header_add (headers, "session", -1, HEADER_SESSION, -1);
  add_number (headers, "seq", i);
  add_number (headers, "capture-time", captured * 1000);
  rd_kafka_header_add (headers, "gst-caps", -1, HEADER_CAPS, -1);
  add_number (headers, "gst-pts", i * GST_SECOND / 30);
  add_number (headers, "gst-duration", GST_SECOND / 30);
  return headers;
}

static void
send_bare (guint8 *frame, gint i)
{
  gint64 captured = g_get_real_time ();
  const rd_kafka_vu_t values[] = {
      {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = job->topic},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = i % job->partitions},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {frame, job->size}},
      {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = captured / 1000},
      {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = make_headers (i, captured)},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
  };
  rd_kafka_error_t *error;

  while ((error = rd_kafka_produceva (rk, values, G_N_ELEMENTS (values)))) {
    if (rd_kafka_error_code (error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      g_error ("bare loop: %s", rd_kafka_error_string (error));
    rd_kafka_error_destroy (error);
    rd_kafka_poll (rk, WAIT_MS);
  }
  rd_kafka_poll (rk, 0);
}

static void
wait_bare (void)
{
  while (rd_kafka_outq_len (rk) > 0)
    rd_kafka_poll (rk, WAIT_MS);
}

void
bare_close (void)
{
  rd_kafka_destroy (rk);
}

const Producer bare_producer = {open_bare, send_bare, wait_bare, bare_close};

/* --- consuming --- */

static void
assign_all (void)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (job->partitions);

  for (gint i = 0; i < job->partitions; i++)
    rd_kafka_topic_partition_list_add (list, job->topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign (rk, list);
  rd_kafka_topic_partition_list_destroy (list);
}

static void
read_headers (const rd_kafka_message_t *message)
{
  rd_kafka_headers_t *headers;
  const gchar *name;
  const void *value;
  size_t size;
  size_t i = 0;

  if (rd_kafka_message_headers (message, &headers))
    g_error ("bare loop: no headers");
  while (!rd_kafka_header_get_all (headers, i, &name, &value, &size))
    i++;
}

/* Spins in place of a program's work with a message, without touching memory. */
static void
work (void)
{
  gint64 end = now_ns () + job->work;

  while (now_ns () < end)
    ;
}

void
bare_open (const Job *j)
{
  rd_kafka_conf_t *conf = rd_kafka_conf_new ();

  job = j;
  set (conf, "group.id", "bench");
  set (conf, "enable.auto.commit", "false");
  rk = new_client (RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer (rk);
  assign_all ();
}

rd_kafka_message_t *
bare_read (void)
{
  rd_kafka_message_t *message;

  do
    message = rd_kafka_consumer_poll (rk, WAIT_MS);
  while (!message);
  if (message->err)
    g_error ("bare loop: %s", rd_kafka_message_errstr (message));
  if (job->headers || job->source)
    read_headers (message);
  if (job->work)
    work ();
  return message;
}

void
bare_consume (const Job *j, Tally *tally)
{
  gboolean enough = FALSE;

  bare_open (j);
  while (!enough) {
    rd_kafka_message_t *message = bare_read ();

    enough = tally_add (tally, message->payload, message->len);
    rd_kafka_message_destroy (message);
  }
  bare_close ();
}
