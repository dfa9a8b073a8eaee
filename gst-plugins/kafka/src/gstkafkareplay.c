/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkareplay.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkafault.h"
#include "client/gstkafkaquery.h"
#include "fogthread.h"
#include "gstkafkamessage.h"
#include "src/consumer/gstkafkadiscovery.h"
#include "src/partitions/gstkafkadamage.h"
#include "src/partitions/gstkafkaheld.h"
#include "src/partitions/gstkafkalog.h"
#include "src/partitions/gstkafkareset.h"
#include "client/gstkafkaclient.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/*
 * The following times are used in a replay:
 *
 * - A message's capture time is its header `capture-time` if that is plausible (not before 2000,
 *   less than an hour ahead of Kafka's timestamp), else Kafka's timestamp. Order, PTS, duration and
 *   seeks use the capture time.
 * - Within a session of a camera, `seq` decides the order, not the capture time, so that B-frames
 *   leave in the order in which a decoder needs them.
 * - The window (start-time, end-time) uses Kafka's timestamp, because brokers search by nothing
 *   else: the capture time with CreateTime, the time of arrival at the broker with LogAppendTime.
 * - PTS 0, the origin, is start-time, or the first capture time if that is earlier or if start-time
 *   is unset.
 * - The duration reaches to the end of the message that was captured last. If the last 256
 *   messages of a partition are of other cameras, the duration reaches to the last of these
 *   messages.
 * - The DTS lies as long before the PTS as in the buffer that was sent. A DTS is never negative:
 *   the DTS of the first B-frames become 0, 1, 2 ns.
 * - A seek's stop is reached only when all remaining frames have a DTS after the stop, because
 *   B-frames that are shown before the stop follow a frame that is shown after it.
 */

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

/* Unreadable offsets: a damaged batch, or the part of it that a seek has reached. */
typedef struct {
  gint64 from;
  gint64 good;
  /* offset from which on all offsets of the hole are counted and reported already */
  gint64 counted;
} GstKafkaHole;

typedef struct _GstKafkaQuestion GstKafkaQuestion;

struct _GstKafkaReplay {
  /* the first member, because gst_kafka_client_new() makes it the opaque pointer */
  GstKafkaFault fault;
  gatomicrefcount refs; /* reference count: one for the element, one for each query */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  GPtrArray *tracks; /* GstKafkaTracks; NULL before the replay is open */
  gint64 deadline;   /* the time when opening has to be finished, monotonic us; 0: not tried yet */
  GstClockTime origin; /* ns since the Unix epoch */
  /* messages captured before this time are skipped, ns since the Unix epoch */
  GstClockTime target;
  GstClockTime stop;      /* stop of a seek, relative to the origin; GST_CLOCK_TIME_NONE: none */
  GstClockTime least_dts; /* the smallest DTS that isn't used yet */
  gboolean reorders;      /* messages were found that aren't in the order of capture */
  /* target of a pending seek of the tracks, relative to the origin; GST_CLOCK_TIME_NONE: no seek
   * is pending */
  GstClockTime seek_time;
  /* the time when the last check of the tracks' logs began, monotonic us */
  gint64 checked;
  GstKafkaQuery *check;    /* (nullable): the check of the tracks' logs that isn't answered yet */
  GstKafkaQuestion *asked; /* the data of `check` */
  gchar *missing;          /* text about a topic or partition that doesn't exist */
  /* shortest time in ms from capture to Kafka's timestamp of the messages seen so far; at most
   * 0 */
  gint64 least_lag;
  /* Kafka's timestamps are the times of arrival, so the delays of later messages aren't known */
  gboolean by_arrival;
  /* messages are pushed downstream; FALSE: messages are only examined, to open the replay */
  gboolean playing;
  gboolean held_told; /* TRUE if it is known whether messages are held back at the end */
  GError *ended;      /* the error that ends the stream, because messages are missing */
  gint gone;          /* librdkafka reports that a partition is gone; atomic */

  GMutex lock; /* guards the fields below */
  gboolean flushing;
  guint64 lost;
  guint64 damaged;
  /* number of messages read of other cameras; a message that is read again after a seek counts
   * again */
  guint64 others;
  GstClockTime duration;
};

G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaReplay, fault) == 0);

/* A question to the brokers, with their answer. Each kind of question uses some of the fields. */
struct _GstKafkaQuestion {
  GstKafkaReplay *replay; /* a reference */
  void (*ask) (GstKafkaQuestion *self);
  rd_kafka_resp_err_t err;
  /* (nullable): the times or logical offsets to query, which the answer replaces by offsets */
  rd_kafka_topic_partition_list_t *list;
  gchar *topic; /* (nullable): the topic of a position that was refused */
  gint partition;
  gint64 from;
  gboolean refused;
  GstKafkaReset reset;
  GstKafkaDiscovery found;
  GstKafkaPosition *positions; /* (nullable): the positions of the partitions in `found` */
};

/* --- one partition --- */

#define POLL_TIME_MS 200
#define CHECK_TIME (2 * G_TIME_SPAN_SECOND)

static void
track_free (GstKafkaTrack *self)
{
  g_clear_pointer (&self->head, rd_kafka_message_destroy);
  g_clear_pointer (&self->queue, rd_kafka_queue_destroy);
  g_clear_pointer (&self->holes, g_array_unref);
  g_free (self->topic);
  g_free (self);
}

static gboolean
is_flushing (GstKafkaReplay *self)
{
  gboolean flushing;

  g_mutex_lock (&self->lock);
  flushing = self->flushing;
  g_mutex_unlock (&self->lock);
  return flushing;
}

/* --- questions to the brokers --- */

static void replay_unref (GstKafkaReplay *self);

/* Takes ownership of @list (nullable). */
static GstKafkaQuestion *
question_new (GstKafkaReplay *self, void (*ask) (GstKafkaQuestion *self),
    rd_kafka_topic_partition_list_t *list)
{
  GstKafkaQuestion *question = g_new0 (GstKafkaQuestion, 1);

  g_atomic_ref_count_inc (&self->refs);
  question->replay = self;
  question->ask = ask;
  question->list = list;
  return question;
}

static void
question_free (gpointer data)
{
  GstKafkaQuestion *self = data;

  g_clear_pointer (&self->list, rd_kafka_topic_partition_list_destroy);
  gst_kafka_discovery_clear (&self->found);
  g_free (self->positions);
  g_free (self->topic);
  replay_unref (self->replay);
  g_free (self);
}

