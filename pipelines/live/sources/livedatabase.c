/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livedatabase.h"

#include <gio/gio.h>
#include <mongoc/mongoc.h>
#include <string.h>

#include "livejson.h"
#include "liverounds.h"
#include "server/mongolibrary.h"
#include "server/mongouri.h"

#define PING_TIME (2 * G_USEC_PER_SEC)
/* Longest time (ms) for the answer to a query. */
#define QUERY_TIME 25000
/* Longest time (ms) for the server to group the documents. */
#define GROUP_TIME 15000
/* Largest number of documents that are read for one answer, and longest time (us) for reading
 * them. */
#define MOST_DOCUMENTS 500000
#define MOST_TIME (20 * G_USEC_PER_SEC)
/* Largest number of buckets in one answer; each camera has buckets of its own. */
#define MOST_BUCKETS 20000

struct _LiveDatabase {
  const LiveOptions *options;
  LiveModel *model;
  mongoc_client_t *pinger;    /* client for pings; used only by the thread of @pings */
  mongoc_client_pool_t *pool; /* clients for queries, which may take longer than a ping */
  LiveRounds *pings;
};

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* --- is it there --- */

/* Returns: (transfer full): the reason in @message. The client also names its own settings, as in
 * "No suitable servers found (`serverSelectionTryOnce` set): [connection refused]", of which only
 * the words in brackets are the reason. */
static gchar *
dup_reason (const gchar *message)
{
  const gchar *begin = strstr (message, ": ["), *end = strrchr (message, ']');

  if (!g_str_has_prefix (message, "No suitable servers") || !begin || end < begin)
    return g_strdup (message);
  return g_strndup (begin + 3, (gsize) (end - begin - 3));
}

static void
ping (gpointer data)
{
  LiveDatabase *self = data;
  bson_t *command = BCON_NEW ("ping", BCON_INT32 (1));
  g_autofree gchar *reason = NULL;
  bson_error_t error;
  gboolean answers = mongoc_client_command_simple (
      self->pinger, self->options->settings.database, command, NULL, NULL, &error);

  bson_destroy (command);
  if (!answers)
    reason = dup_reason (error.message);
  live_model_set_trouble (self->model, LIVE_DATABASE, reason, now_ms ());
}

LiveDatabase *
live_database_new (const LiveOptions *options, LiveModel *model, GError **error)
{
  g_autoptr (mongoc_uri_t) uri = NULL;
  LiveDatabase *self;

  mongo_library_init ();
  uri = mongo_uri_open (NULL, options->settings.uri_file, error);
  if (!uri)
    return NULL;
  self = g_new0 (LiveDatabase, 1);
  self->options = options;
  self->model = model;
  self->pinger = mongoc_client_new_from_uri (uri);
  mongoc_client_set_error_api (self->pinger, 2);
  mongoc_uri_set_option_as_int32 (uri, MONGOC_URI_SOCKETTIMEOUTMS, QUERY_TIME);
  self->pool = mongoc_client_pool_new (uri);
  mongoc_client_pool_set_error_api (self->pool, 2);
  self->pings = live_rounds_new ("database", PING_TIME, ping, self);
  return self;
}

void
live_database_free (LiveDatabase *self)
{
  live_rounds_free (self->pings);
  mongoc_client_destroy (self->pinger);
  mongoc_client_pool_destroy (self->pool);
  g_free (self);
}

/* --- sums over the documents --- */

/* Sums over the frames of one camera in one period of time. */
typedef struct {
  gint64 time;
  gchar *camera;
  guint64 frames, faces;
  guint most;
} Bucket;

/* The sums over all documents that were read so far. */
typedef struct {
  const LiveDocumentsQuery *query;
  GHashTable *buckets; /* Bucket: itself */
  guint64 documents;
  gint64 deadline; /* monotonic us */
  gboolean complete;
} Sums;

/* --- buckets --- */

