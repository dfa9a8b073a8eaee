/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the property expire-after: which TTL indexes of a collection mongosink keeps, changes,
 * drops or creates, and which are an error. */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "mongofixture.h"

#define CURSOR(documents)                                                                          \
  "{\"ok\":1,\"cursor\":{\"id\":0,\"ns\":\"fog.events\",\"firstBatch\":[" documents "]}}"
#define INDEX(key, name, more) "{\"v\":2,\"key\":{" key "},\"name\":\"" name "\"" more "}"
#define TTL(seconds) ",\"expireAfterSeconds\":" #seconds
#define PARTIAL ",\"partialFilterExpression\":{\"kind\":1}"
#define OWN(field, seconds) INDEX ("\"" field "\":1", "mongosink-expiry", TTL (seconds))
#define FOREIGN(field, seconds) INDEX ("\"" field "\":1", "theirs", TTL (seconds))
#define SERIES(options)                                                                            \
  CURSOR ("{\"name\":\"events\",\"type\":\"timeseries\",\"options\":{\"timeseries\":"              \
          "{\"timeField\":\"t\"}" options "}}")
#define ID INDEX ("\"_id\":1", "_id_", "")
#define DATED                                                                                      \
  "{\"captured\":{\"$date\":\"2026-11-25T00:44:00Z\"},\"t\":{\"$date\":\"2026-11-25T00:44:00Z\"}}"
#define DENIED "{\"ok\":0,\"code\":13,\"errmsg\":\"not authorized\"}"

/* --- what is done --- */

typedef struct {
  const gchar *settings;
  /* JSON of the indexes, and of the collections, that the server lists; NULL: none */
  const gchar *indexes, *collections;
  /* text in the command collMod, dropIndexes or createIndexes that the sink sends; NULL: it sends
   * no such command */
  const gchar *changed, *dropped, *created;
  const gchar *warning; /* text in the warning that the sink posts; NULL: no warning */
} Case;

static const Case kept[] = {
    /* the collection has no TTL index */
    {"", NULL, NULL, NULL, NULL, NULL, NULL},
    {"expire-after=0", NULL, NULL, NULL, NULL, NULL, NULL},
    {"expire-after=60", NULL, NULL, NULL, NULL,
        "{ \"key\" : { \"captured\" : 1 }, \"name\" : \"mongosink-expiry\", "
        "\"expireAfterSeconds\" : 60 }",
        NULL},
    /* the index was made by mongosink */
    {"expire-after=60", OWN ("captured", 60), NULL, NULL, NULL, NULL, NULL},
    {"expire-after=60", OWN ("captured", 90), NULL,
        "\"name\" : \"mongosink-expiry\", \"expireAfterSeconds\" : 60", NULL, NULL, NULL},
    {"expire-after=60 expire-field=t", OWN ("captured", 60), NULL, NULL, "mongosink-expiry",
        "{ \"t\" : 1 }", NULL},
    {"expire-after=0", OWN ("captured", 60), NULL, NULL, "mongosink-expiry", NULL, NULL},
    {"expire-after=0 expire-field=t", OWN ("captured", 60), NULL, NULL, "mongosink-expiry", NULL,
        NULL},
    {"", OWN ("captured", 60), NULL, NULL, NULL, NULL, "expire-after=0"},
    {"expire-after=60", INDEX ("\"captured\":1", "mongosink-expiry", TTL (60) PARTIAL), NULL, NULL,
        "mongosink-expiry", "\"captured\"", NULL},
    /* TTL indexes of other programs */
    {"", FOREIGN ("captured", 60), NULL, NULL, NULL, NULL, "theirs"},
    {"", FOREIGN ("stored", 0), NULL, NULL, NULL, NULL, "stored"},
    {"expire-after=60", FOREIGN ("captured", 60), NULL, NULL, NULL, NULL, NULL},
    {"expire-after=60", FOREIGN ("captured", 60.0), NULL, NULL, NULL, NULL, NULL},
    {"expire-after=60", INDEX ("\"captured\":-1", "down", TTL (60)), NULL, NULL, NULL, NULL, NULL},
    {"expire-after=60", FOREIGN ("captured", 90), NULL,
        "\"name\" : \"theirs\", \"expireAfterSeconds\" : 60", NULL, NULL, NULL},
    {"expire-after=60", INDEX ("\"captured\":-1", "down", TTL (5)), NULL,
        "\"name\" : \"down\", \"expireAfterSeconds\" : 60", NULL, NULL, NULL},
    /* indexes that aren't TTL indexes */
    {"", INDEX ("\"captured\":1", "plain", ""), NULL, NULL, NULL, NULL, NULL},
    {"expire-after=0", INDEX ("\"captured\":1", "plain", ""), NULL, NULL, NULL, NULL, NULL},
    {"expire-after=60", INDEX ("\"captured\":1", "plain", ""), NULL,
        "\"name\" : \"plain\", \"expireAfterSeconds\" : 60", NULL, NULL, NULL},
    {"expire-after=60", INDEX ("\"captured\":1", "plain", "") "," FOREIGN ("captured", 60), NULL,
        NULL, NULL, NULL, NULL},
    {"expire-after=60", INDEX ("\"captured\":-1", "down", ""), NULL, NULL, NULL, "mongosink-expiry",
        NULL},
    {"expire-after=60", INDEX ("\"captured\":\"hashed\"", "hash", ""), NULL, NULL, NULL,
        "mongosink-expiry", NULL},
    {"expire-after=60", INDEX ("\"captured\":1,\"camera\":1", "two", ""), NULL, NULL, NULL,
        "mongosink-expiry", NULL},
    /* time series */
    {"", NULL, SERIES (""), NULL, NULL, NULL, NULL},
    {"", NULL, SERIES (TTL (60)), NULL, NULL, NULL, "field t"},
    {"expire-after=0", NULL, SERIES (TTL (60)), "\"expireAfterSeconds\" : \"off\"", NULL, NULL,
        NULL},
    {"expire-after=60 expire-field=t", NULL, SERIES (TTL (60)), NULL, NULL, NULL, NULL},
    {"expire-after=60 expire-field=t", NULL, SERIES (TTL (90)),
        "{ \"collMod\" : \"events\", \"expireAfterSeconds\" : 60", NULL, NULL, NULL},
    {"expire-after=60 expire-field=t", NULL, SERIES (""),
        "{ \"collMod\" : \"events\", \"expireAfterSeconds\" : 60", NULL, NULL, NULL},
    /* create-index names the field of the TTL index too */
    {"expire-after=60 create-index=captured", OWN ("captured", 60), NULL, NULL, NULL, NULL, NULL},
};