static void
ask (gpointer data)
{
  GstKafkaQuestion *question = data;

  question->ask (question);
  GST_LOG ("%s: a question is answered: %s", rd_kafka_name (question->replay->rk),
      rd_kafka_err2name (question->err));
}

static void
ask_offsets (GstKafkaQuestion *self)
{
  self->err = rd_kafka_offsets_for_times (self->replay->rk, self->list, GST_KAFKA_ANSWER_MS);
}

static void
ask_reset (GstKafkaQuestion *self)
{
  self->err = gst_kafka_reset_ask (self->replay->settings->range.reset, self->replay->rk,
      self->topic, self->partition, self->from, self->refused, GST_KAFKA_ANSWER_MS, &self->reset);
}

static void
ask_topics (GstKafkaQuestion *self)
{
  self->err = gst_kafka_discover (
      self->replay->rk, self->replay->settings, GST_KAFKA_ANSWER_MS, &self->found);
}

/* Queries the brokers for the partitions, and for the begin and end of the recording in each
 * partition. */
static void
ask_ranges (GstKafkaQuestion *self)
{
  ask_topics (self);
  if (self->err || self->found.refused || self->found.missing)
    return;
  self->positions = g_new0 (GstKafkaPosition, self->found.list->cnt);
  self->err = gst_kafka_range_resolve (
      &self->replay->settings->range, self->replay->rk, self->found.list, self->positions);
}

static gboolean
is_interrupted (gpointer replay)
{
  return is_flushing (replay);
}

/* Takes ownership of @question, which lives as long as the query that is returned. Returns:
 * (transfer full) (nullable): the answered query; NULL if a flush came before the answer. */
static GstKafkaQuery *
wait_for_answer (GstKafkaReplay *self, GstKafkaQuestion *question)
{
  GstKafkaQuery *query = gst_kafka_query_new (ask, question, question_free);

  GST_DEBUG_OBJECT (self->settings->pad, "asking the brokers");
  if (!gst_kafka_query_wait (query, is_interrupted, self))
    g_clear_pointer (&query, gst_kafka_query_free);
  return query;
}

/* Replaces the times or logical offsets in @list by the offsets found. During a flush the function
 * returns at once, with RD_KAFKA_RESP_ERR__INTR. */
static rd_kafka_resp_err_t
find_offsets (GstKafkaReplay *self, rd_kafka_topic_partition_list_t *list)
{
  GstKafkaQuestion *question =
      question_new (self, ask_offsets, rd_kafka_topic_partition_list_copy (list));
  GstKafkaQuery *query = wait_for_answer (self, question);
  rd_kafka_resp_err_t err;

  if (!query)
    return RD_KAFKA_RESP_ERR__INTR;
  err = question->err;
  for (gint i = 0; !err && i < list->cnt; i++) {
    list->elems[i].offset = question->list->elems[i].offset;
    list->elems[i].err = question->list->elems[i].err;
  }
  gst_kafka_query_free (query);
  return err;
}

/* --- positions --- */

static GstClockTime
capture_time_of (const rd_kafka_message_t *message)
{
  GstClockTime time = gst_kafka_message_get_capture_time (message);

  return GST_CLOCK_TIME_IS_VALID (time) ? time : 0;
}

/* Returns: (transfer full): a list of all tracks in their order, each with @offset */
static rd_kafka_topic_partition_list_t *
list_tracks (GstKafkaReplay *self, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list =
      rd_kafka_topic_partition_list_new ((int) self->tracks->len);

  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    rd_kafka_topic_partition_list_add (list, track->topic, track->partition)->offset = offset;
  }
  return list;
}

/* Seeks each track to its offset in @list. A track at its end isn't read any more. */
static void
place_tracks (GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *list)
{
  rd_kafka_topic_partition_list_t *reading = rd_kafka_topic_partition_list_new (list->cnt);

  self->least_dts = 0;
  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);
    gint64 offset = list->elems[i].offset;

    g_clear_pointer (&track->head, rd_kafka_message_destroy);
    track->astray = FALSE;
    track->beyond = 0;
    track->heard = g_get_monotonic_time ();
    track->head_time = 0;
    gst_kafka_damage_init (&track->damage);
    offset = offset < 0 ? track->end : MAX (offset, track->start);
    track->position = offset;
    GST_DEBUG_OBJECT (self->settings->pad,
        "partition %d of %s: from offset %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
        track->partition, track->topic, offset, track->end);
    track->at_end = offset >= track->end;
    if (!track->at_end)
      rd_kafka_topic_partition_list_add (reading, track->topic, track->partition)->offset = offset;
  }
  /* The tracks are assigned anew, because the seek of librdkafka before 2.1 times out a thousand
   * times too early. */
  rd_kafka_assign (self->rk, reading);
  rd_kafka_topic_partition_list_destroy (reading);
}

/* Learns the time from a message's capture to its arrival at the broker. */
static void
note_lag (GstKafkaReplay *self, const rd_kafka_message_t *message)
{
  rd_kafka_timestamp_type_t type;
  gint64 timestamp = rd_kafka_message_timestamp (message, &type);

  self->by_arrival |= type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
  if (timestamp > 0)
    self->least_lag =
        MIN (self->least_lag, timestamp - (gint64) (capture_time_of (message) / GST_MSECOND));
}

static void
warn (GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaReset *reset)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element && !track->reset_told)
    gst_kafka_reset_warn (reset, element, track->topic, track->partition);
  track->reset_told = TRUE;
  gst_clear_object (&element);
}

/* Counts each deleted offset once, however often a seek reaches it. Deleted messages are always the
 * oldest ones, so the offsets counted before either lie after the offsets in @reset, or are the
 * last of the offsets in @reset. */
static void
count_lost (GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaReset *reset)
{
  gint64 fresh = MAX (reset->lost, 0);

  if (fresh == 0)
    return;
  if (reset->from <= track->lost_from)
    fresh -= track->lost;
  track->lost_from = MIN (track->lost_from, reset->from);
  track->lost += fresh;
  g_mutex_lock (&self->lock);
  self->lost += (guint64) fresh;
  g_mutex_unlock (&self->lock);
}

/* Applies @reset: sets a new beginning of the recording, or a new position of the track. */
static void
accept_reset (GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaReset *reset)
{
  GST_INFO_OBJECT (self->settings->pad,
      "partition %d of topic \"%s\": from offset %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
      track->partition, track->topic, reset->from, reset->to);
  track->start =
      reset->reason == GST_KAFKA_RESET_DELETED ? MAX (track->start, reset->to) : reset->to;
  count_lost (self, track, reset);
  if (gst_kafka_reset_is_error (reset, self->settings->range.reset) && !self->ended)
    self->ended = gst_kafka_reset_to_error (reset, track->topic, track->partition);
  else
    warn (self, track, reset);
}

