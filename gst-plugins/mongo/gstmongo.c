/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkameta.h"
#include "gstmongosink.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gst_kafka_meta_register ();
  return GST_ELEMENT_REGISTER (mongosink, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, mongo, "Storing documents in MongoDB",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