static void
set_up_collection (
    Fixture *f, const gchar *settings, const gchar *indexes, const gchar *collections)
{
  MongoMock *mock = mongo_mock_new ();
  g_autofree gchar *all =
      indexes ? g_strdup_printf (CURSOR (ID ",%s"), indexes) : g_strdup (CURSOR (ID));

  mongo_mock_answer (mock, "listIndexes", all);
  if (collections)
    mongo_mock_answer (mock, "listCollections", collections);
  setup (f, mock, settings, "application/json");
}

/* Checks the last command of the name @command. @part: a text in the command; NULL: no such command
 * was sent */
static void
assert_command (Fixture *f, const gchar *command, const gchar *part)
{
  g_autofree gchar *last = mongo_mock_last (f->mock, command);

  if (part)
    fail_unless (last && strstr (last, part), "%s: %s", command, last);
  else
    fail_if (last, "%s", last);
}

static void
assert_warning (Fixture *f, const gchar *part)
{
  GstMessage *message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_WARNING);
  g_autoptr (GError) warning = NULL;

  if (message)
    gst_message_parse_warning (message, &warning, NULL);
  fail_unless (part ? warning && strstr (warning->message, part) : !warning, "%s",
      warning ? warning->message : "no warning");
  gst_clear_message (&message);
}

