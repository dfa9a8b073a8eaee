/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Detects that a partition's log was replaced: the topic was deleted and created again, or a
 * broker has lost the newest messages. The broker may not report it, because the reader's
 * position may exist in the new log too. librdkafka gives topic ids only from 2.3 on. The caller
 * repeatedly queries the first offset whose timestamp is a certain time or later. A log only
 * gains messages at its end and loses them at its beginning, so in the same log this offset
 * never decreases. In a new log it does, unless the new messages are older than that time. */
typedef struct {
  gint64 newest;    /* ms since the Unix epoch: newest timestamp of the messages read; -1: none */
  gint64 time;      /* ms since the Unix epoch: time of the current query; -1: no query yet */
  gint64 next;      /* ms since the Unix epoch: time of the query after the current one */
  gint64 place;     /* lower bound of the answer if no message is late enough for the query */
  gint64 least;     /* lower bound of the answer if the log is the same; -1: not known yet */
  gboolean doubted; /* the last answer was below `least`; a second one confirms it */
} GstKafkaLog;

void gst_kafka_log_init (GstKafkaLog *self);
/* Notes that a message with @timestamp (ms since the Unix epoch; -1: none) was read. */
void gst_kafka_log_note (GstKafkaLog *self, gint64 timestamp);
/* Returns the time to query the broker for. @place: an offset that the log has reached. @now: ms
 * since the Unix epoch; the time of the query if no message was read yet */
gint64 gst_kafka_log_begin (GstKafkaLog *self, gint64 place, gint64 now);
/* @offset: the broker's answer; negative: no message has this timestamp or a later one. TRUE:
 * the log was replaced, which two successive answers show. */
gboolean gst_kafka_log_take_answer (GstKafkaLog *self, gint64 offset);

G_END_DECLS
