/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongogridfs.h"

#include <string.h>

#include "document/mongodocument.h"

/* The size (bytes) of a chunk, as GridFS specifies it. */
#define CHUNK_SIZE (255 * 1024)

/* Returns a digest of a file's content, from which the `_id`s of its chunks are made. */
static GBytes *
make_digest (const guint8 *data, gsize size)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize length = sizeof digest;

  g_checksum_update (sum, data, (gssize) size);
  g_checksum_get_digest (sum, digest, &length);
  return g_bytes_new (digest, length);
}

static void
update (GChecksum *sum, GBytes *bytes)
{
  g_checksum_update (sum, g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes));
}

/* GridFS specifies an ObjectId. */
static void
make_chunk_id (bson_oid_t *oid, const bson_t *file, GBytes *content, gint32 n)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GBytes) id = mongo_document_get_id (file);
  const gint32 number = GINT32_TO_LE (n);
  guint8 digest[32];
  gsize length = sizeof digest;

  update (sum, id);
  update (sum, content);
  g_checksum_update (sum, (const guchar *) &number, sizeof number);
  g_checksum_get_digest (sum, digest, &length);
  bson_oid_init_from_data (oid, digest);
}

/* @content: make_digest() of the whole file @n: the number of the chunk, from 0 @data: the chunk's
 * @size bytes */
static bson_t *
new_chunk (const bson_t *file, GBytes *content, gint32 n, const guint8 *data, guint32 size)
{
  bson_t *chunk = bson_sized_new (size + 128);
  bson_iter_t iter;
  bson_oid_t oid;

  make_chunk_id (&oid, file, content, n);
  BSON_APPEND_OID (chunk, "_id", &oid);
  if (bson_iter_init_find (&iter, file, "_id"))
    BSON_APPEND_VALUE (chunk, "files_id", bson_iter_value (&iter));
  BSON_APPEND_INT32 (chunk, "n", n);
  BSON_APPEND_BINARY (chunk, "data", BSON_SUBTYPE_BINARY, data, size);
  return chunk;
}

/* Returns the file's document. */
static bson_t *
new_document (const MongoUpload *upload)
{
  bson_t *file = bson_new ();
  bson_oid_t oid;
  char text[25];

  if (upload->id) {
    BSON_APPEND_UTF8 (file, "_id", upload->id);
  } else {
    bson_oid_init (&oid, NULL);
    bson_oid_to_string (&oid, text);
    BSON_APPEND_OID (file, "_id", &oid);
  }
  BSON_APPEND_INT64 (file, "length", (gint64) upload->size);
  BSON_APPEND_INT32 (file, "chunkSize", CHUNK_SIZE);
  BSON_APPEND_DATE_TIME (file, "uploadDate", g_get_real_time () / 1000);
  BSON_APPEND_UTF8 (file, "filename", upload->id ? upload->id : text);
  BSON_APPEND_DOCUMENT (file, "metadata", upload->metadata);
  return file;
}

/* Pushes @document, which is a part of the file: one of its chunks, or the file's document. */
static GstFlowReturn
push_part (const MongoUpload *upload, MongoFile *file, const gchar *kind, bson_t *document)
{
  g_autofree gchar *collection = g_strconcat (upload->bucket, kind, NULL);
  MongoItem *item =
      mongo_item_new (document, g_ref_string_new (collection), gst_buffer_ref (upload->buffer));

  g_atomic_ref_count_inc (&file->refs);
  item->file = file;
  item->size = gst_buffer_get_size (upload->buffer);
  item->is_part = strcmp (kind, MONGO_GRIDFS_CHUNKS) == 0;
  return upload->push (upload->user_data, item);
}

static MongoFile *
file_new (const gchar *bucket)
{
  g_autofree gchar *chunks = g_strconcat (bucket, MONGO_GRIDFS_CHUNKS, NULL);
  MongoFile *file = g_new0 (MongoFile, 1);

  g_atomic_ref_count_init (&file->refs);
  file->bucket = g_ref_string_new (chunks);
  file->stored = g_array_new (FALSE, FALSE, sizeof (bson_oid_t));
  return file;
}

GstFlowReturn
mongo_gridfs_push_file (const MongoUpload *upload)
{
  g_autoptr (bson_t) document = new_document (upload);
  g_autoptr (GBytes) content = make_digest (upload->data, upload->size);
  MongoFile *file = file_new (upload->bucket);
  GstFlowReturn flow = GST_FLOW_OK;
  gint32 n = 0;

  for (gsize at = 0; at < upload->size && flow == GST_FLOW_OK; at += CHUNK_SIZE, n++)
    flow = push_part (upload, file, MONGO_GRIDFS_CHUNKS,
        new_chunk (document, content, n, upload->data + at,
            (guint32) MIN (upload->size - at, (gsize) CHUNK_SIZE)));
  if (flow == GST_FLOW_OK)
    flow = push_part (upload, file, MONGO_GRIDFS_FILES, g_steal_pointer (&document));
  mongo_file_unref (file);
  return flow;
}
