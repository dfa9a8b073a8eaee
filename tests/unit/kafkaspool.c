/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elementtest.h"
#include "gstkafkameta.h"
#include "kafkamock.h"
#include "sink/spool/gstkafkaspool.h"

/* The debug category of kafkasink, to which the spool logs. */
GST_DEBUG_CATEGORY (gst_kafka_sink_debug);

#define TOPIC "frames"
#define NOBODY 65534

static gchar *top, *dir;

static void
setup (void)
{
  top = g_dir_make_tmp ("spool-XXXXXX", NULL);
  dir = g_build_filename (top, "cam-1", NULL);
}

static void
remove_all (const gchar *path)
{
  GDir *entries = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (entries && (name = g_dir_read_name (entries))) {
    g_autofree gchar *inside = g_build_filename (path, name, NULL);

    remove_all (inside);
  }
  g_clear_pointer (&entries, g_dir_close);
  g_remove (path);
}

static void
teardown (void)
{
  remove_all (top);
  g_clear_pointer (&top, g_free);
  g_clear_pointer (&dir, g_free);
}

/* --- the store --- */

static gchar *
database (void)
{
  return g_build_filename (dir, "messages.db", NULL);
}

static GstKafkaSpoolStore *
open_store (void)
{
  g_autofree gchar *aside = NULL;
  g_autoptr (GError) error = NULL;
  GstKafkaSpoolStore *store = gst_kafka_spool_store_open (dir, &aside, &error);

  fail_unless (store != NULL, "%s", error ? error->message : "no error");
  fail_unless (aside == NULL, "%s", aside);
  return store;
}

static void
expect_not_open (gint code, const gchar *said)
{
  g_autofree gchar *aside = NULL;
  g_autoptr (GError) error = NULL;

  fail_unless (gst_kafka_spool_store_open (dir, &aside, &error) == NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s", error->message);
  fail_unless (strstr (error->message, said) != NULL, "%s", error->message);
}

static GstKafkaSpoolMessage *
message (guint64 id, gsize size)
{
  GstKafkaSpoolMessage *m = gst_kafka_spool_message_new ();

  m->id = id;
  m->stored = 1000 + id;
  m->topic = g_strdup (TOPIC);
  m->partition = -1;
  m->timestamp = 5;
  m->headers = g_bytes_new_static ("", 0);
  m->value = g_bytes_new_take (g_malloc0 (size), size);
  return m;
}

static GPtrArray *
messages (guint64 first, guint64 last, gsize size)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_kafka_spool_message_unref);

  for (guint64 id = first; id <= last; id++)
    g_ptr_array_add (all, message (id, size));
  return all;
}

static gboolean
store_add (GstKafkaSpoolStore *store, guint64 first, guint64 last, gsize size, GError **error)
{
  g_autoptr (GPtrArray) all = messages (first, last, size);

  return gst_kafka_spool_store_change (store, all, NULL, error);
}

static gboolean
store_remove (GstKafkaSpoolStore *store, guint64 first, guint64 last)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint64));

  for (; first <= last; first++)
    g_array_append_val (ids, first);
  return gst_kafka_spool_store_change (store, NULL, ids, NULL);
}

/* Checks that the store has exactly the messages with the ids @from to @to. */
static void
expect_stored (GstKafkaSpoolStore *store, guint64 from, guint64 to)
{
  g_autoptr (GPtrArray) found = gst_kafka_spool_store_list (store, 0, G_MAXINT, NULL);

  fail_unless (found != NULL);
  fail_unless_equals_uint64 (found->len, to + 1 - from);
  fail_unless_equals_uint64 (gst_kafka_spool_store_messages (store), to + 1 - from);
  for (guint i = 0; i < found->len; i++)
    fail_unless_equals_uint64 (((GstKafkaSpoolMessage *) found->pdata[i])->id, from + i);
}

static void
expect_bytes (GBytes *bytes, GBytes *expected)
{
  fail_unless (!bytes == !expected);
  fail_unless (!bytes || g_bytes_equal (bytes, expected));
}

GST_START_TEST (test_store_keeps_every_field)
{
  struct {
    GBytes *key, *value;
  } const cases[] = {
      {NULL, NULL},
      {g_bytes_new ("", 0), g_bytes_new ("", 0)},
      {g_bytes_new ("k\0y", 3), g_bytes_new ("v\0l\xff", 4)},
  };
  g_autoptr (GPtrArray) all = messages (1, G_N_ELEMENTS (cases), 0), found = NULL;
  GstKafkaSpoolStore *store = open_store ();

  for (guint i = 0; i < all->len; i++) {
    GstKafkaSpoolMessage *m = all->pdata[i];

    g_clear_pointer (&m->value, g_bytes_unref);
    m->key = cases[i].key ? g_bytes_ref (cases[i].key) : NULL;
    m->value = cases[i].value ? g_bytes_ref (cases[i].value) : NULL;
    m->partition = 3 - i;
    m->timestamp = -1;
  }
  fail_unless (gst_kafka_spool_store_change (store, all, NULL, NULL));
  gst_kafka_spool_store_close (store);
  store = open_store ();
  expect_stored (store, 1, all->len);
  fail_unless_equals_uint64 (gst_kafka_spool_store_next_id (store), all->len + 1);
  found = gst_kafka_spool_store_read (store, 1, 100, G_MAXSIZE, NULL);
  for (guint i = 0; i < found->len; i++) {
    GstKafkaSpoolMessage *m = found->pdata[i];

    expect_bytes (m->key, cases[i].key);
    expect_bytes (m->value, cases[i].value);
    fail_unless_equals_string (m->topic, TOPIC);
    fail_unless_equals_int (m->partition, 3 - i);
    fail_unless_equals_int64 (m->timestamp, -1);
    fail_unless_equals_int64 (m->stored, 1000 + m->id);
  }
  gst_kafka_spool_store_close (store);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_clear_pointer ((GBytes **) &cases[i].key, g_bytes_unref);
    g_clear_pointer ((GBytes **) &cases[i].value, g_bytes_unref);
  }
}
GST_END_TEST;

