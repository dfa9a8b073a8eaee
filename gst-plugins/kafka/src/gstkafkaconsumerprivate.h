/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaconsumer.h"
#include "client/gstkafkaerror.h"

G_BEGIN_DECLS

/* For gstkafkaconsumer.c, whose thread serves the group, and gstkafkaconsumerread.c, for the streaming thread. */
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
  gboolean fed; /* a message came since the last watch */
  gboolean playing;
  gboolean ended; /* well: what was let go undecided is done */
  GstKafkaFlow flow;
  guint64 rebalances;

  rd_kafka_message_t *kept; /* for the reader alone: comes next */

  /* for the thread alone */
  GHashTable *known_topics; /* name: number of partitions, as of the first look */
  gboolean waiting_told;
  gint64 watched;
  gint64 hungry_time;
  gint64 discovered;
};

G_END_DECLS
