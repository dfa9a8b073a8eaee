/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkamessage.h"
#include "gstkafkareplayprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define ASK_TIME_MS 500
#define POLL_TIME_MS 200

void
gst_kafka_track_free (GstKafkaTrack *self)
{
  g_clear_pointer (&self->head, rd_kafka_message_destroy);
  g_clear_pointer (&self->queue, rd_kafka_queue_destroy);
  g_clear_pointer (&self->holes, g_array_unref);
  g_free (self->topic);
  g_free (self);
}

static GstClockTime
capture_time_of (const rd_kafka_message_t *message)
{
  GstClockTime time = gst_kafka_message_get_capture_time (message);

  return GST_CLOCK_TIME_IS_VALID (time) ? time : 0;
}

rd_kafka_topic_partition_list_t *
gst_kafka_replay_list_tracks (GstKafkaReplay *self, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list =
      rd_kafka_topic_partition_list_new ((int) self->tracks->len);

  for (guint i = 0; i < self->tracks->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->tracks, i);

    rd_kafka_topic_partition_list_add (list, track->topic, track->partition)->offset = offset;
  }
  return list;
}

/* Seeks each track to its offset in @list. A track at its end isn't read. */
void
gst_kafka_replay_place_tracks (GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *list)
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
  /* librdkafka's own seek times out a thousand times too early before 2.1. */
  rd_kafka_assign (self->rk, reading);
  rd_kafka_topic_partition_list_destroy (reading);
}

/* Learns how long after its capture a message arrives at the broker. */
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
 * oldest, so those counted before are after @reset's or are the last of them. */
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

/* Takes a new beginning of the recording, or a new position of the track. */
void
gst_kafka_replay_accept_reset (
    GstKafkaReplay *self, GstKafkaTrack *track, const GstKafkaReset *reset)
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

/* If the broker doesn't answer, the next round queries it again. */
static void
place_again (GstKafkaReplay *self, GstKafkaTrack *track)
{
  gboolean refused = track->refused_at >= 0;
  gint64 from = refused ? track->refused_at : track->position;
  GstKafkaReset reset;

  if (gst_kafka_reset_ask (self->settings->range.reset, self->rk, track->topic, track->partition,
          from, refused, ASK_TIME_MS, &reset))
    return;
  track->astray = FALSE;
  if (reset.reason != GST_KAFKA_RESET_NONE) {
    gst_kafka_damage_init (&track->damage);
    gst_kafka_replay_accept_reset (self, track, &reset);
    track->position = reset.to;
  }
  track->at_end = track->position >= track->end;
  if (!track->at_end)
    gst_kafka_reset_reassign (self->rk, track->topic, track->partition, get_place (track));
}

/* --- damage --- */

/* (nullable): the hole that contains @offset */
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

/* Counts and reports each offset once, when it is first played. */
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

  GST_INFO_OBJECT (self->settings->pad, "%s", rd_kafka_message_errstr (message));
  if (known) {
    gst_kafka_reset_seek (self->rk, track->topic, track->partition, known->good);
    pass_over (self, track, known, track->position);
    return;
  }
  gst_kafka_damage_note_bad (
      &track->damage, message->offset, track->position, get_high (self, track));
  go_on_searching (self, track);
}

/* TRUE: it was read to find the end of a damaged batch. */
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

/* Takes ownership of @message. */
static void
take_head (GstKafkaReplay *self, GstKafkaTrack *track, rd_kafka_message_t *message)
{
  track->heard = g_get_monotonic_time ();
  if (message->err) {
    take_trouble (self, track, message);
  } else if (message->offset >= track->end && !gst_kafka_damage_is_searched (&track->damage)) {
    track->at_end = TRUE;
  } else if (take_sound (self, track)) {
    GST_DEBUG (
        "%s: offset %" G_GINT64_FORMAT " can be read", rd_kafka_name (self->rk), message->offset);
  } else if (message->len > self->settings->message_max_bytes) {
    end_for (self, message);
  } else {
    track->position = message->offset + 1;
    if (gst_kafka_message_is_of_camera (message, self->settings->camera)) {
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
  gint64 low;

  return !gst_kafka_reset_ask_offset (
      self->rk, track->topic, track->partition, RD_KAFKA_OFFSET_BEGINNING, ASK_TIME_MS, &low);
}

/* librdkafka doesn't report some kinds of damage, and fetches the same batch again and again. */
static void
look_for_silence (GstKafkaReplay *self, GstKafkaTrack *track)
{
  gint64 now = g_get_monotonic_time ();
  gboolean searched = gst_kafka_damage_is_searched (&track->damage);

  if (now - MAX (track->heard, track->looked) < G_TIME_SPAN_SECOND)
    return;
  track->looked = now;
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

/* FALSE: flushing, or the stream has ended */
gboolean
gst_kafka_replay_fill_track (GstKafkaReplay *self, GstKafkaTrack *track)
{
  /* Since when it is waited for: until now the pipeline may have been busy. */
  track->heard = g_get_monotonic_time ();
  while (!track->head && !track->at_end) {
    rd_kafka_message_t *message = rd_kafka_consume_queue (track->queue, POLL_TIME_MS);

    if (message)
      take_head (self, track, message);
    else
      look_for_silence (self, track);
    if (track->astray)
      place_again (self, track);
    if (self->ended || gst_kafka_replay_is_flushing (self))
      return FALSE;
  }
  return TRUE;
}
