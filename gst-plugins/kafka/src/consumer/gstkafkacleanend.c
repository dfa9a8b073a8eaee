/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkacleanend.h"

GST_DEBUG_CATEGORY_EXTERN (gst_kafka_src_debug);
#define GST_CAT_DEFAULT gst_kafka_src_debug

/* The elements behind the source are known only when EOS leaves the source, because decodebin adds
 * pads while it runs. When EOS leaves, a probe is added to each sink pad downstream, and waits for
 * EOS. The probe reads the pad's last flow return as soon as EOS comes, because EOS overwrites this
 * value. */

struct _GstKafkaCleanEnd {
  gatomicrefcount refs;
  GstBus *bus; /* nullable; without a bus no error is seen, so no end counts as clean */
  gulong handler;

  GMutex lock; /* guards all fields below; lock order: before a pad's lock */
  /* a bus message was seen, so the application's sync handler doesn't drop bus messages before this
   * element sees them */
  gboolean heard;
  gboolean failed; /* an error was posted, or the last flow into a pad was an error */
  gboolean ended;  /* every sink of the pipeline has posted EOS */
  GstKafkaBlame blame;
  guint run;     /* number of the attempt to end the stream; a flush begins a new attempt */
  guint waiting; /* number of pads that EOS hasn't reached yet */
  /* array of GstPad: sink pads without elements behind them; empty until EOS leaves the source */
  GPtrArray *ends;
};

/* A sink pad at which EOS is awaited, in one attempt to end the stream. */
typedef struct {
  GstKafkaCleanEnd *end;
  guint run;
} Arrival;

static void
arrival_free (gpointer data)
{
  Arrival *self = data;

  gst_kafka_clean_end_unref (self->end);
  g_free (self);
}

static gboolean
is_sink (GstObject *object)
{
  return GST_IS_ELEMENT (object) && GST_OBJECT_FLAG_IS_SET (object, GST_ELEMENT_FLAG_SINK);
}

static GstKafkaBlame
find_blame (GstMessage *message)
{
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  return error->domain == GST_RESOURCE_ERROR || is_sink (GST_MESSAGE_SRC (message))
             ? GST_KAFKA_BLAME_OTHER
             : GST_KAFKA_BLAME_MESSAGE;
}

/* With self->lock. Notes an error, which makes the end unclean. A single error that no message can
 * have caused rules out messages as the cause of the failed run. */
static void
note_blame (GstKafkaCleanEnd *self, GstKafkaBlame blame)
{
  self->failed = TRUE;
  self->blame = MAX (self->blame, blame);
}

static void
take_message (GstBus *bus, GstMessage *message, gpointer data)
{
  GstKafkaCleanEnd *self = data;

  g_mutex_lock (&self->lock);
  self->heard = TRUE;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    note_blame (self, find_blame (message));
  self->ended |= GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS && self->ends->len > 0;
  g_mutex_unlock (&self->lock);
}

static GstBus *
find_bus (GstElement *element)
{
  GstObject *top = gst_object_ref (GST_OBJECT (element)), *parent;
  GstBus *bus;

  while ((parent = gst_object_get_parent (top))) {
    gst_object_unref (top);
    top = parent;
  }
  bus = GST_IS_ELEMENT (top) ? gst_element_get_bus (GST_ELEMENT (top)) : NULL;
  gst_object_unref (top);
  return bus;
}

static void
release (gpointer data, GClosure *closure)
{
  gst_kafka_clean_end_unref (data);
}

