/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasrccaps.h"

#include <gst/base/gsttypefindhelper.h>
#include <string.h>

#include "client/gstkafkaformat.h"
#include "gstkafkameta.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* Typefind's results below this probability are ignored. */
#define MIN_TYPE_FIND GST_TYPE_FIND_LIKELY
#define UNKNOWN "application/octet-stream"

void
gst_kafka_src_caps_init (GstKafkaSrcCaps *self, GstBaseSrc *src, const GstKafkaSrcSettings *own)
{
  self->src = src;
  self->own = own;
}

void
gst_kafka_src_caps_reset (GstKafkaSrcCaps *self)
{
  GST_OBJECT_LOCK (self->src);
  self->bad = self->refused = 0;
  GST_OBJECT_UNLOCK (self->src);
  g_clear_pointer (&self->header, g_free);
  g_clear_pointer (&self->warned_header, g_free);
  gst_clear_caps (&self->found);
  self->bare = self->change_told = FALSE;
}

/* Counts a message whose caps are invalid or not accepted downstream. With on-error=fail returns
 * EOS, because the base class would post a second error for GST_FLOW_ERROR; otherwise warns once
 * for each new caps. */
static GstFlowReturn
reject_caps (GstKafkaSrcCaps *self, const gchar *text, const gchar *why, guint64 *counter)
{
  gboolean fails;

  GST_OBJECT_LOCK (self->src);
  (*counter)++;
  fails = self->own->on_error == GST_KAFKA_SRC_FAIL;
  GST_OBJECT_UNLOCK (self->src);
  GST_DEBUG_OBJECT (self->src, "%s a message, since its caps are %s: %s",
      fails ? "ending at" : "skipping", why, text);
  if (fails) {
    GST_ELEMENT_ERROR (self->src, STREAM, FORMAT, ("A message's caps are %s: %.200s", why, text),
        ("on-error=fail"));
    return GST_FLOW_EOS;
  }
  if (g_strcmp0 (text, self->warned_header) != 0) {
    g_free (self->warned_header);
    self->warned_header = g_strdup (text);
    GST_ELEMENT_WARNING (self->src, STREAM, FORMAT,
        ("Messages are skipped, since their caps are %s: %.200s", why, text), (NULL));
  }
  return GST_FLOW_CUSTOM_SUCCESS;
}

static gboolean
takes_any (GstKafkaSrcCaps *self)
{
  g_autoptr (GstCaps) caps = gst_pad_peer_query_caps (GST_BASE_SRC_PAD (self->src), NULL);

  return gst_caps_is_any (caps);
}

/* Warns of a change of the caps, once a run. A downstream element that can't handle the change,
 * perhaps behind a queue, ends the stream with an error that doesn't name the cause. */
static void
report_change (GstKafkaSrcCaps *self, GstCaps *caps)
{
  g_autoptr (GstCaps) former = gst_pad_get_current_caps (GST_BASE_SRC_PAD (self->src));
  const gchar *kind = gst_structure_get_name (gst_caps_get_structure (caps, 0));

  if (self->change_told || !former || !takes_any (self) ||
      gst_structure_has_name (gst_caps_get_structure (former, 0), kind))
    return;
  self->change_told = TRUE;
  GST_ELEMENT_WARNING (self->src, STREAM, FORMAT,
      ("The messages change from %s to %s. A decodebin can't follow and ends the stream: name a "
       "decoder, as jpegdec, and messages that it doesn't take are skipped.",
          gst_structure_get_name (gst_caps_get_structure (former, 0)), kind),
      ("%" GST_PTR_FORMAT " to %" GST_PTR_FORMAT, former, caps));
}

static GstFlowReturn
offer_caps (GstKafkaSrcCaps *self, GstCaps *caps, const gchar *text)
{
  GST_DEBUG_OBJECT (self->src, "offering caps %s", text);
  if (!gst_pad_peer_query_accept_caps (GST_BASE_SRC_PAD (self->src), caps))
    return reject_caps (self, text, "not accepted downstream", &self->refused);
  report_change (self, caps);
  if (!gst_base_src_set_caps (self->src, caps))
    return reject_caps (self, text, "refused downstream", &self->refused);
  g_clear_pointer (&self->header, g_free);
  gst_clear_caps (&self->found);
  self->bare = FALSE;
  return GST_FLOW_OK;
}

static GstFlowReturn
use_caps_header (GstKafkaSrcCaps *self, const gchar *text)
{
  GstCaps *caps;
  GstFlowReturn result;

  caps = gst_kafka_caps_from_text (text);
  if (!caps)
    return reject_caps (self, text, "not valid", &self->bad);
  result = offer_caps (self, caps, text);
  if (result == GST_FLOW_OK)
    self->header = g_strdup (text);
  gst_caps_unref (caps);
  return result;
}

