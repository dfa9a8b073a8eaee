/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-kafkasink
 * @title: kafkasink
 * @short_description: publish buffers to a Kafka topic
 *
 * Sends each buffer as one message: the bytes as they are, without a copy, and in headers what GStreamer
 * knows of them (caps, times, flags), so that #kafkasrc gives back the same buffer. Kafka's timestamp is
 * the time of capture. Headers found in a buffer's GstKafkaMeta ride along.
 *
 * A buffer counts as sent when the brokers have acknowledged it, and is held until then. Messages without
 * a key take the topic's partitions in turn; a key always reaches the partition that Java's client would
 * choose; the meta's `target-topic`, `target-partition` and `target-key` overrule both, except that the
 * property `key` keeps its partition.
 *
 * When brokers or link are slower than the stream, the queue fills up to #GstKafkaSink:max-queued-bytes (or
 * -buffers, -time); then the element waits, or drops as #GstKafkaSink:leaky says. Before that, while the queue
 * grows, it tells upstream in QoS events of the type throttle how long to wait between two buffers.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 -e videotestsrc is-live=true ! jpegenc ! kafkasink topic=camera camera=cam-1
 * ]|
 * Publishes a test picture as JPEG frames to the broker on this machine.
 */
#include <gst/base/gstbasesink.h>
#include <gst/video/video.h>

#include "fogtime.h"
#include "gstkafkaclient.h"
#include "gstkafkapartitioner.h"
#include "gstkafkaproducer.h"
#include "gstkafkarecord.h"
#include "gstkafkasinktypes.h"
#include "gstkafkasocket.h"
#include "gstkafkauri.h"

