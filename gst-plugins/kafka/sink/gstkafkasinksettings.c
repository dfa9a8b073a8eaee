/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasinksettings.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkatopics.h"
#include "fogfield.h"
#include "fogtemplate.h"
#include "gstkafkarecord.h"

#include <string.h>

/* --- types --- */

static GType
gst_kafka_leaky_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
      {GST_KAFKA_LEAKY_NONE, "Wait for room", "none"},
      {GST_KAFKA_LEAKY_UPSTREAM, "Drop the new buffer", "upstream"},
      {GST_KAFKA_LEAKY_DOWNSTREAM, "Drop the oldest buffer not yet sent", "downstream"},
      {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaLeaky", values));
  return type;
}

static GType
gst_kafka_acks_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
      {GST_KAFKA_ACKS_NONE, "No broker acknowledges", "none"},
      {GST_KAFKA_ACKS_LEADER, "The partition's leader has stored it", "leader"},
      {GST_KAFKA_ACKS_ALL, "All in-sync replicas have stored it", "all"},
      {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaAcks", values));
  return type;
}

/* The nicks are the values of librdkafka's option compression.type. */
static GType
gst_kafka_compression_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
      {GST_KAFKA_COMPRESSION_NONE, "None", "none"},
      {GST_KAFKA_COMPRESSION_GZIP, "Gzip", "gzip"},
      {GST_KAFKA_COMPRESSION_SNAPPY, "Snappy", "snappy"},
      {GST_KAFKA_COMPRESSION_LZ4, "LZ4", "lz4"},
      {GST_KAFKA_COMPRESSION_ZSTD, "Zstandard", "zstd"},
      {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaCompression", values));
  return type;
}

static GType
gst_kafka_sink_on_error_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
      {GST_KAFKA_SINK_ON_ERROR_FAIL, "Post an error and stop", "fail"},
      {GST_KAFKA_SINK_ON_ERROR_SKIP, "Post a warning and continue with the next buffer", "skip"},
      {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaSinkOnError", values));
  return type;
}

static GType
gst_kafka_spool_order_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
      {GST_KAFKA_SPOOL_ORDER_LIVE_FIRST, "Buffers on the disk are sent while no other waits",
          "live-first"},
      {GST_KAFKA_SPOOL_ORDER_OLDEST_FIRST, "New buffers are sent after those on the disk",
          "oldest-first"},
      {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaSpoolOrder", values));
  return type;
}

/* --- settings --- */

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
#define DEFAULT_SPOOL_BYTES (G_GUINT64_CONSTANT (4) * 1024 * 1024 * 1024)
#define DEFAULT_SPOOL_TIME 0
#define DEFAULT_SPOOL_RATE 5
#define DEFAULT_SPOOL_ORDER GST_KAFKA_SPOOL_ORDER_LIVE_FIRST

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
  PROP_SPOOL,
  PROP_SPOOL_BYTES,
  PROP_SPOOL_TIME,
  PROP_SPOOL_RATE,
  PROP_SPOOL_ORDER,
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
    FOG_FIELD (PROP_SPOOL, GstKafkaSinkSettings, spool),
    FOG_FIELD (PROP_SPOOL_BYTES, GstKafkaSinkSettings, spool_limits.bytes),
    FOG_FIELD (PROP_SPOOL_TIME, GstKafkaSinkSettings, spool_limits.time),
    FOG_FIELD (PROP_SPOOL_RATE, GstKafkaSinkSettings, spool_limits.rate),
    FOG_FIELD (PROP_SPOOL_ORDER, GstKafkaSinkSettings, spool_limits.order),
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
  self->spool_limits.bytes = DEFAULT_SPOOL_BYTES;
  self->spool_limits.time = DEFAULT_SPOOL_TIME;
  self->spool_limits.rate = DEFAULT_SPOOL_RATE;
  self->spool_limits.order = DEFAULT_SPOOL_ORDER;
}

