/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctorstage.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctorjudge.h"

static void
stage_fail (const gchar *name, const gchar *why, DoctorFindings *findings)
{
  doctor_add (findings, DOCTOR_BAD, name, "The stage doesn't start.",
      "Correct the stage's settings (--help lists them), or install the missing plugin: "
      "gst-inspect-1.0 says which plugins are installed.",
      "%s%s", why, g_str_has_suffix (why, ".") ? "" : ".");
}

/* Returns: (nullable) (transfer full): the words of @line, without gst-launch-1.0 and its
 * options */
static gchar **
split_line (const gchar *line, GError **error)
{
  gchar **words, **rest;
  guint skipped = 0;

  if (!g_shell_parse_argv (line, NULL, &words, error))
    return NULL;
  while (words[skipped] && (skipped == 0 || words[skipped][0] == '-'))
    skipped++;
  rest = g_strdupv (words + skipped);
  g_strfreev (words);
  return rest;
}

DoctorStage *
doctor_stage_new (const gchar *name, const gchar *line, DoctorFindings *findings)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = split_line (line, &error);
  GstElement *pipeline = NULL;
  DoctorStage *self;

  if (words)
    pipeline =
        gst_parse_launchv_full ((const gchar **) words, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (!pipeline || !GST_IS_BIN (pipeline)) {
    stage_fail (name, error ? error->message : "It is no pipeline.", findings);
    gst_clear_object (&pipeline);
    return NULL;
  }
  self = g_new0 (DoctorStage, 1);
  self->name = g_strdup (name);
  self->pipeline = gst_object_ref_sink (pipeline);
  return self;
}

void
doctor_stage_free (DoctorStage *self)
{
  gst_object_unref (self->pipeline);
  g_free (self->name);
  g_free (self);
}

