/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "prometheustext.h"

G_BEGIN_DECLS

/* Adds the numbers in the property `stats` of @element to @text, with base units and names as
 * Prometheus recommends. A number of another project's element becomes a gauge
 * gstfog_ELEMENT_FIELD. Adds nothing if @element has no `stats`, or is within a bin that itself has
 * `stats`. */
void element_metrics_add (PrometheusText *text, GstElement *element);

G_END_DECLS
