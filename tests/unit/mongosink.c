/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <string.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "mongofixture.h"

GST_START_TEST (test_documents_of_a_replay_are_stored_once)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "", "application/json");
  for (gint i = 0; i < 3; i++)
    gst_harness_push (f.h, new_message ("{\"_id\":\"own\",\"a\":1}", &f.ledger, i));
  for (gint i = 10; i < 12; i++)
    gst_harness_push (f.h, new_message ("{\"a\":2}", &f.ledger, i));
  gst_harness_push (f.h, new_message ("{\"a\":2}", &f.ledger, 11));
  gst_harness_push (f.h, new_text ("{\"a\":3}"));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 4);
  assert_stored (&f, "\"own\"", "{ \"_id\" : \"own\", \"a\" : 1 }");
  assert_stored (&f, "\"t:3:10\"", "{ \"_id\" : \"t:3:10\", \"a\" : 2 }");
  assert_stat (&f, "documents", 4);
  assert_stat (&f, "duplicates", 3);
  assert_stat (&f, "waiting", 0);
  assert_acks (&f, 6, 0);
  teardown (&f);
}
GST_END_TEST;

/* If a topic was deleted and created again, its offsets are used a second time, so another document
 * may get the same `_id` as a stored one; it is rejected with a warning, and not taken for a
 * duplicate. */
GST_START_TEST (test_documents_of_a_topic_that_is_created_again_leave_as_rejects)
{
  Fixture f;
  g_autofree gchar *warning = NULL;

  setup (&f, mongo_mock_new (), "", "application/json");
  for (guint round = 0; round < 3; round++)
    for (gint i = 0; i < 50; i++) {
      g_autofree gchar *text =
          g_strdup_printf ("{\"n\":%d}", i + (round == 2 && i >= 10 ? 1000 : 0));

      gst_harness_push (f.h, new_message (text, &f.ledger, i));
    }
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (warning, "created again") != NULL, "%s", warning);
  finish (&f);
  assert_stat (&f, "documents", 50);
  assert_stat (&f, "duplicates", 50 + 10);
  assert_stat (&f, "rejected", 40);
  assert_stored (&f, "\"t:3:49\"", "{ \"_id\" : \"t:3:49\", \"n\" : 49 }");
  assert_acks (&f, 150, 0);
  teardown (&f);
}
GST_END_TEST;

/* A wrapped buffer with the bytes of a stored one is a duplicate, even if its timestamp differs, as
 * in a replay; one with other bytes is rejected. */
GST_START_TEST (test_wrapped_buffers_with_the_offset_but_not_the_bytes_of_a_stored_one_are_rejected)
{
  static const gchar *bytes[] = {"one", "one", "other"};
  Fixture f;

  setup (&f, mongo_mock_new (), "wrap=true", "image/jpeg");
  for (guint i = 0; i < G_N_ELEMENTS (bytes); i++) {
    GstBuffer *buffer = new_message (bytes[i], &f.ledger, 0);

    GST_BUFFER_PTS (buffer) = i * GST_SECOND;
    gst_harness_push (f.h, buffer);
  }
  /* A frame with the camera, session and seq of a stored frame is a duplicate, whatever its
   * bytes. */
  for (guint i = 1; i < G_N_ELEMENTS (bytes); i++) {
    GstBuffer *buffer = new_message (bytes[i], &f.ledger, i);

    gst_kafka_meta_set_headers (buffer, "camera", "c", "session", "s", "seq", "1", NULL);
    gst_harness_push (f.h, buffer);
  }
  finish (&f);
  assert_stat (&f, "documents", 2);
  assert_stat (&f, "duplicates", 2);
  assert_stat (&f, "rejected", 1);
  teardown (&f);
}
GST_END_TEST;

/* A document whose own `_id` is already stored is a duplicate, whatever its other fields, because a
 * frame may be counted twice. */
GST_START_TEST (test_a_document_with_a_known_id_of_its_own_is_a_duplicate)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "", "application/json");
  for (gint i = 0; i < 2; i++) {
    g_autofree gchar *text = g_strdup_printf ("{\"_id\":1,\"n\":%d}", i);

    gst_harness_push (f.h, new_message (text, &f.ledger, i));
  }
  finish (&f);
  assert_stat (&f, "duplicates", 1);
  assert_stat (&f, "rejected", 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_lines_and_bson)
{
  Fixture f;
  bson_t *document = BCON_NEW ("_id", BCON_INT32 (5));

  setup (&f, mongo_mock_new (), "", "application/x-ndjson");
  gst_harness_push (f.h, new_message ("{\"a\":1}\n{\"a\":2}\nnone\n{\"a\":3}\n", &f.ledger, 7));
  gst_harness_push (f.h, new_message ("\n", &f.ledger, 8));
  gst_harness_set_src_caps_str (f.h, "application/bson");
  gst_harness_push (f.h, gst_buffer_new_memdup (bson_get_data (document), document->len));
  finish (&f);
  assert_stored (&f, "\"t:3:7\"", "{ \"_id\" : \"t:3:7\", \"a\" : 1 }");
  assert_stored (&f, "\"t:3:7:1\"", "{ \"_id\" : \"t:3:7:1\", \"a\" : 2 }");
  assert_stored (&f, "\"t:3:7:3\"", "{ \"_id\" : \"t:3:7:3\", \"a\" : 3 }");
  assert_stored (&f, "5", "{ \"_id\" : 5 }");
  assert_acks (&f, 2, 0);
  bson_destroy (document);
  teardown (&f);
}
GST_END_TEST;

/* If caps change within a stream of documents, the bytes that are left from before the change are
 * read in the former format. */
