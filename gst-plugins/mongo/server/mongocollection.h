/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* Functions for the property collection, which is the name of a collection, or a template
 * (fogtemplate.h) with placeholders that are replaced by values of each document: `%{field}`,
 * `%{a.b}` for a field of a subdocument, and `%{field:format}` for a date in UTC, with a format of
 * g_date_time_format(). */

/* Returns FALSE with G_IO_ERROR_INVALID_ARGUMENT if the text isn't a valid name or template. */
gboolean mongo_collection_check (const gchar *name, GError **error);

/**
 * mongo_collection_expand:
 * @template: a template that passed mongo_collection_check()
 * @document: any document
 * @error: G_IO_ERROR_INVALID_DATA if @document lacks a field of the template, or the result isn't a
 *   valid name
 *
 * Returns: (nullable) (transfer full): the name of the collection for @document
 */
gchar *mongo_collection_expand (const gchar *template, const bson_t *document, GError **error);

G_END_DECLS
