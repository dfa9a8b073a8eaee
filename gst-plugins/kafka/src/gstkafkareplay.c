/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkareplay.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkaerror.h"
#include "src/consumer/gstkafkadiscovery.h"
#include "gstkafkamessage.h"
#include "gstkafkameta.h"

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
 */

#define OPEN_TIME (10 * G_TIME_SPAN_SECOND)
#define ASK_TIME_MS 1000
#define POLL_TIME_MS 200
#define FIRST_LOOK_BACK GST_SECOND
/* Messages of a track among which the one captured first is looked for. */
#define LOOK_AHEAD 8
/* Messages that arrive at the broker in another order than that of capture, by at most this. */
#define DISORDER (10 * GST_SECOND)

/* Offsets from the end at which a track's last message is looked for. */
static const gint64 look_back[] = {4, 32, 256};

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
  gboolean at_end;
  gboolean measured; /* its last message was seen */
  gint64 position;   /* the offset to be read next */
  gboolean astray;   /* its place was refused: it gets another one */
  gint64 refused_at; /* the offset of that, if it was asked for; -1: the library made it up */
  gboolean reset_told;
  gint64 lost;      /* offsets that are counted as deleted */
  gint64 lost_from; /* the first of them */
  GstKafkaDamage damage;
  GArray *holes; /* of Hole: what is known to be damaged */
} Track;

/* Offsets that can't be read: one damaged batch, or what of it a seek has met. */
typedef struct {
  gint64 from;
  gint64 good;
  gint64 counted; /* from here on it is counted, and was named */
} Hole;

struct _GstKafkaReplay {
  GstKafkaFault fault; /* first: gst_kafka_client_new() */
  GstKafkaHandle *handle;
  rd_kafka_t *rk;
  GstKafkaConsumerSettings *settings;
  GPtrArray *tracks;   /* of Track; NULL before it is open */
  gint64 deadline;     /* for being open, monotonic us; 0: not tried yet */
  GstClockTime origin; /* ns since the Unix epoch */
  GstClockTime target; /* nothing before it is read, ns since the Unix epoch */
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
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaReplay, fault) == 0);

static void
track_free (Track *self)
{
  g_clear_pointer (&self->head, rd_kafka_message_destroy);
  g_clear_pointer (&self->queue, rd_kafka_queue_destroy);
  g_clear_pointer (&self->holes, g_array_unref);
  g_free (self->topic);
  g_free (self);
}

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
  self->origin = self->duration = self->seek_time = GST_CLOCK_TIME_NONE;
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

static gboolean
is_flushing (GstKafkaReplay *self)
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
  if (!self->ended || is_flushing (self))
    return GST_KAFKA_READ_FLUSHING;
  g_propagate_error (error, g_error_copy (self->ended));
  return GST_KAFKA_READ_FAILED;
}

static GstClockTime
capture_time_of (const rd_kafka_message_t *message)
{
  GstClockTime time = gst_kafka_message_get_capture_time (message);

  return GST_CLOCK_TIME_IS_VALID (time) ? time : 0;
}

/* Reading of tracks */

static rd_kafka_topic_partition_list_t *
list_tracks (GstKafkaReplay *self, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list =
      rd_kafka_topic_partition_list_new ((int) self->tracks->len);

  for (guint i = 0; i < self->tracks->len; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

    rd_kafka_topic_partition_list_add (list, track->topic, track->partition)->offset = offset;
  }
  return list;
}

/* Puts each track at its offset in @list; one at its end isn't read. */
static void
place_tracks (GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *list)
{
  rd_kafka_topic_partition_list_t *reading = rd_kafka_topic_partition_list_new (list->cnt);

  for (gint i = 0; i < list->cnt; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);
    gint64 offset = list->elems[i].offset;

    g_clear_pointer (&track->head, rd_kafka_message_destroy);
    track->astray = FALSE;
    gst_kafka_damage_init (&track->damage);
    offset = offset < 0 ? track->end : MAX (offset, track->start);
    track->position = offset;
    track->at_end = offset >= track->end;
    if (!track->at_end)
      rd_kafka_topic_partition_list_add (reading, track->topic, track->partition)->offset = offset;
  }
  /* The library's own seek gives up a thousand times too early before 2.1. */
  rd_kafka_assign (self->rk, reading);
  rd_kafka_topic_partition_list_destroy (reading);
}

