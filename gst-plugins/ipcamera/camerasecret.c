/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "camerasecret.h"

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <string.h>

#include "fogfile.h"

#define LONGEST 1024 /* bytes of a password */

static gboolean
is_password (const gchar *text, gsize size)
{
  return size > 0 && size <= LONGEST && strlen (text) == size && !strpbrk (text, "\r\n");
}

gchar *
camera_secret_read (const gchar *file, GError **error)
{
  g_autoptr (GError) cause = NULL;
  gchar *text;
  gsize size;

  if (!fog_file_read (file, FOG_FILE_MAX, &text, &size, &cause)) {
    g_set_error (error, GST_RESOURCE_ERROR,
        g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_INVAL) ? GST_RESOURCE_ERROR_SETTINGS
                                                                  : GST_RESOURCE_ERROR_OPEN_READ,
        "The password can't be read from password-file %s.", cause->message);
    return NULL;
  }
  if (size > 0 && text[size - 1] == '\n')
    text[--size] = '\0';
  if (size > 0 && text[size - 1] == '\r')
    text[--size] = '\0';
  if (is_password (text, size))
    return text;
  camera_secret_free (text);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "password-file=\"%s\" doesn't hold one line of 1 to %d bytes.", file, LONGEST);
  return NULL;
}

guint64
camera_secret_mark (const gchar *file)
{
  GStatBuf found;

  if (g_stat (file, &found) != 0)
    return 0;
  return (guint64) found.st_mtim.tv_sec * G_USEC_PER_SEC + (guint64) found.st_mtim.tv_nsec / 1000 +
         (guint64) found.st_ino * 31 + (guint64) found.st_size;
}

void
camera_secret_free (gchar *secret)
{
  /* volatile, because the compiler would leave out writes before a free */
  for (volatile gchar *c = secret; c && *c; c++)
    *c = '\0';
  g_free (secret);
}
