/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongosession.h"

#include <gio/gio.h>
#include <string.h>

#include "document/mongodocument.h"
#include "mongoexpiry.h"
#include "mongogridfs.h"
#include "mongoindex.h"
#include "mongouri.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define CLOSED_AT_ONCE G_USEC_PER_SEC
/* The number of duplicates of a batch that are compared with the stored documents of the same _id.
 * If one of them differs from the stored document, all duplicates of the batch are compared. */
#define PLACES_COMPARED 8
#define NO_CLIENT "the driver can't create a client from the URI"
#define CODE_NAMESPACE_EXISTS 48

struct _MongoSession {
  mongoc_uri_t *uri;
  gint32 answer_timeout;     /* time for an answer that the URI allows, ms */
  gint32 answer_timeout_now; /* time for an answer that the present connection allows, ms */
  gchar *hosts;
  MongoTarget target;
  MongoSessionWarning warning;
  gpointer data;
  mongoc_client_t *client; /* nullable */
  gsize writes;            /* number of bulk writes so far */
  /* set of the names of the collections whose options and indexes are set */
  GHashTable *prepared;
};

/* --- target of the writes --- */

/* Makes @target a deep copy of @from. */
static void
copy_target (MongoTarget *target, const MongoTarget *from)
{
  *target = *from;
  target->database = g_strdup (from->database);
  target->indexes = g_strdup (from->indexes);
  target->expire_field = g_strdup (from->expire_field);
  target->time_field = g_strdup (from->time_field);
  target->meta_field = g_strdup (from->meta_field);
}

void
mongo_target_clear (MongoTarget *target)
{
  g_clear_pointer (&target->database, g_free);
  g_clear_pointer (&target->indexes, g_free);
  g_clear_pointer (&target->expire_field, g_free);
  g_clear_pointer (&target->time_field, g_free);
  g_clear_pointer (&target->meta_field, g_free);
}

/* Returns the name of the date field from which a document's age is counted. */
static const gchar *
get_date (const MongoTarget *target)
{
  return target->time_field ? target->time_field : target->expire_field;
}

gboolean
mongo_target_check (const MongoTarget *target, GError **error)
{
  const gchar *date = get_date (target);
  g_autoptr (GError) what = NULL;
  G_GNUC_UNUSED g_autoptr (bson_t) command =
      mongo_index_command ("any", target->indexes, NULL, &what);
  const gchar *clash = NULL;

  if (target->time_field && target->mode != MONGO_MODE_INSERT)
    clash = "time-field needs mode=insert, because a time series takes only inserts";
  else if (target->meta_field && !target->time_field)
    clash = "meta-field needs time-field";
  else if (target->expire_after > 0 &&
           (strpbrk (date, ",;$") || *date == '-' || !*date || strcmp (date, "_id") == 0))
    clash = "expire-after needs the name of one date other than _id as expire-field or time-field";
  else if (target->expire_after > 0 && target->mode == MONGO_MODE_GRIDFS)
    clash = "expire-after doesn't work with mode=gridfs, because the chunks of files would stay";
  if (!what && !clash)
    return TRUE;
  if (what)
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "create-index is wrong: %s", what->message);
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, clash);
  return FALSE;
}

/* --- the connection --- */