GST_DEBUG_CATEGORY (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* Room for a message's other headers and Kafka's own fields. */
#define HEADERS_SIZE 512

#define DEFAULT_PARTITION -1
#define DEFAULT_ACKS GST_KAFKA_ACKS_ALL
#define DEFAULT_COMPRESSION GST_KAFKA_COMPRESSION_NONE
#define DEFAULT_LEAKY GST_KAFKA_LEAKY_NONE
#define DEFAULT_MAX_QUEUED_BYTES (64 * 1024 * 1024)
#define DEFAULT_MAX_QUEUED_BUFFERS 0
#define DEFAULT_MAX_QUEUED_TIME 0
#define DEFAULT_CONNECT_TIMEOUT (10 * GST_SECOND)
#define DEFAULT_DELIVERY_TIMEOUT (120 * GST_SECOND)
#define DEFAULT_DRAIN_TIMEOUT (20 * GST_SECOND)
#define DEFAULT_MESSAGE_MAX_BYTES 1000000
#define DEFAULT_LINGER 0
#define DEFAULT_ENABLE_IDEMPOTENCE FALSE
#define DEFAULT_CREATE_TOPIC FALSE
#define DEFAULT_PARTITIONS -1
#define DEFAULT_REPLICATION_FACTOR -1
#define DEFAULT_ON_ERROR GST_KAFKA_SINK_ON_ERROR_FAIL

enum {
  PROP_CAMERA = GST_KAFKA_PROP_OWN,
  PROP_KEY,
  PROP_PARTITION,
  PROP_ACKS,
  PROP_COMPRESSION,
  PROP_LEAKY,
  PROP_MAX_QUEUED_BYTES,
  PROP_MAX_QUEUED_BUFFERS,
  PROP_MAX_QUEUED_TIME,
  PROP_CONNECT_TIMEOUT,
  PROP_DELIVERY_TIMEOUT,
  PROP_DRAIN_TIMEOUT,
  PROP_MESSAGE_MAX_BYTES,
  PROP_LINGER,
  PROP_ENABLE_IDEMPOTENCE,
  PROP_CONGESTION_CONTROL,
  PROP_CREATE_TOPIC,
  PROP_PARTITIONS,
  PROP_REPLICATION_FACTOR,
  PROP_ON_ERROR,
  PROP_STATS,
};

#define GST_TYPE_KAFKA_SINK (gst_kafka_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstKafkaSink, gst_kafka_sink, GST, KAFKA_SINK, GstBaseSink)

struct _GstKafkaSink {
  GstBaseSink parent;

  /* with the object lock */
  GstKafkaSettings settings;
  gchar *camera, *key, *congestion_control;
  gint partition;
  GstKafkaAcks acks;
  GstKafkaCompression compression;
  GstKafkaBounds bounds;
  GstClockTime connect_timeout, delivery_timeout, drain_timeout, linger;
  guint message_max_bytes;
  gboolean enable_idempotence, create_topic;
  gint partitions, replication_factor;
  GstKafkaSinkOnError on_error;
  GstStructure *last_stats;   /* of the run before, while there is no producer */
  GstKafkaProducer *producer; /* written in start and stop alone, which read it without lock */

  /* streaming thread, from start to stop */
  GstKafkaRecordTemplate template;
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

#define gst_kafka_sink_parent_class parent_class
static void gst_kafka_sink_uri_handler_init (gpointer iface, gpointer data);
G_DEFINE_TYPE_WITH_CODE (GstKafkaSink, gst_kafka_sink, GST_TYPE_BASE_SINK,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER, gst_kafka_sink_uri_handler_init))
GST_ELEMENT_REGISTER_DECLARE (kafkasink)
GST_ELEMENT_REGISTER_DEFINE (kafkasink, "kafkasink", GST_RANK_NONE, GST_TYPE_KAFKA_SINK)

/* Properties */

/* With the object lock */
static void
set_bounds (GstKafkaSink *self, guint id, const GValue *value)
{
  switch (id) {
    case PROP_LEAKY:
      self->bounds.leaky = g_value_get_enum (value);
      break;
    case PROP_MAX_QUEUED_BYTES:
      self->bounds.bytes = g_value_get_uint64 (value);
      break;
    case PROP_MAX_QUEUED_BUFFERS:
      self->bounds.buffers = g_value_get_uint (value);
      break;
    default:
      self->bounds.time = g_value_get_uint64 (value);
  }
  if (self->producer)
    gst_kafka_producer_set_bounds (self->producer, &self->bounds);
}

static void
gst_kafka_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstKafkaSink *self = GST_KAFKA_SINK (object);

  if (gst_kafka_settings_set_property (&self->settings, object, id, value))
    return;
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CAMERA:
      g_free (self->camera);
      self->camera = g_value_dup_string (value);
      break;
    case PROP_KEY:
      g_free (self->key);
      self->key = g_value_dup_string (value);
      break;
    case PROP_PARTITION:
      self->partition = g_value_get_int (value);
      break;
    case PROP_ACKS:
      self->acks = g_value_get_enum (value);
      break;
    case PROP_COMPRESSION:
      self->compression = g_value_get_enum (value);
      break;
    case PROP_LEAKY:
    case PROP_MAX_QUEUED_BYTES:
    case PROP_MAX_QUEUED_BUFFERS:
    case PROP_MAX_QUEUED_TIME:
      set_bounds (self, id, value);
      break;
    case PROP_CONNECT_TIMEOUT:
      self->connect_timeout = g_value_get_uint64 (value);
      break;
    case PROP_DELIVERY_TIMEOUT:
      self->delivery_timeout = g_value_get_uint64 (value);
      break;
    case PROP_DRAIN_TIMEOUT:
      self->drain_timeout = g_value_get_uint64 (value);
      break;
    case PROP_MESSAGE_MAX_BYTES:
      self->message_max_bytes = g_value_get_uint (value);
      break;
    case PROP_LINGER:
      self->linger = g_value_get_uint64 (value);
      break;
    case PROP_ENABLE_IDEMPOTENCE:
      self->enable_idempotence = g_value_get_boolean (value);
      break;
    case PROP_CONGESTION_CONTROL:
      g_free (self->congestion_control);
      self->congestion_control = g_value_dup_string (value);
      break;
    case PROP_CREATE_TOPIC:
      self->create_topic = g_value_get_boolean (value);
      break;
    case PROP_PARTITIONS:
      self->partitions = g_value_get_int (value);
      break;
    case PROP_REPLICATION_FACTOR:
      self->replication_factor = g_value_get_int (value);
      break;
    case PROP_ON_ERROR:
      self->on_error = g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
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

  if (gst_kafka_settings_get_property (&self->settings, object, id, value))
    return;
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CAMERA:
      g_value_set_string (value, self->camera);
      break;
    case PROP_KEY:
      g_value_set_string (value, self->key);
      break;
    case PROP_PARTITION:
      g_value_set_int (value, self->partition);
      break;
    case PROP_ACKS:
      g_value_set_enum (value, self->acks);
      break;
    case PROP_COMPRESSION:
      g_value_set_enum (value, self->compression);
      break;
    case PROP_LEAKY:
      g_value_set_enum (value, self->bounds.leaky);
      break;
    case PROP_MAX_QUEUED_BYTES:
      g_value_set_uint64 (value, self->bounds.bytes);
      break;
    case PROP_MAX_QUEUED_BUFFERS:
      g_value_set_uint (value, self->bounds.buffers);
      break;
    case PROP_MAX_QUEUED_TIME:
      g_value_set_uint64 (value, self->bounds.time);
      break;
    case PROP_CONNECT_TIMEOUT:
      g_value_set_uint64 (value, self->connect_timeout);
      break;
    case PROP_DELIVERY_TIMEOUT:
      g_value_set_uint64 (value, self->delivery_timeout);
      break;
    case PROP_DRAIN_TIMEOUT:
      g_value_set_uint64 (value, self->drain_timeout);
      break;
    case PROP_MESSAGE_MAX_BYTES:
      g_value_set_uint (value, self->message_max_bytes);
      break;
    case PROP_LINGER:
      g_value_set_uint64 (value, self->linger);
      break;
    case PROP_ENABLE_IDEMPOTENCE:
      g_value_set_boolean (value, self->enable_idempotence);
      break;
    case PROP_CONGESTION_CONTROL:
      g_value_set_string (value, self->congestion_control);
      break;
    case PROP_CREATE_TOPIC:
      g_value_set_boolean (value, self->create_topic);
      break;
    case PROP_PARTITIONS:
      g_value_set_int (value, self->partitions);
      break;
    case PROP_REPLICATION_FACTOR:
      g_value_set_int (value, self->replication_factor);
      break;
    case PROP_ON_ERROR:
      g_value_set_enum (value, self->on_error);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, current_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

/* Set-up */

static gchar *
milliseconds (GstClockTime time)
{
  /* 0 is librdkafka's "for ever", and an int its type. */
  if (!GST_CLOCK_TIME_IS_VALID (time) || time / GST_MSECOND > G_MAXINT)
    return g_strdup ("0");
  return g_strdup_printf ("%" G_GUINT64_FORMAT, MAX (1, time / GST_MSECOND));
}

static rd_kafka_conf_t *
new_conf (GstKafkaSink *self, GError **error)
{
  g_autofree gchar *acks = NULL, *timeout = NULL, *max_bytes = NULL;
  gchar linger[G_ASCII_DTOSTR_BUF_SIZE];
  GEnumClass *klass = g_type_class_ref (gst_kafka_compression_get_type ());
  const gchar *compression, *idempotence;
  rd_kafka_conf_t *conf;

  GST_OBJECT_LOCK (self);
  acks = g_strdup_printf ("%d", self->acks);
  timeout = milliseconds (self->delivery_timeout);
  max_bytes = g_strdup_printf ("%u", self->message_max_bytes);
  g_ascii_dtostr (linger, sizeof linger, (gdouble) self->linger / GST_MSECOND);
  compression = g_enum_get_value (klass, self->compression)->value_nick;
  idempotence = self->enable_idempotence ? "true" : "false";
  GST_OBJECT_UNLOCK (self);
  {
    const GstKafkaOption options[] = {
        {"acks", acks, TRUE},
        {"request.required.acks", NULL, TRUE},
        {"compression.type", compression, TRUE},
        {"compression.codec", NULL, TRUE},
        {"message.timeout.ms", timeout, TRUE},
        {"delivery.timeout.ms", NULL, TRUE},
        {"message.max.bytes", max_bytes, TRUE},
        {"linger.ms", linger, TRUE},
        {"queue.buffering.max.ms", NULL, TRUE},
        {"enable.idempotence", idempotence, TRUE},
        {"transactional.id", NULL, TRUE},
        {"delivery.report.only.error", NULL, TRUE},
        /* The element's own bounds rule. */
        {"queue.buffering.max.messages", "10000000", FALSE},
        {"queue.buffering.max.kbytes", "2147483647", FALSE},
        /* Or else keyless messages don't reach the partitioner. */
        {"sticky.partitioning.linger.ms", "0", FALSE},
        {"partitioner", "murmur2_random", FALSE},
        /* A frame is rather pointed to than copied. */
        {"message.copy.max.bytes", "4096", FALSE},
        /* Default only since librdkafka 2.10. */
        {"socket.nagle.disable", "true", FALSE},
        {"socket.keepalive.enable", "true", FALSE},
        /* A live camera wants to go on soon after an outage, not up to 10 s later. */
        {"reconnect.backoff.max.ms", "2000", FALSE},
        /* Partitions that are added get their share soon, not up to 5 min later. */
        {"topic.metadata.refresh.interval.ms", "10000", FALSE},
        {NULL, NULL, FALSE},
    };

    conf = gst_kafka_conf_new (&self->settings, GST_ELEMENT (self), options, error);
  }
  g_type_class_unref (klass);
  if (conf)
    gst_kafka_partitioner_install (conf);
  return conf;
}

static GstKafkaProducer *
new_producer (GstKafkaSink *self, GError **error)
{
  GstKafkaProducerConfig config;
  g_autofree gchar *topic = NULL, *congestion_control = NULL;
  rd_kafka_conf_t *conf;

  GST_OBJECT_LOCK (self);
  config.topic = topic = g_strdup (self->settings.topic);
  config.congestion_control = congestion_control = g_strdup (self->congestion_control);
  config.connect_timeout = self->connect_timeout;
  config.delivery_timeout = self->delivery_timeout;
  config.create_topic = self->create_topic;
  config.partitions = self->partitions;
  config.replication_factor = self->replication_factor;
  config.skip_failed = self->on_error == GST_KAFKA_SINK_ON_ERROR_SKIP;
  GST_OBJECT_UNLOCK (self);
  if (!topic || !*topic) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "No topic to publish to. Set the property topic.");
    return NULL;
  }
  if (congestion_control && !gst_kafka_socket_check (congestion_control, error))
    return NULL;
  conf = new_conf (self, error);
  return conf ? gst_kafka_producer_new (GST_ELEMENT (self), conf, &config, error) : NULL;
}

