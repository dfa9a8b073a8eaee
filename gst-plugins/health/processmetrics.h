/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "prometheustext.h"

G_BEGIN_DECLS

/* Adds what Prometheus' own client libraries say of a process, by the same names: processor time,
 * memory, files, start. What the kernel doesn't show is left out. */
void process_metrics_add (PrometheusText *text);

G_END_DECLS
