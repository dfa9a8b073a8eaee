/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "sources/liveclip.h"

/* --- wishes --- */

static gboolean
parse (LiveClip *clip, const gchar *text, GError **error)
{
  return live_clip_parse (clip, text, strlen (text), error);
}

GST_START_TEST (test_a_request_for_a_clip_is_read)
{
  LiveClip clip;

  fail_unless (parse (&clip,
      "{\"camera\":\"the hall\",\"from\":1000,\"to\":601000,\"kind\":\"mp4\",\"boxes\":true}",
      NULL));
  fail_unless_equals_string (clip.camera, "the hall");
  fail_unless_equals_int64 (clip.from, 1000);
  fail_unless_equals_int64 (clip.to, 601000);
  fail_unless_equals_string (live_clip_get_type (&clip), "video/mp4");
  fail_unless (clip.boxes);
  live_clip_clear (&clip);
  fail_unless (parse (
      &clip, "{\"camera\":\"a\",\"from\":0,\"to\":1,\"kind\":\"csv\",\"boxes\":null}", NULL));
  fail_if (clip.boxes);
  live_clip_clear (&clip);
}
GST_END_TEST;

GST_START_TEST (test_invalid_requests_for_a_clip_are_refused)
{
  static const gchar *const texts[] = {"", "null", "[]", "{", "{}",
      "{\"camera\":\"\",\"from\":0,\"to\":1,\"kind\":\"mp4\"}",
      "{\"camera\":7,\"from\":0,\"to\":1,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"from\":1,\"to\":1,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"from\":2,\"to\":1,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"from\":-1,\"to\":1,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"from\":0,\"to\":600001,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"from\":0,\"to\":1e300,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"from\":\"0\",\"to\":1,\"kind\":\"mp4\"}",
      "{\"camera\":\"a\",\"to\":1,\"kind\":[]}", "{\"camera\":\"a\",\"from\":0,\"to\":1}",
      "{\"camera\":\"a\",\"from\":0,\"to\":1,\"kind\":\"../../x\"}"};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    LiveClip clip;

    fail_if (parse (&clip, texts[i], &error), "%s", texts[i]);
    fail_unless (error && *error->message, "%s", texts[i]);
    live_clip_clear (&clip);
  }
}
GST_END_TEST;

/* --- programs in place of fog-clip --- */

static const LiveClip wish = {"cam \"1\"", 1000, 2500, "csv", TRUE};

/* A temporary directory with a script that replaces fog-clip, and the LiveClips that runs it. */
typedef struct {
  gchar *directory, *program;
  LiveClips *clips;
} Bench;

static Bench
bench_new (const gchar *script, guint time, gsize size)
{
  /* GLib reads TMPDIR once, so all benches of a process have the same directory. */
  Bench self = {g_strdup_printf ("/tmp/liveclip-%d", (gint) getpid ())};
  g_autofree gchar *text = g_strconcat ("#!/bin/bash\nfile=${8}\n", script, NULL);

  fail_unless_equals_int (g_mkdir (self.directory, 0700), 0);
  self.program = g_build_filename (self.directory, "fog-clip", NULL);
  fail_unless (g_file_set_contents (self.program, text, -1, NULL));
  g_chmod (self.program, 0700);
  g_setenv ("TMPDIR", self.directory, TRUE);
  self.clips =
      live_clips_new (&(LiveClipBounds){self.program, LIVE_BLUR_FACES, time, size, 300000000});
  return self;
}

/* Checks that no other file than the script is left in the directory. */
static void
bench_free (Bench *self)
{
  live_clips_unref (self->clips);
  g_unlink (self->program);
  fail_unless_equals_int (g_rmdir (self->directory), 0);
  g_free (self->program);
  g_free (self->directory);
}

static GBytes *
make (const Bench *self, gchar **notes, GError **error)
{
  g_autoptr (GCancellable) gone = g_cancellable_new ();

  return live_clips_make (self->clips, &wish, gone, notes, error);
}

/* A page that is killed leaves its directory of clips, which the next page removes. It leaves alone
 * directories with a lock, whose pages run, directories with other names, and symbolic links. */
