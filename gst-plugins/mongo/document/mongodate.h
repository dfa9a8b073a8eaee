/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_date_parse:
 * @text: a date and time in the extended form of ISO 8601 or RFC 3339, with an offset from UTC:
 *   `2026-11-25T00:44:00.123456+01:00`. A space may replace the T, the seconds may be missing.
 * @size: of @text, in bytes
 * @ms: (out): milliseconds since the Unix epoch; finer digits are cut off
 * @cut: (out): whether a digit that was cut off wasn't 0
 *
 * Returns: (nullable): the error as a text for users; %NULL on success
 */
const gchar *mongo_date_parse (const gchar *text, gsize size, gint64 *ms, gboolean *cut);

G_END_DECLS
