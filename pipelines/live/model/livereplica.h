/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "fogreport.h"

G_BEGIN_DECLS

typedef enum {
  LIVE_REPLICA_GOOD,
  LIVE_REPLICA_LEAVING, /* it said so in its last report */
  LIVE_REPLICA_SILENT,  /* no report came for longer than it should have taken */
} LiveReplicaState;

/* A fog replica, as its reports show it. Times are ms since the Unix epoch. */
typedef struct {
  gchar *name;
  gchar *version; /* NULL: it doesn't say */
  LiveReplicaState state;
  gint64 since;     /* of the state */
  gint64 heard;     /* when its last report came */
  guint64 seq;      /* of that report */
  gdouble interval; /* s */
  gdouble rate;     /* frames/s that it counts */
  gdouble capacity; /* frames/s that it could count; NAN: not known yet */
  gdouble busy;     /* share of its workers' time, 0 to 1 */
  guint workers;
  guint64 lag;        /* messages and frames that wait for it */
  GArray *partitions; /* of gint */
  gdouble p50, p95;   /* s, age of the frames that it counted; NAN: not known */
} LiveReplica;

LiveReplica *live_replica_new (const gchar *name, gint64 now);
void live_replica_free (LiveReplica *self);
/* FALSE: the report is an old one. */
gboolean live_replica_learn (LiveReplica *self, const FogReport *report, gint64 now);
/* Whether its silence is too long by now; it is silent from then on. */
gboolean live_replica_falls_silent (LiveReplica *self, gint64 now);
/* Whether it need not be listed any more. */
gboolean live_replica_is_over (const LiveReplica *self, gint64 now);
void live_replica_to_json (const LiveReplica *self, gint64 now, JsonBuilder *json);

G_END_DECLS
