/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkaepisode.h"

G_BEGIN_DECLS

/* Detects that messages aren't acknowledged although the connections aren't busy sending, as when a
 * topic has too few replicas in sync. librdkafka doesn't report this error of a broker, but sends
 * the message again. The caller's lock guards the structure. All times are monotonic, in us. */
typedef struct {
  gint64 since;  /* the time since when the oldest message has waited; 0: no message waits */
  gint64 waited; /* the part of the time from `since` on that counts */
  gint64 busy;   /* the part of `waited` in which the connections were sending */
  gint64 looked; /* the time of the last gst_kafka_stall_look() */
  GstKafkaEpisode episode;
} GstKafkaStall;

/* Notes what the caller sees now. @since: the time since when the oldest message has waited for its
 * acknowledgement; 0: no message waits. @explained: another report explains the wait, so the time
 * until now doesn't count. @sending: the connections have data that they haven't transferred
 * yet. */
void gst_kafka_stall_look (
    GstKafkaStall *self, gint64 since, gboolean explained, gboolean sending, gint64 now);
/* Lets the time that counts begin anew, because the topic of the oldest message doesn't exist. */
void gst_kafka_stall_restart (GstKafkaStall *self);
/* Returns TRUE if the oldest message has waited for @patience or longer, and neither a slow link
 * nor a pause of this process explains the wait. */
gboolean gst_kafka_stall_is_long (const GstKafkaStall *self, gint64 patience);
/* Has to be called after each look. @stalled: the messages can't be stored. @acknowledged: the time
 * of the last acknowledgement. The condition isn't over while the message that was reported still
 * waits, or without an acknowledgement. */
GstKafkaNews gst_kafka_stall_note (
    GstKafkaStall *self, gboolean stalled, gint64 acknowledged, gint64 now, gint64 *began);

G_END_DECLS
