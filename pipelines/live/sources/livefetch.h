/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Messages of the past, read with a kafkasrc of their own that ends when it has them. For threads
 * that may wait. */

/* Returns: (nullable) (transfer full): the frame; @error: G_IO_ERROR_NOT_FOUND: it doesn't exist
 * any more; TIMED_OUT */
LiveFrame *live_fetch_frame (const LiveSource *source, const LivePlace *place, GError **error);

/**
 * live_fetch_run:
 * @frame: one that needs the frames since the last keyframe
 * @most: offsets to look back at
 * @error: G_IO_ERROR_NOT_FOUND: there is no keyframe among them; NOT_SUPPORTED: they are too large
 *
 * Returns: (nullable) (transfer full) (element-type LiveFrame): the frames from the keyframe on, up
 *   to @frame
 */
GPtrArray *live_fetch_run (
    const LiveSource *source, const LiveFrame *frame, gint64 most, GError **error);

/* Called for each message; returns FALSE if no more are wanted. */
typedef gboolean (*LiveFetchFunc) (GstSample *sample, gpointer data);

/**
 * live_fetch_window:
 * @camera: (nullable): only messages of this camera
 * @from: ms since the Unix epoch
 * @to: ms; not read any more
 * @complete: (out): FALSE if @func wanted no more, or time was up
 *
 * Returns: FALSE with @error if the topic can't be read
 */
gboolean live_fetch_window (const LiveSource *source, const gchar *camera, gint64 from, gint64 to,
    LiveFetchFunc func, gpointer data, gboolean *complete, GError **error);

/* Returns the capture times of the first and the last message that Kafka still holds, ms since the
 * Unix epoch. @error: G_IO_ERROR_NOT_FOUND: there is none */
gboolean live_fetch_range (const LiveSource *source, gint64 *from, gint64 *to, GError **error);

G_END_DECLS
