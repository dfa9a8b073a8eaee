/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"
#include "client/gstkafkaoutage.h"
#include "gstkafkaproducer.h"
#include "gstkafkastall.h"

G_BEGIN_DECLS

/* The longest time for which one call into librdkafka may block; longer waits consist of several
 * calls. */
#define GST_KAFKA_PRODUCER_SLICE_MS 100

typedef struct {
  guint64 delivered, delivered_bytes;
  guint64 dropped_upstream, dropped_downstream, undeliverable;
  guint64 rebuilds, resent;
  guint64 refused_batches; /* number of refusals after which batches got smaller */
  guint64 lost_connections;
  GstClockTime latency; /* moving mean of the time from transfer to delivery report */
} GstKafkaProducerCounters;

typedef enum {
  GST_KAFKA_PRODUCER_WORKING,
  GST_KAFKA_PRODUCER_FAILING, /* an error is about to be posted */
  GST_KAFKA_PRODUCER_FAILED,  /* an error has been posted */
} GstKafkaProducerHealth;

typedef enum {
  GST_KAFKA_ACCESS_GRANTED,
  GST_KAFKA_ACCESS_RIGHT_LOST,
  GST_KAFKA_ACCESS_CONNECTION_LOST, /* the brokers refuse the password or the certificate */
} GstKafkaProducerAccess;

/* The state for records that the brokers don't acknowledge (acks=none). */
typedef struct {
  /* Poller's thread only. */
  rd_kafka_topic_partition_list_t *sent; /* partitions with records that are not confirmed */
  guint seen;    /* number of connections that had ended when the latest loss was handled */
  gint64 warned; /* monotonic us */
} GstKafkaProducerUnacked;

/* State of the warnings about buffers that on-error=skip has skipped. For each cause, a warning is
 * posted at most once in 10 s, with the number of buffers that were skipped without a warning.
 * Guarded by the lock. */
typedef struct {
  GHashTable *told; /* set of causes for which a warning was posted in the present 10 s */
  gint64 since;     /* the time when the present 10 s began, monotonic us */
  guint64 untold;   /* number of buffers skipped since the last warning */
} GstKafkaProducerSkips;

/* Lock order: the element's object lock, then @lock, then @fault's or the spool's. No message is
 * posted and no buffer is released with @lock. librdkafka calls the report and error callbacks
 * within rd_kafka_poll(), which the poller calls without @lock. The partitioner and open_socket()
 * run with @lock held or on librdkafka's threads, so they must not take @lock.
 * 
 * The files: gstkafkaproducer.c has the calls of the element and the connector's thread,
 * gstkafkaproducerdelivery.c the poller's thread, gstkafkaproducerunacked.c its work with
 * acks=none, gstkafkaproducerstall.c the watch for messages that aren't acknowledged,
 * gstkafkaproducerspool.c the way to the disk and back. */
struct _GstKafkaProducer {
  /* the most informative error of librdkafka since the latest delivery, and the client's
   * connections */
  GstKafkaFault *fault;
  GstKafkaOutage outage;
  GstElement *element;
  rd_kafka_conf_t *conf; /* configuration; each client is made from a copy of it */
  gchar *topic, *servers;
  GstKafkaProducerConfig config;
  GThread *poller, *connector;
  /* Poller's thread only. */
  /* array of GstKafkaRecord: the records reported within the running call of rd_kafka_poll() */
  GPtrArray *reported;

