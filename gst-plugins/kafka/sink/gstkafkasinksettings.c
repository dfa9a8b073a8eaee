/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasinksettings.h"

#include <string.h>

#include "fogfield.h"

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
#define DEFAULT_SOCKET_SEND_BUFFER_BYTES 0
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
  PROP_SOCKET_SEND_BUFFER_BYTES,
  PROP_CREATE_TOPIC,
  PROP_PARTITIONS,
  PROP_REPLICATION_FACTOR,
  PROP_ON_ERROR,
};

static const FogField fields[] = {
    FOG_FIELD (PROP_CAMERA, GstKafkaSinkSettings, camera),
    FOG_FIELD (PROP_KEY, GstKafkaSinkSettings, key),
    FOG_FIELD (PROP_PARTITION, GstKafkaSinkSettings, partition),
    FOG_FIELD (PROP_ACKS, GstKafkaSinkSettings, acks),
    FOG_FIELD (PROP_COMPRESSION, GstKafkaSinkSettings, compression),
    FOG_FIELD (PROP_LEAKY, GstKafkaSinkSettings, bounds.leaky),
    FOG_FIELD (PROP_MAX_QUEUED_BYTES, GstKafkaSinkSettings, bounds.bytes),
    FOG_FIELD (PROP_MAX_QUEUED_BUFFERS, GstKafkaSinkSettings, bounds.buffers),
    FOG_FIELD (PROP_MAX_QUEUED_TIME, GstKafkaSinkSettings, bounds.time),
    FOG_FIELD (PROP_CONNECT_TIMEOUT, GstKafkaSinkSettings, connect_timeout),
    FOG_FIELD (PROP_DELIVERY_TIMEOUT, GstKafkaSinkSettings, delivery_timeout),
    FOG_FIELD (PROP_DRAIN_TIMEOUT, GstKafkaSinkSettings, drain_timeout),
    FOG_FIELD (PROP_MESSAGE_MAX_BYTES, GstKafkaSinkSettings, message_max_bytes),
    FOG_FIELD (PROP_LINGER, GstKafkaSinkSettings, linger),
    FOG_FIELD (PROP_ENABLE_IDEMPOTENCE, GstKafkaSinkSettings, enable_idempotence),
    FOG_FIELD (PROP_CONGESTION_CONTROL, GstKafkaSinkSettings, congestion_control),
    FOG_FIELD (PROP_SOCKET_SEND_BUFFER_BYTES, GstKafkaSinkSettings, socket_send_buffer_bytes),
    FOG_FIELD (PROP_CREATE_TOPIC, GstKafkaSinkSettings, create_topic),
    FOG_FIELD (PROP_PARTITIONS, GstKafkaSinkSettings, partitions),
    FOG_FIELD (PROP_REPLICATION_FACTOR, GstKafkaSinkSettings, replication_factor),
    FOG_FIELD (PROP_ON_ERROR, GstKafkaSinkSettings, on_error),
    {0},
};

void
gst_kafka_sink_settings_init (GstKafkaSinkSettings *self)
{
  memset (self, 0, sizeof *self);
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
  self->socket_send_buffer_bytes = DEFAULT_SOCKET_SEND_BUFFER_BYTES;
  self->create_topic = DEFAULT_CREATE_TOPIC;
  self->partitions = DEFAULT_PARTITIONS;
  self->replication_factor = DEFAULT_REPLICATION_FACTOR;
  self->on_error = DEFAULT_ON_ERROR;
}

void
gst_kafka_sink_settings_clear (GstKafkaSinkSettings *self)
{
  g_clear_pointer (&self->camera, g_free);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->congestion_control, g_free);
}

gboolean
gst_kafka_sink_settings_set_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, const GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = fog_field_set (fields, self, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
}

