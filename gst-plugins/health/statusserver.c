/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "statusserver.h"

#include <libsoup/soup.h>
#include <string.h>

#include "http/fogdoor.h"

#define MAX_CONNECTIONS 64
#define SILENCE 10     /* time for which a connection may be silent, s */
#define MAX_THREADS 16 /* largest number of requests answered at a time */
#define MAX_WAITING 64 /* largest number of requests that are being answered, or wait */

struct _StatusServer {
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread; /* runs @loop, so the process needs no main loop */
  SoupServer *server;
  FogDoor *door;
  /* threads that answer requests, so that a stuck element delays only one request. Only the
   * server's thread uses this field; NULL: the server is ending */
  GThreadPool *pool;
  /* number of requests that the pool hasn't answered yet; only the server's thread uses this
   * field */
  guint asked;
  guint16 port;
  GRWLock lock; /* lock that is held for reading while a request is answered */
  /* function that makes the answers, guarded by the lock; NULL once the server is being freed */
  StatusHandler handler;
  gpointer data;
};

typedef struct {
  StatusServer *server;
  SoupServerMessage *message; /* only the server's thread uses `message` and `gone` */
  gboolean gone;              /* its client has left */
  gchar *path;
  StatusAnswer answer;
} Request;

/* --- in the server's thread --- */

static void
send_text (SoupServerMessage *message, guint code, const gchar *text)
{
  soup_server_message_set_status (message, code, NULL);
  soup_message_headers_set_content_type (soup_server_message_get_response_headers (message),
      "text/plain; version=0.0.4; charset=utf-8", NULL);
  soup_message_body_append (
      soup_server_message_get_response_body (message), SOUP_MEMORY_COPY, text, strlen (text));
}

static void
note_finished (SoupServerMessage *message, gpointer request)
{
  ((Request *) request)->gone = TRUE;
}

static void
request_free (Request *request)
{
  g_signal_handlers_disconnect_by_data (request->message, request);
  g_object_unref (request->message);
  g_free (request->path);
  g_free (request->answer.text);
  g_free (request);
}

static gboolean
end_request (gpointer data)
{
  Request *request = data;

  if (!request->gone) {
    send_text (request->message, request->answer.code, request->answer.text);
    soup_server_message_unpause (request->message);
  }
  request->server->asked--;
  request_free (request);
  return G_SOURCE_REMOVE;
}

static gboolean
is_get (SoupServerMessage *message)
{
  const gchar *method = soup_server_message_get_method (message);

  return g_str_equal (method, "GET") || g_str_equal (method, "HEAD");
}

static gboolean
has_body (SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  switch (soup_message_headers_get_encoding (headers)) {
    case SOUP_ENCODING_NONE:
      return FALSE;
    case SOUP_ENCODING_CONTENT_LENGTH:
      return soup_message_headers_get_content_length (headers) != 0;
    default:
      return TRUE;
  }
}

/* Runs before a request's body is read. Refuses requests with a body, and requests other than
 * GET. */
static void
check_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
    gpointer data)
{
  if (is_get (message) && !has_body (message))
    return;
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  soup_message_headers_replace (
      soup_server_message_get_response_headers (message), "Connection", "close");
  send_text (message, 405, "only GET is supported\n");
}

static void
take_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
    gpointer data)
{
  StatusServer *self = data;
  Request *request;

  if (!self->pool || self->asked >= MAX_WAITING) {
    send_text (message, 503, "too many requests are waiting\n");
    return;
  }
  self->asked++;
  request = g_new0 (Request, 1);
  request->server = self;
  request->message = g_object_ref (message);
  /* If the request names no host, libsoup leaves the query in the path. */
  request->path = g_strndup (path, strcspn (path, "?"));
  g_signal_connect (message, "finished", G_CALLBACK (note_finished), request);
  soup_server_message_pause (message);
  g_thread_pool_push (self->pool, request, NULL);
}

