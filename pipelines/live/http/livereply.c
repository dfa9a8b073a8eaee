/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livereply.h"

#include <string.h>

#include "livejson.h"

void
live_request_clear (LiveRequest *request)
{
  g_clear_pointer (&request->query, g_free);
  g_clear_pointer (&request->body, g_bytes_unref);
  g_clear_pointer (&request->etag, g_free);
  g_clear_object (&request->gone);
}

gchar *
live_form_get (const gchar *form, const gchar *name)
{
  GUriParamsIter iter;
  gchar *field, *value, *found = NULL;

  g_uri_params_iter_init (&iter, form, -1, "&", G_URI_PARAMS_WWW_FORM);
  while (!found && g_uri_params_iter_next (&iter, &field, &value, NULL)) {
    if (g_str_equal (field, name))
      found = g_steal_pointer (&value);
    g_free (field);
    g_free (value);
  }
  return found;
}

gboolean
live_form_get_int (const gchar *form, const gchar *name, gint64 min, gint64 max, gint64 *value)
{
  g_autofree gchar *text = live_form_get (form, name);

  return text && g_ascii_string_to_signed (text, 10, min, max, value, NULL);
}

LiveReply
live_reply_json (GBytes *json)
{
  return (LiveReply){200, "application/json; charset=utf-8", json, NULL};
}

LiveReply
live_reply_error (guint status, const gchar *format, ...)
{
  g_autofree gchar *text = NULL;
  JsonBuilder *json = live_json_new ();
  LiveReply reply;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  live_json_text (json, "error", text);
  reply = live_reply_json (live_json_end (json));
  reply.status = status;
  return reply;
}

LiveReply
live_reply_text (guint status, const gchar *text)
{
  return (LiveReply){status, "text/plain; charset=utf-8", g_bytes_new (text, strlen (text)), NULL};
}

void
live_reply_clear (LiveReply *reply)
{
  g_clear_pointer (&reply->body, g_bytes_unref);
  g_clear_pointer (&reply->etag, g_free);
  g_clear_pointer (&reply->notes, g_free);
}