/* What is known of the arrival at the broker of messages captured at a time. */
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
warn (GstKafkaReplay *self, Track *track, const GstKafkaReset *reset)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element && !track->reset_told)
    gst_kafka_reset_warn (reset, element, track->topic, track->partition);
  track->reset_told = TRUE;
  gst_clear_object (&element);
}

/* Each deleted offset is counted once, however often a seek comes to it. The messages deleted
 * are always the oldest, so those counted before lie behind @reset's, or are the last of them. */
static void
count_lost (GstKafkaReplay *self, Track *track, const GstKafkaReset *reset)
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

/* The recording has another begin than was thought, or the track another place. */
static void
accept_reset (GstKafkaReplay *self, Track *track, const GstKafkaReset *reset)
{
  GST_INFO ("%s: partition %d of topic \"%s\": from offset %" G_GINT64_FORMAT
            " to %" G_GINT64_FORMAT,
      rd_kafka_name (self->rk), track->partition, track->topic, reset->from, reset->to);
  track->start =
      reset->reason == GST_KAFKA_RESET_DELETED ? MAX (track->start, reset->to) : reset->to;
  count_lost (self, track, reset);
  if (gst_kafka_reset_is_error (reset, self->settings->range.reset) && !self->ended)
    self->ended = gst_kafka_reset_to_error (reset, track->topic, track->partition);
  else
    warn (self, track, reset);
}

static gint64
get_place (const Track *self)
{
  return gst_kafka_damage_is_searched (&self->damage) ? self->damage.tried : self->position;
}

static gint64
get_high (GstKafkaReplay *self, const Track *track)
{
  return gst_kafka_reset_get_high (self->rk, track->topic, track->partition, track->end);
}

static void
note_refusal (GstKafkaReplay *self, Track *track, gint64 offset)
{
  gboolean asked = gst_kafka_reset_was_asked (offset, get_place (track), get_high (self, track));

  GST_DEBUG ("%s: offset %" G_GINT64_FORMAT " of partition %d of %s is refused; %s",
      rd_kafka_name (self->rk), offset, track->partition, track->topic,
      asked ? "it was asked for" : "nobody asked for it");
  track->astray = TRUE;
  track->refused_at = asked && !gst_kafka_damage_is_searched (&track->damage) ? offset : -1;
}

/* A broker that doesn't answer is asked again later. */
static void
place_anew (GstKafkaReplay *self, Track *track)
{
  gboolean refused = track->refused_at >= 0;
  gint64 from = refused ? track->refused_at : track->position;
  GstKafkaReset reset;

  if (gst_kafka_reset_ask (self->settings->range.reset, self->rk, track->topic, track->partition,
          from, refused, ASK_TIME_MS / 2, &reset))
    return;
  track->astray = FALSE;
  if (reset.reason != GST_KAFKA_RESET_NONE) {
    gst_kafka_damage_init (&track->damage);
    accept_reset (self, track, &reset);
    track->position = reset.to;
  }
  track->at_end = track->position >= track->end;
  if (!track->at_end)
    gst_kafka_reset_reassign (self->rk, track->topic, track->partition, get_place (track));
}

/* Damage */

/* (nullable): the one with @offset in it */
static Hole *
find_hole (const Track *self, gint64 offset)
{
  for (guint i = 0; i < self->holes->len; i++) {
    Hole *hole = &g_array_index (self->holes, Hole, i);

    if (offset >= hole->from && offset < hole->good)
      return hole;
  }
  return NULL;
}

