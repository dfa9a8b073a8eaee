/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongomock.h"

#include <string.h>

#define OP_REPLY 1
#define OP_QUERY 2004
#define OP_MSG 2013
#define MESSAGE_MAX (48 * 1024 * 1024)

struct _MongoMock {
  GSocketListener *listener;
  guint16 port;
  GThread *thread;
  GCancellable *closing;

  GMutex lock; /* guards all fields below */
  GCond changed;
  GHashTable *documents; /* of JSON by the JSON of their _id */
  GHashTable *stored;    /* of bson_t, likewise */
  GQueue script;
  /* {name of a command: JSON of its scripted answer}, {name of a command: the last such command} */
  GHashTable *answers, *last;
  gboolean frozen;
  guint write_us, document_us; /* that a write takes */
  guint inserts;
  guint at_once, most_at_once; /* writes under way */
};

static gint32
get_int (const guint8 *at)
{
  gint32 value;

  memcpy (&value, at, sizeof value);
  return GINT32_FROM_LE (value);
}

static void
put_int (GByteArray *to, gint32 value)
{
  value = GINT32_TO_LE (value);
  g_byte_array_append (to, (const guint8 *) &value, sizeof value);
}

static gchar *
id_of (const bson_t *document)
{
  bson_t id = BSON_INITIALIZER;
  bson_iter_t iter;
  g_autofree gchar *text = NULL;
  char *json;

  g_assert_true (bson_iter_init_find (&iter, document, "_id"));
  BSON_APPEND_VALUE (&id, "_id", bson_iter_value (&iter));
  json = bson_as_relaxed_extended_json (&id, NULL);
  text = g_strdup (strchr (json, ':') + 2);
  bson_free (json);
  bson_destroy (&id);
  *strrchr (text, '}') = '\0';
  return g_strstrip (g_steal_pointer (&text));
}

static gboolean
refuses (const bson_t *reply, guint index)
{
  bson_iter_t iter, errors, field;

  if (bson_iter_init_find (&iter, reply, "ok") && bson_iter_as_double (&iter) == 0)
    return TRUE;
  if (!bson_iter_init_find (&iter, reply, "writeErrors") || !bson_iter_recurse (&iter, &errors))
    return FALSE;
  while (bson_iter_next (&errors))
    if (bson_iter_recurse (&errors, &field) && bson_iter_find (&field, "index") &&
        bson_iter_as_int64 (&field) == index)
      return TRUE;
  return FALSE;
}

static void
append_error (bson_t *errors, guint position, guint index, gint code, const gchar *message)
{
  gchar key[16];
  bson_t *error = BCON_NEW (
      "index", BCON_INT32 (index), "code", BCON_INT32 (code), "errmsg", BCON_UTF8 (message));

  g_snprintf (key, sizeof key, "%u", position);
  BSON_APPEND_DOCUMENT (errors, key, error);
  bson_destroy (error);
}

static void
append_duplicate (bson_t *errors, guint position, guint index, const gchar *id)
{
  g_autofree gchar *message = g_strdup_printf (
      "E11000 duplicate key error collection: a.b index: _id_ dup key: { _id: %s }", id);

  append_error (errors, position, index, 11000, message);
}

/* with the lock */
static void
keep (MongoMock *mock, gchar *id, const bson_t *document)
{
  char *json = bson_as_relaxed_extended_json (document, NULL);

  g_hash_table_replace (mock->stored, g_strdup (id), bson_copy (document));
  g_hash_table_replace (mock->documents, id, g_strdup (json));
  bson_free (json);
}

