/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Largest number of runs of a camera's producers that are remembered. */
#define LIVE_RUNS 16

/* One run of a producer, which numbers the frames of the run. Times are ms since the Unix epoch. */
typedef struct {
  gchar *session;     /* NULL: none */
  guint64 seq;        /* the run's highest seq */
  gint64 first, last; /* earliest and latest time of capture in the run; 0: unknown */
  gint64 seen;        /* time when @seq last grew */
} LiveRun;

/* The runs of all producers that have sent under one camera's name. */
typedef struct {
  LiveRun runs[LIVE_RUNS]; /* the newest first */
  /* time when two runs were last seen to send at the same time; 0: never */
  gint64 both;
} LiveSenders;

typedef enum {
  /* the frame isn't newer than the run's known frames, for example after a late answer */
  LIVE_SENDER_OLD,
  LIVE_SENDER_GOES_ON, /* the run has sent a new frame */
  /* a new run has begun, or an older run continues after the newest one has ended */
  LIVE_SENDER_BEGINS,
} LiveSighting;

/* Notes that a frame of a run was seen. @captured: time of capture; 0: unknown. All times are ms
 * since the Unix epoch. */
LiveSighting live_senders_note (
    LiveSenders *self, const gchar *session, guint64 seq, gint64 captured, gint64 now);
gboolean live_senders_is_newest (const LiveSenders *self, const gchar *session);
/* Returns TRUE if several producers send at the same time because they were configured with the
 * same camera name. */
gboolean live_senders_are_two (const LiveSenders *self, gint64 now);
void live_senders_clear (LiveSenders *self);

G_END_DECLS
