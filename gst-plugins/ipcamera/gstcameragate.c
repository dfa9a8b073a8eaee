/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstcameragate.h"

#include "fogtime.h"
#include "gstcameradebug.h"

GST_DEBUG_CATEGORY (gst_ip_camera_src_debug);
#define GST_CAT_DEFAULT gst_ip_camera_src_debug

/* largest number of frames in the queue if each can be decoded alone */
#define MOST_PICTURES 12
/* largest number in the queue of frames that depend on earlier ones */
#define MOST_DELTA_FRAMES 120
/* Largest number of frames dropped while a key frame is waited for; there is a limit because some
 * streams have no key frames. */
#define MOST_SKIPPED 300
/* largest size of the queue without its newest frame, bytes */
#define MOST_BYTES (16u * 1024u * 1024)

void
gst_camera_gate_init (GstCameraGate *self, GstElement *element, GstElement *queue)
{
  self->element = element;
  self->queue = queue;
  g_mutex_init (&self->lock);
}

void
gst_camera_gate_clear (GstCameraGate *self)
{
  g_mutex_clear (&self->lock);
}

void
gst_camera_gate_read (GstCameraGate *self, GstCameraCounts *counts)
{
  g_mutex_lock (&self->lock);
  *counts = self->counts;
  g_mutex_unlock (&self->lock);
}

/* --- the camera's clock --- */

static GstClockTime
camera_time_of (GstBuffer *packet)
{
  static GstStaticCaps ntp_caps = GST_STATIC_CAPS ("timestamp/x-ntp");
  GstCaps *caps = gst_static_caps_get (&ntp_caps);
  GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (packet, caps);

  gst_caps_unref (caps);
  return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
}

/* with self->lock */
static void
compare_clocks (GstCameraGate *self, GstBuffer *packet, GstClockTime camera)
{
  GstClockTime own =
      fog_time_of_running_time (self->element, fog_running_time (&self->packets, packet));
  CameraClock *clock = &self->counts.clock;

  if (GST_CLOCK_TIME_IS_VALID (own) && camera_clock_see (clock, camera, own, self->tolerance))
    GST_INFO_OBJECT (self->element, "the camera's clock is %s: it differs by %.6f s",
        clock->state == CAMERA_CLOCK_TRUSTED ? "used" : "not used",
        (gdouble) clock->difference / GST_SECOND);
}

/* All RTP packets of a frame have the same time, so it is enough to read one of them. */
static void
see_packet (GstCameraGate *self, GstBuffer *packet)
{
  GstClockTime camera;

  if (GST_BUFFER_PTS (packet) == self->packet)
    return;
  self->packet = GST_BUFFER_PTS (packet);
  camera = camera_time_of (packet);
  if (!GST_CLOCK_TIME_IS_VALID (camera))
    return;
  g_mutex_lock (&self->lock);
  if (self->tolerance > 0)
    compare_clocks (self, packet, camera);
  g_mutex_unlock (&self->lock);
}

static gboolean
see_packet_of_list (GstBuffer **packet, guint i, gpointer self)
{
  see_packet (self, *packet);
  return TRUE;
}

static void
copy_segment (GstPadProbeInfo *info, GstSegment *segment)
{
  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_SEGMENT)
    gst_event_copy_segment (GST_PAD_PROBE_INFO_EVENT (info), segment);
}

static GstPadProbeReturn
watch_packets (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstCameraGate *self = data;

  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
    copy_segment (info, &self->packets);
  else if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST)
    gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info), see_packet_of_list, self);
  else
    see_packet (self, GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

/* with self->lock. @running: the frame's running time */
static void
add_capture_time (GstCameraGate *self, GstBuffer *frame, GstClockTime running)
{
  static GstStaticCaps unix_caps = GST_STATIC_CAPS ("timestamp/x-unix");
  GstClockTime own = fog_time_of_running_time (self->element, running);
  GstCaps *caps;

  if (self->counts.clock.state != CAMERA_CLOCK_TRUSTED || !GST_CLOCK_TIME_IS_VALID (own))
    return;
  caps = gst_static_caps_get (&unix_caps);
  gst_buffer_add_reference_timestamp_meta (
      frame, caps, own + (GstClockTime) self->counts.clock.difference, GST_CLOCK_TIME_NONE);
  gst_caps_unref (caps);
  self->counts.clock_frames++;
}

/* --- frames --- */

/* with self->lock */
static gboolean
is_full (GstCameraGate *self)
{
  guint frames, bytes;

  g_object_get (self->queue, "current-level-buffers", &frames, "current-level-bytes", &bytes, NULL);
  return frames >= (self->is_delta ? MOST_DELTA_FRAMES : MOST_PICTURES) || bytes > MOST_BYTES;
}

/* With self->lock. A frame that depends on a dropped one is dropped too. */
static gboolean
has_room (GstCameraGate *self, GstBuffer *frame)
{
  if (is_full (self)) {
    self->skip = self->is_delta ? MOST_SKIPPED : 0;
    return FALSE;
  }
  if (self->skip > 0 && GST_BUFFER_FLAG_IS_SET (frame, GST_BUFFER_FLAG_DELTA_UNIT)) {
    self->skip--;
    return FALSE;
  }
  self->skip = 0;
  return TRUE;
}

/* with self->lock */
static GstBuffer *
stamp (GstCameraGate *self, GstBuffer *frame)
{
  GstClockTime running = fog_running_time (&self->frames, frame);

  frame = gst_buffer_make_writable (frame);
  if (GST_BUFFER_DTS_IS_VALID (frame))
    GST_BUFFER_DTS (frame) =
        gst_segment_to_running_time (&self->frames, GST_FORMAT_TIME, GST_BUFFER_DTS (frame));
  GST_BUFFER_PTS (frame) = running;
  if (GST_CLOCK_TIME_IS_VALID (running))
    add_capture_time (self, frame, running);
  return frame;
}

/* Returns: (nullable) (transfer full): the frame to push; NULL if @frame was dropped */
static GstBuffer *
pass_or_drop (GstCameraGate *self, GstBuffer *frame)
{
  GstCameraCounts *counts = &self->counts;

  g_mutex_lock (&self->lock);
  counts->last = g_get_monotonic_time ();
  if (has_room (self, frame)) {
    frame = stamp (self, frame);
    if (counts->first == 0)
      GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
    counts->frames++;
    counts->bytes += gst_buffer_get_size (frame);
  } else {
    GST_LOG_OBJECT (self->element, "no room for %" GST_PTR_FORMAT, frame);
    gst_clear_buffer (&frame);
    counts->dropped++;
  }
  if (counts->first == 0)
    counts->first = counts->last;
  g_mutex_unlock (&self->lock);
  return frame;
}

static gboolean
pass_in_list (GstBuffer **frame, guint i, gpointer self)
{
  *frame = pass_or_drop (self, *frame);
  return TRUE;
}

static GstPadProbeReturn
pass_list (GstCameraGate *self, GstPadProbeInfo *info)
{
  GstBufferList *list = gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));

  gst_buffer_list_foreach (list, pass_in_list, self);
  GST_PAD_PROBE_INFO_DATA (info) = list;
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
pass_frame (GstCameraGate *self, GstPadProbeInfo *info)
{
  GstBuffer *frame = pass_or_drop (self, GST_PAD_PROBE_INFO_BUFFER (info));

  GST_PAD_PROBE_INFO_DATA (info) = frame;
  return frame ? GST_PAD_PROBE_OK : GST_PAD_PROBE_HANDLED;
}

