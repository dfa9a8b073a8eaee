/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mongoexpiry.h"

#include <string.h>

#include "document/mongodocument.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define CODE_INDEX_NOT_FOUND 27
#define CODE_COMMAND_NOT_FOUND 59
#define CODE_COMMAND_NOT_SUPPORTED 115
#define CODE_NOT_IMPLEMENTED 238

/* A rule of expiry, which is an index with a TTL, or an option of the collection. A Rule also
 * describes an index without a TTL that could get one. */
typedef struct {
  /* name of the index; NULL: the rule is an option of the collection, as in a time series */
  gchar *index;
  gchar *field; /* name of the index's only field; NULL: the index has several fields */
  gint64 after; /* the TTL, s; -1: the index has no TTL */
  gboolean partial;
} Rule;

typedef enum { STEP_MET, STEP_CHANGE, STEP_DROP, STEP_CLASH, STEP_REMARK } Step;

static void
rule_free (Rule *rule)
{
  g_free (rule->index);
  g_free (rule->field);
  g_free (rule);
}

/* --- the rules of a collection --- */

static gint64
read_seconds (const bson_t *options)
{
  bson_iter_t iter;

  return bson_iter_init_find (&iter, options, "expireAfterSeconds") &&
                 BSON_ITER_HOLDS_NUMBER (&iter)
             ? bson_iter_as_int64 (&iter)
             : -1;
}

static gchar *
read_text (const bson_t *document, const gchar *path)
{
  bson_iter_t iter, found;

  return bson_iter_init (&iter, document) && bson_iter_find_descendant (&iter, path, &found) &&
                 BSON_ITER_HOLDS_UTF8 (&found)
             ? g_strdup (bson_iter_utf8 (&found, NULL))
             : NULL;
}

/* Returns: (nullable) (transfer full): the field that an index has; %NULL if it has several fields.
 * @ascending: (out) */
static gchar *
read_key (const bson_t *index, gboolean *ascending)
{
  bson_iter_t iter, field;
  gchar *name;

  if (!bson_iter_init_find (&iter, index, "key") || !bson_iter_recurse (&iter, &field) ||
      !bson_iter_next (&field))
    return NULL;
  name = g_strdup (bson_iter_key (&field));
  *ascending = BSON_ITER_HOLDS_NUMBER (&field) && bson_iter_as_int64 (&field) > 0;
  if (bson_iter_next (&field))
    g_clear_pointer (&name, g_free);
  return name;
}

/* Returns: (nullable): the rule of an index; %NULL if the index has no TTL, and doesn't conflict
 * with a TTL index over the same field. */
static Rule *
rule_of_index (const bson_t *index)
{
  Rule *rule = g_new0 (Rule, 1);
  gboolean ascending = FALSE;

  rule->index = read_text (index, "name");
  rule->field = read_key (index, &ascending);
  rule->after = read_seconds (index);
  rule->partial = bson_has_field (index, "partialFilterExpression");
  if (rule->index && (rule->after >= 0 || (rule->field && ascending)))
    return rule;
  rule_free (rule);
  return NULL;
}

/* Returns: (nullable): the rule of a collection; %NULL if the collection has no option of expiry,
 * and isn't a time series. */
static Rule *
rule_of_collection (const bson_t *description)
{
  gchar *field = read_text (description, "options.timeseries.timeField");
  bson_iter_t iter;
  bson_t options;
  gint64 after = -1;
  const guint8 *data;
  guint32 size;
  Rule *rule;

  if (bson_iter_init_find (&iter, description, "options") && BSON_ITER_HOLDS_DOCUMENT (&iter)) {
    bson_iter_document (&iter, &size, &data);
    if (bson_init_static (&options, data, size))
      after = read_seconds (&options);
  }
  if (!field && after < 0)
    return NULL;
  rule = g_new0 (Rule, 1);
  rule->field = field;
  rule->after = after;
  return rule;
}

