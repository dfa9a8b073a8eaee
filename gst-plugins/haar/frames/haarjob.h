/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>
#include "capacity/haarcost.h"
#include "engine/haarengine.h"
#include "haarorigin.h"
#include "haarstill.h"

G_BEGIN_DECLS

typedef enum {
  HAAR_COUNTED,
  HAAR_TOO_OLD, /* on purpose not looked at */
  HAAR_BAD,     /* its memory is shorter than its caps say */
  HAAR_FAILED,  /* the engine couldn't */
} HaarOutcome;

/* What goes through the workers: an event that keeps its place, or a frame. */
typedef struct {
  GstEvent *event;
  GstBuffer *frame;
  HaarOrigin origin;
  GstVideoInfo info;
  HaarParams params;
  GstClockTime max_age;         /* 0: any */
  GstClockTime rescan_interval; /* 0: every frame is looked at as a whole */
  GstClockTime captured;        /* since the Unix epoch, or none */

  HaarOutcome outcome;
  HaarStillDifference difference; /* what of it was looked at */
  GArray *rects;                  /* of HaarRect */
  gint width, height;
  HaarCost cost;
  gdouble age; /* s, when it was counted; NAN if unknown */
  gboolean skewed;
  gboolean too_small; /* than the smallest face: none was looked for */
  GError *error;      /* of HAAR_FAILED */
} HaarJob;

/* (transfer full) @event, @frame */
HaarJob *haar_job_new_event (GstEvent *event);
HaarJob *haar_job_new_frame (GstBuffer *frame, const GstVideoInfo *info);
void haar_job_free (HaarJob *job);

/* What one worker counts with. */
typedef struct {
  const HaarEngineClass *klass;
  HaarEngine *engine;
  guint8 *scratch;    /* of haar_luma_of_frame() */
  HaarStill *still;   /* shared by all workers */
  gdouble idle_since; /* s, monotonic: the end of its last frame */
  guint in_row;       /* as of #HaarCost, of its last frame */
} HaarTool;

/* @at_once: the worker came to it straight from another one. */
void haar_job_count (HaarJob *job, HaarTool *tool, gboolean at_once);

G_END_DECLS
