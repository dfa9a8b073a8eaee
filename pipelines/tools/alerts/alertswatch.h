/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsnotice.h"

G_BEGIN_DECLS

/* Where a message stands. */
typedef struct {
  gint source; /* AlertsSource; -1: nowhere */
  gint partition;
  gint64 offset;
} AlertsPlace;

typedef enum {
  ALERTS_EVENTS,
  ALERTS_REPORTS,
  ALERTS_TOPICS, /* the number of sources above, which are topics */
  ALERTS_METRICS = ALERTS_TOPICS,
  ALERTS_SOURCES,
} AlertsSource;

/* What a message says about one subject. Times are ms since the Unix epoch. */
typedef struct {
  gint64 time;    /* of what it says: of a frame's capture, of a report */
  gint64 arrived; /* when it came, or would have come if this program had run then */
  gint64 hold;    /* ms for which it counts if no other one follows */
  gdouble value;
  AlertsPlace place;
} AlertsSample;

typedef enum {
  ALERTS_REST,
  ALERTS_PENDING, /* the condition is met, but not yet for as long as the rule wants */
  ALERTS_FIRING,
  ALERTS_ENDING, /* it fires; the condition isn't met any more, but not yet for long enough */
} AlertsPhase;

/* One rule about one subject. The state changes only with the samples, in the order of their
 * messages, and with time. What is durable is the state after the last decision: that an alert
 * fires, or has ended. The messages after it are read again after a restart, so those that it was
 * made from are passed over by their places. */
typedef struct {
  const AlertsRule *rule;
  gchar *subject;
  AlertsPhase phase;
  gint64 start;        /* when the condition began; valid unless ALERTS_REST */
  gint64 below;        /* when it ended; valid in ALERTS_ENDING */
  AlertsPlace begin;   /* the message with which the phase PENDING or ENDING began */
  AlertsSample last;   /* the newest; its place is nowhere: there is none yet */
  AlertsPlace decided; /* the newest message at the last decision */
  gint64 decided_time; /* its time */
  gdouble value;       /* with which the alert fired */
  gint64 patience;     /* ms of silence that are usual, if longer than the rule's */
  gchar *id;           /* of the alert, or of the last one */
  GQueue notices;      /* of AlertsNotice, that some target hasn't got yet; the oldest first */
  guint64 version;     /* of the durable record, that was handed over to be written */
  guint64 durable;     /* the version that was written */
  guint64 logged;      /* the version whose notices are in the log */
  gboolean restored;   /* @last is what the durable record says */
  guint dropped;       /* number of notices that found no room */
} AlertsWatch;

AlertsWatch *alerts_watch_new (const AlertsRule *rule, const gchar *subject);
void alerts_watch_free (AlertsWatch *self);

/* Those that return something return whether the durable record has to be written: the alert has
 * fired or ended, or nothing is expected of the subject any more. */
gboolean alerts_watch_take (AlertsWatch *self, const AlertsSample *sample);
/* @now: the time up to which all messages were read, ms since the Unix epoch */
gboolean alerts_watch_tick (AlertsWatch *self, gint64 now);
/* @ms: of the time up to @now in which no message could come; negative: the clock was set back */
void alerts_watch_forgive (AlertsWatch *self, gint64 ms, gint64 now);
/* The subject has left, as it announced: nothing is expected of it any more. */
gboolean alerts_watch_leave (AlertsWatch *self, const AlertsSample *sample);
/* Ends the alert without a sample, for @reason. */
gboolean alerts_watch_end (AlertsWatch *self, gint64 now, const gchar *reason);

/* (nullable): the oldest message that has to be read again after a restart; NULL: none */
const AlertsPlace *alerts_watch_get_needed (const AlertsWatch *self);
gboolean alerts_watch_is_firing (const AlertsWatch *self);
/* Returns whether nothing is lost if the watch and its record are removed. */
gboolean alerts_watch_is_over (const AlertsWatch *self, gint64 now);
/* To be called when the offsets of a partition begin again. */
void alerts_watch_lose_place (AlertsWatch *self, gint source, gint partition);

/* (transfer full): the durable record */
GBytes *alerts_watch_to_json (const AlertsWatch *self);
/* (nullable) (transfer full): NULL with @error: the record can't be read, or its rule is not in
 * the file any more. @missing: as in alerts_notice_from_json() */
AlertsWatch *alerts_watch_from_json (const gchar *text, gsize size, const AlertsRules *rules,
    gint64 now, guint *missing, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsWatch, alerts_watch_free)

G_END_DECLS
