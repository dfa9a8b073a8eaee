/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "erasedatabase.h"

#include <gio/gio.h>
#include <string.h>

#include "document/mongodocument.h"
#include "server/mongogridfs.h"
#include "server/mongolibrary.h"
#include "server/mongouri.h"

/* Time limit (ms) of one command, which is long because one command removes all documents of the
 * range. */
#define ANSWER_TIME 600000
/* Number of pictures that one command removes. */
#define BATCH 200

struct _EraseDatabase {
  mongoc_client_t *client;
  mongoc_collection_t *documents, *files, *chunks;
  bson_t *of_documents, *of_files; /* filters */
};

static gboolean
fail (const bson_error_t *failed, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The database: %s.", failed->message);
  return FALSE;
}

/* Makes a filter that matches the fog's documents, and frames that mongosink has stored with
 * wrap=true. */
static bson_t *
make_filter (const ClipRange *range)
{
  return BCON_NEW ("captured", "{", "$gte", BCON_DATE_TIME (range->from), "$lt",
      BCON_DATE_TIME (range->to), "}", "$or", "[", "{", "camera", BCON_UTF8 (range->camera), "}",
      "{", "headers.camera", BCON_UTF8 (range->camera), "}", "]");
}

static bson_t *
make_file_filter (const ClipRange *range)
{
  return BCON_NEW ("metadata.captured", "{", "$gte", BCON_DATE_TIME (range->from), "$lt",
      BCON_DATE_TIME (range->to), "}", "metadata.headers.camera", BCON_UTF8 (range->camera));
}

static mongoc_collection_t *
get_collection (EraseDatabase *self, const gchar *database, const gchar *name, const gchar *part)
{
  g_autofree gchar *whole = g_strconcat (name, part, NULL);

  return mongoc_client_get_collection (self->client, database, whole);
}

/* Refuses patterns as names, because no collection has a pattern as its name, so no document would
 * be found. */
static gboolean
check_names (const gchar *collection, const gchar *bucket, GError **error)
{
  if (!strstr (collection, "%{") && !strstr (bucket, "%{"))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
      "Nothing was removed: \"%s\" is a pattern. Run it for each collection, with its name in "
      "COLLECTION or --pictures.",
      strstr (collection, "%{") ? collection : bucket);
  return FALSE;
}

EraseDatabase *
erase_database_new (
    const LiveSettings *settings, const gchar *bucket, const ClipRange *range, GError **error)
{
  g_autoptr (mongoc_uri_t) uri = NULL;
  EraseDatabase *self;

  if (!check_names (settings->collection, bucket, error))
    return NULL;
  mongo_library_init ();
  if (!(uri = mongo_uri_open (NULL, settings->uri_file, error)))
    return NULL;
  mongoc_uri_set_option_as_int32 (uri, MONGOC_URI_SOCKETTIMEOUTMS, ANSWER_TIME);
  self = g_new0 (EraseDatabase, 1);
  self->client = mongoc_client_new_from_uri (uri);
  mongoc_client_set_error_api (self->client, 2);
  self->documents = get_collection (self, settings->database, settings->collection, NULL);
  self->files = get_collection (self, settings->database, bucket, MONGO_GRIDFS_FILES);
  self->chunks = get_collection (self, settings->database, bucket, MONGO_GRIDFS_CHUNKS);
  self->of_documents = make_filter (range);
  self->of_files = make_file_filter (range);
  return self;
}

void
erase_database_free (EraseDatabase *self)
{
  bson_destroy (self->of_documents);
  bson_destroy (self->of_files);
  mongoc_collection_destroy (self->documents);
  mongoc_collection_destroy (self->files);
  mongoc_collection_destroy (self->chunks);
  mongoc_client_destroy (self->client);
  g_free (self);
}

gboolean
erase_database_count (EraseDatabase *self, gint64 *documents, gint64 *pictures, GError **error)
{
  bson_error_t failed;

  *documents = mongoc_collection_count_documents (
      self->documents, self->of_documents, NULL, NULL, NULL, &failed);
  if (*documents < 0)
    return fail (&failed, error);
  *pictures =
      mongoc_collection_count_documents (self->files, self->of_files, NULL, NULL, NULL, &failed);
  return *pictures >= 0 || fail (&failed, error);
}

/* @removed: (out) (optional) */
static gboolean
remove_all (mongoc_collection_t *collection, const bson_t *filter, gint64 *removed, GError **error)
{
  bson_error_t failed;
  bson_iter_t iter;
  bson_t reply;
  gboolean done = mongoc_collection_delete_many (collection, filter, NULL, &reply, &failed);

  if (removed && bson_iter_init_find (&iter, &reply, "deletedCount"))
    *removed += bson_iter_as_int64 (&iter);
  bson_destroy (&reply);
  return done || fail (&failed, error);
}

/* Makes two filters for the next pictures to remove: one for their files in GridFS, one for their
 * chunks. @count: (out): number of these pictures */
static gboolean
find_pictures (
    EraseDatabase *self, bson_t *of_files, bson_t *of_chunks, guint *count, GError **error)
{
  g_autoptr (bson_t) options =
      BCON_NEW ("projection", "{", "_id", BCON_INT32 (1), "}", "limit", BCON_INT64 (BATCH));
  mongoc_cursor_t *cursor =
      mongoc_collection_find_with_opts (self->files, self->of_files, options, NULL);
  bson_t ids = BSON_INITIALIZER;
  const bson_t *file;
  bson_error_t failed;
  gboolean found;

  for (*count = 0; mongoc_cursor_next (cursor, &file); (*count)++) {
    gchar key[16];
    bson_iter_t iter;

    g_snprintf (key, sizeof key, "%u", *count);
    if (bson_iter_init_find (&iter, file, "_id"))
      BSON_APPEND_VALUE (&ids, key, bson_iter_value (&iter));
  }
  found = !mongoc_cursor_error (cursor, &failed) || fail (&failed, error);
  BCON_APPEND (of_files, "_id", "{", "$in", BCON_ARRAY (&ids), "}");
  BCON_APPEND (of_chunks, "files_id", "{", "$in", BCON_ARRAY (&ids), "}");
  bson_destroy (&ids);
  mongoc_cursor_destroy (cursor);
  return found;
}

static gboolean
remove_pictures (EraseDatabase *self, gint64 *removed, GError **error)
{
  guint count = BATCH;

  while (count == BATCH) {
    g_autoptr (bson_t) files = bson_new ();
    g_autoptr (bson_t) chunks = bson_new ();

    if (!find_pictures (self, files, chunks, &count, error))
      return FALSE;
    if (count && (!remove_all (self->chunks, chunks, NULL, error) ||
                     !remove_all (self->files, files, removed, error)))
      return FALSE;
  }
  return TRUE;
}

gboolean
erase_database_remove (EraseDatabase *self, gint64 *documents, gint64 *pictures, GError **error)
{
  *documents = *pictures = 0;
  return remove_pictures (self, pictures, error) &&
         remove_all (self->documents, self->of_documents, documents, error);
}
