/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-kafkasink
 * @title: kafkasink
 * @short_description: publish buffers to a Kafka topic
 *
 * Publishes each buffer as one message, without copying its bytes. Headers carry the buffer's caps,
 * times and flags, so that #kafkasrc gives back the same buffer, and the headers found in its
 * GstKafkaMeta. Kafka's timestamp is the capture time, or the time of sending if the capture time
 * lies over 59 minutes ahead or the brokers refuse it.
 *
 * The element holds a buffer until the brokers have acknowledged it. Messages without a key take
 * the topic's partitions in turn. A message with a key goes to the partition that Java's client
 * would choose. Topic and key are fixed, or templates that each buffer's headers fill, as in
 * `topic=frames-%{camera}`. The meta's `target-topic`, `target-partition` and `target-key` overrule
 * the properties `topic`, `partition` and `key`, except that `target-partition` has no effect while
 * the property `key` is set.
 *
 * When brokers or link are slower than the stream, the queue fills up to
 * #GstKafkaSink:max-queued-bytes, #GstKafkaSink:max-queued-buffers or
 * #GstKafkaSink:max-queued-time. When the queue is full, the element waits, or drops buffers as
 * #GstKafkaSink:leaky says. While the queue grows, the element requests a lower rate from upstream
 * with QoS events of the type GST_QOS_TYPE_THROTTLE, until the link delivers all buffers.
 *
 * With #GstKafkaSink:spool, buffers that can't be sent in time are stored on a disk, for as long as
 * the brokers are away and through restarts of the element, and no buffer is dropped before the
 * disk is full.
 *
 * ## Messages
 *
 * The element posts no element messages; #GstKafkaSink:stats has its numbers. Info messages:
 * RESOURCE/NOT_FOUND while the topic doesn't exist yet, RESOURCE/WRITE when a full queue begins to
 * drop buffers (once a run), and about buffers on the disk (#GstKafkaSink:spool). EOS is posted
 * when all buffers are delivered.
 *
 * Warnings: RESOURCE/OPEN_WRITE when no broker has answered for 10 s (and an info message when one
 * answers again), RESOURCE/NOT_AUTHORIZED when access is lost, RESOURCE/WRITE for each buffer that
 * #GstKafkaSink:on-error skips and for a connection that ended with `acks=none`, RESOURCE/SETTINGS
 * for a partition that the topic doesn't have, for a header that #GstKafkaSink:key names and a
 * buffer lacks, and for a socket buffer that the kernel doesn't grant, RESOURCE/NO_SPACE_LEFT,
 * WRITE and READ about the disk of the spool, RESOURCE/BUSY when the brokers let the element wait
 * because of a quota.
 *
 * ## Events and queries
 *
 * The pad `sink` sends QoS events of the type GST_QOS_TYPE_THROTTLE: they contain the time between
 * two buffers that the link can take, and the ratio of the present rate to the link's. No
 * throttling event is sent for buffers of #kafkasrc, since their messages wait in Kafka. A caps
 * query is answered with all caps but those of device memory.
 *
 * ## Errors
 *
 * RESOURCE/SETTINGS about a property, an option or frames that are too large, RESOURCE/NOT_FOUND
 * about a file or the topic, RESOURCE/OPEN_WRITE if no broker answers within
 * #GstKafkaSink:connect-timeout, RESOURCE/NOT_AUTHORIZED, RESOURCE/WRITE about a buffer that can't
 * be delivered, or about the last ones after #GstKafkaSink:drain-timeout, RESOURCE/READ about a
 * buffer that can't be mapped, RESOURCE/BUSY about the directory of the spool, and
 * STREAM/WRONG_TYPE about device memory and caps that readers refuse.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 -e videotestsrc is-live=true ! jpegenc ! kafkasink topic=camera camera=cam-1
 * ]|
 * Publishes a test picture as JPEG frames to the broker on this machine.
 *
 * Since: 0.1
 */
#include "client/gstkafkaclient.h"
#include "client/gstkafkaerror.h"
#include "client/gstkafkaformat.h"
#include "client/gstkafkasocket.h"
#include "client/gstkafkauri.h"
#include "fogcaps.h"
#include "fogtemplate.h"
#include "fogtime.h"
#include "gstkafkarecord.h"
#include "gstkafkasinksettings.h"
#include "sink/producer/gstkafkaproducer.h"

#include <glib.h>
#include <gst/base/gstbasesink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <sys/socket.h>