  GMutex lock; /* guards all fields below */
  GCond changed;
  GCond suspicion; /* signalled when an outage is suspected, and when the producer stops */
  /* librdkafka's client; NULL while it is being replaced; only the poller's thread changes it */
  rd_kafka_t *rk;
  /* number of records that left the queue and that give_up() hasn't finished with */
  guint lost;
  guint rk_users; /* number of running calls into rk on threads other than the poller */
  GstKafkaSendQueue queue;
  guint64 next_number, next_turn;
  guint64 batch_bytes; /* the size of batches that the present client uses */
  /* limit for the size of batches that the settings and refused batches impose */
  guint64 batch_bound;
  guint64 topic_limit; /* limit for the size of batches that the cluster reports; 0: not known */
  /* Set while batches are being regrouped: the client gets no records, and returns the records that
   * it hasn't sent, until no record is in flight. After regrouping, sending continues with smaller
   * batches. */
  gboolean regrouping;
  /* the topic's limit for batches has to be queried again before the next record is sent */
  gboolean asks_limit;
  gint64 limit_asked; /* monotonic us */
  gboolean draining;
  gchar *doubted; /* (nullable): a topic that the poller's thread has to query */
  gboolean full;  /* the queue was full when the newest record came */
  GstKafkaProducerUnacked unacked;
  gboolean unconfirmed; /* records were sent, and the brokers may not have handled them yet */
  /* Set at the start, while no record may be sent: the topic has to be created first, because
   * brokers would create it with their own defaults at the first record, and the topic's limit for
   * batches has to be known. */
  gboolean held;
  gboolean flushing, stopping, connected;
  GstKafkaProducerHealth health;
  GstKafkaProducerCounters counters;
  GstKafkaProducerSkips skips;
  GstKafkaStall stall;
  gint64 linger;       /* the time for which librdkafka waits to fill a batch, us */
  gint64 acknowledged; /* the time of the last acknowledgement, monotonic us */
  /* the time since when buffers wait and none has been acknowledged, monotonic us; 0: none waits */
  gint64 dry;
  gboolean stall_doubted; /* brokers are queried, to see whether any answers */
  /* set of names of topics to which a record was delivered; used if records have topics of their
   * own */
  GHashTable *delivered_topics;
  GstKafkaProducerAccess access;
  gint64 refused_since; /* the time when access was lost, monotonic us */
  gint64 granted_since; /* the time when access came back, monotonic us; 0: access was never lost */
  gint64 ask_again;     /* no record is sent before this time, monotonic us */
  /* The next fields are written when access is lost; until access is back, the poller's thread
   * reads these fields without lock. */
  rd_kafka_resp_err_t refusal;
  gchar *refusal_detail;
  gboolean refusal_reported;
  /* a partition that a buffer's meta named, but the buffer's topic doesn't have; -1: none yet */
  gint astray;
  gboolean astray_reported;
};

/* In gstkafkaproducerdelivery.c */

/* The main function of the poller's thread, called without lock. */
gpointer gst_kafka_producer_poll_reports (gpointer self);
/* librdkafka's callback for delivery reports, called on the poller's thread, without lock, from
 * rd_kafka_poll(). */
void gst_kafka_producer_note_report (
    rd_kafka_t *rk, const rd_kafka_message_t *message, gpointer fault);
/* Makes a new client of librdkafka. Called without lock, on the poller's thread or before this
 * thread runs. */
rd_kafka_t *gst_kafka_producer_new_handle (GstKafkaProducer *self, GError **error);
/* Passes waiting records to librdkafka, as long as it may have more. Called on any thread, with the
 * lock, which is released while an undeliverable record is given up. */
void gst_kafka_producer_hand_over_all (GstKafkaProducer *self);

/* Sets the first size of batches, before there is a client. */
void gst_kafka_producer_init_batches (GstKafkaProducer *self);
/* Queries the topic's limit for batches, for up to @timeout_ms. Called without lock. Returns FALSE
 * if another query may bring an answer. */
gboolean gst_kafka_producer_learn_batch_limit (GstKafkaProducer *self, gint timeout_ms);
/* Called with the lock. Begins to change the size of batches, if the known limits require it. */
void gst_kafka_producer_fit_batches (GstKafkaProducer *self);

/* Notes that the cluster refuses the password or the certificate. Called without lock, on the
 * poller's thread. */
void gst_kafka_producer_lose_connection (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, const gchar *detail);

/* In gstkafkaproducer.c; called without lock. Posts a warning about a skipped buffer, unless a
 * warning about the same @cause was posted in the present 10 s. @debug: (nullable) */
void gst_kafka_producer_report_skip (
    GstKafkaProducer *self, gint cause, const GError *error, const gchar *debug);

/* In gstkafkaproducerunacked.c: records that nobody acknowledges (acks=none) */

/* Notes that @message was sent without acknowledgement. Called on the poller's thread. */
void gst_kafka_producer_note_sent (GstKafkaProducer *self, const rd_kafka_message_t *message);
/* Called without lock, on the poller's thread. Waits until the brokers have handled all sent
 * records, because otherwise closing a connection would lose them. Returns FALSE if the brokers
 * haven't answered. */
