/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mongoitem.h"

G_BEGIN_DECLS

/* Makes files in GridFS, which MongoDB's drivers can read: a file is a document in
 * `BUCKET.files`, and its bytes are in `BUCKET.chunks`. The drivers give each chunk a random `_id`,
 * so a file that they send twice leaves useless chunks. mongosink derives the `_id` of a chunk from
 * the file's `_id` and content, so that a chunk that is sent twice is a duplicate, and a chunk of
 * another file with the same name violates the unique index. */

#define MONGO_GRIDFS_CHUNKS ".chunks"
#define MONGO_GRIDFS_FILES ".files"
/* A file to store. */
typedef struct {
  const gchar *bucket;
  const gchar *id; /* the `_id` and name of the file; NULL means that the `_id` is an ObjectId */
  const bson_t *metadata; /* value of the field `metadata` of the file's document */
  const guint8 *data;     /* the file's content, in the memory of `buffer` */
  gsize size;
  GstBuffer *buffer;
  /* Called for each part of the file (a chunk or the document); takes ownership of @item. */
  GstFlowReturn (*push) (gpointer user_data, MongoItem *item);
  gpointer user_data;
} MongoUpload;

/* Pushes the chunks of a file and then the file's document, which comes last, so that a reader who
 * finds it also finds all chunks. If @upload's function push returns anything but GST_FLOW_OK, no
 * further part is pushed, and this result is returned. */
GstFlowReturn mongo_gridfs_push_file (const MongoUpload *upload);

G_END_DECLS
