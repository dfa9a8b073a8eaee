/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkarecord.h"
#include "gstkafkaformat.h"

#include <string.h>

void
gst_kafka_record_template_init (
    GstKafkaRecordTemplate *self, const gchar *camera, const gchar *key, gint partition)
{
  g_autofree gchar *session = g_strdup_printf ("%08x", g_random_int ());

  memset (self, 0, sizeof *self);
  self->session = gst_kafka_header_new (GST_KAFKA_HEADER_SESSION, session, -1);
  if (camera)
    self->camera = gst_kafka_header_new (GST_KAFKA_HEADER_CAMERA, camera, -1);
  if (key)
    self->key = g_bytes_new (key, strlen (key));
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
  g_clear_pointer (&self->key, g_bytes_unref);
}

static void
add_text (GPtrArray *headers, const gchar *name, const gchar *text)
{
  if (text)
    g_ptr_array_add (headers, gst_kafka_header_new (name, text, -1));
}

static void
add_number (GPtrArray *headers, const gchar *name, guint64 number)
{
  gchar text[24];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, number);
  add_text (headers, name, text);
}

static void
add_shared (GPtrArray *headers, GstKafkaHeader *header)
{
  if (header)
    g_ptr_array_add (headers, gst_kafka_header_ref (header));
}

/* The headers found on the buffer, but for those that describe another one, or that are numbered anew. */
static void
add_found (GPtrArray *headers, GstBuffer *buffer, gboolean numbered)
{
  GPtrArray *found = gst_kafka_meta_get_headers (buffer);

  for (guint i = 0; found && i < found->len; i++) {
    GstKafkaHeader *header = g_ptr_array_index (found, i);

    if (g_str_has_prefix (header->name, "gst-"))
      continue;
    if (!numbered && (g_str_equal (header->name, GST_KAFKA_HEADER_SEQ) ||
                         g_str_equal (header->name, GST_KAFKA_HEADER_SESSION)))
      continue;
    add_shared (headers, header);
  }
}

static void
add_buffer_headers (GPtrArray *headers, GstKafkaRecordTemplate *self, GstBuffer *buffer)
{
  g_autofree gchar *flags = gst_kafka_flags_to_text (GST_BUFFER_FLAGS (buffer));

  add_shared (headers, self->caps);
  if (GST_BUFFER_PTS_IS_VALID (buffer))
    add_number (headers, GST_KAFKA_HEADER_PTS, GST_BUFFER_PTS (buffer));
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    add_number (headers, GST_KAFKA_HEADER_DURATION, GST_BUFFER_DURATION (buffer));
  add_text (headers, GST_KAFKA_HEADER_FLAGS, flags);
}

static GPtrArray *
build_headers (GstKafkaRecordTemplate *self, GstBuffer *buffer, GstClockTime captured)
{
  GPtrArray *headers = gst_kafka_headers_new (12);
  gboolean numbered = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_SEQ) &&
                      gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_SESSION);

  add_found (headers, buffer, numbered);
  if (!gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAMERA))
    add_shared (headers, self->camera);
  if (!numbered) {
    add_shared (headers, self->session);
    add_number (headers, GST_KAFKA_HEADER_SEQ, self->seq++);
  }
  if (GST_CLOCK_TIME_IS_VALID (captured) &&
      !gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAPTURE_TIME))
    add_number (headers, GST_KAFKA_HEADER_CAPTURE_TIME, captured);
  add_buffer_headers (headers, self, buffer);
  return headers;
}

static void
set_target (GstKafkaRecord *record, GstKafkaRecordTemplate *self)
{
  const GstStructure *s = gst_kafka_meta_peek (record->buffer);
  const gchar *topic = s ? gst_structure_get_string (s, "target-topic") : NULL;
  GBytes *key = NULL;

  record->topic = g_strdup (topic);
  record->partition = self->partition;
  if (s && gst_structure_get (s, "target-key", G_TYPE_BYTES, &key, NULL))
    record->key = key;
  else if (self->key)
    record->key = g_bytes_ref (self->key);
  /* Who sets the property `key` wants order in a partition, which who spreads a camera's frames can't know. */
  if (s && (key || !self->key))
    gst_structure_get_int (s, "target-partition", &record->partition);
  if (record->partition < 0)
    record->partition = RD_KAFKA_PARTITION_UA;
}

GstKafkaRecord *
gst_kafka_record_new (GstKafkaRecordTemplate *self, GstBuffer *buffer, GstClockTime captured)
{
  GstKafkaRecord *record = g_new0 (GstKafkaRecord, 1);

  if (!gst_buffer_map (buffer, &record->map, GST_MAP_READ)) {
    g_free (record);
    return NULL;
  }
  record->link.data = record;
  record->buffer = gst_buffer_ref (buffer);
  record->queued = g_get_monotonic_time ();
  record->timestamp = GST_CLOCK_TIME_IS_VALID (captured) ? captured / GST_MSECOND : 0;
  record->headers = build_headers (self, buffer, captured);
  set_target (record, self);
  return record;
}

void
gst_kafka_record_free (GstKafkaRecord *record, GstKafkaAckOutcome outcome)
{
  gst_kafka_meta_mark (record->buffer, outcome);
  gst_buffer_unmap (record->buffer, &record->map);
  gst_buffer_unref (record->buffer);
  g_ptr_array_unref (record->headers);
  g_clear_pointer (&record->key, g_bytes_unref);
  g_free (record->topic);
  g_free (record);
}

const gchar *
gst_kafka_record_get_header (const GstKafkaRecord *record, const gchar *name)
{
  for (guint i = record->headers->len; i > 0; i--) {
    const GstKafkaHeader *header = g_ptr_array_index (record->headers, i - 1);

    if (g_str_equal (header->name, name) && header->value)
      return header->value;
  }
  return "";
}

static rd_kafka_headers_t *
client_headers (GPtrArray *headers)
{
  rd_kafka_headers_t *list = rd_kafka_headers_new (headers->len);

  for (guint i = 0; i < headers->len; i++) {
    const GstKafkaHeader *header = g_ptr_array_index (headers, i);

    rd_kafka_header_add (list, header->name, -1, header->value, header->size);
  }
  return list;
}

rd_kafka_resp_err_t
gst_kafka_record_produce (GstKafkaRecord *record, rd_kafka_t *rk, const gchar *topic)
{
  rd_kafka_headers_t *headers = client_headers (record->headers);
  gsize key_size = 0;
  gconstpointer key = record->key ? g_bytes_get_data (record->key, &key_size) : NULL;
  /* The whole list, not single headers: those are freed twice before librdkafka 2.12 if this fails. */
  const rd_kafka_vu_t values[] = {
      {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic ? record->topic : topic},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
      /* An empty value is no tombstone, and an empty key is a key. */
      {.vtype = RD_KAFKA_VTYPE_VALUE,
          .u.mem = {record->map.size ? record->map.data : (gpointer) "", record->map.size}},
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
