/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Messages that exist and that the brokers hold back, because a producer has opened a transaction
 * before them and hasn't ended it. Such messages begin at the last stable offset. */
typedef struct {
  gint64 newest; /* the offset after the newest message before the last query; -1: none yet */
  gint64 stable; /* the last stable offset that the last query returned; -1: none yet */
  /* the time when messages were first held back at the offset `stable`, monotonic us */
  gint64 since;
  gboolean warned; /* a warning was posted in this run */
} GstKafkaHeld;

void gst_kafka_held_init (GstKafkaHeld *self);
/* Takes the answer to a query for the end of the partition, which is the last stable offset.
 * @newest: the offset after the newest message, known before the query was sent */
void gst_kafka_held_take_answer (GstKafkaHeld *self, gint64 newest, gint64 stable, gint64 now);
/* Returns the number of offsets that are held back. */
gint64 gst_kafka_held_get_count (const GstKafkaHeld *self);
/* Returns TRUE once in a run, when a reader at the offset @place has waited long enough for
 * held-back messages, so that a warning is due. */
gboolean gst_kafka_held_is_news (GstKafkaHeld *self, gint64 place, gint64 now);
/* Posts a warning that @count offsets from @stable on are held back. @ends: the stream ends before
 * these offsets */
void gst_kafka_held_warn (GstElement *element, const gchar *topic, gint partition, gint64 stable,
    gint64 count, gboolean ends);

G_END_DECLS
