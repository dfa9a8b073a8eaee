/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* A camera's range of time. */
typedef struct {
  const gchar *camera; /* nullable: all */
  gint64 from, to;     /* ms since the Unix epoch; @to isn't part of the range */
} ClipRange;

/* Called for each message, in the order of capture. FALSE ends the read. */
typedef gboolean (*ClipFunc) (GstSample *sample, gpointer data);

/**
 * clip_read:
 * @range: (nullable): NULL: all that Kafka holds
 * @error: G_IO_ERROR: the topic can't be read
 *
 * Makes a kafkasrc for this read only. The read takes as long as messages come.
 */
gboolean clip_read (
    const LiveSource *source, const ClipRange *range, ClipFunc func, gpointer data, GError **error);

/* Sets @kafkasrc to a replay of @range. */
void clip_set_range (GstElement *kafkasrc, const ClipRange *range);

G_END_DECLS
