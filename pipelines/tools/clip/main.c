/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fog-clip writes a range of a camera's frames or events into a file. pipelines/README.md */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "cliprows.h"
#include "clipvideo.h"
#include "gstkafkameta.h"
#include "livesettings.h"
#include "model/livename.h"
#include "pictures/livedecode.h"
#include "toolstime.h"

/* If Kafka's oldest frame is later than the beginning of the range by more than this time (ms),
 * retention has deleted a part of the range. */
#define TOLERANCE 1000
/* Largest number of messages that are searched for names of other cameras, and largest number of
 * names that are listed. */
#define MOST_MESSAGES 500
#define MOST_NAMES 8

typedef struct {
  gchar *camera, *from, *to, *blur;
  gboolean boxes, events, csv, force;
  gchar **files;
} Line;

typedef struct {
  LiveSettings settings;
  ClipRange range;
  ClipFormat format;
  gboolean boxes;
  LiveBlur blur;
  const gchar *file;
  guint64 missing; /* number of frames and events that were left out */
} Clip;

static gchar *part; /* path of the file into which the output is written until it is complete */

static gpointer
wait_for_signal (gpointer data)
{
  sigset_t *signals = data;
  int number;

  sigwait (signals, &number);
  if (part)
    g_unlink (part);
  _exit (128 + number);
}

/* --- the command line --- */

static gboolean
refuse (GError **error, const gchar *format, const gchar *what)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, what);
  return FALSE;
}

static ClipFormat
choose_format (const Line *line)
{
  const gchar *file = line->files[0];

  if (line->csv || g_str_has_suffix (file, ".csv"))
    return CLIP_CSV;
  if (line->events || g_str_has_suffix (file, ".jsonl") || g_str_has_suffix (file, ".json"))
    return CLIP_JSON_LINES;
  return CLIP_VIDEO;
}

static gboolean
read_range (Clip *self, const Line *line, GError **error)
{
  gint64 now = g_get_real_time () / 1000;

  if (!line->camera || !*line->camera)
    return refuse (error, "Which camera? --camera takes its id.%s", "");
  if (!line->from)
    return refuse (error, "From when? --from takes a time, such as -5min.%s", "");
  self->range.camera = line->camera;
  if (!tools_time_parse (line->from, now, &self->range.from, error) ||
      !tools_time_parse (line->to ? line->to : "now", now, &self->range.to, error))
    return FALSE;
  return self->range.from < self->range.to ||
         refuse (error, "--from has to be earlier than --to, which is %s.",
             line->to ? line->to : "now");
}

static gboolean
read_line (Clip *self, const Line *line, GError **error)
{
  if (!line->files || !line->files[0] || line->files[1])
    return refuse (error, "Give one file to write: out.mp4, out.jsonl or out.csv.%s", "");
  if (line->csv && line->events)
    return refuse (error, "Give either --events or --csv.%s", "");
  self->file = line->files[0];
  self->format = choose_format (line);
  self->boxes = line->boxes;
  if (!read_range (self, line, error) || !live_blur_parse (line->blur, &self->blur, error))
    return FALSE;
  if (!line->force && g_file_test (self->file, G_FILE_TEST_EXISTS))
    return refuse (error, "\"%s\" is there already; --force replaces it.", self->file);
  part = g_strconcat (self->file, ".part", NULL);
  return TRUE;
}