static guint
hash_bucket (gconstpointer data)
{
  const Bucket *bucket = data;

  return g_str_hash (bucket->camera) ^ g_int64_hash (&bucket->time);
}

static gboolean
buckets_equal (gconstpointer a, gconstpointer b)
{
  const Bucket *one = a, *other = b;

  return one->time == other->time && g_str_equal (one->camera, other->camera);
}

static void
bucket_free (gpointer data)
{
  Bucket *bucket = data;

  g_free (bucket->camera);
  g_free (bucket);
}

/* Returns: (nullable): the bucket of @camera at @time, which is added if it doesn't exist; NULL if
 * there are too many buckets. */
static Bucket *
ensure_bucket (Sums *sums, gint64 time, const gchar *camera)
{
  Bucket key = {.time = time, .camera = (gchar *) camera}, *bucket;

  bucket = g_hash_table_lookup (sums->buckets, &key);
  if (bucket || g_hash_table_size (sums->buckets) >= MOST_BUCKETS)
    return bucket;
  bucket = g_new0 (Bucket, 1);
  bucket->time = time;
  bucket->camera = g_strdup (camera);
  g_hash_table_add (sums->buckets, bucket);
  return bucket;
}

/* Reads the fields of a document. Values of a wrong type are skipped, because the collection may
 * contain documents of other programs. */
static gboolean
read_document (const bson_t *document, gint64 *captured, const gchar **camera, gint64 *faces)
{
  bson_iter_t iter;
  gdouble number;

  *camera = "";
  if (!bson_iter_init_find (&iter, document, "captured") || !BSON_ITER_HOLDS_DATE_TIME (&iter))
    return FALSE;
  *captured = bson_iter_date_time (&iter);
  if (!bson_iter_init_find (&iter, document, "faces") || !BSON_ITER_HOLDS_NUMBER (&iter))
    return FALSE;
  number = bson_iter_as_double (&iter);
  *faces = number > 0 ? (gint64) MIN (number, G_MAXINT32) : 0; /* 0 also for NaN */
  if (bson_iter_init_find (&iter, document, "camera") && BSON_ITER_HOLDS_UTF8 (&iter))
    *camera = bson_iter_utf8 (&iter, NULL);
  return TRUE;
}

static gboolean
add_document (Sums *sums, const bson_t *document)
{
  gint64 captured, faces, unit = sums->query->unit;
  const gchar *camera;
  Bucket *bucket;

  sums->documents++;
  if (!read_document (document, &captured, &camera, &faces))
    return TRUE;
  bucket = ensure_bucket (sums, captured - captured % unit, camera);
  if (!bucket)
    return FALSE;
  bucket->frames++;
  bucket->faces += (guint64) faces;
  bucket->most = MAX (bucket->most, (guint) faces);
  return TRUE;
}

typedef gboolean (*AddDocument) (Sums *sums, const bson_t *document);

/* Calls @add for each document of @cursor (transfer full) until @add returns FALSE. If the cursor
 * fails, sets @failed and returns FALSE. */
static gboolean
sum_cursor (Sums *sums, mongoc_cursor_t *cursor, AddDocument add, bson_error_t *failed)
{
  const bson_t *document;
  gboolean summed;

  sums->complete = TRUE;
  while (sums->complete && mongoc_cursor_next (cursor, &document))
    sums->complete = add (sums, document);
  summed = !mongoc_cursor_error (cursor, failed);
  mongoc_cursor_destroy (cursor);
  return summed;
}

/* --- sums made here --- */

static bson_t *
make_filter (const LiveDocumentsQuery *query)
{
  bson_t *filter = BCON_NEW ("captured", "{", "$gte", BCON_DATE_TIME (query->from), "$lt",
      BCON_DATE_TIME (query->to), "}");

  if (query->camera)
    BSON_APPEND_UTF8 (filter, "camera", query->camera);
  return filter;
}

