/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkapace.h"

#include <string.h>

#define RATE_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)
#define DEMAND_INTERVAL (500 * G_TIME_SPAN_MILLISECOND)
/* A route may get longer: what was the least time before that is forgotten. */
#define LATENCY_BUCKET (10 * G_TIME_SPAN_SECOND)
/* A report may be late by so much without the link being full: a broker's disk, a busy machine. */
#define JITTER (500 * G_TIME_SPAN_MILLISECOND)
/* Asked for less than the link takes, so that the queue shrinks: in about the time DRAIN, s, down to a time that
 * jitter explains. Without that the least latency would come to be the queue's own. */
#define HEADROOM 1.1
#define DRAIN 2.0
#define LEAST_SHARE 0.3
#define DRAINED (100 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_INTERVAL 10.0

static void
begin (GstKafkaPaceInterval *interval, gint64 now)
{
  memset (interval, 0, sizeof *interval);
  interval->began = now;
}

void
gst_kafka_pace_init (GstKafkaPace *self, gint64 now)
{
  memset (self, 0, sizeof *self);
  begin (&self->rates, now);
  begin (&self->demand, now);
  self->bucket_began = now;
}

void
gst_kafka_pace_pushed (GstKafkaPace *self)
{
  self->demand.pushed++;
}

static gint64
least_latency (const GstKafkaPace *self)
{
  if (!self->least_now || !self->least_before)
    return MAX (self->least_now, self->least_before);
  return MIN (self->least_now, self->least_before);
}

static void
note_latency (GstKafkaPace *self, gint64 now, gint64 latency)
{
  if (now - self->bucket_began >= LATENCY_BUCKET) {
    self->least_before = self->least_now;
    self->least_now = 0;
    self->bucket_began = now;
  }
  latency = MAX (latency, 1);
  if (!self->least_now || latency < self->least_now)
    self->least_now = latency;
}

void
gst_kafka_pace_delivered (GstKafkaPace *self, gint64 now, gsize bytes, gint64 latency)
{
  gint64 elapsed = now - self->rates.began;

  note_latency (self, now, latency);
  self->demand.delivered++;
  self->rates.delivered_bytes += bytes;
  if (elapsed < RATE_INTERVAL)
    return;
  self->bytes_per_second = (gdouble) self->rates.delivered_bytes * G_USEC_PER_SEC / elapsed;
  begin (&self->rates, now);
}

guint64
gst_kafka_pace_window (const GstKafkaPace *self)
{
  return 2 * self->bytes_per_second * least_latency (self) / G_USEC_PER_SEC;
}

static gboolean
is_too_old (const GstKafkaPace *self, gint64 age)
{
  gint64 least = least_latency (self);

  return age >= (self->throttling ? least + DRAINED : 2 * least + JITTER);
}

gboolean
gst_kafka_pace_throttle (
    GstKafkaPace *self, gint64 now, gint64 oldest, gdouble *interval, gdouble *proportion)
{
  GstKafkaPaceInterval past = self->demand;
  gdouble elapsed = (gdouble) (now - past.began) / G_USEC_PER_SEC;
  gint64 age = now - oldest;
  gdouble excess = (gdouble) (age - least_latency (self)) / G_USEC_PER_SEC;
  gdouble share = CLAMP (1 / HEADROOM - excess / DRAIN, LEAST_SHARE, 1 / HEADROOM);
  gboolean throttled = self->throttling;

  if (now - past.began < DEMAND_INTERVAL)
    return FALSE;
  begin (&self->demand, now);
  self->throttling = is_too_old (self, age);
  /* The last word is what came through at the end: a link that merely stood still for a moment took it all. */
  if (!self->throttling && !(throttled && past.delivered))
    return FALSE;
  /* If nothing came through, the link takes less than one in the time that the oldest has waited. */
  *interval = past.delivered ? elapsed / past.delivered : (gdouble) age / G_USEC_PER_SEC;
  *interval /= share;
  *interval = MIN (*interval, LONGEST_INTERVAL);
  *proportion = past.pushed / elapsed * *interval;
  return TRUE;
}
