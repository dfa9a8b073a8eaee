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
  MONGO_VERDICT_DUPLICATE, /* a document with this _id was stored before */
  MONGO_VERDICT_TAKEN,     /* a duplicate in a unique index; the server doesn't say in which one */
  MONGO_VERDICT_LOST,      /* no answer came: the connection broke, or there was none */
  MONGO_VERDICT_LATE,      /* no answer within socketTimeoutMS: the server may still store it */
  MONGO_VERDICT_RETRY,     /* may be stored later: election, limits, write concern */
  MONGO_VERDICT_REFUSED,   /* refused because of the document or of the settings: not known which */
  MONGO_VERDICT_REJECTED,  /* this document can never be stored */
  MONGO_VERDICT_SPLIT,     /* the whole batch was refused; one document may be the cause */
  MONGO_VERDICT_DENIED,    /* the user has no right to write there */
  MONGO_VERDICT_FAILED,    /* with these settings no document can be stored */
} MongoVerdict;

typedef struct {
  MongoVerdict verdict;
  gboolean own;  /* flag with REFUSED: only this document can be the cause */
  gint code;     /* error code of the server or of libmongoc */
  gchar *reason; /* error text; NULL: stored, or not tried */
} MongoResult;

void mongo_result_set (MongoResult *result, MongoVerdict verdict, gint code, const gchar *reason);
void mongo_result_clear (MongoResult *result);

/* Returns the verdict for an error of a whole command. @reply (nullable) may hold error labels. */
MongoVerdict mongo_error_judge (const bson_error_t *error, const bson_t *reply);

/**
 * mongo_reply_judge:
 * @ok: the result of mongoc_bulk_operation_execute(), which filled @reply and @error
 * @results: (out): one for each of the @n documents of the batch, in order
 *
 * Uses @reply, because @error holds only one failure, and a write
 * error hides a write concern error.
 */
void mongo_reply_judge (
    gboolean ok, const bson_t *reply, const bson_error_t *error, MongoResult *results, guint n);

G_END_DECLS