static gint64
get_place (const GstKafkaTrack *self)
{
  return gst_kafka_damage_is_searched (&self->damage) ? self->damage.tried : self->position;
}

static gint64
get_high (GstKafkaReplay *self, const GstKafkaTrack *track)
{
  return gst_kafka_reset_get_high (self->rk, track->topic, track->partition, track->end);
}

static void
note_refusal (GstKafkaReplay *self, GstKafkaTrack *track, gint64 offset)
{
  gboolean asked = gst_kafka_reset_was_asked (offset, get_place (track), get_high (self, track));

  GST_DEBUG ("%s: offset %" G_GINT64_FORMAT " of partition %d of %s is refused; %s",
      rd_kafka_name (self->rk), offset, track->partition, track->topic,
      asked ? "it was asked for" : "nobody asked for it");
  track->astray = TRUE;
  track->refused_at = asked && !gst_kafka_damage_is_searched (&track->damage) ? offset : -1;
}

/* --- replaced logs --- */

static void
end_for_another_log (GstKafkaReplay *self, const GstKafkaTrack *track)
{
  const GstKafkaReset reset = {.reason = GST_KAFKA_RESET_REPLACED};
  g_autofree gchar *what = gst_kafka_reset_describe (&reset, track->topic, track->partition);

  GST_INFO_OBJECT (self->settings->pad, "%s", what);
  if (!self->ended)
    self->ended = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
        "%s The recording that is replayed is deleted. Start the replay again.", what);
}

static void
take_log (GstKafkaReplay *self, GstKafkaTrack *track, const rd_kafka_topic_partition_t *answer)
{
  if (!answer->err && gst_kafka_log_take_answer (&track->log, answer->offset))
    end_for_another_log (self, track);
}

static void
begin_check (GstKafkaReplay *self)
{
  rd_kafka_topic_partition_list_t *list = list_tracks (self, 0);
  gint64 time = g_get_real_time () / G_TIME_SPAN_MILLISECOND;

  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    list->elems[i].offset = gst_kafka_log_begin (&track->log, track->end, time);
  }
  self->asked = question_new (self, ask_offsets, list);
  self->check = gst_kafka_query_new (ask, self->asked, question_free);
  self->checked = g_get_monotonic_time ();
}

static void
end_check (GstKafkaReplay *self)
{
  const rd_kafka_topic_partition_list_t *list = self->asked->list;

  for (gint i = 0; !self->asked->err && i < list->cnt; i++)
    take_log (self, g_ptr_array_index (self->tracks, i), &list->elems[i]);
  g_clear_pointer (&self->check, gst_kafka_query_free);
  self->asked = NULL;
}

/* Checks at intervals whether a track's log was replaced. If a log was replaced, the stream ends.
 * The streaming thread doesn't wait for the answer. */
static void
check_logs (GstKafkaReplay *self)
{
  if (self->check && gst_kafka_query_is_answered (self->check))
    end_check (self);
  if (!self->check && g_get_monotonic_time () - self->checked >= CHECK_TIME)
    begin_check (self);
}

static void
place_at (GstKafkaReplay *self, GstKafkaTrack *track, gint64 from, const GstKafkaReset *reset)
{
  track->astray = FALSE;
  if (reset->reason == GST_KAFKA_RESET_BEYOND && from <= track->end) {
    end_for_another_log (self, track);
    return;
  }
  if (reset->reason != GST_KAFKA_RESET_NONE) {
    gst_kafka_damage_init (&track->damage);
    accept_reset (self, track, reset);
    track->position = reset->to;
  }
  track->at_end = track->position >= track->end;
  if (!track->at_end)
    gst_kafka_reset_reassign (self->rk, track->topic, track->partition, get_place (track));
}

/* Queries the broker for a new position of the track. If the broker doesn't answer, the next round
 * queries it again. */
static void
place_again (GstKafkaReplay *self, GstKafkaTrack *track)
{
  GstKafkaQuestion *question = question_new (self, ask_reset, NULL);
  GstKafkaQuery *query;

  question->topic = g_strdup (track->topic);
  question->partition = track->partition;
  question->refused = track->refused_at >= 0;
  question->from = question->refused ? track->refused_at : track->position;
  query = wait_for_answer (self, question);
  if (query && !question->err)
    place_at (self, track, question->from, &question->reset);
  g_clear_pointer (&query, gst_kafka_query_free);
}

/* --- damage --- */

/* Returns: (nullable): the hole that contains @offset */
static GstKafkaHole *
find_hole (const GstKafkaTrack *self, gint64 offset)
{
  for (guint i = 0; i < self->holes->len; i++) {
    GstKafkaHole *hole = &g_array_index (self->holes, GstKafkaHole, i);

    if (offset >= hole->from && offset < hole->good)
      return hole;
  }
  return NULL;
}

static GstKafkaHole *
add_hole (GstKafkaTrack *self, gint64 from, gint64 good)
{
  GstKafkaHole *known = find_hole (self, good - 1), added = {from, good, good};

  if (known) {
    known->from = MIN (known->from, from);
    return known;
  }
  g_array_append_val (self->holes, added);
  return &g_array_index (self->holes, GstKafkaHole, self->holes->len - 1);
}

/* Counts and reports each damaged offset once, when the replay reaches the offset for the first
 * time. */
static void
count_hole (GstKafkaReplay *self, const GstKafkaTrack *track, GstKafkaHole *hole, gint64 from)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);
  gint64 to = MIN (hole->counted, track->end);

  hole->counted = MIN (hole->counted, from);
  if (element && from < to) {
    g_mutex_lock (&self->lock);
    self->damaged += to - from;
    g_mutex_unlock (&self->lock);
    gst_kafka_damage_warn (element, track->topic, track->partition, from, to);
  }
  gst_clear_object (&element);
}

static void
pass_over (GstKafkaReplay *self, GstKafkaTrack *track, GstKafkaHole *hole, gint64 from)
{
  track->position = hole->good;
  track->at_end = hole->good >= track->end;
  if (self->playing)
    count_hole (self, track, hole, from);
}

