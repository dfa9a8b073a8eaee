/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "fogslot.h"

G_BEGIN_DECLS

/* The request pad `rejects`. Messages that are condemned as poison leave by the pad rejects.
 * Functions are for the streaming thread, unless their comment says otherwise. */

/* Returns: (nullable) (transfer none): the new pad of @element; %NULL: the pad exists already. Any
 * thread. */
GstPad *gst_kafka_rejects_add_pad (FogSlot *slot, GstElement *element, GstPadTemplate *template);
void gst_kafka_rejects_remove_pad (FogSlot *slot, GstElement *element, GstPad *pad);

/**
 * gst_kafka_rejects_take:
 * @pad: (nullable): if it is %NULL or not linked, the message is done, and a warning names it
 * @buffer: (transfer full):
 *
 * Returns: GST_FLOW_CUSTOM_SUCCESS: handled; else the flow return of the pad's peer
 */
GstFlowReturn gst_kafka_rejects_take (GstElement *element, GstPad *pad, GstBuffer *buffer);
/* @buffer: (transfer full): too many were condemned before it: posts an error. */
GstFlowReturn gst_kafka_rejects_give_up (GstElement *element, GstBuffer *buffer);
void gst_kafka_rejects_end (GstPad *pad);

G_END_DECLS
