/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alertsinput.h"

#include "alertsclient.h"
#include "sources/liverounds.h"

#define INTERVAL G_USEC_PER_SEC
/* Number of rounds after which the thread queries the topic's partitions again. */
#define METADATA_ROUNDS 10
/* Largest number of messages that one call reads, so that other work doesn't wait for long. */
#define MAX_MESSAGES 2000
/* Time (us) after which a call reads no more messages, as on a slow or throttled processor. */
#define READ_TIME (G_USEC_PER_SEC / 10)
/* If Kafka hasn't answered for this time (ms), messages that come may have waited in Kafka. */
#define FRESH 3000
#define FLUSH_TIME 2000 /* ms */
/* ms: all offsets are committed again, since Kafka drops those of an idle partition after days. */
#define RENEWAL 3600000

typedef struct {
  /* offset after the last message that was read, or after the offset without a message that was
   * passed */
  gint64 next;
  gint64 committed; /* offset in the latest commit; -1: none */
} Partition;

/* Where reading of a partition begins, as found by the thread. */
typedef struct {
  gint64 first;   /* first offset to read */
  gint64 lost;    /* number of messages that retention has deleted before they were read */
  gboolean again; /* flag: the topic was created again since the last run */
} Beginning;

struct _AlertsInput {
  /* must be the first field, because the callbacks of the client get it as their opaque pointer */
  AlertsClient client;
  const LiveSource *source;
  gint role;
  const AlertsReader *reader;
  rd_kafka_queue_t *answers; /* queue of the answers to commits */
  GArray *partitions;        /* array of Partition, for the partitions that are read */
  guint committing;          /* number of commits without an answer yet */
  gint64 renewed;            /* ms since the Unix epoch: when all offsets were committed last */
  gint64 known;
  gchar *tried;
  guint round;        /* of the thread */
  gboolean has_begun; /* flag: the thread has queried the first partitions */
  LiveRounds *rounds;
  GMutex lock;        /* guards all fields below */
  GArray *beginnings; /* array of Beginning, for all partitions that the thread knows */
  GArray *ends;       /* array of gint64: end of each partition at the time @asked */
  /* time of the last answered query of the ends, ms since the Unix epoch; 0: no answer yet */
  gint64 asked;
  rd_kafka_resp_err_t err;
};

static gint64
now_ms (void)
{
  return g_get_real_time () / 1000;
}

/* --- the thread that asks --- */

static rd_kafka_topic_partition_list_t *
list_partitions (AlertsInput *self, guint first, guint count, gint64 offset)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new ((gint) count);

  for (guint i = first; i < first + count; i++)
    rd_kafka_topic_partition_list_add (list, self->source->topic, (gint32) i)->offset = offset;
  return list;
}

static rd_kafka_resp_err_t
ask_count (AlertsInput *self, guint *count)
{
  rd_kafka_topic_t *topic = rd_kafka_topic_new (self->client.rk, self->source->topic, NULL);
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t err =
      rd_kafka_metadata (self->client.rk, 0, topic, &metadata, GST_KAFKA_ANSWER_MS);

  rd_kafka_topic_destroy (topic);
  if (err)
    return err;
  err = metadata->topics[0].err;
  *count = (guint) metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy (metadata);
  return err;
}

/* Finds where reading of a partition begins. @fresh: no partition has a committed offset, so this
 * is the group's first run */
