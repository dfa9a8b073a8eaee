/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesenders.h"

/* ms that two runs of one producer may seem to overlap. */
#define OVERLAP 2000
/* ms without another frame after which a run is over. */
#define OVER 10000

static void
add_run (LiveSenders *self, const gchar *session, guint64 seq, gint64 captured, gint64 now)
{
  g_free (self->runs[1].session);
  self->runs[1] = self->runs[0];
  self->runs[0].session = g_strdup (session);
  self->runs[0].seq = seq;
  self->runs[0].first = captured;
  self->runs[0].seen = now;
}

static void
swap_runs (LiveSenders *self)
{
  typeof (self->runs[0]) newer = self->runs[0];

  self->runs[0] = self->runs[1];
  self->runs[1] = newer;
}

/* Notes that the former run has sent another frame. */
static LiveSighting
note_former (LiveSenders *self, gint64 captured, gint64 now)
{
  if (now - self->runs[0].seen > OVER) {
    swap_runs (self);
    return LIVE_SENDER_BEGINS;
  }
  if (captured && self->runs[0].first && captured - self->runs[0].first > OVERLAP)
    self->both = now;
  return LIVE_SENDER_GOES_ON;
}

LiveSighting
live_senders_note (
    LiveSenders *self, const gchar *session, guint64 seq, gint64 captured, gint64 now)
{
  guint i = 0;

  while (i < 2 && g_strcmp0 (self->runs[i].session, session) != 0)
    i++;
  if (i == 2) {
    add_run (self, session, seq, captured, now);
    return LIVE_SENDER_BEGINS;
  }
  if (captured && (!self->runs[i].first || captured < self->runs[i].first))
    self->runs[i].first = captured;
  if (seq <= self->runs[i].seq)
    return LIVE_SENDER_OLD;
  self->runs[i].seq = seq;
  self->runs[i].seen = now;
  return i == 0 ? LIVE_SENDER_GOES_ON : note_former (self, captured, now);
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
  g_free (self->runs[0].session);
  g_free (self->runs[1].session);
}
