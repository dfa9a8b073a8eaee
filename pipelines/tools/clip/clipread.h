/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Without progress for so long, a read has failed. */
#define CLIP_PATIENCE (20 * GST_SECOND)

/* us for which messages after a range are searched for late ones of the range. */
#define CLIP_REST_TIME (5 * G_USEC_PER_SEC)

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

/**
 * clip_read_rest:
 * @from: ms since the Unix epoch: read what Kafka has from this time on, of any camera
 * @reached: (out): 0 if all messages were read; else the time of the last one that was read, ms
 * @error: as above
 *
 * Searches for late messages of a range. There may be days of messages after the range, so the
 * search ends after %CLIP_REST_TIME.
 */
gboolean clip_read_rest (const LiveSource *source, gint64 from, ClipFunc func, gpointer data,
    gint64 *reached, GError **error);

/* Sets @kafkasrc to a replay of @range. */
void clip_set_range (GstElement *kafkasrc, const ClipRange *range);

/* ns since the Unix epoch, 0: unknown. As a replay has it: the header `capture-time`, but Kafka's
 * timestamp if that is implausible. */
GstClockTime clip_get_capture_time (GstBuffer *message);

/* Returns FALSE if the message was captured at another time. A message without a time is taken for
 * one of the range. */
gboolean clip_range_has (const ClipRange *self, GstBuffer *message);

/* Returns the number in the field @name of the stats of @kafkasrc. */
guint64 clip_get_stat (GstElement *kafkasrc, const gchar *name);

/* A number that grows while @kafkasrc reads, also if it reads only other cameras' messages. */
guint64 clip_get_progress (GstElement *kafkasrc);

G_END_DECLS
