/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesenders.h"

#include <string.h>

/* Time (ms) by which the capture times of two runs of one producer may overlap. */
#define OVERLAP 2000
/* Time (ms) without a new frame after which a run counts as ended. */
#define OVER 10000

static void
add_run (LiveSenders *self, const gchar *session, guint64 seq, gint64 captured, gint64 now)
{
  g_free (self->runs[LIVE_RUNS - 1].session);
  memmove (self->runs + 1, self->runs, (LIVE_RUNS - 1) * sizeof *self->runs);
  self->runs[0] = (LiveRun){g_strdup (session), seq, captured, captured, now};
}

static void
make_newest (LiveSenders *self, guint i)
{
  LiveRun run = self->runs[i];

  memmove (self->runs + 1, self->runs, i * sizeof *self->runs);
  self->runs[0] = run;
}

/* Returns TRUE if the capture times of two runs overlap, so that two producers send at the same
 * time. Times of capture are compared because late answers about an ended run may arrive during the
 * next run. */
static gboolean
overlap (const LiveRun *a, const LiveRun *b)
{
  return a->first && b->first && MIN (a->last, b->last) - MAX (a->first, b->first) > OVERLAP;
}

/* Notes that a run other than the newest one has sent a new frame. */
static LiveSighting
note_former (LiveSenders *self, guint i, gint64 captured, gint64 now)
{
  if (now - self->runs[0].seen > OVER) {
    make_newest (self, i);
    return LIVE_SENDER_BEGINS;
  }
  if (captured && overlap (&self->runs[0], &self->runs[i]))
    self->both = now;
  return LIVE_SENDER_GOES_ON;
}

static void
note_captured (LiveRun *run, gint64 captured)
{
  if (!captured)
    return;
  run->first = run->first ? MIN (run->first, captured) : captured;
  run->last = MAX (run->last, captured);
}

LiveSighting
live_senders_note (
    LiveSenders *self, const gchar *session, guint64 seq, gint64 captured, gint64 now)
{
  guint i = 0;

  while (i < LIVE_RUNS && g_strcmp0 (self->runs[i].session, session) != 0)
    i++;
  if (i == LIVE_RUNS) {
    add_run (self, session, seq, captured, now);
    return LIVE_SENDER_BEGINS;
  }
  note_captured (&self->runs[i], captured);
  if (seq <= self->runs[i].seq)
    return LIVE_SENDER_OLD;
  self->runs[i].seq = seq;
  self->runs[i].seen = now;
  return i == 0 ? LIVE_SENDER_GOES_ON : note_former (self, i, captured, now);
}

gboolean
live_senders_is_newest (const LiveSenders *self, const gchar *session)
{
  return g_strcmp0 (self->runs[0].session, session) == 0;
}

gboolean
live_senders_are_two (const LiveSenders *self, gint64 now)
{
  return self->both && ABS (now - self->both) < OVER;
}

void
live_senders_clear (LiveSenders *self)
{
  for (guint i = 0; i < LIVE_RUNS; i++)
    g_free (self->runs[i].session);
}
