/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_json_prepare:
 * @text: one JSON document in UTF-8
 * @dates_cut: (out): number of dates whose digits below the millisecond were cut off, because BSON
 *   has none
 * @error: G_IO_ERROR_INVALID_DATA: libbson would store a value that differs from the text
 *
 * Refuses values that libbson would store as other values (libbson 1.23 does this with `-012`,
 * decimals and doubles followed by text, code with a NUL, a timestamp beyond 32 bits, and the same
 * key twice within one value). Replaces each date by milliseconds, because libbson knows few
 * formats of dates. All other errors are left to libbson.
 *
 * Returns: (transfer full) (nullable): the text that libbson can read; %NULL with @error set
 */
GString *mongo_json_prepare (const gchar *text, gsize size, guint *dates_cut, GError **error);

G_END_DECLS
