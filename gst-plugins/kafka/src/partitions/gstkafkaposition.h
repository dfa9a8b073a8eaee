/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkareset.h"
#include "gstkafkasuspicion.h"

G_BEGIN_DECLS

/* The start and end of reading a partition, according to the properties. */
typedef struct {
  gboolean committed; /* TRUE if reading continues at the group's committed offset */
  /* TRUE if reading begins at the oldest message, not at the next one to be published, if no other
   * start is set */
  gboolean earliest;
  /* policy if there is no position, or if the position doesn't exist */
  GstKafkaSrcOffsetReset reset;
  gint64 start_offset;     /* -1: not set */
  GstClockTime start_time; /* ns since the Unix epoch */
  gboolean stop_at_end;    /* TRUE if the end is the last message at the time of the query */
  gint64 end_offset;       /* excluded; -1: not set */
  GstClockTime end_time;   /* end time in ns since the Unix epoch, excluded */
  gchar run[17];           /* a random name of this run, for the metadata that it commits */
} GstKafkaRange;

/* The start and end that were found for one partition. */
typedef struct {
  gint64 start;       /* an offset, or a logical offset of librdkafka */
  gint64 low;         /* -1: not known */
  gint64 high;        /* -1: not known */
  gint64 end;         /* -1: none */
  gboolean committed; /* TRUE if `start` is the group's committed offset */
  /* the reason why the requested start can't be used, if it is known before reading */
  GstKafkaReset reset;
  GstKafkaSuspicion suspicion;
} GstKafkaPosition;

/**
 * gst_kafka_range_resolve:
 * @list: the partitions; the offset RD_KAFKA_OFFSET_BEGINNING marks a new partition, which is read
 *   from its first message. The function replaces the offsets in the list by the start offsets.
 * @positions: (out): an array with as many elements as @list has
 *
 * Finds the start and the end of each partition by queries to the brokers, which take some seconds
 * at most.
 *
 * Returns: an error if a time or an end could not be looked up. If only a start could not be looked
 * up, librdkafka chooses it.
 */
rd_kafka_resp_err_t gst_kafka_range_resolve (const GstKafkaRange *self, rd_kafka_t *rk,
    rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions);

/* Posts a warning if end-offset or end-time leaves no message to read, although the partitions have
 * messages and no group has committed an offset. */
void gst_kafka_range_warn_if_empty (
    const GstKafkaRange *self, const GstKafkaPosition *positions, gint count, GstElement *element);

/* Returns TRUE if a message with @timestamp (ms since the Unix epoch) is at or after the end
 * time. */
gboolean gst_kafka_range_excludes (const GstKafkaRange *self, gint64 timestamp);
/* Returns TRUE if an end time is set and has passed. */
gboolean gst_kafka_range_is_over (const GstKafkaRange *self);
/* Queries the end offsets again, because end-time was in the future at the first query. An end for
 * which no answer comes stays -1. */
void gst_kafka_range_find_ends (const GstKafkaRange *self, rd_kafka_t *rk,
    const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions);

G_END_DECLS
