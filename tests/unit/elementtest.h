/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* Helper functions for the tests of all elements. */

/* Waits up to 30 s for the next error, warning or info (@type) and checks its domain and code.
 * Returns the message's text (transfer full). */
gchar *wait_message (GstBus *bus, GstMessageType type, GQuark domain, gint code);
/* Returns a field of the element's stats, a uint64 or a uint. */
guint64 read_stat (GstElement *element, const gchar *field);
/* Waits up to 30 s until the field is @at_least. */
void wait_for_at_least (GstElement *element, const gchar *field, guint64 at_least);
/* Like wait_message(), and checks that the text contains @said. */
void expect_message (GstBus *bus, GstMessageType type, GQuark domain, gint code, const gchar *said);
/* Checks that the element (transfer full) doesn't start, posts exactly this error, and names @named
 * in the error's text. */
void expect_no_start (GstElement *element, GQuark domain, gint code, const gchar *named);

/* Records the log lines of the debug category, up to and including @level. */
void record_log (const gchar *category, GstDebugLevel level);
/* Ends it. Checks that the log contains each of @texts in this order; the last one is NULL. */
void expect_log (const gchar *const *texts);
