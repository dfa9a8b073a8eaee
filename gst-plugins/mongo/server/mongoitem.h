/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "mongoreply.h"

G_BEGIN_DECLS

/* A GridFS file, which is stored as several documents. After the first of these documents was
 * pushed to the writer, only the writer's thread uses the MongoFile. */
typedef struct {
  gatomicrefcount refs;
  GRefString *bucket; /* the name of the collection of the file's chunks */
  GArray *stored;     /* array of bson_oid_t: the _id of each stored chunk */
  gboolean refused;   /* one of the file's documents was refused, so no more of them are stored */
  gboolean reported;  /* the refusal was reported */
} MongoFile;

void mongo_file_unref (MongoFile *file);

/* A document to store, and the buffer that it came in, which is held until the document is
 * stored. */
typedef struct {
  bson_t *document;
  GRefString *collection;
  GstBuffer *buffer; /* guarded by the writer's lock; NULL after the buffer was released */
  gsize at, size;    /* the document's position in the buffer, in bytes */
  MongoFile *file;   /* nullable */
  /* TRUE for a chunk of a file, because only the file's document is counted in the stats */
  gboolean is_part;
  /* the _id was made of topic, partition and offset, because the message's document has none */
  gboolean placed;
  gboolean wrapped; /* the document wraps a buffer, whose times may differ in a replay */
  gsize order;      /* number of the session's latest bulk write that had this item */
  /* the writer's `count` at the first of the latest tries that broke the connection; 0: the latest
   * try didn't break it */
  gsize lost;
  /* the writer's `count` when the document was first refused, or broke the connection just before;
   * 0: it was never refused */
  gsize refused;
  gboolean beside; /* another document of the collection was stored in the same try, or since */
  MongoResult result;
} MongoItem;

/* Returns a new item, which takes ownership of all parameters. */
MongoItem *mongo_item_new (bson_t *document, GRefString *collection, GstBuffer *buffer);
void mongo_item_free (MongoItem *item);

/* Returns TRUE if the result is an internal error of the server: its disk is full, or it can't
 * handle the document. */
gboolean mongo_item_is_internal_error (const MongoItem *item);

/* Returns TRUE if the result permits that a later attempt stores the document. */
gboolean mongo_item_is_retry (const MongoItem *item);

G_END_DECLS
