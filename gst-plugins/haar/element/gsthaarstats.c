/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarstats.h"

#include <string.h>

#include "fogname.h"
#include "gsthaarpads.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* The number of cameras that have counters of their own; all further cameras share one counter. */
#define MAX_CAMERAS 256
#define UNNAMED "(none)"
#define OTHERS "(others)"
/* The largest number of zones that have a counter in `stats`; faces in further zones aren't counted
 * in `stats`. */
#define MAX_ZONES 1024
/* Separator between the names of a camera and of a zone, which a zone's name can't contain. */
#define SEPARATOR '\n'

typedef struct {
  guint64 frames, faces;
} Total;

void
gst_haar_stats_init (GstHaarStats *self, GstElement *element)
{
  self->element = element;
  g_mutex_init (&self->lock);
  self->cameras = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->zones = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

void
gst_haar_stats_clear (GstHaarStats *self)
{
  g_hash_table_unref (self->cameras);
  g_hash_table_unref (self->zones);
  g_mutex_clear (&self->lock);
}

void
gst_haar_stats_begin (
    GstHaarStats *self, const gchar *engine, HaarWorkers *workers, guint n_workers)
{
  g_mutex_lock (&self->lock);
  self->frames = self->faces = self->events = self->unchanged = self->partial = 0;
  self->low_scores = self->other_labels = self->outside = self->too_small = self->too_old =
      self->bad = self->failed = self->skewed = 0;
  self->unblurred = self->reports = self->unlisted = self->lag = 0;
  self->any_given = self->told_of_labels = FALSE;
  self->busy = 0;
  self->ages = self->processes = (FogHistogram){0};
  g_hash_table_remove_all (self->cameras);
  g_hash_table_remove_all (self->zones);
  self->engine = engine;
  self->n_workers = n_workers;
  self->workers = workers;
  g_mutex_unlock (&self->lock);
}

void
gst_haar_stats_end (GstHaarStats *self)
{
  g_mutex_lock (&self->lock);
  self->workers = NULL;
  g_mutex_unlock (&self->lock);
}

/* --- frames --- */

/* with the lock */
static Total *
find_total (GstHaarStats *self, const gchar *name)
{
  Total *total = g_hash_table_lookup (self->cameras, name);

  if (total)
    return total;
  if (g_hash_table_size (self->cameras) >= MAX_CAMERAS && !g_str_equal (name, OTHERS))
    return find_total (self, OTHERS);
  total = g_new0 (Total, 1);
  g_hash_table_insert (self->cameras, g_strdup (name), total);
  return total;
}

/* With the lock. @camera: the camera's name as a key of `cameras` */
static void
add_zone (GstHaarStats *self, const gchar *camera, const gchar *zone, guint faces)
{
  g_autofree gchar *name = g_strdup_printf ("%s%c%s", camera, SEPARATOR, zone);
  guint64 *sum = g_hash_table_lookup (self->zones, name);

  if (!sum) {
    if (g_hash_table_size (self->zones) >= MAX_ZONES)
      return;
    sum = g_new0 (guint64, 1);
    g_hash_table_insert (self->zones, g_steal_pointer (&name), sum);
  }
  *sum += faces;
}

/* with the lock */
static void
add_zones (GstHaarStats *self, const gchar *camera, const HaarJob *job)
{
  const HaarCameraZones *zones = haar_job_find_zones (job);

  self->outside += job->outside;
  for (guint i = 0; i < haar_camera_zones_count (zones); i++)
    add_zone (self, camera, haar_camera_zones_get_name (zones, i), haar_job_count_in_zone (job, i));
}

/* with the lock */
static void
add_counted (GstHaarStats *self, const HaarJob *job, gdouble busy)
{
  const gchar *camera = job->origin.id.camera;
  g_autofree gchar *name = fog_name_bounded (camera && *camera ? camera : UNNAMED);
  Total *total = find_total (self, name);

  self->frames++;
  self->faces += job->boxes->len;
  self->low_scores += job->low_scores;
  self->other_labels += job->other_labels;
  self->too_small += job->too_small;
  self->unchanged += job->difference == HAAR_STILL_NOTHING;
  self->partial += job->difference == HAAR_STILL_PART;
  self->busy += busy;
  fog_histogram_add (&self->ages, job->age);
  fog_histogram_add (&self->processes, job->cost.wall);
  add_zones (self, name, job);
  total->frames++;
  total->faces += job->boxes->len;
}

/* Returns TRUE for the 1st, 2nd, 4th, 8th … frame of a kind, so that warnings about many such
 * frames don't flood the bus. */
static gboolean
is_reported (guint64 number)
{
  return number != 0 && (number & (number - 1)) == 0;
}

static void
warn_of_small (GstHaarStats *self, const HaarJob *job, guint64 number)
{
  if (!job->too_small || !is_reported (number))
    return;
  GST_ELEMENT_WARNING (self->element, RESOURCE, SETTINGS,
      ("No face of min-size %d fits into a frame of %dx%d: none is found in it. Lower min-size.",
          job->params.min_w, job->width, job->height),
      ("%" G_GUINT64_FORMAT " such frames in this run so far", number));
}

static void
warn_of_bad (GstHaarStats *self, const HaarJob *job, guint64 number)
{
  if (!is_reported (number))
    return;
  GST_ELEMENT_WARNING (self->element, STREAM, FORMAT,
      ("Skipped a frame that can't be read: it is shorter than its caps say, or its memory can't "
       "be mapped."),
      ("%" G_GSIZE_FORMAT " bytes for %dx%d %s, %" G_GUINT64_FORMAT " skipped so far",
          gst_buffer_get_size (job->frame), job->info.width, job->info.height,
          GST_VIDEO_INFO_NAME (&job->info), number));
}

static void
warn_of_failed (GstHaarStats *self, const HaarJob *job, guint64 number)
{
  if (!is_reported (number))
    return;
  GST_ELEMENT_WARNING (self->element, STREAM, FAILED,
      ("A frame of %dx%d couldn't be counted and was skipped: %s.", job->width, job->height,
          job->error->message),
      ("%" G_GUINT64_FORMAT " so far", number));
}

/* With the lock. Returns TRUE, once a run, if the frame has regions whose label isn't counted, and
 * no earlier region of the run was counted. */
static gboolean
is_first_of_others (GstHaarStats *self, const HaarJob *job)
{
  if (job->boxes->len > 0 || job->low_scores > 0)
    self->any_given = TRUE;
  if (self->any_given || self->told_of_labels || job->other_labels == 0)
    return FALSE;
  self->told_of_labels = TRUE;
  return TRUE;
}

static void
report_other_labels (GstHaarStats *self, const HaarJob *job)
{
  const gchar *other = job->other_label ? g_quark_to_string (job->other_label) : "";

  GST_ELEMENT_INFO (self->element, STREAM, FAILED,
      ("The first regions of interest aren't counted: their label isn't \"%s\" but \"%s\". Set "
       "label to the one that is to be counted, or to \"\" for all.",
          g_quark_to_string (job->label), other),
      ("%u regions of this frame; other-labels in stats counts such regions", job->other_labels));
}

static void
report_too_old (GstHaarStats *self, const HaarJob *job)
{
  GST_ELEMENT_INFO (self->element, STREAM, FAILED,
      ("Frames are skipped, since they are older than max-age. too-old in stats counts them."),
      ("the first one was captured %.3f s ago, allowed %.3f", job->age,
          (gdouble) job->max_age / GST_SECOND));
}

void
gst_haar_stats_add_frame (GstHaarStats *self, const HaarJob *job, gdouble busy)
{
  guint64 too_small, too_old, bad, failed;
  gboolean others;

  g_mutex_lock (&self->lock);
  others = is_first_of_others (self, job);
  if (job->outcome == HAAR_COUNTED)
    add_counted (self, job, busy);
  self->skewed += job->skewed;
  too_old = self->too_old += job->outcome == HAAR_TOO_OLD;
  bad = self->bad += job->outcome == HAAR_BAD;
  failed = self->failed += job->outcome == HAAR_FAILED;
  too_small = self->too_small;
  g_mutex_unlock (&self->lock);
  if (others)
    report_other_labels (self, job);
  if (job->outcome == HAAR_COUNTED)
    warn_of_small (self, job, too_small);
  else if (job->outcome == HAAR_TOO_OLD && too_old == 1)
    report_too_old (self, job);
  else if (job->outcome == HAAR_BAD)
    warn_of_bad (self, job, bad);
  else if (job->outcome == HAAR_FAILED)
    warn_of_failed (self, job, failed);
}

static void
warn_of_unblurred (GstHaarStats *self, const HaarJob *job, guint64 number)
{
  if (!is_reported (number))
    return;
  GST_ELEMENT_WARNING (self->element, STREAM, FORMAT,
      ("Kept back a frame with faces from the pad video: it can't be blurred, because a part of it "
       "lies outside of its memory, or its memory can't be written. Correct the element that makes "
       "the frames, or set blur-faces=false."),
      ("%" G_GSIZE_FORMAT " bytes for %dx%d %s, %u faces, %" G_GUINT64_FORMAT " kept back so far",
          gst_buffer_get_size (job->frame), job->info.width, job->info.height,
          GST_VIDEO_INFO_NAME (&job->info), job->boxes->len, number));
}

void
gst_haar_stats_add_unblurred (GstHaarStats *self, const HaarJob *job)
{
  guint64 number;

  g_mutex_lock (&self->lock);
  number = ++self->unblurred;
  g_mutex_unlock (&self->lock);
  warn_of_unblurred (self, job, number);
}

/* --- other numbers --- */

void
gst_haar_stats_add_event (GstHaarStats *self)
{
  g_mutex_lock (&self->lock);
  self->events++;
  g_mutex_unlock (&self->lock);
}

static void
warn_of_unlisted (GstHaarStats *self)
{
  GST_ELEMENT_WARNING (self->element, STREAM, FAILED,
      ("More cameras have sent frames than a report can list (4096, or 900 kB with their names). "
       "The cameras that are left out may slow down. Check who writes to the topic of frames, and "
       "give fewer "
       "cameras to one fog."),
      ("unlisted-cameras in stats counts how often a camera was left out"));
}

void
gst_haar_stats_add_report (GstHaarStats *self, guint64 unlisted)
{
  gboolean first;

  g_mutex_lock (&self->lock);
  self->reports++;
  first = unlisted && !self->unlisted;
  self->unlisted = unlisted;
  g_mutex_unlock (&self->lock);
  if (first)
    warn_of_unlisted (self);
}

void
gst_haar_stats_set_lag (GstHaarStats *self, guint64 lag)
{
  g_mutex_lock (&self->lock);
  self->lag = lag;
  g_mutex_unlock (&self->lock);
}

guint64
gst_haar_stats_get_lag (GstHaarStats *self)
{
  guint64 lag;

  g_mutex_lock (&self->lock);
  lag = self->lag + (self->workers ? haar_workers_get_queued (self->workers) : 0);
  g_mutex_unlock (&self->lock);
  return lag;
}

guint
gst_haar_stats_get_workers (GstHaarStats *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->n_workers;
  g_mutex_unlock (&self->lock);
  return n;
}

/* Called with the lock. Sets the field `cameras` to an array with a structure for each camera */
static void
set_cameras (GstHaarStats *self, GstStructure *s)
{
  GValue array = G_VALUE_INIT, entry = G_VALUE_INIT;
  GHashTableIter iter;
  gpointer name, value;

  gst_value_array_init (&array, g_hash_table_size (self->cameras));
  g_value_init (&entry, GST_TYPE_STRUCTURE);
  g_hash_table_iter_init (&iter, self->cameras);
  while (g_hash_table_iter_next (&iter, &name, &value)) {
    const Total *total = value;

    g_value_take_boxed (
        &entry, gst_structure_new ("camera", "camera", G_TYPE_STRING, name, "frames", G_TYPE_UINT64,
                    total->frames, "faces", G_TYPE_UINT64, total->faces, NULL));
    gst_value_array_append_value (&array, &entry);
  }
  g_value_unset (&entry);
  gst_structure_take_value (s, "cameras", &array);
}

/* With the lock. Sets the field `zones` to an array with a structure for each zone */
static void
set_zones (GstHaarStats *self, GstStructure *s)
{
  GValue array = G_VALUE_INIT, entry = G_VALUE_INIT;
  GHashTableIter iter;
  gpointer key, faces;

  gst_value_array_init (&array, g_hash_table_size (self->zones));
  g_value_init (&entry, GST_TYPE_STRUCTURE);
  g_hash_table_iter_init (&iter, self->zones);
  while (g_hash_table_iter_next (&iter, &key, &faces)) {
    const gchar *zone = strrchr (key, SEPARATOR);
    g_autofree gchar *camera = g_strndup (key, (gsize) (zone - (gchar *) key));

    g_value_take_boxed (
        &entry, gst_structure_new ("zone", "camera", G_TYPE_STRING, camera, "zone", G_TYPE_STRING,
                    zone + 1, "faces", G_TYPE_UINT64, *(guint64 *) faces, NULL));
    gst_value_array_append_value (&array, &entry);
  }
  g_value_unset (&entry);
  gst_structure_take_value (s, "zones", &array);
}

GstStructure *
gst_haar_stats_to_structure (GstHaarStats *self)
{
  GstStructure *s;

  g_mutex_lock (&self->lock);
  s = gst_structure_new ("haarfacecount-stats", "frames", G_TYPE_UINT64, self->frames, "faces",
      G_TYPE_UINT64, self->faces, "events", G_TYPE_UINT64, self->events, "unchanged", G_TYPE_UINT64,
      self->unchanged, "partial", G_TYPE_UINT64, self->partial, "low-scores", G_TYPE_UINT64,
      self->low_scores, "other-labels", G_TYPE_UINT64, self->other_labels, "outside-zones",
      G_TYPE_UINT64, self->outside, "too-small", G_TYPE_UINT64, self->too_small, "too-old",
      G_TYPE_UINT64, self->too_old, "bad-frames", G_TYPE_UINT64, self->bad, "failed-frames",
      G_TYPE_UINT64, self->failed, "unblurred-frames", G_TYPE_UINT64, self->unblurred, "clock-skew",
      G_TYPE_UINT64, self->skewed, "reports", G_TYPE_UINT64, self->reports, "unlisted-cameras",
      G_TYPE_UINT64, self->unlisted, "busy", G_TYPE_DOUBLE, self->busy, "workers", G_TYPE_UINT,
      self->n_workers, "engine", G_TYPE_STRING, self->engine ? self->engine : "none", "waiting",
      G_TYPE_UINT, self->workers ? haar_workers_get_waiting (self->workers) : 0, "lag",
      G_TYPE_UINT64, self->lag, NULL);
  fog_histogram_to_field (&self->ages, s, "frame-age");
  fog_histogram_to_field (&self->processes, s, "process");
  set_cameras (self, s);
  set_zones (self, s);
  g_mutex_unlock (&self->lock);
  return s;
}