GST_START_TEST (test_caps_may_change_within_a_stream_of_documents)
{
  static const gchar bson[] = "\x0e\0\0\0\x10_id\0\x03\0\0\0";
  Fixture f;

  setup (&f, mongo_mock_new (), "", "application/x-ndjson");
  gst_harness_push (f.h, new_text ("{\"_id\":1}\n{\"_id\":2}"));
  gst_harness_set_src_caps_str (f.h, "application/bson");
  gst_harness_push (f.h, gst_buffer_new_memdup (bson, 6));
  gst_harness_push (f.h, gst_buffer_new_memdup (bson + 6, sizeof bson - 6));
  gst_harness_set_src_caps_str (f.h, "application/x-ndjson");
  gst_harness_push (f.h, new_text ("{\"_id\":4"));
  gst_harness_push (f.h, new_text ("}"));
  gst_harness_set_src_caps_str (f.h, "application/json");
  gst_harness_push (f.h, new_text ("{\"_id\":5}"));
  finish (&f);
  assert_stat (&f, "documents", 5);
  assert_stat (&f, "rejected", 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_the_collection_may_depend_on_a_field)
{
  Fixture f;
  g_autofree gchar *warning = NULL;

  setup (&f, mongo_mock_new (), "collection=e-%{camera} batch-latency=60000000000",
      "application/json");
  for (gint i = 0; i < 6; i++) {
    g_autofree gchar *text = g_strdup_printf ("{\"_id\":%d,\"camera\":\"c%d\"}", i, i % 2);

    gst_harness_push (f.h, new_message (text, &f.ledger, i));
  }
  gst_harness_push (f.h, new_message ("{\"camera\":\"$cmd\"}", &f.ledger, 6));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE);
  finish (&f);
  fail_unless_equals_int (mongo_mock_inserts (f.mock), 2);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 6);
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 7, 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_any_buffer_is_wrapped)
{
  Fixture f;
  GstBuffer *buffer;

  setup (&f, mongo_mock_new (), "wrap=true collection=frames-%{headers.camera}",
      "image/jpeg, width=2");
  buffer = new_message ("\xff\xd8", &f.ledger, 4);
  GST_BUFFER_PTS (buffer) = 5 * GST_SECOND;
  gst_kafka_meta_set_headers (
      buffer, "camera", "c1", "capture-time", "1764031440123456789", "$odd", "1", "a.b", "1", NULL);
  gst_harness_push (f.h, buffer);
  finish (&f);
  assert_stored (&f, "\"t:3:4\"",
      "{ \"_id\" : \"t:3:4\", \"caps\" : \"image/jpeg, width=(int)2\", \"pts\" : 5000000000, "
      "\"captured\" : { \"$date\" : \"2025-11-25T00:44:00.123Z\" }, "
      "\"headers\" : { \"camera\" : \"c1\", \"capture-time\" : \"1764031440123456789\" }, "
      "\"other-headers\" : [ { \"name\" : \"$odd\", \"value\" : \"1\" }, "
      "{ \"name\" : \"a.b\", \"value\" : \"1\" } ], "
      "\"data\" : { \"$binary\" : { \"base64\" : \"/9g=\", \"subType\" : \"00\" } } }");
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

static const GstKafkaHeader ODD_HEADERS[] = {
    {.name = "twice", .value = "1", .size = 1},
    {.name = "bytes", .value = "\xff\x00\x01", .size = 3},
    {.name = "nul", .value = "a\0b", .size = 3},
    {.name = "none"},
    {.name = "empty", .value = "", .size = 0},
    {.name = "", .value = "x", .size = 1},
    {.name = "\xff", .value = "y", .size = 1},
    {.name = "twice", .value = "2", .size = 1},
};

/* Headers are kept even if their bytes aren't text, if no field may have their name, or if their
 * name comes twice. */
GST_START_TEST (test_a_wrapped_buffer_keeps_all_headers)
{
  Fixture f;
  GstBuffer *buffer;

  setup (&f, mongo_mock_new (), "wrap=true", "image/jpeg, width=2");
  buffer = new_message ("x", &f.ledger, 4);
  gst_kafka_meta_take_headers (
      buffer, gst_kafka_headers_new_copies (ODD_HEADERS, G_N_ELEMENTS (ODD_HEADERS)));
  gst_harness_push (f.h, buffer);
  finish (&f);
  assert_stored (&f, "\"t:3:4\"",
      "{ \"_id\" : \"t:3:4\", \"caps\" : \"image/jpeg, width=(int)2\", \"headers\" : { "
      "\"bytes\" : { \"$binary\" : { \"base64\" : \"/wAB\", \"subType\" : \"00\" } }, "
      "\"nul\" : { \"$binary\" : { \"base64\" : \"YQBi\", \"subType\" : \"00\" } }, "
      "\"none\" : null, \"empty\" : \"\", \"twice\" : \"2\" }, \"other-headers\" : [ "
      "{ \"name\" : \"twice\", \"value\" : \"1\" }, { \"name\" : \"\", \"value\" : \"x\" }, "
      "{ \"name\" : { \"$binary\" : { \"base64\" : \"/w==\", \"subType\" : \"00\" } }, "
      "\"value\" : \"y\" } ], "
      "\"data\" : { \"$binary\" : { \"base64\" : \"eA==\", \"subType\" : \"00\" } } }");
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_caps_other_than_json_are_refused_without_wrap)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "", "image/jpeg");
  fail_unless_equals_int (
      gst_harness_push (f.h, new_message ("{}", &f.ledger, 0)), GST_FLOW_NOT_NEGOTIATED);
  teardown (&f);
}
GST_END_TEST;

