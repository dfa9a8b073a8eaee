/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The headers that tell why a document is where it is. */
#define MONGO_HEADER_REJECT_REASON "reject-reason"
#define MONGO_HEADER_REJECT_CODE "reject-code"

/**
 * GstMongoSinkOnError:
 * @GST_MONGO_SINK_SKIP: count it, post a warning, go on with the next
 * @GST_MONGO_SINK_FAIL: post an error and stop
 *
 * What to do about a document that can't be stored, today or ever.
 */
typedef enum {
  GST_MONGO_SINK_SKIP,
  GST_MONGO_SINK_FAIL,
} GstMongoSinkOnError;

#define GST_TYPE_MONGO_SINK_ON_ERROR (gst_mongo_sink_on_error_get_type ())
GType gst_mongo_sink_on_error_get_type (void);

/* What gst_mongo_rejects_take() returns instead of waiting. */
#define GST_MONGO_FLOW_INTERRUPTED GST_FLOW_CUSTOM_SUCCESS

/* What becomes of documents that can't be stored: they leave by the request pad `rejects`,
 * or are told of. Called from the streaming thread and from the writer's; the pad pushes
 * from a task of its own, since what stands behind it may block for as long as it likes,
 * and a state change must not. */
typedef struct {
  GstElement *element; /* whose part it is */

  GMutex lock;   /* guards what follows; leaf */
  GCond changed; /* any of it */
  GQueue queue;  /* what the pad's task is to push */
  gsize queued_bytes;
  gboolean flushing, interrupted;
  GstFlowReturn flow; /* of the last push */

  /* Guarded by the element's object lock. */
  GstPad *pad; /* nullable */
  GstMongoSinkOnError on_error;
  guint64 unreported;  /* documents no warning has told of */
  gint64 last_warning; /* monotonic */
} GstMongoRejects;

/* A document that can't be stored, as it came. */
typedef struct {
  GstBuffer *origin;
  gconstpointer data;
  gsize size;
  const gchar *reason;
  gint code; /* the database's; 0: it was never asked */
} GstMongoReject;

void gst_mongo_rejects_init (GstMongoRejects *self, GstElement *element);
void gst_mongo_rejects_clear (GstMongoRejects *self);

/* NULL: the pad is there already. */
GstPad *gst_mongo_rejects_request_pad (GstMongoRejects *self, GstPadTemplate *template);
void gst_mongo_rejects_release_pad (GstMongoRejects *self, GstPad *pad);

/* @caps: what the document is of. OK: dealt with, its message marked done unless whoever is
 * behind the pad has to decide on it; GST_MONGO_FLOW_INTERRUPTED: too many wait for the
 * pad, and the caller, if @interruptible, must not; else the stream ends, and an error was
 * posted by whoever ended it. */
GstFlowReturn gst_mongo_rejects_take (
    GstMongoRejects *self, GstCaps *caps, const GstMongoReject *reject, gboolean interruptible);
void gst_mongo_rejects_set_interrupted (GstMongoRejects *self, gboolean interrupted);

/* The end of the stream. */
void gst_mongo_rejects_end (GstMongoRejects *self);

G_END_DECLS
