/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <string.h>

#include "server/mongocollection.h"
#include "document/mongodocument.h"
#include "server/mongoindex.h"
#include "server/mongoreply.h"
#include "server/mongouri.h"

static bson_t *
read_json (const gchar *text, gssize size, GError **error)
{
  MongoReader reader = {
      MONGO_FORMAT_JSON, (const guint8 *) text, size < 0 ? strlen (text) : (gsize) size};
  bson_t *document;
  bson_t *none;

  fail_unless (mongo_reader_next (&reader, &document, error));
  fail_if (mongo_reader_next (&reader, &none, NULL));
  return document;
}

static void
assert_json (const bson_t *document, const gchar *expected)
{
  char *json = bson_as_relaxed_extended_json (document, NULL);

  fail_unless_equals_string (json, expected);
  bson_free (json);
}

GST_START_TEST (test_extended_json_keeps_types)
{
  g_autoptr (bson_t) document =
      read_json (" {\"at\":{\"$date\":\"2026-11-25T00:44:00.123Z\"},\"n\":{\"$numberLong\":\"5\"},"
                 "\"boxes\":[[1,2,3,4]]}\n ",
          -1, NULL);
  bson_iter_t iter;

  fail_unless (bson_iter_init_find (&iter, document, "at"));
  fail_unless (BSON_ITER_HOLDS_DATE_TIME (&iter));
  fail_unless_equals_int64 (bson_iter_date_time (&iter), G_GINT64_CONSTANT (1795567440123));
  fail_unless (bson_iter_init_find (&iter, document, "n"));
  fail_unless (BSON_ITER_HOLDS_INT64 (&iter));
  fail_unless (bson_iter_init_find (&iter, document, "boxes"));
  fail_unless (BSON_ITER_HOLDS_ARRAY (&iter));
}
GST_END_TEST;

GST_START_TEST (test_texts_that_are_no_document_are_refused)
{
  static const gchar *texts[] = {"", "  ", "[1,2]", "7", "\"a\"", "{\"a\":1", "{\"a\":1} {\"b\":2}",
      "{\"a\":1}x", "{\"a\\u0000b\":1}", "{\"_id\":{\"$oid\":\"zz\"}}", "{\"a\":\"\xff\"}",
      "\xff\xd8\xff"};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (read_json (texts[i], -1, &error) == NULL, "%s", texts[i]);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
  }
}
GST_END_TEST;

GST_START_TEST (test_error_names_a_byte_order_mark)
{
  g_autoptr (GError) error = NULL;

  fail_unless (read_json ("\xef\xbb\xbf{\"a\":1}", -1, &error) == NULL);
  fail_unless (strstr (error->message, "byte order mark") != NULL, "%s", error->message);
}
GST_END_TEST;

typedef struct {
  const gchar *text;
  gint64 ms;
  guint cut;
} Date;

/* Reads dates as written by Python's isoformat(), Go, Java, JavaScript, RFC 3339 and .NET (with an
 * escaped sign). */
GST_START_TEST (test_dates_keep_their_instant)
{
  static const Date dates[] = {
      {"2026-11-25T00:44:00.123Z", 1795567440123, 0},
      {"2026-11-25T00:44:00Z", 1795567440000, 0},
      {"2026-11-25T00:44Z", 1795567440000, 0},
      {"2026-11-25T00:44:00.1Z", 1795567440100, 0},
      {"2026-11-25T00:44:00.123456Z", 1795567440123, 1},
      {"2026-11-25T00:44:00.123456789+00:00", 1795567440123, 1},
      {"2026-11-25T00:44:00.123000+00:00", 1795567440123, 0},
      {"2026-11-25 00:44:00.999999+00:00", 1795567440999, 1},
      {"2026-11-25T01:44:00+01:00", 1795567440000, 0},
      {"2026-11-25T01:44:00+0100", 1795567440000, 0},
      {"2026-11-25T01:44:00+01", 1795567440000, 0},
      {"2026-11-25T01:44:00\\u002B01:00", 1795567440000, 0},
      {"2026-11-24T18:14:00.5-06:30", 1795567440500, 0},
      {"2026-11-25t00:44:00,5z", 1795567440500, 0},
      {"1969-12-31T23:59:59.9999Z", -1, 1},
      {"0001-01-01T00:00:00Z", -62135596800000, 0},
      {"9999-12-31T23:59:59.999Z", 253402300799999, 0},
      {"2028-02-29T12:00:00Z", 1835438400000, 0},
  };

  for (guint i = 0; i < G_N_ELEMENTS (dates); i++) {
    g_autofree gchar *text =
        g_strdup_printf ("{\"b\":1,\"a\":[{\"$date\": \"%s\" }],\"c\":2}", dates[i].text);
    MongoReader reader = {MONGO_FORMAT_JSON, (const guint8 *) text, strlen (text)};
    g_autoptr (GError) error = NULL;
    g_autoptr (bson_t) document = NULL;
    bson_iter_t iter, at;

    fail_unless (mongo_reader_next (&reader, &document, &error));
    fail_unless (document != NULL, "%s: %s", text, error ? error->message : "");
    fail_unless (bson_iter_init (&iter, document) && bson_iter_find_descendant (&iter, "a.0", &at),
        "%s", text);
    fail_unless (BSON_ITER_HOLDS_DATE_TIME (&at), "%s", text);
    fail_unless_equals_int64 (bson_iter_date_time (&at), dates[i].ms);
    fail_unless_equals_int (reader.dates_cut, dates[i].cut);
    fail_unless (bson_has_field (document, "b") && bson_has_field (document, "c"));
  }
}
GST_END_TEST;

