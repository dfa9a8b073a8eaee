/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  PROMETHEUS_GAUGE,
  PROMETHEUS_COUNTER,
  PROMETHEUS_HISTOGRAM,
} PrometheusType;

/* Writes Prometheus' text format. In the text, all samples of a metric follow its lines HELP and
 * TYPE, in whatever order they were added. */
typedef struct _PrometheusText PrometheusText;

PrometheusText *prometheus_text_new (void);

/**
 * prometheus_text_add:
 * @name: the metric's name, which contains its base unit, and ends with `_total` for a counter
 * @help: (nullable): text of the line HELP; the text of the first call for a metric is used
 * @labels: (nullable): of prometheus_labels()
 */
void prometheus_text_add (PrometheusText *self, const gchar *name, PrometheusType type,
    const gchar *help, const gchar *labels, gdouble value);

/* Adds a histogram. @bounds: upper bounds of the first @n buckets, ascending; @counts: counts of
 * all @n + 1 buckets, not cumulative */
void prometheus_text_add_histogram (PrometheusText *self, const gchar *name, const gchar *help,
    const gchar *labels, guint n, const gdouble *bounds, const guint64 *counts, gdouble sum);

/* Returns: (transfer full): the text. Frees @self. */
gchar *prometheus_text_end (PrometheusText *self);

/**
 * prometheus_labels:
 * @name: name of the first label, followed by its value, the next label's name and value, and so
 *   on, ended by %NULL; a label with the value %NULL is left out
 *
 * Labels' values may have any bytes and any length: this function shortens them with
 * fog_name_bounded(), and escapes them.
 *
 * Returns: (transfer full): `a="1",b="2"`
 */
gchar *prometheus_labels (const gchar *name, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