/* with the lock */
static bson_t *
store (MongoMock *mock, GPtrArray *documents, const bson_t *scripted)
{
  bson_t errors = BSON_INITIALIZER;
  bson_t *reply;
  bson_iter_t code;
  guint refused = 0;

  for (guint i = 0; i < documents->len; i++) {
    const bson_t *document = g_ptr_array_index (documents, i);
    g_autofree gchar *id = id_of (document);

    if (scripted && refuses (scripted, i))
      continue;
    if (!scripted && bson_iter_init_find (&code, document, "refused"))
      append_error (&errors, refused++, i, (gint) bson_iter_as_int64 (&code), "refused");
    else if (g_hash_table_contains (mock->documents, id))
      append_duplicate (&errors, refused++, i, id);
    else
      keep (mock, g_steal_pointer (&id), document);
  }
  reply = scripted ? bson_copy (scripted)
                   : BCON_NEW ("ok", BCON_DOUBLE (1), "n", BCON_INT32 (documents->len - refused));
  if (!scripted && refused)
    BSON_APPEND_ARRAY (reply, "writeErrors", &errors);
  bson_destroy (&errors);
  return reply;
}

/* Reads the document in the field @name of an update: the selector `q` or the change `u`. */
static void
open_part (const bson_t *update, const gchar *name, bson_t *part)
{
  bson_iter_t iter;
  const guint8 *data;
  guint32 size;

  g_assert_true (bson_iter_init_find (&iter, update, name));
  bson_iter_document (&iter, &size, &data);
  g_assert_true (bson_init_static (part, data, size));
}

/* with the lock */
static bson_t *
change (MongoMock *mock, GPtrArray *updates, const bson_t *scripted)
{
  for (guint i = 0; i < updates->len; i++) {
    bson_t selector, document;

    open_part (g_ptr_array_index (updates, i), "q", &selector);
    open_part (g_ptr_array_index (updates, i), "u", &document);
    if (!scripted || !refuses (scripted, i))
      keep (mock, id_of (&selector), &document);
  }
  return scripted ? bson_copy (scripted)
                  : BCON_NEW ("ok", BCON_DOUBLE (1), "n", BCON_INT32 (updates->len));
}

static gboolean
have_field (GPtrArray *documents, const gchar *name)
{
  for (guint i = 0; i < documents->len; i++)
    if (bson_has_field (g_ptr_array_index (documents, i), name))
      return TRUE;
  return FALSE;
}

/* NULL: close the connection. */
static bson_t *
write_all (MongoMock *mock, GPtrArray *documents,
    bson_t *(*apply) (MongoMock *, GPtrArray *, const bson_t *) )
{
  g_autofree gchar *text = NULL;
  bson_t *scripted, *reply;

  g_mutex_lock (&mock->lock);
  text = g_queue_pop_head (&mock->script);
  if (have_field (documents, "poison") || have_field (documents, "breaks")) {
    g_mutex_unlock (&mock->lock);
    return have_field (documents, "poison")
               ? NULL
               : BCON_NEW ("ok", BCON_DOUBLE (0), "code", BCON_INT32 (1), "errmsg",
                     BCON_UTF8 ("internal server error"));
  }
  scripted = text && *text ? bson_new_from_json ((const guint8 *) text, -1, NULL) : NULL;
  reply = apply (mock, documents, scripted);
  if (text && !*text)
    g_clear_pointer (&reply, bson_destroy);
  if (scripted)
    bson_destroy (scripted);
  mock->inserts++;
  g_cond_broadcast (&mock->changed);
  g_mutex_unlock (&mock->lock);
  return reply;
}

static bson_t *
hello (void)
{
  return BCON_NEW ("ismaster", BCON_BOOL (true), "isWritablePrimary", BCON_BOOL (true),
      "maxBsonObjectSize", BCON_INT32 (16 * 1024 * 1024), "maxMessageSizeBytes",
      BCON_INT32 (MESSAGE_MAX), "maxWriteBatchSize", BCON_INT32 (100000), "minWireVersion",
      BCON_INT32 (0), "maxWireVersion", BCON_INT32 (17), "ok", BCON_DOUBLE (1));
}

/* Reads the `documents` of a message, which are in a section of their own after the body. */
static GPtrArray *
read_documents (const guint8 *at, const guint8 *end)
{
  GPtrArray *documents = g_ptr_array_new_with_free_func ((GDestroyNotify) bson_destroy);

  if (at < end && *at == 1) {
    at += 1 + 4;
    at += strlen ((const gchar *) at) + 1;
    while (at < end) {
      g_ptr_array_add (documents, bson_new_from_data (at, get_int (at)));
      at += get_int (at);
    }
  }
  return documents;
}

