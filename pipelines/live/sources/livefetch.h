/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/liveframe.h"
#include "liveoptions.h"

G_BEGIN_DECLS

/* Functions that read messages of the past, each call with a kafkasrc of its own that ends after
 * the wanted messages. The calls may take long. */

/* Returns: (nullable) (transfer full): the frame at @place. @error: G_IO_ERROR_NOT_FOUND: the frame
 * doesn't exist any more; TIMED_OUT: Kafka didn't answer in time */
LiveFrame *live_fetch_frame (const LiveSource *source, const LivePlace *place, GError **error);

/**
 * live_fetch_run:
 * @frame: a frame that can be decoded only with the frames since the last keyframe
 * @most: number of offsets before @frame that are searched for the keyframe
 * @error: G_IO_ERROR_NOT_FOUND: none of these messages is a keyframe; NOT_SUPPORTED: the frames
 *   since the keyframe are too large
 *
 * Returns: (nullable) (transfer full) (element-type LiveFrame): the frames from the keyframe on, up
 *   to @frame
 */
GPtrArray *live_fetch_run (
    const LiveSource *source, const LiveFrame *frame, gint64 most, GError **error);

/* Called for each message that was read; returns FALSE if no more messages are wanted. */
typedef gboolean (*LiveFetchFunc) (GstSample *sample, gpointer data);

/**
 * live_fetch_window:
 * @camera: (nullable): the camera whose messages are read; NULL: all cameras
 * @from: ms since the Unix epoch
 * @to: end of the window, ms; messages from this time on aren't read
 * @complete: (out): FALSE if reading ended early, because @func returned FALSE or the time limit
 *   was reached
 *
 * Returns: FALSE with @error if the topic can't be read
 */
gboolean live_fetch_window (const LiveSource *source, const gchar *camera, gint64 from, gint64 to,
    LiveFetchFunc func, gpointer data, gboolean *complete, GError **error);

/* Finds the capture times of the first and the last message that Kafka still holds, ms since the
 * Unix epoch. @error: G_IO_ERROR_NOT_FOUND: Kafka holds no message of the topic */
gboolean live_fetch_range (const LiveSource *source, gint64 *from, gint64 *to, GError **error);

G_END_DECLS
