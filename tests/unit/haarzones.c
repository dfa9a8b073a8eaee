/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the properties zones and zones-file: zones in which faces count, and masks in which nothing
 * is searched. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <string.h>

#include "elementtest.h"
#include "frames/haarzones.h"
#include "haarframes.h"

#define LEFT "[[0,0],[0.5,0],[0.5,1],[0,1]]"
#define RIGHT "[[0.5,0],[1,0],[1,1],[0.5,1]]"
#define ALL "[[0,0],[1,0],[1,1],[0,1]]"

/* --- the text --- */

GST_START_TEST (test_the_error_names_the_mistake_in_the_zones)
{
  static const gchar *const texts[][2] = {
      {"", "empty"},
      {"nonsense", "not JSON"},
      {"[]", "not an object"},
      {"{\"a\":7}", "camera \"a\": not an object"},
      {"{\"\":{}}", "its name is empty"},
      {"{\"a\\n\":{}}", "its name"},
      {"{\"a\":{\"zone\":{}}}", "\"zone\" is neither"},
      {"{\"a\":{\"zones\":[]}}", "\"zones\" isn't an object"},
      {"{\"a\":{\"zones\":{\"\":" ALL "}}}", "a zone's name is empty"},
      {"{\"a\":{\"zones\":{\"$date\":" ALL "}}}", "\"$date\""},
      {"{\"a\":{\"zones\":{\"x.y\":" ALL "}}}", "has a dot"},
      {"{\"a\":{\"zones\":{\"x\":7}}}", "zone \"x\": not a list of points"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1]]}}}", "zone \"x\": 2 points"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],[2,0]]}}}", "zone \"x\": point 3 isn't"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],[-0.1,0]]}}}", "point 3 isn't"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],[1e999,0]]}}}", "point 3 isn't"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],[\"1\",0]]}}}", "point 3 isn't"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],[1,0,0]]}}}", "point 3 isn't"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],null]}}}", "point 3 isn't"},
      {"{\"a\":{\"zones\":{\"x\":[[0,0],[1,1],[0.5,0.5]]}}}", "zone \"x\": it encloses nothing"},
      {"{\"a\":{\"masks\":{}}}", "\"masks\" isn't a list"},
      {"{\"a\":{\"masks\":[" ALL ",7]}}", "camera \"a\", mask 2: not a list of points"},
      {"{\"a\":{\"masks\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}}", "too deep"},
      {"\xff\xfe", "not UTF-8"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    fail_unless (
        haar_zones_parse (texts[i][0], strlen (texts[i][0]), &error) == NULL, "%s", texts[i][0]);
    fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA));
    fail_unless (
        strstr (error->message, texts[i][1]) != NULL, "%s: %s", texts[i][0], error->message);
  }
}
GST_END_TEST;

/* Checks that a text with @n entries is an error. @format: the JSON of one entry, with its number;
 * @frame: the JSON around all entries */
static void
expect_too_many (guint n, const gchar *format, const gchar *frame, const gchar *named)
{
  GString *entries = g_string_new (NULL);
  g_autofree gchar *text = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++) {
    if (i)
      g_string_append_c (entries, ',');
    g_string_append_printf (entries, format, i);
  }
  text = g_strdup_printf (frame, entries->str);
  fail_unless (haar_zones_parse (text, strlen (text), &error) == NULL, "%s", named);
  fail_unless (strstr (error->message, named) != NULL, "%s", error->message);
  g_string_free (entries, TRUE);
}

GST_START_TEST (test_the_numbers_of_cameras_zones_masks_and_points_are_limited)
{
  expect_too_many (HAAR_ZONES_CAMERAS + 1, "\"%u\":{}", "{%s}", "more than 1024 cameras");
  expect_too_many (
      HAAR_ZONES_OF_CAMERA + 1, "\"%u\":" ALL, "{\"a\":{\"zones\":{%s}}}", "more than 32 zones");
  expect_too_many (HAAR_ZONES_OF_CAMERA + 1, "[[0,0],[1,0],[0.%02u,1]]", "{\"a\":{\"masks\":[%s]}}",
      "more than 32 masks");
  expect_too_many (
      HAAR_ZONES_POINTS + 1, "[0.%02u,0.5]", "{\"a\":{\"masks\":[[%s]]}}", "65 points");
  expect_too_many (200000, "\"%06u\"", "{\"a\":[%s]}", "too large");
}
GST_END_TEST;

