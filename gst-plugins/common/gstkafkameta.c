/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkameta.h"
#include "fogname.h"

#include <math.h>
#include <string.h>

/* --- the ack token --- */

struct _GstKafkaAck {
  gatomicrefcount refs;
  gint outcome; /* atomic: a GstKafkaAckOutcome, which is replaced only by a larger one */
  gint open;    /* atomic flag: the token of a part of the message was released undecided */
  gint64 offset;
  gpointer ledger;
  GstKafkaAckNotify notify;
  GDestroyNotify ledger_unref;
};

/* ack_mark() replaces an outcome only by a larger one. */
G_STATIC_ASSERT (
    GST_KAFKA_ACK_UNDECIDED < GST_KAFKA_ACK_DONE && GST_KAFKA_ACK_DONE < GST_KAFKA_ACK_FAILED);

GstKafkaAck *
gst_kafka_ack_new (
    gpointer ledger, gint64 offset, GstKafkaAckNotify notify, GDestroyNotify ledger_unref)
{
  GstKafkaAck *self = g_new (GstKafkaAck, 1);

  *self = (GstKafkaAck){.refs = 1,
      .ledger = ledger,
      .offset = offset,
      .notify = notify,
      .ledger_unref = ledger_unref};
  return self;
}

static gpointer
ack_ref (gpointer ack)
{
  g_atomic_ref_count_inc (&((GstKafkaAck *) ack)->refs);
  return ack;
}

static void
ack_unref (gpointer ack)
{
  GstKafkaAck *self = ack;
  GstKafkaAckOutcome outcome;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  outcome = g_atomic_int_get (&self->outcome);
  if (outcome == GST_KAFKA_ACK_DONE && g_atomic_int_get (&self->open))
    outcome = GST_KAFKA_ACK_UNDECIDED;
  if (self->notify)
    self->notify (self->ledger, self->offset, outcome);
  if (self->ledger_unref)
    self->ledger_unref (self->ledger);
  g_free (self);
}

static GType
ack_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    /* Each plugin links its own copy of this file. The first plugin that is loaded registers the
     * type for all plugins. */
    GType found = g_type_from_name ("GstKafkaAck");

    g_once_init_leave (
        &type, found ? found : g_boxed_type_register_static ("GstKafkaAck", ack_ref, ack_unref));
  }
  return type;
}

/* Marks a token, from any thread and any number of times: FAILED replaces DONE, but DONE doesn't
 * replace FAILED. */
static void
ack_mark (GstKafkaAck *self, GstKafkaAckOutcome outcome)
{
  gint now;

  do
    now = g_atomic_int_get (&self->outcome);
  while (now < (gint) outcome && !g_atomic_int_compare_and_exchange (&self->outcome, now, outcome));
}

static void
decide_part (gpointer whole, gint64 offset, GstKafkaAckOutcome outcome)
{
  if (outcome == GST_KAFKA_ACK_UNDECIDED)
    g_atomic_int_set (&((GstKafkaAck *) whole)->open, TRUE);
  else
    ack_mark (whole, outcome);
}

/* Returns: (transfer full): the token of one part of the message of @whole. The token @whole lives
 * at least as long as the token of the part. If the token of a part is released undecided, @whole
 * is undecided, even if all other parts are done. */
static GstKafkaAck *
ack_new_part (GstKafkaAck *whole)
{
  return gst_kafka_ack_new (ack_ref (whole), 0, decide_part, ack_unref);
}

/* --- headers --- */

/* The headers of a message share one block of memory. */
typedef struct {
  gatomicrefcount refs; /* must be the first field, because each header's `refs` points to it */
  /* object that owns the headers' texts; NULL: the texts follow the headers in this block */
  gpointer owner;
  GDestroyNotify free_owner;
  GstKafkaHeader headers[];
} Block;
G_STATIC_ASSERT (G_STRUCT_OFFSET (Block, refs) == 0);

static gsize
text_size (const GstKafkaHeader *header)
{
  return strlen (header->name) + 1 + (header->value ? header->size + 1 : 0);
}

static gchar *
copy_text (gchar **end, const gchar *text, gsize size)
{
  gchar *copy = *end;

  memcpy (copy, text, size);
  copy[size] = '\0';
  *end += size + 1;
  return copy;
}

