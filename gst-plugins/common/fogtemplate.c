/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogtemplate.h"

#include <string.h>

#define OPEN "%{"

gboolean
fog_template_has_places (const gchar *text)
{
  return strstr (text, OPEN) != NULL;
}

gboolean
fog_template_check (const gchar *text)
{
  while ((text = strstr (text, OPEN))) {
    text += strlen (OPEN);
    if (*text == '}' || !strchr (text, '}'))
      return FALSE;
  }
  return TRUE;
}

gchar *
fog_template_fill (const gchar *text, FogTemplateFunc func, gpointer user_data)
{
  g_autoptr (GString) filled = g_string_new (NULL);
  const gchar *open;

  while ((open = strstr (text, OPEN))) {
    const gchar *start = open + strlen (OPEN), *close = strchr (start, '}');
    g_autofree gchar *name = g_strndup (start, close - start);

    g_string_append_len (filled, text, open - text);
    if (!func (filled, name, user_data))
      return NULL;
    text = close + 1;
  }
  g_string_append (filled, text);
  return g_string_free (g_steal_pointer (&filled), FALSE);
}
