/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaspool.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_sink_debug);
#define GST_CAT_DEFAULT gst_kafka_sink_debug

/* us: the time between two writes. Messages are written together, because each transaction writes
 * to the disk three times and waits until the disk is done. If the machine crashes, the messages
 * that came since the last write are lost. */
#define WRITE_INTERVAL (250 * G_TIME_SPAN_MILLISECOND)
#define WRITE_BYTES (4 * 1024 * 1024)
/* us: the time after which a write to a failed disk is tried again. */
#define RETRY_INTERVAL G_USEC_PER_SEC
#define EXPIRY_INTERVAL G_USEC_PER_SEC
/* The number of messages that are read ahead of gst_kafka_spool_take(). */
#define READ_MESSAGES 32
#define LEAST_READ (READ_MESSAGES / 2)
#define READ_BYTES (4 * 1024 * 1024)
/* The number of messages that one transaction drops, and the bytes that one transaction writes,
 * at most. */
#define DROP_MESSAGES 64
#define BATCH_BYTES (8 * 1024 * 1024)
#define LEAST_BATCH (256 * 1024)
/* us: the shortest time between two info messages, because the spool fills and empties all the time
 * if the rate of the link varies. */
#define REPORT_INTERVAL (60 * G_TIME_SPAN_SECOND)
/* s: the time for which messages that the rate limit permits can be saved up, so that a thread that
 * takes messages only ten times a second reaches the limit. */
#define BURST 0.25

typedef struct {
  guint64 spooled, sent, dropped;
} Counters;

struct _GstKafkaSpool {
  GstElement *element;
  gchar *dir;
  GstKafkaSpoolLimits limits;
  GThread *thread;

  /* Only the spool's thread uses the next fields, once it runs. */
  GstKafkaSpoolStore *store;
  guint64 cursor; /* the id to read from: messages with lower ids are in memory or removed */
  gint64 next_expiry;
  /* limit of the bytes that one transaction writes; smaller while the disk is full */
  guint64 batch;
  /* `warned_of_drop`: a warning about dropped messages was posted since the spool was last empty.
   * `warned_of_failure`: a warning about the disk was posted since the disk last worked. */
  gboolean warned_of_drop, warned_of_failure;
  gboolean reported; /* an info message has said that buffers wait on the disk */
  gint64 report;     /* the time of the last info message about waiting buffers, monotonic us */

  GMutex lock; /* guards all fields below */
  GCond changed;
  GQueue incoming;    /* GstKafkaSpoolMessages that aren't on the disk yet */
  GPtrArray *writing; /* the messages of the running transaction, or NULL */
  GQueue outgoing;    /* messages that were read, and wait for gst_kafka_spool_take() */
  GHashTable *held;   /* ids of messages that are both on the disk and in memory */
  GArray *removals;   /* ids (guint64) of messages to remove from the disk */
  guint64 next_id;
  guint64 unwritten; /* bytes of the messages in incoming and writing */
  /* number of messages in incoming and writing without a copy in the send queue */
  guint64 own;
  guint64 memory;
  /* the messages on the disk and their bytes, after the last transaction */
  guint64 on_disk, bytes_on_disk;
  guint64 unread;    /* number of messages on the disk without a copy in memory */
  gint64 next_write; /* the time of the next write, monotonic us */
  /* the time of the next try after a failed write; 0: the disk works */
  gint64 retry;
  gdouble allowance; /* the number of messages that the rate permits now */
  gint64 allowed;    /* the time when `allowance` was last computed, monotonic us */
  /* `outgoing` is nearly empty, so more messages have to be read from the disk */
  gboolean wanted;
  gboolean hurried, stopping;
  Counters counters;
};

/* --- messages on the bus --- */

static void
report_drop (GstKafkaSpool *self, const gchar *reason)
{
  if (!self->warned_of_drop)
    GST_ELEMENT_WARNING (self->element, RESOURCE, NO_SPACE_LEFT,
        ("The oldest buffers in %s are dropped: %s. spool-dropped in stats counts them. Give the "
         "spool a larger disk, or raise spool-bytes or spool-time.",
            self->dir, reason),
        (NULL));
  self->warned_of_drop = TRUE;
}

static void
report_failure (GstKafkaSpool *self, const GError *error)
{
  if (!self->warned_of_failure)
    GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE,
        ("The spool can't use its disk, so memory holds the buffers, and the oldest are dropped "
         "when it is full. %s. Mend the disk or name another directory.",
            error->message),
        (NULL));
  self->warned_of_failure = TRUE;
}

