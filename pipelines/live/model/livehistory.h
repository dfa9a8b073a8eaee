/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The data of the page's plots: one sample a second for 30 minutes, and marks of events. */
typedef struct _LiveHistory LiveHistory;

enum {
  LIVE_SAMPLE_TIME, /* ms since the Unix epoch */
  LIVE_SAMPLE_FACES,
  LIVE_SAMPLE_RATE,     /* rate at which the fog counts frames, frames/s */
  LIVE_SAMPLE_CAPACITY, /* rate at which the fog could count frames, frames/s */
  LIVE_SAMPLE_WAITING,
  LIVE_SAMPLE_P50, /* s */
  LIVE_SAMPLE_P95, /* s */
  LIVE_SAMPLE_REPLICAS,
  LIVE_SAMPLE_FIELDS
};

/* NAN: not known. */
typedef gdouble LiveSample[LIVE_SAMPLE_FIELDS];

LiveHistory *live_history_new (void);
void live_history_free (LiveHistory *self);
void live_history_add (LiveHistory *self, const LiveSample sample);
/* Adds a mark of an event: @kind is camera, replica, kafka, database or demo. */
void live_history_mark (LiveHistory *self, gint64 time, const gchar *kind, const gchar *text);
/* Removes the samples after @now, and sets the times of later marks to @now; to be called when the
 * clock was set back. */
void live_history_set_back (LiveHistory *self, gint64 now);
/* Returns: (transfer full) (nullable): the oldest mark that this function hasn't returned yet, as
 * JSON. */
GBytes *live_history_take_mark (LiveHistory *self);

/* Adds the history to the object that @json has open. */
void live_history_to_json (const LiveHistory *self, JsonBuilder *json);
void live_sample_to_json (const LiveSample sample, JsonBuilder *json);

G_END_DECLS
