/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarjob.h"

#include <math.h>
#include <time.h>

#include <gio/gio.h>

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

#include "fogtime.h"
#include "pictures/fogluma.h"

HaarJob *
haar_job_new_event (GstEvent *event)
{
  HaarJob *job = g_new0 (HaarJob, 1);

  job->event = event;
  return job;
}

HaarJob *
haar_job_new_frame (GstBuffer *frame, const GstVideoInfo *info)
{
  HaarJob *job = g_new0 (HaarJob, 1);

  job->frame = frame;
  haar_origin_read (&job->origin, frame);
  job->info = *info;
  job->captured = GST_CLOCK_TIME_NONE;
  job->age = NAN;
  job->boxes = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  return job;
}

void
haar_job_free (HaarJob *job)
{
  g_clear_pointer (&job->event, gst_event_unref);
  g_clear_pointer (&job->frame, gst_buffer_unref);
  haar_origin_clear (&job->origin);
  g_clear_pointer (&job->boxes, g_array_unref);
  g_clear_pointer (&job->zones, haar_zones_unref);
  g_clear_error (&job->error);
  g_free (job);
}

const HaarCameraZones *
haar_job_find_zones (const HaarJob *job)
{
  return haar_zones_find (job->zones, job->origin.id.camera);
}

guint
haar_job_count_in_zone (const HaarJob *job, guint zone)
{
  const HaarCameraZones *zones = haar_job_find_zones (job);
  guint n = 0;

  for (guint i = 0; i < job->boxes->len; i++)
    n += haar_camera_zones_contains (
        zones, zone, &g_array_index (job->boxes, HaarBox, i).rect, job->width, job->height);
  return n;
}

/* Computes the time since the frame's capture. The clocks of two machines differ, so a frame may
 * seem to be captured in the future; its age is then 0. */
static void
measure_age (HaarJob *job)
{
  GstClockTimeDiff age;

  if (!GST_CLOCK_TIME_IS_VALID (job->captured))
    return;
  age = GST_CLOCK_DIFF (job->captured, fog_time_now ());
  job->skewed = age < 0;
  job->age = (gdouble) MAX (age, 0) / GST_SECOND;
}

/* --- the search --- */

/* Rounds a score to three decimals, as documents show it, so that min-score is compared with the
 * score that users see. */
static gdouble
round_score (gdouble score)
{
  return round (score * 1000) / 1000;
}

/* Adds to the job the boxes of @found whose score is at least min-score, and the boxes without a
 * score. */
static void
add_boxes (HaarJob *job, const GArray *found)
{
  for (guint i = 0; i < found->len; i++) {
    HaarBox box = g_array_index (found, HaarBox, i);

    box.score = round_score (box.score);
    if (box.score < job->params.min_score)
      job->low_scores++;
    else
      g_array_append_val (job->boxes, box);
  }
}

static HaarRect
intersect (const HaarRect *a, const HaarRect *b)
{
  gint x = MAX (a->x, b->x), y = MAX (a->y, b->y);

  return (HaarRect){x, y, MIN (a->x + a->w, b->x + b->w) - x, MIN (a->y + a->h, b->y + b->h) - y};
}

/* Adds the boxes that the engine finds in the rectangle @part of the job's area (NULL: in all of
 * it). Returns FALSE if the engine failed. */
static gboolean
detect (HaarJob *job, HaarTool *tool, const FogLuma *luma, const HaarRect *part)
{
  HaarRect in = part ? intersect (part, &job->area) : job->area;
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (HaarBox));

  /* A part smaller than min-size is not searched, because the engines, like OpenCV, would search it
   * for the largest face that fits, which is smaller than min-size. */
  if (in.w < MAX (job->params.min_w, 1) || in.h < MAX (job->params.min_h, 1))
    return TRUE;
  if (!tool->klass->detect (tool->engine, luma->data + (gsize) in.y * luma->stride + in.x, in.w,
          in.h, luma->stride, &job->params, found, &job->error))
    return FALSE;
  for (guint i = 0; i < found->len; i++) {
    HaarRect *r = &g_array_index (found, HaarBox, i).rect;

    r->x += in.x;
    r->y += in.y;
  }
  add_boxes (job, found);
  return TRUE;
}

/* Searches only the part in which the frame differs from the camera's picture that was searched
 * last. */
static gboolean
detect_changes (HaarJob *job, HaarTool *tool, const FogLuma *luma)
{
  const gchar *camera = job->origin.id.camera;
  HaarRect part;

  job->difference = haar_still_compare (tool->still, camera, luma, &job->params,
      (gint64) GST_TIME_AS_USECONDS (job->rescan_interval), &part, job->boxes);
  if (job->difference == HAAR_STILL_NOTHING)
    return TRUE;
  if (!detect (job, tool, luma, job->difference == HAAR_STILL_PART ? &part : NULL))
    return FALSE;
  haar_still_update (
      tool->still, camera, luma, &job->params, job->difference == HAAR_STILL_ALL, job->boxes);
  return TRUE;
}