static bson_t *
write_in_time (MongoMock *mock, GPtrArray *documents,
    bson_t *(*apply) (MongoMock *, GPtrArray *, const bson_t *) )
{
  bson_t *reply;
  gulong takes;

  g_mutex_lock (&mock->lock);
  mock->most_at_once = MAX (mock->most_at_once, ++mock->at_once);
  takes = mock->write_us + documents->len * mock->document_us;
  g_mutex_unlock (&mock->lock);
  g_usleep (takes);
  reply = write_all (mock, documents, apply);
  g_mutex_lock (&mock->lock);
  mock->at_once--;
  g_mutex_unlock (&mock->lock);
  return reply;
}

/* Returns the document that the command `find` requests by its `_id`. Called with the lock. */
static bson_t *
find_one (MongoMock *mock, const bson_t *command)
{
  bson_t *reply = bson_new (), cursor, batch, filter;
  const bson_t *found;
  g_autofree gchar *id = NULL;

  open_part (command, "filter", &filter);
  id = id_of (&filter);
  found = g_hash_table_lookup (mock->stored, id);
  BSON_APPEND_DOUBLE (reply, "ok", 1);
  BSON_APPEND_DOCUMENT_BEGIN (reply, "cursor", &cursor);
  BSON_APPEND_INT64 (&cursor, "id", 0);
  BSON_APPEND_UTF8 (&cursor, "ns", "fog.list");
  BSON_APPEND_ARRAY_BEGIN (&cursor, "firstBatch", &batch);
  if (found)
    BSON_APPEND_DOCUMENT (&batch, "0", found);
  bson_append_array_end (&cursor, &batch);
  bson_append_document_end (reply, &cursor);
  return reply;
}

/* Nothing is there. */
#define EMPTY_LIST "{\"ok\":1,\"cursor\":{\"id\":0,\"ns\":\"fog.list\",\"firstBatch\":[]}}"

static bson_t *
answer_other (MongoMock *mock, const gchar *name, const bson_t *command)
{
  const gchar *json;
  bson_t *reply;

  g_mutex_lock (&mock->lock);
  json = g_hash_table_lookup (mock->answers, name);
  if (!json && g_str_has_prefix (name, "list"))
    json = EMPTY_LIST;
  if (json)
    reply = bson_new_from_json ((const guint8 *) json, -1, NULL);
  else
    reply =
        strcmp (name, "find") == 0 ? find_one (mock, command) : BCON_NEW ("ok", BCON_DOUBLE (1));
  g_mutex_unlock (&mock->lock);
  return reply;
}

static void
remember (MongoMock *mock, const gchar *name, const bson_t *command)
{
  char *json = bson_as_relaxed_extended_json (command, NULL);

  g_mutex_lock (&mock->lock);
  g_hash_table_replace (mock->last, g_strdup (name), g_strdup (json));
  g_mutex_unlock (&mock->lock);
  bson_free (json);
}

static bson_t *
answer (MongoMock *mock, const guint8 *body, const guint8 *end)
{
  g_autoptr (GPtrArray) documents = read_documents (body + get_int (body), end);
  bson_t command;
  bson_iter_t iter;
  const gchar *name;

  g_assert_true (bson_init_static (&command, body, get_int (body)));
  g_assert_true (bson_iter_init (&iter, &command) && bson_iter_next (&iter));
  name = bson_iter_key (&iter);
  if (g_ascii_strcasecmp (name, "ismaster") == 0 || strcmp (name, "hello") == 0)
    return hello ();
  remember (mock, name, &command);
  if (strcmp (name, "insert") == 0)
    return write_in_time (mock, documents, store);
  if (strcmp (name, "update") == 0)
    return write_in_time (mock, documents, change);
  if (g_str_has_prefix (name, "sasl"))
    return BCON_NEW ("ok", BCON_DOUBLE (0), "code", BCON_INT32 (18), "errmsg",
        BCON_UTF8 ("Authentication failed."));
  return answer_other (mock, name, &command);
}

