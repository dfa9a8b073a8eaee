/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstHaarEngine:
 * @GST_HAAR_ENGINE_AUTO: the fastest engine that was built in and can evaluate the cascade
 * @GST_HAAR_ENGINE_NATIVE: this plugin's own code for AVX-512, AVX2, NEON and any other processor
 * @GST_HAAR_ENGINE_OPENCV: OpenCV's CascadeClassifier
 * @GST_HAAR_ENGINE_NONE: no engine: regions of interest that an element before this one found are
 *   counted
 *
 * The code that evaluates the cascade.
 *
 * Since: 0.1
 */
typedef enum {
  GST_HAAR_ENGINE_AUTO,
  GST_HAAR_ENGINE_NATIVE,
  GST_HAAR_ENGINE_OPENCV,
  GST_HAAR_ENGINE_NONE,
} GstHaarEngine;

/* The values of all properties of haarfacecount, except `stats`. The element's object lock guards
 * them. */
typedef struct {
  gchar *cascade, *replica, *label; /* never NULL */
  gchar *zones, *zones_file;        /* each of these texts is either NULL or not empty */
  guint zones_serial;               /* grows whenever `zones` or `zones_file` is set */
  gboolean trust_cascade, draw_boxes, blur_faces;
  gdouble scale_factor, min_score;
  gint min_neighbors, min_size, max_size;
  guint min_faces, workers;
  GstHaarEngine engine;
  guint64 report_interval, max_age, rescan_interval; /* ns */
} GstHaarSettings;

#define GST_HAAR_MAX_WORKERS 256

G_END_DECLS
