/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

G_BEGIN_DECLS

/* Defaults. */
#define MONGO_FALLBACK_DATABASE "fog"
#define MONGO_DEFAULT_URI "mongodb://localhost:27017"

/**
 * mongo_uri_open:
 * @text: (nullable): a MongoDB connection string
 * @file: (nullable): the name of a file with a connection string, used if @text is %NULL. If both
 *   are %NULL, the environment variable MONGODB_URI is used, or else %MONGO_DEFAULT_URI.
 * @error: a GstResourceError, which never contains the password
 *
 * Reads the connection string and parses it. Options that the connection string leaves out are set
 * so that no call takes longer than a few seconds, and that a write is acknowledged only when a
 * crash of a server can't undo it.
 *
 * Returns: (nullable) (transfer full): the URI
 */
mongoc_uri_t *mongo_uri_open (const gchar *text, const gchar *file, GError **error);

/* Returns: (transfer full): the hosts of the URI, without user and password, for messages to
 * users */
gchar *mongo_uri_describe (const mongoc_uri_t *uri);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (mongoc_uri_t, mongoc_uri_destroy)

G_END_DECLS
