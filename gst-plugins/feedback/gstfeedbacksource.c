/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfeedbacksource.h"

#include <math.h>

#include "gstfeedbacksettings.h"

#define GST_CAT_DEFAULT gst_feedback_rate_debug

/* When a lower rate is requested, the rate that passes is at most this fraction of the requested
 * one, so that the rate can rise a little without a new request. */
#define HEADROOM 0.9
/* Time (us) between two queries for the rates that the source offers. */
#define CHECK_INTERVAL (G_USEC_PER_SEC / 2)
/* Relative error up to which two rates count as equal, because they are computed in doubles. */
#define ROUNDING 1e-9

void
gst_feedback_source_init (
    GstFeedbackSource *self, GstElement *element, GstPad *sinkpad, GstPad *srcpad)
{
  self->element = element;
  self->sinkpad = sinkpad;
  self->srcpad = srcpad;
  g_mutex_init (&self->lock);
}

void
gst_feedback_source_clear (GstFeedbackSource *self)
{
  g_mutex_clear (&self->lock);
}

void
gst_feedback_source_reset (GstFeedbackSource *self)
{
  g_mutex_lock (&self->lock);
  self->rate = self->highest = self->asked = (GstFeedbackFraction){0, 1};
  self->changes = 0;
  g_mutex_unlock (&self->lock);
  self->asked_at = self->checked_at = 0;
  self->offer = GST_FEEDBACK_OFFER_UNKNOWN;
}

/* --- rates --- */

static gint
compare (GstFeedbackFraction a, GstFeedbackFraction b)
{
  return gst_util_fraction_compare (a.n, a.d, b.n, b.d);
}

static gdouble
to_double (GstFeedbackFraction rate)
{
  return rate.n > 0 ? (gdouble) rate.n / rate.d : 0;
}

static GstFeedbackFraction
read_fraction (GstFeedbackSource *self, const GstFeedbackFraction *field)
{
  GstFeedbackFraction rate;

  g_mutex_lock (&self->lock);
  rate = *field;
  g_mutex_unlock (&self->lock);
  return rate;
}

GstFeedbackRates
gst_feedback_source_get_rates (GstFeedbackSource *self)
{
  GstFeedbackRates rates;

  g_mutex_lock (&self->lock);
  rates = (GstFeedbackRates){to_double (self->rate), to_double (self->highest), self->changes};
  g_mutex_unlock (&self->lock);
  return rates;
}

/* --- what the source offers --- */

typedef struct {
  gdouble wanted;              /* frames/s */
  GstFeedbackFraction highest; /* highest rate that may be chosen */
  GstFeedbackFraction best;    /* 0/1: none yet */
} Choice;

/* Replaces the best rate by @rate if @rate is better: the best rate is the smallest one that isn't
 * below the wanted rate, or, if all are below it, the largest one. */
static void
consider (Choice *choice, GstFeedbackFraction rate)
{
  gdouble wanted = choice->wanted * (1 - ROUNDING);
  gdouble best = to_double (choice->best), value = to_double (rate);

  if (rate.n <= 0 || rate.d <= 0 || compare (rate, choice->highest) > 0)
    return;
  if (choice->best.n == 0 || best < wanted ? value > best : value >= wanted && value < best)
    choice->best = rate;
}

static GstFeedbackFraction
read_value (const GValue *value)
{
  return (GstFeedbackFraction){
      gst_value_get_fraction_numerator (value), gst_value_get_fraction_denominator (value)};
}

/* Of a range only its ends and whole numbers are considered, so that a small step of the rate
 * causes no request. */
static void
consider_range (Choice *choice, const GValue *range)
{
  GstFeedbackFraction min = read_value (gst_value_get_fraction_range_min (range));
  GstFeedbackFraction max = read_value (gst_value_get_fraction_range_max (range));
  GstFeedbackFraction whole = {(gint) CLAMP (ceil (choice->wanted - ROUNDING), 1, G_MAXINT), 1};

  if (compare (whole, choice->highest) > 0)
    whole = choice->highest;
  if (compare (whole, max) > 0)
    consider (choice, max);
  else if (compare (whole, min) < 0)
    consider (choice, min);
  else
    consider (choice, whole);
}

static void
consider_value (Choice *choice, const GValue *value)
{
  if (GST_VALUE_HOLDS_FRACTION (value)) {
    consider (choice, read_value (value));
  } else if (GST_VALUE_HOLDS_FRACTION_RANGE (value)) {
    consider_range (choice, value);
  } else if (GST_VALUE_HOLDS_LIST (value)) {
    for (guint i = 0; i < gst_value_list_get_size (value); i++)
      consider_value (choice, gst_value_list_get_value (value, i));
  }
}

