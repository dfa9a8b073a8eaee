/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongosession.h"

G_BEGIN_DECLS

typedef struct {
  /* number of batches that are written in parallel; ignored except in MONGO_MODE_INSERT */
  guint connections;
  guint batch_size;
  gsize batch_bytes;
  GstClockTime batch_latency;
  GstClockTime retry_timeout; /* GST_CLOCK_TIME_NONE: for ever */
} MongoWriterSettings;

typedef struct {
  /* A GridFS file counts as one document, except in `waiting`, which counts its parts. */
  guint64 documents;  /* number of documents stored */
  guint64 duplicates; /* number of documents that were stored before */
  guint64 rejected;   /* number of documents refused by the server for good */
  guint64 batches;    /* number of batches acknowledged, in whole or in part */
  guint64 retries;    /* number of times that a batch was sent again */
  /* number of documents, or parts of files, that were pushed and are neither stored nor rejected
   * yet */
  guint64 waiting;
  guint64 waiting_bytes;
  GstClockTime write_latency; /* moving mean of the time of a write */
  GstClockTime write_latency_max;
} MongoWriterStats;

/* Functions of the owner, which the writer's threads call without the writer's lock. @owner is
 * alive during the call; @place: the place in the source code where the error was found. */
typedef struct {
  /* Handles a document that can never be stored. Returns FALSE if the function posted an error, so
   * that the writer fails. */
  gboolean (*rejected) (GstElement *owner, const MongoItem *item, GstBuffer *buffer);
  /* Called to post a warning: about an outage that the writer waits for, or a setting that the
   * server doesn't support. */
  void (*warning) (GstElement *owner, const GError *error, const MongoPlace *place);
  /* Called to post the error because of which the writer fails. */
  void (*failed) (GstElement *owner, const GError *error, const MongoPlace *place);
} MongoWriterFuncs;

typedef enum {
  MONGO_WRITER_OK,
  MONGO_WRITER_INTERRUPTED,
  MONGO_WRITER_TIMEOUT,
  /* the writer has failed; MongoWriterFuncs.failed or rejected has posted the error */
  MONGO_WRITER_FAILED,
} MongoWriterReturn;

typedef struct _MongoWriter MongoWriter;

/**
 * mongo_writer_start:
 * @owner: the element, which has to live until mongo_writer_stop() has returned
 * @uri: is copied, like @target and @settings
 *
 * Starts a thread for each connection and returns at once. The writer fails if it can't reach the
 * database within five seconds.
 */
MongoWriter *mongo_writer_start (GstElement *owner, const MongoWriterFuncs *funcs,
    const mongoc_uri_t *uri, const MongoTarget *target, const MongoWriterSettings *settings);

/* Queues @item, and takes ownership of it if MONGO_WRITER_OK is returned. Waits while four full
 * batches are queued. */
MongoWriterReturn mongo_writer_push (MongoWriter *self, MongoItem *item);

/* Waits until all documents are stored or rejected, at most until @deadline (monotonic time,
 * us). */
MongoWriterReturn mongo_writer_drain (MongoWriter *self, gint64 deadline);

/* While @interrupted is TRUE, mongo_writer_push() and mongo_writer_drain() return
 * MONGO_WRITER_INTERRUPTED instead of waiting. */
void mongo_writer_set_interrupted (MongoWriter *self, gboolean interrupted);

void mongo_writer_get_stats (MongoWriter *self, MongoWriterStats *stats);

/* Stops the writer, after writing the waiting documents for at most 1.5 s. The buffers of documents
 * that aren't stored or rejected within this time are marked failed. A thread that is stuck in a
 * call of libmongoc continues, and frees the writer when the call returns. */
void mongo_writer_stop (MongoWriter *self);
void mongo_writer_unref (MongoWriter *self);

G_END_DECLS
