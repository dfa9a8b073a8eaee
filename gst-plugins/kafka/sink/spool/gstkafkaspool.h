/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "gstkafkaspoolstore.h"

G_BEGIN_DECLS

/**
 * GstKafkaSpoolOrder:
 * @GST_KAFKA_SPOOL_ORDER_LIVE_FIRST: buffers from the disk are sent while no other buffer waits
 * @GST_KAFKA_SPOOL_ORDER_OLDEST_FIRST: new buffers are sent after those on the disk
 *
 * The order in which kafkasink sends the buffers on the disk and the buffers that arrive meanwhile.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_SPOOL_ORDER_LIVE_FIRST,
  GST_KAFKA_SPOOL_ORDER_OLDEST_FIRST,
} GstKafkaSpoolOrder;

typedef struct {
  guint64 bytes;     /* limit for the size of the file; 0: no limit, also for `time` and `rate` */
  GstClockTime time; /* limit for the time that a message stays on the disk, ns */
  guint rate;        /* limit for the rate of messages from the disk, per second */
  GstKafkaSpoolOrder order;
} GstKafkaSpoolLimits;

/* The queue of messages that wait on the disk. The spool's own thread reads and writes the disk.
 * Calls wait for the disk only if their comment says so. The spool's lock is the last one of the
 * lock order. The spool posts bus messages without its lock. */
typedef struct _GstKafkaSpool GstKafkaSpool;

/**
 * gst_kafka_spool_new:
 * @element: the element that posts bus messages; it must live until gst_kafka_spool_free() has
 *   returned
 * @error: GST_RESOURCE_ERROR_BUSY, OPEN_WRITE or NO_SPACE_LEFT, with a text that says what to do
 *
 * Returns: (nullable)
 */
GstKafkaSpool *gst_kafka_spool_new (
    GstElement *element, const gchar *dir, const GstKafkaSpoolLimits *limits, GError **error);
/* Ends the spool's thread after all messages are written. If the disk fails, the messages that
 * can't be written count as dropped, and a warning is posted. No message may be put or taken
 * afterwards. */
void gst_kafka_spool_stop (GstKafkaSpool *self);
/* Frees the spool, and stops it first if it is still running. */
void gst_kafka_spool_free (GstKafkaSpool *self);

/* Appends @message (transfer full), of which the send queue keeps no copy. */
void gst_kafka_spool_put (GstKafkaSpool *self, GstKafkaSpoolMessage *message);
/* Appends a copy (transfer full) of a message that librdkafka is sending. Returns the id of the
 * copy, for gst_kafka_spool_done(). */
guint64 gst_kafka_spool_copy (GstKafkaSpool *self, GstKafkaSpoolMessage *message);
/* Returns: (transfer full) (nullable): the next message to send, or %NULL if the rate doesn't
 * permit one now. The message stays on the disk until gst_kafka_spool_done(). A message with the id
 * 0 isn't on the disk. */
GstKafkaSpoolMessage *gst_kafka_spool_take (GstKafkaSpool *self);
/* Removes the message with @id from the disk, because it was delivered or the brokers refused it
 * for good. */
void gst_kafka_spool_done (GstKafkaSpool *self, guint64 id);
/* Returns TRUE if the message with @id, which was copied or taken, is on the disk or will be
 * written to it. Returns FALSE if the message was lost in a damaged database. */
gboolean gst_kafka_spool_has (GstKafkaSpool *self, guint64 id);

/* Returns TRUE if the spool has messages that gst_kafka_spool_take() hasn't returned yet. */
gboolean gst_kafka_spool_is_behind (GstKafkaSpool *self);
/* Returns TRUE if new messages have to wait in the spool, behind those that it has. */
gboolean gst_kafka_spool_takes_new (GstKafkaSpool *self);
/* Returns the time in us for sending all waiting messages at the rate limit; 0 without a limit. */
gint64 gst_kafka_spool_needs (GstKafkaSpool *self);
/* Returns the bytes of the messages in memory that aren't on the disk yet. */
guint64 gst_kafka_spool_unwritten (GstKafkaSpool *self);
/* Waits until all messages are on the disk, at most until @deadline (monotonic time, us). */
gboolean gst_kafka_spool_flush (GstKafkaSpool *self, gint64 deadline);
/* Sets the limit for the messages in memory that a failing disk doesn't take. Above this limit the
 * oldest of these messages are dropped. @bytes: half of the limit for the send queue; 0: no
 * limit */
void gst_kafka_spool_set_memory (GstKafkaSpool *self, guint64 bytes);

/* Adds the counters to @stats. @self: (nullable): all counters are 0 without a spool. */
void gst_kafka_spool_add_stats (GstKafkaSpool *self, GstStructure *stats);
/* Posts the number of messages that are left on the disk for the next start, unless none is
 * left. */
void gst_kafka_spool_report_rest (GstKafkaSpool *self);

G_END_DECLS
