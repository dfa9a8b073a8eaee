/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkameta.h"
#include "fogname.h"

#include <math.h>
#include <string.h>

/* --- the ack token --- */

typedef struct {
  GObject parent;
  gpointer ledger;
  gint64 offset;
  GstKafkaAckNotify notify;
  GDestroyNotify ledger_unref;
  gint outcome; /* atomic: a GstKafkaAckOutcome; it only grows */
  gint open;    /* atomic: a part was released undecided */
} GstKafkaAck;

/* GObject knows an instance by its first member. */
G_STATIC_ASSERT (G_STRUCT_OFFSET (GstKafkaAck, parent) == 0);
/* ack_mark() replaces an outcome only by a larger one. */
G_STATIC_ASSERT (
    GST_KAFKA_ACK_UNDECIDED < GST_KAFKA_ACK_DONE && GST_KAFKA_ACK_DONE < GST_KAFKA_ACK_FAILED);

static gpointer parent_class;

static void
gst_kafka_ack_finalize (GObject *object)
{
  GstKafkaAck *self = (GstKafkaAck *) object;
  GstKafkaAckOutcome outcome = g_atomic_int_get (&self->outcome);

  if (outcome == GST_KAFKA_ACK_DONE && g_atomic_int_get (&self->open))
    outcome = GST_KAFKA_ACK_UNDECIDED;
  if (self->notify)
    self->notify (self->ledger, self->offset, outcome);
  if (self->ledger_unref)
    self->ledger_unref (self->ledger);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_kafka_ack_class_init (gpointer klass, gpointer data)
{
  parent_class = g_type_class_peek_parent (klass);
  G_OBJECT_CLASS (klass)->finalize = gst_kafka_ack_finalize;
}

/* The ack token is a GObject: so a GstStructure can hold it, and it lives as long as any copy of
 * that. */
static GType
ack_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    /* Each plugin links its own copy of this file. The first plugin that is loaded registers the
     * type for all. */
    GType found = g_type_from_name ("GstKafkaAck");

    if (!found) {
      static const GTypeInfo info = {
          .class_size = sizeof (GObjectClass),
          .class_init = gst_kafka_ack_class_init,
          .instance_size = sizeof (GstKafkaAck),
      };
      found = g_type_register_static (G_TYPE_OBJECT, "GstKafkaAck", &info, 0);
    }
    g_once_init_leave (&type, found);
  }
  return type;
}

GObject *
gst_kafka_ack_new (
    gpointer ledger, gint64 offset, GstKafkaAckNotify notify, GDestroyNotify ledger_unref)
{
  GstKafkaAck *self = g_object_new (ack_get_type (), NULL);

  self->ledger = ledger;
  self->offset = offset;
  self->notify = notify;
  self->ledger_unref = ledger_unref;
  return G_OBJECT (self);
}

/* From any thread, any number of times. FAILED outweighs DONE. */
static void
ack_mark (GObject *object, GstKafkaAckOutcome outcome)
{
  GstKafkaAck *self = (GstKafkaAck *) object;
  gint now;

  g_return_if_fail (G_TYPE_CHECK_INSTANCE_TYPE (object, ack_get_type ()));
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

/* (transfer full): a token for a part of the message of @whole, which lives at least as long as the
 * part. If a part is released undecided, the whole is undecided, even if all other parts are
 * done. */
static GObject *
ack_new_part (GObject *whole)
{
  return gst_kafka_ack_new (g_object_ref (whole), 0, decide_part, g_object_unref);
}

/* --- headers --- */

/* The headers of a message share one block of memory, which begins with their reference count. */
typedef struct {
  gatomicrefcount refs;
  GstKafkaHeader headers[];
} Block;

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
  gatomicrefcount *refs = header->refs;

  if (g_atomic_ref_count_dec (refs))
    g_free (refs); /* the block */
}

GPtrArray *
gst_kafka_headers_new (guint reserve)
{
  return g_ptr_array_new_full (reserve, (GDestroyNotify) gst_kafka_header_unref);
}

