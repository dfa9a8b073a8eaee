/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasrccaps.h"

#include <gst/base/gsttypefindhelper.h>
#include <string.h>

#include "client/gstkafkaformat.h"
#include "gstkafkameta.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* Ignores less certain results of typefind. */
#define MIN_TYPE_FIND GST_TYPE_FIND_LIKELY

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
  self->found = FALSE;
}

/* Counts a message whose caps don't fit. Ends the stream with EOS, because the base class would
 * post a second error for GST_FLOW_ERROR; or warns once for each new caps. */
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

static GstFlowReturn
offer_caps (GstKafkaSrcCaps *self, GstCaps *caps, const gchar *text)
{
  GST_DEBUG_OBJECT (self->src, "offering caps %s", text);
  if (!gst_pad_peer_query_accept_caps (GST_BASE_SRC_PAD (self->src), caps))
    return reject_caps (self, text, "not accepted downstream", &self->refused);
  g_clear_pointer (&self->header, g_free);
  if (!gst_base_src_set_caps (self->src, caps))
    return reject_caps (self, text, "refused downstream", &self->refused);
  self->header = g_strdup (text);
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

/* Without any caps the buffer goes out without, because a decodebin downstream may find them. */
static GstFlowReturn
use_other_caps (GstKafkaSrcCaps *self, GstBuffer *buffer)
{
  g_autofree gchar *text = NULL;
  GstFlowReturn result;
  GstCaps *caps;

  if (self->found && !self->header)
    return GST_FLOW_OK;
  caps = dup_caps (self);
  if (!caps)
    caps = find_type (self, buffer);
  if (!caps)
    return GST_FLOW_OK;
  text = gst_caps_to_string (caps);
  result = offer_caps (self, caps, text);
  gst_caps_unref (caps);
  g_clear_pointer (&self->header, g_free);
  self->found = result == GST_FLOW_OK;
  return result;
}

/* This is the usual case, so it must not parse the caps. */
static gboolean
has_same_caps (GstKafkaSrcCaps *self, GstBuffer *buffer)
{
  const GstKafkaHeader *header = gst_kafka_meta_find_header (buffer, GST_KAFKA_HEADER_CAPS);

  return header && header->value && self->header && header->size == strlen (self->header) &&
         memcmp (header->value, self->header, header->size) == 0;
}

GstFlowReturn
gst_kafka_src_caps_use (GstKafkaSrcCaps *self, GstBuffer *buffer)
{
  const gchar *text;

  if (has_same_caps (self, buffer))
    return GST_FLOW_OK;
  text = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAPS);
  return text ? use_caps_header (self, text) : use_other_caps (self, buffer);
}