/* Caps that are refused again after other caps were accepted are an error again. */
GST_START_TEST (test_each_refusal_of_caps_is_an_error)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "wrap=true", "image/jpeg");
  for (guint i = 0; i < 2; i++) {
    gst_harness_set_src_caps_str (f.h, "video/x-raw(memory:DMABuf), format=RGB");
    g_free (wait_message (f.bus, GST_MESSAGE_ERROR, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE));
    gst_harness_set_src_caps_str (f.h, "image/jpeg");
  }
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_a_batch_ends_by_size_and_by_time)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "batch-size=5 batch-latency=60000000000", "application/json");
  for (gint i = 0; i < 10; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  fail_unless (mongo_mock_wait_inserts (f.mock, 2));
  finish (&f);
  fail_unless_equals_int (mongo_mock_inserts (f.mock), 2);
  teardown (&f);

  setup (&f, mongo_mock_new (), "batch-size=500 batch-latency=1000000", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 1));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  teardown (&f);

  setup (&f, mongo_mock_new (), "batch-bytes=30 batch-latency=60000000000", "application/json");
  gst_harness_push (f.h, new_message ("{\"text\":\"longer than thirty bytes\"}", &f.ledger, 1));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_an_invalid_document_is_skipped)
{
  Fixture f;
  g_autofree gchar *warning = NULL;

  setup (&f, mongo_mock_new (), "", "application/json");
  for (gint i = 0; i < 100; i++)
    gst_harness_push (f.h, new_message ("poison", &f.ledger, i));
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 100));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE);
  fail_unless (strstr (warning, "t:3:0") != NULL, "%s", warning);
  finish (&f);
  assert_stat (&f, "rejected", 100);
  assert_stat (&f, "unreadable", 100);
  assert_stat (&f, "documents", 1);
  assert_acks (&f, 101, 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_an_invalid_document_fails_with_on_error_fail)
{
  Fixture f;
  g_autofree gchar *error = NULL;

  setup (&f, mongo_mock_new (), "on-error=fail", "application/json");
  fail_unless_equals_int (
      gst_harness_push (f.h, new_message ("poison", &f.ledger, 0)), GST_FLOW_ERROR);
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE);
  assert_acks (&f, 0, 1);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_only_the_refused_document_is_skipped)
{
  Fixture f;
  g_autofree gchar *warning = NULL;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":1,\"n\":2,\"writeErrors\":[{\"index\":1,\"code\":121,"
                           "\"errmsg\":\"Document failed validation\"}]}");
  setup (&f, mock, "batch-latency=1000000000", "application/json");
  for (gint i = 0; i < 3; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  finish (&f);
  fail_unless (strstr (warning, "t:3:1") && strstr (warning, "121"), "%s", warning);
  fail_unless_equals_int (mongo_mock_stored (mock), 2);
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 3, 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_a_refused_document_fails_with_on_error_fail)
{
  Fixture f;
  g_autofree gchar *error = NULL;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":1,\"n\":0,\"writeErrors\":[{\"index\":0,\"code\":121,"
                           "\"errmsg\":\"Document failed validation\"}]}");
  setup (&f, mock, "on-error=fail batch-latency=0", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless_equals_int (gst_harness_push_event (f.h, gst_event_new_eos ()), FALSE);
  assert_acks (&f, 0, 1);
  teardown (&f);
}
GST_END_TEST;

#define REFUSED(i, c) "{\"index\":" #i ",\"code\":" #c ",\"errmsg\":\"refused\"}"

static const gchar *const refused_alike[] = {
    "{\"ok\":0,\"code\":2,\"errmsg\":\"cannot use 'j' option when a host does not have "
    "journaling\"}",
    "{\"ok\":0,\"code\":20,\"errmsg\":\"Transaction numbers are only allowed on a replica set\"}",
    "{\"ok\":0,\"code\":26,\"errmsg\":\"NamespaceNotFound\"}",
    "{\"ok\":1,\"n\":0,\"writeErrors\":[" REFUSED (0, 61) "," REFUSED (1, 61) "," REFUSED (
        2, 61) "]}",
    "{\"ok\":1,\"n\":0,\"writeErrors\":[" REFUSED (0, 48) "," REFUSED (1, 48) "," REFUSED (
        2, 48) "]}",
    "{\"ok\":1,\"n\":3,\"writeConcernError\":{\"code\":79,\"errmsg\":\"unknown write concern "
    "mode\"}}",
};

/* If the server refuses all documents alike, the server or the settings are at fault, so no
 * document is rejected. */
GST_START_TEST (test_an_error_for_all_documents_rejects_no_document)
{
  Fixture f;
  g_autofree gchar *warning = NULL, *error = NULL;
  MongoMock *mock = mongo_mock_new ();

  for (guint i = 0; i < 200; i++)
    mongo_mock_script (mock, refused_alike[__i__]);
  setup (&f, mock, "batch-size=3 batch-latency=60000000000 retry-timeout=1000000000",
      "application/json");
  for (gint i = 0; i < 3; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (warning, "Trying again"), "%s", warning);
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (error, "alike") && strstr (error, "Change what is set"), "%s", error);
  fail_unless_equals_int (gst_harness_push_event (f.h, gst_event_new_eos ()), FALSE);
  assert_stat (&f, "rejected", 0);
  assert_acks (&f, 0, 3);
  teardown (&f);
}
GST_END_TEST;

/* A document that is refused while others of its batch are stored is written again alone, and is
 * rejected if it is refused again. */
GST_START_TEST (test_an_error_for_one_document_rejects_it)
{
  Fixture f;
  gboolean at_fault = __i__;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":1,\"n\":2,\"writeErrors\":[" REFUSED (1, 61) "]}");
  if (at_fault)
    mongo_mock_script (mock, "{\"ok\":1,\"n\":0,\"writeErrors\":[" REFUSED (0, 61) "]}");
  setup (&f, mock, "batch-size=3 batch-latency=60000000000", "application/json");
  for (gint i = 0; i < 3; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (mock), at_fault ? 2 : 3);
  assert_stat (&f, "rejected", at_fault);
  assert_acks (&f, 3, 0);
  teardown (&f);
}
GST_END_TEST;

/* A document that is refused alone is rejected only when a later document was stored, which shows
 * that the server isn't at fault. */
GST_START_TEST (test_a_document_refused_alone_is_rejected_once_a_later_one_is_stored)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":1,\"n\":0,\"writeErrors\":[" REFUSED (0, 61) "]}");
  mongo_mock_script (mock, "{\"ok\":1,\"n\":0,\"writeErrors\":[" REFUSED (0, 61) "]}");
  mongo_mock_script (mock, "{\"ok\":1,\"n\":1,\"writeErrors\":[" REFUSED (0, 61) "]}");
  mongo_mock_script (mock, "{\"ok\":1,\"n\":0,\"writeErrors\":[" REFUSED (0, 61) "]}");
  setup (&f, mock, "batch-latency=0", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  fail_unless (mongo_mock_wait_inserts (mock, 2));
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 1));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (mock), 1);
  assert_stat (&f, "rejected", 1);
  teardown (&f);
}
GST_END_TEST;

static void
wait_stat (Fixture *f, const gchar *name, guint64 expected)
{
  gint64 deadline = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;

  while (get_stat (f, name) != expected && g_get_monotonic_time () < deadline)
    g_usleep (5000);
  assert_stat (f, name, expected);
}

/* A refused document is rejected if another connection stores later documents in the same
 * collection. Later documents in another collection don't show that the refused one is at fault, so
 * it is retried until the limit. */