GST_START_TEST (test_store_reads_up_to_a_limit)
{
  GstKafkaSpoolStore *store = open_store ();
  g_autoptr (GPtrArray) few = NULL, small = NULL, none = NULL;

  fail_unless (store_add (store, 1, 10, 60000, NULL));
  few = gst_kafka_spool_store_read (store, 3, 2, G_MAXSIZE, NULL);
  fail_unless_equals_int (few->len, 2);
  fail_unless_equals_uint64 (((GstKafkaSpoolMessage *) few->pdata[0])->id, 3);
  small = gst_kafka_spool_store_read (store, 1, 100, 100000, NULL);
  fail_unless_equals_int (small->len, 2);
  none = gst_kafka_spool_store_read (store, 11, 100, G_MAXSIZE, NULL);
  fail_unless_equals_int (none->len, 0);
  gst_kafka_spool_store_close (store);
}
GST_END_TEST;

/* If adding five messages fails because the third id exists, none of the five is stored. */
GST_START_TEST (test_store_applies_a_change_completely_or_not_at_all)
{
  GstKafkaSpoolStore *store = open_store ();
  g_autoptr (GError) error = NULL;

  fail_unless (store_add (store, 5, 6, 1000, NULL));
  fail_if (store_add (store, 3, 5, 1000, &error));
  fail_unless (error != NULL);
  expect_stored (store, 5, 6);
  fail_unless (store_remove (store, 1, 5));
  expect_stored (store, 6, 6);
  gst_kafka_spool_store_close (store);
}
GST_END_TEST;

GST_START_TEST (test_store_returns_free_space_to_the_file_system)
{
  GstKafkaSpoolStore *store = open_store ();
  g_autofree gchar *file = database ();
  GStatBuf full, empty;

  fail_unless (store_add (store, 1, 100, 60000, NULL));
  fail_unless (gst_kafka_spool_store_bytes (store) >= 6000000);
  fail_unless (gst_kafka_spool_store_bytes (store) < 7000000);
  fail_if (g_stat (file, &full));
  fail_unless (store_remove (store, 1, 100));
  fail_unless (gst_kafka_spool_store_bytes (store) < 200000);
  gst_kafka_spool_store_shrink (store);
  fail_if (g_stat (file, &empty));
  fail_unless (full.st_size >= 6000000 && empty.st_size < 200000, "%" G_GINT64_FORMAT,
      (gint64) empty.st_size);
  fail_unless_equals_int (empty.st_mode & 077, 0);
  gst_kafka_spool_store_close (store);
}
GST_END_TEST;

/* --- exclusive use of the store --- */

/* Runs @work in another process, and returns when @work has written a byte to the file descriptor
 * that it gets. */
static pid_t
start_process (void (*work) (int ready))
{
  int ends[2];
  gchar said;
  pid_t child;

  fail_if (pipe (ends));
  child = fork ();
  if (!child) {
    work (ends[1]);
    _exit (0);
  }
  close (ends[1]);
  fail_unless_equals_int (read (ends[0], &said, 1), 1);
  close (ends[0]);
  return child;
}

static void
kill_process (pid_t child)
{
  kill (child, SIGKILL);
  fail_unless_equals_int (waitpid (child, NULL, 0), child);
}

static void
keep_open (int ready)
{
  GstKafkaSpoolStore *store = open_store ();

  store_add (store, 1, 3, 1000, NULL);
  fail_unless_equals_int (write (ready, "r", 1), 1);
  while (TRUE)
    pause ();
}

GST_START_TEST (test_store_refuses_a_second_user)
{
  pid_t other = start_process (keep_open);
  GstKafkaSpoolStore *store;

  expect_not_open (GST_RESOURCE_ERROR_BUSY, "locked");
  kill_process (other);
  store = open_store ();
  expect_stored (store, 1, 3);
  expect_not_open (GST_RESOURCE_ERROR_BUSY, "locked"); /* a second element in this process */
  gst_kafka_spool_store_close (store);
}
GST_END_TEST;

/* Adds messages to the store, five in each change, until it is killed; writes a byte after each
 * change. */
static void
write_for_ever (int ready)
{
  GstKafkaSpoolStore *store = open_store ();

  for (guint64 id = 1; store_add (store, id, id + 4, 20000, NULL); id += 5)
    if (write (ready, "r", 1) != 1)
      break;
}

