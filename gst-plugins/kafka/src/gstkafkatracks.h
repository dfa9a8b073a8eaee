/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/gstkafkafault.h"
#include "client/gstkafkaoutage.h"
#include "fogthread.h"
#include "src/consumer/gstkafkaconsumer.h"
#include "src/consumer/gstkafkahandle.h"
#include "src/partitions/gstkafkadamage.h"
#include "src/partitions/gstkafkalog.h"
#include "src/partitions/gstkafkareset.h"

G_BEGIN_DECLS

/* One partition of the recording. */
typedef struct {
  gchar *topic;
  gint partition;
  gint64 first; /* first offset of the recording in this partition, when the recording was opened */
  gint64 start; /* the oldest offset left in the log */
  gint64 end;
  rd_kafka_queue_t *queue;
  /* the next message, read ahead to compare it with those of other tracks */
  rd_kafka_message_t *head;
  GstClockTime head_time;  /* ns since the Unix epoch */
  GstClockTimeDiff before; /* time from the DTS of the head to its PTS, ns */
  gboolean decode_known;   /* the field `before` is known; otherwise it is 0 */
  guint beyond;            /* number of successive messages after the seek's stop */
  gboolean at_end;
  gboolean measured;   /* TRUE if the last message of the track is known */
  GstClockTime others; /* the last capture time of other cameras' messages; 0: none was read */
  gint64 wanted;       /* the offset that gst_kafka_tracks_place() seeks to; below 0: the end */
  gint64 position;     /* the next offset to read */
  gboolean astray;     /* the broker refused the position, which will be replaced */
  /* the refused offset, if this element requested it; -1: librdkafka derived it from damaged
   * data */
  gint64 refused_at;
  gboolean reset_told;
  gint64 heard;  /* the time when the last message or event of the track came, monotonic us */
  gint64 looked; /* the time when the track was last checked for silence, monotonic us */
  gboolean silence_told;
  gint64 lost;      /* number of offsets counted as deleted */
  gint64 lost_from; /* the first offset counted as deleted */
  GstKafkaLog log;
  GstKafkaDamage damage;
  GArray *holes; /* array of GstKafkaHole: the known damaged offsets */
} GstKafkaTrack;

typedef struct _GstKafkaQuestion GstKafkaQuestion;

/* The partitions of a recording, each of which is read ahead by one message, so that a replay can
 * compare their messages. The functions below find, count and report deleted, damaged and replaced
 * messages. Only the streaming thread may call these functions. No function blocks much longer than
 * a second. */
typedef struct {
  GstKafkaFault *fault; /* owned by the handle too */
  GstKafkaOutage outage;
  gatomicrefcount refs; /* reference count: one for the replay, one for each query */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  /* array of GstKafkaTrack, one for each partition; NULL before the recording is open */
  GPtrArray *all;
  gint64 deadline; /* the time when opening has to be finished, monotonic us; 0: not tried yet */
  /* messages captured before this time are skipped, ns since the Unix epoch */
  GstClockTime target;
  gboolean reorders; /* messages were found that aren't in the order of capture */
  /* the time when the last check of the tracks' logs began, monotonic us */
  gint64 checked;
  FogThread *check;        /* (nullable): the check of the tracks' logs that isn't answered yet */
  GstKafkaQuestion *asked; /* what `check` asks, and the answer */
  FogThread *contact;      /* (nullable): the query whether any broker answers */
  GstKafkaQuestion *contact_asked; /* what `contact` asks, and the answer */
  gchar *missing;                  /* text about a topic or partition that doesn't exist */
  /* shortest time in ms from capture to Kafka's timestamp of the messages seen so far; at most
   * 0 */
  gint64 least_lag;
  /* Kafka's timestamps are the times of arrival, so the delays of later messages aren't known */
  gboolean by_arrival;
  /* messages are pushed downstream; FALSE: messages are only examined, to open the replay */
  gboolean playing;
  gboolean held_told; /* TRUE if it is known whether messages are held back at the end */
  GError *ended;      /* the error that ends the stream, because messages are missing */
  gint asking;        /* number of questions that the brokers haven't answered yet; atomic */
  gboolean asking_told;
  gint gone; /* librdkafka reports that a partition is gone; atomic */

  GMutex lock; /* guards the fields below */
  gboolean flushing;
  guint64 lost;
  guint64 damaged;
  /* number of messages read of other cameras; a message that is read again after a seek counts
   * again */
  guint64 others;
} GstKafkaTracks;

/* Takes ownership of @conf and @settings. */
GstKafkaTracks *gst_kafka_tracks_new (
    rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error);
/* The client is ended on another thread, because librdkafka 2.0.2 never ends a client that has read
 * a topic which was deleted later. The memory of @self is freed when the last query has
 * returned. */
void gst_kafka_tracks_free (GstKafkaTracks *self);

/* Looks up the partitions, and the begin and end of the recording in each of them. Call the
 * function again after %GST_KAFKA_READ_FLUSHING. Returns: %GST_KAFKA_READ_MESSAGE when the
 * partitions are known, %GST_KAFKA_READ_FAILED with @error */
GstKafkaRead gst_kafka_tracks_open (GstKafkaTracks *self, GError **error);

/* Sets `wanted` of each track to the first offset with Kafka's timestamp @ms or later, and counts
 * deleted messages: if this offset is the oldest one left of a track, earlier messages may have
 * been deleted. During a flush the function returns at once, with RD_KAFKA_RESP_ERR__INTR. */
rd_kafka_resp_err_t gst_kafka_tracks_find_time (GstKafkaTracks *self, gint64 ms);
/* Seeks each track to the offset `wanted`. A track at its end isn't read any more. */
void gst_kafka_tracks_place (GstKafkaTracks *self);

/* Waits until @track has a message, or is at its end. Returns FALSE if the element is flushing, or
 * the stream has ended. */
gboolean gst_kafka_tracks_fill_one (GstKafkaTracks *self, GstKafkaTrack *track);
/* Like gst_kafka_tracks_fill_one(), for all tracks. */
gboolean gst_kafka_tracks_fill (GstKafkaTracks *self);
/* Returns the reason why reading has stopped: @err of a query, a flush, or the end of the
 * stream. */
GstKafkaRead gst_kafka_tracks_explain (
    GstKafkaTracks *self, rd_kafka_resp_err_t err, GError **error);

/* Checks at intervals whether a track's log was replaced. If a log was replaced, the stream ends.
 * The streaming thread doesn't wait for the answer. */
void gst_kafka_tracks_check_logs (GstKafkaTracks *self);
/* The recording ends at the last stable offset that was known when it was opened. Reports once if
 * the messages after it are held back by an open transaction, and weren't only published later.
 * Returns FALSE if the element is flushing. */
gboolean gst_kafka_tracks_look_for_held (GstKafkaTracks *self);

G_END_DECLS
