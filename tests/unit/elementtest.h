/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* Helper functions for the tests of all elements. */

/* Waits up to 100 s for the next message of @type (an error, warning or info), checks its domain
 * and code, and returns its text (transfer full). */
gchar *wait_message (GstBus *bus, GstMessageType type, GQuark domain, gint code);
/* Returns a field of the element's stats, whose type may be uint64 or uint. */
guint64 read_stat (GstElement *element, const gchar *field);
/* Waits up to 100 s until the field @field of the element's stats is at least @at_least. */
void wait_for_at_least (GstElement *element, const gchar *field, guint64 at_least);
/* Like wait_message(), and checks that the text contains @said. */
void expect_message (GstBus *bus, GstMessageType type, GQuark domain, gint code, const gchar *said);
/* Checks that @element (transfer full) doesn't start, and posts exactly one error, with this domain
 * and code, whose text contains @named. */
void expect_no_start (GstElement *element, GQuark domain, gint code, const gchar *named);

/* Begins to record the log lines of the debug category @category, up to and including @level. */
void record_log (const gchar *category, GstDebugLevel level);
/* Ends the recording of record_log(), and checks that it contains all of @texts (NULL-terminated)
 * in this order. */
void expect_log (const gchar *const *texts);