static void
go_on_searching (GstKafkaReplay *self, GstKafkaTrack *track)
{
  gint64 from, good;

  track->heard = g_get_monotonic_time ();
  gst_kafka_reset_seek (self->rk, track->topic, track->partition, track->damage.tried);
  if (!gst_kafka_damage_take_found (&track->damage, &from, &good))
    return;
  GST_INFO_OBJECT (self->settings->pad,
      "offsets %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " of partition %d of %s are damaged",
      from, good - 1, track->partition, track->topic);
  pass_over (self, track, add_hole (track, from, good), from);
}

static void
take_damage (GstKafkaReplay *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  GstKafkaHole *known = find_hole (track, track->position);

  GST_INFO_OBJECT (self->settings->pad, "%s", gst_kafka_damage_describe (message));
  if (known) {
    gst_kafka_reset_seek (self->rk, track->topic, track->partition, known->good);
    pass_over (self, track, known, track->position);
    return;
  }
  gst_kafka_damage_note_bad (
      &track->damage, message->offset, track->position, get_high (self, track));
  go_on_searching (self, track);
}

/* Returns TRUE if the message was read to find the end of a damaged batch. */
static gboolean
take_sound (GstKafkaReplay *self, GstKafkaTrack *track)
{
  if (!gst_kafka_damage_is_searched (&track->damage))
    return FALSE;
  gst_kafka_damage_note_good (&track->damage, get_high (self, track));
  go_on_searching (self, track);
  return TRUE;
}

/* An unreadable message ends a replay with an error. */
static void
end_for (GstKafkaReplay *self, const rd_kafka_message_t *message)
{
  rd_kafka_resp_err_t err = message->err ? message->err : RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
  g_autofree gchar *tried =
      g_strdup_printf ("replay message %" G_GINT64_FORMAT " of partition %d of %s", message->offset,
          message->partition, self->settings->where);
  g_autofree gchar *size =
      message->err ? NULL
                   : g_strdup_printf ("it has %" G_GSIZE_FORMAT
                                      " bytes, message-max-bytes allows %" G_GUINT64_FORMAT,
                         message->len, self->settings->message_max_bytes);

  GST_INFO_OBJECT (self->settings->pad, "%s", size ? size : rd_kafka_err2name (err));
  if (!self->ended)
    self->ended = gst_kafka_error_new (
        tried, err, size ? size : rd_kafka_message_errstr (message), GST_RESOURCE_ERROR_READ);
}

/* Handles a message whose offset the broker's log doesn't have: this offset is damaged, because no
 * CRC covers it. */
static void
take_strange (GstKafkaReplay *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  if (!self->settings->fail_on_damage)
    take_damage (self, track, message);
  else if (!self->ended)
    self->ended = gst_kafka_error_new ("replay", RD_KAFKA_RESP_ERR__BAD_MSG,
        gst_kafka_damage_describe (message), GST_RESOURCE_ERROR_READ);
}

static void
take_trouble (GstKafkaReplay *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    track->at_end = !take_sound (self, track) || track->at_end;
  else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
    note_refusal (self, track, message->offset);
  else if (gst_kafka_damage_is_error (message->err) && !self->settings->fail_on_damage)
    take_damage (self, track, message);
  else if (gst_kafka_error_is_passing (message->err))
    GST_INFO_OBJECT (self->settings->pad, "%s", rd_kafka_message_errstr (message));
  else
    end_for (self, message);
}

static void
note_times (GstKafkaReplay *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  GstClockTime last = track->head_time;

  track->head_time = capture_time_of (message);
  track->decode_known = gst_kafka_message_get_reorder (message, &track->before);
  self->reorders |= track->head_time < last;
}

static void
note_other (GstKafkaReplay *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  track->others = MAX (track->others, capture_time_of (message));
  g_mutex_lock (&self->lock);
  self->others++;
  g_mutex_unlock (&self->lock);
}

/* Takes ownership of @message. */
static void
take_head (GstKafkaReplay *self, GstKafkaTrack *track, rd_kafka_message_t *message)
{
  rd_kafka_timestamp_type_t unused;

  track->heard = g_get_monotonic_time ();
  if (message->err) {
    take_trouble (self, track, message);
  } else if (message->offset >= get_high (self, track)) {
    take_strange (self, track, message);
  } else if (message->offset >= track->end && !gst_kafka_damage_is_searched (&track->damage)) {
    track->at_end = TRUE;
  } else if (take_sound (self, track)) {
    GST_DEBUG (
        "%s: offset %" G_GINT64_FORMAT " can be read", rd_kafka_name (self->rk), message->offset);
  } else if (message->len > self->settings->message_max_bytes) {
    end_for (self, message);
  } else {
    track->position = message->offset + 1;
    gst_kafka_log_note (&track->log, rd_kafka_message_timestamp (message, &unused));
    if (!gst_kafka_message_is_of_camera (message, self->settings->camera)) {
      note_other (self, track, message);
    } else {
      note_lag (self, message);
      note_times (self, track, message);
      if (track->head_time >= self->target)
        track->head = g_steal_pointer (&message);
    }
  }
  g_clear_pointer (&message, rd_kafka_message_destroy);
}

static void
warn_of_silence (GstKafkaReplay *self, GstKafkaTrack *track)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element && !track->silence_told)
    gst_kafka_damage_warn_of_silence (element, track->topic, track->partition, track->position);
  track->silence_told = TRUE;
  gst_clear_object (&element);
}

static gboolean
is_answered (GstKafkaReplay *self, const GstKafkaTrack *track)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);
  gboolean answered;

  rd_kafka_topic_partition_list_add (list, track->topic, track->partition)->offset =
      RD_KAFKA_OFFSET_BEGINNING;
  answered = !find_offsets (self, list) && !list->elems[0].err;
  rd_kafka_topic_partition_list_destroy (list);
  return answered;
}

/* Ends the stream if a topic was deleted: librdkafka reports the deletion once, and reads no more
 * messages of the topic. A query confirms the deletion, because a broker that has just started may
 * not know its topics yet. */
static void
look_for_deleted_topic (GstKafkaReplay *self)
{
  GstKafkaQuestion *question;
  GstKafkaQuery *query;

  if (!g_atomic_int_get (&self->gone))
    return;
  question = question_new (self, ask_topics, NULL);
  query = wait_for_answer (self, question);
  if (!query)
    return;
  if (!question->err && question->found.missing && !self->ended)
    self->ended = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "%s was deleted while it was replayed.", question->found.missing);
  if (!question->err)
    g_atomic_int_set (&self->gone, FALSE);
  gst_kafka_query_free (query);
}

