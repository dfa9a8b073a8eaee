/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaepisode.h"

GstKafkaNews
gst_kafka_episode_note (GstKafkaEpisode *self, gint64 since, gint64 seen, gint64 *began)
{
  gboolean begins = since && !self->began && seen - since >= GST_KAFKA_EPISODE_TIME;
  gboolean ends = !since && self->began;

  if (begins)
    self->began = since;
  *began = self->began;
  if (ends)
    self->began = 0;
  if (begins)
    return GST_KAFKA_NEWS_BEGIN;
  return ends ? GST_KAFKA_NEWS_END : GST_KAFKA_NEWS_NONE;
}
