/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fog-erase removes the stored data of a camera from a range of time. pipelines/README.md */
#include <gst/gst.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "erasedatabase.h"
#include "erasekafka.h"
#include "gstkafkameta.h"
#include "toolstime.h"

typedef struct {
  gchar *camera, *from, *to, *pictures;
  gboolean dry_run, yes;
} Line;

typedef struct {
  LiveSettings settings;
  ClipRange range;
  EraseTopic *frames, *events;
  EraseDatabase *database;
} Erase;

/* --- the command line --- */

static gboolean
refuse (GError **error, const gchar *text)
{
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
  return FALSE;
}

static gboolean
parse (Line *line, gint *argc, gchar ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
      {"camera", 0, 0, G_OPTION_ARG_STRING, &line->camera, "the camera's id", "ID"},
      {"from", 0, 0, G_OPTION_ARG_STRING, &line->from, "ISO 8601 with a zone, or -5min", "TIME"},
      {"to", 0, 0, G_OPTION_ARG_STRING, &line->to, "the same", "TIME"},
      {"pictures", 0, 0, G_OPTION_ARG_STRING, &line->pictures, "bucket of GridFS (pictures)",
          "BUCKET"},
      {"dry-run", 0, 0, G_OPTION_ARG_NONE, &line->dry_run, "only say what would be removed", NULL},
      {"yes", 0, 0, G_OPTION_ARG_NONE, &line->yes, "don't ask", NULL},
      {NULL},
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  return g_option_context_parse (context, argc, argv, error) &&
         (*argc == 1 || refuse (error, "There is an argument too many; see --help."));
}

static gboolean
read_line (Erase *self, const Line *line, GError **error)
{
  gint64 now = g_get_real_time () / 1000;

  if (!line->camera || !*line->camera || !line->from || !line->to)
    return refuse (error, "What is to be removed? Give --camera, --from and --to.");
  self->range.camera = line->camera;
  if (!tools_time_parse (line->from, now, &self->range.from, error) ||
      !tools_time_parse (line->to, now, &self->range.to, error))
    return FALSE;
  return self->range.from < self->range.to || refuse (error, "--from has to be earlier than --to.");
}

/* --- what is there --- */

static void
print_topic (const EraseTopic *topic, const gchar *what)
{
  g_autofree gchar *until = NULL;
  guint64 rest = topic->found - topic->removable;

  g_print ("topic %s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " %s can be removed\n",
      topic->source->topic, topic->removable, topic->found, what);
  if (!rest)
    return;
  until = erase_topic_describe_rest (topic);
  g_print ("topic %s: %" G_GUINT64_FORMAT
           " remain, since Kafka removes only from the beginning of a partition on, and other "
           "messages stand before them: %s\n",
      topic->source->topic, rest, until);
}

static gboolean
look (Erase *self, const gchar *bucket, GError **error)
{
  gint64 documents, pictures;

  self->frames = erase_topic_new (&self->settings.frames, &self->range, error);
  if (self->frames)
    self->events = erase_topic_new (&self->settings.events, &self->range, error);
  if (self->events)
    self->database = erase_database_new (&self->settings, bucket, &self->range, error);
  if (!self->database || !erase_database_count (self->database, &documents, &pictures, error))
    return FALSE;
  print_topic (self->frames, "frames");
  print_topic (self->events, "events");
  g_print ("database: %" G_GINT64_FORMAT " documents of %s.%s and %" G_GINT64_FORMAT
           " pictures of %s can be removed\n",
      documents, self->settings.database, self->settings.collection, pictures, bucket);
  return TRUE;
}

/* --- removing --- */

static gboolean
confirm (const Line *line, GError **error)
{
  gchar answer[8] = "";

  if (line->yes)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    return refuse (error, "Nothing was removed: there is no terminal to ask at. Give --yes.");
  g_print ("Remove this for good? yes or no: ");
  if (!fgets (answer, sizeof answer, stdin) || strcmp (g_strstrip (answer), "yes") != 0)
    return refuse (error, "Nothing was removed.");
  return TRUE;
}

/* Removes the messages in Kafka first, and then the documents, because a cloud stage that reads the
 * events again would store their documents again. */
static gboolean
remove_all (Erase *self, GError **error)
{
  gint64 documents, pictures;

  if (!erase_topic_remove (self->frames, error) || !erase_topic_remove (self->events, error) ||
      !erase_database_remove (self->database, &documents, &pictures, error))
    return FALSE;
  g_print ("removed: %" G_GUINT64_FORMAT " frames and %" G_GUINT64_FORMAT
           " events from Kafka, %" G_GINT64_FORMAT " documents, %" G_GINT64_FORMAT " pictures\n",
      self->frames->removable, self->events->removable, documents, pictures);
  return TRUE;
}

static gboolean
remains (const EraseTopic *topic)
{
  return topic->found > topic->removable;
}

/* Returns the exit code. */
static gint
erase (Erase *self, const Line *line, GError **error)
{
  const gchar *bucket = line->pictures ? line->pictures : "pictures";

  if (!look (self, bucket, error))
    return 2;
  if (line->dry_run)
    return 0;
  if (!confirm (line, error) || !remove_all (self, error))
    return 2;
  return remains (self->frames) || remains (self->events) ? 1 : 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Line line = {0};
  Erase self = {0};
  gint code = 2;

  setlocale (LC_ALL, "");
  if (parse (&line, &argc, &argv, &error) && read_line (&self, &line, &error)) {
    gst_kafka_meta_register ();
    live_settings_read (&self.settings);
    code = erase (&self, &line, &error);
    g_clear_pointer (&self.frames, erase_topic_free);
    g_clear_pointer (&self.events, erase_topic_free);
    g_clear_pointer (&self.database, erase_database_free);
    live_settings_clear (&self.settings);
  }
  if (error)
    g_printerr ("%s\n", error->message);
  g_free (line.camera);
  g_free (line.from);
  g_free (line.to);
  g_free (line.pictures);
  return code;
}
