/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongorejects.h"

#include "gstkafkameta.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

/* The shortest time (us) between two warnings about rejected documents, because a stream with many
 * of them must not flood the bus. */
#define WARNING_INTERVAL G_USEC_PER_SEC
#define QUEUED_MAX 1000
#define QUEUED_BYTES_MAX (16 * 1024 * 1024)

/* A rejected document, or EOS, that the task of the pad `rejects` has to push. */
typedef struct {
  GstCaps *caps;
  GstBuffer *buffer; /* NULL: push EOS */
} Queued;

GType
gst_mongo_sink_on_error_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {GST_MONGO_SINK_SKIP, "Skip the document, with a warning", "skip"},
        {GST_MONGO_SINK_FAIL, "Stop with an error", "fail"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstMongoSinkOnError", values));
  }
  return type;
}

void
gst_mongo_rejects_init (GstMongoRejects *self, GstElement *element)
{
  self->element = element;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  fog_slot_init (&self->slot);
}

void
gst_mongo_rejects_clear (GstMongoRejects *self)
{
  fog_slot_clear (&self->slot);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
}

void
gst_mongo_rejects_set_interrupted (GstMongoRejects *self, gboolean interrupted)
{
  g_mutex_lock (&self->lock);
  self->interrupted = interrupted;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

/* --- the pad's task --- */

static void
queued_free (Queued *item)
{
  gst_clear_caps (&item->caps);
  gst_clear_buffer (&item->buffer);
  g_free (item);
}

/* Returns: (nullable): the next item of the queue, after waiting for one; %NULL when the task has
 * to end */
static Queued *
next_queued (GstMongoRejects *self)
{
  Queued *item = NULL;

  g_mutex_lock (&self->lock);
  while (!self->flushing && !self->queue.length)
    g_cond_wait (&self->changed, &self->lock);
  if (!self->flushing) {
    item = g_queue_pop_head (&self->queue);
    self->queued_bytes -= item->buffer ? gst_buffer_get_size (item->buffer) : 0;
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  return item;
}

/* Empties the queue and marks its documents failed, so that their Kafka messages are read again. */
static void
flush (GstMongoRejects *self, GstFlowReturn flow)
{
  GQueue left = G_QUEUE_INIT;
  Queued *item;

  g_mutex_lock (&self->lock);
  while ((item = g_queue_pop_head (&self->queue)))
    g_queue_push_tail (&left, item);
  self->queued_bytes = 0;
  self->flow = flow;
  self->flushing = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  while ((item = g_queue_pop_head (&left))) {
    if (item->buffer)
      gst_kafka_meta_mark (item->buffer, GST_KAFKA_ACK_FAILED);
    queued_free (item);
  }
}

static gboolean
has_sticky (GstPad *pad, GstEventType type)
{
  GstEvent *event = gst_pad_get_sticky_event (pad, type, 0);
  gboolean has = event != NULL;

  gst_clear_event (&event);
  return has;
}

static void
push_caps (GstPad *pad, GstCaps *caps)
{
  GstCaps *current = gst_pad_get_current_caps (pad);

  if (!current || !gst_caps_is_equal (current, caps))
    gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_clear_caps (&current);
}

/* Pushes the events that must precede a buffer on the pad `rejects`: stream-start, caps and
 * segment, and after EOS a flush, without which the pad wouldn't accept buffers again. */
static void
prepare (GstPad *pad, GstCaps *caps)
{
  GstSegment segment;

  if (GST_PAD_IS_EOS (pad)) {
    gst_pad_push_event (pad, gst_event_new_flush_start ());
    gst_pad_push_event (pad, gst_event_new_flush_stop (TRUE));
  }
  if (!has_sticky (pad, GST_EVENT_STREAM_START)) {
    GstMongoRejects *self = gst_pad_get_element_private (pad);
    g_autofree gchar *id = gst_pad_create_stream_id (pad, self->element, "rejects");

    gst_pad_push_event (pad, gst_event_new_stream_start (id));
  }
  push_caps (pad, caps);
  if (!has_sticky (pad, GST_EVENT_SEGMENT)) {
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (pad, gst_event_new_segment (&segment));
  }
}

static GstFlowReturn
push (GstPad *pad, const Queued *item)
{
  GstFlowReturn flow;

  if (!item->buffer) {
    gst_pad_push_event (pad, gst_event_new_eos ());
    return GST_FLOW_OK;
  }
  prepare (pad, item->caps);
  GST_LOG_OBJECT (pad, "pushing %" GST_PTR_FORMAT, item->buffer);
  flow = gst_pad_push (pad, gst_buffer_ref (item->buffer));
  if (flow != GST_FLOW_OK)
    gst_kafka_meta_mark (item->buffer, GST_KAFKA_ACK_FAILED);
  return flow;
}

static void
push_next (gpointer data)
{
  GstPad *pad = data;
  GstMongoRejects *self = gst_pad_get_element_private (pad);
  Queued *item = next_queued (self);
  GstFlowReturn flow;

  if (!item) {
    gst_pad_pause_task (pad);
    return;
  }
  flow = push (pad, item);
  queued_free (item);
  if (flow == GST_FLOW_OK)
    return;
  GST_DEBUG_OBJECT (
      pad, "%s: the rejected documents that wait are read again", gst_flow_get_name (flow));
  if (flow == GST_FLOW_NOT_LINKED)
    GST_ELEMENT_FLOW_ERROR (self->element, flow);
  flush (self, flow);
}

/* Is a FogSlotFunc. */
static void
begin_flow (gpointer branch)
{
  GstMongoRejects *self = branch;

  g_mutex_lock (&self->lock);
  self->flushing = FALSE;
  self->flow = GST_FLOW_OK;
  g_mutex_unlock (&self->lock);
}

static gboolean
activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstMongoRejects *self = gst_pad_get_element_private (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (!active) {
    flush (self, GST_FLOW_FLUSHING);
    return gst_pad_stop_task (pad);
  }
  return fog_slot_start_task (&self->slot, pad, begin_flow, self, push_next);
}

/* --- the pad --- */

GstPad *
gst_mongo_rejects_request_pad (GstMongoRejects *self, GstPadTemplate *template)
{
  GstPad *pad;

  if (!fog_slot_take (&self->slot))
    return NULL;
  pad = gst_pad_new_from_template (template, "rejects");
  gst_pad_set_element_private (pad, self);
  gst_pad_set_activatemode_function (pad, activate_mode);
  fog_slot_open (&self->slot, self->element, pad, NULL, NULL);
  GST_INFO_OBJECT (self->element, "rejected documents leave by %" GST_PTR_FORMAT, pad);
  return pad;
}

void
gst_mongo_rejects_release_pad (GstMongoRejects *self, GstPad *pad)
{
  fog_slot_release_pad (&self->slot, self->element, pad);
}

/* Returns a new buffer with the bytes of a rejected document, and with the times, headers and ack
 * token of the buffer that it came in. */
static GstBuffer *
new_buffer (const GstMongoReject *reject)
{
  /* gst_buffer_new_memdup() refuses 0 bytes */
  GstBuffer *buffer =
      reject->size ? gst_buffer_new_memdup (reject->data, reject->size) : gst_buffer_new ();
  g_autofree gchar *code = reject->code ? g_strdup_printf ("%d", reject->code) : NULL;

  gst_buffer_copy_into (
      buffer, reject->origin, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_kafka_meta_copy (buffer, reject->origin);
  /* the new buffer gets a part of the ack token, so that it is marked done or failed apart from the
   * message's other documents */
  gst_kafka_meta_make_part (buffer);
  gst_kafka_meta_set_headers (
      buffer, MONGO_HEADER_REJECT_REASON, reject->reason, MONGO_HEADER_REJECT_CODE, code, NULL);
  return buffer;
}

/* with the lock */
static gboolean
is_full (GstMongoRejects *self)
{
  return self->queue.length >= QUEUED_MAX || self->queued_bytes >= QUEUED_BYTES_MAX;
}

/* Takes ownership of @caps and @buffer, and queues them for the task of the pad `rejects`. @buffer:
 * NULL means EOS, which is queued even if the queue is full. */
static GstFlowReturn
enqueue (GstMongoRejects *self, GstCaps *caps, GstBuffer *buffer, gboolean interruptible)
{
  Queued *item = g_new (Queued, 1);
  GstFlowReturn flow = GST_FLOW_OK;

  *item = (Queued){caps, buffer};
  g_mutex_lock (&self->lock);
  while (buffer && !self->flushing && is_full (self) && !(interruptible && self->interrupted)) {
    GST_LOG_OBJECT (self->element,
        "%u rejected documents wait for the pad: waiting until one is pushed", self->queue.length);
    g_cond_wait (&self->changed, &self->lock);
  }
  if (self->flushing)
    flow = self->flow;
  else if (buffer && is_full (self))
    flow = GST_MONGO_FLOW_INTERRUPTED;
  if (flow == GST_FLOW_OK) {
    g_queue_push_tail (&self->queue, item);
    self->queued_bytes += buffer ? gst_buffer_get_size (buffer) : 0;
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  if (flow != GST_FLOW_OK)
    queued_free (item);
  return flow;
}

void
gst_mongo_rejects_end (GstMongoRejects *self)
{
  if (fog_slot_is_linked (&self->slot))
    enqueue (self, NULL, NULL, FALSE);
}

/* --- reports --- */

static gboolean
may_warn (GstMongoRejects *self, guint64 *documents)
{
  gint64 now = g_get_monotonic_time ();
  gboolean may;

  GST_OBJECT_LOCK (self->element);
  may = !self->last_warning || now - self->last_warning >= WARNING_INTERVAL;
  *documents = ++self->unreported;
  if (may) {
    self->last_warning = now;
    self->unreported = 0;
  }
  GST_OBJECT_UNLOCK (self->element);
  return may;
}

/* Returns topic, partition and offset of the Kafka message that the buffer was made from, as text
 * for users. */
static gchar *
describe_origin (GstBuffer *buffer)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  const gchar *topic = s ? gst_structure_get_string (s, "topic") : NULL;
  gint partition = -1;
  gint64 offset = -1;

  if (!topic)
    return g_strdup ("");
  gst_structure_get (s, "partition", G_TYPE_INT, &partition, NULL);
  gst_structure_get (s, "offset", G_TYPE_INT64, &offset, NULL);
  return g_strdup_printf (" (message %s:%d:%" G_GINT64_FORMAT ")", topic, partition, offset);
}

static gchar *
describe (const GstMongoReject *reject)
{
  g_autofree gchar *origin = describe_origin (reject->origin);

  if (!reject->code)
    return g_strdup_printf ("A document can't be stored%s: %s.", origin, reject->reason);
  return g_strdup_printf (
      "MongoDB refused a document%s: %s (code %d).", origin, reject->reason, reject->code);
}

static void
post (GstMongoRejects *self, GstMessageType type, const GstMongoReject *reject, gchar *text)
{
  GQuark domain = reject->code ? GST_RESOURCE_ERROR : GST_STREAM_ERROR;
  gint code = reject->code ? (gint) GST_RESOURCE_ERROR_WRITE : (gint) GST_STREAM_ERROR_DECODE;

  gst_element_message_full (
      self->element, type, domain, code, text, NULL, __FILE__, GST_FUNCTION, __LINE__);
}

static GstFlowReturn
report (GstMongoRejects *self, const GstMongoReject *reject)
{
  g_autofree gchar *what = describe (reject);
  guint64 documents;
  gboolean fatal;

  GST_OBJECT_LOCK (self->element);
  fatal = self->on_error == GST_MONGO_SINK_FAIL;
  GST_OBJECT_UNLOCK (self->element);
  if (fatal) {
    post (self, GST_MESSAGE_ERROR, reject, g_steal_pointer (&what));
    return GST_FLOW_ERROR;
  }
  GST_INFO_OBJECT (self->element, "%s It is skipped.", what);
  gst_kafka_meta_mark (reject->origin, GST_KAFKA_ACK_DONE);
  if (may_warn (self, &documents))
    post (self, GST_MESSAGE_WARNING, reject,
        documents > 1
            ? g_strdup_printf (
                  "%" G_GUINT64_FORMAT " documents were skipped. The last: %s", documents, what)
            : g_strdup_printf ("%s It was skipped.", what));
  return GST_FLOW_OK;
}

GstFlowReturn
gst_mongo_rejects_take (
    GstMongoRejects *self, GstCaps *caps, const GstMongoReject *reject, gboolean interruptible)
{
  gboolean linked = fog_slot_is_linked (&self->slot);
  GstFlowReturn flow = linked
                           ? enqueue (self, gst_caps_ref (caps), new_buffer (reject), interruptible)
                           : report (self, reject);

  if (linked)
    GST_INFO_OBJECT (self->element, "a rejected document leaves by the pad rejects: %s (code %d)",
        reject->reason, reject->code);
  return flow;
}
