/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "fogslot.h"

G_BEGIN_DECLS

/* The request pad `rejects`. Messages that are condemned as poison leave by the pad rejects. Only
 * the streaming thread may call these functions, unless their comment says otherwise. */

/* Returns: (nullable) (transfer none): the new pad of @element; %NULL: the pad exists already. Any
 * thread may call this function. */
GstPad *gst_kafka_rejects_add_pad (FogSlot *slot, GstElement *element, GstPadTemplate *template);
void gst_kafka_rejects_remove_pad (FogSlot *slot, GstElement *element, GstPad *pad);

/**
 * gst_kafka_rejects_take:
 * @pad: (nullable): the pad `rejects`; if it is %NULL or not linked, the message counts as done,
 *   and a warning names the message
 * @buffer: (transfer full): the condemned message
 *
 * Returns: GST_FLOW_CUSTOM_SUCCESS if the message was handled; else the flow return of the pad's
 * peer
 */
GstFlowReturn gst_kafka_rejects_take (GstElement *element, GstPad *pad, GstBuffer *buffer);
/* Posts an error, because too many messages in a row were condemned before @buffer (transfer
 * full). */
GstFlowReturn gst_kafka_rejects_give_up (GstElement *element, GstBuffer *buffer);
void gst_kafka_rejects_end (GstPad *pad);

G_END_DECLS