void
gst_kafka_sink_settings_clear (GstKafkaSinkSettings *self)
{
  g_clear_pointer (&self->camera, g_free);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->congestion_control, g_free);
  g_clear_pointer (&self->spool, g_free);
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
   * The value of the header `camera`. A buffer that already has a header `camera` keeps it. The
   * property is unset by default, so no header is added.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CAMERA,
      g_param_spec_string ("camera", "Camera",
          "Id of the camera, sent in the header camera of buffers that have no such header", NULL,
          flags));
  /**
   * GstKafkaSink:key:
   *
   * The key of each message. The key may be a template: the header `camera` replaces `%{camera}`,
   * and likewise any other header. A message that lacks a header of the template gets no key. If
   * the property is unset, a buffer that was made from a message keeps that message's key. The
   * meta's `target-key` overrules this property and the message's key. A template with an empty
   * name, or with a `%{` without `}`, is the error RESOURCE/SETTINGS at the start.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_KEY,
      g_param_spec_string ("key", "Key",
          "Key of each message; each buffer's headers replace %{name}. Messages of one key share a "
          "partition, which Java's client would choose too; without a key the partitions take "
          "turns",
          NULL, flags));
  /**
   * GstKafkaSink:partition:
   *
   * The partition of each message. The meta's `target-partition` overrules this property. If the
   * property is -1, the message's key chooses the partition; without a key the partitions take
   * turns.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PARTITION,
      g_param_spec_int ("partition", "Partition",
          "Partition of all messages; -1: chosen by the key, or in turn", -1, G_MAXINT,
          DEFAULT_PARTITION, flags));
  /**
   * GstKafkaSink:create-topic:
   *
   * Creates the topic before the first message, with #GstKafkaSink:partitions and
   * #GstKafkaSink:replication-factor. An existing topic is not changed. The property is off by
   * default, because topics usually belong to the cluster's administrator. The property together
   * with a template in #GstKafkaSink:topic is the error RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CREATE_TOPIC,
      g_param_spec_boolean ("create-topic", "Create topic",
          "Create the topic, unless it exists, with partitions and replication-factor, before the "
          "first message",
          DEFAULT_CREATE_TOPIC, flags));
  /**
   * GstKafkaSink:partitions:
   *
   * The number of partitions of a topic that #GstKafkaSink:create-topic creates. The number of
   * partitions limits the number of readers in a group, so use the largest number that will ever be
   * needed.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PARTITIONS,
      g_param_spec_int ("partitions", "Partitions",
          "Partitions of a topic that create-topic creates; -1: the brokers' default", -1, 100000,
          DEFAULT_PARTITIONS, flags));
  /**
   * GstKafkaSink:replication-factor:
   *
   * The number of brokers that store a topic that #GstKafkaSink:create-topic creates.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_REPLICATION_FACTOR,
      g_param_spec_int ("replication-factor", "Replication factor",
          "Brokers that store a topic that create-topic creates; -1: the brokers' default", -1,
          1000, DEFAULT_REPLICATION_FACTOR, flags));
}

static void
install_delivery_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:acks:
   *
   * The acknowledgement with which a message counts as delivered. A delivered message's buffer is
   * released. With the default, messages
   * survive the loss of a broker.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ACKS,
      g_param_spec_enum ("acks", "Acknowledgements",
          "Which brokers must store a message before it counts as delivered",
          gst_kafka_acks_get_type (), DEFAULT_ACKS, flags));
  /**
   * GstKafkaSink:enable-idempotence:
   *
   * The brokers drop duplicates that arise when the client sends a message again. With idempotence,
   * at most five requests a connection are in flight, which limits the rate over a long link. The
   * property is off by default, because readers recognise duplicates by their headers. Idempotence
   * with another value of acks than `all` is the error RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ENABLE_IDEMPOTENCE,
      g_param_spec_boolean ("enable-idempotence", "Enable idempotence",
          "No duplicates and no reordering when the client sends again; needs acks=all; slow over "
          "long links",
          DEFAULT_ENABLE_IDEMPOTENCE, flags));
  /**
   * GstKafkaSink:connect-timeout:
   *
   * The time that the first contact with a broker may take (ns), after which RESOURCE/OPEN_WRITE is
   * posted. In later outages the element waits for up to #GstKafkaSink:delivery-timeout.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CONNECT_TIMEOUT,
      g_param_spec_uint64 ("connect-timeout", "Connect timeout",
          "How long the first contact with a broker may take (ns) before it is an error; the "
          "maximum: for ever",
          0, G_MAXUINT64, DEFAULT_CONNECT_TIMEOUT, flags));
  /**
   * GstKafkaSink:delivery-timeout:
   *
   * The time from a buffer's arrival to its acknowledgement (ns) after which it is undeliverable:
   * then #GstKafkaSink:on-error decides, and the error is RESOURCE/WRITE. The default of two
   * minutes is longer than the restart of a broker.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DELIVERY_TIMEOUT,
      g_param_spec_uint64 ("delivery-timeout", "Delivery timeout",
          "How long a buffer may take to be delivered (ns), including outages, before it is "
          "undeliverable; the maximum: for ever",
          GST_MSECOND, G_MAXUINT64, DEFAULT_DELIVERY_TIMEOUT, flags));
  /**
   * GstKafkaSink:on-error:
   *
   * The action when a buffer can't be delivered. A missing right is always an error, unless each
   * buffer names its topic.
   *
   * Since: 0.1
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
   * The method with which librdkafka compresses batches. JPEG and H.264 don't get smaller, raw
   * frames do.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_COMPRESSION,
      g_param_spec_enum ("compression", "Compression",
          "How batches are compressed; useless for JPEG or H.264",
          gst_kafka_compression_get_type (), DEFAULT_COMPRESSION, flags));
  /**
   * GstKafkaSink:message-max-bytes:
   *
   * The size of the largest message in bytes, headers included. Raw frames that are larger are the
   * error RESOURCE/SETTINGS as soon as their caps are known, and other buffers that are larger are
   * RESOURCE/WRITE. librdkafka has the same default. By default, brokers accept messages of up to
   * 1048588 bytes.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MESSAGE_MAX_BYTES,
      g_param_spec_uint ("message-max-bytes", "Maximum message bytes",
          "Size of the largest message in bytes, headers included; above 1048588 the topic's "
          "max.message.bytes has to be raised too",
          1000, 1000000000, DEFAULT_MESSAGE_MAX_BYTES, flags));
  /**
   * GstKafkaSink:linger:
   *
   * The time that a message waits for others, to share a batch with them (ns). 0, the default,
   * sends each frame at once.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LINGER,
      g_param_spec_uint64 ("linger", "Linger",
          "How long a message waits for others to share its batch (ns)", 0, 900 * GST_SECOND,
          DEFAULT_LINGER, flags));
  /**
   * GstKafkaSink:congestion-control:
   *
   * The algorithm of TCP's congestion control, which decides how fast a connection sends. An
   * algorithm that the kernel doesn't offer is the error RESOURCE/SETTINGS. If the property is
   * unset, a connection has the kernel's default until more than 2 % of its packets are lost, and
   * then bbr, if the kernel offers it, because other algorithms take each loss for congestion and
   * send less.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CONGESTION_CONTROL,
      g_param_spec_string ("congestion-control", "Congestion control",
          "TCP congestion control for connections to brokers; unset: the kernel's default, and bbr "
          "for a connection that loses over 2 % of its packets",
          NULL, flags));
  /**
   * GstKafkaSink:socket-send-buffer-bytes:
   *
   * The size of the kernel's send buffer: the bytes that a connection may have in flight. A link
   * needs a buffer of at least its rate
   * times its round trip. With 0 the kernel adapts the size, up to net.ipv4.tcp_wmem. A fixed size
   * is limited by
   * net.core.wmem_max; if that limit is smaller, a warning RESOURCE/SETTINGS says so.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SOCKET_SEND_BUFFER_BYTES,
      g_param_spec_int ("socket-send-buffer-bytes", "Socket send buffer bytes",
          "Size of the kernel's send buffer for each connection, in bytes; 0: the kernel adapts it",
          0, 100000000, DEFAULT_SOCKET_SEND_BUFFER_BYTES, flags));
}

static void
install_queue_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:leaky:
   *
   * The action when the queue is full. For live video use `downstream`, which sends the newest
   * frames. The default, `none`, drops nothing.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LEAKY,
      g_param_spec_enum ("leaky", "Leaky", "What to do when the queue is full",
          gst_kafka_leaky_get_type (), DEFAULT_LEAKY, flags));
  /**
   * GstKafkaSink:max-queued-bytes:
   *
   * The queue is full when its undelivered buffers have this many bytes. Each buffer counts 1 KiB
   * extra for its headers and bookkeeping. An empty queue takes a buffer of any size. The default
   * is the size of about a minute of JPEG frames of 640x480 at 30 frames/s.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_QUEUED_BYTES,
      g_param_spec_uint64 ("max-queued-bytes", "Maximum queued bytes",
          "Bytes of undelivered buffers at which the queue is full; 0: no bound", 0, G_MAXUINT64,
          DEFAULT_MAX_QUEUED_BYTES, flags));
  /**
   * GstKafkaSink:max-queued-buffers:
   *
   * The queue is full when it has this many undelivered buffers, waiting or in flight.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_QUEUED_BUFFERS,
      g_param_spec_uint ("max-queued-buffers", "Maximum queued buffers",
          "Number of undelivered buffers at which the queue is full; 0: no bound", 0, G_MAXUINT,
          DEFAULT_MAX_QUEUED_BUFFERS, flags));
  /**
   * GstKafkaSink:max-queued-time:
   *
   * The queue is full when its oldest undelivered buffer came this long ago (ns). With
   * leaky=downstream, only buffers count that librdkafka doesn't have yet.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_QUEUED_TIME,
      g_param_spec_uint64 ("max-queued-time", "Maximum queued time",
          "Age of the oldest undelivered buffer at which the queue is full (ns); 0: no bound", 0,
          G_MAXUINT64, DEFAULT_MAX_QUEUED_TIME, flags));
  /**
   * GstKafkaSink:drain-timeout:
   *
   * The time that EOS waits until all buffers are delivered (ns), after which RESOURCE/WRITE is
   * posted.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "How long EOS waits until all buffers are delivered (ns) before it is an error", 0,
          G_MAXINT64, DEFAULT_DRAIN_TIMEOUT, flags));
}

static void
install_spool_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSink:spool:
   *
   * A directory for buffers that can't be sent in time: while the brokers are away, while the link
   * is too slow, and those that are undelivered when the element stops. The stored buffers are sent
   * later, by the next run too, with the headers, the key and the timestamp that they would have
   * had. The directory is created if its parent directory exists. Each element needs a directory of
   * its own: a directory that another element uses is the error RESOURCE/BUSY, and one that can't
   * be written is RESOURCE/OPEN_WRITE. The property is unset by default, so there is no spool.
   *
   * With a spool, #GstKafkaSink:connect-timeout and #GstKafkaSink:delivery-timeout cause no errors,
   * #GstKafkaSink:leaky has no effect, upstream isn't throttled, and buffers that EOS leaves
   * undelivered after #GstKafkaSink:drain-timeout stay on the disk. Buffers that kafkasrc made
   * aren't spooled, because their messages wait in Kafka.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SPOOL,
      g_param_spec_string ("spool", "Spool",
          "Directory for buffers that can't be sent in time; they are sent later, after a restart "
          "too; unset: none",
          NULL, flags));
  /**
   * GstKafkaSink:spool-bytes:
   *
   * The size of the file in #GstKafkaSink:spool at which the oldest buffers are dropped. The number
   * of dropped buffers is in `spool-dropped`, and a warning RESOURCE/NO_SPACE_LEFT is posted. A
   * full disk drops the oldest buffers too. The default holds 40 minutes of frames of 60 kB at 30
   * frames/s.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SPOOL_BYTES,
      g_param_spec_uint64 ("spool-bytes", "Spool bytes",
          "Bytes of buffers on the disk at which the oldest are dropped; 0: no bound but the disk",
          0, G_MAXUINT64, DEFAULT_SPOOL_BYTES, flags));
  /**
   * GstKafkaSink:spool-time:
   *
   * The time on the disk (ns) after which a buffer is dropped, by the machine's clock. The drop is
   * counted and reported as for #GstKafkaSink:spool-bytes.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SPOOL_TIME,
      g_param_spec_uint64 ("spool-time", "Spool time",
          "How long a buffer may wait on the disk (ns) before it is dropped; 0: no bound", 0,
          G_MAXINT64, DEFAULT_SPOOL_TIME, flags));
  /**
   * GstKafkaSink:spool-rate:
   *
   * The largest number of buffers from the disk that are sent in a second. Readers have to process
   * buffers from the disk besides live ones, so the default is less than the capacity of a fog with
   * a few cores. With #GstKafkaSink:spool-order `oldest-first` the rate must exceed that of the
   * stream, or the disk never empties.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SPOOL_RATE,
      g_param_spec_uint ("spool-rate", "Spool rate",
          "Buffers from the disk sent per second at most; 0: as fast as the link takes them", 0,
          G_MAXINT, DEFAULT_SPOOL_RATE, flags));
  /**
   * GstKafkaSink:spool-order:
   *
   * Whether new buffers are sent before those on the disk. The default, `live-first`, keeps live
   * video recent.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SPOOL_ORDER,
      g_param_spec_enum ("spool-order", "Spool order",
          "Which buffers are sent first after an outage", gst_kafka_spool_order_get_type (),
          DEFAULT_SPOOL_ORDER, flags));
}

void
gst_kafka_sink_settings_install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  install_target_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  install_delivery_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  install_link_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  install_queue_properties (klass, flags | GST_PARAM_MUTABLE_PLAYING);
  install_spool_properties (klass, flags | GST_PARAM_MUTABLE_READY);
  gst_type_mark_as_plugin_api (gst_kafka_leaky_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_acks_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_compression_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_sink_on_error_get_type (), 0);
  gst_type_mark_as_plugin_api (gst_kafka_spool_order_get_type (), 0);
}

/* --- checks --- */

