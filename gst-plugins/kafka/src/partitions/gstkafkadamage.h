/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* us: if existing messages don't arrive for this long, a warning is posted. */
#define GST_KAFKA_SILENCE_TIME (20 * G_TIME_SPAN_SECOND)
/* us: if a tried offset brings no message for this long, the offset is still in the damaged
 * batch. */
#define GST_KAFKA_SEARCH_TIME (5 * G_TIME_SPAN_SECOND)

/* Searches for the end of a damaged batch. The batch's header has the number of messages, but the
 * header may be damaged too, and librdkafka doesn't pass it on. Since a broker sends the batch that
 * contains the requested offset, the search requests offsets: first with growing steps, then by
 * bisection between the last unreadable and the first readable offset. */
typedef struct {
  gint64 from;  /* the first unreadable offset; -1: no damaged batch is being searched */
  gint64 bad;   /* the last offset known to be in the damaged batch */
  gint64 good;  /* the first offset known to be after the damaged batch; -1: none */
  gint64 tried; /* the offset that was requested last */
} GstKafkaDamage;

void gst_kafka_damage_init (GstKafkaDamage *self);
/* Returns TRUE if librdkafka reports a damaged batch with this error. */
gboolean gst_kafka_damage_is_error (rd_kafka_resp_err_t err);
/* Describes the damage of @message: an error of librdkafka, or an offset beyond the newest
 * message. */
const gchar *gst_kafka_damage_describe (const rd_kafka_message_t *message);
gboolean gst_kafka_damage_is_searched (const GstKafkaDamage *self);
/* Notes that the batch that begins at @base is damaged. @position: the next offset to read;
 * @high: the offset of the next message to be published, -1 if not known */
void gst_kafka_damage_note_bad (GstKafkaDamage *self, gint64 base, gint64 position, gint64 high);
/* Notes that the offset that was tried last can be read, or has no message yet. */
void gst_kafka_damage_note_good (GstKafkaDamage *self, gint64 high);
/* Returns TRUE if the search is over. The damaged messages have the offsets from @from up to before
 * @good, and @good has to be requested next. */
gboolean gst_kafka_damage_take_found (GstKafkaDamage *self, gint64 *from, gint64 *good);
/* Posts a warning about the skipped messages with the offsets from @from up to before @good. */
void gst_kafka_damage_warn (
    GstElement *element, const gchar *topic, gint partition, gint64 from, gint64 good);
/* Posts a warning that no message arrives from the offset @place on, although messages exist. */
void gst_kafka_damage_warn_of_silence (
    GstElement *element, const gchar *topic, gint partition, gint64 place);

/* Unreadable offsets: a damaged batch, or, after a seek into the batch, its rest from there on. */
typedef struct {
  gint64 from;
  gint64 good;
  /* offset from which on all offsets of the hole are counted and reported already */
  gint64 counted;
} GstKafkaHole;

/* Returns: (nullable): the hole of @self (array of GstKafkaHole) that contains @offset. */
GstKafkaHole *gst_kafka_holes_find (GArray *self, gint64 offset);
/* Adds a hole to @self: the offsets from @from up to the one before @good. If @self already has a
 * hole with the offset before @good, makes that hole begin at @from or earlier instead. Returns the
 * hole. */
GstKafkaHole *gst_kafka_holes_add (GArray *self, gint64 from, gint64 good);

G_END_DECLS
