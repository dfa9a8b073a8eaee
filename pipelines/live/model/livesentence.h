/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The page's first line, which describes the state of the system in one sentence. */

typedef enum {
  LIVE_GOOD,
  LIVE_WARN, /* the system works, but late, or with waiting messages */
  LIVE_BAD,  /* a server doesn't answer, or a camera or a replica has stopped */
} LiveLevel;

/* "good", "warn" or "bad" */
const gchar *live_level_name (LiveLevel level);

/* A topic that doesn't exist. */
typedef struct {
  const gchar *topic; /* NULL: it exists */
  gdouble away;       /* time since it was found missing */
} LiveMissing;

/* The data from which the sentence is made. Durations are in s; NAN: not known. */
typedef struct {
  const gchar *kafka_trouble;    /* NULL: it answers */
  gdouble kafka_away;            /* time for which Kafka hasn't answered */
  const gchar *database_trouble; /* NULL: it answers */
  gdouble database_away;
  LiveMissing frames, events;  /* the topics of frames and of events */
  guint cameras;               /* number of known cameras, including stopped ones */
  guint stopped;               /* number of known cameras that have stopped */
  const gchar *stopped_camera; /* name of the camera that stopped first */
  gdouble stopped_for;
  const gchar *shared_name;    /* a name under which two cameras send; NULL: there is none */
  guint replicas;              /* number of replicas that report */
  guint silent;                /* number of replicas that don't report any more */
  const gchar *silent_replica; /* name of the replica that fell silent last */
  gdouble silent_for;
  gdouble newest; /* age of the fog's newest answer */
  /* largest normal value of `newest`, because all cameras may send no frame while their pictures
   * stand still */
  gdouble rest;
  gint64 waiting_frames; /* number of frames that wait for the fog; -1: not known */
  gdouble frames_lag;    /* age of the oldest waiting frame */
  gint64 waiting_events; /* number of events that wait for the database; -1: not known */
  gdouble events_lag;
} LiveSummary;

/* @text: (out) (transfer full): the sentence, which names the worst problem first; a problem that
 * stops the whole system is named alone. */
LiveLevel live_sentence (const LiveSummary *summary, gchar **text);

G_END_DECLS
