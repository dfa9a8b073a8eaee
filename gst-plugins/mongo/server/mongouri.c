/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongouri.h"

#include <string.h>

#include "fogfile.h"

static const struct {
  const gchar *option;
  gint32 ms;
} default_timeouts[] = {
    {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 2000},
    {MONGOC_URI_CONNECTTIMEOUTMS, 2000},
    {MONGOC_URI_SOCKETTIMEOUTMS, 3000},
};

static gchar *
read_uri_file (const gchar *file, GError **error)
{
  g_autoptr (GError) what = NULL;
  g_autofree gchar *text = NULL;

  if (!fog_file_read (file, FOG_FILE_MAX, &text, NULL, &what)) {
    g_set_error (error, GST_RESOURCE_ERROR,
        g_error_matches (what, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? GST_RESOURCE_ERROR_NOT_FOUND
                                                                 : GST_RESOURCE_ERROR_OPEN_READ,
        "Can't read the MongoDB URI from uri-file %s.", what->message);
    return NULL;
  }
  g_strstrip (text);
  if (!g_str_has_prefix (text, "mongodb")) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The file \"%s\" of uri-file doesn't hold a MongoDB URI. Its only line has to begin with "
        "mongodb:// or mongodb+srv://.",
        file);
    return NULL;
  }
  return g_steal_pointer (&text);
}

/* Returns TRUE if the URI has an @ that should be percent-encoded. libmongoc reads user:p@ss@host
 * as the host "ss@host", and user:p@ss/?a=b@host as the host "ss" with an option, which would
 * appear in name look-ups and in messages. The only @ that the URI may have is the one before the
 * hosts. */
static gboolean
has_stray_at (const gchar *text)
{
  /* the text from user and password on, which is followed by hosts, database and options */
  const gchar *places = strstr (text, "://");
  const gchar *at;

  if (!places)
    return FALSE;
  places += strlen ("://");
  at = strchr (places, '@');
  return at && (strchr (at + 1, '@') || at > places + strcspn (places, "/"));
}

static mongoc_uri_t *
parse (const gchar *text, GError **error)
{
  bson_error_t what = {0};
  mongoc_uri_t *uri = has_stray_at (text) ? NULL : mongoc_uri_new_with_error (text, &what);
  g_autofree gchar *lower = g_ascii_strdown (text, -1);
  /* If the URI may hold a password, the driver's error isn't shown, because it may quote the
   * URI. */
  gboolean secret = strchr (lower, '@') || strstr (lower, "password");

  if (!uri)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The MongoDB URI can't be parsed: %s. The URI has the form "
        "mongodb://user:password@host:port/database?option=value, with : / ? # [ ] @ in user and "
        "password, and @ in options, percent-encoded.",
        secret ? "it isn't shown here, since it holds a secret" : what.message);
  return uri;
}

static void
set_default_write_concern (mongoc_uri_t *uri)
{
  mongoc_write_concern_t *concern;

  if (mongoc_uri_has_option (uri, MONGOC_URI_W) || mongoc_uri_has_option (uri, MONGOC_URI_JOURNAL))
    return;
  concern = mongoc_write_concern_copy (mongoc_uri_get_write_concern (uri));
  mongoc_write_concern_set_w (concern, MONGOC_WRITE_CONCERN_W_MAJORITY);
  mongoc_write_concern_set_journal (concern, true);
  mongoc_uri_set_write_concern (uri, concern);
  mongoc_write_concern_destroy (concern);
}

static void
set_defaults (mongoc_uri_t *uri)
{
  for (guint i = 0; i < G_N_ELEMENTS (default_timeouts); i++)
    if (!mongoc_uri_has_option (uri, default_timeouts[i].option))
      mongoc_uri_set_option_as_int32 (uri, default_timeouts[i].option, default_timeouts[i].ms);
  /* libmongoc's own retries are off, because MongoWriter tries again itself, which also works with
   * servers that have no sessions. */
  if (!mongoc_uri_has_option (uri, MONGOC_URI_RETRYWRITES))
    mongoc_uri_set_option_as_bool (uri, MONGOC_URI_RETRYWRITES, false);
  if (!mongoc_uri_get_appname (uri))
    mongoc_uri_set_appname (uri, "mongosink");
  set_default_write_concern (uri);
}

mongoc_uri_t *
mongo_uri_open (const gchar *text, const gchar *file, GError **error)
{
  g_autofree gchar *from_file = NULL;
  g_autofree gchar *stripped = NULL;
  mongoc_uri_t *uri;

  if (!text && file && !(text = from_file = read_uri_file (file, error)))
    return NULL;
  if (!text)
    text = g_getenv ("MONGODB_URI");
  /* White space at the end is removed, because libmongoc would take a line feed there as a part of
   * the database's name or of the last option. */
  stripped = g_strstrip (g_strdup (text ? text : MONGO_DEFAULT_URI));
  if (!(uri = parse (stripped, error)))
    return NULL;
  set_defaults (uri);
  if (!mongoc_write_concern_is_acknowledged (mongoc_uri_get_write_concern (uri))) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "The MongoDB URI asks for w=0, so that no write would ever be acknowledged. Leave w out, "
        "or "
        "use w=1 or w=majority.");
    g_clear_pointer (&uri, mongoc_uri_destroy);
  }
  return uri;
}

gchar *
mongo_uri_describe (const mongoc_uri_t *uri)
{
  const mongoc_host_list_t *hosts = mongoc_uri_get_hosts (uri);
  GString *text = g_string_new (NULL);

  for (; hosts; hosts = hosts->next)
    g_string_append_printf (text, "%s%s", text->len ? "," : "", hosts->host_and_port);
  if (!text->len && mongoc_uri_get_srv_hostname (uri))
    g_string_append (text, mongoc_uri_get_srv_hostname (uri));
  return g_string_free (text, FALSE);
}