/* --- what is searched --- */

static HaarZones *
parse_zones (const gchar *text)
{
  g_autoptr (GError) error = NULL;
  HaarZones *zones = haar_zones_parse (text, strlen (text), &error);

  fail_unless (zones != NULL, "%s: %s", text, error ? error->message : "");
  return zones;
}

/* Checks the area in which faces are searched in a picture of 100x50, for the zones @text of the
 * camera "a". */
static void
expect_area (const gchar *text, gint max_size, gint x, gint y, gint w, gint h)
{
  g_autoptr (HaarZones) zones = parse_zones (text);
  g_autofree guint8 *white = g_malloc (5000), *scratch = NULL;
  FogLuma luma = {white, 100, 100, 50};
  HaarRect area;

  memset (white, 255, 5000);
  fail_unless (
      haar_camera_zones_limit (haar_zones_find (zones, "a"), &luma, max_size, &scratch, &area));
  fail_unless (area.x == x && area.y == y && area.w == w && area.h == h, "%s: %d,%d %dx%d", text,
      area.x, area.y, area.w, area.h);
}

GST_START_TEST (test_areas_where_no_face_can_count_are_not_searched)
{
  expect_area ("{}", 0, 0, 0, 100, 50);
  expect_area ("{\"b\":{\"masks\":[" ALL "]}}", 0, 0, 0, 100, 50);
  expect_area ("{\"*\":{\"masks\":[" LEFT "]}}", 0, 50, 0, 50, 50);
  expect_area ("{\"*\":{\"masks\":[" LEFT "]},\"a\":{}}", 0, 0, 0, 100, 50);
  expect_area ("{\"a\":{\"masks\":[" LEFT "," RIGHT "]}}", 0, 0, 0, 0, 0);
  expect_area ("{\"a\":{\"masks\":[[[0,0],[1,0],[1,0.6],[0,0.6]]]}}", 0, 0, 30, 100, 20);
  /* Two opposite corners of the picture are outside of this mask, so the rectangle around the
   * unmasked pixels is nearly the whole picture. */
  expect_area ("{\"a\":{\"masks\":[[[0,0],[1,0],[0,1]]]}}", 0, 1, 0, 99, 50);
  /* A face counts if its middle is in the zone, so it may reach out of the zone by half of its
   * size, which the picture's edge and max-size limit. */
  expect_area ("{\"a\":{\"zones\":{\"x\":[[0,0],[0.1,0],[0.1,0.2],[0,0.2]]}}}", 0, 0, 0, 21, 21);
  expect_area ("{\"a\":{\"zones\":{\"x\":[[0.5,0],[0.6,0],[0.6,1],[0.5,1]]}}}", 20, 39, 0, 32, 50);
  expect_area ("{\"a\":{\"zones\":{\"x\":" LEFT "},\"masks\":[" LEFT "]}}", 4, 50, 0, 3, 50);
}
GST_END_TEST;

/* A mask blackens exactly the pixels within its polygon, in a copy of the picture. */
GST_START_TEST (test_masks_blacken_the_pixels_within_their_polygon)
{
  g_autoptr (HaarZones) zones =
      parse_zones ("{\"a\":{\"masks\":[[[0.2,0.2],[0.8,0.2],[0.8,0.8],[0.2,0.8]]]}}");
  g_autofree guint8 *white = g_malloc (100), *scratch = NULL;
  FogLuma luma = {white, 10, 10, 10};
  HaarRect area;

  memset (white, 255, 100);
  fail_unless (haar_camera_zones_limit (haar_zones_find (zones, "a"), &luma, 0, &scratch, &area));
  fail_unless (area.w == 10 && area.h == 10);
  for (gint i = 0; i < 100; i++) {
    gboolean inside = i % 10 >= 2 && i % 10 < 8 && i / 10 >= 2 && i / 10 < 8;

    fail_unless_equals_int (luma.data[i], inside ? 0 : 255);
    fail_unless_equals_int (white[i], 255);
  }
}
GST_END_TEST;

