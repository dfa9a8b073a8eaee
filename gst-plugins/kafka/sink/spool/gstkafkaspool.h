/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "gstkafkaspoolstore.h"

G_BEGIN_DECLS

/**
 * GstKafkaSpoolOrder:
 * @GST_KAFKA_SPOOL_ORDER_LIVE_FIRST: buffers from the disk go while no other buffer waits
 * @GST_KAFKA_SPOOL_ORDER_OLDEST_FIRST: new buffers follow those on the disk
 *
 * In which order kafkasink sends the buffers on the disk and those that come meanwhile.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_SPOOL_ORDER_LIVE_FIRST,
  GST_KAFKA_SPOOL_ORDER_OLDEST_FIRST,
} GstKafkaSpoolOrder;

typedef struct {
  guint64 bytes;     /* of the file; 0 means no bound, for time and rate too */
  GstClockTime time; /* since a message was put aside */
  guint rate;        /* messages per second */
  GstKafkaSpoolOrder order;
} GstKafkaSpoolLimits;

/* The messages that wait on disk. A thread of its own reads and writes the disk; no other call
 * waits for it unless it says so. It takes its own lock last, and posts messages without it. */
typedef struct _GstKafkaSpool GstKafkaSpool;

/**
 * gst_kafka_spool_new:
 * @element: posts the messages; must live until gst_kafka_spool_free() has returned
 * @error: GST_RESOURCE_ERROR_BUSY, OPEN_WRITE, NO_SPACE_LEFT, with what to do
 *
 * Returns: (nullable)
 */
GstKafkaSpool *gst_kafka_spool_new (
    GstElement *element, const gchar *dir, const GstKafkaSpoolLimits *limits, GError **error);
/* Waits until everything is written that the disk takes. */
void gst_kafka_spool_free (GstKafkaSpool *self);

/* Appends @message (transfer full), which only the spool has from now on. */
void gst_kafka_spool_put (GstKafkaSpool *self, GstKafkaSpoolMessage *message);
/* Appends a copy (transfer full) of a message that is being sent. Returns its id, for
 * gst_kafka_spool_done(). */
guint64 gst_kafka_spool_copy (GstKafkaSpool *self, GstKafkaSpoolMessage *message);
/* (transfer full) (nullable): the next message to send, if the rate allows one now. It stays on the
 * disk until gst_kafka_spool_done(), unless its id is 0. */
GstKafkaSpoolMessage *gst_kafka_spool_take (GstKafkaSpool *self);
/* The message that was copied or taken is delivered, or is refused for good. */
void gst_kafka_spool_done (GstKafkaSpool *self, guint64 id);

/* TRUE: messages wait in it that nobody has taken. */
gboolean gst_kafka_spool_is_behind (GstKafkaSpool *self);
/* TRUE: new messages have to follow those that wait in it. */
gboolean gst_kafka_spool_takes_new (GstKafkaSpool *self);
/* How long the messages that wait take to be sent at the rate, in us. */
gint64 gst_kafka_spool_needs (GstKafkaSpool *self);
/* Bytes in memory that aren't on the disk yet. */
guint64 gst_kafka_spool_unwritten (GstKafkaSpool *self);
/* Waits until what was put is on the disk, at most until @deadline (monotonic time, us). */
gboolean gst_kafka_spool_flush (GstKafkaSpool *self, gint64 deadline);
/* Half of the bytes that memory may hold: of older messages beyond it that no disk takes, the
 * oldest are dropped. 0: no bound. */
void gst_kafka_spool_set_memory (GstKafkaSpool *self, guint64 bytes);

/* (nullable): adds the counters to @stats; all are 0 if @self is %NULL. */
void gst_kafka_spool_add_stats (GstKafkaSpool *self, GstStructure *stats);
/* Posts how many messages wait for the next start, if any do. */
void gst_kafka_spool_report_rest (GstKafkaSpool *self);

G_END_DECLS