gboolean gst_kafka_producer_confirm_sent (GstKafkaProducer *self, rd_kafka_t *rk);
/* Looks for connections that ended while in use, and confirms sent records. Called on the poller's
 * thread, without lock. */
void gst_kafka_producer_watch_unacked (GstKafkaProducer *self);

/* In gstkafkaproducerstall.c */

/* Reports once if buffers aren't acknowledged for a long time although the brokers answer, and once
 * when they are acknowledged again. Called on the poller's thread, without lock. */
void gst_kafka_producer_watch_stall (GstKafkaProducer *self);

/* Notes that the topic of the oldest record doesn't exist, which has a report of its own, so the
 * record's wait isn't a stall. Called without lock. */
void gst_kafka_producer_note_missing_topic (GstKafkaProducer *self);

/* In gstkafkaproducerspool.c */

/* Returns TRUE if @record is stored on the disk when it can't be sent in time. */
gboolean gst_kafka_producer_spools (GstKafkaProducer *self, const GstKafkaRecord *record);
/* With or without lock. Stores @record (transfer full) on the disk. The record must be in no
 * queue. */
void gst_kafka_producer_spool (GstKafkaProducer *self, GstKafkaRecord *record);
/* With lock. Moves records to the disk if the link is too slow for them, or if memory is full. */
void gst_kafka_producer_watch_spool (GstKafkaProducer *self);
/* With lock. Moves the next record from the disk to the queue, if a record from the disk is to be
 * sent next. */
void gst_kafka_producer_fetch_spooled (GstKafkaProducer *self);
/* With lock. Returns TRUE if memory has room for more records that wait for the disk. */
gboolean gst_kafka_producer_spool_has_room (GstKafkaProducer *self);
/* With or without lock. Removes @record from the disk after it was delivered, or was found
 * undeliverable. */
void gst_kafka_producer_unspool (GstKafkaProducer *self, const GstKafkaRecord *record);
/* With lock. Returns TRUE if the records on the disk can be sent before @deadline. */
gboolean gst_kafka_producer_awaits_spool (GstKafkaProducer *self, gint64 deadline);
/* Called with the lock, which is released while the function waits. Returns TRUE if all undelivered
 * records are on the disk. */
gboolean gst_kafka_producer_spool_all (GstKafkaProducer *self);

/* In gstkafkaproducer.c */

/* Without lock. Calls query_batch_limit() with the current client. */
rd_kafka_resp_err_t gst_kafka_producer_query_batch_limit (
    GstKafkaProducer *self, gint timeout_ms, guint64 *limit);
/* Without lock. Calls query_topic() with the current client. Returns FALSE if no broker answers, if
 * there is no client, or if the producer is stopping or has failed. */
gboolean gst_kafka_producer_query_topic (
    GstKafkaProducer *self, const gchar *topic, gint timeout_ms, rd_kafka_resp_err_t *topic_err);

/* With lock. Returns a sentence about what happens to buffers while they can't be sent. */
const gchar *gst_kafka_producer_describe_wait (GstKafkaProducer *self);
/* With lock. Notes that the producer has failed. Returns TRUE if this failure is the first one,
 * which the caller has to post. */
gboolean gst_kafka_producer_take_failure (GstKafkaProducer *self);
/* Without lock. Posts @error with the caller's file and line, and only then wakes the waiting
 * threads: if they returned an error earlier, upstream's message about it would come before
 * ours. */
#define gst_kafka_producer_fail(self, error, debug)                                                \
  gst_kafka_producer_fail_at (self, error, debug, __FILE__, G_STRFUNC, __LINE__)
void gst_kafka_producer_fail_at (GstKafkaProducer *self, const GError *error, const gchar *debug,
    const gchar *file, const gchar *function, gint line);
/* With lock. Returns, instead of a time-out, the error that librdkafka reported last, which is more
 * exact. */
rd_kafka_resp_err_t gst_kafka_producer_explain_error (
    GstKafkaProducer *self, rd_kafka_resp_err_t err, gchar **detail);
/* With or without lock. Returns the action that an error message names, as in "publish to
 * topic". */
gchar *gst_kafka_producer_name_attempt (const gchar *topic, const gchar *servers);

G_END_DECLS
