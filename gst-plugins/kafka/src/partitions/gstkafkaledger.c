/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaledger.h"

typedef enum {
  ENTRY_PENDING,
  ENTRY_PARKED,
  ENTRY_DONE,
  ENTRY_FAILED,
} EntryState;

typedef struct {
  gint64 offset;
  gint64 parked; /* the time when the message was released without a mark, monotonic us */
  EntryState state;
} Entry;

struct _GstKafkaLedger {
  gatomicrefcount refs;
  GMutex lock; /* guards all fields below */
  GArray *entries;
  guint head; /* index before which all entries are done */
  gint64 end; /* the offset before which all messages are done; -1: none is done yet */
  /* the first failed offset, from which on no entry is added, because no offset after a failed
   * message can be committed; -1: none */
  gint64 failed;
  guint pending;
  guint parked;
  gint64 released; /* the time when a message was last released without a mark, monotonic us */
  gboolean ended;  /* the stream has ended cleanly */
};

GstKafkaLedger *
gst_kafka_ledger_new (void)
{
  GstKafkaLedger *self = g_new0 (GstKafkaLedger, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  self->end = self->failed = -1;
  return self;
}

GstKafkaLedger *
gst_kafka_ledger_ref (GstKafkaLedger *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
gst_kafka_ledger_unref (GstKafkaLedger *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_array_unref (self->entries);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* with self->lock */
static Entry *
entry_at (GstKafkaLedger *self, guint index)
{
  return &g_array_index (self->entries, Entry, index);
}

/* With self->lock. Searches for the entry first at the index that it has if no offset is missing,
 * then by bisection. */
static Entry *
find_entry (GstKafkaLedger *self, gint64 offset)
{
  guint low = self->head, high = self->entries->len, at;

  if (low == high)
    return NULL;
  at = low + CLAMP (offset - entry_at (self, low)->offset, 0, (gint64) (high - low) - 1);
  while (low < high) {
    Entry *entry = entry_at (self, at);

    if (entry->offset == offset)
      return entry;
    if (entry->offset < offset)
      low = at + 1;
    else
      high = at;
    at = low + (high - low) / 2;
  }
  return NULL;
}

/* with self->lock */
static void
enter_state (GstKafkaLedger *self, Entry *entry, EntryState state)
{
  self->pending -= entry->state == ENTRY_PENDING;
  self->parked -= entry->state == ENTRY_PARKED;
  entry->state = state;
  self->pending += state == ENTRY_PENDING;
  self->parked += state == ENTRY_PARKED;
  if (state == ENTRY_FAILED && (self->failed < 0 || entry->offset < self->failed))
    self->failed = entry->offset;
}

/* With self->lock. Removes many done entries at once, so that adding an entry stays cheap. */
static void
forget_history (GstKafkaLedger *self)
{
  if (self->head < 64 || self->head < self->entries->len / 2)
    return;
  g_array_remove_range (self->entries, 0, self->head);
  self->head = 0;
}

void
gst_kafka_ledger_add (GstKafkaLedger *self, gint64 offset)
{
  Entry entry = {.offset = offset, .state = ENTRY_PENDING};

  g_mutex_lock (&self->lock);
  if (self->failed < 0 &&
      (!self->entries->len || entry_at (self, self->entries->len - 1)->offset < offset)) {
    g_array_append_val (self->entries, entry);
    self->pending++;
  }
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_ledger_decide (
    GstKafkaLedger *self, gint64 offset, GstKafkaAckOutcome outcome, gint64 now)
{
  static const EntryState states[] = {ENTRY_PARKED, ENTRY_DONE, ENTRY_FAILED};
  Entry *entry;

  g_mutex_lock (&self->lock);
  entry = find_entry (self, offset);
  if (outcome == GST_KAFKA_ACK_UNDECIDED && self->ended)
    outcome = GST_KAFKA_ACK_DONE;
  if (outcome == GST_KAFKA_ACK_UNDECIDED)
    self->released = now;
  if (entry && entry->state == ENTRY_PENDING) {
    entry->parked = now;
    enter_state (self, entry, states[outcome]);
  }
  g_mutex_unlock (&self->lock);
}

static gboolean
is_settled (const Entry *entry, const GstKafkaFlow *flow, gint64 now)
{
  if (entry->state != ENTRY_PARKED || !flow)
    return entry->state == ENTRY_DONE;
  return flow->pushed > entry->parked &&
         now - MAX (entry->parked, flow->playing) >= GST_KAFKA_LEDGER_PARKING_TIME;
}

gint64
gst_kafka_ledger_settle (GstKafkaLedger *self, const GstKafkaFlow *flow, gint64 now)
{
  gint64 end;

  g_mutex_lock (&self->lock);
  while (self->head < self->entries->len && is_settled (entry_at (self, self->head), flow, now)) {
    enter_state (self, entry_at (self, self->head), ENTRY_DONE);
    self->end = entry_at (self, self->head++)->offset + 1;
  }
  forget_history (self);
  end = self->end;
  g_mutex_unlock (&self->lock);
  return end;
}

/* with self->lock */
static void
decide_parked (GstKafkaLedger *self, EntryState state)
{
  for (guint i = self->head; i < self->entries->len; i++)
    if (entry_at (self, i)->state == ENTRY_PARKED)
      enter_state (self, entry_at (self, i), state);
}

void
gst_kafka_ledger_fail_parked (GstKafkaLedger *self)
{
  g_mutex_lock (&self->lock);
  self->ended = FALSE;
  decide_parked (self, ENTRY_FAILED);
  g_mutex_unlock (&self->lock);
}

void
gst_kafka_ledger_end (GstKafkaLedger *self)
{
  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  decide_parked (self, ENTRY_DONE);
  g_mutex_unlock (&self->lock);
}

gint64
gst_kafka_ledger_get_released (GstKafkaLedger *self)
{
  gint64 released;

  g_mutex_lock (&self->lock);
  released = self->released;
  g_mutex_unlock (&self->lock);
  return released;
}

gboolean
gst_kafka_ledger_is_undecided (GstKafkaLedger *self, gint64 offset)
{
  const Entry *entry;
  gboolean undecided;

  g_mutex_lock (&self->lock);
  entry = find_entry (self, offset);
  undecided = entry && (entry->state == ENTRY_PENDING || entry->state == ENTRY_PARKED);
  g_mutex_unlock (&self->lock);
  return undecided;
}

guint
gst_kafka_ledger_get_pending (GstKafkaLedger *self)
{
  guint pending;

  g_mutex_lock (&self->lock);
  pending = self->pending;
  g_mutex_unlock (&self->lock);
  return pending;
}

guint
gst_kafka_ledger_get_parked (GstKafkaLedger *self)
{
  guint parked;

  g_mutex_lock (&self->lock);
  parked = self->parked;
  g_mutex_unlock (&self->lock);
  return parked;
}

gint64
gst_kafka_ledger_get_failed (GstKafkaLedger *self)
{
  gint64 failed;

  g_mutex_lock (&self->lock);
  failed = self->failed;
  g_mutex_unlock (&self->lock);
  return failed;
}