/* Returns FALSE with @error (GST_RESOURCE_ERROR_SETTINGS) if the text of @property isn't a valid
 * template. */
static gboolean
check_template (const gchar *text, const gchar *property, GError **error)
{
  if (fog_template_check (text))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "%s=\"%s\": each %%{ must be followed by the name of a header and a }.", property, text);
  return FALSE;
}

gboolean
gst_kafka_sink_settings_check (
    const GstKafkaSinkSettings *self, const GstKafkaSettings *common, GError **error)
{
  const gchar *topic = common->topic, *key = self->key;

  if (!topic || !*topic) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "No topic is set. Set the property topic.");
    return FALSE;
  }
  if (fog_template_has_places (topic) && self->create_topic) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "create-topic can't create the topics of the template topic=\"%s\". Create them first, or "
        "let the brokers create them (auto.create.topics.enable).",
        topic);
    return FALSE;
  }
  if (fog_template_has_places (topic) ? !check_template (topic, "topic", error)
                                      : !gst_kafka_topics_check_name (topic, error))
    return FALSE;
  return !key || check_template (key, "key", error);
}

/* --- the configuration of librdkafka --- */

static gchar *
milliseconds (GstClockTime time)
{
  /* librdkafka takes a time in ms as an int, and 0 means for ever. */
  if (!GST_CLOCK_TIME_IS_VALID (time) || time / GST_MSECOND > G_MAXINT)
    return g_strdup ("0");
  return g_strdup_printf ("%" G_GUINT64_FORMAT, MAX (1, time / GST_MSECOND));
}

