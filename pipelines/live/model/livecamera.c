/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livecamera.h"

#include <math.h>
#include <string.h>

/* A camera counts as stopped after STOPPED ms without a frame, or after STOPPED_PERIODS frame
 * periods if that is longer. */
#define STOPPED 2500
#define STOPPED_PERIODS 3
/* A camera with still-interval doesn't count as stopped before this multiple of still-interval has
 * passed. */
#define STOPPED_INTERVALS 2.5
/* Time in ms without a new answer after which a camera counts as late. */
#define LATE 2000
/* A frame without an event counts as a frame without faces if a frame that was captured this time
 * (ms) later was counted. */
#define SETTLED 1000
/* Time (ms); an event that is later than this says nothing about the next ones. */
#define MAX_LATENESS 600000
/* Number of events in which the lateness decreases to a third if no event is late any more. */
#define LATENESS_EVENTS 32
/* Time (ms) in which reports of counted frames decrease the lateness to a third if no event is
 * late. */
#define LATENESS_TIME 120000
/* Smallest number of ticks over which a rate is measured: 5 s. */
#define RATE_TICKS 10
#define TICKS_A_SECOND 2
/* If a camera sends less than this fraction of the rate that it may send, the camera or its link
 * limits the rate. */
#define LINK_SHARE 0.8
/* If a camera sends at least this fraction of the rate that it wants, nothing limits it, because a
 * rate measured over a few seconds isn't exact. */
#define WANTED_SHARE 0.9
/* If a camera sends more than this multiple of its minimum rate, the minimum rate isn't what
 * determines its rate. */
#define MINIMUM_SHARE 1.25

LiveCamera *
live_camera_new (const gchar *name, gint64 now)
{
  LiveCamera *self = g_new0 (LiveCamera, 1);

  self->name = g_strdup (name);
  self->since = self->active = now;
  self->progress = live_progress_new ();
  self->weight = 1;
  self->given = NAN;
  return self;
}

void
live_camera_free (LiveCamera *self)
{
  g_clear_pointer (&self->answer, live_answer_unref);
  g_clear_pointer (&self->observer, rate_controller_free);
  live_progress_free (self->progress);
  live_senders_clear (&self->senders);
  g_free (self->session);
  g_free (self->name);
  g_free (self);
}

/* Begins a new session: after a restart, a camera numbers its frames from 0. */
static void
begin_session (LiveCamera *self, const gchar *session)
{
  g_free (self->session);
  self->session = g_strdup (session);
  self->seq = 0;
  live_progress_free (self->progress);
  self->progress = live_progress_new ();
  g_clear_pointer (&self->observer, rate_controller_free);
}

void
live_camera_see (LiveCamera *self, const gchar *session, guint64 seq, gint64 captured, gint64 now)
{
  LiveSighting sighting = LIVE_SENDER_GOES_ON;

  if (session)
    sighting = live_senders_note (&self->senders, session, seq, captured, now);
  if (sighting == LIVE_SENDER_BEGINS)
    begin_session (self, session);
  /* An old sighting, such as a late answer about an old frame, doesn't show that the camera still
   * sends. */
  if (sighting != LIVE_SENDER_OLD)
    self->active = now;
  if (!session || live_senders_is_newest (&self->senders, session))
    self->seq = MAX (self->seq, seq);
}

/* Returns: (transfer full) (nullable): the session in the answer's id, camera:session:seq. The id
 * is read from its end, because the camera's name may contain colons. */
static gchar *
session_of (const LiveAnswer *answer)
{
  const gchar *end = strrchr (answer->id, ':'), *begin;

  if (!end)
    return NULL;
  for (begin = end; begin > answer->id && begin[-1] != ':'; begin--)
    ;
  return begin > answer->id ? g_strndup (begin, (gsize) (end - begin)) : NULL;
}

/* Returns TRUE if @answer is about a newer frame than the camera's newest answer. Within a session
 * the frames' numbers decide, because a camera's clock may be set back. */
