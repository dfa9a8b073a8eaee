/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* What a video was made of. */
typedef struct {
  guint64 frames;
  guint64 boxed; /* frames into which boxes were drawn */
} ClipVideo;

/* (nullable): the elements that make a file of this name, as a part of a pipeline string: the first
 * of which all are installed. @error: none are, or the name's end isn't known */
const gchar *clip_find_encoder (const gchar *file, GError **error);

/**
 * clip_write_video:
 * @events: (nullable): the topic of what the fog found, if boxes are to be drawn
 * @first: a frame of the range, which says how to decode it
 *
 * Each frame is shown from its time of capture on, until the next one: a gap stays a gap.
 */
gboolean clip_write_video (const LiveSource *frames, const LiveSource *events,
    const ClipRange *range, const LiveFrame *first, const gchar *encoder, const gchar *file,
    ClipVideo *video, GError **error);

G_END_DECLS
