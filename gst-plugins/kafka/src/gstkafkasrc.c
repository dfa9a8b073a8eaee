/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-kafkasrc
 * @title: kafkasrc
 *
 * Reads messages from Apache Kafka. Each message becomes a buffer, without a copy of its bytes,
 * with the caps, flags, duration and headers that it was sent with. Buffers are stamped with the
 * running time of their arrival.
 *
 * With #GstKafkaSrc:group-id the element is a member of a consumer group, whose members share the
 * topic's partitions. A message is done, and its offset is committed, when all buffers made from it
 * are released and no error followed, or when the stream has ended cleanly. So after a crash, an
 * error or a stop, the messages that were in the pipeline are read again. Without a group the
 * element reads all partitions, beginning with messages that are published after its start, and
 * commits nothing.
 *
 * The element waits for a topic that doesn't exist yet, and for a broker that is lost later. A
 * broker that can't be reached at the start is an error after 10 s.
 *
 * #GstKafkaSrc:topic is a comma-separated list of names and of patterns that begin with `^`. A
 * pattern also matches topics that are created later, but never the brokers' own topics.
 *
 * ## Events
 *
 * `GstKafkaAssignment`, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, goes downstream before the first
 * message of each assignment, live only:
 *
 * | field | meaning |
 * | --- | --- |
 * | `topic` | string: #GstKafkaSrc:topic as it was set |
 * | `partitions` | GstValueArray of int, from 0: the numbers of the assigned partitions; empty if
 *   other members have all partitions |
 *
 * A CAPS event is sent whenever a message has other caps than the last one. SEGMENT is in TIME, but
 * in BYTES for Ogg. An EOS event ends a bounded range, and follows an error. A GST_EVENT_SEEK is
 * taken in a replay only, in TIME and with a positive rate, with the flags FLUSH, ACCURATE, SEGMENT
 * and TRICKMODE_KEY_UNITS. Any other seek is refused; a seek whose stop is before its start causes
 * a warning (RESOURCE, SEEK). After a FLUSH, messages that were in the pipeline are read again at
 * the next start.
 *
 * ## Messages
 *
 * `kafkasrc-assignment`, an element message after each change of the assignment:
 *
 * | field | meaning |
 * | --- | --- |
 * | `partitions` | GstValueArray of int, from 0: the numbers of the assigned partitions |
 * | `topics` | GstValueArray of string: the topic of each assigned partition |
 * | `rebalances` | uint64: the number of changes so far, from 1 |
 *
 * A DURATION_CHANGED message is posted when a replay has been opened. Warnings (RESOURCE, READ)
 * about positions have the details `topic` (string), `partition` (int), `from` and `to` (int64:
 * offsets; -1: a time, or not known) and `lost` (int64: number of offsets; -1: not known). A
 * warning (RESOURCE, READ) about messages that wait for the end of a transaction has the details
 * `topic` (string), `partition` (int), `stable` (int64: the last stable offset) and `held-back`
 * (int64: number of offsets). A warning (RESOURCE, OPEN_READ) says that no broker has answered for
 * 10 s, and an info message (RESOURCE, OPEN_READ) that one answers again. Errors end the stream
 * with EOS. README.md lists the errors' domains, codes and remedies.
 *
 * ## Queries
 *
 * | query | answer |
 * | --- | --- |
 * | `GstKafkaLag`, custom | `lag` (int64, from 0: number of messages not yet pushed) and
 *   `partitions` (GstValueArray of int); fails in a replay, and below PAUSED |
 * | DURATION | the duration in ns, in a replay that is open; fails live, and in other formats |
 * | SEEKING | GST_FORMAT_TIME, from 0, in a replay; not seekable live |
 * | LATENCY | live: live, at least 0 ns, no maximum, because buffers are stamped on arrival; a
 *   replay isn't live |
 * | URI | the URI: `kafka://` with the servers and the topic |
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -e kafkasrc topic=camera group-id=viewers ! jpegdec ! videoconvert ! autovideosink
 * ]|
 * Shows what a camera publishes with `jpegenc ! kafkasink topic=camera`.
 * |[
 * gst-launch-1.0 playbin uri="kafka://localhost:9092/camera?start=earliest"
 * ]|
 * Plays the frames that the camera has published so far like a file (#GstKafkaSrc:replay, which
 * `start` or `end` in a URI set, as in `start=2026-11-25T00:44:00Z`). A seek into delta-coded video
 * begins with the key unit before the seek's target. With the flag TRICKMODE_KEY_UNITS only key
 * units are read.
 *
 * Since: 0.1
 */

#include <gst/base/gstpushsrc.h>
#include <string.h>
#include <sys/socket.h>

#include "fogtime.h"
#include "client/gstkafkaerror.h"
#include "gstkafkamessage.h"
#include "gstkafkameta.h"
#include "gstkafkarejects.h"
#include "gstkafkareplay.h"
#include "client/gstkafkasocket.h"
#include "gstkafkasrccaps.h"
#include "gstkafkasrcconfig.h"
#include "client/gstkafkauri.h"

