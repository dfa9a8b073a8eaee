/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkadamage.h"
#include "gstkafkaledger.h"
#include "gstkafkasuspicion.h"

G_BEGIN_DECLS

/* One partition that is assigned to a consumer. */
typedef struct {
  gchar *topic;
  gint partition;
  GstKafkaLedger *ledger;
  gint64 position; /* the next offset to go downstream; -1 if not known yet */
  gint64 high;     /* the offset that the next message published will get; -1 if not known */
  gint64 end;      /* reading ends before it; -1: never */
  gint64 start;    /* where a group begins, committed at once; -1: not known */
  gint64 stored;   /* handed to the library to commit; -1: nothing yet */
  GstKafkaSuspicion suspicion;
  gboolean announced; /* the group has been told that a run is under way */
  gboolean marked;    /* the suspicion names a message of this run */
  gboolean leaving;   /* being revoked: nothing of it goes downstream any more */
  gboolean failure_told;
  gboolean granted; /* it could be read since it was assigned */
  gboolean refused; /* the broker doesn't let us read it any more */
  GstKafkaDamage damage;
  gint64 asked;      /* where it was told to begin; -1: not known */
  gboolean astray;   /* its place was refused: what comes is dropped until it has another one */
  gint64 refused_at; /* the offset of that, if it was asked for; -1: the library made it up */
  gboolean reset_told;
} GstKafkaPartition;

/* The assignment: a GPtrArray of GstKafkaPartition, with its user's lock held throughout. */
GPtrArray *gst_kafka_partitions_new (void);
GstKafkaPartition *gst_kafka_partitions_add (GPtrArray *self, const gchar *topic, gint partition);
/* (nullable) */
GstKafkaPartition *gst_kafka_partitions_find (GPtrArray *self, const gchar *topic, gint partition);
void gst_kafka_partitions_remove (GPtrArray *self, const gchar *topic, gint partition);

/* The offset that the library is to ask for next; -1: the group's, which isn't known. */
gint64 gst_kafka_partition_get_place (const GstKafkaPartition *self);
/* Messages of it not yet pushed downstream, as far as is known. */
guint64 gst_kafka_partition_get_lag (const GstKafkaPartition *self);
guint64 gst_kafka_partitions_get_lag (GPtrArray *self);
guint gst_kafka_partitions_get_pending (GPtrArray *self);
guint gst_kafka_partitions_get_parked (GPtrArray *self);
/* The latest of gst_kafka_ledger_get_released(). */
gint64 gst_kafka_partitions_get_released (GPtrArray *self);
/* All of them are read to their end, and there is one at least. */
gboolean gst_kafka_partitions_are_at_end (GPtrArray *self);
/* One of them at least is to be read for ever. */
gboolean gst_kafka_partitions_lack_end (GPtrArray *self);
/* Unless it has an end already, or is none of them. */
void gst_kafka_partitions_end (GPtrArray *self, const gchar *topic, gint partition, gint64 end);

/* (transfer full) (nullable): what is done and not yet in Kafka's hands; with @all, whether or not
 * it was handed over before. @flow as for gst_kafka_ledger_settle(). */
rd_kafka_topic_partition_list_t *gst_kafka_partitions_take_done (
    GPtrArray *self, const GstKafkaFlow *flow, gboolean leaving_only, gboolean all);
/* Forgets what is done. */
void gst_kafka_partitions_settle (GPtrArray *self, const GstKafkaFlow *flow);
/* Messages of revoked partitions that are still in the pipeline. */
guint gst_kafka_partitions_count_leaving (GPtrArray *self);
/* (nullable): one with a failure that nobody was told of. */
GstKafkaPartition *gst_kafka_partitions_find_failure (GPtrArray *self);
void gst_kafka_partitions_fail_parked (GPtrArray *self);
/* As gst_kafka_ledger_end(), for all of them. */
void gst_kafka_partitions_end_stream (GPtrArray *self);

/* A GstValueArray of int. */
void gst_kafka_partitions_to_value (GPtrArray *self, GValue *value);
/* A GstValueArray of string: the topic of each. */
void gst_kafka_partitions_to_topics (GPtrArray *self, GValue *value);
/* A GstValueArray of GstStructure, for the stats. */
void gst_kafka_partitions_to_stats (GPtrArray *self, GValue *value);
/* (transfer full): all of them, with @offset. */
rd_kafka_topic_partition_list_t *gst_kafka_partitions_to_list (GPtrArray *self, gint64 offset);

G_END_DECLS
