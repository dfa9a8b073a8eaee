/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkapace.h"

#include <string.h>

#define RATE_INTERVAL (200 * G_TIME_SPAN_MILLISECOND)
#define DEMAND_INTERVAL (500 * G_TIME_SPAN_MILLISECOND)
/* A route may get longer: what was the least time before that is forgotten, but
 * not before a queue is drained. */
#define LATENCY_BUCKET (10 * G_TIME_SPAN_SECOND)
#define LATENCY_BUCKET_THROTTLING (60 * G_TIME_SPAN_SECOND)
/* A report may be late by so much without the link being full: a broker's disk, a busy machine. */
#define JITTER (500 * G_TIME_SPAN_MILLISECOND)
/* Asked for less than the link takes, so that the queue shrinks: in about the time
 * DRAIN, s, down to a time that jitter explains. Without that the least latency would
 * come to be the queue's own. */
#define HEADROOM 1.1
#define DRAIN 2.0
#define LEAST_SHARE 0.1
#define DRAINED (100 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_INTERVAL 10.0
/* A drained queue lets the link be tried with so much more at each look, until that is FREE times
 * what came before anything was asked for: a decoder leaves out twice as many as it is asked to. */
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
  return 2 * self->bytes_per_second * least_latency (self) / G_USEC_PER_SEC;
}

static void
ask_for_less (GstKafkaPace *self, gint64 age, gdouble went)
{
  gdouble excess = (gdouble) (age - least_latency (self)) / G_USEC_PER_SEC;
  gdouble share = CLAMP (1 / HEADROOM - excess / DRAIN, LEAST_SHARE, 1 / HEADROOM);

  if (!self->throttling)
    self->free_rate = self->came;
  self->throttling = TRUE;
  /* Nothing at all for longer than the queue is old would leave a drained link idle. */
  self->rate = MAX (share * went, 1 / excess);
}

/* A link that merely stood still for a moment takes all at once when it goes on. */
static void
ask_for_more (GstKafkaPace *self, gdouble went)
{
  self->rate = went > FREE * self->rate ? went : GROWTH * self->rate;
  self->throttling = self->rate < FREE * self->free_rate;
}

/* Between a queue that is long and one that is drained all stays as it is: a report that is a
 * little late says nothing of the link, and what came and went in so short a time little. */
static void
look (GstKafkaPace *self, gint64 now, gint64 age)
{
  GstKafkaPaceInterval past = self->demand;
  gdouble elapsed = (gdouble) (now - past.began) / G_USEC_PER_SEC;
  gdouble went = past.delivered / elapsed;
  gint64 least = least_latency (self);

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
