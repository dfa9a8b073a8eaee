/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "liveclip.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fogfile.h"
#include "fogjson.h"
#include "model/livename.h"

#define PREFIX "fog-live-clip-"
#define RANDOM "XXXXXX"

/* Latest time in a request, ms since the Unix epoch: a time in the year 2223. */
#define MOST_TIME G_GINT64_CONSTANT (8000000000000)
#define MOST_NOTES 2000 /* bytes */
/* Size (bytes) of the stack of each thread of fog-clip. A stack counts towards the limit of
 * fog-clip's memory, whether it is used or not. */
#define STACK (2 * 1024 * 1024)
/* Niceness of fog-clip, so that the page's own threads have priority. */
#define NICENESS 10

static const struct {
  const gchar *kind, *type;
} kinds[] = {
    {"mp4", "video/mp4"},
    {"mkv", "video/x-matroska"},
    {"webm", "video/webm"},
    {"jsonl", "application/x-ndjson; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
};

static gboolean
fail (GError **error, gint code, const gchar *text)
{
  g_set_error_literal (error, G_IO_ERROR, code, text);
  return FALSE;
}

/* --- the wish --- */

static gboolean
read_camera (LiveClip *self, JsonObject *object, GError **error)
{
  const gchar *camera = fog_json_read_string (object, "camera");

  if (!live_name_is_usable (camera))
    return fail (error, G_IO_ERROR_INVALID_ARGUMENT, "The request needs the camera's name.");
  self->camera = g_strdup (camera);
  return TRUE;
}

static gboolean
read_range (LiveClip *self, JsonObject *object, GError **error)
{
  guint64 from = 0, to = 0;

  if (!fog_json_read_count (object, "from", MOST_TIME, &from, NULL) ||
      !fog_json_read_count (object, "to", MOST_TIME, &to, NULL) || from >= to)
    return fail (error, G_IO_ERROR_INVALID_ARGUMENT,
        "from has to be earlier than to; both are whole ms since the Unix epoch.");
  if (to - from > LIVE_CLIP_RANGE * 1000)
    return fail (error, G_IO_ERROR_INVALID_ARGUMENT,
        "A clip from the page is of 10 minutes at most: pipelines/clip makes longer ones.");
  self->from = (gint64) from;
  self->to = (gint64) to;
  return TRUE;
}

static gboolean
read_kind (LiveClip *self, JsonObject *object, GError **error)
{
  const gchar *kind = fog_json_read_string (object, "kind");

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_strcmp0 (kind, kinds[i].kind) == 0)
      self->kind = kinds[i].kind;
  return self->kind ||
         fail (error, G_IO_ERROR_INVALID_ARGUMENT, "kind must be mp4, mkv, webm, jsonl or csv.");
}

gboolean
live_clip_parse (LiveClip *self, const gchar *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = fog_json_parse_object (parser, text, size, error);
  JsonNode *boxes = object ? json_object_get_member (object, "boxes") : NULL;

  *self = (LiveClip){0};
  self->boxes = boxes && JSON_NODE_HOLDS_VALUE (boxes) && json_node_get_boolean (boxes);
  return object && read_camera (self, object, error) && read_range (self, object, error) &&
         read_kind (self, object, error);
}

void
live_clip_clear (LiveClip *self)
{
  g_clear_pointer (&self->camera, g_free);
}

const gchar *
live_clip_get_type (const LiveClip *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (self->kind, kinds[i].kind))
      return kinds[i].type;
  return NULL;
}

/* --- the temporary directory --- */

/* A temporary directory of this process. The process holds a lock on the directory, which the
 * kernel releases when the process ends, even if it is killed. */
typedef struct {
  gchar *path;
  gint lock; /* file descriptor of the directory */
} Scratch;

/* Locks the directory. Returns its file descriptor, or -1 if another process uses the directory, or
 * another user owns it. */