/* {value that is refused, text that the reason must contain} */
static const gchar *not_as_written[][2] = {
    {"-012", "number"},
    {"[1,-00]", "number"},
    {"1e-400", "too small"},
    {"-0.0000001e-400", "too small"},
    {"1e400", "out of range"},
    {"12345678901234567890", "out of range"},
    {"18446744073709551616", "out of range"},
    {"[-18446744073709551617]", "out of range"},
    {"{\"b\":36893488147419103233}", "out of range"},
    {"{\"$numberLong\":\"18446744073709551616\"}", "out of range"},
    {"{\"$numberLong\":\"-9223372036854775809\"}", "out of range"},
    {"{\"$numberInt\":\"18446744073709551617\"}", "out of range"},
    {"{\"$date\":{\"$numberLong\":\"18446744073709551617\"}}", "out of range"},
    {"{\"$date\":18446744073709551617}", "out of range"},
    {"{\"$timestamp\":{\"t\":18446744073709551617,\"i\":1}}", "out of range"},
    {"{\"$date\":\"2026-02-30T00:00:00Z\"}", "in the calendar"},
    {"{\"$date\":\"2026-01-01T24:00:01Z\"}", "in the calendar"},
    {"{\"$date\":\"2026-01-01T00:00:00\"}", "offset"},
    {"{\"$date\":\"2026-01-01T00:00:00+1\"}", "doesn't end"},
    {"{\"$date\":\"2026-01-01T00:00:00+24:00\"}", "doesn't end"},
    {"{\"$date\":\"2026-01-01T00:00:00Zx\"}", "doesn't end"},
    {"{\"$date\":\"2026-01-01T00:00:00.Z\"}", "of the form"},
    {"{\"$date\":\"2026-01-01\"}", "of the form"},
    {"{\"$date\":\"2026-01-01T00:00:00Z\\u0000\"}", "doesn't end"},
    {"{\"$date\":\"\"}", "of the form"},
    {"{\"$d\\u0061te\":\"never\"}", "of the form"},
    {"{\"$code\":\"a\\u0000b\"}", "NUL"},
    {"{\"\\u0024code\":\"a\\u0000b\"}", "NUL"},
    {"{\"$scope\":{},\"$code\":\"a\\u0000b\"}", "NUL"},
    {"{\"$dbPointer\":{\"$ref\":\"a\\u0000b\",\"$id\":{\"$oid\":\"5f9f1b9b9c9d440000000000\"}}}",
        "NUL"},
    {"{\"a\\u0000b\":1}", "NUL"},
    {"{\"$numberInt\":\"2147483648\"}", "INT32"},
    {"{\"$numberInt\":\" 12\"}", "whole number"},
    {"{\"$numberLong\":\"0x12\"}", "whole number"},
    {"{\"$numberLong\":\"012\"}", "whole number"},
    {"{\"$numberLong\":\"\"}", "whole number"},
    {"{\"$date\":{\"$numberLong\":\"1.5\"}}", "whole number"},
    {"{\"$numberDouble\":\"0x12\"}", "$numberDouble"},
    {"{\"$numberDouble\":\"1.5x\"}", "$numberDouble"},
    {"{\"$numberDouble\":\"1,5\"}", "$numberDouble"},
    {"{\"$numberDouble\":\"1e-400\"}", "too small"},
    {"{\"$numberDouble\":\"infinite\"}", "$numberDouble"},
    {"{\"$numberDecimal\":\"1.5x\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"1\\u00002\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"12345678901234567890123456789012345678901\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"1E6145\"}", "$numberDecimal"},
    {"{\"$timestamp\":{\"t\":4294967296,\"i\":2}}", "32 bits"},
    {"{\"$timestamp\":{\"t\":1,\"i\":99999999999999999999}}", "out of range"},
    {"{\"$binary\":{\"base64\":\"AAEC\",\"subType\":\"100\"}}", "$binary"},
    {"{\"$binary\":\"AAEC\",\"$type\":\"100\"}", "$binary"},
    {"{\"$type\":\"100\",\"$binary\":\"AAEC\"}", "$binary"},
    {"{\"$numberInt\":\"1\",\"$numberInt\":\"2\"}", "twice"},
    {"{\"$oid\":\"5f9f1b9b9c9d440000000000\",\"$oid\":\"5f9f1b9b9c9d440000000001\"}", "twice"},
    {"{\"$binary\":{\"base64\":\"AAEC\",\"base64\":\"AAED\",\"subType\":\"00\"}}", "twice"},
    {"\"\\ud800\"", "CODEPOINT"},
    {"{\"$date\":{}}", "$date"},
    {"{\"\\u0024date\":{ }}", "$date"},
    {"{\"$undefined\":false}", "$undefined"},
    {"{\"$numberDecimal\":\"1E4294967297\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"1E-4294967297\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"1E99999999999999999999\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"1E 5\"}", "$numberDecimal"},
    {"{\"$numberDecimal\":\"1E+\"}", "$numberDecimal"},
    {"{\"$oid\":\"5f9f1b9b9c9d44000000000\\u0000\"}", "$oid"},
    {"{\"$oid\":\"\\u00005f9f1b9b9c9d44000000000\"}", "$oid"},
    {"{\"$oid\":\"5f9f1b9b9c9d44000000000g\"}", "$oid"},
    {"{\"$oid\":\"5f9f1b9b9c9d4400000000000\"}", "$oid"},
    {"{\"$uuid\":\"73ffd264-44b3-4c69-90e8-e7d1dfc035d4\\u0000\"}", "$uuid"},
    {"{\"$uuid\":\"73ffd264-44b3-4c69-90e8-e7d1dfc035 4\"}", "$uuid"},
    {"{\"$uuid\":\"73ffd264-44b3-4c69-90e8-+7d1dfc035d4\"}", "$uuid"},
    {"{\"$uuid\":\"0x73d264-44b3-4c69-90e8-e7d1dfc035d4\"}", "$uuid"},
    {"{\"$uuid\":\"73ffd264044b3-4c69-90e8-e7d1dfc035d4\"}", "$uuid"},
    {"{\"$binary\":{\"base64\":\"AQ==\\u0000QUJD\",\"subType\":\"00\"}}", "base64"},
    {"{\"$binary\":\"AQ==\\u0000\",\"$type\":\"00\"}", "base64"},
    {"{\"$regularExpression\":{\"pattern\":\"x\",\"options\":\"zq\"}}", "option"},
    {"{\"$regularExpression\":{\"options\":\"I\",\"pattern\":\"x\"}}", "option"},
    {"{\"$regularExpression\":{\"options\":\"ii\",\"pattern\":\"x\"}}", "option"},
    {"{\"$regex\":\"x\",\"$options\":\"g\"}", "option"},
    {"{\"$options\":\"g\",\"$regex\":\"x\"}", "option"},
};

GST_START_TEST (test_values_that_libbson_would_change_are_refused)
{
  for (guint i = 0; i < G_N_ELEMENTS (not_as_written); i++) {
    g_autofree gchar *text = g_strdup_printf ("{\"a\":%s}", not_as_written[i][0]);
    g_autoptr (GError) error = NULL;

    fail_unless (read_json (text, -1, &error) == NULL, "%s is stored", text);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
    fail_unless (
        strstr (error->message, not_as_written[i][1]) != NULL, "%s: %s", text, error->message);
  }
}
GST_END_TEST;

