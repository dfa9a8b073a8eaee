/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

/* Numbers of the frames in a video. */
typedef struct {
  guint64 frames;
  guint64 boxed; /* frames into which boxes were drawn */
  guint64 late;  /* frames left out, since Kafka has them after later ones */
  guint64 odd; /* messages left out, since they have no caps or those of another kind than @first */
} ClipVideo;

/* Returns: (nullable): elements that encode a video and prepare it for a file of this name, as a
 * part of a pipeline string. All of them are installed. @error: no suitable elements are installed,
 * or the file name's suffix isn't known */
const gchar *clip_find_encoder (const gchar *file, GError **error);

/**
 * clip_write_video:
 * @events: (nullable): the topic of the fog's results, from which boxes are drawn; NULL: no boxes
 * @first: a frame of the range, which says how to decode it
 *
 * Each frame is shown from its time of capture until that of the next one, so gaps between frames
 * keep their length. Frames of another size than @first's are scaled to it, with borders.
 */
gboolean clip_write_video (const LiveSource *frames, const LiveSource *events,
    const ClipRange *range, const LiveFrame *first, const gchar *encoder, const gchar *file,
    ClipVideo *video, GError **error);

G_END_DECLS
