/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkapace.h"

#include <string.h>

#define RATE_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)
#define DEMAND_INTERVAL (500 * G_TIME_SPAN_MILLISECOND)
/* The lengths of a time bucket (us). The lowest latency is taken from the last two buckets only,
 * because the network's route may change. While throttling, buckets are longer, so that the queue
 * is drained before the lowest latency is replaced. */
#define LATENCY_BUCKET (10 * G_TIME_SPAN_SECOND)
#define LATENCY_BUCKET_THROTTLING (60 * G_TIME_SPAN_SECOND)
/* The time (us) by which a delivery report may be late although the link isn't full, because of a
 * broker's disk or a busy machine. */
#define JITTER (500 * G_TIME_SPAN_MILLISECOND)
/* Upstream is asked for a lower rate than the link's, so that the queue drains in about DRAIN s,
 * because otherwise the time in the queue would become part of the lowest latency. */
#define HEADROOM 1.1
#define DRAIN 2.0
#define LEAST_SHARE 0.1
#define DRAINED (100 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_INTERVAL 10.0
/* Once the queue has drained, the requested rate grows by the factor GROWTH in each
 * DEMAND_INTERVAL. Throttling ends when the requested rate is FREE times the rate before
 * throttling, because decoders drop twice as many frames as requested. */
#define GROWTH 1.1
#define FREE 2.0

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

gint64
gst_kafka_pace_least_latency (const GstKafkaPace *self)
{
  if (!self->least_now || !self->least_before)
    return MAX (self->least_now, self->least_before);
  return MIN (self->least_now, self->least_before);
}

static void
note_latency (GstKafkaPace *self, gint64 now, gint64 latency)
{
  gint64 bucket = self->throttling ? LATENCY_BUCKET_THROTTLING : LATENCY_BUCKET;

  if (now - self->bucket_began >= bucket) {
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
  return 2 * self->bytes_per_second * gst_kafka_pace_least_latency (self) / G_USEC_PER_SEC;
}

static void
ask_for_less (GstKafkaPace *self, gint64 age, gdouble went)
{
  gdouble excess = (gdouble) (age - gst_kafka_pace_least_latency (self)) / G_USEC_PER_SEC;
  gdouble share = CLAMP (1 / HEADROOM - excess / DRAIN, LEAST_SHARE, 1 / HEADROOM);

  if (!self->throttling)
    self->free_rate = self->came;
  self->throttling = TRUE;
  /* The requested rate is at least one buffer in the time that the queue takes to drain, because
   * otherwise the link would idle. */
  self->rate = MAX (share * went, 1 / excess);
}

/* If the link delivers far more than the requested rate, as after a short interruption, the link's
 * rate is requested. */
static void
ask_for_more (GstKafkaPace *self, gdouble went)
{
  self->rate = went > FREE * self->rate ? went : GROWTH * self->rate;
  self->throttling = self->rate < FREE * self->free_rate;
}

/* @age: the age of the oldest undelivered buffer, us. If @age is between the bounds for a lower and
 * for a higher rate, the requested rate stays the same, because small delays say nothing about the
 * link. */
static void
look (GstKafkaPace *self, gint64 now, gint64 age)
{
  GstKafkaPaceInterval past = self->demand;
  gdouble elapsed = (gdouble) (now - past.began) / G_USEC_PER_SEC;
  gdouble went = past.delivered / elapsed;
  gint64 least = gst_kafka_pace_least_latency (self);

  begin (&self->demand, now);
  self->came = past.pushed / elapsed;
  if (age >= 2 * least + JITTER)
    ask_for_less (self, age, went);
  else if (self->throttling && age < least + DRAINED)
    ask_for_more (self, went);
}

gboolean
gst_kafka_pace_throttle (
    GstKafkaPace *self, gint64 now, gint64 oldest, gdouble *interval, gdouble *proportion)
{
  if (now - self->demand.began >= DEMAND_INTERVAL)
    look (self, now, now - oldest);
  if (!self->throttling)
    return FALSE;
  *interval = MIN (1 / self->rate, LONGEST_INTERVAL);
  *proportion = self->came * *interval;
  return TRUE;
}
