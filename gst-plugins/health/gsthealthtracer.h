/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#define GST_USE_UNSTABLE_API
#include <gst/gst.h>
#include <gst/gsttracer.h>

G_BEGIN_DECLS

#define GST_TYPE_HEALTH_TRACER (gst_health_tracer_get_type ())
G_DECLARE_FINAL_TYPE (GstHealthTracer, gst_health_tracer, GST, HEALTH_TRACER, GstTracer)

G_END_DECLS