GST_DEBUG_CATEGORY (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

enum { PROP_STATS = GST_KAFKA_SRC_PROP_OTHER };

/* With the object lock. */
typedef struct {
  guint64 messages;
  guint64 bytes;
  guint64 other_cameras;
  guint64 too_old;
  guint64 clock_skew;
  guint64 condemned;
  GstClockTime age;
  GstClockTime captured; /* capture time of the last message, Unix time */
} Counters;

typedef struct {
  GstPushSrc parent;

  /* with the object lock */
  GstKafkaSettings settings;
  GstKafkaSrcSettings own;
  Counters counters;
  /* Only one of `consumer` and `player` exists, while the element is in PAUSED or PLAYING. The
   * streaming thread uses them without lock. */
  GstKafkaConsumer *consumer;
  GstKafkaReplay *player;
  GstKafkaCleanEnd *end;    /* detects a clean end of the stream, while the consumer runs */
  GstStructure *last_stats; /* stats of the last run */

  /* Only the streaming thread uses the fields below. */
  /* the time when the push of the last buffer began, monotonic us; 0: none was pushed */
  gint64 pushing;
  /* buffer that was created and not yet pushed; the base class drops it when a pause or EOS
   * comes */
  GstBuffer *created;

  guint64 delta_units; /* number of messages that trick mode has skipped since the last seek */
  gboolean key_units;  /* a message was played since the last seek */

  FogSlot rejects; /* for the pad `rejects` */
  GstKafkaSrcCaps caps;
  GstKafkaBuffers *buffers; /* the free buffers, while there is a client */
  gint flushed;             /* atomic */
} GstKafkaSrc;

typedef GstPushSrcClass GstKafkaSrcClass;

#define GST_KAFKA_SRC(object) ((GstKafkaSrc *) (object))

static GType gst_kafka_src_get_type (void);
static void gst_kafka_src_uri_handler_init (gpointer iface, gpointer data);
G_DEFINE_TYPE_WITH_CODE (GstKafkaSrc, gst_kafka_src, GST_TYPE_PUSH_SRC,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER, gst_kafka_src_uri_handler_init))
GST_ELEMENT_REGISTER_DECLARE (kafkasrc)
GST_ELEMENT_REGISTER_DEFINE (kafkasrc, "kafkasrc", GST_RANK_NONE, gst_kafka_src_get_type ());

/**
 * GstKafkaSrc!src:
 *
 * Gives a buffer for each message, with the caps of its header `gst-caps`, else #GstKafkaSrc:caps,
 * else those that typefind finds. The pad answers the query LATENCY as a live source, unless
 * #GstKafkaSrc:replay is set: in a replay it answers DURATION and SEEKING.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate rejects_template =
    GST_STATIC_PAD_TEMPLATE ("rejects", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY);

/* --- start and stop --- */

static void
reset_run (GstKafkaSrc *self)
{
  GST_OBJECT_LOCK (self);
  memset (&self->counters, 0, sizeof self->counters);
  self->counters.age = self->counters.captured = GST_CLOCK_TIME_NONE;
  gst_clear_structure (&self->last_stats);
  GST_OBJECT_UNLOCK (self);
  self->pushing = 0;
  gst_kafka_src_caps_reset (&self->caps);
  g_atomic_int_set (&self->flushed, FALSE);
}

static void
drop_end (GstKafkaSrc *self)
{
  if (self->end)
    gst_kafka_clean_end_stop (self->end);
  g_clear_pointer (&self->end, gst_kafka_clean_end_unref);
}

static GstKafkaConsumer *
start_consumer (
    GstKafkaSrc *self, rd_kafka_conf_t *conf, GstKafkaConsumerSettings *settings, GError **error)
{
  GstKafkaConsumer *consumer;

  self->end = gst_kafka_clean_end_new (GST_ELEMENT (self));
  settings->end = gst_kafka_clean_end_ref (self->end);
  consumer = gst_kafka_consumer_start (GST_ELEMENT (self), conf, settings, error);
  if (!consumer)
    drop_end (self);
  return consumer;
}

