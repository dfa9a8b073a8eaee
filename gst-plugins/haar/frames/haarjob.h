/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "capacity/haarcost.h"
#include "engine/haarengine.h"
#include "haarlooks.h"
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

/* A job for the workers: a frame, or a serialized event, which has to stay in order with the
 * frames. */
typedef struct {
  GstEvent *event; /* NULL for a frame */
  /* the frame; NULL for an event, and for a frame that the video branch has taken */
  GstBuffer *frame;
  HaarOrigin origin;
  GstVideoInfo info;
  HaarParams params;
  HaarZones *zones;     /* the zones and masks of all cameras; NULL: none */
  GstClockTime max_age; /* ns; 0: none */
  /* value of rescan-interval, ns; 0: every frame is searched as a whole */
  GstClockTime rescan_interval;
  GQuark label;    /* with engine=none: label of the regions that count; 0: all regions count */
  HaarCost before; /* with engine=none: cost of the elements before haarfacecount */
  /* capture time of the frame, ns since the Unix epoch; GST_CLOCK_TIME_NONE if unknown */
  GstClockTime captured;

  /* The worker that counts the frame sets the fields from here on. */
  HaarOutcome outcome;
  /* how much of the frame was searched, because it differs from the picture that was searched
   * last */
  HaarStillDifference difference;
  GArray *boxes;  /* of HaarBox */
  guint outside;  /* number of boxes not counted because of zones or masks */
  HaarRect area;  /* the area that zones and masks leave to search, px */
  gboolean given; /* the boxes are regions of the frame that another element found */
  /* number of regions that another element found, and that don't count because of their label */
  guint other_labels;
  GQuark other_label; /* one of the labels that don't count */
  guint low_scores;   /* number of boxes not counted because of min-score */
  gint width, height; /* the size of the picture: of the crop, or else of the frame, px */
  HaarCost cost;
  gdouble age;        /* time from capture to the end of the count, s; NAN if unknown */
  gboolean skewed;    /* according to the camera's clock, the frame was captured in the future */
  gboolean too_small; /* the frame is smaller than min-size, so it wasn't searched */
  gboolean looked;    /* `look` is set */
  HaarLook look;
  GError *error; /* with HAAR_FAILED */
} HaarJob;

/* (transfer full) @event, @frame */
HaarJob *haar_job_new_event (GstEvent *event);
HaarJob *haar_job_new_frame (GstBuffer *frame, const GstVideoInfo *info);
void haar_job_free (HaarJob *job);
/* Returns: (nullable): the zones and masks of the camera that sent the job's frame. */
const HaarCameraZones *haar_job_find_zones (const HaarJob *job);
guint haar_job_count_in_zone (const HaarJob *job, guint zone);

/* The tools of one worker. */
typedef struct {
  /* the engine's class; NULL: the tool counts the regions that another element found */
  const HaarEngineClass *klass;
  HaarEngine *engine;
  guint8 *scratch;    /* for fog_luma_of_frame() */
  guint8 *unmasked;   /* for haar_camera_zones_limit() */
  HaarStill *still;   /* shared by all workers */
  HaarLooks *looks;   /* shared by all workers */
  gdouble idle_since; /* time when the worker finished its last frame, s, monotonic */
  guint in_row;       /* `in_row` of the worker's last frame, see #HaarCost */
} HaarTool;

/* @at_once: TRUE if the worker took this job right after another one, without a pause */
void haar_job_count (HaarJob *job, HaarTool *tool, gboolean at_once);

G_END_DECLS
