/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaspoolstore.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "messages.db"
#define JOURNAL_NAME FILE_NAME "-journal"
/* A file that reserves blocks of the disk. On a full disk, the journal of a transaction that
 * removes messages uses these blocks. */
#define RESERVE_NAME "reserve"
#define RESERVE_BYTES (512 * 1024)
/* The id "gfsp" in the header of the database file. A database of another program has another id,
 * and isn't changed. */
#define APPLICATION_ID 0x67667370
#define VERSION 1
/* ms: the time for which a process that is ending may still lock the database. */
#define BUSY_MS 2000
/* Bytes: the memory and disk that a message takes besides its headers and value. */
#define MESSAGE_OVERHEAD 512

/* With pages of 8 KiB a frame takes few pages and wastes little. journal_mode=PERSIST writes a
 * new page once; a write-ahead log would write it twice. The journal's blocks also stay
 * allocated, which helps when the disk is full later. */
static const gchar set_up[] = "PRAGMA page_size=8192;"
                              "PRAGMA locking_mode=EXCLUSIVE;"
                              "PRAGMA secure_delete=OFF;"
                              "PRAGMA journal_mode=PERSIST;"
                              "PRAGMA synchronous=FULL;"
                              "PRAGMA temp_store=MEMORY;"
                              "PRAGMA trusted_schema=OFF;"
                              "BEGIN EXCLUSIVE;";
static const gchar schema[] =
    "CREATE TABLE message (id INTEGER PRIMARY KEY, stored INTEGER NOT NULL, topic TEXT NOT NULL,"
    " partition INTEGER NOT NULL, timestamp INTEGER NOT NULL, key BLOB, headers BLOB NOT NULL,"
    " value BLOB);"
    "CREATE TABLE total (messages INTEGER NOT NULL);"
    "INSERT INTO total VALUES (0);"
    "PRAGMA application_id=" G_STRINGIFY (APPLICATION_ID) ";"
                                                          "PRAGMA user_version=" G_STRINGIFY (
                                                              VERSION) ";";

typedef enum {
  STATEMENT_ADD,
  STATEMENT_REMOVE,
  STATEMENT_COUNT,
  STATEMENT_READ,
  STATEMENT_LIST,
  STATEMENTS,
} Statement;

static const gchar *const statements[STATEMENTS] = {
    [STATEMENT_ADD] = "INSERT INTO message VALUES (?,?,?,?,?,?,?,?)",
    [STATEMENT_REMOVE] = "DELETE FROM message WHERE id=?",
    [STATEMENT_COUNT] = "UPDATE total SET messages=?",
    [STATEMENT_READ] = "SELECT id, stored, topic, partition, timestamp, key, headers, value"
                       " FROM message WHERE id>=? ORDER BY id LIMIT ?",
    [STATEMENT_LIST] = "SELECT id, stored, coalesce(length(value), 0) + length(headers)"
                       " FROM message WHERE id>=? ORDER BY id LIMIT ?",
};

struct _GstKafkaSpoolStore {
  gchar *dir, *file, *reserve;
  sqlite3 *db;
  sqlite3_stmt *prepared[STATEMENTS];
  guint64 messages;
};

/* --- messages --- */

GstKafkaSpoolMessage *
gst_kafka_spool_message_new (void)
{
  GstKafkaSpoolMessage *self = g_new0 (GstKafkaSpoolMessage, 1);

  g_atomic_ref_count_init (&self->refs);
  return self;
}

