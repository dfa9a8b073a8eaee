/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"
#include "model/liveframe.h"

G_BEGIN_DECLS

/* What a video is made of. */
typedef struct {
  const LiveSource *frames, *events;
  const ClipRange *range;
  const LiveFrame *first; /* a frame of the range, which says how to decode it */
  const gchar *encoder;   /* of clip_find_encoder() */
  gboolean boxes;         /* draw what the fog found */
  LiveBlur blur;          /* as the live page blurs: a frame without an event as a whole */
} ClipWish;

/* Numbers of the frames in a video. */
typedef struct {
  guint64 frames;
  guint64 boxed; /* frames into which boxes were drawn */
  guint64 late;  /* frames left out, since Kafka has them after later ones */
  guint64 odd; /* messages left out, since they have no caps or those of another kind than @first */
  guint64 damaged; /* pictures left out, since they can't be decoded */
  gint64
      searched; /* ms: frames that reached Kafka later than this weren't looked for; 0: all were */
} ClipVideo;

/* Returns: (nullable): elements that encode a video and prepare it for a file of this name, as a
 * part of a pipeline string. All of them are installed. @error: no suitable elements are installed,
 * or the file name's suffix isn't known */
const gchar *clip_find_encoder (const gchar *file, GError **error);

/* Writes a video into @file. Each frame is shown from its time of capture until that of the next
 * one, so gaps between frames keep their length. Frames of another size than the first one's are
 * scaled to it, with borders. */
gboolean clip_write_video (
    const ClipWish *wish, const gchar *file, ClipVideo *video, GError **error);

G_END_DECLS
