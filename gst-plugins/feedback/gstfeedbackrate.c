/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-feedbackrate
 * @title: feedbackrate
 * @short_description: Keeps a camera's frame rate at the fog's capacity
 *
 * Decides from the reports of haarfacecount, which come by the pad `feedback`, how many frames a
 * second pass. Frames beyond the decided rate are dropped, evenly spaced. The element asks the
 * camera for the smallest rate that the camera offers and that isn't below the decided rate, at
 * most once in #GstFeedbackRate:min-dwell. The caps of the pad `src` have the camera's rate, which
 * is an upper bound of the rate of the frames, unless downstream takes only another rate.
 *
 * A sink that can't keep up, such as kafkasink on a slow link, sends QoS events of the type
 * GST_QOS_TYPE_THROTTLE. The rate is the lower one of the rate that these events ask for and the
 * rate decided from the reports.
 *
 * Each frame gets the headers `camera`, `session`, `seq`, `rate-min`, `rate-max` and `rate-weight`,
 * by which the reports identify the frame or its camera. If reports say which replica reads which
 * partitions, the frame's meta also names the partition to which kafkasink sends the frame.
 *
 * With #GstFeedbackRate:still-interval a frame passes only if it shows something new, or if this
 * time has passed since the last frame that passed. Each frame then has the header
 * `still-interval`, and the first one after frames that didn't pass has `still-frames`,
 * `still-time` and `still-changed`.
 *
 * Until the first report the rate is #GstFeedbackRate:initial-rate. While no report comes, the rate
 * falls to #GstFeedbackRate:min-rate step by step; when reports come again, the rate rises again.
 *
 * ## Messages
 *
 * An element message `feedbackrate` follows a change of the rate by more than 2 %, at most four
 * times a second, and comes at least every 5 s. The message has the fields of
 * #GstFeedbackRate:stats, and is logged at the level INFO. An autoscaler can use the field
 * `demand` of the stats.
 *
 * ## Events
 *
 * The pad `src` takes QoS events of the type GST_QOS_TYPE_THROTTLE; it forwards all other events
 * upstream. The pad `sink` sends RECONFIGURE upstream when the source is to change its rate. The
 * pad `feedback` consumes all events, EOS included: the end of the reports isn't the end of the
 * video.
 *
 * The element posts no errors. A report that can't be read is counted as `bad-reports`, and the
 * 1st, 2nd, 4th, 8th … of a run causes a warning STREAM/DECODE. With
 * #GstFeedbackRate:still-interval, frames that can't be compared cause a warning STREAM/FORMAT,
 * once for each caps.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true num-buffers=90 ! video/x-raw,framerate=30/1 \
 *   ! feedbackrate algorithm=fixed initial-rate=10 ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 -e v4l2src ! feedbackrate name=rate camera=cam-1 ! jpegenc \
 *   ! kafkasink topic=camera kafkasrc topic=feedback ! rate.feedback
 * ]|
 *
 * Since: 0.1
 */
#include <math.h>

#include "decimator.h"
#include "fogreport.h"
#include "gstfeedbacksettings.h"
#include "gstfeedbacksource.h"
#include "gstfeedbackstill.h"
#include "gstkafkameta.h"

GST_DEBUG_CATEGORY (gst_feedback_rate_debug);
#define GST_CAT_DEFAULT gst_feedback_rate_debug

/* The rate that is assumed if the source's caps have none, frames/s. */
#define UNKNOWN_RATE 30
/* The fraction of the rate by which the rate must change to cause a message. */
#define NOTABLE_CHANGE 0.02
/* The shortest time (us) between two messages while the rate changes. */
#define MESSAGE_INTERVAL (G_USEC_PER_SEC / 4)
/* The longest time (us) between two messages while the rate is constant, because the demand may
 * change even if the rate doesn't. */
#define LONGEST_SILENCE (5 * G_USEC_PER_SEC)

#define VIDEO_CAPS "video/x-raw(ANY); image/jpeg(ANY); image/png; video/x-bayer; video/x-raw"

enum { PROP_CURRENT_RATE = GST_FEEDBACK_PROP_OTHER, PROP_STATS };

static GParamSpec *current_rate; /* its changes are notified */

