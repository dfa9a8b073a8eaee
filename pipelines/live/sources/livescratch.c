/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livescratch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "fog-live-clip-"
#define RANDOM "XXXXXX"

/* Locks the directory. Returns its file descriptor, or -1 if another process uses the directory, or
 * another user owns it. */
static gint
lock (const gchar *path)
{
  gint fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat found;

  if (fd >= 0 && fstat (fd, &found) == 0 && found.st_uid == geteuid () &&
      flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

gboolean
live_scratch_make (LiveScratch *self, GError **error)
{
  self->path = g_dir_make_tmp (PREFIX RANDOM, error);
  if (!self->path)
    return FALSE;
  self->lock = lock (self->path);
  if (self->lock >= 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "\"%s\" can't be locked", self->path);
  g_rmdir (self->path);
  g_clear_pointer (&self->path, g_free);
  return FALSE;
}

void
live_scratch_remove (LiveScratch *self)
{
  g_autoptr (GDir) directory = g_dir_open (self->path, 0, NULL);
  const gchar *name;

  while (directory && (name = g_dir_read_name (directory))) {
    g_autofree gchar *file = g_build_filename (self->path, name, NULL);

    g_unlink (file);
  }
  g_rmdir (self->path);
  close (self->lock);
  g_clear_pointer (&self->path, g_free);
}

static gboolean
is_scratch (const gchar *name)
{
  return g_str_has_prefix (name, PREFIX) && strlen (name) == strlen (PREFIX RANDOM);
}

void
live_scratch_remove_stale (void)
{
  g_autoptr (GDir) directory = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const gchar *name;

  while (directory && (name = g_dir_read_name (directory))) {
    LiveScratch stale;

    if (!is_scratch (name))
      continue;
    stale.path = g_build_filename (g_get_tmp_dir (), name, NULL);
    stale.lock = lock (stale.path);
    if (stale.lock >= 0) {
      g_message ("removed \"%s\", which a killed process had left", stale.path);
      live_scratch_remove (&stale);
    } else {
      g_free (stale.path);
    }
  }
}
