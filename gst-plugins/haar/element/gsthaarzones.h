/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "frames/haarzones.h"
#include "gsthaarsettings.h"

G_BEGIN_DECLS

/* The zones that the properties `zones` and `zones-file` define. Only the start of a run and the
 * streaming thread of the sink pad use this object. */
typedef struct {
  GstElement *element;             /* whose part it is */
  const GstHaarSettings *settings; /* with the object lock */

  HaarZones *current; /* NULL: none */
  guint serial;       /* value of `zones_serial` of the settings when they were applied */
  gchar *file;        /* name of the watched file; NULL: none */
  gint64 checked;     /* time of the last check of the file, us, monotonic */
  gint64 stamp[3];    /* modification time, size and inode of the file when it was read */
  guint misses;       /* number of successive failed checks of the file */
} GstHaarZones;

void gst_haar_zones_init (
    GstHaarZones *zones, GstElement *element, const GstHaarSettings *settings);
void gst_haar_zones_clear (GstHaarZones *zones);

/* Returns FALSE if the zones are invalid, after posting an error. */
gboolean gst_haar_zones_begin (GstHaarZones *zones);
/* Returns: (nullable) (transfer full): the zones for the next frame. If changed zones are invalid,
 * a warning is posted, and the previous zones stay in force. */
HaarZones *gst_haar_zones_get (GstHaarZones *zones);

G_END_DECLS