GST_DEBUG_CATEGORY (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* The number of bytes allowed in a message for the headers other than the caps, and for Kafka's own
 * fields. */
#define HEADERS_SIZE 512

enum { PROP_STATS = GST_KAFKA_SINK_PROP_OTHER };

/* State that all records of a stream share, with the number of the next record. Only the streaming
 * thread uses it. */
typedef struct {
  GstKafkaHeader *caps;
  GstKafkaHeader *camera;
  GstKafkaHeader *session;
  guint64 seq;
  gchar *topic;   /* template, filled from each record's headers; NULL: the producer's topic */
  gchar *key;     /* template, filled from each record's headers; NULL: the buffer's own key */
  gchar *missing; /* the first header that the template `key` names and a record lacked */
  gboolean missing_told;
  gint partition;
} GstKafkaRecordTemplate;

#define GST_TYPE_KAFKA_SINK (gst_kafka_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstKafkaSink, gst_kafka_sink, GST, KAFKA_SINK, GstBaseSink)

struct _GstKafkaSink {
  GstBaseSink parent;

  /* Lock order: the object lock, then the producer's lock. The object lock guards the next four
   * fields: */
  GstKafkaSettings settings;
  GstKafkaSinkSettings own;
  GstStructure *last_stats; /* stats of the last run, used while there is no producer */
  /* only start() and stop() change `producer`; the streaming thread reads it without lock */
  GstKafkaProducer *producer;

  GstKafkaSpool *spool; /* (nullable): the spool, which exists from start() to stop() */
  /* The streaming thread uses the next fields, from start() to stop(). */
  GstKafkaRecordTemplate template;
  gboolean throttling;   /* upstream is being asked for fewer buffers */
  GstCaps *refused_caps; /* (nullable): caps for which an error was posted */
};

/**
 * GstKafkaSink!sink:
 *
 * Takes any caps, except those of device memory (DMABuf, GPU) and those whose text is too long for
 * #kafkasrc, which are the error STREAM/WRONG_TYPE. The pad answers a caps query with all caps but
 * those of device memory. The pad sends QoS events of the type GST_QOS_TYPE_THROTTLE upstream while
 * the link is slower than the stream.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

#define gst_kafka_sink_parent_class parent_class
static void gst_kafka_sink_uri_handler_init (gpointer iface, gpointer data);
G_DEFINE_TYPE_WITH_CODE (GstKafkaSink, gst_kafka_sink, GST_TYPE_BASE_SINK,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER, gst_kafka_sink_uri_handler_init))
GST_ELEMENT_REGISTER_DECLARE (kafkasink)
GST_ELEMENT_REGISTER_DEFINE (kafkasink, "kafkasink", GST_RANK_NONE, GST_TYPE_KAFKA_SINK)

/* --- templates of topic and key --- */

typedef struct {
  const GstKafkaRecord *record;
  gchar *missing; /* name of a header that a template needs and the buffer lacks */
} Filling;

/* A FogTemplateFunc that appends the value of the message's header @name. */
static gboolean
append_header (GString *filled, const gchar *name, gpointer user_data)
{
  Filling *filling = user_data;
  const GstKafkaRecord *record = filling->record;
  const gchar *text = gst_kafka_meta_get_header (record->buffer, name);

  if (!text && record->camera && g_str_equal (name, GST_KAFKA_HEADER_CAMERA))
    text = record->camera->value;
  if (text)
    g_string_append (filled, text);
  else
    filling->missing = g_strdup (name);
  return text != NULL;
}

/* Returns: (nullable) (transfer full): the template @text filled with the headers of @record.
 * Returns %NULL if @record lacks a header, and sets @missing (transfer full) to the header's
 * name. */
static gchar *
fill (const gchar *text, const GstKafkaRecord *record, gchar **missing)
{
  Filling filling = {record, NULL};
  gchar *filled = fog_template_fill (text, append_header, &filling);

  *missing = filling.missing;
  return filled;
}

/* --- records --- */

/* Slightly less than the brokers' default for message.timestamp.after.max.ms, which is an hour. */
#define FUTURE_MS (59 * 60 * 1000)

/* Begins a new session, in which the numbers of the records begin at 0. @camera, @topic and @key
 * are nullable. With -1 as @partition the partitioner chooses the partition. */
static void
record_template_init (GstKafkaRecordTemplate *self, const gchar *camera, const gchar *topic,
    const gchar *key, gint partition)
{
  g_autofree gchar *session = g_strdup_printf ("%08x", g_random_int ());

  memset (self, 0, sizeof *self);
  self->session = gst_kafka_header_new (GST_KAFKA_HEADER_SESSION, session, -1);
  if (camera)
    self->camera = gst_kafka_header_new (GST_KAFKA_HEADER_CAMERA, camera, -1);
  self->topic = g_strdup (topic);
  self->key = g_strdup (key);
  self->partition = partition;
}

static void
record_template_set_caps (GstKafkaRecordTemplate *self, GstCaps *caps)
{
  g_autofree gchar *text = gst_caps_to_string (caps);

  g_clear_pointer (&self->caps, gst_kafka_header_unref);
  self->caps = gst_kafka_header_new (GST_KAFKA_HEADER_CAPS, text, -1);
}

static void
record_template_clear (GstKafkaRecordTemplate *self)
{
  g_clear_pointer (&self->caps, gst_kafka_header_unref);
  g_clear_pointer (&self->camera, gst_kafka_header_unref);
  g_clear_pointer (&self->session, gst_kafka_header_unref);
  g_clear_pointer (&self->topic, g_free);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->missing, g_free);
}

