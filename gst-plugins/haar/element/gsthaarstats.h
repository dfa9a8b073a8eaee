/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "foghistogram.h"
#include "frames/haarjob.h"
#include "frames/haarworkers.h"

G_BEGIN_DECLS

/* The counters of the property `stats`. */
typedef struct {
  GstElement *element; /* whose part it is */

  GMutex lock; /* guards all fields below; taken before the workers' lock */
  guint64 frames, faces, events, unchanged, partial, low_scores, other_labels, outside, too_small,
      too_old, bad, failed, unblurred, skewed, reports, unlisted, lag;
  gdouble busy;
  FogHistogram ages, processes; /* for the frames counted */
  GHashTable *cameras;          /* name to Total */
  GHashTable *zones;            /* names of a camera and a zone to guint64: the number of faces */
  gboolean any_given, told_of_labels; /* in this run: see report_other_labels() */
  const gchar *engine;                /* of this run, or of the last one; NULL before the first */
  guint n_workers;                    /* as `engine` */
  HaarWorkers *workers;               /* of this run; NULL between runs */
} GstHaarStats;

void gst_haar_stats_init (GstHaarStats *stats, GstElement *element);
void gst_haar_stats_clear (GstHaarStats *stats);

/* All numbers start at 0. @workers: borrowed until gst_haar_stats_end() */
void gst_haar_stats_begin (
    GstHaarStats *stats, const gchar *engine, HaarWorkers *workers, guint n_workers);
void gst_haar_stats_end (GstHaarStats *stats);

/* Adds a frame, and posts a warning about one that was skipped or is too small.
 * @busy: s for which it is taken to have kept a worker busy, see #HaarCosts */
void gst_haar_stats_add_frame (GstHaarStats *stats, const HaarJob *job, gdouble busy);
/* Adds a frame that can't be blurred, and posts a warning. */
void gst_haar_stats_add_unblurred (GstHaarStats *stats, const HaarJob *job);
void gst_haar_stats_add_event (GstHaarStats *stats);
/* @unlisted: the result of haar_tally_get_unlisted(). The first unlisted camera of a run causes
 * a warning. */
void gst_haar_stats_add_report (GstHaarStats *stats, guint64 unlisted);
/* Messages waiting at the source. */
void gst_haar_stats_set_lag (GstHaarStats *stats, guint64 lag);

/* Messages waiting at the source, and frames here that no worker has begun with. */
guint64 gst_haar_stats_get_lag (GstHaarStats *stats);
guint gst_haar_stats_get_workers (GstHaarStats *stats);
/* (transfer full): the property. */
GstStructure *gst_haar_stats_to_structure (GstHaarStats *stats);

G_END_DECLS
