/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <mongoc/mongoc.h>

G_BEGIN_DECLS

#define MONGO_CODE_INTERNAL_ERROR 1
#define MONGO_CODE_DUPLICATE_KEY 11000

typedef enum {
  MONGO_VERDICT_UNTRIED,
  MONGO_VERDICT_STORED,
  MONGO_VERDICT_DUPLICATE, /* a document with the same _id was stored before */
  /* the document is a duplicate in a unique index, but the server doesn't say in which one */
  MONGO_VERDICT_TAKEN,
  MONGO_VERDICT_LOST, /* no answer came: the connection broke, or there was no connection */
  /* no answer came within socketTimeoutMS: the server may still store the document */
  MONGO_VERDICT_LATE,
  /* the document may be stored later: an election, limits or the write concern prevented it */
  MONGO_VERDICT_RETRY,
  /* the document was refused; whether it or the settings are the cause isn't known */
  MONGO_VERDICT_REFUSED,
  MONGO_VERDICT_REJECTED, /* the document can never be stored */
  MONGO_VERDICT_SPLIT,    /* the whole batch was refused; one document may be the cause */
  MONGO_VERDICT_DENIED,   /* the user has no right to write to the collection */
  MONGO_VERDICT_FAILED,   /* no document can be stored with the present settings */
} MongoVerdict;

typedef struct {
  MongoVerdict verdict;
  gboolean own;  /* with REFUSED: TRUE if only this document can be the cause */
  gint code;     /* error code of the server or of libmongoc */
  gchar *reason; /* error text; NULL if the document was stored or not tried */
} MongoResult;

void mongo_result_set (MongoResult *result, MongoVerdict verdict, gint code, const gchar *reason);
void mongo_result_clear (MongoResult *result);

/* Returns the verdict for the error of a command. @reply (nullable): the server's reply, which may
 * hold error labels */
MongoVerdict mongo_error_judge (const bson_error_t *error, const bson_t *reply);

/**
 * mongo_reply_judge:
 * @ok: the result of mongoc_bulk_operation_execute(), which filled @reply and @error
 * @results: (out): a result for each of the @n documents of the batch, in their order
 *
 * Judges the documents by @reply, because @error holds only one failure, in which a write error
 * hides a write concern error.
 */
void mongo_reply_judge (
    gboolean ok, const bson_t *reply, const bson_error_t *error, MongoResult *results, guint n);

G_END_DECLS
