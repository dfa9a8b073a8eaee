/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Measures from delivery reports how fast the link is, and decides when to throttle upstream. All
 * times are monotonic, in us, and the functions take no lock. */

typedef struct {
  gint64 began;
  guint64 delivered, delivered_bytes, pushed;
} GstKafkaPaceInterval;

typedef struct {
  GstKafkaPaceInterval rates; /* the present interval in which bytes_per_second is measured */
  /* the present interval in which arriving and delivered buffers are counted, for throttling */
  GstKafkaPaceInterval demand;
  gdouble bytes_per_second;
  gboolean throttling;
  gdouble rate;      /* rate in buffers/s that upstream is asked for while throttling */
  gdouble free_rate; /* rate of arriving buffers before throttling began, in buffers/s */
  gdouble came;      /* rate of arriving buffers in the last demand interval, in buffers/s */
  gint64 bucket_began;
  /* lowest latency in the present time bucket and in the one before it; 0: none yet */
  gint64 least_now, least_before;
} GstKafkaPace;

void gst_kafka_pace_init (GstKafkaPace *self, gint64 now);
void gst_kafka_pace_pushed (GstKafkaPace *self);
void gst_kafka_pace_delivered (GstKafkaPace *self, gint64 now, gsize bytes, gint64 latency);

/* Returns the shortest recent time from transfer to delivery report in us; 0: none measured yet */
gint64 gst_kafka_pace_least_latency (const GstKafkaPace *self);

/* Returns the bytes in flight that keep the link busy: twice the bytes that the link delivers
 * within the lowest latency. More bytes would only wait in librdkafka. */
guint64 gst_kafka_pace_window (const GstKafkaPace *self);

/**
 * gst_kafka_pace_throttle:
 * @now: time of the push
 * @oldest: time when the oldest undelivered buffer was queued
 * @interval: (out): the time between two buffers to ask upstream for, in s
 * @proportion: (out): the rate at which buffers come, divided by the requested rate
 *
 * Throttling begins when buffers wait longer than the link's latency explains. Throttling ends when
 * the link delivers as many buffers as came before throttling.
 *
 * Returns: whether upstream has to be throttled now
 */
gboolean gst_kafka_pace_throttle (
    GstKafkaPace *self, gint64 now, gint64 oldest, gdouble *interval, gdouble *proportion);

G_END_DECLS
