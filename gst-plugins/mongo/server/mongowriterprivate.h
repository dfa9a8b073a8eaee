/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mongowriter.h"

G_BEGIN_DECLS

/* For mongowriter.c, with the queue and its threads, mongowriterretry.c, with what a
 * thread tries again, and mongowriteroutcome.c, with what becomes of what waits. Each
 * calls only what comes after it. */

/* A thread with a connection of its own. */
typedef struct {
  MongoWriter *writer;
  MongoSession *session; /* of the thread alone, as is the batch's array itself */
  GPtrArray *batch;      /* of MongoItem, being written; changed with the writer's lock */
  guint at_once;         /* how many of them a write takes: fewer where the database was too slow */
  guint doublings;       /* of the time that it gets for an answer */
  gint64 deadline;       /* of its tries; 0: the last one got somewhere */
  gint64 backoff;
  guint lost_in_row; /* tries over which the connection broke */
  gboolean in_outage;
  gboolean isolated; /* the next try is of the first one alone */
} MongoWorker;

struct _MongoWriter {
  gatomicrefcount refs; /* one of the element's, one of each thread's */
  MongoWriterFuncs funcs;
  MongoWriterSettings settings;
  GPtrArray *workers; /* of MongoWorker; fixed once they run */

  GMutex lock;         /* guards all that follows, and the items' buffers; leaf */
  GCond changed;       /* any of it */
  GstElement *owner;   /* NULL: left behind */
  GQueue queue;        /* of MongoItem */
  gint64 first_queued; /* when the queue's first item came */
  gboolean interrupted, draining, stopping;
  gboolean connected;       /* once, by the first worker: the others wait for it */
  gboolean failing, failed; /* a worker gave up; all buffers are told of it */
  guint in_outage;          /* workers that wait for the database */
  guint running;            /* threads */
  MongoWriterStats stats;
};

/* mongowriterretry.c's; for the worker's own thread, without the lock. FALSE: given up. */

gboolean mongo_worker_connect (MongoWorker *self);
gboolean mongo_worker_write (MongoWorker *self);

/* mongowriteroutcome.c's. */

/* @duration: GST_CLOCK_TIME_NONE for ever */
gint64 mongo_writer_add_time (gint64 start, GstClockTime duration);

/* With the lock: fills up a @batch from the queue; sorted by collection. */
void mongo_writer_take_batch (MongoWriter *self, GPtrArray *batch);
/* Without the lock: fills up a @batch with what waits. */
void mongo_writer_take_more (MongoWriter *self, GPtrArray *batch);

/* With the lock, which is dropped meanwhile. Nothing waits any more, and all
 * buffers are told of the failure. */
void mongo_writer_abandon (MongoWriter *self);

/* Without the lock, which these three take. */

/* The owner, kept alive, or NULL. */
GstElement *mongo_writer_ref_owner (MongoWriter *self);
/* What is settled leaves the @batch, and is counted. */
void mongo_writer_settle (MongoWriter *self, GPtrArray *batch, GstClockTime latency);
/* All workers give up; @error: NULL if there is none, or it was posted. */
void mongo_writer_fail (MongoWriter *self, const GError *error);

G_END_DECLS
