/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* Files in GridFS, which MongoDB's drivers read: a document in `BUCKET.files`, and the bytes in
 * `BUCKET.chunks`. The drivers write one chunk at a time and give each a random `_id`, so a file
 * that is sent twice leaves useless chunks. In this file, the `_id` of a chunk is derived from the
 * file's `_id` and content. So a repeated chunk is a duplicate, and a chunk of another file of the
 * same name violates the unique index. */

#define MONGO_GRIDFS_CHUNKS ".chunks"
#define MONGO_GRIDFS_FILES ".files"
/* The size of a chunk, as GridFS specifies it. */
#define MONGO_GRIDFS_CHUNK_SIZE (255 * 1024)

/* Returns a digest of the file's content. */
GBytes *mongo_gridfs_digest (const guint8 *data, gsize size);

/**
 * mongo_gridfs_new_chunk:
 * @file: the file's document
 * @content: mongo_gridfs_digest() of the whole file
 * @n: the number of the chunk, from 0
 * @data: its @size bytes: %MONGO_GRIDFS_CHUNK_SIZE, fewer in the last chunk
 */
bson_t *mongo_gridfs_new_chunk (
    const bson_t *file, GBytes *content, gint32 n, const guint8 *data, guint32 size);

/**
 * mongo_gridfs_new_file:
 * @id: (nullable): the `_id` and name of the file; %NULL: an ObjectId
 * @length: in bytes
 * @metadata: stored in the field `metadata`
 */
bson_t *mongo_gridfs_new_file (const gchar *id, gint64 length, const bson_t *metadata);

/* Returns the createIndexes command for a @collection of a bucket, with the indexes that GridFS
 * specifies.
 * @indexes: (nullable): more indexes for the collection of files, as in mongo_index_command() */
bson_t *mongo_gridfs_index_command (const gchar *collection, const gchar *indexes);

G_END_DECLS
