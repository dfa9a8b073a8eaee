/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "processmetrics.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Indexes of the fields of /proc/self/stat that follow the process's name (the state has the index
 * 0), see proc(5). */
enum { UTIME = 11, STIME = 12, START_TIME = 19, VIRTUAL_SIZE = 20, RESIDENT_PAGES = 21 };

/* Returns: (transfer full): the fields of /proc/self/stat; NULL if the file can't be read */
static gchar **
read_stat (void)
{
  g_autofree gchar *text = NULL;
  const gchar *name_end;
  gchar **fields;

  if (!g_file_get_contents ("/proc/self/stat", &text, NULL, NULL))
    return NULL;
  name_end = strrchr (text, ')');
  fields = name_end ? g_strsplit (name_end + 2, " ", -1) : NULL;
  if (fields && g_strv_length (fields) > RESIDENT_PAGES)
    return fields;
  g_strfreev (fields);
  return NULL;
}

static gdouble
number_of (gchar **fields, guint index)
{
  return g_ascii_strtod (fields[index], NULL);
}

static gdouble
read_boot_time (void)
{
  g_autofree gchar *text = NULL;
  const gchar *line;

  if (!g_file_get_contents ("/proc/stat", &text, NULL, NULL))
    return 0;
  line = strstr (text, "\nbtime ");
  return line ? g_ascii_strtod (line + strlen ("\nbtime "), NULL) : 0;
}

/* The boot time is read only once, because the kernel computes it from the clock: otherwise setting
 * the clock would look like a restart of the process. */
static gdouble
get_boot_time (void)
{
  static gsize once;
  static gdouble boot_time;

  if (g_once_init_enter (&once)) {
    boot_time = read_boot_time ();
    g_once_init_leave (&once, 1);
  }
  return boot_time;
}

static void
add_usage (PrometheusText *text)
{
  g_auto (GStrv) fields = read_stat ();
  gdouble ticks = (gdouble) sysconf (_SC_CLK_TCK), page = (gdouble) sysconf (_SC_PAGESIZE);

  if (fields == NULL)
    return;
  prometheus_text_add (text, "process_cpu_seconds_total", PROMETHEUS_COUNTER,
      "Processor time of the process", NULL,
      (number_of (fields, UTIME) + number_of (fields, STIME)) / ticks);
  prometheus_text_add (text, "process_virtual_memory_bytes", PROMETHEUS_GAUGE, "Virtual memory",
      NULL, number_of (fields, VIRTUAL_SIZE));
  prometheus_text_add (text, "process_resident_memory_bytes", PROMETHEUS_GAUGE, "Resident memory",
      NULL, page * number_of (fields, RESIDENT_PAGES));
  if (get_boot_time () > 0)
    prometheus_text_add (text, "process_start_time_seconds", PROMETHEUS_GAUGE,
        "Start of the process, since the Unix epoch", NULL,
        get_boot_time () + number_of (fields, START_TIME) / ticks);
}

static void
add_files (PrometheusText *text)
{
  g_autoptr (GDir) files = g_dir_open ("/proc/self/fd", 0, NULL);
  struct rlimit limit;
  gint open = -1; /* begins at -1, because the open directory is itself one of the descriptors */

  if (files) {
    while (g_dir_read_name (files))
      open++;
    prometheus_text_add (
        text, "process_open_fds", PROMETHEUS_GAUGE, "Open file descriptors", NULL, open);
  }
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    prometheus_text_add (text, "process_max_fds", PROMETHEUS_GAUGE,
        "File descriptors that the process may have open", NULL, (gdouble) limit.rlim_cur);
}

void
process_metrics_add (PrometheusText *text)
{
  add_usage (text);
  add_files (text);
}
