/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarinput.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "fogfile.h"
#include "fogtime.h"
#include "gsthaarpads.h"
#include "gstkafkameta.h"

#define GST_CAT_DEFAULT gst_haar_face_count_debug

/* Error text for a min-size and a max-size that leave no size to search for. */
#define NO_SIZE "No face is of min-size %d and max-size %d: lower the one or raise the other."

/* time (us) between two checks whether zones-file has changed */
#define ZONES_CHECK_INTERVAL G_TIME_SPAN_SECOND
/* Number of failed checks of zones-file in a row that cause a warning; one isn't enough, because a
 * file that is being replaced may be missing for a moment. */
#define ZONES_MISSES 2

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

/* --- zones-file --- */

static gboolean
fail_to_read_zones (const gchar *file, gint number, const gchar *why, GError **error)
{
  gint code = number == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ;

  g_set_error (error, GST_RESOURCE_ERROR, code, "The zones-file \"%s\" can't be read: %s.", file,
      why ? why : g_strerror (number));
  return FALSE;
}

static gboolean
look_at_zones_file (const gchar *file, gint64 stamp[3], GError **error)
{
  GStatBuf found;

  if (g_stat (file, &found) != 0)
    return fail_to_read_zones (file, errno, NULL, error);
  if (!S_ISREG (found.st_mode))
    return fail_to_read_zones (file, 0, "it isn't a regular file", error);
  if (found.st_size > HAAR_ZONES_MAX_FILE)
    return fail_to_read_zones (file, 0, "the file is larger than 1 MiB", error);
  stamp[0] = (gint64) found.st_mtim.tv_sec * G_USEC_PER_SEC * 1000 + found.st_mtim.tv_nsec;
  stamp[1] = (gint64) found.st_size;
  stamp[2] = (gint64) found.st_ino;
  return TRUE;
}

/* --- zones --- */

static void
zones_init (GstHaarZones *self, GstElement *element, const GstHaarSettings *settings)
{
  self->element = element;
  self->settings = settings;
}

static void
zones_clear (GstHaarZones *self)
{
  g_clear_pointer (&self->current, haar_zones_unref);
  g_clear_pointer (&self->file, g_free);
}

/* @source: the name of the property or file that the text comes from, for an error */
static HaarZones *
parse_zones (const gchar *text, gsize size, const gchar *source, GError **error)
{
  g_autoptr (GError) why = NULL;
  HaarZones *zones = haar_zones_parse (text, size, &why);

  if (!zones)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "%s can't be used: %s. gst-plugins/README.md, \"Messages\", describes zones.", source,
        why->message);
  return zones;
}

static HaarZones *
read_zones_file (GstHaarZones *self, GError **error)
{
  g_autofree gchar *text = NULL, *source = g_strdup_printf ("The zones-file \"%s\"", self->file);
  g_autoptr (GError) why = NULL;
  gsize size;

  self->misses =
      ZONES_MISSES; /* the caller posts the error of a missing file, so later checks don't */
  if (!look_at_zones_file (self->file, self->stamp, error))
    return NULL;
  self->misses = 0;
  if (!fog_file_read (self->file, HAAR_ZONES_MAX_FILE, &text, &size, &why)) {
    fail_to_read_zones (self->file, 0, why->message, error);
    return NULL;
  }
  return parse_zones (text, size, source, error);
}

/* @zones: (transfer full) (nullable) */
static void
replace_zones (GstHaarZones *self, HaarZones *zones)
{
  g_clear_pointer (&self->current, haar_zones_unref);
  self->current = zones;
  if (zones)
    GST_INFO_OBJECT (
        self->element, "zones and masks for %u cameras", haar_zones_count_cameras (zones));
  else
    GST_INFO_OBJECT (self->element, "no zones");
}

/* Applies the properties `zones` and `zones-file`. Returns FALSE if a value is invalid, and leaves
 * the zones unchanged. */
