/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Functions for points in time in the notation that users write. */

/**
 * tools_time_parse:
 * @text: ISO 8601 with a zone (`2026-11-25T00:44:00Z`, `2026-11-25T01:44:00.5+01:00`), `now`, or a
 *   time relative to now (`-90s`, `-5min`, `-2h`, `-1d`)
 * @now: ms since the Unix epoch
 * @ms: (out): ms since the Unix epoch, never negative
 * @error: G_OPTION_ERROR_BAD_VALUE
 */
gboolean tools_time_parse (const gchar *text, gint64 now, gint64 *ms, GError **error);

/* Returns: (transfer full): in UTC, with ms */
gchar *tools_time_to_text (gint64 ms);

G_END_DECLS