static void
report_damage (GstKafkaSpool *self, const gchar *aside, guint64 lost)
{
  GST_ELEMENT_WARNING (self->element, RESOURCE, READ,
      ("The spool was damaged and is now %s; a new one begins. %" G_GUINT64_FORMAT
       " buffers in it are not sent. sqlite3's command .recover may save them. See whether the "
       "disk is sound.",
          aside, lost),
      (NULL));
}

/* Posts an info message. The text is its debug part too, because gst-launch-1.0 prints only the
 * debug part. */
static void report (GstKafkaSpool *self, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static void
report (GstKafkaSpool *self, const gchar *format, ...)
{
  g_autofree gchar *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  GST_ELEMENT_INFO (self->element, RESOURCE, WRITE, ("%s", text), ("%s", text));
}

static void
report_begin (GstKafkaSpool *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->report && now - self->report < REPORT_INTERVAL)
    return;
  self->reported = TRUE;
  self->report = now;
  report (self, "The brokers don't take the buffers in time. Buffers go to %s until they do.",
      self->dir);
}

static void
report_end (GstKafkaSpool *self)
{
  if (!self->reported)
    return;
  self->reported = FALSE;
  report (self, "No buffer waits in %s any more.", self->dir);
}

static void
report_start (GstKafkaSpool *self, const gchar *aside)
{
  if (aside)
    report_damage (self, aside, 0);
  if (!self->on_disk)
    return;
  self->reported = TRUE;
  self->report = g_get_monotonic_time ();
  report (
      self, "%" G_GUINT64_FORMAT " buffers of earlier runs wait in %s.", self->on_disk, self->dir);
}

void
gst_kafka_spool_report_rest (GstKafkaSpool *self)
{
  guint64 left;

  g_mutex_lock (&self->lock);
  left = self->on_disk - MIN (self->on_disk, self->removals->len);
  g_mutex_unlock (&self->lock);
  if (left)
    report (self, "%" G_GUINT64_FORMAT " buffers wait in %s for the next start.", left, self->dir);
}

/* --- changes of the queues, called with the lock --- */

static GHashTable *
new_ids (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
}

/* With lock */
static gboolean
is_held (GstKafkaSpool *self, guint64 id)
{
  return g_hash_table_contains (self->held, &id);
}

/* With lock */
static void
hold (GstKafkaSpool *self, guint64 id)
{
  guint64 *key = g_new (guint64, 1);

  *key = id;
  g_hash_table_add (self->held, key);
}

/* With lock */
static guint
count_writing (GstKafkaSpool *self)
{
  guint n = 0;

  for (guint i = 0; self->writing && i < self->writing->len; i++)
    n += !is_held (self, ((GstKafkaSpoolMessage *) g_ptr_array_index (self->writing, i))->id);
  return n;
}

/* With lock */
static guint64
count_waiting (GstKafkaSpool *self)
{
  return self->unread + self->outgoing.length + self->own;
}

/* With lock */
static guint64
append (GstKafkaSpool *self, GstKafkaSpoolMessage *message)
{
  message->id = self->next_id++;
  self->unwritten += gst_kafka_spool_message_size (message);
  g_queue_push_tail (&self->incoming, message);
  g_cond_broadcast (&self->changed);
  return message->id;
}

/* Called with the lock. Returns: (transfer full): the message of @link, removed from the queue of
 * unwritten messages */
static GstKafkaSpoolMessage *
withdraw (GstKafkaSpool *self, GList *link)
{
  GstKafkaSpoolMessage *message = link->data;

  self->unwritten -= gst_kafka_spool_message_size (message);
  self->own -= !is_held (self, message->id);
  g_queue_delete_link (&self->incoming, link);
  return message;
}

/* Called with the lock. Returns: (nullable): the oldest message of incoming without a copy in the
 * send queue */
static GList *
first_own (GstKafkaSpool *self)
{
  GList *link = self->incoming.head;

  while (link && is_held (self, ((GstKafkaSpoolMessage *) link->data)->id))
    link = link->next;
  return link;
}

/* --- dropping --- */

/* Chooses the messages to drop: the oldest ones, until their size reaches @bytes. */
typedef struct {
  guint64 bytes;
  gint64 before; /* time in us since the epoch: only messages stored before it are dropped */
  guint64 freed;
} Drop;