#define GST_TYPE_FEEDBACK_RATE (gst_feedback_rate_get_type ())
G_DECLARE_FINAL_TYPE (GstFeedbackRate, gst_feedback_rate, GST, FEEDBACK_RATE, GstElement)

/* Threads: the streaming thread of the pad `sink` takes frames, the streaming thread of the pad
 * `feedback` takes reports, a thread of downstream sends QoS events, and the application's threads
 * set properties. */
struct _GstFeedbackRate {
  GstElement parent;

  GstPad *sinkpad, *srcpad, *feedbackpad;
  GstFeedbackSource source;
  GstFeedbackStill still;

  /* the lock guards the fields below; it is taken before the source's lock and the object lock */
  GMutex lock;
  GstFeedbackSettings settings;
  RateController *controller;
  gchar *session;
  Decimator decimator;
  guint64 seq; /* the seq of the next frame */
  /* numbers of frames; `held` counts frames not sent because too many were in flight */
  guint64 in, out, held;
  guint64 bad_reports;

  /* Only the streaming thread uses these fields. */
  GstSegment segment;
  gint64 posted_at;    /* monotonic time of the latest message, us; 0: none */
  gdouble posted_rate; /* the rate in the latest message, frames/s */
};

/**
 * GstFeedbackRate!sink:
 *
 * The pad takes video or images, raw or encoded, from any memory. Each buffer has to be a frame
 * that can be
 * decoded by itself.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (VIDEO_CAPS));
/**
 * GstFeedbackRate!src:
 *
 * The pad pushes the frames that pass, each with the headers by which reports identify the frame or
 * its camera. The pad takes QoS events of the type GST_QOS_TYPE_THROTTLE.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (VIDEO_CAPS));
/**
 * GstFeedbackRate!feedback:
 *
 * The pad takes the reports of all replicas. Nothing goes from this pad to the pad `src`, and the
 * pad may stay unlinked: then no reports come, and the rate falls. A buffer that is no report is
 * counted as `bad-reports`.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate feedback_template = GST_STATIC_PAD_TEMPLATE (
    "feedback", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (FOG_REPORT_CAPS));

G_DEFINE_FINAL_TYPE (GstFeedbackRate, gst_feedback_rate, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DECLARE (feedbackrate);
GST_ELEMENT_REGISTER_DEFINE (feedbackrate, "feedbackrate", GST_RANK_NONE, GST_TYPE_FEEDBACK_RATE)

static gdouble
seconds_now (void)
{
  return (gdouble) g_get_monotonic_time () / G_USEC_PER_SEC;
}

/* --- the run --- */

/* with self->lock */
static RateSettings
effective_settings (GstFeedbackRate *self)
{
  const GstFeedbackSettings *set = &self->settings;
  gdouble highest = gst_feedback_source_get_rates (&self->source).highest, max_rate = set->max_rate;

  if (max_rate <= 0)
    max_rate = highest > 0 ? highest : UNKNOWN_RATE;
  return (RateSettings){set->algorithm, set->initial_rate, MIN (set->min_rate, max_rate), max_rate,
      set->weight, (gdouble) set->latency_target / GST_SECOND};
}

/* with self->lock */
static const gchar *
camera_name (GstFeedbackRate *self)
{
  const gchar *camera = self->settings.camera;

  return camera && *camera ? camera : g_get_host_name ();
}

/* With self->lock. Returns: the property still-interval in s; 0: each frame counts as new */
static gdouble
still_interval (GstFeedbackRate *self)
{
  return (gdouble) self->settings.still_interval / GST_SECOND;
}

/* With self->lock. Returns: the rate that the camera would send without a limit, in frames/s. If
 * the picture is still, the camera would send the frames that show something new, and one frame for
 * each interval. */
static gdouble
wanted_rate (GstFeedbackRate *self, gdouble max_rate)
{
  gdouble interval = still_interval (self);

  if (interval <= 0)
    return max_rate;
  return MIN (MAX (self->still.activity * max_rate, 1 / interval), max_rate);
}

