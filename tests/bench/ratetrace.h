/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the fog could count and the links could carry, from a file. A line that begins with a number
 * is a time in s and the frames/s of each replica ('-': it isn't there), which hold until the next
 * such line; the last one ends the trace. `link TIME RATE` is the frames/s that each camera's link
 * carries from that time on. `cameras N`, `partitions N`, `interval S` and `min-rate R` set the
 * scene where it isn't the usual one. '#' begins a comment. */
typedef struct {
  GArray *times;  /* of gdouble, s */
  GArray *speeds; /* of gdouble, for each time the rate of each replica; below 0: absent */
  guint replicas;
  GArray *link_times, *link_rates; /* of gdouble, s and frames/s; empty: no limit */
  guint cameras, partitions;       /* 0: not said */
  gdouble interval, min_rate;      /* s, frames/s; 0: not said */
} RateTrace;

RateTrace *rate_trace_load (const gchar *path, GError **error);
void rate_trace_free (RateTrace *trace);
gdouble rate_trace_seconds (const RateTrace *trace);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RateTrace, rate_trace_free)

G_END_DECLS
