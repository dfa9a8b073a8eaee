/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarinput.h"

#include "fogtime.h"
#include "gsthaaroutput.h"
#include "gsthaarpads.h"
#include "gsthaarreport.h"
#include "gstkafkameta.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

static GstFlowReturn
get_flow (GstHaarFaceCount *self)
{
  GstFlowReturn flow;

  GST_OBJECT_LOCK (self);
  flow = self->flow;
  /* A reader of reports that failed has said why. */
  if (flow == GST_FLOW_OK && self->rate_flow <= GST_FLOW_NOT_NEGOTIATED)
    flow = self->rate_flow;
  GST_OBJECT_UNLOCK (self);
  return flow;
}

/* Instead of sizes of which none is left, those before them; a pipeline that runs needn't end for it. */
static void
keep_sizes (GstHaarFaceCount *self, HaarParams *params)
{
  const HaarParams *agreed = &self->agreed, *refused = &self->refused;

  if (params->min_w != refused->min_w || params->max_w != refused->max_w)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        (GST_HAAR_NO_SIZE " Until then min-size %d and max-size %d hold.", params->min_w,
            params->max_w, agreed->min_w, agreed->max_w),
        (NULL));
  self->refused = *params;
  params->min_w = agreed->min_w;
  params->min_h = agreed->min_h;
  params->max_w = agreed->max_w;
  params->max_h = agreed->max_h;
}

/* What the properties say at this moment. */
static void
set_up_job (GstHaarFaceCount *self, HaarJob *job)
{
  GST_OBJECT_LOCK (self);
  job->params = self->params;
  job->max_age = self->max_age;
  job->rescan_interval = self->rescan_interval;
  GST_OBJECT_UNLOCK (self);
  if (haar_params_agree (&job->params))
    self->agreed = self->refused = job->params;
  else
    keep_sizes (self, &job->params);
}

GstFlowReturn
gst_haar_face_count_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);
  GstFlowReturn flow = get_flow (self);
  HaarJob *job;

  if (flow == GST_FLOW_OK && !self->have_info) {
    GST_ELEMENT_ERROR (
        self, STREAM, FORMAT, ("A frame came before its caps."), ("%" GST_PTR_FORMAT, buffer));
    flow = GST_FLOW_NOT_NEGOTIATED;
  }
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return flow;
  }
  job = haar_job_new_frame (buffer, &self->info);
  job->captured = fog_time_of_capture (GST_ELEMENT (self), &self->segment, buffer);
  set_up_job (self, job);
  if (haar_workers_push (self->workers, job))
    return get_flow (self);
  flow = get_flow (self);
  return flow == GST_FLOW_OK ? GST_FLOW_FLUSHING : flow;
}

static gboolean
note_caps (GstHaarFaceCount *self, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  self->have_info = gst_video_info_from_caps (&self->info, caps);
  if (!self->have_info)
    GST_ELEMENT_ERROR (
        self, STREAM, FORMAT, ("These caps can't be counted in."), ("%" GST_PTR_FORMAT, caps));
  return self->have_info;
}

/* No frame comes any more whose sender would be told, and would tell, of a failure. */
static void
note_eos (GstHaarFaceCount *self)
{
  GstFlowReturn flow;

  GST_OBJECT_LOCK (self);
  self->eos = TRUE;
  flow = self->flow;
  GST_OBJECT_UNLOCK (self);
  if (gst_haar_face_count_is_failure (flow))
    GST_ELEMENT_FLOW_ERROR (self, flow);
}

/* Only after the last frame of the stream before has left: its end, be it said or its readers' wish, isn't this
 * one's. */
static void
begin_stream (GstHaarFaceCount *self)
{
  gboolean ended, stopped;

  gst_haar_face_count_drain_output (self);
  GST_OBJECT_LOCK (self);
  stopped = self->flow == GST_FLOW_EOS;
  ended = self->eos || stopped;
  self->eos = FALSE;
  gst_flow_combiner_reset (self->combiner);
  GST_OBJECT_UNLOCK (self);
  if (stopped)
    gst_haar_face_count_pause_output (self);
  if (ended)
    gst_haar_face_count_restart_reports (self);
  if (stopped)
    gst_haar_face_count_resume_output (self);
}

static gboolean
note_event (GstHaarFaceCount *self, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure (event);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      begin_stream (self);
      return TRUE;
    case GST_EVENT_CAPS:
      return note_caps (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      return TRUE;
    case GST_EVENT_EOS:
      note_eos (self);
      return TRUE;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      if (s && gst_structure_has_name (s, GST_KAFKA_ASSIGNMENT_EVENT) &&
          gst_haar_face_count_take_partitions (self, s))
        haar_reporter_wake (self->reporter);
      return TRUE;
    default:
      return TRUE;
  }
}

/* To the pads that frames leave by; reports are no part of their stream. */
static gboolean
push_past_workers (GstHaarFaceCount *self, GstEvent *event)
{
  GstPad *video = gst_haar_face_count_ref_pad (self, &self->video);
  gboolean handled = FALSE;

  if (video)
    handled = gst_pad_push_event (video, gst_event_ref (event));
  gst_clear_object (&video);
  return gst_pad_push_event (self->srcpad, event) || handled;
}

static gboolean
flush_start (GstHaarFaceCount *self, GstEvent *event)
{
  gboolean handled = push_past_workers (self, event);

  gst_haar_face_count_stop_output (self, GST_FLOW_FLUSHING);
  gst_haar_face_count_pause_output (self);
  return handled;
}

static gboolean
flush_stop (GstHaarFaceCount *self, GstEvent *event)
{
  gboolean handled = push_past_workers (self, event);

  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  gst_haar_face_count_restart_reports (self);
  gst_haar_face_count_start_output (self);
  return handled;
}

gboolean
gst_haar_face_count_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    return flush_start (self, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    return flush_stop (self, event);
  if (!GST_EVENT_IS_SERIALIZED (event))
    return push_past_workers (self, event);
  if (!note_event (self, event)) {
    gst_event_unref (event);
    return FALSE;
  }
  return haar_workers_push_ready (self->workers, haar_job_new_event (event));
}

/* --- queries --- */

/* Strides, offsets and crops are taken as they come; but not behind the back of who gets the video. */
static gboolean
answer_allocation (GstHaarFaceCount *self, GstQuery *query)
{
  if (!gst_haar_face_count_is_linked (self, &self->video)) {
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
    gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  }
  return TRUE;
}

/* What a reader holds must go too before all is consumed; whether there is one doesn't matter. */
static gboolean
answer_drain (GstHaarFaceCount *self, GstQuery *query)
{
  GstPad *video;

  /* GStreamer lets it through to a pad that isn't active, behind which nothing is. */
  if (GST_PAD_IS_FLUSHING (self->sinkpad) || !gst_haar_face_count_drain_output (self))
    return FALSE;
  video = gst_haar_face_count_ref_pad (self, &self->video);
  if (video)
    gst_pad_peer_query (video, query);
  gst_clear_object (&video);
  gst_pad_peer_query (self->srcpad, query);
  return get_flow (self) == GST_FLOW_OK;
}

gboolean
gst_haar_face_count_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstHaarFaceCount *self = GST_HAAR_FACE_COUNT (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      gst_haar_face_count_answer_caps (self, pad, query);
      return TRUE;
    case GST_QUERY_ALLOCATION:
      return answer_allocation (self, query);
    case GST_QUERY_DRAIN:
      return answer_drain (self, query);
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    default:
      return !GST_QUERY_IS_SERIALIZED (query) && gst_pad_peer_query (self->srcpad, query);
  }
}
