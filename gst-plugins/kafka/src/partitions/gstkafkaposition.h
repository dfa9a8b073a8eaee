/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkareset.h"
#include "gstkafkasuspicion.h"

G_BEGIN_DECLS

/* The start and end of reading a partition, according to the properties. */
typedef struct {
  gboolean committed; /* continue at the group's committed offset */
  /* begin at the first message, not at the next one, if no other start is set */
  gboolean earliest;
  GstKafkaSrcOffsetReset reset; /* policy for a position that doesn't exist, and for no position */
  gint64 start_offset;          /* -1: not set */
  GstClockTime start_time;      /* ns since the Unix epoch */
  gboolean stop_at_end;         /* the end is the last message at the time of the query */
  gint64 end_offset;            /* excluded; -1: not set */
  GstClockTime end_time;        /* end time in ns since the Unix epoch, excluded */
  gchar run[17];                /* a random name of this run, for the metadata that it commits */
} GstKafkaRange;

/* The result for one partition. */
typedef struct {
  gint64 start;        /* start: an offset, or a logical one of librdkafka */
  gint64 low;          /* -1: not known */
  gint64 high;         /* -1: not known */
  gint64 end;          /* -1: none */
  gboolean committed;  /* start is the group's committed offset */
  GstKafkaReset reset; /* the reason why `start` can't be used, as far as known before reading */
  GstKafkaSuspicion suspicion;
} GstKafkaPosition;

/**
 * gst_kafka_range_resolve:
 * @list: the partitions; the offset RD_KAFKA_OFFSET_BEGINNING marks a new partition, which is read
 *   from its first message. The offsets in the list become the starts.
 * @positions: (out): an array with as many elements as @list has
 *
 * Queries the brokers, for some seconds at most.
 *
 * Returns: an error if a time or an end could not be looked up. If only a start could not be looked
 * up, librdkafka chooses it.
 */
rd_kafka_resp_err_t gst_kafka_range_resolve (const GstKafkaRange *self, rd_kafka_t *rk,
    rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions);

/* Posts a warning if end-offset or end-time leaves no message to read, although there are
 * messages that no group has read. */
void gst_kafka_range_warn_if_empty (
    const GstKafkaRange *self, const GstKafkaPosition *positions, gint count, GstElement *element);

/* Returns TRUE if a message of @timestamp (ms since the epoch) is after the end. */
gboolean gst_kafka_range_excludes (const GstKafkaRange *self, gint64 timestamp);
/* Returns TRUE if there is an end time, and it has passed. */
gboolean gst_kafka_range_is_over (const GstKafkaRange *self);
/* Repeats the queries of the ends that were in the future. Ends for which no answer comes stay
 * -1. */
void gst_kafka_range_find_ends (const GstKafkaRange *self, rd_kafka_t *rk,
    const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions);

G_END_DECLS