/* This isn't the base class's start(), after whose failure the base class posts a second error. */
static gboolean
open_client (GstKafkaSrc *self)
{
  g_autoptr (GError) error = NULL;
  GstKafkaConsumer *consumer = NULL;
  GstKafkaReplay *player = NULL;
  GstKafkaConsumerSettings *settings;
  rd_kafka_conf_t *conf = NULL;

  reset_run (self);
  settings = gst_kafka_src_new_consumer_settings (
      GST_BASE_SRC (self), &self->settings, &self->own, &conf, &error);
  if (settings && self->own.replay)
    player = gst_kafka_replay_new (conf, settings, &error);
  else if (settings)
    consumer = start_consumer (self, conf, settings, &error);
  if (error) {
    gst_kafka_post_error (GST_ELEMENT (self), error, NULL);
    return FALSE;
  }
  self->buffers = gst_kafka_buffers_new ();
  GST_OBJECT_LOCK (self);
  self->consumer = consumer;
  self->player = player;
  GST_OBJECT_UNLOCK (self);
  gst_kafka_socket_warn (GST_ELEMENT (self), "socket-receive-buffer-bytes", SO_RCVBUF,
      self->own.socket_receive_buffer_bytes);
  gst_base_src_set_live (GST_BASE_SRC (self), !player);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), !player);
  /* A replay itself detects the stop of a seek. */
  gst_base_src_set_automatic_eos (GST_BASE_SRC (self), !player);
  return TRUE;
}

static GstStructure *make_stats (GstKafkaSrc *self);

static void
close_client (GstKafkaSrc *self)
{
  GstKafkaConsumer *consumer;
  GstKafkaReplay *player;

  GST_OBJECT_LOCK (self);
  self->last_stats = make_stats (self);
  GST_INFO_OBJECT (self, "stopping: %" GST_PTR_FORMAT, self->last_stats);
  consumer = g_steal_pointer (&self->consumer);
  player = g_steal_pointer (&self->player);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&consumer, gst_kafka_consumer_stop);
  g_clear_pointer (&player, gst_kafka_replay_free);
  drop_end (self);
  /* A buffer that wasn't pushed is released after the last commit, because no sink has seen it. */
  gst_clear_buffer (&self->created);
  g_clear_pointer (&self->buffers, gst_kafka_buffers_close);
}

static void
set_flushing (GstBaseSrc *base, gboolean flushing)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (base);

  GST_DEBUG_OBJECT (self, flushing ? "unlock: waiting calls return" : "unlock is over");
  /* An EOS event from the application may come in any state, so there may be no consumer and no
   * player. */
  GST_OBJECT_LOCK (self);
  if (self->consumer)
    gst_kafka_consumer_set_flushing (self->consumer, flushing);
  if (self->player)
    gst_kafka_replay_set_flushing (self->player, flushing);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_kafka_src_unlock (GstBaseSrc *base)
{
  set_flushing (base, TRUE);
  return TRUE;
}

static gboolean
gst_kafka_src_unlock_stop (GstBaseSrc *base)
{
  set_flushing (base, FALSE);
  return TRUE;
}

static GstStateChangeReturn
gst_kafka_src_change_state (GstElement *element, GstStateChange transition)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !open_client (self))
    return GST_STATE_CHANGE_FAILURE;
  /* The consumer has to know of the end of PLAYING before queues free their buffers, whose messages
   * have to be read again. The object lock isn't held, because this call reads pads of other
   * elements. */
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED && self->consumer)
    gst_kafka_consumer_set_playing (self->consumer, FALSE);
  result = GST_ELEMENT_CLASS (gst_kafka_src_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && result != GST_STATE_CHANGE_FAILURE &&
      self->consumer)
    gst_kafka_consumer_set_playing (self->consumer, TRUE);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    close_client (self);
  return result;
}

/* --- messages --- */

static void
count (GstKafkaSrc *self, guint64 *counter)
{
  GST_OBJECT_LOCK (self);
  (*counter)++;
  GST_OBJECT_UNLOCK (self);
}

static void
tell_too_old (GstKafkaSrc *self, GstClockTime age)
{
  GST_ELEMENT_INFO (self, STREAM, FAILED,
      ("Messages are skipped, since they are older than max-age. too-old in stats counts them."),
      ("messages older than max-age are skipped; the first one is %" GST_TIME_FORMAT " old",
          GST_TIME_ARGS (age)));
}

/* Returns FALSE if @message is older than max-age. @header: (nullable): the message's header
 * `capture-time` */
static gboolean
look_at_age (GstKafkaSrc *self, const rd_kafka_message_t *message, const GstKafkaHeader *header)
{
  GstClockTime captured = gst_kafka_message_parse_capture_time (message, header);
  GstClockTime now = fog_time_now ();
  gboolean fresh = TRUE, first = FALSE;

  if (!GST_CLOCK_TIME_IS_VALID (captured))
    return TRUE;
  GST_OBJECT_LOCK (self);
  self->counters.clock_skew += captured > now;
  self->counters.captured = captured;
  self->counters.age = captured > now ? 0 : now - captured;
  if (self->own.max_age > 0 && self->counters.age > self->own.max_age && !self->player) {
    first = self->counters.too_old++ == 0;
    fresh = FALSE;
  }
  GST_OBJECT_UNLOCK (self);
  if (first)
    tell_too_old (self, now - captured);
  if (!fresh)
    GST_DEBUG_OBJECT (self,
        "offset %" G_GINT64_FORMAT
        " of partition %d skipped: older than max-age, captured %.3f s ago",
        message->offset, message->partition, (gdouble) (now - captured) / GST_SECOND);
  return fresh;
}

