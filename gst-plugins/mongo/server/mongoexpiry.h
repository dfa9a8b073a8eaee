/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <mongoc/mongoc.h>

#include "mongoreply.h"

G_BEGIN_DECLS

/* The name of the TTL index that mongosink creates; mongosink drops no index with another name. */
#define MONGO_EXPIRY_INDEX "mongosink-expiry"
/* Value of `after` if expire-after is unset, so that the rules of a collection aren't changed. */
#define MONGO_EXPIRY_UNSET -1

/* The rule of expiry that a collection is to have, according to the properties. */
typedef struct {
  const gchar *database, *collection;
  const gchar *field; /* name of the date from which a document's age is counted */
  /* time until documents expire, s; 0: documents never expire; or MONGO_EXPIRY_UNSET */
  gint after;
} MongoExpiry;

typedef struct {
  /* TRUE if the wanted rule is in force, by an index or by an option of the collection */
  gboolean met;
  /* with MONGO_EXPIRY_UNSET: description of the rule that is in force; NULL: none is */
  gchar *remark;
  gchar *lack; /* error text, if the server doesn't support expiry; otherwise NULL */
} MongoExpiryState;

/**
 * mongo_expiry_keep:
 * @state: (out): must be all zero before the call
 * @result: gets an error if documents would expire at another time than @self says, but not if the
 *   connection was lost, because the write that follows will show that
 *
 * Makes the documents of the collection expire as @self says. Changes the time of an existing rule
 * over the same field, and drops the index %MONGO_EXPIRY_INDEX if it is over another field or not
 * wanted any more. The index of another program is never dropped, so it is an error if that index
 * contradicts @self.
 *
 * Returns: %FALSE if the server gave no answer, or @result has an error
 */
gboolean mongo_expiry_keep (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result);

/* Looks at the rules of a collection as mongo_expiry_keep() does, but changes nothing: @state->met
 * says whether the wanted rule is in force, and @state->remark names the rules in force that
 * mongo_expiry_keep() would change. @result gets an error if there is a rule that
 * mongo_expiry_keep() can't change or drop. */
gboolean mongo_expiry_look (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result);
void mongo_expiry_state_clear (MongoExpiryState *state);

G_END_DECLS