static void
configure_controller (GstFeedbackRate *self)
{
  RateSettings settings;

  g_mutex_lock (&self->lock);
  settings = effective_settings (self);
  rate_controller_configure (self->controller, &settings);
  g_mutex_unlock (&self->lock);
}

static void
begin_run (GstFeedbackRate *self)
{
  RateSettings settings;

  gst_feedback_source_reset (&self->source);
  g_mutex_lock (&self->lock);
  gst_feedback_still_reset (&self->still);
  self->seq = self->in = self->out = self->held = self->bad_reports = 0;
  self->decimator = (Decimator){0};
  g_free (self->session);
  self->session = g_strdup_printf ("%08x%08x", g_random_int (), g_random_int ());
  settings = effective_settings (self);
  g_clear_pointer (&self->controller, rate_controller_free);
  self->controller =
      rate_controller_new (camera_name (self), self->session, &settings, seconds_now ());
  g_mutex_unlock (&self->lock);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->posted_at = 0;
  self->posted_rate = 0;
}

/* with self->lock */
static GstStructure *
make_stats (GstFeedbackRate *self)
{
  GstFeedbackRates source = gst_feedback_source_get_rates (&self->source);
  gdouble now = seconds_now ();
  GstStructure *stats;
  RateState state;

  rate_controller_get_state (self->controller, now, &state);
  stats = gst_structure_new ("feedbackrate", "camera", G_TYPE_STRING, camera_name (self), "rate",
      G_TYPE_DOUBLE, rate_controller_get_rate (self->controller, now), "wanted", G_TYPE_DOUBLE,
      wanted_rate (self, effective_settings (self).max_rate), "bound", G_TYPE_STRING,
      rate_bound_name (state.bound), "source-rate", G_TYPE_DOUBLE, source.rate, "capacity",
      G_TYPE_DOUBLE, state.capacity, "delivered", G_TYPE_DOUBLE, state.delivered, "queue",
      G_TYPE_DOUBLE, state.queue, "replicas", G_TYPE_UINT, state.replicas, "cameras", G_TYPE_UINT,
      state.cameras, "link-rate", G_TYPE_DOUBLE, state.link_rate, "round-trip", G_TYPE_DOUBLE,
      state.round_trip, "in-flight", G_TYPE_UINT64, state.in_flight, "frames-in", G_TYPE_UINT64,
      self->in, "frames-out", G_TYPE_UINT64, self->out, "frames-held", G_TYPE_UINT64, self->held,
      "frames-still", G_TYPE_UINT64, self->still.frames, "uncompared-frames", G_TYPE_UINT64,
      self->still.uncompared, "reports", G_TYPE_UINT64, state.reports, "old-reports", G_TYPE_UINT64,
      state.old_reports, "bad-reports", G_TYPE_UINT64, self->bad_reports, "displaced-replicas",
      G_TYPE_UINT64, state.displaced_replicas, "source-changes", G_TYPE_UINT64, source.changes,
      NULL);
  /* An unknown demand is left out: an autoscaler would act on any number, even on 0. */
  if (state.demand > 0)
    gst_structure_set (stats, "demand", G_TYPE_DOUBLE, state.demand, "needed-replicas",
        G_TYPE_DOUBLE, state.needed, NULL);
  return stats;
}

/* --- caps --- */

static gboolean
gst_feedback_rate_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_CAPS)
    return gst_feedback_source_answer_caps (&GST_FEEDBACK_RATE (parent)->source, pad, query);
  return gst_pad_query_default (pad, parent, query);
}

static gboolean
take_caps (GstFeedbackRate *self, GstEvent *event)
{
  GstCaps *caps, *ours;
  gboolean is_higher, taken;

  gst_event_parse_caps (event, &caps);
  gst_feedback_still_set_caps (&self->still, caps);
  ours = gst_feedback_source_take_caps (&self->source, caps, &is_higher);
  if (is_higher)
    configure_controller (self);
  GST_DEBUG_OBJECT (self, "caps %" GST_PTR_FORMAT ", downstream gets %" GST_PTR_FORMAT, caps, ours);
  taken = gst_pad_push_event (self->srcpad, gst_event_new_caps (ours));
  gst_caps_unref (ours);
  gst_event_unref (event);
  return taken;
}

/* --- events --- */