gboolean
gst_kafka_sink_settings_get_property (
    GstKafkaSinkSettings *self, GObject *object, guint id, GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = fog_field_get (fields, self, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
}

static void
install_target_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:camera:
   *
   * The header `camera` of each message whose buffer doesn't say already which camera it is of.
   */
  g_object_class_install_property (klass, PROP_CAMERA,
      g_param_spec_string ("camera", "Camera",
          "Id of the camera, for the header of that name, unless a buffer has one already", NULL,
          flags));
  /**
   * GstKafkaSink:key:
   *
   * The key of each message; `%{camera}` in it stands for the header `camera` (any header has its
   * place like this), and a message without that header has no key. If it isn't set, a buffer that
   * was made from a message keeps that message's key. The meta's `target-key` overrules both.
   */
  g_object_class_install_property (klass, PROP_KEY,
      g_param_spec_string ("key", "Key",
          "Key of all messages: sends those of one key to one partition, the one that Java's "
          "client chooses; %{header} is filled from each buffer; without a key the partitions take "
          "turns",
          NULL, flags));
  /**
   * GstKafkaSink:partition:
   *
   * The partition of each message. The meta's `target-partition` overrules it.
   */
  g_object_class_install_property (klass, PROP_PARTITION,
      g_param_spec_int ("partition", "Partition",
          "The partition for all messages, -1 to let key or turn decide", -1, G_MAXINT,
          DEFAULT_PARTITION, flags));
  /**
   * GstKafkaSink:create-topic:
   *
   * Makes the topic before the first message, with #GstKafkaSink:partitions and
   * #GstKafkaSink:replication-factor. A topic that is there is left as it is.
   */
  g_object_class_install_property (klass, PROP_CREATE_TOPIC,
      g_param_spec_boolean ("create-topic", "Create topic",
          "Make the topic, if it isn't there, with partitions and replication-factor, before "
          "anything is sent",
          DEFAULT_CREATE_TOPIC, flags));
  /**
   * GstKafkaSink:partitions:
   *
   * How many partitions #GstKafkaSink:create-topic gives the topic: as many as there
   * will ever be readers in one group.
   */
  g_object_class_install_property (klass, PROP_PARTITIONS,
      g_param_spec_int ("partitions", "Partitions",
          "Partitions of a topic made by create-topic, -1 for the brokers' default", -1, 100000,
          DEFAULT_PARTITIONS, flags));
  /**
   * GstKafkaSink:replication-factor:
   *
   * On how many brokers #GstKafkaSink:create-topic has the topic kept.
   */
  g_object_class_install_property (klass, PROP_REPLICATION_FACTOR,
      g_param_spec_int ("replication-factor", "Replication factor",
          "Brokers that keep a topic made by create-topic, -1 for the brokers' default", -1, 1000,
          DEFAULT_REPLICATION_FACTOR, flags));
}

static void
install_delivery_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:acks:
   *
   * When a message counts as delivered, and its buffer is let go.
   */
  g_object_class_install_property (klass, PROP_ACKS,
      g_param_spec_enum ("acks", "Acknowledgements",
          "Who must have a message before it counts as delivered", gst_kafka_acks_get_type (),
          DEFAULT_ACKS, flags));
  /**
   * GstKafkaSink:enable-idempotence:
   *
   * The brokers drop what the client sends twice. At most five messages a partition are under way
   * then, which bounds the rate over a long link.
   */
  g_object_class_install_property (klass, PROP_ENABLE_IDEMPOTENCE,
      g_param_spec_boolean ("enable-idempotence", "Enable idempotence",
          "No duplicates or reordering when the client tries again; needs acks=all, and is slow "
          "over long links",
          DEFAULT_ENABLE_IDEMPOTENCE, flags));
  /**
   * GstKafkaSink:connect-timeout:
   *
   * How long the first contact may take (ns). Later outages are waited for, up to
   * #GstKafkaSink:delivery-timeout.
   */
  g_object_class_install_property (klass, PROP_CONNECT_TIMEOUT,
      g_param_spec_uint64 ("connect-timeout", "Connect timeout",
          "Time in ns to reach a broker for the first time before that is an error, -1 to try for "
          "ever",
          0, G_MAXUINT64, DEFAULT_CONNECT_TIMEOUT, flags));
  /**
   * GstKafkaSink:delivery-timeout:
   *
   * How long a buffer may wait for its acknowledgement, from its arrival (ns); then
   * #GstKafkaSink:on-error decides.
   */
  g_object_class_install_property (klass, PROP_DELIVERY_TIMEOUT,
      g_param_spec_uint64 ("delivery-timeout", "Delivery timeout",
          "Time in ns for a buffer to be delivered, through outages too, before it counts as lost, "
          "-1 to try for ever",
          GST_MSECOND, G_MAXUINT64, DEFAULT_DELIVERY_TIMEOUT, flags));
  /**
   * GstKafkaSink:on-error:
   *
   * What a buffer brings about that can't be delivered.
   */
  g_object_class_install_property (klass, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error", "What to do when a buffer can't be delivered",
          gst_kafka_sink_on_error_get_type (), DEFAULT_ON_ERROR, flags));
}

