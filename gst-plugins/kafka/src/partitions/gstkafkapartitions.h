/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkadamage.h"
#include "gstkafkaheld.h"
#include "gstkafkaledger.h"
#include "gstkafkalog.h"
#include "gstkafkasuspicion.h"

G_BEGIN_DECLS

/* A partition that is assigned to a consumer. */
typedef struct {
  gchar *topic;
  gint partition;
  GstKafkaLedger *ledger;
  gint64 position; /* the next offset to go downstream; -1: not known yet */
  gint64 high;     /* the offset that the next published message will get; -1: not known */
  gint64 end;      /* offset before which reading ends; -1: reading never ends */
  /* offset at which this member began to read, which is committed at once for the group; -1: not
   * known */
  gint64 start;
  gint64 stored; /* offset that was last passed to librdkafka to commit; -1: none yet */
  GstKafkaSuspicion suspicion;
  gboolean announced; /* the mark `running` was committed in the group's metadata */
  gboolean leaving;   /* the partition is being revoked: none of its messages is pushed any more */
  gboolean failure_told;
  gboolean granted; /* the partition was read at least once since it was assigned */
  gboolean refused; /* the broker refuses to let the partition be read */
  GstKafkaDamage damage;
  /* the offset after the newest message when a message was last compared with it; 0: never */
  gint64 newest;
  guint doubts; /* number of successive messages beyond the newest one */
  gint64 heard; /* the time when the last message or event of the partition came, monotonic us */
  /* the last event was the end of the partition; later offsets may belong to a running
   * transaction */
  gboolean drained;
  gboolean silence_told;
  GstKafkaHeld held;
  gint64 asked; /* the offset that was requested as the start; -1: not known */
  /* the broker refused the position; messages are dropped until there is a new position */
  gboolean astray;
  /* the refused offset, if this element requested it; -1: librdkafka derived the offset from
   * damaged data */
  gint64 refused_at;
  GstKafkaLog log;
  guint missed;      /* number of successive answers that lack the partition */
  gint64 missed_at;  /* the time of the first of these answers, monotonic us */
  gboolean replaced; /* the position is invalid because the log was replaced */
  gboolean reset_told;
} GstKafkaPartition;

/* Returns: (nullable): the partition with this topic and number */
GstKafkaPartition *gst_kafka_partitions_find (GPtrArray *self, const gchar *topic, gint partition);

/* Returns the offset that librdkafka has to request next; -1: the group's committed offset, which
 * isn't known */
gint64 gst_kafka_partition_get_place (const GstKafkaPartition *self);

/* Notes whether an answer of the brokers has the partition. Returns TRUE if the partition exists
 * again after at least two successive answers, and 5 s, without it, because its topic was deleted
 * and created again. Fewer answers may come from a broker that has just started and doesn't know
 * its topics yet. @now: monotonic, us */
gboolean gst_kafka_partition_note_answer (GstKafkaPartition *self, gboolean exists, gint64 now);

/* Sets @value, which is unset, to a GstValueArray of int: the numbers of the partitions. */
void gst_kafka_partitions_to_value (GPtrArray *self, GValue *value);
/* Returns: (transfer full): the list of all partitions, each with @offset. */
rd_kafka_topic_partition_list_t *gst_kafka_partitions_to_list (GPtrArray *self, gint64 offset);

G_END_DECLS
