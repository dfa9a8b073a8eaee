/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumer.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"

G_BEGIN_DECLS

/* What access is missing; partitions have a flag of their own. */
typedef enum {
  GST_KAFKA_REFUSED_CLIENT = 1 << 0, /* the connection: password, certificate */
  GST_KAFKA_REFUSED_GROUP = 1 << 1,
  GST_KAFKA_REFUSED_TOPIC = 1 << 2, /* not even described */
  GST_KAFKA_REFUSED_PARTITION = 1 << 3,
} GstKafkaRefused;

/* For gstkafkaconsumer.c, whose thread serves the group, and
 * gstkafkaconsumerread.c, for the streaming thread. */
struct _GstKafkaConsumer {
  GstKafkaFault fault;  /* first: gst_kafka_client_new() */
  gatomicrefcount refs; /* the element's and the thread's */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  GThread *thread;

  GMutex lock;         /* guards all below */
  GCond cond;          /* signalled when the thread is done, and when a token is decided on */
  GstElement *element; /* NULL after stop */
  rd_kafka_queue_t
      *queue; /* messages alone, in no other thread's way; NULL once the thread leaves */
  GPtrArray *partitions;
  gboolean changed;
  gboolean flushing;
  gboolean stopping;
  gboolean failed;
  gboolean done;
  gboolean hungry;
  gboolean idle; /* others read all partitions to their end */
  gboolean fed;  /* a message came since the last watch */
  gboolean playing;
  gboolean ended; /* well: what was let go undecided is done */
  GstKafkaFlow flow;
  guint64 rebalances;
  guint64 damaged;         /* offsets passed over since they can't be read */
  GstKafkaRefused refused; /* 0: access is as it should be */
  gint64 refused_since;    /* monotonic us */
  rd_kafka_resp_err_t refusal;
  gchar *refusal_detail;
  GHashTable *read_topics; /* a set of names: could be read at least once */
  GHashTable *warned;      /* a set of error codes that a warning was posted for */
  guint64 lost;            /* offsets deleted before they were read */
  gint64 handed;           /* when a message was handed over while one went at a time */
  gboolean careless;       /* that is given up for this run */

  rd_kafka_message_t *kept; /* for the reader alone: comes next */

  /* for the thread alone */
  GHashTable *known_topics; /* name: number of partitions, as of the first look */
  gboolean waiting_told;
  gint64 watched;
  gint64 hungry_time;
  gint64 discovered;
  gint64 asked_for_access;
  gint64 rebalanced;        /* when a group last looked at the assignment; 0: not yet */
  gint64 committed;         /* when */
  gint64 rejoined;          /* when it got partitions after it had lost its own; 0: not yet */
  gboolean lost_assignment; /* the group has gone on without it */
  gint64 commit_interval;
};
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaConsumer, fault) == 0);

/* gstkafkaassignment.c; without lock. For the thread that serves the group. */

/* The library's callback */
void gst_kafka_consumer_rebalance (
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque);
/* Without a group's assignment: which partitions there are is looked up, now and then again. */
void gst_kafka_consumer_discover (GstKafkaConsumer *self);
/* With a group's */
void gst_kafka_consumer_subscribe (GstKafkaConsumer *self);
gboolean gst_kafka_consumer_assigns_itself (GstKafkaConsumer *self);
/* Posts once that @what is waited for. */
void gst_kafka_consumer_tell_waiting (GstKafkaConsumer *self, const gchar *what);
/* with self->lock; (nullable): as gst_kafka_ledger_settle() wants it */
const GstKafkaFlow *gst_kafka_consumer_get_flow (GstKafkaConsumer *self);
void gst_kafka_consumer_log_offsets (
    GstKafkaConsumer *self, const gchar *what, const rd_kafka_topic_partition_list_t *list);

/* gstkafkaconsumer.c; without lock. */
gboolean gst_kafka_consumer_is_stopping (GstKafkaConsumer *self);
void gst_kafka_consumer_wake_reader (GstKafkaConsumer *self);
/* Ends the run with one error. */
void gst_kafka_consumer_fail (GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *detail);
/* (nullable) (transfer full): NULL once the element has stopped */
GstElement *gst_kafka_consumer_get_element (GstKafkaConsumer *self);

/* gstkafkatrouble.c; without lock. */

/* TRUE: @message, of a partition's queue, is dealt with and isn't to go
 * downstream. For the streaming thread. */
gboolean gst_kafka_consumer_take_trouble (
    GstKafkaConsumer *self, const rd_kafka_message_t *message);
/* What the library says of the group or the client as a whole; @topic: (nullable). */
void gst_kafka_consumer_take_error (
    GstKafkaConsumer *self, rd_kafka_resp_err_t err, const gchar *topic, const gchar *detail);
void gst_kafka_consumer_refuse (GstKafkaConsumer *self, GstKafkaRefused what, const gchar *topic,
    rd_kafka_resp_err_t err, const gchar *detail);
void gst_kafka_consumer_grant (GstKafkaConsumer *self, GstKafkaRefused what);
gboolean gst_kafka_consumer_is_refused (GstKafkaConsumer *self);
/* Asks again now and then; fails after the bound. For the consumer's thread. */
void gst_kafka_consumer_watch_access (GstKafkaConsumer *self);

/* Posts @error unless the run has failed before, and ends it. */
void gst_kafka_consumer_end_with (GstKafkaConsumer *self, const GError *error, const gchar *debug);

/* Messages of this partition come in our queue; to be called again behind an
 * assign that follows an unassign. */
void gst_kafka_consumer_forward (GstKafkaConsumer *self, const gchar *topic, gint partition);

/* In gstkafkaconsumerreset.c, for the thread that serves the group. */

/* A start that is known not to be there before anything is read. */
void gst_kafka_consumer_check_start (
    GstKafkaConsumer *self, const gchar *topic, gint partition, const GstKafkaPosition *position);
/* Gives a new place to each partition whose place the broker has refused. */
void gst_kafka_consumer_reset_strays (GstKafkaConsumer *self);

G_END_DECLS
