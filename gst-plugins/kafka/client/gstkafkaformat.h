/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Converts flags and caps of a buffer to text in a message's headers and back;
 * gst-plugins/README.md, "Messages". */

/* Returns the value of the header `gst-flags`: the flags' names in lower case, comma-separated, as
 * in "discont,delta-unit". Buffer flags that have no meaning outside a process have no name.
 * Returns NULL if no flag is set. */
gchar *gst_kafka_flags_to_text (GstBufferFlags flags);
/* Parses the value of the header `gst-flags`, and ignores unknown names in it. */
GstBufferFlags gst_kafka_flags_from_text (const gchar *text);

/* The limits for the text of caps. Caps with stream headers (Theora, Opus) take some kilobytes of
 * text. GStreamer parses brackets by recursion, so the number of brackets is limited too. */
#define GST_KAFKA_MAX_CAPS_TEXT (64 * 1024)
#define GST_KAFKA_MAX_CAPS_BRACKETS 256

/* Returns: (transfer full) (nullable): fixed caps for system memory, from the header `gst-caps` of
 * any producer's message. Returns NULL for caps that aren't fixed or need other memory, for text
 * that isn't caps, and for text that is too long or has too many brackets. */
GstCaps *gst_kafka_caps_from_text (const gchar *text);

G_END_DECLS
