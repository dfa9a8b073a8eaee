/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementtest.h"

#include <gst/check/gstcheck.h>
#include <string.h>

/* (transfer full) (nullable): the text of @message, which it takes ownership of. */
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
  return match_message (gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, type), domain, code);
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
