/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarinput.h"

#include "fogtime.h"
#include "gsthaarpads.h"
#include "gstkafkameta.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* Error text for a min-size and a max-size that leave no size to search for. */
#define NO_SIZE "No face is of min-size %d and max-size %d: lower the one or raise the other."

/* --- sizes --- */

/* with the object lock */
static HaarParams
read_params (GstHaarInput *self)
{
  const GstHaarSettings *set = self->settings;

  return (HaarParams){set->scale_factor, set->min_neighbors, set->min_size, set->min_size,
      set->max_size, set->max_size, set->min_score};
}

static void
log_params (GstHaarInput *self)
{
  const HaarParams *params = &self->agreed;

  GST_INFO_OBJECT (self->element,
      "min-size %d, max-size %d, scale-factor %g, min-neighbors %d, min-score %g", params->min_w,
      params->max_w, params->scale_factor, params->min_neighbors, params->min_score);
}

static gboolean
check_sizes (GstHaarInput *self)
{
  HaarParams params;

  GST_OBJECT_LOCK (self->element);
  params = read_params (self);
  GST_OBJECT_UNLOCK (self->element);
  self->agreed = self->refused = params;
  if (haar_params_agree (&params)) {
    log_params (self);
    return TRUE;
  }
  GST_ELEMENT_ERROR (
      self->element, RESOURCE, SETTINGS, (NO_SIZE, params.min_w, params.max_w), (NULL));
  return FALSE;
}

gboolean
gst_haar_input_check_settings (GstHaarInput *self)
{
  GST_OBJECT_LOCK (self->element);
  self->no_engine = self->settings->engine == GST_HAAR_ENGINE_NONE;
  GST_OBJECT_UNLOCK (self->element);
  return (self->no_engine || check_sizes (self)) && gst_haar_zones_begin (&self->zones);
}

/* Replaces sizes that contradict each other by the previous ones, because a playing pipeline
 * needn't end for such a mistake. */
static void
keep_sizes (GstHaarInput *self, HaarParams *params)
{
  const HaarParams *agreed = &self->agreed, *refused = &self->refused;

  if (params->min_w != refused->min_w || params->max_w != refused->max_w)
    GST_ELEMENT_WARNING (self->element, RESOURCE, SETTINGS,
        (NO_SIZE " Until then the previous min-size %d and max-size %d stay in force.",
            params->min_w, params->max_w, agreed->min_w, agreed->max_w),
        (NULL));
  self->refused = *params;
  params->min_w = agreed->min_w;
  params->min_h = agreed->min_h;
  params->max_w = agreed->max_w;
  params->max_h = agreed->max_h;
}

/* --- frames --- */

/* Returns the monotonic time (us) when the frame left its live source, according to the frame's
 * time stamp; 0: unknown. */
static gint64
find_departure (GstHaarInput *self, const GstBuffer *frame, gint64 now)
{
  GstClockTime then =
      gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (frame));
  GstClockTime running = gst_element_get_current_running_time (self->element);

  if (!GST_CLOCK_TIME_IS_VALID (then) || !GST_CLOCK_TIME_IS_VALID (running) || then > running)
    return 0;
  return now - (gint64) GST_TIME_AS_USECONDS (running - then);
}

/* Returns the time that a frame took in the elements between its source and haarfacecount. Because
 * the elements before haarfacecount work on one frame after another, the work on a frame began when
 * the frame left its source, or, if that is later, when the previous frame was passed on to the
 * workers. If queues let the elements before this one work in parallel, the result is the time of
 * the slowest element. */
static HaarCost
measure_before (GstHaarInput *self, const GstBuffer *frame)
{
  gint64 now = g_get_monotonic_time (), departure = find_departure (self, frame, now);
  gint64 began = MAX (departure, self->passed_on);
  gdouble seconds = began ? (gdouble) (now - began) / G_TIME_SPAN_SECOND : 0;

  self->in_row = departure <= self->passed_on ? MIN (self->in_row + 1, HAAR_COSTS_IN_ROW) : 0;
  return (HaarCost){seconds, seconds, (gdouble) self->info.width * self->info.height, self->in_row};
}

/* Called with the object lock. Returns the label of the regions that count; 0: regions with any
 * label count */