GST_START_TEST (test_the_ttl_index_follows_the_property_expire_after)
{
  const Case *c = &kept[__i__];
  Fixture f;

  GST_INFO ("case %d: %s", __i__, c->settings);
  set_up_collection (&f, c->settings, c->indexes, c->collections);
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  assert_command (&f, "collMod", c->changed);
  assert_command (&f, "dropIndexes", c->dropped);
  assert_command (&f, "createIndexes", c->created);
  assert_warning (&f, c->warning);
  finish (&f);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* --- what is refused --- */

typedef struct {
  const gchar *settings, *indexes, *collections;
  const gchar *command, *reply; /* @reply is the server's answer to @command */
  const gchar *named[2];        /* in the error */
} Refusal;

#define CANT(code) "{\"ok\":0,\"code\":" #code ",\"errmsg\":\"not supported\"}"

static const Refusal refused[] = {
    /* TTL indexes of other programs that contradict the settings */
    {"expire-after=0", FOREIGN ("captured", 60), NULL, NULL, NULL, {"theirs", "expire-after=0"}},
    {"expire-after=0", FOREIGN ("stored", 60), NULL, NULL, NULL, {"theirs", "stored"}},
    {"expire-after=60", FOREIGN ("stored", 60), NULL, NULL, NULL, {"theirs", "expire-after=60"}},
    {"expire-after=60", FOREIGN ("captured", 60) "," FOREIGN ("stored", 60), NULL, NULL, NULL,
        {"theirs", "stored"}},
    {"expire-after=60", INDEX ("\"captured\":1", "some", TTL (5) PARTIAL), NULL, NULL, NULL,
        {"some", "5 s"}},
    {"expire-after=60", NULL, SERIES (TTL (60)), NULL, NULL, {"collection itself", "field t"}},
    /* commands that the server doesn't support, or that the user has no right to */
    {"expire-after=60", OWN ("captured", 90), NULL, "collMod", CANT (115), {"90 s", "supported"}},
    {"expire-after=60", INDEX ("\"captured\":1", "plain", ""), NULL, "collMod", CANT (72),
        {"plain", "supported"}},
    {"expire-after=0", OWN ("captured", 90), NULL, "dropIndexes", DENIED,
        {"dropIndexes", "authorized"}},
    {"expire-after=60 expire-field=t", OWN ("captured", 90), NULL, "dropIndexes", DENIED,
        {"dropIndexes", "authorized"}},
    {"expire-after=60", NULL, NULL, "createIndexes", DENIED, {"createIndexes", "authorized"}},
    {"expire-after=60", NULL, NULL, "createIndexes", CANT (67), {"createIndexes", "supported"}},
    {"expire-after=60", NULL, NULL, "listIndexes", DENIED, {"listIndexes", "authorized"}},
    {"expire-after=0", NULL, NULL, "listIndexes", DENIED, {"listIndexes", "authorized"}},
    {"expire-after=0", NULL, NULL, "listCollections", DENIED, {"listCollections", "authorized"}},
};

GST_START_TEST (test_a_ttl_index_that_contradicts_expire_after_is_an_error)
{
  const Refusal *c = &refused[__i__];
  g_autofree gchar *settings = g_strdup_printf ("%s retry-timeout=200000000", c->settings);
  g_autofree gchar *error = NULL;
  Fixture f;

  GST_INFO ("case %d: %s", __i__, c->settings);
  set_up_collection (&f, settings, c->indexes, c->collections);
  if (c->command)
    mongo_mock_answer (f.mock, c->command, c->reply);
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  for (guint i = 0; i < G_N_ELEMENTS (c->named); i++)
    fail_unless (strstr (error, c->named[i]), "%s", error);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 0);
  teardown (&f);
}
GST_END_TEST;

/* The sink stores its documents when another program drops the contradicting index before
 * retry-timeout. */
GST_START_TEST (test_the_sink_continues_after_the_contradicting_index_was_dropped)
{
  g_autofree gchar *warning = NULL;
  Fixture f;

  set_up_collection (&f, "expire-after=0", FOREIGN ("captured", 60), NULL);
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (warning, "theirs"), "%s", warning);
  mongo_mock_answer (f.mock, "listIndexes", CURSOR (ID));
  finish (&f);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* If another stage drops the same index at the same time, the server's answer that there is no such
 * index is no error. */
