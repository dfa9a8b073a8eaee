/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasrcsettings.h"

#include <string.h>

#include "fogfield.h"

#define DEFAULT_AUTO_OFFSET_RESET GST_KAFKA_RESET_LATEST
#define DEFAULT_START_OFFSET (-1)
#define DEFAULT_START_TIME GST_CLOCK_TIME_NONE
#define DEFAULT_EOS_AT_END FALSE
#define DEFAULT_END_OFFSET (-1)
#define DEFAULT_END_TIME GST_CLOCK_TIME_NONE
#define DEFAULT_REPLAY FALSE
#define DEFAULT_MAX_AGE 0
#define DEFAULT_MAX_PREFETCH (32 * 1024 * 1024)
#define DEFAULT_MESSAGE_MAX_BYTES (128 * 1024 * 1024)
#define DEFAULT_SOCKET_RECEIVE_BUFFER_BYTES 0
#define DEFAULT_CONNECT_TIMEOUT (10 * GST_SECOND)
#define DEFAULT_ON_ERROR GST_KAFKA_SRC_SKIP

enum {
  PROP_GROUP_ID = GST_KAFKA_PROP_OWN,
  PROP_GROUP_INSTANCE_ID,
  PROP_AUTO_OFFSET_RESET,
  PROP_PARTITIONS,
  PROP_START_OFFSET,
  PROP_START_TIME,
  PROP_EOS_AT_END,
  PROP_END_OFFSET,
  PROP_END_TIME,
  PROP_REPLAY,
  PROP_CAMERA,
  PROP_MAX_AGE,
  PROP_MAX_PREFETCH,
  PROP_MESSAGE_MAX_BYTES,
  PROP_SOCKET_RECEIVE_BUFFER_BYTES,
  PROP_CONNECT_TIMEOUT,
  PROP_CAPS,
  PROP_ON_ERROR,
};

static const FogField fields[] = {
    FOG_FIELD (PROP_GROUP_ID, GstKafkaSrcSettings, group_id),
    FOG_FIELD (PROP_GROUP_INSTANCE_ID, GstKafkaSrcSettings, group_instance_id),
    FOG_FIELD (PROP_AUTO_OFFSET_RESET, GstKafkaSrcSettings, auto_offset_reset),
    FOG_FIELD (PROP_START_OFFSET, GstKafkaSrcSettings, start_offset),
    FOG_FIELD (PROP_START_TIME, GstKafkaSrcSettings, start_time),
    FOG_FIELD (PROP_EOS_AT_END, GstKafkaSrcSettings, eos_at_end),
    FOG_FIELD (PROP_END_OFFSET, GstKafkaSrcSettings, end_offset),
    FOG_FIELD (PROP_END_TIME, GstKafkaSrcSettings, end_time),
    FOG_FIELD (PROP_REPLAY, GstKafkaSrcSettings, replay),
    FOG_FIELD (PROP_CAMERA, GstKafkaSrcSettings, camera),
    FOG_FIELD (PROP_MAX_AGE, GstKafkaSrcSettings, max_age),
    FOG_FIELD (PROP_MESSAGE_MAX_BYTES, GstKafkaSrcSettings, message_max_bytes),
    FOG_FIELD (PROP_MAX_PREFETCH, GstKafkaSrcSettings, max_prefetch),
    FOG_FIELD (PROP_SOCKET_RECEIVE_BUFFER_BYTES, GstKafkaSrcSettings, socket_receive_buffer_bytes),
    FOG_FIELD (PROP_CONNECT_TIMEOUT, GstKafkaSrcSettings, connect_timeout),
    FOG_FIELD (PROP_ON_ERROR, GstKafkaSrcSettings, on_error),
    {0},
};