/* Adds to @rules a rule for each index or collection that @cursor lists. */
static gboolean
add_rules (
    GPtrArray *rules, mongoc_cursor_t *cursor, Rule *(*read) (const bson_t *), bson_error_t *error)
{
  const bson_t *description;
  gboolean ok;

  while (mongoc_cursor_next (cursor, &description)) {
    Rule *rule = read (description);

    if (rule)
      g_ptr_array_add (rules, rule);
  }
  ok = !mongoc_cursor_error (cursor, error);
  mongoc_cursor_destroy (cursor);
  return ok;
}

static gboolean
list_indexes (
    const MongoExpiry *self, mongoc_client_t *client, GPtrArray *rules, bson_error_t *error)
{
  mongoc_collection_t *collection =
      mongoc_client_get_collection (client, self->database, self->collection);
  gboolean ok = add_rules (
      rules, mongoc_collection_find_indexes_with_opts (collection, NULL), rule_of_index, error);

  mongoc_collection_destroy (collection);
  return ok;
}

static gboolean
list_options (
    const MongoExpiry *self, mongoc_client_t *client, GPtrArray *rules, bson_error_t *error)
{
  mongoc_database_t *database = mongoc_client_get_database (client, self->database);
  g_autoptr (bson_t) opts = BCON_NEW ("filter", "{", "name", BCON_UTF8 (self->collection), "}");
  gboolean ok = add_rules (rules, mongoc_database_find_collections_with_opts (database, opts),
      rule_of_collection, error);

  mongoc_database_destroy (database);
  return ok;
}

/* --- the steps that establish the wanted rule --- */

static gboolean
is_own (const Rule *rule)
{
  return g_strcmp0 (rule->index, MONGO_EXPIRY_INDEX) == 0;
}

static gboolean
is_over_field (const Rule *rule, const MongoExpiry *wanted)
{
  return !rule->partial && g_strcmp0 (rule->field, wanted->field) == 0;
}

/* Returns what has to be done about an existing rule that has a TTL, so that the wanted rule is in
 * force. */
static Step
choose_step (const Rule *rule, const MongoExpiry *wanted)
{
  if (wanted->after == MONGO_EXPIRY_UNSET)
    return STEP_REMARK;
  if (wanted->after > 0 && is_over_field (rule, wanted))
    return rule->after == wanted->after ? STEP_MET : STEP_CHANGE;
  if (is_own (rule))
    return STEP_DROP;
  return wanted->after == 0 && !rule->index ? STEP_CHANGE : STEP_CLASH;
}

static gchar *
describe (const Rule *rule)
{
  const gchar *of = rule->index ? "the index " : "the collection itself";
  const gchar *name = rule->index ? rule->index : "";
  const gchar *field = rule->field ? rule->field : "(several)";

  if (rule->after < 0)
    return g_strdup_printf ("%s%s of the field %s sets no time", of, name, field);
  return g_strdup_printf ("%s%s deletes documents %" G_GINT64_FORMAT " s after the field %s", of,
      name, rule->after, field);
}

static void
set_clash (const MongoExpiry *self, const Rule *rule, MongoResult *result)
{
  g_autofree gchar *what = describe (rule);
  g_autofree gchar *reason = g_strdup_printf (
      "%s, which contradicts expire-after=%d of the field %s; mongosink didn't make that and "
      "doesn't drop it: drop it, or leave expire-after unset",
      what, self->after, self->field);

  mongo_result_set (result, MONGO_VERDICT_FAILED, 0, reason);
}

/* Sets the result for a command that the server refuses. @rule: (nullable): the rule that @command
 * was meant to change */
static void
set_refusal (const MongoExpiry *self, const gchar *command, const Rule *rule,
    const bson_error_t *error, MongoResult *result)
{
  g_autofree gchar *what = rule ? describe (rule) : NULL;
  g_autofree gchar *reason = g_strdup_printf (
      "the server refuses %s, which expire-after=%d of the field %s needs: %s%s%s; grant the user "
      "that right, change the index by hand, or leave expire-after unset",
      command, self->after, self->field, error->message, what ? "; now " : "", what ? what : "");

  mongo_result_set (result, MONGO_VERDICT_FAILED, (gint) error->code, reason);
}

static gboolean
is_answer (const bson_error_t *error)
{
  return error->domain == MONGOC_ERROR_SERVER &&
         mongo_error_judge (error, NULL) != MONGO_VERDICT_RETRY;
}

