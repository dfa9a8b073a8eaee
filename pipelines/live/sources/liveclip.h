/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Clips of a camera's past. A child process, fog-clip, makes each clip; it can't outlive this
 * process, and its time, its memory and the size of its file are limited. */

/* Longest range of a clip, s. */
#define LIVE_CLIP_RANGE 600
/* Longest time (s) for making a clip, and largest size (bytes) of a clip. */
#define LIVE_CLIP_TIME 120
#define LIVE_CLIP_SIZE (256 * 1024 * 1024)
/* Largest size (bytes) of the data in fog-clip's memory. A clip of pictures of 3840x2160 takes two
 * thirds of this size. */
#define LIVE_CLIP_MEMORY (768 * 1024 * 1024)
/* Largest number of clips that viewers haven't downloaded completely. */
#define LIVE_CLIP_UNSENT 4

typedef struct {
  gchar *camera;
  gint64 from, to;   /* range of capture times, ms since the Unix epoch, without @to itself */
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
  guint time;   /* longest time for making a clip, s */
  gsize size;   /* largest size of a clip's file, bytes */
  gsize memory; /* largest size of the data in fog-clip's memory, bytes */
} LiveClipBounds;

/* Makes clips, one at a time. */
typedef struct _LiveClips LiveClips;

/* @bounds: the program and its limits; copied */
LiveClips *live_clips_new (const LiveClipBounds *bounds);
void live_clips_unref (LiveClips *self);
/* Returns: (transfer full): path of fog-clip: beside this program if it is installed there, else in
 * another directory of the build. */
gchar *live_clips_find_program (void);

/**
 * live_clips_make:
 * @gone: cancelled when the viewer leaves, which ends fog-clip
 * @notes: (out) (transfer full): sentences that say what is missing in the clip; "" if nothing is
 *   missing
 * @error: G_IO_ERROR_BUSY: another clip is being made or sent; INVALID_DATA: no clip of this range
 *   can be made; any other: making the clip failed
 *
 * Returns: (nullable) (transfer full): the contents of the clip; its file has been removed already
 */
GBytes *live_clips_make (
    LiveClips *self, const LiveClip *wish, GCancellable *gone, gchar **notes, GError **error);

G_END_DECLS