/* Removes the boxes that don't count because of the camera's zones and masks. */
static void
keep_admitted (HaarJob *job)
{
  const HaarCameraZones *zones = haar_job_find_zones (job);

  for (guint i = job->boxes->len; zones && i-- > 0;) {
    if (haar_camera_zones_admits (
            zones, &g_array_index (job->boxes, HaarBox, i).rect, job->width, job->height))
      continue;
    g_array_remove_index (job->boxes, i);
    job->outside++;
  }
}

static gboolean
search_luma (HaarJob *job, HaarTool *tool, FogLuma *luma)
{
  if (!haar_camera_zones_limit (
          haar_job_find_zones (job), luma, job->params.max_w, &tool->unmasked, &job->area)) {
    g_set_error (&job->error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
        "there is no memory to mask parts of the picture");
    return FALSE;
  }
  if (!(job->rescan_interval ? detect_changes (job, tool, luma) : detect (job, tool, luma, NULL)))
    return FALSE;
  keep_admitted (job);
  return TRUE;
}

static HaarOutcome
search (HaarJob *job, HaarTool *tool, const GstVideoFrame *frame)
{
  FogLuma luma;
  FogLumaResult result =
      fog_luma_of_frame (frame, gst_buffer_get_video_crop_meta (job->frame), &tool->scratch, &luma);

  if (result == FOG_LUMA_SHORT)
    return HAAR_BAD;
  job->width = luma.width;
  job->height = luma.height;
  if (result == FOG_LUMA_NO_MEMORY) {
    g_set_error (&job->error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
        "there is no memory to convert the picture from %s", GST_VIDEO_INFO_NAME (&job->info));
    return HAAR_FAILED;
  }
  job->looked = haar_looks_take (
      tool->looks, job->origin.id.camera, &luma, g_get_monotonic_time (), &job->look);
  job->too_small = luma.width < job->params.min_w || luma.height < job->params.min_h;
  if (job->too_small)
    return HAAR_COUNTED;
  return search_luma (job, tool, &luma) ? HAAR_COUNTED : HAAR_FAILED;
}

/* --- regions that another element found --- */

/* The regions that an element before this one found in a frame. */
typedef struct {
  GQuark label; /* label of the regions that count; 0: all regions count */
  /* array of HaarBox, to which the regions that count are appended, in pixels of the crop */
  GArray *boxes;
  gint width, height; /* the size of the crop, or of the frame, px */
  guint n_others;     /* number of regions that don't count because of their label */
  GQuark other;       /* one of the labels that don't count; 0: none was found */
} HaarRegions;

/* Returns the part of the frame that its crop meta selects, or the whole frame. */
static HaarRect
find_crop (GstBuffer *frame, const GstVideoInfo *info)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (frame);
  gint x, y;

  if (!crop)
    return (HaarRect){0, 0, info->width, info->height};
  x = (gint) MIN (crop->x, (guint) info->width);
  y = (gint) MIN (crop->y, (guint) info->height);
  return (HaarRect){x, y, (gint) MIN (crop->width, (guint) (info->width - x)),
      (gint) MIN (crop->height, (guint) (info->height - y))};
}

/* Clips a region to @crop. Returns FALSE if nothing of the region is left. The region's numbers
 * come from another element, and may have any value. */
static gboolean
cut_region (HaarRect *rect, gint64 x, gint64 y, gint64 w, gint64 h, const HaarRect *crop)
{
  gint64 right = MIN (x + w - crop->x, crop->w), bottom = MIN (y + h - crop->y, crop->h);
  gint64 left = MAX (x - crop->x, 0), top = MAX (y - crop->y, 0);

  if (right <= left || bottom <= top)
    return FALSE;
  *rect = (HaarRect){(gint) left, (gint) top, (gint) (right - left), (gint) (bottom - top)};
  return TRUE;
}

/* Returns FALSE if regions with @label don't count. */
static gboolean
region_counts (HaarRegions *self, GQuark label)
{
  if (self->label == 0 || label == self->label)
    return TRUE;
  self->n_others++;
  self->other = label;
  return FALSE;
}

static void
add_region (HaarRegions *self, const HaarRect *rect, gdouble score, GQuark label)
{
  HaarBox box = {*rect, isfinite (score) ? CLAMP (score, 0, 1) : NAN, label};

  g_array_append_val (self->boxes, box);
}

/* Returns the confidence from the structure `detection`, where DL Streamer's elements and
 * haarfacecount write it; NAN if it is missing. */
