/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Converts flags and caps of a buffer to text in a message's headers and back;
 * gst-plugins/README.md, "Messages". */

/* `gst-flags`: the flags' names in lower case, comma-separated, as in "discont,delta-unit". Buffer
 * flags that have no meaning outside a process have no name. Returns NULL if no flag is set. */
gchar *gst_kafka_flags_to_text (GstBufferFlags flags);
/* Ignores unknown names. */
GstBufferFlags gst_kafka_flags_from_text (const gchar *text);

/* Caps with stream headers (Theora, Opus) take some kilobytes of text. GStreamer parses brackets by
 * recursion, so their number is bounded too. */
#define GST_KAFKA_MAX_CAPS_TEXT (64 * 1024)
#define GST_KAFKA_MAX_CAPS_BRACKETS 256

/* Returns: (transfer full) (nullable): fixed caps for system memory, from the header `gst-caps` of
 * any producer's message. Returns NULL for other caps, for text that isn't caps, and for text that
 * is too long or too deeply nested. */
GstCaps *gst_kafka_caps_from_text (const gchar *text);

G_END_DECLS