static Hole *
add_hole (Track *self, gint64 from, gint64 good)
{
  Hole *known = find_hole (self, good - 1), added = {from, good, good};

  if (known) {
    known->from = MIN (known->from, from);
    return known;
  }
  g_array_append_val (self->holes, added);
  return &g_array_index (self->holes, Hole, self->holes->len - 1);
}

/* Each offset is counted and named once, however often it is played, and not before it is. */
static void
count_hole (GstKafkaReplay *self, const Track *track, Hole *hole, gint64 from)
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
pass_over (GstKafkaReplay *self, Track *track, Hole *hole, gint64 from)
{
  track->position = hole->good;
  track->at_end = hole->good >= track->end;
  if (self->playing)
    count_hole (self, track, hole, from);
}

static void
go_on_searching (GstKafkaReplay *self, Track *track)
{
  gint64 from, good;

  gst_kafka_reset_seek (self->rk, track->topic, track->partition, track->damage.tried);
  if (!gst_kafka_damage_take_found (&track->damage, &from, &good))
    return;
  GST_INFO ("%s: offsets %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
            " of partition %d of %s are damaged",
      rd_kafka_name (self->rk), from, good - 1, track->partition, track->topic);
  pass_over (self, track, add_hole (track, from, good), from);
}

static void
take_damage (GstKafkaReplay *self, Track *track, const rd_kafka_message_t *message)
{
  Hole *known = find_hole (track, track->position);

  GST_INFO ("%s: %s", rd_kafka_name (self->rk), rd_kafka_message_errstr (message));
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
take_sound (GstKafkaReplay *self, Track *track)
{
  if (!gst_kafka_damage_is_searched (&track->damage))
    return FALSE;
  gst_kafka_damage_note_good (&track->damage, get_high (self, track));
  go_on_searching (self, track);
  return TRUE;
}

/* A replay can't go on without what it can't read: it ends, and says why. */
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

  GST_INFO ("%s: %s", rd_kafka_name (self->rk), size ? size : rd_kafka_err2name (err));
  if (!self->ended)
    self->ended = gst_kafka_error_new (
        tried, err, size ? size : rd_kafka_message_errstr (message), GST_RESOURCE_ERROR_READ);
}

static void
take_trouble (GstKafkaReplay *self, Track *track, const rd_kafka_message_t *message)
{
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
    track->at_end = !take_sound (self, track) || track->at_end;
  else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
    note_refusal (self, track, message->offset);
  else if (gst_kafka_damage_is_error (message->err) && !self->settings->fail_on_damage)
    take_damage (self, track, message);
  else if (gst_kafka_error_is_passing (message->err))
    GST_INFO ("%s: %s", rd_kafka_name (self->rk), rd_kafka_message_errstr (message));
  else
    end_for (self, message);
}

/* Takes over @message. */
static void
take_head (GstKafkaReplay *self, Track *track, rd_kafka_message_t *message)
{
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
      track->head_time = capture_time_of (message);
      if (track->head_time >= self->target)
        track->head = g_steal_pointer (&message);
    }
  }
  g_clear_pointer (&message, rd_kafka_message_destroy);
}

/* FALSE: flushing, or ended */
static gboolean
fill_track (GstKafkaReplay *self, Track *track)
{
  while (!track->head && !track->at_end) {
    rd_kafka_message_t *message = rd_kafka_consume_queue (track->queue, POLL_TIME_MS);

    if (message)
      take_head (self, track, message);
    if (track->astray)
      place_anew (self, track);
    if (self->ended || is_flushing (self))
      return FALSE;
  }
  return TRUE;
}

static gboolean
fill_tracks (GstKafkaReplay *self)
{
  rd_kafka_message_t *event = rd_kafka_consumer_poll (self->rk, 0);

  g_clear_pointer (&event, rd_kafka_message_destroy);
  for (guint i = 0; i < self->tracks->len; i++)
    if (!fill_track (self, g_ptr_array_index (self->tracks, i)))
      return FALSE;
  return TRUE;
}