GST_START_TEST (test_a_refused_document_is_rejected_once_another_connection_stores)
{
  static const gchar *const others[] = {"{\"to\":\"one\"}", "{\"to\":\"other\"}"};
  static const gchar *const settings[] = {"retry-timeout=60000000000", "retry-timeout=500000000"};
  gboolean of_the_same = __i__ == 0;
  g_autofree gchar *all =
      g_strconcat ("connections=2 collection=%{to} batch-latency=0 ", settings[__i__], NULL);
  Fixture f;

  setup (&f, mongo_mock_new (), all, "application/json");
  gst_harness_push (f.h, new_message ("{\"to\":\"one\",\"refused\":16755}", &f.ledger, 0));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  for (gint i = 1; i <= 20 && get_stat (&f, "rejected") == 0; i++) {
    gst_harness_push (f.h, new_message (others[__i__], &f.ledger, i));
    wait_stat (&f, "documents", (guint64) i);
  }
  if (of_the_same)
    wait_stat (&f, "rejected", 1);
  else
    g_free (wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE));
  assert_stat (&f, "rejected", of_the_same);
  teardown (&f);
}
GST_END_TEST;

/* A server that reports an internal error for a batch, as when its disk is full, may only be unable
 * to handle one document: only that document is rejected. */
GST_START_TEST (test_only_the_documents_that_cause_an_internal_error_are_rejected)
{
  static const gchar *const texts[] = {"{}", "{\"breaks\":1}", "{}", "{\"breaks\":1}", "{}"};
  Fixture f;

  setup (&f, mongo_mock_new (), "batch-size=5 batch-latency=60000000000", "application/json");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    gst_harness_push (f.h, new_message (texts[i], &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 3);
  assert_stat (&f, "rejected", 2);
  assert_acks (&f, 5, 0);
  teardown (&f);
}
GST_END_TEST;

/* A document for which the server reports an internal error is rejected when later documents were
 * stored. */
GST_START_TEST (test_a_document_with_an_internal_error_is_rejected_once_later_ones_are_stored)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "batch-latency=0 retry-timeout=60000000000", "application/json");
  gst_harness_push (f.h, new_message ("{\"refused\":1}", &f.ledger, 0));
  for (gint i = 1; i <= 6 && get_stat (&f, "rejected") == 0; i++) {
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
    wait_stat (&f, "documents", (guint64) i);
  }
  wait_stat (&f, "rejected", 1);
  teardown (&f);
}
GST_END_TEST;

/* The server's disk is full, has space for half of a batch, and is full again: no document is at
 * fault. */
GST_START_TEST (test_a_full_disk_rejects_no_document)
{
  const gchar *full = "{\"ok\":0,\"code\":1,\"errmsg\":\"database or disk is full\"}";
  MongoMock *mock = mongo_mock_new ();
  Fixture f;

  for (guint i = 0; i < 3; i++)
    mongo_mock_script (mock, full);
  mongo_mock_script (mock, "{\"ok\":1,\"n\":2}");
  for (guint i = 0; i < 20; i++)
    mongo_mock_script (mock, full);
  setup (&f, mock, "batch-size=4 batch-latency=60000000000", "application/json");
  for (gint i = 0; i < 4; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  fail_unless (mongo_mock_wait_inserts (mock, 12));
  assert_stat (&f, "rejected", 0);
  assert_stat (&f, "documents", 2);
  teardown (&f);
}
GST_END_TEST;

/* If the server refuses a whole batch because of one document, the batch is split until only this
 * document is refused. */
GST_START_TEST (test_a_refused_batch_is_split)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();
  const gchar *too_large = "{\"ok\":0,\"code\":10334,\"errmsg\":\"BSONObjectTooLarge\"}";

  mongo_mock_script (mock, too_large);            /* 0 1 2 3 */
  mongo_mock_script (mock, too_large);            /* 0 1 */
  mongo_mock_script (mock, "{\"ok\":1,\"n\":1}"); /* 0 */
  mongo_mock_script (mock, too_large);            /* 1 */
  setup (&f, mock, "batch-size=4 batch-latency=60000000000", "application/json");
  for (gint i = 0; i < 4; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (mock), 3);
  assert_stored (&f, "\"t:3:1\"", NULL);
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 4, 0);
  teardown (&f);
}
GST_END_TEST;

static void
assert_reject (GstBuffer *buffer, const gchar *text, const gchar *code)
{
  const gchar *reason = gst_kafka_meta_get_header (buffer, "reject-reason");

  fail_unless (gst_buffer_get_size (buffer) == strlen (text) &&
               gst_buffer_memcmp (buffer, 0, text, strlen (text)) == 0);
  fail_unless (reason && *reason);
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "reject-code"), code);
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "mine"), "kept");
}

/* The message of a rejected document is marked by the elements behind the pad rejects, and not by
 * mongosink. */
GST_START_TEST (test_rejects_leave_by_the_pad_rejects)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();
  GstElement *sink;
  GstHarness *rejects;
  GstBuffer *buffer;

  mongo_mock_script (mock, "{\"ok\":1,\"n\":1,\"writeErrors\":[{\"index\":1,\"code\":121,"
                           "\"errmsg\":\"Document failed validation\"}]}");
  setup (&f, mock, "on-error=fail batch-latency=1000000000", "application/x-ndjson");
  sink = gst_harness_find_element (f.h, "mongosink");
  rejects = gst_harness_new_with_element (sink, NULL, "rejects");
  gst_harness_play (rejects);
  buffer = new_message ("{\"_id\":1}\npoison\n{\"_id\":2}\n", &f.ledger, 0);
  gst_kafka_meta_set_headers (buffer, "mine", "kept", NULL);
  fail_unless_equals_int (gst_harness_push (f.h, buffer), GST_FLOW_OK);
  buffer = gst_harness_pull (rejects);
  assert_reject (buffer, "poison", NULL);
  gst_buffer_unref (buffer);
  finish (&f);
  buffer = gst_harness_pull (rejects);
  assert_reject (buffer, "{\"_id\":2}", "121");
  assert_acks (&f, 0, 0);
  gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
  gst_buffer_unref (buffer);
  assert_acks (&f, 0, 1);
  fail_unless_equals_int (mongo_mock_stored (mock), 1);
  fail_unless (gst_harness_try_pull (rejects) == NULL);
  gst_harness_teardown (rejects);
  gst_object_unref (sink);
  teardown (&f);
}
GST_END_TEST;

/* A message with three documents, one of which leaves as a reject, gets the outcome of the reject's
 * buffer, although the two other documents are stored. */
