/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <gst/check/gstcheck.h>
#include <math.h>
#include <string.h>

#include "fogfile.h"
#include "fogcaps.h"
#include "fogfield.h"
#include "fogjson.h"
#include "fogreport.h"
#include "fogtemplate.h"
#include "fogthread.h"
#include "fogtime.h"
#include "gstkafkameta.h"

static gint told;
static GstKafkaAckOutcome told_outcome;

static void
notify (gpointer ledger, gint64 offset, GstKafkaAckOutcome outcome)
{
  fail_unless_equals_int64 (offset, 42);
  told++;
  told_outcome = outcome;
}

static GstBuffer *
acked_buffer (void)
{
  GstBuffer *buffer = gst_buffer_new ();
  GstKafkaAck *ack = gst_kafka_ack_new (NULL, 42, notify, NULL);

  told = 0;
  gst_kafka_meta_take_ack (buffer, ack);
  return buffer;
}

GST_START_TEST (test_an_ack_token_lives_as_long_as_any_copy_of_its_buffer)
{
  GstBuffer *buffer = acked_buffer ();
  GstBuffer *copy = gst_buffer_copy (buffer);

  gst_kafka_meta_mark (copy, GST_KAFKA_ACK_DONE);
  gst_buffer_unref (buffer);
  fail_unless_equals_int (told, 0);
  gst_buffer_unref (copy);
  fail_unless_equals_int (told, 1);
  fail_unless_equals_int (told_outcome, GST_KAFKA_ACK_DONE);
}
GST_END_TEST;

GST_START_TEST (test_ack_failure_stays)
{
  GstBuffer *buffer = acked_buffer ();

  gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
  gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
  gst_buffer_unref (buffer);
  fail_unless_equals_int (told_outcome, GST_KAFKA_ACK_FAILED);
  gst_buffer_unref (acked_buffer ());
  fail_unless_equals_int (told, 1);
  fail_unless_equals_int (told_outcome, GST_KAFKA_ACK_UNDECIDED);
}
GST_END_TEST;

GST_START_TEST (test_a_header_is_set_on_one_copy_of_a_buffer_only)
{
  GstBuffer *buffer = gst_buffer_new (), *copy;
  guint64 seq;

  gst_kafka_meta_set_headers (buffer, "camera", "cam-1", "seq", "7", NULL);
  copy = gst_buffer_copy (buffer);
  gst_kafka_meta_set_headers (copy, "seq", "18446744073709551615", "camera", NULL, NULL);
  fail_unless_equals_string (gst_kafka_meta_get_header (buffer, "camera"), "cam-1");
  fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "seq", &seq));
  fail_unless_equals_uint64 (seq, 7);
  fail_unless (gst_kafka_meta_get_header (copy, "camera") == NULL);
  fail_unless (gst_kafka_meta_get_header_uint64 (copy, "seq", &seq));
  fail_unless_equals_uint64 (seq, G_MAXUINT64);
  gst_buffer_unref (buffer);
  gst_buffer_unref (copy);
}
GST_END_TEST;

/* Does what kafkasink's streaming thread and librdkafka's thread do at the same time with a header
 * that all messages share. */
static gpointer
ref_and_unref (gpointer header)
{
  for (guint i = 0; i < 500000; i++)
    gst_kafka_header_unref (gst_kafka_header_ref (header));
  return NULL;
}

GST_START_TEST (test_threads_may_share_headers)
{
  GstKafkaHeader *header = gst_kafka_header_new (GST_KAFKA_HEADER_CAMERA, "cam-1", -1);
  GThread *other = g_thread_new ("other", ref_and_unref, header);

  ref_and_unref (header);
  g_thread_join (other);
  fail_unless (g_atomic_ref_count_compare (header->refs, 1));
  gst_kafka_header_unref (header);
}

GST_END_TEST;

GST_START_TEST (test_setting_one_header_keeps_the_others)
{
  const GstKafkaHeader from[] = {
      {.name = "raw", .value = "\xff\0\x80", .size = 3},
      {.name = "null", .value = NULL, .size = 5},
      {.name = GST_KAFKA_HEADER_CAMERA, .value = "cam-1 and more", .size = 5},
  };
  GPtrArray *headers = gst_kafka_headers_new_copies (from, G_N_ELEMENTS (from));
  GstKafkaHeader *kept = gst_kafka_header_ref (g_ptr_array_index (headers, 2));
  const GstKafkaHeader *raw = g_ptr_array_index (headers, 0),
                       *null = g_ptr_array_index (headers, 1);

  fail_unless_equals_int (headers->len, 3);
  fail_unless_equals_int (raw->size, 3);
  fail_unless (memcmp (raw->value, from[0].value, 4) == 0);
  fail_unless (null->value == NULL && null->size == 0);
  g_ptr_array_unref (headers);
  fail_unless_equals_string (kept->name, GST_KAFKA_HEADER_CAMERA);
  fail_unless_equals_string (kept->value, "cam-1");
  gst_kafka_header_unref (kept);
}
GST_END_TEST;

