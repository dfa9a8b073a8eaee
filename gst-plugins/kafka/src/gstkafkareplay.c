/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkareplay.h"
#include "gstkafkamessage.h"
#include "gstkafkatracks.h"

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

struct _GstKafkaReplay {
  GstKafkaTracks *tracks;
  GstClockTime origin;    /* ns since the Unix epoch */
  GstClockTime stop;      /* stop of a seek, relative to the origin; GST_CLOCK_TIME_NONE: none */
  GstClockTime least_dts; /* the smallest DTS that isn't used yet */
  /* target of a pending seek of the tracks, relative to the origin; GST_CLOCK_TIME_NONE: no seek
   * is pending */
  GstClockTime seek_time;

  GMutex lock; /* guards the field below */
  GstClockTime duration;
};

GstKafkaReplay *
gst_kafka_replay_new (rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error)
{
  GstKafkaTracks *tracks = gst_kafka_tracks_new (conf, settings, error);
  GstKafkaReplay *self;

  if (!tracks)
    return NULL;
  self = g_new0 (GstKafkaReplay, 1);
  self->tracks = tracks;
  self->origin = self->duration = self->seek_time = self->stop = GST_CLOCK_TIME_NONE;
  g_mutex_init (&self->lock);
  return self;
}

void
gst_kafka_replay_free (GstKafkaReplay *self)
{
  gst_kafka_tracks_free (self->tracks);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* --- the order of messages --- */

/* Returns: (nullable): the track whose head was captured first; NULL if all are at their end */
static GstKafkaTrack *
find_earliest (GstKafkaReplay *self)
{
  GstKafkaTrack *first = NULL;

  for (guint i = 0; i < self->tracks->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks->all, i);

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
  for (guint i = 0; i < self->tracks->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks->all, i);

    if (track->head && gst_kafka_message_is_of_session (track->head, first->head) &&
        gst_kafka_message_get_seq (track->head, &seq) && seq < lowest) {
      lowest = seq;
      first = track;
    }
  }
  return first;
}

/* Seeks each track to its offset `wanted`. */
static void
place_tracks (GstKafkaReplay *self)
{
  self->least_dts = 0;
  gst_kafka_tracks_place (self->tracks);
}

/* --- opening --- */

static gint64
look_from (const GstKafkaTrack *self, gint64 back)
{
  return MAX (self->end - back, self->start);
}

/* Reads the last @back offsets of @track. Returns FALSE if the pad is flushing */
static gboolean
look_at_end (GstKafkaReplay *self, GstKafkaTrack *track, gint64 back, GstClockTime *last)
{
  while (gst_kafka_tracks_fill_one (self->tracks, track) && track->head) {
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
  for (guint i = 0; i < self->tracks->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks->all, i);

    track->wanted = track->measured ? track->end : look_from (track, back);
  }
  place_tracks (self);
  *all = TRUE;
  for (guint i = 0; i < self->tracks->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks->all, i);

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
  for (guint i = 0; i < self->tracks->all->len; i++)
    ((GstKafkaTrack *) g_ptr_array_index (self->tracks->all, i))->measured = FALSE;
  for (gint64 back = LOOK_BACK; !all; back *= LOOK_BACK_GROWTH)
    if (!look_at_ends (self, back, last, &all))
      return FALSE;
  return TRUE;
}

static gboolean
go_to_begin (GstKafkaReplay *self)
{
  for (guint i = 0; i < self->tracks->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks->all, i);

    track->wanted = track->start;
  }
  place_tracks (self);
  return gst_kafka_tracks_fill (self->tracks);
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
  for (guint i = 0; i < self->tracks->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks->all, i);

    for (guint n = 0; n < LOOK_AHEAD && track->head; n++) {
      if (!gst_kafka_message_is_header (track->head))
        *begin = MIN (*begin, track->head_time);
      g_clear_pointer (&track->head, rd_kafka_message_destroy);
      if (!gst_kafka_tracks_fill_one (self->tracks, track))
        return FALSE;
    }
  }
  return TRUE;
}

static GstKafkaRead
open_tracks (GstKafkaReplay *self, GError **error)
{
  GstClockTime begin, last = 0;

  self->tracks->target = 0;
  self->tracks->playing = FALSE;
  if (self->tracks->ended || !measure (self, &last) || !find_begin (self, &begin))
    return gst_kafka_tracks_explain (self->tracks, 0, error);
  self->tracks->playing = TRUE;
  gst_kafka_fault_forget (self->tracks->fault);
  if (!go_to_begin (self))
    return gst_kafka_tracks_explain (self->tracks, 0, error);
  /* an unknown time is the largest number, and an empty recording needs some origin */
  self->origin = MIN (MIN (self->tracks->settings->range.start_time, begin), G_MAXINT64);
  g_mutex_lock (&self->lock);
  self->duration = last > self->origin ? last - self->origin : 0;
  g_mutex_unlock (&self->lock);
  GST_INFO_OBJECT (self->tracks->settings->pad,
      "%u partitions; PTS 0 is %" GST_TIME_FORMAT
      " after the Unix epoch, duration %" GST_TIME_FORMAT
      "; Kafka's timestamps are %s, %" G_GINT64_FORMAT " ms from capture at least",
      self->tracks->all->len, GST_TIME_ARGS (self->origin), GST_TIME_ARGS (self->duration),
      self->tracks->by_arrival ? "of arrival" : "of sending", self->tracks->least_lag);
  return GST_KAFKA_READ_MESSAGE;
}

GstKafkaRead
gst_kafka_replay_open (GstKafkaReplay *self, GError **error)
{
  GstKafkaRead read;

  if (GST_CLOCK_TIME_IS_VALID (self->origin))
    return GST_KAFKA_READ_MESSAGE;
  read = gst_kafka_tracks_open (self->tracks, error);
  return read == GST_KAFKA_READ_MESSAGE ? open_tracks (self, error) : read;
}

