/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"
#include "model/liveframe.h"

G_BEGIN_DECLS

/* The settings of a video. */
typedef struct {
  const LiveSource *frames, *events;
  const ClipRange *range;
  const LiveFrame *first; /* a frame of the range, whose caps determine the decoder */
  const gchar *encoder;   /* of clip_find_encoder() */
  gboolean boxes;         /* whether to draw the boxes of the faces */
  /* what to blur; a frame without an event is blurred as a whole, as on the live page */
  LiveBlur blur;
} ClipWish;

/* The result of writing a video. */
typedef struct {
  guint64 frames;
  guint64 boxed; /* number of frames into which boxes were drawn */
  /* number of frames left out because they come in Kafka after frames that were captured later */
  guint64 late;
  /* number of messages left out because they have no caps, or another format than @first */
  guint64 odd;
  guint64 damaged; /* number of pictures left out because they can't be decoded */
  /* time (ms) up to which Kafka's messages were searched for late frames; 0: all were searched */
  gint64 searched;
} ClipVideo;

/* Returns: (nullable): elements that encode and mux a video for the format of @file, as a part of a
 * pipeline string; all of these elements are installed. @error: no suitable elements are installed,
 * or the file name's suffix isn't known */
const gchar *clip_find_encoder (const gchar *file, GError **error);

/* Writes a video into @file. Each frame is shown from its time of capture until the next frame's
 * time of capture, so gaps between frames keep their length. Frames of another size are scaled to
 * the size of the first frame, with borders. */
gboolean clip_write_video (
    const ClipWish *wish, const gchar *file, ClipVideo *video, GError **error);

G_END_DECLS