MongoSession *
mongo_session_new (
    const mongoc_uri_t *uri, const MongoTarget *target, MongoSessionWarning warning, gpointer data)
{
  MongoSession *self = g_new0 (MongoSession, 1);

  self->uri = mongoc_uri_copy (uri);
  self->answer_timeout = self->answer_timeout_now =
      mongoc_uri_get_option_as_int32 (uri, MONGOC_URI_SOCKETTIMEOUTMS, 0);
  self->hosts = mongo_uri_describe (uri);
  copy_target (&self->target, target);
  self->warning = warning;
  self->data = data;
  self->prepared = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
mongo_session_free (MongoSession *self)
{
  mongo_session_drop (self);
  mongoc_uri_destroy (self->uri);
  mongo_target_clear (&self->target);
  g_hash_table_unref (self->prepared);
  g_free (self->hosts);
  g_free (self);
}

void
mongo_session_set_answer_timeout (MongoSession *self, gint32 ms)
{
  mongoc_uri_set_option_as_int32 (self->uri, MONGOC_URI_SOCKETTIMEOUTMS, ms);
}

gint32
mongo_session_get_answer_timeout (MongoSession *self)
{
  return self->answer_timeout;
}

static gboolean
ensure_client (MongoSession *self)
{
  if (self->client)
    return TRUE;
  self->answer_timeout_now =
      mongoc_uri_get_option_as_int32 (self->uri, MONGOC_URI_SOCKETTIMEOUTMS, 0);
  self->client = mongoc_client_new_from_uri (self->uri);
  if (self->client)
    mongoc_client_set_error_api (self->client, MONGOC_ERROR_API_VERSION_2);
  return self->client != NULL;
}

void
mongo_session_drop (MongoSession *self)
{
  g_clear_pointer (&self->client, mongoc_client_destroy);
}

gboolean
mongo_session_ping (MongoSession *self, bson_error_t *error)
{
  g_autoptr (bson_t) command = BCON_NEW ("ping", BCON_INT32 (1));

  if (ensure_client (self))
    return mongoc_client_command_simple (
        self->client, self->target.database, command, NULL, NULL, error);
  bson_set_error (error, MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_NOT_READY, NO_CLIENT);
  return FALSE;
}

/* --- the collections --- */

static void
warn (MongoSession *self, const gchar *collection, const gchar *lacks, const gchar *why, guint code)
{
  g_autoptr (GError) error = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "MongoDB at %s didn't create the %s for %s.%s: %s (code %u). Documents are stored without "
      "it. "
      "Check %s.",
      self->hosts, lacks, self->target.database, collection, why, code,
      self->target.time_field ? "time-field, create-index and expire-after"
                              : "create-index and expire-after");

  self->warning (self->data, error, MONGO_HERE);
}

typedef enum {
  ANSWER_YES,
  ANSWER_NO, /* the server refuses the command for good */
  /* no answer came, because the connection was lost, or the server can't execute the command now */
  ANSWER_NONE,
} Answer;

static Answer
ask_for (MongoSession *self, const bson_t *command, bson_error_t *error)
{
  if (mongoc_client_write_command_with_opts (
          self->client, self->target.database, command, NULL, NULL, error))
    return ANSWER_YES;
  return error->domain != MONGOC_ERROR_SERVER ||
                 mongo_error_judge (error, NULL) == MONGO_VERDICT_RETRY
             ? ANSWER_NONE
             : ANSWER_NO;
}

/* Returns the command that creates @collection as a time series of the target. */
static bson_t *
new_series_command (const MongoTarget *target, const gchar *collection)
{
  bson_t *command = BCON_NEW ("create", BCON_UTF8 (collection));
  bson_t series;

  BSON_APPEND_DOCUMENT_BEGIN (command, "timeseries", &series);
  BSON_APPEND_UTF8 (&series, "timeField", target->time_field);
  if (target->meta_field)
    BSON_APPEND_UTF8 (&series, "metaField", target->meta_field);
  bson_append_document_end (command, &series);
  if (target->expire_after > 0)
    BSON_APPEND_INT64 (command, "expireAfterSeconds", target->expire_after);
  return command;
}

/* Creates a collection as a time series, if it doesn't exist. Returns FALSE if the server gave no
 * answer. @made: (out): TRUE if the time series was created */
static gboolean
make_series (MongoSession *self, const gchar *collection, gboolean *made)
{
  const MongoTarget *target = &self->target;
  g_autoptr (bson_t) command = new_series_command (target, collection);
  bson_error_t error;
  Answer answer = ask_for (self, command, &error);

  if (answer == ANSWER_NO && error.code != CODE_NAMESPACE_EXISTS)
    warn (self, collection, "time series", error.message, error.code);
  *made = answer == ANSWER_YES;
  return answer != ANSWER_NONE;
}

