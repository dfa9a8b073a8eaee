/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* Files as MongoDB's drivers read them (GridFS): a document in `BUCKET.files`, and the bytes in
 * `BUCKET.chunks`. The drivers' own writers give each chunk a random `_id`, so that a file sent
 * twice leaves chunks behind, and write one chunk at a time. Here a chunk's `_id` follows from the
 * file's and from all that is in it, so a repeated chunk is a duplicate as any other document's,
 * and one of another file of the same name meets the unique index. */

#define MONGO_GRIDFS_CHUNKS ".chunks"
#define MONGO_GRIDFS_FILES ".files"
/* The standard's size of a chunk. */
#define MONGO_GRIDFS_CHUNK_SIZE (255 * 1024)

/* What tells the file's content from others. */
GBytes *mongo_gridfs_digest (const guint8 *data, gsize size);

/**
 * mongo_gridfs_new_chunk:
 * @file: the file's document
 * @content: the digest of all of the file
 * @n: the chunk's number, from 0
 * @data: its @size bytes, %MONGO_GRIDFS_CHUNK_SIZE of them but in the last one
 */
bson_t *mongo_gridfs_new_chunk (
    const bson_t *file, GBytes *content, gint32 n, const guint8 *data, guint32 size);

/**
 * mongo_gridfs_new_file:
 * @id: (nullable): what names the file; %NULL: an ObjectId
 * @length: its bytes
 * @metadata: what else is known of it
 */
bson_t *mongo_gridfs_new_file (const gchar *id, gint64 length, const bson_t *metadata);

/* The indexes that the standard wants in @collection of a bucket, and to that of files those of
 * @indexes (nullable, and as mongo_index_command() takes them). */
bson_t *mongo_gridfs_index_command (const gchar *collection, const gchar *indexes);

G_END_DECLS
