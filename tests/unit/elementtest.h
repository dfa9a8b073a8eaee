/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* Helpers for the tests of all elements. */

/* Waits up to 30 s for the next error, warning or info (@type) and checks its domain and code.
 * Returns its text (transfer full). */
gchar *wait_message (GstBus *bus, GstMessageType type, GQuark domain, gint code);
/* The field of the element's stats, a uint64 or a uint. */
guint64 read_stat (GstElement *element, const gchar *field);
/* Checks that the element (transfer full) doesn't start, posts exactly that error, and names @named
 * in its text. */
void expect_no_start (GstElement *element, GQuark domain, gint code, const gchar *named);

/* Records what the debug category logs, up to and including @level. */
void record_log (const gchar *category, GstDebugLevel level);
/* Ends it. Each of @texts, of which the last is NULL, has to be in the log, in this order. */
void expect_log (const gchar *const *texts);
