/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* How a buffer's GStreamer side stands in a message's headers; README, "Messages". */

/* `gst-flags`: the flags' names in lower case, comma-separated, as in "discont,delta-unit". Flags
 * that mean nothing outside a process have no name. NULL if there is none. */
gchar *gst_kafka_flags_to_text (GstBufferFlags flags);
/* Names it doesn't know are ignored. */
GstBufferFlags gst_kafka_flags_from_text (const gchar *text);

/* `gst-caps`, from a message that anybody may have sent: (transfer full) (nullable): fixed caps for
 * system memory; NULL for what is no such text, or is too long or too deep to be looked at. */
GstCaps *gst_kafka_caps_from_text (const gchar *text);

G_END_DECLS
