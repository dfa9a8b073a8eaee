/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkatracks.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkaerror.h"
#include "fogthread.h"
#include "gstkafkamessage.h"
#include "src/consumer/gstkafkadiscovery.h"
#include "src/partitions/gstkafkaheld.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

#define POLL_TIME_MS 200
#define CHECK_TIME (2 * G_TIME_SPAN_SECOND)
#define OPEN_TIME (10 * G_TIME_SPAN_SECOND)
#define STOP_TIME (2 * G_TIME_SPAN_SECOND)
/* The largest number of queries that wait for an answer at the same time: two that run beside the
 * reading, one that the reading waits for, and the ones that flushes have interrupted. */
#define MOST_QUERIES 8
/* Time (us) between two checks whether a query may start, or whether a flush has begun. */
#define ASK_SLICE (10 * G_TIME_SPAN_MILLISECOND)

/* A question to the brokers, with their answer. Each kind of question uses some of the fields. */
struct _GstKafkaQuestion {
  GstKafkaTracks *tracks; /* a reference */
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

/* --- life --- */

static void
track_free (GstKafkaTrack *self)
{
  g_clear_pointer (&self->head, rd_kafka_message_destroy);
  g_clear_pointer (&self->queue, rd_kafka_queue_destroy);
  g_clear_pointer (&self->holes, g_array_unref);
  g_free (self->topic);
  g_free (self);
}

static void
tracks_unref (GstKafkaTracks *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_clear_pointer (&self->all, g_ptr_array_unref);
  g_clear_pointer (&self->handle, gst_kafka_handle_unref_and_wait);
  gst_kafka_consumer_settings_free (self->settings);
  gst_kafka_fault_unref (self->fault);
  gst_kafka_outage_clear (&self->outage);
  g_free (self->missing);
  g_clear_error (&self->ended);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
take_error (rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
  GstKafkaTracks *self = gst_kafka_fault_get_user_data (opaque);

  GST_INFO ("%s: %s: %s", rd_kafka_name (rk), rd_kafka_err2name (err), reason);
  gst_kafka_fault_note (self->fault, err, reason);
  if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
    g_atomic_int_set (&self->gone, TRUE);
}

GstKafkaTracks *
gst_kafka_tracks_new (rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error)
{
  GstKafkaTracks *self = g_new0 (GstKafkaTracks, 1);

  g_atomic_ref_count_init (&self->refs);
  self->fault = gst_kafka_fault_new (self, NULL);
  gst_kafka_outage_init (&self->outage);
  g_mutex_init (&self->lock);
  self->settings = settings;
  rd_kafka_conf_set_error_cb (conf, take_error);
  self->rk = gst_kafka_client_new (RD_KAFKA_CONSUMER, conf, self->fault, error);
  if (!self->rk) {
    gst_kafka_tracks_free (self);
    return NULL;
  }
  rd_kafka_poll_set_consumer (self->rk);
  self->handle = gst_kafka_handle_new (self->rk, self->fault);
  return self;
}

static gpointer
end_tracks (gpointer data)
{
  tracks_unref (data);
  return NULL;
}

void
gst_kafka_tracks_free (GstKafkaTracks *self)
{
  FogThread *thread;

  g_clear_pointer (&self->check, fog_thread_release);
  g_clear_pointer (&self->contact, fog_thread_release);
  thread = fog_thread_new ("kafkasrc-replay", end_tracks, self, NULL);
  if (!fog_thread_end (thread, g_get_monotonic_time () + STOP_TIME))
    GST_WARNING ("librdkafka %s doesn't end the client: its threads and connections stay",
        rd_kafka_version_str ());
}

static gboolean
is_flushing (GstKafkaTracks *self)
{
  gboolean flushing;

  g_mutex_lock (&self->lock);
  flushing = self->flushing;
  g_mutex_unlock (&self->lock);
  return flushing;
}

/* Lets librdkafka call the callbacks, e.g. for errors. */
static void
serve (GstKafkaTracks *self)
{
  rd_kafka_message_t *event = rd_kafka_consumer_poll (self->rk, 0);

  g_clear_pointer (&event, rd_kafka_message_destroy);
}

static GstKafkaRead
fail (GstKafkaTracks *self, rd_kafka_resp_err_t err, GError **error)
{
  g_autofree gchar *tried = g_strdup_printf ("replay %s", self->settings->where);
  g_autofree gchar *detail = NULL;
  rd_kafka_resp_err_t fault =
      err != RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ? gst_kafka_fault_get (self->fault, &detail) : 0;

  g_propagate_error (error, gst_kafka_error_new (tried, fault ? fault : err,
                                fault ? detail : self->missing, GST_RESOURCE_ERROR_OPEN_READ));
  return GST_KAFKA_READ_FAILED;
}

/* Returns the reason why reading has stopped. */
static GstKafkaRead
stop (GstKafkaTracks *self, GError **error)
{
  if (!self->ended || is_flushing (self))
    return GST_KAFKA_READ_FLUSHING;
  g_propagate_error (error, g_error_copy (self->ended));
  return GST_KAFKA_READ_FAILED;
}

GstKafkaRead
gst_kafka_tracks_explain (GstKafkaTracks *self, rd_kafka_resp_err_t err, GError **error)
{
  return err && !is_flushing (self) ? fail (self, err, error) : stop (self, error);
}

/* --- questions to the brokers --- */

/* Takes ownership of @list (nullable). */
static GstKafkaQuestion *
question_new (GstKafkaTracks *self, void (*ask) (GstKafkaQuestion *self),
    rd_kafka_topic_partition_list_t *list)
{
  GstKafkaQuestion *question = g_new0 (GstKafkaQuestion, 1);

  g_atomic_ref_count_inc (&self->refs);
  question->tracks = self;
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
  tracks_unref (self->tracks);
  g_free (self);
}

static gpointer
ask (gpointer data)
{
  GstKafkaQuestion *question = data;

  question->ask (question);
  g_atomic_int_add (&question->tracks->asking, -1);
  GST_LOG ("%s: a question is answered: %s", rd_kafka_name (question->tracks->rk),
      rd_kafka_err2name (question->err));
  return NULL;
}

static void
ask_offsets (GstKafkaQuestion *self)
{
  self->err = rd_kafka_offsets_for_times (self->tracks->rk, self->list, GST_KAFKA_ANSWER_MS);
}

static void
ask_reset (GstKafkaQuestion *self)
{
  self->err = gst_kafka_reset_ask (self->tracks->settings->range.reset, self->tracks->rk,
      self->topic, self->partition, self->from, self->refused, GST_KAFKA_ANSWER_MS, &self->reset);
}

static void
ask_topics (GstKafkaQuestion *self)
{
  self->err = gst_kafka_discover (
      self->tracks->rk, self->tracks->settings, GST_KAFKA_ANSWER_MS, &self->found);
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
      &self->tracks->settings->range, self->tracks->rk, self->found.list, self->positions);
}

static gboolean
is_interrupted (gpointer tracks)
{
  return is_flushing (tracks);
}

/* Starts a query. Takes ownership of @question, which lives as long as the query. */
static FogThread *
start_query (GstKafkaTracks *self, GstKafkaQuestion *question)
{
  g_atomic_int_inc (&self->asking);
  return fog_thread_start ("kafka-query", ask, question, question_free);
}

static void
report_queries (GstKafkaTracks *self)
{
  GstElement *element = self->asking_told ? NULL : gst_pad_get_parent_element (self->settings->pad);

  self->asking_told = TRUE;
  if (element)
    GST_ELEMENT_INFO (element, RESOURCE, BUSY,
        ("The brokers haven't answered %d queries yet, which seeks have interrupted. Further seeks "
         "wait for these answers, for up to %d s each: %s",
            MOST_QUERIES, GST_KAFKA_ANSWER_MS / 1000, self->settings->where),
        (NULL));
  gst_clear_object (&element);
}

/* Limits the number of queries that a flush has interrupted and that still wait for an answer,
 * because each of them has a thread. Returns FALSE if a flush began before another query was
 * allowed to start. */
static gboolean
wait_to_ask (GstKafkaTracks *self)
{
  if (g_atomic_int_get (&self->asking) >= MOST_QUERIES)
    report_queries (self);
  while (g_atomic_int_get (&self->asking) >= MOST_QUERIES) {
    if (is_flushing (self))
      return FALSE;
    g_usleep (ASK_SLICE);
  }
  return TRUE;
}

/* Takes ownership of @question, which lives as long as the query that is returned. Returns:
 * (transfer full) (nullable): the answered query; NULL if a flush came before the answer. */
static FogThread *
wait_for_answer (GstKafkaTracks *self, GstKafkaQuestion *question)
{
  FogThread *query;

  if (!wait_to_ask (self)) {
    question_free (question);
    return NULL;
  }
  query = start_query (self, question);
  GST_DEBUG_OBJECT (self->settings->pad, "asking the brokers");
  if (!fog_thread_wait (query, is_interrupted, self))
    g_clear_pointer (&query, fog_thread_release);
  return query;
}

/* Replaces the times or logical offsets in @list by the offsets found. During a flush the function
 * returns at once, with RD_KAFKA_RESP_ERR__INTR. */
static rd_kafka_resp_err_t
find_offsets (GstKafkaTracks *self, rd_kafka_topic_partition_list_t *list)
{
  GstKafkaQuestion *question =
      question_new (self, ask_offsets, rd_kafka_topic_partition_list_copy (list));
  FogThread *query = wait_for_answer (self, question);
  rd_kafka_resp_err_t err;

  if (!query)
    return RD_KAFKA_RESP_ERR__INTR;
  err = question->err;
  for (gint i = 0; !err && i < list->cnt; i++) {
    list->elems[i].offset = question->list->elems[i].offset;
    list->elems[i].err = question->list->elems[i].err;
  }
  fog_thread_release (query);
  return err;
}

/* Returns: (transfer full): a list of all tracks in their order, each with @offset */
static rd_kafka_topic_partition_list_t *
list_tracks (GstKafkaTracks *self, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new ((int) self->all->len);

  for (guint i = 0; i < self->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->all, i);

    rd_kafka_topic_partition_list_add (list, track->topic, track->partition)->offset = offset;
  }
  return list;
}

