/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "prometheustext.h"

G_BEGIN_DECLS

/* Adds the metrics of a process that Prometheus' own client libraries have, by the same names:
 * processor time, memory, files, start. Metrics that the kernel doesn't offer are omitted. */
void process_metrics_add (PrometheusText *text);

G_END_DECLS
