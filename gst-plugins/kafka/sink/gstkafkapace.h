/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How fast the link delivers, learned from the reports of what it delivered. Times are
 * monotonic, in us. Nothing here locks. */

typedef struct {
  gint64 began; /* of the interval measured now */
  guint64 delivered, delivered_bytes, pushed;
} GstKafkaPaceInterval;

typedef struct {
  GstKafkaPaceInterval rates;  /* for the window */
  GstKafkaPaceInterval demand; /* for throttling */
  gdouble bytes_per_second;
  gboolean throttling;
  gdouble rate, free_rate, came; /* buffers/s: asked for, when nothing was, before the last look */
  gint64 bucket_began;
  gint64 least_now, least_before; /* latency, in this bucket and the one before it; 0: none yet */
} GstKafkaPace;

void gst_kafka_pace_init (GstKafkaPace *self, gint64 now);
void gst_kafka_pace_pushed (GstKafkaPace *self);
void gst_kafka_pace_delivered (GstKafkaPace *self, gint64 now, gsize bytes, gint64 latency);

/* The bytes that keep the link busy: twice what it delivers in the least time a report takes. More
 * would only wait in the client. */
guint64 gst_kafka_pace_window (const GstKafkaPace *self);

/**
 * gst_kafka_pace_throttle:
 * @now: of a push
 * @oldest: when the oldest undelivered buffer was queued
 * @interval: (out): s between two buffers that the link can take
 * @proportion: (out): how many times too fast buffers come
 *
 * Returns: %TRUE from when buffers wait longer than the link explains
 * until it takes all that came before
 */
gboolean gst_kafka_pace_throttle (
    GstKafkaPace *self, gint64 now, gint64 oldest, gdouble *interval, gdouble *proportion);

G_END_DECLS