/* --- positions --- */

static void
warn (GstKafkaTracks *self, GstKafkaTrack *track, const GstKafkaReset *reset)
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
count_lost (GstKafkaTracks *self, GstKafkaTrack *track, const GstKafkaReset *reset)
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
accept_reset (GstKafkaTracks *self, GstKafkaTrack *track, const GstKafkaReset *reset)
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
get_high (GstKafkaTracks *self, const GstKafkaTrack *track)
{
  return gst_kafka_reset_get_high (self->rk, track->topic, track->partition, track->end);
}

static void
note_refusal (GstKafkaTracks *self, GstKafkaTrack *track, gint64 offset)
{
  gboolean asked = gst_kafka_reset_was_asked (offset, get_place (track), get_high (self, track));

  GST_DEBUG ("%s: offset %" G_GINT64_FORMAT " of partition %d of %s is refused; %s",
      rd_kafka_name (self->rk), offset, track->partition, track->topic,
      asked ? "it was asked for" : "nobody asked for it");
  track->astray = TRUE;
  track->refused_at = asked && !gst_kafka_damage_is_searched (&track->damage) ? offset : -1;
}

void
gst_kafka_tracks_place (GstKafkaTracks *self)
{
  rd_kafka_topic_partition_list_t *reading =
      rd_kafka_topic_partition_list_new ((int) self->all->len);

  for (guint i = 0; i < self->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->all, i);
    gint64 offset = track->wanted;

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

/* --- replaced logs --- */

static void
end_for_another_log (GstKafkaTracks *self, const GstKafkaTrack *track)
{
  const GstKafkaReset reset = {.reason = GST_KAFKA_RESET_REPLACED};
  g_autofree gchar *what = gst_kafka_reset_describe (&reset, track->topic, track->partition);

  GST_INFO_OBJECT (self->settings->pad, "%s", what);
  if (!self->ended)
    self->ended = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ,
        "%s The recording that is replayed is deleted. Start the replay again.", what);
}