GST_START_TEST (test_a_header_number_is_decimal_and_complete)
{
  static const gchar *const wrong[] = {
      "", "-1", "+1", " 1", "1 ", "1.5", "0x1", "18446744073709551616"};
  GstBuffer *buffer = gst_buffer_new ();
  guint64 number;

  gst_kafka_meta_set_headers (buffer, "most", "18446744073709551615", "nil", "0", NULL);
  fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "most", &number) && number == G_MAXUINT64);
  fail_unless (gst_kafka_meta_get_header_uint64 (buffer, "nil", &number) && number == 0);
  fail_if (gst_kafka_meta_get_header_uint64 (buffer, "absent", &number));
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    gst_kafka_meta_set_headers (buffer, "wrong", wrong[i], NULL);
    fail_if (gst_kafka_meta_get_header_uint64 (buffer, "wrong", &number), "took \"%s\"", wrong[i]);
  }
  gst_buffer_unref (buffer);
}
GST_END_TEST;

GST_START_TEST (test_headers_with_any_bytes_are_kept)
{
  GstBuffer *buffer = gst_buffer_new ();
  GPtrArray *headers = gst_kafka_headers_new (3);
  gdouble number;

  g_ptr_array_add (headers, gst_kafka_header_new ("raw", "\xff\0\x80", 3));
  g_ptr_array_add (headers, gst_kafka_header_new ("null", NULL, 0));
  g_ptr_array_add (headers, gst_kafka_header_new ("rate", "1e999", -1));
  gst_kafka_meta_take_headers (buffer, headers);
  fail_unless (gst_kafka_meta_get_header (buffer, "raw") == NULL);
  fail_unless (gst_kafka_meta_get_header (buffer, "null") == NULL);
  fail_if (gst_kafka_meta_get_header_double (buffer, "rate", &number));
  headers = gst_kafka_meta_get_headers (buffer);
  fail_unless_equals_int (((GstKafkaHeader *) g_ptr_array_index (headers, 0))->size, 3);
  gst_buffer_unref (buffer);
}
GST_END_TEST;

GST_START_TEST (test_capture_time_comes_from_the_header_before_the_timestamp)
{
  GstElement *element = gst_element_factory_make ("identity", NULL);
  GstBuffer *buffer = gst_buffer_new ();
  GstCaps *caps = gst_caps_from_string ("timestamp/x-unix");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_if (GST_CLOCK_TIME_IS_VALID (fog_time_of_capture (element, &segment, buffer)));
  gst_buffer_add_reference_timestamp_meta (buffer, caps, 12345, GST_CLOCK_TIME_NONE);
  fail_unless_equals_uint64 (fog_time_of_capture (element, &segment, buffer), 12345);
  gst_kafka_meta_set_headers (buffer, "capture-time", "678", NULL);
  fail_unless_equals_uint64 (fog_time_of_capture (element, &segment, buffer), 678);
  gst_caps_unref (caps);
  gst_buffer_unref (buffer);
  gst_object_unref (element);
}
GST_END_TEST;

