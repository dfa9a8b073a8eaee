/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A trace of the fog's capacity and of the links' rates over time, from a file. A line that begins
 * with a number gives a time in s and the frames/s of each replica from that time on ('-': the
 * replica is absent); the last line ends the trace. `link TIME RATE` sets the frames/s that each
 * camera's link carries from that time on. `cameras N`, `partitions N`, `interval S` and `min-rate
 * R` override the defaults of a trace. '#' begins a comment. */
typedef struct {
  GArray *times; /* array of gdouble, s */
  /* array of gdouble: for each time the rate of each replica; negative: the replica is absent */
  GArray *speeds;
  guint replicas;
  /* arrays of gdouble: times in s, and the links' frames/s from then on; empty: no limit */
  GArray *link_times, *link_rates;
  guint cameras, partitions;  /* 0: not said */
  gdouble interval, min_rate; /* s, frames/s; 0: not said */
} RateTrace;

RateTrace *rate_trace_load (const gchar *path, GError **error);
void rate_trace_free (RateTrace *trace);
gdouble rate_trace_seconds (const RateTrace *trace);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RateTrace, rate_trace_free)

G_END_DECLS