/* Returns: (transfer full) (nullable): the meta's `target-key`, else the filled template, else the
 * key of the message that the buffer was made from. If the buffer lacks a header that the template
 * names, there is no key. */
static GBytes *
choose_key (GstKafkaRecordTemplate *self, const GstKafkaRecord *record)
{
  const GstStructure *s = gst_kafka_meta_peek (record->buffer);
  g_autofree gchar *missing = NULL;
  gchar *text;
  GBytes *key = NULL;

  if (s && gst_structure_get (s, "target-key", G_TYPE_BYTES, &key, NULL))
    return key;
  if (self->key) {
    text = fill (self->key, record, &missing);
    if (missing && !self->missing)
      self->missing = g_steal_pointer (&missing);
    return text ? g_bytes_new_take (text, strlen (text)) : NULL;
  }
  if (s)
    gst_structure_get (s, "key", G_TYPE_BYTES, &key, NULL);
  return key;
}

static gboolean
set_topic (GstKafkaRecord *record, const GstKafkaRecordTemplate *self, GError **error)
{
  const GstStructure *s = gst_kafka_meta_peek (record->buffer);
  const gchar *target = s ? gst_structure_get_string (s, "target-topic") : NULL;
  g_autofree gchar *missing = NULL;

  if (target || !self->topic) {
    record->topic = g_strdup (target);
    return TRUE;
  }
  record->topic = fill (self->topic, record, &missing);
  if (!record->topic)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "topic=\"%s\" can't be filled: a buffer has no text in the header \"%s\".", self->topic,
        missing);
  return record->topic != NULL;
}

static void
set_partition (GstKafkaRecord *record, const GstKafkaRecordTemplate *self)
{
  const GstStructure *s = gst_kafka_meta_peek (record->buffer);

  record->partition = self->partition;
  record->chosen = RD_KAFKA_PARTITION_UA;
  /* The property `key` asks for order within a partition, so the key overrides the meta's
   * partition, with which feedbackrate spreads a camera's frames. */
  if (s && (!self->key || gst_structure_has_field (s, "target-key")))
    record->suggested = gst_structure_get_int (s, "target-partition", &record->partition);
  if (record->partition < 0)
    record->partition = RD_KAFKA_PARTITION_UA;
}

static GstKafkaHeader *
ref_header (GstKafkaHeader *header)
{
  return header ? gst_kafka_header_ref (header) : NULL;
}

/* Sets the headers that the buffer's meta lacks. */
static void
complete_headers (GstKafkaRecord *record, GstKafkaRecordTemplate *self, GstClockTime captured)
{
  GstBuffer *buffer = record->buffer;
  gboolean numbered = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_SEQ) &&
                      gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_SESSION);

  record->caps = ref_header (self->caps);
  if (!gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAMERA))
    record->camera = ref_header (self->camera);
  if (!numbered) {
    record->session = gst_kafka_header_ref (self->session);
    record->seq = self->seq++;
  }
  record->captured = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAPTURE_TIME)
                         ? GST_CLOCK_TIME_NONE
                         : captured;
}

/* Returns Kafka's timestamp in ms; 0, which means the time of sending, if the capture time is too
 * far ahead. Brokers would refuse a whole batch because of such a timestamp, and later batches
 * would overtake it. */
static gint64
choose_timestamp (GstClockTime captured)
{
  gint64 ms = GST_CLOCK_TIME_IS_VALID (captured) ? captured / GST_MSECOND : 0;

  return ms > g_get_real_time () / G_TIME_SPAN_MILLISECOND + FUTURE_MS ? 0 : ms;
}

/**
 * record_new:
 * @self: supplies the headers that @buffer lacks
 * @buffer: the buffer, to which the record has a reference until gst_kafka_record_free()
 * @captured: capture time, ns since the Unix epoch, or %GST_CLOCK_TIME_NONE
 * @error: GST_RESOURCE_ERROR_READ (@buffer can't be mapped), WRITE (@buffer lacks a header that the
 *   topic's template names)
 *
 * Returns: (nullable)
 */
static GstKafkaRecord *
record_new (GstKafkaRecordTemplate *self, GstBuffer *buffer, GstClockTime captured, GError **error)
{
  GstKafkaRecord *record = g_new0 (GstKafkaRecord, 1);

  if (!gst_buffer_map (buffer, &record->map, GST_MAP_READ)) {
    g_free (record);
    g_set_error_literal (
        error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "Could not read a buffer's memory.");
    return NULL;
  }
  record->link.data = record;
  record->buffer = gst_buffer_ref (buffer);
  record->queued = g_get_monotonic_time ();
  record->timestamp = choose_timestamp (captured);
  complete_headers (record, self, captured);
  record->key = choose_key (self, record);
  record->tombstone = gst_kafka_meta_is_tombstone (record->buffer);
  record->replayable = gst_kafka_meta_is_replayable (record->buffer);
  set_partition (record, self);
  if (set_topic (record, self, error))
    return record;
  gst_kafka_record_free (record, GST_KAFKA_ACK_UNDECIDED);
  return NULL;
}