static GQuark
read_label (GstHaarInput *self)
{
  const gchar *label = self->settings->label;

  return *label ? g_quark_from_string (label) : 0;
}

/* Copies the present values of the properties into the job. */
static void
set_up_job (GstHaarInput *self, HaarJob *job)
{
  GST_OBJECT_LOCK (self->element);
  job->params = read_params (self);
  job->label = self->no_engine ? read_label (self) : 0;
  job->max_age = self->settings->max_age;
  job->rescan_interval = self->settings->rescan_interval;
  GST_OBJECT_UNLOCK (self->element);
  if (!self->no_engine && !haar_params_agree (&job->params)) {
    keep_sizes (self, &job->params);
    return;
  }
  self->refused = job->params;
  if (haar_params_equal (&job->params, &self->agreed))
    return;
  self->agreed = job->params;
  log_params (self);
}

static void
set_zones (GstHaarInput *self, HaarJob *job)
{
  job->zones = gst_haar_zones_get (&self->zones);
  job->params.zones = job->zones ? haar_zones_get_number (job->zones) : 0;
}

static GstFlowReturn
sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstHaarInput *self = gst_pad_get_element_private (pad);
  GstFlowReturn flow = gst_haar_output_get_flow (self->output);
  HaarJob *job;

  if (flow == GST_FLOW_OK && !self->have_info) {
    GST_ELEMENT_ERROR (self->element, STREAM, FORMAT, ("A frame came before its caps."),
        ("%" GST_PTR_FORMAT, buffer));
    flow = GST_FLOW_NOT_NEGOTIATED;
  }
  if (flow != GST_FLOW_OK) {
    GST_DEBUG_OBJECT (
        self->element, "%s: not taken, %" GST_PTR_FORMAT, gst_flow_get_name (flow), buffer);
    gst_buffer_unref (buffer);
    return flow;
  }
  job = haar_job_new_frame (buffer, &self->info);
  job->captured = fog_time_of_capture (self->element, &self->segment, buffer);
  set_up_job (self, job);
  set_zones (self, job);
  if (self->no_engine)
    job->before = measure_before (self, buffer);
  GST_LOG_OBJECT (self->element, "frame %" GST_PTR_FORMAT, buffer);
  if (haar_workers_push (self->workers, job)) {
    self->passed_on = g_get_monotonic_time ();
    return gst_haar_output_get_flow (self->output);
  }
  flow = gst_haar_output_get_flow (self->output);
  return flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : flow;
}

/* --- events --- */

static gboolean
note_caps (GstHaarInput *self, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  GST_INFO_OBJECT (self->element, "caps %" GST_PTR_FORMAT, caps);
  self->have_info = gst_video_info_from_caps (&self->info, caps);
  if (!self->have_info)
    GST_ELEMENT_ERROR (self->element, STREAM, FORMAT,
        ("Faces can't be counted in frames of these caps."), ("%" GST_PTR_FORMAT, caps));
  return self->have_info;
}

static gboolean
note_event (GstHaarInput *self, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure (event);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      gst_haar_output_begin_stream (self->output);
      return TRUE;
    case GST_EVENT_CAPS:
      return note_caps (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      return TRUE;
    case GST_EVENT_EOS:
      gst_haar_output_end_stream (self->output);
      return TRUE;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      if (s && gst_structure_has_name (s, GST_KAFKA_ASSIGNMENT_EVENT))
        gst_haar_rate_take_assignment (self->rate, s);
      return TRUE;
    default:
      return TRUE;
  }
}

static gboolean
flush_start (GstHaarInput *self, GstEvent *event)
{
  gboolean handled = gst_haar_output_push_past (self->output, event);

  g_rw_lock_reader_lock (&self->run_lock);
  GST_DEBUG_OBJECT (self->element, "a flush begins%s", self->running ? "" : ", after the run");
  if (self->running) {
    gst_haar_output_stop (self->output);
    gst_haar_output_pause (self->output);
  }
  g_rw_lock_reader_unlock (&self->run_lock);
  return handled;
}