static gboolean
parse (Line *line, gint *argc, gchar ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("FILE");
  const GOptionEntry entries[] = {
      {"camera", 0, 0, G_OPTION_ARG_STRING, &line->camera, "the camera's id", "ID"},
      {"from", 0, 0, G_OPTION_ARG_STRING, &line->from, "ISO 8601 with a zone, or -5min", "TIME"},
      {"to", 0, 0, G_OPTION_ARG_STRING, &line->to, "the same (now)", "TIME"},
      {"boxes", 0, 0, G_OPTION_ARG_NONE, &line->boxes, "draw what the fog found", NULL},
      {"blur", 0, 0, G_OPTION_ARG_STRING, &line->blur, "blur faces, or the whole picture", "WHAT"},
      {"events", 0, 0, G_OPTION_ARG_NONE, &line->events, "events as JSON lines", NULL},
      {"csv", 0, 0, G_OPTION_ARG_NONE, &line->csv, "events as CSV", NULL},
      {"force", 0, 0, G_OPTION_ARG_NONE, &line->force, "replace the file", NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line->files, NULL, "FILE"},
      {NULL},
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  return g_option_context_parse (context, argc, argv, error);
}

/* --- what Kafka holds --- */

/* State of a search for the first frame of the range, before which late frames of other times may
 * lie in Kafka. */
typedef struct {
  const ClipRange *range;
  LiveFrame *frame; /* nullable */
} First;

static gboolean
find_first (GstSample *sample, gpointer data)
{
  First *self = data;

  if (clip_range_has (self->range, gst_sample_get_buffer (sample)))
    self->frame = live_frame_new (sample, g_get_real_time () / 1000);
  return !self->frame;
}

/* A ClipFunc that keeps the first message as a LiveFrame (nullable), and ends the read. */
static gboolean
keep_first (GstSample *sample, gpointer data)
{
  *(LiveFrame **) data = live_frame_new (sample, g_get_real_time () / 1000);
  return FALSE;
}

/* Partitions, or names of cameras, that were found in the first messages of the range. */
typedef struct {
  const ClipRange *range;
  GHashTable *members; /* as a set */
  guint messages;
} Seen;

static gboolean
note_partition (GstSample *sample, gpointer data)
{
  LivePlace place = {NULL, 0, 0};
  Seen *seen = data;

  if (live_place_read (&place, gst_sample_get_buffer (sample)))
    g_hash_table_add (seen->members, GINT_TO_POINTER (place.partition));
  live_place_clear (&place);
  return ++seen->messages < MOST_MESSAGES;
}

/* Prints a warning and returns TRUE if retention has deleted a part of the range from the
 * partition, or if this isn't known. @partition: -1: any partition */
static gboolean
warn_of_partition (const Clip *self, const LiveSource *source, gint partition)
{
  g_autofree gchar *one = g_strdup_printf ("<%d>", partition);
  const ClipRange all = {NULL, 0, CLIP_NO_END, partition < 0 ? NULL : one};
  g_autoptr (LiveFrame) oldest = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree gchar *time = NULL;

  if (!clip_read (source, &all, keep_first, &oldest, &error)) {
    g_printerr ("Whether retention has deleted a part isn't known: %s\n", error->message);
    return TRUE;
  }
  if (!oldest || oldest->place.offset == 0 || oldest->captured <= self->range.from + TOLERANCE)
    return FALSE;
  time = tools_time_to_text (oldest->captured);
  g_printerr ("Kafka holds nothing from before %s any more: retention.ms of the topic %s has "
              "deleted it.\n",
      time, source->topic);
  return TRUE;
}

/* Prints a warning and returns TRUE if retention has deleted a part of the range. Only the
 * partitions with frames of the camera are checked, because partitions keep their messages for
 * different times. */
static gboolean
warn_of_deletion (const Clip *self, const LiveSource *source)
{
  g_autoptr (GHashTable) partitions = g_hash_table_new (NULL, NULL);
  Seen seen = {&self->range, partitions, 0};
  gboolean deleted = FALSE;
  GHashTableIter iter;
  gpointer number;

  clip_read (source, &self->range, note_partition, &seen, NULL);
  if (!g_hash_table_size (partitions))
    g_hash_table_add (partitions, GINT_TO_POINTER (-1));
  g_hash_table_iter_init (&iter, partitions);
  while (!deleted && g_hash_table_iter_next (&iter, &number, NULL))
    deleted = warn_of_partition (self, source, GPOINTER_TO_INT (number));
  return deleted;
}

static gboolean
note_camera (GstSample *sample, gpointer data)
{
  GstBuffer *message = gst_sample_get_buffer (sample);
  const gchar *camera = gst_kafka_meta_get_header (message, GST_KAFKA_HEADER_CAMERA);
  Seen *others = data;

  if (!clip_range_has (others->range, message))
    return TRUE;
  if (live_name_is_usable (camera))
    g_hash_table_add (others->members, g_strdup (camera));
  return ++others->messages < MOST_MESSAGES && g_hash_table_size (others->members) < MOST_NAMES;
}

/* Returns: (transfer full): a sentence about the other cameras in the range, for the case that the
 * requested camera has no messages there */
static gchar *
list_cameras (const Clip *self, const LiveSource *source)
{
  const ClipRange all = {NULL, self->range.from, self->range.to, NULL};
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Seen others = {&self->range, names, 0};
  g_autoptr (GError) error = NULL;
  g_autofree gpointer *list = NULL;
  g_autofree gchar *joined = NULL;

  if (!clip_read (source, &all, note_camera, &others, &error))
    return g_strdup_printf (
        "Whether it holds some of other cameras isn't known: %s", error->message);
  if (others.messages && !g_hash_table_size (names))
    return g_strdup ("It holds messages there that name no camera.");
  if (!g_hash_table_size (names))
    return g_strdup ("Of other cameras it holds none there either.");
  list = g_hash_table_get_keys_as_array (names, NULL);
  joined = g_strjoinv (", ", (gchar **) list);
  return g_strdup_printf (
      "It holds some of %s there: see whether the camera's id is right.", joined);
}

static gboolean
fail_empty (const Clip *self, const LiveSource *source, const gchar *what, GError **error)
{
  g_autofree gchar *from = tools_time_to_text (self->range.from);
  g_autofree gchar *to = tools_time_to_text (self->range.to);
  g_autofree gchar *others = list_cameras (self, source);

  warn_of_deletion (self, source);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
      "Kafka holds no %s of the camera \"%s\" from %s to %s. %s", what, self->range.camera, from,
      to, others);
  return FALSE;
}

