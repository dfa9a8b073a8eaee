/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The page's first line: how the system is, in one sentence. */

typedef enum {
  LIVE_GOOD,
  LIVE_WARN, /* the system works, but late, or with waiting messages */
  LIVE_BAD,  /* a part of the system is away or has stopped */
} LiveLevel;

/* "good", "warn" or "bad" */
const gchar *live_level_name (LiveLevel level);

/* The data of the sentence. Durations are s, NAN: not known. */
typedef struct {
  const gchar *kafka_trouble;    /* NULL: it answers */
  gdouble kafka_away;            /* time for which the server hasn't answered */
  const gchar *database_trouble; /* NULL: it answers */
  gdouble database_away;
  guint cameras;               /* number of known cameras, including stopped ones */
  guint stopped;               /* number of these cameras without frames */
  const gchar *stopped_camera; /* the first that stopped */
  gdouble stopped_for;
  const gchar *shared_name;    /* a name under which two cameras send; NULL: there is none */
  guint replicas;              /* number of replicas that report */
  guint silent;                /* number of replicas that report no more */
  const gchar *silent_replica; /* the last one that fell silent */
  gdouble silent_for;
  gdouble newest; /* age of the newest answer */
  /* age that it may have because all cameras pause while their pictures stand still */
  gdouble rest;
  gint64 waiting_frames; /* number of frames that wait for the fog; -1: not known */
  gdouble frames_lag;    /* age of the oldest waiting frame */
  gint64 waiting_events; /* number of events that wait for the database; -1: not known */
  gdouble events_lag;
} LiveSummary;

/* @text: (out) (transfer full): the worst problem comes first; a problem that stops everything is
 * the only one. */
LiveLevel live_sentence (const LiveSummary *summary, gchar **text);

G_END_DECLS