static gboolean
flush_stop (GstHaarInput *self, GstEvent *event)
{
  gboolean handled = gst_haar_output_push_past (self->output, event);

  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  g_rw_lock_reader_lock (&self->run_lock);
  GST_DEBUG_OBJECT (self->element, "a flush ends%s", self->running ? "" : ", after the run");
  if (self->running) {
    gst_haar_rate_restart (self->rate);
    gst_haar_output_start (self->output);
  }
  g_rw_lock_reader_unlock (&self->run_lock);
  return handled;
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarInput *self = gst_pad_get_element_private (pad);

  GST_LOG_OBJECT (pad, "%" GST_PTR_FORMAT, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    return flush_start (self, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    return flush_stop (self, event);
  if (!GST_EVENT_IS_SERIALIZED (event))
    return gst_haar_output_push_past (self->output, event);
  if (!note_event (self, event)) {
    gst_event_unref (event);
    return FALSE;
  }
  return haar_workers_push_ready (self->workers, haar_job_new_event (event));
}

/* --- queries --- */

/* Proposes the video meta and the crop meta, so that frames may have any strides, offsets and
 * crops, unless an element behind the pad `video` gets the frames as well. */
static gboolean
answer_allocation (GstHaarInput *self, GstQuery *query)
{
  gboolean leave = fog_slot_is_linked (&self->output->video.slot);

  GST_DEBUG_OBJECT (self->element, "%s",
      leave ? "frames leave by the pad `video`, so upstream is offered no GstVideoMeta"
            : "frames end in this element, so upstream is offered GstVideoMeta");
  if (!leave) {
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
    gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  }
  return TRUE;
}

static void
answer_caps (GstHaarInput *self, GstQuery *query)
{
  GstPad *video = fog_slot_ref_pad (&self->output->video.slot);

  gst_haar_answer_caps (self->pad, video, query);
  gst_clear_object (&video);
}

/* Answers a DRAIN query, which must wait until the elements behind `src` and `video` have consumed
 * the frames, if these pads are linked. */
static gboolean
answer_drain (GstHaarInput *self, GstQuery *query)
{
  GstPad *video;

  /* GStreamer delivers a DRAIN query to an inactive pad too, when no workers exist. */
  if (GST_PAD_IS_FLUSHING (self->pad) || !gst_haar_output_drain (self->output))
    return FALSE;
  video = fog_slot_ref_pad (&self->output->video.slot);
  if (video)
    gst_pad_peer_query (video, query);
  gst_clear_object (&video);
  gst_pad_peer_query (self->output->src.pad, query);
  return gst_haar_output_get_flow (self->output) == GST_FLOW_OK;
}

static gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarInput *self = gst_pad_get_element_private (pad);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      answer_caps (self, query);
      return TRUE;
    case GST_QUERY_ALLOCATION:
      return answer_allocation (self, query);
    case GST_QUERY_DRAIN:
      return answer_drain (self, query);
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    default:
      return !GST_QUERY_IS_SERIALIZED (query) && gst_pad_peer_query (self->output->src.pad, query);
  }
}

/* --- life --- */

void
gst_haar_input_init (GstHaarInput *self, GstElement *element, GstPad *pad,
    const GstHaarSettings *settings, GstHaarOutput *output, GstHaarRate *rate)
{
  self->element = element;
  self->pad = pad;
  self->settings = settings;
  self->output = output;
  self->rate = rate;
  g_rw_lock_init (&self->run_lock);
  gst_haar_zones_init (&self->zones, element, settings);
  gst_pad_set_element_private (pad, self);
  gst_pad_set_chain_function (pad, sink_chain);
  gst_pad_set_event_function (pad, sink_event);
  gst_pad_set_query_function (pad, sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE (pad);
}

void
gst_haar_input_clear (GstHaarInput *self)
{
  gst_haar_zones_clear (&self->zones);
  g_rw_lock_clear (&self->run_lock);
}

static void
set_running (GstHaarInput *self, gboolean running)
{
  g_rw_lock_writer_lock (&self->run_lock);
  self->running = running;
  g_rw_lock_writer_unlock (&self->run_lock);
}

void
gst_haar_input_begin (GstHaarInput *self, HaarWorkers *workers)
{
  self->workers = workers;
  self->have_info = FALSE;
  self->passed_on = 0;
  self->in_row = 0;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  set_running (self, TRUE);
}

void
gst_haar_input_end (GstHaarInput *self)
{
  set_running (self, FALSE);
}