static void
take_connection (GSocketConnection *connection, gpointer data)
{
  StatusServer *self = data;
  g_autoptr (GSocketAddress) local = g_socket_connection_get_local_address (connection, NULL);
  g_autoptr (GSocketAddress) remote = g_socket_connection_get_remote_address (connection, NULL);

  if (local && remote)
    soup_server_accept_iostream (self->server, G_IO_STREAM (connection), local, remote, NULL);
}

static void
end_requests (StatusServer *self)
{
  GThreadPool *pool = g_steal_pointer (&self->pool);

  g_thread_pool_free (pool, FALSE, TRUE);
  while (self->asked)
    g_main_context_iteration (self->context, TRUE);
}

/* Runs the main context until nothing is pending, because cancelled operations keep a reference to
 * it until their callbacks have run. */
static void
end_cancelled (StatusServer *self)
{
  while (g_main_context_iteration (self->context, FALSE))
    ;
}

static gpointer
run (gpointer data)
{
  StatusServer *self = data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  end_requests (self);
  soup_server_disconnect (self->server);
  g_clear_pointer (&self->door, fog_door_free);
  end_cancelled (self);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

/* Calls @func in the server's thread. g_main_context_invoke() isn't used, because it would call
 * @func in this thread if the server's thread hasn't started yet. */
static void
call_there (StatusServer *self, GSourceFunc func, gpointer data)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, data, NULL);
  g_source_attach (source, self->context);
  g_source_unref (source);
}

/* --- in threads of the pool --- */

static StatusAnswer
ask_handler (StatusServer *self, const gchar *path)
{
  StatusAnswer answer = {503, NULL};

  g_rw_lock_reader_lock (&self->lock);
  if (self->handler)
    answer = self->handler (path, self->data);
  g_rw_lock_reader_unlock (&self->lock);
  return answer;
}

static void
answer_request (gpointer data, gpointer user_data)
{
  Request *request = data;
  StatusAnswer answer = ask_handler (request->server, request->path);

  if (answer.code == 0)
    answer = (StatusAnswer){404, g_strdup ("unknown path: use /livez, /readyz or /metrics\n")};
  if (answer.text == NULL)
    answer.text = g_strdup ("the stage ends\n");
  request->answer = answer;
  call_there (request->server, end_request, request);
}

/* --- life --- */

static gboolean
listen_on (StatusServer *self, guint16 port, GError **error)
{
  GSocketListener *listener = fog_door_get_listener (self->door);

  if (port == 0)
    self->port = g_socket_listener_add_any_inet_port (listener, NULL, error);
  else if (g_socket_listener_add_inet_port (listener, port, NULL, error))
    self->port = port;
  return self->port != 0;
}

static void
release (StatusServer *self)
{
  g_clear_pointer (&self->door, fog_door_free);
  g_object_unref (self->server);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_rw_lock_clear (&self->lock);
  g_free (self);
}

StatusServer *
status_server_new (guint16 port, StatusHandler handler, gpointer data, GError **error)
{
  StatusServer *self = g_new0 (StatusServer, 1);
  gboolean listens;

  g_rw_lock_init (&self->lock);
  self->handler = handler;
  self->data = data;
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  g_main_context_push_thread_default (self->context);
  self->server = soup_server_new (NULL, NULL);
  soup_server_add_early_handler (self->server, NULL, check_request, self, NULL);
  soup_server_add_handler (self->server, NULL, take_request, self, NULL);
  self->door = fog_door_new (MAX_CONNECTIONS, SILENCE, take_connection, self);
  listens = listen_on (self, port, error);
  g_main_context_pop_thread_default (self->context);
  if (!listens) {
    release (self);
    return NULL;
  }
  self->pool = g_thread_pool_new (answer_request, NULL, MAX_THREADS, FALSE, NULL);
  self->thread = g_thread_new ("status", run, self);
  return self;
}

guint16
status_server_get_port (StatusServer *self)
{
  return self->port;
}

/* Doesn't wait for clients. */
void
status_server_free (StatusServer *self)
{
  g_rw_lock_writer_lock (&self->lock);
  self->handler = NULL;
  g_rw_lock_writer_unlock (&self->lock);
  call_there (self, quit, self->loop);
  g_thread_join (self->thread);
  release (self);
}
