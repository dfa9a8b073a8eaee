/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesrc.h>

#include "gstkafkameta.h"
#include "gstkafkasrcsettings.h"

G_BEGIN_DECLS

/* Sets the caps of each message downstream: those of its header `gst-caps`, else those of the
 * property `caps`, else those that typefind finds. A message that typefind doesn't recognise
 * continues the stream of bytes before it, or gets `application/octet-stream`. So a message
 * never gets the caps of another kind of message. */
typedef struct {
  GstBaseSrc *src;
  const GstKafkaSrcSettings *own; /* guarded by the object lock */
  /* The next two fields are numbers of skipped messages, guarded by the object lock. */
  guint64 bad;     /* number of messages with caps that can't be parsed */
  guint64 refused; /* number of messages with caps that downstream doesn't accept */
  /* Only the streaming thread uses the fields below. */
  gchar *header;        /* header `gst-caps` that gave downstream's present caps */
  gchar *warned_header; /* the last header that caused a warning */
  GstCaps *found;       /* downstream's caps, if they didn't come from a header */
  gboolean bare; /* downstream has no caps, and messages without a header `gst-caps` get none */
  gboolean change_told;
} GstKafkaSrcCaps;

/* @own must outlive @self. */
void gst_kafka_src_caps_init (
    GstKafkaSrcCaps *self, GstBaseSrc *src, const GstKafkaSrcSettings *own);
/* Frees the state of the last run, before a new run begins. */
void gst_kafka_src_caps_reset (GstKafkaSrcCaps *self);

/**
 * gst_kafka_src_caps_use:
 * @buffer: the buffer of the message, with all its headers
 * @header: (nullable): the last header of @buffer named `gst-caps`
 *
 * Sends the caps of @buffer downstream, if they have changed. Called on the streaming thread.
 *
 * Returns: %GST_FLOW_OK; %GST_FLOW_CUSTOM_SUCCESS if @buffer has to be skipped, and a warning has
 * named its caps; %GST_FLOW_EOS with `on-error=fail`, if an error has been posted.
 */
GstFlowReturn gst_kafka_src_caps_use (
    GstKafkaSrcCaps *self, GstBuffer *buffer, const GstKafkaHeader *header);

/* Replaces the segment event in @info, which @pad is about to push, if the caps of @pad need
 * another segment. */
void gst_kafka_src_caps_fit_segment (GstPad *pad, GstPadProbeInfo *info);

G_END_DECLS
