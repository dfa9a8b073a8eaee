/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* What the tests of all elements share. */

/* The next error, warning or info, as @type says, within 30 s, by domain and
 * code; its text (transfer full). */
gchar *wait_message (GstBus *bus, GstMessageType type, GQuark domain, gint code);
/* The element (transfer full) posts that error, and no other, instead of
 * starting; @named is in its text. */
void expect_no_start (GstElement *element, GQuark domain, gint code, const gchar *named);