GST_START_TEST (test_the_message_of_a_reject_gets_the_outcome_of_the_rejects_buffer)
{
  static const GstKafkaAckOutcome outcomes[] = {
      GST_KAFKA_ACK_UNDECIDED, GST_KAFKA_ACK_DONE, GST_KAFKA_ACK_FAILED};

  for (guint i = 0; i < G_N_ELEMENTS (outcomes); i++) {
    Fixture f;
    GstElement *sink;
    GstHarness *rejects;
    GstBuffer *buffer;

    setup (&f, mongo_mock_new (), "", "application/x-ndjson");
    sink = gst_harness_find_element (f.h, "mongosink");
    rejects = gst_harness_new_with_element (sink, NULL, "rejects");
    gst_harness_play (rejects);
    gst_harness_push (f.h, new_message ("{\"_id\":1}\npoison\n{\"_id\":2}\n", &f.ledger, 0));
    finish (&f);
    buffer = gst_harness_pull (rejects);
    assert_acks (&f, 0, 0);
    gst_kafka_meta_mark (buffer, outcomes[i]);
    gst_buffer_unref (buffer);
    fail_unless_equals_int (g_atomic_int_get (&f.ledger.undecided), i == 0);
    fail_unless_equals_int (g_atomic_int_get (&f.ledger.done), i == 1);
    fail_unless_equals_int (g_atomic_int_get (&f.ledger.failed), i == 2);
    fail_unless_equals_int (mongo_mock_stored (f.mock), 2);
    gst_harness_teardown (rejects);
    gst_object_unref (sink);
    teardown (&f);
  }
}
GST_END_TEST;

/* A buffer without bytes holds no document, and a reject of it has no memory. */
GST_START_TEST (test_an_empty_buffer_leaves_by_the_pad_rejects)
{
  Fixture f;
  GstElement *sink;
  GstHarness *rejects;
  GstBuffer *buffer;

  setup (&f, mongo_mock_new (), "", "application/json");
  sink = gst_harness_find_element (f.h, "mongosink");
  rejects = gst_harness_new_with_element (sink, NULL, "rejects");
  gst_harness_play (rejects);
  gst_harness_push (f.h, new_message ("", &f.ledger, 0));
  buffer = gst_harness_pull (rejects);
  fail_unless_equals_uint64 (gst_buffer_get_size (buffer), 0);
  fail_unless (gst_kafka_meta_get_header (buffer, "reject-reason"));
  gst_buffer_unref (buffer);
  finish (&f);
  gst_harness_teardown (rejects);
  gst_object_unref (sink);
  teardown (&f);
}
GST_END_TEST;

/* Rejects pass again after EOS and a flush, as when an application seeks back. */
GST_START_TEST (test_rejects_leave_again_after_eos_and_a_flush)
{
  Fixture f;
  GstElement *sink, *behind = gst_element_factory_make ("fakesink", NULL);
  GstPad *pad, *peer = gst_element_get_static_pad (behind, "sink");
  GstSegment segment;

  setup (&f, mongo_mock_new (), "", "application/json");
  sink = gst_harness_find_element (f.h, "mongosink");
  g_object_set (behind, "async", FALSE, "enable-last-sample", FALSE, NULL);
  gst_element_set_state (behind, GST_STATE_PLAYING);
  pad = gst_element_request_pad_simple (sink, "rejects");
  fail_unless (gst_pad_link_full (pad, peer, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK);
  gst_harness_push (f.h, new_message ("poison", &f.ledger, 0));
  finish (&f);
  gst_harness_push_event (f.h, gst_event_new_flush_start ());
  gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  for (gint i = 1; i < 20; i++) {
    fail_unless_equals_int (
        gst_harness_push (f.h, new_message ("poison", &f.ledger, i)), GST_FLOW_OK);
    while (g_atomic_int_get (&f.ledger.undecided) + g_atomic_int_get (&f.ledger.failed) <= i)
      g_usleep (1000);
  }
  fail_unless_equals_int (g_atomic_int_get (&f.ledger.failed), 0);
  gst_element_set_state (behind, GST_STATE_NULL);
  gst_element_release_request_pad (sink, pad);
  gst_object_unref (peer);
  gst_object_unref (pad);
  gst_object_unref (sink);
  teardown (&f);
  gst_object_unref (behind);
}
GST_END_TEST;

static gpointer
push_poison (gpointer data)
{
  Fixture *f = data;
  GstFlowReturn flow = GST_FLOW_OK;

  for (gint i = 0; i < 3000 && flow == GST_FLOW_OK; i++)
    flow = gst_harness_push (f->h, new_message ("poison", &f->ledger, i));
  return GINT_TO_POINTER (flow);
}

/* State changes of mongosink don't wait for the elements behind the pad rejects, which may be
 * paused, or wait for a server. */
GST_START_TEST (test_blocked_rejects_delay_no_state_change)
{
  Fixture f;
  GstElement *sink, *stuck = gst_element_factory_make ("fakesink", NULL);
  GstPad *pad, *peer;
  GThread *pusher;

  setup (&f, mongo_mock_new (), "", "application/json");
  sink = gst_harness_find_element (f.h, "mongosink");
  g_object_set (stuck, "async", FALSE, NULL);
  gst_element_set_state (stuck, GST_STATE_PAUSED);
  pad = gst_element_request_pad_simple (sink, "rejects");
  peer = gst_element_get_static_pad (stuck, "sink");
  fail_unless (gst_pad_link_full (pad, peer, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK);
  pusher = g_thread_new ("pusher", push_poison, &f);
  while (get_stat (&f, "rejected") < 1000)
    g_usleep (1000);
  gst_element_set_state (f.h->element, GST_STATE_PAUSED);
  gst_element_set_state (f.h->element, GST_STATE_PLAYING);
  gst_element_set_state (f.h->element, GST_STATE_PAUSED);
  /* a bin changes the state of the element behind first */
  gst_element_set_state (stuck, GST_STATE_NULL);
  assert_stops_soon (&f);
  g_thread_join (pusher);
  fail_unless (g_atomic_int_get (&f.ledger.failed) >= 1000);
  fail_unless_equals_int (g_atomic_int_get (&f.ledger.done), 0);
  gst_element_release_request_pad (sink, pad);
  gst_object_unref (peer);
  gst_object_unref (pad);
  gst_object_unref (sink);
  teardown (&f);
  gst_object_unref (stuck);
}
GST_END_TEST;

/* If a document makes the server close the connection, only this document is rejected. */
GST_START_TEST (test_only_the_document_that_closes_the_connection_is_rejected)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "batch-latency=500000000", "application/json");
  for (gint i = 0; i < 20; i++)
    gst_harness_push (f.h, new_message (i == 13 ? "{\"poison\":1}" : "{}", &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 19);
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 20, 0);
  teardown (&f);
}
GST_END_TEST;