GstKafkaSpoolMessage *
gst_kafka_spool_message_ref (GstKafkaSpoolMessage *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
gst_kafka_spool_message_unref (GstKafkaSpoolMessage *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_free (self->topic);
  g_clear_pointer (&self->key, g_bytes_unref);
  g_clear_pointer (&self->headers, g_bytes_unref);
  g_clear_pointer (&self->value, g_bytes_unref);
  g_free (self);
}

static gsize
size_of (GBytes *bytes)
{
  return bytes ? g_bytes_get_size (bytes) : 0;
}

gsize
gst_kafka_spool_message_size (const GstKafkaSpoolMessage *self)
{
  return self->listed + size_of (self->key) + size_of (self->headers) + size_of (self->value) +
         MESSAGE_OVERHEAD;
}

/* --- errors --- */

/* An exceeded quota, and a file system's limit for a file's size, count as a full disk. */
static gboolean
is_full (gint system)
{
  return system == ENOSPC || system == EDQUOT || system == EFBIG;
}

static GstResourceError
code_of (gint result, gint system)
{
  if (is_full (system))
    return GST_RESOURCE_ERROR_NO_SPACE_LEFT;
  switch (result) {
    case SQLITE_FULL:
      return GST_RESOURCE_ERROR_NO_SPACE_LEFT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return GST_RESOURCE_ERROR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return GST_RESOURCE_ERROR_READ;
    default:
      return GST_RESOURCE_ERROR_WRITE;
  }
}

/* Returns the errno of SQLite's last access to the file, if @result is an error of file access;
 * else 0. */
static gint
system_error (GstKafkaSpoolStore *self, gint result)
{
  gint system = 0;

  if (result == SQLITE_IOERR)
    sqlite3_file_control (self->db, "main", SQLITE_FCNTL_LAST_ERRNO, &system);
  else if (result == SQLITE_CANTOPEN)
    system = sqlite3_system_errno (self->db);
  return system;
}

/* Returns FALSE, with SQLite's last error in @error. */
static gboolean
fail (GstKafkaSpoolStore *self, GError **error)
{
  gint result = sqlite3_extended_errcode (self->db) & 0xff;
  gint system = system_error (self, result);

  g_set_error (error, GST_RESOURCE_ERROR, code_of (result, system), "%s: %s%s%s", self->file,
      sqlite3_errmsg (self->db), system ? ": " : "", system ? g_strerror (system) : "");
  return FALSE;
}

/* --- the reserve --- */

static void
keep_reserve (GstKafkaSpoolStore *self)
{
  gint fd = g_open (self->reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0)
    return;
  if (posix_fallocate (fd, 0, RESERVE_BYTES))
    g_unlink (self->reserve); /* the next transaction tries to reserve it again */
  close (fd);
}

/* Deletes the reserve. Returns TRUE if the journal of one transaction fits on the disk now. */
static gboolean
spend_reserve (GstKafkaSpoolStore *self)
{
  return g_unlink (self->reserve) == 0;
}

/* --- life --- */

static gboolean
execute (GstKafkaSpoolStore *self, const gchar *sql, GError **error)
{
  return sqlite3_exec (self->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail (self, error);
}

static gboolean
query_number (GstKafkaSpoolStore *self, const gchar *sql, gint64 *number, GError **error)
{
  sqlite3_stmt *statement;
  gboolean found = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step (statement) == SQLITE_ROW;

  if (found)
    *number = sqlite3_column_int64 (statement, 0);
  else
    fail (self, error);
  sqlite3_finalize (statement);
  return found;
}

/* Returns FALSE if another program, or another version, made the database. */
static gboolean
is_ours (GstKafkaSpoolStore *self, gint64 id, gint64 version, GError **error)
{
  if (id == APPLICATION_ID && version == VERSION)
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
      "%s is no spool of this version of kafkasink (application %" G_GINT64_MODIFIER
      "x, version %" G_GINT64_FORMAT "). Name another directory.",
      self->file, id, version);
  return FALSE;
}

static gboolean
load_schema (GstKafkaSpoolStore *self, GError **error)
{
  gint64 tables, id, version, messages = 0;

  if (!query_number (self, "SELECT count(*) FROM sqlite_master", &tables, error) ||
      !query_number (self, "PRAGMA application_id", &id, error) ||
      !query_number (self, "PRAGMA user_version", &version, error))
    return FALSE;
  if (!tables && !id ? !execute (self, schema, error) : !is_ours (self, id, version, error))
    return FALSE;
  if (!query_number (self, "SELECT messages FROM total", &messages, error))
    return FALSE;
  self->messages = MAX (messages, 0);
  return execute (self, "COMMIT", error);
}

static gboolean
prepare (GstKafkaSpoolStore *self, GError **error)
{
  for (guint i = 0; i < STATEMENTS; i++)
    if (sqlite3_prepare_v3 (self->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
            &self->prepared[i], NULL) != SQLITE_OK)
      return fail (self, error);
  return TRUE;
}

static void
close_database (GstKafkaSpoolStore *self)
{
  for (guint i = 0; i < STATEMENTS; i++)
    g_clear_pointer (&self->prepared[i], sqlite3_finalize);
  g_clear_pointer (&self->db, sqlite3_close);
}

/* Only the owner may read the file, because the frames show people. SQLite gives the journal the
 * mode of the file. */
static gboolean
make_file (GstKafkaSpoolStore *self, GError **error)
{
  gint fd = g_open (self->file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd >= 0) {
    close (fd);
    return TRUE;
  }
  g_set_error (error, GST_RESOURCE_ERROR,
      is_full (errno) ? GST_RESOURCE_ERROR_NO_SPACE_LEFT : GST_RESOURCE_ERROR_OPEN_WRITE, "%s: %s",
      self->file, g_strerror (errno));
  return FALSE;
}

static gboolean
open_database (GstKafkaSpoolStore *self, GError **error)
{
  const gint flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

  if (!make_file (self, error))
    return FALSE;
  if (sqlite3_open_v2 (self->file, &self->db, flags, NULL) != SQLITE_OK)
    return fail (self, error);
  sqlite3_extended_result_codes (self->db, TRUE);
  sqlite3_busy_timeout (self->db, BUSY_MS);
  return execute (self, set_up, error) && load_schema (self, error) && prepare (self, error);
}

static gboolean
open_or_close (GstKafkaSpoolStore *self, GError **error)
{
  if (open_database (self, error))
    return TRUE;
  close_database (self);
  return FALSE;
}

static gboolean
is_damage (const GError *error)
{
  return g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ);
}

