/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkamessage.h"
#include "client/gstkafkaformat.h"

#include <string.h>

/* The longest duration (ns) that a message may have, because a stranger's header may hold any
 * value. */
#define MAX_DURATION (3600 * GST_SECOND)
/* The longest time (ns) by which a capture time may be ahead of Kafka's timestamp. A capture time
 * further ahead is wrong, because a message is sent after its capture, and a replay would wait for
 * that time for ever. */
#define MOST_AHEAD (3600 * GST_SECOND)
/* The earliest plausible capture time: the year 2000. A clock that was never set starts in 1970,
 * and with such a time a recording would seem to last for decades. */
#define EARLIEST (G_GUINT64_CONSTANT (946684800) * GST_SECOND)

typedef struct {
  rd_kafka_message_t *message;
  GstKafkaHandle *handle;
} Wrapped;

static void
wrapped_free (gpointer data)
{
  Wrapped *self = data;

  rd_kafka_message_destroy (self->message);
  gst_kafka_handle_unref (self->handle);
  g_free (self);
}

/* Returns FALSE if the message has no header named @name. */
static gboolean
find_header (const rd_kafka_message_t *message, const gchar *name, GstKafkaHeader *header)
{
  rd_kafka_headers_t *headers;
  const void *value;

  if (rd_kafka_message_headers (message, &headers) ||
      rd_kafka_header_get_last (headers, name, &value, &header->size))
    return FALSE;
  header->value = value;
  return TRUE;
}

gboolean
gst_kafka_message_header_is (const GstKafkaHeader *header, const gchar *text)
{
  return header && header->value && header->size == strlen (text) &&
         memcmp (header->value, text, header->size) == 0;
}

gboolean
gst_kafka_message_is_of_camera (const rd_kafka_message_t *message, const gchar *camera)
{
  GstKafkaHeader header;

  return !camera || (find_header (message, GST_KAFKA_HEADER_CAMERA, &header) &&
                        gst_kafka_message_header_is (&header, camera));
}

/* Returns: (nullable): the header's text; librdkafka adds a NUL after the value */
static const gchar *
find_text (const rd_kafka_message_t *message, const gchar *name)
{
  GstKafkaHeader header;

  return find_header (message, name, &header) ? header.value : NULL;
}

static gboolean
has_flag (const rd_kafka_message_t *message, GstBufferFlags flag)
{
  const gchar *flags = find_text (message, GST_KAFKA_HEADER_FLAGS);

  return flags && gst_kafka_flags_from_text (flags) & flag;
}

gboolean
gst_kafka_message_is_delta_unit (const rd_kafka_message_t *message)
{
  return has_flag (message, GST_BUFFER_FLAG_DELTA_UNIT);
}

gboolean
gst_kafka_message_is_header (const rd_kafka_message_t *message)
{
  return has_flag (message, GST_BUFFER_FLAG_HEADER) && !find_text (message, GST_KAFKA_HEADER_PTS);
}

gboolean
gst_kafka_message_get_seq (const rd_kafka_message_t *message, guint64 *seq)
{
  const gchar *text = find_text (message, GST_KAFKA_HEADER_SEQ);

  return text && g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, seq, NULL);
}

GstClockTime
gst_kafka_message_get_duration (const rd_kafka_message_t *message)
{
  const gchar *text = find_text (message, GST_KAFKA_HEADER_DURATION);
  guint64 duration;

  return text && g_ascii_string_to_unsigned (text, 10, 0, MAX_DURATION, &duration, NULL) ? duration
                                                                                         : 0;
}

gboolean
gst_kafka_message_is_of_session (const rd_kafka_message_t *a, const rd_kafka_message_t *b)
{
  const gchar *session = find_text (a, GST_KAFKA_HEADER_SESSION);

  return session && g_strcmp0 (session, find_text (b, GST_KAFKA_HEADER_SESSION)) == 0 &&
         g_strcmp0 (
             find_text (a, GST_KAFKA_HEADER_CAMERA), find_text (b, GST_KAFKA_HEADER_CAMERA)) == 0;
}

static GstMemory *
wrap (rd_kafka_message_t *message, GstKafkaHandle *handle)
{
  Wrapped *wrapped = g_new (Wrapped, 1);

  wrapped->message = message;
  wrapped->handle = handle;
  return gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, message->payload, message->len, 0,
      message->len, wrapped, wrapped_free);
}

#define NAME(text)                                                                                 \
  {                                                                                                \
    text, sizeof text - 1                                                                          \
  }

/* The names of the headers that kafkasink writes, in its order. These names need no check for
 * UTF-8. */
