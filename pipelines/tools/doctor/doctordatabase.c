/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctordatabase.h"

#include <string.h>

#include "doctorjudge.h"
#include "document/mongodocument.h"
#include "server/mongocollection.h"
#include "server/mongoexpiry.h"
#include "server/mongoindex.h"
#include "server/mongolibrary.h"
#include "server/mongouri.h"

/* mongoexpiry.c logs with this category, which mongosink defines in the plugin */
GST_DEBUG_CATEGORY (gst_mongo_sink_debug);

#define ABOUT "database"
/* Time (ms) for which the server may wait for the write concern. */
#define CONCERN_TIME 2000
#define CODE_UNAUTHORIZED 13
#define CODE_NAMESPACE_NOT_FOUND 26

/* A database that is being tested. */
typedef struct {
  const DoctorDatabase *target;
  const mongoc_uri_t *uri;
  mongoc_client_t *client;
  const gchar *database;
  DoctorFindings *findings;
} Asking;

static void
database_free (gpointer data)
{
  DoctorDatabase *self = data;

  g_free (self->uri_file);
  g_free (self->database);
  g_free (self->collection);
  g_free (self->expire_field);
  g_free (self);
}

/* State of collecting the databases of the stages' mongosinks. */
typedef struct {
  GPtrArray *databases;
  gint64 keep;
} Collecting;

static void
add_database (const DoctorStage *stage, GstElement *element, const gchar *factory, gpointer data)
{
  const Collecting *collecting = data;
  DoctorDatabase *self;

  if (!g_str_equal (factory, "mongosink"))
    return;
  self = g_new0 (DoctorDatabase, 1);
  g_object_get (element, "uri-file", &self->uri_file, "database", &self->database, "collection",
      &self->collection, "expire-after", &self->expire_after, "expire-field", &self->expire_field,
      NULL);
  self->keep = collecting->keep;
  g_ptr_array_add (collecting->databases, self);
}

GPtrArray *
doctor_databases_new (const GPtrArray *stages, gint64 keep)
{
  Collecting collecting = {g_ptr_array_new_with_free_func (database_free), keep};

  for (guint i = 0; i < stages->len; i++)
    doctor_stage_foreach (g_ptr_array_index (stages, i), add_database, &collecting);
  return collecting.databases;
}

/* --- the server --- */

static gint64
read_date (const bson_t *reply, const gchar *name)
{
  bson_iter_t iter;

  return bson_iter_init_find (&iter, reply, name) && BSON_ITER_HOLDS_DATE_TIME (&iter)
             ? bson_iter_date_time (&iter)
             : 0;
}

static gint
count_list (const bson_t *reply, const gchar *name)
{
  bson_iter_t iter, item;
  gint n = 0;

  if (bson_iter_init_find (&iter, reply, name) && BSON_ITER_HOLDS_ARRAY (&iter) &&
      bson_iter_recurse (&iter, &item))
    while (bson_iter_next (&item))
      n++;
  return n;
}

/* Compares the server's clock with this machine's. @began: time when the server was queried, ms
 * since the Unix epoch. */
static void
judge_clock (Asking *self, const bson_t *reply, gint64 began)
{
  gint64 there = read_date (reply, "localTime"), now = g_get_real_time () / 1000;
  gdouble behind = ((gdouble) (began + now) / 2 - (gdouble) there) / 1000;

  if (there)
    doctor_judge_clock (ABOUT, behind, (gdouble) (now - began) / 2000, self->findings);
}

static void
judge_concern (Asking *self, const bson_t *reply)
{
  const mongoc_write_concern_t *concern = mongoc_uri_get_write_concern (self->uri);
  gint members = bson_has_field (reply, "setName")
                     ? count_list (reply, "hosts") + count_list (reply, "passives")
                     : 0;

  /* The write concern isn't judged for a mongos, because its answer doesn't list the members of the
   * replica sets. */
  if (bson_has_field (reply, "msg"))
    return;
  doctor_judge_concern (mongoc_write_concern_get_w (concern), members, self->findings);
}

static void
refuse_database (DoctorFindings *findings, const gchar *what)
{
  doctor_add (findings, DOCTOR_BAD, ABOUT, "No document is stored.",
      "Correct MONGODB_URI or MONGODB_URI_FILE, or start the database.", "%s", what);
}

static gboolean
run (Asking *self, const gchar *database, bson_t *command, bson_t *reply, bson_error_t *error)
{
  gboolean answered =
      mongoc_client_command_simple (self->client, database, command, NULL, reply, error);

  bson_destroy (command);
  return answered;
}