/* Returns 0/1 if @offer gives no rate. @highest: the highest rate that may be chosen. */
static GstFeedbackFraction
choose (const GstCaps *offer, gdouble wanted, GstFeedbackFraction highest)
{
  Choice choice = {wanted, highest, {0, 1}};

  for (guint i = 0; i < gst_caps_get_size (offer); i++) {
    const GValue *value = gst_structure_get_value (gst_caps_get_structure (offer, i), "framerate");

    if (value)
      consider_value (&choice, value);
  }
  return choice.best;
}

/* Returns: (transfer full): @caps at any frame rate. */
static GstCaps *
make_any_rate (const GstCaps *caps)
{
  GstCaps *any = gst_caps_copy (caps);

  for (guint i = 0; i < gst_caps_get_size (any); i++)
    gst_structure_remove_field (gst_caps_get_structure (any, i), "framerate");
  return any;
}

/* Returns: (nullable) (transfer full): the caps that the source offers in the present format and
 * size. */
static GstCaps *
query_offer (GstFeedbackSource *self)
{
  GstCaps *current = gst_pad_get_current_caps (self->sinkpad), *any, *offer;

  if (!current)
    return NULL;
  any = make_any_rate (current);
  offer = gst_pad_peer_query_caps (self->sinkpad, any);
  gst_caps_unref (any);
  gst_caps_unref (current);
  return offer;
}

/* Returns TRUE if the source offers a better rate for @wanted than its present one. */
static gboolean
offers_other (GstFeedbackSource *self, const GstCaps *offer, gdouble wanted)
{
  GstFeedbackFraction rate = choose (offer, wanted, (GstFeedbackFraction){G_MAXINT, 1});

  return rate.n > 0 && compare (rate, read_fraction (self, &self->rate)) != 0;
}

static gboolean
is_adjustable (GstFeedbackSource *self)
{
  GstCaps *offer;

  if (self->offer == GST_FEEDBACK_OFFER_UNKNOWN && (offer = query_offer (self))) {
    self->offer = offers_other (self, offer, GST_FEEDBACK_RATE_LOWEST) ||
                          offers_other (self, offer, GST_FEEDBACK_RATE_HIGHEST)
                      ? GST_FEEDBACK_OFFER_MORE
                      : GST_FEEDBACK_OFFER_ONE;
    GST_DEBUG_OBJECT (self->element, "the source offers %s: %" GST_PTR_FORMAT,
        self->offer == GST_FEEDBACK_OFFER_MORE ? "other rates" : "no other rate", offer);
    gst_caps_unref (offer);
  }
  return self->offer == GST_FEEDBACK_OFFER_MORE;
}

/* --- caps --- */

/* Returns 0/1 if the caps give no rate. A rate in the caps that is above the largest value of the
 * property max-rate means that the source may have any rate. */
static GstFeedbackFraction
read_rate (const GstStructure *s, const gchar *field)
{
  GstFeedbackFraction rate;

  if (gst_structure_get_fraction (s, field, &rate.n, &rate.d) && rate.n > 0 &&
      to_double (rate) <= GST_FEEDBACK_RATE_HIGHEST)
    return rate;
  return (GstFeedbackFraction){0, 1};
}

static gboolean
learn_rates (GstFeedbackSource *self, GstFeedbackFraction rate, GstFeedbackFraction highest)
{
  gboolean is_higher;

  g_mutex_lock (&self->lock);
  if (self->rate.n > 0 && compare (rate, self->rate) != 0)
    self->changes++;
  self->rate = rate;
  is_higher = compare (highest, self->highest) > 0;
  if (is_higher)
    self->highest = highest;
  g_mutex_unlock (&self->lock);
  return is_higher;
}

/* Returns TRUE if the highest rate has changed. */
static gboolean
learn_caps (GstFeedbackSource *self, const GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  GstFeedbackFraction rate = read_rate (s, "framerate"), highest = rate;

  /* If the rate is variable, the highest rate is max-framerate instead. */
  if (rate.n == 0)
    highest = read_rate (s, "max-framerate");
  self->is_plain = gst_caps_features_is_equal (
      gst_caps_get_features (caps, 0), GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
  self->offer = GST_FEEDBACK_OFFER_UNKNOWN;
  GST_INFO_OBJECT (self->element, "the source gives %d/%d frames/s, at most %d/%d", rate.n, rate.d,
      highest.n, highest.d);
  return learn_rates (self, rate, highest);
}

/* The source chooses its rate from the returned caps: the requested rate comes first, then any
 * rate, for a source that refuses the requested one. */
/* Returns: (transfer full): the caps that the pad `sink` takes, if downstream takes @downstream. */
static GstCaps *
make_sink_caps (GstFeedbackSource *self, const GstCaps *downstream)
{
  GstFeedbackFraction asked = read_fraction (self, &self->asked);
  GstCaps *caps, *current = gst_pad_get_current_caps (self->sinkpad);

  if (asked.n > 0 && current) {
    GstCaps *any = make_any_rate (current);

    caps = gst_caps_copy (any);
    gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION, asked.n, asked.d, NULL);
    gst_caps_append (caps, any);
  } else {
    caps = gst_caps_copy (downstream);
  }
  gst_clear_caps (&current);
  gst_caps_append (caps, make_any_rate (downstream));
  return caps;
}