static const struct {
  const gchar *name;
  gsize size;
} names[] = {
    [GST_KAFKA_USED_CAMERA] = NAME (GST_KAFKA_HEADER_CAMERA),
    [GST_KAFKA_USED_SESSION] = NAME (GST_KAFKA_HEADER_SESSION),
    [GST_KAFKA_USED_SEQ] = NAME (GST_KAFKA_HEADER_SEQ),
    [GST_KAFKA_USED_CAPTURE_TIME] = NAME (GST_KAFKA_HEADER_CAPTURE_TIME),
    [GST_KAFKA_USED_CAPS] = NAME (GST_KAFKA_HEADER_CAPS),
    [GST_KAFKA_USED_PTS] = NAME (GST_KAFKA_HEADER_PTS),
    [GST_KAFKA_USED_DURATION] = NAME (GST_KAFKA_HEADER_DURATION),
    [GST_KAFKA_USED_FLAGS] = NAME (GST_KAFKA_HEADER_FLAGS),
};
G_STATIC_ASSERT (G_N_ELEMENTS (names) == GST_KAFKA_N_USED);

/* Returns the index of @name in `names`, or GST_KAFKA_N_USED. @next: the index to look at first */
static guint
find_name (const gchar *name, guint next)
{
  gsize size = strlen (name);

  for (guint i = 0; i < GST_KAFKA_N_USED; i++) {
    guint at = (next + i) % GST_KAFKA_N_USED;

    if (names[at].size == size && memcmp (names[at].name, name, size) == 0)
      return at;
  }
  return GST_KAFKA_N_USED;
}

void
gst_kafka_message_read_headers (const rd_kafka_message_t *message, GstKafkaMessageHeaders *headers)
{
  rd_kafka_headers_t *from;
  const gchar *name;
  const void *value;
  gsize count, size;
  guint next = 0;

  headers->n = 0;
  headers->all = headers->usual;
  memset (headers->used, 0, sizeof headers->used);
  if (rd_kafka_message_headers (message, &from))
    return;
  count = rd_kafka_header_cnt (from);
  if (count > G_N_ELEMENTS (headers->usual))
    headers->all = g_new (GstKafkaHeader, count);
  for (gsize i = 0; i < count && !rd_kafka_header_get_all (from, i, &name, &value, &size); i++) {
    guint at = find_name (name, next);

    if (at == GST_KAFKA_N_USED && !g_utf8_validate (name, -1, NULL))
      continue;
    headers->all[headers->n] =
        (GstKafkaHeader){.name = name, .value = value, .size = value ? size : 0};
    if (at < GST_KAFKA_N_USED)
      headers->used[at] = &headers->all[headers->n];
    headers->n++;
    next = at + 1;
  }
}

void
gst_kafka_message_headers_clear (GstKafkaMessageHeaders *self)
{
  if (self->all != self->usual)
    g_free (self->all);
}

/* The buffer outlives the message's bytes, so the buffer takes over the headers. */
static void
take_headers (GstBuffer *buffer, rd_kafka_message_t *message, const GstKafkaMessageHeaders *headers)
{
  rd_kafka_headers_t *owner;

  if (headers->n == 0 || rd_kafka_message_detach_headers (message, &owner))
    return;
  gst_kafka_meta_take_headers (buffer, gst_kafka_headers_new_owned (headers->all, headers->n, owner,
                                           (GDestroyNotify) rd_kafka_headers_destroy));
}

static void
decide (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome)
{
  gst_kafka_ledger_decide (ledger, offset, outcome, g_get_monotonic_time ());
}

/* Returns: (transfer none): the field's value, which has the type @type and may still be the value
 * of an earlier message */
static GValue *
get_field (GstStructure *s, GstKafkaField field, GType type)
{
  GQuark name = gst_kafka_meta_get_fields ()[field];
  const GValue *found = gst_structure_id_get_value (s, name);
  GValue value = G_VALUE_INIT;

  if (!found || G_VALUE_TYPE (found) != type) {
    g_value_init (&value, type);
    gst_structure_id_take_value (s, name, &value);
    found = gst_structure_id_get_value (s, name);
  }
  return (GValue *) found;
}

static void
set_int64 (GstStructure *s, GstKafkaField field, gint64 number)
{
  g_value_set_int64 (get_field (s, field, G_TYPE_INT64), number);
}

static void
set_place (GstStructure *s, const rd_kafka_message_t *message)
{
  GValue *topic = get_field (s, GST_KAFKA_FIELD_TOPIC, G_TYPE_STRING);
  const gchar *name = rd_kafka_topic_name (message->rkt);

  if (g_strcmp0 (g_value_get_string (topic), name) != 0)
    g_value_set_string (topic, name);
  g_value_set_int (get_field (s, GST_KAFKA_FIELD_PARTITION, G_TYPE_INT), message->partition);
  set_int64 (s, GST_KAFKA_FIELD_OFFSET, message->offset);
}