static gboolean
start (GstKafkaSink *self)
{
  g_autoptr (GError) error = NULL;
  GstKafkaProducer *producer = new_producer (self, &error);

  if (!producer) {
    gst_kafka_post_error (GST_ELEMENT (self), error, NULL);
    return FALSE;
  }
  GST_OBJECT_LOCK (self);
  gst_kafka_record_template_init (&self->template, self->camera, self->key, self->partition);
  gst_kafka_producer_set_bounds (producer, &self->bounds);
  self->producer = producer;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
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
  gst_kafka_record_template_clear (&self->template);
}

/* Not the base class's start(): when that fails, the base class posts an error of its own after ours. */
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

static gboolean
gst_kafka_sink_unlock (GstBaseSink *sink)
{
  gst_kafka_producer_set_flushing (GST_KAFKA_SINK (sink)->producer, TRUE);
  return TRUE;
}

static gboolean
gst_kafka_sink_unlock_stop (GstBaseSink *sink)
{
  gst_kafka_producer_set_flushing (GST_KAFKA_SINK (sink)->producer, FALSE);
  return TRUE;
}

/* Data */

/* Raw frames are of one size: better to say so now than to fail on each. */
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
  max = self->message_max_bytes;
  GST_OBJECT_UNLOCK (self);
  if (size <= max)
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
      ("Frames of %dx%d %s need messages of %" G_GSIZE_FORMAT " bytes, message-max-bytes allows "
       "%u. Raise it, and the topic's max.message.bytes, or encode the frames.",
          GST_VIDEO_INFO_WIDTH (&info), GST_VIDEO_INFO_HEIGHT (&info), GST_VIDEO_INFO_NAME (&info),
          size, max),
      ("%" GST_PTR_FORMAT, caps));
  return FALSE;
}

