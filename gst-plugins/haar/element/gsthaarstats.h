/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fogstats.h"
#include "frames/haarjob.h"
#include "frames/haarworkers.h"

G_BEGIN_DECLS

/* The counters of the property `stats`. */
typedef struct {
  GstElement *element; /* whose part it is */

  GMutex lock; /* guards all fields below; this lock is taken before the workers' lock */
  guint64 frames, faces, events, unchanged, partial, low_scores, other_labels, outside, too_small,
      too_old, bad, failed, unblurred, skewed, reports, unlisted, lag;
  gdouble busy;
  FogHistogram ages, processes; /* for the frames counted */
  GHashTable *cameras;          /* name to Total */
  /* maps the names of a camera and a zone to guint64: the number of faces */
  GHashTable *zones;
  /* state of the message about regions with other labels: a region was counted; the message was
   * posted */
  gboolean any_given, told_of_labels;
  /* name of the engine of this run, or of the last one; NULL before the first run */
  const gchar *engine;
  guint n_workers;      /* of this run, or of the last one */
  HaarWorkers *workers; /* workers of this run; NULL between runs */
} GstHaarStats;

void gst_haar_stats_init (GstHaarStats *stats, GstElement *element);
void gst_haar_stats_clear (GstHaarStats *stats);

/* Called when a run begins: sets all counters to 0. @workers: borrowed until
 * gst_haar_stats_end() */
void gst_haar_stats_begin (
    GstHaarStats *stats, const gchar *engine, HaarWorkers *workers, guint n_workers);
void gst_haar_stats_end (GstHaarStats *stats);

/* Counts a frame, and posts a warning if it was skipped or is too small. @busy: the time in s for
 * which the frame would keep a worker busy in a saturated run, see #HaarCosts */
void gst_haar_stats_add_frame (GstHaarStats *stats, const HaarJob *job, gdouble busy);
/* Counts a frame that can't be blurred, and posts a warning. */
void gst_haar_stats_add_unblurred (GstHaarStats *stats, const HaarJob *job);
void gst_haar_stats_add_event (GstHaarStats *stats);
/* @unlisted: the result of haar_tally_get_unlisted(). If this is the first time in a run that a
 * report has left out a camera, a warning is posted. */
void gst_haar_stats_add_report (GstHaarStats *stats, guint64 unlisted);
/* Sets the number of Kafka messages that wait at kafkasrc. */
void gst_haar_stats_set_lag (GstHaarStats *stats, guint64 lag);

/* Returns the number of Kafka messages that wait at kafkasrc, plus the number of frames in this
 * element that no worker has begun with. */
guint64 gst_haar_stats_get_lag (GstHaarStats *stats);
guint gst_haar_stats_get_workers (GstHaarStats *stats);
/* Returns: (transfer full): the value of the property `stats`. */
GstStructure *gst_haar_stats_to_structure (GstHaarStats *stats);

G_END_DECLS
