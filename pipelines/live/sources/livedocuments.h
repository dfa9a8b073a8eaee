/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <mongoc/mongoc.h>

#include "livedatabase.h"

G_BEGIN_DECLS

/**
 * live_documents_sum:
 * @error: G_IO_ERROR_FAILED: what the server says
 *
 * Has the server group the documents. One that can't, or isn't done in time, is asked for the
 * documents, and the sums are made here. For a thread that may wait.
 *
 * Returns: (nullable) (transfer full): JSON
 */
GBytes *live_documents_sum (
    mongoc_collection_t *collection, const LiveDocumentsQuery *query, GError **error);

G_END_DECLS
