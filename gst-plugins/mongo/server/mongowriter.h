/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongosession.h"

G_BEGIN_DECLS

typedef struct {
  guint connections; /* batches written side by side, where their order is of no matter */
  guint batch_size;
  gsize batch_bytes;
  GstClockTime batch_latency;
  GstClockTime retry_timeout; /* GST_CLOCK_TIME_NONE: for ever */
} MongoWriterSettings;

typedef struct {
  guint64 documents;  /* stored by this writer; a file is one, here and in what follows */
  guint64 duplicates; /* found to be stored already */
  guint64 rejected;   /* refused by the server for good */
  guint64 batches;    /* acknowledged, in whole or in part */
  guint64 retries;    /* batches sent again */
  guint64 waiting;    /* documents, or parts of files, accepted, but not settled */
  guint64 waiting_bytes;
  GstClockTime write_latency; /* of a batch: a moving mean */
  GstClockTime write_latency_max;
} MongoWriterStats;

/* All of them from the writer's threads, without its lock; @owner is kept alive meanwhile. */
typedef struct {
  /* TRUE: the document is dealt with; FALSE: an error was posted, give up. */
  gboolean (*rejected) (GstElement *owner, const MongoItem *item, GstBuffer *buffer);
  /* The database is lost, and waited for. */
  void (*outage) (GstElement *owner, const GError *error);
  /* Something asked for isn't there, but the stream goes on. */
  void (*warning) (GstElement *owner, const GError *error);
  /* The writer gave up; the error has to be posted. */
  void (*failed) (GstElement *owner, const GError *error);
} MongoWriterFuncs;

typedef enum {
  MONGO_WRITER_OK,
  MONGO_WRITER_INTERRUPTED,
  MONGO_WRITER_TIMEOUT,
  MONGO_WRITER_FAILED, /* MongoWriterFuncs.failed or rejected has posted why */
} MongoWriterReturn;

typedef struct _MongoWriter MongoWriter;

/**
 * mongo_writer_start:
 * @owner: not kept alive beyond mongo_writer_stop()
 * @uri: copied, as are @target and @settings
 *
 * Starts the threads that own the connections, and doesn't wait for them. A database that can't be
 * reached within five seconds is a failure.
 */
MongoWriter *mongo_writer_start (GstElement *owner, const MongoWriterFuncs *funcs,
    const mongoc_uri_t *uri, const MongoTarget *target, const MongoWriterSettings *settings);

/* Takes @item over if it returns OK; waits while four batches are waiting already. */
MongoWriterReturn mongo_writer_push (MongoWriter *self, MongoItem *item);

/* Waits until all is settled. */
MongoWriterReturn mongo_writer_drain (MongoWriter *self, gint64 deadline);

/* While set, push and drain return INTERRUPTED instead of waiting. */
void mongo_writer_set_interrupted (MongoWriter *self, gboolean interrupted);

void mongo_writer_get_stats (MongoWriter *self, MongoWriterStats *stats);

/* Writes what is waiting, as far as a second and a half suffice; what isn't settled then is marked
 * failed. A thread that is stuck in the library goes on alone, to clean up after itself. */
void mongo_writer_stop (MongoWriter *self);
void mongo_writer_unref (MongoWriter *self);

G_END_DECLS
