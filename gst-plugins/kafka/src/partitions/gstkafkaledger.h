/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* us: the time for which a message that was released without a mark waits for an error that may
 * follow. */
#define GST_KAFKA_LEDGER_PARKING_TIME (2 * G_USEC_PER_SEC)

/**
 * GstKafkaLedger:
 *
 * The ack ledger of one partition, kept as long as the partition is assigned. Offsets are added in
 * the order of fetching, and their outcomes come in any order; the ledger returns the offset before
 * which all messages are done. All times in this file are monotonic, in us. Any thread may use a
 * ledger.
 */
typedef struct _GstKafkaLedger GstKafkaLedger;

/* The state of the data flow, as the source sees it. */
typedef struct {
  gint64 pushed;  /* the time when the last push that returned OK began */
  gint64 playing; /* the time when the source went to PLAYING */
} GstKafkaFlow;

GstKafkaLedger *gst_kafka_ledger_new (void);
GstKafkaLedger *gst_kafka_ledger_ref (GstKafkaLedger *self);
void gst_kafka_ledger_unref (GstKafkaLedger *self);

/* Adds a fetched message. Each offset must be higher than the one before; gaps are allowed. */
void gst_kafka_ledger_add (GstKafkaLedger *self, gint64 offset);

/* Sets the outcome of a message. A message that is released without a mark is parked. Unknown
 * offsets are ignored. */
void gst_kafka_ledger_decide (
    GstKafkaLedger *self, gint64 offset, GstKafkaAckOutcome outcome, gint64 now);

/**
 * gst_kafka_ledger_settle:
 * @flow: (nullable): %NULL if the source isn't in PLAYING or had a flow error; with %NULL no parked
 *   message becomes done
 *
 * A parked message becomes done when a push after its release has returned OK and the parking time
 * has passed without an error.
 *
 * Returns: the offset before which all messages are done, and at which reading begins again after a
 * restart; -1 if no message is done yet
 */
gint64 gst_kafka_ledger_settle (GstKafkaLedger *self, const GstKafkaFlow *flow, gint64 now);

/* Handles a flush of the stream: all parked messages count as failed, so they are read again. */
void gst_kafka_ledger_fail_parked (GstKafkaLedger *self);

/* Handles a clean end of the stream, with which all parked messages become done. Messages that
 * elements keep until they stop, as a sink keeps its last sample, are also done, unless the
 * elements mark them failed. A flush revokes the clean end. */
void gst_kafka_ledger_end (GstKafkaLedger *self);

/* Returns the time when a message was last released without a mark; 0: never. */
gint64 gst_kafka_ledger_get_released (GstKafkaLedger *self);
/* Returns TRUE if the message has no mark, and its parking time isn't over. */
gboolean gst_kafka_ledger_is_undecided (GstKafkaLedger *self, gint64 offset);
/* Returns the number of messages that are still in the pipeline. */
guint gst_kafka_ledger_get_pending (GstKafkaLedger *self);
/* Returns the number of parked messages. */
guint gst_kafka_ledger_get_parked (GstKafkaLedger *self);
/* Returns the first failed offset, at which commits stop; -1: none failed. */
gint64 gst_kafka_ledger_get_failed (GstKafkaLedger *self);

G_END_DECLS