static void
take_log (GstKafkaTracks *self, GstKafkaTrack *track, const rd_kafka_topic_partition_t *answer)
{
  if (!answer->err && gst_kafka_log_take_answer (&track->log, answer->offset))
    end_for_another_log (self, track);
}

static void
begin_check (GstKafkaTracks *self)
{
  rd_kafka_topic_partition_list_t *list = list_tracks (self, 0);
  gint64 time = g_get_real_time () / G_TIME_SPAN_MILLISECOND;

  for (gint i = 0; i < list->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->all, i);

    list->elems[i].offset = gst_kafka_log_begin (&track->log, track->end, time);
  }
  self->asked = question_new (self, ask_offsets, list);
  self->check = start_query (self, self->asked);
  self->checked = g_get_monotonic_time ();
}

static void
end_check (GstKafkaTracks *self)
{
  const rd_kafka_topic_partition_list_t *list = self->asked->list;

  for (gint i = 0; !self->asked->err && i < list->cnt; i++)
    take_log (self, g_ptr_array_index (self->all, i), &list->elems[i]);
  g_clear_pointer (&self->check, fog_thread_release);
  self->asked = NULL;
}

void
gst_kafka_tracks_check_logs (GstKafkaTracks *self)
{
  if (self->check && fog_thread_is_done (self->check))
    end_check (self);
  if (!self->check && g_get_monotonic_time () - self->checked >= CHECK_TIME)
    begin_check (self);
}

