/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongoitem.h"

G_BEGIN_DECLS

typedef enum {
  MONGO_MODE_INSERT,
  MONGO_MODE_REPLACE, /* replaces the stored document with the same _id, or inserts the document */
  /* sets the document's fields in the stored one with the same _id, or inserts the document */
  MONGO_MODE_UPDATE,
  MONGO_MODE_GRIDFS, /* inserts the chunks of GridFS files, and the files' documents */
} MongoMode;

/* The database for the documents, the way in which they are stored, and the options of new
 * collections. */
typedef struct {
  MongoMode mode;
  gchar *database;
  gchar *indexes; /* nullable; as in mongo_index_command() */
  /* name of the date field from which a document's age counts, unless time_field is set */
  gchar *expire_field;
  gint expire_after; /* s; see MongoExpiry */
  /* name of the date field of time series; NULL: the collections aren't time series */
  gchar *time_field;
  gchar *meta_field; /* nullable */
} MongoTarget;

void mongo_target_clear (MongoTarget *target);
/* Returns FALSE with G_IO_ERROR_INVALID_ARGUMENT if the settings in @target contradict each
 * other. */
gboolean mongo_target_check (const MongoTarget *target, GError **error);

/* A session is one connection to the database, and the writes over it. Only one thread may use a
 * session. */
typedef struct _MongoSession MongoSession;

/* The place in the source code where an error was found, for the GstMessage about the error. */
typedef struct {
  const gchar *file, *function;
  gint line;
} MongoPlace;

#define MONGO_HERE (&(const MongoPlace){__FILE__, G_STRFUNC, __LINE__})

/* A function that is called if the server doesn't support a setting, so that documents are stored
 * without it. */
typedef void (*MongoSessionWarning) (gpointer data, const GError *error, const MongoPlace *place);

/* Returns a new session. @uri and @target are copied. */
MongoSession *mongo_session_new (
    const mongoc_uri_t *uri, const MongoTarget *target, MongoSessionWarning warning, gpointer data);
void mongo_session_free (MongoSession *self);

/* Pings the server, after connecting if there is no connection. */
gboolean mongo_session_ping (MongoSession *self, bson_error_t *error);

/* Sets the time (ms) for which connections that are made from now on wait for an answer. */
void mongo_session_set_answer_timeout (MongoSession *self, gint32 ms);
/* Returns socketTimeoutMS of the URI, in ms; 0 or less means for ever. */
gint32 mongo_session_get_answer_timeout (MongoSession *self);

/* Closes the connection, because a new connection looks for its servers at once, while a connection
 * that lost its servers would wait for five seconds first. */
void mongo_session_drop (MongoSession *self);

/**
 * mongo_session_write:
 * @items: items that are sorted by collection
 * @in_doubt: TRUE if the connection broke, or the server failed, repeatedly with these items, so
 *   that the item that causes it has to be found
 *
 * Tries once to store all @n items. The result of each item is one of stored, duplicate, lost,
 * late, retry, refused, rejected, denied and failed.
 */
void mongo_session_write (MongoSession *self, MongoItem **items, guint n, gboolean in_doubt);

/* Gives @item the verdict rejected. If the item is the document of a file, deletes the file's
 * stored chunks. */
void mongo_session_reject (MongoSession *self, MongoItem *item);

G_END_DECLS
