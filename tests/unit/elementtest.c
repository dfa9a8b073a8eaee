/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementtest.h"

#include <gst/check/gstcheck.h>
#include <string.h>

/* Longest time of a wait: long enough for the slowest machine, because a wait that succeeds ends
 * early anyway. */
#define WAIT_TIME (100 * GST_SECOND)

/* Checks the domain and the code of an error, warning or info. Takes ownership of @message.
 * Returns: (transfer full) (nullable): its text. */
static gchar *
match_message (GstMessage *message, GQuark domain, gint code)
{
  g_autoptr (GError) error = NULL;

  fail_unless (message != NULL, "no message");
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning (message, &error, NULL);
  else
    gst_message_parse_info (message, &error, NULL);
  fail_unless (g_error_matches (error, domain, code), "%s", error->message);
  gst_message_unref (message);
  return g_strdup (error->message);
}

gchar *
wait_message (GstBus *bus, GstMessageType type, GQuark domain, gint code)
{
  return match_message (gst_bus_timed_pop_filtered (bus, WAIT_TIME, type), domain, code);
}

guint64
read_stat (GstElement *element, const gchar *field)
{
  GstStructure *s;
  const GValue *value;
  guint64 number;

  g_object_get (element, "stats", &s, NULL);
  value = gst_structure_get_value (s, field);
  fail_unless (value != NULL, "%s", field);
  number = G_VALUE_HOLDS_UINT64 (value) ? g_value_get_uint64 (value) : g_value_get_uint (value);
  gst_structure_free (s);
  return number;
}

void
wait_for_at_least (GstElement *element, const gchar *field, guint64 at_least)
{
  gint64 deadline = g_get_monotonic_time () + GST_TIME_AS_USECONDS (WAIT_TIME);
  guint64 value;

  while ((value = read_stat (element, field)) < at_least && g_get_monotonic_time () < deadline)
    g_usleep (10000);
  fail_unless (value >= at_least, "%s: %" G_GUINT64_FORMAT, field, value);
}

void
expect_message (GstBus *bus, GstMessageType type, GQuark domain, gint code, const gchar *said)
{
  g_autofree gchar *text = wait_message (bus, type, domain, code);

  fail_unless (strstr (text, said) != NULL, "%s", text);
}

void
expect_no_start (GstElement *element, GQuark domain, gint code, const gchar *named)
{
  GstBus *bus = gst_bus_new ();
  g_autofree gchar *text = NULL;

  gst_element_set_bus (element, bus);
  fail_unless (gst_element_set_state (element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE,
      "%s started (%s)", GST_OBJECT_NAME (element), named);
  text = match_message (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR), domain, code);
  fail_unless (strstr (text, named) != NULL, "%s", text);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

/* --- the log --- */

static GMutex log_lock;
static GString *log_text; /* with the lock */

static void
append_log (GstDebugCategory *category, GstDebugLevel level, const gchar *file,
    const gchar *function, gint line, GObject *object, GstDebugMessage *message, gpointer user_data)
{
  if (strcmp (gst_debug_category_get_name (category), user_data) != 0)
    return;
  g_mutex_lock (&log_lock);
  fail_unless (object != NULL, "no object: %s", gst_debug_message_get (message));
  g_string_append_printf (
      log_text, "%.5s %s\n", gst_debug_level_get_name (level), gst_debug_message_get (message));
  g_mutex_unlock (&log_lock);
}

void
record_log (const gchar *category, GstDebugLevel level)
{
  log_text = g_string_new (NULL);
  gst_debug_remove_log_function (gst_debug_log_default);
  gst_debug_set_active (TRUE);
  gst_debug_add_log_function (append_log, g_strdup (category), g_free);
  gst_debug_set_threshold_for_name (category, level);
}

void
expect_log (const gchar *const *texts)
{
  const gchar *at = log_text->str;

  gst_debug_remove_log_function (append_log);
  for (; *texts; texts++) {
    const gchar *found = strstr (at, *texts);

    fail_unless (found != NULL, "\"%s\" isn't in the log after the text before it: %s", *texts, at);
    at = found + strlen (*texts);
  }
  g_string_free (log_text, TRUE);
}
