/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gsthaarpads.h"

GstPad *
gst_haar_face_count_ref_pad (GstHaarFaceCount *self, GstPad **pad)
{
  GstPad *ref;

  GST_OBJECT_LOCK (self);
  ref = *pad ? gst_object_ref (*pad) : NULL;
  GST_OBJECT_UNLOCK (self);
  return ref;
}

gboolean
gst_haar_face_count_is_linked (GstHaarFaceCount *self, GstPad **pad)
{
  GstPad *ref = gst_haar_face_count_ref_pad (self, pad);
  gboolean linked = ref && gst_pad_is_linked (ref);

  gst_clear_object (&ref);
  return linked;
}

GstEvent *
gst_haar_face_count_make_stream_start (
    GstHaarFaceCount *self, GstPad *pad, const gchar *name, GstEvent *upstream)
{
  g_autofree gchar *id = gst_pad_create_stream_id (pad, GST_ELEMENT (self), name);
  GstEvent *event = gst_event_new_stream_start (id);
  guint group;

  if (upstream && gst_event_parse_group_id (upstream, &group))
    gst_event_set_group_id (event, group);
  if (upstream)
    gst_event_set_seqnum (event, gst_event_get_seqnum (upstream));
  return event;
}

static GstCaps *
acceptable_caps (GstHaarFaceCount *self, GstPad *pad, GstCaps *filter)
{
  g_autoptr (GstCaps) all = gst_pad_get_pad_template_caps (pad);
  GstPad *other = pad == self->sinkpad ? gst_haar_face_count_ref_pad (self, &self->video)
                                       : gst_object_ref (self->sinkpad);
  g_autoptr (GstCaps) beyond = other ? gst_pad_peer_query_caps (other, all) : NULL;
  GstCaps *caps;

  gst_clear_object (&other);
  caps = gst_caps_intersect_full (beyond ? beyond : all, all, GST_CAPS_INTERSECT_FIRST);
  if (filter) {
    GstCaps *filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (caps);
    caps = filtered;
  }
  return caps;
}

void
gst_haar_face_count_answer_caps (GstHaarFaceCount *self, GstPad *pad, GstQuery *query)
{
  g_autoptr (GstCaps) caps = NULL;
  GstCaps *filter;

  gst_query_parse_caps (query, &filter);
  caps = acceptable_caps (self, pad, filter);
  gst_query_set_caps_result (query, caps);
}
