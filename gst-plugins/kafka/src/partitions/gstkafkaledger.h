/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaack.h"

G_BEGIN_DECLS

/* How long a token that nobody decided on is waited for an error that
 * may follow its release, us. */
#define GST_KAFKA_LEDGER_PARKING_TIME (2 * G_USEC_PER_SEC)

/**
 * GstKafkaLedger:
 *
 * The ack ledger of one partition, as long as it is assigned: offsets go in as they are
 * fetched, outcomes come in any order, and the end of the done prefix comes out. All times are
 * monotonic, in us. From any thread.
 */
typedef struct _GstKafkaLedger GstKafkaLedger;

/* What the flow of buffers has been like, as far as the source knows. */
typedef struct {
  gint64 pushed;  /* when the last push began that returned OK */
  gint64 playing; /* since when the source has been in PLAYING */
} GstKafkaFlow;

GstKafkaLedger *gst_kafka_ledger_new (void);
GstKafkaLedger *gst_kafka_ledger_ref (GstKafkaLedger *self);
void gst_kafka_ledger_unref (GstKafkaLedger *self);

/* A message was fetched; offsets grow, with gaps. */
void gst_kafka_ledger_add (GstKafkaLedger *self, gint64 offset);

/* What became of it. An undecided one is parked. Offsets that are not in the ledger are ignored. */
void gst_kafka_ledger_decide (
    GstKafkaLedger *self, gint64 offset, GstKafkaAckOutcome outcome, gint64 now);

/**
 * gst_kafka_ledger_settle:
 * @flow: (nullable): %NULL if the source isn't in PLAYING, or had a flow
 *   error: nothing parked counts then
 *
 * Parked tokens become done once a push after their release returned OK and the
 * parking time passed without an error.
 *
 * Returns: the offset after the done prefix, where a replay begins; -1 if nothing is done yet
 */
gint64 gst_kafka_ledger_settle (GstKafkaLedger *self, const GstKafkaFlow *flow, gint64 now);

/* What is parked is to come again: the stream was flushed. */
void gst_kafka_ledger_fail_parked (GstKafkaLedger *self);

/* The stream has ended well: what is parked is done, and so is what elements keep until they stop
 * (a sink its last sample), unless they mark it. A flush takes that back. */
void gst_kafka_ledger_end (GstKafkaLedger *self);

/* When a message was let go undecided last; 0: none was. */
gint64 gst_kafka_ledger_get_released (GstKafkaLedger *self);
/* Nobody has decided on it, nor has its time as a parked one passed. */
gboolean gst_kafka_ledger_is_undecided (GstKafkaLedger *self, gint64 offset);
/* Messages that are still in the pipeline. */
guint gst_kafka_ledger_get_pending (GstKafkaLedger *self);
/* Messages let go undecided that wait for their time. */
guint gst_kafka_ledger_get_parked (GstKafkaLedger *self);
/* The first offset that failed, where the ledger stops for good; -1 if none did. */
gint64 gst_kafka_ledger_get_failed (GstKafkaLedger *self);

G_END_DECLS