/* Returns TRUE if the message's id was added to @ids; FALSE if @message stays. */
static gboolean
drop (Drop *drop, const GstKafkaSpoolMessage *message, GArray *ids)
{
  if (drop->freed >= drop->bytes || message->stored >= drop->before)
    return FALSE;
  drop->freed += gst_kafka_spool_message_size (message);
  g_array_append_val (ids, message->id);
  return TRUE;
}

/* With lock */
static void
drop_read (GstKafkaSpool *self, Drop *what, GArray *ids)
{
  while (self->outgoing.length && drop (what, g_queue_peek_head (&self->outgoing), ids))
    gst_kafka_spool_message_unref (g_queue_pop_head (&self->outgoing));
}

/* With lock. Returns the number of messages of @listed that are dropped. */
static guint
drop_unread (GstKafkaSpool *self, Drop *what, GPtrArray *listed, GArray *ids)
{
  guint dropped = 0;

  for (guint i = 0; i < listed->len; i++) {
    const GstKafkaSpoolMessage *message = g_ptr_array_index (listed, i);

    if (is_held (self, message->id))
      continue;
    if (!drop (what, message, ids))
      break;
    self->cursor = message->id + 1;
    dropped++;
  }
  return dropped;
}

/* With lock. Forgets the messages with @ids, which a transaction has removed from the disk. */
static void
forget (GstKafkaSpool *self, GArray *ids)
{
  for (guint i = 0; i < ids->len; i++)
    g_hash_table_remove (self->held, &g_array_index (ids, guint64, i));
  self->on_disk = gst_kafka_spool_store_messages (self->store);
  self->bytes_on_disk = gst_kafka_spool_store_bytes (self->store);
}

/* Called by the spool's thread, without lock. Removes the messages with @ids from the disk, in a
 * transaction of its own. */
static gboolean
remove_now (GstKafkaSpool *self, GArray *ids)
{
  g_autoptr (GError) error = NULL;

  if (!gst_kafka_spool_store_change (self->store, NULL, ids, &error)) {
    GST_DEBUG_OBJECT (self->element, "can't remove %u buffers: %s", ids->len, error->message);
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  forget (self, ids);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* Called by the spool's thread, without lock. Drops up to DROP_MESSAGES of the oldest waiting
 * messages, and returns their number. */
static guint
drop_oldest (GstKafkaSpool *self, Drop what, const gchar *reason)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GPtrArray) listed =
      gst_kafka_spool_store_list (self->store, self->cursor, DROP_MESSAGES, NULL);

  if (!listed)
    return 0;
  g_mutex_lock (&self->lock);
  drop_read (self, &what, ids);
  self->unread -= drop_unread (self, &what, listed, ids);
  self->counters.dropped += ids->len;
  g_mutex_unlock (&self->lock);
  if (!ids->len)
    return 0;
  GST_DEBUG_OBJECT (self->element, "dropping the %u oldest buffers: %s", ids->len, reason);
  report_drop (self, reason);
  if (remove_now (self, ids))
    return ids->len;
  /* The next transaction removes the dropped messages, because this one has failed. */
  g_mutex_lock (&self->lock);
  g_array_append_vals (self->removals, ids->data, ids->len);
  g_mutex_unlock (&self->lock);
  return 0;
}

/* Called by the spool's thread, without lock. Drops the messages that are older than spool-time. */
static void
expire (GstKafkaSpool *self)
{
  const Drop what = {G_MAXUINT64, g_get_real_time () - self->limits.time / GST_USECOND, 0};

  while (drop_oldest (self, what, "these buffers are older than spool-time"))
    ;
  self->next_expiry = g_get_monotonic_time () + EXPIRY_INTERVAL;
}

/* --- writing --- */

/* Called by the spool's thread, without lock. Makes room on the disk: removes delivered messages,
 * or, if there are none, drops the oldest ones.
 *  */
static gboolean
make_room (GstKafkaSpool *self, GArray *removed, Drop what, const gchar *reason)
{
  if (!removed->len)
    return drop_oldest (self, what, reason) > 0;
  if (!remove_now (self, removed))
    return FALSE;
  g_array_set_size (removed, 0);
  return TRUE;
}