/* --- the element --- */

static GstHarness *
make_zoned (GstElement *element, const gchar *property, const gchar *value)
{
  GstHarness *h;

  g_object_set (element, "min-faces", 0, "workers", 1, "min-neighbors", 3, "min-size", SIDE,
      "max-size", SIDE, property, value, NULL);
  h = gst_harness_new_with_element (element, "sink", "src");
  set_caps (h, 320, 64);
  return h;
}

static GstBuffer *
scene_of (const gchar *camera, gboolean left, gboolean right, guint n)
{
  GstBuffer *frame = make_scene (left, right, n);

  gst_kafka_meta_set_headers (frame, "camera", camera, NULL);
  return frame;
}

/* Sends a frame of camera "a" that shows two faces, and checks its document. @faces: number of
 * faces in the document; @zones: the document's text about zones, or NULL if it must have none */
static void
expect_faces (GstHarness *h, guint n, guint faces, const gchar *zones)
{
  GstBuffer *document;
  GstMapInfo map;
  g_autofree gchar *text = NULL, *count = g_strdup_printf ("\"faces\":%u,", faces);

  gst_harness_push (h, scene_of ("a", TRUE, TRUE, n));
  document = gst_harness_pull (h);
  gst_buffer_map (document, &map, GST_MAP_READ);
  text = g_strndup ((gchar *) map.data, map.size);
  gst_buffer_unmap (document, &map);
  gst_buffer_unref (document);
  fail_unless (strstr (text, count) != NULL, "%s", text);
  fail_unless (zones ? strstr (text, zones) != NULL : strstr (text, "zones") == NULL, "%s", text);
}

GST_START_TEST (test_faces_are_counted_in_each_zone)
{
  GstElement *element = make_element ();
  GstHarness *h = make_zoned (element, "zones",
      "{\"a\":{\"zones\":{\"door\":" LEFT ",\"hall\":" ALL "}},\"b\":{\"zones\":{\"door\":" LEFT
      "}}}");
  GstBuffer *document;
  JsonParser *parser = json_parser_new ();
  JsonObject *object, *box;

  expect_faces (h, 0, 2, "\"zones\":{\"door\":1,\"hall\":2}");
  expect_faces (h, 1, 2, "\"zones\":[\"door\",\"hall\"]");
  expect_faces (h, 2, 2, "\"zones\":[\"hall\"]");
  fail_unless_equals_uint64 (get_stat (element, "outside-zones"), 0);
  gst_harness_push (h, scene_of ("b", TRUE, TRUE, 3));
  document = gst_harness_pull (h);
  object = parse (parser, document);
  fail_unless_equals_int (json_object_get_int_member (object, "faces"), 1);
  box = json_array_get_object_element (json_object_get_array_member (object, "boxes"), 0);
  fail_unless (json_object_get_int_member (box, "x") < 160);
  gst_buffer_unref (document);
  /* No box was found outside the zones, because only the area around them was searched; without
   * max-size faces may be large, so the whole frame is searched. */
  fail_unless_equals_uint64 (get_stat (element, "outside-zones"), 0);
  g_object_set (element, "max-size", 0, NULL);
  gst_harness_push (h, scene_of ("b", TRUE, TRUE, 3));
  gst_buffer_unref (gst_harness_pull (h));
  fail_unless (get_stat (element, "outside-zones") > 0);
  g_object_set (element, "max-size", SIDE, NULL);
  gst_harness_push (h, scene_of ("c", TRUE, TRUE, 4));
  document = gst_harness_pull (h);
  object = parse (parser, document);
  fail_unless_equals_int (json_object_get_int_member (object, "faces"), 2);
  fail_if (json_object_has_member (object, "zones"));
  gst_buffer_unref (document);
  g_object_unref (parser);
  end_harness (h, element);
}
GST_END_TEST;

