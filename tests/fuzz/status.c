/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes requests to the server of the health tracer: paths, methods, headers, bodies, and several
 * requests on one connection. */
#include "statusserver.h"

#include <string.h>

#include "ask.h"
#include "fuzz.h"

static StatusAnswer
make_answer (const gchar *path, gpointer data)
{
  g_assert_true (path && !strchr (path, '?'));
  if (g_str_equal (path, "/livez"))
    return (StatusAnswer){200, g_strdup ("working\n")};
  return (StatusAnswer){0, NULL};
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static StatusServer *server;
  GString *reply;

  if (!server)
    server = status_server_new (0, make_answer, NULL, NULL);
  g_assert_nonnull (server);
  reply = ask (status_server_get_port (server), data, size);
  g_assert_true (reply->len == 0 || g_str_has_prefix (reply->str, "HTTP/1."));
  g_string_free (reply, TRUE);
  return 0;
}