/* Returns GST_FLOW_CUSTOM_SUCCESS if the buffer has to be skipped. @caps: (nullable): the message's
 * header `gst-caps` */
static GstFlowReturn
judge (GstKafkaSrc *self, GstBuffer *buffer, const GstKafkaHeader *caps)
{
  GstFlowReturn result = gst_kafka_src_caps_use (&self->caps, buffer, caps);

  if (result != GST_FLOW_OK)
    return result;
  GST_OBJECT_LOCK (self);
  self->counters.messages++;
  self->counters.bytes += gst_buffer_get_size (buffer);
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* Returns FALSE if the message is of another camera. @camera: (nullable): the message's header
 * `camera` */
static gboolean
is_wanted (GstKafkaSrc *self, const rd_kafka_message_t *message, const GstKafkaHeader *camera)
{
  gboolean wanted;

  GST_OBJECT_LOCK (self);
  wanted = !self->own.camera || gst_kafka_message_header_is (camera, self->own.camera);
  self->counters.other_cameras += !wanted;
  GST_OBJECT_UNLOCK (self);
  if (!wanted)
    GST_LOG_OBJECT (self, "offset %" G_GINT64_FORMAT " of partition %d skipped: another camera",
        message->offset, message->partition);
  return wanted;
}

static GstFlowReturn
condemn (GstKafkaSrc *self, GstKafkaFetched *fetched)
{
  gboolean hopeless = fetched->hopeless;
  g_auto (GstKafkaMessageHeaders) headers;
  GstBuffer *buffer;
  GstPad *rejects;
  GstFlowReturn flow;

  gst_kafka_message_read_headers (fetched->message, &headers);
  buffer = gst_kafka_message_to_buffer (fetched, self->buffers, &headers);
  if (hopeless)
    return gst_kafka_rejects_give_up (GST_ELEMENT (self), buffer);
  count (self, &self->counters.condemned);
  rejects = fog_slot_ref_pad (&self->rejects);
  flow = gst_kafka_rejects_take (GST_ELEMENT (self), rejects, buffer);
  gst_clear_object (&rejects);
  return flow;
}

static GstFlowReturn
take_message (GstKafkaSrc *self, GstKafkaFetched *fetched, GstBuffer **out)
{
  g_auto (GstKafkaMessageHeaders) headers;
  GstFlowReturn result = GST_FLOW_CUSTOM_SUCCESS;
  gboolean wanted;
  GstBuffer *buffer;

  gst_kafka_message_read_headers (fetched->message, &headers);
  wanted = is_wanted (self, fetched->message, headers.used[GST_KAFKA_USED_CAMERA]) &&
           look_at_age (self, fetched->message, headers.used[GST_KAFKA_USED_CAPTURE_TIME]);
  buffer = gst_kafka_message_to_buffer (fetched, self->buffers, &headers);
  if (wanted)
    result = judge (self, buffer, headers.used[GST_KAFKA_USED_CAPS]);
  if (result == GST_FLOW_OK) {
    *out = buffer;
    return GST_FLOW_OK;
  }
  gst_kafka_meta_mark (buffer, result == GST_FLOW_EOS ? GST_KAFKA_ACK_FAILED : GST_KAFKA_ACK_DONE);
  gst_buffer_unref (buffer);
  return result;
}

static void
push_assignment (GstKafkaSrc *self)
{
  GstStructure *s = gst_structure_new_empty (GST_KAFKA_ASSIGNMENT_EVENT);
  GValue partitions = G_VALUE_INIT;

  gst_kafka_consumer_get_lag (self->consumer, &partitions);
  gst_structure_take_value (s, "partitions", &partitions);
  GST_OBJECT_LOCK (self);
  gst_structure_set (s, "topic", G_TYPE_STRING, self->settings.topic, NULL);
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (self, "pushing %" GST_PTR_FORMAT, s);
  gst_pad_push_event (
      GST_BASE_SRC_PAD (self), gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, s));
}

/* --- replay --- */

/* Warns if a seek to key units has played nothing, because other producers may flag all messages as
 * delta units, and some encoders send only one key unit. */
static void
warn_of_no_key_unit (GstKafkaSrc *self)
{
  if (!self->delta_units || self->key_units)
    return;
  GST_ELEMENT_WARNING (self, STREAM, FORMAT,
      ("No key unit was found in the range of the seek, so nothing was played: all of its "
       "%" G_GUINT64_FORMAT " messages are delta units. Seek without the flag "
       "TRICKMODE_KEY_UNITS, or over a longer range.",
          self->delta_units),
      (NULL));
}

