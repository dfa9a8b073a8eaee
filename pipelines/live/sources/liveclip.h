/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Clips of a camera's past. fog-clip makes them, as a child process that can neither outlive this
 * one, nor take more time and space than it is given. */

/* Longest range of a clip, s. */
#define LIVE_CLIP_RANGE 600
/* Time in s that a clip may take, and size in bytes that it may have. */
#define LIVE_CLIP_TIME 120
#define LIVE_CLIP_SIZE (256 * 1024 * 1024)
/* Number of clips that may wait until viewers have taken them. */
#define LIVE_CLIP_UNSENT 4

typedef struct {
  gchar *camera;
  gint64 from, to;   /* ms since the Unix epoch; @to isn't part of the range */
  const gchar *kind; /* mp4, mkv, webm, jsonl or csv */
  gboolean boxes;
} LiveClip;

/* @error: G_IO_ERROR_INVALID_DATA or INVALID_ARGUMENT: a sentence that names what is wrong */
gboolean live_clip_parse (LiveClip *self, const gchar *text, gsize size, GError **error);
void live_clip_clear (LiveClip *self);
const gchar *live_clip_get_type (const LiveClip *self);

typedef struct {
  const gchar *program; /* path of fog-clip */
  LiveBlur blur;
  guint time; /* s */
  gsize size; /* bytes */
} LiveClipBounds;

/* Makes one clip at a time. */
typedef struct _LiveClips LiveClips;

/* @bounds: what @program is meant for; copied */
LiveClips *live_clips_new (const LiveClipBounds *bounds);
void live_clips_unref (LiveClips *self);
/* Returns: (transfer full): path of fog-clip, which is installed beside this program. In a build it
 * is in another directory. */
gchar *live_clips_find_program (void);

/**
 * live_clips_make:
 * @gone: ends the work when it is cancelled
 * @notes: (out) (transfer full): what isn't in the clip, in sentences; "" if nothing is missing
 * @error: G_IO_ERROR_BUSY: another clip is being made or sent; INVALID_DATA: there is no such clip;
 *   another: it can't be made
 *
 * Returns: (nullable) (transfer full): the file's contents, which no file holds any more
 */
GBytes *live_clips_make (
    LiveClips *self, const LiveClip *wish, GCancellable *gone, gchar **notes, GError **error);

G_END_DECLS
