/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongowrap.h"

#include <gio/gio.h>
#include <string.h>

#include "gstkafkameta.h"
#include "document/mongodocument.h"

/* Returns TRUE if a header's name can be the name of a field. A name with a dot, or with a dollar
 * sign at the start, can't be one, because not every server accepts such names. */
static gboolean
is_field_name (const gchar *name)
{
  return *name && *name != '$' && !strchr (name, '.') && g_utf8_validate (name, -1, NULL);
}

/* Appends the value of a header: as text, or as binary if it isn't UTF-8. */
static void
append_value (bson_t *document, const gchar *field, const GstKafkaHeader *header)
{
  if (!header->value)
    BSON_APPEND_NULL (document, field);
  else if (g_utf8_validate_len (header->value, header->size, NULL))
    bson_append_utf8 (document, field, -1, header->value, (int) header->size);
  else
    BSON_APPEND_BINARY (document, field, BSON_SUBTYPE_BINARY, (const guint8 *) header->value,
        (guint32) header->size);
}

static void
append_name (bson_t *document, const gchar *name)
{
  if (g_utf8_validate (name, -1, NULL))
    BSON_APPEND_UTF8 (document, "name", name);
  else
    BSON_APPEND_BINARY (
        document, "name", BSON_SUBTYPE_BINARY, (const guint8 *) name, (guint32) strlen (name));
}

/* Returns TRUE if the header becomes a field of `headers`. If several headers have the same name,
 * only the last of them becomes a field. */
static gboolean
is_field (GstBuffer *buffer, const GstKafkaHeader *header)
{
  return is_field_name (header->name) &&
         gst_kafka_meta_find_header (buffer, header->name) == header;
}

static void
append_other_headers (bson_t *document, GstBuffer *buffer, GPtrArray *headers)
{
  bson_t list, entry;
  guint count = 0;

  BSON_APPEND_ARRAY_BEGIN (document, "other-headers", &list);
  for (guint i = 0; i < headers->len; i++) {
    const GstKafkaHeader *header = g_ptr_array_index (headers, i);
    gchar index[16];

    if (is_field (buffer, header))
      continue;
    g_snprintf (index, sizeof index, "%u", count++);
    BSON_APPEND_DOCUMENT_BEGIN (&list, index, &entry);
    append_name (&entry, header->name);
    append_value (&entry, "value", header);
    bson_append_document_end (&list, &entry);
  }
  bson_append_array_end (document, &list);
}

static void
append_headers (bson_t *document, GstBuffer *buffer)
{
  GPtrArray *headers = gst_kafka_meta_get_headers (buffer);
  guint fields_count = 0;
  bson_t fields;

  if (!headers)
    return;
  BSON_APPEND_DOCUMENT_BEGIN (document, "headers", &fields);
  for (guint i = 0; i < headers->len; i++) {
    const GstKafkaHeader *header = g_ptr_array_index (headers, i);

    if (!is_field (buffer, header))
      continue;
    append_value (&fields, header->name, header);
    fields_count++;
  }
  bson_append_document_end (document, &fields);
  if (fields_count < headers->len)
    append_other_headers (document, buffer, headers);
}

static void
append_time (bson_t *document, const gchar *name, GstClockTime time)
{
  if (GST_CLOCK_TIME_IS_VALID (time))
    BSON_APPEND_INT64 (document, name, (gint64) time);
}

static void
append_caps (bson_t *document, GstCaps *caps)
{
  g_autofree gchar *text = caps ? gst_caps_to_string (caps) : NULL;

  if (text)
    BSON_APPEND_UTF8 (document, "caps", text);
}

static gboolean
append_data (bson_t *document, GstBuffer *buffer)
{
  GstMapInfo map;
  gboolean ok = gst_buffer_map (buffer, &map, GST_MAP_READ);

  if (ok) {
    BSON_APPEND_BINARY (
        document, "data", BSON_SUBTYPE_BINARY, map.data ? map.data : (guint8 *) "", map.size);
    gst_buffer_unmap (buffer, &map);
  }
  return ok;
}

bson_t *
gst_mongo_describe (GstBuffer *buffer, GstCaps *caps, GstClockTime captured)
{
  bson_t *document = bson_new ();

  append_caps (document, caps);
  append_time (document, "pts", GST_BUFFER_PTS (buffer));
  append_time (document, "dts", GST_BUFFER_DTS (buffer));
  append_time (document, "duration", GST_BUFFER_DURATION (buffer));
  if (GST_CLOCK_TIME_IS_VALID (captured))
    BSON_APPEND_DATE_TIME (document, "captured", (gint64) (captured / GST_MSECOND));
  append_headers (document, buffer);
  return document;
}

bson_t *
gst_mongo_wrap (GstBuffer *buffer, GstCaps *caps, GstClockTime captured, GError **error)
{
  g_autoptr (bson_t) document = gst_mongo_describe (buffer, caps, captured);
  gboolean fits = gst_buffer_get_size (buffer) < MONGO_DOCUMENT_MAX;

  if (fits && append_data (document, buffer) && document->len <= MONGO_DOCUMENT_MAX)
    return g_steal_pointer (&document);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
      "%" G_GSIZE_FORMAT
      " bytes, with caps and headers, are more than MongoDB's 16 MiB for a document",
      gst_buffer_get_size (buffer));
  return NULL;
}