/* Objects with the keys of Extended JSON's types in other places, and values at the limits of
 * types, are stored as they are. */
GST_START_TEST (test_objects_that_only_look_like_a_type_are_kept)
{
  static const gchar *kept[][2] = {
      {"{\"$date\":\"never\"}", "{ \"$date\" : \"never\" }"},
      {"{\"a\":{\"b\":1,\"$date\":\"2026-01-01T00:00:00Z\"}}",
          "{ \"a\" : { \"b\" : 1, \"$date\" : \"2026-01-01T00:00:00Z\" } }"},
      {"{\"a\":{\"$foo\":1,\"$date\":\"x\"}}", "{ \"a\" : { \"$foo\" : 1, \"$date\" : \"x\" } }"},
      {"{\"a\":\"$date\",\"b\":[\"$date\",\"never\"]}",
          "{ \"a\" : \"$date\", \"b\" : [ \"$date\", \"never\" ] }"},
      {"{\"a\":{\"$type\":\"string\"}}", "{ \"a\" : { \"$type\" : \"string\" } }"},
      {"{\"t\":4294967296,\"i\":1}", "{ \"t\" : 4294967296, \"i\" : 1 }"},
      {"{\"a\":{\"subType\":\"thumbnail\",\"options\":\"x\"}}",
          "{ \"a\" : { \"subType\" : \"thumbnail\", \"options\" : \"x\" } }"},
      {"{\"a\":\"x\\u0000y\"}", "{ \"a\" : \"x\\u0000y\" }"},
      {"{\"a\":{\"$code\":\"x\",\"$scope\":{\"$date\":\"never\"}}}",
          "{ \"a\" : { \"$code\" : \"x\", \"$scope\" : { \"$date\" : \"never\" } } }"},
      {"{\"a\":[0,-1,1e5,1E-5,0.5,-0.5,9223372036854775807]}",
          "{ \"a\" : [ 0, -1, 100000.0, 1.0000000000000000818e-05, 0.5, -0.5, 9223372036854775807 "
          "] "
          "}"},
      {"{\"a\":{\"$timestamp\":{\"t\":4294967295,\"i\":0}}}",
          "{ \"a\" : { \"$timestamp\" : { \"t\" : 4294967295, \"i\" : 0 } } }"},
      {"{\"a\":{\"$date\":{\"$numberLong\":\"-1\"}}}",
          "{ \"a\" : { \"$date\" : { \"$numberLong\" : \"-1\" } } }"},
      {"{\"a\":\"\\\\\",\"b\":\"\\\"-012\"}", "{ \"a\" : \"\\\\\", \"b\" : \"\\\"-012\" }"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (kept); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (bson_t) document = read_json (kept[i][0], -1, &error);

    fail_unless (document != NULL, "%s: %s", kept[i][0], error ? error->message : "");
    assert_json (document, kept[i][1]);
  }
}
GST_END_TEST;

/* The selector for a document matches only the document with this `_id`, even if the `_id` looks
 * like a query's condition. */
GST_START_TEST (test_an_id_that_looks_like_a_condition_is_compared_as_a_value)
{
  static const gchar *selected[][2] = {
      {"{\"_id\":7,\"a\":1}", "{ \"_id\" : 7 }"},
      {"{\"_id\":{\"a\":1}}", "{ \"_id\" : { \"a\" : 1 } }"},
      {"{\"_id\":{\"$gt\":0},\"a\":1}", "{ \"_id\" : { \"$eq\" : { \"$gt\" : 0 } } }"},
      {"{\"_id\":{\"$regularExpression\":{\"pattern\":\".\",\"options\":\"\"}}}",
          "{ \"_id\" : { \"$eq\" : { \"$regularExpression\" : { \"pattern\" : \".\", \"options\" : "
          "\"\" } } } }"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (selected); i++) {
    g_autoptr (bson_t) document = read_json (selected[i][0], -1, NULL);
    g_autoptr (bson_t) selector = mongo_document_to_selector (document);

    assert_json (selector, selected[i][1]);
  }
}
GST_END_TEST;

GST_START_TEST (test_bounds)
{
  g_autofree gchar *deep = g_malloc (2001);
  g_autofree gchar *large = g_malloc0 (MONGO_JSON_MAX + 1);
  g_autoptr (GString) wide = g_string_new ("{\"a\":\"");
  g_autoptr (GError) error = NULL;

  memset (deep, '[', 2000);
  memcpy (deep, "{\"a\":", 5);
  fail_unless (read_json (deep, 2000, NULL) == NULL);
  fail_unless (read_json (large, MONGO_JSON_MAX + 1, NULL) == NULL);
  for (guint i = 0; i < MONGO_DOCUMENT_MAX / 1024; i++)
    g_string_append_printf (wide, "%1024d", 0);
  g_string_append (wide, "\"}");
  fail_unless (read_json (wide->str, wide->len, &error) == NULL);
  fail_unless (strstr (error->message, "16 MiB") != NULL);
}
GST_END_TEST;

GST_START_TEST (test_depth)
{
  for (guint levels = 97; levels < 102; levels++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (bson_t) document = NULL;

    for (guint i = 0; i < levels; i++)
      g_string_append (text, "{\"a\":");
    g_string_append_c (text, '1');
    for (guint i = 0; i < levels; i++)
      g_string_append_c (text, '}');
    document = read_json (text->str, -1, &error);
    fail_unless ((document != NULL) == (levels <= 98), "%u levels", levels);
    fail_unless (document || strstr (error->message, "more than 98 levels"), "%s", error->message);
  }
}
GST_END_TEST;

GST_START_TEST (test_lines_fail_alone)
{
  const gchar *text = "{\"a\":1}\n\n  \r\nnothing\n{\"a\":2}\r\n{\"a\":3}";
  MongoReader reader = {MONGO_FORMAT_JSON_LINES, (const guint8 *) text, strlen (text)};
  const gchar *expected[] = {"{ \"a\" : 1 }", NULL, "{ \"a\" : 2 }", "{ \"a\" : 3 }"};
  bson_t *document;

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (mongo_reader_next (&reader, &document, &error));
    fail_unless ((document != NULL) == (expected[i] != NULL));
    fail_unless ((error != NULL) == (expected[i] == NULL));
    if (document) {
      assert_json (document, expected[i]);
      bson_destroy (document);
    }
  }
  fail_if (mongo_reader_next (&reader, &document, NULL));
}
GST_END_TEST;

/* Returns the number of documents that are read from a stream if its first @first bytes arrive
 * before the others. */
static guint
count_of_halves (MongoFormat format, const gchar *data, gsize size, gsize first)
{
  gsize whole = mongo_reader_count_whole (format, (const guint8 *) data, first, 0);
  gsize rest = first - whole;
  gsize more = mongo_reader_count_whole (format, (const guint8 *) data + whole, size - whole, rest);
  const gsize parts[] = {whole, more, size - whole - more};
  guint count = 0;

  for (guint i = 0; i < G_N_ELEMENTS (parts); data += parts[i++]) {
    MongoReader reader = {format, (const guint8 *) data, parts[i]};
    bson_t *document;

    while (mongo_reader_next (&reader, &document, NULL)) {
      fail_unless (document != NULL, "cut at %" G_GSIZE_FORMAT, first);
      bson_destroy (document);
      count++;
    }
  }
  return count;
}

/* A stream of documents may be split into buffers at any byte: also within a character, within CR
 * LF, and within the length of a BSON document. */
GST_START_TEST (test_streams_of_documents_may_be_split_at_any_byte)
{
  static const gchar lines[] =
      "{\"a\":\"h\xc3\xb6\xf0\x9f\x98\x80\"}\r\n\n {\"b\":[1]}\n\r\n{\"d\":4}";
  static const gchar bson[] = "\x0c\0\0\0\x10"
                              "a\0\x01\0\0\0\0\x05\0\0\0\0\x0c\0\0\0\x10"
                              "b\0\x02\0\0\0";

  for (gsize cut = 0; cut <= sizeof bson; cut++)
    fail_unless_equals_int (count_of_halves (MONGO_FORMAT_BSON, bson, sizeof bson, cut), 3);
  for (gsize cut = 0; cut < sizeof lines; cut++)
    fail_unless_equals_int (
        count_of_halves (MONGO_FORMAT_JSON_LINES, lines, sizeof lines - 1, cut), 3);
}
GST_END_TEST;

static void
assert_bson_ends (const guint8 *data, gsize size, guint good)
{
  MongoReader reader = {MONGO_FORMAT_BSON, data, size};
  g_autoptr (GError) error = NULL;
  bson_t *document;

  for (guint i = 0; i < good; i++) {
    fail_unless (mongo_reader_next (&reader, &document, NULL));
    bson_destroy (document);
  }
  fail_unless (mongo_reader_next (&reader, &document, &error));
  fail_unless (document == NULL && error != NULL);
  fail_if (mongo_reader_next (&reader, &document, NULL));
}

GST_START_TEST (test_bson)
{
  g_autoptr (bson_t) one = BCON_NEW ("a", BCON_UTF8 ("xyz"));
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  MongoReader reader;
  bson_t *document;

  for (guint i = 0; i < 2; i++)
    g_byte_array_append (bytes, bson_get_data (one), one->len);
  reader = (MongoReader){MONGO_FORMAT_BSON, bytes->data, bytes->len};
  for (guint i = 0; i < 2; i++) {
    fail_unless (mongo_reader_next (&reader, &document, NULL));
    fail_unless (bson_equal (document, one));
    bson_destroy (document);
  }
  fail_if (mongo_reader_next (&reader, &document, NULL));
  for (guint cut = 1; cut < one->len; cut++)
    assert_bson_ends (bytes->data, one->len + cut, 1);
  bytes->data[one->len + 4] = 0x55;
  assert_bson_ends (bytes->data, bytes->len, 1);
  memset (bytes->data, 0xff, 4);
  assert_bson_ends (bytes->data, bytes->len, 0);
}
GST_END_TEST;

/* Makes nested BSON: each level is the field `a` of the level above, as a document or, if @code, as
 * the scope of code. */
static GByteArray *
new_deep_bson (guint levels, gboolean code)
{
  GByteArray *bson = g_byte_array_new ();
  const guint head = code ? 16 : 7, tail = 1;

  for (guint left = levels; left-- > 0;) {
    const guint32 inner = 5 + left * (head + tail);
    const guint32 size = GUINT32_TO_LE (inner), whole = GUINT32_TO_LE (inner - tail - 7);

    g_byte_array_append (bson, (const guint8 *) &size, 4);
    if (left) {
      g_byte_array_append (bson, (const guint8 *) (code ? "\x0f\x61" : "\x03\x61"), 3);
      if (code) {
        g_byte_array_append (bson, (const guint8 *) &whole, 4);
        g_byte_array_append (bson, (const guint8 *) "\x01\0\0\0", 5);
      }
    }
  }
  for (guint left = levels; left-- > 0;)
    g_byte_array_append (bson, (const guint8 *) "", 1);
  return bson;
}

/* BSON nested deeper than 200 levels is refused, at a depth where a recursive reader would overflow
 * its stack. */
GST_START_TEST (test_deep_bson)
{
  static const guint levels[] = {2, 100, 200, 201, 1000000};

  for (guint i = 0; i < 2 * G_N_ELEMENTS (levels); i++) {
    guint n = levels[i / 2];
    g_autoptr (GByteArray) deep = new_deep_bson (n, i % 2);
    MongoReader reader = {MONGO_FORMAT_BSON, deep->data, deep->len};
    g_autoptr (bson_t) document = NULL;
    g_autoptr (GError) error = NULL;

    fail_unless (mongo_reader_next (&reader, &document, &error));
    fail_unless ((document != NULL) == (n <= 200), "%u levels: %s", n, error ? error->message : "");
  }
}
GST_END_TEST;

/* Makes a document whose only field, of the given type, holds @child. */
static GByteArray *
new_bson_around (guint8 type, const guint8 *child, guint size)
{
  GByteArray *bson = g_byte_array_new ();
  const gboolean code = type == BSON_TYPE_CODEWSCOPE;
  const guint32 whole = GUINT32_TO_LE (4 + 3 + (code ? 9 : 0) + size + 1);
  const guint32 inner = GUINT32_TO_LE (9 + size);

  g_byte_array_append (bson, (const guint8 *) &whole, 4);
  g_byte_array_append (bson, &type, 1);
  g_byte_array_append (bson, (const guint8 *) "a", 2);
  if (code) {
    g_byte_array_append (bson, (const guint8 *) &inner, 4);
    g_byte_array_append (bson, (const guint8 *) "\x01\0\0\0", 5);
  }
  g_byte_array_append (bson, child, size);
  g_byte_array_append (bson, (const guint8 *) "", 1);
  return bson;
}

/* An embedded document is refused if its length is wrong, or it doesn't end with a zero. libbson
 * validates a document with this fault without an error, and ends the process when it copies the
 * document. */
GST_START_TEST (test_embedded_documents_with_a_wrong_length_are_refused)
{
  static const guint8 types[] = {BSON_TYPE_DOCUMENT, BSON_TYPE_ARRAY, BSON_TYPE_CODEWSCOPE};
  static const struct {
    guint size;
    guint8 bytes[8];
    gboolean good;
  } children[] = {
      {5, {5}, TRUE},
      {4, {0}, FALSE},
      {4, {1}, FALSE},
      {4, {4}, FALSE},
      {5, {4}, FALSE},
      {5, {5, 0, 0, 0, 7}, FALSE},
      {8, {8, 0, 0, 0, BSON_TYPE_NULL, 'b', 0, 0}, TRUE},
      {8, {8, 0, 0, 0, BSON_TYPE_NULL, 'b', 0, 1}, FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (types) * G_N_ELEMENTS (children); i++) {
    guint n = i % G_N_ELEMENTS (children);
    g_autoptr (GByteArray) bson =
        new_bson_around (types[i / G_N_ELEMENTS (children)], children[n].bytes, children[n].size);
    MongoReader reader = {MONGO_FORMAT_BSON, bson->data, bson->len};
    g_autoptr (bson_t) document = NULL;
    g_autoptr (bson_t) update = NULL;

    fail_unless (mongo_reader_next (&reader, &document, NULL));
    fail_unless ((document != NULL) == children[n].good, "type %u, child %u",
        types[i / G_N_ELEMENTS (children)], n);
    update = document ? mongo_document_to_update (document) : NULL;
  }
}
GST_END_TEST;

/* The reader must not crash or hang on documents in which bytes were changed at random. */
GST_START_TEST (test_mutated_documents)
{
  const gchar *seed =
      "{\"_id\":{\"$oid\":\"5f9f1b9b9c9d440000000000\"},\"d\":{\"$date\":{\"$numberLong\":\"1\"}},"
      "\"b\":{\"$binary\":{\"base64\":\"AAEC\",\"subType\":\"00\"}},\"n\":{\"$numberDecimal\":\"1."
      "5\"},"
      "\"t\":{\"$timestamp\":{\"t\":1,\"i\":2}},\"r\":{\"$regularExpression\":{\"pattern\":\"a\","
      "\"options\":\"\"}}}";
  g_autoptr (bson_t) parsed = read_json (seed, -1, NULL);
  GRand *rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < 20000; i++) {
    gboolean json = i % 2;
    gsize size = json ? strlen (seed) : parsed->len;
    g_autofree guint8 *bytes =
        g_memdup2 (json ? (gconstpointer) seed : bson_get_data (parsed), size);
    MongoReader reader = {json ? MONGO_FORMAT_JSON_LINES : MONGO_FORMAT_BSON, bytes, size};
    guint steps = 0;
    bson_t *document;

    for (gint n = g_rand_int_range (rand, 1, 4); n > 0; n--)
      bytes[g_rand_int_range (rand, 0, size)] = g_rand_int_range (rand, 0, 256);
    while (mongo_reader_next (&reader, &document, NULL)) {
      fail_unless (++steps <= size);
      if (document)
        bson_destroy (document);
    }
  }
  g_rand_free (rand);
}
GST_END_TEST;

GST_START_TEST (test_id)
{
  g_autoptr (bson_t) own =
      mongo_document_ensure_id (BCON_NEW ("a", BCON_INT32 (1), "_id", BCON_INT32 (7)), "t:0:1");
  g_autoptr (bson_t) given = mongo_document_ensure_id (BCON_NEW ("a", BCON_INT32 (1)), "t:0:1");
  g_autoptr (bson_t) made = mongo_document_ensure_id (BCON_NEW ("a", BCON_INT32 (1)), NULL);
  bson_iter_t iter;

  assert_json (own, "{ \"a\" : 1, \"_id\" : 7 }");
  assert_json (given, "{ \"_id\" : \"t:0:1\", \"a\" : 1 }");
  fail_unless (bson_iter_init (&iter, made) && bson_iter_next (&iter));
  fail_unless_equals_string (bson_iter_key (&iter), "_id");
  fail_unless (BSON_ITER_HOLDS_OID (&iter));
}
GST_END_TEST;

/* {JSON, the stored document as canonical Extended JSON, or NULL if it is refused} */
static const struct {
  const gchar *text, *stored;
} values[] = {
    {"{\"d\":{\"$date\":\"2026-11-25T01:44:00.123+01:00\"}}",
        "{ \"d\" : { \"$date\" : { \"$numberLong\" : \"1795567440123\" } } }"},
    {"{\"d\":{\"$date\":\"2026-11-25T00:44:00.123456+00:00\"}}",
        "{ \"d\" : { \"$date\" : { \"$numberLong\" : \"1795567440123\" } } }"},
    {"{\"d\":{\"$date\":\"2026-11-24T19:14:00-05:30\"}}",
        "{ \"d\" : { \"$date\" : { \"$numberLong\" : \"1795567440000\" } } }"},
    {"{\"d\":{\"$date\":\"1969-12-31T23:59:59.999999Z\"}}",
        "{ \"d\" : { \"$date\" : { \"$numberLong\" : \"-1\" } } }"},
    {"{\"d\":{\"$date\":\"2026-11-25T00:44:00.1Z\"}}",
        "{ \"d\" : { \"$date\" : { \"$numberLong\" : \"1795567440100\" } } }"},
    {"{\"d\":{\"$date\":\"2026-11-25T00:44:00\"}}", NULL}, /* no time zone */
    {"{\"d\":{\"$date\":\"yesterday\"}}", NULL},
    {"{\"d\":{\"$date\":\"2026-02-30T00:00:00+00:00\"}}", NULL},
    {"{\"n\":-012}", NULL},
    {"{\"n\":007}", NULL},
    {"{\"n\":+1}", NULL},
    {"{\"n\":.5}", NULL},
    {"{\"n\":1.}", NULL},
    {"{\"n\":0x10}", NULL},
    {"{\"n\":1e999}", NULL},
    {"{\"n\":9223372036854775807}", "{ \"n\" : { \"$numberLong\" : \"9223372036854775807\" } }"},
    {"{\"n\":9223372036854775809}", NULL},
    {"{\"n\":-0}", "{ \"n\" : { \"$numberInt\" : \"0\" } }"},
    {"{\"n\":[1,-2,3.5e1]}",
        "{ \"n\" : [ { \"$numberInt\" : \"1\" }, { \"$numberInt\" : \"-2\" }, { "
        "\"$numberDouble\" : \"35.0\" } ] }"},
    {"{\"a\\u0000b\":1}", NULL},
    {"{\"c\":{\"$code\":\"a\\u0000b\"}}", NULL},
    {"{\"s\":\"-012 007 \\\" 1. \"}", "{ \"s\" : \"-012 007 \\\" 1. \" }"},
};

GST_START_TEST (test_values_are_kept_or_refused)
{
  bson_t *document = read_json (values[__i__].text, -1, NULL);
  char *stored = document ? bson_as_canonical_extended_json (document, NULL) : NULL;

  fail_unless_equals_string (stored, values[__i__].stored);
  bson_free (stored);
  if (document)
    bson_destroy (document);
}
GST_END_TEST;

static void
assert_collection (const gchar *template, const gchar *document, const gchar *expected)
{
  g_autoptr (bson_t) parsed = read_json (document, -1, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *name = mongo_collection_expand (template, parsed, &error);

  fail_unless_equals_string (name, expected);
  fail_unless ((error == NULL) == (expected != NULL));
}

GST_START_TEST (test_the_collection_of_a_document_follows_the_template)
{
  const gchar *document =
      "{\"camera\":\"cam-1\",\"n\":7,\"a\":{\"b\":\"c\"},\"bad\":\"x$y\",\"none\":null,"
      "\"at\":{\"$date\":\"2026-11-25T23:44:00.123Z\"},\"old\":{\"$date\":\"1969-12-31T23:59:59."
      "5Z\"},"
      "\"far\":{\"$date\":{\"$numberLong\":\"9223372036854775807\"}},\"s\":\"system.users\"}";

  assert_collection ("events", document, "events");
  assert_collection ("e-%{camera}-%{n}.%{a.b}", document, "e-cam-1-7.c");
  assert_collection ("e%{at:%Y-%m}", document, "e2026-11");
  assert_collection ("e%{old:%Y-%m-%d}", document, "e1969-12-31");
  assert_collection ("e%{far:%Y}", document, NULL);
  assert_collection ("e%{missing}", document, NULL);
  assert_collection ("e%{none}", document, NULL);
  assert_collection ("e%{at}", document, NULL);
  assert_collection ("e%{camera:%Y}", document, NULL);
  assert_collection ("e%{bad}", document, NULL);
  assert_collection ("e%{nul}", "{\"nul\":\"a\\u0000b\"}", NULL);
  assert_collection ("%{s}", document, NULL);
}
GST_END_TEST;

GST_START_TEST (test_collection_templates_are_checked)
{
  static const gchar *good[] = {"events", "e-%{camera}", "%{a.b}", "e%{at:%Y-%m}"};
  static const gchar *bad[] = {"", "a$b", "system.users", "e-%{camera", "%{}", "a b", ".a"};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    fail_unless (mongo_collection_check (good[i], NULL), "%s", good[i]);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    fail_if (mongo_collection_check (bad[i], NULL), "%s", bad[i]);
}
GST_END_TEST;

GST_START_TEST (test_index_command)
{
  static const gchar *bad[] = {",", "a,", "a;;b", "-", "$a"};
  g_autoptr (bson_t) none = mongo_index_command ("c", NULL, NULL, NULL);
  g_autoptr (bson_t) only = mongo_index_command ("c", " captured ", "captured", NULL);
  g_autoptr (bson_t) all =
      mongo_index_command ("c", "camera, -captured; captured;replica", "captured", NULL);

  fail_unless (none == NULL && only == NULL);
  assert_json (all,
      "{ \"createIndexes\" : \"c\", \"indexes\" : [ "
      "{ \"key\" : { \"camera\" : 1, \"captured\" : -1 }, \"name\" : \"camera_1_captured_-1\" }, "
      "{ \"key\" : { \"replica\" : 1 }, \"name\" : \"replica_1\" } ] }");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (mongo_index_command ("c", bad[i], NULL, &error) == NULL);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT), "%s", bad[i]);
  }
}
GST_END_TEST;

