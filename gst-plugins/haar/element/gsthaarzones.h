/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "frames/haarzones.h"
#include "gsthaarsettings.h"

G_BEGIN_DECLS

/* The zones that the properties `zones` and `zones-file` name, as they are now. The pad's thread
 * uses it, and the start of a run. */
typedef struct {
  GstElement *element;             /* whose part it is */
  const GstHaarSettings *settings; /* with the object lock */

  HaarZones *current; /* NULL: none */
  guint serial;       /* of the settings that were applied */
  gchar *file;        /* that is watched; NULL: none */
  gint64 checked;     /* us, monotonic: when the file was looked at last */
  gint64 stamp[3];    /* time of change, size and number of the file when it was read */
} GstHaarZones;

void gst_haar_zones_init (
    GstHaarZones *zones, GstElement *element, const GstHaarSettings *settings);
void gst_haar_zones_clear (GstHaarZones *zones);

/* FALSE: they can't be used; an error was posted. */
gboolean gst_haar_zones_begin (GstHaarZones *zones);
/* (nullable) (transfer full): those of the next frame. New ones that can't be used are a warning,
 * and the ones before still hold. */
HaarZones *gst_haar_zones_get (GstHaarZones *zones);

G_END_DECLS