GST_START_TEST (test_a_report_that_is_written_and_read_is_unchanged)
{
  g_autoptr (FogReport) report = fog_report_new ("fog-\"1\"");
  g_autoptr (FogReport) back = NULL;
  g_autofree gchar *text = NULL;
  FogReportCamera *camera = fog_report_add_camera (report, "cam-1");
  gint partition = 3;
  gsize size;

  report->seq = 17;
  report->version = g_strdup ("0.1.0");
  report->interval = 0.1;
  report->frames = 61;
  report->busy = 4.9;
  report->workers = 2;
  report->lag = 3;
  report->age_p95 = 0.44;
  report->leaving = TRUE;
  g_array_append_val (report->partitions, partition);
  camera->session = g_strdup ("9f2c41d0");
  camera->last_seq = 1234;
  camera->max = 30;
  camera->min = 0.5;
  camera->weight = 1e-8;
  fail_unless (fog_report_add_camera (report, "cam-1") == camera);

  text = fog_report_to_json (report, &size);
  back = fog_report_parse (text, size, NULL);
  fail_unless (back != NULL);
  fail_unless_equals_string (back->replica, "fog-\"1\"");
  fail_unless_equals_uint64 (back->seq, 17);
  fail_unless_equals_string (back->version, "0.1.0");
  fail_unless_equals_float (back->interval, 0.1);
  fail_unless_equals_float (back->busy, 4.9);
  fail_unless_equals_int (back->workers, 2);
  fail_unless (isnan (back->age_p50));
  fail_unless_equals_float (back->age_p95, 0.44);
  fail_unless (back->leaving);
  fail_unless_equals_int (g_array_index (back->partitions, gint, 0), 3);
  camera = g_ptr_array_index (back->cameras, 0);
  fail_unless_equals_string (camera->session, "9f2c41d0");
  fail_unless_equals_uint64 (camera->last_seq, 1234);
  fail_unless_equals_float (camera->min, 0.5);
}
GST_END_TEST;

static const gdouble numbers[] = {
    0, 1, 0.1, 1e-5, 1e-8, 2e-8, 5e-324, 1e15, 1e18, -1e18, 1.5e20, 1e300, 1.7976931348623157e308};

/* A camera's weight may be any of these numbers, and the fog sends it to all cameras in its
 * reports. */
GST_START_TEST (test_numbers_of_any_size_are_valid_json)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL, back = NULL;
  g_autofree gchar *text = NULL;
  gdouble number = numbers[__i__];

  json_builder_begin_array (builder);
  fog_json_add_number (builder, number);
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  back = json_from_string (text, NULL);
  fail_unless (back != NULL, "%s", text);
  fail_unless (fabs (json_array_get_double_element (json_node_get_array (back), 0) - number) <=
                   1e-12 * fabs (number),
      "%s", text);
}
GST_END_TEST;

static const gchar *not_reports[] = {
    "",
    "null",
    "[]",
    "{}",
    "{\"replica\":7}",
    "{\"replica\":\"a\",\"busy\":-1}",
    "{\"replica\":\"a\",\"busy\":1e308}",
    "{\"replica\":\"a\",\"busy\":1e999}",
    "{\"replica\":\"a\",\"busy\":NaN}",
    "{\"replica\":\"a\",\"interval\":0}",
    "{\"replica\":\"a\",\"workers\":0}",
    "{\"replica\":\"a\",\"frames\":\"many\"}",
    "{\"replica\":\"a\",\"partitions\":[-1]}",
    "{\"replica\":\"a\",\"partitions\":{}}",
    "{\"replica\":\"a\",\"cameras\":[1]}",
    "{\"replica\":\"a\",\"cameras\":{\"c\":1}}",
    "{\"replica\":\"a\",\"age\":1}",
    "{\"replica\":\"a\",\"leaving\":1}",
    "{\"replica\":\"\xff\"}",
    "{\"replica\":\"a\"",
};

GST_START_TEST (test_reading_a_report_of_any_text_does_not_crash)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *deep = g_strnfill (1000000, '[');

  fail_unless (fog_report_parse (not_reports[__i__], strlen (not_reports[__i__]), &error) == NULL);
  fail_unless (error != NULL);
  fail_unless (fog_report_parse (deep, 1000000, NULL) == NULL);
}
GST_END_TEST;

/* {caps that are offered, the part of them that is kept} */
static const gchar *const offers[][2] = {
    {"ANY", "ANY"},
    {"EMPTY", "EMPTY"},
    {"image/jpeg", "image/jpeg"},
    {"video/x-raw(memory:SystemMemory)", "video/x-raw"},
    {"video/x-raw(memory:DMABuf), format=DMA_DRM; video/x-raw", "video/x-raw"},
    {"video/x-raw(memory:GLMemory); video/x-raw(memory:VASurface); image/jpeg", "image/jpeg"},
    {"video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition); video/x-raw",
        "video/x-raw"},
    /* The features ANY include system memory. */
    {"video/x-raw(ANY)", "video/x-raw"},
    {"image/jpeg; video/x-raw(ANY), format=I420", "image/jpeg; video/x-raw, format=I420"},
    /* Caps without system memory are kept unchanged, and the element has to refuse them. */
    {"video/x-raw(memory:NVMM)", "video/x-raw(memory:NVMM)"},
};

