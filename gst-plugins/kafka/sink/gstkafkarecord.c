/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkarecord.h"
#include "gstkafkafill.h"
#include "client/gstkafkaformat.h"

#include <string.h>

/* Just under the brokers' default for message.timestamp.after.max.ms, an hour. */
#define FUTURE_MS (59 * 60 * 1000)

void
gst_kafka_record_template_init (GstKafkaRecordTemplate *self, const gchar *camera,
    const gchar *topic, const gchar *key, gint partition)
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

void
gst_kafka_record_template_set_caps (GstKafkaRecordTemplate *self, GstCaps *caps)
{
  g_autofree gchar *text = gst_caps_to_string (caps);

  g_clear_pointer (&self->caps, gst_kafka_header_unref);
  self->caps = gst_kafka_header_new (GST_KAFKA_HEADER_CAPS, text, -1);
}

void
gst_kafka_record_template_clear (GstKafkaRecordTemplate *self)
{
  g_clear_pointer (&self->caps, gst_kafka_header_unref);
  g_clear_pointer (&self->camera, gst_kafka_header_unref);
  g_clear_pointer (&self->session, gst_kafka_header_unref);
  g_clear_pointer (&self->topic, g_free);
  g_clear_pointer (&self->key, g_free);
}

/* (nullable): the text of a header that the message will have */
static const gchar *
look_up (gconstpointer data, const gchar *name)
{
  const GstKafkaRecord *record = data;
  const gchar *text = gst_kafka_meta_get_header (record->buffer, name);

  if (!text && record->camera && g_str_equal (name, GST_KAFKA_HEADER_CAMERA))
    text = record->camera->value;
  return text;
}

/* (transfer full) (nullable): the meta's `target-key`, else the filled template, else the key of
 * the message that the buffer was made from. A template whose header is missing makes no key. */
