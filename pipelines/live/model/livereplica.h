/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "fogreport.h"

G_BEGIN_DECLS

typedef enum {
  LIVE_REPLICA_GOOD,
  LIVE_REPLICA_LEAVING, /* the replica has announced in its last report that it stops */
  LIVE_REPLICA_SILENT,  /* the replica's next report is overdue */
} LiveReplicaState;

/* The state of a fog replica, as learned from its reports. Times are ms since the Unix epoch. */
typedef struct {
  gchar *name;
  gchar *version; /* version of the replica's program; NULL: unknown */
  LiveReplicaState state;
  gint64 since;     /* time of the last change of @state */
  gint64 heard;     /* time of the replica's last report */
  guint64 seq;      /* number of the replica's last report */
  gdouble interval; /* s */
  gdouble rate;     /* rate at which the replica counts frames, frames/s */
  gdouble capacity; /* rate at which the replica could count frames, frames/s; NAN: not known yet */
  gdouble busy;     /* fraction of the time for which the replica's workers were busy, 0 to 1 */
  guint workers;
  guint64 lag;        /* number of messages and frames that wait for the replica */
  GArray *partitions; /* of gint */
  /* quantiles of the age of the frames when they were counted, s; NAN: not known */
  gdouble p50, p95;
} LiveReplica;

LiveReplica *live_replica_new (const gchar *name, gint64 now);
void live_replica_free (LiveReplica *self);
/* Learns from a report. Returns FALSE if the report is older than the last one. */
gboolean live_replica_learn (LiveReplica *self, const FogReport *report, gint64 now);
/* Returns whether the replica's next report is overdue; then @state changes to SILENT. */
gboolean live_replica_falls_silent (LiveReplica *self, gint64 now);
/* Returns whether the replica left or fell silent so long ago that it isn't listed any more. */
gboolean live_replica_is_over (const LiveReplica *self, gint64 now);
void live_replica_to_json (const LiveReplica *self, gint64 now, JsonBuilder *json);

G_END_DECLS
