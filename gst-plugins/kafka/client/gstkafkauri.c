/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkauri.h"

#include <string.h>

#define SCHEME "kafka://"

static GstKafkaUri *
uri_error (GError **error, const gchar *text, const gchar *what)
{
  g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
      "\"%s\" is not of the form kafka://host:port/topic?property=value: %s", text, what);
  return NULL;
}

/* @rest: the part of the URI after the scheme */
static GstKafkaUri *
parse_parts (const gchar *text, const gchar *rest, GError **error)
{
  const gchar *slash = strchr (rest, '/');
  const gchar *query = strchr (rest, '?');
  g_autofree gchar *servers = slash ? g_strndup (rest, slash - rest) : NULL;
  g_autofree gchar *topic = NULL;
  g_autoptr (GHashTable) params = NULL;
  GstKafkaUri *uri;

  if (!slash || slash == rest || (query && query < slash))
    return uri_error (error, text, "host or topic is missing");
  /* The error message doesn't quote the URI, because a password may stand before the @. */
  if (strchr (servers, '@'))
    return uri_error (error, SCHEME "…", "user and password belong into config-file");
  topic = g_uri_unescape_segment (slash + 1, query, "/");
  if (!topic || !*topic)
    return uri_error (error, text, "the topic is missing");
  params = g_uri_parse_params (query ? query + 1 : "", -1, "&", G_URI_PARAMS_NONE, NULL);
  if (!params)
    return uri_error (error, text, "what follows the ? is malformed");
  uri = g_new0 (GstKafkaUri, 1);
  uri->servers = g_steal_pointer (&servers);
  uri->topic = g_steal_pointer (&topic);
  uri->query = g_steal_pointer (&params);
  return uri;
}

GstKafkaUri *
gst_kafka_uri_parse (const gchar *text, GError **error)
{
  if (g_ascii_strncasecmp (text, SCHEME, strlen (SCHEME)) != 0)
    return uri_error (error, text, "the scheme is another one");
  return parse_parts (text, text + strlen (SCHEME), error);
}

void
gst_kafka_uri_free (GstKafkaUri *uri)
{
  g_free (uri->servers);
  g_free (uri->topic);
  g_hash_table_unref (uri->query);
  g_free (uri);
}

static gboolean
is_allowed (GParamSpec *pspec, GObject *object)
{
  return pspec && pspec->owner_type == G_OBJECT_TYPE (object) &&
         (pspec->flags & G_PARAM_WRITABLE) && !g_str_equal (pspec->name, "config-file") &&
         !g_str_equal (pspec->name, "client-properties");
}

static gboolean
set_property (GObject *object, const gchar *name, const gchar *text, GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), name);
  g_auto (GValue) value = G_VALUE_INIT;

  if (!is_allowed (pspec, object)) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_REFERENCE,
        "A kafka:// URI can't set \"%s\" of %s", name, G_OBJECT_TYPE_NAME (object));
    return FALSE;
  }
  g_value_init (&value, pspec->value_type);
  if (!gst_value_deserialize_with_pspec (&value, text, pspec)) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "\"%s\" isn't a value for \"%s\" in a kafka:// URI", text, name);
    return FALSE;
  }
  g_object_set_property (object, name, &value);
  return TRUE;
}

gboolean
gst_kafka_uri_apply (const GstKafkaUri *uri, GObject *object, GError **error)
{
  GHashTableIter iter;
  gpointer name, value;

  g_object_set (object, "bootstrap-servers", uri->servers, "topic", uri->topic, NULL);
  g_hash_table_iter_init (&iter, uri->query);
  while (g_hash_table_iter_next (&iter, &name, &value))
    if (!set_property (object, name, value, error))
      return FALSE;
  return TRUE;
}

gchar *
gst_kafka_uri_to_string (const gchar *servers, const gchar *topic)
{
  g_autofree gchar *escaped = topic ? g_uri_escape_string (topic, NULL, TRUE) : NULL;

  return escaped ? g_strconcat (SCHEME, servers, "/", escaped, NULL) : NULL;
}

static const gchar *const *
list_protocols (GType type)
{
  static const gchar *const protocols[] = {"kafka", NULL};

  return protocols;
}

static gchar *
get_uri (GstURIHandler *handler)
{
  g_autofree gchar *servers = NULL, *topic = NULL;

  g_object_get (handler, "bootstrap-servers", &servers, "topic", &topic, NULL);
  return gst_kafka_uri_to_string (servers, topic);
}

void
gst_kafka_uri_init_handler (GstURIHandlerInterface *handler)
{
  handler->get_protocols = list_protocols;
  handler->get_uri = get_uri;
}
