/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests mongosink with other writes than plain inserts: upserts, files, time series, and unique
 * indexes that the server doesn't name. */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "mongofixture.h"

#define DUPLICATE                                                                                  \
  "{\"index\":0,\"code\":11000,\"errmsg\":\"E11000 duplicate key error collection: a.b\"}"
#define ONE_WRITE_ERROR(error) "{\"ok\":1,\"n\":0,\"writeErrors\":[" error "]}"
#define LIST(documents)                                                                            \
  "{\"ok\":1,\"cursor\":{\"id\":0,\"ns\":\"fog.events\",\"firstBatch\":[" documents "]}}"

/* --- upserts --- */

GST_START_TEST (test_mode_replace_keeps_the_latest_document)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "mode=replace batch-latency=60000000000", "application/json");
  for (gint i = 0; i < 3; i++) {
    g_autofree gchar *text = g_strdup_printf ("{\"_id\":\"cam\",\"n\":%d}", i);

    gst_harness_push (f.h, new_message (text, &f.ledger, i));
  }
  gst_harness_push (f.h, new_message ("{\"_id\":\"other\"}", &f.ledger, 3));
  finish (&f);
  assert_stored (&f, "\"cam\"", "{ \"_id\" : \"cam\", \"n\" : 2 }");
  fail_unless_equals_int (mongo_mock_stored (f.mock), 2);
  fail_unless_equals_int (
      /* three writes, because documents with the same `_id` are written one after the other */
      mongo_mock_inserts (f.mock), 3);
  assert_stat (&f, "documents", 4);
  assert_acks (&f, 4, 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_mode_update_sets_the_documents_fields)
{
  Fixture f;

  setup (&f, mongo_mock_new (), "mode=update", "application/x-ndjson");
  gst_harness_push (f.h, new_message ("{\"_id\":7,\"faces\":2}\n{\"_id\":8}\n", &f.ledger, 0));
  finish (&f);
  assert_stored (&f, "7", "{ \"$set\" : { \"faces\" : 2 } }");
  assert_stored (&f, "8", "{ \"$setOnInsert\" : { \"_id\" : 8 } }");
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* If another writer inserts the same `_id` at the same moment, the server refuses the upsert as a
 * duplicate, and it is written again, so that its document replaces the other one. */
GST_START_TEST (test_an_upsert_that_loses_a_race_is_retried)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock,
      ONE_WRITE_ERROR ("{\"index\":0,\"code\":11000,\"errmsg\":\"x\",\"keyPattern\":{\"_id\":1}}"));
  setup (&f, mock, "mode=replace", "application/json");
  gst_harness_push (f.h, new_message ("{\"_id\":1,\"a\":2}", &f.ledger, 0));
  finish (&f);
  assert_stored (&f, "1", "{ \"_id\" : 1, \"a\" : 2 }");
  assert_stat (&f, "retries", 1);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* --- files --- */

#define CHUNK (255 * 1024)

static GstBuffer *
new_frame (Fixture *f, gsize size, gint64 offset)
{
  g_autofree gchar *bytes = g_strnfill (size, 'x');
  GstBuffer *buffer = new_message (bytes, &f->ledger, offset);

  GST_BUFFER_PTS (buffer) = 5 * GST_SECOND;
  gst_kafka_meta_set_headers (buffer, "camera", "c1", "session", "s", "seq", "9", NULL);
  return buffer;
}

GST_START_TEST (test_a_file_that_is_sent_twice_is_stored_once)
{
  Fixture f;
  g_autofree gchar *file = NULL;

  setup (&f, mongo_mock_new (), "mode=gridfs collection=pictures", "image/jpeg");
  for (gint i = 0; i < 2; i++)
    gst_harness_push (f.h, new_frame (&f, 2 * CHUNK + 10, i));
  finish (&f);
  /* three chunks, and one document of the file, although the frame was sent twice */
  fail_unless_equals_int (mongo_mock_stored (f.mock), 4);
  file = mongo_mock_find (f.mock, "\"c1:s:9\"");
  fail_unless (file && strstr (file, "\"length\" : 522250, \"chunkSize\" : 261120"), "%s", file);
  fail_unless (strstr (file, "\"filename\" : \"c1:s:9\"") != NULL, "%s", file);
  fail_unless (
      strstr (file, "\"metadata\" : { \"caps\" : \"image/jpeg\", \"pts\" : 5000000000") != NULL,
      "%s", file);
  assert_stat (&f, "documents", 1);
  assert_stat (&f, "duplicates", 1);
  assert_stat (&f, "waiting", 0);
  assert_acks (&f, 2, 0);
  assert_asked (&f, "createIndexes", "\"filename\" : 1, \"uploadDate\" : 1");
  teardown (&f);
}
GST_END_TEST;

