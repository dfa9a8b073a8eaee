/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongoreply.h"

#include <string.h>

#include "mongoindex.h"

/* MongoDB's error code AtlasError, which means that the user lacks a right, or that the cluster has
 * no space left. */
#define CODE_ATLAS 8000
/* The text before an index's name in the message of error 11000. */
#define INDEX_NAMED "index: "

/* Codes of errors after which a write is tried again, because a later write may succeed. The codes
 * are from MongoDB's src/mongo/base/error_codes.yml, except the last one, which is from Cosmos
 * DB. */
static const gint transient_codes[] = {
    /* the server's disk is full, or the server can't handle a document */
    MONGO_CODE_INTERNAL_ERROR, 6, /* HostUnreachable */
    7,                            /* HostNotFound */
    24,                           /* LockTimeout */
    46,                           /* LockBusy */
    50,                           /* MaxTimeMSExpired */
    63,                           /* StaleShardVersion */
    64,                           /* WriteConcernFailed */
    89,                           /* NetworkTimeout */
    91,                           /* ShutdownInProgress */
    112,                          /* WriteConflict */
    133,                          /* FailedToSatisfyReadPreference */
    150,                          /* StaleEpoch */
    189,                          /* PrimarySteppedDown */
    202,                          /* NetworkInterfaceExceededTimeLimit */
    262,                          /* ExceededTimeLimit */
    462,                          /* IngressRequestRateLimitExceeded */
    9001,                         /* SocketException */
    10058,                        /* the older NotWritablePrimary */
    10107,                        /* NotWritablePrimary */
    11600,                        /* InterruptedAtShutdown */
    11601,                        /* Interrupted */
    11602,                        /* InterruptedDueToReplStateChange */
    13388,                        /* StaleConfig */
    13435,                        /* NotPrimaryNoSecondaryOk */
    13436,                        /* NotPrimaryOrSecondary */
    14031,                        /* OutOfDiskSpace */
    16500,                        /* TooManyRequests */
};

/* Codes of errors whose cause can only be the document. Codes such as BadValue (2) and
 * ShardKeyNotFound (61) aren't here, because settings can cause them too. */
static const gint document_codes[] = {
    15,    /* Overflow */
    22,    /* InvalidBSON */
    52,    /* DollarPrefixedFieldName */
    53,    /* InvalidIdField */
    54,    /* NotSingleValueField */
    55,    /* InvalidDBRef */
    56,    /* EmptyFieldName */
    57,    /* DottedFieldName */
    66,    /* ImmutableField */
    121,   /* DocumentValidationFailure */
    10334, /* BSONObjectTooLarge */
    17280, /* KeyTooLong */
    17419, /* the stored document would grow too large */
    17420, /* the document to insert is too large */
};

static const gint denied_codes[] = {
    13, /* Unauthorized */
    18, /* AuthenticationFailed */
    CODE_ATLAS,
};

void
mongo_result_set (MongoResult *result, MongoVerdict verdict, gint code, const gchar *reason)
{
  gchar *copy = g_strdup (reason);

  g_free (result->reason);
  result->verdict = verdict;
  result->own = FALSE;
  result->code = code;
  result->reason = copy;
}

void
mongo_result_clear (MongoResult *result)
{
  g_clear_pointer (&result->reason, g_free);
}

static gboolean
is_one_of (gint code, const gint *codes, guint n)
{
  for (guint i = 0; i < n; i++)
    if (codes[i] == code)
      return TRUE;
  return FALSE;
}

/* @reason: (nullable): the server's message */
static MongoVerdict
judge_code (gint code, const gchar *reason)
{
  if (code == CODE_ATLAS && reason && strstr (reason, "quota"))
    return MONGO_VERDICT_RETRY;
  if (is_one_of (code, transient_codes, G_N_ELEMENTS (transient_codes)))
    return MONGO_VERDICT_RETRY;
  if (is_one_of (code, denied_codes, G_N_ELEMENTS (denied_codes)))
    return MONGO_VERDICT_DENIED;
  if (is_one_of (code, document_codes, G_N_ELEMENTS (document_codes)))
    return MONGO_VERDICT_REJECTED;
  return MONGO_VERDICT_REFUSED;
}

