/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongoreply.h"

G_BEGIN_DECLS

/* The name of the index that mongosink creates. mongosink changes and drops only an index of
 * this name. */
#define MONGO_EXPIRY_INDEX "mongosink-expiry"
/* expire-after is unset: the rules of a collection aren't changed. */
#define MONGO_EXPIRY_UNSET -1

/* The rule of expiry that a collection is to have. */
typedef struct {
  const gchar *database, *collection;
  const gchar *field; /* name of the date from which a document's age is counted */
  gint after;         /* time until documents expire, s; 0: never; or MONGO_EXPIRY_UNSET */
} MongoExpiry;

typedef struct {
  gboolean met;  /* flag: the wanted rule is in force, by an index or by the collection */
  gchar *remark; /* with MONGO_EXPIRY_UNSET: the rule that is in force; NULL: none */
  gchar *lack;   /* reason why the server doesn't support expiry; NULL: it does */
} MongoExpiryState;

/**
 * mongo_expiry_keep:
 * @state: (out): all zero before
 * @result: holds the error if documents would expire at another time. The result holds no error if
 *   the connection was lost: the write that follows will show that
 *
 * Makes the documents of the collection expire as set: changes the time of an existing rule over
 * the same field, and drops the index of this element if it is over another field or not wanted any
 * more. Another program's index is never dropped: if it contradicts, that is an error.
 *
 * Returns: %FALSE if no answer came, or with an error
 */
gboolean mongo_expiry_keep (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result);

/* Like mongo_expiry_keep(), but changes nothing: @state->met says whether the wanted rule is in
 * force, @state->remark names the rules that are and would be changed. @result holds an error if
 * mongo_expiry_keep() would find one that it can't mend. */
gboolean mongo_expiry_look (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result);
void mongo_expiry_state_clear (MongoExpiryState *state);

G_END_DECLS