static void
place_at (GstKafkaTracks *self, GstKafkaTrack *track, gint64 from, const GstKafkaReset *reset)
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
place_again (GstKafkaTracks *self, GstKafkaTrack *track)
{
  GstKafkaQuestion *question = question_new (self, ask_reset, NULL);
  FogThread *query;

  question->topic = g_strdup (track->topic);
  question->partition = track->partition;
  question->refused = track->refused_at >= 0;
  question->from = question->refused ? track->refused_at : track->position;
  query = wait_for_answer (self, question);
  if (query && !question->err)
    place_at (self, track, question->from, &question->reset);
  g_clear_pointer (&query, fog_thread_release);
}

/* --- damage --- */

/* Counts and reports each damaged offset once, when the replay reaches the offset for the first
 * time. */
static void
count_hole (GstKafkaTracks *self, const GstKafkaTrack *track, GstKafkaHole *hole, gint64 from)
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
pass_over (GstKafkaTracks *self, GstKafkaTrack *track, GstKafkaHole *hole, gint64 from)
{
  track->position = hole->good;
  track->at_end = hole->good >= track->end;
  if (self->playing)
    count_hole (self, track, hole, from);
}

static void
go_on_searching (GstKafkaTracks *self, GstKafkaTrack *track)
{
  gint64 from, good;

  track->heard = g_get_monotonic_time ();
  gst_kafka_reset_seek (self->rk, track->topic, track->partition, track->damage.tried);
  if (!gst_kafka_damage_take_found (&track->damage, &from, &good))
    return;
  GST_INFO_OBJECT (self->settings->pad,
      "offsets %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " of partition %d of %s are damaged",
      from, good - 1, track->partition, track->topic);
  pass_over (self, track, gst_kafka_holes_add (track->holes, from, good), from);
}