static GstFlowReturn
end_replay (GstKafkaSrc *self, GstKafkaRead what, const GError *error)
{
  if (what == GST_KAFKA_READ_END)
    warn_of_no_key_unit (self);
  if (what == GST_KAFKA_READ_FLUSHING)
    return GST_FLOW_FLUSHING;
  if (what == GST_KAFKA_READ_FAILED)
    gst_kafka_post_error (GST_ELEMENT (self), error, NULL);
  return GST_FLOW_EOS;
}

static void
tell_duration (GstKafkaSrc *self)
{
  GstBaseSrc *base = GST_BASE_SRC (self);
  GstClockTime duration = gst_kafka_replay_get_duration (self->player);

  GST_OBJECT_LOCK (self);
  base->segment.duration = duration;
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (
      GST_ELEMENT (self), gst_message_new_duration_changed (GST_OBJECT (self)));
}

static gboolean
is_skipped_in_trick_mode (GstKafkaSrc *self, GstBuffer *buffer)
{
  return GST_BASE_SRC (self)->segment.flags & GST_SEGMENT_FLAG_TRICKMODE_KEY_UNITS &&
         GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

static GstFlowReturn
replay_one (GstKafkaSrc *self, GstBuffer **out)
{
  g_autoptr (GError) error = NULL;
  GstKafkaFetched fetched = {NULL};
  gboolean opened = GST_CLOCK_TIME_IS_VALID (gst_kafka_replay_get_duration (self->player));
  GstKafkaRead what = gst_kafka_replay_open (self->player, &error);
  GstClockTime pts, dts;
  GstFlowReturn result;

  if (what != GST_KAFKA_READ_MESSAGE)
    return end_replay (self, what, error);
  if (!opened)
    tell_duration (self);
  what = gst_kafka_replay_read (self->player, &fetched, &pts, &dts, &error);
  if (what != GST_KAFKA_READ_MESSAGE)
    return end_replay (self, what, error);
  result = take_message (self, &fetched, out);
  if (result != GST_FLOW_OK)
    return result;
  if (is_skipped_in_trick_mode (self, *out)) {
    GST_LOG_OBJECT (self, "skipped, since it is no key unit: %" GST_PTR_FORMAT, *out);
    gst_clear_buffer (out);
    self->delta_units++;
    return GST_FLOW_CUSTOM_SUCCESS;
  }
  self->key_units = TRUE;
  GST_BUFFER_PTS (*out) = pts;
  GST_BUFFER_DTS (*out) = dts;
  GST_LOG_OBJECT (self, "plays %" GST_PTR_FORMAT, *out);
  return GST_FLOW_OK;
}

/* A seek that is refused at this point hasn't flushed anything yet, so the stream continues. */
static gboolean
gst_kafka_src_event (GstBaseSrc *base, GstEvent *event)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (base);

  if (self->player && GST_EVENT_TYPE (event) == GST_EVENT_SEEK &&
      !gst_kafka_replay_check_seek (GST_ELEMENT (self), event))
    return FALSE;
  return GST_BASE_SRC_CLASS (gst_kafka_src_parent_class)->event (base, event);
}

static gboolean
gst_kafka_src_do_seek (GstBaseSrc *base, GstSegment *segment)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (base);

  if (!self->player)
    return TRUE;
  if (!gst_kafka_replay_seek (self->player, segment))
    return FALSE;
  self->delta_units = 0;
  self->key_units = FALSE;
  return TRUE;
}

/* A request for the next buffer means that the last push returned OK. */
static void
note_last_push (GstKafkaSrc *self)
{
  if (g_atomic_int_compare_and_exchange (&self->flushed, TRUE, FALSE))
    gst_kafka_consumer_note_flush (self->consumer);
  else if (self->pushing && !self->created)
    gst_kafka_consumer_note_pushed (self->consumer, self->pushing);
  self->pushing = 0;
}

static GstFlowReturn
read_one (GstKafkaSrc *self, GstBuffer **out)
{
  GstKafkaFetched fetched = {NULL};

  switch (gst_kafka_consumer_read (self->consumer, &fetched)) {
    case GST_KAFKA_READ_MESSAGE:
      return fetched.condemned ? condemn (self, &fetched) : take_message (self, &fetched, out);
    case GST_KAFKA_READ_ASSIGNMENT:
      push_assignment (self);
      return GST_FLOW_CUSTOM_SUCCESS;
    case GST_KAFKA_READ_FLUSHING:
      return GST_FLOW_FLUSHING;
    case GST_KAFKA_READ_BROKEN:
      GST_INFO_OBJECT (self, "an element downstream has failed: the stream ends");
      return GST_FLOW_ERROR;
    case GST_KAFKA_READ_END:
      GST_INFO_OBJECT (self, "everything is read: EOS");
      return GST_FLOW_EOS;
    case GST_KAFKA_READ_FAILED:
    default:
      GST_INFO_OBJECT (self, "reading has failed: EOS");
      return GST_FLOW_EOS;
  }
}

