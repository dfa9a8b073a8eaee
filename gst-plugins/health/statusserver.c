/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "statusserver.h"

#include <string.h>

#define MAX_THREADS 4
#define MAX_REQUEST 8192 /* bytes of a request, which has no body */
#define CLIENT_TIMEOUT 2 /* s that a client may be silent */

struct _StatusServer {
  GSocketService *service;
  GMainContext *context; /* of the service, run by the thread */
  GMainLoop *loop;
  GThread *thread;
  guint16 port;
  GRWLock lock;          /* held for reading while a request is answered */
  StatusHandler handler; /* with the lock; NULL from the server's end on */
  gpointer data;
};

static const gchar *
reason (guint code)
{
  switch (code) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

static void
reply (GOutputStream *out, StatusAnswer answer, gboolean head)
{
  g_autofree gchar *text = g_strdup_printf (
      "HTTP/1.0 %u %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      "Content-Length: %" G_GSIZE_FORMAT "\r\nConnection: close\r\n\r\n%s",
      answer.code, reason (answer.code), strlen (answer.text), head ? "" : answer.text);

  g_output_stream_write_all (out, text, strlen (text), NULL, NULL, NULL);
}

/* The request's first line, once all of the request has come; NULL if it doesn't, or has no end. */
static gchar *
read_request (GInputStream *in)
{
  g_autofree gchar *request = g_malloc (MAX_REQUEST + 1);
  gsize length = 0;

  while (length < MAX_REQUEST) {
    gssize n = g_input_stream_read (in, request + length, MAX_REQUEST - length, NULL, NULL);

    if (n <= 0)
      return NULL;
    length += n;
    request[length] = 0;
    if (strstr (request, "\r\n\r\n"))
      return g_strndup (request, strcspn (request, "\r\n"));
  }
  return NULL;
}

static StatusAnswer
answer_to (StatusServer *self, gchar **words, gboolean head)
{
  StatusAnswer answer = {405, NULL};
  gchar *query;

  if (head || g_str_equal (words[0], "GET")) {
    query = strchr (words[1], '?');
    if (query)
      *query = 0;
    answer = self->handler (words[1], self->data);
  }
  if (answer.code == 0)
    answer = (StatusAnswer){404, g_strdup ("there are /livez, /readyz and /metrics\n")};
  if (answer.text == NULL)
    answer.text = g_strdup ("only GET is answered\n");
  return answer;
}

static gboolean
serve (
    GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  g_autofree gchar *line = NULL;
  g_auto (GStrv) words = NULL;
  gboolean head = FALSE;
  StatusServer *self = data;
  StatusAnswer answer = {0, NULL};

  g_socket_set_timeout (g_socket_connection_get_socket (connection), CLIENT_TIMEOUT);
  line = read_request (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  words = g_strsplit (line ? line : "", " ", 3);
  g_rw_lock_reader_lock (&self->lock);
  if (self->handler && g_strv_length (words) == 3) {
    head = g_str_equal (words[0], "HEAD");
    answer = answer_to (self, words, head);
  }
  g_rw_lock_reader_unlock (&self->lock);
  if (answer.text) {
    reply (g_io_stream_get_output_stream (G_IO_STREAM (connection)), answer, head);
    g_free (answer.text);
  }
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  return TRUE;
}

static void
release (gpointer data, GClosure *closure)
{
  StatusServer *self = data;

  g_rw_lock_clear (&self->lock);
  g_atomic_rc_box_release (self);
}

static gpointer
run (gpointer data)
{
  StatusServer *self = data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

/* In the loop itself: a loop that is told to quit before it runs would run for ever. */
static void
end_thread (StatusServer *self)
{
  GSource *source = g_idle_source_new ();

  g_source_set_callback (source, quit, self->loop, NULL);
  g_source_attach (source, self->context);
  g_source_unref (source);
  g_thread_join (self->thread);
}

static gboolean
listen_on (StatusServer *self, guint16 port, GError **error)
{
  GSocketListener *listener = G_SOCKET_LISTENER (self->service);

  if (port == 0)
    self->port = g_socket_listener_add_any_inet_port (listener, NULL, error);
  else if (g_socket_listener_add_inet_port (listener, port, NULL, error))
    self->port = port;
  return self->port != 0;
}

StatusServer *
status_server_new (guint16 port, StatusHandler handler, gpointer data, GError **error)
{
  StatusServer *self = g_atomic_rc_box_new0 (StatusServer);
  gboolean listening;

  g_rw_lock_init (&self->lock);
  self->handler = handler;
  self->data = data;
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  /* accepts in the context that is the thread's when it is made and started */
  g_main_context_push_thread_default (self->context);
  self->service = g_threaded_socket_service_new (MAX_THREADS);
  /* the closure, which a request being answered keeps too, has the server's memory */
  g_signal_connect_data (self->service, "run", G_CALLBACK (serve), self, release, 0);
  listening = listen_on (self, port, error);
  g_main_context_pop_thread_default (self->context);
  if (!listening) {
    status_server_free (self);
    return NULL;
  }
  self->thread = g_thread_new ("status", run, self);
  return self;
}

guint16
status_server_get_port (StatusServer *self)
{
  return self->port;
}

void
status_server_free (StatusServer *self)
{
  if (self->thread)
    end_thread (self);
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_rw_lock_writer_lock (&self->lock);
  self->handler = NULL;
  g_rw_lock_writer_unlock (&self->lock);
  g_object_unref (self->service);
}