/* --- properties --- */

static void
use_bounds (GstKafkaSink *self)
{
  GST_OBJECT_LOCK (self);
  if (self->producer) {
    GST_INFO_OBJECT (self, "new bounds: %" G_GUINT64_FORMAT " bytes, %u buffers, %" GST_TIME_FORMAT,
        self->own.bounds.bytes, self->own.bounds.buffers, GST_TIME_ARGS (self->own.bounds.time));
    gst_kafka_producer_set_bounds (self->producer, &self->own.bounds);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_kafka_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstKafkaSink *self = GST_KAFKA_SINK (object);

  if (gst_kafka_sink_settings_set_property (&self->own, object, id, value))
    use_bounds (self);
  else if (!gst_kafka_settings_set_property (&self->settings, object, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* With the object lock */
static GstStructure *
current_stats (GstKafkaSink *self)
{
  if (!self->producer && self->last_stats)
    return gst_structure_copy (self->last_stats);
  return gst_kafka_producer_stats (self->producer);
}

static void
gst_kafka_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstKafkaSink *self = GST_KAFKA_SINK (object);

  if (gst_kafka_settings_get_property (&self->settings, object, id, value) ||
      gst_kafka_sink_settings_get_property (&self->own, object, id, value))
    return;
  if (id != PROP_STATS) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_value_take_boxed (value, current_stats (self));
  GST_OBJECT_UNLOCK (self);
}

/* --- set-up --- */

/* With the object lock */
static void
log_settings (GstKafkaSink *self)
{
  const GstKafkaSinkSettings *own = &self->own;

  GST_INFO_OBJECT (self,
      "topic \"%s\", key %s, acks %d, idempotence %d, compression %d, linger %" GST_TIME_FORMAT
      ", largest message %u bytes",
      self->settings.topic, own->key ? own->key : "unset", own->acks, own->enable_idempotence,
      own->compression, GST_TIME_ARGS (own->linger), own->message_max_bytes);
  GST_INFO_OBJECT (self,
      "queue: %" G_GUINT64_FORMAT " bytes, %u buffers, %" GST_TIME_FORMAT
      " (0: no bound), leaky %d; a buffer is undeliverable after %" GST_TIME_FORMAT,
      own->bounds.bytes, own->bounds.buffers, GST_TIME_ARGS (own->bounds.time), own->bounds.leaky,
      GST_TIME_ARGS (own->delivery_timeout));
}

static void
log_client (GstKafkaSink *self, const rd_kafka_conf_t *conf)
{
  g_autofree gchar *client = gst_kafka_conf_describe (conf);

  GST_INFO_OBJECT (self, "%s", client);
}

/* Returns FALSE with @error if the spool can't be opened. */
static gboolean
open_spool (GstKafkaSink *self, GError **error)
{
  g_autofree gchar *dir = NULL;
  GstKafkaSpoolLimits limits;

  GST_OBJECT_LOCK (self);
  dir = g_strdup (self->own.spool);
  limits = self->own.spool_limits;
  GST_OBJECT_UNLOCK (self);
  if (!dir || !*dir)
    return TRUE;
  return (self->spool = gst_kafka_spool_new (GST_ELEMENT (self), dir, &limits, error)) != NULL;
}

static GstKafkaProducer *
new_producer (GstKafkaSink *self, GError **error)
{
  GstKafkaProducerConfig config;
  g_autofree gchar *topic = NULL, *congestion_control = NULL;
  rd_kafka_conf_t *conf;
  gboolean valid;

  GST_OBJECT_LOCK (self);
  valid = gst_kafka_sink_settings_check (&self->own, &self->settings, error);
  config.each_names_topic = valid && fog_template_has_places (self->settings.topic);
  config.topic = topic = g_strdup (self->settings.topic);
  config.congestion_control = congestion_control = g_strdup (self->own.congestion_control);
  config.connect_timeout = self->own.connect_timeout;
  config.access_timeout = self->settings.access_timeout;
  config.delivery_timeout = self->own.delivery_timeout;
  config.create_topic = self->own.create_topic;
  config.partitions = self->own.partitions;
  config.replication_factor = self->own.replication_factor;
  config.replicated = self->own.acks == GST_KAFKA_ACKS_ALL;
  config.acknowledged = self->own.acks != GST_KAFKA_ACKS_NONE;
  config.lingers = self->own.linger > 0;
  config.compressed = self->own.compression != GST_KAFKA_COMPRESSION_NONE;
  config.skip_failed = self->own.on_error == GST_KAFKA_SINK_ON_ERROR_SKIP;
  if (valid)
    log_settings (self);
  GST_OBJECT_UNLOCK (self);
  if (!valid)
    return NULL;
  if (congestion_control && !gst_kafka_socket_check (congestion_control, error))
    return NULL;
  conf = gst_kafka_sink_settings_new_conf (&self->own, &self->settings, GST_ELEMENT (self), error);
  if (conf)
    log_client (self, conf);
  if (!conf)
    return NULL;
  if (!open_spool (self, error)) {
    rd_kafka_conf_destroy (conf);
    return NULL;
  }
  config.spool = self->spool;
  return gst_kafka_producer_new (GST_ELEMENT (self), conf, &config, error);
}

static gboolean
start (GstKafkaSink *self)
{
  g_autoptr (GError) error = NULL;
  GstKafkaProducer *producer = new_producer (self, &error);
  gint send_buffer;

  if (!producer) {
    g_clear_pointer (&self->spool, gst_kafka_spool_free);
    gst_kafka_post_error (GST_ELEMENT (self), error, NULL);
    return FALSE;
  }
  GST_OBJECT_LOCK (self);
  record_template_init (&self->template, self->own.camera,
      fog_template_has_places (self->settings.topic) ? self->settings.topic : NULL, self->own.key,
      self->own.partition);
  gst_kafka_producer_set_bounds (producer, &self->own.bounds);
  self->producer = producer;
  self->throttling = FALSE;
  send_buffer = self->own.socket_send_buffer_bytes;
  GST_OBJECT_UNLOCK (self);
  gst_kafka_socket_warn (GST_ELEMENT (self), "socket-send-buffer-bytes", SO_SNDBUF, send_buffer);
  return TRUE;
}

/* Stops and frees the spool, and adds its final counters to the last stats. */
static void
close_spool (GstKafkaSink *self)
{
  if (!self->spool)
    return;
  gst_kafka_spool_stop (self->spool);
  GST_OBJECT_LOCK (self);
  gst_kafka_spool_add_stats (self->spool, self->last_stats);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&self->spool, gst_kafka_spool_free);
}

static void
stop (GstKafkaSink *self)
{
  GstKafkaProducer *producer;

  GST_OBJECT_LOCK (self);
  g_clear_pointer (&self->last_stats, gst_structure_free);
  self->last_stats = gst_kafka_producer_stats (self->producer);
  producer = g_steal_pointer (&self->producer);
  GST_OBJECT_UNLOCK (self);
  gst_kafka_producer_stop (producer);
  close_spool (self);
  record_template_clear (&self->template);
  gst_caps_replace (&self->refused_caps, NULL);
}

/* start() isn't the base class's virtual method, because after its failure the base
 * class would post a second error. */
static GstStateChangeReturn
gst_kafka_sink_change_state (GstElement *element, GstStateChange transition)
{
  GstKafkaSink *self = GST_KAFKA_SINK (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  ret = GST_ELEMENT_CLASS (gst_kafka_sink_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return ret;
}

/* A flush may arrive while another thread stops the element, so the producer may be gone. */
static void
set_flushing (GstKafkaSink *self, gboolean flushing)
{
  GST_OBJECT_LOCK (self);
  if (self->producer)
    gst_kafka_producer_set_flushing (self->producer, flushing);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_kafka_sink_unlock (GstBaseSink *sink)
{
  GST_DEBUG_OBJECT (sink, "unlock: waiting calls return");
  set_flushing (GST_KAFKA_SINK (sink), TRUE);
  return TRUE;
}

static gboolean
gst_kafka_sink_unlock_stop (GstBaseSink *sink)
{
  GST_DEBUG_OBJECT (sink, "unlock is over");
  set_flushing (GST_KAFKA_SINK (sink), FALSE);
  return TRUE;
}

/* --- data --- */

/* Returns TRUE if kafkasrc accepts @caps. kafkasrc takes caps from any sender, so it limits their
 * text, and skips each message whose caps exceed the limits. */
static gboolean
readers_take (GstKafkaSink *self, GstCaps *caps)
{
  g_autoptr (GstCaps) read = gst_kafka_caps_from_text (self->template.caps->value);

  if (read)
    return TRUE;
  GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE,
      ("kafkasrc refuses caps such as these, of %s: as text they have %" G_GSIZE_FORMAT
       " bytes, and at most %u bytes and %u brackets can be read, and no structures, caps or tags "
       "as "
       "values. Pictures and long tags in a stream header make caps large: remove them before the "
       "encoder.",
          gst_structure_get_name (gst_caps_get_structure (caps, 0)), self->template.caps->size,
          GST_KAFKA_MAX_CAPS_TEXT, GST_KAFKA_MAX_CAPS_BRACKETS),
      (NULL));
  return FALSE;
}

/* Since all raw frames of a stream have one size, frames that are too large are an error as soon as
 * the caps come. */
static gboolean
frames_fit (GstKafkaSink *self, GstCaps *caps)
{
  GstVideoInfo info;
  gsize size;
  guint max;

  if (!gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw") ||
      !gst_video_info_from_caps (&info, caps))
    return TRUE;
  size = GST_VIDEO_INFO_SIZE (&info) + self->template.caps->size + HEADERS_SIZE;
  GST_OBJECT_LOCK (self);
  max = self->own.message_max_bytes;
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (
      self, "a frame takes a message of %" G_GSIZE_FORMAT " bytes, allowed are %u", size, max);
  if (size <= max)
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
      ("Frames of %dx%d %s need messages of %" G_GSIZE_FORMAT
       " bytes, but message-max-bytes is %u. "
       "Raise message-max-bytes and the topic's max.message.bytes, or encode the frames.",
          GST_VIDEO_INFO_WIDTH (&info), GST_VIDEO_INFO_HEIGHT (&info), GST_VIDEO_INFO_NAME (&info),
          size, max),
      ("%" GST_PTR_FORMAT, caps));
  return FALSE;
}

static GstCaps *
gst_kafka_sink_get_caps (GstBaseSink *sink, GstCaps *filter)
{
  return filter ? fog_caps_keep_plain (filter) : gst_caps_new_any ();
}

static gboolean
caps_are_plain (GstKafkaSink *self, GstCaps *caps)
{
  g_autofree gchar *why = fog_caps_are_plain (caps) ? NULL : fog_caps_explain (caps);

  if (why)
    GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE, ("%s", why), ("%" GST_PTR_FORMAT, caps));
  return !why;
}

/* The base class doesn't set caps that it set before, so refused caps must not stay in the
 * template. */
static gboolean
take_caps (GstKafkaSink *self, GstCaps *caps)
{
  GstKafkaHeader *before = g_steal_pointer (&self->template.caps);

  record_template_set_caps (&self->template, caps);
  if (caps_are_plain (self, caps) && readers_take (self, caps) && frames_fit (self, caps)) {
    g_clear_pointer (&before, gst_kafka_header_unref);
    return TRUE;
  }
  gst_kafka_header_unref (self->template.caps);
  self->template.caps = before;
  return FALSE;
}

static gboolean
gst_kafka_sink_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstKafkaSink *self = GST_KAFKA_SINK (sink);
  gboolean taken;

  /* Upstream offers refused caps again with each buffer and event. */
  if (self->refused_caps && gst_caps_is_equal (self->refused_caps, caps)) {
    GST_DEBUG_OBJECT (self, "refused again: %" GST_PTR_FORMAT, caps);
    return FALSE;
  }
  GST_INFO_OBJECT (self, "caps %" GST_PTR_FORMAT, caps);
  taken = take_caps (self, caps);
  if (!taken)
    gst_caps_replace (&self->refused_caps, caps);
  return taken;
}

/* Forgets the refused caps when other caps are accepted. set_caps() can't do that, because the base
 * class doesn't set caps again that it had set before the refused caps. */
static gboolean
gst_kafka_sink_event (GstBaseSink *sink, GstEvent *event)
{
  gboolean is_caps = GST_EVENT_TYPE (event) == GST_EVENT_CAPS;
  gboolean taken = GST_BASE_SINK_CLASS (parent_class)->event (sink, event);

  if (is_caps && taken)
    gst_caps_replace (&GST_KAFKA_SINK (sink)->refused_caps, NULL);
  return taken;
}

static void
log_throttling (GstKafkaSink *self, gboolean throttles)
{
  if (throttles != self->throttling)
    GST_INFO_OBJECT (self, throttles ? "the link is slower than the stream: throttling upstream"
                                     : "the link is as fast as the stream: no throttling any more");
  self->throttling = throttles;
}

/* Sends a throttling event upstream for each buffer, because elements that drop frames use the time
 * in the last event. No event is sent for buffers of kafkasrc: their messages can wait in Kafka,
 * and a decoder in between would skip frames. */
static void
throttle_upstream (GstKafkaSink *self, GstBuffer *buffer)
{
  GstBaseSink *sink = GST_BASE_SINK (self);
  GstClockTime time = fog_running_time (&sink->segment, buffer);
  gdouble interval, proportion;
  gboolean throttles;

  if (gst_kafka_meta_is_replayable (buffer))
    return;
  throttles = gst_kafka_producer_throttle (self->producer, &interval, &proportion);
  log_throttling (self, throttles);
  if (!throttles)
    return;
  GST_LOG_OBJECT (
      self, "asking for a buffer every %.3f s: they come %.2f times as fast", interval, proportion);
  gst_pad_push_event (GST_BASE_SINK_PAD (sink),
      gst_event_new_qos (GST_QOS_TYPE_THROTTLE, proportion, interval * GST_SECOND,
          GST_CLOCK_TIME_IS_VALID (time) ? time : 0));
}

/* Pushes @record. If a pause interrupts the push, the record is kept and pushed again after the
 * pause. */
static GstFlowReturn
push_record (GstKafkaSink *self, GstKafkaRecord *record)
{
  GstKafkaPush ret;

  while ((ret = gst_kafka_producer_push (self->producer, record)) == GST_KAFKA_PUSH_FLUSHING) {
    GstFlowReturn flow;

    GST_DEBUG_OBJECT (self, "interrupted: the buffer is kept until the pause ends");
    flow = gst_base_sink_wait_preroll (GST_BASE_SINK (self));
    if (flow != GST_FLOW_OK) {
      gst_kafka_record_free (record, GST_KAFKA_ACK_FAILED);
      return flow;
    }
  }
  return ret == GST_KAFKA_PUSH_OK ? GST_FLOW_OK : GST_FLOW_ERROR;
}

static GstFlowReturn
refuse (GstKafkaSink *self, GstBuffer *buffer, const GError *error)
{
  gboolean skips;

  GST_OBJECT_LOCK (self);
  skips = self->own.on_error == GST_KAFKA_SINK_ON_ERROR_SKIP;
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (self, "%s %" GST_PTR_FORMAT ": %s", skips ? "skipping" : "failing at", buffer,
      error->message);
  gst_kafka_meta_mark (buffer, skips ? GST_KAFKA_ACK_DONE : GST_KAFKA_ACK_FAILED);
  gst_kafka_producer_refuse (self->producer, error);
  return skips ? GST_FLOW_OK : GST_FLOW_ERROR;
}

/* Warns once of a header that the template `key` names and a buffer lacks: without a key the
 * messages of one camera spread over all partitions, and nothing keeps their order. */
static void
warn_of_missing_key (GstKafkaSink *self)
{
  const GstKafkaRecordTemplate *template = &self->template;

  if (!template->missing || template->missing_told)
    return;
  self->template.missing_told = TRUE;
  GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
      ("key=\"%s\" can't be filled: a buffer has no text in the header \"%s\". Such buffers are "
       "sent without a key, to any partition. Name another header in key, or set this header in "
       "all buffers.",
          template->key, template->missing),
      (NULL));
}