/* If a chunk of a file is refused, the file's document isn't written, because a reader must not
 * find a file without all of its chunks; the file leaves by the pad rejects, unchanged. */
GST_START_TEST (test_a_file_of_which_a_chunk_is_refused_is_rejected)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();
  GstElement *sink;
  GstHarness *rejects;
  GstBuffer *buffer;

  mongo_mock_script (mock, "{\"ok\":1,\"n\":1,\"writeErrors\":[{\"index\":1,\"code\":121,"
                           "\"errmsg\":\"Document failed validation\"}]}");
  setup (&f, mock, "mode=gridfs batch-latency=60000000000", "image/jpeg");
  sink = gst_harness_find_element (f.h, "mongosink");
  rejects = gst_harness_new_with_element (sink, NULL, "rejects");
  gst_harness_play (rejects);
  gst_harness_push (f.h, new_frame (&f, 2 * CHUNK, 0));
  finish (&f);
  buffer = gst_harness_pull (rejects);
  fail_unless_equals_int (gst_buffer_get_size (buffer), 2 * CHUNK);
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "reject-code"), "121");
  gst_buffer_unref (buffer);
  fail_unless (gst_harness_try_pull (rejects) == NULL);
  assert_stored (&f, "\"c1:s:9\"", NULL);
  assert_asked (&f, "delete", "\"delete\" : \"events.chunks\"");
  assert_stat (&f, "rejected", 1);
  assert_stat (&f, "documents", 0);
  gst_harness_teardown (rejects);
  gst_object_unref (sink);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_chunks_of_a_refused_file_are_deleted)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":1,\"n\":2}");
  mongo_mock_script (mock, ONE_WRITE_ERROR ("{\"index\":0,\"code\":121,\"errmsg\":\"no file\"}"));
  mongo_mock_answer (mock, "delete", "{\"ok\":1,\"n\":2}");
  setup (&f, mock, "mode=gridfs batch-latency=60000000000", "image/jpeg");
  gst_harness_push (f.h, new_frame (&f, 2 * CHUNK, 0));
  finish (&f);
  assert_asked (&f, "delete", "\"delete\" : \"events.chunks\"");
  assert_stat (&f, "rejected", 1);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* The document of a file is written only after its chunks were written, here at the second
 * attempt. */
GST_START_TEST (test_the_document_of_a_file_is_written_after_its_chunks)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, "{\"ok\":0,\"code\":10107,\"errmsg\":\"not primary\"}");
  setup (&f, mock, "mode=gridfs batch-latency=60000000000", "image/jpeg");
  gst_harness_push (f.h, new_frame (&f, 10, 0));
  finish (&f);
  fail_unless_equals_int (mongo_mock_inserts (mock), 3);
  fail_unless_equals_int (mongo_mock_stored (mock), 2);
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

/* --- time series --- */