static void
assert_verdicts (const gchar *reply, bson_error_t error, const MongoVerdict *expected, guint n)
{
  g_autofree MongoResult *results = g_new0 (MongoResult, n);
  bson_t *parsed = bson_new_from_json ((const guint8 *) reply, -1, NULL);

  fail_unless (parsed != NULL, "%s", reply);
  mongo_reply_judge (FALSE, parsed, &error, results, n);
  for (guint i = 0; i < n; i++) {
    fail_unless (results[i].verdict == expected[i], "%s: document %u: %d, not %d", reply, i,
        results[i].verdict, expected[i]);
    mongo_result_clear (&results[i]);
  }
  bson_destroy (parsed);
}

#define SERVER_ERROR(c)                                                                            \
  ((bson_error_t){.domain = MONGOC_ERROR_SERVER, .code = (c), .message = "no"})
#define VERDICTS(...) ((MongoVerdict[]){__VA_ARGS__})

GST_START_TEST (test_each_write_error_is_attributed_to_its_document)
{
  assert_verdicts (
      "{\"nInserted\":1,\"writeErrors\":["
      "{\"index\":0,\"code\":11000,\"errmsg\":\"E11000 collection: a.b index: _id_ dup key\"},"
      "{\"index\":1,\"code\":11000,\"errmsg\":\"E11000 index: seq_1\",\"keyPattern\":{\"seq\":1}},"
      "{\"index\":2,\"code\":121,\"errmsg\":\"validation\"},"
      "{\"index\":3,\"code\":112,\"errmsg\":\"conflict\"},"
      "{\"index\":4,\"code\":13,\"errmsg\":\"not authorized\"},"
      "{\"index\":5,\"code\":11000,\"keyPattern\":{\"_id\":1}},"
      "{\"index\":6,\"code\":4711,\"errmsg\":\"unheard of\"},"
      "{\"index\":99,\"code\":1}]}",
      SERVER_ERROR (11000),
      VERDICTS (MONGO_VERDICT_DUPLICATE, MONGO_VERDICT_REJECTED, MONGO_VERDICT_REJECTED,
          MONGO_VERDICT_RETRY, MONGO_VERDICT_DENIED, MONGO_VERDICT_DUPLICATE, MONGO_VERDICT_REFUSED,
          MONGO_VERDICT_STORED),
      8);
}
GST_END_TEST;

