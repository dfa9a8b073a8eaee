/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkamessage.h"
#include "client/gstkafkaformat.h"
#include "gstkafkameta.h"

#include <string.h>

/* Usual messages have no more, so that their headers need no memory of their own here. */
#define USUAL_HEADERS 32
/* The longest duration of a message, because a stranger's header may hold any value. */
#define MAX_DURATION (3600 * GST_SECOND)
/* A capture time that is further ahead of Kafka's timestamp is wrong, because a message is sent
 * after its capture. A replay would wait for such a time for ever. */
#define MOST_AHEAD (3600 * GST_SECOND)
/* The year 2000. A clock that was never set starts in 1970, and the recording would seem to last
 * for decades. */
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

gboolean
gst_kafka_message_is_of_camera (const rd_kafka_message_t *message, const gchar *camera)
{
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;

  if (!camera)
    return TRUE;
  return !rd_kafka_message_headers (message, &headers) &&
         !rd_kafka_header_get_last (headers, GST_KAFKA_HEADER_CAMERA, &value, &size) && value &&
         size == strlen (camera) && memcmp (value, camera, size) == 0;
}

/* Returns: (nullable): the header's text; librdkafka adds a NUL after the value */
static const gchar *
find_text (const rd_kafka_message_t *message, const gchar *name)
{
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;

  if (rd_kafka_message_headers (message, &headers) ||
      rd_kafka_header_get_last (headers, name, &value, &size))
    return NULL;
  return value;
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

static GPtrArray *
copy_headers (const rd_kafka_message_t *message)
{
  GstKafkaHeader usual[USUAL_HEADERS], *found = usual;
  g_autofree GstKafkaHeader *many = NULL;
  rd_kafka_headers_t *from;
  gsize count;
  guint n = 0;

  if (rd_kafka_message_headers (message, &from))
    return NULL;
  count = rd_kafka_header_cnt (from);
  if (count > USUAL_HEADERS)
    found = many = g_new (GstKafkaHeader, count);
  for (gsize i = 0; i < count; i++) {
    const void *value;

    if (rd_kafka_header_get_all (from, i, &found[n].name, &value, &found[n].size))
      break;
    found[n].value = value;
    n += g_utf8_validate (found[n].name, -1, NULL);
  }
  return n ? gst_kafka_headers_new_copies (found, n) : NULL;
}

static void
decide (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome)
{
  gst_kafka_ledger_decide (ledger, offset, outcome, g_get_monotonic_time ());
}

/* Uses quarks, because field names as text would take a lock and a hash look-up for each buffer. */
enum { TOPIC, PARTITION, OFFSET, LAG, TIMESTAMP, KEY, ACK, N_FIELDS };

static const GQuark *
field_names (void)
{
  static const gchar *const names[N_FIELDS] = {
      "topic", "partition", "offset", "lag", "timestamp", "key", "ack"};
  static GQuark quarks[N_FIELDS];
  static gsize known;

  if (g_once_init_enter (&known)) {
    for (guint i = 0; i < N_FIELDS; i++)
      quarks[i] = g_quark_from_static_string (names[i]);
    g_once_init_leave (&known, 1);
  }
  return quarks;
}

static void
set_int64 (GstStructure *s, GQuark field, gint64 number)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT64);
  g_value_set_int64 (&value, number);
  gst_structure_id_take_value (s, field, &value);
}

static void
set_place (GstStructure *s, const rd_kafka_message_t *message, const GQuark *fields)
{
  GValue topic = G_VALUE_INIT, partition = G_VALUE_INIT;

  g_value_init (&topic, G_TYPE_STRING);
  g_value_set_string (&topic, rd_kafka_topic_name (message->rkt));
  gst_structure_id_take_value (s, fields[TOPIC], &topic);
  g_value_init (&partition, G_TYPE_INT);
  g_value_set_int (&partition, message->partition);
  gst_structure_id_take_value (s, fields[PARTITION], &partition);
  set_int64 (s, fields[OFFSET], message->offset);
}

static void
set_key (GstStructure *s, const rd_kafka_message_t *message, GQuark field)
{
  GValue key = G_VALUE_INIT;

  g_value_init (&key, G_TYPE_BYTES);
  g_value_take_boxed (&key, g_bytes_new (message->key, message->key_len));
  gst_structure_id_take_value (s, field, &key);
}

/* A replay has no ledger, so its messages need no token. */
static void
add_ack (GstStructure *s, gint64 offset, GstKafkaFetched *fetched, GQuark field)
{
  GValue ack = G_VALUE_INIT;

  if (!fetched->ledger)
    return;
  g_value_init (&ack, G_TYPE_OBJECT);
  g_value_take_object (&ack, gst_kafka_ack_new (g_steal_pointer (&fetched->ledger), offset, decide,
                                 (GDestroyNotify) gst_kafka_ledger_unref));
  gst_structure_id_take_value (s, field, &ack);
}

static void
add_meta (GstBuffer *buffer, const rd_kafka_message_t *message, GstKafkaFetched *fetched)
{
  const GQuark *fields = field_names ();
  GstStructure *s = gst_kafka_meta_ensure (buffer);
  rd_kafka_timestamp_type_t type;
  gint64 timestamp = rd_kafka_message_timestamp (message, &type);
  GPtrArray *headers = copy_headers (message);

  set_place (s, message, fields);
  set_int64 (s, fields[LAG], fetched->behind);
  add_ack (s, message->offset, fetched, fields[ACK]);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
    set_int64 (s, fields[TIMESTAMP], timestamp);
  if (message->key)
    set_key (s, message, fields[KEY]);
  if (!message->payload)
    gst_structure_set (s, "tombstone", G_TYPE_BOOLEAN, TRUE, NULL);
  if (headers)
    gst_kafka_meta_take_headers (buffer, headers);
}

static void
restore_flags_and_duration (GstBuffer *buffer)
{
  const gchar *flags = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_FLAGS);
  guint64 duration;

  if (flags)
    GST_BUFFER_FLAG_SET (buffer, gst_kafka_flags_from_text (flags));
  if (gst_kafka_meta_get_header_uint64 (buffer, GST_KAFKA_HEADER_DURATION, &duration))
    GST_BUFFER_DURATION (buffer) = duration;
}

GstBuffer *
gst_kafka_message_to_buffer (GstKafkaFetched *fetched)
{
  rd_kafka_message_t *message = g_steal_pointer (&fetched->message);
  GstBuffer *buffer = gst_buffer_new ();

  add_meta (buffer, message, fetched);
  restore_flags_and_duration (buffer);
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
gst_kafka_message_get_capture_time (const rd_kafka_message_t *message)
{
  const gchar *text = find_text (message, GST_KAFKA_HEADER_CAPTURE_TIME);
  rd_kafka_timestamp_type_t type;
  gint64 timestamp = rd_kafka_message_timestamp (message, &type);
  guint64 time;

  if (text && g_ascii_string_to_unsigned (text, 10, EARLIEST, G_MAXINT64, &time, NULL) &&
      (timestamp <= 0 || time / GST_MSECOND <= (guint64) timestamp + MOST_AHEAD / GST_MSECOND))
    return time;
  return timestamp > 0 && timestamp < G_MAXINT64 / (gint64) GST_MSECOND
             ? (GstClockTime) timestamp * GST_MSECOND
             : GST_CLOCK_TIME_NONE;
}
