/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasinktypes.h"

GType
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

GType
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
GType
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

GType
gst_kafka_sink_on_error_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
      {GST_KAFKA_SINK_ON_ERROR_FAIL, "Post an error and stop", "fail"},
      {GST_KAFKA_SINK_ON_ERROR_SKIP, "Post a warning and go on with the next", "skip"},
      {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaSinkOnError", values));
  return type;
}