/* Returns the verdict for an error that concerns a whole batch. */
static MongoVerdict
judge_command (gint code, const gchar *reason)
{
  MongoVerdict verdict = judge_code (code, reason);

  return verdict == MONGO_VERDICT_REJECTED || verdict == MONGO_VERDICT_REFUSED ? MONGO_VERDICT_SPLIT
                                                                               : verdict;
}

static gboolean
is_own_fault (const bson_error_t *error)
{
  if (error->domain == MONGOC_ERROR_SERVER)
    return judge_code (error->code, error->message) == MONGO_VERDICT_REJECTED;
  return error->domain == MONGOC_ERROR_BSON || error->domain == MONGOC_ERROR_COMMAND;
}

static gboolean
has_label (const bson_t *reply, const gchar *label)
{
  return reply && bson_has_field (reply, "errorLabels") && mongoc_error_has_label (reply, label);
}

MongoVerdict
mongo_error_judge (const bson_error_t *error, const bson_t *reply)
{
  if (has_label (reply, "RetryableWriteError") || has_label (reply, "TransientTransactionError"))
    return MONGO_VERDICT_RETRY;
  switch (error->domain) {
    case MONGOC_ERROR_SERVER:
    case MONGOC_ERROR_WRITE_CONCERN:
      return judge_command (error->code, error->message);
    case MONGOC_ERROR_STREAM:
      return MONGO_VERDICT_LOST;
    case MONGOC_ERROR_SERVER_SELECTION:
    case MONGOC_ERROR_PROTOCOL:
    /* this domain also has the error of a connection lost during authentication */
    case MONGOC_ERROR_CLIENT:
    case MONGOC_ERROR_SCRAM:
    case MONGOC_ERROR_SASL:
      return MONGO_VERDICT_RETRY;
    case MONGOC_ERROR_BSON:
    case MONGOC_ERROR_COMMAND:
      return MONGO_VERDICT_SPLIT;
    default:
      return MONGO_VERDICT_FAILED;
  }
}

static gint
get_int (const bson_t *document, const gchar *name, gint missing)
{
  bson_iter_t iter;

  return bson_iter_init_find (&iter, document, name) && BSON_ITER_HOLDS_NUMBER (&iter)
             ? (gint) bson_iter_as_int64 (&iter)
             : missing;
}

static const gchar *
get_text (const bson_t *document, const gchar *name)
{
  bson_iter_t iter;

  return bson_iter_init_find (&iter, document, name) && BSON_ITER_HOLDS_UTF8 (&iter)
             ? bson_iter_utf8 (&iter, NULL)
             : NULL;
}

/* Returns TRUE if @message names the index over `_id`, as in "index: _id_ dup key: { _id: 1 }" or,
 * of older servers, "index: fog.events.$_id_ dup key: { : 1 }". The text behind the index's name
 * may be anything. */
static gboolean
names_index_of_id (const gchar *message)
{
  const gchar *name = strstr (message, INDEX_NAMED);
  gsize size;

  if (!name)
    return FALSE;
  name += strlen (INDEX_NAMED);
  size = strcspn (name, " ");
  return (size == 4 && memcmp (name, "_id_", 4) == 0) ||
         (size > 5 && memcmp (name + size - 5, "$_id_", 5) == 0);
}

/* Returns the verdict for the error 11000. A duplicate in a unique index other than that over `_id`
 * means that the document can't be stored. */
static MongoVerdict
judge_duplicate_key (const bson_t *write_error)
{
  const gchar *message = get_text (write_error, "errmsg");

  if (bson_has_field (write_error, "keyPattern"))
    return mongo_index_is_of_id (write_error, "keyPattern") ? MONGO_VERDICT_DUPLICATE
                                                            : MONGO_VERDICT_REJECTED;
  if (message && names_index_of_id (message))
    return MONGO_VERDICT_DUPLICATE;
  return message && strstr (message, INDEX_NAMED) ? MONGO_VERDICT_REJECTED : MONGO_VERDICT_TAKEN;
}

