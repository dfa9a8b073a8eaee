/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

typedef enum { CLIP_VIDEO, CLIP_JSON_LINES, CLIP_CSV } ClipFormat;

/* Adds a line of CSV for @answer; NULL: the first line, with the names of the columns. */
void clip_append_csv (GString *text, const LiveAnswer *answer);

/* Numbers of the rows in a file. */
typedef struct {
  guint64 rows;
  guint64 strange; /* messages left out, since they are no events */
  gint64
      searched; /* ms: events that reached Kafka later than this weren't looked for; 0: all were */
} ClipRows;

/* Writes the events of @range into @file, those that reached Kafka late at its end. */
gboolean clip_write_events (const LiveSource *source, const ClipRange *range, ClipFormat format,
    const gchar *file, ClipRows *rows, GError **error);

G_END_DECLS