static gdouble
read_confidence (GstVideoRegionOfInterestMeta *region)
{
  GstStructure *detection = gst_video_region_of_interest_meta_get_param (region, "detection");
  gdouble confidence = NAN;

  if (detection)
    gst_structure_get_double (detection, "confidence", &confidence);
  return confidence;
}

static void
read_regions_of_interest (HaarRegions *self, GstBuffer *frame, const HaarRect *crop)
{
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;
  HaarRect rect;

  while ((region = (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
              frame, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    if (region_counts (self, region->roi_type) &&
        cut_region (&rect, region->x, region->y, region->w, region->h, crop))
      add_region (self, &rect, read_confidence (region), region->roi_type);
}

#ifdef HAVE_ANALYTICS
static void
read_analytics (HaarRegions *self, GstBuffer *frame, const HaarRect *crop)
{
  GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (frame);
  GstAnalyticsODMtd object;
  gpointer state = NULL;
  gfloat confidence;
  gint x, y, w, h;
  HaarRect rect;

  while (meta && gst_analytics_relation_meta_iterate (
                     meta, &state, gst_analytics_od_mtd_get_mtd_type (), &object)) {
    GQuark label = gst_analytics_od_mtd_get_obj_type (&object);

    if (region_counts (self, label) &&
        gst_analytics_od_mtd_get_location (&object, &x, &y, &w, &h, &confidence) &&
        cut_region (&rect, x, y, w, h, crop))
      add_region (self, &rect, confidence, label);
  }
}
#endif

/* Reads the frame's regions of interest (#GstVideoRegionOfInterestMeta). Only if no region counts,
 * the function reads the detections of GStreamer's analytics (#GstAnalyticsODMtd, since GStreamer
 * 1.24), because some detectors attach both for the same objects. A region without a confidence
 * gets the score NAN; parts of a region outside of the frame are cut off. @self: (inout): `label`
 * and `boxes` are set. @info: the video format in the frame's caps */
static void
read_all_regions (HaarRegions *self, GstBuffer *frame, const GstVideoInfo *info)
{
  const HaarRect crop = find_crop (frame, info);

  self->width = crop.w;
  self->height = crop.h;
  read_regions_of_interest (self, frame, &crop);
#ifdef HAVE_ANALYTICS
  if (self->boxes->len == 0)
    read_analytics (self, frame, &crop);
#endif
}

/* Counts the regions that another element found in the frame, without reading the frame's
 * memory. */
static void
count_regions (HaarJob *job)
{
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (HaarBox));
  HaarRegions regions = {.label = job->label, .boxes = found};

  read_all_regions (&regions, job->frame, &job->info);
  job->given = TRUE;
  job->width = regions.width;
  job->height = regions.height;
  job->other_labels = regions.n_others;
  job->other_label = regions.other;
  add_boxes (job, found);
  keep_admitted (job);
}

/* --- the count --- */

static HaarOutcome
count (HaarJob *job, HaarTool *tool)
{
  GstVideoFrame frame = {0};
  HaarOutcome outcome;

  measure_age (job);
  if (job->max_age && job->age * GST_SECOND > (gdouble) job->max_age)
    return HAAR_TOO_OLD;
  if (!tool->klass) {
    count_regions (job);
    return HAAR_COUNTED;
  }
  if (!gst_video_frame_map (
          &frame, &job->info, job->frame, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return HAAR_BAD;
  outcome = search (job, tool, &frame);
  gst_video_frame_unmap (&frame);
  return outcome;
}

static gdouble
read_clock (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);
  return (gdouble) now.tv_sec + (gdouble) now.tv_nsec / 1e9;
}

void
haar_job_count (HaarJob *job, HaarTool *tool, gboolean at_once)
{
  /* If the worker didn't pause after its previous frame, the time of this frame begins where the
   * previous one ended, because the worker only waited for a processor in between. */
  gdouble began = at_once ? tool->idle_since : read_clock (CLOCK_MONOTONIC);
  gdouble cpu = read_clock (CLOCK_THREAD_CPUTIME_ID);

  job->outcome = count (job, tool);
  measure_age (job);
  if (!tool->klass) {
    job->cost = job->before;
    return;
  }
  tool->in_row = at_once ? MIN (tool->in_row + 1, HAAR_COSTS_IN_ROW) : 0;
  job->cost.in_row = tool->in_row;
  tool->idle_since = read_clock (CLOCK_MONOTONIC);
  job->cost.wall = tool->idle_since - began;
  job->cost.cpu = read_clock (CLOCK_THREAD_CPUTIME_ID) - cpu;
  if (job->difference == HAAR_STILL_ALL && !job->too_small)
    job->cost.pixels = (gdouble) job->area.w * job->area.h;
}
