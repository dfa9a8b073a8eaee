/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaspoolrecord.h"

/* The type of a record's headers: an array of names and values, in the headers' order. The value of
 * a header may be absent. */
#define HEADERS_TYPE "a(aymay)"

/* Returns: (transfer full): the headers of the record as bytes */
static GBytes *
pack_headers (const GstKafkaRecord *record)
{
  rd_kafka_headers_t *headers = gst_kafka_record_make_headers (record);
  GVariantBuilder builder;
  const gchar *name;
  const void *value;
  size_t size;
  g_autoptr (GVariant) packed = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (HEADERS_TYPE));
  for (gsize i = 0; !rd_kafka_header_get_all (headers, i, &name, &value, &size); i++) {
    GVariant *bytes =
        value ? g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value, size, 1) : NULL;

    g_variant_builder_add (&builder, "(@ay@may)", g_variant_new_bytestring (name),
        g_variant_new_maybe (G_VARIANT_TYPE_BYTESTRING, bytes));
  }
  rd_kafka_headers_destroy (headers);
  packed = g_variant_ref_sink (g_variant_builder_end (&builder));
  return g_variant_get_data_as_bytes (packed);
}

static GstKafkaHeader *
unpack_header (GVariant *pair)
{
  g_autoptr (GVariant) name = g_variant_get_child_value (pair, 0);
  g_autoptr (GVariant) maybe = g_variant_get_child_value (pair, 1);
  g_autoptr (GVariant) value = g_variant_get_maybe (maybe);
  gsize size = 0;
  gconstpointer bytes = value ? g_variant_get_fixed_array (value, &size, 1) : NULL;

  return gst_kafka_header_new (g_variant_get_bytestring (name), value && !bytes ? "" : bytes, size);
}

/* Returns: (transfer full): the headers. From damaged bytes GVariant reads empty names and
 * values. */
static GPtrArray *
unpack_headers (GBytes *bytes)
{
  g_autoptr (GVariant) packed =
      g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (HEADERS_TYPE), bytes, FALSE));
  gsize n = g_variant_n_children (packed);
  GPtrArray *headers = gst_kafka_headers_new (n);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) pair = g_variant_get_child_value (packed, i);

    g_ptr_array_add (headers, unpack_header (pair));
  }
  return headers;
}

typedef struct {
  GstBuffer *buffer;
  GstMapInfo map;
} Mapped;

static void
unmap (gpointer data)
{
  Mapped *mapped = data;

  gst_buffer_unmap (mapped->buffer, &mapped->map);
  gst_buffer_unref (mapped->buffer);
  g_free (mapped);
}

/* Returns: (transfer full): the buffer's bytes. The bytes of the value aren't copied if the buffer
 * can be mapped. */
static GBytes *
value_of (const GstKafkaRecord *record)
{
  Mapped *mapped = g_new0 (Mapped, 1);

  mapped->buffer = gst_buffer_ref (record->buffer);
  if (gst_buffer_map (mapped->buffer, &mapped->map, GST_MAP_READ))
    return g_bytes_new_with_free_func (mapped->map.data, mapped->map.size, unmap, mapped);
  gst_buffer_unref (mapped->buffer);
  g_free (mapped);
  return g_bytes_new (record->map.data, record->map.size);
}

GstKafkaSpoolMessage *
gst_kafka_record_to_message (const GstKafkaRecord *record, const gchar *topic)
{
  GstKafkaSpoolMessage *message = gst_kafka_spool_message_new ();

  message->stored = g_get_real_time ();
  message->topic = g_strdup (record->topic ? record->topic : topic);
  message->partition = record->suggested ? RD_KAFKA_PARTITION_UA : record->partition;
  message->key = record->key ? g_bytes_ref (record->key) : NULL;
  message->timestamp = record->timestamp;
  message->headers = pack_headers (record);
  message->value = record->tombstone ? NULL : value_of (record);
  return message;
}

/* Returns: (transfer full): a buffer of @value. A tombstone has no value, and an empty value has no
 * bytes that GStreamer could wrap, so both become an empty buffer. */
static GstBuffer *
buffer_of (GBytes *value)
{
  return value && g_bytes_get_size (value) ? gst_buffer_new_wrapped_bytes (value)
                                           : gst_buffer_new ();
}

GstKafkaRecord *
gst_kafka_record_from_message (const GstKafkaSpoolMessage *message, const gchar *topic)
{
  GstKafkaRecord *record = g_new0 (GstKafkaRecord, 1);

  record->link.data = record;
  record->spool_id = message->id;
  record->complete = TRUE;
  record->buffer = buffer_of (message->value);
  gst_kafka_meta_take_headers (record->buffer, unpack_headers (message->headers));
  gst_buffer_map (record->buffer, &record->map, GST_MAP_READ);
  record->queued = g_get_monotonic_time ();
  record->topic = g_strcmp0 (message->topic, topic) ? g_strdup (message->topic) : NULL;
  record->partition = message->partition;
  record->chosen = RD_KAFKA_PARTITION_UA;
  record->key = message->key ? g_bytes_ref (message->key) : NULL;
  record->timestamp = message->timestamp;
  record->tombstone = !message->value;
  record->captured = GST_CLOCK_TIME_NONE;
  return record;
}
