/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogname.h"

#include <string.h>

#define DIGITS 16 /* digits of the digest */
#define KEPT (FOG_NAME_MAX - 1 - DIGITS)

/* Returns: (transfer full): the beginning of @name: at most KEPT bytes, in whole characters */
static gchar *
beginning (const gchar *name)
{
  g_autofree gchar *start = g_strndup (name, KEPT);
  /* g_utf8_make_valid() replaces each byte that isn't valid UTF-8 by three bytes */
  gchar *valid = g_utf8_make_valid (start, -1);
  gsize length = MIN (strlen (valid), KEPT);

  while (length > 0 && (valid[length] & 0xc0) == 0x80)
    length--;
  valid[length] = 0;
  return valid;
}

gchar *
fog_name_bounded (const gchar *name)
{
  g_autofree gchar *start = NULL, *digest = NULL;

  if (strlen (name) <= FOG_NAME_MAX && g_utf8_validate (name, -1, NULL))
    return g_strdup (name);
  start = beginning (name);
  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, name, -1);
  return g_strdup_printf ("%s~%.*s", start, DIGITS, digest);
}