/* If the server, or a proxy before it, closes the connection at every write, no document is
 * rejected, and the sink ends with an error after retry-timeout. */
GST_START_TEST (test_a_server_that_closes_every_connection_rejects_no_document)
{
  Fixture f;
  g_autofree gchar *error = NULL;

  setup (&f, mongo_mock_new (), "retry-timeout=1000000000", "application/json");
  for (gint i = 0; i < 5; i++)
    gst_harness_push (f.h, new_message ("{\"poison\":1}", &f.ledger, i));
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (error, "retry-timeout") != NULL);
  assert_stat (&f, "rejected", 0);
  fail_unless_equals_int (g_atomic_int_get (&f.ledger.done), 0);
  teardown (&f);
}
GST_END_TEST;

/* A document at which the server closes the connection is retried alone, and is rejected when later
 * documents were stored. */
GST_START_TEST (test_a_document_that_closes_the_connection_is_rejected_once_later_ones_are_stored)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "batch-latency=0", "application/json");
  gst_harness_push (f.h, new_message ("{\"poison\":1}", &f.ledger, 0));
  while (get_stat (&f, "retries") < 3)
    g_usleep (1000);
  assert_stat (&f, "rejected", 0);
  for (gint i = 1; i < 4; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 3);
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 4, 0);
  teardown (&f);
}
GST_END_TEST;

/* A document that closes the connection is rejected although the other connection stores the last
 * document of the stream before the first document counts as refused, which takes three tries. With
 * batch-size=1 the connection of the first document takes no other one. */
GST_START_TEST (test_a_document_that_closes_the_connection_is_rejected_after_the_others_are_stored)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "connections=2 batch-size=1", "application/json");
  gst_harness_push (f.h, new_message ("{\"poison\":1}", &f.ledger, 0));
  while (get_stat (&f, "retries") < 1)
    g_usleep (1000);
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 1));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 1);
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 2, 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_a_write_that_fails_temporarily_is_retried)
{
  Fixture f;
  g_autofree gchar *warning = NULL;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":0,\"code\":10107,\"errmsg\":\"not primary\"}");
  /* The documents are stored, but the connection is closed before the acknowledgement. */
  mongo_mock_script (mock, "");
  mongo_mock_script (
      mock, "{\"ok\":1,\"n\":2,\"writeConcernError\":{\"code\":64,\"errmsg\":\"timed out\"}}");
  setup (&f, mock, "", "application/json");
  for (gint i = 0; i < 2; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  gst_harness_push (f.h, new_text ("{\"without\":\"id\"}"));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  finish (&f);
  fail_unless (strstr (warning, "not primary") != NULL);
  fail_unless_equals_int (mongo_mock_stored (mock), 3);
  assert_stat (&f, "retries", 3);
  assert_stat (&f, "rejected", 0);
  assert_acks (&f, 2, 0);
  teardown (&f);
}
GST_END_TEST;

/* Writes documents into a database whose writes take longer than the connection's timeout of 200
 * ms. */
static void
write_slowly (guint write_ms, guint document_ms, gint documents)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();
  g_autofree gchar *uri = mongo_mock_uri (mock, "");
  g_autofree gchar *settings =
      g_strdup_printf ("uri=%s/?socketTimeoutMS=200 batch-latency=60000000000 "
                       "retry-timeout=15000000000 drain-timeout=60000000000",
          uri);

  mongo_mock_slow_down (mock, write_ms, document_ms);
  setup (&f, mock, settings, "application/json");
  for (gint i = 0; i < documents; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (mock), documents);
  fail_unless (get_stat (&f, "retries") > 0);
  assert_stat (&f, "rejected", 0);
  assert_acks (&f, documents, 0);
  teardown (&f);
}

GST_START_TEST (test_a_slow_database_gets_smaller_batches_and_more_time)
{
  write_slowly (0, 25, 40);
  write_slowly (1000, 0, 3);
}
GST_END_TEST;

GST_START_TEST (test_retries_end_after_retry_timeout)
{
  Fixture f;
  g_autofree gchar *error = NULL;
  MongoMock *mock = mongo_mock_new ();

  for (gint i = 0; i < 100; i++)
    mongo_mock_script (mock, "{\"ok\":0,\"code\":10107,\"errmsg\":\"not primary\"}");
  setup (&f, mock, "retry-timeout=300000000", "application/json");
  for (gint i = 0; i < 3; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (error, "retry-timeout") != NULL, "%s", error);
  fail_if (gst_harness_push_event (f.h, gst_event_new_eos ()));
  assert_acks (&f, 0, 3);
  teardown (&f);
}
GST_END_TEST;

/* With several connections, all documents are stored, and a failure of all connections is posted as
 * one error. */
GST_START_TEST (test_several_connections_write_batches_at_the_same_time)
{
  Fixture f;
  g_autofree gchar *error = NULL;
  MongoMock *mock;

  setup (&f, mongo_mock_new (), "connections=4 batch-size=5", "application/json");
  for (gint i = 0; i < 500; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 500);
  fail_unless (mongo_mock_most_at_once (f.mock) > 1);
  assert_stat (&f, "documents", 500);
  assert_stat (&f, "waiting", 0);
  assert_acks (&f, 500, 0);
  teardown (&f);

  mock = mongo_mock_new ();
  for (gint i = 0; i < 1000; i++)
    mongo_mock_script (mock, "{\"ok\":0,\"code\":10107,\"errmsg\":\"not primary\"}");
  setup (&f, mock, "connections=4 batch-size=5 retry-timeout=300000000", "application/json");
  for (gint i = 0; i < 20; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_if (gst_harness_push_event (f.h, gst_event_new_eos ()));
  assert_stops_soon (&f);
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR));
  assert_acks (&f, 0, 20);
  teardown (&f);
}
GST_END_TEST;

/* A right that is missing at the start is an error, and rejects no document, because otherwise all
 * documents would be lost. */
GST_START_TEST (test_a_missing_right_is_an_error_at_the_start)
{
  Fixture f;
  g_autofree gchar *error = NULL;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":0,\"code\":13,\"errmsg\":\"not authorized on fog\"}");
  setup (&f, mock, "batch-latency=0", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  error = wait_message (
      f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED);
  fail_if (gst_harness_push_event (f.h, gst_event_new_eos ()));
  assert_acks (&f, 0, 1);
  teardown (&f);
}
GST_END_TEST;