static mongoc_cursor_t *
find (mongoc_collection_t *collection, const LiveDocumentsQuery *query)
{
  bson_t *filter = make_filter (query);
  bson_t *options = BCON_NEW ("projection", "{", "_id", BCON_INT32 (0), "captured", BCON_INT32 (1),
      "camera", BCON_INT32 (1), "faces", BCON_INT32 (1), "}", "batchSize", BCON_INT32 (1000),
      "limit", BCON_INT64 (MOST_DOCUMENTS + 1));
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts (collection, filter, options, NULL);

  bson_destroy (filter);
  bson_destroy (options);
  return cursor;
}

static gboolean
fail (const bson_error_t *failed, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, failed->message);
  return FALSE;
}

/* Returns FALSE if an answer must not have more documents, or has taken too long. */
static gboolean
add_within_bounds (Sums *sums, const bson_t *document)
{
  return add_document (sums, document) && sums->documents <= MOST_DOCUMENTS &&
         g_get_monotonic_time () < sums->deadline;
}

static gboolean
sum_here (Sums *sums, mongoc_collection_t *collection, GError **error)
{
  bson_error_t failed;

  return sum_cursor (sums, find (collection, sums->query), add_within_bounds, &failed) ||
         fail (&failed, error);
}

/* --- sums made by the server --- */

/* Makes an aggregation that computes the same sums as add_document(): documents whose `faces` isn't
 * a number are left out, and a camera that isn't text counts as "". */
static bson_t *
make_pipeline (const LiveDocumentsQuery *query)
{
  bson_t *filter = make_filter (query), *pipeline;
  gint64 unit = query->unit;

  BCON_APPEND (filter, "faces", "{", "$type", "[", "double", "int", "long", "]", "}");
  /* clang-format off */
  pipeline = BCON_NEW ("pipeline", "[",
      "{", "$match", BCON_DOCUMENT (filter), "}",
      "{", "$project", "{",
          "_id", "{",
              "time", "{", "$subtract", "[", "$captured",
                  "{", "$mod", "[", "{", "$toLong", "$captured", "}", BCON_INT64 (unit), "]", "}", "]", "}",
              "camera", "{", "$cond", "[",
                  "{", "$eq", "[", "{", "$type", "$camera", "}", "string", "]", "}", "$camera", "", "]", "}", "}",
          "faces", "{", "$toLong", "{", "$max", "[", BCON_INT64 (0),
              "{", "$min", "[", BCON_INT64 (G_MAXINT32), "$faces", "]", "}", "]", "}", "}", "}", "}",
      "{", "$group", "{", "_id", "$_id", "frames", "{", "$sum", BCON_INT64 (1), "}",
          "faces", "{", "$sum", "$faces", "}", "most", "{", "$max", "$faces", "}", "}", "}",
      "{", "$sort", "{", "_id.time", BCON_INT32 (-1), "}", "}",
      "{", "$limit", BCON_INT64 (MOST_BUCKETS + 1), "}", "]");
  /* clang-format on */
  bson_destroy (filter);
  return pipeline;
}

static gboolean
find_field (const bson_t *document, const gchar *path, bson_iter_t *found)
{
  bson_iter_t iter;

  return bson_iter_init (&iter, document) && bson_iter_find_descendant (&iter, path, found);
}

static gint64
read_number (const bson_t *document, const gchar *name)
{
  bson_iter_t iter;

  return find_field (document, name, &iter) ? MAX (bson_iter_as_int64 (&iter), 0) : 0;
}

static gboolean
add_group (Sums *sums, const bson_t *document)
{
  bson_iter_t time, camera;
  Bucket *bucket;

  if (!find_field (document, "_id.time", &time) || !BSON_ITER_HOLDS_DATE_TIME (&time) ||
      !find_field (document, "_id.camera", &camera) || !BSON_ITER_HOLDS_UTF8 (&camera))
    return FALSE;
  bucket = ensure_bucket (sums, bson_iter_date_time (&time), bson_iter_utf8 (&camera, NULL));
  if (!bucket)
    return FALSE;
  bucket->frames = (guint64) read_number (document, "frames");
  bucket->faces = (guint64) read_number (document, "faces");
  bucket->most = (guint) MIN (read_number (document, "most"), G_MAXINT32);
  return TRUE;
}