static gint
lock (const gchar *path)
{
  gint fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat found;

  if (fd >= 0 && fstat (fd, &found) == 0 && found.st_uid == geteuid () &&
      flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

static gboolean
scratch_make (Scratch *self, GError **error)
{
  self->path = g_dir_make_tmp (PREFIX RANDOM, error);
  if (!self->path)
    return FALSE;
  self->lock = lock (self->path);
  if (self->lock >= 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "\"%s\" can't be locked", self->path);
  g_rmdir (self->path);
  g_clear_pointer (&self->path, g_free);
  return FALSE;
}

/* Removes the directory with the files in it. */
static void
scratch_remove (Scratch *self)
{
  g_autoptr (GDir) directory = g_dir_open (self->path, 0, NULL);
  const gchar *name;

  while (directory && (name = g_dir_read_name (directory))) {
    g_autofree gchar *file = g_build_filename (self->path, name, NULL);

    g_unlink (file);
  }
  g_rmdir (self->path);
  close (self->lock);
  g_clear_pointer (&self->path, g_free);
}

static gboolean
is_scratch (const gchar *name)
{
  return g_str_has_prefix (name, PREFIX) && strlen (name) == strlen (PREFIX RANDOM);
}

/* Removes the directories of processes that were killed. */
static void
scratch_remove_stale (void)
{
  g_autoptr (GDir) directory = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const gchar *name;

  while (directory && (name = g_dir_read_name (directory))) {
    Scratch stale;

    if (!is_scratch (name))
      continue;
    stale.path = g_build_filename (g_get_tmp_dir (), name, NULL);
    stale.lock = lock (stale.path);
    if (stale.lock >= 0) {
      g_message ("removed \"%s\", which a killed process had left", stale.path);
      scratch_remove (&stale);
    } else {
      g_free (stale.path);
    }
  }
}

/* --- life --- */

struct _LiveClips {
  gchar *program;
  LiveClipBounds bounds;
  gint making; /* atomic: 1 while a clip is being made */
  gint unsent; /* atomic: number of clips that viewers haven't downloaded completely yet */
};

LiveClips *
live_clips_new (const LiveClipBounds *bounds)
{
  LiveClips *self = g_atomic_rc_box_new0 (LiveClips);

  self->bounds = *bounds;
  self->program = g_strdup (bounds->program);
  scratch_remove_stale ();
  return self;
}

static void
clear (gpointer data)
{
  LiveClips *self = data;

  g_free (self->program);
}

void
live_clips_unref (LiveClips *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

gchar *
live_clips_find_program (void)
{
  g_autofree gchar *own = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree gchar *directory = g_path_get_dirname (own ? own : "");
  gchar *beside = g_build_filename (directory, "fog-clip", NULL);

  if (g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return beside;
  g_free (beside);
  return g_build_filename (directory, "..", "tools", "fog-clip", NULL);
}

/* --- the child --- */

static void
limit (gint resource, rlim_t most)
{
  const struct rlimit bound = {most, most};

  setrlimit ((__rlimit_resource_t) resource, &bound);
}

/* Limits the child. Code that runs in the child before exec may call only functions that are safe
 * after a fork. The alarm stays set in fog-clip. */
static void
bound_child (gpointer data)
{
  const LiveClipBounds *bounds = data;

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  signal (SIGXFSZ, SIG_DFL);
  signal (SIGALRM, SIG_DFL);
  limit (RLIMIT_FSIZE, bounds->size);
  limit (RLIMIT_DATA, bounds->memory);
  limit (RLIMIT_STACK, STACK);
  limit (RLIMIT_CORE, 0);
  setpriority (PRIO_PROCESS, 0, NICENESS);
  alarm (bounds->time);
}

/* Makes the launcher of fog-clip, without the environment variables of the token, of the database
 * and of the health tracer, which fog-clip doesn't need, and of GStreamer's log, because log lines
 * must not be mixed with fog-clip's messages. */
static GSubprocessLauncher *
make_launcher (LiveClips *self, const gchar *directory)
{
  static const gchar *const unneeded[] = {"LIVE_TOKEN", "MONGODB_URI", "MONGODB_URI_FILE",
      "GST_TRACERS", "GST_DEBUG", "GST_DEBUG_FILE", "G_MESSAGES_DEBUG"};
  g_autofree gchar *notes = g_build_filename (directory, "notes", NULL);
  GSubprocessLauncher *launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);

  for (guint i = 0; i < G_N_ELEMENTS (unneeded); i++)
    g_subprocess_launcher_unsetenv (launcher, unneeded[i]);
  g_subprocess_launcher_setenv (launcher, "TMPDIR", directory, TRUE);
  g_subprocess_launcher_set_stderr_file_path (launcher, notes);
  g_subprocess_launcher_set_child_setup (launcher, bound_child, &self->bounds, NULL);
  return launcher;
}

static gchar *
make_time (gint64 ms)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (ms / 1000);
  g_autofree gchar *text = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");

  return g_strdup_printf ("%s.%03dZ", text, (gint) (ms % 1000));
}

static GSubprocess *
start (LiveClips *self, const LiveClip *wish, const gchar *directory, const gchar *file,
    GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = make_launcher (self, directory);
  g_autofree gchar *camera = g_strconcat ("--camera=", wish->camera, NULL);
  g_autofree gchar *from = make_time (wish->from), *to = make_time (wish->to);
  const gchar *blur = live_blur_name (self->bounds.blur);
  const gchar *const words[] = {self->program, camera, "--from", from, "--to", to, "--blur", blur,
      file, wish->boxes ? "--boxes" : NULL, NULL};

  return g_subprocess_launcher_spawnv (launcher, words, error);
}

/* Waits for the child. Returns FALSE, after killing the child, if the viewer has closed the
 * connection. */
static gboolean
wait_for_child (GSubprocess *child, GCancellable *gone, GError **error)
{
  if (g_subprocess_wait (child, gone, error))
    return TRUE;
  g_subprocess_force_exit (child);
  g_subprocess_wait (child, NULL, NULL);
  return FALSE;
}

/* Returns: (transfer full): a text that takes the place of fog-clip's messages, which can't be
 * read */
static gchar *
explain_unread (const GError *error)
{
  g_message ("fog-clip's messages can't be read: %s", error->message);
  if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_INVAL))
    return g_strdup ("fog-clip's messages can't be read: there are more than 64 KiB of them.");
  return g_strdup ("");
}

