/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>

#include "gstkafkameta.h"

GST_ELEMENT_REGISTER_DECLARE (camerabranch);
GST_ELEMENT_REGISTER_DECLARE (ipcamerasrc);

static gboolean
plugin_init (GstPlugin *plugin)
{
  gst_kafka_meta_register ();
  return GST_ELEMENT_REGISTER (ipcamerasrc, plugin) && GST_ELEMENT_REGISTER (camerabranch, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, ipcamera,
    "Reads IP cameras and connects again by itself", plugin_init, PACKAGE_VERSION, "LGPL",
    GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
