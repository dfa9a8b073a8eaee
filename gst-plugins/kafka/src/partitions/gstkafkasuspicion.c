/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasuspicion.h"

#include <stdio.h>

/* A crashed run didn't record which messages were on their way. This many may have been. */
#define WINDOW 64

void
gst_kafka_suspicion_init (GstKafkaSuspicion *self)
{
  *self = (GstKafkaSuspicion){.until = -1, .offset = -1};
}

gchar *
gst_kafka_suspicion_to_text (const GstKafkaSuspicion *self, gboolean running)
{
  return g_strdup_printf ("kafkasrc %s until=%" G_GINT64_FORMAT " offset=%" G_GINT64_FORMAT
                          " runs=%u row=%u",
      running ? "running" : "ended", self->until, self->offset, self->runs, self->row);
}

void
gst_kafka_suspicion_from_text (GstKafkaSuspicion *self, const gchar *text, gint64 committed)
{
  gchar state[8] = "";

  gst_kafka_suspicion_init (self);
  if (!text ||
      sscanf (text,
          "kafkasrc %7s until=%" G_GINT64_FORMAT " offset=%" G_GINT64_FORMAT " runs=%u row=%u",
          state, &self->until, &self->offset, &self->runs, &self->row) != 5)
    gst_kafka_suspicion_init (self);
  else
    self->running = g_str_equal (state, "running");
  /* Messages before the committed offset have gone through. */
  if (self->offset < committed)
    self->offset = -1;
  if (self->offset < 0)
    self->runs = 0;
}

void
gst_kafka_suspicion_conclude (GstKafkaSuspicion *self, gint64 committed, gboolean excused)
{
  if (self->running && !excused)
    self->until = MAX (self->until, committed + WINDOW);
  /* The run under way was counted when the message went alone. */
  else if (self->running && self->runs > 0)
    self->runs--;
  self->running = FALSE;
}