static gboolean
is_newer (const LiveCamera *self, const LiveAnswer *answer, const gchar *session, gint64 now)
{
  g_autofree gchar *before = self->answer ? session_of (self->answer) : NULL;

  if (!session)
    return answer->captured >= self->counted;
  if (g_strcmp0 (session, before) == 0)
    return answer->seq >= self->answer->seq;
  return live_senders_is_newest (&self->senders, session) ||
         live_senders_are_two (&self->senders, now);
}

static void
learn_lateness (LiveCamera *self, const LiveAnswer *answer)
{
  gint64 late = MAX (self->counted - answer->captured, 0);

  if (late > MAX_LATENESS)
    return;
  if (late >= self->lateness)
    self->lateness = late;
  else
    self->lateness -= (self->lateness - late + LATENESS_EVENTS - 1) / LATENESS_EVENTS;
}

/* Decreases the lateness, because a single late event may have caused it, and no event may come for
 * a long time. @time: time (ms) by which the newest counted frame is newer than the one before */
static void
forget_lateness (LiveCamera *self, gint64 time)
{
  self->lateness -= self->lateness * MIN (time, LATENESS_TIME) / LATENESS_TIME;
}

gint64
live_camera_get_settled (const LiveCamera *self, gint64 answered)
{
  return MAX (self->counted, answered) - self->lateness - SETTLED;
}

/* Returns TRUE if the camera's clock was set back before the frame of @answer, which is newer than
 * the camera's newest answer. */
static gboolean
is_set_back (const LiveCamera *self, const LiveAnswer *answer)
{
  return self->answer && answer->captured < self->answer->captured;
}

void
live_camera_take_answer (LiveCamera *self, LiveAnswer *answer, gboolean again, gint64 now)
{
  g_autofree gchar *session = session_of (answer);
  gboolean newer;

  live_camera_see (self, session, answer->seq, answer->captured, now);
  newer = is_newer (self, answer, session, now);
  if (newer && (is_set_back (self, answer) || answer->captured > self->counted))
    self->counted = answer->captured;
  if (!again)
    learn_lateness (self, answer);
  if (!newer)
    return;
  self->found = MIN (answer->captured, now);
  self->answered = MAX (self->answered, self->found);
  self->faces = answer->faces;
  g_clear_pointer (&self->answer, live_answer_unref);
  self->answer = live_answer_ref (answer);
}

/* --- reports --- */

static void
observe (LiveCamera *self, const FogReport *report, gdouble now)
{
  RateSettings settings = {
      .algorithm = RATE_ALGORITHM_ADAPTIVE,
      .initial_rate = self->wanted,
      .min_rate = MIN (MAX (self->minimum, 0.001), self->wanted),
      .max_rate = self->wanted,
      .weight = MAX (self->weight, 0.001),
      .latency_target = 0.25,
  };

  if (self->wanted <= 0 || !self->session)
    return;
  if (!self->observer)
    self->observer = rate_controller_new (self->name, self->session, &settings, now);
  rate_controller_configure (self->observer, &settings);
  rate_controller_report (self->observer, report, now);
}

/* Learns from a report that frames were counted, because frames without faces cause no event, so
 * only reports show that they were counted. */
static void
learn_answered (LiveCamera *self, const FogReport *report, gint64 now)
{
  gdouble age = isfinite (report->age_p50) ? report->age_p50 : 0;
  gint64 captured = now - (gint64) (age * 1000);
  gint64 silent = (gint64) ((report->interval + self->still_interval + 1) * 1000);

  if (captured <= self->answered)
    return;
  if (!self->answer || captured - self->found > silent + self->lateness)
    self->faces = 0;
  forget_lateness (self, captured - self->answered);
  self->answered = captured;
  self->counted = MAX (self->counted, captured);
}

void
live_camera_take_report (
    LiveCamera *self, const FogReport *report, const FogReportCamera *own, gint64 now)
{
  if (own)
    self->still_interval = own->still_interval;
  if (own && own->frames > 0) {
    self->is_still = own->still > 0;
    live_camera_see (self, own->session, own->last_seq, 0, now);
    self->interval = MAX (report->interval, 0.9 * self->interval);
    self->wanted = own->max;
    self->minimum = own->min;
    self->weight = own->weight;
    learn_answered (self, report, now);
  }
  observe (self, report, (gdouble) now / 1000);
}

/* --- what follows --- */

