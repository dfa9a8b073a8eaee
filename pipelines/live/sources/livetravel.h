/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/livemodel.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Frames of the past, with the fog's results for them. For any thread that may wait. */
typedef struct _LiveTravel LiveTravel;

/* Both are kept by reference. */
LiveTravel *live_travel_new (const LiveOptions *options, LiveModel *model);
void live_travel_free (LiveTravel *self);

/* Returns: (nullable) (transfer full): the frame at @place, and what the fog found in it
 * (nullable). @place must be in the camera topic. @error: G_IO_ERROR_NOT_FOUND */
LiveFrame *live_travel_find (
    LiveTravel *self, const LivePlace *place, LiveAnswer **answer, GError **error);

/* Returns: (nullable) (transfer full) (element-type LiveFrame): the frames that @frame is decoded
 * with: those from its keyframe on, and itself; or itself alone. @error: as above */
GPtrArray *live_travel_find_run (LiveTravel *self, LiveFrame *frame, GError **error);

/* Returns: (nullable) (transfer full): JSON: what Kafka holds, and if @at isn't 0 the frames of
 * @camera that were captured within @span ms round it. */
GBytes *live_travel_make_window (
    LiveTravel *self, const gchar *camera, gint64 at, gint64 span, GError **error);

G_END_DECLS
