/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkadamage.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

void
gst_kafka_damage_init (GstKafkaDamage *self)
{
  *self = (GstKafkaDamage){-1, -1, -1, -1};
}

gboolean
gst_kafka_damage_is_error (rd_kafka_resp_err_t err)
{
  return err == RD_KAFKA_RESP_ERR__BAD_MSG || err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
         err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED;
}

const gchar *
gst_kafka_damage_describe (const rd_kafka_message_t *message)
{
  return message->err ? rd_kafka_message_errstr (message)
                      : "its offset is beyond the newest message of the partition";
}

gboolean
gst_kafka_damage_is_searched (const GstKafkaDamage *self)
{
  return self->from >= 0;
}

static gboolean
is_found (const GstKafkaDamage *self)
{
  return self->good >= 0 && self->good - self->bad <= 1;
}

/* Never tries an offset after @high, because auto-offset-reset would apply to it. */
static void
choose_next (GstKafkaDamage *self, gint64 high)
{
  if (is_found (self))
    self->tried = self->good;
  else if (self->good >= 0)
    self->tried = self->bad + (self->good - self->bad) / 2;
  else
    self->tried = self->bad + (self->bad - self->from + 1);
  if (high > self->bad)
    self->tried = MIN (self->tried, high);
}

void
gst_kafka_damage_note_bad (GstKafkaDamage *self, gint64 base, gint64 position, gint64 high)
{
  /* The offset @base comes from damaged bytes and may be wrong. */
  if (high >= 0 && base >= high)
    base = position;
  if (self->from < 0) {
    self->from = self->bad = MAX (base, position);
  } else if (base > self->bad && base <= self->tried) {
    /* The unreadable offset is in another damaged batch; messages between the two batches may be
     * readable. */
    self->good = base;
  } else {
    self->bad = self->tried;
  }
  choose_next (self, high);
}

void
gst_kafka_damage_note_good (GstKafkaDamage *self, gint64 high)
{
  self->good = self->tried;
  choose_next (self, high);
}

gboolean
gst_kafka_damage_take_found (GstKafkaDamage *self, gint64 *from, gint64 *good)
{
  if (!is_found (self))
    return FALSE;
  *from = self->from;
  *good = self->good;
  gst_kafka_damage_init (self);
  return TRUE;
}

void
gst_kafka_damage_warn (
    GstElement *element, const gchar *topic, gint partition, gint64 from, gint64 good)
{
  GST_ELEMENT_WARNING (element, STREAM, DECODE,
      ("Skipped messages %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
       " of partition %d of topic \"%s\", since their batch is damaged there. Copy the partition "
       "from another replica, and check the broker's disk. A batch compressed with zstd may be too "
       "large instead: raise message-max-bytes.",
          from, good - 1, partition, topic),
      (NULL));
}

void
gst_kafka_damage_warn_of_silence (
    GstElement *element, const gchar *topic, gint partition, gint64 place)
{
  GST_ELEMENT_WARNING (element, RESOURCE, READ,
      ("No message arrives from partition %d of topic \"%s\" from offset %" G_GINT64_FORMAT
       " on, though messages are there and the brokers answer. The link may be slow, or the batch "
       "there damaged in a way that can't be skipped: look at the brokers' logs, copy the "
       "partition from another replica, or set start-offset or the group's offsets behind it.",
          partition, topic, place),
      ("nothing for %d s", (gint) (GST_KAFKA_SILENCE_TIME / G_TIME_SPAN_SECOND)));
}

/* --- known damage --- */

GstKafkaHole *
gst_kafka_holes_find (GArray *self, gint64 offset)
{
  for (guint i = 0; i < self->len; i++) {
    GstKafkaHole *hole = &g_array_index (self, GstKafkaHole, i);

    if (offset >= hole->from && offset < hole->good)
      return hole;
  }
  return NULL;
}

GstKafkaHole *
gst_kafka_holes_add (GArray *self, gint64 from, gint64 good)
{
  GstKafkaHole *known = gst_kafka_holes_find (self, good - 1), added = {from, good, good};

  if (known) {
    known->from = MIN (known->from, from);
    return known;
  }
  g_array_append_val (self, added);
  return &g_array_index (self, GstKafkaHole, self->len - 1);
}
