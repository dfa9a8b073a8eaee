/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/gstkafkaclient.h"
#include "src/consumer/gstkafkadiscovery.h"
#include "gstkafkamessage.h"
#include "gstkafkareplayprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/*
 * The times of a replay:
 *
 * - A message's capture time is its header `capture-time` if that is plausible (not before 2000,
 *   less than an hour ahead of Kafka's timestamp), else Kafka's timestamp. Order, PTS, duration and
 *   seeks use the capture time.
 * - Within a session of a camera, `seq` decides the order, not the capture time: B-frames leave in
 *   the order in which a decoder needs them.
 * - The window (start-time, end-time) uses Kafka's timestamp, because brokers search by nothing
 *   else: the capture time with CreateTime, the time of arrival at the broker with LogAppendTime.
 * - PTS 0, the origin, is start-time, or the first capture time if that is earlier or if start-time
 *   is unset.
 * - The duration reaches to the end of the message that was captured last.
 * - A message is decoded as long before its PTS as when it was sent. There is no DTS below 0: those
 *   of the first B-frames become 0, 1, 2 ns.
 * - A seek's stop is reached only when all remaining frames have a DTS after it: B-frames that are
 * shown before the stop follow a frame that is shown after it.
 */

#define OPEN_TIME (10 * G_TIME_SPAN_SECOND)
#define ASK_TIME_MS 1000
#define FIRST_LOOK_BACK GST_SECOND
/* How many messages at the head of a track are searched for the one that was captured first. */
#define LOOK_AHEAD 8
/* The number of B-frames that may follow a frame and be shown before it: at most 16 in H.264 and
 * H.265. */
#define MOST_REORDERED 16
/* Messages may arrive at the broker in another order than they were captured, by at most this
 * time. */
#define DISORDER (10 * GST_SECOND)

/* How many offsets before the end of a track its last message is searched. */
static const gint64 look_back[] = {4, 32, 256};

G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaReplay, fault) == 0);

static void
take_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  GST_INFO ("%s: %s: %s", rd_kafka_name (rk), rd_kafka_err2name (err), reason);
  gst_kafka_fault_note (&((GstKafkaReplay *) opaque)->fault, err, reason);
}

GstKafkaReplay *
gst_kafka_replay_new (rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error)
{
  GstKafkaReplay *self = g_new0 (GstKafkaReplay, 1);

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

void
gst_kafka_replay_free (GstKafkaReplay *self)
{
  g_clear_pointer (&self->tracks, g_ptr_array_unref);
  g_clear_pointer (&self->handle, gst_kafka_handle_unref_and_wait);
  gst_kafka_consumer_settings_free (self->settings);
  gst_kafka_fault_clear (&self->fault);
  g_free (self->missing);
  g_clear_error (&self->ended);
  g_mutex_clear (&self->lock);
  g_free (self);
}

gboolean
gst_kafka_replay_is_flushing (GstKafkaReplay *self)
{
  gboolean flushing;

  g_mutex_lock (&self->lock);
  flushing = self->flushing;
  g_mutex_unlock (&self->lock);
  return flushing;
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

/* Why reading has stopped. */
static GstKafkaRead
stop (GstKafkaReplay *self, GError **error)
{
  if (!self->ended || gst_kafka_replay_is_flushing (self))
    return GST_KAFKA_READ_FLUSHING;
  g_propagate_error (error, g_error_copy (self->ended));
  return GST_KAFKA_READ_FAILED;
}

static gboolean
fill_tracks (GstKafkaReplay *self)
{
  rd_kafka_message_t *event = rd_kafka_consumer_poll (self->rk, 0);

  g_clear_pointer (&event, rd_kafka_message_destroy);
  for (guint i = 0; i < self->tracks->len; i++)
    if (!gst_kafka_replay_fill_track (self, g_ptr_array_index (self->tracks, i)))
      return FALSE;
  return TRUE;
}

/* (nullable): the track whose head was captured first; NULL if all are at their end */
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

/* (nullable): the track whose head comes next: within the session of the message that was captured
 * first, the head with the lowest number */
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
    gst_kafka_replay_accept_reset (self, track, &reset);
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
  track->holes = g_array_new (FALSE, FALSE, sizeof (GstKafkaHole));
  /* Each track has a queue of its own, to wait for a single track. */
  track->queue = rd_kafka_queue_get_partition (self->rk, track->topic, track->partition);
  rd_kafka_queue_forward (track->queue, NULL);
  g_ptr_array_add (self->tracks, track);
  check_start (self, track, at);
}

static rd_kafka_resp_err_t
find_tracks (GstKafkaReplay *self)
{
  GstKafkaDiscovery found = {NULL};
  g_autofree GstKafkaPosition *positions = NULL;
  rd_kafka_resp_err_t err = gst_kafka_discover (self->rk, self->settings, ASK_TIME_MS, &found);

  if (!err && found.refused)
    err = found.refused;
  else if (!err && found.missing) {
    err = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    self->missing = g_strconcat (found.missing, " doesn't exist", NULL);
  }
  if (!err) {
    positions = g_new0 (GstKafkaPosition, found.list->cnt);
    err = gst_kafka_range_resolve (&self->settings->range, self->rk, found.list, positions);
  }
  if (!err) {
    self->tracks = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_kafka_track_free);
    for (gint i = 0; i < found.list->cnt; i++)
      add_track (self, &found.list->elems[i], &positions[i]);
  }
  gst_kafka_discovery_clear (&found);
  return err;
}

