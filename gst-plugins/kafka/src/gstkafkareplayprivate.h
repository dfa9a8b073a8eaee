/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkareplay.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"
#include "src/partitions/gstkafkadamage.h"
#include "src/partitions/gstkafkareset.h"

G_BEGIN_DECLS

/* For gstkafkareplay.c, which opens, plays and seeks, and gstkafkatrack.c, which reads one
 * partition. */

/* One partition of the recording. */
typedef struct {
  gchar *topic;
  gint partition;
  gint64 first; /* of the recording as it was when it was opened */
  gint64 start; /* the first one left of that */
  gint64 end;
  rd_kafka_queue_t *queue;
  rd_kafka_message_t *head; /* the next one, read ahead to compare it with the others' */
  GstClockTime head_time;   /* ns since the Unix epoch */
  GstClockTimeDiff before;  /* how long before that it is decoded */
  gboolean decode_known;    /* else `before` is 0 */
  guint beyond;             /* messages in a row that were shown after the stop */
  gboolean at_end;
  gboolean measured; /* its last message was seen */
  gint64 position;   /* the offset to be read next */
  gboolean astray;   /* its place was refused: it gets another one */
  gint64 refused_at; /* the offset of that, if it was asked for; -1: the library made it up */
  gboolean reset_told;
  gint64 lost;      /* offsets that are counted as deleted */
  gint64 lost_from; /* the first of them */
  GstKafkaDamage damage;
  GArray *holes; /* of GstKafkaHole: what is known to be damaged */
} GstKafkaTrack;

/* Offsets that can't be read: one damaged batch, or what of it a seek has met. */
typedef struct {
  gint64 from;
  gint64 good;
  gint64 counted; /* from here on it is counted, and was named */
} GstKafkaHole;

struct _GstKafkaReplay {
  GstKafkaFault fault; /* first: gst_kafka_client_new() */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  GPtrArray *tracks;      /* of GstKafkaTrack; NULL before it is open */
  gint64 deadline;        /* for being open, monotonic us; 0: not tried yet */
  GstClockTime origin;    /* ns since the Unix epoch */
  GstClockTime target;    /* nothing before it is read, ns since the Unix epoch */
  GstClockTime stop;      /* since the origin; GST_CLOCK_TIME_NONE: none */
  GstClockTime least_dts; /* that isn't taken yet */
  gboolean reorders;      /* messages were seen that don't come in the order of capture */
  GstClockTime
      /* since the origin: where the tracks have to be put; GST_CLOCK_TIME_NONE: nowhere */
      seek_time;
  gchar *missing; /* what isn't there, in words */
  gint64
      least_lag; /* ms from capture to Kafka's timestamp, of the messages seen so far; 0 at most */
  gboolean by_arrival; /* Kafka's timestamp is that of arrival, which no lag is known to bound */
  gboolean playing;    /* what is read goes downstream; else it is looked at to open or to seek */
  GError *ended;       /* what was to be read isn't there, and that ends the stream */

  GMutex lock; /* guards the rest */
  gboolean flushing;
  guint64 lost;
  guint64 damaged;
  GstClockTime duration;
};

/* In gstkafkatrack.c */

void gst_kafka_track_free (GstKafkaTrack *self);
/* (transfer full): all of them, in their order, with @offset */
rd_kafka_topic_partition_list_t *gst_kafka_replay_list_tracks (GstKafkaReplay *self, gint64 offset);
/* Puts each track at its offset in @list; one at its end isn't read. */
void gst_kafka_replay_place_tracks (
    GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *list);
/* Waits until @track has a head, or is at its end. FALSE: flushing, or ended */
gboolean gst_kafka_replay_fill_track (GstKafkaReplay *self, GstKafkaTrack *track);
/* The recording has another begin than was thought, or the track another place. */
void gst_kafka_replay_accept_reset (
    GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaReset *reset);

/* In gstkafkareplay.c */

gboolean gst_kafka_replay_is_flushing (GstKafkaReplay *self);

G_END_DECLS