GST_START_TEST (test_store_survives_kill)
{
  for (guint i = 0; i < 10; i++) {
    g_autoptr (GPtrArray) found = NULL;
    GstKafkaSpoolStore *store;
    pid_t child = start_process (write_for_ever);

    g_usleep (g_random_int_range (0, 20000));
    kill_process (child);
    store = open_store ();
    found = gst_kafka_spool_store_read (store, 0, G_MAXINT, G_MAXSIZE, NULL);
    fail_unless (found != NULL);
    fail_unless (found->len >= 5);
    fail_unless_equals_int (found->len % 5, 0); /* whole changes only */
    expect_stored (store, 1, found->len);
    fail_unless (store_remove (store, 1, found->len));
    gst_kafka_spool_store_close (store);
  }
}
GST_END_TEST;

GST_START_TEST (test_store_in_a_missing_directory_is_an_error)
{
  g_autofree gchar *above = g_build_filename (top, "missing", "cam-1", NULL);
  g_autofree gchar *file = g_build_filename (top, "file", NULL);
  g_autofree gchar *owned = g_strdup (dir);

  g_free (dir);
  dir = g_strdup (above);
  expect_not_open (GST_RESOURCE_ERROR_OPEN_WRITE, "No such file");
  g_free (dir);
  dir = g_strdup (file);
  g_file_set_contents (file, "x", 1, NULL);
  expect_not_open (GST_RESOURCE_ERROR_OPEN_WRITE, "Not a directory");
  g_free (dir);
  dir = g_steal_pointer (&owned);
}
GST_END_TEST;

GST_START_TEST (test_store_behind_links)
{
  g_autofree gchar *real = g_build_filename (top, "real", NULL);
  g_autofree gchar *link = g_build_filename (top, "link", NULL);
  GstKafkaSpoolStore *store;

  fail_if (g_mkdir (real, 0700));
  fail_if (symlink (real, link));
  g_free (dir);
  dir = g_build_filename (link, "cam-1", NULL);
  store = open_store ();
  fail_unless (store_add (store, 1, 3, 1000, NULL));
  expect_stored (store, 1, 3);
  gst_kafka_spool_store_close (store);
}
GST_END_TEST;

GST_START_TEST (test_store_of_another_system_user_is_refused)
{
  g_autofree gchar *file = database ();

  gst_kafka_spool_store_close (open_store ());
  if (getuid () == 0) {
    fail_if (chmod (top, 0755));
    fail_if (seteuid (NOBODY));
  } else {
    fail_if (chmod (dir, 0500));
    fail_if (chmod (file, 0400));
  }
  expect_not_open (GST_RESOURCE_ERROR_OPEN_WRITE, "Permission denied");
  if (geteuid () == NOBODY)
    fail_if (seteuid (0));
  fail_if (chmod (dir, 0700));
}
GST_END_TEST;

/* --- the store: damage --- */

GST_START_TEST (test_database_of_another_program_is_refused)
{
  g_autofree gchar *file = database ();
  sqlite3 *db;

  fail_if (g_mkdir (dir, 0700));
  fail_if (sqlite3_open (file, &db));
  fail_if (sqlite3_exec (db, "CREATE TABLE holiday (photo BLOB)", NULL, NULL, NULL));
  sqlite3_close (db);
  expect_not_open (GST_RESOURCE_ERROR_OPEN_WRITE, "is no spool");
}
GST_END_TEST;

GST_START_TEST (test_store_of_a_later_version_is_refused)
{
  g_autofree gchar *file = database ();
  sqlite3 *db;

  gst_kafka_spool_store_close (open_store ());
  fail_if (sqlite3_open (file, &db));
  fail_if (sqlite3_exec (db, "PRAGMA user_version=2", NULL, NULL, NULL));
  sqlite3_close (db);
  expect_not_open (GST_RESOURCE_ERROR_OPEN_WRITE, "version 2");
}
GST_END_TEST;

/* Reads all messages of the store. If its database is damaged, moves it aside and begins a new one.
 * Returns TRUE if the database was damaged. */
static gboolean
read_all (GstKafkaSpoolStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *aside = NULL;
  guint64 from = 0;
  guint count;

  do {
    g_autoptr (GPtrArray) found = gst_kafka_spool_store_read (store, from, 16, G_MAXSIZE, &error);

    count = found ? found->len : 0;
    if (count)
      from = ((GstKafkaSpoolMessage *) found->pdata[count - 1])->id + 1;
  } while (count);
  if (!error)
    return FALSE;
  fail_unless (
      g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ), "%s", error->message);
  fail_unless (gst_kafka_spool_store_replace (store, &aside, NULL));
  fail_unless (g_file_test (aside, G_FILE_TEST_EXISTS));
  return TRUE;
}

/* If a bad disk has changed the database file, the store either reads the file, or moves it aside
 * and begins a new one. */
