/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livehttp.h"

#include <string.h>

#include "http/fogdoor.h"
#include "liveguesses.h"
#include "livejobs.h"
#include "livesocket.h"
#include "livetoken.h"

/* Path of the page's files, which are embedded in the program as a GResource. */
#define FILES "/live/"
#define MAX_CONNECTIONS 256
/* Time (s) for which a connection may send and take no data. */
#define SILENCE 30
#define MAX_BODY 16384 /* bytes of a POST */
#define JOB_THREADS 2
#define MAX_JOBS 64
#define MAX_COUNTS 8
/* Two threads answer requests for clips: one makes a clip, the other one meanwhile refuses further
 * requests. */
#define CLIP_THREADS 2
#define MAX_CLIPS 8

/* The content security policy forbids content from other servers, inline scripts and styles, and
 * the page in a frame of another page. */
#define POLICY                                                                                     \
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "  \
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

struct _LiveHttp {
  LiveApi *api;
  SoupServer *server;
  FogDoor *door;
  LiveStream *stream;
  LiveJobs *jobs, *counts, *clips;
  LiveToken *token;
  gchar *address;
  guint16 port;
  LiveGuesses *guesses;
  gboolean ending; /* connections that are still open get no more answers */
};

/* --- the page's files --- */

static const gchar *
type_of (const gchar *name)
{
  static const gchar *const types[][2] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (name, types[i][0]))
      return types[i][1];
  return "text/plain; charset=utf-8";
}

/* Returns a file of the page, which is compiled into the program, or 404 if there is no such file.
 * @name: for example "index.html" */
static LiveReply
get_file (const gchar *name, const gchar *etag)
{
  g_autofree gchar *path = g_strconcat (FILES, name, NULL);
  g_autofree gchar *digest = NULL;
  LiveReply reply = {200, type_of (name), NULL, NULL};

  reply.body = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (!reply.body)
    return live_reply_error (404, "There is no such file.");
  digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, reply.body);
  reply.etag = g_strdup_printf ("\"%.16s\"", digest);
  if (g_strcmp0 (reply.etag, etag) == 0) {
    g_clear_pointer (&reply.body, g_bytes_unref);
    reply.status = 304;
  }
  return reply;
}

/* --- answers --- */

static void
add_headers (SoupServerMessage *message)
{
  static const gchar *const headers[][2] = {
      {"Content-Security-Policy", POLICY},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
      {"Cache-Control", "no-cache"},
  };
  SoupMessageHeaders *to = soup_server_message_get_response_headers (message);

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    soup_message_headers_replace (to, headers[i][0], headers[i][1]);
}

static void
send_reply (SoupServerMessage *message, LiveReply *reply)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  soup_server_message_set_status (message, reply->status, NULL);
  if (reply->etag)
    soup_message_headers_replace (headers, "ETag", reply->etag);
  if (reply->notes && *reply->notes) {
    g_autofree gchar *notes = g_uri_escape_string (reply->notes, NULL, FALSE);

    soup_message_headers_replace (headers, "Fog-Notes", notes);
  }
  if (!reply->body || g_bytes_get_size (reply->body) == 0)
    return;
  soup_message_headers_set_content_type (headers, reply->type, NULL);
  soup_message_body_append_bytes (soup_server_message_get_response_body (message), reply->body);
}

static void
send_and_clear (SoupServerMessage *message, LiveReply reply)
{
  send_reply (message, &reply);
  live_reply_clear (&reply);
}

/* --- access --- */

/* Returns: (nullable): the address of the client; NULL if the client is gone. */
static GInetAddress *
address_of (SoupServerMessage *message)
{
  GSocketAddress *address = soup_server_message_get_remote_address (message);

  return G_IS_INET_SOCKET_ADDRESS (address)
             ? g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address))
             : NULL;
}

/* Returns FALSE if too many wrong tokens came from the client's address. Requests with a session
 * don't call this function. */
static gboolean
may_guess (LiveHttp *self, SoupServerMessage *message)
{
  GInetAddress *address = address_of (message);

  return address && live_guesses_allow (self->guesses, address, g_get_monotonic_time ());
}

static void
count_guess (LiveHttp *self, SoupServerMessage *message)
{
  GInetAddress *address = address_of (message);

  if (address)
    live_guesses_count (self->guesses, address, g_get_monotonic_time ());
}

static gboolean
is_allowed (LiveHttp *self, SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const gchar *authorization = soup_message_headers_get_one (headers, "Authorization");
  const gchar *cookie = soup_message_headers_get_list (headers, "Cookie");

  if (live_token_allows (self->token, NULL, cookie))
    return TRUE;
  if (!authorization || !may_guess (self, message))
    return FALSE;
  if (live_token_allows (self->token, authorization, NULL))
    return TRUE;
  count_guess (self, message);
  return FALSE;
}

/* Returns FALSE if the request comes from a page of another origin, or if no token is set and the
 * header Host isn't this machine's loopback. */
