/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* The search for the end of a batch that can't be read. Its header says how many messages it holds,
 * but the header may be what is damaged, and librdkafka doesn't pass it on. A broker sends the
 * batch that holds the offset asked for, so offsets are tried: first ever further ones, then half
 * way between the last that can't be read and the first that can. */
typedef struct {
  gint64 from;  /* the first offset that can't be read; -1: nothing is damaged */
  gint64 bad;   /* the last offset known to be in the damaged batch */
  gint64 good;  /* the first offset known to be behind it; -1: none is */
  gint64 tried; /* the offset that was asked for last */
} GstKafkaDamage;

void gst_kafka_damage_init (GstKafkaDamage *self);
/* What a partition says of a batch that can't be read. */
gboolean gst_kafka_damage_is_error (rd_kafka_resp_err_t err);
gboolean gst_kafka_damage_is_searched (const GstKafkaDamage *self);
/* The batch that begins at @base can't be read; @position is the next offset to be read, @high that
 * of the next message to be published, -1 if not known. */
void gst_kafka_damage_note_bad (GstKafkaDamage *self, gint64 base, gint64 position, gint64 high);
/* The offset tried last can be read, or nothing is there yet. */
void gst_kafka_damage_note_good (GstKafkaDamage *self, gint64 high);
/* TRUE: the search is over, and begins anew with the next batch: the damaged one ends before
 * @good, which is to be asked for. What is missing is from @from on. */
gboolean gst_kafka_damage_take_found (GstKafkaDamage *self, gint64 *from, gint64 *good);
/* Names the messages from @from to before @good, which were passed over. */
void gst_kafka_damage_warn (
    GstElement *element, const gchar *topic, gint partition, gint64 from, gint64 good);

G_END_DECLS