static gboolean
gst_kafka_sink_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstKafkaSink *self = GST_KAFKA_SINK (sink);

  gst_kafka_record_template_set_caps (&self->template, caps);
  return frames_fit (self, caps);
}

static gboolean
waits_in_kafka (GstBuffer *buffer)
{
  const GstStructure *meta = gst_kafka_meta_peek (buffer);

  return meta && gst_structure_has_field (meta, "ack");
}

/* While the queue grows, a live source upstream is told what the link can take. What comes from Kafka waits there
 * instead: a decoder on its way would skip frames. */
static void
throttle_upstream (GstKafkaSink *self, GstBuffer *buffer)
{
  GstBaseSink *sink = GST_BASE_SINK (self);
  GstClockTime pts = GST_BUFFER_PTS (buffer);
  gdouble interval, proportion;

  if (waits_in_kafka (buffer) ||
      !gst_kafka_producer_throttle (self->producer, &interval, &proportion))
    return;
  GST_DEBUG_OBJECT (self, "asking for a buffer every %.3f s: they come %.2f times too fast",
      interval, proportion);
  gst_pad_push_event (GST_BASE_SINK_PAD (sink),
      gst_event_new_qos (GST_QOS_TYPE_THROTTLE, proportion, interval * GST_SECOND,
          GST_CLOCK_TIME_IS_VALID (pts) ? pts : 0));
}