/* Drops the oldest messages until @bytes more fit into spool-bytes. */
static void
keep_bound (GstKafkaSpool *self, guint64 bytes, GArray *removed)
{
  guint64 used;

  while (self->limits.bytes &&
         (used = gst_kafka_spool_store_bytes (self->store) + bytes) > self->limits.bytes)
    if (!make_room (self, removed, (Drop){used - self->limits.bytes, G_MAXINT64, 0},
            "spool-bytes is reached"))
      break;
}

/* With lock. Puts messages that were read from the disk, but not taken, back into `incoming`, so
 * that they are written again. */
static void
put_back_read (GstKafkaSpool *self)
{
  GstKafkaSpoolMessage *message;

  while ((message = g_queue_pop_tail (&self->outgoing))) {
    g_hash_table_remove (self->held, &message->id);
    self->unwritten += gst_kafka_spool_message_size (message);
    self->own++;
    g_queue_push_head (&self->incoming, message);
  }
}

/* With lock */
static void
hold_again (GstKafkaSpool *self, GHashTable *before, const GstKafkaSpoolMessage *message)
{
  if (g_hash_table_contains (before, &message->id))
    hold (self, message->id);
}

/* With lock. Removes all ids from `held` but those of messages that are still to be written,
 * because only these messages will be in the new database. */
static void
hold_unwritten (GstKafkaSpool *self)
{
  g_autoptr (GHashTable) before = g_steal_pointer (&self->held);

  self->held = new_ids ();
  for (GList *l = self->incoming.head; l; l = l->next)
    hold_again (self, before, l->data);
  for (guint i = 0; self->writing && i < self->writing->len; i++)
    hold_again (self, before, g_ptr_array_index (self->writing, i));
}

/* Called by the spool's thread, without lock. Begins a new database, and forgets the messages of
 * the old one. */
static gboolean
replace_store (GstKafkaSpool *self, GError **error)
{
  g_autofree gchar *aside = NULL;
  gboolean replaced = gst_kafka_spool_store_replace (self->store, &aside, error);
  guint64 lost;

  g_mutex_lock (&self->lock);
  lost = self->unread;
  GST_DEBUG_OBJECT (self->element,
      "a new database: %" G_GUINT64_FORMAT " buffers of %" G_GUINT64_FORMAT " are lost", lost,
      self->on_disk);
  self->counters.dropped += lost;
  self->unread = self->on_disk = self->bytes_on_disk = self->cursor = 0;
  put_back_read (self);
  hold_unwritten (self);
  g_mutex_unlock (&self->lock);
  report_damage (self, aside, lost);
  return replaced;
}

typedef enum { WRITE_DONE, WRITE_LESS, WRITE_FAILED } Write;

/* Called by the spool's thread, without lock. WRITE_LESS is returned if the disk is full, and the
 * caller writes a smaller batch, so that fewer old messages are dropped for it. */
