/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongogridfs.h"

#include <string.h>

#include "document/mongodocument.h"
#include "mongoindex.h"

GBytes *
mongo_gridfs_digest (const guint8 *data, gsize size)
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

bson_t *
mongo_gridfs_new_chunk (
    const bson_t *file, GBytes *content, gint32 n, const guint8 *data, guint32 size)
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

bson_t *
mongo_gridfs_new_file (const gchar *id, gint64 length, const bson_t *metadata)
{
  bson_t *file = bson_new ();
  bson_oid_t oid;
  char text[25];

  if (id) {
    BSON_APPEND_UTF8 (file, "_id", id);
  } else {
    bson_oid_init (&oid, NULL);
    bson_oid_to_string (&oid, text);
    BSON_APPEND_OID (file, "_id", &oid);
  }
  BSON_APPEND_INT64 (file, "length", length);
  BSON_APPEND_INT32 (file, "chunkSize", MONGO_GRIDFS_CHUNK_SIZE);
  BSON_APPEND_DATE_TIME (file, "uploadDate", g_get_real_time () / 1000);
  BSON_APPEND_UTF8 (file, "filename", id ? id : text);
  BSON_APPEND_DOCUMENT (file, "metadata", metadata);
  return file;
}

bson_t *
mongo_gridfs_index_command (const gchar *collection, const gchar *indexes)
{
  g_autofree gchar *all = NULL;

  if (g_str_has_suffix (collection, MONGO_GRIDFS_CHUNKS))
    return BCON_NEW ("createIndexes", BCON_UTF8 (collection), "indexes", "[", "{", "key", "{",
        "files_id", BCON_INT32 (1), "n", BCON_INT32 (1), "}", "name", BCON_UTF8 ("files_id_1_n_1"),
        "unique", BCON_BOOL (true), "}", "]");
  all = g_strconcat ("filename,uploadDate", indexes && *indexes ? ";" : NULL, indexes, NULL);
  return mongo_index_command (collection, all, NULL, NULL);
}