/* The index of a duplicate key is found in the error's message, where older servers name it, but
 * not in the document's own value, with which the message ends. */
GST_START_TEST (test_the_index_of_a_duplicate_key_is_read_from_the_message)
{
  static const struct {
    const gchar *message;
    MongoVerdict verdict;
  } messages[] = {
      {"E11000 duplicate key error collection: a.b index: _id_ dup key: { : 1 }",
          MONGO_VERDICT_DUPLICATE},
      {"E11000 duplicate key error index: a.b.$_id_ dup key: { : 1 }", MONGO_VERDICT_DUPLICATE},
      {"E11000 duplicate key error collection: a.b index: _id_", MONGO_VERDICT_DUPLICATE},
      {"E11000 duplicate key error collection: a.b index: name_1 dup key: { : 'index: _id_ ' }",
          MONGO_VERDICT_REJECTED},
      {"E11000 duplicate key error index: a.b.$name_1 dup key: { : 'a.$_id_ b' }",
          MONGO_VERDICT_REJECTED},
      {"E11000 duplicate key error index: a.b.$own_id_ dup key: { : 1 }", MONGO_VERDICT_REJECTED},
      {"E11000 duplicate key error collection: a.b index: _id_name dup key: { : 1 }",
          MONGO_VERDICT_REJECTED},
      {"E11000 duplicate key error collection: a.b", MONGO_VERDICT_TAKEN},
  };

  for (guint i = 0; i < G_N_ELEMENTS (messages); i++) {
    g_autofree gchar *reply = g_strdup_printf (
        "{\"writeErrors\":[{\"index\":0,\"code\":11000,\"errmsg\":\"%s\"}]}", messages[i].message);

    assert_verdicts (reply, SERVER_ERROR (11000), &messages[i].verdict, 1);
  }
}
GST_END_TEST;

