/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Time (us) for which a condition has to last before it is reported: longer than several queries
 * take, and than a broker usually needs to restart. The partitions of a broker that is killed may
 * lack a leader for longer, because the cluster notices the loss only after the broker's session:
 * 9 s (KRaft) or 18 s (ZooKeeper) by default. */
#define GST_KAFKA_EPISODE_TIME (10 * G_TIME_SPAN_SECOND)

/* A bad condition that is reported once when it has lasted for GST_KAFKA_EPISODE_TIME, and once
 * when it is over. The caller's lock guards the structure. All times are monotonic, in us. */
typedef struct {
  gint64 began; /* the time when the reported condition began; 0: no condition is reported */
} GstKafkaEpisode;

typedef enum {
  GST_KAFKA_NEWS_NONE,
  GST_KAFKA_NEWS_BEGIN, /* the caller has to report the condition */
  GST_KAFKA_NEWS_END,   /* the caller has to report that the condition is over */
} GstKafkaNews;

/**
 * gst_kafka_episode_note:
 * @since: the time since when the condition has lasted; 0: the condition doesn't exist
 * @seen: the time when the condition was last seen
 * @began: (out): if there is news, the time when the reported condition began
 */
GstKafkaNews gst_kafka_episode_note (
    GstKafkaEpisode *self, gint64 since, gint64 seen, gint64 *began);

G_END_DECLS