GST_START_TEST (test_only_caps_of_system_memory_are_kept)
{
  g_autoptr (GstCaps) offered = gst_caps_from_string (offers[__i__][0]);
  g_autoptr (GstCaps) expected = gst_caps_from_string (offers[__i__][1]);
  g_autoptr (GstCaps) kept = fog_caps_keep_plain (offered);

  fail_unless (gst_caps_is_strictly_equal (kept, expected), "%s gave %" GST_PTR_FORMAT,
      offers[__i__][0], kept);
}
GST_END_TEST;

static const gchar *const refused[][2] = {
    {"video/x-raw(memory:NVMM)", "a device's memory"},
    {"video/x-raw(memory:DMABuf, meta:GstVideoOverlayComposition)", "a device's memory"},
    {"video/x-raw(meta:GstVideoOverlayComposition)", "\"meta:GstVideoOverlayComposition\""},
    {"video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)",
        "\"meta:GstVideoOverlayComposition\""},
    {"image/jpeg; video/x-raw(format:Interlaced)", "\"format:Interlaced\""},
};

GST_START_TEST (test_the_reason_for_refused_caps_names_their_feature)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (refused[__i__][0]);
  g_autofree gchar *why = fog_caps_explain (caps);

  fail_if (fog_caps_are_plain (caps));
  fail_unless (strstr (why, refused[__i__][1]) != NULL, "%s: %s", refused[__i__][0], why);
}
GST_END_TEST;

/* --- properties that are fields of the element's C structure --- */

typedef struct {
  gboolean boolean;
  gint integer;
  guint unsigned_integer;
  guint64 time;
  gdouble number;
  GstState state;
  gchar *text;
} Fields;

static const FogField fields[] = {
    {1, G_STRUCT_OFFSET (Fields, boolean)},
    {2, G_STRUCT_OFFSET (Fields, integer)},
    {3, G_STRUCT_OFFSET (Fields, unsigned_integer)},
    {4, G_STRUCT_OFFSET (Fields, time)},
    {5, G_STRUCT_OFFSET (Fields, number)},
    {6, G_STRUCT_OFFSET (Fields, state)},
    {7, G_STRUCT_OFFSET (Fields, text)},
    {0},
};

/* Sets the property from the text @text, and expects to read the same value. */
static void
expect_field (Fields *structure, guint id, GType type, const gchar *text)
{
  GValue in = G_VALUE_INIT, out = G_VALUE_INIT;

  g_value_init (&in, type);
  g_value_init (&out, type);
  fail_unless (gst_value_deserialize (&in, text));
  fail_unless (fog_field_set (fields, structure, id, &in));
  fail_unless (fog_field_get (fields, structure, id, &out));
  fail_unless_equals_int (gst_value_compare (&in, &out), GST_VALUE_EQUAL);
  g_value_unset (&in);
  g_value_unset (&out);
}

/* A long name of a session is shortened in the `_id`, because an `_id` of megabytes would make each
 * document of the frame too large. */
GST_START_TEST (test_the_id_of_a_frame_has_a_bounded_length)
{
  g_autofree gchar *long_name = g_strnfill (900000, 's'), *id = NULL, *other = NULL;
  GstBuffer *buffer = gst_buffer_new ();

  gst_kafka_meta_set_headers (buffer, GST_KAFKA_HEADER_CAMERA, "cam-1", GST_KAFKA_HEADER_SESSION,
      long_name, GST_KAFKA_HEADER_SEQ, "7", NULL);
  id = gst_kafka_meta_make_frame_id (buffer);
  fail_unless (strlen (id) < 300 && g_str_has_prefix (id, "cam-1:sss"), "%zu", strlen (id));
  long_name[899999] = 't';
  gst_kafka_meta_set_headers (buffer, GST_KAFKA_HEADER_SESSION, long_name, NULL);
  other = gst_kafka_meta_make_frame_id (buffer);
  fail_if (g_str_equal (id, other));
  gst_buffer_unref (buffer);
}
GST_END_TEST;

