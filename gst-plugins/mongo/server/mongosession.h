/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongoreply.h"

G_BEGIN_DECLS

typedef enum {
  MONGO_MODE_INSERT,
  MONGO_MODE_REPLACE, /* in place of what has the same _id, if anything has */
  MONGO_MODE_UPDATE,  /* its fields into what has the same _id, else as a new document */
  MONGO_MODE_GRIDFS,  /* inserts of files' parts */
} MongoMode;

/* Where documents go, and what the collections there shall be like. */
typedef struct {
  MongoMode mode;
  gchar *database;
  gchar *indexes; /* nullable; these three as mongo_index_command() takes them */
  gchar *expire_field;
  guint expire_after;
  gchar *time_field; /* nullable: then ordinary collections */
  gchar *meta_field; /* nullable */
} MongoTarget;

/* @target gets copies of all that @from has. */
void mongo_target_copy (MongoTarget *target, const MongoTarget *from);
void mongo_target_clear (MongoTarget *target);
/* G_IO_ERROR_INVALID_ARGUMENT: what can't be, for a person. */
gboolean mongo_target_check (const MongoTarget *target, GError **error);

/* A file of several documents. Of the writer's thread alone once its first one was pushed. */
typedef struct {
  gatomicrefcount refs;
  GRefString *bucket; /* the chunks' collection */
  GArray *stored;     /* _id, bson_oid_t, of its chunks that are there */
  gboolean refused;   /* one of its documents was: the rest would be of no use */
  gboolean reported;  /* so it was told of */
} MongoFile;

/* @bucket: (transfer full) */
MongoFile *mongo_file_new (GRefString *bucket);
void mongo_file_unref (MongoFile *file);

/* A document on its way, and the buffer that has to be kept until it is stored. */
typedef struct {
  bson_t *document;
  GRefString *collection;
  GstBuffer *buffer; /* NULL once the writer was left behind; guarded by its lock */
  gsize at, size;    /* where in the buffer it stands, in bytes */
  MongoFile *file;   /* nullable */
  gboolean is_part;  /* another document stands for the whole file */
  gboolean beside;   /* one of the same collection was stored while this one was refused */
  MongoResult result;
} MongoItem;

/* All of them (transfer full). */
MongoItem *mongo_item_new (bson_t *document, GRefString *collection, GstBuffer *buffer);
void mongo_item_free (MongoItem *item);

/* The verdict may change if it is tried again later; not for what wasn't tried yet. */
gboolean mongo_item_is_retry (const MongoItem *item);

/* One connection, and the writes over it. Of one thread alone. */
typedef struct _MongoSession MongoSession;

/* Something asked for isn't there, but documents are stored. */
typedef void (*MongoSessionWarning) (gpointer data, const GError *error);

/* @uri and @target are copied. */
MongoSession *mongo_session_new (
    const mongoc_uri_t *uri, const MongoTarget *target, MongoSessionWarning warning, gpointer data);
void mongo_session_free (MongoSession *self);

const MongoTarget *mongo_session_get_target (MongoSession *self);
/* The hosts, for messages. */
const gchar *mongo_session_get_hosts (MongoSession *self);

/* Connects, unless that was done, and asks for a sign of life. */
gboolean mongo_session_ping (MongoSession *self, bson_error_t *error);

/* How long, in ms, the next connections wait for an answer. */
void mongo_session_set_patience (MongoSession *self, gint32 ms);
/* What the URI says; 0 or less for ever. */
gint32 mongo_session_get_patience (MongoSession *self);

/* Lets the connection go: a new one looks for its servers at once, one that has lost
 * them waits for five seconds. */
void mongo_session_drop (MongoSession *self);

/**
 * mongo_session_write:
 * @items: sorted by collection
 * @in_doubt: the connection was lost over these items again and again: find out which one it is
 *
 * One try to store all @n items. Each one's result tells what became of it: stored, duplicate,
 * lost, late, retry, refused, rejected, denied or failed.
 */
void mongo_session_write (MongoSession *self, MongoItem **items, guint n, gboolean in_doubt);

/* It will never be taken; a file's parts that were stored go with it. */
void mongo_session_reject (MongoSession *self, MongoItem *item);

G_END_DECLS
