/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mongowriter.h"

G_BEGIN_DECLS

/* The files: mongowriter.c has the queue and the threads, mongowriterretry.c the tries of a
 * thread, mongowriterfault.c the cause of a failed try, mongowriteroutcome.c the outcome of a
 * try. Each calls only those named after it. */

/* A thread with its own connection. */
typedef struct {
  MongoWriter *writer;
  MongoSession *session; /* only this thread uses it */
  GPtrArray *batch;    /* of MongoItem, being written; only this thread changes it, with the lock */
  guint at_once;       /* documents in one write: fewer after the database was too slow */
  guint doublings;     /* how often the time allowed for an answer was doubled */
  gint64 deadline;     /* when trying ends, monotonic us; 0: the last try stored something */
  gint64 backoff;      /* pause before the next try, us */
  guint lost_in_row;   /* tries in a row in which the connection broke */
  gint64 outage_began; /* monotonic us; 0: no outage */
  gboolean isolated;   /* the next try writes the first document alone */
} MongoWorker;

typedef enum {
  MONGO_WRITER_CONNECTING, /* the first thread connects, the others wait for it */
  MONGO_WRITER_WORKING,
  MONGO_WRITER_FAILING, /* a thread is posting an error */
  MONGO_WRITER_ENDED,   /* the error was posted; all buffers are marked failed */
} MongoWriterState;

struct _MongoWriter {
  gatomicrefcount refs; /* one for the element, one for each thread */
  MongoWriterFuncs funcs;
  MongoWriterSettings settings;
  GPtrArray *workers; /* of MongoWorker; doesn't change once they run */

  /* Guards all fields below, and the items' buffers. Lock order: the element's object lock, then
   * this lock. No other lock is taken while it is held. */
  GMutex lock;
  GCond changed;       /* signalled after each change of these fields */
  GstElement *owner;   /* NULL after stop, for a thread that is still stuck in the driver */
  GQueue queue;        /* of MongoItem */
  gint64 first_queued; /* when the first item of the queue came */
  gboolean interrupted, draining, stopping;
  MongoWriterState state;
  guint in_outage; /* threads that wait for the database */
  guint running;   /* threads */
  MongoWriterStats stats;
};

/* Without the lock: logs with the owner as the object. */
#define MONGO_WRITER_LOG(self, level, ...)                                                         \
  G_STMT_START                                                                                     \
  {                                                                                                \
    if (gst_debug_category_get_threshold (GST_CAT_DEFAULT) >= GST_LEVEL_##level) {                 \
      GstElement *owner_ = mongo_writer_ref_owner (self);                                          \
      GST_CAT_LEVEL_LOG (GST_CAT_DEFAULT, GST_LEVEL_##level, owner_, __VA_ARGS__);                 \
      gst_clear_object (&owner_);                                                                  \
    }                                                                                              \
  }                                                                                                \
  G_STMT_END

/* In mongowriterretry.c; on the worker's thread, without the lock. FALSE: the writer has failed or
 * is stopping. */

gboolean mongo_worker_connect (MongoWorker *self);
gboolean mongo_worker_write (MongoWorker *self);

/* In mongowriterfault.c; on the worker's thread, without the lock. */

/* Rejects a document that was refused although another one of its collection was stored, and then
 * again when it was sent alone: the document is the cause. If all documents are refused, the server
 * or the settings are the cause. */
void mongo_worker_find_fault (MongoWorker *self, guint tried);
/* TRUE: the next try sends one document alone, to find out whether it is the cause. */
gboolean mongo_worker_isolate (MongoWorker *self);
/* (nullable): the document with the worst verdict, which decides how the batch goes on */
const MongoItem *mongo_batch_find_worst (GPtrArray *batch);
/* (transfer full): why trying ends, by the worst @item */
GError *mongo_worker_new_write_error (const MongoWorker *self, const MongoItem *item);

/* In mongowriteroutcome.c. */

/* @start: us; @duration: ns, GST_CLOCK_TIME_NONE for ever. Returns: us */
gint64 mongo_writer_add_time (gint64 start, GstClockTime duration);

/* With the lock: fills @batch from the queue, and sorts it by collection. */
void mongo_writer_take_batch (MongoWriter *self, GPtrArray *batch);
/* Without the lock: the same. */
void mongo_writer_take_more (MongoWriter *self, GPtrArray *batch);

/* With the lock, which is released meanwhile: empties the queue and marks all buffers failed. */
void mongo_writer_abandon (MongoWriter *self);

/* The next three take the lock themselves. */

/* (nullable) (transfer full) */
GstElement *mongo_writer_ref_owner (MongoWriter *self);
/* Removes the settled documents from @batch, counts them and releases their buffers. */
void mongo_writer_settle (MongoWriter *self, GPtrArray *batch, GstClockTime latency);
/* Ends all threads. @error: NULL if the writer is stopping, or if the error was posted already. */
#define mongo_writer_fail(self, error) mongo_writer_fail_at (self, error, MONGO_HERE)
void mongo_writer_fail_at (MongoWriter *self, const GError *error, const MongoPlace *place);

G_END_DECLS