static void
warn_of_expiry (MongoSession *self, const gchar *collection, const gchar *remark)
{
  g_autoptr (GError) error = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "MongoDB at %s deletes documents of %s.%s, although expire-after is unset: %s. Set "
      "expire-after=0 to end that, or expire-after and expire-field to what they are there.",
      self->hosts, self->target.database, collection, remark);

  self->warning (self->data, error, MONGO_HERE);
}

/* Makes the documents of a collection expire as the target says. Returns FALSE if the server gave
 * no answer, or @result has an error. @met: (out): TRUE if the wanted rule of expiry is in force */
static gboolean
keep_expiry (MongoSession *self, const gchar *collection, gboolean *met, MongoResult *result)
{
  const MongoTarget *target = &self->target;
  const MongoExpiry wanted = {
      target->database, collection, get_date (target), target->expire_after};
  MongoExpiryState state = {0};
  gboolean kept = mongo_expiry_keep (&wanted, self->client, &state, result);

  if (kept && state.remark)
    warn_of_expiry (self, collection, state.remark);
  if (kept && state.lack)
    warn (self, collection, "index for expire-after", state.lack, 0);
  *met = state.met;
  mongo_expiry_state_clear (&state);
  return kept;
}

/* Returns the createIndexes command with the indexes that GridFS specifies for @collection, a
 * bucket's collection of files or chunks. @indexes: (nullable): more indexes for the collection of
 * the files' documents, written as in mongo_index_command() */
static bson_t *
new_gridfs_index_command (const gchar *collection, const gchar *indexes)
{
  g_autofree gchar *all = NULL;

  if (g_str_has_suffix (collection, MONGO_GRIDFS_CHUNKS))
    return BCON_NEW ("createIndexes", BCON_UTF8 (collection), "indexes", "[", "{", "key", "{",
        "files_id", BCON_INT32 (1), "n", BCON_INT32 (1), "}", "name", BCON_UTF8 ("files_id_1_n_1"),
        "unique", BCON_BOOL (true), "}", "]");
  all = g_strconcat ("filename,uploadDate", indexes && *indexes ? ";" : NULL, indexes, NULL);
  return mongo_index_command (collection, all, NULL, NULL);
}

/* Creates the indexes of a collection. Returns FALSE if the server gave no answer. @expires: TRUE
 * if a rule of expiry over the date field is in force, so that no index over it is needed */
static gboolean
make_indexes (MongoSession *self, const gchar *collection, gboolean expires)
{
  const MongoTarget *target = &self->target;
  g_autoptr (bson_t) command = target->mode == MONGO_MODE_GRIDFS
                                   ? new_gridfs_index_command (collection, target->indexes)
                                   : mongo_index_command (collection, target->indexes,
                                         expires ? get_date (target) : NULL, NULL);
  bson_error_t error;
  Answer answer = command ? ask_for (self, command, &error) : ANSWER_YES;

  if (answer == ANSWER_NO)
    warn (self, collection, "indexes", error.message, error.code);
  return answer != ANSWER_NONE;
}

/* Creates the collection and its indexes, once in a session. @result: gets an error if it prevents
 * all writes to the collection */
static void
prepare_collection (MongoSession *self, const gchar *collection, MongoResult *result)
{
  gboolean made = FALSE, expires = FALSE;

  if (g_hash_table_contains (self->prepared, collection))
    return;
  if ((!self->target.time_field || make_series (self, collection, &made)) &&
      (made || keep_expiry (self, collection, &expires, result)) &&
      make_indexes (self, collection, expires)) {
    GST_INFO ("%s.%s is prepared%s%s", self->target.database, collection,
        made ? ": a new time series" : "", expires ? ": its documents expire" : "");
    g_hash_table_add (self->prepared, g_strdup (collection));
  } else {
    GST_DEBUG ("%s.%s isn't prepared, so nothing is written to it yet: %s", self->target.database,
        collection, result->reason ? result->reason : "no answer");
  }
}

/* --- writes --- */

static void
judge_all (MongoItem **items, guint n, const MongoResult *result)
{
  for (guint i = 0; i < n; i++)
    mongo_result_set (&items[i]->result, result->verdict, result->code, result->reason);
}