/* --- writing --- */

static void
note_rest (const gchar *what, gint64 searched)
{
  g_autofree gchar *time = searched ? tools_time_to_text (searched) : NULL;

  if (time)
    g_printerr ("%s of the range that reached Kafka after %s, if any, are left out: the search for "
                "late ones took too long.\n",
        what, time);
}

static void
note_missing (Clip *self, const ClipVideo *video, const LiveFrame *first)
{
  self->missing = video->late + video->odd + video->damaged;
  if (video->odd)
    g_printerr ("%" G_GUINT64_FORMAT
                " messages are left out, since they aren't %s as the first frame "
                "is: make another clip with a later --from.\n",
        video->odd, live_decode_get_format (first));
  if (video->late)
    g_printerr ("%" G_GUINT64_FORMAT " frames of the range are left out, since they reached Kafka "
                "after later ones, as those of a spool do.\n",
        video->late);
  if (video->damaged)
    g_printerr ("%" G_GUINT64_FORMAT " pictures of the range are left out, since they are damaged "
                "or have over 40 million pixels.\n",
        video->damaged);
  note_rest ("Frames", video->searched);
}

static gboolean
find_first_frame (Clip *self, LiveFrame **first, GError **error)
{
  const LiveSource *source = &self->settings.frames;
  First found = {&self->range, NULL};

  if (!clip_read (source, &self->range, find_first, &found, error))
    return FALSE;
  *first = found.frame;
  return found.frame || fail_empty (self, source, "frame", error);
}

static gboolean
write_video (Clip *self, GError **error)
{
  const gchar *encoder = clip_find_encoder (self->file, error);
  g_autoptr (LiveFrame) first = NULL;
  ClipWish wish = {&self->settings.frames, &self->settings.events, &self->range, NULL, encoder,
      self->boxes, self->blur};
  ClipVideo video = {0};

  if (!encoder || !find_first_frame (self, &first, error))
    return FALSE;
  wish.first = first;
  if (!clip_write_video (&wish, part, &video, error))
    return FALSE;
  if (!video.frames)
    return refuse (error, "No frame of \"%s\" in the range can be decoded.", self->range.camera);
  g_print ("%" G_GUINT64_FORMAT " frames", video.frames);
  if (self->boxes)
    g_print (", %" G_GUINT64_FORMAT " with boxes", video.boxed);
  g_print (": %s\n", self->file);
  note_missing (self, &video, first);
  return TRUE;
}

static gboolean
write_events (Clip *self, GError **error)
{
  const LiveSource *source = &self->settings.events;
  ClipRows rows;

  if (!clip_write_events (source, &self->range, self->format, part, &rows, error))
    return FALSE;
  self->missing = rows.strange;
  if (rows.strange)
    g_printerr ("%" G_GUINT64_FORMAT " messages are left out: they are no events.\n", rows.strange);
  note_rest ("Events", rows.searched);
  if (!rows.rows)
    return fail_empty (self, source, "event", error);
  g_print ("%" G_GUINT64_FORMAT " events: %s\n", rows.rows, self->file);
  return TRUE;
}

/* Returns the exit code. */
static gint
write_file (Clip *self, GError **error)
{
  gboolean video = self->format == CLIP_VIDEO;
  const LiveSource *source = video ? &self->settings.frames : &self->settings.events;

  if (!(video ? write_video (self, error) : write_events (self, error))) {
    g_unlink (part);
    return 2;
  }
  if (g_rename (part, self->file) != 0) {
    refuse (error, "The file can't be renamed to \"%s\".", self->file);
    return 2;
  }
  return warn_of_deletion (self, source) || self->missing ? 1 : 0;
}

/* Starts a thread that waits for signals, because no main loop runs. */
static void
catch_signals (void)
{
  static sigset_t signals;

  sigemptyset (&signals);
  sigaddset (&signals, SIGINT);
  sigaddset (&signals, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &signals, NULL);
  g_thread_unref (g_thread_new ("signals", wait_for_signal, &signals));
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Line line = {0};
  Clip self = {0};
  gint code = 2;

  setlocale (LC_ALL, "");
  catch_signals ();
  if (parse (&line, &argc, &argv, &error) && read_line (&self, &line, &error)) {
    gst_kafka_meta_register ();
    live_settings_read (&self.settings);
    code = write_file (&self, &error);
    live_settings_clear (&self.settings);
  }
  if (error)
    g_printerr ("%s\n", error->message);
  g_free (part);
  g_free (line.camera);
  g_free (line.from);
  g_free (line.to);
  g_free (line.blur);
  g_strfreev (line.files);
  return code;
}
