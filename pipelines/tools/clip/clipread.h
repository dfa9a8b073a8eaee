/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Without progress for so long, a read has failed. */
#define CLIP_PATIENCE (20 * GST_SECOND)

/* A camera's range of time. */
typedef struct {
  const gchar *camera; /* nullable: all */
  gint64 from, to;     /* ms since the Unix epoch; @to isn't part of the range */
  /* (nullable): those to read, as kafkasrc takes them: "<1,2>" */
  const gchar *partitions;
} ClipRange;

/* As ClipRange.to: up to the newest message. */
#define CLIP_NO_END G_MAXINT64
/* ms by which a plausible time of capture may be after Kafka's timestamp. */
#define CLIP_MOST_AHEAD 3600000

/* Called for each message, in the order of capture. FALSE ends the read. Kafka finds a range by
 * the first message that is late enough. So messages that were late may be among them although they
 * are of another time, or may be missing. */
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

/* ns since the Unix epoch, 0: unknown. As a replay has it: the header `capture-time`, but Kafka's
 * timestamp if that is implausible. */
GstClockTime clip_get_capture_time (GstBuffer *message);

/* Returns the number in the field @name of the stats of @kafkasrc. */
guint64 clip_get_stat (GstElement *kafkasrc, const gchar *name);

/* A number that grows while @kafkasrc reads, also if it reads only other cameras' messages. */
guint64 clip_get_progress (GstElement *kafkasrc);

G_END_DECLS
