/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "engine/haarengine.h"

G_BEGIN_DECLS

/* The regions that an element before this one found in a frame. */
typedef struct {
  GQuark label; /* label of the regions that count; 0: all regions count */
  /* array of HaarBox, to which the regions that count are appended, in pixels of the crop */
  GArray *boxes;
  gint width, height; /* the size of the crop, or of the frame, px */
  guint n_others;     /* number of regions that don't count because of their label */
  GQuark other;       /* one of the labels that don't count; 0: none was found */
} HaarRegions;

/**
 * haar_regions_read:
 * @regions: (inout): `label` and `boxes` are set
 * @info: of the frame's caps
 *
 * Reads the frame's regions of interest (#GstVideoRegionOfInterestMeta). Only if no region counts,
 * the function reads the detections of GStreamer's analytics (#GstAnalyticsODMtd, since GStreamer
 * 1.24), because some detectors attach both for the same objects. A region without a confidence
 * gets the score NAN; parts of a region outside of the frame are cut off.
 */
void haar_regions_read (HaarRegions *regions, GstBuffer *frame, const GstVideoInfo *info);

G_END_DECLS
