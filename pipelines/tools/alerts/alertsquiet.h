/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Spans of local time in which a rule sends nothing. Immutable. */
typedef struct _AlertsQuiet AlertsQuiet;

/**
 * alerts_quiet_parse:
 * @text: spans as `22:00-06:00` or `mon-fri 22:00-06:00`, separated by commas. A span that ends
 *   earlier than it begins ends on the next day; the days are those on which a span begins
 * @zone: (nullable): a time zone's name as `Europe/Berlin`; NULL: this machine's zone
 * @error: G_OPTION_ERROR_BAD_VALUE: what is wrong
 *
 * Returns: (nullable) (transfer full): the spans
 */
AlertsQuiet *alerts_quiet_parse (const gchar *text, const gchar *zone, GError **error);
void alerts_quiet_free (AlertsQuiet *self);

/* Returns whether the clocks on the wall show a time in one of the spans. @self: (nullable): NULL:
 * there are none; @now: ms since the Unix epoch */
gboolean alerts_quiet_contains (const AlertsQuiet *self, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsQuiet, alerts_quiet_free)

G_END_DECLS
