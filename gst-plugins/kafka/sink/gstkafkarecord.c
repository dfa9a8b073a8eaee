/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkarecord.h"
#include "client/gstkafkaclient.h"
#include "client/gstkafkaformat.h"

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

gsize
gst_kafka_record_size (const GstKafkaRecord *record)
{
  return record->map.size;
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

/* Writes the number without printf(), which would take most of the time for a header. */
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

/* Adds the headers of the buffer's meta, except `gst-*`, which describe the buffer that the
 * original message was made from, and except session and seq if the record gets new numbers. */
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

static void
add_all (rd_kafka_headers_t *list, GPtrArray *found)
{
  for (guint i = 0; found && i < found->len; i++)
    add_header (list, g_ptr_array_index (found, i));
}

rd_kafka_headers_t *
gst_kafka_record_make_headers (const GstKafkaRecord *record)
{
  GPtrArray *found = gst_kafka_meta_get_headers (record->buffer);
  rd_kafka_headers_t *list = rd_kafka_headers_new ((found ? found->len : 0) + 8);

  if (record->complete) {
    add_all (list, found);
    return list;
  }
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
  rd_kafka_headers_t *headers = gst_kafka_record_make_headers (record);
  gsize key_size = 0;
  gconstpointer key = record->key ? g_bytes_get_data (record->key, &key_size) : NULL;
  /* The headers are passed as one list, because librdkafka before 2.12 frees single headers twice
   * on failure. */
  const rd_kafka_vu_t values[] = {
      {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic ? record->topic : topic},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
      /* NULL means a tombstone or no key, so an empty value or key needs a pointer. */
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

/* --- the partitioner --- */

/* The value that this element sets for librdkafka's option `partitioner`. The value selects Java's
 * partitioner; this element's own partitioner differs from it only for messages without a key. */
#define OWN_PARTITIONER "murmur2_random"

static gint32
take_turns (const rd_kafka_topic_t *topic, gint32 count, guint64 turn)
{
  gint32 first = turn % count;

  for (gint32 i = 0; i < count; i++) {
    gint32 partition = (first + i) % count;

    if (rd_kafka_topic_partition_available (topic, partition))
      return partition;
  }
  return first;
}

static gint32
choose_partition (const rd_kafka_topic_t *topic, const void *key, size_t size, gint32 count,
    void *topic_opaque, void *opaque)
{
  GstKafkaRecord *record = opaque;

  if (!key) {
    /* A record that a new client sends again stays in its partition: in another partition it would
     * come after later frames. */
    if (record->chosen < 0 || record->chosen >= count)
      record->chosen = take_turns (topic, count, record->turn);
    return record->chosen;
  }
  return rd_kafka_msg_partitioner_murmur2 (topic, key, size, count, topic_opaque, opaque);
}

void
gst_kafka_record_install_partitioner (rd_kafka_conf_t *conf)
{
  g_autofree gchar *name = NULL;
  rd_kafka_topic_conf_t *topic_conf = rd_kafka_conf_get_default_topic_conf (conf);

  name = gst_kafka_conf_dup (conf, "partitioner");
  if (!g_str_equal (name, OWN_PARTITIONER))
    return;
  if (!topic_conf) {
    topic_conf = rd_kafka_topic_conf_new ();
    rd_kafka_conf_set_default_topic_conf (conf, topic_conf);
  }
  rd_kafka_topic_conf_set_partitioner_cb (topic_conf, choose_partition);
}
