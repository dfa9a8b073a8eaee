/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "engine/haarengine.h"

G_BEGIN_DECLS

/* The regions that an element before this one found in a frame. */
typedef struct {
  GQuark label;       /* label of the regions that count; 0: all count */
  GArray *boxes;      /* HaarBoxes, in pixels of the crop: regions that count are appended */
  gint width, height; /* the size of the crop, or of the frame, px */
  guint n_others;     /* number of regions with other labels */
  GQuark other;       /* one of the other labels found; 0: none */
} HaarRegions;

/**
 * haar_regions_read:
 * @regions: (inout): `label` and `boxes` are set
 * @info: of the frame's caps
 *
 * Reads the frame's regions of interest (#GstVideoRegionOfInterestMeta). If none of them counts, it
 * reads the detections of GStreamer's analytics (#GstAnalyticsODMtd, since GStreamer 1.24): some
 * detectors attach both for the same objects. A region without a confidence gets the score NAN;
 * parts outside of the frame are cut off.
 */
void haar_regions_read (HaarRegions *regions, GstBuffer *frame, const GstVideoInfo *info);

G_END_DECLS