static Block *
block_new (const GstKafkaHeader *from, guint n)
{
  gsize size = sizeof (Block) + n * sizeof *from;
  gchar *end;
  Block *block;

  for (guint i = 0; i < n; i++)
    size += text_size (&from[i]);
  block = g_malloc (size);
  end = (gchar *) &block->headers[n];
  block->refs = n;
  block->owner = NULL;
  for (guint i = 0; i < n; i++) {
    GstKafkaHeader *header = &block->headers[i];

    header->refs = &block->refs;
    header->name = copy_text (&end, from[i].name, strlen (from[i].name));
    header->size = from[i].value ? from[i].size : 0;
    header->value = from[i].value ? copy_text (&end, from[i].value, header->size) : NULL;
  }
  return block;
}

GstKafkaHeader *
gst_kafka_header_new (const gchar *name, gconstpointer value, gssize size)
{
  const GstKafkaHeader header = {
      .name = name, .value = value, .size = value && size < 0 ? strlen (value) : (gsize) size};

  return block_new (&header, 1)->headers;
}

GstKafkaHeader *
gst_kafka_header_ref (GstKafkaHeader *header)
{
  g_atomic_ref_count_inc (header->refs);
  return header;
}

void
gst_kafka_header_unref (GstKafkaHeader *header)
{
  Block *block = (Block *) header->refs;

  if (!g_atomic_ref_count_dec (&block->refs))
    return;
  if (block->owner)
    block->free_owner (block->owner);
  g_free (block);
}

GPtrArray *
gst_kafka_headers_new (guint reserve)
{
  return g_ptr_array_new_full (reserve, (GDestroyNotify) gst_kafka_header_unref);
}

static GPtrArray *
array_of (Block *block, guint n)
{
  GPtrArray *array = gst_kafka_headers_new (n);

  g_ptr_array_set_size (array, (gint) n);
  for (guint i = 0; i < n; i++)
    array->pdata[i] = &block->headers[i];
  return array;
}

GPtrArray *
gst_kafka_headers_new_copies (const GstKafkaHeader *headers, guint n)
{
  return array_of (n ? block_new (headers, n) : NULL, n);
}

GPtrArray *
gst_kafka_headers_new_owned (
    const GstKafkaHeader *headers, guint n, gpointer owner, GDestroyNotify free_owner)
{
  Block *block = g_malloc (sizeof *block + n * sizeof *headers);

  *block = (Block){.refs = n, .owner = owner, .free_owner = free_owner};
  for (guint i = 0; i < n; i++) {
    block->headers[i] = headers[i];
    block->headers[i].refs = &block->refs;
  }
  return array_of (block, n);
}

/* A number with at most SAFE_DIGITS decimal digits fits into 64 bits. */
#define SAFE_DIGITS 19

/* Parses the digits itself, because GLib's parsers take ten times as long, and this function runs
 * several times a frame. */
gboolean
gst_kafka_header_to_uint64 (const GstKafkaHeader *header, guint64 *value)
{
  gsize safe, i;
  guint64 number = 0;
  guint digit;

  if (!header || !header->value || header->size == 0)
    return FALSE;
  safe = MIN (header->size, SAFE_DIGITS);
  for (i = 0; i < safe && (digit = (guint) header->value[i] - '0') <= 9; i++)
    number = number * 10 + digit;
  for (; i >= safe && i < header->size && (digit = (guint) header->value[i] - '0') <= 9; i++)
    if (!g_uint64_checked_mul (&number, number, 10) ||
        !g_uint64_checked_add (&number, number, digit))
      return FALSE;
  if (i < header->size)
    return FALSE;
  *value = number;
  return TRUE;
}

/* --- the meta --- */

void
gst_kafka_meta_register (void)
{
  static const gchar *no_tags[] = {NULL};

  ack_get_type ();
  if (!gst_meta_get_info (GST_KAFKA_META_NAME))
    gst_meta_register_custom (GST_KAFKA_META_NAME, no_tags, NULL, NULL, NULL);
}

/* Returns: (nullable): the GstMetaInfo of the meta. The result is kept after the first look-up by
 * name, because a look-up takes a lock and a hash, and happens several times for each buffer. */
static const GstMetaInfo *
get_info (void)
{
  static const GstMetaInfo *registered;
  const GstMetaInfo *info = g_atomic_pointer_get (&registered);

  if (!info) {
    info = gst_meta_get_info (GST_KAFKA_META_NAME);
    g_atomic_pointer_set (&registered, info);
  }
  return info;
}