static GBytes *
choose_key (const GstKafkaRecordTemplate *self, const GstKafkaRecord *record)
{
  const GstStructure *s = gst_kafka_meta_peek (record->buffer);
  g_autofree gchar *missing = NULL;
  gchar *text;
  GBytes *key = NULL;

  if (s && gst_structure_get (s, "target-key", G_TYPE_BYTES, &key, NULL))
    return key;
  if (self->key) {
    text = gst_kafka_fill (self->key, look_up, record, &missing);
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
  record->topic = gst_kafka_fill (self->topic, look_up, record, &missing);
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
  /* The property `key` asks for order within a partition. So it overrules the meta's partition,
   * with which feedbackrate spreads a camera's frames. */
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

/* Adds the headers that the buffer lacks. */
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

/* Brokers refuse a batch because of one timestamp that is too far ahead, and later batches would
 * overtake it. */
static gint64
choose_timestamp (GstClockTime captured)
{
  gint64 ms = GST_CLOCK_TIME_IS_VALID (captured) ? captured / GST_MSECOND : 0;

  return ms > g_get_real_time () / G_TIME_SPAN_MILLISECOND + FUTURE_MS ? 0 : ms;
}

GstKafkaRecord *
gst_kafka_record_new (
    GstKafkaRecordTemplate *self, GstBuffer *buffer, GstClockTime captured, GError **error)
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
  set_partition (record, self);
  if (set_topic (record, self, error))
    return record;
  gst_kafka_record_free (record, GST_KAFKA_ACK_UNDECIDED);
  return NULL;
}

void
gst_kafka_record_free (GstKafkaRecord *record, GstKafkaAckOutcome outcome)
{
  gst_kafka_meta_mark (record->buffer, outcome);
  gst_buffer_unmap (record->buffer, &record->map);
  gst_buffer_unref (record->buffer);
  g_clear_pointer (&record->caps, gst_kafka_header_unref);
  g_clear_pointer (&record->camera, gst_kafka_header_unref);
  g_clear_pointer (&record->session, gst_kafka_header_unref);
  g_clear_pointer (&record->key, g_bytes_unref);
  g_free (record->topic);
  g_free (record);
}

static const gchar *
text_of (const GstKafkaRecord *record, const GstKafkaHeader *own, const gchar *name)
{
  const gchar *text = own ? own->value : gst_kafka_meta_get_header (record->buffer, name);

  return text ? text : "";
}

gchar *
gst_kafka_record_make_frame_id (const GstKafkaRecord *record)
{
  const gchar *camera = text_of (record, record->camera, GST_KAFKA_HEADER_CAMERA);
  const gchar *session = text_of (record, record->session, GST_KAFKA_HEADER_SESSION);

  if (record->session)
    return g_strdup_printf ("%s:%s:%" G_GUINT64_FORMAT, camera, session, record->seq);
  return g_strdup_printf (
      "%s:%s:%s", camera, session, text_of (record, NULL, GST_KAFKA_HEADER_SEQ));
}

static void
add_header (rd_kafka_headers_t *list, const GstKafkaHeader *header)
{
  if (header)
    rd_kafka_header_add (list, header->name, -1, header->value, header->size);
}

/* Without printf(), which would take most of the time that a header costs. */
static void
add_number (rd_kafka_headers_t *list, const gchar *name, guint64 number)
{
  gchar text[20];
  gchar *first = text + sizeof text;

  do
    *--first = '0' + number % 10;
  while (number /= 10);
  rd_kafka_header_add (list, name, -1, first, text + sizeof text - first);
}

/* Adds the buffer's own headers, except `gst-*`, which describe the buffer that the original
 * message was made from, and except session and seq if the record gets new numbers. */
static void
add_found (rd_kafka_headers_t *list, GPtrArray *found, gboolean renumbered)
{
  for (guint i = 0; found && i < found->len; i++) {
    GstKafkaHeader *header = g_ptr_array_index (found, i);

    if (g_str_has_prefix (header->name, "gst-"))
      continue;
    if (renumbered && (g_str_equal (header->name, GST_KAFKA_HEADER_SEQ) ||
                          g_str_equal (header->name, GST_KAFKA_HEADER_SESSION)))
      continue;
    add_header (list, header);
  }
}

static void
add_buffer_headers (rd_kafka_headers_t *list, GstBuffer *buffer)
{
  g_autofree gchar *flags = gst_kafka_flags_to_text (GST_BUFFER_FLAGS (buffer));

  if (GST_BUFFER_PTS_IS_VALID (buffer))
    add_number (list, GST_KAFKA_HEADER_PTS, GST_BUFFER_PTS (buffer));
  if (GST_BUFFER_DTS_IS_VALID (buffer) && GST_BUFFER_DTS (buffer) != GST_BUFFER_PTS (buffer))
    add_number (list, GST_KAFKA_HEADER_DTS, GST_BUFFER_DTS (buffer));
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    add_number (list, GST_KAFKA_HEADER_DURATION, GST_BUFFER_DURATION (buffer));
  if (flags)
    rd_kafka_header_add (list, GST_KAFKA_HEADER_FLAGS, -1, flags, -1);
}

static rd_kafka_headers_t *
client_headers (const GstKafkaRecord *record)
{
  GPtrArray *found = gst_kafka_meta_get_headers (record->buffer);
  rd_kafka_headers_t *list = rd_kafka_headers_new ((found ? found->len : 0) + 8);

  add_found (list, found, record->session != NULL);
  add_header (list, record->camera);
  if (record->session) {
    add_header (list, record->session);
    add_number (list, GST_KAFKA_HEADER_SEQ, record->seq);
  }
  if (GST_CLOCK_TIME_IS_VALID (record->captured))
    add_number (list, GST_KAFKA_HEADER_CAPTURE_TIME, record->captured);
  add_header (list, record->caps);
  add_buffer_headers (list, record->buffer);
  return list;
}

static gpointer
value_of (const GstKafkaRecord *record)
{
  if (record->tombstone)
    return NULL;
  return record->map.size ? record->map.data : (gpointer) "";
}

rd_kafka_resp_err_t
gst_kafka_record_produce (GstKafkaRecord *record, rd_kafka_t *rk, const gchar *topic)
{
  rd_kafka_headers_t *headers = client_headers (record);
  gsize key_size = 0;
  gconstpointer key = record->key ? g_bytes_get_data (record->key, &key_size) : NULL;
  /* Headers as one list, because librdkafka before 2.12 frees single headers twice on failure. */
  const rd_kafka_vu_t values[] = {
      {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic ? record->topic : topic},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
      /* NULL is a tombstone or no key; an empty value or key needs a pointer. */
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value_of (record), record->map.size}},
      {.vtype = RD_KAFKA_VTYPE_KEY,
          .u.mem = {(gpointer) (key || !record->key ? key : ""), key_size}},
      {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp},
      {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
      {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
  };
  rd_kafka_error_t *error = rd_kafka_produceva (rk, values, G_N_ELEMENTS (values));
  rd_kafka_resp_err_t err = rd_kafka_error_code (error);

  if (error) {
    rd_kafka_headers_destroy (headers);
    rd_kafka_error_destroy (error);
  } else {
    record->sent = g_get_monotonic_time ();
  }
  return err;
}