GST_START_TEST (test_store_with_a_damaged_file_is_read_or_replaced)
{
  static const struct {
    goffset at;
    /* number of bytes to overwrite with zeros; 0: the file is truncated at that offset */
    gsize size;
  } cases[] = {{0, 100}, {0, 8192}, {0, 0}, {100, 0}, {8192, 0}, {20000, 0}, {300000, 0},
      {8192, 8192}, {100, 50}, {16384, 400000}, {16384, 0}};

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree gchar *file = NULL, *aside = NULL;
    g_autofree gchar *zeros = g_malloc0 (cases[i].size + 1);
    g_autoptr (GError) error = NULL;
    GstKafkaSpoolStore *store;
    int fd;

    remove_all (dir);
    store = open_store ();
    file = database ();
    fail_unless (store_add (store, 1, 10, 60000, NULL));
    gst_kafka_spool_store_close (store);
    fd = g_open (file, O_WRONLY, 0);
    if (cases[i].size)
      fail_unless (pwrite (fd, zeros, cases[i].size, cases[i].at) == (gssize) cases[i].size);
    else
      fail_if (ftruncate (fd, cases[i].at));
    close (fd);
    store = gst_kafka_spool_store_open (dir, &aside, &error);
    fail_unless (store != NULL, "case %u: %s", i, error ? error->message : "");
    read_all (store);
    fail_unless (store_add (store, 1000, 1001, 60000, &error), "case %u: %s", i,
        error ? error->message : "");
    gst_kafka_spool_store_close (store);
  }
}
GST_END_TEST;

/* When the disk is full (here: when a file has the largest permitted size), adding messages fails
 * with an error, and works again after messages were removed. */
GST_START_TEST (test_store_works_again_after_the_disk_was_full)
{
  const struct rlimit small = {1000000, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
  GstKafkaSpoolStore *store = open_store ();
  g_autoptr (GError) error = NULL;
  guint64 last = 0;

  signal (SIGXFSZ, SIG_IGN);
  fail_if (setrlimit (RLIMIT_FSIZE, &small));
  while (store_add (store, last + 1, last + 1, 60000, &error))
    last++;
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT), "%s",
      error->message);
  fail_unless (last > 10);
  expect_stored (store, 1, last);
  fail_unless (store_remove (store, 1, 2));
  fail_unless (store_add (store, last + 1, last + 1, 60000, NULL));
  expect_stored (store, 3, last + 1);
  gst_kafka_spool_store_close (store);
  fail_if (setrlimit (RLIMIT_FSIZE, &large));
}
GST_END_TEST;

/* --- the spool --- */

/* limit (bytes) for the size of files, which libcheck's own file doesn't reach */
#define NO_ROOM 20000
#define SIZE 60000

static GstKafkaSpool *spool;
static GstBus *bus;

static void
limit_files (rlim_t bytes)
{
  const struct rlimit limit = {bytes, RLIM_INFINITY};

  signal (SIGXFSZ, SIG_IGN);
  fail_if (setrlimit (RLIMIT_FSIZE, &limit));
}

static void
start_spool (guint64 bytes)
{
  const GstKafkaSpoolLimits limits = {.bytes = bytes};
  GstElement *element = gst_element_factory_make ("kafkasink", NULL);

  GST_DEBUG_CATEGORY_INIT (gst_kafka_sink_debug, "kafkasink", 0, "Kafka sink");
  bus = gst_bus_new ();
  gst_element_set_bus (element, bus);
  spool = gst_kafka_spool_new (element, dir, &limits, NULL);
  fail_unless (spool != NULL);
  g_object_set_data_full (G_OBJECT (bus), "element", element, gst_object_unref);
}

static void
end_spool (void)
{
  GstElement *element = g_object_steal_data (G_OBJECT (bus), "element");

  g_clear_pointer (&spool, gst_kafka_spool_free);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
  gst_clear_object (&bus);
}

static guint64
spool_stat (const gchar *field)
{
  g_autoptr (GstStructure) stats = gst_structure_new_empty ("stats");
  guint64 number = 0;

  gst_kafka_spool_add_stats (spool, stats);
  gst_structure_get_uint64 (stats, field, &number);
  return number;
}

static void
expect_spool_stat (const gchar *field, guint64 expected)
{
  for (guint i = 0; i < 3000 && spool_stat (field) != expected; i++)
    g_usleep (10000);
  fail_unless_equals_uint64 (spool_stat (field), expected);
}

static guint64 copied;

/* A sync handler of the bus, called on the spool's thread during a write that has failed: marks the
 * message @copied delivered. */
static GstBusSyncReply
deliver_copy (GstBus *b, GstMessage *m, gpointer user_data)
{
  if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_WARNING && copied) {
    gst_kafka_spool_done (spool, copied);
    copied = 0;
  }
  return GST_BUS_PASS;
}

/* While the disk can't even delete messages, the spool writes no message that was dropped, or that
 * was delivered while its write failed, when the disk works again. */
GST_START_TEST (test_spool_writes_no_dropped_or_delivered_message_after_a_disk_fault)
{
  GstKafkaSpoolStore *store;

  start_spool (10 * SIZE + 50000);
  for (guint i = 0; i < 10; i++)
    gst_kafka_spool_put (spool, message (0, SIZE));
  expect_spool_stat ("spool-buffers", 10);
  gst_bus_set_sync_handler (bus, deliver_copy, NULL, NULL);
  limit_files (NO_ROOM);
  copied = gst_kafka_spool_copy (spool, message (0, SIZE));
  expect_spool_stat ("spool-dropped", 1);
  expect_spool_stat ("spool-sent", 1);
  /* The write is tried again while the disk doesn't respond. */
  gst_kafka_spool_put (spool, message (0, SIZE));
  g_usleep (3 * G_USEC_PER_SEC);
  fail_unless_equals_uint64 (spool_stat ("spool-dropped"), 1);
  limit_files (RLIM_INFINITY);
  expect_spool_stat ("spooled", 11);
  expect_spool_stat ("spool-buffers", 10);
  fail_unless_equals_uint64 (gst_kafka_spool_unwritten (spool), 0);
  end_spool ();
  store = open_store ();
  fail_unless_equals_uint64 (gst_kafka_spool_store_messages (store), 10);
  fail_unless_equals_uint64 (gst_kafka_spool_store_next_id (store), 13);
  fail_unless (store_remove (store, 12, 12));
  expect_stored (store, 2, 10);
  gst_kafka_spool_store_close (store);
}
GST_END_TEST;

