/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Finds frames of the past, with the fog's answers about them. Any thread may call these functions,
 * which may take long. */
typedef struct _LiveTravel LiveTravel;

/* Keeps pointers to @options and @model. */
LiveTravel *live_travel_new (const LiveOptions *options, LiveModel *model);
void live_travel_free (LiveTravel *self);

/* Returns: (nullable) (transfer full): the frame at @place, and in @answer (nullable) the fog's
 * answer about it. @place must be in the camera topic. @error: G_IO_ERROR_NOT_FOUND */
LiveFrame *live_travel_find (
    LiveTravel *self, const LivePlace *place, LiveAnswer **answer, GError **error);

/* Returns: (nullable) (transfer full) (element-type LiveFrame): the frames from the keyframe of
 * @frame up to @frame itself, with which it is decoded; @frame alone if it needs no others. @error:
 * as above */
GPtrArray *live_travel_find_run (LiveTravel *self, LiveFrame *frame, GError **error);

/* Returns: (nullable) (transfer full): JSON with the range of times that Kafka holds, and, if @at
 * isn't 0, with the frames of @camera that were captured within @span ms around @at. */
GBytes *live_travel_make_window (
    LiveTravel *self, const gchar *camera, gint64 at, gint64 span, GError **error);

G_END_DECLS