/* MongoDB Atlas reports a missing right and a full quota with the same code, so the message decides
 * which it is. */
GST_START_TEST (test_a_full_quota_is_retried_and_not_taken_for_a_missing_right)
{
  static const gchar *const reasons[] = {"you are over your space quota, using 513 MB of 512 MB",
      "user is not allowed to do action [insert] on [fog.events]"};
  static const MongoVerdict verdicts[] = {MONGO_VERDICT_RETRY, MONGO_VERDICT_DENIED};

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
    bson_error_t error = SERVER_ERROR (8000);
    g_autofree gchar *reply = g_strdup_printf (
        "{\"writeErrors\":[{\"index\":0,\"code\":8000,\"errmsg\":\"%s\"}]}", reasons[i]);

    assert_verdicts (reply, error, &verdicts[i], 1);
    g_strlcpy (error.message, reasons[i], sizeof error.message);
    assert_verdicts ("{\"nInserted\":0}", error, &verdicts[i], 1);
  }
}
GST_END_TEST;

GST_START_TEST (test_a_write_concern_error_beside_a_write_error_is_found)
{
  assert_verdicts (
      "{\"nInserted\":1,\"writeErrors\":[{\"index\":0,\"code\":121,\"errmsg\":\"validation\"}],"
      "\"writeConcernErrors\":[{\"code\":64,\"errmsg\":\"timed out\"}]}",
      SERVER_ERROR (121), VERDICTS (MONGO_VERDICT_REJECTED, MONGO_VERDICT_RETRY), 2);
  assert_verdicts (
      "{\"nInserted\":1,\"writeConcernErrors\":[{\"code\":79,\"errmsg\":\"unknown mode\"}]}",
      SERVER_ERROR (79), VERDICTS (MONGO_VERDICT_FAILED), 1);
}
GST_END_TEST;

