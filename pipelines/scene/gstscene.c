/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkameta.h"
#include "gstscenesrc.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gst_kafka_meta_register ();
  return GST_ELEMENT_REGISTER (scenesrc, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, scene,
    "A camera that sees a known number of faces", plugin_init, PACKAGE_VERSION, "LGPL",
    GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
