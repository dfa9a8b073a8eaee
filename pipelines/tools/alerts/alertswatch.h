/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsnotice.h"

G_BEGIN_DECLS

/* The position of a message. */
typedef struct {
  gint source; /* AlertsSource; -1: nowhere */
  gint partition;
  gint64 offset;
} AlertsPlace;

typedef enum {
  ALERTS_EVENTS,
  ALERTS_REPORTS,
  ALERTS_TOPICS, /* number of the sources that are topics */
  ALERTS_METRICS = ALERTS_TOPICS,
  ALERTS_SOURCES,
} AlertsSource;

/* A value for one subject, read from a message. Times are ms since the Unix epoch. */
typedef struct {
  gint64 time;    /* time for which the value is valid: time of a frame, or of a report */
  gint64 arrived; /* time when the message arrived, or would have arrived if this program had run */
  gint64 hold;    /* time for which the value counts if no other sample follows, ms */
  gdouble value;
  AlertsPlace place;
} AlertsSample;

typedef enum {
  ALERTS_REST,
  ALERTS_PENDING, /* the condition is met, but not yet for as long as the rule wants */
  ALERTS_FIRING,
  /* the alert fires; the condition isn't met any more, but not yet for as long as the rule wants */
  ALERTS_ENDING,
} AlertsPhase;

/* A watch is the state of one rule for one subject. The state changes only by samples, in the order
 * of their messages, and by time. The durable record has the state after the last decision, that
 * is, after an alert has fired or ended. After a restart, later messages are read again; messages
 * that are contained in this state are recognised by their positions, and ignored. */
typedef struct {
  const AlertsRule *rule;
  gchar *subject;
  AlertsPhase phase;
  gint64 start;        /* time when the condition began; valid unless ALERTS_REST */
  gint64 below;        /* time when the condition ended; valid in ALERTS_ENDING */
  AlertsPlace begin;   /* the message with which the phase PENDING or ENDING began */
  AlertsSample last;   /* newest sample; if its place is nowhere, there is none yet */
  AlertsPlace decided; /* position of the newest message at the last decision */
  gint64 decided_time; /* time of that message */
  gdouble value;       /* value with which the alert fired */
  /* normal time between two messages about the subject, if it is longer than the rule's patience,
   * ms */
  gint64 patience;
  gchar *id; /* id of the present alert, or of the last one */
  /* queue of AlertsNotice that a target hasn't accepted yet; the oldest first */
  GQueue notices;
  guint64 version;   /* latest version of the durable record that was given to be written */
  guint64 durable;   /* latest version of the record that is durable */
  guint64 logged;    /* latest version of the record whose notices were logged */
  gboolean restored; /* flag: @last comes from the durable record */
  guint dropped;     /* number of notices that were dropped because there were too many */
} AlertsWatch;

AlertsWatch *alerts_watch_new (const AlertsRule *rule, const gchar *subject);
void alerts_watch_free (AlertsWatch *self);

/* alerts_watch_take(), alerts_watch_tick(), alerts_watch_leave() and alerts_watch_end() return
 * whether the durable record has to be written, because the alert has fired or ended, or because no
 * messages of the subject are expected any more. */
gboolean alerts_watch_take (AlertsWatch *self, const AlertsSample *sample);
/* @now: the time up to which all messages were read, ms since the Unix epoch */
gboolean alerts_watch_tick (AlertsWatch *self, gint64 now);
/* Excludes time from the silence of the subject. @ms: length of the time before @now in which no
 * message could come; negative if the clock was set back */
void alerts_watch_forgive (AlertsWatch *self, gint64 ms, gint64 now);
/* Notes that the subject has announced that it stops, so that no further messages of it are
 * expected. */
gboolean alerts_watch_leave (AlertsWatch *self, const AlertsSample *sample);
/* Ends the alert without a sample, for @reason. */
gboolean alerts_watch_end (AlertsWatch *self, gint64 now, const gchar *reason);

/* Returns: (nullable): the position of the oldest message that has to be read again after a
 * restart; NULL: none */
const AlertsPlace *alerts_watch_get_needed (const AlertsWatch *self);
gboolean alerts_watch_is_firing (const AlertsWatch *self);
/* Returns whether the watch and its record can be removed without a loss. */
gboolean alerts_watch_is_over (const AlertsWatch *self, gint64 now);
/* To be called when the offsets of a partition begin at 0 again, because its topic was created
 * again. */
void alerts_watch_lose_place (AlertsWatch *self, gint source, gint partition);

/* Returns: (transfer full): the durable record of the watch */
GBytes *alerts_watch_to_json (const AlertsWatch *self);
/* Returns: (nullable) (transfer full): the watch; NULL with @error if the record can't be read, or
 * its rule isn't in the rule file any more. @missing: as in alerts_notice_from_json() */
AlertsWatch *alerts_watch_from_json (const gchar *text, gsize size, const AlertsRules *rules,
    gint64 now, guint *missing, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsWatch, alerts_watch_free)

G_END_DECLS