/* After a flush the next frame counts as new, because the flush dropped frames downstream. */
static void
restart_frames (GstFeedbackRate *self)
{
  gst_feedback_still_forget (&self->still);
  g_mutex_lock (&self->lock);
  self->decimator = (Decimator){0};
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_feedback_rate_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (parent);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      return take_caps (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_FLUSH_STOP:
      GST_DEBUG_OBJECT (self, "flushed: the next frame is a new one");
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
      restart_frames (self);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* Returns FALSE if the event isn't about throttling. */
static gboolean
take_throttle (GstFeedbackRate *self, GstEvent *event)
{
  GstQOSType type;
  GstClockTimeDiff interval;
  gdouble proportion, now = seconds_now (), rate;

  gst_event_parse_qos (event, &type, &proportion, &interval, NULL);
  if (type != GST_QOS_TYPE_THROTTLE)
    return FALSE;
  g_mutex_lock (&self->lock);
  /* The event contains the wanted time between two frames, or, if that is 0, the factor by which
   * frames come too fast. */
  rate = rate_controller_get_rate (self->controller, now);
  if (interval > 0)
    rate = (gdouble) GST_SECOND / interval;
  else if (proportion > 1)
    rate /= proportion;
  rate_controller_throttle (self->controller, rate, now);
  g_mutex_unlock (&self->lock);
  GST_DEBUG_OBJECT (self, "downstream takes %.2f frames/s", rate);
  return TRUE;
}

static gboolean
gst_feedback_rate_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS &&
      take_throttle (GST_FEEDBACK_RATE (parent), event)) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* Drops all events of the pad `feedback`, because the end of the reports isn't the end of the
 * video. */
static gboolean
gst_feedback_rate_feedback_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GST_LOG_OBJECT (pad, "taken, and not forwarded: %" GST_PTR_FORMAT, event);
  gst_event_unref (event);
  return TRUE;
}

static GstIterator *
gst_feedback_rate_internal_links (GstPad *pad, GstObject *parent)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (parent);
  GstPad *other = pad == self->sinkpad ? self->srcpad : pad == self->srcpad ? self->sinkpad : NULL;
  GValue value = G_VALUE_INIT;
  GstIterator *it;

  if (!other)
    return NULL;
  g_value_init (&value, GST_TYPE_PAD);
  g_value_set_object (&value, other);
  it = gst_iterator_new_single (GST_TYPE_PAD, &value);
  g_value_unset (&value);
  return it;
}

/* --- reports --- */

static void
log_decision (GstFeedbackRate *self, const FogReport *report, gboolean is_new)
{
  gdouble now = seconds_now (), rate;
  RateState state;

  if (gst_debug_category_get_threshold (gst_feedback_rate_debug) < GST_LEVEL_DEBUG)
    return;
  g_mutex_lock (&self->lock);
  rate = rate_controller_get_rate (self->controller, now);
  rate_controller_get_state (self->controller, now, &state);
  g_mutex_unlock (&self->lock);
  GST_DEBUG_OBJECT (self,
      "%s report %" G_GUINT64_FORMAT " of %s: %" G_GUINT64_FORMAT
      " frames in %.2f s, busy %.2f s of "
      "%u workers, lag %" G_GUINT64_FORMAT "%s",
      is_new ? "took" : "ignored the old", report->seq, report->replica, report->frames,
      report->interval, report->busy, report->workers, report->lag,
      report->leaving ? ", leaving" : "");
  GST_DEBUG_OBJECT (self,
      "%.2f frames/s, bound by the %s: %u replicas with %.2f frames/s (gain %.3f) count %.2f for "
      "%u "
      "cameras, queue %.1f, in flight %" G_GUINT64_FORMAT ", round trip %.3f s, link %.2f frames/s",
      rate, rate_bound_name (state.bound), state.replicas, state.capacity, state.gain,
      state.delivered, state.cameras, state.queue, state.in_flight, state.round_trip,
      state.link_rate);
}