static GstFlowReturn
create_live (GstKafkaSrc *self, GstBuffer **out)
{
  GstFlowReturn result;

  note_last_push (self);
  *out = g_steal_pointer (&self->created);
  result = *out ? GST_FLOW_OK : read_one (self, out);
  if (result == GST_FLOW_OK) {
    self->pushing = g_get_monotonic_time ();
    self->created = gst_buffer_ref (*out);
  }
  return result;
}

static GstFlowReturn
gst_kafka_src_create (GstPushSrc *push, GstBuffer **out)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (push);
  GstFlowReturn result;

  do
    result = self->player ? replay_one (self, out) : create_live (self, out);
  while (result == GST_FLOW_CUSTOM_SUCCESS);
  return result;
}

static void
see_eos (GstKafkaSrc *self, GstPad *pad)
{
  GstPad *rejects;

  if (self->end && g_atomic_int_compare_and_exchange (&self->flushed, TRUE, FALSE))
    gst_kafka_consumer_note_flush (self->consumer);
  if (self->end)
    gst_kafka_clean_end_begin (self->end, pad);
  rejects = fog_slot_ref_pad (&self->rejects);
  if (!rejects)
    return;
  if (self->end)
    gst_kafka_clean_end_begin (self->end, rejects);
  gst_kafka_rejects_end (rejects);
  gst_object_unref (rejects);
}

/* A single probe handles buffers and all events, because each probe costs some hundred instructions
 * a buffer. Once a buffer leaves the pad, the base class can't drop it any more, so `created` is
 * cleared. */
static GstPadProbeReturn
see_departure (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (user_data);

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    gst_clear_buffer (&self->created);
  else if (info->type & GST_PAD_PROBE_TYPE_EVENT_FLUSH)
    g_atomic_int_set (&self->flushed, TRUE);
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_SEGMENT)
    gst_kafka_src_caps_fit_segment (pad, info);
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    see_eos (self, pad);
  return GST_PAD_PROBE_OK;
}

static GstPad *
gst_kafka_src_request_new_pad (
    GstElement *element, GstPadTemplate *template, const gchar *name, const GstCaps *caps)
{
  return gst_kafka_rejects_add_pad (&GST_KAFKA_SRC (element)->rejects, element, template);
}

static void
gst_kafka_src_release_pad (GstElement *element, GstPad *pad)
{
  gst_kafka_rejects_remove_pad (&GST_KAFKA_SRC (element)->rejects, element, pad);
}

/* Negotiates nothing, because each message brings its own caps. */
static gboolean
gst_kafka_src_negotiate (GstBaseSrc *base)
{
  return TRUE;
}

static gboolean
gst_kafka_src_is_seekable (GstBaseSrc *base)
{
  return GST_KAFKA_SRC (base)->player != NULL;
}

static gboolean
answer_duration (GstKafkaSrc *self, GstQuery *query)
{
  GstClockTime duration = GST_CLOCK_TIME_NONE;
  GstFormat format;

  gst_query_parse_duration (query, &format, NULL);
  GST_OBJECT_LOCK (self);
  if (self->player)
    duration = gst_kafka_replay_get_duration (self->player);
  GST_OBJECT_UNLOCK (self);
  if (format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (duration))
    return FALSE;
  gst_query_set_duration (query, GST_FORMAT_TIME, (gint64) duration);
  return TRUE;
}

static gboolean
answer_lag (GstKafkaSrc *self, GstQuery *query)
{
  GstStructure *s = gst_query_writable_structure (query);
  GValue partitions = G_VALUE_INIT;
  guint64 lag;
  gboolean runs;

  GST_OBJECT_LOCK (self);
  runs = self->consumer != NULL;
  if (runs)
    lag = gst_kafka_consumer_get_lag (self->consumer, &partitions);
  GST_OBJECT_UNLOCK (self);
  if (!runs)
    return FALSE;
  GST_LOG_OBJECT (self, "%" G_GUINT64_FORMAT " messages wait, says the query for the lag", lag);
  gst_structure_set (s, "lag", G_TYPE_INT64, (gint64) lag, NULL);
  gst_structure_take_value (s, "partitions", &partitions);
  return TRUE;
}

static gboolean
gst_kafka_src_query (GstBaseSrc *base, GstQuery *query)
{
  const GstStructure *s = gst_query_get_structure (query);

  if (GST_QUERY_TYPE (query) == GST_QUERY_CUSTOM && gst_structure_has_name (s, GST_KAFKA_LAG_QUERY))
    return answer_lag (GST_KAFKA_SRC (base), query);
  if (GST_QUERY_TYPE (query) == GST_QUERY_DURATION)
    return answer_duration (GST_KAFKA_SRC (base), query);
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY && gst_base_src_is_live (base)) {
    /* Buffers are timestamped on arrival, so there is no latency. The base class would count the
     * wait for the first message as latency. */
    gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS (gst_kafka_src_parent_class)->query (base, query);
}

