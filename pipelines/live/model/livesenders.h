/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Runs that are known at a time; so many cameras of one name are recognized. */
#define LIVE_RUNS 16

/* A run of a producer, which numbers its frames. Times are ms since the Unix epoch. */
typedef struct {
  gchar *session;     /* NULL: none */
  guint64 seq;        /* the run's highest seq */
  gint64 first, last; /* the earliest and the latest time of capture; 0: unknown */
  gint64 seen;        /* when its number grew last */
} LiveRun;

/* The producers that send under one camera's name: the run that began last, and those before it. */
typedef struct {
  LiveRun runs[LIVE_RUNS]; /* the newest first */
  gint64 both;             /* when two runs were last seen to send; 0: never */
} LiveSenders;

typedef enum {
  LIVE_SENDER_OLD,     /* nothing new: a late answer, for example */
  LIVE_SENDER_GOES_ON, /* the run has sent another frame */
  LIVE_SENDER_BEGINS,  /* a new run; or only a former one is still alive */
} LiveSighting;

/* @captured: 0: unknown; all times are ms since the Unix epoch. */
LiveSighting live_senders_note (
    LiveSenders *self, const gchar *session, guint64 seq, gint64 captured, gint64 now);
gboolean live_senders_is_newest (const LiveSenders *self, const gchar *session);
/* Returns TRUE if two producers or more send at the same time, because they were given the same
 * name. */
gboolean live_senders_are_two (const LiveSenders *self, gint64 now);
void live_senders_clear (LiveSenders *self);

G_END_DECLS
