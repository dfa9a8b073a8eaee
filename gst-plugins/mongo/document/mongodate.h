/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_date_parse:
 * @text: a date and time of ISO 8601 or RFC 3339, in the extended form and with an offset:
 *   `2026-11-25T00:44:00.123456+01:00`; a space may stand for the T, the seconds may be missing
 * @size: its bytes
 * @ms: (out): milliseconds since the Unix epoch; finer digits are cut
 * @cut: (out): whether one of those wasn't 0
 *
 * Returns: (nullable): what is wrong with it, for a person; %NULL if nothing is
 */
const gchar *mongo_date_parse (const gchar *text, gsize size, gint64 *ms, gboolean *cut);

G_END_DECLS