/* Handles a track from which no message comes although messages exist, because librdkafka doesn't
 * report some kinds of damage, and fetches the same batch again and again. */
static void
look_for_silence (GstKafkaReplay *self, GstKafkaTrack *track)
{
  gint64 now = g_get_monotonic_time ();
  gboolean searched = gst_kafka_damage_is_searched (&track->damage);

  if (now - MAX (track->heard, track->looked) < G_TIME_SPAN_SECOND)
    return;
  track->looked = now;
  look_for_deleted_topic (self);
  if (!is_answered (self, track)) {
    track->heard = now;
  } else if (searched && now - track->heard >= GST_KAFKA_SEARCH_TIME) {
    gst_kafka_damage_note_bad (
        &track->damage, track->damage.bad, track->position, get_high (self, track));
    go_on_searching (self, track);
  } else if (!searched && now - track->heard >= GST_KAFKA_SILENCE_TIME) {
    warn_of_silence (self, track);
  }
}

/* Waits until @track has a message, or is at its end. Returns FALSE if the element is flushing, or
 * the stream has ended. */
static gboolean
fill_track (GstKafkaReplay *self, GstKafkaTrack *track)
{
  /* The time of waiting for the track begins now, because before this call the pipeline may have
   * been busy. */
  track->heard = g_get_monotonic_time ();
  while (!track->head && !track->at_end) {
    rd_kafka_message_t *message = rd_kafka_consume_queue (track->queue, POLL_TIME_MS);

    if (message)
      take_head (self, track, message);
    else
      look_for_silence (self, track);
    if (track->astray)
      place_again (self, track);
    if (self->ended || is_flushing (self))
      return FALSE;
  }
  return TRUE;
}

/* --- life --- */

#define OPEN_TIME (10 * G_TIME_SPAN_SECOND)
#define STOP_TIME (2 * G_TIME_SPAN_SECOND)
#define FIRST_LOOK_BACK GST_SECOND
/* The number of messages at the head of a track among which the first captured one is searched. */
#define LOOK_AHEAD 8
/* The number of B-frames that may follow a frame and be shown before it: at most 16 in H.264 and
 * H.265. */
#define MOST_REORDERED 16
/* The longest time (ns) by which the order of arrival at the broker may differ from the order of
 * capture. */
#define DISORDER (10 * GST_SECOND)

/* The last message of a track is searched among its last LOOK_BACK offsets at first. The number of
 * offsets grows by the factor LOOK_BACK_GROWTH from one search to the next; if messages of other
 * cameras are found, the search ends at MOST_LOOK_BACK. */
#define LOOK_BACK 4
#define LOOK_BACK_GROWTH 8
#define MOST_LOOK_BACK 256

static void
take_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  GstKafkaReplay *self = opaque;

  GST_INFO ("%s: %s: %s", rd_kafka_name (rk), rd_kafka_err2name (err), reason);
  gst_kafka_fault_note (&self->fault, err, reason);
  if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    g_atomic_int_set (&self->gone, TRUE);
}

GstKafkaReplay *
gst_kafka_replay_new (rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error)
{
  GstKafkaReplay *self = g_new0 (GstKafkaReplay, 1);

  g_atomic_ref_count_init (&self->refs);
  gst_kafka_fault_init (&self->fault);
  g_mutex_init (&self->lock);
  self->settings = settings;
  self->origin = self->duration = self->seek_time = self->stop = GST_CLOCK_TIME_NONE;
  rd_kafka_conf_set_error_cb (conf, take_error);
  self->rk = gst_kafka_client_new (RD_KAFKA_CONSUMER, conf, &self->fault, error);
  if (!self->rk) {
    gst_kafka_replay_free (self);
    return NULL;
  }
  rd_kafka_poll_set_consumer (self->rk);
  self->handle = gst_kafka_handle_new (self->rk);
  return self;
}

static void
replay_unref (GstKafkaReplay *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->tracks, g_ptr_array_unref);
  g_clear_pointer (&self->handle, gst_kafka_handle_unref_and_wait);
  gst_kafka_consumer_settings_free (self->settings);
  gst_kafka_fault_clear (&self->fault);
  g_free (self->missing);
  g_clear_error (&self->ended);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static gpointer
end_replay (gpointer data)
{
  replay_unref (data);
  return NULL;
}

/* The client is ended on another thread, because librdkafka 2.0.2 never ends a client that has read
 * a topic which was deleted later. The replay lives until its last query returns. */
void
gst_kafka_replay_free (GstKafkaReplay *self)
{
  FogThread *thread;

  g_clear_pointer (&self->check, gst_kafka_query_free);
  thread = fog_thread_new ("kafkasrc-replay", end_replay, self, NULL);
  if (!fog_thread_end (thread, g_get_monotonic_time () + STOP_TIME))
    GST_WARNING ("librdkafka %s doesn't end the client: its threads and connections stay",
        rd_kafka_version_str ());
}

static GstKafkaRead
fail (GstKafkaReplay *self, rd_kafka_resp_err_t err, GError **error)
{
  g_autofree gchar *tried = g_strdup_printf ("replay %s", self->settings->where);
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t fault =
      err != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ? gst_kafka_fault_get (&self->fault, &detail) : 0;

  g_propagate_error (error, gst_kafka_error_new (tried, fault ? fault : err,
                                fault ? detail : self->missing, GST_RESOURCE_ERROR_OPEN_READ));
  return GST_KAFKA_READ_FAILED;
}

/* Returns the reason why reading has stopped. */
static GstKafkaRead
stop (GstKafkaReplay *self, GError **error)
{
  if (!self->ended || is_flushing (self))
    return GST_KAFKA_READ_FLUSHING;
  g_propagate_error (error, g_error_copy (self->ended));
  return GST_KAFKA_READ_FAILED;
}

static void
look_for_throttling (GstKafkaReplay *self)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element)
    gst_kafka_fault_warn_of_throttling (&self->fault, element, "consumer_byte_rate");
  gst_clear_object (&element);
}

static gboolean
fill_tracks (GstKafkaReplay *self)
{
  rd_kafka_message_t *event = rd_kafka_consumer_poll (self->rk, 0);

  g_clear_pointer (&event, rd_kafka_message_destroy);
  look_for_throttling (self);
  for (guint i = 0; i < self->tracks->len; i++)
    if (!fill_track (self, g_ptr_array_index (self->tracks, i)))
      return FALSE;
  return TRUE;
}

