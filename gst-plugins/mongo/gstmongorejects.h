/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "fogslot.h"

G_BEGIN_DECLS

/* Headers that say why a document was rejected. */
#define MONGO_HEADER_REJECT_REASON "reject-reason"
#define MONGO_HEADER_REJECT_CODE "reject-code"

/**
 * GstMongoSinkOnError:
 * @GST_MONGO_SINK_SKIP: count the document, post a warning, go on with the next
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

/* The return of gst_mongo_rejects_take() when it would have to wait. */
#define GST_MONGO_FLOW_INTERRUPTED GST_FLOW_CUSTOM_SUCCESS

/* Handles documents that can never be stored. Rejected documents leave by the request pad
 * `rejects`, or are reported if that pad isn't linked. These functions are called on the streaming
 * thread and on the writer's threads. A task of its own pushes into the pad, because elements
 * behind it may block, and a state change must not wait for them. */
typedef struct {
  GstElement *element;

  /* The lock guards the five fields below. No other lock is taken while this one is held. */
  GMutex lock;
  GCond changed; /* signalled after each change of these fields */
  GQueue queue;  /* items for the pad's task */
  gsize queued_bytes;
  gboolean flushing, interrupted;
  GstFlowReturn flow; /* result of the last push */

  FogSlot slot;

  /* Guarded by the element's object lock. */
  GstMongoSinkOnError on_error;
  guint64 unreported;  /* documents skipped since the last warning */
  gint64 last_warning; /* monotonic time, us */
} GstMongoRejects;

/* A document that can never be stored. */
typedef struct {
  GstBuffer *origin;
  gconstpointer data; /* the document's bytes as they came */
  gsize size;
  const gchar *reason;
  gint code; /* the database's error code; 0: the document was not sent to the database */
} GstMongoReject;

void gst_mongo_rejects_init (GstMongoRejects *self, GstElement *element);
void gst_mongo_rejects_clear (GstMongoRejects *self);

/* Returns: (nullable): the new pad; %NULL if it exists already */
GstPad *gst_mongo_rejects_request_pad (GstMongoRejects *self, GstPadTemplate *template);
void gst_mongo_rejects_release_pad (GstMongoRejects *self, GstPad *pad);

/* @caps: of the document. Returns GST_FLOW_OK if the document was handled: without the pad its
 * message is marked done, with it the elements behind the pad decide. Returns
 * GST_MONGO_FLOW_INTERRUPTED if the pad's queue is full and @interruptible forbids to wait. Any
 * other return value ends the stream, and the error has been posted. */
GstFlowReturn gst_mongo_rejects_take (
    GstMongoRejects *self, GstCaps *caps, const GstMongoReject *reject, gboolean interruptible);
void gst_mongo_rejects_set_interrupted (GstMongoRejects *self, gboolean interrupted);

/* Pushes EOS into the pad after the queued documents. */
void gst_mongo_rejects_end (GstMongoRejects *self);

G_END_DECLS