#define GST_TYPE_KAFKA_SRC_OFFSET_RESET (gst_kafka_src_offset_reset_get_type ())
static GType
gst_kafka_src_offset_reset_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_KAFKA_RESET_LATEST, "Messages that are published from now on", "latest"},
      {GST_KAFKA_RESET_EARLIEST, "All messages that still exist", "earliest"},
      {GST_KAFKA_RESET_ERROR, "A missing or deleted position is an error", "error"},
      {0, NULL, NULL},
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaSrcOffsetReset", values));
  return type;
}

#define GST_TYPE_KAFKA_SRC_ON_ERROR (gst_kafka_src_on_error_get_type ())
static GType
gst_kafka_src_on_error_get_type (void)
{
  static const GEnumValue values[] = {
      {GST_KAFKA_SRC_SKIP, "Skip the message, count it, and warn", "skip"},
      {GST_KAFKA_SRC_FAIL, "End the stream with an error", "fail"},
      {0, NULL, NULL},
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstKafkaSrcOnError", values));
  return type;
}

void
gst_kafka_src_settings_init (GstKafkaSrcSettings *self)
{
  memset (self, 0, sizeof *self);
  self->auto_offset_reset = DEFAULT_AUTO_OFFSET_RESET;
  self->start_offset = DEFAULT_START_OFFSET;
  self->start_time = DEFAULT_START_TIME;
  self->eos_at_end = DEFAULT_EOS_AT_END;
  self->end_offset = DEFAULT_END_OFFSET;
  self->end_time = DEFAULT_END_TIME;
  self->replay = DEFAULT_REPLAY;
  self->max_age = DEFAULT_MAX_AGE;
  self->max_prefetch = DEFAULT_MAX_PREFETCH;
  self->message_max_bytes = DEFAULT_MESSAGE_MAX_BYTES;
  self->socket_receive_buffer_bytes = DEFAULT_SOCKET_RECEIVE_BUFFER_BYTES;
  self->connect_timeout = DEFAULT_CONNECT_TIMEOUT;
  self->on_error = DEFAULT_ON_ERROR;
}

void
gst_kafka_src_settings_clear (GstKafkaSrcSettings *self)
{
  g_clear_pointer (&self->group_id, g_free);
  g_clear_pointer (&self->group_instance_id, g_free);
  g_clear_pointer (&self->partitions, g_array_unref);
  g_clear_pointer (&self->camera, g_free);
  gst_clear_caps (&self->caps);
}

static GArray *
partitions_from_value (const GValue *value)
{
  GArray *partitions = NULL;

  for (guint i = 0; i < gst_value_array_get_size (value); i++) {
    gint number = g_value_get_int (gst_value_array_get_value (value, i));

    if (!partitions)
      partitions = g_array_new (FALSE, FALSE, sizeof (gint));
    g_array_append_val (partitions, number);
  }
  return partitions;
}

static void
partitions_to_value (const GArray *partitions, GValue *value)
{
  for (guint i = 0; partitions && i < partitions->len; i++) {
    GValue number = G_VALUE_INIT;

    g_value_init (&number, G_TYPE_INT);
    g_value_set_int (&number, g_array_index (partitions, gint, i));
    gst_value_array_append_and_take_value (value, &number);
  }
}

/* With the object lock. Returns FALSE for a property whose value is only copied. */
static gboolean
set_other (GstKafkaSrcSettings *self, guint id, const GValue *value)
{
  switch (id) {
    case PROP_PARTITIONS:
      g_clear_pointer (&self->partitions, g_array_unref);
      self->partitions = partitions_from_value (value);
      return TRUE;
    case PROP_CAPS:
      gst_caps_replace (&self->caps, g_value_get_boxed (value));
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
get_other (const GstKafkaSrcSettings *self, guint id, GValue *value)
{
  switch (id) {
    case PROP_PARTITIONS:
      partitions_to_value (self->partitions, value);
      return TRUE;
    case PROP_CAPS:
      gst_value_set_caps (value, self->caps);
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
gst_kafka_src_settings_set_property (
    GstKafkaSrcSettings *self, GObject *object, guint id, const GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = fog_field_set (fields, self, id, value) || set_other (self, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
}

gboolean
gst_kafka_src_settings_get_property (
    GstKafkaSrcSettings *self, GObject *object, guint id, GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = fog_field_get (fields, self, id, value) || get_other (self, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
}

static void
install_group_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSrc:group-id:
   *
   * The consumer group to join. The members of a group share the partitions, and the element
   * commits the group's offsets. Without a group the element reads all partitions and commits
   * nothing. A missing right
   * to the group is RESOURCE/NOT_AUTHORIZED.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_GROUP_ID,
      g_param_spec_string ("group-id", "Group id",
          "Consumer group to join, which shares the partitions and stores offsets; unset: read all "
          "partitions and store nothing",
          NULL, flags));
  /**
   * GstKafkaSrc:group-instance-id:
   *
   * A fixed name of this member, which must be unique in the group. With such a name a restart
   * within the session timeout causes no rebalance. A member ends with RESOURCE/READ if another
   * member joins under the same name.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_GROUP_INSTANCE_ID,
      g_param_spec_string ("group-instance-id", "Group instance id",
          "Fixed and unique name of this member, so that a restart causes no rebalance", NULL,
          flags));
  /**
   * GstKafkaSrc:partitions:
   *
   * The numbers of the partitions to read, instead of those that a group would assign. Empty by
   * default.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PARTITIONS,
      gst_param_spec_array ("partitions", "Partitions",
          "Numbers of the partitions to read, as in \"<0,3>\"; empty: those that the group "
          "assigns, or all",
          g_param_spec_int ("partition", "Partition", "Number of a partition", 0, G_MAXINT, 0,
              G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS),
          flags));
}

static void
install_range_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSrc:auto-offset-reset:
   *
   * Where reading begins if neither the group's committed offset nor another property sets a
   * position, or if the set position is beyond the newest message. A position before the oldest
   * message left is moved to this message, whatever this property is, except with `error`: with
   * this value each of these cases ends the stream with RESOURCE/READ. The default suits live
   * video, where the newest frame counts.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_AUTO_OFFSET_RESET,
      g_param_spec_enum ("auto-offset-reset", "Auto offset reset",
          "Where to begin if no committed offset, start-offset or start-time sets a position, or "
          "if the position is beyond the newest message; a position before the oldest message is "
          "moved to the oldest message",
          GST_TYPE_KAFKA_SRC_OFFSET_RESET, DEFAULT_AUTO_OFFSET_RESET, flags));
  /**
   * GstKafkaSrc:start-offset:
   *
   * The offset to begin at in each partition. A group that has committed an offset continues at the
   * committed offset instead.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_START_OFFSET,
      g_param_spec_int64 ("start-offset", "Start offset",
          "Offset to begin at in each partition without a committed offset; -1: unset", -1,
          G_MAXINT64, DEFAULT_START_OFFSET, flags));
  /**
   * GstKafkaSrc:start-time:
   *
   * The Kafka timestamp to begin at, in ns since the Unix epoch. A group that has committed an
   * offset continues at the committed offset instead.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_START_TIME,
      g_param_spec_uint64 ("start-time", "Start time",
          "Begin with the first message of this time or later (ns since the Unix epoch) in "
          "partitions without a committed offset; the maximum: unset",
          0, G_MAXUINT64, DEFAULT_START_TIME, flags));
  /**
   * GstKafkaSrc:eos-at-end:
   *
   * Ends the stream after the last message that exists when a partition is assigned.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_EOS_AT_END,
      g_param_spec_boolean ("eos-at-end", "EOS at end",
          "End the stream after the last message that exists at the start", DEFAULT_EOS_AT_END,
          flags));
  /**
   * GstKafkaSrc:end-offset:
   *
   * Ends the stream when each partition has been read up to this offset, which itself isn't read.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_END_OFFSET,
      g_param_spec_int64 ("end-offset", "End offset",
          "End the stream when each partition is read up to before this offset; -1: unset", -1,
          G_MAXINT64, DEFAULT_END_OFFSET, flags));
  /**
   * GstKafkaSrc:end-time:
   *
   * Ends the stream when each partition has been read up to this Kafka timestamp, in ns since the
   * Unix epoch. Messages with this timestamp or a later one aren't read.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_END_TIME,
      g_param_spec_uint64 ("end-time", "End time",
          "End the stream when each partition is read up to before this time (ns since the Unix "
          "epoch); the maximum: unset",
          0, G_MAXUINT64, DEFAULT_END_TIME, flags));
  /**
   * GstKafkaSrc:replay:
   *
   * Plays a recorded topic like a file: all partitions in the order of capture, from
   * #GstKafkaSrc:start-time or the first message, to the last message that exists when the replay
   * is opened. Buffers are stamped by capture time; the source is seekable and not live. A replay
   * uses no group. In a replay, an unreadable message ends the stream with RESOURCE/READ.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_REPLAY,
      g_param_spec_boolean ("replay", "Replay",
          "Play a recorded topic like a file, in the order and at the pace of capture, seekable, "
          "without a group",
          DEFAULT_REPLAY, flags));
}

static void
install_flow_properties (GObjectClass *klass, GParamFlags flags)
{
  /**
   * GstKafkaSrc:camera:
   *
   * Reads only messages whose header `camera` is this text. Messages of other cameras are skipped
   * and count as done. With this property one camera of a shared topic can be watched or replayed,
   * and its delta-coded video decoded.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CAMERA,
      g_param_spec_string ("camera", "Camera",
          "Id of the camera whose messages to read; unset: all messages", NULL, flags));
  /**
   * GstKafkaSrc:max-age:
   *
   * Messages captured longer ago than this (ns) are skipped and count as done. With the default, 0,
   * no message is skipped, and a replay never skips a message for its age.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_AGE,
      g_param_spec_uint64 ("max-age", "Maximum age",
          "Skip messages captured longer ago than this (ns); 0: none", 0, G_MAXINT64,
          DEFAULT_MAX_AGE, flags | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstKafkaSrc:max-prefetch:
   *
   * The number of bytes fetched ahead of a slow pipeline. The element fetches at least one batch,
   * as the producer sent it. The default holds more than a second of frames of most links; larger
   * values
   * help over a long link.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MAX_PREFETCH,
      g_param_spec_uint64 ("max-prefetch", "Maximum prefetch",
          "Bytes of messages to fetch ahead of the pipeline, at least one batch of a producer; a "
          "fetch takes up to an eighth of it; raise it for a long link",
          64 * 1024, 512 * 1024 * 1024, DEFAULT_MAX_PREFETCH, flags));
  /**
   * GstKafkaSrc:message-max-bytes:
   *
   * The size of the largest message, and of the largest batch of a producer, that is read (bytes).
   * librdkafka's limits are derived from this size, which should fit into memory. A larger message
   * ends the stream
   * with RESOURCE/READ and its size, because skipping it would lose it.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MESSAGE_MAX_BYTES,
      g_param_spec_uint ("message-max-bytes", "Maximum message bytes",
          "Size in bytes of the largest message to read, and of the largest batch of a producer; a "
          "larger one is an error",
          1000, 1000000000, DEFAULT_MESSAGE_MAX_BYTES, flags));
  /**
   * GstKafkaSrc:socket-receive-buffer-bytes:
   *
   * The size of the kernel's receive buffer: the bytes that a connection may have in flight. A link
   * needs a buffer of at least its rate times its round trip. With 0 the kernel adapts the size, up
   * to net.ipv4.tcp_rmem. A fixed size is limited by net.core.rmem_max; if that limit is smaller, a
   * warning RESOURCE/SETTINGS says so.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SOCKET_RECEIVE_BUFFER_BYTES,
      g_param_spec_int ("socket-receive-buffer-bytes", "Socket receive buffer bytes",
          "Size of the kernel's receive buffer for each connection, in bytes; 0: the kernel adapts "
          "it",
          0, 100000000, DEFAULT_SOCKET_RECEIVE_BUFFER_BYTES, flags));
  /**
   * GstKafkaSrc:connect-timeout:
   *
   * The time that a live source waits for the first contact with a broker (ns), after which
   * RESOURCE/OPEN_READ is posted. If the time is longer than 10 s, a warning RESOURCE/OPEN_READ
   * after 10 s says that the element waits. A wrong password is an error after 10 s in any case. A
   * replay always waits for 10 s. If a broker is lost later, the element waits for ever.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CONNECT_TIMEOUT,
      g_param_spec_uint64 ("connect-timeout", "Connect timeout",
          "How long the first contact with a broker may take (ns) before it is an error; the "
          "maximum: for ever",
          0, G_MAXUINT64, DEFAULT_CONNECT_TIMEOUT, flags));
  /**
   * GstKafkaSrc:caps:
   *
   * The caps of messages without the header `gst-caps`. If the property is unset, typefind examines
   * each message without this header. A message that typefind doesn't recognise gets the caps of
   * the stream of bytes that was found before it (anything but pictures and texts), else
   * `application/octet-stream`. If downstream accepts any caps, or is no element for media (as
   * mongosink, which takes documents), the caps stay as they are. If typefind doesn't recognise the
   * first message, all messages that it doesn't recognise are pushed without caps, unless
   * downstream takes only media.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CAPS,
      g_param_spec_boxed ("caps", "Caps",
          "Caps of messages without the header gst-caps; unset: found by typefind", GST_TYPE_CAPS,
          flags));
  /**
   * GstKafkaSrc:on-error:
   *
   * The action for a message whose caps are invalid or not accepted downstream (STREAM/FORMAT), and
   * for a damaged batch (a wrong CRC, or data that can't be decompressed). The default skips the
   * message with a warning that names the offsets, because one message must not stop a stream.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error",
          "What to do about a message that can't be read or used", GST_TYPE_KAFKA_SRC_ON_ERROR,
          DEFAULT_ON_ERROR, flags));
}

void
gst_kafka_src_settings_install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  install_group_properties (klass, flags);
  install_range_properties (klass, flags);
  install_flow_properties (klass, flags);
  gst_type_mark_as_plugin_api (GST_TYPE_KAFKA_SRC_OFFSET_RESET, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_KAFKA_SRC_ON_ERROR, 0);
}

/* Parses a time in a URI: a date, or a number of ns since the Unix epoch. */
static gboolean
parse_time (const gchar *text, guint64 *time, GError **error)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (text, utc);

  if (!date && g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, time, NULL))
    return TRUE;
  if (date && g_date_time_to_unix (date) >= 0) {
    *time = (guint64) g_date_time_to_unix (date) * GST_SECOND +
            (guint64) g_date_time_get_microsecond (date) * GST_USECOND;
    return TRUE;
  }
  g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
      "\"%s\" in a kafka:// URI isn't a time, as in 2026-11-25T00:44:00Z, nor \"earliest\"", text);
  return FALSE;
}

gboolean
gst_kafka_src_settings_take_uri_times (GObject *object, GHashTable *query, GError **error)
{
  g_autofree gchar *start = g_strdup (g_hash_table_lookup (query, "start"));
  g_autofree gchar *end = g_strdup (g_hash_table_lookup (query, "end"));
  guint64 from = GST_CLOCK_TIME_NONE, to = GST_CLOCK_TIME_NONE;

  if (!start && !end)
    return TRUE;
  g_hash_table_remove (query, "start");
  g_hash_table_remove (query, "end");
  if (start && !g_str_equal (start, "earliest") && !parse_time (start, &from, error))
    return FALSE;
  if (end && !parse_time (end, &to, error))
    return FALSE;
  g_object_set (object, "replay", TRUE, "start-time", from, "end-time", to, NULL);
  return TRUE;
}
