/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the spool's file, as a damaged disk may leave it, and the headers in it. An input that
 * begins like an SQLite database is used as the file, any other input as the headers of a
 * message. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "sink/spool/gstkafkaspoolrecord.h"

static void
read_headers (const guint8 *data, gsize size)
{
  g_autoptr (GstKafkaSpoolMessage) message = gst_kafka_spool_message_new ();
  GstKafkaRecord *record;

  message->topic = g_strdup ("t");
  message->headers = g_bytes_new (data, size);
  message->value = g_bytes_new_static ("v", 1);
  record = gst_kafka_record_from_message (message, "t");
  rd_kafka_headers_destroy (gst_kafka_record_make_headers (record));
  gst_kafka_record_free (record, GST_KAFKA_ACK_DONE);
}

static void
remove_all (const gchar *dir)
{
  GDir *open = g_dir_open (dir, 0, NULL);
  const gchar *name;

  while (open && (name = g_dir_read_name (open))) {
    g_autofree gchar *path = g_build_filename (dir, name, NULL);

    g_remove (path);
  }
  g_clear_pointer (&open, g_dir_close);
}

/* Opens the file as kafkasink does at its start. */
static void
use (GstKafkaSpoolStore *store)
{
  G_GNUC_UNUSED g_autoptr (GPtrArray) old =
      gst_kafka_spool_store_read (store, 0, 100, 1 << 20, NULL);
  G_GNUC_UNUSED g_autoptr (GPtrArray) listed = gst_kafka_spool_store_list (store, 0, 100, NULL);

  gst_kafka_spool_store_messages (store);
  gst_kafka_spool_store_bytes (store);
  gst_kafka_spool_store_shrink (store);
}

static void
read_file (const guint8 *data, gsize size)
{
  static gchar *dir;
  g_autofree gchar *file = NULL, *aside = NULL;
  GstKafkaSpoolStore *store;

  if (!dir)
    dir = g_strdup_printf ("/dev/shm/gst-fog-fuzz-%d", (gint) getpid ());
  g_mkdir_with_parents (dir, 0700);
  file = g_build_filename (dir, "messages.db", NULL);
  g_file_set_contents (file, (const gchar *) data, (gssize) size, NULL);
  store = gst_kafka_spool_store_open (dir, &aside, NULL);
  if (store)
    use (store);
  g_clear_pointer (&store, gst_kafka_spool_store_close);
  remove_all (dir);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (!gst_is_initialized ()) {
    gst_init (NULL, NULL);
    gst_kafka_meta_register ();
  }
  if (size > 16 && memcmp (data, "SQLite format 3", 16) == 0)
    read_file (data, size);
  else
    read_headers (data, size);
  return 0;
}