GST_START_TEST (test_directories_that_killed_pages_have_left_are_removed)
{
  static const gchar *const names[] = {"fog-live-clip-killed", "fog-live-clip-inuse1",
      "fog-live-clip-other-name", "fog-live-clip-link12"};
  Bench bench = bench_new ("", 60, 1000000);
  g_autofree gchar *file = NULL;
  gchar *paths[4];
  gint locked;

  for (guint i = 0; i < 4; i++)
    paths[i] = g_build_filename (bench.directory, names[i], NULL);
  for (guint i = 0; i < 3; i++)
    g_mkdir (paths[i], 0700);
  fail_unless_equals_int (symlink (paths[2], paths[3]), 0);
  file = g_build_filename (paths[0], "clip.mp4", NULL);
  fail_unless (g_file_set_contents (file, "frames", -1, NULL));
  locked = open (paths[1], O_RDONLY | O_CLOEXEC);
  fail_unless_equals_int (flock (locked, LOCK_EX | LOCK_NB), 0);
  live_clips_unref (
      live_clips_new (&(LiveClipBounds){bench.program, LIVE_BLUR_FACES, 1, 1, 300000000}));
  fail_if (g_file_test (paths[0], G_FILE_TEST_EXISTS));
  for (guint i = 1; i < 4; i++)
    fail_unless (g_file_test (paths[i], G_FILE_TEST_EXISTS), "%s", names[i]);
  close (locked);
  for (guint i = 4; i-- > 0;) {
    g_remove (paths[i]);
    g_free (paths[i]);
  }
  bench_free (&bench);
}
GST_END_TEST;

GST_START_TEST (test_a_clip_is_returned_with_the_programs_notes)
{
  Bench bench = bench_new ("[ -z \"${LIVE_TOKEN:-}\" ] || exit 3\n"
                           "printf '%s|' \"${@:1:7}\" >\"$file\"\n"
                           "echo \"$file: 2 frames\" >&2\nexit 1\n",
      60, 1000000);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree gchar *notes = NULL, *text = NULL;

  g_setenv ("LIVE_TOKEN", "0123456789abcdef", TRUE);
  bytes = make (&bench, &notes, &error);
  g_unsetenv ("LIVE_TOKEN");
  fail_unless (bytes && !error, "%s", error ? error->message : "");
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  fail_unless_equals_string (text,
      "--camera=cam \"1\"|--from|1970-01-01T00:00:01.000Z|--to|1970-01-01T00:00:02.500Z|--blur|"
      "faces|");
  fail_unless_equals_string (notes, "clip.csv: 2 frames");
  g_clear_pointer (&bytes, g_bytes_unref);
  bench_free (&bench);
}
GST_END_TEST;

static void
expect_failure (const gchar *script, guint time, gsize size, gint code, const gchar *said)
{
  Bench bench = bench_new (script, time, size);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *notes = NULL;

  fail_if (make (&bench, &notes, &error), "%s", script);
  fail_unless (g_error_matches (error, G_IO_ERROR, code), "%s", error->message);
  fail_unless (strstr (error->message, said), "%s", error->message);
  fail_if (strstr (error->message, bench.directory), "%s", error->message);
  bench_free (&bench);
}

GST_START_TEST (test_errors_of_clips_name_the_reason)
{
  expect_failure ("echo \"Kafka holds none.\" >&2\nexit 2\n", 60, 1000000, G_IO_ERROR_INVALID_DATA,
      "Kafka holds none.");
  expect_failure ("exit 2\n", 60, 1000000, G_IO_ERROR_INVALID_DATA, "no reason");
  expect_failure ("touch \"$file.part\"\nexec sleep 60\n", 1, 1000000, G_IO_ERROR_INVALID_DATA,
      "more than 1 s");
  expect_failure ("exec head -c 3000000 /dev/zero >\"$file\"\n", 60, 2 * 1024 * 1024,
      G_IO_ERROR_INVALID_DATA, "more than 2 MB");
  expect_failure ("head -c 1000000 /dev/zero >&2\nexit 2\n", 60, 2000000, G_IO_ERROR_INVALID_DATA,
      "more than 64 KiB");
  expect_failure (
      "rm \"${file%/*}/notes\"\nexit 2\n", 60, 2000000, G_IO_ERROR_INVALID_DATA, "gave no reason");
  expect_failure ("printf -v x %600000000s\n", 60, 1000000, G_IO_ERROR_INVALID_DATA,
      "more than 286 MB of memory");
  expect_failure ("kill -SEGV $$\n", 60, 1000000, G_IO_ERROR_FAILED, "signal 11");
}
GST_END_TEST;

