/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "prometheustext.h"

G_BEGIN_DECLS

/* Adds what the `stats` of @element hold, if it has any, with base units and names that Prometheus'
 * users expect. A number of an element that is not ours is a gauge gstfog_ELEMENT_FIELD. */
void element_metrics_add (PrometheusText *text, GstElement *element);

G_END_DECLS