static Write
write_batch (GstKafkaSpool *self, GPtrArray *added, guint64 bytes, GArray *removed, GError **error)
{
  const Drop what = {MAX (bytes, 1), G_MAXINT64, 0};
  g_autoptr (GError) found = NULL;

  while (!gst_kafka_spool_store_change (self->store, added->len ? added : NULL, removed, &found)) {
    gboolean full = g_error_matches (found, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
    gboolean damaged = g_error_matches (found, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ);

    GST_DEBUG_OBJECT (self->element, "%u buffers of %" G_GUINT64_FORMAT " bytes not written: %s",
        added->len, bytes, found->message);
    if (full && added->len > 1 && bytes > LEAST_BATCH)
      return WRITE_LESS;
    if (!(full && make_room (self, removed, what, "the disk is full")) &&
        !(damaged && replace_store (self, NULL))) {
      g_propagate_error (error, g_steal_pointer (&found));
      return WRITE_FAILED;
    }
    g_clear_error (&found);
  }
  return WRITE_DONE;
}

/* With lock */
static gboolean
is_removed (GstKafkaSpool *self, guint64 id)
{
  guint i = 0;

  while (i < self->removals->len && g_array_index (self->removals, guint64, i) != id)
    i++;
  return i < self->removals->len;
}

/* With lock. Puts the messages that couldn't be written back into `incoming`, and drops the oldest
 * ones if all together exceed the limit of memory. Messages that were delivered during the write
 * are freed. */
static void
put_back (GstKafkaSpool *self)
{
  GList *oldest;

  for (guint i = self->writing->len; i-- > 0;) {
    GstKafkaSpoolMessage *message = g_ptr_array_index (self->writing, i);

    if (is_removed (self, message->id))
      self->unwritten -= gst_kafka_spool_message_size (message);
    else
      g_queue_push_head (&self->incoming, gst_kafka_spool_message_ref (message));
  }
  while (self->memory && self->unwritten > self->memory && (oldest = first_own (self))) {
    gst_kafka_spool_message_unref (withdraw (self, oldest));
    self->counters.dropped++;
  }
}

/* With lock */
static void
note_written (GstKafkaSpool *self, GArray *removed, guint64 bytes)
{
  guint own = count_writing (self);

  self->unwritten -= bytes;
  self->own -= own;
  self->unread += own;
  self->counters.spooled += self->writing->len;
  forget (self, removed);
}

/* The limit of bytes for one transaction: at most a quarter of spool-bytes, so that the newest
 * messages fit. */
static guint64
most_bytes (GstKafkaSpool *self)
{
  return self->limits.bytes ? MIN (BATCH_BYTES, self->limits.bytes / 4) : BATCH_BYTES;
}

/* With lock. Moves the messages of the next transaction from incoming to writing, and returns
 * their bytes. */
static guint64
begin_writing (GstKafkaSpool *self, GArray **removed)
{
  guint64 bytes = 0;

  self->writing = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_kafka_spool_message_unref);
  while (self->incoming.length && (!bytes || bytes < self->batch)) {
    GstKafkaSpoolMessage *message = g_queue_pop_head (&self->incoming);

    bytes += gst_kafka_spool_message_size (message);
    g_ptr_array_add (self->writing, message);
  }
  *removed = g_steal_pointer (&self->removals);
  self->removals = g_array_new (FALSE, FALSE, sizeof (guint64));
  return bytes;
}

/* With lock. Ends a transaction that wrote nothing. */
static void
end_in_vain (GstKafkaSpool *self, GArray *removed)
{
  put_back (self);
  g_array_append_vals (removed, self->removals->data, self->removals->len);
  g_array_unref (self->removals);
  self->removals = g_array_ref (removed);
}

/* With lock */
static void
end_writing (GstKafkaSpool *self, Write result, guint64 bytes, GArray *removed)
{
  gint64 now = g_get_monotonic_time ();

  if (result == WRITE_DONE)
    note_written (self, removed, bytes);
  else
    end_in_vain (self, removed);
  self->retry = result == WRITE_FAILED ? now + RETRY_INTERVAL : 0;
  self->next_write = result == WRITE_LESS ? now : now + WRITE_INTERVAL;
  self->batch = result == WRITE_LESS ? bytes / 2 : MIN (2 * self->batch, most_bytes (self));
  GST_DEBUG_OBJECT (self->element,
      "%s %u buffers, %u removed: %" G_GUINT64_FORMAT " buffers and %" G_GUINT64_FORMAT
      " bytes are on the disk",
      result == WRITE_DONE ? "wrote" : "could not write", self->writing->len, removed->len,
      self->on_disk, self->bytes_on_disk);
  g_clear_pointer (&self->writing, g_ptr_array_unref);
  g_cond_broadcast (&self->changed);
}

/* Called by the spool's thread, without lock. Posts the bus messages about the result of a
 * write. */
static void
note_end (GstKafkaSpool *self, gboolean began, gboolean ended, const GError *error)
{
  if (error)
    report_failure (self, error);
  else
    self->warned_of_failure = FALSE;
  if (began)
    report_begin (self);
  if (!ended)
    return;
  gst_kafka_spool_store_shrink (self->store);
  self->warned_of_drop = FALSE;
  report_end (self);
}

/* Writes one transaction. Called with the lock, which is released while the disk is written. */
static void
write_some (GstKafkaSpool *self)
{
  g_autoptr (GArray) removed = NULL;
  g_autoptr (GError) error = NULL;
  guint64 bytes = begin_writing (self, &removed), before = self->on_disk, after;
  Write result;

  g_mutex_unlock (&self->lock);
  if (bytes)
    keep_bound (self, bytes, removed);
  result = write_batch (self, self->writing, bytes, removed, &error);
  g_mutex_lock (&self->lock);
  end_writing (self, result, bytes, removed);
  after = self->on_disk;
  g_mutex_unlock (&self->lock);
  note_end (self, !before && after, before && !after, error);
  g_mutex_lock (&self->lock);
}

/* --- reading --- */

