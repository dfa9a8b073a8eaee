/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpuquota.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define PERIOD 100000 /* us */
#define ROOT "/sys/fs/cgroup"

struct _CpuQuota {
  gchar *home, *group; /* directories */
};

/* Opens without O_CREAT, because files can't be created in /sys/fs/cgroup. */
static gboolean
write_text (const gchar *dir, const gchar *name, const gchar *text, GError **error)
{
  g_autofree gchar *path = g_build_filename (dir, name, NULL);
  gint fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean written = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);
  gint code = errno;

  if (fd >= 0)
    close (fd);
  if (!written)
    g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (code), "\"%s\" into %s: %s", text,
        path, g_strerror (code));
  return written;
}

/* The path of the file that sets the CPU quota of this process in cgroup version 1; NULL: the
 * system has no version 1. */
static gchar *
find_home_v1 (void)
{
  g_autofree gchar *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL);
  lines = g_strsplit (text ? text : "", "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_auto (GStrv) parts = g_strsplit (lines[i], ":", 3);

    if (g_strv_length (parts) == 3 &&
        (g_str_equal (parts[1], "cpu") || g_str_has_prefix (parts[1], "cpu,")))
      return g_build_filename (ROOT, "cpu", parts[2], NULL);
  }
  return NULL;
}

static gboolean
enter_v1 (CpuQuota *self, const gchar *pid, gdouble processors, GError **error)
{
  g_autofree gchar *period = g_strdup_printf ("%d", PERIOD);
  g_autofree gchar *amount = g_strdup_printf ("%d", (gint) (processors * PERIOD));

  return write_text (self->group, "cpu.cfs_period_us", period, error) &&
         write_text (self->group, "cpu.cfs_quota_us", amount, error) &&
         write_text (self->group, "cgroup.procs", pid, error);
}

/* The group is made directly below the root group, the only group that may hold processes and still
 * have children with a quota. */
static gboolean
enter_v2 (CpuQuota *self, const gchar *pid, gdouble processors, GError **error)
{
  g_autofree gchar *text = g_strdup_printf ("%d %d", (gint) (processors * PERIOD), PERIOD);

  return write_text (ROOT, "cgroup.subtree_control", "+cpu", error) &&
         write_text (self->group, "cpu.max", text, error) &&
         write_text (self->group, "cgroup.procs", pid, error);
}

CpuQuota *
cpu_quota_enter (gdouble processors, GError **error)
{
  g_autofree gchar *pid = g_strdup_printf ("%d", getpid ());
  g_autofree gchar *name = g_strdup_printf ("gst-fog-bench-%s", pid);
  gchar *home = find_home_v1 ();
  CpuQuota *self = g_new0 (CpuQuota, 1);

  self->home = home ? home : g_strdup (ROOT);
  self->group = g_build_filename (self->home, name, NULL);
  if (g_mkdir (self->group, 0755) < 0)
    g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (errno), "%s: %s", self->group,
        g_strerror (errno));
  else if (home ? enter_v1 (self, pid, processors, error) : enter_v2 (self, pid, processors, error))
    return self;
  cpu_quota_leave (self);
  return NULL;
}

void
cpu_quota_leave (CpuQuota *self)
{
  g_autofree gchar *pid = g_strdup_printf ("%d", getpid ());

  write_text (self->home, "cgroup.procs", pid, NULL);
  g_rmdir (self->group);
  g_free (self->home);
  g_free (self->group);
  g_free (self);
}
