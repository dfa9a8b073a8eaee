/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"
#include "gstkafkaproducer.h"

G_BEGIN_DECLS

/* How long one call into the client may last; every wait is cut into such pieces. */
#define GST_KAFKA_PRODUCER_SLICE_MS 100

typedef struct {
  guint64 delivered, delivered_bytes;
  guint64 dropped_upstream, dropped_downstream, undeliverable;
  guint64 rebuilds, resent;
  guint64 refused_batches; /* replaced by smaller ones */
  GstClockTime latency;    /* smoothed, hand-over to report */
} GstKafkaProducerCounters;

/* For gstkafkaproducer.c, which the element calls; below it gstkafkaproducerdelivery.c, for the
 * poller's thread, and gstkafkaproducercontact.c, for the connector's; and
 * gstkafkaproducerfailure.c, below these. */
struct _GstKafkaProducer {
  GstKafkaFault fault; /* since the last delivery; first: gst_kafka_client_new() */
  GstElement *element;
  rd_kafka_conf_t *conf; /* to make handles from */
  gchar *topic, *servers, *congestion_control;
  GstKafkaProducerConfig config;
  GThread *poller, *connector;
  GPtrArray
      *reported; /* of GstKafkaRecord, within one call of rd_kafka_poll(); for the poller alone */

  GMutex lock;
  GCond changed;
  /* with lock, all below; none of it is held while a message is posted or a buffer let go */
  rd_kafka_t *rk; /* NULL while it is replaced */
  guint lost;     /* records that left the queue for give_up(), which isn't done */
  guint rk_users; /* calls into rk under way on other threads than the poller */
  GstKafkaSendQueue queue;
  guint64 next_number, next_turn;
  guint64 batch_bytes; /* that a batch of the client has at most */
  gboolean shrinking;  /* as soon as nothing is in flight, a client with batch_bytes takes over */
  gboolean flushing, stopping, connected;
  gboolean failing, failed; /* an error is decided on; it has been posted */
  GstKafkaProducerCounters counters;
  GHashTable *delivered_topics; /* a set of names, where each record names its own */
  gint64 refused_since;         /* that access was lost, monotonic us; 0: it is as it should be */
  gint64 ask_again;             /* nothing is sent before, monotonic us */
  gboolean refused_connection, refusal_told;
  rd_kafka_resp_err_t refusal; /* this and the next: for the poller's thread alone */
  gchar *refusal_detail;
  /* Until the topic is made, as brokers would make it their way at the first record, and
   * until its limits are known. */
  gboolean held;
};
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaProducer, fault) == 0);

/* The poller's thread, without lock. */
gpointer gst_kafka_producer_poll_reports (gpointer self);
/* On the poller's thread, without lock, from rd_kafka_poll(). */
void gst_kafka_producer_note_report (
    rd_kafka_t *rk, const rd_kafka_message_t *message, gpointer self);
/* Without lock, before the poller's thread or on it. */
rd_kafka_t *gst_kafka_producer_new_handle (GstKafkaProducer *self, GError **error);
/* With lock, which is dropped meanwhile if there is bad news. From any thread. */
void gst_kafka_producer_hand_over_all (GstKafkaProducer *self);

/* gstkafkaproduceraccess.c */

/* With lock. TRUE: @err is about a right that there was, which is waited for.
 * @topic: NULL for the only one */
gboolean gst_kafka_producer_lose_access (
    GstKafkaProducer *self, const gchar *topic, rd_kafka_resp_err_t err);
/* Without lock, on the poller's thread: the password or the certificate isn't accepted any more. */
void gst_kafka_producer_lose_connection (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *detail);
/* Without lock, on the poller's thread: the idempotent client ends when a right is
 * missing. FALSE: a new one may try. */
gboolean gst_kafka_producer_is_ended_by_refusal (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *reason);
/* With lock: a record was delivered. */
void gst_kafka_producer_regain_access (GstKafkaProducer *self, const gchar *topic);
/* Without lock, on the poller's thread. */
void gst_kafka_producer_watch_access (GstKafkaProducer *self);

/* The connector's thread, without lock. */
gpointer gst_kafka_producer_make_contact (gpointer self);
/* Without lock; gst_kafka_query_topic() with the handle of the moment.
 * FALSE if there is none, too. */
gboolean gst_kafka_producer_query_topic (
    GstKafkaProducer *self, const gchar *topic, rd_kafka_resp_err_t *topic_err);

/* With lock. TRUE: only the first failure is told, and this is it. */
gboolean gst_kafka_producer_take_failure (GstKafkaProducer *self);
/* Without lock. Who waits learns of the failure after it has been posted, or upstream's complaint
 * about its consequence would come first. */
void gst_kafka_producer_fail (GstKafkaProducer *self, const GError *error, const gchar *debug);
/* With lock. What the library said last tells more than that a message timed out. */
rd_kafka_resp_err_t gst_kafka_producer_telling_error (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, gchar **detail);
/* With lock or without: what an error says was tried. */
gchar *gst_kafka_producer_name_attempt (const gchar *topic, const gchar *servers);

G_END_DECLS