/* Returns: (nullable): the track whose head was captured first; NULL if all are at their end */
static GstKafkaTrack *
find_earliest (GstKafkaReplay *self)
{
  GstKafkaTrack *first = NULL;

  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    if (track->head && (!first || track->head_time < first->head_time))
      first = track;
  }
  return first;
}

/* Returns: (nullable): the track whose head comes next: within the session of the message that was
 * captured first, the head with the lowest number */
static GstKafkaTrack *
find_first (GstKafkaReplay *self)
{
  GstKafkaTrack *first = find_earliest (self);
  guint64 seq, lowest;

  if (!first || !gst_kafka_message_get_seq (first->head, &lowest))
    return first;
  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    if (track->head && gst_kafka_message_is_of_session (track->head, first->head) &&
        gst_kafka_message_get_seq (track->head, &seq) && seq < lowest) {
      lowest = seq;
      first = track;
    }
  }
  return first;
}

/* --- opening --- */

static void
check_start (GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaPosition *at)
{
  GstKafkaReset reset = at->reset;

  if (reset.reason == GST_KAFKA_RESET_NONE)
    reset = gst_kafka_reset_decide (self->settings->range.reset, track->start, at->low, at->high);
  if (reset.reason != GST_KAFKA_RESET_NONE)
    accept_reset (self, track, &reset);
}

static void
add_track (GstKafkaReplay *self, const rd_kafka_topic_partition_t *from, const GstKafkaPosition *at)
{
  GstKafkaTrack *track = g_new0 (GstKafkaTrack, 1);

  track->topic = g_strdup (from->topic);
  track->partition = from->partition;
  track->first = track->start = MAX (at->start, 0);
  track->lost_from = G_MAXINT64;
  track->end = at->end;
  gst_kafka_damage_init (&track->damage);
  gst_kafka_log_init (&track->log);
  track->holes = g_array_new (FALSE, FALSE, sizeof (GstKafkaHole));
  /* Each track has a queue of its own, so that the reader can wait for a single track. */
  track->queue = rd_kafka_queue_get_partition (self->rk, track->topic, track->partition);
  rd_kafka_queue_forward (track->queue, NULL);
  g_ptr_array_add (self->tracks, track);
  check_start (self, track, at);
}

static void
warn_if_empty (GstKafkaReplay *self, const GstKafkaPosition *positions, gint count)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element)
    gst_kafka_range_warn_if_empty (&self->settings->range, positions, count, element);
  gst_clear_object (&element);
}

static void
add_tracks (GstKafkaReplay *self, const GstKafkaQuestion *answer)
{
  const rd_kafka_topic_partition_list_t *list = answer->found.list;

  warn_if_empty (self, answer->positions, list->cnt);
  self->tracks = g_ptr_array_new_with_free_func ((GDestroyNotify) track_free);
  for (gint i = 0; i < list->cnt; i++)
    add_track (self, &list->elems[i], &answer->positions[i]);
}

static rd_kafka_resp_err_t
take_ranges (GstKafkaReplay *self, const GstKafkaQuestion *answer)
{
  if (answer->err)
    return answer->err;
  if (!answer->found.refused && !answer->found.missing) {
    add_tracks (self, answer);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  g_free (self->missing);
  self->missing = answer->found.refused
                      ? gst_kafka_discovery_explain_refusal (&answer->found)
                      : g_strconcat (answer->found.missing, " doesn't exist", NULL);
  return answer->found.refused ? answer->found.refused : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

static rd_kafka_resp_err_t
find_tracks (GstKafkaReplay *self)
{
  GstKafkaQuestion *question = question_new (self, ask_ranges, NULL);
  GstKafkaQuery *query = wait_for_answer (self, question);
  rd_kafka_resp_err_t err;

  if (!query)
    return RD_KAFKA_RESP_ERR__INTR;
  err = take_ranges (self, question);
  gst_kafka_query_free (query);
  return err;
}

static gint64
look_from (const GstKafkaTrack *self, gint64 back)
{
  return MAX (self->end - back, self->start);
}

/* Reads the last @back offsets of @track. Returns FALSE if the pad is flushing */
static gboolean
look_at_end (GstKafkaReplay *self, GstKafkaTrack *track, gint64 back, GstClockTime *last)
{
  while (fill_track (self, track) && track->head) {
    *last = MAX (*last, track->head_time + gst_kafka_message_get_duration (track->head));
    track->measured = TRUE;
    g_clear_pointer (&track->head, rd_kafka_message_destroy);
  }
  if (!track->at_end)
    return FALSE;
  track->measured |= look_from (track, back) == track->start;
  /* If the camera stopped long ago, its recording ends no later than the recordings of other
   * cameras. */
  if (!track->measured && back >= MOST_LOOK_BACK && track->others) {
    *last = MAX (*last, track->others);
    track->measured = TRUE;
  }
  return TRUE;
}

/* Searches the last @back offsets of each track in which no message was found yet. @all: (out): the
 * last message of each track is known. Returns FALSE if the pad is flushing */
static gboolean
look_at_ends (GstKafkaReplay *self, gint64 back, GstClockTime *last, gboolean *all)
{
  rd_kafka_topic_partition_list_t *list = list_tracks (self, 0);

  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    list->elems[i].offset = track->measured ? track->end : look_from (track, back);
  }
  place_tracks (self, list);
  rd_kafka_topic_partition_list_destroy (list);
  *all = TRUE;
  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    if (!look_at_end (self, track, back, last))
      return FALSE;
    *all &= track->measured;
  }
  return TRUE;
}

/* Finds the last message of each track, and so the duration. The last offsets may hold no message
 * (transactions, compaction) or messages of other cameras. Returns FALSE if the pad is flushing */
static gboolean
measure (GstKafkaReplay *self, GstClockTime *last)
{
  gboolean all = FALSE;

  /* A flush may have ended an earlier search, whose result is lost. */
  for (guint i = 0; i < self->tracks->len; i++)
    ((GstKafkaTrack *) g_ptr_array_index (self->tracks, i))->measured = FALSE;
  for (gint64 back = LOOK_BACK; !all; back *= LOOK_BACK_GROWTH)
    if (!look_at_ends (self, back, last, &all))
      return FALSE;
  return TRUE;
}

static gboolean
go_to_begin (GstKafkaReplay *self)
{
  rd_kafka_topic_partition_list_t *list = list_tracks (self, 0);

  for (gint i = 0; i < list->cnt; i++)
    list->elems[i].offset = ((GstKafkaTrack *) g_ptr_array_index (self->tracks, i))->start;
  place_tracks (self, list);
  rd_kafka_topic_partition_list_destroy (list);
  return fill_tracks (self);
}