/* With lock. Adds the messages in @found to outgoing, except those that are in memory already. */
static void
take_in (GstKafkaSpool *self, GPtrArray *found)
{
  for (guint i = 0; i < found->len; i++) {
    GstKafkaSpoolMessage *message = g_ptr_array_index (found, i);

    self->cursor = message->id + 1;
    if (is_held (self, message->id))
      continue;
    hold (self, message->id);
    g_queue_push_tail (&self->outgoing, gst_kafka_spool_message_ref (message));
    self->unread--;
  }
}

/* Reads messages ahead. Called with the lock, which is released while the disk is read. */
static void
read_some (GstKafkaSpool *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = NULL;

  self->wanted = FALSE;
  g_mutex_unlock (&self->lock);
  found = gst_kafka_spool_store_read (self->store, self->cursor, READ_MESSAGES, READ_BYTES, &error);
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ))
    replace_store (self, NULL);
  else if (error)
    report_failure (self, error);
  g_mutex_lock (&self->lock);
  if (found)
    take_in (self, found);
  GST_DEBUG_OBJECT (self->element,
      "read %u buffers from the disk: %u wait in memory, %" G_GUINT64_FORMAT " on the disk alone",
      found ? found->len : 0, self->outgoing.length, self->unread);
  /* If nothing was found, the messages that `unread` counts aren't in the database. */
  if (found && !found->len)
    self->unread = 0;
  if (error)
    self->retry = g_get_monotonic_time () + RETRY_INTERVAL;
  g_cond_broadcast (&self->changed);
}

/* --- the thread --- */

/* With lock */
static gboolean
has_changes (GstKafkaSpool *self)
{
  return self->incoming.length || self->removals->len;
}

/* With lock. Returns the time of the next write in monotonic us; G_MAXINT64: there is nothing to
 * write. */
static gint64
write_time (GstKafkaSpool *self)
{
  if (!has_changes (self))
    return G_MAXINT64;
  if (self->hurried || self->stopping)
    return 0;
  return MAX (self->retry, self->unwritten >= WRITE_BYTES ? 0 : self->next_write);
}

/* With lock */
static gint64
read_time (GstKafkaSpool *self)
{
  gboolean reads = self->wanted && self->unread && self->outgoing.length < LEAST_READ;

  return reads ? self->retry : G_MAXINT64;
}

/* With lock */
static gint64
expiry_time (GstKafkaSpool *self)
{
  return self->limits.time && self->on_disk ? self->next_expiry : G_MAXINT64;
}

/* Drops, writes or reads messages, whichever is due, or waits. Called with the lock, which is
 * released while the disk is used. */
static void
work (GstKafkaSpool *self, gint64 now)
{
  if (expiry_time (self) <= now) {
    g_mutex_unlock (&self->lock);
    expire (self);
    g_mutex_lock (&self->lock);
  } else if (write_time (self) <= now) {
    write_some (self);
  } else if (read_time (self) <= now) {
    read_some (self);
  } else {
    gint64 next = MIN (MIN (write_time (self), read_time (self)), expiry_time (self));

    g_cond_wait_until (&self->changed, &self->lock, MIN (next, now + EXPIRY_INTERVAL));
  }
}

