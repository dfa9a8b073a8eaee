/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongoreply.h"

G_BEGIN_DECLS

typedef enum {
  MONGO_MODE_INSERT,
  MONGO_MODE_REPLACE, /* replaces the document with the same _id, or inserts */
  MONGO_MODE_UPDATE,  /* sets the document's fields in the document with the same _id, or inserts */
  MONGO_MODE_GRIDFS,  /* inserts the chunks of files, and the files' documents */
} MongoMode;

/* The database and collections for the documents, and the options of new collections. */
typedef struct {
  MongoMode mode;
  gchar *database;
  gchar *indexes; /* nullable; as in mongo_index_command() */
  /* name of the date from which a document's age counts, unless time_field is set */
  gchar *expire_field;
  gint expire_after; /* s; see MongoExpiry */
  /* name of the date of time series; NULL: the collections aren't time series */
  gchar *time_field;
  gchar *meta_field; /* nullable */
} MongoTarget;

void mongo_target_clear (MongoTarget *target);
/* Returns FALSE with G_IO_ERROR_INVALID_ARGUMENT if these settings contradict each other. */
gboolean mongo_target_check (const MongoTarget *target, GError **error);

/* A file, which is stored as several documents. After its first document was pushed, only the
 * writer's thread uses the file. */
typedef struct {
  gatomicrefcount refs;
  GRefString *bucket; /* the collection of its chunks */
  GArray *stored;     /* array of bson_oid_t: the _id of each stored chunk */
  gboolean refused;   /* one of its documents was refused, so the rest isn't stored */
  gboolean reported;  /* the refusal was reported */
} MongoFile;

/* @bucket: (transfer full) */
MongoFile *mongo_file_new (GRefString *bucket);
void mongo_file_unref (MongoFile *file);

/* A document to store, and the buffer that is held until it is stored. */
typedef struct {
  bson_t *document;
  GRefString *collection;
  GstBuffer *buffer; /* guarded by the writer's lock; NULL once it was released */
  gsize at, size;    /* the document's position in the buffer, in bytes */
  MongoFile *file;   /* nullable */
  gboolean is_part;  /* a chunk: another document counts for the whole file */
  gboolean placed;   /* the _id is the place in Kafka, and isn't in the document itself */
  gboolean wrapped;  /* the document holds a buffer, whose times may differ in a replay */
  gsize order;       /* number of the session's write that had it last */
  gsize refused;     /* the writer's count when the document was first refused; 0: never */
  gboolean beside;   /* another one of its collection was stored in the same try, or since then */
  MongoResult result;
} MongoItem;

/* Takes ownership of all parameters. */
MongoItem *mongo_item_new (bson_t *document, GRefString *collection, GstBuffer *buffer);
void mongo_item_free (MongoItem *item);

/* Returns TRUE if the server failed at this document, or at all of them: a full disk, or a document
 * that the server can't handle. */
gboolean mongo_item_is_internal_error (const MongoItem *item);

/* Returns TRUE if a later attempt may store the document. */
gboolean mongo_item_is_retry (const MongoItem *item);

/* One connection, and the writes over it. Only one thread may use a session. */
typedef struct _MongoSession MongoSession;

/* The place in the source where an error was found, for the message about it. */
typedef struct {
  const gchar *file, *function;
  gint line;
} MongoPlace;

#define MONGO_HERE (&(const MongoPlace){__FILE__, G_STRFUNC, __LINE__})

/* The server doesn't support a setting; documents are stored without it. */
typedef void (*MongoSessionWarning) (gpointer data, const GError *error, const MongoPlace *place);

/* @uri and @target are copied. */
MongoSession *mongo_session_new (
    const mongoc_uri_t *uri, const MongoTarget *target, MongoSessionWarning warning, gpointer data);
void mongo_session_free (MongoSession *self);

const MongoTarget *mongo_session_get_target (MongoSession *self);
/* Returns the hosts of the URI, for messages. */
const gchar *mongo_session_get_hosts (MongoSession *self);

/* Connects if there is no connection, and pings the server. */
gboolean mongo_session_ping (MongoSession *self, bson_error_t *error);

/* Sets the time (ms) that connections made from now on wait for an answer. */
void mongo_session_set_answer_timeout (MongoSession *self, gint32 ms);
/* ms: socketTimeoutMS of the URI; 0 or less: for ever. */
gint32 mongo_session_get_answer_timeout (MongoSession *self);

/* Closes the connection. A new connection looks for its servers at once; one that lost its servers
 * would wait for five seconds first. */
void mongo_session_drop (MongoSession *self);

/**
 * mongo_session_write:
 * @items: sorted by collection
 * @in_doubt: the connection broke repeatedly over these items: find the item that causes it
 *
 * Tries once to store all @n items. The result of each item is one of stored, duplicate, lost,
 * late, retry, refused, rejected, denied and failed.
 */
void mongo_session_write (MongoSession *self, MongoItem **items, guint n, gboolean in_doubt);

/* Gives @item the verdict rejected. If the item is part of a file, deletes the file's stored
 * parts. */
void mongo_session_reject (MongoSession *self, MongoItem *item);

G_END_DECLS
