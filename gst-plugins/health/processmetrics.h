/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "prometheustext.h"

G_BEGIN_DECLS

/* Adds metrics of this process with the names that Prometheus' own client libraries use: processor
 * time, memory, open files, time of the start. Metrics that the kernel doesn't offer are
 * omitted. */
void process_metrics_add (PrometheusText *text);

G_END_DECLS
