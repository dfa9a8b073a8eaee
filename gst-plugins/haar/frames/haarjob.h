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
  HAAR_TOO_OLD, /* older than max-age, and not searched on purpose */
  HAAR_BAD,     /* its memory is shorter than its caps say */
  HAAR_FAILED,  /* the engine couldn't search it */
} HaarOutcome;

/* A job for the workers: a frame, or an event that keeps its place between frames. */
typedef struct {
  GstEvent *event;  /* NULL for a frame */
  GstBuffer *frame; /* NULL for an event, and for a frame that the video branch has taken */
  HaarOrigin origin;
  GstVideoInfo info;
  HaarParams params;
  HaarZones *zones;             /* the zones in force; NULL: none */
  GstClockTime max_age;         /* ns; 0: none */
  GstClockTime rescan_interval; /* ns; 0: every frame is searched as a whole */
  GQuark label; /* label of the regions that count, if another element found them; 0: all count */
  HaarCost before;       /* cost in the elements before, if one of them finds the regions */
  GstClockTime captured; /* ns since the Unix epoch, or GST_CLOCK_TIME_NONE */

  /* The worker sets the fields below. */
  HaarOutcome outcome;
  HaarStillDifference difference; /* from the camera's last frame: what was searched */
  GArray *boxes;                  /* of HaarBox */
  guint outside;                  /* number of boxes left out because of zones or masks */
  HaarRect area;                  /* px: the area that zones and masks leave to search */
  gboolean given;                 /* another element found the boxes, as regions of the frame */
  guint other_labels; /* number of regions that another element found, with other labels */
  GQuark other_label; /* one of these labels */
  guint low_scores;   /* number of boxes left out because of min-score */
  gint width, height; /* px: the size of the part that was searched */
  HaarCost cost;
  gdouble age;        /* s from capture to the end of the count; NAN if unknown */
  gboolean skewed;    /* captured in the future, says the camera's clock */
  gboolean too_small; /* smaller than min-size, so nothing was searched for */
  GError *error;      /* with HAAR_FAILED */
} HaarJob;

/* (transfer full) @event, @frame */
HaarJob *haar_job_new_event (GstEvent *event);
HaarJob *haar_job_new_frame (GstBuffer *frame, const GstVideoInfo *info);
void haar_job_free (HaarJob *job);
/* (nullable): the zones of the job's camera. */
const HaarCameraZones *haar_job_find_zones (const HaarJob *job);
guint haar_job_count_in_zone (const HaarJob *job, guint zone);

/* The tools of one worker. */
typedef struct {
  const HaarEngineClass *klass; /* NULL: the tool counts what another element found */
  HaarEngine *engine;
  guint8 *scratch;    /* for fog_luma_of_frame() */
  guint8 *unmasked;   /* for haar_camera_zones_limit() */
  HaarStill *still;   /* shared by all workers */
  gdouble idle_since; /* s, monotonic: the end of the worker's last frame */
  guint in_row;       /* see #HaarCost; of the worker's last frame */
} HaarTool;

/* @at_once: the worker took this job right after another one, without a pause */
void haar_job_count (HaarJob *job, HaarTool *tool, gboolean at_once);

G_END_DECLS