static gpointer
use_disk (gpointer user_data)
{
  GstKafkaSpool *self = user_data;

  g_mutex_lock (&self->lock);
  while (!self->stopping)
    work (self, g_get_monotonic_time ());
  self->retry = 0;
  while (has_changes (self) && !self->retry)
    write_some (self);
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* --- life --- */

static const gchar *
remedy_of (const GError *error)
{
  switch (error->code) {
    case GST_RESOURCE_ERROR_BUSY:
      return "Another kafkasink uses this directory: give each one its own.";
    case GST_RESOURCE_ERROR_NO_SPACE_LEFT:
      return "Free some room on the disk.";
    default:
      return "Name a directory that this user owns and may write to; the one that it is in must "
             "exist.";
  }
}

static void
explain (GstKafkaSpool *self, GError *error)
{
  g_autofree gchar *said = g_steal_pointer (&error->message);

  if (error->code == GST_RESOURCE_ERROR_WRITE)
    error->code = GST_RESOURCE_ERROR_OPEN_WRITE;
  error->message = g_strdup_printf ("The spool can't be opened. %s. %s", said, remedy_of (error));
}

GstKafkaSpool *
gst_kafka_spool_new (
    GstElement *element, const gchar *dir, const GstKafkaSpoolLimits *limits, GError **error)
{
  GstKafkaSpool *self = g_new0 (GstKafkaSpool, 1);
  g_autofree gchar *aside = NULL;
  g_autoptr (GError) found = NULL;

  self->element = element;
  self->dir = g_strdup (dir);
  self->limits = *limits;
  self->batch = most_bytes (self);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->incoming);
  g_queue_init (&self->outgoing);
  self->held = new_ids ();
  self->removals = g_array_new (FALSE, FALSE, sizeof (guint64));
  if (!(self->store = gst_kafka_spool_store_open (dir, &aside, &found))) {
    explain (self, found);
    g_propagate_error (error, g_steal_pointer (&found));
    gst_kafka_spool_free (self);
    return NULL;
  }
  self->next_id = gst_kafka_spool_store_next_id (self->store);
  self->on_disk = self->unread = gst_kafka_spool_store_messages (self->store);
  self->bytes_on_disk = gst_kafka_spool_store_bytes (self->store);
  GST_INFO_OBJECT (element, "spool %s: %" G_GUINT64_FORMAT " buffers, %" G_GUINT64_FORMAT " bytes",
      dir, self->on_disk, self->bytes_on_disk);
  GST_INFO_OBJECT (element,
      "spool limits (0: none): %" G_GUINT64_FORMAT " bytes, %" GST_TIME_FORMAT
      ", %u buffers/s from the disk; %s first",
      limits->bytes, GST_TIME_ARGS (limits->time), limits->rate,
      limits->order == GST_KAFKA_SPOOL_ORDER_LIVE_FIRST ? "live" : "oldest");
  report_start (self, aside);
  self->thread = g_thread_new ("kafkasink-spool", use_disk, self);
  return self;
}

static void
report_unwritten (GstKafkaSpool *self, guint count)
{
  GST_ELEMENT_WARNING (self->element, RESOURCE, WRITE,
      ("%u buffers could not be written to %s and are lost; spool-dropped in stats counts them. "
       "Mend the disk or name another directory.",
          count, self->dir),
      (NULL));
}

void
gst_kafka_spool_stop (GstKafkaSpool *self)
{
  guint lost;

  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_clear_pointer (&self->thread, g_thread_join);
  g_mutex_lock (&self->lock);
  lost = self->incoming.length;
  self->counters.dropped += lost;
  g_mutex_unlock (&self->lock);
  if (lost)
    report_unwritten (self, lost);
}

void
gst_kafka_spool_free (GstKafkaSpool *self)
{
  if (self->thread)
    gst_kafka_spool_stop (self);
  g_clear_pointer (&self->store, gst_kafka_spool_store_close);
  g_queue_clear_full (&self->incoming, (GDestroyNotify) gst_kafka_spool_message_unref);
  g_queue_clear_full (&self->outgoing, (GDestroyNotify) gst_kafka_spool_message_unref);
  g_hash_table_unref (self->held);
  g_array_unref (self->removals);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->dir);
  g_free (self);
}

/* --- functions that any thread may call --- */

void
gst_kafka_spool_put (GstKafkaSpool *self, GstKafkaSpoolMessage *message)
{
  g_mutex_lock (&self->lock);
  append (self, message);
  self->own++;
  g_mutex_unlock (&self->lock);
}

guint64
gst_kafka_spool_copy (GstKafkaSpool *self, GstKafkaSpoolMessage *message)
{
  guint64 id;

  g_mutex_lock (&self->lock);
  id = append (self, message);
  hold (self, id);
  g_mutex_unlock (&self->lock);
  return id;
}

/* With lock */
static gboolean
is_allowed (GstKafkaSpool *self)
{
  gint64 now = g_get_monotonic_time ();
  gdouble rate = self->limits.rate;

  if (!self->limits.rate)
    return TRUE;
  self->allowance += (now - self->allowed) * rate / G_USEC_PER_SEC;
  self->allowance = MIN (self->allowance, MAX (1.0, rate * BURST));
  self->allowed = now;
  return self->allowance >= 1;
}

/* Called with the lock. Returns: (nullable) (transfer full): the next message. While the disk
 * fails, returns an unwritten message straight from memory. */