static void
install_link_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:compression:
   *
   * How the client compresses batches. Frames of JPEG or H.264 only cost
   * time by it; raw ones get smaller.
   */
  g_object_class_install_property (klass, PROP_COMPRESSION,
      g_param_spec_enum ("compression", "Compression",
          "How batches are compressed; no use for JPEG or H.264", gst_kafka_compression_get_type (),
          DEFAULT_COMPRESSION, flags));
  /**
   * GstKafkaSink:message-max-bytes:
   *
   * The largest message. Raw frames that can't fit are refused as soon as their caps are known.
   */
  g_object_class_install_property (klass, PROP_MESSAGE_MAX_BYTES,
      g_param_spec_uint ("message-max-bytes", "Maximum message bytes",
          "Bytes of the largest message, headers included; more than 1048588 needs the topic's "
          "max.message.bytes raised too",
          1000, 1000000000, DEFAULT_MESSAGE_MAX_BYTES, flags));
  /**
   * GstKafkaSink:linger:
   *
   * How long a message waits for others to share its request (ns).
   */
  g_object_class_install_property (klass, PROP_LINGER,
      g_param_spec_uint64 ("linger", "Linger",
          "Time in ns to wait for more messages for a batch: latency for fewer requests", 0,
          900 * GST_SECOND, DEFAULT_LINGER, flags));
  /**
   * GstKafkaSink:congestion-control:
   *
   * What TCP takes for a sign that it sends too fast; only what the kernel offers.
   */
  g_object_class_install_property (klass, PROP_CONGESTION_CONTROL,
      g_param_spec_string ("congestion-control", "Congestion control",
          "TCP's congestion control towards the brokers, as in \"bbr\" for a long or lossy link; "
          "unset for the kernel's default",
          NULL, flags));
  /**
   * GstKafkaSink:socket-send-buffer-bytes:
   *
   * What a connection may have under way: rate times round trip at least. The kernel's own choice
   * grows with need, up to net.ipv4.tcp_wmem; a fixed one is bounded by net.core.wmem_max, and a
   * warning tells if that is less.
   */
  g_object_class_install_property (klass, PROP_SOCKET_SEND_BUFFER_BYTES,
      g_param_spec_int ("socket-send-buffer-bytes", "Socket send buffer bytes",
          "Bytes that the kernel holds for each connection until they are acknowledged; 0: as many "
          "as it finds right",
          0, 100000000, DEFAULT_SOCKET_SEND_BUFFER_BYTES, flags));
}

static void
install_queue_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:leaky:
   *
   * What happens to buffers while the queue is full: live video wants `downstream`, where the
   * freshest frame is the one that is sent next.
   */
  g_object_class_install_property (klass, PROP_LEAKY,
      g_param_spec_enum ("leaky", "Leaky", "What to do when the queue is full",
          gst_kafka_leaky_get_type (), DEFAULT_LEAKY, flags));
  /**
   * GstKafkaSink:max-queued-bytes:
   *
   * One buffer may always go, however large. Each counts for 1 kB more than its
   * bytes, which is kept beside them.
   */
  g_object_class_install_property (klass, PROP_MAX_QUEUED_BYTES,
      g_param_spec_uint64 ("max-queued-bytes", "Maximum queued bytes",
          "Bytes to hold that aren't delivered yet, 0 for no bound", 0, G_MAXUINT64,
          DEFAULT_MAX_QUEUED_BYTES, flags));
  /**
   * GstKafkaSink:max-queued-buffers:
   *
   * Counts what waits and what is under way.
   */
  g_object_class_install_property (klass, PROP_MAX_QUEUED_BUFFERS,
      g_param_spec_uint ("max-queued-buffers", "Maximum queued buffers",
          "Buffers to hold that aren't delivered yet, 0 for no bound", 0, G_MAXUINT,
          DEFAULT_MAX_QUEUED_BUFFERS, flags));
  /**
   * GstKafkaSink:max-queued-time:
   *
   * Counts from the arrival of the oldest buffer; with leaky=downstream, of
   * the oldest one not yet under way.
   */
  g_object_class_install_property (klass, PROP_MAX_QUEUED_TIME,
      g_param_spec_uint64 ("max-queued-time", "Maximum queued time",
          "Time in ns that the oldest buffer may wait before the queue counts as full, 0 for no "
          "bound",
          0, G_MAXUINT64, DEFAULT_MAX_QUEUED_TIME, flags));
  /**
   * GstKafkaSink:drain-timeout:
   *
   * How long EOS is held back for what isn't delivered yet (ns).
   */
  g_object_class_install_property (klass, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "Time in ns that EOS waits for all buffers to be delivered before that is an error", 0,
          G_MAXINT64, DEFAULT_DRAIN_TIMEOUT, flags));
}

void
gst_kafka_sink_settings_install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  install_target_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  install_delivery_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  install_link_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  install_queue_properties (klass, flags | GST_PARAM_MUTABLE_PLAYING);
  gst_type_mark_as_plugin_api (gst_kafka_leaky_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_acks_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_compression_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_sink_on_error_get_type (), 0);
}