static void
expect_zone (const GValue *zones, const gchar *camera, const gchar *zone, guint64 faces)
{
  for (guint i = 0; i < gst_value_array_get_size (zones); i++) {
    const GstStructure *s = gst_value_get_structure (gst_value_array_get_value (zones, i));
    guint64 n;

    if (g_strcmp0 (gst_structure_get_string (s, "camera"), camera) != 0 ||
        g_strcmp0 (gst_structure_get_string (s, "zone"), zone) != 0)
      continue;
    fail_unless (gst_structure_get_uint64 (s, "faces", &n));
    fail_unless_equals_uint64 (n, faces);
    return;
  }
  fail ("no zone %s of %s", zone, camera);
}

GST_START_TEST (test_stats_count_the_faces_of_each_zone)
{
  GstElement *element = make_element ();
  GstHarness *h = make_zoned (element, "zones",
      "{\"*\":{\"zones\":{\"door\":" LEFT ",\"hall\":" ALL ",\"none\":"
      "[[0.4,0],[0.6,0],[0.6,1]]}}}");
  GstStructure *stats;
  const GValue *zones;

  for (guint i = 0; i < 3; i++)
    expect_faces (h, i, 2, "\"door\":1");
  gst_harness_push (h, scene_of ("b\nc", TRUE, FALSE, 4));
  gst_buffer_unref (gst_harness_pull (h));
  g_object_get (element, "stats", &stats, NULL);
  zones = gst_structure_get_value (stats, "zones");
  fail_unless_equals_int (gst_value_array_get_size (zones), 6);
  expect_zone (zones, "a", "door", 3);
  expect_zone (zones, "a", "hall", 6);
  expect_zone (zones, "a", "none", 0);
  expect_zone (zones, "b\nc", "door", 1);
  gst_structure_free (stats);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_no_face_is_found_in_masks)
{
  GstElement *element = make_element ();
  GstHarness *h = make_zoned (element, "zones", "{\"a\":{\"masks\":[" RIGHT "]}}");

  expect_faces (h, 0, 1, NULL);
  g_object_set (element, "zones", "{\"a\":{\"masks\":[" ALL "]}}", NULL);
  expect_faces (h, 1, 0, NULL);
  g_object_set (element, "zones", NULL, NULL);
  expect_faces (h, 2, 2, NULL);
  end_harness (h, element);
}
GST_END_TEST;

/* A still picture is searched as a whole again after a change of the property zones. */
GST_START_TEST (test_a_change_of_zones_searches_a_still_picture_again)
{
  GstElement *element = make_element ();
  GstHarness *h = make_zoned (element, "zones", "{\"a\":{\"masks\":[" RIGHT "]}}");

  g_object_set (element, "rescan-interval", 3600 * GST_SECOND, NULL);
  expect_faces (h, 0, 1, NULL);
  expect_faces (h, 1, 1, NULL);
  fail_unless_equals_uint64 (get_stat (element, "unchanged"), 1);
  g_object_set (element, "zones", "{\"a\":{\"zones\":{\"x\":" ALL "}}}", NULL);
  expect_faces (h, 2, 2, "\"x\":2");
  expect_faces (h, 3, 2, "\"x\":2");
  fail_unless_equals_uint64 (get_stat (element, "unchanged"), 2);
  end_harness (h, element);
}
GST_END_TEST;