/* Returns: (transfer full): the name of a file that doesn't exist */
static gchar *
unused_name (GstKafkaSpoolStore *self)
{
  gchar *name = NULL;
  guint n = 0;

  do {
    g_free (name);
    name = g_strdup_printf ("%s.damaged-%u", self->file, ++n);
  } while (g_file_test (name, G_FILE_TEST_EXISTS));
  return name;
}

gboolean
gst_kafka_spool_store_replace (GstKafkaSpoolStore *self, gchar **aside, GError **error)
{
  g_autofree gchar *journal = g_build_filename (self->dir, JOURNAL_NAME, NULL);

  close_database (self);
  self->messages = 0;
  *aside = unused_name (self);
  if (g_rename (self->file, *aside)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
        "%s is damaged and can't be renamed: %s", self->file, g_strerror (errno));
    return FALSE;
  }
  g_unlink (journal);
  return open_or_close (self, error);
}

static gboolean
open_or_replace (GstKafkaSpoolStore *self, gchar **aside, GError **error)
{
  g_autoptr (GError) found = NULL;

  if (open_or_close (self, &found))
    return TRUE;
  if (is_damage (found))
    return gst_kafka_spool_store_replace (self, aside, error);
  g_propagate_error (error, g_steal_pointer (&found));
  return FALSE;
}

static gboolean
make_directory (const gchar *dir, GError **error)
{
  gint made = g_mkdir (dir, 0700);
  gint why = errno;

  if (made == 0 || (why == EEXIST && g_file_test (dir, G_FILE_TEST_IS_DIR)))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE, "mkdir %s: %s", dir,
      g_strerror (why == EEXIST ? ENOTDIR : why));
  return FALSE;
}

GstKafkaSpoolStore *
gst_kafka_spool_store_open (const gchar *dir, gchar **aside, GError **error)
{
  GstKafkaSpoolStore *self;

  *aside = NULL;
  if (!make_directory (dir, error))
    return NULL;
  self = g_new0 (GstKafkaSpoolStore, 1);
  self->dir = g_strdup (dir);
  self->file = g_build_filename (dir, FILE_NAME, NULL);
  self->reserve = g_build_filename (dir, RESERVE_NAME, NULL);
  if (open_or_replace (self, aside, error)) {
    keep_reserve (self);
    return self;
  }
  gst_kafka_spool_store_close (self);
  return NULL;
}