GstCustomMeta *
gst_kafka_meta_get (GstBuffer *buffer)
{
  const GstMetaInfo *info = get_info ();

  return info ? (GstCustomMeta *) gst_buffer_get_meta (buffer, info->api) : NULL;
}

const GQuark *
gst_kafka_meta_get_fields (void)
{
  static const gchar *const names[GST_KAFKA_N_FIELDS] = {
      "topic", "partition", "offset", "lag", "timestamp", "headers", "ack", "key"};
  static GQuark quarks[GST_KAFKA_N_FIELDS];
  static gsize known;

  if (g_once_init_enter (&known)) {
    for (guint i = 0; i < GST_KAFKA_N_FIELDS; i++)
      quarks[i] = g_quark_from_static_string (names[i]);
    g_once_init_leave (&known, 1);
  }
  return quarks;
}

const GstStructure *
gst_kafka_meta_peek (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_kafka_meta_get (buffer);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

GstStructure *
gst_kafka_meta_ensure (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_kafka_meta_get (buffer);

  if (!meta)
    meta = (GstCustomMeta *) gst_buffer_add_meta (buffer, get_info (), NULL);
  return gst_custom_meta_get_structure (meta);
}

void
gst_kafka_meta_copy (GstBuffer *dst, GstBuffer *src)
{
  GstMeta *from = (GstMeta *) gst_kafka_meta_get (src);
  GstMeta *old = (GstMeta *) gst_kafka_meta_get (dst);
  GstMetaTransformCopy all = {FALSE, 0, -1};

  if (!from)
    return;
  if (old)
    gst_buffer_remove_meta (dst, old);
  from->info->transform_func (dst, from, src, _gst_meta_transform_copy, &all);
}

gboolean
gst_kafka_meta_is_replayable (GstBuffer *buffer)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);

  return s && gst_structure_has_field (s, "ack");
}

gboolean
gst_kafka_meta_is_tombstone (GstBuffer *buffer)
{
  const GstStructure *s = gst_buffer_get_size (buffer) ? NULL : gst_kafka_meta_peek (buffer);
  gboolean tombstone = FALSE;

  return s && gst_structure_get_boolean (s, "tombstone", &tombstone) && tombstone;
}

GPtrArray *
gst_kafka_meta_get_headers (GstBuffer *buffer)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  const GValue *value =
      s ? gst_structure_id_get_value (s, gst_kafka_meta_get_fields ()[GST_KAFKA_FIELD_HEADERS])
        : NULL;

  return value && G_VALUE_HOLDS (value, G_TYPE_PTR_ARRAY) ? g_value_get_boxed (value) : NULL;
}

/* @boxed: (transfer full) */
static void
take_boxed (GstBuffer *buffer, GstKafkaField field, GType type, gpointer boxed)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, type);
  g_value_take_boxed (&value, boxed);
  gst_structure_id_take_value (
      gst_kafka_meta_ensure (buffer), gst_kafka_meta_get_fields ()[field], &value);
}

void
gst_kafka_meta_take_headers (GstBuffer *buffer, GPtrArray *headers)
{
  take_boxed (buffer, GST_KAFKA_FIELD_HEADERS, G_TYPE_PTR_ARRAY, headers);
}

const GstKafkaHeader *
gst_kafka_meta_find_header (GstBuffer *buffer, const gchar *name)
{
  GPtrArray *headers = gst_kafka_meta_get_headers (buffer);

  for (guint i = headers ? headers->len : 0; i-- > 0;) {
    const GstKafkaHeader *header = g_ptr_array_index (headers, i);

    if (strcmp (header->name, name) == 0)
      return header;
  }
  return NULL;
}

const gchar *
gst_kafka_meta_get_header (GstBuffer *buffer, const gchar *name)
{
  const GstKafkaHeader *header = gst_kafka_meta_find_header (buffer, name);

  return header && header->value && g_utf8_validate_len (header->value, header->size, NULL)
             ? header->value
             : NULL;
}

gboolean
gst_kafka_meta_get_header_uint64 (GstBuffer *buffer, const gchar *name, guint64 *value)
{
  return gst_kafka_header_to_uint64 (gst_kafka_meta_find_header (buffer, name), value);
}

