/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "camerapads.h"

/* Returns TRUE if the stream that comes from outside by @pad has ended. */
static gboolean
has_ended (GstElement *branch, GstPad *pad, gpointer data)
{
  g_autoptr (GstProxyPad) inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));

  return GST_PAD_IS_EOS (inner);
}

/* Pushes the pad's sticky events, which precede each event, to the element inside. */
static void
push_sticky_events (GstElement *branch, gpointer pad)
{
  g_autoptr (GstProxyPad) inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));
  GstStructure *empty = gst_structure_new_empty ("camerabranch");

  gst_pad_push_event (GST_PAD (inner), gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, empty));
}

/* Sends EOS in another thread, because the element that gets the event may block that thread. */
static gboolean
renew_eos (GstElement *branch, GstPad *pad, gpointer data)
{
  if (has_ended (branch, pad, data))
    gst_element_call_async (branch, push_sticky_events, gst_object_ref (pad), gst_object_unref);
  return TRUE;
}

void
camera_pads_renew_eos (GstElement *branch)
{
  gst_element_foreach_sink_pad (branch, renew_eos, NULL);
}

static GstFlowReturn
take_buffer (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (parent);
  guint64 failures;

  if (gst_camera_branch_admits (self, 1, &failures))
    return gst_camera_branch_take_flow (
        self, gst_proxy_pad_chain_default (pad, parent, buffer), failures);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static GstFlowReturn
take_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (parent);
  guint64 failures;

  if (gst_camera_branch_admits (self, gst_buffer_list_length (list), &failures))
    return gst_camera_branch_take_flow (
        self, gst_proxy_pad_chain_list_default (pad, parent, list), failures);
  gst_buffer_list_unref (list);
  return GST_FLOW_OK;
}

/* Returns TRUE if all streams that enter the branch have ended. */
static gboolean
is_at_end (GstElement *branch)
{
  return !GST_OBJECT_FLAG_IS_SET (branch, GST_ELEMENT_FLAG_SOURCE) &&
         gst_element_foreach_sink_pad (branch, has_ended, NULL);
}

/* Returns TRUE for events that begin or end a stream. */
static gboolean
moves_end (GstEvent *event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_START:
    case GST_EVENT_FLUSH_STOP:
      return TRUE;
    default:
      return FALSE;
  }
}

/* Returns TRUE if the pad must handle the event although the elements don't run: the pad stores
 * sticky events for the elements, and a pad that misses the end of a flush refuses all later
 * buffers. */
static gboolean
concerns_pad (GstEvent *event)
{
  return GST_EVENT_IS_STICKY (event) || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START ||
         GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP;
}

/* Notes whether all streams that enter the branch have ended. Streams may end and begin in several
 * threads at once, so only one thread at a time checks the streams and notes the result. */
static void
look_for_end (GstElement *branch)
{
  static GMutex lock;

  g_mutex_lock (&lock);
  gst_camera_branch_note_end (GST_CAMERA_BRANCH (branch), is_at_end (branch));
  g_mutex_unlock (&lock);
}

/* Returns TRUE even if the elements don't run, so that the sender of the event goes on. */
static gboolean
take_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstCameraBranch *self = GST_CAMERA_BRANCH (parent);
  gboolean moves = moves_end (event);
  guint64 failures;

  if (gst_camera_branch_admits (self, 0, &failures) || concerns_pad (event))
    gst_pad_event_default (pad, parent, event);
  else
    gst_event_unref (event);
  if (moves)
    look_for_end (GST_ELEMENT (self));
  return TRUE;
}

/* The pad whose caps event this thread handles. GStreamer asks the pad whether it accepts the caps
 * before it gives the event to the pad. */
static GPrivate pad_of_caps;

static GstPadProbeReturn
note_caps (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  g_private_set (&pad_of_caps, GST_EVENT_TYPE (event) == GST_EVENT_CAPS ? pad : NULL);
  return GST_PAD_PROBE_OK;
}

/* Accepts the caps of each caps event, because a refusal would stop the sender; if the elements
 * refuse the caps, the branch fails. An element outside that only asks, before it chooses its caps,
 * gets the elements' answer. */
static gboolean
take_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ACCEPT_CAPS || g_private_get (&pad_of_caps) != pad)
    return gst_pad_query_default (pad, parent, query);
  g_private_set (&pad_of_caps, NULL);
  gst_query_set_accept_caps_result (query, TRUE);
  return TRUE;
}

/* Keeps elements outside from ending because a source in the branch has failed. */
static GstPadProbeReturn
keep_eos (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  return GST_EVENT_TYPE (event) == GST_EVENT_EOS && gst_camera_branch_is_failing (data)
             ? GST_PAD_PROBE_DROP
             : GST_PAD_PROBE_OK;
}

static void
adopt_sink_pad (GstPad *pad)
{
  gst_pad_set_chain_function (pad, take_buffer);
  gst_pad_set_chain_list_function (pad, take_list);
  gst_pad_set_event_function (pad, take_event);
  gst_pad_set_query_function (pad, take_query);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note_caps, NULL, NULL);
}

/* The probe is on the inner pad, because the outer one would keep a dropped EOS. */
static void
adopt_src_pad (GstCameraBranch *self, GstPad *pad)
{
  g_autoptr (GstProxyPad) inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));

  gst_pad_add_probe (GST_PAD (inner), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, keep_eos, self, NULL);
}

void
camera_pads_adopt (GstCameraBranch *branch, GstPad *pad)
{
  if (GST_IS_GHOST_PAD (pad) && GST_PAD_IS_SINK (pad))
    adopt_sink_pad (pad);
  else if (GST_IS_GHOST_PAD (pad))
    adopt_src_pad (branch, pad);
}