void
doctor_stage_foreach (const DoctorStage *self, DoctorElementFunc func, gpointer data)
{
  GstIterator *iterator = gst_bin_iterate_recurse (GST_BIN (self->pipeline));
  GValue item = G_VALUE_INIT;

  while (gst_iterator_next (iterator, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);
    GstElementFactory *factory = gst_element_get_factory (element);

    if (factory)
      func (self, element, GST_OBJECT_NAME (factory), data);
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (iterator);
}

/* --- elements --- */

/* Returns TRUE for an element that starts only if its server answers, and for a bin with such
 * elements. An element that wants a server isn't started, because other checks test the servers. */
static gboolean
wants_server (const gchar *factory)
{
  static const gchar *const names[] = {"camerabranch", "kafkasink", "kafkasrc", "mongosink", NULL};

  return g_strv_contains (names, factory);
}

/* (nullable) (transfer full) */
static GError *
pop_error (const DoctorStage *stage)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (stage->pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  GError *error = NULL;

  if (!message)
    return NULL;
  gst_message_parse_error (message, &error, NULL);
  gst_message_unref (message);
  return error;
}

static void
try_element (const DoctorStage *stage, GstElement *element, const gchar *factory, gpointer data)
{
  DoctorFindings *findings = data;
  /* haarfacecount is set to PAUSED, because it loads its files only in this state; other elements
   * would wait for data in PAUSED. */
  GstState state = g_str_equal (factory, "haarfacecount") ? GST_STATE_PAUSED : GST_STATE_READY;
  gboolean started;
  g_autoptr (GError) error = NULL;

  if (wants_server (factory))
    return;
  started = gst_element_set_state (element, state) != GST_STATE_CHANGE_FAILURE;
  error = pop_error (stage);
  gst_element_set_state (element, GST_STATE_NULL);
  if (!started || error)
    doctor_add (findings, DOCTOR_BAD, stage->name, "The stage doesn't start.",
        "Correct what the message names; a device wants its permissions too.", "%s: %s", factory,
        error ? error->message : "it doesn't start.");
}

void
doctor_stage_check_elements (gpointer data, DoctorFindings *findings)
{
  const DoctorStage *stage = data;
  g_autoptr (GstBus) bus = gst_element_get_bus (stage->pipeline);

  /* the bus is set to keep messages, because the bus of a pipeline that hasn't run yet drops
   * them */
  gst_bus_set_flushing (bus, FALSE);
  doctor_stage_foreach (stage, try_element, findings);
  if (!doctor_findings_have (findings, DOCTOR_WARN))
    doctor_add (findings, DOCTOR_GOOD, stage->name, NULL, NULL,
        "The stage's elements are installed, and its files exist.");
}

/* --- spool --- */

static guint64
file_size (const gchar *directory)
{
  g_autofree gchar *file = g_build_filename (directory, "messages.db", NULL);
  GStatBuf status;

  return g_stat (file, &status) == 0 ? (guint64) status.st_size : 0;
}

/* Returns: (transfer full): the directory that has to be writable: the spool's directory, or, if it
 * doesn't exist, the one above, in which kafkasink creates it, or two above if CAMERAS is set,
 * because the edge then also creates the one above. */
static gchar *
find_written_directory (const gchar *spool)
{
  const gchar *cameras = g_getenv ("CAMERAS");
  gchar *directory = g_strdup (spool);

  for (guint made = cameras && *cameras ? 2 : 1;
       made && !g_file_test (directory, G_FILE_TEST_EXISTS); made--) {
    gchar *above = g_path_get_dirname (directory);

    g_free (directory);
    directory = above;
  }
  return directory;
}

/* Returns FALSE, and sets errno, if no file can be created in @directory. */
static gboolean
may_write (const gchar *directory)
{
  if (g_access (directory, F_OK) != 0)
    return FALSE;
  errno = ENOTDIR;
  return g_file_test (directory, G_FILE_TEST_IS_DIR) && g_access (directory, W_OK | X_OK) == 0;
}

/* Data about all spools of a stage, which are assumed to share a disk. */
typedef struct {
  DoctorFindings *findings;
  /* (nullable): path and directory of the first spool that can be written */
  gchar *first, *directory;
  guint count;
  gboolean unbounded;
  guint64 bound, used; /* bytes of all */
} Spools;

static void
add_spool (Spools *self, const gchar *spool, guint64 bound)
{
  g_autofree gchar *about = g_strdup_printf ("spool %s", spool);
  g_autofree gchar *directory = find_written_directory (spool);

  if (!may_write (directory)) {
    doctor_add (self->findings, DOCTOR_BAD, about, "The edge doesn't start.",
        "Make it, for the user that the edge runs as, or correct SPOOL.",
        "%s can't be written: %s.", directory, g_strerror (errno));
    return;
  }
  self->unbounded |= bound == 0;
  self->bound += bound;
  self->used += file_size (spool);
  if (self->count++ == 0) {
    self->first = g_steal_pointer (&about);
    self->directory = g_steal_pointer (&directory);
  }
}

static void
judge_spools (const Spools *self)
{
  g_autofree gchar *others =
      self->count > 1 ? g_strdup_printf (" and %u others", self->count - 1) : g_strdup ("");
  g_autofree gchar *about = g_strconcat (self->first, others, NULL);
  struct statvfs disk;

  if (statvfs (self->directory, &disk) == 0)
    doctor_judge_room (about, (guint64) disk.f_bavail * disk.f_frsize,
        self->unbounded ? 0 : self->bound, self->used, self->findings);
}

static void
check_spool (const DoctorStage *stage, GstElement *element, const gchar *factory, gpointer data)
{
  g_autofree gchar *spool = NULL;
  guint64 bound;

  if (!g_str_equal (factory, "kafkasink"))
    return;
  g_object_get (element, "spool", &spool, "spool-bytes", &bound, NULL);
  if (spool && *spool)
    add_spool (data, spool, bound);
}

void
doctor_stage_check_spool (gpointer data, DoctorFindings *findings)
{
  Spools spools = {.findings = findings};

  doctor_stage_foreach (data, check_spool, &spools);
  if (spools.count)
    judge_spools (&spools);
  g_free (spools.first);
  g_free (spools.directory);
}

/* --- port --- */

static gboolean
try_port (guint16 port, GError **error)
{
  g_autoptr (GInetAddress) any = g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (any, port);
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  return socket && g_socket_bind (socket, address, TRUE, error) && g_socket_listen (socket, error);
}

/* Returns TRUE if a stage that is already running answers at @port. */
static gboolean
answers_as_stage (guint16 port)
{
  static const gchar question[] = "GET /livez HTTP/1.0\r\n\r\n";
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  gchar answer[8] = "";

  g_socket_client_set_timeout (client, 2);
  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, NULL);
  if (!connection)
    return FALSE;
  g_output_stream_write (g_io_stream_get_output_stream (G_IO_STREAM (connection)), question,
      sizeof question - 1, NULL, NULL);
  g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)), answer,
      sizeof answer - 1, NULL, NULL);
  return g_str_has_prefix (answer, "HTTP/1.");
}

void
doctor_check_port (const gchar *port, DoctorFindings *findings)
{
  g_autoptr (GError) error = NULL;
  guint64 number;

  if (!port || !*port)
    return;
  if (!g_ascii_string_to_unsigned (port, 10, 1, G_MAXUINT16, &number, NULL))
    doctor_add (findings, DOCTOR_BAD, "HEALTH_PORT", "Nothing can ask how the stage is.",
        "Set a number from 1 to 65535.", "\"%s\" is no port.", port);
  else if (try_port ((guint16) number, &error))
    doctor_add (findings, DOCTOR_GOOD, "HEALTH_PORT", NULL, NULL, "Port %s is free.", port);
  else if (answers_as_stage ((guint16) number))
    doctor_add (findings, DOCTOR_NOTE, "HEALTH_PORT", NULL, NULL,
        "Port %s answers HTTP: a stage runs here already.", port);
  else
    doctor_add (findings, DOCTOR_WARN, "HEALTH_PORT",
        "A stage that starts now doesn't report its health.", "Choose another HEALTH_PORT.",
        "Port %s can't be used: %s.", port, error->message);
}