static mongoc_cursor_t *
aggregate (mongoc_collection_t *collection, const LiveDocumentsQuery *query)
{
  bson_t *pipeline = make_pipeline (query);
  bson_t *options =
      BCON_NEW ("maxTimeMS", BCON_INT64 (GROUP_TIME), "allowDiskUse", BCON_BOOL (TRUE));
  mongoc_cursor_t *cursor =
      mongoc_collection_aggregate (collection, MONGOC_QUERY_NONE, pipeline, options, NULL);

  bson_destroy (pipeline);
  bson_destroy (options);
  return cursor;
}

/* Lets the server make the sums. Returns FALSE without @error if the server answers that it can't,
 * or not in time. */
static gboolean
sum_there (Sums *sums, mongoc_collection_t *collection, GError **error)
{
  bson_error_t failed;
  gboolean summed = sum_cursor (sums, aggregate (collection, sums->query), add_group, &failed);

  if (!summed && failed.domain != MONGOC_ERROR_SERVER)
    return fail (&failed, error);
  if (!summed)
    g_debug ("history: the database doesn't group (%s): its documents are read", failed.message);
  return summed;
}

/* --- JSON --- */

static gint
compare_buckets (gconstpointer a, gconstpointer b)
{
  const Bucket *one = *(Bucket *const *) a, *other = *(Bucket *const *) b;

  if (one->time != other->time)
    return one->time < other->time ? -1 : 1;
  return g_strcmp0 (one->camera, other->camera);
}

static void
buckets_to_json (GHashTable *buckets, JsonBuilder *json)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer bucket_key;

  g_hash_table_iter_init (&iter, buckets);
  while (g_hash_table_iter_next (&iter, &bucket_key, NULL))
    g_ptr_array_add (list, bucket_key);
  g_ptr_array_sort (list, compare_buckets);
  live_json_open_list (json, "buckets");
  for (guint i = 0; i < list->len; i++) {
    const Bucket *bucket = g_ptr_array_index (list, i);

    json_builder_begin_object (json);
    live_json_int (json, "time", bucket->time);
    live_json_text (json, "camera", bucket->camera);
    live_json_int (json, "frames", (gint64) bucket->frames);
    live_json_int (json, "faces", (gint64) bucket->faces);
    live_json_int (json, "most", bucket->most);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static GBytes *
sum_documents (mongoc_collection_t *collection, const LiveDocumentsQuery *query, GError **error)
{
  g_autoptr (GHashTable) buckets =
      g_hash_table_new_full (hash_bucket, buckets_equal, bucket_free, NULL);
  Sums sums = {query, buckets, 0, g_get_monotonic_time () + MOST_TIME, FALSE};
  GError *failed = NULL;
  gboolean grouped = sum_there (&sums, collection, &failed);
  JsonBuilder *json;

  if (!grouped && !failed) {
    g_hash_table_remove_all (buckets);
    sum_here (&sums, collection, &failed);
  }
  if (failed) {
    g_propagate_error (error, failed);
    return NULL;
  }
  json = live_json_new ();
  live_json_text (json, "unit", query->unit_name);
  buckets_to_json (buckets, json);
  live_json_flag (json, "complete", sums.complete);
  live_json_flag (json, "grouped", grouped);
  return live_json_end (json);
}

GBytes *
live_database_make_documents (LiveDatabase *self, const LiveDocumentsQuery *query, GError **error)
{
  mongoc_client_t *client = mongoc_client_pool_pop (self->pool);
  mongoc_collection_t *collection = mongoc_client_get_collection (
      client, self->options->settings.database, self->options->settings.collection);
  GBytes *text = sum_documents (collection, query, error);

  mongoc_collection_destroy (collection);
  mongoc_client_pool_push (self->pool, client);
  return text;
}