static gboolean
comes_from_here (LiveHttp *self, SoupServerMessage *message)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const gchar *host = soup_message_headers_get_one (headers, "Host");
  const gchar *origin = soup_message_headers_get_one (headers, "Origin");
  const gchar *name = origin ? strstr (origin, "://") : NULL;

  if (!live_token_is_needed (self->token) && !live_host_is_loopback (host))
    return FALSE;
  return !origin || (name && g_strcmp0 (name + strlen ("://"), host) == 0);
}

static void
log_in (LiveHttp *self, SoupServerMessage *message)
{
  g_autoptr (GBytes) body =
      soup_message_body_flatten (soup_server_message_get_request_body (message));
  g_autofree gchar *form = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  g_autofree gchar *guess = live_form_get (form, "token");
  g_autofree gchar *cookie = NULL;

  if (live_token_is_needed (self->token)) {
    if (!may_guess (self, message)) {
      send_and_clear (
          message, live_reply_text (429, "Too many wrong tokens: wait for a minute.\n"));
      return;
    }
    if (!guess || !live_token_matches (self->token, guess)) {
      count_guess (self, message);
      soup_server_message_set_redirect (message, 303, "/login?wrong");
      return;
    }
    cookie = g_strdup_printf (
        "fog-live=%s; Path=/; HttpOnly; SameSite=Strict", live_token_get_session (self->token));
    soup_message_headers_replace (
        soup_server_message_get_response_headers (message), "Set-Cookie", cookie);
  }
  soup_server_message_set_redirect (message, 303, "/");
}

/* --- handlers of requests --- */

static void
add_viewer (LiveHttp *self, SoupServerMessage *message)
{
  /* The page sends HEAD after its stream was refused, to learn the reason. */
  if (g_str_equal (soup_server_message_get_method (message), "HEAD")) {
    send_and_clear (message, live_stream_is_full (self->stream)
                                 ? live_reply_error (503, "There are too many viewers already.")
                                 : live_reply_text (200, ""));
    return;
  }
  if (!live_stream_add (self->stream, message)) {
    send_and_clear (message, live_reply_error (503, "There are too many viewers already."));
    return;
  }
  fog_door_keep (self->door, live_socket_get (message));
}

static LiveRequest
make_request (SoupServerMessage *message)
{
  const gchar *query = g_uri_get_query (soup_server_message_get_uri (message));
  const gchar *etag = soup_message_headers_get_one (
      soup_server_message_get_request_headers (message), "If-None-Match");

  return (LiveRequest){
      .query = g_strdup (query ? query : ""),
      .etag = g_strdup (etag),
      .body = soup_message_body_flatten (soup_server_message_get_request_body (message)),
  };
}

static void
answer (LiveHttp *self, SoupServerMessage *message, const LiveRoute *route)
{
  LiveRequest request = make_request (message);
  LiveJobs *jobs = route->where == LIVE_CLIP    ? self->clips
                   : route->where == LIVE_COUNT ? self->counts
                                                : self->jobs;

  if (route->where == LIVE_HERE)
    send_and_clear (message, route->func (self->api, &request));
  else if (!live_jobs_push (jobs, message, (LiveJobFunc) route->func, &request))
    send_and_clear (message, live_reply_error (503, "Too many requests are waiting; try again."));
  live_request_clear (&request);
}

static gboolean
is_method (SoupServerMessage *message, const gchar *method)
{
  const gchar *theirs = soup_server_message_get_method (message);

  return g_str_equal (theirs, method) ||
         (g_str_equal (theirs, "HEAD") && g_str_equal (method, "GET"));
}

static void
send_file (SoupServerMessage *message, const gchar *name)
{
  const gchar *etag = soup_message_headers_get_one (
      soup_server_message_get_request_headers (message), "If-None-Match");

  if (is_method (message, "GET"))
    send_and_clear (message, get_file (name, etag));
  else
    send_and_clear (message, live_reply_error (405, "Only GET is answered here."));
}

/* Answers the paths that need no token: the login, and the page's own files. */
static gboolean
answer_anybody (LiveHttp *self, SoupServerMessage *message, const gchar *path)
{
  const gchar *files = "/static/";

  if (g_str_has_prefix (path, files))
    send_file (message, path + strlen (files));
  else if (g_str_equal (path, "/login") && is_method (message, "POST"))
    log_in (self, message);
  else if (g_str_equal (path, "/login"))
    send_file (message, "login.html");
  else if (g_str_equal (path, "/") && !is_allowed (self, message))
    soup_server_message_set_redirect (message, 303, "/login");
  else
    return FALSE;
  return TRUE;
}

/* Returns FALSE if a POST doesn't have the type of JSON. A form of another site's page can't have
 * this type, because the browser would send a preflight request first. */
static gboolean
has_its_type (SoupServerMessage *message, const LiveRoute *route)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  return g_str_equal (route->method, "GET") ||
         g_strcmp0 (soup_message_headers_get_content_type (headers, NULL), "application/json") == 0;
}