static void
take_damage (GstKafkaTracks *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  GstKafkaHole *known = gst_kafka_holes_find (track->holes, track->position);

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
take_sound (GstKafkaTracks *self, GstKafkaTrack *track)
{
  if (!gst_kafka_damage_is_searched (&track->damage))
    return FALSE;
  gst_kafka_damage_note_good (&track->damage, get_high (self, track));
  go_on_searching (self, track);
  return TRUE;
}

/* --- messages --- */

/* An unreadable message ends a replay with an error. */
static void
end_for (GstKafkaTracks *self, const rd_kafka_message_t *message)
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
take_strange (GstKafkaTracks *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  if (!self->settings->fail_on_damage)
    take_damage (self, track, message);
  else if (!self->ended)
    self->ended = gst_kafka_error_new ("replay", RD_KAFKA_RESP_ERR__BAD_MSG,
        gst_kafka_damage_describe (message), GST_RESOURCE_ERROR_READ);
}

static void
take_trouble (GstKafkaTracks *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
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

static GstClockTime
capture_time_of (const rd_kafka_message_t *message)
{
  GstClockTime time = gst_kafka_message_get_capture_time (message);

  return GST_CLOCK_TIME_IS_VALID (time) ? time : 0;
}

/* Learns the time from a message's capture to its arrival at the broker. */
static void
note_lag (GstKafkaTracks *self, const rd_kafka_message_t *message)
{
  rd_kafka_timestamp_type_t type;
  gint64 timestamp = rd_kafka_message_timestamp (message, &type);

  self->by_arrival |= type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
  if (timestamp > 0)
    self->least_lag =
        MIN (self->least_lag, timestamp - (gint64) (capture_time_of (message) / GST_MSECOND));
}

static void
note_times (GstKafkaTracks *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  GstClockTime last = track->head_time;

  track->head_time = capture_time_of (message);
  track->decode_known = gst_kafka_message_get_reorder (message, &track->before);
  self->reorders |= track->head_time < last;
}

static void
note_other (GstKafkaTracks *self, GstKafkaTrack *track, const rd_kafka_message_t *message)
{
  track->others = MAX (track->others, capture_time_of (message));
  g_mutex_lock (&self->lock);
  self->others++;
  g_mutex_unlock (&self->lock);
}

/* Takes ownership of @message. */
static void
take_head (GstKafkaTracks *self, GstKafkaTrack *track, rd_kafka_message_t *message)
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

/* --- silence --- */

static void
warn_of_silence (GstKafkaTracks *self, GstKafkaTrack *track)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element && !track->silence_told)
    gst_kafka_damage_warn_of_silence (element, track->topic, track->partition, track->position);
  track->silence_told = TRUE;
  gst_clear_object (&element);
}

static gboolean
is_answered (GstKafkaTracks *self, const GstKafkaTrack *track)
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
look_for_deleted_topic (GstKafkaTracks *self)
{
  GstKafkaQuestion *question;
  FogThread *query;

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
  fog_thread_release (query);
}

static void
note_contact (GstKafkaTracks *self, gboolean answered)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);
  gint64 now = g_get_monotonic_time ();
  g_autofree gchar *cause = NULL;

  if (answered)
    gst_kafka_fault_forget (self->fault);
  gst_kafka_fault_get (self->fault, &cause);
  gst_kafka_outage_note_answer (&self->outage, answered, now);
  if (element)
    gst_kafka_outage_report (&self->outage, element, GST_RESOURCE_ERROR_OPEN_READ,
        self->settings->where, "The replay waits, and continues when a broker answers.", cause,
        now);
  gst_clear_object (&element);
}

static void
begin_query_for_contact (GstKafkaTracks *self)
{
  gst_kafka_connections_mark (self->fault->connections);
  self->contact_asked = question_new (self, ask_topics, NULL);
  self->contact = start_query (self, self->contact_asked);
}

static void
end_query_for_contact (GstKafkaTracks *self)
{
  gboolean answered = !gst_kafka_error_is_unanswered (self->contact_asked->err) ||
                      gst_kafka_connections_have_received (self->fault->connections);

  g_clear_pointer (&self->contact, fog_thread_release);
  self->contact_asked = NULL;
  serve (self);
  note_contact (self, answered);
}

/* While the broker of a silent partition doesn't answer, queries whether any other broker answers.
 * The streaming thread doesn't wait for the answer. */
static void
look_for_outage (GstKafkaTracks *self)
{
  if (self->contact && fog_thread_is_done (self->contact))
    end_query_for_contact (self);
  if (!self->contact && gst_kafka_outage_is_suspected (&self->outage))
    begin_query_for_contact (self);
}

/* Handles a track from which no message comes although messages exist, because librdkafka doesn't
 * report some kinds of damage, and fetches the same batch again and again. */