gboolean
gst_kafka_meta_get_header_double (GstBuffer *buffer, const gchar *name, gdouble *value)
{
  const gchar *text = gst_kafka_meta_get_header (buffer, name);
  gchar *end;
  gdouble number;

  if (!text || !*text)
    return FALSE;
  number = g_ascii_strtod (text, &end);
  if (*end || !isfinite (number))
    return FALSE;
  *value = number;
  return TRUE;
}

static void
set_header (GPtrArray *headers, const gchar *name, const gchar *text)
{
  for (guint i = headers->len; i-- > 0;) {
    const GstKafkaHeader *header = g_ptr_array_index (headers, i);

    if (strcmp (header->name, name) == 0)
      g_ptr_array_remove_index (headers, i);
  }
  if (text)
    g_ptr_array_add (headers, gst_kafka_header_new (name, text, -1));
}

void
gst_kafka_meta_set_headers (GstBuffer *buffer, const gchar *name, ...)
{
  GPtrArray *old = gst_kafka_meta_get_headers (buffer);
  GPtrArray *headers = gst_kafka_headers_new (old ? old->len + 8 : 8);
  va_list args;

  /* Copies of the buffer share the array of headers, so the changed headers go into a new array. */
  for (guint i = 0; old && i < old->len; i++)
    g_ptr_array_add (headers, gst_kafka_header_ref (g_ptr_array_index (old, i)));
  va_start (args, name);
  for (; name; name = va_arg (args, const gchar *))
    set_header (headers, name, va_arg (args, const gchar *));
  va_end (args);
  gst_kafka_meta_take_headers (buffer, headers);
}

gchar *
gst_kafka_meta_make_message_id (GstBuffer *buffer)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  const gchar *topic = s ? gst_structure_get_string (s, "topic") : NULL;
  gint64 offset;
  gint partition;

  if (!topic || !gst_structure_get_int (s, "partition", &partition) ||
      !gst_structure_get_int64 (s, "offset", &offset))
    return NULL;
  return g_strdup_printf ("%s:%d:%" G_GINT64_FORMAT, topic, partition, offset);
}

void
gst_kafka_meta_read_frame_id (GstBuffer *buffer, GstKafkaFrameId *id)
{
  id->camera = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_CAMERA);
  id->session = gst_kafka_meta_get_header (buffer, GST_KAFKA_HEADER_SESSION);
  id->has_seq = gst_kafka_meta_get_header_uint64 (buffer, GST_KAFKA_HEADER_SEQ, &id->seq);
}

gchar *
gst_kafka_frame_id_to_text (const GstKafkaFrameId *id, GstBuffer *buffer)
{
  g_autofree gchar *camera = NULL, *session = NULL;

  if (!id->camera || !id->session || !id->has_seq)
    return gst_kafka_meta_make_message_id (buffer);
  camera = fog_name_bounded (id->camera);
  session = fog_name_bounded (id->session);
  return g_strdup_printf ("%s:%s:%" G_GUINT64_FORMAT, camera, session, id->seq);
}

gchar *
gst_kafka_meta_make_frame_id (GstBuffer *buffer)
{
  GstKafkaFrameId id;

  gst_kafka_meta_read_frame_id (buffer, &id);
  return gst_kafka_frame_id_to_text (&id, buffer);
}

/* --- a buffer's token --- */

/* (nullable) (transfer none) */
static GstKafkaAck *
get_ack (GstBuffer *buffer)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  const GValue *value =
      s ? gst_structure_id_get_value (s, gst_kafka_meta_get_fields ()[GST_KAFKA_FIELD_ACK]) : NULL;

  return value && G_VALUE_HOLDS (value, ack_get_type ()) ? g_value_get_boxed (value) : NULL;
}

void
gst_kafka_meta_take_ack (GstBuffer *buffer, GstKafkaAck *ack)
{
  take_boxed (buffer, GST_KAFKA_FIELD_ACK, ack_get_type (), ack);
}

void
gst_kafka_meta_mark (GstBuffer *buffer, GstKafkaAckOutcome outcome)
{
  GstKafkaAck *ack = get_ack (buffer);

  if (ack)
    ack_mark (ack, outcome);
}

void
gst_kafka_meta_make_part (GstBuffer *buffer)
{
  GstKafkaAck *ack = get_ack (buffer);

  if (ack)
    gst_kafka_meta_take_ack (buffer, ack_new_part (ack));
}
