/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "fogslot.h"

G_BEGIN_DECLS

/* Names of the headers of a rejected document that say why it was rejected. */
#define MONGO_HEADER_REJECT_REASON "reject-reason"
#define MONGO_HEADER_REJECT_CODE "reject-code"

/**
 * GstMongoSinkOnError:
 * @GST_MONGO_SINK_SKIP: count the document, post a warning, and continue with the next document
 * @GST_MONGO_SINK_FAIL: post an error and stop
 *
 * The action for a document that can never be stored.
 *
 * Since: 0.1
 */
typedef enum {
  GST_MONGO_SINK_SKIP,
  GST_MONGO_SINK_FAIL,
} GstMongoSinkOnError;

#define GST_TYPE_MONGO_SINK_ON_ERROR (gst_mongo_sink_on_error_get_type ())
GType gst_mongo_sink_on_error_get_type (void);

/* The return value of gst_mongo_rejects_take() if it would have to wait, but must not. */
#define GST_MONGO_FLOW_INTERRUPTED GST_FLOW_CUSTOM_SUCCESS

/* The part of mongosink that handles documents that can never be stored. These rejected documents
 * leave by the request pad `rejects`, or are reported if that pad isn't linked. The functions are
 * called on the streaming thread and on the writer's threads. A task of the pad pushes the
 * documents, because elements behind the pad may block, and a state change must not wait for
 * them. */
typedef struct {
  GstElement *element;

  /* The lock `lock` guards the fields from `queue` to `flow`. No other lock is taken while `lock`
   * is held. */
  GMutex lock;
  GCond changed; /* signalled after each change of a field that the lock guards */
  GQueue queue;  /* the rejected documents, and EOS, that the task of the pad has to push */
  gsize queued_bytes;
  gboolean flushing, interrupted;
  GstFlowReturn flow; /* flow return of the last push by the pad */

  FogSlot slot;

  /* Guarded by the element's object lock. */
  GstMongoSinkOnError on_error;
  guint64 unreported;  /* number of documents that were skipped since the last warning */
  gint64 last_warning; /* monotonic time, us */
} GstMongoRejects;

/* A document that can never be stored. */
typedef struct {
  GstBuffer *origin;
  gconstpointer data; /* the document's bytes as they came in the buffer */
  gsize size;
  const gchar *reason;
  gint code; /* the database's error code; 0: the document wasn't sent to the database */
} GstMongoReject;

void gst_mongo_rejects_init (GstMongoRejects *self, GstElement *element);
void gst_mongo_rejects_clear (GstMongoRejects *self);

/* Returns: (nullable): the new pad `rejects`; %NULL if the element has one already */
GstPad *gst_mongo_rejects_request_pad (GstMongoRejects *self, GstPadTemplate *template);
void gst_mongo_rejects_release_pad (GstMongoRejects *self, GstPad *pad);

/* @caps: caps of the document. Returns GST_FLOW_OK if the document was handled: if the pad
 * `rejects` isn't linked, the document's Kafka message is marked done, otherwise the elements
 * behind the pad decide about it. Returns GST_MONGO_FLOW_INTERRUPTED if the pad's queue is full,
 * and a wait was interrupted while @interruptible is TRUE. Any other return value ends the stream;
 * the error has been posted. */
GstFlowReturn gst_mongo_rejects_take (
    GstMongoRejects *self, GstCaps *caps, const GstMongoReject *reject, gboolean interruptible);
void gst_mongo_rejects_set_interrupted (GstMongoRejects *self, gboolean interrupted);

/* Queues EOS for the pad `rejects`, behind the documents that are queued already. */
void gst_mongo_rejects_end (GstMongoRejects *self);

G_END_DECLS
