/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "statusserver.h"

#include <string.h>

#define MAX_THREADS 16   /* requests answered at a time */
#define MAX_WAITING 64   /* connections that may wait for a thread; further ones are closed */
#define MAX_REQUEST 8192 /* bytes of a request */
#define CLIENT_TIMEOUT 2 /* s without data from a client */
#define REQUEST_TIME 5   /* s for reading a request and sending its answer */
#define ACCEPT_PAUSE                                                                               \
  100 /* ms after a failed accept, for example because no file descriptor is free */

struct _StatusServer {
  GSocketListener *listener;
  GCancellable *end;
  GThread *thread; /* accepts connections, so the process needs no main loop */
  GThreadPool *pool;
  guint16 port;
  GRWLock lock;          /* held for reading while a request is answered */
  StatusHandler handler; /* with the lock; NULL once the server is being freed */
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

/* Sends as much as the client reads in time. */
static void
write_all (GOutputStream *out, const gchar *text, gsize length, GCancellable *end)
{
  gint64 latest = g_get_monotonic_time () + REQUEST_TIME * G_USEC_PER_SEC;

  while (length > 0) {
    gssize n = g_output_stream_write (out, text, length, end, NULL);

    if (n < 0 || g_get_monotonic_time () > latest)
      return;
    text += n;
    length -= n;
  }
}

static void
reply (GOutputStream *out, StatusAnswer answer, gboolean head, GCancellable *end)
{
  g_autofree gchar *text = g_strdup_printf (
      "HTTP/1.0 %u %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      "Content-Length: %" G_GSIZE_FORMAT "\r\nConnection: close\r\n\r\n%s",
      answer.code, reason (answer.code), strlen (answer.text), head ? "" : answer.text);

  write_all (out, text, strlen (text), end);
}

/* (nullable) (transfer full): the first line of a complete request; %NULL
 * if it is too late or too long */
static gchar *
read_request (GInputStream *in, GCancellable *end)
{
  g_autofree gchar *request = g_malloc (MAX_REQUEST + 1);
  gint64 latest = g_get_monotonic_time () + REQUEST_TIME * G_USEC_PER_SEC;
  gsize length = 0;

  while (length < MAX_REQUEST && g_get_monotonic_time () < latest) {
    gssize n = g_input_stream_read (in, request + length, MAX_REQUEST - length, end, NULL);

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
    answer = (StatusAnswer){404, g_strdup ("unknown path: use /livez, /readyz or /metrics\n")};
  if (answer.text == NULL)
    answer.text = g_strdup ("only GET is supported\n");
  return answer;
}

static void
release (gpointer data)
{
  StatusServer *self = data;

  g_object_unref (self->listener);
  g_object_unref (self->end);
  g_rw_lock_clear (&self->lock);
}

/* Takes ownership of the connection and of the server's reference. */
static void
serve (gpointer data, gpointer user_data)
{
  g_autoptr (GSocketConnection) connection = data;
  StatusServer *self = user_data;
  g_autofree gchar *line = NULL;
  g_auto (GStrv) words = NULL;
  gboolean head = FALSE;
  StatusAnswer answer = {0, NULL};

  g_socket_set_timeout (g_socket_connection_get_socket (connection), CLIENT_TIMEOUT);
  line = read_request (g_io_stream_get_input_stream (G_IO_STREAM (connection)), self->end);
  words = g_strsplit (line ? line : "", " ", 3);
  g_rw_lock_reader_lock (&self->lock);
  if (self->handler && g_strv_length (words) == 3) {
    head = g_str_equal (words[0], "HEAD");
    answer = answer_to (self, words, head);
  }
  g_rw_lock_reader_unlock (&self->lock);
  if (answer.text) {
    reply (g_io_stream_get_output_stream (G_IO_STREAM (connection)), answer, head, self->end);
    g_free (answer.text);
  }
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  g_atomic_rc_box_release_full (self, release);
}

/* Takes ownership of @connection. %NULL: the accept failed. */
static void
hand_over (StatusServer *self, GSocketConnection *connection)
{
  if (connection == NULL) {
    if (!g_cancellable_is_cancelled (self->end))
      g_usleep (ACCEPT_PAUSE * 1000);
  } else if (g_thread_pool_unprocessed (self->pool) >= MAX_WAITING) {
    g_object_unref (connection);
  } else {
    g_atomic_rc_box_acquire (self);
    g_thread_pool_push (self->pool, connection, NULL);
  }
}

static gpointer
run (gpointer data)
{
  StatusServer *self = data;

  while (!g_cancellable_is_cancelled (self->end))
    hand_over (self, g_socket_listener_accept (self->listener, NULL, self->end, NULL));
  return NULL;
}

static gboolean
listen_on (StatusServer *self, guint16 port, GError **error)
{
  if (port == 0)
    self->port = g_socket_listener_add_any_inet_port (self->listener, NULL, error);
  else if (g_socket_listener_add_inet_port (self->listener, port, NULL, error))
    self->port = port;
  return self->port != 0;
}

StatusServer *
status_server_new (guint16 port, StatusHandler handler, gpointer data, GError **error)
{
  StatusServer *self = g_atomic_rc_box_new0 (StatusServer);

  g_rw_lock_init (&self->lock);
  self->handler = handler;
  self->data = data;
  self->end = g_cancellable_new ();
  self->listener = g_socket_listener_new ();
  if (!listen_on (self, port, error)) {
    g_atomic_rc_box_release_full (self, release);
    return NULL;
  }
  self->pool = g_thread_pool_new (serve, self, MAX_THREADS, FALSE, NULL);
  self->thread = g_thread_new ("status", run, self);
  return self;
}

guint16
status_server_get_port (StatusServer *self)
{
  return self->port;
}

/* Doesn't wait for requests that are being read or answers that are being sent: they hold
 * references to what they use. */
void
status_server_free (StatusServer *self)
{
  g_cancellable_cancel (self->end);
  g_thread_join (self->thread);
  g_socket_listener_close (self->listener);
  g_rw_lock_writer_lock (&self->lock);
  self->handler = NULL;
  g_rw_lock_writer_unlock (&self->lock);
  g_thread_pool_free (self->pool, FALSE, FALSE);
  g_atomic_rc_box_release_full (self, release);
}