static gboolean
add_upsert (
    mongoc_bulk_operation_t *bulk, MongoMode mode, const bson_t *document, bson_error_t *error)
{
  g_autoptr (bson_t) selector = mongo_document_to_selector (document);
  g_autoptr (bson_t) upsert = BCON_NEW ("upsert", BCON_BOOL (true));
  g_autoptr (bson_t) change = NULL;

  if (mode == MONGO_MODE_REPLACE)
    return mongoc_bulk_operation_replace_one_with_opts (bulk, selector, document, upsert, error);
  change = mongo_document_to_update (document);
  return mongoc_bulk_operation_update_one_with_opts (bulk, selector, change, upsert, error);
}

static gboolean
is_upsert (MongoMode mode)
{
  return mode == MONGO_MODE_REPLACE || mode == MONGO_MODE_UPDATE;
}

static gboolean
add_to_bulk (mongoc_bulk_operation_t *bulk, MongoMode mode, MongoItem *item, const bson_t *opts)
{
  bson_error_t error;

  if (is_upsert (mode)
          ? add_upsert (bulk, mode, item->document, &error)
          : mongoc_bulk_operation_insert_with_opts (bulk, item->document, opts, &error))
    return TRUE;
  mongo_result_set (&item->result, MONGO_VERDICT_REJECTED, (gint) error.code, error.message);
  return FALSE;
}

/* Deletes the stored chunks of a file that can't be completed, because they would belong to a later
 * file of the same name. Returns FALSE if the deletion has to be tried again later. */
static gboolean
withdraw_chunks (MongoSession *self, MongoItem *item)
{
  const GArray *stored = item->file->stored;
  g_autoptr (bson_t) selector = bson_new ();
  mongoc_collection_t *collection;
  bson_error_t error;
  bson_t in, ids;
  gboolean done;
  gchar key[16];

  if (!stored->len)
    return TRUE;
  BSON_APPEND_DOCUMENT_BEGIN (selector, "_id", &in);
  BSON_APPEND_ARRAY_BEGIN (&in, "$in", &ids);
  for (guint i = 0; i < stored->len; i++) {
    g_snprintf (key, sizeof key, "%u", i);
    BSON_APPEND_OID (&ids, key, &g_array_index (stored, bson_oid_t, i));
  }
  bson_append_array_end (&in, &ids);
  bson_append_document_end (selector, &in);
  collection =
      mongoc_client_get_collection (self->client, self->target.database, item->file->bucket);
  done = mongoc_collection_delete_many (collection, selector, NULL, NULL, &error);
  mongoc_collection_destroy (collection);
  GST_DEBUG ("%s of file %s: %s", item->file->bucket, item->collection,
      done ? "the stored chunks are deleted" : error.message);
  if (!done)
    mongo_result_set (
        &item->result, mongo_error_judge (&error, NULL), (gint) error.code, error.message);
  return done || !mongo_item_is_retry (item);
}

/* Rejects a part of a file of which another part was refused. The last part, which is the file's
 * document, is rejected only when the stored chunks are deleted. */
static void
refuse_part (MongoSession *self, MongoItem *item)
{
  if (item->is_part || withdraw_chunks (self, item))
    mongo_result_set (
        &item->result, MONGO_VERDICT_REJECTED, 0, "another part of the file was refused");
}

/* Adds to the bulk the @items that the driver accepts, and returns these items. */
static GPtrArray *
fill_bulk (MongoSession *self, mongoc_bulk_operation_t *bulk, MongoItem **items, guint n)
{
  GPtrArray *taken = g_ptr_array_sized_new (n);
  /* The driver needn't validate documents, because mongosink checks them when it reads them. */
  g_autoptr (bson_t) no_validation = BCON_NEW ("validate", BCON_BOOL (false));

  for (guint i = 0; i < n; i++) {
    if (items[i]->file && items[i]->file->refused)
      refuse_part (self, items[i]);
    else if (add_to_bulk (bulk, self->target.mode, items[i], no_validation))
      g_ptr_array_add (taken, items[i]);
  }
  return taken;
}

