/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livereplica.h"

#include <math.h>

#include "livejson.h"

/* A replica counts as silent after PATIENCE report intervals without a report, as in feedbackrate,
 * plus the time WAY for the transport of a report to this process. */
#define PATIENCE 2.2
#define WAY 1000 /* ms */
/* Time (ms) for which a replica that has left or is silent is still listed. */
#define LISTED 60000
/* If a report's workers were busy for less than this time (s), the replica's speed can't be
 * computed from it. */
#define LEAST_BUSY 0.001

LiveReplica *
live_replica_new (const gchar *name, gint64 now)
{
  LiveReplica *self = g_new0 (LiveReplica, 1);

  self->name = g_strdup (name);
  self->since = self->heard = now;
  self->interval = 1;
  self->capacity = self->p50 = self->p95 = NAN;
  self->partitions = g_array_new (FALSE, FALSE, sizeof (gint));
  return self;
}

void
live_replica_free (LiveReplica *self)
{
  g_array_unref (self->partitions);
  g_free (self->version);
  g_free (self->name);
  g_free (self);
}

static void
set_state (LiveReplica *self, LiveReplicaState state, gint64 now)
{
  if (self->state != state)
    self->since = now;
  self->state = state;
}

/* Learns the capacity as feedbackrate does: a lower measured capacity is taken at once, a higher
 * one by half. */
static void
learn_capacity (LiveReplica *self, const FogReport *report)
{
  gdouble seconds = report->busy / report->workers, capacity;

  if (seconds < LEAST_BUSY || report->frames == 0)
    return;
  capacity = (gdouble) report->frames / seconds;
  if (!isfinite (self->capacity) || capacity < 0.9 * self->capacity)
    self->capacity = capacity;
  else
    self->capacity += (capacity - self->capacity) / 2;
}

gboolean
live_replica_learn (LiveReplica *self, const FogReport *report, gint64 now)
{
  /* A lower number is accepted from a replica that was silent, because it may have restarted and
   * numbers its reports from 0 again. */
  if (self->seq && report->seq <= self->seq && self->state == LIVE_REPLICA_GOOD &&
      now - self->heard < PATIENCE * self->interval * 1000)
    return FALSE;
  self->seq = report->seq;
  self->heard = now;
  self->interval = report->interval;
  self->rate = (gdouble) report->frames / report->interval;
  self->busy = MIN (report->busy / report->workers / report->interval, 1);
  self->workers = report->workers;
  self->lag = report->lag;
  self->p50 = report->age_p50;
  self->p95 = report->age_p95;
  learn_capacity (self, report);
  g_free (self->version);
  self->version = report->version ? g_strndup (report->version, 64) : NULL;
  g_array_set_size (self->partitions, 0);
  g_array_append_vals (self->partitions, report->partitions->data, report->partitions->len);
  set_state (self, report->leaving ? LIVE_REPLICA_LEAVING : LIVE_REPLICA_GOOD, now);
  return TRUE;
}

gboolean
live_replica_falls_silent (LiveReplica *self, gint64 now)
{
  if (self->state != LIVE_REPLICA_GOOD ||
      now - self->heard <= PATIENCE * self->interval * 1000 + WAY)
    return FALSE;
  set_state (self, LIVE_REPLICA_SILENT, now);
  self->rate = self->busy = 0;
  return TRUE;
}

gboolean
live_replica_is_over (const LiveReplica *self, gint64 now)
{
  return self->state != LIVE_REPLICA_GOOD && now - self->since > LISTED;
}

static const gchar *
state_name (LiveReplicaState state)
{
  static const gchar *const names[] = {"good", "leaving", "silent"};

  return names[state];
}

void
live_replica_to_json (const LiveReplica *self, gint64 now, JsonBuilder *json)
{
  json_builder_begin_object (json);
  live_json_text (json, "replica", self->name);
  live_json_text (json, "state", state_name (self->state));
  live_json_time (json, "since", self->since);
  live_json_number (json, "rate", self->rate);
  live_json_number (json, "capacity", self->capacity);
  live_json_number (json, "busy", self->busy);
  live_json_int (json, "workers", self->workers);
  live_json_int (json, "lag", (gint64) self->lag);
  live_json_open_list (json, "partitions");
  for (guint i = 0; i < MIN (self->partitions->len, 100); i++)
    json_builder_add_int_value (json, g_array_index (self->partitions, gint, i));
  json_builder_end_array (json);
  live_json_number (json, "p50", self->p50);
  live_json_number (json, "p95", self->p95);
  live_json_number (json, "age", (gdouble) (now - self->heard) / 1000);
  live_json_text (json, "version", self->version);
  json_builder_end_object (json);
}