static void
answer_allowed (LiveHttp *self, SoupServerMessage *message, const gchar *path)
{
  const LiveRoute *route = live_api_find (self->api, path);

  if (g_str_equal (path, "/"))
    send_file (message, "index.html");
  else if (g_str_equal (path, "/api/stream") && is_method (message, "GET"))
    add_viewer (self, message);
  else if (!route)
    send_and_clear (message, live_reply_error (404, "There is no such path."));
  else if (!is_method (message, route->method))
    send_and_clear (message, live_reply_error (405, "Only %s is answered here.", route->method));
  else if (!has_its_type (message, route))
    send_and_clear (
        message, live_reply_error (415, "The request needs the type application/json."));
  else
    answer (self, message, route);
}

/* Requests of probes are allowed without a token and with any Host, because the answers say only
 * whether the server works. */
static gboolean
is_probe (SoupServerMessage *message, const gchar *path)
{
  return is_method (message, "GET") &&
         (g_str_equal (path, "/livez") || g_str_equal (path, "/healthz"));
}

static void
refuse (SoupServerMessage *message)
{
  soup_message_headers_replace (
      soup_server_message_get_response_headers (message), "Connection", "close");
  send_and_clear (message, live_reply_error (503, "The page ends."));
}

static void
take_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
    gpointer data)
{
  LiveHttp *self = data;

  add_headers (message);
  if (self->ending)
    refuse (message);
  else if (is_probe (message, path))
    answer (self, message, live_api_find (self->api, path));
  else if (!comes_from_here (self, message))
    send_and_clear (
        message, live_reply_error (403, "Requests of pages of other sites are refused."));
  else if (answer_anybody (self, message, path))
    return;
  else if (!is_allowed (self, message))
    send_and_clear (message, live_reply_error (401, "The request needs the token."));
  else
    answer_allowed (self, message, path);
}

/* Runs before a request's body is read, and refuses a body that is large, or whose length is
 * unknown. */
static void
check_body (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query,
    gpointer data)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  SoupEncoding encoding = soup_message_headers_get_encoding (headers);

  if (encoding == SOUP_ENCODING_NONE ||
      (encoding == SOUP_ENCODING_CONTENT_LENGTH &&
          soup_message_headers_get_content_length (headers) <= MAX_BODY))
    return;
  add_headers (message);
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  soup_message_headers_replace (
      soup_server_message_get_response_headers (message), "Connection", "close");
  send_and_clear (message, live_reply_error (413, "The request is too large."));
}

/* --- life --- */

static void
take_connection (GSocketConnection *connection, gpointer data)
{
  LiveHttp *self = data;
  g_autoptr (GSocketAddress) local = g_socket_connection_get_local_address (connection, NULL);
  g_autoptr (GSocketAddress) remote = live_socket_make_address (connection);

  if (!local || !remote)
    return;
  soup_server_accept_iostream (self->server, G_IO_STREAM (connection), local, remote, NULL);
}

static gboolean
listen_at (LiveHttp *self, const LiveOptions *options, GError **error)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (options->address);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new (address, options->port);
  g_autoptr (GSocketAddress) found = NULL;

  self->door = fog_door_new (MAX_CONNECTIONS, SILENCE, take_connection, self);
  if (!g_socket_listener_add_address (fog_door_get_listener (self->door), wanted,
          G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &found, error))
    return FALSE;
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (found));
  return TRUE;
}

LiveHttp *
live_http_new (const LiveOptions *options, LiveApi *api, GError **error)
{
  LiveHttp *self = g_new0 (LiveHttp, 1);

  self->api = api;
  self->address = g_strdup (options->address);
  self->server = soup_server_new ("server-header", "fog-live", NULL);
  self->guesses = live_guesses_new ();
  self->stream = live_stream_new (options->max_viewers);
  self->jobs = live_jobs_new (JOB_THREADS, MAX_JOBS, FALSE, send_reply, api);
  self->counts = live_jobs_new (1, MAX_COUNTS, FALSE, send_reply, api);
  self->clips = live_jobs_new (CLIP_THREADS, MAX_CLIPS, TRUE, send_reply, api);
  soup_server_add_early_handler (self->server, NULL, check_body, self, NULL);
  soup_server_add_handler (self->server, NULL, take_request, self, NULL);
  self->token = live_token_new (options->token, error);
  if (!self->token || !listen_at (self, options, error)) {
    live_http_free (self);
    return NULL;
  }
  return self;
}

void
live_http_free (LiveHttp *self)
{
  self->ending = TRUE;
  g_clear_pointer (&self->door, fog_door_free);
  live_jobs_free (self->clips);
  live_jobs_free (self->jobs);
  live_jobs_free (self->counts);
  soup_server_disconnect (self->server);
  live_stream_free (self->stream);
  g_object_unref (self->server);
  live_guesses_free (self->guesses);
  g_clear_pointer (&self->token, live_token_free);
  g_free (self->address);
  g_free (self);
}

gchar *
live_http_make_address (LiveHttp *self)
{
  const gchar *format = strchr (self->address, ':') ? "http://[%s]:%u/" : "http://%s:%u/";

  return g_strdup_printf (format, self->address, self->port);
}

LiveStream *
live_http_get_stream (LiveHttp *self)
{
  return self->stream;
}