gboolean
gst_feedback_source_answer_caps (GstFeedbackSource *self, GstPad *pad, GstQuery *query)
{
  GstPad *other = pad == self->sinkpad ? self->srcpad : self->sinkpad;
  GstCaps *peer = gst_pad_peer_query_caps (other, NULL);
  GstCaps *template = gst_pad_get_pad_template_caps (pad);
  GstCaps *caps = gst_caps_intersect_full (peer, template, GST_CAPS_INTERSECT_FIRST), *filter;
  GstCaps *ours = pad == self->sinkpad ? make_sink_caps (self, caps) : make_any_rate (caps);

  gst_query_parse_caps (query, &filter);
  GST_DEBUG_OBJECT (pad, "takes %" GST_PTR_FORMAT, ours);
  if (filter)
    gst_caps_take (&ours, gst_caps_intersect_full (filter, ours, GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result (query, ours);
  gst_caps_unref (ours);
  gst_caps_unref (caps);
  gst_caps_unref (template);
  gst_caps_unref (peer);
  return TRUE;
}

static GstCaps *
make_src_caps (GstFeedbackSource *self, GstCaps *caps)
{
  GstFeedbackFraction rate = read_fraction (self, &self->rate);
  GstCaps *any, *allowed;

  if (gst_pad_peer_query_accept_caps (self->srcpad, caps))
    return gst_caps_ref (caps);
  any = make_any_rate (caps);
  allowed = gst_pad_peer_query_caps (self->srcpad, any);
  gst_caps_unref (any);
  if (gst_caps_is_empty (allowed) || gst_caps_is_any (allowed)) {
    gst_caps_unref (allowed);
    return gst_caps_ref (caps);
  }
  allowed = gst_caps_truncate (gst_caps_make_writable (allowed));
  gst_structure_fixate_field_nearest_fraction (
      gst_caps_get_structure (allowed, 0), "framerate", MAX (rate.n, 1), rate.d);
  return gst_caps_fixate (allowed);
}

GstCaps *
gst_feedback_source_take_caps (GstFeedbackSource *self, GstCaps *caps, gboolean *is_higher)
{
  *is_higher = learn_caps (self, caps);
  return make_src_caps (self, caps);
}

/* --- requests --- */

/* Returns a copy of a camera's buffer, because a camera can't change its rate while any element
 * holds one of its buffers (v4l2src then fails and doesn't recover), and elements downstream hold
 * frames in a queue, or until Kafka has acknowledged them. */
GstBuffer *
gst_feedback_source_detach (GstFeedbackSource *self, GstBuffer *buffer)
{
  GstBuffer *copy;

  if (!buffer->pool || !self->is_plain || !is_adjustable (self))
    return gst_buffer_make_writable (buffer);
  copy = gst_buffer_copy_deep (buffer);
  gst_buffer_unref (buffer);
  return copy;
}

static gboolean
is_due (GstFeedbackSource *self, gdouble rate, gdouble source, gint64 dwell, gint64 now)
{
  if (source <= 0 || (rate <= source && rate > HEADROOM * source))
    return FALSE;
  if ((self->asked_at && now - self->asked_at < dwell) || now - self->checked_at < CHECK_INTERVAL)
    return FALSE;
  self->checked_at = now;
  return TRUE;
}

/* Returns TRUE if @rate is neither the source's rate nor the last one requested. */
static gboolean
note_request (GstFeedbackSource *self, GstFeedbackFraction rate)
{
  gboolean is_new;

  g_mutex_lock (&self->lock);
  is_new = compare (rate, self->rate) != 0 && compare (rate, self->asked) != 0;
  self->asked = rate;
  g_mutex_unlock (&self->lock);
  return is_new;
}

void
gst_feedback_source_follow (GstFeedbackSource *self, gdouble rate, gint64 dwell, gint64 now)
{
  gdouble source = gst_feedback_source_get_rates (self).rate;
  GstFeedbackFraction chosen;
  GstCaps *offer;

  if (!is_due (self, rate, source, dwell, now) || !(offer = query_offer (self)))
    return;
  chosen =
      choose (offer, rate < source ? rate / HEADROOM : rate, read_fraction (self, &self->highest));
  GST_DEBUG_OBJECT (self->element,
      "%.2f frames/s pass, the source gives %.2f: %d/%d of %" GST_PTR_FORMAT, rate, source,
      chosen.n, chosen.d, offer);
  gst_caps_unref (offer);
  if (chosen.n == 0 || !note_request (self, chosen))
    return;
  GST_INFO_OBJECT (self->element, "asking the source for %d/%d frames/s, to send %.2f", chosen.n,
      chosen.d, rate);
  self->asked_at = now;
  gst_pad_push_event (self->sinkpad, gst_event_new_reconfigure ());
}