/* Finds the first capture time; %GST_CLOCK_TIME_NONE without a message. The message that arrived
 * first may not be the first one captured, because of B-frames, and of stream headers, which have
 * the time of sending. Returns FALSE if the pad is flushing */
static gboolean
find_begin (GstKafkaReplay *self, GstClockTime *begin)
{
  *begin = GST_CLOCK_TIME_NONE;
  if (!go_to_begin (self))
    return FALSE;
  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    for (guint n = 0; n < LOOK_AHEAD && track->head; n++) {
      if (!gst_kafka_message_is_header (track->head))
        *begin = MIN (*begin, track->head_time);
      g_clear_pointer (&track->head, rd_kafka_message_destroy);
      if (!fill_track (self, track))
        return FALSE;
    }
  }
  return TRUE;
}

static GstKafkaRead
open_tracks (GstKafkaReplay *self, GError **error)
{
  GstClockTime begin, last = 0;

  self->target = 0;
  self->playing = FALSE;
  if (self->ended || !measure (self, &last) || !find_begin (self, &begin))
    return stop (self, error);
  self->playing = TRUE;
  if (!go_to_begin (self))
    return stop (self, error);
  /* an unknown time is the largest number, and an empty recording needs some origin */
  self->origin = MIN (MIN (self->settings->range.start_time, begin), G_MAXINT64);
  g_mutex_lock (&self->lock);
  self->duration = last > self->origin ? last - self->origin : 0;
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self->settings->pad,
      "%u partitions; PTS 0 is %" GST_TIME_FORMAT
      " after the Unix epoch, duration %" GST_TIME_FORMAT
      "; Kafka's timestamps are %s, %" G_GINT64_FORMAT " ms from capture at least",
      self->tracks->len, GST_TIME_ARGS (self->origin), GST_TIME_ARGS (self->duration),
      self->by_arrival ? "of arrival" : "of sending", self->least_lag);
  return GST_KAFKA_READ_MESSAGE;
}

GstKafkaRead
gst_kafka_replay_open (GstKafkaReplay *self, GError **error)
{
  rd_kafka_resp_err_t err;

  if (GST_CLOCK_TIME_IS_VALID (self->origin))
    return GST_KAFKA_READ_MESSAGE;
  if (!self->deadline)
    self->deadline = g_get_monotonic_time () + OPEN_TIME;
  while (!self->tracks) {
    rd_kafka_message_t *event = rd_kafka_consumer_poll (self->rk, 0);

    g_clear_pointer (&event, rd_kafka_message_destroy);
    err = find_tracks (self);
    if (is_flushing (self))
      return GST_KAFKA_READ_FLUSHING;
    if (err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || gst_kafka_error_is_refusal (err) ||
        gst_kafka_error_is_refusal (gst_kafka_fault_get (&self->fault, NULL)) ||
        (err && g_get_monotonic_time () > self->deadline))
      return fail (self, err, error);
  }
  return open_tracks (self, error);
}

/* --- playing --- */

void
gst_kafka_replay_seek (GstKafkaReplay *self, GstClockTime time, GstClockTime stop)
{
  self->stop = stop;
  /* At the start no seek to 0 is needed, because playing starts at the beginning. */
  if (time > 0 || GST_CLOCK_TIME_IS_VALID (self->origin))
    self->seek_time = time;
}

static rd_kafka_resp_err_t
first_error (const rd_kafka_topic_partition_list_t *list)
{
  for (gint i = 0; i < list->cnt; i++)
    if (list->elems[i].err)
      return list->elems[i].err;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Checks after a seek for deleted messages: if the seek arrives at the oldest message left of a
 * track, earlier messages may have been deleted. */
static void
look_for_deleted (GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *found)
{
  rd_kafka_topic_partition_list_t *oldest = list_tracks (self, RD_KAFKA_OFFSET_BEGINNING);

  gboolean known = !find_offsets (self, oldest);

  for (gint i = 0; known && i < oldest->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);
    gint64 low = oldest->elems[i].offset;
    GstKafkaReset reset =
        gst_kafka_reset_decide (self->settings->range.reset, track->first, low, -1);

    if (!oldest->elems[i].err && reset.reason == GST_KAFKA_RESET_DELETED &&
        (found->elems[i].offset == low || found->elems[i].offset < 0))
      accept_reset (self, track, &reset);
  }
  rd_kafka_topic_partition_list_destroy (oldest);
}

/* Seeks all tracks to the first message captured at @time or later. Returns FALSE if the pad is
 * flushing, or with @err */
static gboolean
go_to (GstKafkaReplay *self, GstClockTime time, rd_kafka_resp_err_t *err)
{
  gint64 arrival = (gint64) (time / GST_MSECOND) + self->least_lag;
  rd_kafka_topic_partition_list_t *list;

  if (self->by_arrival || self->least_lag)
    arrival -= (gint64) (DISORDER / GST_MSECOND);
  list = list_tracks (self, MAX (arrival, 0));

  *err = find_offsets (self, list);
  if (!*err)
    *err = first_error (list);
  GST_DEBUG_OBJECT (self->settings->pad,
      "capture from %" GST_TIME_FORMAT " on: Kafka's timestamp from %" G_GINT64_FORMAT " ms on: %s",
      GST_TIME_ARGS (time), MAX (arrival, 0), rd_kafka_err2name (*err));
  if (!*err) {
    self->target = time;
    look_for_deleted (self, list);
    place_tracks (self, list);
  }
  rd_kafka_topic_partition_list_destroy (list);
  return !*err && !self->ended && fill_tracks (self);
}

/* Finds the last key unit captured before @end; GST_CLOCK_TIME_NONE if there is none. Returns FALSE
 * if the pad is flushing. */
static gboolean
find_key_unit (GstKafkaReplay *self, GstClockTime end, GstClockTime *time)
{
  GstKafkaTrack *first;

  *time = GST_CLOCK_TIME_NONE;
  while ((first = find_first (self)) && first->head_time < end) {
    if (!gst_kafka_message_is_delta_unit (first->head))
      *time = first->head_time;
    g_clear_pointer (&first->head, rd_kafka_message_destroy);
    if (!fill_tracks (self))
      return FALSE;
  }
  return TRUE;
}

/* Seeks to the key unit before @target, or to the beginning, because a decoder needs all frames
 * from the key unit on. */