static void
execute (MongoSession *self, mongoc_bulk_operation_t *bulk, GPtrArray *items)
{
  g_autofree MongoResult *results = g_new0 (MongoResult, items->len);
  gint64 start = g_get_monotonic_time ();
  bson_error_t error = {0};
  bson_t reply;
  gboolean ok = mongoc_bulk_operation_execute (bulk, &reply, &error) != 0;
  gint64 took = g_get_monotonic_time () - start;
  /* The driver reports a timeout as a broken connection, so the elapsed time shows which of both it
   * was. A tenth is subtracted from the timeout, because the driver measures time differently. */
  gboolean late = took >= self->answer_timeout_now * (G_TIME_SPAN_MILLISECOND * 9 / 10);

  mongo_reply_judge (ok, &reply, &error, results, items->len);
  bson_destroy (&reply);
  self->writes++;
  for (guint i = 0; i < items->len; i++) {
    MongoItem *item = g_ptr_array_index (items, i);

    mongo_result_clear (&item->result);
    item->result = results[i];
    item->order = self->writes;
    if (late && self->answer_timeout_now > 0 && item->result.verdict == MONGO_VERDICT_LOST)
      item->result.verdict = MONGO_VERDICT_LATE;
  }
}

static void
note_chunk (MongoItem *chunk)
{
  bson_iter_t iter;

  if (bson_iter_init_find (&iter, chunk->document, "_id"))
    g_array_append_val (chunk->file->stored, *bson_iter_oid (&iter));
}

static void
note_files (MongoSession *self, GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++) {
    MongoItem *item = g_ptr_array_index (items, i);
    MongoResult *result = &item->result;

    if (!item->file)
      continue;
    if (item->is_part &&
        (result->verdict == MONGO_VERDICT_STORED || result->verdict == MONGO_VERDICT_DUPLICATE))
      note_chunk (item);
    if (result->verdict != MONGO_VERDICT_REJECTED)
      continue;
    item->file->refused = TRUE;
    if (!item->is_part)
      withdraw_chunks (self, item);
    else if (result->code == MONGO_CODE_DUPLICATE_KEY)
      mongo_result_set (result, MONGO_VERDICT_REJECTED, result->code,
          "another file of this name is stored already");
  }
}

/* --- duplicates in a unique index that the server doesn't name --- */

/* Returns TRUE if the collection has no unique index except that over `_id`. */
static gboolean
only_id_is_unique (mongoc_collection_t *collection)
{
  mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts (collection, NULL);
  const bson_t *index;
  bson_error_t error;
  bson_iter_t iter;
  gboolean only = TRUE;

  while (only && mongoc_cursor_next (cursor, &index))
    only = !bson_iter_init_find (&iter, index, "unique") || !bson_iter_as_bool (&iter) ||
           mongo_index_is_of_id (index, "key");
  only = only && !mongoc_cursor_error (cursor, &error);
  mongoc_cursor_destroy (cursor);
  return only;
}

static void
look_for_id (mongoc_collection_t *collection, MongoItem *item)
{
  g_autoptr (bson_t) selector = mongo_document_to_selector (item->document);
  g_autoptr (bson_t) opts =
      BCON_NEW ("limit", BCON_INT64 (1), "projection", "{", "_id", BCON_INT32 (1), "}");
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts (collection, selector, opts, NULL);
  const bson_t *found;
  bson_error_t error;

  if (mongoc_cursor_next (cursor, &found))
    item->result.verdict = MONGO_VERDICT_DUPLICATE;
  else if (!mongoc_cursor_error (cursor, &error))
    item->result.verdict = MONGO_VERDICT_REJECTED;
  else
    mongo_result_set (
        &item->result, mongo_error_judge (&error, NULL), (gint) error.code, error.message);
  mongoc_cursor_destroy (cursor);
}

