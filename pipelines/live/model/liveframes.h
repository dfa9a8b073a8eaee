/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "liveframe.h"

G_BEGIN_DECLS

/* Keeps the newest frames of all cameras, up to a total number of bytes. Any thread may use it. */
typedef struct _LiveFrames LiveFrames;

LiveFrames *live_frames_new (gsize most);
void live_frames_free (LiveFrames *self);
/* Adds a reference to @frame, and removes the oldest frames if there are too many bytes. */
void live_frames_add (LiveFrames *self, LiveFrame *frame);
/* (nullable) (transfer full) */
LiveFrame *live_frames_find (LiveFrames *self, const LivePlace *place);
/* Returns: (transfer full) (element-type LiveFrame): the newest frames of @camera, at most @most,
 * the newest first. */
GPtrArray *live_frames_list (LiveFrames *self, const gchar *camera, guint most);

G_END_DECLS
