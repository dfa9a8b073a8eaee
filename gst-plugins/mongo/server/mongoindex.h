/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bson/bson.h>
#include <glib.h>

G_BEGIN_DECLS

/**
 * mongo_index_command:
 * @collection: a collection's name
 * @indexes: (nullable): fields separated by commas make an index, indexes are separated by
 *   semicolons; a field that begins with a minus is sorted downwards: "camera,-captured;replica"
 * @expire_field: the date that a document's age is counted from
 * @expire_after: seconds until a document expires; 0: never
 * @error: G_IO_ERROR_INVALID_ARGUMENT: what is wrong with @indexes, for a person
 *
 * Returns: (nullable) (transfer full): the createIndexes command; %NULL without
 * @error if there is no index to make
 */
bson_t *mongo_index_command (const gchar *collection, const gchar *indexes,
    const gchar *expire_field, guint expire_after, GError **error);

/* What changes the age at which documents of a collection that is there are deleted; @field:
 * (nullable): that the index is of, %NULL for a time series. */
bson_t *mongo_expiry_command (const gchar *collection, const gchar *field, guint after);

/* Whether @index, a description by the server that has its fields in
 * @key, is the one over `_id`. */
gboolean mongo_index_is_of_id (const bson_t *index, const gchar *key);

/**
 * mongo_time_series_command:
 * @time_field: the date of each document
 * @meta_field: (nullable): what tells one series from another: a camera, say
 * @expire_after: seconds until a document expires; 0: never
 *
 * Returns: (transfer full): the command that makes @collection as a time series
 */
bson_t *mongo_time_series_command (
    const gchar *collection, const gchar *time_field, const gchar *meta_field, guint expire_after);

G_END_DECLS