static rd_kafka_resp_err_t
ask_beginning (AlertsInput *self, const rd_kafka_topic_partition_t *committed, gboolean fresh,
    Beginning *beginning)
{
  gint64 low, high;
  rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets (
      self->client.rk, self->source->topic, committed->partition, &low, &high, GST_KAFKA_ANSWER_MS);

  *beginning = (Beginning){0};
  if (err)
    return err;
  beginning->first = committed->offset >= 0 ? committed->offset : fresh ? high : low;
  beginning->again = beginning->first > high;
  if (beginning->again)
    beginning->first = low;
  if (beginning->first < low) {
    beginning->lost = low - beginning->first;
    beginning->first = low;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static gboolean
have_offsets (const rd_kafka_topic_partition_list_t *list)
{
  gboolean any = FALSE;

  for (gint i = 0; i < list->cnt; i++)
    any |= list->elems[i].offset >= 0;
  return any;
}

/* Finds where reading begins in the partitions from @known to @count - 1. @found: (inout): array of
 * Beginning */
static rd_kafka_resp_err_t
ask_beginnings (AlertsInput *self, guint known, guint count, GArray *found)
{
  rd_kafka_topic_partition_list_t *list =
      list_partitions (self, known, count - known, RD_KAFKA_OFFSET_INVALID);
  rd_kafka_resp_err_t err = rd_kafka_committed (self->client.rk, list, GST_KAFKA_ANSWER_MS);
  gboolean fresh = !self->has_begun && !have_offsets (list);
  Beginning beginning;

  for (gint i = 0; !err && i < list->cnt; i++) {
    err = list->elems[i].err ? list->elems[i].err
                             : ask_beginning (self, &list->elems[i], fresh, &beginning);
    if (!err)
      g_array_append_val (found, beginning);
  }
  rd_kafka_topic_partition_list_destroy (list);
  self->has_begun |= !err;
  return err;
}

static rd_kafka_resp_err_t
find_partitions (AlertsInput *self)
{
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Beginning));
  /* may be read without the lock, because only this thread changes it */
  guint known = self->beginnings->len, count = 0;
  rd_kafka_resp_err_t err = ask_count (self, &count);

  /* If the topic doesn't exist yet, all messages that it will have are new, so they are all
   * read. */
  self->has_begun |= err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (!err && count > known)
    err = ask_beginnings (self, known, count, found);
  if (err || !found->len)
    return err;
  g_mutex_lock (&self->lock);
  g_array_append_vals (self->beginnings, found->data, found->len);
  g_mutex_unlock (&self->lock);
  return err;
}

static rd_kafka_resp_err_t
ask_ends (AlertsInput *self)
{
  gint64 asked = now_ms ();
  guint count = self->beginnings->len;
  rd_kafka_topic_partition_list_t *list = list_partitions (self, 0, count, RD_KAFKA_OFFSET_END);
  rd_kafka_resp_err_t err = rd_kafka_offsets_for_times (self->client.rk, list, GST_KAFKA_ANSWER_MS);

  for (gint i = 0; !err && i < list->cnt; i++)
    err = list->elems[i].err;
  if (!err) {
    g_mutex_lock (&self->lock);
    g_array_set_size (self->ends, 0);
    for (gint i = 0; i < list->cnt; i++)
      g_array_append_val (self->ends, list->elems[i].offset);
    self->asked = asked;
    g_mutex_unlock (&self->lock);
  }
  rd_kafka_topic_partition_list_destroy (list);
  return err;
}

static void
ask (gpointer data)
{
  AlertsInput *self = data;
  rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

  if (self->round++ % METADATA_ROUNDS == 0)
    err = find_partitions (self);
  if (!err && self->beginnings->len)
    err = ask_ends (self);
  if (err)
    self->round = 0;
  g_mutex_lock (&self->lock);
  self->err = err;
  g_mutex_unlock (&self->lock);
}

/* --- reading --- */

static void
begin_partition (AlertsInput *self, const Beginning *beginning)
{
  Partition partition = {beginning->first, -1};
  gint number = (gint) self->partitions->len;

  g_array_append_val (self->partitions, partition);
  if (beginning->again) {
    g_message ("topic %s: it was made again, so reading begins with its oldest message",
        self->source->topic);
    self->reader->forget (self->role, number, self->reader->data);
  }
  if (beginning->lost)
    g_message ("topic %s: retention has deleted %" G_GINT64_FORMAT
               " messages before they were read, so alerts about them may be missing",
        self->source->topic, beginning->lost);
}

