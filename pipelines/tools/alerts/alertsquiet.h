/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Spans of local time (quiet hours) in which a rule sends no notices. Immutable. */
typedef struct _AlertsQuiet AlertsQuiet;

/**
 * alerts_quiet_parse:
 * @text: spans such as `22:00-06:00` or `mon-fri 22:00-06:00`, separated by commas. If a span's end
 *   is before its beginning, the span ends on the next day; the named days are the days on which
 *   the span begins
 * @zone: (nullable): the name of a time zone, such as `Europe/Berlin`; NULL: this machine's time
 *   zone
 * @error: G_OPTION_ERROR_BAD_VALUE, with a text that says what is wrong
 *
 * Returns: (nullable) (transfer full): the spans
 */
AlertsQuiet *alerts_quiet_parse (const gchar *text, const gchar *zone, GError **error);
void alerts_quiet_free (AlertsQuiet *self);

/* Returns whether the local time at @now is in one of the spans. @self: (nullable): NULL: there are
 * no spans; @now: ms since the Unix epoch */
gboolean alerts_quiet_contains (const AlertsQuiet *self, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AlertsQuiet, alerts_quiet_free)

G_END_DECLS