static void
settle_taken (mongoc_collection_t *collection, GPtrArray *items)
{
  gboolean asked = FALSE, of_id = FALSE;

  for (guint i = 0; i < items->len; i++) {
    MongoItem *item = g_ptr_array_index (items, i);

    if (item->result.verdict != MONGO_VERDICT_TAKEN)
      continue;
    if (!asked)
      of_id = only_id_is_unique (collection);
    asked = TRUE;
    if (of_id)
      item->result.verdict = MONGO_VERDICT_DUPLICATE;
    else
      look_for_id (collection, item);
  }
}

/* --- duplicates of an _id made of topic, partition and offset --- */

/* Returns TRUE if both documents, which wrap buffers, have the same bytes in `data`. */
static gboolean
hold_same_bytes (const bson_t *a, const bson_t *b)
{
  bson_iter_t in_a, in_b;
  const guint8 *bytes_a, *bytes_b;
  guint32 size_a, size_b;

  if (!bson_iter_init_find (&in_a, a, "data") || !bson_iter_init_find (&in_b, b, "data") ||
      !BSON_ITER_HOLDS_BINARY (&in_a) || !BSON_ITER_HOLDS_BINARY (&in_b))
    return FALSE;
  bson_iter_binary (&in_a, NULL, &size_a, &bytes_a);
  bson_iter_binary (&in_b, NULL, &size_b, &bytes_b);
  return size_a == size_b && memcmp (bytes_a, bytes_b, size_a) == 0;
}

static gboolean
have_same_value (const bson_iter_t *a, const bson_iter_t *b)
{
  bson_t one = BSON_INITIALIZER, other = BSON_INITIALIZER;
  gboolean same;

  bson_append_iter (&one, "value", -1, a);
  bson_append_iter (&other, "value", -1, b);
  same = bson_equal (&one, &other);
  bson_destroy (&one);
  bson_destroy (&other);
  return same;
}

/* Returns TRUE if no field of @document has another value in @stored. Fields that only one of the
 * documents has don't count, because another program may have added or removed fields of the stored
 * document; timestamps don't count, because the server fills them in. */
static gboolean
may_be_same (const bson_t *stored, const bson_t *document)
{
  bson_iter_t own, in_stored;

  bson_iter_init (&own, document);
  while (bson_iter_next (&own))
    if (!BSON_ITER_HOLDS_TIMESTAMP (&own) &&
        bson_iter_init_find (&in_stored, stored, bson_iter_key (&own)) &&
        !have_same_value (&own, &in_stored))
      return FALSE;
  return TRUE;
}

/* Returns TRUE if the document that is stored under the item's `_id` isn't the item's document. If
 * the query fails, its error becomes the item's result. */
static gboolean
is_taken_by_another (mongoc_collection_t *collection, MongoItem *item)
{
  g_autoptr (bson_t) selector = mongo_document_to_selector (item->document);
  g_autoptr (bson_t) opts = BCON_NEW ("limit", BCON_INT64 (1));
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts (collection, selector, opts, NULL);
  gboolean another = FALSE;
  const bson_t *found;
  bson_error_t error;

  if (mongoc_cursor_next (cursor, &found))
    another = !(item->wrapped ? hold_same_bytes (found, item->document)
                              : may_be_same (found, item->document));
  else if (mongoc_cursor_error (cursor, &error))
    mongo_result_set (
        &item->result, mongo_error_judge (&error, NULL), (gint) error.code, error.message);
  mongoc_cursor_destroy (cursor);
  return another;
}

/* Returns: (transfer container): the items whose `_id` is `topic:partition:offset` and is stored
 * already */
static GPtrArray *
find_placed_duplicates (GPtrArray *items)
{
  GPtrArray *found = g_ptr_array_new ();

  for (guint i = 0; i < items->len; i++) {
    MongoItem *item = g_ptr_array_index (items, i);

    if (item->placed && item->result.verdict == MONGO_VERDICT_DUPLICATE)
      g_ptr_array_add (found, item);
  }
  return found;
}

/* Checks up to PLACES_COMPARED of @items, evenly distributed. Returns TRUE if the document that is
 * stored under the `_id` of one of them is another one. */
