/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkadamage.h"

void
gst_kafka_damage_init (GstKafkaDamage *self)
{
  *self = (GstKafkaDamage){-1, -1, -1, -1};
}

gboolean
gst_kafka_damage_is_searched (const GstKafkaDamage *self)
{
  return self->from >= 0;
}

gboolean
gst_kafka_damage_is_found (const GstKafkaDamage *self)
{
  return self->good >= 0 && self->good - self->bad <= 1;
}

/* Never beyond @high: an offset that isn't there would be a case for auto-offset-reset. */
static void
choose_next (GstKafkaDamage *self, gint64 high)
{
  if (gst_kafka_damage_is_found (self))
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
  if (self->from < 0) {
    self->from = self->bad = MAX (base, position);
  } else if (base > self->bad && base <= self->tried) {
    /* Another damaged batch: what lies between the two may be sound. */
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
