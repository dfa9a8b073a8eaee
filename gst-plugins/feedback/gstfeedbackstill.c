/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfeedbackstill.h"

#include <math.h>

#include "gstfeedbacksource.h"

#define GST_CAT_DEFAULT gst_feedback_rate_debug

/* Time constants (s) with which the activity rises and falls. The activity rises faster than it
 * falls, so that a fog that is scaled by the activity can count all frames while somebody
 * passes. */
#define RISE 10.0
#define FALL 30.0
/* Longest time (s) between two frames that counts as a frame period of the camera; a longer one is
 * a pause. */
#define LONGEST_PAUSE 1.0

void
gst_feedback_still_init (GstFeedbackStill *self, GstElement *element)
{
  self->element = element;
}

void
gst_feedback_still_clear (GstFeedbackStill *self)
{
  g_free (self->scratch);
  fog_sketch_clear (&self->sent);
  fog_sketch_clear (&self->now);
}

void
gst_feedback_still_forget (GstFeedbackStill *self)
{
  fog_sketch_clear (&self->sent);
}

void
gst_feedback_still_reset (GstFeedbackStill *self)
{
  gst_feedback_still_forget (self);
  self->comparable = self->reported = FALSE;
  self->frames = self->uncompared = 0;
  self->span = (GstFeedbackStillSpan){0};
  self->seen_at = self->sent_at = 0;
  self->activity = 1;
}

/* --- the comparison --- */

static gboolean
are_comparable (const GstCaps *caps)
{
  static GstStaticCaps raw = GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FOG_LUMA_FORMATS));
  GstCaps *all = gst_static_caps_get (&raw);
  gboolean are = gst_caps_is_subset (caps, all);

  gst_caps_unref (all);
  return are;
}

void
gst_feedback_still_set_caps (GstFeedbackStill *self, const GstCaps *caps)
{
  self->comparable = are_comparable (caps) && gst_video_info_from_caps (&self->info, caps);
  self->reported = FALSE;
  gst_feedback_still_forget (self);
}

static gboolean
draw_frame (GstFeedbackStill *self, GstBuffer *buffer, const GstVideoFrame *frame, FogLuma *luma)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (buffer);

  return fog_luma_of_frame (frame, crop, &self->scratch, luma) == FOG_LUMA_READY &&
         fog_sketch_draw (&self->now, luma);
}

/* Draws a sketch of the frame, and compares the sketch with that of the frame that was sent last.
 * Returns FALSE if the frame can't be compared. */
static gboolean
look_at (GstFeedbackStill *self, GstBuffer *buffer, gboolean *differs)
{
  GstVideoRectangle where;
  GstVideoFrame frame;
  FogLuma luma;
  gboolean seen;

  if (!self->comparable || !gst_video_frame_map (&frame, &self->info, buffer,
                               GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return FALSE;
  seen = draw_frame (self, buffer, &frame, &luma);
  *differs =
      !seen || !self->sent.means || fog_sketch_differs (&self->sent, &self->now, &luma, &where);
  gst_video_frame_unmap (&frame);
  if (seen && *differs && self->sent.means)
    GST_LOG_OBJECT (self->element, "differs in %dx%d at %d,%d: %" GST_PTR_FORMAT, where.w, where.h,
        where.x, where.y, buffer);
  return seen;
}

static void
report_uncompared (GstFeedbackStill *self)
{
  if (self->reported)
    return;
  self->reported = TRUE;
  GST_ELEMENT_WARNING (self->element, STREAM, FORMAT,
      ("Frames can't be compared, so each one passes in spite of still-interval. It needs raw "
       "video in system memory, in a format that haarfacecount takes: put feedbackrate before the "
       "encoder, or a decoder before feedbackrate."),
      ("%s", self->comparable ? "a frame is shorter than its caps say, its memory can't be mapped, "
                                "or there is no memory for a comparison"
                              : "the caps are not raw video in system memory"));
}

GstFeedbackStillVerdict
gst_feedback_still_compare (
    GstFeedbackStill *self, GstBuffer *buffer, gdouble time, gdouble interval)
{
  gdouble since = time - self->sent_at;
  gboolean differs;

  if (!look_at (self, buffer, &differs)) {
    fog_sketch_clear (&self->now);
    report_uncompared (self);
    return GST_FEEDBACK_STILL_NEW;
  }
  if (differs)
    return GST_FEEDBACK_STILL_NEW;
  /* If the time of the frame is before that of the last sent frame, it belongs to another
   * stream. */
  return since >= 0 && since < interval ? GST_FEEDBACK_STILL_SAME : GST_FEEDBACK_STILL_DUE;
}

/* --- counting and sending --- */

void
gst_feedback_still_count (GstFeedbackStill *self, GstFeedbackStillVerdict verdict, gdouble time)
{
  gdouble passed = CLAMP (time - self->seen_at, 0, LONGEST_PAUSE);
  gboolean changed = verdict == GST_FEEDBACK_STILL_NEW;

  self->seen_at = time;
  self->activity +=
      ((changed ? 1 : 0) - self->activity) * (1 - exp (-passed / (changed ? RISE : FALL)));
  self->span.changed = changed;
  self->uncompared += changed && !self->now.means;
  if (verdict != GST_FEEDBACK_STILL_SAME)
    return;
  self->frames++;
  self->span.frames++;
}

GstFeedbackStillSpan
gst_feedback_still_send (GstFeedbackStill *self, gdouble time)
{
  GstFeedbackStillSpan span = self->span;
  FogSketch free_one = self->sent;

  span.time = MAX (time - self->sent_at, 0);
  self->sent = self->now;
  self->now = free_one;
  self->sent_at = time;
  self->span.frames = 0;
  return span;
}
