/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-mongosink
 * @title: mongosink
 * @short_description: Stores documents in MongoDB
 *
 * Takes MongoDB Extended JSON, JSON lines or BSON, and inserts each document into a collection: in unordered
 * batches, each buffer held until the database has acknowledged all of its documents. A database that is lost in
 * mid-stream is waited for (#GstMongoSink:retry-timeout), a document that it refuses for good is skipped and
 * reported (#GstMongoSink:on-error).
 *
 * A document's `_id` is its own, else its place in Kafka (`topic:partition:offset`, followed by `:n` for the n-th
 * further document of the same message), else a new ObjectId. What is stored already under the same `_id` counts as
 * stored, so a replay changes nothing.
 *
 * The database's URI comes from #GstMongoSink:uri, #GstMongoSink:uri-file or the environment variable MONGODB_URI,
 * in this order; else it is `mongodb://localhost:27017`. TLS, users, time limits and the write concern are its
 * options. Those it leaves out are set to: `w=majority`, `journal=true`, `serverSelectionTimeoutMS=2000`,
 * `connectTimeoutMS=2000`, `socketTimeoutMS=3000`, `retryWrites=false` (the element tries again itself).
 *
 * With #GstMongoSink:wrap any buffer at all is stored, as binary data with its caps and times.
 *
 * What can't be stored goes out of the request pad `rejects`, if it is linked (say, to `kafkasink
 * topic=dead-letter async=false`): the document in the format it came in, with its headers, and two more, `reject-reason` and
 * `reject-code`. Sinks behind this pad must not wait for a preroll buffer: set `async=false`.
 *
 * A buffer has to hold whole documents. A state change never waits for the database for more than a second and
 * a half: what is not acknowledged by then comes again if it came from `kafkasrc`.
 *
 * ## Example launch line
 * |[
 * echo '{"camera":"cam-1","faces":2}' | gst-launch-1.0 fdsrc ! application/json ! mongosink database=fog collection=events
 * ]|
 * |[
 * gst-launch-1.0 -e kafkasrc topic=database group-id=cloud ! mongosink database=fog collection=events
 * ]|
 */
#include "gstmongosink.h"

#include "fogtime.h"
#include "gstkafkameta.h"
#include "gstmongorejects.h"
#include "gstmongowrap.h"
#include "mongocollection.h"
#include "mongodocument.h"
#include "mongoindex.h"
#include "mongouri.h"
#include "mongowriter.h"

GST_DEBUG_CATEGORY (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug
GST_DEBUG_CATEGORY_STATIC (mongoc_debug);

#define FALLBACK_DATABASE "fog"
#define DEFAULT_COLLECTION "events"
#define DEFAULT_EXPIRE_FIELD "captured"
#define DEFAULT_BATCH_SIZE 500
#define DEFAULT_BATCH_BYTES (4 * 1024 * 1024)
#define DEFAULT_BATCH_LATENCY (100 * GST_MSECOND)
#define DEFAULT_RETRY_TIMEOUT (60 * GST_SECOND)
#define DEFAULT_DRAIN_TIMEOUT (10 * GST_SECOND)
#define DEFAULT_ON_ERROR GST_MONGO_SINK_SKIP

enum {
  PROP_0,
  PROP_URI,
  PROP_URI_FILE,
  PROP_DATABASE,
  PROP_COLLECTION,
  PROP_BATCH_SIZE,
  PROP_BATCH_BYTES,
  PROP_BATCH_LATENCY,
  PROP_RETRY_TIMEOUT,
  PROP_DRAIN_TIMEOUT,
  PROP_WRAP,
  PROP_CREATE_INDEX,
  PROP_EXPIRE_FIELD,
  PROP_EXPIRE_AFTER,
  PROP_ON_ERROR,
  PROP_STATS,
};

struct _GstMongoSink {
  GstBaseSink parent;

  /* Guarded by the object lock. */
  gchar *uri;
  gchar *uri_file;
  MongoWriterSettings settings; /* database NULL: the URI's */
  GRefString *collection;       /* a name or a template; from start to stop it stays as it is, */
  gboolean wrap;                /* and so does this */
  GstClockTime drain_timeout;
  MongoWriter *writer;       /* from start to stop; changed by these alone */
  MongoWriterStats last_run; /* while there is no writer */
  guint64 unreadable;        /* documents that couldn't be used */
  guint64 unreported;        /* rejected ones no warning has told of */
  gint64 last_warning;       /* monotonic */

  GstPad *rejects_pad; /* nullable */

  gint format; /* MongoFormat; atomic, set by the streaming thread */
  GstMongoRejects rejects;
};

#define DOCUMENT_CAPS "application/json; application/x-ndjson; application/bson"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static GstStaticPadTemplate rejects_template =
    GST_STATIC_PAD_TEMPLATE ("rejects", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstMongoSink, gst_mongo_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE (mongosink, "mongosink", GST_RANK_NONE, GST_TYPE_MONGO_SINK)

static void
log_library (mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
  GstDebugLevel as = level <= MONGOC_LOG_LEVEL_CRITICAL  ? GST_LEVEL_WARNING
                     : level == MONGOC_LOG_LEVEL_WARNING ? GST_LEVEL_INFO
                     : level <= MONGOC_LOG_LEVEL_INFO    ? GST_LEVEL_DEBUG
                                                         : GST_LEVEL_TRACE;

  GST_CAT_LEVEL_LOG (mongoc_debug, as, NULL, "%s: %s", domain, message);
}

static void
init_library (void)
{
  static gsize done;

  if (g_once_init_enter (&done)) {
    mongoc_init ();
    mongoc_log_set_handler (log_library, NULL);
    g_once_init_leave (&done, 1);
  }
}

static void
post (GstElement *element, GstMessageType type, const GError *error)
{
  gst_element_message_full (element, type, error->domain, error->code, g_strdup (error->message),
      NULL, __FILE__, GST_FUNCTION, __LINE__);
}

/* ---- for the writer ---- */

/* The caps of what came in, for what goes out as it came. */
static GstFlowReturn
take_reject (GstMongoSink *self, const GstMongoReject *reject)
{
  GstCaps *caps = gst_pad_get_current_caps (GST_BASE_SINK_PAD (self));
  GstFlowReturn flow;

  if (!caps)
    caps = gst_caps_new_empty_simple ("application/json");
  flow = gst_mongo_rejects_take (&self->rejects, caps, reject);
  gst_caps_unref (caps);
  return flow;
}

static gboolean
on_rejected (
    GstElement *element, const bson_t *document, GstBuffer *buffer, const MongoResult *result)
{
  GstMongoSink *self = GST_MONGO_SINK (element);
  GstMongoReject reject = {.origin = buffer, .reason = result->reason, .code = result->code};
  g_autofree gpointer bytes = NULL;
  char *json = NULL;
  GstFlowReturn flow;

  if (self->wrap) {
    gst_buffer_extract_dup (buffer, 0, -1, &bytes, &reject.size);
    reject.data = bytes;
  } else if (g_atomic_int_get (&self->format) == MONGO_FORMAT_BSON) {
    reject.data = bson_get_data (document);
    reject.size = document->len;
  } else {
    reject.data = json = bson_as_canonical_extended_json (document, &reject.size);
  }
  flow = take_reject (self, &reject);
  bson_free (json);
  return flow == GST_FLOW_OK;
}

static void
on_warning (GstElement *element, const GError *error)
{
  post (element, GST_MESSAGE_WARNING, error);
}

static void
on_failed (GstElement *element, const GError *error)
{
  post (element, GST_MESSAGE_ERROR, error);
}

/* ---- start and stop ---- */

static mongoc_uri_t *
open_uri (GstMongoSink *self, GError **error)
{
  g_autofree gchar *uri = NULL;
  g_autofree gchar *file = NULL;

  GST_OBJECT_LOCK (self);
  uri = g_strdup (self->uri);
  file = g_strdup (self->uri_file);
  GST_OBJECT_UNLOCK (self);
  return mongo_uri_open (uri, file, error);
}

static void
start_writer (GstMongoSink *self, const mongoc_uri_t *uri)
{
  static const MongoWriterFuncs funcs = {on_rejected, on_warning, on_warning, on_failed};
  MongoWriterSettings settings;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  if (!settings.database)
    settings.database = (gchar *) mongoc_uri_get_database (uri);
  if (!settings.database)
    settings.database = (gchar *) FALLBACK_DATABASE;
  self->unreadable = self->rejects.unreported = 0;
  self->rejects.last_warning = 0;
  self->writer = mongo_writer_start (GST_ELEMENT (self), &funcs, uri, &settings);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
check_collection (GstMongoSink *self, GError **error)
{
  g_autoptr (GError) what = NULL;
  g_autofree gchar *name = NULL;

  GST_OBJECT_LOCK (self);
  name = g_strdup (self->collection);
  GST_OBJECT_UNLOCK (self);
  if (mongo_collection_check (name, &what))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "The property collection can't be used: %s.", what->message);
  return FALSE;
}

static gboolean
check_indexes (GstMongoSink *self, GError **error)
{
  g_autoptr (GError) what = NULL;
  g_autoptr (bson_t) command = NULL;

  GST_OBJECT_LOCK (self);
  command = mongo_index_command ("any", self->settings.indexes, self->settings.expire_field,
      self->settings.expire_after, &what);
  GST_OBJECT_UNLOCK (self);
  if (!what)
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "create-index or expire-field can't be used: %s.", what->message);
  return FALSE;
}

static gboolean
start (GstMongoSink *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (mongoc_uri_t) uri = NULL;

  init_library ();
  g_atomic_int_set (&self->format, MONGO_FORMAT_JSON);
  if (!check_collection (self, &error) || !check_indexes (self, &error) ||
      !(uri = open_uri (self, &error))) {
    post (GST_ELEMENT (self), GST_MESSAGE_ERROR, error);
    return FALSE;
  }
  start_writer (self, uri);
  return TRUE;
}

static void
stop (GstMongoSink *self)
{
  MongoWriter *writer = self->writer;

  mongo_writer_stop (writer);
  GST_OBJECT_LOCK (self);
  mongo_writer_get_stats (writer, &self->last_run);
  self->writer = NULL;
  GST_OBJECT_UNLOCK (self);
  mongo_writer_unref (writer);
}

/* The base class's start and stop frame READY, too wide for settings that may change there. */
static GstStateChangeReturn
gst_mongo_sink_change_state (GstElement *element, GstStateChange transition)
{
  GstMongoSink *self = GST_MONGO_SINK (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  ret = GST_ELEMENT_CLASS (gst_mongo_sink_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return ret;
}

static gboolean
gst_mongo_sink_unlock (GstBaseSink *sink)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);

  if (self->writer)
    mongo_writer_set_interrupted (self->writer, TRUE);
  return TRUE;
}

static gboolean
gst_mongo_sink_unlock_stop (GstBaseSink *sink)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);

  if (self->writer)
    mongo_writer_set_interrupted (self->writer, FALSE);
  return TRUE;
}

/* ---- streaming ---- */

static GstCaps *
gst_mongo_sink_get_caps (GstBaseSink *sink, GstCaps *filter)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  GstCaps *caps, *filtered;
  gboolean wrap;

  GST_OBJECT_LOCK (self);
  wrap = self->wrap;
  GST_OBJECT_UNLOCK (self);
  caps = wrap ? gst_caps_new_any () : gst_caps_from_string (DOCUMENT_CAPS);
  if (!filter)
    return caps;
  filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return filtered;
}

static gboolean
gst_mongo_sink_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  MongoFormat format = gst_structure_has_name (s, "application/x-ndjson") ? MONGO_FORMAT_JSON_LINES
                       : gst_structure_has_name (s, "application/bson")   ? MONGO_FORMAT_BSON
                                                                          : MONGO_FORMAT_JSON;

  g_atomic_int_set (&self->format, format);
  return TRUE;
}

/* (nullable): the place in Kafka of the buffer's document number @index. */
static gchar *
new_kafka_id (GstBuffer *buffer, guint index)
{
  const GstStructure *s = gst_kafka_meta_peek (buffer);
  const gchar *topic = s ? gst_structure_get_string (s, "topic") : NULL;
  gint partition;
  gint64 offset;

  if (!topic || !gst_structure_get (
                    s, "partition", G_TYPE_INT, &partition, "offset", G_TYPE_INT64, &offset, NULL))
    return NULL;
  return index ? g_strdup_printf ("%s:%d:%" G_GINT64_FORMAT ":%u", topic, partition, offset, index)
               : g_strdup_printf ("%s:%d:%" G_GINT64_FORMAT, topic, partition, offset);
}

static GstFlowReturn
push_item (GstMongoSink *self, MongoItem *item)
{
  MongoWriterReturn ret;
  GstFlowReturn flow = GST_FLOW_OK;

  while ((ret = mongo_writer_push (self->writer, item)) == MONGO_WRITER_INTERRUPTED) {
    flow = gst_base_sink_wait_preroll (GST_BASE_SINK (self));
    if (flow != GST_FLOW_OK)
      break;
  }
  if (ret == MONGO_WRITER_FAILED)
    flow = GST_FLOW_ERROR;
  if (ret != MONGO_WRITER_OK)
    mongo_item_free (item);
  return flow;
}

/* (nullable) (transfer full): the collection that the document belongs to. */
static GRefString *
choose_collection (GstMongoSink *self, const bson_t *document, GError **error)
{
  g_autofree gchar *name = NULL;

  if (!mongo_collection_is_template (self->collection))
    return g_ref_string_acquire (self->collection);
  name = mongo_collection_expand (self->collection, document, error);
  return name ? g_ref_string_new (name) : NULL;
}

/* Takes the document over. */
static GstFlowReturn
push_document (
    GstMongoSink *self, bson_t *document, GRefString *collection, GstBuffer *buffer, guint index)
{
  if (!bson_has_field (document, "_id")) {
    g_autofree gchar *id = new_kafka_id (buffer, index);

    document = mongo_document_ensure_id (document, id);
  }
  return push_item (self, mongo_item_new (document, collection, gst_buffer_ref (buffer)));
}

/* Each document of the buffer; sets @error instead of the document where there is none. */
static gboolean
next_document (
    GstMongoSink *self, MongoReader *reader, GstBuffer *buffer, bson_t **document, GError **error)
{
  GstCaps *caps;

  if (!self->wrap)
    return mongo_reader_next (reader, document, error);
  if (!reader->data)
    return FALSE;
  caps = gst_pad_get_current_caps (GST_BASE_SINK_PAD (self));
  *document = gst_mongo_wrap (buffer, caps,
      fog_time_of_capture (GST_ELEMENT (self), &GST_BASE_SINK (self)->segment, buffer), error);
  gst_clear_caps (&caps);
  reader->text = g_steal_pointer (&reader->data);
  reader->text_size = reader->size;
  return TRUE;
}

static GstFlowReturn
reject_unreadable (
    GstMongoSink *self, GstBuffer *buffer, const MongoReader *reader, const GError *error)
{
  const GstMongoReject reject = {buffer, reader->text, reader->text_size, error->message, 0};

  GST_OBJECT_LOCK (self);
  self->unreadable++;
  GST_OBJECT_UNLOCK (self);
  return take_reject (self, &reject);
}

static GstFlowReturn
push_documents (GstMongoSink *self, MongoReader *reader, GstBuffer *buffer, guint *accepted)
{
  GstFlowReturn flow = GST_FLOW_OK;
  bson_t *next;

  for (guint index = 0; flow == GST_FLOW_OK; index++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (bson_t) document = NULL;
    GRefString *collection = NULL;

    if (!next_document (self, reader, buffer, &next, &error))
      break;
    if ((document = next))
      collection = choose_collection (self, document, &error);
    if (collection) {
      flow = push_document (self, g_steal_pointer (&document), collection, buffer, index);
      *accepted += flow == GST_FLOW_OK;
    } else {
      flow = reject_unreadable (self, buffer, reader, error);
    }
  }
  return flow;
}

static GstFlowReturn
gst_mongo_sink_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  GstFlowReturn flow;
  guint accepted = 0;
  GstMapInfo map;
  MongoReader reader = {.format = g_atomic_int_get (&self->format)};

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ, ("A buffer's memory can't be read."), (NULL));
    return GST_FLOW_ERROR;
  }
  reader.data = map.data ? map.data : (const guint8 *) "";
  reader.size = map.size;
  flow = push_documents (self, &reader, buffer, &accepted);
  gst_buffer_unmap (buffer, &map);
  /* Documents already on their way must not vouch for those that never were. */
  if (flow != GST_FLOW_OK)
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
  else if (!accepted)
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
  return flow;
}

static void
fail_to_drain (GstMongoSink *self, GstClockTime timeout)
{
  MongoWriterStats stats;

  mongo_writer_get_stats (self->writer, &stats);
  GST_ELEMENT_ERROR (self, RESOURCE, WRITE,
      ("MongoDB didn't acknowledge the last %" G_GUINT64_FORMAT
       " documents within %.1f s of the end of the stream. Check the server, or raise "
       "drain-timeout.",
          stats.waiting, timeout / (gdouble) GST_SECOND),
      (NULL));
}

/* with the preroll lock */
static GstFlowReturn
drain (GstMongoSink *self)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstClockTime timeout;
  gint64 deadline;
  MongoWriterReturn ret;

  GST_OBJECT_LOCK (self);
  timeout = self->drain_timeout;
  GST_OBJECT_UNLOCK (self);
  deadline = g_get_monotonic_time () + timeout / GST_USECOND;
  do
    ret = mongo_writer_drain (self->writer, deadline);
  while (ret == MONGO_WRITER_INTERRUPTED &&
         (flow = gst_base_sink_wait_preroll (GST_BASE_SINK (self))) == GST_FLOW_OK);
  if (ret == MONGO_WRITER_TIMEOUT)
    fail_to_drain (self, timeout);
  return ret == MONGO_WRITER_OK || flow != GST_FLOW_OK ? flow : GST_FLOW_ERROR;
}

static GstFlowReturn
gst_mongo_sink_wait_event (GstBaseSink *sink, GstEvent *event)
{
  GstFlowReturn flow = GST_BASE_SINK_CLASS (gst_mongo_sink_parent_class)->wait_event (sink, event);

  if (flow == GST_FLOW_OK && GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    flow = drain (GST_MONGO_SINK (sink));
  if (flow == GST_FLOW_OK && GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    gst_mongo_rejects_end (&GST_MONGO_SINK (sink)->rejects);
  return flow;
}

static GstPad *
gst_mongo_sink_request_new_pad (
    GstElement *element, GstPadTemplate *template, const gchar *name, const GstCaps *caps)
{
  return gst_mongo_rejects_request_pad (&GST_MONGO_SINK (element)->rejects, template);
}

static void
gst_mongo_sink_release_pad (GstElement *element, GstPad *pad)
{
  gst_mongo_rejects_release_pad (&GST_MONGO_SINK (element)->rejects, pad);
}

/* ---- properties ---- */

/* with the object lock */
static GstStructure *
new_stats (GstMongoSink *self)
{
  MongoWriterStats stats = self->last_run;

  if (self->writer)
    mongo_writer_get_stats (self->writer, &stats);
  return gst_structure_new ("mongosink-stats",                      //
      "documents", G_TYPE_UINT64, stats.documents,                  //
      "duplicates", G_TYPE_UINT64, stats.duplicates,                //
      "rejected", G_TYPE_UINT64, stats.rejected + self->unreadable, //
      "unreadable", G_TYPE_UINT64, self->unreadable,                //
      "batches", G_TYPE_UINT64, stats.batches,                      //
      "retries", G_TYPE_UINT64, stats.retries,                      //
      "waiting", G_TYPE_UINT64, stats.waiting,                      //
      "waiting-bytes", G_TYPE_UINT64, stats.waiting_bytes,          //
      "write-latency", G_TYPE_UINT64, stats.write_latency,          //
      "write-latency-max", G_TYPE_UINT64, stats.write_latency_max, NULL);
}

static void
set_string (gchar **field, const GValue *value)
{
  g_free (*field);
  *field = g_value_dup_string (value);
}

/* with the object lock */
static void
set_collection (GstMongoSink *self, const gchar *name)
{
  g_clear_pointer (&self->collection, g_ref_string_release);
  self->collection = g_ref_string_new (name ? name : DEFAULT_COLLECTION);
}

static void
gst_mongo_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMongoSink *self = GST_MONGO_SINK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_URI:
      set_string (&self->uri, value);
      break;
    case PROP_URI_FILE:
      set_string (&self->uri_file, value);
      break;
    case PROP_DATABASE:
      set_string (&self->settings.database, value);
      break;
    case PROP_COLLECTION:
      set_collection (self, g_value_get_string (value));
      break;
    case PROP_BATCH_SIZE:
      self->settings.batch_size = g_value_get_uint (value);
      break;
    case PROP_BATCH_BYTES:
      self->settings.batch_bytes = g_value_get_uint (value);
      break;
    case PROP_BATCH_LATENCY:
      self->settings.batch_latency = g_value_get_uint64 (value);
      break;
    case PROP_RETRY_TIMEOUT:
      self->settings.retry_timeout = g_value_get_uint64 (value);
      break;
    case PROP_DRAIN_TIMEOUT:
      self->drain_timeout = g_value_get_uint64 (value);
      break;
    case PROP_CREATE_INDEX:
      set_string (&self->settings.indexes, value);
      break;
    case PROP_EXPIRE_FIELD:
      set_string (&self->settings.expire_field, value);
      break;
    case PROP_EXPIRE_AFTER:
      self->settings.expire_after = g_value_get_uint (value);
      break;
    case PROP_WRAP:
      self->wrap = g_value_get_boolean (value);
      break;
    case PROP_ON_ERROR:
      self->rejects.on_error = g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_mongo_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMongoSink *self = GST_MONGO_SINK (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_URI_FILE:
      g_value_set_string (value, self->uri_file);
      break;
    case PROP_DATABASE:
      g_value_set_string (value, self->settings.database);
      break;
    case PROP_COLLECTION:
      g_value_set_string (value, self->collection);
      break;
    case PROP_BATCH_SIZE:
      g_value_set_uint (value, self->settings.batch_size);
      break;
    case PROP_BATCH_BYTES:
      g_value_set_uint (value, self->settings.batch_bytes);
      break;
    case PROP_BATCH_LATENCY:
      g_value_set_uint64 (value, self->settings.batch_latency);
      break;
    case PROP_RETRY_TIMEOUT:
      g_value_set_uint64 (value, self->settings.retry_timeout);
      break;
    case PROP_DRAIN_TIMEOUT:
      g_value_set_uint64 (value, self->drain_timeout);
      break;
    case PROP_CREATE_INDEX:
      g_value_set_string (value, self->settings.indexes);
      break;
    case PROP_EXPIRE_FIELD:
      g_value_set_string (value, self->settings.expire_field);
      break;
    case PROP_EXPIRE_AFTER:
      g_value_set_uint (value, self->settings.expire_after);
      break;
    case PROP_WRAP:
      g_value_set_boolean (value, self->wrap);
      break;
    case PROP_ON_ERROR:
      g_value_set_enum (value, self->rejects.on_error);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, new_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_mongo_sink_finalize (GObject *object)
{
  GstMongoSink *self = GST_MONGO_SINK (object);

  g_free (self->uri);
  g_free (self->uri_file);
  g_free (self->settings.database);
  g_free (self->settings.indexes);
  g_free (self->settings.expire_field);
  g_ref_string_release (self->collection);
  gst_mongo_rejects_clear (&self->rejects);
  G_OBJECT_CLASS (gst_mongo_sink_parent_class)->finalize (object);
}

static void
gst_mongo_sink_class_init (GstMongoSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  GST_DEBUG_CATEGORY_INIT (gst_mongo_sink_debug, "mongosink", 0, "MongoDB sink");
  GST_DEBUG_CATEGORY_INIT (mongoc_debug, "mongoc", 0, "MongoDB's C driver");

  object_class->set_property = gst_mongo_sink_set_property;
  object_class->get_property = gst_mongo_sink_get_property;
  object_class->finalize = gst_mongo_sink_finalize;

  /**
   * GstMongoSink:uri:
   *
   * The connection string. Since it may hold a password, it can't be read back; a command line is visible to all
   * users of a machine, so prefer #GstMongoSink:uri-file or MONGODB_URI there.
   */
  g_object_class_install_property (object_class, PROP_URI,
      g_param_spec_string ("uri", "URI",
          "MongoDB connection string (NULL: uri-file, else MONGODB_URI, else " MONGO_DEFAULT_URI
          ")",
          NULL, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstMongoSink:uri-file:
   *
   * A file whose only line is the connection string; read at each start.
   */
  g_object_class_install_property (object_class, PROP_URI_FILE,
      g_param_spec_string ("uri-file", "URI file",
          "File that holds the MongoDB connection string, used unless uri is set", NULL, flags));
  /**
   * GstMongoSink:database:
   *
   * The database that holds the collection.
   */
  g_object_class_install_property (object_class, PROP_DATABASE,
      g_param_spec_string ("database", "Database",
          "Database to write to (NULL: the one in the URI, else " FALLBACK_DATABASE ")", NULL,
          flags));
  /**
   * GstMongoSink:collection:
   *
   * The collection that gets the documents; the server makes it if need be. It may differ from document to document:
   * `%{camera}` stands for the field of this name, `%{place.city}` for a field within a field, `%{captured:%Y-%m}` for a
   * date, formatted, in UTC. A document without the field, or with one that makes no name of letters, digits and `_-.:`,
   * is handled as #GstMongoSink:on-error says.
   */
  g_object_class_install_property (object_class, PROP_COLLECTION,
      g_param_spec_string ("collection", "Collection",
          "Collection to write to; %{field} and %{date:%Y-%m} are filled from each document",
          DEFAULT_COLLECTION, flags));
  /**
   * GstMongoSink:batch-size:
   *
   * A batch goes out when it has this many documents, if neither #GstMongoSink:batch-bytes nor
   * #GstMongoSink:batch-latency sent it before. At most four batches are held; then the stream waits.
   */
  g_object_class_install_property (object_class, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size", "Documents written at once, at most", 1, 10000,
          DEFAULT_BATCH_SIZE, flags));
  /**
   * GstMongoSink:batch-bytes:
   *
   * A batch goes out when its documents have this size as BSON. A larger document goes alone.
   */
  g_object_class_install_property (object_class, PROP_BATCH_BYTES,
      g_param_spec_uint ("batch-bytes", "Batch bytes", "Bytes of BSON written at once, at most", 1,
          MONGO_DOCUMENT_MAX, DEFAULT_BATCH_BYTES, flags));
  /**
   * GstMongoSink:batch-latency:
   *
   * How long the first document of a batch waits for others, in ns.
   */
  g_object_class_install_property (object_class, PROP_BATCH_LATENCY,
      g_param_spec_uint64 ("batch-latency", "Batch latency",
          "Time a document waits for its batch to fill, at most (ns)", 0, 60 * GST_SECOND,
          DEFAULT_BATCH_LATENCY, flags));
  /**
   * GstMongoSink:retry-timeout:
   *
   * How long a batch is sent again, with growing pauses, while the database is away, elects a primary or is over its
   * limits. The buffers are held meanwhile. Then the element fails, and what came from `kafkasrc` comes again.
   */
  g_object_class_install_property (object_class, PROP_RETRY_TIMEOUT,
      g_param_spec_uint64 ("retry-timeout", "Retry timeout",
          "Time to try again to write a batch before giving up (ns; 0: never again; -1: for ever)",
          0, G_MAXUINT64, DEFAULT_RETRY_TIMEOUT, flags));
  /**
   * GstMongoSink:drain-timeout:
   *
   * How long the end of the stream waits for the last documents to be acknowledged. Then the element fails.
   */
  g_object_class_install_property (object_class, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "Time that EOS waits for documents not yet acknowledged, at most (ns)", 0,
          3600 * GST_SECOND, DEFAULT_DRAIN_TIMEOUT, flags));
  /**
   * GstMongoSink:wrap:
   *
   * Store each buffer, whatever its caps, as a document of its own with the fields `data` (binary), and as far as they
   * are known `caps` (text), `pts`, `dts`, `duration` (ns), `captured` (date) and `headers` (a document of texts; one of
   * them may name the collection: `frames-%{headers.camera}`). Otherwise the element takes `application/json`,
   * `application/x-ndjson` and `application/bson` alone.
   */
  g_object_class_install_property (object_class, PROP_WRAP,
      g_param_spec_boolean ("wrap", "Wrap",
          "Store any buffer as a document that holds its bytes, caps and times", FALSE, flags));
  /**
   * GstMongoSink:create-index:
   *
   * Indexes to make, unless they are there, in each collection before its first document: `camera,-captured` is one
   * of two fields, the second one downwards; several are separated by semicolons. A server that refuses gives a
   * warning, and documents are stored without.
   */
  g_object_class_install_property (object_class, PROP_CREATE_INDEX,
      g_param_spec_string ("create-index", "Create index",
          "Indexes that each collection shall have: \"camera,-captured;replica\"", NULL, flags));
  /**
   * GstMongoSink:expire-field:
   *
   * The field, a date, that #GstMongoSink:expire-after counts from.
   */
  g_object_class_install_property (object_class, PROP_EXPIRE_FIELD,
      g_param_spec_string ("expire-field", "Expire field", "Date that expire-after counts from",
          DEFAULT_EXPIRE_FIELD, flags));
  /**
   * GstMongoSink:expire-after:
   *
   * Lets the server delete a document this many seconds after its #GstMongoSink:expire-field, by a TTL index.
   */
  g_object_class_install_property (object_class, PROP_EXPIRE_AFTER,
      g_param_spec_uint ("expire-after", "Expire after",
          "Seconds after which the server deletes a document (0: never)", 0, G_MAXINT32, 0, flags));
  /**
   * GstMongoSink:on-error:
   *
   * What to do about a buffer that is no document, and about a document that the database refuses for good, unless the
   * pad `rejects` is linked and takes it.
   */
  g_object_class_install_property (object_class, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error", "What to do about a document that can't be stored",
          GST_TYPE_MONGO_SINK_ON_ERROR, DEFAULT_ON_ERROR, flags));
  /**
   * GstMongoSink:stats:
   *
   * Numbers of this run, or of the last one, as a structure `mongosink-stats` of guint64:
   *
   * | field | meaning |
   * | --- | --- |
   * | documents | stored |
   * | duplicates | found to be stored already |
   * | rejected | not stored, and never will be |
   * | unreadable | those of them that were no documents, or named no collection |
   * | batches | writes that the server acknowledged, in whole or in part |
   * | retries | batches sent again |
   * | waiting, waiting-bytes | documents not yet acknowledged, and their size as BSON |
   * | write-latency, write-latency-max | ns from sending a batch to its acknowledgement: moving mean, longest |
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What was stored, what is waiting, and how long it takes", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &rejects_template);
  gst_element_class_set_static_metadata (element_class, "MongoDB sink", "Sink/Network",
      "Stores documents in MongoDB", "The gst-fog authors");
  gst_type_mark_as_plugin_api (GST_TYPE_MONGO_SINK_ON_ERROR, 0);

  element_class->change_state = gst_mongo_sink_change_state;
  element_class->request_new_pad = gst_mongo_sink_request_new_pad;
  element_class->release_pad = gst_mongo_sink_release_pad;
  sink_class->unlock = gst_mongo_sink_unlock;
  sink_class->unlock_stop = gst_mongo_sink_unlock_stop;
  sink_class->get_caps = gst_mongo_sink_get_caps;
  sink_class->set_caps = gst_mongo_sink_set_caps;
  sink_class->render = gst_mongo_sink_render;
  sink_class->wait_event = gst_mongo_sink_wait_event;
}

static void
gst_mongo_sink_init (GstMongoSink *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  /* Not to wait for each other's preroll, nor to hold the last ack token for ever. */
  gst_base_sink_set_async_enabled (sink, FALSE);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);

  gst_mongo_rejects_init (&self->rejects, GST_ELEMENT (self));
  set_collection (self, NULL);
  self->settings.expire_field = g_strdup (DEFAULT_EXPIRE_FIELD);
  self->settings.batch_size = DEFAULT_BATCH_SIZE;
  self->settings.batch_bytes = DEFAULT_BATCH_BYTES;
  self->settings.batch_latency = DEFAULT_BATCH_LATENCY;
  self->settings.retry_timeout = DEFAULT_RETRY_TIMEOUT;
  self->drain_timeout = DEFAULT_DRAIN_TIMEOUT;
  self->rejects.on_error = DEFAULT_ON_ERROR;
}