/* Posts a warning for the 1st, 2nd, 4th, 8th … report that can't be read. */
static void
skip_report (GstFeedbackRate *self, const gchar *reason)
{
  guint64 number;

  g_mutex_lock (&self->lock);
  number = ++self->bad_reports;
  g_mutex_unlock (&self->lock);
  GST_DEBUG_OBJECT (self, "skipped a report: %s", reason);
  if ((number & (number - 1)) == 0)
    GST_ELEMENT_WARNING (self, STREAM, DECODE,
        ("%" G_GUINT64_FORMAT " reports were skipped because they can't be read. The last one: %s. "
         "Check that only haarfacecount, of a version that fits, writes to the topic of reports.",
            number, reason),
        (NULL));
}

static void
take_report (GstFeedbackRate *self, const gchar *text, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FogReport) report = fog_report_parse (text, size, &error);
  gboolean is_new;

  if (!report) {
    skip_report (self, error->message);
    return;
  }
  g_mutex_lock (&self->lock);
  is_new = rate_controller_report (self->controller, report, seconds_now ());
  g_mutex_unlock (&self->lock);
  log_decision (self, report, is_new);
}

static GstFlowReturn
gst_feedback_rate_feedback_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (parent);
  GstMapInfo map;

  if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    take_report (self, (const gchar *) map.data, map.size);
    gst_buffer_unmap (buffer, &map);
  } else {
    skip_report (self, "its memory can't be mapped");
  }
  gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* --- frames --- */

static void
post_stats (GstFeedbackRate *self, gdouble rate, gint64 now)
{
  GstStructure *stats;
  gboolean changed = fabs (rate - self->posted_rate) > NOTABLE_CHANGE * self->posted_rate;

  if (self->posted_at && now - self->posted_at < (changed ? MESSAGE_INTERVAL : LONGEST_SILENCE))
    return;
  self->posted_rate = rate;
  self->posted_at = now;
  g_mutex_lock (&self->lock);
  stats = make_stats (self);
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self, "%" GST_PTR_FORMAT, stats);
  g_object_notify_by_pspec (G_OBJECT (self), current_rate);
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), stats));
}

static gdouble
time_of (GstFeedbackRate *self, GstBuffer *buffer)
{
  GstClockTime time = GST_BUFFER_DTS_OR_PTS (buffer);

  if (self->segment.format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID (time))
    return (gdouble) time / GST_SECOND / ABS (self->segment.rate);
  return seconds_now ();
}

typedef enum {
  PASSES,
  DROPPED, /* to keep the rate */
  HELD,    /* too many frames are in flight */
  STILL,   /* the frame shows the same as the frame that was sent last */
} Verdict;

static const gchar *const verdict_names[] = {"passes", "dropped", "held back", "nothing new in"};

/* Called before the rate control decides about the frame: frames that show nothing new use no
 * credit, so the first frame that shows something new can use it. Returns: whether @buffer shows
 * something new */
static GstFeedbackStillVerdict
look_at_frame (GstFeedbackRate *self, GstBuffer *buffer, gdouble time)
{
  gdouble interval;

  g_mutex_lock (&self->lock);
  interval = still_interval (self);
  g_mutex_unlock (&self->lock);
  if (interval > 0)
    return gst_feedback_still_compare (&self->still, buffer, time, interval);
  gst_feedback_still_forget (&self->still);
  return GST_FEEDBACK_STILL_NEW;
}

/* with self->lock */
static Verdict
select_frame (
    GstFeedbackRate *self, GstFeedbackStillVerdict still, gdouble time, gdouble rate, gdouble now)
{
  gdouble max_rate = effective_settings (self).max_rate;

  self->in++;
  if (self->settings.still_interval)
    gst_feedback_still_count (&self->still, still, time);
  rate_controller_set_activity (self->controller, wanted_rate (self, max_rate) / max_rate);
  if (still == GST_FEEDBACK_STILL_SAME)
    return STILL;
  if (!decimator_take (
          &self->decimator, time, rate, gst_feedback_source_get_rates (&self->source).rate))
    return DROPPED;
  if (rate_controller_may_send (self->controller, now))
    return PASSES;
  self->held++;
  decimator_give_back (&self->decimator);
  return HELD;
}

