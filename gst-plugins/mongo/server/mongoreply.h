/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <mongoc/mongoc.h>

G_BEGIN_DECLS

#define MONGO_CODE_DUPLICATE_KEY 11000

typedef enum {
  MONGO_VERDICT_UNTRIED,
  MONGO_VERDICT_STORED,
  MONGO_VERDICT_DUPLICATE, /* one with this _id was stored before */
  MONGO_VERDICT_TAKEN,     /* one with this _id, or in another unique index: which isn't told */
  MONGO_VERDICT_LOST,      /* no answer: the connection broke, or there was none */
  MONGO_VERDICT_LATE,  /* no answer within the time that the URI sets: it may be stored even so */
  MONGO_VERDICT_RETRY, /* may be taken later: election, limits, write concern */
  /* by the server, and whose fault that is isn't known: the document's, or the settings' */
  MONGO_VERDICT_REFUSED,
  MONGO_VERDICT_REJECTED, /* this document will never be taken */
  MONGO_VERDICT_SPLIT,  /* the batch was refused as a whole: some document of it may be at fault */
  MONGO_VERDICT_DENIED, /* no right to write there */
  MONGO_VERDICT_FAILED, /* nothing is taken as things are set up */
} MongoVerdict;

typedef struct {
  MongoVerdict verdict;
  gboolean own;  /* if it is a refusal: surely of this document's own fault */
  gint code;     /* the server's, or the library's */
  gchar *reason; /* NULL: stored, or not tried */
} MongoResult;

void mongo_result_set (MongoResult *result, MongoVerdict verdict, gint code, const gchar *reason);
void mongo_result_clear (MongoResult *result);

/* What an error that concerns a whole command means; @reply (nullable) may hold error labels. */
MongoVerdict mongo_error_judge (const bson_error_t *error, const bson_t *reply);

/**
 * mongo_reply_judge:
 * @ok: what mongoc_bulk_operation_execute() returned, @reply and @error what it filled in
 * @results: (out): one for each of the @n documents of the batch, in order
 *
 * @error tells of one failure at most, and a write error hides a write
 *   concern error: @reply tells all.
 */
void mongo_reply_judge (
    gboolean ok, const bson_t *reply, const bson_error_t *error, MongoResult *results, guint n);

G_END_DECLS