GST_START_TEST (test_properties_of_every_type_are_set_and_read)
{
  Fields structure = {0};
  GValue value = G_VALUE_INIT;

  expect_field (&structure, 1, G_TYPE_BOOLEAN, "true");
  expect_field (&structure, 2, G_TYPE_INT, "-2147483648");
  expect_field (&structure, 3, G_TYPE_UINT, "4294967295");
  expect_field (&structure, 4, G_TYPE_UINT64, "18446744073709551615");
  expect_field (&structure, 5, G_TYPE_DOUBLE, "1.5");
  expect_field (&structure, 6, GST_TYPE_STATE, "paused");
  expect_field (&structure, 7, G_TYPE_STRING, "first");
  expect_field (&structure, 7, G_TYPE_STRING, "second");
  fail_unless (structure.boolean);
  fail_unless_equals_int (structure.integer, G_MININT);
  fail_unless_equals_int (structure.unsigned_integer, G_MAXUINT);
  fail_unless_equals_uint64 (structure.time, G_MAXUINT64);
  fail_unless_equals_float (structure.number, 1.5);
  fail_unless_equals_int (structure.state, GST_STATE_PAUSED);
  fail_unless_equals_string (structure.text, "second");

  g_value_init (&value, G_TYPE_STRING);
  fail_unless (fog_field_set (fields, &structure, 7, &value));
  fail_unless (structure.text == NULL);
  fail_if (fog_field_set (fields, &structure, 8, &value));
  fail_if (fog_field_get (fields, &structure, 0, &value));
}
GST_END_TEST;

/* --- templates --- */

/* A FogTemplateFunc. */
static gboolean
append_twice (GString *filled, const gchar *name, gpointer user_data)
{
  g_string_append_printf (filled, "%s%s", name, name);
  return !g_str_equal (name, "none");
}

GST_START_TEST (test_templates)
{
  static const gchar *bad[] = {"%{", "a%{b", "%{}", "%{a}%{", "%{a}%{}"};
  static const gchar *good[][2] = {{"", ""}, {"a", "a"}, {"%", "%"}, {"{a}", "{a}"},
      {"}%{a}", "}aa"}, {"%{a}", "aa"}, {"<%{a}-%{b}>", "<aa-bb>"}, {"%%{a}}", "%aa}"},
      {"%{a%{b}", "a%{ba%{b"}, {"x%{none}", NULL}};

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    fail_if (fog_template_check (bad[i]), "%s", bad[i]);
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree gchar *filled = NULL;

    fail_unless (fog_template_check (good[i][0]), "%s", good[i][0]);
    fail_unless_equals_int (
        fog_template_has_places (good[i][0]), strstr (good[i][0], "%{") != NULL);
    filled = fog_template_fill (good[i][0], append_twice, NULL);
    fail_unless_equals_string (filled, good[i][1]);
  }
}
GST_END_TEST;

/* --- threads --- */

static gpointer
wait_to_be_told (gpointer gate)
{
  g_mutex_lock (gate);
  g_mutex_unlock (gate);
  return NULL;
}

GST_START_TEST (test_a_thread_that_hangs_is_abandoned_after_a_limit)
{
  static GMutex gate; /* static, because the thread may still use it after the test */
  gint64 far = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&gate);
  fail_if (fog_thread_end (
      fog_thread_new ("hangs", wait_to_be_told, &gate, NULL), g_get_monotonic_time () + 1000));
  fail_if (fog_thread_end (fog_thread_new ("hangs", wait_to_be_told, &gate, &error), 0));
  fail_unless (error == NULL);
  g_mutex_unlock (&gate);
  fail_unless (fog_thread_end (fog_thread_new ("ends", wait_to_be_told, &gate, &error), far));
}
GST_END_TEST;

static gint freed; /* atomic */

static void
note_free (gpointer unused)
{
  g_atomic_int_inc (&freed);
}

static gboolean
return_data (gpointer data)
{
  return GPOINTER_TO_INT (data);
}

/* The data of a thread are freed only when its function has returned. */
GST_START_TEST (test_a_wait_for_a_thread_can_be_interrupted)
{
  static GMutex gate;
  FogThread *thread;

  g_atomic_int_set (&freed, 0);
  g_mutex_lock (&gate);
  thread = fog_thread_start ("hangs", wait_to_be_told, &gate, note_free);
  fail_if (fog_thread_is_done (thread));
  fail_if (fog_thread_wait (thread, return_data, GINT_TO_POINTER (TRUE)));
  fog_thread_release (thread);
  fail_unless_equals_int (g_atomic_int_get (&freed), 0);
  g_mutex_unlock (&gate);
  while (!g_atomic_int_get (&freed))
    g_usleep (1000);
  thread = fog_thread_start ("ends", wait_to_be_told, &gate, note_free);
  fail_unless (fog_thread_wait (thread, return_data, NULL));
  fail_unless (fog_thread_is_done (thread));
  fog_thread_release (thread);
  while (g_atomic_int_get (&freed) < 2)
    g_usleep (1000);
}
GST_END_TEST;

