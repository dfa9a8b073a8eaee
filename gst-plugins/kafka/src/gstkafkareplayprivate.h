/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkareplay.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"
#include "src/partitions/gstkafkadamage.h"
#include "src/partitions/gstkafkareset.h"

G_BEGIN_DECLS

/* gstkafkareplay.c opens, plays and seeks; gstkafkatrack.c reads one partition. */

/* One partition of the recording. */
typedef struct {
  gchar *topic;
  gint partition;
  gint64 first; /* bounds of the recording when it was opened */
  gint64 start; /* the first offset that is left */
  gint64 end;
  rd_kafka_queue_t *queue;
  /* the next message, read ahead to compare it with those of other tracks */
  rd_kafka_message_t *head;
  GstClockTime head_time;  /* ns since the Unix epoch */
  GstClockTimeDiff before; /* how long before head_time it is decoded */
  gboolean decode_known;   /* else `before` is 0 */
  guint beyond;            /* number of messages in a row after the seek's stop */
  gboolean at_end;
  gboolean measured; /* its last message was found */
  gint64 position;   /* the next offset to read */
  gboolean astray;   /* its position was refused, and it will get a new one */
  /* the refused offset, if we requested it; -1: librdkafka derived it from damaged data */
  gint64 refused_at;
  gboolean reset_told;
  gint64 heard;  /* when anything of it came last, monotonic us */
  gint64 looked; /* when silence was looked for last */
  gboolean silence_told;
  gint64 lost;      /* number of offsets counted as deleted */
  gint64 lost_from; /* the first of them */
  GstKafkaDamage damage;
  GArray *holes; /* of GstKafkaHole: known damage */
} GstKafkaTrack;

/* Unreadable offsets: a damaged batch, or the part of it that a seek has reached. */
typedef struct {
  gint64 from;
  gint64 good;
  gint64 counted; /* from this offset on it was counted and reported */
} GstKafkaHole;

struct _GstKafkaReplay {
  GstKafkaFault fault; /* first: gst_kafka_client_new() */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  GPtrArray *tracks;      /* of GstKafkaTrack; NULL before it is open */
  gint64 deadline;        /* when opening has to be finished, monotonic us; 0: not tried yet */
  GstClockTime origin;    /* ns since the Unix epoch */
  GstClockTime target;    /* earlier messages are skipped, ns since the Unix epoch */
  GstClockTime stop;      /* since the origin; GST_CLOCK_TIME_NONE: none */
  GstClockTime least_dts; /* the smallest DTS that isn't used yet */
  gboolean reorders;      /* messages were seen that aren't in the order of capture */
  GstClockTime
      /* since the origin: where to seek the tracks; GST_CLOCK_TIME_NONE: no seek is pending */
      seek_time;
  gchar *missing; /* text about a topic or partition that doesn't exist */
  gint64
      /* least time in ms from capture to Kafka's timestamp of the messages seen so far; at most
       * 0 */
      least_lag;
  /* Kafka's timestamp is the time of arrival, so nothing is known about later lags */
  gboolean by_arrival;
  /* messages go downstream; FALSE: they are only examined, to open or to seek */
  gboolean playing;
  GError *ended; /* the error that ends the stream, because messages are missing */

  GMutex lock; /* guards the rest */
  gboolean flushing;
  guint64 lost;
  guint64 damaged;
  GstClockTime duration;
};

/* In gstkafkatrack.c */

void gst_kafka_track_free (GstKafkaTrack *self);
/* (transfer full): all tracks in their order, with @offset */
rd_kafka_topic_partition_list_t *gst_kafka_replay_list_tracks (GstKafkaReplay *self, gint64 offset);
/* Seeks each track to its offset in @list. A track at its end isn't read. */
void gst_kafka_replay_place_tracks (
    GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *list);
/* Waits until @track has a head or is at its end. FALSE: flushing, or the stream has ended */
gboolean gst_kafka_replay_fill_track (GstKafkaReplay *self, GstKafkaTrack *track);
/* Takes a new beginning of the recording, or a new position of the track. */
void gst_kafka_replay_accept_reset (
    GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaReset *reset);

/* In gstkafkareplay.c */

gboolean gst_kafka_replay_is_flushing (GstKafkaReplay *self);

G_END_DECLS