static gboolean
go_to_key_unit (GstKafkaReplay *self, GstClockTime target, rd_kafka_resp_err_t *err)
{
  GstClockTime key_unit = GST_CLOCK_TIME_NONE, from = target;

  for (GstClockTime back = FIRST_LOOK_BACK; from > self->origin; back *= 2) {
    from = target > self->origin + back ? target - back : self->origin;
    if (!go_to (self, from, err) || !find_key_unit (self, target, &key_unit))
      return FALSE;
    GST_DEBUG_OBJECT (self->settings->pad,
        "the key unit before %" GST_TIME_FORMAT " is at %" GST_TIME_FORMAT, GST_TIME_ARGS (target),
        GST_TIME_ARGS (key_unit));
    if (GST_CLOCK_TIME_IS_VALID (key_unit))
      return go_to (self, key_unit, err);
  }
  return go_to (self, self->origin, err);
}

/* Returns FALSE if the pad is flushing, or with @err. */
static gboolean
carry_out_seek (GstKafkaReplay *self, rd_kafka_resp_err_t *err)
{
  GstClockTime target = self->origin + self->seek_time;
  GstKafkaTrack *first;

  GST_INFO_OBJECT (self->settings->pad, "seek to %" GST_TIME_FORMAT " until %" GST_TIME_FORMAT,
      GST_TIME_ARGS (self->seek_time), GST_TIME_ARGS (self->stop));
  if (!go_to (self, target, err))
    return FALSE;
  first = find_first (self);
  if (first && gst_kafka_message_is_delta_unit (first->head) && !go_to_key_unit (self, target, err))
    return FALSE;
  self->seek_time = GST_CLOCK_TIME_NONE;
  return TRUE;
}

static gboolean
is_past_stop (GstKafkaReplay *self, const GstKafkaTrack *track)
{
  GstClockTime stop = self->origin + self->stop;

  if (!track->head)
    return TRUE;
  if (track->head_time < stop ||
      GST_CLOCK_DIFF (track->before, track->head_time) < (GstClockTimeDiff) stop)
    return FALSE;
  return !self->reorders || track->decode_known || track->beyond >= MOST_REORDERED;
}

static gboolean
has_stopped (GstKafkaReplay *self)
{
  if (!GST_CLOCK_TIME_IS_VALID (self->stop))
    return FALSE;
  for (guint i = 0; i < self->tracks->len; i++)
    if (!is_past_stop (self, g_ptr_array_index (self->tracks, i)))
      return FALSE;
  return TRUE;
}

/* Returns: (nullable): a track with messages after its end */
static GstKafkaTrack *
find_longer (GstKafkaReplay *self)
{
  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    if (get_high (self, track) > track->end)
      return track;
  }
  return NULL;
}

static void
warn_of_held (GstKafkaReplay *self, const GstKafkaTrack *track, gint64 newest, gint64 stable)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element && newest > stable && stable == track->end)
    gst_kafka_held_warn (element, track->topic, track->partition, stable, newest - stable, TRUE);
  gst_clear_object (&element);
}

/* The recording ends at the last stable offset that was known when it was opened. Reports once if
 * the messages after it are held back by an open transaction, and weren't only published later. */
static void
look_for_held (GstKafkaReplay *self)
{
  rd_kafka_topic_partition_list_t *list;
  g_autofree gint64 *newest = NULL;

  if (self->held_told || GST_CLOCK_TIME_IS_VALID (self->settings->range.end_time) ||
      self->settings->range.end_offset >= 0 || !find_longer (self))
    return;
  newest = g_new0 (gint64, self->tracks->len);
  for (guint i = 0; i < self->tracks->len; i++)
    newest[i] = get_high (self, g_ptr_array_index (self->tracks, i));
  list = list_tracks (self, RD_KAFKA_OFFSET_END);
  self->held_told = !find_offsets (self, list);
  for (gint i = 0; self->held_told && i < list->cnt; i++)
    if (!list->elems[i].err)
      warn_of_held (self, g_ptr_array_index (self->tracks, i), newest[i], list->elems[i].offset);
  rd_kafka_topic_partition_list_destroy (list);
}

static GstClockTime
choose_dts (GstKafkaReplay *self, const GstKafkaTrack *track)
{
  GstClockTimeDiff dts = GST_CLOCK_DIFF (self->origin, track->head_time) - track->before;

  if (!track->decode_known)
    return GST_CLOCK_TIME_NONE;
  return dts >= (GstClockTimeDiff) self->least_dts ? (GstClockTime) dts : self->least_dts++;
}

GstKafkaRead
gst_kafka_replay_read (GstKafkaReplay *self, GstKafkaFetched *fetched, GstClockTime *pts,
    GstClockTime *dts, GError **error)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  GstKafkaTrack *first;

  if (GST_CLOCK_TIME_IS_VALID (self->seek_time) && !carry_out_seek (self, &err))
    return err && !is_flushing (self) ? fail (self, err, error) : stop (self, error);
  check_logs (self);
  if (self->ended || !fill_tracks (self))
    return stop (self, error);
  first = find_first (self);
  if (!first)
    look_for_held (self);
  if (!first && is_flushing (self))
    return GST_KAFKA_READ_FLUSHING;
  if (!first || has_stopped (self))
    return GST_KAFKA_READ_END;
  *pts = first->head_time > self->origin ? first->head_time - self->origin : 0;
  *dts = choose_dts (self, first);
  first->beyond = *pts >= self->stop ? first->beyond + 1 : 0;
  fetched->message = g_steal_pointer (&first->head);
  fetched->handle = gst_kafka_handle_ref (self->handle);
  fetched->behind = first->end - fetched->message->offset - 1;
  return GST_KAFKA_READ_MESSAGE;
}

void
gst_kafka_replay_set_flushing (GstKafkaReplay *self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_replay_add_stats (GstKafkaReplay *self, GstStructure *stats)
{
  g_mutex_lock (&self->lock);
  gst_structure_set (stats, "lost", G_TYPE_UINT64, self->lost, "damaged", G_TYPE_UINT64,
      self->damaged, "other-cameras", G_TYPE_UINT64, self->others, "throttle-time", G_TYPE_UINT64,
      gst_kafka_fault_get_throttle_time (&self->fault), NULL);
  g_mutex_unlock (&self->lock);
}

GstClockTime
gst_kafka_replay_get_duration (GstKafkaReplay *self)
{
  GstClockTime duration;

  g_mutex_lock (&self->lock);
  duration = self->duration;
  g_mutex_unlock (&self->lock);
  return duration;
}