static gboolean
run_command (const MongoExpiry *self, mongoc_client_t *client, const Rule *rule,
    const bson_t *command, MongoResult *result)
{
  bson_iter_t iter;
  bson_error_t error;

  if (mongoc_client_write_command_with_opts (client, self->database, command, NULL, NULL, &error))
    return TRUE;
  if (error.domain == MONGOC_ERROR_SERVER && error.code == CODE_INDEX_NOT_FOUND)
    return TRUE;
  if (is_answer (&error) && bson_iter_init (&iter, command) && bson_iter_next (&iter))
    set_refusal (self, bson_iter_key (&iter), rule, &error, result);
  return FALSE;
}

static gboolean
change_rule (
    const MongoExpiry *self, mongoc_client_t *client, const Rule *rule, MongoResult *result)
{
  g_autoptr (bson_t) command = BCON_NEW ("collMod", BCON_UTF8 (self->collection));

  if (rule->index)
    BCON_APPEND (command, "index", "{", "name", BCON_UTF8 (rule->index), "expireAfterSeconds",
        BCON_INT64 (self->after), "}");
  else if (self->after > 0)
    BSON_APPEND_INT64 (command, "expireAfterSeconds", self->after);
  else
    BSON_APPEND_UTF8 (command, "expireAfterSeconds", "off");
  if (!run_command (self, client, rule, command, result))
    return FALSE;
  GST_INFO ("%s.%s: documents expire after %d s of the field %s now (0: never)", self->database,
      self->collection, self->after, rule->field);
  return TRUE;
}

static gboolean
drop_index (const MongoExpiry *self, mongoc_client_t *client, const Rule *rule, MongoResult *result)
{
  g_autoptr (bson_t) command =
      BCON_NEW ("dropIndexes", BCON_UTF8 (self->collection), "index", BCON_UTF8 (rule->index));

  if (!run_command (self, client, rule, command, result))
    return FALSE;
  GST_INFO ("%s.%s: dropped the index %s: documents don't expire %" G_GINT64_FORMAT
            " s after the field %s any more",
      self->database, self->collection, rule->index, rule->after, rule->field);
  return TRUE;
}

static void
add_remark (gchar **remarks, const Rule *rule)
{
  g_autofree gchar *before = *remarks;
  g_autofree gchar *what = describe (rule);

  *remarks = before ? g_strconcat (before, ", ", what, NULL) : g_strdup (what);
}

static gboolean
settle_rule (const MongoExpiry *self, mongoc_client_t *client, const Rule *rule,
    MongoExpiryState *state, MongoResult *result)
{
  switch (choose_step (rule, self)) {
    case STEP_CHANGE:
      if (!change_rule (self, client, rule, result))
        return FALSE;
      state->met = TRUE;
      return TRUE;
    case STEP_DROP:
      return drop_index (self, client, rule, result);
    case STEP_CLASH:
      set_clash (self, rule, result);
      return FALSE;
    case STEP_REMARK:
      add_remark (&state->remark, rule);
      return TRUE;
    case STEP_MET:
      state->met = TRUE;
      return TRUE;
  }
  g_return_val_if_reached (FALSE);
}

static gboolean
settle_rules (const MongoExpiry *self, mongoc_client_t *client, const GPtrArray *rules,
    MongoExpiryState *state, MongoResult *result)
{
  for (guint i = 0; i < rules->len; i++) {
    const Rule *rule = g_ptr_array_index (rules, i);

    if (rule->after >= 0 && !settle_rule (self, client, rule, state, result))
      return FALSE;
  }
  return TRUE;
}

/* Sets the TTL of an existing index or time series that has none, because the server doesn't allow
 * a second index over the same field. */
static gboolean
add_time (const MongoExpiry *self, mongoc_client_t *client, const GPtrArray *rules,
    MongoExpiryState *state, MongoResult *result)
{
  for (guint i = 0; i < rules->len && !state->met && self->after > 0; i++) {
    const Rule *rule = g_ptr_array_index (rules, i);

    if (rule->after >= 0 || !is_over_field (rule, self))
      continue;
    if (!change_rule (self, client, rule, result))
      return FALSE;
    state->met = TRUE;
  }
  return TRUE;
}