/* kafka:// */

static GstURIType
gst_kafka_src_uri_type (GType type)
{
  return GST_URI_SRC;
}

static gboolean
gst_kafka_src_set_uri (GstURIHandler *handler, const gchar *text, GError **error)
{
  g_autoptr (GstKafkaUri) uri = NULL;

  if (GST_STATE (handler) > GST_STATE_READY) {
    g_set_error_literal (error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE,
        "The URI of a running kafkasrc can't be changed");
    return FALSE;
  }
  uri = gst_kafka_uri_parse (text, error);
  return uri && gst_kafka_src_settings_take_uri_times (G_OBJECT (handler), uri->query, error) &&
         gst_kafka_uri_apply (uri, G_OBJECT (handler), error);
}

static void
gst_kafka_src_uri_handler_init (gpointer iface, gpointer data)
{
  GstURIHandlerInterface *handler = iface;

  gst_kafka_uri_init_handler (handler);
  handler->get_type = gst_kafka_src_uri_type;
  handler->set_uri = gst_kafka_src_set_uri;
}

/* --- properties --- */

static void
add_empty_stats (GstStructure *s)
{
  GValue none = G_VALUE_INIT;

  g_value_init (&none, GST_TYPE_ARRAY);
  gst_structure_set (s, "connected", G_TYPE_BOOLEAN, FALSE, "damaged", G_TYPE_UINT64, (guint64) 0,
      "waits-for-access", G_TYPE_BOOLEAN, FALSE, "lag", G_TYPE_UINT64, (guint64) 0, "prefetched",
      G_TYPE_UINT64, (guint64) 0, "pending", G_TYPE_UINT64, (guint64) 0, "parked", G_TYPE_UINT64,
      (guint64) 0, "rebalances", G_TYPE_UINT64, (guint64) 0, "lost", G_TYPE_UINT64, (guint64) 0,
      "offsets-missing", G_TYPE_UINT64, (guint64) 0, "held-back", G_TYPE_UINT64, (guint64) 0,
      "throttle-time", G_TYPE_UINT64, (guint64) 0, NULL);
  gst_structure_take_value (s, "partitions", &none);
}

/* Called with the object lock. Returns the age of the last message read if other messages wait
 * behind it. The age grows while no message is read. */
static GstClockTime
lag_time (const GstKafkaSrc *self, const GstStructure *stats)
{
  GstClockTime now = fog_time_now (), captured = self->counters.captured;
  guint64 lag = 0;

  gst_structure_get_uint64 (stats, "lag", &lag);
  if (lag == 0)
    return 0;
  if (self->player || !GST_CLOCK_TIME_IS_VALID (captured))
    return GST_CLOCK_TIME_NONE;
  return now > captured ? now - captured : 0;
}

/* with the object lock */
static GstStructure *
make_stats (GstKafkaSrc *self)
{
  const Counters *c = &self->counters;
  GstStructure *s;

  if (self->last_stats)
    return gst_structure_copy (self->last_stats);
  s = gst_structure_new ("kafkasrc-stats", "messages", G_TYPE_UINT64, c->messages, "bytes",
      G_TYPE_UINT64, c->bytes, "other-cameras", G_TYPE_UINT64, c->other_cameras, "too-old",
      G_TYPE_UINT64, c->too_old, "bad-caps", G_TYPE_UINT64, self->caps.bad, "refused-caps",
      G_TYPE_UINT64, self->caps.refused, "clock-skew", G_TYPE_UINT64, c->clock_skew, "age",
      G_TYPE_UINT64, c->age, "condemned", G_TYPE_UINT64, c->condemned, NULL);
  if (self->consumer)
    gst_kafka_consumer_add_stats (self->consumer, s);
  else
    add_empty_stats (s);
  gst_structure_set (s, "lag-time", G_TYPE_UINT64, lag_time (self, s), NULL);
  if (self->player)
    gst_kafka_replay_add_stats (self->player, s);
  return s;
}

