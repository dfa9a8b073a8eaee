/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <stdlib.h>

/* Makes the haarfacecount that was built with the benchmark, unless GST_PLUGIN_PATH names another
 * one. */
static inline GstElement *
make_haarfacecount (void)
{
  GstElement *element = gst_element_factory_make ("haarfacecount", NULL);

  if (!element && gst_registry_scan_path (gst_registry_get (), HAAR_PLUGIN_DIR))
    element = gst_element_factory_make ("haarfacecount", NULL);
  if (element)
    return element;
  g_printerr ("There is no haarfacecount in %s nor where GST_PLUGIN_PATH points: build it with "
              "ninja first.\n",
      HAAR_PLUGIN_DIR);
  exit (2);
}