/* with self->lock */
static void
stamp_identity (GstFeedbackRate *self, GstBuffer *buffer)
{
  RateSettings settings = effective_settings (self);
  gdouble wanted = wanted_rate (self, settings.max_rate);
  gchar seq[24], min[G_ASCII_DTOSTR_BUF_SIZE], max[G_ASCII_DTOSTR_BUF_SIZE],
      weight[G_ASCII_DTOSTR_BUF_SIZE];

  g_snprintf (seq, sizeof seq, "%" G_GUINT64_FORMAT, self->seq);
  gst_kafka_meta_set_headers (buffer, GST_KAFKA_HEADER_CAMERA, camera_name (self),
      GST_KAFKA_HEADER_SESSION, self->session, GST_KAFKA_HEADER_SEQ, seq, GST_KAFKA_HEADER_RATE_MIN,
      g_ascii_dtostr (min, sizeof min, MIN (settings.min_rate, wanted)), GST_KAFKA_HEADER_RATE_MAX,
      g_ascii_dtostr (max, sizeof max, wanted), GST_KAFKA_HEADER_RATE_WEIGHT,
      g_ascii_dtostr (weight, sizeof weight, settings.weight), NULL);
}

/* With self->lock. Sets the headers that describe the frames that weren't sent before this
 * frame. */
static void
stamp_still (GstFeedbackRate *self, GstBuffer *buffer, gdouble time)
{
  GstFeedbackStillSpan span;
  gchar interval[24], frames[24], stood[24];

  if (!self->settings.still_interval)
    return;
  span = gst_feedback_still_send (&self->still, time);
  g_snprintf (interval, sizeof interval, "%" G_GUINT64_FORMAT, self->settings.still_interval);
  g_snprintf (frames, sizeof frames, "%" G_GUINT64_FORMAT, span.frames);
  g_snprintf (stood, sizeof stood, "%" G_GUINT64_FORMAT, (guint64) (span.time * GST_SECOND));
  gst_kafka_meta_set_headers (buffer, GST_KAFKA_HEADER_STILL_INTERVAL, interval,
      GST_KAFKA_HEADER_STILL_FRAMES, span.frames ? frames : NULL, GST_KAFKA_HEADER_STILL_TIME,
      span.frames ? stood : NULL, GST_KAFKA_HEADER_STILL_CHANGED,
      !span.frames   ? NULL
      : span.changed ? "true"
                     : "false",
      NULL);
}

/* with self->lock. Returns: the partition that the frame is sent to; -1: the sink chooses */
static gint
stamp (GstFeedbackRate *self, GstBuffer *buffer, gdouble time, gdouble now)
{
  gint partition =
      self->settings.placement ? rate_controller_next_partition (self->controller, now) : -1;

  stamp_identity (self, buffer);
  stamp_still (self, buffer, time);
  if (partition >= 0)
    gst_structure_set (
        gst_kafka_meta_ensure (buffer), "target-partition", G_TYPE_INT, partition, NULL);
  rate_controller_sent (self->controller, self->seq++, now);
  self->out++;
  return partition;
}

/* Returns: (nullable) (transfer full): the frame to push; NULL if it was dropped. @rate: (out):
 * frames/s that pass */
static GstBuffer *
pass_or_drop (GstFeedbackRate *self, GstBuffer *buffer, gdouble *rate)
{
  gdouble now = seconds_now (), time = time_of (self, buffer);
  GstFeedbackStillVerdict still = look_at_frame (self, buffer, time);
  Verdict verdict;
  gint partition;

  g_mutex_lock (&self->lock);
  *rate = rate_controller_get_rate (self->controller, now);
  verdict = select_frame (self, still, time, *rate, now);
  g_mutex_unlock (&self->lock);
  if (verdict != PASSES) {
    GST_LOG_OBJECT (self, "%s %" GST_PTR_FORMAT, verdict_names[verdict], buffer);
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
    gst_buffer_unref (buffer);
    return NULL;
  }
  buffer = gst_feedback_source_detach (&self->source, buffer);
  g_mutex_lock (&self->lock);
  partition = stamp (self, buffer, time, now);
  g_mutex_unlock (&self->lock);
  GST_LOG_OBJECT (
      self, "passes at %.2f frames/s to partition %d: %" GST_PTR_FORMAT, *rate, partition, buffer);
  return buffer;
}

