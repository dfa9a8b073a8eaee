/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail (const gchar *path, gint code, const gchar *why, GError **error)
{
  g_set_error (error, G_FILE_ERROR, code, "\"%s\": %s", path, why);
  return FALSE;
}

static gboolean
fail_with (const gchar *path, gint number, GError **error)
{
  return fail (path, (gint) g_file_error_from_errno (number), g_strerror (number), error);
}

static gboolean
fail_for_size (const gchar *path, gsize max, GError **error)
{
  g_autofree gchar *why = g_strdup_printf ("It is larger than %" G_GSIZE_FORMAT " KiB", max / 1024);

  return fail (path, G_FILE_ERROR_INVAL, why, error);
}

static gboolean
check (gint fd, const gchar *path, GError **error)
{
  struct stat found;

  if (fstat (fd, &found) != 0)
    return fail_with (path, errno, error);
  if (!S_ISREG (found.st_mode))
    return fail (path, G_FILE_ERROR_INVAL, "It isn't a regular file", error);
  return TRUE;
}

/* The file may grow while it is read, so its size isn't known before. */
static gboolean
read_all (gint fd, const gchar *path, gsize max, GByteArray *bytes, GError **error)
{
  guint8 part[4096];
  gssize size;

  while ((size = read (fd, part, sizeof part)) != 0) {
    if (size < 0 && errno != EINTR)
      return fail_with (path, errno, error);
    g_byte_array_append (bytes, part, (guint) MAX (size, 0));
    if (bytes->len > max)
      return fail_for_size (path, max, error);
  }
  return TRUE;
}

gboolean
fog_file_read (const gchar *path, gsize max, gchar **text, gsize *size, GError **error)
{
  gint fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  GByteArray *bytes;
  gboolean done;

  *text = NULL;
  if (fd < 0)
    return fail_with (path, errno, error);
  bytes = g_byte_array_new ();
  done = check (fd, path, error) && read_all (fd, path, max, bytes, error);
  close (fd);
  if (size)
    *size = bytes->len;
  g_byte_array_append (bytes, (const guint8 *) "", 1);
  *text = (gchar *) g_byte_array_free (bytes, !done);
  return done;
}