/* (nullable): the one whose head was captured first; NULL if all are at their end */
static Track *
find_earliest (GstKafkaReplay *self)
{
  Track *first = NULL;

  for (guint i = 0; i < self->tracks->len; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

    if (track->head && (!first || track->head_time < first->head_time))
      first = track;
  }
  return first;
}

/* (nullable): the one whose head comes next: of the session of what was
 * captured first, the lowest number */
static Track *
find_first (GstKafkaReplay *self)
{
  Track *first = find_earliest (self);
  guint64 seq, lowest;

  if (!first || !gst_kafka_message_get_seq (first->head, &lowest))
    return first;
  for (guint i = 0; i < self->tracks->len; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

    if (track->head && gst_kafka_message_is_of_session (track->head, first->head) &&
        gst_kafka_message_get_seq (track->head, &seq) && seq < lowest) {
      lowest = seq;
      first = track;
    }
  }
  return first;
}

/* Opening */

static void
check_start (GstKafkaReplay *self, Track *track, const GstKafkaPosition *at)
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
  Track *track = g_new0 (Track, 1);

  track->topic = g_strdup (from->topic);
  track->partition = from->partition;
  track->first = track->start = MAX (at->start, 0);
  track->lost_from = G_MAXINT64;
  track->end = at->end;
  gst_kafka_damage_init (&track->damage);
  track->holes = g_array_new (FALSE, FALSE, sizeof (Hole));
  /* A queue of its own, so that one track can be waited for. */
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
    self->tracks = g_ptr_array_new_with_free_func ((GDestroyNotify) track_free);
    for (gint i = 0; i < found.list->cnt; i++)
      add_track (self, &found.list->elems[i], &positions[i]);
  }
  gst_kafka_discovery_clear (&found);
  return err;
}

/* Looks for messages in the last @back offsets of each track that none is
 * known of yet. FALSE: flushing */
static gboolean
look_at_ends (GstKafkaReplay *self, gint64 back, GstClockTime *last)
{
  rd_kafka_topic_partition_list_t *list = list_tracks (self, 0);

  for (gint i = 0; i < list->cnt; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

    list->elems[i].offset = track->measured ? track->end : MAX (track->end - back, track->start);
  }
  place_tracks (self, list);
  rd_kafka_topic_partition_list_destroy (list);
  for (guint i = 0; i < self->tracks->len; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

    while (fill_track (self, track) && track->head) {
      *last = MAX (*last, track->head_time + gst_kafka_message_get_duration (track->head));
      track->measured = TRUE;
      g_clear_pointer (&track->head, rd_kafka_message_destroy);
    }
    if (!track->at_end)
      return FALSE;
  }
  return TRUE;
}

/* The last message of each track tells how long it is; what ends a transaction takes an offset
 * without being one, and so does what another camera sent. FALSE: flushing */
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
  rd_kafka_topic_partition_list_t *list = list_tracks (self, 0);

  for (gint i = 0; i < list->cnt; i++)
    list->elems[i].offset = ((Track *) g_ptr_array_index (self->tracks, i))->start;
  place_tracks (self, list);
  rd_kafka_topic_partition_list_destroy (list);
  return fill_tracks (self);
}

/* The first capture time, %GST_CLOCK_TIME_NONE if there is no message. What arrived first needn't
 * be it: B-frames, and a stream's headers, whose time is that of sending. FALSE: flushing */