GST_START_TEST (test_invalid_zones_set_while_playing_are_ignored_with_a_warning)
{
  GstElement *element = make_element ();
  GstHarness *h = make_zoned (element, "zones", "{\"a\":{\"zones\":{\"door\":" LEFT "}}}");
  GstBus *bus = gst_bus_new ();
  g_autofree gchar *text = NULL;

  gst_element_set_bus (element, bus);
  expect_faces (h, 0, 1, "\"door\":1");
  g_object_set (element, "zones", "{\"a\":{\"zones\":{\"door\":7}}}", NULL);
  expect_faces (h, 1, 1, "\"door\":1");
  text = wait_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (
      strstr (text, "camera \"a\", zone \"door\"") && strstr (text, "still hold"), "%s", text);
  expect_faces (h, 2, 1, "\"door\":1");
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

static void
write_file (const gchar *path, const gchar *text)
{
  fail_unless (g_file_set_contents (path, text, -1, NULL));
}

/* Pushes frames until the document of one has @faces faces. */
static void
await_faces (GstHarness *h, guint n, gint64 faces)
{
  JsonParser *parser = json_parser_new ();
  gint64 found = -1;

  for (guint i = 0; i < 300 && found != faces; i++) {
    GstBuffer *document;

    g_usleep (G_USEC_PER_SEC / 10);
    gst_harness_push (h, scene_of ("a", TRUE, TRUE, n + i));
    document = gst_harness_pull (h);
    found = json_object_get_int_member (parse (parser, document), "faces");
    gst_buffer_unref (document);
  }
  fail_unless_equals_int64 (found, faces);
  g_object_unref (parser);
}

GST_START_TEST (test_a_changed_zones_file_is_read_again)
{
  GstElement *element = make_element ();
  g_autofree gchar *path = g_build_filename (dir, "zones.json", NULL), *text = NULL;
  GstBus *bus = gst_bus_new ();
  GstHarness *h;

  write_file (path, "{\"a\":{\"zones\":{\"door\":" LEFT "}}}");
  h = make_zoned (element, "zones-file", path);
  gst_element_set_bus (element, bus);
  expect_faces (h, 0, 1, "\"door\":1");
  write_file (path, "{\"a\":{}}");
  await_faces (h, 1, 2);
  write_file (path, "{\"a\":{\"zones\":");
  /* The element checks the file once a second, when a frame comes. */
  for (guint i = 0; i < 25; i++)
    await_faces (h, 400 + i, 2);
  text = wait_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (strstr (text, path) != NULL, "%s", text);
  write_file (path, "{\"a\":{\"masks\":[" ALL "]}}");
  await_faces (h, 90000, 0);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
  g_unlink (path);
}
GST_END_TEST;

/* Pushes frames until the element posts a warning, and returns the warning's text (transfer
 * full). */
static gchar *
await_warning (GstHarness *h, GstBus *bus, guint n, gint64 faces, gint code)
{
  GstMessage *message = NULL;

  for (guint i = 0; i < 200 && !message; i++) {
    await_faces (h, n + i, faces);
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  }
  if (message)
    gst_bus_post (bus, message);
  return wait_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, code);
}

/* Pushes frames for 3.5 s, in which the element checks the file three times, and checks that it
 * posts no warning. */
static void
expect_silence (GstHarness *h, GstBus *bus, guint n, gint64 faces)
{
  for (guint i = 0; i < 35; i++)
    await_faces (h, n + i, faces);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
}

static GstBus *
watch (GstElement *element)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (element, bus);
  return bus;
}

GST_START_TEST (test_a_zones_file_that_is_removed_is_one_warning)
{
  GstElement *element = make_element ();
  g_autofree gchar *path = g_build_filename (dir, "zones.json", NULL), *text = NULL;
  GstHarness *h;
  GstBus *bus;

  write_file (path, "{\"a\":{\"masks\":[" RIGHT "]}}");
  h = make_zoned (element, "zones-file", path);
  bus = watch (element);
  expect_faces (h, 0, 1, NULL);
  g_unlink (path);
  text = await_warning (h, bus, 1, 1, GST_RESOURCE_ERROR_NOT_FOUND);
  fail_unless (strstr (text, path) && strstr (text, "still hold"), "%s", text);
  expect_silence (h, bus, 1000, 1);
  write_file (path, "{}");
  await_faces (h, 2000, 2);
  g_unlink (path);
  g_mkdir (path, 0700);
  g_free (text);
  text = await_warning (h, bus, 3000, 2, GST_RESOURCE_ERROR_OPEN_READ);
  g_rmdir (path);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
}
GST_END_TEST;