/* Returns: (transfer full): the messages of fog-clip, without the names of files in the temporary
 * directory */
static gchar *
read_notes (const gchar *directory)
{
  g_autofree gchar *path = g_build_filename (directory, "notes", NULL);
  g_autofree gchar *text = NULL, *prefix = g_strconcat (directory, "/", NULL);
  g_autofree gchar *valid = NULL;
  g_autoptr (GError) error = NULL;
  GString *notes;

  if (!fog_file_read (path, FOG_FILE_MAX, &text, NULL, &error))
    return explain_unread (error);
  valid = g_utf8_make_valid (g_strstrip (text), -1);
  notes = g_string_new (valid);
  g_string_replace (notes, prefix, "", 0);
  if (notes->len > MOST_NOTES)
    g_string_truncate (notes, MOST_NOTES);
  g_clear_pointer (&valid, g_free);
  valid = g_utf8_make_valid (notes->str, (gssize) notes->len);
  g_string_free (notes, TRUE);
  return g_steal_pointer (&valid);
}

/* Returns whether @notes say that there is no more memory, in the words of GLib, of the C library,
 * or of an encoder. */
static gboolean
say_memory (const gchar *notes)
{
  g_autofree gchar *low = g_ascii_strdown (notes, -1);

  return strstr (low, "alloc") || strstr (low, "memory");
}