static GByteArray *
frame (gint32 opcode, gint32 to, const bson_t *reply)
{
  GByteArray *message = g_byte_array_new ();
  /* of a reply to OP_QUERY: flags, cursor, start, and the number of documents, which is 1 */
  const guint8 query_head[20] = {[16] = 1};
  const guint8 msg_head[5] = {0}; /* flags, a body */
  const guint8 *head = opcode == OP_QUERY ? query_head : msg_head;
  guint size = opcode == OP_QUERY ? sizeof query_head : sizeof msg_head;

  put_int (message, 16 + size + reply->len);
  put_int (message, 1);
  put_int (message, to);
  put_int (message, opcode == OP_QUERY ? OP_REPLY : OP_MSG);
  g_byte_array_append (message, head, size);
  g_byte_array_append (message, bson_get_data (reply), reply->len);
  return message;
}

static void
wait_thawed (MongoMock *mock)
{
  g_mutex_lock (&mock->lock);
  while (mock->frozen && !g_cancellable_is_cancelled (mock->closing))
    g_cond_wait (&mock->changed, &mock->lock);
  g_mutex_unlock (&mock->lock);
}

static gboolean
serve_one (MongoMock *mock, GInputStream *in, GOutputStream *out)
{
  guint8 head[16];
  g_autofree guint8 *rest = NULL;
  g_autoptr (GByteArray) message = NULL;
  gsize size, done;
  gint32 opcode;
  bson_t *reply;

  if (!g_input_stream_read_all (in, head, sizeof head, &done, mock->closing, NULL) ||
      done < sizeof head)
    return FALSE;
  size = get_int (head) - sizeof head;
  opcode = get_int (head + 12);
  g_assert_cmpuint (size, <, MESSAGE_MAX);
  rest = g_malloc (size);
  if (!g_input_stream_read_all (in, rest, size, &done, mock->closing, NULL) || done < size)
    return FALSE;
  wait_thawed (mock);
  if (opcode == OP_QUERY)
    reply = hello ();
  else
    reply = answer (mock, rest + 5, rest + size);
  if (!reply)
    return FALSE;
  message = frame (opcode, get_int (head + 4), reply);
  bson_destroy (reply);
  return g_output_stream_write_all (out, message->data, message->len, &done, mock->closing, NULL);
}

typedef struct {
  MongoMock *mock;
  GSocketConnection *connection;
} Session;

static gpointer
serve (gpointer data)
{
  Session *session = data;
  GIOStream *stream = G_IO_STREAM (session->connection);

  while (serve_one (
      session->mock, g_io_stream_get_input_stream (stream), g_io_stream_get_output_stream (stream)))
    ;
  g_object_unref (session->connection);
  g_free (session);
  return NULL;
}

static gpointer
accept_all (gpointer data)
{
  MongoMock *mock = data;
  GPtrArray *threads = g_ptr_array_new_with_free_func ((GDestroyNotify) g_thread_join);
  GSocketConnection *connection;

  while ((connection = g_socket_listener_accept (mock->listener, NULL, mock->closing, NULL))) {
    Session *session = g_new (Session, 1);

    *session = (Session){mock, connection};
    g_ptr_array_add (threads, g_thread_new ("mongo-mock", serve, session));
  }
  g_ptr_array_unref (threads);
  return NULL;
}

MongoMock *
mongo_mock_new (void)
{
  MongoMock *mock = g_new0 (MongoMock, 1);
  GInetAddress *loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  GSocketAddress *any = g_inet_socket_address_new (loopback, 0);
  GSocketAddress *bound;

  g_mutex_init (&mock->lock);
  g_cond_init (&mock->changed);
  g_queue_init (&mock->script);
  mock->documents = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  mock->stored =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) bson_destroy);
  mock->answers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  mock->last = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  mock->closing = g_cancellable_new ();
  mock->listener = g_socket_listener_new ();
  mock->write_us = 1000; /* a write takes a millisecond, as with a real server */
  g_assert_true (g_socket_listener_add_address (
      mock->listener, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, NULL));
  mock->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  mock->thread = g_thread_new ("mongo-mock", accept_all, mock);
  g_object_unref (bound);
  g_object_unref (any);
  g_object_unref (loopback);
  return mock;
}