static void
assign (AlertsInput *self)
{
  rd_kafka_topic_partition_list_t *list = list_partitions (self, 0, self->partitions->len, 0);

  for (gint i = 0; i < list->cnt; i++)
    list->elems[i].offset = g_array_index (self->partitions, Partition, i).next;
  rd_kafka_assign (self->client.rk, list);
  rd_kafka_topic_partition_list_destroy (list);
}

/* All offsets have to be committed again. */
static void
renew_commits (AlertsInput *self)
{
  for (guint i = 0; i < self->partitions->len; i++)
    g_array_index (self->partitions, Partition, i).committed = -1;
  self->renewed = now_ms ();
}

static void
note_commit (
    rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
  AlertsInput *self = gst_kafka_fault_get_user_data (opaque);

  self->committing--;
  if (!err || err == RD_KAFKA_RESP_ERR__NO_OFFSET)
    return;
  alerts_client_complain (&self->client, self->tried, err);
  renew_commits (self);
}

/* Commits the offsets up to which messages aren't needed any more. @book: (nullable): NULL: no
 * message is needed yet. A new commit waits for the answer to the one before, because a later
 * commit could be answered first. */
static void
commit (AlertsInput *self, AlertsBook *book)
{
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new (1);

  for (guint i = 0; !self->committing && i < self->partitions->len; i++) {
    Partition *partition = &g_array_index (self->partitions, Partition, i);
    gint64 needed = book ? alerts_book_get_needed (book, self->role, (gint) i) : -1;
    gint64 offset = needed < 0 ? partition->next : MIN (needed, partition->next);

    if (offset == partition->committed)
      continue;
    partition->committed = offset;
    rd_kafka_topic_partition_list_add (list, self->source->topic, (gint32) i)->offset = offset;
  }
  if (list->cnt) {
    self->committing++;
    rd_kafka_commit_queue (self->client.rk, list, self->answers, note_commit, self);
  }
  rd_kafka_topic_partition_list_destroy (list);
}

/* Begins to read the partitions that the thread has found. The first run commits the offsets at
 * which it begins, so that the next run doesn't begin later. */
static void
take_beginnings (AlertsInput *self)
{
  guint before = self->partitions->len;

  g_mutex_lock (&self->lock);
  for (guint i = before; i < self->beginnings->len; i++)
    begin_partition (self, &g_array_index (self->beginnings, Beginning, i));
  g_mutex_unlock (&self->lock);
  if (self->partitions->len == before)
    return;
  if (before == 0)
    commit (self, NULL);
  assign (self);
}

/* Returns the time when a message arrived. If Kafka didn't answer for long, this is the message's
 * own time, because the message may have waited in Kafka. */
static gint64
find_arrival (AlertsInput *self, gint64 time)
{
  gint64 now = now_ms ();

  return now - self->known < FRESH ? now : MIN (time, now);
}

static void
take_message (AlertsInput *self, const rd_kafka_message_t *message)
{
  Partition *partition = &g_array_index (self->partitions, Partition, message->partition);
  AlertsMessage own = {{self->role, message->partition, message->offset},
      rd_kafka_message_timestamp (message, NULL), 0, message->payload, message->len};

  if (message->offset < partition->next) {
    g_message ("topic %s: it was made again while it was read", self->source->topic);
    self->reader->forget (self->role, message->partition, self->reader->data);
  }
  partition->next = message->offset + 1;
  if (own.time <= 0)
    own.time = now_ms ();
  own.arrived = find_arrival (self, own.time);
  self->reader->take (&own, self->reader->data);
}

static void
take (AlertsInput *self, const rd_kafka_message_t *message)
{
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    Partition *partition = &g_array_index (self->partitions, Partition, message->partition);

    partition->next = MAX (partition->next, message->offset);
  } else if (message->err) {
    alerts_client_complain (&self->client, self->tried, message->err);
  } else {
    take_message (self, message);
  }
}

