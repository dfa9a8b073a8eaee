/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "clipread.h"

G_BEGIN_DECLS

typedef enum { CLIP_VIDEO, CLIP_JSON_LINES, CLIP_CSV } ClipFormat;

/* Appends a line of CSV for @answer; if @answer is NULL, appends the line with the names of the
 * columns. */
void clip_append_csv (GString *text, const LiveAnswer *answer);

/* The result of writing a file of events. */
typedef struct {
  guint64 rows;
  guint64 strange; /* number of messages left out because they aren't events */
  /* time (ms) up to which Kafka's messages were searched for late events; 0: all were searched */
  gint64 searched;
} ClipRows;

/* Writes the events of @range into @file. Events that reached Kafka late are written at the end of
 * the file. */
gboolean clip_write_events (const LiveSource *source, const ClipRange *range, ClipFormat format,
    const gchar *file, ClipRows *rows, GError **error);

G_END_DECLS
