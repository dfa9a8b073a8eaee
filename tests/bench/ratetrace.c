/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ratetrace.h"

static gdouble
number (const gchar *word)
{
  return g_str_equal (word, "-") ? -1 : g_ascii_strtod (word, NULL);
}

static gboolean
add_speeds (RateTrace *trace, GStrv words)
{
  guint replicas = g_strv_length (words) - 1;
  gdouble time = number (words[0]);

  if (trace->replicas == 0)
    trace->replicas = replicas;
  if (replicas == 0 || replicas != trace->replicas)
    return FALSE;
  g_array_append_val (trace->times, time);
  for (guint i = 1; i <= replicas; i++) {
    gdouble speed = number (words[i]);

    g_array_append_val (trace->speeds, speed);
  }
  return TRUE;
}

static gboolean
add_link (RateTrace *trace, GStrv words)
{
  gdouble time, rate;

  if (g_strv_length (words) != 3)
    return FALSE;
  time = number (words[1]);
  rate = number (words[2]);
  g_array_append_val (trace->link_times, time);
  g_array_append_val (trace->link_rates, rate);
  return rate > 0;
}

static gboolean
add_setting (RateTrace *trace, GStrv words)
{
  if (g_strv_length (words) != 2)
    return FALSE;
  if (g_str_equal (words[0], "cameras"))
    trace->cameras = (guint) number (words[1]);
  else if (g_str_equal (words[0], "partitions"))
    trace->partitions = (guint) number (words[1]);
  else if (g_str_equal (words[0], "interval"))
    trace->interval = number (words[1]);
  else if (g_str_equal (words[0], "min-rate"))
    trace->min_rate = number (words[1]);
  else
    return FALSE;
  return TRUE;
}

static gboolean
add_line (RateTrace *trace, const gchar *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  if (g_ascii_isdigit (*line))
    return add_speeds (trace, words);
  return g_str_equal (words[0], "link") ? add_link (trace, words) : add_setting (trace, words);
}

static GArray *
new_numbers (void)
{
  return g_array_new (FALSE, FALSE, sizeof (gdouble));
}

RateTrace *
rate_trace_load (const gchar *path, GError **error)
{
  g_autoptr (RateTrace) trace = g_new0 (RateTrace, 1);
  g_autofree gchar *text = NULL;
  g_auto (GStrv) lines = NULL;

  trace->times = new_numbers ();
  trace->speeds = new_numbers ();
  trace->link_times = new_numbers ();
  trace->link_rates = new_numbers ();
  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    if (!*lines[i] || *lines[i] == '#' || add_line (trace, lines[i]))
      continue;
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: bad line \"%s\"", path, lines[i]);
    return NULL;
  }
  if (trace->times->len < 2) {
    g_set_error (
        error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: the trace has no begin and end", path);
    return NULL;
  }
  return g_steal_pointer (&trace);
}

void
rate_trace_free (RateTrace *trace)
{
  g_array_unref (trace->times);
  g_array_unref (trace->speeds);
  g_array_unref (trace->link_times);
  g_array_unref (trace->link_rates);
  g_free (trace);
}

gdouble
rate_trace_seconds (const RateTrace *trace)
{
  return g_array_index (trace->times, gdouble, trace->times->len - 1);
}