GPtrArray *
gst_kafka_headers_new_copies (const GstKafkaHeader *headers, guint n)
{
  GPtrArray *array = gst_kafka_headers_new (n);
  Block *block = n ? block_new (headers, n) : NULL;

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (array, &block->headers[i]);
  return array;
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

/* The look-up by name takes a lock and a hash. The result is needed several times for each buffer,
 * so it is kept. */
static GstCustomMeta *
get_meta (GstBuffer *buffer)
{
  static const GstMetaInfo *registered;
  const GstMetaInfo *info = g_atomic_pointer_get (&registered);

  if (!info) {
    info = gst_meta_get_info (GST_KAFKA_META_NAME);
    g_atomic_pointer_set (&registered, info);
  }
  return info ? (GstCustomMeta *) gst_buffer_get_meta (buffer, info->api) : NULL;
}

static GQuark
headers_field (void)
{
  static GQuark quark;

  return quark ? quark : (quark = g_quark_from_static_string ("headers"));
}

const GstStructure *
gst_kafka_meta_peek (GstBuffer *buffer)
{
  GstCustomMeta *meta = get_meta (buffer);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

GstStructure *
gst_kafka_meta_ensure (GstBuffer *buffer)
{
  GstCustomMeta *meta = get_meta (buffer);

  if (!meta)
    meta = gst_buffer_add_custom_meta (buffer, GST_KAFKA_META_NAME);
  return gst_custom_meta_get_structure (meta);
}

void
gst_kafka_meta_copy (GstBuffer *dst, GstBuffer *src)
{
  GstMeta *from = (GstMeta *) get_meta (src);
  GstMeta *old = (GstMeta *) get_meta (dst);
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
  const GValue *value = s ? gst_structure_id_get_value (s, headers_field ()) : NULL;

  return value && G_VALUE_HOLDS (value, G_TYPE_PTR_ARRAY) ? g_value_get_boxed (value) : NULL;
}

void
gst_kafka_meta_take_headers (GstBuffer *buffer, GPtrArray *headers)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_PTR_ARRAY);
  g_value_take_boxed (&value, headers);
  gst_structure_id_take_value (gst_kafka_meta_ensure (buffer), headers_field (), &value);
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

/* This function runs several times a frame, and GLib's functions take ten times as long. */
gboolean
gst_kafka_meta_get_header_uint64 (GstBuffer *buffer, const gchar *name, guint64 *value)
{
  const GstKafkaHeader *header = gst_kafka_meta_find_header (buffer, name);
  guint64 number = 0;

  if (!header || !header->value || header->size == 0)
    return FALSE;
  for (gsize i = 0; i < header->size; i++) {
    if (!g_ascii_isdigit (header->value[i]) || !g_uint64_checked_mul (&number, number, 10) ||
        !g_uint64_checked_add (&number, number, header->value[i] - '0'))
      return FALSE;
  }
  *value = number;
  return TRUE;
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

  /* Copies of the buffer share the array, so the changed one is a new array. */
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
static GObject *
get_ack (GstBuffer *buffer)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  const GValue *value = s ? gst_structure_get_value (s, "ack") : NULL;
  GObject *ack = value && G_VALUE_HOLDS_OBJECT (value) ? g_value_get_object (value) : NULL;

  return ack && G_TYPE_CHECK_INSTANCE_TYPE (ack, ack_get_type ()) ? ack : NULL;
}

void
gst_kafka_meta_mark (GstBuffer *buffer, GstKafkaAckOutcome outcome)
{
  GObject *ack = get_ack (buffer);

  if (ack)
    ack_mark (ack, outcome);
}

void
gst_kafka_meta_make_part (GstBuffer *buffer)
{
  GObject *ack = get_ack (buffer), *part;

  if (!ack)
    return;
  part = ack_new_part (ack);
  gst_structure_set (gst_kafka_meta_ensure (buffer), "ack", G_TYPE_OBJECT, part, NULL);
  g_object_unref (part);
}