void
gst_kafka_spool_store_close (GstKafkaSpoolStore *self)
{
  close_database (self);
  g_free (self->dir);
  g_free (self->file);
  g_free (self->reserve);
  g_free (self);
}

/* --- changes --- */

/* NULL is stored as SQL's NULL, and an empty value as a blob of 0 bytes. */
static void
bind_bytes (sqlite3_stmt *statement, gint column, GBytes *bytes)
{
  gsize size = 0;
  gconstpointer data = bytes ? g_bytes_get_data (bytes, &size) : NULL;

  if (bytes)
    sqlite3_bind_blob64 (statement, column, data ? data : "", size, SQLITE_STATIC);
  else
    sqlite3_bind_null (statement, column);
}

static gboolean
run (GstKafkaSpoolStore *self, Statement which, GError **error)
{
  sqlite3_stmt *statement = self->prepared[which];
  gboolean done = sqlite3_step (statement) == SQLITE_DONE || fail (self, error);

  sqlite3_reset (statement);
  return done;
}

static gboolean
add (GstKafkaSpoolStore *self, const GstKafkaSpoolMessage *message, GError **error)
{
  sqlite3_stmt *statement = self->prepared[STATEMENT_ADD];

  sqlite3_bind_int64 (statement, 1, message->id);
  sqlite3_bind_int64 (statement, 2, message->stored);
  sqlite3_bind_text (statement, 3, message->topic, -1, SQLITE_STATIC);
  sqlite3_bind_int (statement, 4, message->partition);
  sqlite3_bind_int64 (statement, 5, message->timestamp);
  bind_bytes (statement, 6, message->key);
  bind_bytes (statement, 7, message->headers);
  bind_bytes (statement, 8, message->value);
  return run (self, STATEMENT_ADD, error);
}

static gboolean delete (GstKafkaSpoolStore *self, guint64 id, guint64 *count, GError **error)
{
  sqlite3_bind_int64 (self->prepared[STATEMENT_REMOVE], 1, id);
  if (!run (self, STATEMENT_REMOVE, error))
    return FALSE;
  *count -= MIN (*count, (guint64) sqlite3_changes (self->db));
  return TRUE;
}

static gboolean
count (GstKafkaSpoolStore *self, guint64 messages, GError **error)
{
  sqlite3_bind_int64 (self->prepared[STATEMENT_COUNT], 1, messages);
  return run (self, STATEMENT_COUNT, error);
}

static gboolean
change_rows (
    GstKafkaSpoolStore *self, GPtrArray *added, GArray *removed, guint64 *messages, GError **error)
{
  for (guint i = 0; removed && i < removed->len; i++)
    if (!delete (self, g_array_index (removed, guint64, i), messages, error))
      return FALSE;
  for (guint i = 0; added && i < added->len; i++, (*messages)++)
    if (!add (self, g_ptr_array_index (added, i), error))
      return FALSE;
  return count (self, *messages, error);
}

/* Opens the database again if a failed gst_kafka_spool_store_replace() left none. */
static gboolean
is_open (GstKafkaSpoolStore *self, GError **error)
{
  return self->db || open_or_close (self, error);
}

static gboolean
try_change (GstKafkaSpoolStore *self, GPtrArray *added, GArray *removed, GError **error)
{
  guint64 messages = self->messages;

  if (!is_open (self, error))
    return FALSE;
  if (execute (self, "BEGIN", error) && change_rows (self, added, removed, &messages, error) &&
      execute (self, "COMMIT", error)) {
    self->messages = messages;
    return TRUE;
  }
  if (!sqlite3_get_autocommit (self->db))
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

gboolean
gst_kafka_spool_store_change (
    GstKafkaSpoolStore *self, GPtrArray *added, GArray *removed, GError **error)
{
  g_autoptr (GError) full = NULL;
  gboolean done = try_change (self, added, removed, &full);

  if (!added && g_error_matches (full, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT) &&
      spend_reserve (self)) {
    g_clear_error (&full);
    done = try_change (self, NULL, removed, &full);
  }
  if (done && !g_file_test (self->reserve, G_FILE_TEST_EXISTS))
    keep_reserve (self);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&full));
  return done;
}

