/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fog-doctor tests a deployment before the first frame is sent. pipelines/README.md */
#include <gst/gst.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "doctorcluster.h"
#include "doctordatabase.h"
#include "doctorrun.h"
#include "doctorstage.h"
#include "gstkafkameta.h"

/* Time limits (s) of the checks, depending on what they test. */
#define LOCAL_TIME 10
#define CLUSTER_TIME 30
#define TOPIC_TIME 40
#define DATABASE_TIME 30

#define MOST_REPLICAS 10000

typedef struct {
  gchar **lines; /* NAME=LINE */
  gboolean json, quiet;
  DoctorSystem system;
  gint64 keep_documents;
  DoctorFindings *findings;
  gboolean stuck; /* a check still runs */
} Doctor;

/* --- settings --- */

static const gchar *
setting (const gchar *name, const gchar *fallback)
{
  const gchar *value = g_getenv (name);

  return value && *value ? value : fallback;
}

/* Reads a time in seconds from an environment variable. Returns -1 if the variable isn't set, or
 * has a wrong value, which adds a finding. */
static gint64
read_keep (Doctor *self, const gchar *name)
{
  const gchar *text = setting (name, NULL);
  gint64 seconds;

  if (!text)
    return -1;
  if (g_ascii_string_to_signed (text, 10, 1, G_MAXINT32, &seconds, NULL))
    return seconds;
  doctor_add (self->findings, DOCTOR_BAD, name,
      "The retention of topics and documents can't be tested.",
      "Set a number of seconds, from 1 on.", "\"%s\" is no number of seconds.", text);
  return -1;
}

static void
read_environment (Doctor *self)
{
  self->system.frames = setting ("CAMERA_TOPIC", "camera");
  self->system.events = setting ("DATABASE_TOPIC", "database");
  self->system.reports = setting ("FEEDBACK_TOPIC", "feedback");
  self->system.keep_frames = read_keep (self, "KEEP_FRAMES");
  self->system.keep_events = read_keep (self, "KEEP_EVENTS");
  self->system.keep_reports = read_keep (self, "KEEP_REPORTS");
  self->keep_documents = read_keep (self, "KEEP_DOCUMENTS");
}

static gboolean
parse (Doctor *self, gint *argc, gchar ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
      {"stage", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->lines,
          "a stage, and its pipeline as `pipelines/NAME --print` prints it", "NAME=LINE"},
      {"replicas", 0, 0, G_OPTION_ARG_INT, &self->system.replicas, "fog stages that are to run (1)",
          "N"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &self->json, "print JSON", NULL},
      {"quiet", 0, 0, G_OPTION_ARG_NONE, &self->quiet, "only what has to be done", NULL},
      {NULL},
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "There is no argument \"%s\"; see --help.", (*argv)[1]);
  else if (self->system.replicas < 1 || self->system.replicas > MOST_REPLICAS)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
        "--replicas takes a number from 1 to %d.", MOST_REPLICAS);
  return !*error;
}

/* --- checks --- */

static gboolean
check (Doctor *self, const gchar *about, guint seconds, DoctorCheck func, gpointer data)
{
  gboolean ended = doctor_run (about, seconds, func, data, self->findings);

  self->stuck |= !ended;
  return ended;
}

static GPtrArray *
make_stages (Doctor *self)
{
  GPtrArray *stages = g_ptr_array_new_with_free_func ((GDestroyNotify) doctor_stage_free);

  for (guint i = 0; self->lines && self->lines[i]; i++) {
    g_auto (GStrv) parts = g_strsplit (self->lines[i], "=", 2);
    DoctorStage *stage = doctor_stage_new (parts[0], parts[1] ? parts[1] : "", self->findings);

    if (stage)
      g_ptr_array_add (stages, stage);
  }
  return stages;
}

static void
check_stages (Doctor *self, const GPtrArray *stages)
{
  for (guint i = 0; i < stages->len; i++) {
    DoctorStage *stage = g_ptr_array_index (stages, i);

    check (self, stage->name, LOCAL_TIME, doctor_stage_check_elements, stage);
    check (self, stage->name, LOCAL_TIME, doctor_stage_check_spool, stage);
  }
  doctor_check_port (g_getenv ("HEALTH_PORT"), self->findings);
}

static void
check_topics (Doctor *self, DoctorCluster *cluster)
{
  GPtrArray *topics = doctor_cluster_get_topics (cluster, &self->system, self->findings);

  for (guint i = 0; i < topics->len; i++) {
    DoctorTopicUse *topic = g_ptr_array_index (topics, i);

    check (self, topic->name, TOPIC_TIME, doctor_topic_check, topic);
    if (cluster->usable)
      check (self, topic->name, TOPIC_TIME, doctor_topic_check_rights, topic);
  }
  if (topics->len && !cluster->usable)
    doctor_add (self->findings, DOCTOR_NOTE, "kafka", NULL, NULL,
        "Topics and rights aren't tested further, because not all brokers are reached.");
  if (!self->stuck)
    g_ptr_array_unref (topics);
}

static void
check_clusters (Doctor *self, const GPtrArray *clusters)
{
  for (guint i = 0; i < clusters->len; i++) {
    DoctorCluster *cluster = g_ptr_array_index (clusters, i);

    if (check (self, "kafka", CLUSTER_TIME, doctor_cluster_check, cluster) && cluster->brokers)
      check_topics (self, cluster);
  }
}

static void
check_databases (Doctor *self, const GPtrArray *databases)
{
  for (guint i = 0; i < databases->len; i++)
    check (
        self, "database", DATABASE_TIME, doctor_database_check, g_ptr_array_index (databases, i));
}

static void
examine (Doctor *self)
{
  GPtrArray *stages = make_stages (self);
  GPtrArray *clusters = doctor_clusters_new (stages);
  GPtrArray *databases = doctor_databases_new (stages, self->keep_documents);

  check_stages (self, stages);
  check_clusters (self, clusters);
  check_databases (self, databases);
  if (self->stuck)
    return; /* the arrays aren't freed if a check is stuck, because it still uses them */
  g_ptr_array_unref (databases);
  g_ptr_array_unref (clusters);
  g_ptr_array_unref (stages);
}

static void
print (const Doctor *self)
{
  DoctorLevel least = self->quiet ? DOCTOR_WARN : DOCTOR_GOOD;
  g_autofree gchar *text = self->json ? doctor_findings_to_json (self->findings)
                                      : doctor_findings_to_text (self->findings, least);

  g_print (self->json ? "%s\n" : "%s", text);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Doctor self = {.system.replicas = 1};
  gint code;

  setlocale (LC_ALL, "");
  if (!parse (&self, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  gst_kafka_meta_register ();
  self.findings = doctor_findings_new ();
  read_environment (&self);
  examine (&self);
  print (&self);
  code = doctor_findings_get_exit_code (self.findings);
  if (self.stuck) {
    fflush (stdout);
    _exit (code); /* exits without waiting for the threads of stuck checks */
  }
  doctor_findings_free (self.findings);
  g_strfreev (self.lines);
  return code;
}