GST_START_TEST (test_spool_counts_messages_that_could_not_be_written_as_dropped)
{
  g_autofree gchar *said = NULL;

  start_spool (0);
  limit_files (NO_ROOM);
  for (guint i = 0; i < 3; i++)
    gst_kafka_spool_put (spool, message (0, SIZE));
  gst_kafka_spool_stop (spool);
  limit_files (RLIM_INFINITY);
  fail_unless_equals_uint64 (spool_stat ("spool-dropped"), 3);
  g_free (wait_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE));
  said = wait_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);
  fail_unless (strstr (said, "3 buffers could not be written") != NULL, "%s", said);
  end_spool ();
}
GST_END_TEST;

static void
fill_and_damage (guint count, goffset at, gsize size)
{
  g_autofree gchar *file = database ();
  g_autofree gchar *zeros = g_malloc0 (size);
  GstKafkaSpoolStore *store = open_store ();
  int fd;

  fail_unless (store_add (store, 1, count, SIZE, NULL));
  gst_kafka_spool_store_close (store);
  fd = g_open (file, O_WRONLY, 0);
  fail_unless (pwrite (fd, zeros, size, at) == (gssize) size);
  close (fd);
}

static GstKafkaSpoolMessage *
take_next (void)
{
  GstKafkaSpoolMessage *taken = NULL;

  for (guint i = 0; i < 3000 && !(taken = gst_kafka_spool_take (spool)); i++)
    g_usleep (10000);
  fail_unless (taken != NULL);
  return taken;
}

static void
expect_taken (guint64 from, guint64 to)
{
  for (; from <= to; from++) {
    g_autoptr (GstKafkaSpoolMessage) taken = take_next ();

    fail_unless_equals_uint64 (taken->id, from);
  }
}

/* If the spool finds its database damaged while it reads, the messages that it could read are
 * written to a new database, except those that were already taken from the spool, and the others
 * are counted as dropped. */
GST_START_TEST (test_spool_saves_readable_messages_of_a_damaged_database)
{
  fill_and_damage (60, 45 * SIZE, 5 * SIZE);
  start_spool (0);
  expect_taken (1, 16);
  fail_unless (gst_kafka_spool_has (spool, 1));
  expect_taken (17, 17);
  expect_spool_stat ("spool-dropped", 28);
  expect_spool_stat ("spool-buffers", 15);
  fail_if (gst_kafka_spool_has (spool, 1));
  expect_taken (18, 32);
  fail_unless (gst_kafka_spool_has (spool, 18));
  gst_kafka_spool_done (spool, 1);
  gst_kafka_spool_done (spool, 18);
  expect_spool_stat ("spool-buffers", 14);
  fail_unless_equals_uint64 (spool_stat ("spool-sent"), 1);
  end_spool ();
}
GST_END_TEST;

/* --- the element --- */

static KafkaMock mock;
static GstElement *sink;
static GstHarness *h;
static guint pushed;

static void
setup_sink (void)
{
  setup ();
  gst_kafka_meta_register ();
  kafka_mock_start (&mock, TOPIC, 1);
  pushed = 0;
}

static void
stop_sink (void)
{
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  g_clear_pointer (&h, gst_harness_teardown);
  gst_element_set_bus (sink, NULL);
  gst_clear_object (&sink);
  gst_clear_object (&bus);
}

static void
teardown_sink (void)
{
  if (sink)
    stop_sink ();
  kafka_mock_stop (&mock);
  teardown ();
}

/* @options: more properties of kafkasink, in the syntax of gst-launch-1.0 */
static GstElement *
make_sink (const gchar *spool, const gchar *options)
{
  g_autofree gchar *line =
      g_strdup_printf ("kafkasink topic=" TOPIC " camera=cam-1 bootstrap-servers=%s spool=%s %s",
          mock.servers, spool, options);

  return gst_object_ref_sink (gst_parse_launch (line, NULL));
}

static void
start_sink (const gchar *options)
{
  sink = make_sink (dir, options);
  bus = gst_bus_new ();
  gst_element_set_bus (sink, bus);
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=640,height=480");
  gst_harness_play (h);
}

/* Waits for the info message that contains @said. Info messages before it are skipped, because on a
 * busy machine buffers wait for so long that the element also reports that they go to the disk. */
static void
expect_info (const gchar *said)
{
  gboolean found = FALSE;

  while (!found) {
    g_autofree gchar *text =
        wait_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE);

    found = strstr (text, said) != NULL;
  }
}

