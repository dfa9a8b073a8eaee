/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livename.h"

#include <string.h>

gboolean
live_name_is_usable (const gchar *name)
{
  gsize size = name ? strlen (name) : 0;

  return size > 0 && size <= LIVE_NAME_MAX && g_utf8_validate (name, (gssize) size, NULL);
}

/* Returns TRUE for characters that could hide or reverse the text beside them. format.js of the
 * page has the same rule. */
static gboolean
is_hidden (gunichar c)
{
  switch (g_unichar_type (c)) {
    case G_UNICODE_FORMAT:
      return c != 0x200c && c != 0x200d; /* except the joiners, which shape letters and emoji */
    case G_UNICODE_CONTROL:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return TRUE;
    default:
      return FALSE;
  }
}

gchar *
live_name_make_visible (const gchar *name)
{
  GString *text = g_string_new (NULL);

  for (; *name; name = g_utf8_next_char (name)) {
    gunichar c = g_utf8_get_char (name);

    if (is_hidden (c))
      g_string_append_printf (text, "\\u{%x}", c);
    else
      g_string_append_unichar (text, c);
  }
  return g_string_free (text, FALSE);
}