void
gst_kafka_spool_store_shrink (GstKafkaSpoolStore *self)
{
  sqlite3_exec (self->db, "VACUUM", NULL, NULL, NULL);
}

/* --- reading --- */

/* (transfer full) (nullable) */
static GBytes *
column_bytes (sqlite3_stmt *statement, gint column)
{
  if (sqlite3_column_type (statement, column) == SQLITE_NULL)
    return NULL;
  return g_bytes_new (
      sqlite3_column_blob (statement, column), sqlite3_column_bytes (statement, column));
}

static GstKafkaSpoolMessage *
message_of_row (sqlite3_stmt *statement, Statement which)
{
  GstKafkaSpoolMessage *message = gst_kafka_spool_message_new ();

  message->id = sqlite3_column_int64 (statement, 0);
  message->stored = sqlite3_column_int64 (statement, 1);
  if (which == STATEMENT_LIST) {
    message->listed = sqlite3_column_int64 (statement, 2);
    return message;
  }
  message->topic = g_strdup ((const gchar *) sqlite3_column_text (statement, 2));
  message->partition = sqlite3_column_int (statement, 3);
  message->timestamp = sqlite3_column_int64 (statement, 4);
  message->key = column_bytes (statement, 5);
  message->headers = column_bytes (statement, 6);
  message->value = column_bytes (statement, 7);
  return message;
}

static GPtrArray *
find (GstKafkaSpoolStore *self, Statement which, guint64 from, guint count, gsize bytes,
    GError **error)
{
  sqlite3_stmt *statement;
  g_autoptr (GPtrArray) found =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_kafka_spool_message_unref);
  gsize size = 0;
  gint result = SQLITE_DONE;

  if (!is_open (self, error))
    return NULL;
  statement = self->prepared[which];
  sqlite3_bind_int64 (statement, 1, from);
  sqlite3_bind_int (statement, 2, count);
  while (size < bytes && (result = sqlite3_step (statement)) == SQLITE_ROW) {
    GstKafkaSpoolMessage *message = message_of_row (statement, which);

    g_ptr_array_add (found, message);
    size += gst_kafka_spool_message_size (message);
  }
  if (result != SQLITE_DONE && result != SQLITE_ROW) {
    fail (self, error);
    g_clear_pointer (&found, g_ptr_array_unref);
  }
  sqlite3_reset (statement);
  return g_steal_pointer (&found);
}

GPtrArray *
gst_kafka_spool_store_read (
    GstKafkaSpoolStore *self, guint64 from, guint count, gsize bytes, GError **error)
{
  return find (self, STATEMENT_READ, from, count, bytes, error);
}

GPtrArray *
gst_kafka_spool_store_list (GstKafkaSpoolStore *self, guint64 from, guint count, GError **error)
{
  return find (self, STATEMENT_LIST, from, count, G_MAXSIZE, error);
}

guint64
gst_kafka_spool_store_messages (const GstKafkaSpoolStore *self)
{
  return self->messages;
}

static gint64
number_or (GstKafkaSpoolStore *self, const gchar *sql, gint64 otherwise)
{
  gint64 number = otherwise;

  query_number (self, sql, &number, NULL);
  return number;
}

guint64
gst_kafka_spool_store_bytes (GstKafkaSpoolStore *self)
{
  return (number_or (self, "PRAGMA page_count", 0) - number_or (self, "PRAGMA freelist_count", 0)) *
         number_or (self, "PRAGMA page_size", 0);
}

guint64
gst_kafka_spool_store_next_id (GstKafkaSpoolStore *self)
{
  return number_or (self, "SELECT coalesce(max(id), 0) FROM message", 0) + 1;
}
