/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthealthtracer.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_tracer_register (plugin, "health", GST_TYPE_HEALTH_TRACER);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, health,
    "Reports over HTTP whether pipelines make progress", plugin_init, PACKAGE_VERSION, "LGPL",
    GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