/* Returns FALSE if the server doesn't answer. */
static gboolean
check_server (Asking *self)
{
  g_autofree gchar *hosts = mongo_uri_describe (self->uri);
  bson_error_t error;
  bson_t reply;
  gboolean answers;

  /* a ping is sent first, so that the time for connecting isn't part of the measured time of the
   * next command */
  answers = run (self, self->database, BCON_NEW ("ping", BCON_INT32 (1)), NULL, &error);
  if (answers) {
    gint64 began = g_get_real_time () / 1000;

    answers = run (self, "admin", BCON_NEW ("hello", BCON_INT32 (1)), &reply, &error);
    if (answers) {
      doctor_add (self->findings, DOCTOR_GOOD, ABOUT, NULL, NULL, "It answers at %s.", hosts);
      judge_clock (self, &reply, began);
      judge_concern (self, &reply);
    }
    bson_destroy (&reply);
  }
  if (!answers) {
    g_autofree gchar *what = g_strdup_printf ("%s: %s.", hosts, error.message);

    refuse_database (self->findings, what);
  }
  return answers;
}

/* --- writing --- */

#define NO_ID "_id", "fog-doctor: no document has this id"

/* Returns whether the collection exists; TRUE also if the user has no right to list collections. */
static gboolean
has_collection (Asking *self)
{
  mongoc_database_t *database = mongoc_client_get_database (self->client, self->database);
  g_autoptr (bson_t) options =
      BCON_NEW ("filter", "{", "name", BCON_UTF8 (self->target->collection), "}");
  mongoc_cursor_t *cursor = mongoc_database_find_collections_with_opts (database, options);
  const bson_t *found;
  gboolean has = mongoc_cursor_next (cursor, &found) || mongoc_cursor_error (cursor, NULL);

  mongoc_cursor_destroy (cursor);
  mongoc_database_destroy (database);
  return has;
}

/* Makes a write command that changes no document; the server checks the user's right and waits for
 * the write concern, as for any write. If the collection doesn't exist, the write is a delete,
 * because some servers create the collection for an update. */
static bson_t *
make_write (Asking *self)
{
  const gchar *name = self->target->collection;

  if (!has_collection (self))
    return BCON_NEW ("delete", BCON_UTF8 (name), "deletes", "[", "{", "q", "{", NO_ID, "}", "limit",
        BCON_INT32 (1), "}", "]");
  return BCON_NEW ("update", BCON_UTF8 (name), "updates", "[", "{", "q", "{", NO_ID, "}", "u", "{",
      "$set", "{", "fog-doctor", BCON_BOOL (TRUE), "}", "}", "upsert", BCON_BOOL (FALSE), "}", "]");
}

static bson_t *
make_options (Asking *self)
{
  bson_t *options = bson_new ();
  mongoc_write_concern_t *concern =
      mongoc_write_concern_copy (mongoc_uri_get_write_concern (self->uri));

  mongoc_write_concern_set_wtimeout_int64 (concern, CONCERN_TIME);
  mongoc_write_concern_append (concern, options);
  mongoc_write_concern_destroy (concern);
  return options;
}

/* Returns: (nullable) (transfer full): the first error in the reply to a write. */
static gchar *
find_write_error (const bson_t *reply, gint *code)
{
  static const gchar *const paths[] = {
      "writeErrors.0", "writeConcernError", "writeConcernErrors.0"};

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autofree gchar *text = g_strconcat (paths[i], ".errmsg", NULL);
    g_autofree gchar *number = g_strconcat (paths[i], ".code", NULL);
    bson_iter_t iter, found;

    if (bson_iter_init (&iter, reply) && bson_iter_find_descendant (&iter, number, &found))
      *code = (gint) bson_iter_as_int64 (&found);
    if (bson_iter_init (&iter, reply) && bson_iter_find_descendant (&iter, text, &found) &&
        BSON_ITER_HOLDS_UTF8 (&found))
      return g_strdup (bson_iter_utf8 (&found, NULL));
  }
  return NULL;
}

static void
judge_write (Asking *self, const gchar *what, gint code)
{
  g_autofree gchar *grant = g_strdup_printf (
      "Grant the user readWrite on the database %s (db.grantRolesToUser).", self->database);

  if (!what)
    doctor_add (self->findings, DOCTOR_GOOD, ABOUT, NULL, NULL,
        "%s.%s can be written, and the write concern is met.", self->database,
        self->target->collection);
  else if (code == CODE_UNAUTHORIZED)
    doctor_add (self->findings, DOCTOR_BAD, ABOUT, "No document is stored.", grant,
        "The user may not write %s.%s.", self->database, self->target->collection);
  else
    doctor_add (self->findings, DOCTOR_BAD, ABOUT, "No document counts as stored.",
        "Start the servers that are away, or correct w in the connection string (MONGODB_URI).",
        "A write to %s.%s isn't acknowledged: %s.", self->database, self->target->collection, what);
}

static void
check_write (Asking *self)
{
  g_autoptr (bson_t) command = make_write (self);
  g_autoptr (bson_t) options = make_options (self);
  g_autofree gchar *what = NULL;
  bson_error_t error;
  bson_t reply;
  gint code = 0;

  if (mongoc_client_write_command_with_opts (
          self->client, self->database, command, options, &reply, &error)) {
    what = find_write_error (&reply, &code);
  } else {
    what = g_strdup (error.message);
    code = (gint) error.code;
  }
  bson_destroy (&reply);
  judge_write (self, what, code);
}

