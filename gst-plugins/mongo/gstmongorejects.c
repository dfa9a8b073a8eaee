/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongorejects.h"

#include "gstkafkameta.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

/* A poisoned stream must not fill the bus. */
#define WARNING_INTERVAL G_USEC_PER_SEC

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
  g_mutex_init (&self->push_lock);
}

void
gst_mongo_rejects_clear (GstMongoRejects *self)
{
  gst_clear_object (&self->pad);
  g_mutex_clear (&self->push_lock);
}

/* ---- the pad ---- */

GstPad *
gst_mongo_rejects_request_pad (GstMongoRejects *self, GstPadTemplate *template)
{
  GstPad *pad = gst_object_ref_sink (gst_pad_new_from_template (template, "rejects"));
  gboolean taken;

  GST_OBJECT_LOCK (self->element);
  taken = self->pad != NULL;
  if (!taken)
    self->pad = gst_object_ref (pad);
  GST_OBJECT_UNLOCK (self->element);
  if (!taken) {
    gst_pad_set_active (pad, TRUE);
    gst_element_add_pad (self->element, pad);
  }
  gst_object_unref (pad);
  return taken ? NULL : pad;
}

void
gst_mongo_rejects_release_pad (GstMongoRejects *self, GstPad *pad)
{
  GST_OBJECT_LOCK (self->element);
  self->pad = NULL;
  GST_OBJECT_UNLOCK (self->element);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (self->element, pad);
  gst_object_unref (pad);
}

/* (nullable) (transfer full) */
static GstPad *
ref_linked_pad (GstMongoRejects *self)
{
  GstPad *pad;

  GST_OBJECT_LOCK (self->element);
  pad = self->pad ? gst_object_ref (self->pad) : NULL;
  GST_OBJECT_UNLOCK (self->element);
  if (pad && !gst_pad_is_linked (pad))
    gst_clear_object (&pad);
  return pad;
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

/* What has to come before the first buffer. */
static void
prepare (GstPad *pad, GstCaps *caps)
{
  GstSegment segment;

  if (!has_sticky (pad, GST_EVENT_STREAM_START)) {
    GstElement *element = gst_pad_get_parent_element (pad);
    g_autofree gchar *id = gst_pad_create_stream_id (pad, element, "rejects");

    gst_pad_push_event (pad, gst_event_new_stream_start (id));
    gst_object_unref (element);
  }
  push_caps (pad, caps);
  if (!has_sticky (pad, GST_EVENT_SEGMENT)) {
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (pad, gst_event_new_segment (&segment));
  }
}

/* A buffer of its own, with times, headers and ack token of the document's. */
static GstBuffer *
new_buffer (const GstMongoReject *reject)
{
  GstBuffer *buffer = gst_buffer_new_memdup (reject->data, reject->size);
  g_autofree gchar *code = reject->code ? g_strdup_printf ("%d", reject->code) : NULL;

  gst_buffer_copy_into (
      buffer, reject->origin, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_kafka_meta_copy (buffer, reject->origin);
  gst_kafka_meta_set_headers (
      buffer, MONGO_HEADER_REJECT_REASON, reject->reason, MONGO_HEADER_REJECT_CODE, code, NULL);
  return buffer;
}

static GstFlowReturn
push (GstMongoRejects *self, GstPad *pad, GstCaps *caps, const GstMongoReject *reject)
{
  GstFlowReturn flow;

  g_mutex_lock (&self->push_lock);
  prepare (pad, caps);
  flow = gst_pad_push (pad, new_buffer (reject));
  g_mutex_unlock (&self->push_lock);
  return flow;
}

void
gst_mongo_rejects_end (GstMongoRejects *self)
{
  GstPad *pad = ref_linked_pad (self);

  if (pad)
    gst_pad_push_event (pad, gst_event_new_eos ());
  gst_clear_object (&pad);
}

/* ---- telling of them ---- */

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

/* Where the buffer came from, for a person. */
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
    return g_strdup_printf ("A document can't be used%s: %s.", origin, reject->reason);
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
tell (GstMongoRejects *self, const GstMongoReject *reject)
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
  GST_DEBUG_OBJECT (self->element, "%s", what);
  if (may_warn (self, &documents))
    post (self, GST_MESSAGE_WARNING, reject,
        documents > 1
            ? g_strdup_printf (
                  "%" G_GUINT64_FORMAT " documents were skipped. The last: %s", documents, what)
            : g_strdup_printf ("%s It was skipped.", what));
  return GST_FLOW_OK;
}

GstFlowReturn
gst_mongo_rejects_take (GstMongoRejects *self, GstCaps *caps, const GstMongoReject *reject)
{
  GstPad *pad = ref_linked_pad (self);
  GstFlowReturn flow = pad ? push (self, pad, caps, reject) : tell (self, reject);

  gst_clear_object (&pad);
  return flow;
}
