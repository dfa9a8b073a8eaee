/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogthread.h"
#include "gstkafkaconsumer.h"
#include "gstkafkadiscovery.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"
#include "client/gstkafkaoutage.h"

G_BEGIN_DECLS

/* The kinds of access that brokers refuse. Each partition also has a flag `refused` of its own. */
typedef enum {
  GST_KAFKA_REFUSED_CLIENT = 1 << 0, /* the connection: password, certificate */
  GST_KAFKA_REFUSED_GROUP = 1 << 1,
  GST_KAFKA_REFUSED_TOPIC = 1 << 2, /* the right to describe the topic is missing */
  GST_KAFKA_REFUSED_PARTITION = 1 << 3,
} GstKafkaRefused;

/* Lock order: the element's object lock, then lock, then a pad's lock. librdkafka is called with
 * and without lock. gstkafkaconsumer.c has the thread that serves the group, gstkafkaconsumerread.c
 * the streaming thread's part. */
struct _GstKafkaConsumer {
  GstKafkaFault *fault; /* owned by the handle too */
  GstKafkaOutage outage;
  gatomicrefcount refs; /* reference count: one for the element, one for the thread */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  FogThread *thread;

  GMutex lock;             /* guards all fields below */
  GCond cond;              /* signalled when the element stops, and when an ack token is marked */
  GstElement *element;     /* NULL after stop */
  rd_kafka_queue_t *queue; /* queue with messages only; NULL once the thread is ending */
  GPtrArray *partitions;
  gboolean changed;
  gboolean flushing;
  gboolean stopping;
  gboolean failed;
  gboolean hungry;
  gboolean idle; /* TRUE if no partition is left for this member, so its bounded stream ends */
  /* the time until which the end of a bounded stream waits for the answer whether messages are held
   * back, monotonic us; 0: the end doesn't wait */
  gint64 ending;
  gboolean fed; /* a message came since watch_lag() last ran */
  gboolean playing;
  gboolean broken; /* an element downstream has failed, which was seen while no message came */
  gboolean ended;  /* the stream has ended cleanly: parked messages are done */
  GstKafkaFlow flow;
  guint64 rebalances;
  guint64 damaged;         /* number of offsets that were skipped because they can't be read */
  GstKafkaRefused refused; /* 0: access is granted */
  gint64 refused_since;    /* monotonic us */
  /* the time when access came back, monotonic us; 0: access was never lost */
  gint64 granted_since;
  rd_kafka_resp_err_t refusal;
  gchar *refusal_detail;
  GHashTable *read_topics; /* set of names: topics that could be read at least once */
  GHashTable *warned;      /* set of error codes for which a warning was posted */
  guint64 lost;            /* number of offsets deleted before they were read */
  guint64 missing;         /* number of offsets without a message */
  /* the time when the last message went downstream, monotonic us; used while messages go one at a
   * time */
  gint64 handed;
  gboolean careless; /* for this run, messages are no longer sent one at a time */
  /* time since when the brokers have answered each query; 0: the last query had no answer */
  gint64 answering;

  /* the address at which the group's coordinator couldn't be reached; NULL: it was reached */
  gchar *coordinator;
  gint64 coordinator_failed; /* the time of the last error that named `coordinator`, monotonic us */
  GstKafkaEpisode exclusion; /* this member is out of its group, as its coordinator isn't reached */

  /* Only the streaming thread uses the fields below. */
  rd_kafka_message_t *kept; /* the next message, read ahead */
  /* time since when the queue of messages has been empty; 0: a message is in the queue */
  gint64 empty;
  gint64 looked; /* time of the last check for silence */

  /* Only the thread that serves the group uses the fields below. */
  /* maps a topic's name to its number of partitions at the first look-up */
  GHashTable *known_topics;
  GHashTable *committed_once; /* set of names of partitions in which this run committed an offset */
  gboolean waiting_told;
  gboolean revoked; /* partitions were revoked since the topics were last queried */
  gint64 watched;
  gint64 hungry_time;
  gint64 discovered;
  GHashTable *brokers;   /* maps the addresses that brokers had in this run to the brokers' ids */
  gint64 coordinator_at; /* time of the last look for the coordinator */
  gint64 excluded;       /* time since when the coordinator isn't reached; 0: it is reached */
  gint64 coordinator_moved; /* time since when the coordinator has another address; 0: it hasn't */
  gint64 asked_for_access;
  gint64 checked;    /* the time when the partitions' logs were last checked, monotonic us */
  gint64 rebalanced; /* time when the group's assignment last changed; 0: never */
  gint64 committed;  /* time of this member's last commit */
  gint64 rejoined; /* time when this member got partitions after it had lost its own; 0: not yet */
  gboolean lost_assignment; /* TRUE if the group has continued without this member */
  gint64 commit_interval;
};

/* Functions of gstkafkaassignment.c; called without lock, on the thread that serves the group. */

/* librdkafka's rebalance callback */
void gst_kafka_consumer_rebalance (
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque);
/* Looks up the partitions of a consumer without a group, and notes which access it has. Called at
 * the start, and again from time to time. */
void gst_kafka_consumer_discover (GstKafkaConsumer *self);
/* Joins the group and subscribes to the topics. */
void gst_kafka_consumer_subscribe (GstKafkaConsumer *self);
gboolean gst_kafka_consumer_assigns_itself (GstKafkaConsumer *self);
/* Notes that the topic is deleted. If the topic is created again, it is read from its first
 * message. */