/* A zones-file that is set beside zones is refused with a warning, and isn't applied a second later
 * either, when the element would read the file. */
GST_START_TEST (test_a_zones_file_beside_zones_is_refused_while_playing)
{
  GstElement *element = make_element ();
  g_autofree gchar *path = g_build_filename (dir, "zones.json", NULL), *text = NULL;
  GstHarness *h = make_zoned (element, "zones", "{\"a\":{\"masks\":[" RIGHT "]}}");
  GstBus *bus = watch (element);

  expect_faces (h, 0, 1, NULL);
  write_file (path, "{}");
  g_object_set (element, "zones-file", path, NULL);
  text = await_warning (h, bus, 1, 1, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (strstr (text, "unset one") && strstr (text, "still hold"), "%s", text);
  expect_silence (h, bus, 1000, 1);
  g_object_set (element, "zones", NULL, NULL);
  expect_faces (h, 2000, 2, NULL);
  g_object_set (element, "zones-file", "/nowhere/zones.json", NULL);
  g_free (text);
  text = await_warning (h, bus, 2001, 2, GST_RESOURCE_ERROR_NOT_FOUND);
  expect_silence (h, bus, 3000, 2);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  end_harness (h, element);
  g_unlink (path);
}
GST_END_TEST;

static void
expect_refusal (const gchar *zones, const gchar *file, gint code, const gchar *named)
{
  GstElement *element = make_element ();

  g_object_set (element, "zones", zones, "zones-file", file, NULL);
  expect_no_start (element, GST_RESOURCE_ERROR, code, named);
}

GST_START_TEST (test_invalid_zones_are_errors_at_the_start)
{
  g_autofree gchar *path = g_build_filename (dir, "zones.json", NULL);

  expect_refusal ("{\"a\":{\"zones\":{\"door\":[[0,0]]}}}", NULL, GST_RESOURCE_ERROR_SETTINGS,
      "zone \"door\": 1 points");
  expect_refusal (NULL, path, GST_RESOURCE_ERROR_NOT_FOUND, path);
  expect_refusal (NULL, dir, GST_RESOURCE_ERROR_OPEN_READ, "regular file");
  expect_refusal (NULL, "/dev/zero", GST_RESOURCE_ERROR_OPEN_READ, "regular file");
  write_file (path, "{\"a\":{\"masks\":[[]]}}");
  expect_refusal (NULL, path, GST_RESOURCE_ERROR_SETTINGS, "mask 1: 0 points");
  expect_refusal ("{}", path, GST_RESOURCE_ERROR_SETTINGS, "unset one");
  g_unlink (path);
}
GST_END_TEST;

static Suite *
haarzones_suite (void)
{
  Suite *suite = suite_create ("haarzones");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, haar_frames_setup, haar_frames_teardown);
  tcase_add_test (tc, test_the_error_names_the_mistake_in_the_zones);
  tcase_add_test (tc, test_the_numbers_of_cameras_zones_masks_and_points_are_limited);
  tcase_add_test (tc, test_areas_where_no_face_can_count_are_not_searched);
  tcase_add_test (tc, test_masks_blacken_the_pixels_within_their_polygon);
  tcase_add_test (tc, test_faces_are_counted_in_each_zone);
  tcase_add_test (tc, test_stats_count_the_faces_of_each_zone);
  tcase_add_test (tc, test_no_face_is_found_in_masks);
  tcase_add_test (tc, test_a_change_of_zones_searches_a_still_picture_again);
  tcase_add_test (tc, test_invalid_zones_set_while_playing_are_ignored_with_a_warning);
  tcase_add_test (tc, test_a_changed_zones_file_is_read_again);
  tcase_add_test (tc, test_a_zones_file_that_is_removed_is_one_warning);
  tcase_add_test (tc, test_a_zones_file_beside_zones_is_refused_while_playing);
  tcase_add_test (tc, test_invalid_zones_are_errors_at_the_start);
  return suite;
}

GST_CHECK_MAIN (haarzones)