static GstKafkaSpoolMessage *
pop (GstKafkaSpool *self)
{
  GstKafkaSpoolMessage *message = g_queue_pop_head (&self->outgoing);
  GList *unwritten = !message && self->retry && !self->unread ? first_own (self) : NULL;

  if (unwritten) {
    message = withdraw (self, unwritten);
    message->id = 0;
  }
  return message;
}

GstKafkaSpoolMessage *
gst_kafka_spool_take (GstKafkaSpool *self)
{
  GstKafkaSpoolMessage *message = NULL;

  g_mutex_lock (&self->lock);
  if (count_waiting (self) && is_allowed (self)) {
    message = pop (self);
    self->wanted |= self->outgoing.length < LEAST_READ;
    self->allowance -= message ? 1 : 0;
    if (self->wanted)
      g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  return message;
}

/* With lock. Returns TRUE if the message with @id wasn't written yet, and is withdrawn. */
static gboolean
cancel (GstKafkaSpool *self, guint64 id)
{
  for (GList *link = self->incoming.head; link; link = link->next)
    if (((GstKafkaSpoolMessage *) link->data)->id == id) {
      gst_kafka_spool_message_unref (withdraw (self, link));
      return TRUE;
    }
  return FALSE;
}

void
gst_kafka_spool_done (GstKafkaSpool *self, guint64 id)
{
  g_mutex_lock (&self->lock);
  if (cancel (self, id)) {
    g_hash_table_remove (self->held, &id);
  } else if (is_held (self, id)) {
    /* The message's id stays in `held` until the message is removed from the disk: otherwise it
     * would be read and sent again. */
    g_array_append_val (self->removals, id);
    self->counters.sent++;
  }
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

gboolean
gst_kafka_spool_has (GstKafkaSpool *self, guint64 id)
{
  gboolean has;

  g_mutex_lock (&self->lock);
  has = is_held (self, id);
  g_mutex_unlock (&self->lock);
  return has;
}

gboolean
gst_kafka_spool_is_behind (GstKafkaSpool *self)
{
  gboolean behind;

  g_mutex_lock (&self->lock);
  behind = count_waiting (self) > 0;
  g_mutex_unlock (&self->lock);
  return behind;
}

gboolean
gst_kafka_spool_takes_new (GstKafkaSpool *self)
{
  return self->limits.order == GST_KAFKA_SPOOL_ORDER_OLDEST_FIRST &&
         gst_kafka_spool_is_behind (self);
}

gint64
gst_kafka_spool_needs (GstKafkaSpool *self)
{
  gint64 needs = 0;

  g_mutex_lock (&self->lock);
  if (self->limits.rate)
    needs = count_waiting (self) * G_USEC_PER_SEC / self->limits.rate;
  g_mutex_unlock (&self->lock);
  return needs;
}

guint64
gst_kafka_spool_unwritten (GstKafkaSpool *self)
{
  guint64 bytes;

  g_mutex_lock (&self->lock);
  bytes = self->unwritten;
  g_mutex_unlock (&self->lock);
  return bytes;
}

gboolean
gst_kafka_spool_flush (GstKafkaSpool *self, gint64 deadline)
{
  gboolean flushed, in_time = TRUE;

  g_mutex_lock (&self->lock);
  self->hurried = TRUE;
  g_cond_broadcast (&self->changed);
  while (in_time && self->unwritten && !self->retry)
    in_time = g_cond_wait_until (&self->changed, &self->lock, deadline);
  self->hurried = FALSE;
  flushed = !self->unwritten;
  g_mutex_unlock (&self->lock);
  return flushed;
}

void
gst_kafka_spool_set_memory (GstKafkaSpool *self, guint64 bytes)
{
  g_mutex_lock (&self->lock);
  self->memory = bytes;
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_spool_add_stats (GstKafkaSpool *self, GstStructure *stats)
{
  Counters counters = {0};
  guint64 on_disk = 0, bytes = 0;

  if (self) {
    g_mutex_lock (&self->lock);
    counters = self->counters;
    on_disk = self->on_disk;
    bytes = self->bytes_on_disk;
    g_mutex_unlock (&self->lock);
  }
  gst_structure_set (stats, "spooled", G_TYPE_UINT64, counters.spooled, "spool-sent", G_TYPE_UINT64,
      counters.sent, "spool-dropped", G_TYPE_UINT64, counters.dropped, "spool-buffers",
      G_TYPE_UINT64, on_disk, "spool-used-bytes", G_TYPE_UINT64, bytes, NULL);
}