void gst_kafka_consumer_forget_topic (GstKafkaConsumer *self, const gchar *topic);
/* Checks for a group whether its topics still exist and may be read, and notes which access it
 * has. */
void gst_kafka_consumer_look_again (GstKafkaConsumer *self);
/* Posts once that the element waits for @what. */
void gst_kafka_consumer_tell_waiting (GstKafkaConsumer *self, const gchar *what);
/* Called with self->lock. Returns: (nullable): the state of the data flow, for
 * gst_kafka_ledger_settle() */
const GstKafkaFlow *gst_kafka_consumer_get_flow (GstKafkaConsumer *self);
void gst_kafka_consumer_log_offsets (
    GstKafkaConsumer *self, const gchar *what, const rd_kafka_topic_partition_list_t *list);
/* Chooses a new position for each partition whose position the broker has refused. */
void gst_kafka_consumer_reset_strays (GstKafkaConsumer *self);
/* Checks at intervals whether a partition's log was replaced. */
void gst_kafka_consumer_check_logs (GstKafkaConsumer *self);

/* In gstkafkaconsumer.c; without lock. */
gboolean gst_kafka_consumer_is_stopping (GstKafkaConsumer *self);
void gst_kafka_consumer_wake_reader (GstKafkaConsumer *self);
/* Ends the run with an error, unless the run has failed before. */
void gst_kafka_consumer_fail (GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *detail);
/* Posts @error unless the run has failed before, and ends the run. */
void gst_kafka_consumer_end_with (GstKafkaConsumer *self, const GError *error, const gchar *debug);
/* Returns: (nullable) (transfer full): the element; NULL once it has stopped */
GstElement *gst_kafka_consumer_get_element (GstKafkaConsumer *self);

/* In gstkafkatrouble.c; without lock. */

/* Called on the streaming thread. Returns TRUE if @message, from a partition's queue, must not be
 * pushed, because it reported an error that this function has handled, or was read to find the end
 * of a damaged batch. */
gboolean gst_kafka_consumer_take_trouble (
    GstKafkaConsumer *self, const rd_kafka_message_t *message);
/* Handles an error about the group or the client. @topic: (nullable) */
void gst_kafka_consumer_take_error (
    GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *topic, const gchar *detail);
void gst_kafka_consumer_refuse (GstKafkaConsumer *self, GstKafkaRefused what, const gchar *topic,
    rd_kafka_resp_err_t err, const gchar *detail);
void gst_kafka_consumer_grant (GstKafkaConsumer *self, GstKafkaRefused what);
gboolean gst_kafka_consumer_is_refused (GstKafkaConsumer *self);
/* While access is refused, requests it again from time to time, and ends the run with an error
 * after access-timeout. Called on the consumer's thread. */
void gst_kafka_consumer_watch_access (GstKafkaConsumer *self);
/* Notes the address in an error of librdkafka about the connection to the group's coordinator. */
void gst_kafka_consumer_note_coordinator (GstKafkaConsumer *self, const gchar *reason);
/* Notes that the group's coordinator has assigned partitions. Called on the consumer's thread. */
void gst_kafka_consumer_forget_coordinator (GstKafkaConsumer *self);
/* Reports that the group's coordinator can't be reached although other brokers answer, and later
 * that the coordinator is reached again. Ends the run if the coordinator has another address than
 * before. Called on the consumer's thread. */
void gst_kafka_consumer_look_for_coordinator (GstKafkaConsumer *self);
/* Notes whether a query was answered that began with gst_kafka_connections_mark(). If a broker is
 * sending data, it answers later. */
void gst_kafka_consumer_note_contact (GstKafkaConsumer *self, gboolean answered);
/* Returns FALSE if an outage is suspected, and no broker answers a query. Called on the consumer's
 * thread. */
gboolean gst_kafka_consumer_has_contact (GstKafkaConsumer *self);
/* Reports the begin and the end of an outage. Called on the consumer's thread. */
void gst_kafka_consumer_look_for_outage (GstKafkaConsumer *self);
/* Notes whether the brokers have answered the last query. */
void gst_kafka_consumer_note_answer (GstKafkaConsumer *self, gboolean answered);
/* Checks whether no message comes although messages exist, because librdkafka doesn't report some
 * kinds of damage, and fetches the same batch again and again. Called on the streaming thread. */
void gst_kafka_consumer_look_for_silence (GstKafkaConsumer *self);

/* In gstkafkaconsumerread.c */

/* Notes that the brokers were queried for the ends of all partitions, so that the end of a bounded
 * stream needn't wait any longer. Called without lock. */
void gst_kafka_consumer_note_compared (GstKafkaConsumer *self);
/* Called with self->lock while the run continues. Adds the metadata of each partition to @list, a
 * list of offsets to commit. */
void gst_kafka_careful_describe (GstKafkaConsumer *self, rd_kafka_topic_partition_list_t *list);
/* Called with self->lock. Returns: (transfer full) (nullable): the last offsets to commit in this
 * run, for all partitions, or with @leaving_only for revoked partitions only */
rd_kafka_topic_partition_list_t *gst_kafka_careful_take_last (
    GstKafkaConsumer *self, const GstKafkaFlow *flow, gboolean leaving_only);

G_END_DECLS
