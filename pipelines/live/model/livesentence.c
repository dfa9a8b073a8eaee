/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livesentence.h"

#include <math.h>

#include "livename.h"

/* Time (s); messages that have waited for less than this time don't count as waiting. */
#define LATE 2.0

const gchar *
live_level_name (LiveLevel level)
{
  static const gchar *const names[] = {"good", "warn", "bad"};

  return names[level];
}

static void
add_duration (GString *text, gdouble seconds)
{
  if (seconds < 10)
    g_string_append_printf (text, "%.1f s", MAX (seconds, 0));
  else if (seconds < 120)
    g_string_append_printf (text, "%.0f s", seconds);
  else if (seconds < 7200)
    g_string_append_printf (text, "%.0f min", seconds / 60);
  else
    g_string_append_printf (text, "%.1f h", seconds / 3600);
}

static void
begin_part (GString *text)
{
  if (text->len)
    g_string_append (text, ", ");
}

static void
add_count (GString *text, guint n, const gchar *noun)
{
  begin_part (text);
  if (n == 0)
    g_string_append_printf (text, "no %s", noun);
  else
    g_string_append_printf (text, "%u %s%s", n, noun, n == 1 ? "" : "s");
}

static void
add_since (GString *text, gdouble seconds)
{
  if (!isfinite (seconds))
    return;
  g_string_append (text, " for ");
  add_duration (text, seconds);
}

static void
add_away (GString *text, const gchar *what, const gchar *trouble, gdouble away)
{
  begin_part (text);
  g_string_append_printf (text, "%s hasn't answered", what);
  add_since (text, away);
  if (*trouble)
    g_string_append_printf (text, " (%s)", trouble);
}

static void
add_name (GString *text, const gchar *name)
{
  g_autofree gchar *visible = live_name_make_visible (name);

  begin_part (text);
  g_string_append (text, visible);
}

static void
add_missing (GString *text, const LiveMissing *missing)
{
  if (!missing->topic)
    return;
  begin_part (text);
  g_string_append_printf (text, "the topic \"%s\" has been missing", missing->topic);
  add_since (text, missing->away);
}

static void
add_stopped (GString *text, const LiveSummary *s)
{
  add_name (text, s->stopped_camera);
  g_string_append (text, " has given no frame");
  add_since (text, s->stopped_for);
  if (s->stopped > 1)
    g_string_append_printf (text, " (and %u more)", s->stopped - 1);
}

static void
add_silent (GString *text, const LiveSummary *s)
{
  add_name (text, s->silent_replica);
  g_string_append (text, " has sent no report");
  add_since (text, s->silent_for);
  if (s->silent > 1)
    g_string_append_printf (text, " (and %u more)", s->silent - 1);
}

static gboolean
add_waiting (GString *text, gint64 waiting, gdouble lag, const gchar *noun, const gchar *where)
{
  if (waiting <= 0 || (isfinite (lag) && lag < LATE))
    return FALSE;
  begin_part (text);
  g_string_append_printf (text, "%" G_GINT64_FORMAT " %s%s waiting for the %s", waiting, noun,
      waiting == 1 ? "" : "s", where);
  add_since (text, lag);
  return TRUE;
}

static LiveLevel
add_faults (GString *text, const LiveSummary *s)
{
  add_missing (text, &s->frames);
  add_missing (text, &s->events);
  if (s->database_trouble)
    add_away (text, "the database", s->database_trouble, s->database_away);
  if (s->cameras && !s->replicas && !s->silent) {
    begin_part (text);
    g_string_append (text, "no fog replica reports");
  }
  if (s->silent)
    add_silent (text, s);
  if (s->stopped && !s->frames.topic)
    add_stopped (text, s);
  return text->len ? LIVE_BAD : LIVE_GOOD;
}

static LiveLevel
add_shared_name (GString *text, const LiveSummary *s)
{
  if (!s->shared_name)
    return LIVE_GOOD;
  add_name (text, s->shared_name);
  g_string_append (text, " is the name of two cameras");
  return LIVE_WARN;
}

static LiveLevel
add_state (GString *text, const LiveSummary *s)
{
  LiveLevel level = LIVE_GOOD;
  gboolean waits;

  add_count (text, s->cameras, "camera");
  add_count (text, s->replicas, "replica");
  if (s->cameras == 0 || s->replicas == 0)
    return LIVE_WARN;
  begin_part (text);
  if (isfinite (s->newest)) {
    g_string_append (text, "newest answer ");
    add_duration (text, s->newest);
    g_string_append (text, " old");
    level = s->newest > LATE + s->rest ? LIVE_WARN : LIVE_GOOD;
  } else {
    g_string_append (text, "no answer yet");
    level = LIVE_WARN;
  }
  waits = add_waiting (text, s->waiting_frames, s->frames_lag, "frame", "fog");
  waits |= add_waiting (text, s->waiting_events, s->events_lag, "event", "database");
  if (!waits)
    g_string_append (text, ", nothing waiting");
  return waits ? LIVE_WARN : level;
}

LiveLevel
live_sentence (const LiveSummary *summary, gchar **text)
{
  GString *sentence = g_string_new (NULL);
  LiveLevel level = LIVE_BAD;

  if (summary->kafka_trouble) {
    add_away (sentence, "Kafka", summary->kafka_trouble, summary->kafka_away);
  } else {
    LiveLevel faults = add_faults (sentence, summary), shared = add_shared_name (sentence, summary),
              state = add_state (sentence, summary);

    level = MAX (MAX (faults, shared), state);
  }
  *text = g_string_free (sentence, FALSE);
  return level;
}
