/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "fogreport.h"

G_BEGIN_DECLS

typedef enum {
  LIVE_REPLICA_GOOD,
  LIVE_REPLICA_LEAVING, /* the replica reported its end in its last report */
  LIVE_REPLICA_SILENT,  /* no report came in the time in which one was due */
} LiveReplicaState;

/* A fog replica, as its reports show it. Times are ms since the Unix epoch. */
typedef struct {
  gchar *name;
  gchar *version; /* NULL: it doesn't say */
  LiveReplicaState state;
  gint64 since;     /* since when @state is what it is */
  gint64 heard;     /* time of the replica's last report */
  guint64 seq;      /* number of that report */
  gdouble interval; /* s */
  gdouble rate;     /* frames/s that it counts */
  gdouble capacity; /* rate that the replica could count, frames/s; NAN: not known yet */
  gdouble busy;     /* share of its workers' time, 0 to 1 */
  guint workers;
  guint64 lag;        /* number of messages and frames that wait for the replica */
  GArray *partitions; /* of gint */
  gdouble p50, p95;   /* ages of the frames that it counted, s; NAN: not known */
} LiveReplica;

LiveReplica *live_replica_new (const gchar *name, gint64 now);
void live_replica_free (LiveReplica *self);
/* Returns FALSE if the report is an old one. */
gboolean live_replica_learn (LiveReplica *self, const FogReport *report, gint64 now);
/* Returns whether the replica has been silent for too long; it counts as silent from then on. */
gboolean live_replica_falls_silent (LiveReplica *self, gint64 now);
/* Returns whether the replica need not be listed any more. */
gboolean live_replica_is_over (const LiveReplica *self, gint64 now);
void live_replica_to_json (const LiveReplica *self, gint64 now, JsonBuilder *json);

G_END_DECLS