static GstCaps *
find_type (GstKafkaSrcCaps *self, GstBuffer *buffer)
{
  GstTypeFindProbability probability = GST_TYPE_FIND_NONE;
  GstCaps *caps;
  GstMapInfo map;

  if (!gst_buffer_get_size (buffer) || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return NULL;
  caps = gst_type_find_helper_for_data (GST_OBJECT (self->src), map.data, map.size, &probability);
  gst_buffer_unmap (buffer, &map);
  if (probability < MIN_TYPE_FIND || (caps && !gst_caps_is_fixed (caps)))
    gst_clear_caps (&caps);
  return caps;
}

static GstCaps *
dup_caps (GstKafkaSrcCaps *self)
{
  GstCaps *caps;

  GST_OBJECT_LOCK (self->src);
  caps = self->own->caps ? gst_caps_ref (self->own->caps) : NULL;
  GST_OBJECT_UNLOCK (self->src);
  return caps;
}

static gboolean
has_prefix (const GstCaps *caps, const gchar *prefix)
{
  return g_str_has_prefix (gst_structure_get_name (gst_caps_get_structure (caps, 0)), prefix);
}

/* Returns TRUE if the message is a part of a stream of bytes. Pictures and texts are complete in
 * themselves. Typefind doesn't recognise a later part of a stream, or mistakes its type, as for
 * MP3 after an ID3 tag. */
static gboolean
is_stream (const GstCaps *found)
{
  return found && !has_prefix (found, "image/") && !has_prefix (found, "text/") &&
         !has_prefix (found, UNKNOWN);
}

/* Returns TRUE if downstream takes only certain kinds of media, as a decoder does. */
static gboolean
takes_media (GstKafkaSrcCaps *self)
{
  g_autoptr (GstCaps) caps = gst_pad_peer_query_caps (GST_BASE_SRC_PAD (self->src), NULL);

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const gchar *name = gst_structure_get_name (gst_caps_get_structure (caps, i));

    if (!g_str_has_prefix (name, "image/") && !g_str_has_prefix (name, "video/") &&
        !g_str_has_prefix (name, "audio/"))
      return FALSE;
  }
  return !gst_caps_is_any (caps);
}

/* Returns: (transfer full) (nullable): the caps for a message that typefind doesn't recognise.
 * Returns NULL if downstream keeps its caps. If downstream has no caps yet, this message and later
 * messages without a header `gst-caps` go out without caps: a decodebin may recognise the type from
 * more bytes, and an element that takes documents inspects each message itself. Caps can't be sent
 * later, because the segment is sent without caps. */
static GstCaps *
choose_unknown (GstKafkaSrcCaps *self, gboolean has_caps)
{
  if (takes_media (self) || (has_caps && takes_any (self)))
    return gst_caps_new_empty_simple (UNKNOWN);
  self->bare = !has_caps;
  return NULL;
}

/* Returns: (transfer full) (nullable): the caps for @buffer. NULL: downstream keeps its caps. */
static GstCaps *
choose_caps (GstKafkaSrcCaps *self, GstBuffer *buffer)
{
  gboolean has_caps = gst_pad_has_current_caps (GST_BASE_SRC_PAD (self->src));
  GstCaps *caps = dup_caps (self);

  if (caps || self->bare || (has_caps && gst_buffer_get_size (buffer) == 0))
    return caps;
  caps = find_type (self, buffer);
  if (!is_stream (self->found))
    return caps ? caps : choose_unknown (self, has_caps);
  if (caps && !has_prefix (caps, "image/"))
    gst_clear_caps (&caps);
  return caps;
}

static GstFlowReturn
use_other_caps (GstKafkaSrcCaps *self, GstBuffer *buffer)
{
  g_autoptr (GstCaps) caps = choose_caps (self, buffer);
  g_autofree gchar *text = NULL;
  GstFlowReturn result;

  if (!caps || (self->found && gst_caps_is_equal (caps, self->found)))
    return GST_FLOW_OK;
  text = gst_caps_to_string (caps);
  GST_DEBUG_OBJECT (self->src, "a message without the header gst-caps gets %s", text);
  result = offer_caps (self, caps, text);
  if (result == GST_FLOW_OK)
    self->found = g_steal_pointer (&caps);
  return result;
}

/* Returns TRUE if the header `gst-caps` is unchanged, which is the usual case, so that the caps
 * aren't parsed. */
static gboolean
has_same_caps (GstKafkaSrcCaps *self, const GstKafkaHeader *header)
{
  return header && header->value && self->header && header->size == strlen (self->header) &&
         memcmp (header->value, self->header, header->size) == 0;
}

GstFlowReturn
gst_kafka_src_caps_use (GstKafkaSrcCaps *self, GstBuffer *buffer, const GstKafkaHeader *header)
{
  const gchar *text;

  if (has_same_caps (self, header))
    return GST_FLOW_OK;
  text = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAPS);
  return text ? use_caps_header (self, text) : use_other_caps (self, buffer);
}

/* Returns TRUE for a stream of Ogg: oggdemux needs a segment in bytes, and logs a critical warning
 * about any other segment. */
static gboolean
is_stream_of_bytes (GstPad *pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  return caps && gst_caps_get_size (caps) > 0 &&
         g_str_has_suffix (gst_structure_get_name (gst_caps_get_structure (caps, 0)), "/ogg");
}

void
gst_kafka_src_caps_fit_segment (GstPad *pad, GstPadProbeInfo *info)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info), *made;
  GstSegment bytes;

  if (!is_stream_of_bytes (pad))
    return;
  gst_segment_init (&bytes, GST_FORMAT_BYTES);
  GST_DEBUG_OBJECT (pad, "a stream of Ogg gets a segment in bytes");
  made = gst_event_new_segment (&bytes);
  gst_event_set_seqnum (made, gst_event_get_seqnum (event));
  gst_event_unref (event);
  GST_PAD_PROBE_INFO_DATA (info) = made;
}
