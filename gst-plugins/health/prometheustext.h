/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  PROMETHEUS_GAUGE,
  PROMETHEUS_COUNTER,
  PROMETHEUS_HISTOGRAM,
} PrometheusType;

/* Samples in Prometheus' text format, grouped by metric: all samples of a
 * metric follow its HELP and TYPE. */
typedef struct _PrometheusText PrometheusText;

PrometheusText *prometheus_text_new (void);

/**
 * prometheus_text_add:
 * @name: of the metric, in base units, with `_total` for a counter
 * @help: (nullable): one line; only the first one given for a metric counts
 * @labels: (nullable): what prometheus_labels() made
 */
void prometheus_text_add (PrometheusText *self, const gchar *name, PrometheusType type,
    const gchar *help, const gchar *labels, gdouble value);

/* @bounds: upper bounds of the first @n buckets, ascending; @counts: of @n
 * + 1 buckets, each by itself */
void prometheus_text_add_histogram (PrometheusText *self, const gchar *name, const gchar *help,
    const gchar *labels, guint n, const gdouble *bounds, const guint64 *counts, gdouble sum);

/* (transfer full): the text; frees @self. */
gchar *prometheus_text_end (PrometheusText *self);

/**
 * prometheus_labels:
 * @name: a label, and its value, and so on, ended by %NULL; a label
 *   whose value is %NULL is left out
 *
 * Values may hold anything: they are escaped. One of over 128 bytes is cut there, and what isn't
 * UTF-8 is replaced; such a value ends with `~` and 16 digits of its SHA-256.
 *
 * Returns: (transfer full): `a="1",b="2"`
 */
gchar *prometheus_labels (const gchar *name, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
