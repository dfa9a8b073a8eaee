/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveframe.h"

G_BEGIN_DECLS

/* The newest frames of each camera, up to a number of bytes in all. Any thread may use it. */
typedef struct _LiveFrames LiveFrames;

LiveFrames *live_frames_new (gsize most);
void live_frames_free (LiveFrames *self);
/* Takes a reference of @frame; the oldest frames are removed to make room. */
void live_frames_add (LiveFrames *self, LiveFrame *frame);
/* (nullable) (transfer full) */
LiveFrame *live_frames_find (LiveFrames *self, const LivePlace *place);
/* Returns: (transfer full) (element-type LiveFrame): the frames of a camera, the newest first,
 * @most at most. */
GPtrArray *live_frames_list (LiveFrames *self, const gchar *camera, guint most);

G_END_DECLS
