/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_json_prepare:
 * @text: UTF-8 of one JSON document
 * @dates_cut: (out): dates that lost digits below the millisecond, which BSON doesn't have
 * @error: G_IO_ERROR_INVALID_DATA: a value that the library would store as another one, for a person
 *
 * libbson's reader stores -012 as 0, cuts names and code at a NUL, and reads dates in UTC with milliseconds alone. So dates with any
 * offset are turned into those, and the rest is refused; all else is left to the library.
 *
 * Returns: (transfer full) (nullable): the text to be read; %NULL with @error
 */
GString *mongo_json_prepare (const gchar *text, gsize size, guint *dates_cut, GError **error);

G_END_DECLS
