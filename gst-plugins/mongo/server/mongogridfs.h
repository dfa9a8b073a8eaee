/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* Functions that make files in GridFS, which MongoDB's drivers can read: a file is a document in
 * `BUCKET.files`, and its bytes are in `BUCKET.chunks`. The drivers give each chunk a random `_id`,
 * so a file that they send twice leaves useless chunks. mongosink derives the `_id` of a chunk from
 * the file's `_id` and content, so that a chunk that is sent twice is a duplicate, and a chunk of
 * another file with the same name violates the unique index. */

#define MONGO_GRIDFS_CHUNKS ".chunks"
#define MONGO_GRIDFS_FILES ".files"
/* The size (bytes) of a chunk, as GridFS specifies it. */
#define MONGO_GRIDFS_CHUNK_SIZE (255 * 1024)

/* Returns a digest of a file's content, from which the `_id`s of its chunks are made. */
GBytes *mongo_gridfs_digest (const guint8 *data, gsize size);

/**
 * mongo_gridfs_new_chunk:
 * @file: the file's document
 * @content: mongo_gridfs_digest() of the whole file
 * @n: the number of the chunk, from 0
 * @data: the chunk's @size bytes; @size is %MONGO_GRIDFS_CHUNK_SIZE, or less in the last chunk
 */
bson_t *mongo_gridfs_new_chunk (
    const bson_t *file, GBytes *content, gint32 n, const guint8 *data, guint32 size);

/**
 * mongo_gridfs_new_file:
 * @id: (nullable): the `_id` and name of the file; %NULL means that the `_id` is an ObjectId
 * @length: the number of bytes of the file
 * @metadata: the document that is stored in the field `metadata` of the file's document
 */
bson_t *mongo_gridfs_new_file (const gchar *id, gint64 length, const bson_t *metadata);

/* Returns the createIndexes command for @collection, a bucket's collection of files or chunks, with
 * the indexes that GridFS specifies for it. @indexes: (nullable): more indexes for the collection
 * of the files' documents, written as in mongo_index_command() */
bson_t *mongo_gridfs_index_command (const gchar *collection, const gchar *indexes);

G_END_DECLS
