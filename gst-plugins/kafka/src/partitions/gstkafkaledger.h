/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkameta.h"

G_BEGIN_DECLS

/* How long a message that was released without a mark waits for an error that may follow, us. */
#define GST_KAFKA_LEDGER_PARKING_TIME (2 * G_USEC_PER_SEC)

/**
 * GstKafkaLedger:
 *
 * The ack ledger of one partition, as long as it is assigned. Offsets are added in the order of
 * fetching, outcomes come in any order, and the ledger returns the end of the done prefix. All
 * times are monotonic, in us. Any thread may use it.
 */
typedef struct _GstKafkaLedger GstKafkaLedger;

/* The state of the flow, as the source sees it. */
typedef struct {
  gint64 pushed;  /* when the last push that returned OK began */
  gint64 playing; /* when the source went to PLAYING */
} GstKafkaFlow;

GstKafkaLedger *gst_kafka_ledger_new (void);
GstKafkaLedger *gst_kafka_ledger_ref (GstKafkaLedger *self);
void gst_kafka_ledger_unref (GstKafkaLedger *self);

/* A message was fetched. Offsets grow, with gaps. */
void gst_kafka_ledger_add (GstKafkaLedger *self, gint64 offset);

/* The outcome of a message. A message without a mark is parked. Unknown offsets are ignored. */
void gst_kafka_ledger_decide (
    GstKafkaLedger *self, gint64 offset, GstKafkaAckOutcome outcome, gint64 now);

/**
 * gst_kafka_ledger_settle:
 * @flow: (nullable): %NULL if the source isn't in PLAYING or had a flow error: then parked messages
 *   don't become done
 *
 * A parked message becomes done when a push after its release has returned OK and the parking time
 * has passed without an error.
 *
 * Returns: the offset after the done prefix, where a replay begins; -1 if nothing is done yet
 */
gint64 gst_kafka_ledger_settle (GstKafkaLedger *self, const GstKafkaFlow *flow, gint64 now);

/* Parked messages are read again, because the stream was flushed. */
void gst_kafka_ledger_fail_parked (GstKafkaLedger *self);

/* The stream has ended cleanly: parked messages are done, and so are messages that elements keep
 * until they stop (a sink its last sample), unless they mark them failed. A flush revokes that. */
void gst_kafka_ledger_end (GstKafkaLedger *self);

/* When a message was last released without a mark; 0: never. */
gint64 gst_kafka_ledger_get_released (GstKafkaLedger *self);
/* Whether the message has no mark, and its parking time isn't over. */
gboolean gst_kafka_ledger_is_undecided (GstKafkaLedger *self, gint64 offset);
/* Number of messages that are still in the pipeline. */
guint gst_kafka_ledger_get_pending (GstKafkaLedger *self);
/* Number of parked messages. */
guint gst_kafka_ledger_get_parked (GstKafkaLedger *self);
/* The first offset that failed, at which commits stop; -1: none failed. */
gint64 gst_kafka_ledger_get_failed (GstKafkaLedger *self);

G_END_DECLS