/* --- indexes --- */

/* Reports how mongosink will set the expiry of documents when the stage starts. */
static void
judge_expiry (Asking *self, const MongoExpiry *wanted, const MongoExpiryState *state)
{
  const gchar *now = state->remark ? state->remark : "no rule deletes documents";

  if (self->target->keep >= 0 && wanted->after == MONGO_EXPIRY_UNSET)
    doctor_add (self->findings, DOCTOR_WARN, ABOUT,
        "Documents are kept for longer than they should.",
        "Run the cloud by pipelines/cloud with KEEP_DOCUMENTS, or set expire-after "
        "(MONGO_OPTIONS).",
        "KEEP_DOCUMENTS is %" G_GINT64_FORMAT " s, but the cloud doesn't set expire-after.",
        self->target->keep);
  else if (wanted->after == MONGO_EXPIRY_UNSET)
    doctor_add (
        self->findings, DOCTOR_NOTE, ABOUT, NULL, NULL, "KEEP_DOCUMENTS isn't set: %s.", now);
  else if (state->met)
    doctor_add (self->findings, DOCTOR_GOOD, ABOUT, NULL, NULL,
        "Documents are deleted %d s after the field %s, as set.", wanted->after, wanted->field);
  else
    doctor_add (self->findings, DOCTOR_NOTE, ABOUT, NULL, NULL,
        "The cloud sets at its start that documents are deleted %d s after the field %s (0: "
        "never); "
        "now %s.",
        wanted->after, wanted->field, now);
}

static void
check_expiry (Asking *self)
{
  const MongoExpiry wanted = {self->database, self->target->collection, self->target->expire_field,
      self->target->expire_after};
  MongoExpiryState state = {0};
  MongoResult result = {0};

  if (mongo_expiry_look (&wanted, self->client, &state, &result))
    judge_expiry (self, &wanted, &state);
  else
    doctor_add (self->findings, result.reason ? DOCTOR_BAD : DOCTOR_NOTE, ABOUT,
        "The cloud doesn't start.", "Drop the index that is named, or correct MONGO_OPTIONS.",
        "%s.", result.reason ? result.reason : "Its indexes aren't known");
  mongo_expiry_state_clear (&state);
  mongo_result_clear (&result);
}

static gboolean
is_unique (const bson_t *index)
{
  bson_iter_t iter;

  return bson_iter_init_find (&iter, index, "unique") && bson_iter_as_bool (&iter) &&
         !mongo_index_is_of_id (index, "key");
}

static void
check_unique (Asking *self)
{
  mongoc_collection_t *collection =
      mongoc_client_get_collection (self->client, self->database, self->target->collection);
  mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts (collection, NULL);
  const bson_t *index;
  bson_iter_t iter;

  while (mongoc_cursor_next (cursor, &index))
    if (is_unique (index))
      doctor_add (self->findings, DOCTOR_WARN, ABOUT,
          "A document with the same value as another one is refused.",
          "Drop the index, or create it again without unique.", "The index %s is unique.",
          bson_iter_init_find (&iter, index, "name") ? bson_iter_utf8 (&iter, NULL) : "");
  mongoc_cursor_destroy (cursor);
  mongoc_collection_destroy (collection);
}

/* --- all of it --- */

static void
check_collection (Asking *self)
{
  g_autoptr (GError) error = NULL;

  if (!mongo_collection_check (self->target->collection, &error))
    refuse_database (self->findings, error->message);
  else if (strstr (self->target->collection, "%{"))
    doctor_add (self->findings, DOCTOR_NOTE, ABOUT, NULL, NULL,
        "Collections of the pattern %s aren't tested.", self->target->collection);
  else {
    check_write (self);
    check_expiry (self);
    check_unique (self);
  }
}

void
doctor_database_check (gpointer data, DoctorFindings *findings)
{
  const DoctorDatabase *target = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (mongoc_uri_t) uri = NULL;
  Asking self = {target, NULL, NULL, NULL, findings};

  GST_DEBUG_CATEGORY_INIT (gst_mongo_sink_debug, "mongosink", 0, "mongosink");
  mongo_library_init ();
  uri = mongo_uri_open (NULL, target->uri_file, &error);
  if (!uri) {
    refuse_database (findings, error->message);
    return;
  }
  self.uri = uri;
  self.database = target->database ? target->database : mongoc_uri_get_database (uri);
  self.database = self.database ? self.database : MONGO_FALLBACK_DATABASE;
  self.client = mongoc_client_new_from_uri (uri);
  mongoc_client_set_error_api (self.client, 2);
  if (check_server (&self))
    check_collection (&self);
  mongoc_client_destroy (self.client);
}