GST_START_TEST (test_a_missing_program_fog_clip_is_an_error)
{
  Bench bench = bench_new ("exit 0\n", 60, 1000000);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *notes = NULL;

  g_unlink (bench.program);
  fail_if (make (&bench, &notes, &error));
  fail_unless (strstr (error->message, "fog-clip"), "%s", error->message);
  bench_free (&bench);
}
GST_END_TEST;

/* --- one at a time --- */

/* A clip that a thread makes until the test cancels it, as if its viewer had left. */
typedef struct {
  Bench *bench;
  GCancellable *gone;
  GError *error;
} Maker;

static gpointer
run_maker (gpointer data)
{
  Maker *self = data;
  g_autofree gchar *notes = NULL;

  fail_if (live_clips_make (self->bench->clips, &wish, self->gone, &notes, &self->error));
  return NULL;
}

static void
wait_for_file (const gchar *path)
{
  while (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_usleep (10000);
}

GST_START_TEST (test_a_second_clip_is_refused_and_a_cancelled_one_ends)
{
  Bench bench =
      bench_new ("touch \"$file.part\" \"${0%/*}/running\"\nexec sleep 60\n", 60, 1000000);
  g_autofree gchar *running = g_build_filename (bench.directory, "running", NULL), *notes = NULL;
  Maker maker = {&bench, g_cancellable_new (), NULL};
  GThread *thread = g_thread_new ("maker", run_maker, &maker);
  g_autoptr (GError) busy = NULL;

  wait_for_file (running);
  fail_if (make (&bench, &notes, &busy));
  fail_unless (g_error_matches (busy, G_IO_ERROR, G_IO_ERROR_BUSY));
  g_cancellable_cancel (maker.gone);
  g_thread_join (thread);
  fail_unless (g_error_matches (maker.error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  g_error_free (maker.error);
  g_object_unref (maker.gone);
  g_unlink (running);
  bench_free (&bench);
}
GST_END_TEST;

/* Finished clips that their viewers haven't got yet are limited in number, because each one
 * occupies memory. */
GST_START_TEST (test_too_many_unsent_clips_refuse_a_new_one)
{
  Bench bench = bench_new ("echo x >\"$file\"\n", 60, 1000000);
  GBytes *bytes[LIVE_CLIP_UNSENT];
  g_autoptr (GError) error = NULL;
  gchar *notes;

  for (guint i = 0; i < LIVE_CLIP_UNSENT; i++) {
    bytes[i] = make (&bench, &notes, NULL);
    fail_unless (bytes[i] != NULL);
    g_free (notes);
  }
  fail_if (make (&bench, &notes, &error));
  fail_unless (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY));
  g_bytes_unref (bytes[0]);
  bytes[0] = make (&bench, &notes, NULL);
  fail_unless (bytes[0] != NULL);
  g_free (notes);
  for (guint i = 0; i < LIVE_CLIP_UNSENT; i++)
    g_bytes_unref (bytes[i]);
  bench_free (&bench);
}
GST_END_TEST;

static Suite *
live_clip_suite (void)
{
  Suite *s = suite_create ("liveclip");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_a_request_for_a_clip_is_read);
  tcase_add_test (tc, test_invalid_requests_for_a_clip_are_refused);
  tcase_add_test (tc, test_directories_that_killed_pages_have_left_are_removed);
  tcase_add_test (tc, test_a_clip_is_returned_with_the_programs_notes);
  tcase_add_test (tc, test_errors_of_clips_name_the_reason);
  tcase_add_test (tc, test_a_missing_program_fog_clip_is_an_error);
  tcase_add_test (tc, test_a_second_clip_is_refused_and_a_cancelled_one_ends);
  tcase_add_test (tc, test_too_many_unsent_clips_refuse_a_new_one);
  return s;
}

GST_CHECK_MAIN (live_clip);