static void
judge_write_error (const bson_t *write_error, MongoResult *result)
{
  gint code = get_int (write_error, "code", 0);
  const gchar *reason = get_text (write_error, "errmsg");
  MongoVerdict verdict = judge_code (code, reason);

  if (code == MONGO_CODE_DUPLICATE_KEY)
    verdict = judge_duplicate_key (write_error);
  mongo_result_set (result, verdict, code, reason ? reason : "the server gave no reason");
}

/* Sets @element to the next document of a BSON array. Returns FALSE at the end of the array. */
static gboolean
next_element (bson_iter_t *iter, bson_t *element)
{
  const guint8 *data;
  guint32 size;

  while (bson_iter_next (iter))
    if (BSON_ITER_HOLDS_DOCUMENT (iter)) {
      bson_iter_document (iter, &size, &data);
      if (bson_init_static (element, data, size))
        return TRUE;
    }
  return FALSE;
}

static gboolean
open_list (const bson_t *reply, const gchar *name, bson_iter_t *list)
{
  bson_iter_t iter;

  return bson_iter_init_find (&iter, reply, name) && BSON_ITER_HOLDS_ARRAY (&iter) &&
         bson_iter_recurse (&iter, list);
}

static guint
judge_write_errors (const bson_t *reply, MongoResult *results, guint n)
{
  bson_iter_t list;
  bson_t element;
  guint found = 0;

  if (!open_list (reply, "writeErrors", &list))
    return 0;
  while (next_element (&list, &element)) {
    gint index = get_int (&element, "index", -1);

    if (index >= 0 && (guint) index < n) {
      judge_write_error (&element, &results[index]);
      found++;
    }
  }
  return found;
}

/* Handles a write concern error, which means that the documents are stored, but not as safely as
 * required, so all documents without a write error have to be tried again. */
static void
judge_write_concern (const bson_t *reply, MongoResult *results, guint n)
{
  bson_iter_t list;
  bson_t element;

  if (!open_list (reply, "writeConcernErrors", &list))
    return;
  while (next_element (&list, &element)) {
    gint code = get_int (&element, "code", 64);
    const gchar *reason = get_text (&element, "errmsg");
    MongoVerdict verdict = judge_code (code, reason);

    if (verdict == MONGO_VERDICT_REFUSED || verdict == MONGO_VERDICT_REJECTED)
      verdict = MONGO_VERDICT_FAILED;
    for (guint i = 0; i < n; i++)
      if (results[i].verdict <= MONGO_VERDICT_TAKEN)
        mongo_result_set (
            &results[i], verdict, code, reason ? reason : "the write concern was not met");
  }
}

static guint
count_acknowledged (const bson_t *reply)
{
  return get_int (reply, "nInserted", 0) + get_int (reply, "nMatched", 0) +
         get_int (reply, "nUpserted", 0);
}

void
mongo_reply_judge (
    gboolean ok, const bson_t *reply, const bson_error_t *error, MongoResult *results, guint n)
{
  guint errors, acknowledged;

  for (guint i = 0; i < n; i++)
    mongo_result_set (&results[i], MONGO_VERDICT_STORED, 0, NULL);
  if (ok)
    return;
  errors = judge_write_errors (reply, results, n);
  acknowledged = count_acknowledged (reply);
  if (errors + acknowledged < n) {
    MongoVerdict verdict = errors ? MONGO_VERDICT_RETRY : mongo_error_judge (error, reply);

    for (guint i = 0; i < n; i++)
      if (results[i].verdict == MONGO_VERDICT_STORED) {
        mongo_result_set (&results[i], verdict, error->code, error->message);
        results[i].own = is_own_fault (error);
      }
  }
  judge_write_concern (reply, results, n);
}
