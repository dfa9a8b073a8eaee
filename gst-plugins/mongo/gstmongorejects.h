/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The headers that tell why a document is where it is. */
#define MONGO_HEADER_REJECT_REASON "reject-reason"
#define MONGO_HEADER_REJECT_CODE "reject-code"

/* What goes out of mongosink's request pad `rejects`, from the streaming thread and from the writer's. */
typedef struct {
  GMutex lock; /* held while pushing: one at a time; taken under no other lock */
} GstMongoRejects;

void gst_mongo_rejects_init (GstMongoRejects *self);
void gst_mongo_rejects_clear (GstMongoRejects *self);

/* A buffer of its own with @data in it, and times, headers and ack token of @origin. @code 0: none. */
GstBuffer *gst_mongo_reject_new (
    GstBuffer *origin, gconstpointer data, gsize size, const gchar *reason, gint code);

/* @buffer is (transfer full). */
GstFlowReturn gst_mongo_rejects_push (
    GstMongoRejects *self, GstPad *pad, GstCaps *caps, GstBuffer *buffer);

G_END_DECLS