static gboolean
apply_zones (GstHaarZones *self, GError **error)
{
  g_autofree gchar *text = NULL;
  HaarZones *zones = NULL;

  g_clear_pointer (&self->file, g_free);
  GST_OBJECT_LOCK (self->element);
  text = g_strdup (self->settings->zones);
  self->file = g_strdup (self->settings->zones_file);
  self->serial = self->settings->zones_serial;
  GST_OBJECT_UNLOCK (self->element);
  if (text && self->file) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "Both zones and zones-file are set: unset one of them.");
    g_clear_pointer (&self->file, g_free);
    return FALSE;
  }
  if (text)
    zones = parse_zones (text, strlen (text), "The property zones", error);
  else if (self->file)
    zones = read_zones_file (self, error);
  if (!zones && (text || self->file))
    return FALSE;
  replace_zones (self, zones);
  return TRUE;
}

/* Returns FALSE if the zones are invalid, after posting an error. */
static gboolean
zones_begin (GstHaarZones *self)
{
  g_autoptr (GError) error = NULL;

  replace_zones (self, NULL);
  self->checked = g_get_monotonic_time ();
  if (apply_zones (self, &error))
    return TRUE;
  zones_clear (self);
  gst_element_message_full (self->element, GST_MESSAGE_ERROR, error->domain, error->code,
      g_strdup (error->message), NULL, __FILE__, GST_FUNCTION, __LINE__);
  return FALSE;
}

static gboolean
are_other_zones_set (GstHaarZones *self)
{
  gboolean other;

  GST_OBJECT_LOCK (self->element);
  other = self->serial != self->settings->zones_serial;
  GST_OBJECT_UNLOCK (self->element);
  return other;
}

/* Returns TRUE if zones-file has changed. A missing file counts as unchanged, because it may be
 * about to be replaced, but @error is set when ZONES_MISSES checks in a row have failed. */
static gboolean
has_zones_file_changed (GstHaarZones *self, GError **error)
{
  gint64 now = g_get_monotonic_time (), stamp[3];
  g_autoptr (GError) why = NULL;

  if (!self->file || now < self->checked + ZONES_CHECK_INTERVAL)
    return FALSE;
  self->checked = now;
  if (look_at_zones_file (self->file, stamp, &why)) {
    self->misses = 0;
    return memcmp (stamp, self->stamp, sizeof stamp) != 0;
  }
  GST_DEBUG_OBJECT (self->element, "%s", why->message);
  if (self->misses < ZONES_MISSES && ++self->misses == ZONES_MISSES)
    g_propagate_error (error, g_steal_pointer (&why));
  return FALSE;
}

static gboolean
apply_zones_file (GstHaarZones *self, GError **error)
{
  HaarZones *zones = read_zones_file (self, error);

  if (zones)
    replace_zones (self, zones);
  return zones != NULL;
}

/* Returns: (nullable) (transfer full): the zones for the next frame. If changed zones are invalid,
 * a warning is posted, and the previous zones stay in force. */
static HaarZones *
zones_get (GstHaarZones *self)
{
  g_autoptr (GError) error = NULL;

  if (are_other_zones_set (self))
    apply_zones (self, &error);
  else if (has_zones_file_changed (self, &error))
    apply_zones_file (self, &error);
  if (error)
    gst_element_message_full (self->element, GST_MESSAGE_WARNING, error->domain, error->code,
        g_strdup_printf ("%s The previous zones still hold.", error->message), NULL, __FILE__,
        GST_FUNCTION, __LINE__);
  return self->current ? haar_zones_ref (self->current) : NULL;
}

/* --- settings --- */

gboolean
gst_haar_input_check_settings (GstHaarInput *self)
{
  GST_OBJECT_LOCK (self->element);
  self->no_engine = self->settings->engine == GST_HAAR_ENGINE_NONE;
  GST_OBJECT_UNLOCK (self->element);
  return (self->no_engine || check_sizes (self)) && zones_begin (&self->zones);
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
  job->zones = zones_get (&self->zones);
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
  zones_init (&self->zones, element, settings);
  gst_pad_set_element_private (pad, self);
  gst_pad_set_chain_function (pad, sink_chain);
  gst_pad_set_event_function (pad, sink_event);
  gst_pad_set_query_function (pad, sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE (pad);
}

void
gst_haar_input_clear (GstHaarInput *self)
{
  zones_clear (&self->zones);
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
