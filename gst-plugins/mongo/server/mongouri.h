/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

G_BEGIN_DECLS

/* What is used where nothing else is said. */
#define MONGO_FALLBACK_DATABASE "fog"
#define MONGO_DEFAULT_URI "mongodb://localhost:27017"

/**
 * mongo_uri_open:
 * @text: (nullable): a MongoDB connection string
 * @file: (nullable): without @text, a file that holds one; without
 *   either MONGODB_URI, then the default
 * @error: a GstResourceError; never with the password in it
 *
 * What the string leaves open is set so that no call outlasts a few seconds, and a write counts as
 * acknowledged only when a crash can't undo it.
 *
 * Returns: (nullable) (transfer full): the URI
 */
mongoc_uri_t *mongo_uri_open (const gchar *text, const gchar *file, GError **error);

/* Its hosts, for messages: nothing else of it. */
gchar *mongo_uri_describe (const mongoc_uri_t *uri);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (mongoc_uri_t, mongoc_uri_destroy)

G_END_DECLS