/* A pause must not lose the buffer that waits for room. */
static GstFlowReturn
push_record (GstKafkaSink *self, GstKafkaRecord *record)
{
  GstKafkaPush ret;

  while ((ret = gst_kafka_producer_push (self->producer, record)) == GST_KAFKA_PUSH_FLUSHING) {
    GstFlowReturn flow = gst_base_sink_wait_preroll (GST_BASE_SINK (self));

    if (flow != GST_FLOW_OK) {
      gst_kafka_record_free (record, GST_KAFKA_ACK_FAILED);
      return flow;
    }
  }
  return ret == GST_KAFKA_PUSH_OK ? GST_FLOW_OK : GST_FLOW_ERROR;
}

static GstFlowReturn
gst_kafka_sink_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstKafkaSink *self = GST_KAFKA_SINK (sink);
  GstClockTime captured = fog_time_of_capture (GST_ELEMENT (self), &sink->segment, buffer);
  GstKafkaRecord *record = gst_kafka_record_new (&self->template, buffer, captured);

  if (!record) {
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
    GST_ELEMENT_ERROR (
        self, RESOURCE, READ, ("Could not read a buffer's memory"), ("%" GST_PTR_FORMAT, buffer));
    return GST_FLOW_ERROR;
  }
  throttle_upstream (self, buffer);
  return push_record (self, record);
}

