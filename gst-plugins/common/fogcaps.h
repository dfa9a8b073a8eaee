/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* TRUE: buffers of these caps can be read on any machine; no DMABuf, no memory of a GPU, no overlay beside the bytes. */
gboolean fog_caps_are_plain (const GstCaps *caps);

#define FOG_CAPS_NOT_PLAIN                                                                         \
  "Only this machine could read these frames: they lie in memory of a device. Convert them "       \
  "before this element, with "                                                                     \
  "videoconvert, vapostproc ! video/x-raw, gldownload or the like."

/**
 * fog_caps_keep_plain:
 * @caps: what is offered
 *
 * Returns: (transfer full): those of @caps that fog_caps_are_plain() accepts, with system memory in place of any memory; all
 *   of @caps if there is none, so that the element gets to refuse them with an error of its own
 */
GstCaps *fog_caps_keep_plain (GstCaps *caps);

G_END_DECLS