/* us: the property min-dwell */
static gint64
get_dwell (GstFeedbackRate *self)
{
  gint64 dwell;

  g_mutex_lock (&self->lock);
  dwell = (gint64) GST_TIME_AS_USECONDS (self->settings.min_dwell);
  g_mutex_unlock (&self->lock);
  return dwell;
}

static GstFlowReturn
gst_feedback_rate_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (parent);
  gint64 now = g_get_monotonic_time ();
  GstFlowReturn ret = GST_FLOW_OK;
  gdouble rate;

  buffer = pass_or_drop (self, buffer, &rate);
  if (buffer)
    ret = gst_pad_push (self->srcpad, buffer);
  /* If downstream didn't take the frame, its headers about the frames that weren't sent are lost,
   * so the next frame counts as new. */
  if (ret != GST_FLOW_OK)
    gst_feedback_still_forget (&self->still);
  post_stats (self, rate, now);
  gst_feedback_source_follow (&self->source, rate, get_dwell (self), now);
  return ret;
}

static void
log_run (GstFeedbackRate *self)
{
  g_autofree gchar *camera = NULL, *session = NULL;
  const GEnumValue *algorithm;
  RateSettings settings;

  g_mutex_lock (&self->lock);
  camera = g_strdup (camera_name (self));
  session = g_strdup (self->session);
  settings = effective_settings (self);
  g_mutex_unlock (&self->lock);
  algorithm =
      g_enum_get_value (g_type_class_peek (GST_TYPE_FEEDBACK_RATE_ALGORITHM), settings.algorithm);
  GST_INFO_OBJECT (self,
      "camera %s, session %s, algorithm %s, %.2f frames/s at first, %.2f to %.2f, weight %g, %.3f "
      "s "
      "before the replicas",
      camera, session, algorithm->value_nick, settings.initial_rate, settings.min_rate,
      settings.max_rate, settings.weight, settings.latency_target);
}

static GstStateChangeReturn
gst_feedback_rate_change_state (GstElement *element, GstStateChange transition)
{
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    begin_run (GST_FEEDBACK_RATE (element));
    log_run (GST_FEEDBACK_RATE (element));
  }
  return GST_ELEMENT_CLASS (gst_feedback_rate_parent_class)->change_state (element, transition);
}

/* --- properties --- */