GST_START_TEST (test_documents_without_a_result_are_retried)
{
  assert_verdicts (
      "{\"nInserted\":1,\"writeErrors\":[{\"index\":1,\"code\":121,\"errmsg\":\"validation\"}]}",
      SERVER_ERROR (121),
      VERDICTS (MONGO_VERDICT_RETRY, MONGO_VERDICT_REJECTED, MONGO_VERDICT_RETRY), 3);
}
GST_END_TEST;

GST_START_TEST (test_errors_of_a_whole_batch_are_retried_or_final)
{
  static const struct {
    guint domain, code;
    MongoVerdict expected;
  } cases[] = {
      {MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, MONGO_VERDICT_LOST},
      {MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE, MONGO_VERDICT_RETRY},
      {MONGOC_ERROR_SERVER, 10107, MONGO_VERDICT_RETRY},
      {MONGOC_ERROR_SERVER, 16500, MONGO_VERDICT_RETRY},
      {MONGOC_ERROR_SERVER, 13, MONGO_VERDICT_DENIED},
      {MONGOC_ERROR_SERVER, 73, MONGO_VERDICT_SPLIT},
      {MONGOC_ERROR_SERVER, 10334, MONGO_VERDICT_SPLIT},
      {MONGOC_ERROR_BSON, MONGOC_ERROR_BSON_INVALID, MONGO_VERDICT_SPLIT},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    bson_error_t error = {.domain = cases[i].domain, .code = cases[i].code};

    assert_verdicts (
        "{\"nInserted\":0}", error, VERDICTS (cases[i].expected, cases[i].expected), 2);
  }
  assert_verdicts ("{\"nInserted\":0,\"errorLabels\":[\"RetryableWriteError\"]}",
      SERVER_ERROR (4711), VERDICTS (MONGO_VERDICT_RETRY), 1);
}
GST_END_TEST;