/* Handles an error of listIndexes or listCollections, which list how a collection
 * deletes expired documents. Returns FALSE if the error
 * is a failure. If expire-after is unset, a refusal isn't a failure, because the rules needn't be
 * known, so the user needs no right to list indexes. */
static gboolean
fail_to_list (
    const MongoExpiry *self, const gchar *command, const bson_error_t *error, MongoResult *result)
{
  if (!is_answer (error))
    return FALSE;
  if (self->after != MONGO_EXPIRY_UNSET) {
    set_refusal (self, command, NULL, error, result);
    return FALSE;
  }
  GST_INFO ("%s.%s: the server refuses %s, so it isn't known whether documents expire: %s",
      self->database, self->collection, command, error->message);
  return TRUE;
}

/* Returns TRUE if the error means that the server doesn't support expiry, so that it deletes no
 * document at a wrong time. */
static gboolean
lacks_expiry (const bson_error_t *error)
{
  return error->domain == MONGOC_ERROR_SERVER &&
         (error->code == CODE_COMMAND_NOT_FOUND || error->code == CODE_COMMAND_NOT_SUPPORTED ||
             error->code == CODE_NOT_IMPLEMENTED);
}

static gboolean
make_index (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result)
{
  g_autoptr (bson_t) command = BCON_NEW ("createIndexes", BCON_UTF8 (self->collection), "indexes",
      "[", "{", "key", "{", self->field, BCON_INT32 (1), "}", "name",
      BCON_UTF8 (MONGO_EXPIRY_INDEX), "expireAfterSeconds", BCON_INT32 (self->after), "}", "]");
  bson_error_t error;

  if (mongoc_client_write_command_with_opts (client, self->database, command, NULL, NULL, &error))
    return state->met = TRUE;
  if (!is_answer (&error))
    return FALSE;
  if (!lacks_expiry (&error)) {
    set_refusal (self, "createIndexes", NULL, &error, result);
    return FALSE;
  }
  state->lack = g_strdup (error.message);
  return TRUE;
}

void
mongo_expiry_state_clear (MongoExpiryState *state)
{
  g_clear_pointer (&state->remark, g_free);
  g_clear_pointer (&state->lack, g_free);
}

static gboolean
list_rules (const MongoExpiry *self, mongoc_client_t *client, GPtrArray *rules, MongoResult *result)
{
  bson_error_t error;

  if (!list_options (self, client, rules, &error) &&
      !fail_to_list (self, "listCollections", &error, result))
    return FALSE;
  return list_indexes (self, client, rules, &error) ||
         fail_to_list (self, "listIndexes", &error, result);
}

gboolean
mongo_expiry_keep (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result)
{
  g_autoptr (GPtrArray) rules = g_ptr_array_new_with_free_func ((GDestroyNotify) rule_free);

  if (!list_rules (self, client, rules, result) ||
      !settle_rules (self, client, rules, state, result) ||
      !add_time (self, client, rules, state, result))
    return FALSE;
  return state->met || self->after <= 0 || make_index (self, client, state, result);
}

static gboolean
look_at_rule (
    const MongoExpiry *self, const Rule *rule, MongoExpiryState *state, MongoResult *result)
{
  Step step = choose_step (rule, self);

  if (step == STEP_CLASH)
    set_clash (self, rule, result);
  else if (step == STEP_MET)
    state->met = TRUE;
  else
    add_remark (&state->remark, rule);
  return step != STEP_CLASH;
}

gboolean
mongo_expiry_look (
    const MongoExpiry *self, mongoc_client_t *client, MongoExpiryState *state, MongoResult *result)
{
  g_autoptr (GPtrArray) rules = g_ptr_array_new_with_free_func ((GDestroyNotify) rule_free);

  if (!list_rules (self, client, rules, result))
    return FALSE;
  state->met = self->after == 0;
  for (guint i = 0; i < rules->len; i++) {
    const Rule *rule = g_ptr_array_index (rules, i);

    if (rule->after >= 0 && !look_at_rule (self, rule, state, result))
      return FALSE;
  }
  state->met &= !state->remark;
  return TRUE;
}