static void
gst_feedback_rate_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (object);
  gboolean known;

  g_mutex_lock (&self->lock);
  known = fog_field_set (gst_feedback_settings_fields, &self->settings, id, value);
  g_mutex_unlock (&self->lock);
  if (known) {
    GST_DEBUG_OBJECT (self, "%s is set", pspec->name);
    configure_controller (self);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
gst_feedback_rate_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (object);
  gboolean known = TRUE;

  g_mutex_lock (&self->lock);
  if (id == PROP_CURRENT_RATE)
    g_value_set_double (value, rate_controller_get_rate (self->controller, seconds_now ()));
  else if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self));
  else
    known = fog_field_get (gst_feedback_settings_fields, &self->settings, id, value);
  g_mutex_unlock (&self->lock);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_feedback_rate_finalize (GObject *object)
{
  GstFeedbackRate *self = GST_FEEDBACK_RATE (object);

  rate_controller_free (self->controller);
  g_free (self->session);
  g_free (self->settings.camera);
  gst_feedback_source_clear (&self->source);
  gst_feedback_still_clear (&self->still);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (gst_feedback_rate_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  gst_feedback_settings_install_properties (klass);
  /**
   * GstFeedbackRate:current-rate:
   *
   * The number of frames that pass now, in frames/s. The element notifies changes of this property
   * when it posts the message `feedbackrate`.
   *
   * Since: 0.1
   */
  current_rate = g_param_spec_double ("current-rate", "Current rate", "Frames/s that pass now", 0,
      GST_FEEDBACK_RATE_HIGHEST, 0, read);
  g_object_class_install_property (klass, PROP_CURRENT_RATE, current_rate);
  /**
   * GstFeedbackRate:stats:
   *
   * What the element knows and has done, as a structure `feedbackrate`:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | camera | string | the camera's name in headers and reports |
   * | rate | double | frames/s that pass now |
   * | wanted | double | frames/s that would pass without a limit; with still-interval, the rate of
   *   the frames that lately showed something new |
   * | bound | string | what limits the rate: `camera` (no limit), `fog`, `link`, `minimum` |
   * | source-rate | double | frames/s in the source's caps; 0 if they give none |
   * | capacity | double | frames/s that the living replicas can count |
   * | delivered | double | frames/s that the living replicas do count |
   * | demand | double | rate that all cameras want, divided by the capacity; absent if unknown |
   * | needed-replicas | double | number of replicas, as fast as the present ones are on average,
   *   that could count all frames that the cameras want; absent if unknown |
   * | queue | double | frames waiting before the replicas |
   * | replicas, cameras | uint | number of living replicas, and of cameras |
   * | link-rate | double | frames/s that the link to Kafka takes; 0: it sets no limit |
   * | round-trip | double | s from sending a frame to the report about it; 0 if unknown |
   * | in-flight | uint64 | frames sent that no report has covered yet |
   * | frames-in, frames-out | uint64 | frames that came by the pad `sink`, and that left by `src` |
   * | frames-held | uint64 | frames not sent because too many were in flight |
   * | frames-still | uint64 | frames not sent because they show nothing new (still-interval) |
   * | uncompared-frames | uint64 | frames that couldn't be compared for still-interval |
   * | reports | uint64 | reports taken into account |
   * | old-reports | uint64 | reports that came twice, or later than newer ones of their replica |
   * | bad-reports | uint64 | reports that couldn't be read |
   * | displaced-replicas | uint64 | replicas forgotten because over 4,096 reported within 5 min |
   * | source-changes | uint64 | changes of the source's rate |
   *
   * The capacity in `demand` is computed from the mean cost of a frame in about the last 4 min. If
   * `demand` is above 1, more replicas would let cameras send more.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "The element's decisions, counters and knowledge of the fog", GST_TYPE_STRUCTURE, read));
}

static void
gst_feedback_rate_class_init (GstFeedbackRateClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_feedback_rate_debug, "feedbackrate", 0, "feedbackrate");
  object_class->set_property = gst_feedback_rate_set_property;
  object_class->get_property = gst_feedback_rate_get_property;
  object_class->finalize = gst_feedback_rate_finalize;
  element_class->change_state = gst_feedback_rate_change_state;
  install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &feedback_template);
  gst_element_class_set_static_metadata (element_class, "Feedback rate control", "Filter/Video",
      "Keeps a camera's frame rate at the fog's capacity", "The gst-fog authors");
  gst_type_mark_as_plugin_api (GST_TYPE_FEEDBACK_RATE_ALGORITHM, 0);
}

static GstPad *
add_pad (GstFeedbackRate *self, GstStaticPadTemplate *template)
{
  GstPad *pad = gst_pad_new_from_static_template (template, template->name_template);

  gst_pad_set_iterate_internal_links_function (pad, gst_feedback_rate_internal_links);
  gst_element_add_pad (GST_ELEMENT (self), pad);
  return pad;
}

static void
gst_feedback_rate_init (GstFeedbackRate *self)
{
  g_mutex_init (&self->lock);
  gst_feedback_settings_init (&self->settings);
  self->sinkpad = add_pad (self, &sink_template);
  gst_pad_set_chain_function (self->sinkpad, gst_feedback_rate_chain);
  gst_pad_set_event_function (self->sinkpad, gst_feedback_rate_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_feedback_rate_query);
  self->srcpad = add_pad (self, &src_template);
  gst_pad_set_event_function (self->srcpad, gst_feedback_rate_src_event);
  gst_pad_set_query_function (self->srcpad, gst_feedback_rate_query);
  self->feedbackpad = add_pad (self, &feedback_template);
  gst_pad_set_chain_function (self->feedbackpad, gst_feedback_rate_feedback_chain);
  gst_pad_set_event_function (self->feedbackpad, gst_feedback_rate_feedback_event);
  gst_feedback_source_init (&self->source, GST_ELEMENT (self), self->sinkpad, self->srcpad);
  gst_feedback_still_init (&self->still, GST_ELEMENT (self));
  begin_run (self);
}