/* Searches the last @back offsets of each track of which no message is known yet. FALSE:
 * flushing */
static gboolean
look_at_ends (GstKafkaReplay *self, gint64 back, GstClockTime *last)
{
  rd_kafka_topic_partition_list_t *list = gst_kafka_replay_list_tracks (self, 0);

  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    list->elems[i].offset = track->measured ? track->end : MAX (track->end - back, track->start);
  }
  gst_kafka_replay_place_tracks (self, list);
  rd_kafka_topic_partition_list_destroy (list);
  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    while (gst_kafka_replay_fill_track (self, track) && track->head) {
      *last = MAX (*last, track->head_time + gst_kafka_message_get_duration (track->head));
      track->measured = TRUE;
      g_clear_pointer (&track->head, rd_kafka_message_destroy);
    }
    if (!track->at_end)
      return FALSE;
  }
  return TRUE;
}

/* Finds the last message of each track, and so the duration. The last offsets may be the end of a
 * transaction or messages of other cameras. FALSE: flushing */
static gboolean
measure (GstKafkaReplay *self, GstClockTime *last)
{
  for (guint i = 0; i < G_N_ELEMENTS (look_back); i++)
    if (!look_at_ends (self, look_back[i], last))
      return FALSE;
  return TRUE;
}

static gboolean
go_to_begin (GstKafkaReplay *self)
{
  rd_kafka_topic_partition_list_t *list = gst_kafka_replay_list_tracks (self, 0);

  for (gint i = 0; i < list->cnt; i++)
    list->elems[i].offset = ((GstKafkaTrack *) g_ptr_array_index (self->tracks, i))->start;
  gst_kafka_replay_place_tracks (self, list);
  rd_kafka_topic_partition_list_destroy (list);
  return fill_tracks (self);
}

/* Finds the first capture time; %GST_CLOCK_TIME_NONE without a message. The message that arrived
 * first may not be the first one captured: B-frames, and stream headers, which have the time of
 * sending. FALSE: flushing */
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
      if (!gst_kafka_replay_fill_track (self, track))
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
  /* unknown times are the largest number; an empty recording needs some origin */
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
    if (gst_kafka_replay_is_flushing (self))
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
  /* Playing starts at the beginning. */
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

/* If a seek ends at the oldest message left of a track, earlier ones may have been deleted. */
static void
look_for_deleted (GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *found)
{
  rd_kafka_topic_partition_list_t *oldest =
      gst_kafka_replay_list_tracks (self, RD_KAFKA_OFFSET_BEGINNING);

  gboolean known = !rd_kafka_offsets_for_times (self->rk, oldest, ASK_TIME_MS);

  for (gint i = 0; known && i < oldest->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);
    gint64 low = oldest->elems[i].offset;
    GstKafkaReset reset =
        gst_kafka_reset_decide (self->settings->range.reset, track->first, low, -1);

    if (!oldest->elems[i].err && reset.reason == GST_KAFKA_RESET_DELETED &&
        (found->elems[i].offset == low || found->elems[i].offset < 0))
      gst_kafka_replay_accept_reset (self, track, &reset);
  }
  rd_kafka_topic_partition_list_destroy (oldest);
}

/* Seeks all tracks to the first message captured at @time or later. FALSE: flushing, or @err */
static gboolean
go_to (GstKafkaReplay *self, GstClockTime time, rd_kafka_resp_err_t *err)
{
  gint64 arrival = (gint64) (time / GST_MSECOND) + self->least_lag;
  rd_kafka_topic_partition_list_t *list;

  if (self->by_arrival || self->least_lag)
    arrival -= (gint64) (DISORDER / GST_MSECOND);
  list = gst_kafka_replay_list_tracks (self, MAX (arrival, 0));

  *err = rd_kafka_offsets_for_times (self->rk, list, 2 * ASK_TIME_MS);
  if (!*err)
    *err = first_error (list);
  GST_DEBUG_OBJECT (self->settings->pad,
      "capture from %" GST_TIME_FORMAT " on: Kafka's timestamp from %" G_GINT64_FORMAT " ms on: %s",
      GST_TIME_ARGS (time), MAX (arrival, 0), rd_kafka_err2name (*err));
  if (!*err) {
    self->target = time;
    look_for_deleted (self, list);
    gst_kafka_replay_place_tracks (self, list);
  }
  rd_kafka_topic_partition_list_destroy (list);
  return !*err && !self->ended && fill_tracks (self);
}

/* Finds the last key unit captured before @end; GST_CLOCK_TIME_NONE if there is none. FALSE:
 * flushing */
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
 * from there. */
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

/* FALSE: flushing, or @err */
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
    return err && !gst_kafka_replay_is_flushing (self) ? fail (self, err, error)
                                                       : stop (self, error);
  if (self->ended || !fill_tracks (self))
    return stop (self, error);
  first = find_first (self);
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
  gst_structure_set (
      stats, "lost", G_TYPE_UINT64, self->lost, "damaged", G_TYPE_UINT64, self->damaged, NULL);
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