static gboolean
set_health (LiveCamera *self, LiveHealth health, gint64 since)
{
  if (self->health == health)
    return FALSE;
  self->health = health;
  self->since = since;
  return TRUE;
}

/* Returns the time, in ms, after which a camera counts as stopped if no frame of it is seen. */
static gdouble
patience (const LiveCamera *self, gboolean watched)
{
  gdouble period = self->pace > 0 ? 1000 / self->pace : 0;
  gdouble patience = MAX (STOPPED, MIN (STOPPED_PERIODS * period, 600e3));

  patience = MAX (patience, STOPPED_INTERVALS * self->still_interval * 1000);
  return watched ? patience : patience + self->interval * 1000;
}

gboolean
live_camera_is_silent (const LiveCamera *self, gboolean watched, gint64 at)
{
  return at - self->active > patience (self, watched);
}

gboolean
live_camera_tick (LiveCamera *self, gboolean watched, gint64 now)
{
  guint window = MAX (RATE_TICKS, (guint) (2 * TICKS_A_SECOND * MIN (self->interval, 60)));

  if (live_camera_is_silent (self, watched, now)) {
    self->given = 0;
    self->faces = 0;
    return set_health (self, LIVE_CAMERA_STOPPED, self->active);
  }
  live_progress_add (self->progress, now, (gint64) MIN (self->seq, (guint64) G_MAXINT64));
  self->given = live_progress_get_rate (self->progress, window);
  if (self->seq != self->paced)
    self->pace = self->given;
  self->paced = self->seq;
  if (self->answered == 0)
    return set_health (self, LIVE_CAMERA_UNKNOWN, self->active);
  if (now - self->answered > LATE + (self->interval + self->still_interval) * 1000)
    return set_health (self, LIVE_CAMERA_LATE, self->answered);
  return set_health (self, LIVE_CAMERA_GOOD, now);
}

void
live_camera_set_back (LiveCamera *self, gint64 now)
{
  self->since = MIN (self->since, now);
  self->active = MIN (self->active, now);
  self->answered = MIN (self->answered, now);
  self->found = MIN (self->found, now);
  for (guint i = 0; i < LIVE_RUNS; i++)
    self->senders.runs[i].seen = MIN (self->senders.runs[i].seen, now);
}

const gchar *
live_health_name (LiveHealth health)
{
  static const gchar *const names[] = {"unknown", "good", "late", "stopped"};

  return names[health];
}

static RateBound
bound_of (const LiveCamera *self, gint64 now)
{
  gdouble seconds = (gdouble) now / 1000, allowed;
  RateState state;

  if (self->is_still || (isfinite (self->given) && self->given >= WANTED_SHARE * self->wanted))
    return RATE_BOUND_CAMERA;
  rate_controller_get_state (self->observer, seconds, &state);
  allowed = rate_controller_get_rate (self->observer, seconds);
  if (isfinite (self->given) && self->given < LINK_SHARE * allowed)
    return RATE_BOUND_LINK;
  if (state.bound == RATE_BOUND_MINIMUM && isfinite (self->given) &&
      self->given > MINIMUM_SHARE * self->minimum)
    return RATE_BOUND_FOG;
  return state.bound;
}

const gchar *
live_camera_get_bound (const LiveCamera *self, gint64 now, const gchar **reason)
{
  static const gchar *const reasons[] = {
      "the camera gets the rate that it wants",
      "the fog can't count more",
      "the camera sends less than the fog would take; its link or the camera itself is the limit",
      "the camera sends its minimum rate, which is more than the fog counts",
  };
  RateBound bound;

  *reason = "no report lists the camera yet";
  if (self->health == LIVE_CAMERA_STOPPED)
    *reason = "it gives no frame";
  else if (live_senders_are_two (&self->senders, now))
    *reason = "two cameras send under this name; give each its own";
  if (!self->observer || self->health == LIVE_CAMERA_STOPPED ||
      live_senders_are_two (&self->senders, now))
    return "unknown";
  bound = bound_of (self, now);
  *reason = self->is_still ? "the picture stands still, and the camera sends only changed frames"
                           : reasons[bound];
  return rate_bound_name (bound);
}
