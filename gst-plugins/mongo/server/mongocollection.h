/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/* A collection's name with places in it that each document fills: `%{field}`, `%{a.b}` for a field
 * within a field, and `%{field:format}` for a date, as g_date_time_format() has it, in UTC. */

/* Whether there is any place to fill. */
gboolean mongo_collection_is_template (const gchar *name);

/* G_IO_ERROR_INVALID_ARGUMENT: what is wrong with the name or template, for a person. */
gboolean mongo_collection_check (const gchar *name, GError **error);

/**
 * mongo_collection_expand:
 * @template: that mongo_collection_check() takes
 * @document: any document
 * @error: G_IO_ERROR_INVALID_DATA: why the document names no collection
 *
 * Returns: (nullable) (transfer full): the collection that @document belongs to
 */
gchar *mongo_collection_expand (const gchar *template, const bson_t *document, GError **error);

G_END_DECLS