static gboolean
some_are_taken (mongoc_collection_t *collection, const GPtrArray *items)
{
  guint some = MIN (items->len, PLACES_COMPARED);

  for (guint i = 0; i < some; i++)
    if (is_taken_by_another (
            collection, g_ptr_array_index (items, i * (items->len - 1) / MAX (some - 1, 1))))
      return TRUE;
  return FALSE;
}

/* Rejects documents under whose `_id`, made of topic, partition and offset, another document is
 * stored. If a topic was created again, its offsets start from 0 again, and without this check its
 * documents would count as duplicates and would be lost. In a replay the check takes a few reads
 * for each batch. */
static void
settle_places (mongoc_collection_t *collection, GPtrArray *items)
{
  g_autoptr (GPtrArray) duplicates = find_placed_duplicates (items);

  if (!some_are_taken (collection, duplicates))
    return;
  for (guint i = 0; i < duplicates->len; i++) {
    MongoItem *item = g_ptr_array_index (duplicates, i);

    if (is_taken_by_another (collection, item))
      mongo_result_set (&item->result, MONGO_VERDICT_REJECTED, MONGO_CODE_DUPLICATE_KEY,
          "another document has its place in Kafka as _id: the topic was created again, or another "
          "Kafka has one of that name; give the documents an _id, or set another collection");
  }
}

/* An upsert fails with a duplicate `_id` if another upsert with this `_id` was faster. The slower
 * upsert is tried again, and then changes the document that the faster upsert stored. */
static void
settle_upserts (GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++) {
    MongoItem *item = g_ptr_array_index (items, i);

    if (item->result.verdict == MONGO_VERDICT_DUPLICATE)
      item->result.verdict = MONGO_VERDICT_RETRY;
  }
}

static void
write_items (MongoSession *self, MongoItem **items, guint n)
{
  bson_t unordered = BSON_INITIALIZER;
  mongoc_collection_t *collection =
      mongoc_client_get_collection (self->client, self->target.database, items[0]->collection);
  mongoc_bulk_operation_t *bulk;
  g_autoptr (GPtrArray) taken = NULL;

  BSON_APPEND_BOOL (&unordered, "ordered", false);
  bulk = mongoc_collection_create_bulk_operation_with_opts (collection, &unordered);
  taken = fill_bulk (self, bulk, items, n);
  if (taken->len) {
    execute (self, bulk, taken);
    settle_taken (collection, taken);
    if (is_upsert (self->target.mode))
      settle_upserts (taken);
    else
      settle_places (collection, taken);
    note_files (self, taken);
  }
  mongoc_bulk_operation_destroy (bulk);
  mongoc_collection_destroy (collection);
  bson_destroy (&unordered);
}

/* --- batches that are refused because of one document --- */

static gboolean
has_verdict (MongoItem **items, guint n, MongoVerdict verdict)
{
  for (guint i = 0; i < n; i++)
    if (items[i]->result.verdict == verdict)
      return TRUE;
  return FALSE;
}

/* Returns: (nullable): the result of an item that failed for a reason that prevents other writes as
 * well */
static const MongoResult *
find_outage (MongoItem **items, guint n)
{
  for (guint i = 0; i < n; i++)
    if (mongo_item_is_retry (items[i]) && items[i]->result.verdict != MONGO_VERDICT_REFUSED)
      return &items[i]->result;
  return NULL;
}

void
mongo_session_reject (MongoSession *self, MongoItem *item)
{
  item->result.verdict = MONGO_VERDICT_REJECTED;
  if (!item->file)
    return;
  item->file->refused = TRUE;
  if (!item->is_part)
    withdraw_chunks (self, item);
}

/* Returns TRUE if the server closes the connection when it gets these documents, but still answers
 * a ping, because some servers close the connection over documents that they can't read. */
static gboolean
closes_connection (MongoSession *self, MongoItem **items, guint n)
{
  gint64 start = g_get_monotonic_time ();
  bson_error_t error;

  write_items (self, items, n);
  if (!has_verdict (items, n, MONGO_VERDICT_LOST) ||
      g_get_monotonic_time () - start > CLOSED_AT_ONCE)
    return FALSE;
  mongo_session_drop (self);
  return mongo_session_ping (self, &error);
}

