/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "frames/haarzones.h"
#include "gsthaarsettings.h"

G_BEGIN_DECLS

/* The zones of the properties `zones` and `zones-file`. Only the start of a run and the thread
 * of the sink pad use them. */
typedef struct {
  GstElement *element;             /* whose part it is */
  const GstHaarSettings *settings; /* with the object lock */

  HaarZones *current; /* NULL: none */
  guint serial;       /* value of `zones_serial` when the settings were applied */
  gchar *file;        /* name of the watched file; NULL: none */
  gint64 checked;     /* us, monotonic: time of the last check of the file */
  gint64 stamp[3];    /* time of change, size and inode of the file when it was read */
  guint misses;       /* failed checks of the file in a row */
} GstHaarZones;

void gst_haar_zones_init (
    GstHaarZones *zones, GstElement *element, const GstHaarSettings *settings);
void gst_haar_zones_clear (GstHaarZones *zones);

/* FALSE: the zones are invalid; an error was posted. */
gboolean gst_haar_zones_begin (GstHaarZones *zones);
/* (nullable) (transfer full): the zones for the next frame. If new zones are invalid, a warning
 * is posted, and the former zones stay in force. */
HaarZones *gst_haar_zones_get (GstHaarZones *zones);

G_END_DECLS