static GstBuffer *
frame (gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, pushed, size);
  GST_BUFFER_PTS (buffer) = pushed * 33 * GST_MSECOND;
  pushed++;
  return buffer;
}

static void
push (guint count, gsize size)
{
  while (count--)
    fail_unless_equals_int (gst_harness_push (h, frame (size)), GST_FLOW_OK);
}

static guint64
stat_of (const gchar *field)
{
  return read_stat (sink, field);
}

static void
wait_for_none_on_disk (void)
{
  for (guint i = 0; i < 3000 && stat_of ("spool-buffers"); i++)
    g_usleep (10000);
  fail_unless_equals_uint64 (stat_of ("spool-buffers"), 0);
}

/* Waits until @at_least buffers were written to the disk. */
static void
wait_until_spooled (guint64 at_least)
{
  wait_for_at_least (sink, "spooled", at_least);
}

static void
set_away (gboolean away)
{
  if (away)
    rd_kafka_mock_broker_set_down (mock.cluster, -1);
  else
    rd_kafka_mock_broker_set_up (mock.cluster, -1);
}

typedef struct {
  guint64 seq;
  gchar *session;
  gint64 timestamp;
  guint8 fill;
  gsize size;
  gboolean tombstone;
} Received;

static guint64
header_number (rd_kafka_message_t *m, const gchar *name)
{
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;
  g_autofree gchar *text = NULL;

  fail_if (rd_kafka_message_headers (m, &headers));
  fail_if (rd_kafka_header_get_last (headers, name, &value, &size), "%s", name);
  text = g_strndup (value, size);
  return g_ascii_strtoull (text, NULL, g_str_equal (name, "session") ? 16 : 10);
}

/* Reads the first @count messages of the topic into @received, and checks the headers that every
 * frame has. */
static void
receive (Received *received, guint count)
{
  rd_kafka_t *consumer = kafka_mock_consumer (&mock, TOPIC, 0);

  for (guint i = 0; i < count; i++) {
    rd_kafka_message_t *m = kafka_mock_next (consumer, 30);
    Received *r = &received[i];
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;

    r->seq = header_number (m, GST_KAFKA_HEADER_SEQ);
    r->timestamp = rd_kafka_message_timestamp (m, NULL);
    r->size = m->len;
    r->tombstone = m->payload == NULL;
    r->fill = m->len ? *(guint8 *) m->payload : 0;
    fail_unless_equals_uint64 (
        header_number (m, GST_KAFKA_HEADER_CAPTURE_TIME) / GST_MSECOND, r->timestamp);
    fail_if (rd_kafka_message_headers (m, &headers));
    fail_if (rd_kafka_header_get (headers, 1, GST_KAFKA_HEADER_CAPS, &value, &size) == 0);
    fail_if (rd_kafka_header_get (headers, 0, GST_KAFKA_HEADER_CAPS, &value, &size));
    fail_unless (g_str_has_prefix (value, "image/jpeg"));
    fail_if (rd_kafka_header_get (headers, 0, GST_KAFKA_HEADER_CAMERA, &value, &size));
    fail_unless (size == 5 && !memcmp (value, "cam-1", 5));
    rd_kafka_message_destroy (m);
  }
  rd_kafka_destroy (consumer);
}

/* Checks that each of the frames @first to @last is among the @count frames in @received, where a
 * frame from the disk may be twice. */
static void
expect_all (const Received *received, guint count, guint first, guint last)
{
  for (guint fill = first; fill <= last; fill++) {
    guint i = 0;

    while (i < count && received[i].fill != fill)
      i++;
    fail_unless (i < count, "frame %u is missing", fill);
  }
}

GST_START_TEST (test_buffers_stay_in_memory_while_the_broker_takes_them)
{
  start_sink ("");
  push (100, 1000);
  wait_for_at_least (sink, "delivered", 100);
  /* Some buffers may be written to the disk on a busy machine, because they wait for over a
   * second. */
  fail_unless (stat_of ("spooled") < 50, "%" G_GUINT64_FORMAT, stat_of ("spooled"));
}
GST_END_TEST;

/* Even if the queue may have only one buffer, buffers aren't written to the disk while the broker
 * takes them. */
GST_START_TEST (test_smallest_queue)
{
  start_sink ("max-queued-buffers=1");
  push (50, 1000);
  wait_for_at_least (sink, "delivered", 50);
  fail_unless (stat_of ("spooled") < 25, "%" G_GUINT64_FORMAT, stat_of ("spooled"));
}
GST_END_TEST;

/* The frames of an outage are sent after the outage, in their order, and with the same headers and
 * timestamps as without it. */
GST_START_TEST (test_outage)
{
  Received received[60];

  start_sink ("spool-rate=0 spool-order=oldest-first");
  push (10, 1000);
  wait_for_at_least (sink, "delivered", 10);
  set_away (TRUE);
  push (40, 1000);
  wait_until_spooled (40);
  expect_info ("don't take the buffers in time");
  set_away (FALSE);
  push (10, 1000);
  wait_for_at_least (sink, "delivered", 60);
  wait_for_none_on_disk ();
  expect_info ("No buffer waits");
  receive (received, 60);
  for (guint i = 0; i < 60; i++) {
    fail_unless_equals_uint64 (received[i].seq, i);
    fail_unless_equals_int (received[i].fill, i);
    fail_unless (!i || received[i].timestamp >= received[i - 1].timestamp);
  }
}
GST_END_TEST;

