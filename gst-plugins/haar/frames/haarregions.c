/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarregions.h"

#include <math.h>

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

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
cut (HaarRect *rect, gint64 x, gint64 y, gint64 w, gint64 h, const HaarRect *crop)
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
counts (HaarRegions *self, GQuark label)
{
  if (self->label == 0 || label == self->label)
    return TRUE;
  self->n_others++;
  self->other = label;
  return FALSE;
}

static void
add (HaarRegions *self, const HaarRect *rect, gdouble score, GQuark label)
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
read_regions (HaarRegions *self, GstBuffer *frame, const HaarRect *crop)
{
  GstVideoRegionOfInterestMeta *region;
  gpointer state = NULL;
  HaarRect rect;

  while ((region = (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
              frame, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    if (counts (self, region->roi_type) &&
        cut (&rect, region->x, region->y, region->w, region->h, crop))
      add (self, &rect, read_confidence (region), region->roi_type);
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

    if (counts (self, label) &&
        gst_analytics_od_mtd_get_location (&object, &x, &y, &w, &h, &confidence) &&
        cut (&rect, x, y, w, h, crop))
      add (self, &rect, confidence, label);
  }
}
#endif

void
haar_regions_read (HaarRegions *self, GstBuffer *frame, const GstVideoInfo *info)
{
  const HaarRect crop = find_crop (frame, info);

  self->width = crop.w;
  self->height = crop.h;
  read_regions (self, frame, &crop);
#ifdef HAVE_ANALYTICS
  if (self->boxes->len == 0)
    read_analytics (self, frame, &crop);
#endif
}
