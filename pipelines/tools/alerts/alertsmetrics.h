/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsstate.h"

G_BEGIN_DECLS

/* Reads the metrics of stages by HTTP, for rules that need them. Behind the name in an address
 * there may be several processes, each of which is a stage of its own. The last totals of each
 * stage are stored durably, so that the next run finds what was counted while this program didn't
 * run. */
typedef struct _AlertsMetrics AlertsMetrics;

/* Keeps pointers to @rules, @book and @state. */
AlertsMetrics *alerts_metrics_new (const AlertsRules *rules, AlertsBook *book, AlertsState *state);
/* Cancels the pending requests, and frees the object. */
void alerts_metrics_free (AlertsMetrics *self);
/* Looks up the names of all stages, and begins to read their metrics, except of stages whose last
 * request isn't answered yet. */
void alerts_metrics_read (AlertsMetrics *self);
/* Returns whether a name is being looked up, or a request isn't answered yet. */
gboolean alerts_metrics_is_reading (AlertsMetrics *self);

/**
 * alerts_metrics_parse:
 * @text: Prometheus' text format, or any text
 * @metric: the metric that is searched for
 *
 * Returns: (transfer full) (element-type utf8 gdouble): maps each value of the metric's label to
 *   the sum of its counters, or to its highest number if the metric isn't a counter
 */
GHashTable *alerts_metrics_parse (const gchar *text, const AlertsMetric *metric);
/* Returns the number counted since the last reading. @before: the total in the last reading; -1:
 * none; @young: the stage has started recently, so that all of @total is new */
gdouble alerts_metrics_grow (gdouble before, gdouble total, gboolean young);

G_END_DECLS