/* Returns whether all partitions were read up to the ends that the thread has found. */
static gboolean
has_read_all (AlertsInput *self)
{
  gboolean all = self->ends->len > 0 && self->ends->len == self->partitions->len;

  for (guint i = 0; all && i < self->ends->len; i++)
    all = g_array_index (self->partitions, Partition, i).next >=
          g_array_index (self->ends, gint64, i);
  return all;
}

static void
learn_known (AlertsInput *self)
{
  rd_kafka_resp_err_t err;

  g_mutex_lock (&self->lock);
  err = self->err;
  if (has_read_all (self))
    self->known = self->asked;
  g_mutex_unlock (&self->lock);
  if (err)
    alerts_client_complain (&self->client, self->tried, err);
  else if (now_ms () - self->known < FRESH)
    alerts_client_recover (&self->client, self->tried);
}

void
alerts_input_poll (AlertsInput *self)
{
  gint64 until = g_get_monotonic_time () + READ_TIME;
  rd_kafka_message_t *message;

  take_beginnings (self);
  rd_kafka_queue_poll_callback (self->answers, 0);
  for (guint i = 0; i < MAX_MESSAGES && g_get_monotonic_time () < until; i++) {
    message = rd_kafka_consumer_poll (self->client.rk, 0);
    if (!message)
      break;
    take (self, message);
    rd_kafka_message_destroy (message);
  }
  learn_known (self);
}

gint64
alerts_input_get_known (AlertsInput *self)
{
  return self->known;
}

/* --- commits --- */

void
alerts_input_commit (AlertsInput *self, AlertsBook *book)
{
  if (ABS (now_ms () - self->renewed) > RENEWAL)
    renew_commits (self);
  commit (self, book);
}

void
alerts_input_flush (AlertsInput *self)
{
  gint64 until = now_ms () + FLUSH_TIME;

  while (self->committing && now_ms () < until)
    rd_kafka_queue_poll_callback (self->answers, 100);
}

/* --- life --- */

AlertsInput *
alerts_input_new (const LiveSource *source, gint role, const AlertsReader *reader, GError **error)
{
  AlertsInput *self = g_new0 (AlertsInput, 1);
  const GstKafkaOption options[] = {
      {"group.id", source->group, TRUE},
      {"enable.auto.commit", "false", TRUE},
      {"enable.auto.offset.store", "false", TRUE},
      {"enable.partition.eof", "true", TRUE},
      {"auto.offset.reset", "earliest", TRUE},
      /* A backlog waits in Kafka, because the memory of this process is small. */
      {"queued.min.messages", "5000", FALSE},
      {"queued.max.messages.kbytes", "8192", FALSE},
      {"reconnect.backoff.max.ms", "2000", FALSE},
      {NULL, NULL, FALSE},
  };

  self->source = source;
  self->role = role;
  self->reader = reader;
  self->tried = g_strdup_printf ("read the topic \"%s\" at %s", source->topic, source->servers);
  self->partitions = g_array_new (FALSE, FALSE, sizeof (Partition));
  self->beginnings = g_array_new (FALSE, FALSE, sizeof (Beginning));
  self->ends = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_mutex_init (&self->lock);
  if (!alerts_client_open (&self->client, source, RD_KAFKA_CONSUMER, options, NULL, error)) {
    alerts_input_free (self);
    return NULL;
  }
  rd_kafka_poll_set_consumer (self->client.rk);
  self->answers = rd_kafka_queue_new (self->client.rk);
  self->rounds = live_rounds_new (source->topic, INTERVAL, ask, self);
  return self;
}

void
alerts_input_free (AlertsInput *self)
{
  live_rounds_free (self->rounds);
  g_clear_pointer (&self->answers, rd_kafka_queue_destroy);
  alerts_client_close (&self->client);
  g_array_unref (self->partitions);
  g_array_unref (self->beginnings);
  g_array_unref (self->ends);
  g_mutex_clear (&self->lock);
  g_free (self->tried);
  g_free (self);
}
