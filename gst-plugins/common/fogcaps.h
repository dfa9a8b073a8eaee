/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Returns TRUE if any machine can read the bytes of buffers with @caps, so the caps have no DMABuf,
 * no memory of a GPU, and no overlay outside of the bytes. */
gboolean fog_caps_are_plain (const GstCaps *caps);

/* Returns: (transfer full): a text for users that says why fog_caps_are_plain() refuses @caps, and
 * what to do about it */
gchar *fog_caps_explain (const GstCaps *caps);

/**
 * fog_caps_keep_plain:
 * @caps: the caps of which the plain ones are wanted
 *
 * Returns: (transfer full): those of @caps that fog_caps_are_plain() accepts, with system memory in
 *   place of any memory. If no caps are plain, returns all of @caps, so that the element can refuse
 *   them with an error of its own
 */
GstCaps *fog_caps_keep_plain (GstCaps *caps);

G_END_DECLS
