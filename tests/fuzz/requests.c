/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes requests to the server of the live page: paths, queries, headers, forms and bodies. The
 * functions of the API are replaced, because they need a Kafka and a database; the replacement
 * reads the query and the body, and returns a text that only a request with the token may get. */
#define _GNU_SOURCE
#include <string.h>

#include "ask.h"
#include "fuzz.h"
#include "http/livehttp.h"

#define TOKEN "0123456789abcdef-token"
#define PRIVATE "the private answer"

static LiveReply
answer_probe (LiveApi *api, const LiveRequest *request)
{
  return live_reply_text (200, "working\n");
}

static LiveReply
answer_private (LiveApi *api, const LiveRequest *request)
{
  g_autofree gchar *body =
      g_strndup (g_bytes_get_data (request->body, NULL), g_bytes_get_size (request->body));
  gint64 number;

  g_free (live_form_get (request->query, "camera"));
  g_free (live_form_get (body, "camera"));
  live_form_get_int (request->query, "n", 1, 9, &number);
  return live_reply_text (200, PRIVATE);
}

const LiveRoute *
live_api_find (const LiveApi *self, const gchar *path)
{
  static const LiveRoute routes[] = {
      {"/livez", "GET", answer_probe, LIVE_HERE},
      {"/healthz", "GET", answer_probe, LIVE_HERE},
      {"/api/state", "GET", answer_private, LIVE_HERE},
      {"/api/picture", "GET", answer_private, LIVE_JOB},
      {"/api/recount", "POST", answer_private, LIVE_COUNT},
      {"/api/clip", "POST", answer_private, LIVE_CLIP},
      {"/api/do", "POST", answer_private, LIVE_HERE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (g_str_equal (routes[i].path, path))
      return &routes[i];
  return NULL;
}

static gpointer
run_loop (gpointer loop)
{
  g_main_loop_run (loop);
  return NULL;
}

/* Starts the server, and returns its port. */
static guint16
start (void)
{
  static LiveApi api;
  LiveOptions options = {
      .address = (gchar *) "127.0.0.1", .token = (gchar *) TOKEN, .max_viewers = 4};
  LiveHttp *http = live_http_new (&options, &api, NULL);
  g_autofree gchar *address = http ? live_http_make_address (http) : NULL;

  g_assert_nonnull (address);
  g_thread_new ("page", run_loop, g_main_loop_new (NULL, FALSE));
  return (guint16) g_ascii_strtoull (strrchr (address, ':') + 1, NULL, 10);
}

/* Searches with memmem() instead of strstr(), because @data may contain zeros. */
static gboolean
has_token (const guint8 *data, gsize size)
{
  return memmem (data, size, TOKEN, strlen (TOKEN)) != NULL;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static guint16 port;
  GString *reply;

  if (port == 0)
    port = start ();
  reply = ask (port, data, size);
  g_assert_true (reply->len == 0 || g_str_has_prefix (reply->str, "HTTP/1."));
  g_assert_true (!strstr (reply->str, PRIVATE) || has_token (data, size));
  g_string_free (reply, TRUE);
  return 0;
}
