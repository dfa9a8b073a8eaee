/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livedatabase.h"

#include <mongoc/mongoc.h>

#include "livejson.h"
#include "server/mongolibrary.h"
#include "server/mongouri.h"

#define PING_TIME (2 * G_USEC_PER_SEC)
/* Documents that are read at most for one answer, and the time that it may take. */
#define MOST_DOCUMENTS 500000
#define MOST_TIME (20 * G_USEC_PER_SEC)
/* Buckets and cameras of one answer. */
#define MOST_BUCKETS 20000

struct _LiveDatabase {
  const LiveOptions *options;
  LiveModel *model;
  mongoc_client_t *pinger;    /* of the thread */
  mongoc_client_pool_t *pool; /* for queries, which may take longer than a ping */
  GThread *thread;
  GMutex lock;
  GCond changed;
  gboolean ending; /* with the lock */
};

/* Frames of a camera within a bucket. */
typedef struct {
  gint64 time;
  gchar *camera;
  guint64 frames, faces;
  guint most;
} Bucket;

/* What is made of documents as they come. */
typedef struct {
  const LiveDocumentsQuery *query;
  GHashTable *buckets; /* Bucket: itself */
  guint64 documents;
  gboolean complete;
} Sums;

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* --- is it there --- */

static void
ping (LiveDatabase *self)
{
  mongoc_client_t *client = mongoc_client_pool_pop (self->pool);
  bson_t *command = BCON_NEW ("ping", BCON_INT32 (1));
  bson_error_t error;
  gboolean answers =
      mongoc_client_command_simple (client, self->options->database, command, NULL, NULL, &error);

  mongoc_client_pool_push (self->pool, client);
  bson_destroy (command);
  live_model_set_trouble (self->model, LIVE_DATABASE, answers ? NULL : error.message, now_ms ());
}

static gpointer
run (gpointer data)
{
  LiveDatabase *self = data;

  g_mutex_lock (&self->lock);
  while (!self->ending) {
    gint64 next = g_get_monotonic_time () + PING_TIME;

    g_mutex_unlock (&self->lock);
    ping (self);
    g_mutex_lock (&self->lock);
    while (!self->ending && g_cond_wait_until (&self->changed, &self->lock, next))
      ;
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

LiveDatabase *
live_database_new (const LiveOptions *options, LiveModel *model, GError **error)
{
  g_autoptr (mongoc_uri_t) uri = NULL;
  LiveDatabase *self;

  mongo_library_init ();
  uri = mongo_uri_open (NULL, options->uri_file, error);
  if (!uri)
    return NULL;
  self = g_new0 (LiveDatabase, 1);
  self->options = options;
  self->model = model;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->pinger = mongoc_client_new_from_uri (uri);
  mongoc_client_set_error_api (self->pinger, 2);
  mongoc_uri_set_option_as_int32 (uri, MONGOC_URI_SOCKETTIMEOUTMS, MOST_TIME / 1000);
  self->pool = mongoc_client_pool_new (uri);
  mongoc_client_pool_set_error_api (self->pool, 2);
  self->thread = g_thread_new ("database", run, self);
  return self;
}

void
live_database_free (LiveDatabase *self)
{
  g_mutex_lock (&self->lock);
  self->ending = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_thread_join (self->thread);
  mongoc_client_destroy (self->pinger);
  mongoc_client_pool_destroy (self->pool);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

/* --- sums --- */

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

/* (nullable): NULL: there are too many. */
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

/* Documents of any other writer may be there: what isn't of the right type is passed over. */
static gboolean
read_document (const bson_t *document, gint64 *captured, const gchar **camera, gint64 *faces)
{
  bson_iter_t iter;

  *camera = "";
  if (!bson_iter_init_find (&iter, document, "captured") || !BSON_ITER_HOLDS_DATE_TIME (&iter))
    return FALSE;
  *captured = bson_iter_date_time (&iter);
  if (!bson_iter_init_find (&iter, document, "faces") || !BSON_ITER_HOLDS_NUMBER (&iter))
    return FALSE;
  *faces = CLAMP (bson_iter_as_int64 (&iter), 0, G_MAXINT32);
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

static mongoc_cursor_t *
find (LiveDatabase *self, mongoc_client_t *client, const LiveDocumentsQuery *query)
{
  mongoc_collection_t *collection =
      mongoc_client_get_collection (client, self->options->database, self->options->collection);
  bson_t *filter = BCON_NEW ("captured", "{", "$gte", BCON_DATE_TIME (query->from), "$lt",
      BCON_DATE_TIME (query->to), "}");
  bson_t *options = BCON_NEW ("projection", "{", "_id", BCON_INT32 (0), "captured", BCON_INT32 (1),
      "camera", BCON_INT32 (1), "faces", BCON_INT32 (1), "}", "batchSize", BCON_INT32 (1000),
      "limit", BCON_INT64 (MOST_DOCUMENTS + 1));
  mongoc_cursor_t *cursor;

  if (query->camera)
    BSON_APPEND_UTF8 (filter, "camera", query->camera);
  cursor = mongoc_collection_find_with_opts (collection, filter, options, NULL);
  bson_destroy (filter);
  bson_destroy (options);
  mongoc_collection_destroy (collection);
  return cursor;
}

static gboolean
sum_up (Sums *sums, mongoc_cursor_t *cursor, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + MOST_TIME;
  const bson_t *document;
  bson_error_t failed;

  sums->complete = TRUE;
  while (sums->complete && mongoc_cursor_next (cursor, &document))
    sums->complete = add_document (sums, document) && sums->documents <= MOST_DOCUMENTS &&
                     g_get_monotonic_time () < deadline;
  if (!mongoc_cursor_error (cursor, &failed))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, failed.message);
  return FALSE;
}

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

GBytes *
live_database_make_documents (LiveDatabase *self, const LiveDocumentsQuery *query, GError **error)
{
  mongoc_client_t *client = mongoc_client_pool_pop (self->pool);
  mongoc_cursor_t *cursor = find (self, client, query);
  g_autoptr (GHashTable) buckets =
      g_hash_table_new_full (hash_bucket, buckets_equal, bucket_free, NULL);
  Sums sums = {.query = query, .buckets = buckets};
  gboolean summed = sum_up (&sums, cursor, error);
  JsonBuilder *json = live_json_new ();
  g_autoptr (GBytes) text = NULL;

  mongoc_cursor_destroy (cursor);
  mongoc_client_pool_push (self->pool, client);
  live_json_text (json, "unit", query->unit_name);
  buckets_to_json (buckets, json);
  live_json_flag (json, "complete", sums.complete);
  text = live_json_end (json);
  return summed ? g_steal_pointer (&text) : NULL;
}