/* If a right is withdrawn while the sink plays, documents wait, because the right may be granted
 * again. */
GST_START_TEST (test_the_sink_waits_for_a_right_that_was_withdrawn)
{
  Fixture f;
  g_autofree gchar *warning = NULL;

  setup (&f, mongo_mock_new (), "batch-latency=0", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  mongo_mock_script (f.mock, "{\"ok\":0,\"code\":13,\"errmsg\":\"not authorized on fog\"}");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 1));
  warning = wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (gst_harness_push_event (f.h, gst_event_new_eos ()));
  assert_acks (&f, 2, 0);
  teardown (&f);
}
GST_END_TEST;

static gpointer
push_many (gpointer data)
{
  Fixture *f = data;
  GstFlowReturn flow = GST_FLOW_OK;

  for (gint i = 0; i < 100 && flow == GST_FLOW_OK; i++)
    flow = gst_harness_push (f->h, new_message ("{}", &f->ledger, i));
  return GINT_TO_POINTER (flow);
}

GST_START_TEST (test_a_frozen_server_delays_no_state_change)
{
  Fixture f;
  GThread *pusher;

  setup (&f, mongo_mock_new (), "batch-size=1", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 1000));
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  mongo_mock_freeze (f.mock, TRUE);
  pusher = g_thread_new ("pusher", push_many, &f);
  g_usleep (200000);
  gst_element_set_state (f.h->element, GST_STATE_PAUSED);
  gst_element_set_state (f.h->element, GST_STATE_PLAYING);
  assert_stops_soon (&f);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (pusher)), GST_FLOW_FLUSHING);
  fail_unless (g_atomic_int_get (&f.ledger.failed) > 0);
  fail_unless_equals_int (g_atomic_int_get (&f.ledger.undecided), 0);
  mongo_mock_freeze (f.mock, FALSE);
  teardown (&f);
}
GST_END_TEST;

static gpointer
push_eos (gpointer data)
{
  Fixture *f = data;

  return GINT_TO_POINTER (gst_harness_push_event (f->h, gst_event_new_eos ()));
}

GST_START_TEST (test_eos_waits_for_a_frozen_server_up_to_drain_timeout)
{
  Fixture f;
  g_autofree gchar *error = NULL;
  GThread *eos;

  setup (&f, mongo_mock_new (), "drain-timeout=300000000", "application/json");
  mongo_mock_freeze (f.mock, TRUE);
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  fail_if (push_eos (&f));
  error = wait_message (f.bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (error, "drain-timeout") != NULL, "%s", error);
  assert_stops_soon (&f);
  assert_acks (&f, 0, 1);
  teardown (&f);

  setup (&f, mongo_mock_new (), "drain-timeout=60000000000", "application/json");
  mongo_mock_freeze (f.mock, TRUE);
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  eos = g_thread_new ("eos", push_eos, &f);
  g_usleep (100000);
  assert_stops_soon (&f);
  g_thread_join (eos);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_a_stop_without_eos_writes_the_waiting_documents)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "batch-latency=60000000000", "application/json");
  for (gint i = 0; i < 10; i++)
    gst_harness_push (f.h, new_message ("{}", &f.ledger, i));
  gst_element_set_state (f.h->element, GST_STATE_NULL);
  fail_unless_equals_int (mongo_mock_stored (f.mock), 10);
  assert_acks (&f, 10, 0);
  assert_stat (&f, "documents", 10);
  teardown (&f);
}
GST_END_TEST;

static void
assert_error_at_start (const gchar *uri, gint code, gboolean refuses_state)
{
  GstElement *sink = gst_element_factory_make ("mongosink", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;
  gchar *debug = NULL;
  gint64 start = g_get_monotonic_time ();

  gst_element_set_bus (sink, bus);
  g_object_set (sink, "uri", uri, NULL);
  fail_unless_equals_int (
      gst_element_set_state (sink, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE, refuses_state);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, &debug);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s", error->message);
  fail_if (strstr (error->message, "hunter2") || strstr (debug, "hunter2"), "%s", error->message);
  fail_unless (g_get_monotonic_time () - start < 28 * G_USEC_PER_SEC);
  g_error_free (error);
  g_free (debug);
  gst_message_unref (message);
  gst_element_set_state (sink, GST_STATE_NULL);
  fail_if (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR));
  gst_element_set_bus (sink, NULL);
  gst_object_unref (bus);
  gst_object_unref (sink);
}

GST_START_TEST (test_errors_at_start)
{
  MongoMock *mock = mongo_mock_new ();
  g_autofree gchar *guarded = mongo_mock_uri (mock, "me:hunter2@");
  MongoMock *gone = mongo_mock_new ();
  g_autofree gchar *nobody = mongo_mock_uri (gone, "");

  mongo_mock_free (gone);
  assert_error_at_start (nobody, GST_RESOURCE_ERROR_OPEN_WRITE, FALSE);
  assert_error_at_start (guarded, GST_RESOURCE_ERROR_NOT_AUTHORIZED, FALSE);
  assert_error_at_start ("mongodb://me:hunter2%zz@h", GST_RESOURCE_ERROR_SETTINGS, TRUE);
  mongo_mock_free (mock);
}
GST_END_TEST;

static void
restart (Fixture *f)
{
  GstSegment segment;

  gst_element_set_state (f->h->element, GST_STATE_READY);
  gst_element_set_state (f->h->element, GST_STATE_PLAYING);
  gst_harness_push_event (f->h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (f->h, "application/json");
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f->h, gst_event_new_segment (&segment));
}

GST_START_TEST (test_the_element_starts_and_stops_repeatedly)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "", "application/json");
  assert_stat (&f, "documents", 0);
  for (gint round = 0; round < 5; round++) {
    gst_harness_push (f.h, new_message ("{}", &f.ledger, round));
    gst_element_set_state (f.h->element, GST_STATE_READY);
    assert_stat (&f, "documents", 1);
    restart (&f);
  }
  fail_unless_equals_int (mongo_mock_stored (f.mock), 5);
  assert_acks (&f, 5, 0);
  teardown (&f);
}
GST_END_TEST;

/* Properties that an application changes while documents pass apply when the element starts
 * again. */
