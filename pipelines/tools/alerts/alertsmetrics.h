/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "alertsstate.h"

G_BEGIN_DECLS

/* Reads the metrics of stages by HTTP, for rules that need them. The last totals of each stage are
 * durable, so what is counted while this program doesn't run is found by the next run. */
typedef struct _AlertsMetrics AlertsMetrics;

/* All are kept by reference. */
AlertsMetrics *alerts_metrics_new (const AlertsRules *rules, AlertsBook *book, AlertsState *state);
/* Cancels what is under way. */
void alerts_metrics_free (AlertsMetrics *self);
/* Begins to read the metrics of all stages, except of those that haven't answered yet. */
void alerts_metrics_read (AlertsMetrics *self);

/**
 * alerts_metrics_parse:
 * @text: Prometheus' text format, or any text
 * @metric: what is looked for
 *
 * Returns: (transfer full) (element-type utf8 gdouble): the values of its label with the sum of a
 * counter, or the highest number
 */
GHashTable *alerts_metrics_parse (const gchar *text, const AlertsMetric *metric);
/* Returns what was counted since @before. @before: -1: this total was never read; @young: the stage
 * has started so shortly before that all of @total is new */
gdouble alerts_metrics_grow (gdouble before, gdouble total, gboolean young);

G_END_DECLS
