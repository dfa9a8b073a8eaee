/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstKafkaAckOutcome:
 * @GST_KAFKA_ACK_UNDECIDED: released without a mark: a decoder skipped it, or a queue dropped it
 * @GST_KAFKA_ACK_DONE: delivered, stored, or dropped on purpose
 * @GST_KAFKA_ACK_FAILED: an element gave up on it; the message has to be read again
 *
 * What became of a message of kafkasrc. It is notified once, when the last buffer that was made
 * from the message is freed.
 *
 * Since: 0.1
 */
typedef enum {
  GST_KAFKA_ACK_UNDECIDED,
  GST_KAFKA_ACK_DONE,
  GST_KAFKA_ACK_FAILED,
} GstKafkaAckOutcome;

/**
 * GstKafkaAckNotify:
 * @ledger: as in gst_kafka_ack_new()
 * @offset: the message's offset in its partition
 * @outcome: what became of it
 *
 * Called from the thread that frees the last buffer. It must not block.
 */
typedef void (*GstKafkaAckNotify) (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome);

/* The ack token is a GObject: so a GstStructure can hold it, and it lives as long as any copy of
 * that. */
GType gst_kafka_ack_get_type (void);

/**
 * gst_kafka_ack_new:
 * @ledger: passed to @notify; the token takes over one reference
 * @offset: the message's offset
 * @notify: called once, when the last reference to the token is released
 * @ledger_unref: (nullable): releases the reference to @ledger after @notify
 *
 * Returns: (transfer full): an undecided token
 */
GObject *gst_kafka_ack_new (
    gpointer ledger, gint64 offset, GstKafkaAckNotify notify, GDestroyNotify ledger_unref);

/* (transfer full): a token for a part of the message of @whole, which lives at least as long as the
 * part. If a part is released undecided, the whole is undecided, even if all other parts are
 * done. */
GObject *gst_kafka_ack_new_part (GObject *whole);

/* From any thread, any number of times. FAILED outweighs DONE. */
void gst_kafka_ack_mark (GObject *ack, GstKafkaAckOutcome outcome);

G_END_DECLS
