/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_index_command:
 * @collection: a collection's name
 * @indexes: (nullable): indexes separated by semicolons, their fields by commas; a minus before a
 *   field means descending order: "camera,-captured;replica"
 * @except: (nullable): the name of a field; an ascending index over only this field is left out
 * @error: G_IO_ERROR_INVALID_ARGUMENT if @indexes is malformed
 *
 * Returns: (nullable) (transfer full): the createIndexes command; %NULL without @error if there is
 * no index to create
 */
bson_t *mongo_index_command (
    const gchar *collection, const gchar *indexes, const gchar *except, GError **error);

/* Returns TRUE if @index, a description by the server, describes the index over `_id`. @key: the
 * name of the field in @index that lists the indexed fields */
gboolean mongo_index_is_of_id (const bson_t *index, const gchar *key);

G_END_DECLS