rd_kafka_conf_t *
gst_kafka_sink_settings_new_conf (
    GstKafkaSinkSettings *self, GstKafkaSettings *common, GstElement *element, GError **error)
{
  g_autofree gchar *acks = NULL, *timeout = NULL, *max_bytes = NULL, *send_buffer = NULL;
  gchar linger[G_ASCII_DTOSTR_BUF_SIZE];
  GEnumClass *klass = g_type_class_ref (gst_kafka_compression_get_type ());
  const gchar *compression, *idempotence;
  rd_kafka_conf_t *conf;

  GST_OBJECT_LOCK (element);
  acks = g_strdup_printf ("%d", self->acks);
  timeout = milliseconds (self->delivery_timeout);
  max_bytes = g_strdup_printf ("%u", self->message_max_bytes);
  send_buffer = g_strdup_printf ("%d", self->socket_send_buffer_bytes);
  g_ascii_dtostr (linger, sizeof linger, (gdouble) self->linger / GST_MSECOND);
  compression = g_enum_get_value (klass, self->compression)->value_nick;
  idempotence = self->enable_idempotence ? "true" : "false";
  GST_OBJECT_UNLOCK (element);
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
        /* librdkafka's own queue is as large as possible, because the element has limits of its
         * own. */
        {"queue.buffering.max.messages", "10000000", FALSE},
        {"queue.buffering.max.kbytes", "2147483647", FALSE},
        /* With any other value than 0, librdkafka doesn't call the partitioner for messages without
         * a key. */
        {"sticky.partitioning.linger.ms", "0", FALSE},
        {"partitioner", "murmur2_random", FALSE},
        /* Messages of more than 4096 bytes are sent from the buffer's memory without a copy. */
        {"message.copy.max.bytes", "4096", FALSE},
        /* Since librdkafka 2.10 this option is on by default. */
        {"socket.nagle.disable", "true", FALSE},
        {"socket.send.buffer.bytes", send_buffer, FALSE},
        {"socket.keepalive.enable", "true", FALSE},
        /* A live camera should continue soon after an outage; by default the client reconnects up
         * to 10 s later. */
        {"reconnect.backoff.max.ms", "2000", FALSE},
        /* New partitions should be used soon; by default the client notices them up to 5 min
         * later. */
        {"topic.metadata.refresh.interval.ms", "10000", FALSE},
        {NULL, NULL, FALSE},
    };

    conf = gst_kafka_conf_new (common, element, options, error);
  }
  g_type_class_unref (klass);
  if (conf)
    gst_kafka_record_install_partitioner (conf);
  return conf;
}