/* --- playing --- */

/* A replay runs forward only, and by time. */
static gboolean
can_seek (gdouble rate, GstFormat format)
{
  return rate > 0 && format == GST_FORMAT_TIME;
}

gboolean
gst_kafka_replay_check_seek (GstElement *element, GstEvent *event)
{
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  GstFormat format;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, NULL, &start_type, &start, &stop_type, &stop);
  if (!can_seek (rate, format)) {
    GST_INFO_OBJECT (element, "refusing a seek: a replay runs forward only, and by time");
    return FALSE;
  }
  if (start_type != GST_SEEK_TYPE_SET || stop_type != GST_SEEK_TYPE_SET || stop < 0 ||
      stop >= start)
    return TRUE;
  GST_ELEMENT_WARNING (element, RESOURCE, SEEK,
      ("A seek ends before it begins, and is refused: from %" GST_TIME_FORMAT
       " to %" GST_TIME_FORMAT ".",
          GST_TIME_ARGS (start), GST_TIME_ARGS (stop)),
      (NULL));
  return FALSE;
}

gboolean
gst_kafka_replay_seek (GstKafkaReplay *self, GstSegment *segment)
{
  if (!can_seek (segment->rate, segment->format))
    return FALSE;
  segment->time = segment->start;
  self->stop = segment->stop;
  /* At the start no seek to 0 is needed, because playing starts at the beginning. */
  if (segment->position > 0 || GST_CLOCK_TIME_IS_VALID (self->origin))
    self->seek_time = segment->position;
  return TRUE;
}

/* Seeks all tracks to the first message captured at @time or later. Returns FALSE if the pad is
 * flushing, or with @err */
static gboolean
go_to (GstKafkaReplay *self, GstClockTime time, rd_kafka_resp_err_t *err)
{
  gint64 arrival = (gint64) (time / GST_MSECOND) + self->tracks->least_lag;

  if (self->tracks->by_arrival || self->tracks->least_lag)
    arrival -= (gint64) (DISORDER / GST_MSECOND);
  arrival = MAX (arrival, 0);
  *err = gst_kafka_tracks_find_time (self->tracks, arrival);
  GST_DEBUG_OBJECT (self->tracks->settings->pad,
      "capture from %" GST_TIME_FORMAT " on: Kafka's timestamp from %" G_GINT64_FORMAT " ms on: %s",
      GST_TIME_ARGS (time), arrival, rd_kafka_err2name (*err));
  if (*err)
    return FALSE;
  self->tracks->target = time;
  place_tracks (self);
  return !self->tracks->ended && gst_kafka_tracks_fill (self->tracks);
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
    if (!gst_kafka_tracks_fill (self->tracks))
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
    GST_DEBUG_OBJECT (self->tracks->settings->pad,
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

  GST_INFO_OBJECT (self->tracks->settings->pad,
      "seek to %" GST_TIME_FORMAT " until %" GST_TIME_FORMAT, GST_TIME_ARGS (self->seek_time),
      GST_TIME_ARGS (self->stop));
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
  return !self->tracks->reorders || track->decode_known || track->beyond >= MOST_REORDERED;
}

static gboolean
has_stopped (GstKafkaReplay *self)
{
  if (!GST_CLOCK_TIME_IS_VALID (self->stop))
    return FALSE;
  for (guint i = 0; i < self->tracks->all->len; i++)
    if (!is_past_stop (self, g_ptr_array_index (self->tracks->all, i)))
      return FALSE;
  return TRUE;
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
    return gst_kafka_tracks_explain (self->tracks, err, error);
  gst_kafka_tracks_check_logs (self->tracks);
  if (self->tracks->ended || !gst_kafka_tracks_fill (self->tracks))
    return gst_kafka_tracks_explain (self->tracks, 0, error);
  first = find_first (self);
  if (!first && !gst_kafka_tracks_look_for_held (self->tracks))
    return GST_KAFKA_READ_FLUSHING;
  if (!first || has_stopped (self))
    return GST_KAFKA_READ_END;
  *pts = first->head_time > self->origin ? first->head_time - self->origin : 0;
  *dts = choose_dts (self, first);
  first->beyond = *pts >= self->stop ? first->beyond + 1 : 0;
  fetched->message = g_steal_pointer (&first->head);
  fetched->handle = gst_kafka_handle_ref (self->tracks->handle);
  fetched->behind = first->end - fetched->message->offset - 1;
  return GST_KAFKA_READ_MESSAGE;
}

void
gst_kafka_replay_set_flushing (GstKafkaReplay *self, gboolean flushing)
{
  g_mutex_lock (&self->tracks->lock);
  self->tracks->flushing = flushing;
  g_mutex_unlock (&self->tracks->lock);
}

void
gst_kafka_replay_add_stats (GstKafkaReplay *self, GstStructure *stats)
{
  gboolean opened = GST_CLOCK_TIME_IS_VALID (gst_kafka_replay_get_duration (self));

  g_mutex_lock (&self->tracks->lock);
  gst_structure_set (stats, "connected", G_TYPE_BOOLEAN,
      opened && !gst_kafka_outage_is_reported (&self->tracks->outage), "lost", G_TYPE_UINT64,
      self->tracks->lost, "damaged", G_TYPE_UINT64, self->tracks->damaged, "other-cameras",
      G_TYPE_UINT64, self->tracks->others, "throttle-time", G_TYPE_UINT64,
      gst_kafka_fault_get_throttle_time (self->tracks->fault), NULL);
  g_mutex_unlock (&self->tracks->lock);
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
