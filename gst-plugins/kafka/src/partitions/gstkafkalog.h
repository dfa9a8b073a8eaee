/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Detects that a partition's log was replaced: the topic was deleted and created again, or a broker
 * has lost the newest messages. The broker may not report a replaced log, because the reader's
 * position may exist in the new log too. librdkafka gives topic ids, which would show it, only from
 * 2.3 on. The caller repeatedly queries the first offset whose timestamp is a certain time or
 * later. A log only gains messages at its end and loses messages at its beginning, so in the same
 * log the answer never decreases. In a new log the answer does decrease, unless the new messages
 * are older than the queried time. */
typedef struct {
  gint64 newest; /* newest timestamp of the messages read, ms since the Unix epoch; -1: none */
  gint64 time;   /* time of the current query, ms since the Unix epoch; -1: no query yet */
  gint64 next;   /* time of the query after the current one, ms since the Unix epoch */
  gint64 place;  /* lower bound of the answer if no message is late enough for the query */
  gint64 least;  /* lower bound of the answer if the log is the same; -1: not known yet */
  /* the last answer was below `least`; a second answer below `least` confirms that the log was
   * replaced */
  gboolean doubted;
} GstKafkaLog;

void gst_kafka_log_init (GstKafkaLog *self);
/* Notes that a message with @timestamp (ms since the Unix epoch; -1: none) was read. */
void gst_kafka_log_note (GstKafkaLog *self, gint64 timestamp);
/* Returns the time for which the broker has to be queried. @place: an offset that the log has
 * reached. @now: ms since the Unix epoch; the time of the query if no message was read yet */
gint64 gst_kafka_log_begin (GstKafkaLog *self, gint64 place, gint64 now);
/* @offset: the broker's answer; negative: no message has this timestamp or a later one. Returns
 * TRUE if the log was replaced, which two successive answers show. */
gboolean gst_kafka_log_take_answer (GstKafkaLog *self, gint64 offset);

G_END_DECLS