/* Buffers that aren't delivered when the element stops are sent when it starts again, with the seq
 * that they had before.
 *  */
GST_START_TEST (test_restart)
{
  Received received[30];

  set_away (TRUE);
  start_sink ("");
  push (20, 1000);
  stop_sink ();
  set_away (FALSE);
  start_sink ("spool-rate=0 spool-order=oldest-first");
  expect_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "20 buffers of earlier runs");
  push (10, 1000);
  wait_for_at_least (sink, "delivered", 30);
  wait_for_none_on_disk ();
  receive (received, 30);
  for (guint i = 0; i < 30; i++) {
    fail_unless_equals_int (received[i].fill, i);
    fail_unless_equals_uint64 (received[i].seq, i < 20 ? i : i - 20);
  }
}
GST_END_TEST;

/* An empty buffer that was stored on the disk is sent as an empty value, and not as a tombstone. */
GST_START_TEST (test_empty_buffers_on_the_disk_are_sent_after_a_restart)
{
  Received received[4];

  set_away (TRUE);
  start_sink ("");
  push (1, 1000);
  push (2, 0);
  stop_sink ();
  set_away (FALSE);
  start_sink ("spool-rate=0 spool-order=oldest-first");
  push (1, 0);
  wait_for_at_least (sink, "delivered", 4);
  wait_for_none_on_disk ();
  receive (received, 4);
  for (guint i = 0; i < 4; i++) {
    fail_unless_equals_uint64 (received[i].size, i ? 0 : 1000);
    fail_unless_equals_uint64 (received[i].seq, i < 3 ? i : 0);
    fail_if (received[i].tombstone);
  }
}
GST_END_TEST;

/* With the default of spool-order, new frames are sent before frames from the disk. */
GST_START_TEST (test_live_first)
{
  Received received[45];

  set_away (TRUE);
  start_sink ("");
  push (40, 1000);
  stop_sink ();
  set_away (FALSE);
  start_sink ("spool-rate=10");
  push (5, 1000);
  wait_for_at_least (sink, "delivered", 45);
  receive (received, 45);
  expect_all (received, 45, 0, 44);
  expect_all (received, 25, 40, 44);
}
GST_END_TEST;

GST_START_TEST (test_rate)
{
  gint64 began;

  set_away (TRUE);
  start_sink ("");
  push (30, 1000);
  stop_sink ();
  set_away (FALSE);
  began = g_get_monotonic_time ();
  start_sink ("spool-rate=10 spool-order=oldest-first");
  wait_for_at_least (sink, "delivered", 30);
  fail_unless (g_get_monotonic_time () - began > 2 * G_USEC_PER_SEC);
}
GST_END_TEST;

/* The spool's file stays below spool-bytes, for which the oldest buffers are dropped. */
GST_START_TEST (test_bound)
{
  Received received[100];
  guint64 dropped, sent;
  guint i;

  set_away (TRUE);
  start_sink ("spool-bytes=1000000");
  push (100, 30000);
  wait_until_spooled (100);
  expect_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "");
  expect_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
      "spool-bytes is reached");
  fail_unless (stat_of ("spool-used-bytes") <= 1000000);
  dropped = stat_of ("spool-dropped");
  sent = 100 - dropped;
  fail_unless_equals_uint64 (stat_of ("spool-buffers"), sent);
  fail_unless (sent >= 15, "%" G_GUINT64_FORMAT, sent);
  stop_sink ();
  set_away (FALSE);
  start_sink ("spool-rate=0");
  wait_for_at_least (sink, "delivered", sent);
  receive (received, sent);
  for (i = 0; i < sent; i++)
    fail_unless_equals_int (received[i].fill, dropped + i);
}
GST_END_TEST;

GST_START_TEST (test_time)
{
  set_away (TRUE);
  start_sink ("spool-time=3000000000");
  push (5, 1000);
  wait_until_spooled (5);
  wait_for_at_least (sink, "spool-dropped", 5);
  wait_for_none_on_disk ();
  expect_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "");
  expect_message (bus, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
      "older than spool-time");
}
GST_END_TEST;

/* With a spool, no buffer is dropped if max-queued-bytes is reached, because buffers go to the
 * disk. */
GST_START_TEST (test_memory)
{
  set_away (TRUE);
  start_sink ("max-queued-bytes=500000 leaky=downstream");
  push (200, 30000);
  wait_until_spooled (200);
  fail_unless_equals_uint64 (stat_of ("spool-dropped"), 0);
  fail_unless_equals_uint64 (stat_of ("dropped-downstream"), 0);
  fail_unless_equals_uint64 (stat_of ("queued-bytes"), 0);
}
GST_END_TEST;

GST_START_TEST (test_eos_leaves_the_remaining_buffers_on_the_disk)
{
  set_away (TRUE);
  start_sink ("drain-timeout=300000000");
  push (10, 1000);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (stat_of ("spool-buffers"), 10);
  expect_info ("10 buffers wait");
  gst_message_unref (gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS));
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

