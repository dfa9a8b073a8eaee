/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livedatabase.h"

#include <string.h>

#include "livedocuments.h"
#include "liverounds.h"
#include "server/mongolibrary.h"
#include "server/mongouri.h"

#define PING_TIME (2 * G_USEC_PER_SEC)
/* Longest time (ms) for the answer to a query. */
#define QUERY_TIME 25000

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

/* Returns: (transfer full): the reason in @message, without the client's words about its own
 * settings: "No suitable servers found (`serverSelectionTryOnce` set): [connection refused]". */
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

GBytes *
live_database_make_documents (LiveDatabase *self, const LiveDocumentsQuery *query, GError **error)
{
  mongoc_client_t *client = mongoc_client_pool_pop (self->pool);
  mongoc_collection_t *collection = mongoc_client_get_collection (
      client, self->options->settings.database, self->options->settings.collection);
  GBytes *text = live_documents_sum (collection, query, error);

  mongoc_collection_destroy (collection);
  mongoc_client_pool_push (self->pool, client);
  return text;
}
