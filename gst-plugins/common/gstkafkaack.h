/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstKafkaAckOutcome:
 * @GST_KAFKA_ACK_UNDECIDED: let go without a word (a decoder skipped it, a queue dropped it)
 * @GST_KAFKA_ACK_DONE: delivered, stored, or dropped on purpose
 * @GST_KAFKA_ACK_FAILED: given up on; the message has to come again
 *
 * What became of a consumed message, told once, when the last buffer made from it is gone.
 */
typedef enum {
  GST_KAFKA_ACK_UNDECIDED,
  GST_KAFKA_ACK_DONE,
  GST_KAFKA_ACK_FAILED,
} GstKafkaAckOutcome;

/**
 * GstKafkaAckNotify:
 * @ledger: what gst_kafka_ack_new() was given
 * @offset: the message's offset in its partition
 * @outcome: what became of it
 *
 * Called from whichever thread lets go of the last buffer. It must not block.
 */
typedef void (*GstKafkaAckNotify) (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome);

/* The ack token is a GObject, so that it travels in a GstStructure and lives as long as any copy. */
GType gst_kafka_ack_get_type (void);

/**
 * gst_kafka_ack_new:
 * @ledger: handed to @notify; the token takes over one reference
 * @offset: the message's offset
 * @notify: called once, when the last reference is gone
 * @ledger_unref: gives that reference back after @notify, or %NULL
 *
 * Returns: (transfer full): a token nobody has decided on
 */
GObject *gst_kafka_ack_new (
    gpointer ledger, gint64 offset, GstKafkaAckNotify notify, GDestroyNotify ledger_unref);

/* (transfer full): a token for a part of what @whole stands for, which lives on until the part is gone. While a part is let
 * go undecided, the others being done doesn't make the whole done. */
GObject *gst_kafka_ack_new_part (GObject *whole);

/* Decide; from any thread, any number of times. A failure stays a failure. */
void gst_kafka_ack_mark (GObject *ack, GstKafkaAckOutcome outcome);

G_END_DECLS