GstKafkaCleanEnd *
gst_kafka_clean_end_new (GstElement *element)
{
  GstKafkaCleanEnd *self = g_new0 (GstKafkaCleanEnd, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->ends = g_ptr_array_new_with_free_func (gst_object_unref);
  self->bus = find_bus (element);
  if (!self->bus)
    return self;
  gst_bus_enable_sync_message_emission (self->bus);
  self->handler = g_signal_connect_data (self->bus, "sync-message", G_CALLBACK (take_message),
      gst_kafka_clean_end_ref (self), release, 0);
  return self;
}

GstKafkaCleanEnd *
gst_kafka_clean_end_ref (GstKafkaCleanEnd *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
gst_kafka_clean_end_unref (GstKafkaCleanEnd *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->ends);
  gst_clear_object (&self->bus);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
gst_kafka_clean_end_stop (GstKafkaCleanEnd *self)
{
  gst_kafka_clean_end_reset (self);
  if (!self->bus)
    return;
  g_signal_handler_disconnect (self->bus, self->handler);
  gst_bus_disable_sync_message_emission (self->bus);
}

void
gst_kafka_clean_end_reset (GstKafkaCleanEnd *self)
{
  g_mutex_lock (&self->lock);
  self->run++;
  self->waiting = 0;
  self->ended = FALSE;
  g_ptr_array_set_size (self->ends, 0);
  g_mutex_unlock (&self->lock);
}

/* NOT_LINKED doesn't count as an error: a demuxer may have streams that are not linked. */
static gboolean
is_well (GstFlowReturn flow)
{
  return flow == GST_FLOW_OK || flow == GST_FLOW_NOT_LINKED;
}

static GstPadProbeReturn
note_arrival (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Arrival *arrival = data;
  GstKafkaCleanEnd *self = arrival->end;
  GstFlowReturn flow = gst_pad_get_last_flow_return (pad);
  gboolean stale;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  GST_DEBUG_OBJECT (pad, "EOS arrived, the last flow was %s", gst_flow_get_name (flow));
  g_mutex_lock (&self->lock);
  stale = arrival->run != self->run;
  if (!stale) {
    self->failed |= !is_well (flow);
    self->waiting--;
  }
  g_mutex_unlock (&self->lock);
  return GST_PAD_PROBE_REMOVE;
}

static void
wait_at (GstKafkaCleanEnd *self, GstPad *pad, guint run)
{
  Arrival *arrival = g_new (Arrival, 1);

  *arrival = (Arrival){.end = gst_kafka_clean_end_ref (self), .run = run};
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note_arrival, arrival, arrival_free);
}

static GPtrArray *
list_internal_links (GstPad *pad)
{
  GPtrArray *links = g_ptr_array_new_with_free_func (gst_object_unref);
  GstIterator *iterator = gst_pad_iterate_internal_links (pad);
  GstIteratorResult result = iterator ? GST_ITERATOR_OK : GST_ITERATOR_DONE;
  GValue value = G_VALUE_INIT;

  while (result == GST_ITERATOR_OK || result == GST_ITERATOR_RESYNC) {
    result = gst_iterator_next (iterator, &value);
    if (result == GST_ITERATOR_RESYNC) {
      g_ptr_array_set_size (links, 0);
      gst_iterator_resync (iterator);
    } else if (result == GST_ITERATOR_OK) {
      g_ptr_array_add (links, g_value_dup_object (&value));
      g_value_reset (&value);
    }
  }
  g_clear_pointer (&iterator, gst_iterator_free);
  return links;
}

/* Returns FALSE for an appsink that handles EOS before the application has taken its samples,
 * because the EOS of such an appsink proves nothing. */
static gboolean
waits_on_eos (GstPad *pad)
{
  GstElement *element = gst_pad_get_parent_element (pad);
  gboolean waits = TRUE;

  if (element && g_object_class_find_property (G_OBJECT_GET_CLASS (element), "wait-on-eos"))
    g_object_get (element, "wait-on-eos", &waits, NULL);
  gst_clear_object (&element);
  return waits;
}

/* Returns TRUE if the element of @pad ignores errors of the elements behind it. */
static gboolean
swallows_errors (GstPad *pad)
{
  GstElement *element = gst_pad_get_parent_element (pad);
  GstElementFactory *factory = element ? gst_element_get_factory (element) : NULL;
  gboolean swallows = factory && g_str_equal (GST_OBJECT_NAME (factory), "errorignore");

  gst_clear_object (&element);
  return swallows;
}

/* The pads that data of a source pad can reach. */
typedef struct {
  GHashTable *pads;     /* set of all sink pads */
  GPtrArray *witnesses; /* set of the pads whose errors come back to the source */
  GPtrArray *ends;      /* set of the pads with no element behind them */
  gboolean provable;
} Behind;

static void
look_behind (Behind *self, GstPad *source_pad, gboolean swallowed)
{
  GstPad *pad = gst_pad_get_peer (source_pad);
  g_autoptr (GPtrArray) links = NULL;

  /* The hash table takes ownership of the reference to @pad. */
  if (!pad || !g_hash_table_add (self->pads, pad))
    return;
  self->provable &= waits_on_eos (pad);
  if (!swallowed)
    g_ptr_array_add (self->witnesses, pad);
  swallowed |= swallows_errors (pad);
  links = list_internal_links (pad);
  if (!links->len)
    g_ptr_array_add (self->ends, gst_object_ref (pad));
  for (guint i = 0; i < links->len; i++)
    look_behind (self, g_ptr_array_index (links, i), swallowed);
}

/* Adds the pads behind all source pads of @element, because an element may have a pad `rejects`
 * too. */
static void
look_behind_all (Behind *self, GstElement *element)
{
  GList *pads;

  GST_OBJECT_LOCK (element);
  pads = g_list_copy_deep (element->srcpads, (GCopyFunc) gst_object_ref, NULL);
  GST_OBJECT_UNLOCK (element);
  for (GList *link = pads; link; link = link->next)
    look_behind (self, link->data, FALSE);
  g_list_free_full (pads, gst_object_unref);
}

/* A message can't be the cause of an error that a sink posts. */
static GstKafkaBlame
find_blame_of_pad (GstPad *pad)
{
  GstElement *element = gst_pad_get_parent_element (pad);
  GstKafkaBlame blame = GST_KAFKA_BLAME_MESSAGE;

  if (element && is_sink (GST_OBJECT (element)))
    blame = GST_KAFKA_BLAME_OTHER;
  gst_clear_object (&element);
  return gst_pad_get_last_flow_return (pad) < GST_FLOW_EOS ? blame : GST_KAFKA_BLAME_NONE;
}

static GstKafkaBlame
find_blame_of_pads (GPtrArray *pads)
{
  GstKafkaBlame blame = GST_KAFKA_BLAME_NONE;

  for (guint i = 0; i < pads->len; i++)
    blame = MAX (blame, find_blame_of_pad (g_ptr_array_index (pads, i)));
  return blame;
}

/* Called without lock, because the function queries other elements. */
void
gst_kafka_clean_end_begin (GstKafkaCleanEnd *self, GstPad *source_pad)
{
  g_autoptr (GHashTable) pads = g_hash_table_new_full (NULL, NULL, gst_object_unref, NULL);
  g_autoptr (GPtrArray) ends = g_ptr_array_new_with_free_func (gst_object_unref);
  g_autoptr (GPtrArray) witnesses = g_ptr_array_new ();
  Behind behind = {.pads = pads, .witnesses = witnesses, .ends = ends, .provable = TRUE};
  GstKafkaBlame blame;
  GHashTableIter iter;
  gpointer pad;
  guint run;

  look_behind (&behind, source_pad, FALSE);
  blame = find_blame_of_pads (witnesses);
  GST_DEBUG_OBJECT (source_pad, "EOS leaves for %u pads, %u of them ends%s",
      g_hash_table_size (pads), ends->len,
      behind.provable ? "" : "; an appsink with wait-on-eos=false proves nothing");
  g_mutex_lock (&self->lock);
  run = self->run;
  self->failed |= !behind.provable;
  if (blame != GST_KAFKA_BLAME_NONE)
    note_blame (self, blame);
  self->waiting += g_hash_table_size (pads);
  g_ptr_array_extend_and_steal (self->ends, g_steal_pointer (&ends));
  g_mutex_unlock (&self->lock);
  g_hash_table_iter_init (&iter, pads);
  while (g_hash_table_iter_next (&iter, &pad, NULL))
    wait_at (self, pad, run);
}

static void
release_last_sample (GstPad *pad)
{
  GstElement *element = gst_pad_get_parent_element (pad);
  gboolean keeps = FALSE;

  if (element && g_object_class_find_property (G_OBJECT_GET_CLASS (element), "enable-last-sample"))
    g_object_get (element, "enable-last-sample", &keeps, NULL);
  if (keeps) {
    g_object_set (element, "enable-last-sample", FALSE, NULL);
    g_object_set (element, "enable-last-sample", TRUE, NULL);
  }
  gst_clear_object (&element);
}

gboolean
gst_kafka_clean_end_look_for_error (GstKafkaCleanEnd *self, GstElement *element, gboolean release)
{
  g_autoptr (GHashTable) pads = g_hash_table_new_full (NULL, NULL, gst_object_unref, NULL);
  g_autoptr (GPtrArray) ends = g_ptr_array_new_with_free_func (gst_object_unref);
  g_autoptr (GPtrArray) witnesses = g_ptr_array_new ();
  Behind behind = {.pads = pads, .witnesses = witnesses, .ends = ends};
  GstKafkaBlame blame;

  look_behind_all (&behind, element);
  blame = find_blame_of_pads (witnesses);
  for (guint i = 0; release && i < ends->len; i++)
    release_last_sample (g_ptr_array_index (ends, i));
  if (blame == GST_KAFKA_BLAME_NONE)
    return FALSE;
  GST_DEBUG_OBJECT (element, "an error behind a queue, %s",
      blame == GST_KAFKA_BLAME_MESSAGE ? "of the last message" : "of a sink");
  g_mutex_lock (&self->lock);
  note_blame (self, blame);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* Returns TRUE if a thread is pushing into @pad, because such a thread holds the pad's stream
 * lock. */
static gboolean
is_at_work (GstPad *pad)
{
  if (!GST_PAD_STREAM_TRYLOCK (pad))
    return TRUE;
  GST_PAD_STREAM_UNLOCK (pad);
  return FALSE;
}

gboolean
gst_kafka_clean_end_is_stuck (GstElement *element)
{
  g_autoptr (GHashTable) pads = g_hash_table_new_full (NULL, NULL, gst_object_unref, NULL);
  g_autoptr (GPtrArray) ends = g_ptr_array_new_with_free_func (gst_object_unref);
  g_autoptr (GPtrArray) witnesses = g_ptr_array_new ();
  Behind behind = {.pads = pads, .witnesses = witnesses, .ends = ends};
  gboolean works = FALSE;
  GHashTableIter iter;
  gpointer pad;

  look_behind_all (&behind, element);
  for (guint i = 0; i < ends->len; i++)
    if (is_at_work (g_ptr_array_index (ends, i)))
      return FALSE;
  g_hash_table_iter_init (&iter, pads);
  while (!works && g_hash_table_iter_next (&iter, &pad, NULL))
    works = is_at_work (pad);
  return works;
}

GstKafkaBlame
gst_kafka_clean_end_get_blame (GstKafkaCleanEnd *self)
{
  GstKafkaBlame blame;

  g_mutex_lock (&self->lock);
  blame = self->blame;
  g_mutex_unlock (&self->lock);
  return blame;
}

/* with self->lock */
static gboolean
have_ends_handled_eos (GstKafkaCleanEnd *self)
{
  gboolean handled = TRUE;

  for (guint i = 0; i < self->ends->len; i++) {
    GstPad *pad = g_ptr_array_index (self->ends, i);

    GST_OBJECT_LOCK (pad);
    handled &= GST_PAD_IS_EOS (pad);
    GST_OBJECT_UNLOCK (pad);
  }
  return handled;
}

gboolean
gst_kafka_clean_end_is_reached (GstKafkaCleanEnd *self)
{
  gboolean reached;

  g_mutex_lock (&self->lock);
  reached = self->ends->len > 0 && !self->waiting && self->heard && !self->failed &&
            (self->ended || have_ends_handled_eos (self));
  g_mutex_unlock (&self->lock);
  return reached;
}