static GstFlowReturn
drain (GstKafkaSink *self)
{
  gint64 deadline;
  GstKafkaPush ret;

  GST_OBJECT_LOCK (self);
  deadline = g_get_monotonic_time () + self->drain_timeout / GST_USECOND;
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

/* The base class posts EOS after this: then everything has been delivered. */
static GstFlowReturn
gst_kafka_sink_wait_event (GstBaseSink *sink, GstEvent *event)
{
  GstFlowReturn ret = GST_BASE_SINK_CLASS (parent_class)->wait_event (sink, event);

  if (ret == GST_FLOW_OK && GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    ret = drain (GST_KAFKA_SINK (sink));
  return ret;
}

/* URI */

static GstURIType
gst_kafka_sink_uri_type (GType type)
{
  return GST_URI_SINK;
}

static const gchar *const *
gst_kafka_sink_uri_protocols (GType type)
{
  static const gchar *const protocols[] = {"kafka", NULL};

  return protocols;
}

static gchar *
gst_kafka_sink_get_uri (GstURIHandler *handler)
{
  g_autofree gchar *servers = NULL, *topic = NULL;

  g_object_get (handler, "bootstrap-servers", &servers, "topic", &topic, NULL);
  return gst_kafka_uri_to_string (servers, topic);
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

  handler->get_type = gst_kafka_sink_uri_type;
  handler->get_protocols = gst_kafka_sink_uri_protocols;
  handler->get_uri = gst_kafka_sink_get_uri;
  handler->set_uri = gst_kafka_sink_set_uri;
}

/* Life */

static void
gst_kafka_sink_finalize (GObject *object)
{
  GstKafkaSink *self = GST_KAFKA_SINK (object);

  gst_kafka_settings_clear (&self->settings);
  g_free (self->camera);
  g_free (self->key);
  g_free (self->congestion_control);
  g_clear_pointer (&self->last_stats, gst_structure_free);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags live = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  gst_kafka_settings_install_properties (klass);
  g_object_class_install_property (klass, PROP_CAMERA,
      g_param_spec_string ("camera", "Camera",
          "Id of the camera, for the header of that name, unless a buffer has one already", NULL,
          flags));
  g_object_class_install_property (klass, PROP_KEY,
      g_param_spec_string ("key", "Key",
          "Key of all messages: sends them to one partition, the one that Java's client chooses; "
          "without it the partitions take turns",
          NULL, flags));
  g_object_class_install_property (klass, PROP_PARTITION,
      g_param_spec_int ("partition", "Partition",
          "The partition for all messages, -1 to let key or turn decide", -1, G_MAXINT,
          DEFAULT_PARTITION, flags));
  g_object_class_install_property (klass, PROP_ACKS,
      g_param_spec_enum ("acks", "Acknowledgements",
          "Who must have a message before it counts as delivered", gst_kafka_acks_get_type (),
          DEFAULT_ACKS, flags));
  g_object_class_install_property (klass, PROP_COMPRESSION,
      g_param_spec_enum ("compression", "Compression",
          "How batches are compressed; no use for JPEG or H.264", gst_kafka_compression_get_type (),
          DEFAULT_COMPRESSION, flags));
  g_object_class_install_property (klass, PROP_LEAKY,
      g_param_spec_enum ("leaky", "Leaky", "What to do when the queue is full",
          gst_kafka_leaky_get_type (), DEFAULT_LEAKY, live));
  g_object_class_install_property (klass, PROP_MAX_QUEUED_BYTES,
      g_param_spec_uint64 ("max-queued-bytes", "Maximum queued bytes",
          "Bytes to hold that aren't delivered yet, 0 for no bound", 0, G_MAXUINT64,
          DEFAULT_MAX_QUEUED_BYTES, live));
  g_object_class_install_property (klass, PROP_MAX_QUEUED_BUFFERS,
      g_param_spec_uint ("max-queued-buffers", "Maximum queued buffers",
          "Buffers to hold that aren't delivered yet, 0 for no bound", 0, G_MAXUINT,
          DEFAULT_MAX_QUEUED_BUFFERS, live));
  g_object_class_install_property (klass, PROP_MAX_QUEUED_TIME,
      g_param_spec_uint64 ("max-queued-time", "Maximum queued time",
          "Time in ns that the oldest buffer may wait before the queue counts as full, 0 for no "
          "bound",
          0, G_MAXUINT64, DEFAULT_MAX_QUEUED_TIME, live));
  g_object_class_install_property (klass, PROP_CONNECT_TIMEOUT,
      g_param_spec_uint64 ("connect-timeout", "Connect timeout",
          "Time in ns to reach a broker for the first time before that is an error, -1 to try for "
          "ever",
          0, G_MAXUINT64, DEFAULT_CONNECT_TIMEOUT, flags));
  g_object_class_install_property (klass, PROP_DELIVERY_TIMEOUT,
      g_param_spec_uint64 ("delivery-timeout", "Delivery timeout",
          "Time in ns for a buffer to be delivered, through outages too, before it counts as lost, "
          "-1 to try for ever",
          GST_MSECOND, G_MAXUINT64, DEFAULT_DELIVERY_TIMEOUT, flags));
  g_object_class_install_property (klass, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "Time in ns that EOS waits for all buffers to be delivered before that is an error", 0,
          G_MAXINT64, DEFAULT_DRAIN_TIMEOUT, live));
  g_object_class_install_property (klass, PROP_MESSAGE_MAX_BYTES,
      g_param_spec_uint ("message-max-bytes", "Maximum message bytes",
          "Bytes of the largest message, headers included; more than 1048588 needs the topic's "
          "max.message.bytes raised too",
          1000, 1000000000, DEFAULT_MESSAGE_MAX_BYTES, flags));
  g_object_class_install_property (klass, PROP_LINGER,
      g_param_spec_uint64 ("linger", "Linger",
          "Time in ns to wait for more messages for a batch: latency for fewer requests", 0,
          900 * GST_SECOND, DEFAULT_LINGER, flags));
  g_object_class_install_property (klass, PROP_ENABLE_IDEMPOTENCE,
      g_param_spec_boolean ("enable-idempotence", "Enable idempotence",
          "No duplicates or reordering when the client tries again; needs acks=all, and is slow "
          "over long links",
          DEFAULT_ENABLE_IDEMPOTENCE, flags));
  g_object_class_install_property (klass, PROP_CONGESTION_CONTROL,
      g_param_spec_string ("congestion-control", "Congestion control",
          "TCP's congestion control towards the brokers, as in \"bbr\" for a long or lossy link; "
          "unset for the kernel's default",
          NULL, flags));
  g_object_class_install_property (klass, PROP_CREATE_TOPIC,
      g_param_spec_boolean ("create-topic", "Create topic",
          "Make the topic, if it isn't there, with partitions and replication-factor, before "
          "anything is sent",
          DEFAULT_CREATE_TOPIC, flags));
  g_object_class_install_property (klass, PROP_PARTITIONS,
      g_param_spec_int ("partitions", "Partitions",
          "Partitions of a topic made by create-topic, -1 for the brokers' default", -1, 100000,
          DEFAULT_PARTITIONS, flags));
  g_object_class_install_property (klass, PROP_REPLICATION_FACTOR,
      g_param_spec_int ("replication-factor", "Replication factor",
          "Brokers that keep a topic made by create-topic, -1 for the brokers' default", -1, 1000,
          DEFAULT_REPLICATION_FACTOR, flags));
  g_object_class_install_property (klass, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error", "What to do when a buffer can't be delivered",
          gst_kafka_sink_on_error_get_type (), DEFAULT_ON_ERROR, flags));
  /**
   * GstKafkaSink:stats:
   *
   * | field | type | meaning |
   * | --- | --- | --- |
   * | delivered, delivered-bytes | uint64 | buffers acknowledged, and their bytes |
   * | waiting, in-flight | uint | buffers not yet handed to the client; handed over, not acknowledged |
   * | queued-bytes | uint64 | bytes of both |
   * | dropped-upstream, dropped-downstream | uint64 | new and old buffers dropped by a full queue |
   * | undeliverable | uint64 | buffers given up on |
   * | resent | uint64 | buffers that the client gave back and that were handed over again |
   * | rebuilds | uint64 | clients replaced after a fatal error |
   * | latency | uint64 | smoothed time from hand-over to acknowledgement, ns |
   * | connected | boolean | whether the cluster has answered since start |
   *
   * Counted since the last start.
   */
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since the last start",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
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
  install_properties (object_class);
  gst_element_class_set_static_metadata (element_class, "Kafka sink", "Sink/Network",
      "Publishes each buffer as a message of a Kafka topic", "The gst-fog authors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  element_class->change_state = gst_kafka_sink_change_state;
  sink_class->unlock = gst_kafka_sink_unlock;
  sink_class->unlock_stop = gst_kafka_sink_unlock_stop;
  sink_class->set_caps = gst_kafka_sink_set_caps;
  sink_class->render = gst_kafka_sink_render;
  sink_class->wait_event = gst_kafka_sink_wait_event;
  gst_type_mark_as_plugin_api (gst_kafka_leaky_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_acks_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_compression_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_sink_on_error_get_type (), 0);
}

static void
gst_kafka_sink_init (GstKafkaSink *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  gst_kafka_settings_init (&self->settings);
  self->partition = DEFAULT_PARTITION;
  self->acks = DEFAULT_ACKS;
  self->compression = DEFAULT_COMPRESSION;
  self->bounds.leaky = DEFAULT_LEAKY;
  self->bounds.bytes = DEFAULT_MAX_QUEUED_BYTES;
  self->bounds.buffers = DEFAULT_MAX_QUEUED_BUFFERS;
  self->bounds.time = DEFAULT_MAX_QUEUED_TIME;
  self->connect_timeout = DEFAULT_CONNECT_TIMEOUT;
  self->delivery_timeout = DEFAULT_DELIVERY_TIMEOUT;
  self->drain_timeout = DEFAULT_DRAIN_TIMEOUT;
  self->message_max_bytes = DEFAULT_MESSAGE_MAX_BYTES;
  self->linger = DEFAULT_LINGER;
  self->enable_idempotence = DEFAULT_ENABLE_IDEMPOTENCE;
  self->create_topic = DEFAULT_CREATE_TOPIC;
  self->partitions = DEFAULT_PARTITIONS;
  self->replication_factor = DEFAULT_REPLICATION_FACTOR;
  self->on_error = DEFAULT_ON_ERROR;
  /* Several such sinks on one thread would wait for each other in preroll, and the last sample would hold
   * the last ack token for ever. */
  gst_base_sink_set_async_enabled (sink, FALSE);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
}
