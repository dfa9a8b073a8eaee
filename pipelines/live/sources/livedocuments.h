/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <mongoc/mongoc.h>

#include "livedatabase.h"

G_BEGIN_DECLS

/**
 * live_documents_sum:
 * @error: G_IO_ERROR_FAILED, with the server's error text
 *
 * Computes sums over the documents. The server groups the documents; if it can't, or not in time,
 * this function reads the documents and makes the sums itself. The call may take long.
 *
 * Returns: (nullable) (transfer full): JSON
 */
GBytes *live_documents_sum (
    mongoc_collection_t *collection, const LiveDocumentsQuery *query, GError **error);

G_END_DECLS
