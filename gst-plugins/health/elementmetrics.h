/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include "prometheustext.h"

G_BEGIN_DECLS

/* Adds the numbers in the `stats` of @element, if it has any, with the base units and names that
 * Prometheus recommends. A number of a foreign element is a gauge gstfog_ELEMENT_FIELD.
 * Elements within a bin that has `stats` itself are left out. */
void element_metrics_add (PrometheusText *text, GstElement *element);

G_END_DECLS
