/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_json_prepare:
 * @text: UTF-8 of one JSON document
 * @dates_cut: (out): dates that lost digits below the millisecond, which BSON doesn't have
 * @error: G_IO_ERROR_INVALID_DATA: a value that the library would
 *   store as another one, for a person
 *
 * Refuses what libbson's reader would store as another value than is written (seen in 1.23: `-012`,
 * decimals and doubles with text behind them, code with a NUL, a timestamp beyond 32 bits, the same
 * key twice within one value), and writes each date as milliseconds, since it knows few of the
 * forms that dates come in. All else is left to it, errors too.
 *
 * Returns: (transfer full) (nullable): the text to be read; %NULL with @error
 */
GString *mongo_json_prepare (const gchar *text, gsize size, guint *dates_cut, GError **error);

G_END_DECLS
