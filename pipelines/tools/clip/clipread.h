/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "liveoptions.h"

G_BEGIN_DECLS

/* Time (ns) without progress after which a read has failed. */
#define CLIP_PATIENCE (20 * GST_SECOND)

/* Longest time (us) for which the messages after a range are searched for late messages of the
 * range. */
#define CLIP_REST_TIME (5 * G_USEC_PER_SEC)

/* A range of time of one camera or all cameras. */
typedef struct {
  const gchar *camera; /* nullable: name of the camera; NULL: all cameras */
  gint64 from, to;     /* range of capture times, ms since the Unix epoch, without @to itself */
  /* (nullable): the partitions to read, in the form of kafkasrc's property: "<1,2>"; NULL: all */
  const gchar *partitions;
} ClipRange;

/* As ClipRange.to, means that the range ends with the newest message. */
#define CLIP_NO_END G_MAXINT64
/* Largest time (ms) by which a plausible time of capture is after Kafka's timestamp. */
#define CLIP_MOST_AHEAD 3600000

/* Called for each message, in the order of capture; returns FALSE to end the read. Because Kafka
 * finds a range only by the first message with a late enough timestamp, the messages may include
 * late messages of another time, and late messages of the range may be missing. */
typedef gboolean (*ClipFunc) (GstSample *sample, gpointer data);

/**
 * clip_read:
 * @range: (nullable): the range to read; NULL: all messages that Kafka holds
 * @error: G_IO_ERROR: the topic can't be read
 *
 * Reads messages with a kafkasrc that is used only for this call. The call returns when all
 * messages are read, or when no more messages come.
 */
gboolean clip_read (
    const LiveSource *source, const ClipRange *range, ClipFunc func, gpointer data, GError **error);

/**
 * clip_read_rest:
 * @from: ms since the Unix epoch: all cameras' messages from this time on are read
 * @reached: (out): 0 if all messages were read; else the time of the last message that was read, ms
 * @error: as above
 *
 * Reads the messages after a range, to find late messages of the range. The search ends after
 * %CLIP_REST_TIME, because there may be days of messages after the range.
 */
gboolean clip_read_rest (const LiveSource *source, gint64 from, ClipFunc func, gpointer data,
    gint64 *reached, GError **error);

/* Sets @kafkasrc to a replay of @range. */
void clip_set_range (GstElement *kafkasrc, const ClipRange *range);

/* Returns the time of capture, ns since the Unix epoch; 0: unknown. As in a replay, this is the
 * header `capture-time`, or Kafka's timestamp if the header's time is implausible. */
GstClockTime clip_get_capture_time (GstBuffer *message);

/* Returns FALSE if the message was captured outside of the range. A message without a time counts
 * as captured within the range. */
gboolean clip_range_has (const ClipRange *self, GstBuffer *message);

/* Returns the number in the field @name of the stats of @kafkasrc. */
guint64 clip_get_stat (GstElement *kafkasrc, const gchar *name);

/* Returns a number that grows as long as @kafkasrc reads messages, even if it skips all of them
 * because they are of other cameras. */
guint64 clip_get_progress (GstElement *kafkasrc);

G_END_DECLS