GST_START_TEST (test_a_time_series_collection_is_created)
{
  Fixture f;

  setup (&f, mongo_mock_new (),
      "time-field=captured meta-field=camera expire-after=60 create-index=faces",
      "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  finish (&f);
  assert_asked (&f, "create",
      "{ \"create\" : \"events\", \"timeseries\" : { \"timeField\" : \"captured\", "
      "\"metaField\" : \"camera\" }, \"expireAfterSeconds\" : 60");
  assert_asked (&f, "createIndexes",
      "\"indexes\" : [ { \"key\" : { \"faces\" : 1 }, \"name\" : \"faces_1\" } ]");
  assert_acks (&f, 1, 0);
  teardown (&f);
}
GST_END_TEST;

GST_START_TEST (test_a_server_without_time_series_is_a_warning)
{
  Fixture f;
  MongoMock *mock = mongo_mock_new ();
  g_autofree gchar *warning = NULL;

  mongo_mock_answer (mock, "create", "{\"ok\":0,\"code\":238,\"errmsg\":\"not implemented\"}");
  setup (&f, mock, "time-field=captured", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  warning =
      wait_message (f.bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (
      strstr (warning, "time series") && strstr (warning, "not implemented"), "%s", warning);
  finish (&f);
  fail_unless_equals_int (mongo_mock_stored (mock), 1);
  teardown (&f);

  mock = mongo_mock_new ();
  mongo_mock_answer (mock, "create", "{\"ok\":0,\"code\":48,\"errmsg\":\"it is there\"}");
  setup (&f, mock, "time-field=captured", "application/json");
  gst_harness_push (f.h, new_message ("{}", &f.ledger, 0));
  fail_unless (mongo_mock_wait_inserts (mock, 1));
  fail_if (gst_bus_pop_filtered (f.bus, GST_MESSAGE_WARNING));
  teardown (&f);
}
GST_END_TEST;

static void
assert_clash (const gchar *settings, const gchar *named)
{
  g_autofree gchar *line = g_strdup_printf ("mongosink %s", settings);

  expect_no_start (
      gst_parse_launch (line, NULL), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, named);
}

GST_START_TEST (test_contradicting_settings_of_mongosink_are_an_error)
{
  assert_clash ("mode=replace time-field=captured", "time-field");
  assert_clash ("meta-field=camera", "meta-field");
  assert_clash ("mode=gridfs expire-after=5", "expire-after");
  assert_clash ("expire-after=5 expire-field=a,b", "expire-field");
  assert_clash ("expire-after=5 expire-field=-captured", "expire-field");
  assert_clash ("expire-after=5 expire-field=_id", "expire-field");
  assert_clash ("create-index=,", "create-index");
  assert_clash ("collection=$cmd", "collection");
}
GST_END_TEST;

/* --- unique indexes --- */

/* Sends a document that the server refuses as a duplicate without naming the index. @indexes: the
 * server's list of indexes; @found: its answer to a query for the document */
static void
push_refused (Fixture *f, const gchar *indexes, const gchar *found)
{
  MongoMock *mock = mongo_mock_new ();

  mongo_mock_script (mock, ONE_WRITE_ERROR (DUPLICATE));
  mongo_mock_answer (mock, "listIndexes", indexes);
  mongo_mock_answer (mock, "find", found);
  setup (f, mock, "", "application/json");
  gst_harness_push (f->h, new_message ("{\"_id\":1}", &f->ledger, 0));
  finish (f);
  assert_acks (f, 1, 0);
}

GST_START_TEST (test_a_duplicate_whose_index_is_not_named_is_decided_by_a_query)
{
  const gchar *of_id =
      LIST ("{\"key\":{\"_id\":1},\"name\":\"_id_\",\"unique\":true},{\"key\":{\"seq\":1}}");
  const gchar *another = LIST ("{\"key\":{\"_id\":1}},{\"key\":{\"seq\":1},\"unique\":true}");
  Fixture f;

  push_refused (&f, of_id, LIST (""));
  assert_stat (&f, "duplicates", 1);
  teardown (&f);
  push_refused (&f, another, LIST ("{\"_id\":1}"));
  assert_stat (&f, "duplicates", 1);
  assert_asked (&f, "find", "\"filter\" : { \"_id\" : 1 }");
  teardown (&f);
  push_refused (&f, another, LIST (""));
  assert_stat (&f, "rejected", 1);
  teardown (&f);
}
GST_END_TEST;

static Suite *
mongomodes_suite (void)
{
  Suite *s = suite_create ("mongomodes");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_mode_replace_keeps_the_latest_document);
  tcase_add_test (tc, test_mode_update_sets_the_documents_fields);
  tcase_add_test (tc, test_an_upsert_that_loses_a_race_is_retried);
  tcase_add_test (tc, test_a_file_that_is_sent_twice_is_stored_once);
  tcase_add_test (tc, test_a_file_of_which_a_chunk_is_refused_is_rejected);
  tcase_add_test (tc, test_chunks_of_a_refused_file_are_deleted);
  tcase_add_test (tc, test_the_document_of_a_file_is_written_after_its_chunks);
  tcase_add_test (tc, test_a_time_series_collection_is_created);
  tcase_add_test (tc, test_a_server_without_time_series_is_a_warning);
  tcase_add_test (tc, test_contradicting_settings_of_mongosink_are_an_error);
  tcase_add_test (tc, test_a_duplicate_whose_index_is_not_named_is_decided_by_a_query);
  return s;
}

GST_CHECK_MAIN (mongomodes);