void
mongo_mock_free (MongoMock *mock)
{
  g_cancellable_cancel (mock->closing);
  g_mutex_lock (&mock->lock);
  g_cond_broadcast (&mock->changed);
  g_mutex_unlock (&mock->lock);
  g_thread_join (mock->thread);
  g_socket_listener_close (mock->listener);
  g_object_unref (mock->listener);
  g_object_unref (mock->closing);
  g_queue_clear_full (&mock->script, g_free);
  g_hash_table_unref (mock->documents);
  g_hash_table_unref (mock->stored);
  g_hash_table_unref (mock->answers);
  g_hash_table_unref (mock->last);
  g_mutex_clear (&mock->lock);
  g_cond_clear (&mock->changed);
  g_free (mock);
}

gchar *
mongo_mock_uri (MongoMock *mock, const gchar *user)
{
  return g_strdup_printf ("mongodb://%s127.0.0.1:%u", user, mock->port);
}

void
mongo_mock_script (MongoMock *mock, const gchar *reply)
{
  g_mutex_lock (&mock->lock);
  g_queue_push_tail (&mock->script, g_strdup (reply));
  g_mutex_unlock (&mock->lock);
}

void
mongo_mock_answer (MongoMock *mock, const gchar *command, const gchar *reply)
{
  g_mutex_lock (&mock->lock);
  g_hash_table_replace (mock->answers, g_strdup (command), g_strdup (reply));
  g_mutex_unlock (&mock->lock);
}

gchar *
mongo_mock_last (MongoMock *mock, const gchar *command)
{
  gchar *last;

  g_mutex_lock (&mock->lock);
  last = g_strdup (g_hash_table_lookup (mock->last, command));
  g_mutex_unlock (&mock->lock);
  return last;
}

void
mongo_mock_slow_down (MongoMock *mock, guint write_ms, guint document_ms)
{
  g_mutex_lock (&mock->lock);
  mock->write_us = write_ms * 1000;
  mock->document_us = document_ms * 1000;
  g_mutex_unlock (&mock->lock);
}

void
mongo_mock_freeze (MongoMock *mock, gboolean frozen)
{
  g_mutex_lock (&mock->lock);
  mock->frozen = frozen;
  g_cond_broadcast (&mock->changed);
  g_mutex_unlock (&mock->lock);
}

guint
mongo_mock_stored (MongoMock *mock)
{
  guint stored;

  g_mutex_lock (&mock->lock);
  stored = g_hash_table_size (mock->documents);
  g_mutex_unlock (&mock->lock);
  return stored;
}

guint
mongo_mock_inserts (MongoMock *mock)
{
  guint inserts;

  g_mutex_lock (&mock->lock);
  inserts = mock->inserts;
  g_mutex_unlock (&mock->lock);
  return inserts;
}

guint
mongo_mock_most_at_once (MongoMock *mock)
{
  guint most;

  g_mutex_lock (&mock->lock);
  most = mock->most_at_once;
  g_mutex_unlock (&mock->lock);
  return most;
}

gchar *
mongo_mock_find (MongoMock *mock, const gchar *id)
{
  gchar *found;

  g_mutex_lock (&mock->lock);
  found = g_strdup (g_hash_table_lookup (mock->documents, id));
  g_mutex_unlock (&mock->lock);
  return found;
}

gboolean
mongo_mock_wait_inserts (MongoMock *mock, guint inserts)
{
  gint64 deadline = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;
  gboolean reached;

  g_mutex_lock (&mock->lock);
  while (mock->inserts < inserts && g_cond_wait_until (&mock->changed, &mock->lock, deadline))
    ;
  reached = mock->inserts >= inserts;
  g_mutex_unlock (&mock->lock);
  return reached;
}
