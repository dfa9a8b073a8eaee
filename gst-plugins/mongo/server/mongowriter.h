/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongosession.h"

G_BEGIN_DECLS

typedef struct {
  /* number of batches written in parallel; only with MONGO_MODE_INSERT, else 1 */
  guint connections;
  guint batch_size;
  gsize batch_bytes;
  GstClockTime batch_latency;
  GstClockTime retry_timeout; /* GST_CLOCK_TIME_NONE: for ever */
} MongoWriterSettings;

typedef struct {
  /* A file counts as one document, except in `waiting`. */
  guint64 documents;  /* stored */
  guint64 duplicates; /* stored before */
  guint64 rejected;   /* number of documents refused by the server for good */
  guint64 batches;    /* number of batches acknowledged, in whole or in part */
  guint64 retries;    /* batches sent again */
  /* number of documents, or parts of files, that are accepted and not yet settled */
  guint64 waiting;
  guint64 waiting_bytes;
  GstClockTime write_latency; /* time of a batch: a moving mean */
  GstClockTime write_latency_max;
} MongoWriterStats;

/* The writer's threads call these without the writer's lock. @owner is alive during the call;
 * @place: where the error was found. */
typedef struct {
  /* Returns TRUE if the rejected document was handled; FALSE if an error was posted, and the writer
   * fails. */
  gboolean (*rejected) (GstElement *owner, const MongoItem *item, GstBuffer *buffer);
  /* Called to post a warning: about an outage that the writer waits for, or a setting that the
   * server doesn't support. */
  void (*warning) (GstElement *owner, const GError *error, const MongoPlace *place);
  /* Called to post an error: the writer has failed. */
  void (*failed) (GstElement *owner, const GError *error, const MongoPlace *place);
} MongoWriterFuncs;

typedef enum {
  MONGO_WRITER_OK,
  MONGO_WRITER_INTERRUPTED,
  MONGO_WRITER_TIMEOUT,
  MONGO_WRITER_FAILED, /* MongoWriterFuncs.failed or rejected has posted the error */
} MongoWriterReturn;

typedef struct _MongoWriter MongoWriter;

/**
 * mongo_writer_start:
 * @owner: has to live until mongo_writer_stop() has returned
 * @uri: copied, like @target and @settings
 *
 * Starts a thread for each connection and returns at once. The writer fails if it can't reach the
 * database within five seconds.
 */
MongoWriter *mongo_writer_start (GstElement *owner, const MongoWriterFuncs *funcs,
    const mongoc_uri_t *uri, const MongoTarget *target, const MongoWriterSettings *settings);

/* The function takes ownership of @item if it returns OK. The function waits while four batches are
 * queued. */
MongoWriterReturn mongo_writer_push (MongoWriter *self, MongoItem *item);

/* Waits until all documents are settled, at most until @deadline (monotonic time, us). */
MongoWriterReturn mongo_writer_drain (MongoWriter *self, gint64 deadline);

/* While @interrupted is TRUE, push and drain return INTERRUPTED instead of waiting. */
void mongo_writer_set_interrupted (MongoWriter *self, gboolean interrupted);

void mongo_writer_get_stats (MongoWriter *self, MongoWriterStats *stats);

/* Writes the waiting documents for at most 1.5 s. Buffers that aren't settled when it returns are
 * marked failed. A thread that is stuck in libmongoc continues, and frees the writer when it
 * returns. */
void mongo_writer_stop (MongoWriter *self);
void mongo_writer_unref (MongoWriter *self);

G_END_DECLS
