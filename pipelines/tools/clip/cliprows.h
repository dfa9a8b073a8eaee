/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

typedef enum { CLIP_VIDEO, CLIP_JSON_LINES, CLIP_CSV } ClipFormat;

/* Adds a line of CSV for @answer; NULL: the first line, with the names of the columns. */
void clip_append_csv (GString *text, const LiveAnswer *answer);

/* Writes the events of @range into @file. @rows: (out). @strange: (out): the number
 * of messages that are no events */
gboolean clip_write_events (const LiveSource *source, const ClipRange *range, ClipFormat format,
    const gchar *file, guint64 *rows, guint64 *strange, GError **error);

G_END_DECLS
