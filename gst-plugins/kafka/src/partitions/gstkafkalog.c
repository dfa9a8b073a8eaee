/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkalog.h"

void
gst_kafka_log_init (GstKafkaLog *self)
{
  *self = (GstKafkaLog){.newest = -1, .time = -1, .next = -1, .place = -1, .least = -1};
}

void
gst_kafka_log_note (GstKafkaLog *self, gint64 timestamp)
{
  self->newest = MAX (self->newest, timestamp);
}

gint64
gst_kafka_log_begin (GstKafkaLog *self, gint64 place, gint64 now)
{
  self->next = self->newest >= 0 ? self->newest + 1 : now;
  self->place = place;
  if (self->time < 0)
    self->time = self->next;
  return self->time;
}

gboolean
gst_kafka_log_take_answer (GstKafkaLog *self, gint64 offset)
{
  gint64 first = offset >= 0 ? offset : self->place;
  gboolean doubted = self->doubted;

  self->doubted = offset >= 0 && offset < self->least;
  if (self->doubted)
    return doubted;
  /* The offset 0 can't decrease, so it isn't used as the lower bound. */
  if (self->least < 0 && first > 0)
    self->least = first;
  /* The first query, before a message was read, used the time of the clock, and later queries use
   * the time of a message, which may be older. The answer for a later time is no lower bound of the
   * answer for an older time. */
  if (self->next < self->time)
    self->least = -1;
  self->time = self->next;
  return FALSE;
}