GST_START_TEST (test_an_index_that_another_stage_has_just_dropped_is_no_error)
{
  Fixture f;

  set_up_collection (&f, "expire-after=0", OWN ("captured", 60), NULL);
  mongo_mock_answer (f.mock, "dropIndexes", "{\"ok\":0,\"code\":27,\"errmsg\":\"not found\"}");
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  finish (&f);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* If expire-after is unset, the sink works without the right to list indexes. */
GST_START_TEST (test_without_expire_after_no_right_to_list_indexes_is_needed)
{
  Fixture f;

  set_up_collection (&f, "", NULL, NULL);
  mongo_mock_answer (f.mock, "listIndexes", DENIED);
  mongo_mock_answer (f.mock, "listCollections", DENIED);
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  finish (&f);
  assert_warning (&f, NULL);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* On a server that doesn't support TTL indexes, expire-after is only a warning. */
GST_START_TEST (test_a_server_without_ttl_indexes_is_only_a_warning)
{
  Fixture f;

  set_up_collection (&f, "expire-after=60", NULL, NULL);
  mongo_mock_answer (f.mock, "createIndexes", CANT (238));
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  assert_warning (&f, "expire-after");
  finish (&f);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* An index of create-index that begins with the field of the TTL index is created too if it isn't
 * the same index. */
GST_START_TEST (test_a_descending_index_over_the_expire_field_is_created_too)
{
  Fixture f;

  set_up_collection (&f, "expire-after=60 create-index=captured;-captured;camera", NULL, NULL);
  gst_harness_push (f.h, new_message (DATED, &f.ledger, 0));
  finish (&f);
  assert_command (&f, "createIndexes",
      "\"indexes\" : [ { \"key\" : { \"captured\" : -1 }, \"name\" : \"captured_-1\" }, { \"key\" "
      ": { \"camera\" : 1 }");
  teardown (&f);
}
GST_END_TEST;

/* Documents without a date in the field expire-field are a warning, because the server never
 * deletes them, so a wrong name would fill its disk. */
GST_START_TEST (test_documents_without_a_date_in_expire_field_are_a_warning)
{
  static const gchar *dated[] = {"{\"t\":{\"at\":{\"$date\":\"2026-11-25T00:44:00Z\"}}}",
      "{\"t\":{\"at\":[1,{\"$date\":\"2026-11-25T00:44:00Z\"}]}}"};
  static const gchar *undated[] = {"{}", "{\"t\":1}", "{\"t\":{\"at\":\"2026-11-25T00:44:00Z\"}}",
      "{\"t\":{\"at\":[]}}", "{\"t\":{\"at\":{\"at\":{\"$date\":\"2026-11-25T00:44:00Z\"}}}}"};
  static const gchar *const settings[] = {"expire-after=60 expire-field=t.at", "expire-field=t.at",
      "expire-after=0 expire-field=t.at", "expire-after=60 expire-field=t.at mode=update"};

  for (guint s = 0; s < G_N_ELEMENTS (settings); s++) {
    Fixture f;
    guint n = 0;

    set_up_collection (&f, settings[s], NULL, NULL);
    for (guint i = 0; i < G_N_ELEMENTS (dated); i++)
      gst_harness_push (f.h, new_message (dated[i], &f.ledger, n++));
    fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING) == NULL);
    for (guint i = 0; i < G_N_ELEMENTS (undated); i++)
      gst_harness_push (f.h, new_message (undated[i], &f.ledger, n++));
    for (guint i = 0; i < 3 && s == 0; i++) { /* of the 1st, 2nd and 4th document */
      g_autofree gchar *text = wait_message (
          f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);

      fail_unless (strstr (text, "t.at") != NULL, "%s", text);
    }
    fail_unless (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING) == NULL);
    assert_stat (&f, "undated", s == 0 ? G_N_ELEMENTS (undated) : 0);
    finish (&f);
    assert_acks (&f, n, 0);
    teardown (&f);
  }
}
GST_END_TEST;

static Suite *
mongoexpiry_suite (void)
{
  Suite *s = suite_create ("mongoexpiry");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_loop_test (
      tc, test_the_ttl_index_follows_the_property_expire_after, 0, G_N_ELEMENTS (kept));
  tcase_add_loop_test (
      tc, test_a_ttl_index_that_contradicts_expire_after_is_an_error, 0, G_N_ELEMENTS (refused));
  tcase_add_test (tc, test_the_sink_continues_after_the_contradicting_index_was_dropped);
  tcase_add_test (tc, test_an_index_that_another_stage_has_just_dropped_is_no_error);
  tcase_add_test (tc, test_without_expire_after_no_right_to_list_indexes_is_needed);
  tcase_add_test (tc, test_a_server_without_ttl_indexes_is_only_a_warning);
  tcase_add_test (tc, test_a_descending_index_over_the_expire_field_is_created_too);
  tcase_add_test (tc, test_documents_without_a_date_in_expire_field_are_a_warning);
  return s;
}

GST_CHECK_MAIN (mongoexpiry);
