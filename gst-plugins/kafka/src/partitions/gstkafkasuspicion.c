/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasuspicion.h"

#include <stdio.h>
#include <string.h>

/* The number of messages that may have been in the pipeline when a run crashed, because a crashed
 * run didn't record which messages were there. */
#define WINDOW 64
#define ENDED "-"

void
gst_kafka_suspicion_init (GstKafkaSuspicion *self)
{
  *self = (GstKafkaSuspicion){.until = -1, .alone = -1, .last = -1};
}

/* --- the suspects --- */

static guint
find (const GstKafkaSuspicion *self, gint64 offset)
{
  guint at = 0;

  while (at < self->count && self->suspects[at].offset < offset)
    at++;
  return at;
}

static gboolean
is_at (const GstKafkaSuspicion *self, guint at, gint64 offset)
{
  return at < self->count && self->suspects[at].offset == offset;
}

static void
remove_at (GstKafkaSuspicion *self, guint at)
{
  self->count--;
  memmove (
      &self->suspects[at], &self->suspects[at + 1], (self->count - at) * sizeof *self->suspects);
}

/* Adds @runs failed runs to the suspect with @offset. If the list is full, the suspect with the
 * highest offset is dropped; it is found again after the suspects before it are decided. */
static void
add_runs (GstKafkaSuspicion *self, gint64 offset, guint runs)
{
  guint at = find (self, offset);

  if (!is_at (self, at, offset)) {
    if (at == GST_KAFKA_SUSPICION_SUSPECTS)
      return;
    self->count = MIN (self->count + 1, GST_KAFKA_SUSPICION_SUSPECTS);
    memmove (&self->suspects[at + 1], &self->suspects[at],
        (self->count - at - 1) * sizeof *self->suspects);
    self->suspects[at] = (GstKafkaSuspect){.offset = offset};
  }
  self->suspects[at].runs += runs;
}

static void
acquit (GstKafkaSuspicion *self, gint64 offset)
{
  guint at = find (self, offset);

  if (is_at (self, at, offset))
    remove_at (self, at);
}

/* --- as text --- */

gchar *
gst_kafka_suspicion_to_text (const GstKafkaSuspicion *self, const gchar *run)
{
  GString *text = g_string_new (NULL);

  g_string_printf (text,
      "kafkasrc run=%s until=%" G_GINT64_FORMAT " alone=%" G_GINT64_FORMAT
      " row=%u last=%" G_GINT64_FORMAT " suspects=",
      run ? run : ENDED, self->until, self->alone, self->row, self->last);
  for (guint i = 0; i < self->count; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT ":%u", i ? "," : "",
        self->suspects[i].offset, self->suspects[i].runs);
  return g_string_free (text, FALSE);
}

static void
read_suspects (GstKafkaSuspicion *self, const gchar *text)
{
  g_auto (GStrv) words = g_strsplit (text, ",", GST_KAFKA_SUSPICION_SUSPECTS);
  GstKafkaSuspect one;

  for (gchar **word = words; *word; word++)
    if (sscanf (*word, "%" G_GINT64_FORMAT ":%u", &one.offset, &one.runs) == 2)
      add_runs (self, one.offset, MIN (one.runs, GST_KAFKA_SUSPICION_RUNS));
}

static gboolean
read_text (GstKafkaSuspicion *self, const gchar *text, gchar run[33])
{
  int end = 0;

  gst_kafka_suspicion_init (self);
  if (!text ||
      sscanf (text,
          "kafkasrc run=%32s until=%" G_GINT64_FORMAT " alone=%" G_GINT64_FORMAT
          " row=%u last=%" G_GINT64_FORMAT " suspects=%n",
          run, &self->until, &self->alone, &self->row, &self->last, &end) != 5 ||
      !end)
    return FALSE;
  read_suspects (self, text + end);
  return TRUE;
}

void
gst_kafka_suspicion_from_text (
    GstKafkaSuspicion *self, const gchar *text, gint64 committed, const gchar *run)
{
  gchar writer[33] = "";

  if (!read_text (self, text, writer)) {
    gst_kafka_suspicion_init (self);
    return;
  }
  if (g_strcmp0 (writer, run) == 0)
    gst_kafka_suspicion_withdraw (self);
  else
    self->running = !g_str_equal (writer, ENDED);
  if (!self->running)
    self->alone = -1;
  gst_kafka_suspicion_forget (self, committed);
}

void
gst_kafka_suspicion_conclude (GstKafkaSuspicion *self, gint64 committed, gboolean excused)
{
  if (self->running && excused)
    gst_kafka_suspicion_withdraw (self);
  else if (self->running)
    self->until = MAX (self->until, committed + WINDOW);
  self->running = FALSE;
  self->alone = -1;
}

/* --- verdicts --- */

void
gst_kafka_suspicion_begin (GstKafkaSuspicion *self, gint64 offset)
{
  self->alone = offset;
  add_runs (self, offset, 1);
}

void
gst_kafka_suspicion_pass (GstKafkaSuspicion *self)
{
  acquit (self, self->alone);
  if (self->alone > self->last)
    self->row = 0;
  self->alone = -1;
}

void
gst_kafka_suspicion_withdraw (GstKafkaSuspicion *self)
{
  guint at = find (self, self->alone);

  if (is_at (self, at, self->alone) && --self->suspects[at].runs == 0)
    remove_at (self, at);
  self->alone = -1;
}

void
gst_kafka_suspicion_forget (GstKafkaSuspicion *self, gint64 committed)
{
  if (self->alone >= 0 && self->alone < committed)
    gst_kafka_suspicion_pass (self);
  while (self->count > 0 && self->suspects[0].offset < committed)
    remove_at (self, 0);
}

gboolean
gst_kafka_suspicion_is_poison (const GstKafkaSuspicion *self, gint64 offset)
{
  guint at = find (self, offset);

  return is_at (self, at, offset) && self->suspects[at].runs >= GST_KAFKA_SUSPICION_RUNS;
}

gboolean
gst_kafka_suspicion_condemn (GstKafkaSuspicion *self, gint64 offset)
{
  if (offset <= self->last)
    return TRUE;
  if (self->row >= GST_KAFKA_SUSPICION_ROW) {
    acquit (self, offset);
    return FALSE;
  }
  self->row++;
  self->last = offset;
  return TRUE;
}
