/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "haarcpus.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static gboolean
read_number (const gchar *dir, const gchar *name, gint64 *value)
{
  g_autofree gchar *path = g_build_filename (dir, name, NULL);
  g_autofree gchar *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  return g_ascii_string_to_signed (g_strstrip (text), 10, -1, G_MAXINT64, value, NULL);
}

static gdouble
processors (gint64 quota, gint64 period)
{
  if (quota <= 0 || period <= 0)
    return G_MAXDOUBLE;
  return (gdouble) quota / (gdouble) period;
}

/* Reads the quota in version 2 of control groups, where the file has the form "quota period", and
 * the quota is "max" if there is none. */
static gdouble
quota_v2 (const gchar *dir)
{
  g_autofree gchar *path = g_build_filename (dir, "cpu.max", NULL);
  g_autofree gchar *text = NULL;
  gchar *end;
  gint64 quota;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !g_ascii_isdigit (*text))
    return G_MAXDOUBLE;
  quota = g_ascii_strtoll (text, &end, 10);
  return processors (quota, g_ascii_strtoll (end, NULL, 10));
}

static gdouble
quota_v1 (const gchar *dir)
{
  gint64 quota, period;

  if (!read_number (dir, "cpu.cfs_quota_us", &quota) ||
      !read_number (dir, "cpu.cfs_period_us", &period))
    return G_MAXDOUBLE;
  return processors (quota, period);
}

/* Returns the smallest of the quotas of the control group and of all groups above it. In a
 * container, the process's own control group may appear as the root of the hierarchy. */
static gdouble
smallest_quota (const gchar *root, const gchar *group, gdouble (*quota) (const gchar *dir))
{
  g_autofree gchar *path = g_strdup (group);
  gdouble smallest = quota (root);
  gchar *slash;

  do {
    g_autofree gchar *dir = g_build_filename (root, path, NULL);

    smallest = MIN (smallest, quota (dir));
    slash = strrchr (path, '/');
    if (slash)
      *slash = '\0';
  } while (slash);
  return smallest;
}

gdouble
haar_cpus_of_quota (const gchar *root, const gchar *membership)
{
  g_auto (GStrv) lines = g_strsplit (membership, "\n", 64);
  g_autofree gchar *root_v1 = g_build_filename (root, "cpu", NULL);
  gdouble smallest = G_MAXDOUBLE;

  for (guint i = 0; lines[i]; i++) {
    g_auto (GStrv) parts = g_strsplit (lines[i], ":", 3);

    if (g_strv_length (parts) != 3)
      continue;
    if (g_str_equal (parts[0], "0") && !*parts[1])
      smallest = MIN (smallest, smallest_quota (root, parts[2], quota_v2));
    else if (g_str_has_prefix (parts[1], "cpu") && !g_str_has_prefix (parts[1], "cpuset"))
      smallest = MIN (smallest, smallest_quota (root_v1, parts[2], quota_v1));
  }
  return smallest;
}

gint
haar_cpus_of_machine (void)
{
  return (gint) MAX (sysconf (_SC_NPROCESSORS_ONLN), 1);
}

static gboolean
count_wanting (gint *threads)
{
  g_autofree gchar *text = NULL;

  /* The number of running threads is at least 1, because the calling thread runs. */
  return g_file_get_contents ("/proc/loadavg", &text, NULL, NULL) &&
         sscanf (text, "%*s %*s %*s %d/", threads) == 1 && *threads > 0;
}

static gboolean
wants_processor (const gchar *thread)
{
  g_autofree gchar *path = g_build_filename ("/proc/self/task", thread, "stat", NULL);
  g_autofree gchar *text = NULL;
  const gchar *name_end;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  name_end = strrchr (text, ')');
  return name_end && g_str_has_prefix (name_end, ") R");
}

GDir *
haar_cpus_open_own (void)
{
  return (gint) g_get_num_processors () < haar_cpus_of_machine ()
             ? NULL
             : g_dir_open ("/proc/self/task", 0, NULL);
}

gboolean
haar_cpus_wanted_by_others (GDir *own, gint *threads)
{
  const gchar *thread;

  if (!own || !count_wanting (threads))
    return FALSE;
  g_dir_rewind (own);
  while ((thread = g_dir_read_name (own)))
    *threads -= wants_processor (thread);
  return TRUE;
}

gdouble
haar_cpus_used (void)
{
  struct timespec used;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used);
  return (gdouble) used.tv_sec + (gdouble) used.tv_nsec / 1e9;
}

gdouble
haar_cpus_available (void)
{
  g_autofree gchar *membership = NULL;
  gdouble n = g_get_num_processors ();

  if (g_file_get_contents ("/proc/self/cgroup", &membership, NULL, NULL))
    n = MIN (n, haar_cpus_of_quota ("/sys/fs/cgroup", membership));
  return n;
}