static GstFlowReturn
gst_kafka_sink_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstKafkaSink *self = GST_KAFKA_SINK (sink);
  GstClockTime captured = fog_time_of_capture (GST_ELEMENT (self), &sink->segment, buffer);
  g_autoptr (GError) error = NULL;
  GstKafkaRecord *record = record_new (&self->template, buffer, captured, &error);

  if (!record)
    return refuse (self, buffer, error);
  warn_of_missing_key (self);
  if (GST_CLOCK_TIME_IS_VALID (captured) && !record->timestamp)
    GST_DEBUG_OBJECT (self, "captured over 59 minutes ahead: Kafka gets the time of sending");
  GST_LOG_OBJECT (self, "captured %" GST_TIME_FORMAT ", topic %s, partition %d: %" GST_PTR_FORMAT,
      GST_TIME_ARGS (captured), record->topic ? record->topic : "as set", record->partition,
      buffer);
  throttle_upstream (self, buffer);
  return push_record (self, record);
}

static GstFlowReturn
drain (GstKafkaSink *self)
{
  gint64 deadline;
  GstKafkaPush ret;

  GST_OBJECT_LOCK (self);
  deadline = g_get_monotonic_time () + self->own.drain_timeout / GST_USECOND;
  GST_OBJECT_UNLOCK (self);
  while ((ret = gst_kafka_producer_drain (self->producer, deadline)) == GST_KAFKA_PUSH_FLUSHING) {
    GstFlowReturn flow = gst_base_sink_wait_preroll (GST_BASE_SINK (self));

    if (flow != GST_FLOW_OK)
      return flow;
  }
  if (ret == GST_KAFKA_PUSH_TIMED_OUT)
    gst_kafka_producer_fail_undrained (self->producer);
  return ret == GST_KAFKA_PUSH_OK ? GST_FLOW_OK : GST_FLOW_ERROR;
}

