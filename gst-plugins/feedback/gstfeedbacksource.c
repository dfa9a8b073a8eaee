/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfeedbacksource.h"

#include "sourcerates.h"

#define GST_CAT_DEFAULT gst_feedback_rate_debug

/* The camera is slowed down only if the rate is so far below what it would then give. */
#define HEADROOM 0.9
/* What the source offers isn't asked for again for each frame. */
#define CHECK_INTERVAL (G_USEC_PER_SEC / 2)

/* with self->lock */
gdouble
gst_feedback_rate_source_rate (GstFeedbackRate *self)
{
  return self->source_n > 0 ? (gdouble) self->source_n / self->source_d : 0;
}

/* Where the source's rate is settled: the one asked for first; then any, for a source that refuses. */
GstCaps *
gst_feedback_rate_sink_caps (GstFeedbackRate *self, GstCaps *downstream)
{
  GstCaps *caps, *current = gst_pad_get_current_caps (self->sinkpad);
  gint n, d;

  g_mutex_lock (&self->lock);
  n = self->asked_n;
  d = self->asked_d;
  g_mutex_unlock (&self->lock);
  if (n > 0 && current) {
    GstCaps *any = source_rates_any (current);

    caps = gst_caps_copy (any);
    gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION, n, d, NULL);
    gst_caps_append (caps, any);
  } else {
    caps = gst_caps_copy (downstream);
  }
  gst_clear_caps (&current);
  gst_caps_append (caps, source_rates_any (downstream));
  return caps;
}

/* (transfer full): @caps, at a rate that downstream takes if it doesn't take this one. */
GstCaps *
gst_feedback_rate_src_caps (GstFeedbackRate *self, GstCaps *caps)
{
  GstCaps *any, *allowed;

  if (gst_pad_peer_query_accept_caps (self->srcpad, caps))
    return gst_caps_ref (caps);
  any = source_rates_any (caps);
  allowed = gst_pad_peer_query_caps (self->srcpad, any);
  gst_caps_unref (any);
  if (gst_caps_is_empty (allowed) || gst_caps_is_any (allowed)) {
    gst_caps_unref (allowed);
    return gst_caps_ref (caps);
  }
  allowed = gst_caps_truncate (gst_caps_make_writable (allowed));
  gst_structure_fixate_field_nearest_fraction (
      gst_caps_get_structure (allowed, 0), "framerate", MAX (self->source_n, 1), self->source_d);
  return gst_caps_fixate (allowed);
}

static gboolean
is_due (GstFeedbackRate *self, gdouble rate, gint64 now)
{
  gdouble source;
  gint64 dwell;

  g_mutex_lock (&self->lock);
  source = gst_feedback_rate_source_rate (self);
  dwell = (gint64) GST_TIME_AS_USECONDS (self->min_dwell);
  g_mutex_unlock (&self->lock);
  if (source <= 0 || (rate <= source && rate > HEADROOM * source))
    return FALSE;
  if ((self->asked_at && now - self->asked_at < dwell) || now - self->checked_at < CHECK_INTERVAL)
    return FALSE;
  self->checked_at = now;
  return TRUE;
}

/* What the source can do at the present format and size. */
static GstCaps *
query_offer (GstFeedbackRate *self)
{
  GstCaps *current = gst_pad_get_current_caps (self->sinkpad), *any, *offer;

  if (!current)
    return NULL;
  any = source_rates_any (current);
  offer = gst_pad_peer_query_caps (self->sinkpad, any);
  gst_caps_unref (any);
  gst_caps_unref (current);
  return offer;
}

gboolean
gst_feedback_rate_is_adjustable (GstFeedbackRate *self)
{
  GstCaps *offer;
  gint n, d;

  if (self->offer_seen || !(offer = query_offer (self)))
    return self->adjustable;
  self->offer_seen = TRUE;
  self->adjustable = (source_rates_choose (offer, GST_FEEDBACK_RATE_LOWEST, G_MAXINT, 1, &n, &d) &&
                         gst_util_fraction_compare (n, d, self->source_n, self->source_d) != 0) ||
                     (source_rates_choose (offer, GST_FEEDBACK_RATE_HIGHEST, G_MAXINT, 1, &n, &d) &&
                         gst_util_fraction_compare (n, d, self->source_n, self->source_d) != 0);
  gst_caps_unref (offer);
  return self->adjustable;
}

/* TRUE: it is neither what the source does nor what it was asked for already. */
static gboolean
ask_for (GstFeedbackRate *self, gint n, gint d)
{
  gboolean new;

  g_mutex_lock (&self->lock);
  new = gst_util_fraction_compare (n, d, self->source_n, self->source_d) != 0 &&
        gst_util_fraction_compare (n, d, self->asked_n, self->asked_d) != 0;
  self->asked_n = n;
  self->asked_d = d;
  g_mutex_unlock (&self->lock);
  return new;
}

void
gst_feedback_rate_follow (GstFeedbackRate *self, gdouble rate, gint64 now)
{
  GstCaps *offer;
  gint n, d;
  gdouble source = gst_feedback_rate_source_rate (self), lower = rate / HEADROOM;

  if (!is_due (self, rate, now) || !(offer = query_offer (self)))
    return;
  if (source_rates_choose (
          offer, rate < source ? lower : rate, self->native_n, self->native_d, &n, &d) &&
      ask_for (self, n, d)) {
    GST_INFO_OBJECT (self, "asking the source for %d/%d frames/s, to send %.2f", n, d, rate);
    self->asked_at = now;
    gst_pad_push_event (self->sinkpad, gst_event_new_reconfigure ());
  }
  gst_caps_unref (offer);
}
