/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "capacity/haarcost.h"
#include "engine/haarengine.h"
#include "haarorigin.h"
#include "haarstill.h"
#include "haarzones.h"

G_BEGIN_DECLS

typedef enum {
  HAAR_COUNTED,
  HAAR_TOO_OLD, /* the frame is older than max-age, so it isn't searched */
  HAAR_BAD,     /* the frame's memory is shorter than its caps say */
  HAAR_FAILED,  /* the engine couldn't search the frame */
} HaarOutcome;

/* A job for the workers: a frame, or an event that keeps its place between frames. */
typedef struct {
  GstEvent *event; /* NULL for a frame */
  /* the frame; NULL for an event, and for a frame that the video branch has taken */
  GstBuffer *frame;
  HaarOrigin origin;
  GstVideoInfo info;
  HaarParams params;
  HaarZones *zones;             /* the zones and masks of the camera; NULL: none */
  GstClockTime max_age;         /* ns; 0: none */
  GstClockTime rescan_interval; /* rescan-interval, ns; 0: every frame is searched as a whole */
  GQuark label; /* label of the regions that count, if another element found them; 0: all count */
  HaarCost before;       /* cost of the elements before, if one of them finds the regions */
  GstClockTime captured; /* capture time, ns since the Unix epoch, or GST_CLOCK_TIME_NONE */

  /* The worker sets the fields below. */
  HaarOutcome outcome;
  /* difference from the camera's last frame: the part that was searched */
  HaarStillDifference difference;
  GArray *boxes;      /* of HaarBox */
  guint outside;      /* number of boxes left out because of zones or masks */
  HaarRect area;      /* the area that zones and masks leave to search, px */
  gboolean given;     /* another element found the boxes, as regions of the frame */
  guint other_labels; /* number of regions that another element found, with other labels */
  GQuark other_label; /* one of these labels */
  guint low_scores;   /* number of boxes left out because of min-score */
  gint width, height; /* the size of the part that was searched, px */
  HaarCost cost;
  gdouble age;        /* time from capture to the end of the count, s; NAN if unknown */
  gboolean skewed;    /* the frame was captured in the future, by the camera's clock */
  gboolean too_small; /* the frame is smaller than min-size, so it wasn't searched */
  GError *error;      /* with HAAR_FAILED */
} HaarJob;

/* (transfer full) @event, @frame */
HaarJob *haar_job_new_event (GstEvent *event);
HaarJob *haar_job_new_frame (GstBuffer *frame, const GstVideoInfo *info);
void haar_job_free (HaarJob *job);
/* Returns: (nullable): the zones of the job's camera. */
const HaarCameraZones *haar_job_find_zones (const HaarJob *job);
guint haar_job_count_in_zone (const HaarJob *job, guint zone);

/* The tools of one worker. */
typedef struct {
  /* the engine; NULL: the tool counts the regions that another element found */
  const HaarEngineClass *klass;
  HaarEngine *engine;
  guint8 *scratch;    /* for fog_luma_of_frame() */
  guint8 *unmasked;   /* for haar_camera_zones_limit() */
  HaarStill *still;   /* shared by all workers */
  gdouble idle_since; /* the end of the worker's last frame, s, monotonic */
  guint in_row;       /* cost of the worker's last frame, see #HaarCost */
} HaarTool;

/* @at_once: the worker took this job right after another one, without a pause */
void haar_job_count (HaarJob *job, HaarTool *tool, gboolean at_once);

G_END_DECLS