/* Returns TRUE if the server failed with an internal error at each of the items. */
static gboolean
all_are_internal_errors (MongoItem **items, guint n)
{
  for (guint i = 0; i < n; i++)
    if (!mongo_item_is_internal_error (items[i]))
      return FALSE;
  return TRUE;
}

/* Returns TRUE if the batch has to be halved, because one of its items may be the cause of the
 * failure. */
static gboolean
must_split (MongoSession *self, MongoItem **items, guint n, gboolean in_doubt)
{
  if (!in_doubt)
    write_items (self, items, n);
  else if (closes_connection (self, items, n) && (n > 1 || closes_connection (self, items, n)))
    return TRUE;
  return has_verdict (items, n, MONGO_VERDICT_SPLIT) ||
         (in_doubt && all_are_internal_errors (items, n));
}

/* Gives @item the verdict refused: whether its document is the cause is decided later, by the
 * results of other documents. */
static void
refuse (MongoItem *item)
{
  g_autofree gchar *reason = item->result.reason;

  item->result.reason = item->result.verdict == MONGO_VERDICT_LOST
                            ? g_strdup_printf ("the server closed the connection (%s)", reason)
                            : g_steal_pointer (&reason);
  item->result.verdict = MONGO_VERDICT_REFUSED;
}

/* Gives the items at which the server failed with an internal error the verdict refused, because
 * the server stored other items of the batch, so the failed items may be the cause. */
static void
refuse_internal_errors (MongoItem **items, guint n)
{
  for (guint i = 0; i < n; i++)
    if (mongo_item_is_internal_error (items[i]))
      refuse (items[i]);
}

/* Writes a batch, and halves it as long as it is refused, until the document that causes the
 * refusal is alone. */
static void
write_split (MongoSession *self, MongoItem **items, guint n, gboolean in_doubt)
{
  const MongoResult *later;

  if (!must_split (self, items, n, in_doubt)) {
    if (in_doubt)
      refuse_internal_errors (items, n);
    return;
  }
  if (n == 1) {
    if (items[0]->result.own)
      mongo_session_reject (self, items[0]);
    else
      refuse (items[0]);
    return;
  }
  write_split (self, items, n / 2, in_doubt);
  if (!(later = find_outage (items, n / 2)))
    write_split (self, items + n / 2, n - n / 2, in_doubt);
  else
    judge_all (items + n / 2, n - n / 2, later);
}

/* Returns how many of the items, from the first one on, are written as one bulk. The items of a
 * bulk have the same collection, and for upserts they have different `_id`s, because an unordered
 * bulk doesn't keep the order of upserts. */
static guint
count_run (MongoItem **items, guint n, MongoMode mode)
{
  g_autoptr (GHashTable) ids =
      g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  guint run = 0;

  while (
      run < n && strcmp (items[run]->collection, items[0]->collection) == 0 &&
      (!is_upsert (mode) || g_hash_table_add (ids, mongo_document_get_id (items[run]->document))))
    run++;
  return run;
}

void
mongo_session_write (MongoSession *self, MongoItem **items, guint n, gboolean in_doubt)
{
  const MongoResult none = {.verdict = MONGO_VERDICT_FAILED, .reason = (gchar *) NO_CLIENT};
  const MongoResult *later = NULL;

  while (n > 0) {
    guint run = count_run (items, n, self->target.mode);
    MongoResult unprepared = {.verdict = MONGO_VERDICT_UNTRIED};

    if (!ensure_client (self))
      later = &none;
    if (later) {
      judge_all (items, n, later);
      return;
    }
    prepare_collection (self, items[0]->collection, &unprepared);
    if (unprepared.verdict == MONGO_VERDICT_FAILED)
      judge_all (items, run, &unprepared);
    else
      write_split (self, items, run, in_doubt);
    mongo_result_clear (&unprepared);
    later = find_outage (items, run);
    items += run;
    n -= run;
  }
}