/* The base class posts EOS after this function has returned, so after all buffers were
 * delivered. */
static GstFlowReturn
gst_kafka_sink_wait_event (GstBaseSink *sink, GstEvent *event)
{
  GstFlowReturn ret = GST_BASE_SINK_CLASS (parent_class)->wait_event (sink, event);

  if (ret == GST_FLOW_OK && GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    ret = drain (GST_KAFKA_SINK (sink));
  return ret;
}

/* --- URI --- */

static GstURIType
gst_kafka_sink_uri_type (GType type)
{
  return GST_URI_SINK;
}

static gboolean
gst_kafka_sink_set_uri (GstURIHandler *handler, const gchar *text, GError **error)
{
  g_autoptr (GstKafkaUri) uri = NULL;

  if (GST_STATE (handler) > GST_STATE_READY) {
    g_set_error_literal (error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE,
        "The URI of a running kafkasink can't be changed");
    return FALSE;
  }
  uri = gst_kafka_uri_parse (text, error);
  return uri && gst_kafka_uri_apply (uri, G_OBJECT (handler), error);
}

static void
gst_kafka_sink_uri_handler_init (gpointer iface, gpointer data)
{
  GstURIHandlerInterface *handler = iface;

  gst_kafka_uri_init_handler (handler);
  handler->get_type = gst_kafka_sink_uri_type;
  handler->set_uri = gst_kafka_sink_set_uri;
}

/* --- life --- */

static void
gst_kafka_sink_finalize (GObject *object)
{
  GstKafkaSink *self = GST_KAFKA_SINK (object);

  gst_kafka_settings_clear (&self->settings);
  gst_kafka_sink_settings_clear (&self->own);
  g_clear_pointer (&self->last_stats, gst_structure_free);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_kafka_sink_class_init (GstKafkaSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_kafka_sink_debug, "kafkasink", 0, "Kafka sink");
  object_class->set_property = gst_kafka_sink_set_property;
  object_class->get_property = gst_kafka_sink_get_property;
  object_class->finalize = gst_kafka_sink_finalize;
  gst_kafka_settings_install_properties (
      object_class, "Topic to publish to; each buffer's headers replace %{name}");
  gst_kafka_sink_settings_install_properties (object_class);
  /**
   * GstKafkaSink:stats:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | delivered, delivered-bytes | uint64 | number of acknowledged buffers, and of their bytes |
   * | waiting | uint | number of buffers that librdkafka's client doesn't have yet |
   * | in-flight | uint | number of buffers that librdkafka's client has and that aren't
   *   acknowledged yet |
   * | queued-bytes | uint64 | number of bytes of the waiting buffers and of those in flight |
   * | dropped-upstream | uint64 | number of new buffers dropped because the queue was full
   *   (leaky=upstream) |
   * | dropped-downstream | uint64 | number of oldest buffers dropped because the queue was full
   *   (leaky=downstream) |
   * | undeliverable | uint64 | number of buffers that could not be delivered |
   * | resent | uint64 | number of buffers that librdkafka's client gave back and that were sent
   *   again |
   * | rebuilds | uint64 | number of librdkafka's clients that were replaced after a fatal error |
   * | refused-batches | uint64 | number of times that the size of batches was lowered, because
   *   brokers refused a batch as too large |
   * | batch-bytes | uint64 | largest size of a batch of messages, in bytes |
   * | lost-connections | uint64 | with acks=none, number of connections that ended while in use, so
   *   that buffers on their way were lost |
   * | spooled | uint64 | number of buffers written to the disk (#GstKafkaSink:spool) |
   * | spool-sent | uint64 | number of buffers from the disk that were delivered |
   * | spool-dropped | uint64 | number of oldest buffers dropped because the disk or
   *   #GstKafkaSink:spool-bytes was full, because of #GstKafkaSink:spool-time, or because the disk
   *   failed or its file was damaged |
   * | spool-buffers | uint64 | number of buffers on the disk now, those of earlier runs included |
   * | spool-used-bytes | uint64 | number of bytes that the buffers on the disk use |
   * | latency | uint64 | moving mean of the time from a buffer's transfer to librdkafka to its
   *   acknowledgement, ns |
   * | connected | boolean | TRUE if the brokers have answered since the start, and there is no
   *   outage |
   * | throttle-time | uint64 | longest time for which a broker lets the element wait at present,
   *   because the element exceeds a quota, ns |
   * | waits-for-access | boolean | TRUE if access was lost, and the element waits until it is
   *   granted again (#GstKafkaSink:access-timeout) |
   *
   * All numbers are counted since the last start of the element.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since the last start",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  gst_element_class_set_static_metadata (element_class, "Kafka sink", "Sink/Network",
      "Publishes each buffer as a message of a Kafka topic", "The gst-fog authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  element_class->change_state = gst_kafka_sink_change_state;
  sink_class->unlock = gst_kafka_sink_unlock;
  sink_class->unlock_stop = gst_kafka_sink_unlock_stop;
  sink_class->get_caps = gst_kafka_sink_get_caps;
  sink_class->set_caps = gst_kafka_sink_set_caps;
  sink_class->event = gst_kafka_sink_event;
  sink_class->render = gst_kafka_sink_render;
  sink_class->wait_event = gst_kafka_sink_wait_event;
}

static void
gst_kafka_sink_init (GstKafkaSink *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  gst_kafka_settings_init (&self->settings);
  gst_kafka_sink_settings_init (&self->own);
  /* With the base class's defaults, two such sinks on one streaming thread wait for each other in
   * preroll, and the last sample holds the last ack token for ever. */
  gst_base_sink_set_async_enabled (sink, FALSE);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
}