/* Returns FALSE with @error, the reason why there is no clip, if fog-clip has failed. */
static gboolean
judge (const LiveClips *self, GSubprocess *child, const gchar *notes, GError **error)
{
  gint signal = g_subprocess_get_if_signaled (child) ? g_subprocess_get_term_sig (child) : 0;

  if (signal == SIGALRM)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "The clip takes more than %u s: choose a shorter range.", self->bounds.time);
  else if (signal == SIGXFSZ)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "The clip has more than %" G_GSIZE_FORMAT " MB: choose a shorter range.",
        self->bounds.size / (1024 * 1024));
  else if ((signal || g_subprocess_get_exit_status (child) > 1) && say_memory (notes))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "The clip takes more than %" G_GSIZE_FORMAT " MB of memory: its pictures are too large.",
        self->bounds.memory / (1024 * 1024));
  else if (signal)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "fog-clip ended with signal %d.", signal);
  else if (g_subprocess_get_exit_status (child) > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s",
        *notes ? notes : "fog-clip failed and gave no reason.");
  else
    return TRUE;
  return FALSE;
}

/* --- the result --- */

/* The contents of a clip, mapped into memory. The file itself has been removed already. */
typedef struct {
  LiveClips *clips;
  GMappedFile *map;
} Sent;

static void
sent_free (gpointer data)
{
  Sent *self = data;

  g_mapped_file_unref (self->map);
  g_atomic_int_add (&self->clips->unsent, -1);
  live_clips_unref (self->clips);
  g_free (self);
}

static GBytes *
take_file (LiveClips *self, const gchar *file, GError **error)
{
  GMappedFile *map = g_mapped_file_new (file, FALSE, error);
  Sent *sent;

  if (!map)
    return NULL;
  sent = g_new (Sent, 1);
  *sent = (Sent){g_atomic_rc_box_acquire (self), map};
  g_atomic_int_inc (&self->unsent);
  return g_bytes_new_with_free_func (
      g_mapped_file_get_contents (map), g_mapped_file_get_length (map), sent_free, sent);
}

static GBytes *
make_in (LiveClips *self, const LiveClip *wish, const gchar *directory, GCancellable *gone,
    gchar **notes, GError **error)
{
  g_autofree gchar *name = g_strconcat ("clip.", wish->kind, NULL);
  g_autofree gchar *file = g_build_filename (directory, name, NULL);
  g_autoptr (GSubprocess) child = start (self, wish, directory, file, error);

  if (!child || !wait_for_child (child, gone, error))
    return NULL;
  *notes = read_notes (directory);
  return judge (self, child, *notes, error) ? take_file (self, file, error) : NULL;
}

static GBytes *
make_one (LiveClips *self, const LiveClip *wish, GCancellable *gone, gchar **notes, GError **error)
{
  Scratch scratch;
  GBytes *bytes;

  if (!scratch_make (&scratch, error)) {
    g_prefix_error (error, "A clip needs a temporary directory: ");
    return NULL;
  }
  bytes = make_in (self, wish, scratch.path, gone, notes, error);
  scratch_remove (&scratch);
  return bytes;
}

GBytes *
live_clips_make (
    LiveClips *self, const LiveClip *wish, GCancellable *gone, gchar **notes, GError **error)
{
  gint64 began = g_get_monotonic_time ();
  GBytes *bytes;

  *notes = NULL;
  if (g_atomic_int_get (&self->unsent) >= LIVE_CLIP_UNSENT) {
    fail (error, G_IO_ERROR_BUSY, "Viewers haven't taken the last four clips yet; try again.");
    return NULL;
  }
  if (!g_atomic_int_compare_and_exchange (&self->making, 0, 1)) {
    fail (error, G_IO_ERROR_BUSY, "Another clip is being made; try again when it is done.");
    return NULL;
  }
  bytes = make_one (self, wish, gone, notes, error);
  g_atomic_int_set (&self->making, 0);
  g_info ("clip of %s, %" G_GINT64_FORMAT " ms as %s: %" G_GSIZE_FORMAT " bytes in %.1f s%s%s",
      wish->camera, wish->to - wish->from, wish->kind, bytes ? g_bytes_get_size (bytes) : 0,
      (gdouble) (g_get_monotonic_time () - began) / G_USEC_PER_SEC, error && *error ? ": " : "",
      error && *error ? (*error)->message : "");
  return bytes;
}