static void
expect_file (const gchar *path, gboolean readable, GFileError code)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *text = NULL;
  gsize size;

  fail_unless (fog_file_read (path, FOG_FILE_MAX, &text, &size, &error) == readable, "%s", path);
  fail_unless (readable || (!text && g_error_matches (error, G_FILE_ERROR, (gint) code) &&
                               strstr (error->message, path)),
      "%s: %s", path, error ? error->message : "");
}

static void
expect_error_of_size (const gchar *path)
{
  g_autoptr (GError) error = NULL;
  gchar *text;

  fail_if (fog_file_read (path, FOG_FILE_MAX / 2, &text, NULL, &error));
  fail_unless (strstr (error->message, "larger than 32 KiB") != NULL, "%s", error->message);
}

/* A file that a setting names is refused if it is a device or a pipe, which would block an
 * element's start for ever, or is larger than FOG_FILE_MAX. */
GST_START_TEST (test_a_file_that_a_setting_names_is_read_only_if_regular_and_small)
{
  g_autofree gchar *directory = g_dir_make_tmp ("fogfile-XXXXXX", NULL);
  g_autofree gchar *path = g_build_filename (directory, "file", NULL);
  g_autofree gchar *text = g_strnfill (FOG_FILE_MAX + 1, 'x'), *read = NULL;

  expect_file (path, FALSE, G_FILE_ERROR_NOENT);
  expect_file (directory, FALSE, G_FILE_ERROR_INVAL);
  expect_file ("/dev/zero", FALSE, G_FILE_ERROR_INVAL);
  fail_unless_equals_int (mkfifo (path, 0600), 0);
  expect_file (path, FALSE, G_FILE_ERROR_INVAL);
  g_unlink (path);
  g_file_set_contents (path, text, FOG_FILE_MAX + 1, NULL);
  expect_file (path, FALSE, G_FILE_ERROR_INVAL);
  g_file_set_contents (path, text, FOG_FILE_MAX, NULL);
  fail_unless (fog_file_read (path, FOG_FILE_MAX, &read, NULL, NULL));
  fail_unless_equals_int (strlen (read), FOG_FILE_MAX);
  expect_error_of_size (path);
  g_file_set_contents (path, "", 0, NULL);
  expect_file (path, TRUE, 0);
  g_unlink (path);
  g_rmdir (directory);
}
GST_END_TEST;

static Suite *
common_suite (void)
{
  Suite *s = suite_create ("common");
  TCase *tc = tcase_create ("general");

  gst_kafka_meta_register ();
  gst_kafka_meta_register ();
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_an_ack_token_lives_as_long_as_any_copy_of_its_buffer);
  tcase_add_test (tc, test_ack_failure_stays);
  tcase_add_test (tc, test_a_header_is_set_on_one_copy_of_a_buffer_only);
  tcase_add_test (tc, test_threads_may_share_headers);
  tcase_add_test (tc, test_headers_with_any_bytes_are_kept);
  tcase_add_test (tc, test_setting_one_header_keeps_the_others);
  tcase_add_test (tc, test_a_header_number_is_decimal_and_complete);
  tcase_add_test (tc, test_capture_time_comes_from_the_header_before_the_timestamp);
  tcase_add_test (tc, test_a_report_that_is_written_and_read_is_unchanged);
  tcase_add_loop_test (
      tc, test_reading_a_report_of_any_text_does_not_crash, 0, G_N_ELEMENTS (not_reports));
  tcase_add_loop_test (tc, test_only_caps_of_system_memory_are_kept, 0, G_N_ELEMENTS (offers));
  tcase_add_loop_test (
      tc, test_the_reason_for_refused_caps_names_their_feature, 0, G_N_ELEMENTS (refused));
  tcase_add_test (tc, test_the_id_of_a_frame_has_a_bounded_length);
  tcase_add_test (tc, test_properties_of_every_type_are_set_and_read);
  tcase_add_test (tc, test_templates);
  tcase_add_test (tc, test_a_file_that_a_setting_names_is_read_only_if_regular_and_small);
  tcase_add_test (tc, test_a_thread_that_hangs_is_abandoned_after_a_limit);
  tcase_add_test (tc, test_a_wait_for_a_thread_can_be_interrupted);
  tcase_add_loop_test (tc, test_numbers_of_any_size_are_valid_json, 0, G_N_ELEMENTS (numbers));
  return s;
}

GST_CHECK_MAIN (common);