static void
look_for_silence (GstKafkaTracks *self, GstKafkaTrack *track)
{
  gint64 now = g_get_monotonic_time ();
  gboolean searched = gst_kafka_damage_is_searched (&track->damage);

  if (now - MAX (track->heard, track->looked) < G_TIME_SPAN_SECOND)
    return;
  track->looked = now;
  look_for_deleted_topic (self);
  if (!is_answered (self, track)) {
    track->heard = now;
    gst_kafka_outage_note_error (&self->outage, RD_KAFKA_RESP_ERR__TIMED_OUT, now);
  } else if (searched && now - track->heard >= GST_KAFKA_SEARCH_TIME) {
    gst_kafka_damage_note_bad (
        &track->damage, track->damage.bad, track->position, get_high (self, track));
    go_on_searching (self, track);
  } else if (!searched && now - track->heard >= GST_KAFKA_SILENCE_TIME) {
    warn_of_silence (self, track);
  }
}

/* --- reading --- */

gboolean
gst_kafka_tracks_fill_one (GstKafkaTracks *self, GstKafkaTrack *track)
{
  /* The time of waiting for the track begins now, because before this call the pipeline may have
   * been busy. */
  track->heard = g_get_monotonic_time ();
  while (!track->head && !track->at_end) {
    rd_kafka_message_t *message = rd_kafka_consume_queue (track->queue, POLL_TIME_MS);

    if (message) {
      if (!message->err && gst_kafka_outage_is_suspected (&self->outage))
        note_contact (self, TRUE);
      take_head (self, track, message);
    } else {
      look_for_outage (self);
      look_for_silence (self, track);
    }
    if (track->astray)
      place_again (self, track);
    if (self->ended || is_flushing (self))
      return FALSE;
  }
  return TRUE;
}

static void
look_for_throttling (GstKafkaTracks *self)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element)
    gst_kafka_fault_warn_of_throttling (self->fault, element, "consumer_byte_rate");
  gst_clear_object (&element);
}

gboolean
gst_kafka_tracks_fill (GstKafkaTracks *self)
{
  serve (self);
  look_for_throttling (self);
  for (guint i = 0; i < self->all->len; i++)
    if (!gst_kafka_tracks_fill_one (self, g_ptr_array_index (self->all, i)))
      return FALSE;
  return TRUE;
}

/* --- opening --- */

static void
check_start (GstKafkaTracks *self, GstKafkaTrack *track, const GstKafkaPosition *at)
{
  GstKafkaReset reset = at->reset;

  if (reset.reason == GST_KAFKA_RESET_NONE)
    reset = gst_kafka_reset_decide (self->settings->range.reset, track->start, at->low, at->high);
  if (reset.reason != GST_KAFKA_RESET_NONE)
    accept_reset (self, track, &reset);
}

static void
add_track (GstKafkaTracks *self, const rd_kafka_topic_partition_t *from, const GstKafkaPosition *at)
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
  g_ptr_array_add (self->all, track);
  check_start (self, track, at);
}

static void
warn_if_empty (GstKafkaTracks *self, const GstKafkaPosition *positions, gint count)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element)
    gst_kafka_range_warn_if_empty (&self->settings->range, positions, count, element);
  gst_clear_object (&element);
}

static void
add_tracks (GstKafkaTracks *self, const GstKafkaQuestion *answer)
{
  const rd_kafka_topic_partition_list_t *list = answer->found.list;

  warn_if_empty (self, answer->positions, list->cnt);
  self->all = g_ptr_array_new_with_free_func ((GDestroyNotify) track_free);
  for (gint i = 0; i < list->cnt; i++)
    add_track (self, &list->elems[i], &answer->positions[i]);
}

static rd_kafka_resp_err_t
take_ranges (GstKafkaTracks *self, const GstKafkaQuestion *answer)
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
find_tracks (GstKafkaTracks *self)
{
  GstKafkaQuestion *question = question_new (self, ask_ranges, NULL);
  FogThread *query = wait_for_answer (self, question);
  rd_kafka_resp_err_t err;

  if (!query)
    return RD_KAFKA_RESP_ERR__INTR;
  err = take_ranges (self, question);
  fog_thread_release (query);
  return err;
}

