/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Notices that a partition has another log than before: its topic was deleted and created again, or
 * a broker has lost the newest messages. The position may exist in the new log too, so the broker
 * doesn't refuse it, and librdkafka shows no topic ids before 2.3.
 *
 * The broker is asked again and again for the first offset of a certain time or later. Messages are
 * only appended, and deleted, so in the same log this offset never becomes less. In a new log it
 * does, unless the new log's messages are older than that time. */
typedef struct {
  gint64 newest;    /* newest timestamp of the messages read, ms since the Unix epoch; -1: none */
  gint64 time;      /* the time that is asked for; -1: not asked yet */
  gint64 next;      /* the time to ask for once the log is known to be the same */
  gint64 place;     /* if no message is that late, later ones have this offset or more */
  gint64 least;     /* the answer in the same log isn't less; -1: not known yet */
  gboolean doubted; /* the last answer was below least; a second one decides */
} GstKafkaLog;

void gst_kafka_log_init (GstKafkaLog *self);
/* A message with @timestamp (ms since the Unix epoch; -1: none) was read. */
void gst_kafka_log_note (GstKafkaLog *self, gint64 timestamp);
/* Returns the time to ask a broker for. @place: an offset that the log has reached; @now: ms since
 * the Unix epoch, the time to ask for if no message was read yet. */
gint64 gst_kafka_log_begin (GstKafkaLog *self, gint64 place, gint64 now);
/* @offset: the answer; negative: no message is of this time or later. TRUE: the partition has
 * another log, because two answers say so. */
gboolean gst_kafka_log_take_answer (GstKafkaLog *self, gint64 offset);

G_END_DECLS