GST_START_TEST (test_options_of_the_uri_override_the_defaults)
{
  g_autoptr (mongoc_uri_t) plain = mongo_uri_open ("mongodb://h1,h2:27018/db", NULL, NULL);
  g_autoptr (mongoc_uri_t) own =
      mongo_uri_open ("mongodb://h/?socketTimeoutMS=9000&w=1&retryWrites=true", NULL, NULL);
  g_autoptr (mongoc_uri_t) with_at =
      mongo_uri_open ("mongodb://u:p%40ss@h/db?appName=a%40b", NULL, NULL);
  g_autofree gchar *hosts = mongo_uri_describe (plain);

  fail_unless_equals_string (hosts, "h1:27017,h2:27018");
  fail_unless_equals_string (mongoc_uri_get_password (with_at), "p@ss");
  fail_unless_equals_int (mongoc_uri_get_option_as_int32 (plain, "sockettimeoutms", 0), 3000);
  fail_unless_equals_int (mongoc_uri_get_option_as_int32 (own, "sockettimeoutms", 0), 9000);
  fail_if (mongoc_uri_get_option_as_bool (plain, "retrywrites", true));
  fail_unless (mongoc_uri_get_option_as_bool (own, "retrywrites", false));
  fail_unless (mongoc_write_concern_get_wmajority (mongoc_uri_get_write_concern (plain)));
  fail_unless_equals_int (mongoc_write_concern_get_w (mongoc_uri_get_write_concern (own)), 1);
}
GST_END_TEST;

static void
assert_uri_refused (const gchar *text, const gchar *file, gint code)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *lower = NULL;

  fail_unless (mongo_uri_open (text, file, &error) == NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s", error->message);
  lower = g_ascii_strdown (error->message, -1);
  fail_unless (strstr (lower, "hunter2") == NULL, "%s", error->message);
}

GST_START_TEST (test_errors_of_invalid_uris_contain_no_password)
{
  /* libmongoc would take the text after the first @ for a host, look it up, and print it. */
  assert_uri_refused ("mongodb://fog:p@hunter2@host/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused (
      "mongodb://fog:p@HUNTER2@host:27017/db?tls=true", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://f@hunter2:secret@host/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb+srv://fog:p@hunter2@host/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://fog:hunter2/x@host/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  /* libmongoc would take the text behind the ? for an option of the host "hunter2". */
  assert_uri_refused ("mongodb://fog:p@hunter2/?x=y@host/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://fog:p@hunter2/db?x=y@host", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://hunter2:8081/?x=y@host/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://me:hunter2%zz@h/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://me:hunter2@h:port/", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("hunter2@h", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused ("mongodb://h/?w=0", NULL, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused (NULL, "/nonexistent/uri", GST_RESOURCE_ERROR_NOT_FOUND);
  assert_uri_refused (NULL, "/", GST_RESOURCE_ERROR_OPEN_READ);
}
GST_END_TEST;

GST_START_TEST (test_uri_sources)
{
  g_autofree gchar *path = NULL;
  gint fd = g_file_open_tmp (NULL, &path, NULL);
  g_autoptr (mongoc_uri_t) from_file = NULL;
  g_autoptr (mongoc_uri_t) from_environment = NULL;
  g_autoptr (mongoc_uri_t) from_default = NULL;
  g_autofree gchar *file_host = NULL;
  g_autofree gchar *environment_host = NULL;
  g_autofree gchar *default_host = NULL;

  fail_unless (fd >= 0 && g_close (fd, NULL));
  fail_unless (g_file_set_contents (path, "\n mongodb://filed \n", -1, NULL));
  /* a Secret of Kubernetes may end with a newline */
  g_setenv ("MONGODB_URI", " mongodb://env/db\n", TRUE);
  from_file = mongo_uri_open (NULL, path, NULL);
  from_environment = mongo_uri_open (NULL, NULL, NULL);
  fail_unless (g_file_set_contents (path, "password", -1, NULL));
  assert_uri_refused (NULL, path, GST_RESOURCE_ERROR_SETTINGS);
  assert_uri_refused (NULL, "/dev/zero", GST_RESOURCE_ERROR_OPEN_READ);
  g_unsetenv ("MONGODB_URI");
  from_default = mongo_uri_open (NULL, NULL, NULL);
  g_remove (path);
  file_host = mongo_uri_describe (from_file);
  environment_host = mongo_uri_describe (from_environment);
  default_host = mongo_uri_describe (from_default);
  fail_unless_equals_string (file_host, "filed:27017");
  fail_unless_equals_string (environment_host, "env:27017");
  fail_unless_equals_string (mongoc_uri_get_database (from_environment), "db");
  fail_unless_equals_string (default_host, "localhost:27017");
}
GST_END_TEST;

static Suite *
mongodocument_suite (void)
{
  Suite *s = suite_create ("mongodocument");
  TCase *tc = tcase_create ("general");

  mongoc_init ();
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_extended_json_keeps_types);
  tcase_add_test (tc, test_texts_that_are_no_document_are_refused);
  tcase_add_test (tc, test_error_names_a_byte_order_mark);
  tcase_add_test (tc, test_dates_keep_their_instant);
  tcase_add_test (tc, test_values_that_libbson_would_change_are_refused);
  tcase_add_test (tc, test_objects_that_only_look_like_a_type_are_kept);
  tcase_add_test (tc, test_an_id_that_looks_like_a_condition_is_compared_as_a_value);
  tcase_add_test (tc, test_bounds);
  tcase_add_test (tc, test_depth);
  tcase_add_test (tc, test_lines_fail_alone);
  tcase_add_test (tc, test_streams_of_documents_may_be_split_at_any_byte);
  tcase_add_test (tc, test_bson);
  tcase_add_test (tc, test_deep_bson);
  tcase_add_test (tc, test_embedded_documents_with_a_wrong_length_are_refused);
  tcase_add_test (tc, test_mutated_documents);
  tcase_add_loop_test (tc, test_values_are_kept_or_refused, 0, G_N_ELEMENTS (values));
  tcase_add_test (tc, test_id);
  tcase_add_test (tc, test_the_collection_of_a_document_follows_the_template);
  tcase_add_test (tc, test_collection_templates_are_checked);
  tcase_add_test (tc, test_index_command);
  tcase_add_test (tc, test_each_write_error_is_attributed_to_its_document);
  tcase_add_test (tc, test_the_index_of_a_duplicate_key_is_read_from_the_message);
  tcase_add_test (tc, test_a_full_quota_is_retried_and_not_taken_for_a_missing_right);
  tcase_add_test (tc, test_a_write_concern_error_beside_a_write_error_is_found);
  tcase_add_test (tc, test_documents_without_a_result_are_retried);
  tcase_add_test (tc, test_errors_of_a_whole_batch_are_retried_or_final);
  tcase_add_test (tc, test_options_of_the_uri_override_the_defaults);
  tcase_add_test (tc, test_errors_of_invalid_uris_contain_no_password);
  tcase_add_test (tc, test_uri_sources);
  return s;
}

GST_CHECK_MAIN (mongodocument);
