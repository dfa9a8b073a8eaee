/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongoreply.h"

G_BEGIN_DECLS

/* The name of the index that mongosink makes, so that it can change and drop it later. */
#define MONGO_EXPIRY_INDEX "mongosink-expiry"
/* Nothing is set: what a collection has stays. */
#define MONGO_EXPIRY_UNSET -1

/* When the documents of a collection are to expire. */
typedef struct {
  const gchar *database, *collection;
  const gchar *field; /* the date from which the age of a document is counted */
  gint after;         /* s; 0: never; or MONGO_EXPIRY_UNSET */
} MongoExpiry;

typedef struct {
  gboolean met;  /* documents expire as set, by an index over the field or by the collection */
  gchar *remark; /* with MONGO_EXPIRY_UNSET: when documents expire; NULL: never */
  gchar *lack;   /* why the server has no expiry; NULL: it has */
} MongoExpiryState;

/**
 * mongo_expiry_keep:
 * @state: (out): all zero before
 * @result: holds the error if documents would expire at another time. It holds none if the
 *   connection was lost: the write that follows will show it
 *
 * Makes the documents of the collection expire as set: changes the time of an existing rule over
 * the same field, and drops the index of this element if it is over another field or not wanted any
 * more. What somebody else made is never dropped: if it contradicts, that is an error.
 *
 * Returns: %FALSE without an answer, or with an error
 */
gboolean mongo_expiry_keep (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result);
void mongo_expiry_state_clear (MongoExpiryState *state);

G_END_DECLS