static void
gst_kafka_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (object);

  if (!gst_kafka_settings_set_property (&self->settings, object, id, value) &&
      !gst_kafka_src_settings_set_property (&self->own, object, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_kafka_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (object);

  if (gst_kafka_settings_get_property (&self->settings, object, id, value) ||
      gst_kafka_src_settings_get_property (&self->own, object, id, value))
    return;
  if (id != PROP_STATS) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_value_take_boxed (value, make_stats (self));
  GST_OBJECT_UNLOCK (self);
}

static void
gst_kafka_src_finalize (GObject *object)
{
  GstKafkaSrc *self = GST_KAFKA_SRC (object);

  gst_kafka_settings_clear (&self->settings);
  gst_kafka_src_settings_clear (&self->own);
  gst_clear_structure (&self->last_stats);
  fog_slot_clear (&self->rejects);
  gst_kafka_src_caps_reset (&self->caps);
  G_OBJECT_CLASS (gst_kafka_src_parent_class)->finalize (object);
}

static void
gst_kafka_src_class_init (GstKafkaSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_kafka_src_debug, "kafkasrc", 0, "Kafka source");
  object_class->set_property = gst_kafka_src_set_property;
  object_class->get_property = gst_kafka_src_get_property;
  object_class->finalize = gst_kafka_src_finalize;
  gst_kafka_settings_install_properties (object_class,
      "Names of the Kafka topics to read, comma-separated; one that begins with ^ is a pattern");
  gst_kafka_src_settings_install_properties (object_class);
  /**
   * GstKafkaSrc:stats:
   *
   * The numbers of this run, or of the last run, as a structure `kafkasrc-stats`. Each number is a
   * guint64, unless its row names another type:
   *
   * | field | meaning |
   * | --- | --- |
   * | messages, bytes | number of messages pushed downstream, and of their bytes |
   * | other-cameras | number of messages skipped because they are not of #GstKafkaSrc:camera |
   * | too-old | number of messages skipped because they are older than #GstKafkaSrc:max-age |
   * | bad-caps | number of messages skipped because their caps are invalid |
   * | refused-caps | number of messages skipped because downstream doesn't accept their caps |
   * | clock-skew | number of messages with a capture time in the future |
   * | age | time from capture to arrival of the last message, ns; the maximum: not known |
   * | connected | boolean: TRUE if the brokers have answered since the start, and there is no
   *   outage, of all brokers or of the group's coordinator |
   * | damaged | number of messages skipped because their batch is damaged |
   * | waits-for-access | boolean: TRUE if access was lost, and the element waits until it is
   *   granted again (#GstKafkaSrc:access-timeout) |
   * | condemned | number of messages not pushed because they were alone in the pipeline in 3 failed
   *   runs |
   * | lag | number of existing messages that aren't pushed yet |
   * | lag-time | time since the capture of the last message read, ns; 0: no lag; the maximum: not
   *   known |
   * | prefetched | number of messages fetched ahead of the pipeline |
   * | pending | number of messages that are on their way downstream |
   * | parked | number of messages released without a mark, which become done if no error follows |
   * | rebalances | number of changes of the assignment |
   * | lost | number of offsets that were deleted from the topic before they were read |
   * | offsets-missing | number of offsets, from the first one requested to the last one read, that
   *   no message has, because of compaction, transactions or a damaged batch; a replay doesn't
   *   count them |
   * | held-back | number of offsets that the brokers hold back at present, because a transaction
   *   that began before them hasn't ended; `lag` includes them |
   * | throttle-time | longest time for which a broker lets the element wait at present,
   *   because the element exceeds a quota, ns |
   * | partitions | GstValueArray of GstStructure: `topic`, `partition` (int), `lag`, `position`,
   *   `stored` and `failed` (int64; -1: none) |
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Numbers of the messages read, skipped and not yet read", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &src_template);
  /**
   * GstKafkaSrc!rejects:
   *
   * The pad pushes messages that were alone in the pipeline in 3 failed runs, unchanged except for
   * an added header `reject-reason`. The elements behind the pad decide about these messages.
   * Without the pad, a warning (STREAM, DECODE) names each of these messages.
   *
   * Since: 0.1
   */
  gst_element_class_add_static_pad_template (element_class, &rejects_template);
  gst_element_class_set_static_metadata (element_class, "Kafka source", "Source/Network",
      "Reads buffers from the messages of an Apache Kafka topic", "The gst-fog authors");

  element_class->request_new_pad = gst_kafka_src_request_new_pad;
  element_class->release_pad = gst_kafka_src_release_pad;
  element_class->change_state = gst_kafka_src_change_state;
  base_class->unlock = gst_kafka_src_unlock;
  base_class->unlock_stop = gst_kafka_src_unlock_stop;
  base_class->negotiate = gst_kafka_src_negotiate;
  base_class->is_seekable = gst_kafka_src_is_seekable;
  base_class->query = gst_kafka_src_query;
  base_class->event = gst_kafka_src_event;
  base_class->do_seek = gst_kafka_src_do_seek;
  GST_PUSH_SRC_CLASS (klass)->create = gst_kafka_src_create;
}

static void
gst_kafka_src_init (GstKafkaSrc *self)
{
  gst_kafka_settings_init (&self->settings);
  gst_kafka_src_settings_init (&self->own);
  self->counters.age = self->counters.captured = GST_CLOCK_TIME_NONE;
  fog_slot_init (&self->rejects);
  gst_kafka_src_caps_init (&self->caps, GST_BASE_SRC (self), &self->own);
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), TRUE);
  gst_pad_add_probe (GST_BASE_SRC_PAD (self),
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
          GST_PAD_PROBE_TYPE_EVENT_FLUSH,
      see_departure, self, NULL);
}