static gboolean
find_begin (GstKafkaReplay *self, GstClockTime *begin)
{
  *begin = GST_CLOCK_TIME_NONE;
  if (!go_to_begin (self))
    return FALSE;
  for (guint i = 0; i < self->tracks->len; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);

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
  /* what isn't known is the largest number; an empty recording begins somewhere */
  self->origin = MIN (MIN (self->settings->range.start_time, begin), G_MAXINT64);
  g_mutex_lock (&self->lock);
  self->duration = last > self->origin ? last - self->origin : 0;
  g_mutex_unlock (&self->lock);
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

/* Playing */

void
gst_kafka_replay_seek (GstKafkaReplay *self, GstClockTime time)
{
  /* It opens at the begin. */
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

/* Where the seek has found the oldest message left of a track, there may
 * have been others before it. */
static void
look_for_deleted (GstKafkaReplay *self, const rd_kafka_topic_partition_list_t *found)
{
  rd_kafka_topic_partition_list_t *oldest = list_tracks (self, RD_KAFKA_OFFSET_BEGINNING);

  gboolean known = !rd_kafka_offsets_for_times (self->rk, oldest, ASK_TIME_MS);

  for (gint i = 0; known && i < oldest->cnt; i++) {
    Track *track = g_ptr_array_index (self->tracks, i);
    gint64 low = oldest->elems[i].offset;
    GstKafkaReset reset =
        gst_kafka_reset_decide (self->settings->range.reset, track->first, low, -1);

    if (!oldest->elems[i].err && reset.reason == GST_KAFKA_RESET_DELETED &&
        (found->elems[i].offset == low || found->elems[i].offset < 0))
      accept_reset (self, track, &reset);
  }
  rd_kafka_topic_partition_list_destroy (oldest);
}

/* Puts all tracks at what was captured at @time or later. FALSE: flushing, or @err */
static gboolean
go_to (GstKafkaReplay *self, GstClockTime time, rd_kafka_resp_err_t *err)
{
  gint64 arrival = (gint64) (time / GST_MSECOND) + self->least_lag;
  rd_kafka_topic_partition_list_t *list;

  if (self->by_arrival || self->least_lag)
    arrival -= (gint64) (DISORDER / GST_MSECOND);
  list = list_tracks (self, MAX (arrival, 0));

  *err = rd_kafka_offsets_for_times (self->rk, list, 2 * ASK_TIME_MS);
  if (!*err)
    *err = first_error (list);
  if (!*err) {
    self->target = time;
    look_for_deleted (self, list);
    place_tracks (self, list);
  }
  rd_kafka_topic_partition_list_destroy (list);
  return !*err && !self->ended && fill_tracks (self);
}

/* The last message captured before @end that needs no other one; GST_CLOCK_TIME_NONE if
 * there is none. FALSE: flushing */
static gboolean
find_key_unit (GstKafkaReplay *self, GstClockTime end, GstClockTime *time)
{
  Track *first;

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

/* A decoder needs what @target depends on: from the key unit before it, or from the begin. */
static gboolean
go_to_key_unit (GstKafkaReplay *self, GstClockTime target, rd_kafka_resp_err_t *err)
{
  GstClockTime key_unit = GST_CLOCK_TIME_NONE, from = target;

  for (GstClockTime back = FIRST_LOOK_BACK; from > self->origin; back *= 2) {
    from = target > self->origin + back ? target - back : self->origin;
    if (!go_to (self, from, err) || !find_key_unit (self, target, &key_unit))
      return FALSE;
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
  Track *first;

  if (!go_to (self, target, err))
    return FALSE;
  first = find_first (self);
  if (first && gst_kafka_message_is_delta_unit (first->head) && !go_to_key_unit (self, target, err))
    return FALSE;
  self->seek_time = GST_CLOCK_TIME_NONE;
  return TRUE;
}

GstKafkaRead
gst_kafka_replay_read (
    GstKafkaReplay *self, GstKafkaFetched *fetched, GstClockTime *time, GError **error)
{
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  Track *first;

  if (GST_CLOCK_TIME_IS_VALID (self->seek_time) && !carry_out_seek (self, &err))
    return err && !is_flushing (self) ? fail (self, err, error) : stop (self, error);
  if (self->ended || !fill_tracks (self))
    return stop (self, error);
  first = find_first (self);
  if (!first)
    return GST_KAFKA_READ_END;
  *time = first->head_time > self->origin ? first->head_time - self->origin : 0;
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
