/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livefiles.h"

#define PREFIX "/live/"

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

LiveReply
live_files_get (const gchar *name, const gchar *etag)
{
  g_autofree gchar *path = g_strconcat (PREFIX, name, NULL);
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
