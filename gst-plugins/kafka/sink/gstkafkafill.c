/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkafill.h"

#include <string.h>

#define OPEN "%{"

gboolean
gst_kafka_fill_has_places (const gchar *text)
{
  return strstr (text, OPEN) != NULL;
}

gboolean
gst_kafka_fill_check (const gchar *text, const gchar *property, GError **error)
{
  const gchar *at = text, *close;

  while ((at = strstr (at, OPEN))) {
    at += strlen (OPEN);
    close = strchr (at, '}');
    if (close && close > at)
      continue;
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "%s=\"%s\": each %%{ must be followed by the name of a header and a }.", property, text);
    return FALSE;
  }
  return TRUE;
}

gchar *
gst_kafka_fill (const gchar *text, GstKafkaFillLookUp look_up, gconstpointer data, gchar **missing)
{
  g_autoptr (GString) filled = g_string_new (NULL);
  const gchar *at = text, *open;

  *missing = NULL;
  while ((open = strstr (at, OPEN))) {
    const gchar *name = open + strlen (OPEN), *close = strchr (name, '}');
    g_autofree gchar *wanted = g_strndup (name, close - name);
    const gchar *value = look_up (data, wanted);

    if (!value) {
      *missing = g_steal_pointer (&wanted);
      return NULL;
    }
    g_string_append_len (filled, at, open - at);
    g_string_append (filled, value);
    at = close + 1;
  }
  g_string_append (filled, at);
  return g_string_free (g_steal_pointer (&filled), FALSE);
}