static void
set_key (GstStructure *s, const rd_kafka_message_t *message)
{
  g_value_take_boxed (get_field (s, GST_KAFKA_FIELD_KEY, G_TYPE_BYTES),
      g_bytes_new (message->key, message->key_len));
}

/* Adds an ack token to @buffer, except in a replay, which has no ledger. */
static void
add_ack (GstBuffer *buffer, gint64 offset, GstKafkaFetched *fetched)
{
  if (fetched->ledger)
    gst_kafka_meta_take_ack (buffer, gst_kafka_ack_new (g_steal_pointer (&fetched->ledger), offset,
                                         decide, (GDestroyNotify) gst_kafka_ledger_unref));
}

static void
add_meta (GstBuffer *buffer, const rd_kafka_message_t *message, GstKafkaFetched *fetched)
{
  GstStructure *s = gst_kafka_meta_ensure (buffer);
  rd_kafka_timestamp_type_t type;
  gint64 timestamp = rd_kafka_message_timestamp (message, &type);

  set_place (s, message);
  set_int64 (s, GST_KAFKA_FIELD_LAG, fetched->behind);
  add_ack (buffer, message->offset, fetched);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
    set_int64 (s, GST_KAFKA_FIELD_TIMESTAMP, timestamp);
  else
    gst_structure_remove_field (s, "timestamp");
  if (message->key)
    set_key (s, message);
  if (!message->payload)
    gst_structure_set (s, "tombstone", G_TYPE_BOOLEAN, TRUE, NULL);
}

static void
restore_flags_and_duration (GstBuffer *buffer, const GstKafkaMessageHeaders *headers)
{
  const GstKafkaHeader *flags = headers->used[GST_KAFKA_USED_FLAGS];
  guint64 duration;

  if (flags && flags->value && g_utf8_validate_len (flags->value, flags->size, NULL))
    GST_BUFFER_FLAG_SET (buffer, gst_kafka_flags_from_text (flags->value));
  if (gst_kafka_header_to_uint64 (headers->used[GST_KAFKA_USED_DURATION], &duration))
    GST_BUFFER_DURATION (buffer) = duration;
}

GstBuffer *
gst_kafka_message_to_buffer (
    GstKafkaFetched *fetched, GstKafkaBuffers *buffers, const GstKafkaMessageHeaders *headers)
{
  rd_kafka_message_t *message = g_steal_pointer (&fetched->message);
  GstBuffer *buffer = gst_kafka_buffers_take (buffers);

  add_meta (buffer, message, fetched);
  restore_flags_and_duration (buffer, headers);
  take_headers (buffer, message, headers);
  if (message->len == 0) {
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_GAP);
    rd_kafka_message_destroy (message);
    gst_kafka_fetched_clear (fetched);
  } else {
    gst_buffer_append_memory (buffer, wrap (message, g_steal_pointer (&fetched->handle)));
  }
  return buffer;
}

gboolean
gst_kafka_message_get_reorder (const rd_kafka_message_t *message, GstClockTimeDiff *before)
{
  const gchar *pts_text = find_text (message, GST_KAFKA_HEADER_PTS);
  const gchar *dts_text = find_text (message, GST_KAFKA_HEADER_DTS);
  guint64 pts, dts;

  *before = 0;
  if (!pts_text || !g_ascii_string_to_unsigned (pts_text, 10, 0, G_MAXINT64, &pts, NULL) ||
      !dts_text || !g_ascii_string_to_unsigned (dts_text, 10, 0, G_MAXINT64, &dts, NULL) ||
      ABS (GST_CLOCK_DIFF (dts, pts)) > (GstClockTimeDiff) MAX_DURATION)
    return FALSE;
  *before = GST_CLOCK_DIFF (dts, pts);
  return TRUE;
}

GstClockTime
gst_kafka_message_parse_capture_time (
    const rd_kafka_message_t *message, const GstKafkaHeader *header)
{
  rd_kafka_timestamp_type_t type;
  gint64 timestamp = rd_kafka_message_timestamp (message, &type);
  guint64 time;

  if (gst_kafka_header_to_uint64 (header, &time) && time >= EARLIEST && time <= G_MAXINT64 &&
      (timestamp <= 0 || time / GST_MSECOND <= (guint64) timestamp + MOST_AHEAD / GST_MSECOND))
    return time;
  return timestamp > 0 && timestamp < G_MAXINT64 / (gint64) GST_MSECOND
             ? (GstClockTime) timestamp * GST_MSECOND
             : GST_CLOCK_TIME_NONE;
}

GstClockTime
gst_kafka_message_get_capture_time (const rd_kafka_message_t *message)
{
  GstKafkaHeader header;

  return gst_kafka_message_parse_capture_time (
      message, find_header (message, GST_KAFKA_HEADER_CAPTURE_TIME, &header) ? &header : NULL);
}