GstKafkaRead
gst_kafka_tracks_open (GstKafkaTracks *self, GError **error)
{
  if (!self->deadline)
    self->deadline = g_get_monotonic_time () + OPEN_TIME;
  while (!self->all) {
    rd_kafka_resp_err_t err;

    serve (self);
    err = find_tracks (self);
    if (is_flushing (self))
      return GST_KAFKA_READ_FLUSHING;
    if (err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || gst_kafka_error_is_refusal (err) ||
        gst_kafka_error_is_refusal (gst_kafka_fault_get (self->fault, NULL)) ||
        (err && g_get_monotonic_time () > self->deadline))
      return fail (self, err, error);
  }
  return GST_KAFKA_READ_MESSAGE;
}

/* --- times and ends --- */

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
look_for_deleted (GstKafkaTracks *self, const rd_kafka_topic_partition_list_t *found)
{
  rd_kafka_topic_partition_list_t *oldest = list_tracks (self, RD_KAFKA_OFFSET_BEGINNING);

  gboolean known = !find_offsets (self, oldest);

  for (gint i = 0; known && i < oldest->cnt; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->all, i);
    gint64 low = oldest->elems[i].offset;
    GstKafkaReset reset =
        gst_kafka_reset_decide (self->settings->range.reset, track->first, low, -1);

    if (!oldest->elems[i].err && reset.reason == GST_KAFKA_RESET_DELETED &&
        (found->elems[i].offset == low || found->elems[i].offset < 0))
      accept_reset (self, track, &reset);
  }
  rd_kafka_topic_partition_list_destroy (oldest);
}

rd_kafka_resp_err_t
gst_kafka_tracks_find_time (GstKafkaTracks *self, gint64 ms)
{
  rd_kafka_topic_partition_list_t *list = list_tracks (self, ms);
  rd_kafka_resp_err_t err = find_offsets (self, list);

  if (!err)
    err = first_error (list);
  if (!err)
    look_for_deleted (self, list);
  for (gint i = 0; !err && i < list->cnt; i++)
    ((GstKafkaTrack *) g_ptr_array_index (self->all, i))->wanted = list->elems[i].offset;
  rd_kafka_topic_partition_list_destroy (list);
  return err;
}

/* Returns: (nullable): a track with messages after its end */
static GstKafkaTrack *
find_longer (GstKafkaTracks *self)
{
  for (guint i = 0; i < self->all->len; i++) {
    GstKafkaTrack *track = g_ptr_array_index (self->all, i);

    if (get_high (self, track) > track->end)
      return track;
  }
  return NULL;
}

static void
warn_of_held (GstKafkaTracks *self, const GstKafkaTrack *track, gint64 newest, gint64 stable)
{
  GstElement *element = gst_pad_get_parent_element (self->settings->pad);

  if (element && newest > stable && stable == track->end)
    gst_kafka_held_warn (element, track->topic, track->partition, stable, newest - stable, TRUE);
  gst_clear_object (&element);
}

/* The recording ends at the last stable offset that was known when it was opened. Reports once if
 * the messages after it are held back by an open transaction, and weren't only published later. */
static void
ask_for_held (GstKafkaTracks *self)
{
  rd_kafka_topic_partition_list_t *list;
  g_autofree gint64 *newest = NULL;

  if (self->held_told || GST_CLOCK_TIME_IS_VALID (self->settings->range.end_time) ||
      self->settings->range.end_offset >= 0 || !find_longer (self))
    return;
  newest = g_new0 (gint64, self->all->len);
  for (guint i = 0; i < self->all->len; i++)
    newest[i] = get_high (self, g_ptr_array_index (self->all, i));
  list = list_tracks (self, RD_KAFKA_OFFSET_END);
  self->held_told = !find_offsets (self, list);
  for (gint i = 0; self->held_told && i < list->cnt; i++)
    if (!list->elems[i].err)
      warn_of_held (self, g_ptr_array_index (self->all, i), newest[i], list->elems[i].offset);
  rd_kafka_topic_partition_list_destroy (list);
}

gboolean
gst_kafka_tracks_look_for_held (GstKafkaTracks *self)
{
  ask_for_held (self);
  return !is_flushing (self);
}