/* EOS waits until the buffers on the disk are sent, if the brokers answer. */
GST_START_TEST (test_eos_sends_the_buffers_on_the_disk)
{
  set_away (TRUE);
  start_sink ("");
  push (30, 1000);
  stop_sink ();
  set_away (FALSE);
  start_sink ("spool-rate=0");
  push (10, 1000);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (stat_of ("delivered"), 40);
}
GST_END_TEST;

/* If the element ends with an error about one buffer, the other undelivered buffers are kept on the
 * disk. */
GST_START_TEST (test_an_error_about_one_buffer_keeps_the_others_on_the_disk)
{
  Received received[2];

  start_sink ("message-max-bytes=100000");
  push (1, 1000);
  wait_for_at_least (sink, "delivered", 1);
  set_away (TRUE);
  push (1, 1000);
  wait_for_at_least (sink, "in-flight", 1);
  /* With its headers this message is larger than message-max-bytes. */
  gst_harness_push (h, frame (99950));
  expect_message (bus, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, "");
  stop_sink ();
  set_away (FALSE);
  start_sink ("spool-rate=0");
  expect_message (bus, GST_MESSAGE_INFO, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
      "1 buffers of earlier runs");
  wait_for_at_least (sink, "delivered", 1);
  receive (received, 2);
  expect_all (received, 2, 0, 1);
}
GST_END_TEST;

/* A buffer from kafkasrc isn't stored on the disk, because its message is still in Kafka. */
GST_START_TEST (test_buffers_from_kafkasrc_are_not_stored_on_the_disk)
{
  GstBuffer *buffer;

  start_sink ("max-queued-buffers=2 leaky=upstream");
  push (1, 1000);
  wait_for_at_least (sink, "delivered", 1);
  set_away (TRUE);
  for (guint i = 0; i < 5; i++) {
    g_autoptr (GObject) token = g_object_new (G_TYPE_OBJECT, NULL);

    buffer = frame (1000);
    gst_structure_set (gst_kafka_meta_ensure (buffer), "ack", G_TYPE_OBJECT, token, NULL);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  wait_for_at_least (sink, "dropped-upstream", 3);
  g_usleep (2 * G_USEC_PER_SEC);
  fail_unless_equals_uint64 (stat_of ("spooled"), 0);
}
GST_END_TEST;

GST_START_TEST (test_unusable_directories_are_errors)
{
  start_sink ("");
  expect_no_start (make_sink (dir, ""), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY,
      "Another kafkasink uses this directory");
  expect_no_start (make_sink ("/proc/spool", ""), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
      "/proc/spool");
}
GST_END_TEST;

static Suite *
kafkaspool_suite (void)
{
  Suite *s = suite_create ("kafkaspool");
  TCase *store = tcase_create ("store");
  TCase *direct = tcase_create ("spool");
  TCase *element = tcase_create ("element");

  tcase_add_checked_fixture (store, setup, teardown);
  tcase_add_test (store, test_store_keeps_every_field);
  tcase_add_test (store, test_store_reads_up_to_a_limit);
  tcase_add_test (store, test_store_applies_a_change_completely_or_not_at_all);
  tcase_add_test (store, test_store_returns_free_space_to_the_file_system);
  tcase_add_test (store, test_store_refuses_a_second_user);
  tcase_add_test (store, test_store_survives_kill);
  tcase_add_test (store, test_store_in_a_missing_directory_is_an_error);
  tcase_add_test (store, test_store_behind_links);
  tcase_add_test (store, test_store_of_another_system_user_is_refused);
  tcase_add_test (store, test_database_of_another_program_is_refused);
  tcase_add_test (store, test_store_of_a_later_version_is_refused);
  tcase_add_test (store, test_store_with_a_damaged_file_is_read_or_replaced);
  tcase_add_test (store, test_store_works_again_after_the_disk_was_full);
  suite_add_tcase (s, store);
  tcase_add_checked_fixture (direct, setup, teardown);
  tcase_add_test (direct, test_spool_writes_no_dropped_or_delivered_message_after_a_disk_fault);
  tcase_add_test (direct, test_spool_counts_messages_that_could_not_be_written_as_dropped);
  tcase_add_test (direct, test_spool_saves_readable_messages_of_a_damaged_database);
  suite_add_tcase (s, direct);
  tcase_add_checked_fixture (element, setup_sink, teardown_sink);
  tcase_add_test (element, test_buffers_stay_in_memory_while_the_broker_takes_them);
  tcase_add_test (element, test_smallest_queue);
  tcase_add_test (element, test_outage);
  tcase_add_test (element, test_restart);
  tcase_add_test (element, test_empty_buffers_on_the_disk_are_sent_after_a_restart);
  tcase_add_test (element, test_live_first);
  tcase_add_test (element, test_rate);
  tcase_add_test (element, test_bound);
  tcase_add_test (element, test_time);
  tcase_add_test (element, test_memory);
  tcase_add_test (element, test_eos_leaves_the_remaining_buffers_on_the_disk);
  tcase_add_test (element, test_eos_sends_the_buffers_on_the_disk);
  tcase_add_test (element, test_an_error_about_one_buffer_keeps_the_others_on_the_disk);
  tcase_add_test (element, test_buffers_from_kafkasrc_are_not_stored_on_the_disk);
  tcase_add_test (element, test_unusable_directories_are_errors);
  suite_add_tcase (s, element);
  return s;
}

GST_CHECK_MAIN (kafkaspool);
