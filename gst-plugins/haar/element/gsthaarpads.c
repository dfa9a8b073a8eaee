/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarpads.h"

#include <gst/video/video.h>

#define GST_CAT_DEFAULT gst_haar_face_count_debug

GstEvent *
gst_haar_make_stream_start (GstElement *element, GstPad *pad, const gchar *name, GstEvent *upstream)
{
  g_autofree gchar *id = gst_pad_create_stream_id (pad, element, name);
  GstEvent *event = gst_event_new_stream_start (id);
  guint group;

  if (upstream && gst_event_parse_group_id (upstream, &group))
    gst_event_set_group_id (event, group);
  if (upstream)
    gst_event_set_seqnum (event, gst_event_get_seqnum (upstream));
  return event;
}

static GstCaps *
acceptable_caps (GstPad *pad, GstPad *other, GstCaps *filter)
{
  g_autoptr (GstCaps) all = gst_pad_get_pad_template_caps (pad);
  g_autoptr (GstCaps) beyond = other ? gst_pad_peer_query_caps (other, all) : NULL;
  GstCaps *caps = gst_caps_intersect_full (beyond ? beyond : all, all, GST_CAPS_INTERSECT_FIRST);

  if (filter)
    gst_caps_take (&caps, gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST));
  return caps;
}

void
gst_haar_answer_caps (GstPad *pad, GstPad *other, GstQuery *query)
{
  g_autoptr (GstCaps) caps = NULL;
  GstCaps *filter;

  gst_query_parse_caps (query, &filter);
  caps = acceptable_caps (pad, other, filter);
  GST_DEBUG_OBJECT (pad, "takes %" GST_PTR_FORMAT, caps);
  gst_query_set_caps_result (query, caps);
}

gboolean
gst_haar_answer_latency (GstPad *sinkpad, guint frames, GstQuery *query)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (sinkpad);
  GstClockTime min, max, own = 0;
  GstVideoInfo info;
  gboolean live;

  if (!gst_pad_peer_query (sinkpad, query))
    return FALSE;
  gst_query_parse_latency (query, &live, &min, &max);
  if (caps && gst_video_info_from_caps (&info, caps) && info.fps_n > 0)
    own = gst_util_uint64_scale (frames * GST_SECOND, (guint64) info.fps_d, (guint64) info.fps_n);
  GST_LOG_OBJECT (
      sinkpad, "%u frames add %" GST_TIME_FORMAT " of latency", frames, GST_TIME_ARGS (own));
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}
