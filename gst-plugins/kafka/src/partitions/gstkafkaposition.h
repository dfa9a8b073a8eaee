/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

#include "gstkafkareset.h"
#include "gstkafkasuspicion.h"

G_BEGIN_DECLS

/* Where reading a partition begins and ends, by what the user asked for. */
typedef struct {
  gboolean committed;        /* a group goes on where it was */
  gboolean earliest;         /* the first message rather than the next one, if nothing else says */
  GstKafkaResetPolicy reset; /* for a place that isn't there, and where nothing says */
  gint64 start_offset;       /* -1: not set */
  GstClockTime start_time;   /* ns since the Unix epoch */
  gboolean stop_at_end;      /* what is the end when asked */
  gint64 end_offset;         /* excluded; -1: not set */
  GstClockTime end_time;     /* ns since the Unix epoch, excluded */
} GstKafkaRange;

void gst_kafka_range_init (GstKafkaRange *self);

/* What it comes to for one partition. */
typedef struct {
  gint64 start;        /* an offset, or one of librdkafka's logical ones */
  gint64 low;          /* -1: not known */
  gint64 high;         /* -1: not known */
  gint64 end;          /* -1: none */
  gboolean committed;  /* start is the group's */
  GstKafkaReset reset; /* what is wrong with start, as far as is known before it is read */
  GstKafkaSuspicion suspicion;
} GstKafkaPosition;

/**
 * gst_kafka_range_resolve:
 * @list: the partitions; an offset of RD_KAFKA_OFFSET_BEGINNING marks one that is new from its
 *   first message on. Gets the start as offset
 * @positions: as many as @list has
 *
 * Asks the brokers; takes some seconds at most.
 *
 * Returns: an error if a time or an end could not be looked up; a start
 * alone is left to the library then
 */
rd_kafka_resp_err_t gst_kafka_range_resolve (const GstKafkaRange *self, rd_kafka_t *rk,
    rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions);

/* Reading ends at some time. */
gboolean gst_kafka_range_is_bounded (const GstKafkaRange *self);
/* A message of @timestamp, ms since the epoch, is behind the end. */
gboolean gst_kafka_range_excludes (const GstKafkaRange *self, gint64 timestamp);
/* There is an end in time, and it is past. */
gboolean gst_kafka_range_is_over (const GstKafkaRange *self);
/* Asks again for ends that were in the future; what has no answer stays -1. */
void gst_kafka_range_find_ends (const GstKafkaRange *self, rd_kafka_t *rk,
    const rd_kafka_topic_partition_list_t *list, GstKafkaPosition *positions);

G_END_DECLS