GST_START_TEST (test_changed_settings_apply_at_the_next_start)
{
  Fixture f;
  GstElement *sink;

  setup (&f, mongo_mock_new (), "collection=first-%{camera}", "application/json");
  sink = gst_harness_find_element (f.h, "mongosink");
  for (gint i = 0; i < 100; i++) {
    gst_harness_push (f.h, new_message ("{\"camera\":\"a\"}", &f.ledger, i));
    g_object_set (sink, "collection", "second", "wrap", TRUE, "mode", 3 /* gridfs */, NULL);
  }
  fail_unless (mongo_mock_wait_inserts (f.mock, 1));
  assert_asked (&f, "insert", "\"insert\" : \"first-a\"");
  g_object_set (sink, "wrap", FALSE, "mode", 0, NULL);
  restart (&f);
  assert_stat (&f, "documents", 0);
  gst_harness_push (f.h, new_message ("{\"camera\":\"a\"}", &f.ledger, 100));
  finish (&f);
  assert_asked (&f, "insert", "\"insert\" : \"second\"");
  fail_unless_equals_int (mongo_mock_stored (f.mock), 101);
  assert_acks (&f, 101, 0);
  gst_object_unref (sink);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_the_password_in_the_uri_cannot_be_read_back)
{
  GstElement *sink = gst_element_factory_make ("mongosink", NULL);
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (sink), "uri");

  fail_unless (pspec && !(pspec->flags & G_PARAM_READABLE));
  gst_object_unref (sink);
}
GST_END_TEST;

/* A name that an application sets to NULL has its default. */
GST_START_TEST (test_unset_names_have_their_defaults)
{
  static const gchar *names[][2] = {
      {"collection", "events"}, {"expire-field", "captured"}, {"database", NULL}};
  GstElement *sink = gst_element_factory_make ("mongosink", NULL);

  g_object_set (sink, "expire-after", 60, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *value = NULL;

    g_object_set (sink, names[i][0], NULL, NULL);
    g_object_get (sink, names[i][0], &value, NULL);
    fail_unless_equals_string (value, names[i][1]);
  }
  fail_if (gst_element_set_state (sink, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_object_unref (sink);
}
GST_END_TEST;

static Suite *
mongosink_suite (void)
{
  Suite *s = suite_create ("mongosink");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_documents_of_a_replay_are_stored_once);
  tcase_add_test (tc, test_documents_of_a_topic_that_is_created_again_leave_as_rejects);
  tcase_add_test (
      tc, test_wrapped_buffers_with_the_offset_but_not_the_bytes_of_a_stored_one_are_rejected);
  tcase_add_test (tc, test_a_document_with_a_known_id_of_its_own_is_a_duplicate);
  tcase_add_test (tc, test_lines_and_bson);
  tcase_add_test (tc, test_caps_may_change_within_a_stream_of_documents);
  tcase_add_test (tc, test_the_collection_may_depend_on_a_field);
  tcase_add_test (tc, test_any_buffer_is_wrapped);
  tcase_add_test (tc, test_a_wrapped_buffer_keeps_all_headers);
  tcase_add_test (tc, test_caps_other_than_json_are_refused_without_wrap);
  tcase_add_test (tc, test_each_refusal_of_caps_is_an_error);
  tcase_add_test (tc, test_a_batch_ends_by_size_and_by_time);
  tcase_add_test (tc, test_an_invalid_document_is_skipped);
  tcase_add_test (tc, test_an_invalid_document_fails_with_on_error_fail);
  tcase_add_test (tc, test_only_the_refused_document_is_skipped);
  tcase_add_test (tc, test_a_refused_document_fails_with_on_error_fail);
  tcase_add_loop_test (
      tc, test_an_error_for_all_documents_rejects_no_document, 0, G_N_ELEMENTS (refused_alike));
  tcase_add_loop_test (tc, test_an_error_for_one_document_rejects_it, 0, 2);
  tcase_add_test (tc, test_a_document_refused_alone_is_rejected_once_a_later_one_is_stored);
  tcase_add_loop_test (
      tc, test_a_refused_document_is_rejected_once_another_connection_stores, 0, 2);
  tcase_add_test (tc, test_only_the_documents_that_cause_an_internal_error_are_rejected);
  tcase_add_test (
      tc, test_a_document_with_an_internal_error_is_rejected_once_later_ones_are_stored);
  tcase_add_test (tc, test_a_full_disk_rejects_no_document);
  tcase_add_test (tc, test_a_refused_batch_is_split);
  tcase_add_test (tc, test_rejects_leave_by_the_pad_rejects);
  tcase_add_test (tc, test_an_empty_buffer_leaves_by_the_pad_rejects);
  tcase_add_test (tc, test_the_message_of_a_reject_gets_the_outcome_of_the_rejects_buffer);
  tcase_add_test (tc, test_rejects_leave_again_after_eos_and_a_flush);
  tcase_add_test (tc, test_blocked_rejects_delay_no_state_change);
  tcase_add_test (tc, test_only_the_document_that_closes_the_connection_is_rejected);
  tcase_add_test (tc, test_a_server_that_closes_every_connection_rejects_no_document);
  tcase_add_test (
      tc, test_a_document_that_closes_the_connection_is_rejected_once_later_ones_are_stored);
  tcase_add_test (
      tc, test_a_document_that_closes_the_connection_is_rejected_after_the_others_are_stored);
  tcase_add_test (tc, test_a_write_that_fails_temporarily_is_retried);
  tcase_add_test (tc, test_a_slow_database_gets_smaller_batches_and_more_time);
  tcase_add_test (tc, test_retries_end_after_retry_timeout);
  tcase_add_test (tc, test_several_connections_write_batches_at_the_same_time);
  tcase_add_test (tc, test_a_missing_right_is_an_error_at_the_start);
  tcase_add_test (tc, test_the_sink_waits_for_a_right_that_was_withdrawn);
  tcase_add_test (tc, test_a_frozen_server_delays_no_state_change);
  tcase_add_test (tc, test_eos_waits_for_a_frozen_server_up_to_drain_timeout);
  tcase_add_test (tc, test_a_stop_without_eos_writes_the_waiting_documents);
  tcase_add_test (tc, test_errors_at_start);
  tcase_add_test (tc, test_the_element_starts_and_stops_repeatedly);
  tcase_add_test (tc, test_changed_settings_apply_at_the_next_start);
  tcase_add_test (tc, test_the_password_in_the_uri_cannot_be_read_back);
  tcase_add_test (tc, test_unset_names_have_their_defaults);
  return s;
}

GST_CHECK_MAIN (mongosink);