/* --- events --- */

/* with self->lock */
static void
set_caps (GstCameraGate *self, GstEvent *event)
{
  const GstStructure *s;
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  s = gst_caps_get_structure (caps, 0);
  self->is_delta =
      gst_structure_has_name (s, "video/x-h264") || gst_structure_has_name (s, "video/x-h265");
  GST_INFO_OBJECT (self->element, "the camera gives %" GST_PTR_FORMAT, caps);
}

/* With self->lock. Replaces the segment by one in which timestamps and running times are equal,
 * because the gate gives buffers their running time as timestamp. */
static void
take_segment (GstCameraGate *self, GstPadProbeInfo *info)
{
  GstSegment segment;

  copy_segment (info, &self->frames);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_event_unref (GST_PAD_PROBE_INFO_EVENT (info));
  GST_PAD_PROBE_INFO_DATA (info) = gst_event_new_segment (&segment);
}

/* Drops events that a connection sends when it begins or ends, so that downstream sees one endless
 * stream. */
static GstPadProbeReturn
pass_event (GstCameraGate *self, GstPadProbeInfo *info)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstPadProbeReturn ret = GST_PAD_PROBE_DROP;

  g_mutex_lock (&self->lock);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
      take_segment (self, info);
      ret = GST_PAD_PROBE_OK;
      break;
    case GST_EVENT_EOS:
      self->counts.ended = TRUE;
      break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_GAP:
      break;
    case GST_EVENT_CAPS:
      set_caps (self, event);
      ret = GST_PAD_PROBE_OK;
      break;
    default:
      ret = GST_PAD_PROBE_OK;
      break;
  }
  g_mutex_unlock (&self->lock);
  return ret;
}

/* Drops serialized queries, because such a query would wait in the queue behind the frames, for as
 * long as downstream takes no frame. */
static GstPadProbeReturn
pass_query (const GstPadProbeInfo *info)
{
  return GST_QUERY_IS_SERIALIZED (GST_PAD_PROBE_INFO_QUERY (info)) ? GST_PAD_PROBE_DROP
                                                                   : GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
pass (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  if (info->type & GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM)
    return pass_query (info);
  if (info->type & (GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH))
    return pass_event (data, info);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST)
    return pass_list (data, info);
  return pass_frame (data, info);
}

/* --- runs and connections --- */

void
gst_camera_gate_reset (GstCameraGate *self)
{
  g_mutex_lock (&self->lock);
  self->counts = (GstCameraCounts){0};
  g_mutex_unlock (&self->lock);
}

void
gst_camera_gate_open (GstCameraGate *self, GstPad *pad, GstClockTime tolerance)
{
  g_mutex_lock (&self->lock);
  self->counts.first = self->counts.last = 0;
  self->counts.ended = FALSE;
  self->counts.clock = (CameraClock){CAMERA_CLOCK_UNKNOWN, 0};
  self->tolerance = tolerance;
  self->packet = GST_CLOCK_TIME_NONE;
  self->is_delta = FALSE;
  self->skip = 0;
  gst_segment_init (&self->packets, GST_FORMAT_UNDEFINED);
  gst_segment_init (&self->frames, GST_FORMAT_UNDEFINED);
  g_mutex_unlock (&self->lock);
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH |
          GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
      pass, self, NULL);
}

void
gst_camera_gate_watch_packets (GstCameraGate *self, GstPad *pad)
{
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      watch_packets, self, NULL);
}
