/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-mongosink
 * @title: mongosink
 * @short_description: Stores documents in MongoDB
 *
 * The element takes MongoDB Extended JSON (`application/json`), JSON lines (`application/x-ndjson`)
 * or BSON (`application/bson`, one document after the other), and inserts each document into a
 * collection. The element writes unordered batches, and holds each buffer until the database has
 * acknowledged all of its documents. In an outage of the database the element tries again for
 * #GstMongoSink:retry-timeout. A document that the database refuses for good is skipped and
 * reported, unless #GstMongoSink:on-error says otherwise.
 *
 * A document without `_id` gets `topic:partition:offset` of its Kafka message as `_id` (followed by
 * `:n` for the n-th further document of the same message), or a new ObjectId if it doesn't come
 * from Kafka. A document whose `_id` is stored already counts as stored, so a replay changes
 * nothing. If a document with different values is stored under `topic:partition:offset`, because
 * the topic was created again, the new document is rejected.
 *
 * The database's URI comes from #GstMongoSink:uri, #GstMongoSink:uri-file or the environment
 * variable MONGODB_URI, in this order; without any of them it is `mongodb://localhost:27017`. TLS,
 * users, timeouts and the write concern are options of the URI. The element sets the options that
 * the URI leaves out: `w=majority`, `journal=true`, `serverSelectionTimeoutMS=2000`,
 * `connectTimeoutMS=2000`, `socketTimeoutMS=3000`, `retryWrites=false` (the element tries again
 * itself).
 *
 * With #GstMongoSink:wrap any buffer is stored as binary data with its caps and times. With
 * #GstMongoSink:mode set to `gridfs` any buffer is stored as a file of any size, which MongoDB's
 * drivers can read. The `_id` of a wrapped buffer or a file is `camera:session:seq`, if the buffer
 * has these headers. The modes `replace` and `update` keep the latest document with an `_id`.
 *
 * A document that can never be stored leaves by the request pad `rejects`, if this pad is linked,
 * for example to `kafkasink topic=dead-letter`. A rejected document has the format in which it
 * came, its headers, and the headers `reject-reason` and `reject-code`. The elements behind the pad
 * `rejects` then decide whether the document's Kafka message is done. Sinks behind the pad
 * `rejects` must not wait for a preroll buffer: set their `async=false` if that isn't the default.
 *
 * ## Messages
 *
 * The element posts no element messages; the property #GstMongoSink:stats has its counters.
 * Warnings are STREAM/DECODE about a document that can't be read, RESOURCE/WRITE about a document
 * that the server refuses for good, or about a database that can't be reached, and
 * RESOURCE/SETTINGS about indexes, a time series or a rule of expiry that the server doesn't
 * create. EOS is posted when all documents are acknowledged.
 *
 * ## Queries
 *
 * A caps query is answered with the caps of JSON, JSON lines and BSON; with #GstMongoSink:wrap or
 * the mode `gridfs` it is answered with all caps except those of device memory.
 *
 * ## Errors
 *
 * Errors are RESOURCE/SETTINGS about a property or the connection string, RESOURCE/NOT_FOUND and
 * OPEN_READ about #GstMongoSink:uri-file, RESOURCE/OPEN_WRITE if no server answers within 5 s of
 * the start, RESOURCE/NOT_AUTHORIZED, RESOURCE/WRITE about a batch that isn't stored within
 * #GstMongoSink:retry-timeout, or about the last documents after #GstMongoSink:drain-timeout,
 * RESOURCE/READ about a buffer that can't be mapped, STREAM/WRONG_TYPE about device memory. With
 * `on-error=fail`, STREAM/DECODE and RESOURCE/WRITE are also posted about a document that is
 * rejected.
 *
 * ## Limits
 *
 * A buffer from Kafka, or with `application/json`, must hold whole documents. A state change waits
 * at most 1.5 s for the database. If the database hasn't acknowledged a message of `kafkasrc` when
 * the element stops, the message is read again.
 *
 * ## Example launch line
 * |[
 * echo '{"camera":"cam-1","faces":2}' | \
 *   gst-launch-1.0 fdsrc ! application/json ! mongosink database=fog collection=events
 * ]|
 * |[
 * gst-launch-1.0 -e kafkasrc topic=database group-id=cloud ! \
 *   mongosink database=fog collection=events
 * ]|
 * |[
 * gst-launch-1.0 -e kafkasrc topic=camera group-id=pictures ! \
 *   mongosink mode=gridfs database=fog collection=pictures
 * ]|
 *
 * Since: 0.1
 */
#include "gstmongosink.h"

#include <gio/gio.h>
#include <gst/base/gstadapter.h>

#include "fogcaps.h"
#include "fogtemplate.h"
#include "fogtime.h"
#include "gstkafkameta.h"
#include "gstmongorejects.h"
#include "gstmongosettings.h"
#include "gstmongowrap.h"
#include "server/mongocollection.h"
#include "document/mongodocument.h"
#include "server/mongogridfs.h"
#include "server/mongolibrary.h"
#include "server/mongouri.h"

GST_DEBUG_CATEGORY (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define DEFAULT_ON_ERROR GST_MONGO_SINK_SKIP

enum { PROP_ON_ERROR = GST_MONGO_SINK_PROP_OTHER, PROP_STATS };

struct _GstMongoSink {
  GstBaseSink parent;

  /* caps for which an error was posted last; NULL: none; only the streaming thread uses them */
  GstCaps *refused_caps;

  /* The object lock guards the fields from `settings` to `undated`. */
  GstMongoSettings settings; /* changes of settings take effect at the next start */
  /* the writer, which exists from start() to stop(); only these two functions set this field */
  MongoWriter *writer;
  /* stats of the last run, which are reported while there is no writer */
  MongoWriterStats last_run;
  /* number of documents that were invalid, or lacked a field for the collection's name */
  guint64 unreadable;
  guint64 dates_cut;  /* number of dates whose digits below the millisecond were cut off */
  guint64 tombstones; /* number of Kafka messages without a value */
  guint64 undated;    /* number of documents that never expire, although expire-after is set */

  /* Copies of settings that the streaming thread uses from start() to stop(). */
  GRefString *collection;
  gchar *date; /* name of the field that needs a date for a document to expire; NULL: none */
  MongoMode mode;
  gboolean wrap;

  /* MongoFormat of the caps; atomic, because the streaming thread sets it and other threads read
   * it */
  gint format;
  /* Used by the streaming thread: the first part of a document that continues in the next
   * buffer. */
  GstAdapter *rest;
  MongoFormat rest_format;
  GstMongoRejects rejects;
};

#define DOCUMENT_CAPS "application/json; application/x-ndjson; application/bson"

/**
 * GstMongoSink!sink:
 *
 * The pad takes `application/json`, `application/x-ndjson` and `application/bson`. With
 * #GstMongoSink:wrap or the mode `gridfs` the pad takes any caps, except those of device memory
 * (DMABuf, GPU), which cause the error STREAM/WRONG_TYPE.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

/**
 * GstMongoSink!rejects:
 *
 * The pad pushes documents that can never be stored, with the caps and bytes with which they came,
 * the headers of their buffer, and the headers `reject-reason` and `reject-code`. The elements
 * behind the pad decide whether a rejected document's Kafka message is done. If the elements behind
 * the pad block, mongosink waits too. Without the pad, #GstMongoSink:on-error decides what happens
 * to the documents.
 *
 * Since: 0.1
 */
static GstStaticPadTemplate rejects_template =
    GST_STATIC_PAD_TEMPLATE ("rejects", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY);

G_DEFINE_FINAL_TYPE (GstMongoSink, gst_mongo_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE (mongosink, "mongosink", GST_RANK_NONE, GST_TYPE_MONGO_SINK)

static void
post (GstElement *element, GstMessageType type, const GError *error, const MongoPlace *place)
{
  gst_element_message_full (element, type, error->domain, error->code, g_strdup (error->message),
      NULL, place->file, place->function, place->line);
}

/* --- functions that the writer calls --- */

/* Returns caps for a rejected document, which are those of the sink pad. */
static GstFlowReturn
take_reject (GstMongoSink *self, const GstMongoReject *reject, gboolean interruptible)
{
  GstCaps *caps = gst_pad_get_current_caps (GST_BASE_SINK_PAD (self));
  GstFlowReturn flow;

  if (!caps)
    caps = gst_caps_new_empty_simple ("application/json");
  flow = gst_mongo_rejects_take (&self->rejects, caps, reject, interruptible);
  gst_caps_unref (caps);
  return flow;
}

static gboolean
on_rejected (GstElement *element, const MongoItem *item, GstBuffer *buffer)
{
  GstMongoSink *self = GST_MONGO_SINK (element);
  GstMongoReject reject = {
      .origin = buffer, .reason = item->result.reason, .code = item->result.code};
  g_autofree gpointer bytes = NULL;

  gst_buffer_extract_dup (buffer, item->at, item->size, &bytes, &reject.size);
  reject.data = bytes;
  return take_reject (self, &reject, FALSE) == GST_FLOW_OK;
}

static void
on_warning (GstElement *element, const GError *error, const MongoPlace *place)
{
  post (element, GST_MESSAGE_WARNING, error, place);
}

static void
on_failed (GstElement *element, const GError *error, const MongoPlace *place)
{
  post (element, GST_MESSAGE_ERROR, error, place);
}

/* --- start and stop --- */

static void
start_writer (GstMongoSink *self, const mongoc_uri_t *uri)
{
  static const MongoWriterFuncs funcs = {on_rejected, on_warning, on_failed};
  MongoTarget target;

  GST_OBJECT_LOCK (self);
  target = self->settings.target;
  if (!target.database)
    target.database = (gchar *) mongoc_uri_get_database (uri);
  if (!target.database)
    target.database = (gchar *) MONGO_FALLBACK_DATABASE;
  self->unreadable = self->dates_cut = self->tombstones = self->undated = 0;
  self->rejects.unreported = 0;
  self->rejects.last_warning = 0;
  self->collection = g_ref_string_acquire (self->settings.collection);
  /* Documents are checked for the date in expire-field, except in a time series, which refuses a
   * document without a date anyway, and in the mode update, in which a document may omit the
   * date. */
  if (target.expire_after > 0 && !target.time_field && target.mode != MONGO_MODE_UPDATE)
    self->date = g_strdup (target.expire_field);
  self->mode = target.mode;
  self->wrap = self->settings.wrap;
  gst_mongo_settings_log (&self->settings, GST_ELEMENT (self), uri, &target);
  self->writer =
      mongo_writer_start (GST_ELEMENT (self), &funcs, uri, &target, &self->settings.writer);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
start (GstMongoSink *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (mongoc_uri_t) uri = NULL;

  mongo_library_init ();
  g_atomic_int_set (&self->format, MONGO_FORMAT_JSON);
  if (!(uri = gst_mongo_settings_open_uri (&self->settings, GST_OBJECT (self), &error))) {
    post (GST_ELEMENT (self), GST_MESSAGE_ERROR, error, MONGO_HERE);
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
  gst_adapter_clear (self->rest);
  GST_OBJECT_LOCK (self);
  mongo_writer_get_stats (writer, &self->last_run);
  GST_INFO_OBJECT (self,
      "stopped: %" G_GUINT64_FORMAT " stored, %" G_GUINT64_FORMAT " duplicates, %" G_GUINT64_FORMAT
      " rejected, %" G_GUINT64_FORMAT " retries",
      self->last_run.documents, self->last_run.duplicates,
      self->last_run.rejected + self->unreadable, self->last_run.retries);
  self->writer = NULL;
  gst_caps_replace (&self->refused_caps, NULL);
  g_clear_pointer (&self->collection, g_ref_string_release);
  g_clear_pointer (&self->date, g_free);
  GST_OBJECT_UNLOCK (self);
  mongo_writer_unref (writer);
}

/* The writer is started here and not in GstBaseSink's start(), which is called between NULL and
 * READY, when settings may still change. */
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

/* A flush may arrive while another thread stops the element, so the writer may be gone. */
static void
set_interrupted (GstMongoSink *self, gboolean interrupted)
{
  gst_mongo_rejects_set_interrupted (&self->rejects, interrupted);
  GST_OBJECT_LOCK (self);
  if (self->writer)
    mongo_writer_set_interrupted (self->writer, interrupted);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_mongo_sink_unlock (GstBaseSink *sink)
{
  GST_DEBUG_OBJECT (sink, "unlock: waiting calls return");
  set_interrupted (GST_MONGO_SINK (sink), TRUE);
  return TRUE;
}

static gboolean
gst_mongo_sink_unlock_stop (GstBaseSink *sink)
{
  GST_DEBUG_OBJECT (sink, "unlock is over");
  set_interrupted (GST_MONGO_SINK (sink), FALSE);
  return TRUE;
}

/* --- streaming --- */

static GstCaps *
gst_mongo_sink_get_caps (GstBaseSink *sink, GstCaps *filter)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  GstCaps *caps, *filtered;
  gboolean any;

  GST_OBJECT_LOCK (self);
  any = self->writer ? self->wrap || self->mode == MONGO_MODE_GRIDFS
                     : self->settings.wrap || self->settings.target.mode == MONGO_MODE_GRIDFS;
  GST_OBJECT_UNLOCK (self);
  if (any)
    return filter ? fog_caps_keep_plain (filter) : gst_caps_new_any ();
  caps = gst_caps_from_string (DOCUMENT_CAPS);
  if (!filter)
    return caps;
  filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return filtered;
}

/* Posts an error about the caps only once, although upstream sends them again with each buffer and
 * event. */
static void
refuse_caps (GstMongoSink *self, GstCaps *caps)
{
  g_autofree gchar *why = fog_caps_explain (caps);

  if (!self->refused_caps || !gst_caps_is_equal (self->refused_caps, caps))
    GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE, ("%s", why), ("%" GST_PTR_FORMAT, caps));
  gst_caps_replace (&self->refused_caps, caps);
}

static gboolean
gst_mongo_sink_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  MongoFormat format = gst_structure_has_name (s, "application/x-ndjson") ? MONGO_FORMAT_JSON_LINES
                       : gst_structure_has_name (s, "application/bson")   ? MONGO_FORMAT_BSON
                                                                          : MONGO_FORMAT_JSON;

  GST_INFO_OBJECT (self, "caps %" GST_PTR_FORMAT, caps);
  if (!fog_caps_are_plain (caps)) {
    refuse_caps (self, caps);
    return FALSE;
  }
  g_atomic_int_set (&self->format, format);
  return TRUE;
}

/* Returns: (nullable): an `_id` for document number @index of the buffer, which is the same in a
 * replay; %NULL if the buffer has no headers or message to make it from */
static gchar *
make_id (GstMongoSink *self, GstBuffer *buffer, guint index)
{
  gchar *id =
      self->wrap ? gst_kafka_meta_make_frame_id (buffer) : gst_kafka_meta_make_message_id (buffer);
  gchar *numbered;

  if (!id || !index)
    return id;
  numbered = g_strdup_printf ("%s:%u", id, index);
  g_free (id);
  return numbered;
}

/* Returns TRUE if @id was made from topic, partition and offset of the buffer's message in Kafka.
 * @id: (nullable): the result of make_id() */
static gboolean
is_place (const gchar *id, GstBuffer *buffer)
{
  g_autofree gchar *place = gst_kafka_meta_make_message_id (buffer);

  return id && place && g_str_has_prefix (id, place);
}

/* Takes ownership of @item. Is a function for #MongoUpload too. */
static GstFlowReturn
push_item (gpointer sink, MongoItem *item)
{
  GstMongoSink *self = sink;
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

/* Returns: (nullable) (transfer full): the name of the collection for the document; %NULL with
 * @error set */
static GRefString *
choose_collection (GstMongoSink *self, const bson_t *document, GError **error)
{
  g_autofree gchar *name = NULL;

  if (!fog_template_has_places (self->collection))
    return g_ref_string_acquire (self->collection);
  name = mongo_collection_expand (self->collection, document, error);
  return name ? g_ref_string_new (name) : NULL;
}

/* Posts a warning for the 1st, 2nd, 4th, 8th … document without a date in expire-field. */
static void
note_undated (GstMongoSink *self)
{
  guint64 number;

  GST_OBJECT_LOCK (self);
  number = ++self->undated;
  GST_OBJECT_UNLOCK (self);
  if ((number & (number - 1)) == 0)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("%" G_GUINT64_FORMAT " documents have no date in the field %s, so they never expire. Set "
         "expire-field to a date that all documents have.",
            number, self->date),
        (NULL));
}

/* Takes ownership of @document. */
static GstFlowReturn
push_document (GstMongoSink *self, bson_t *document, GRefString *collection, GstBuffer *buffer,
    guint index, const MongoReader *reader)
{
  gboolean placed = FALSE;
  MongoItem *item;

  if (!bson_has_field (document, "_id")) {
    g_autofree gchar *id = make_id (self, buffer, index);

    placed = is_place (id, buffer);
    document = mongo_document_ensure_id (document, id);
  }
  if (self->date && !mongo_document_has_date (document, self->date))
    note_undated (self);
  item = mongo_item_new (document, collection, gst_buffer_ref (buffer));
  item->placed = placed;
  item->wrapped = self->wrap;
  item->at = reader->text - reader->start;
  item->size = reader->text_size;
  GST_LOG_OBJECT (self, "document %u of %" GST_PTR_FORMAT " to %s", index, buffer, collection);
  return push_item (self, item);
}

static GstClockTime
get_capture_time (GstMongoSink *self, GstBuffer *buffer)
{
  return fog_time_of_capture (GST_ELEMENT (self), &GST_BASE_SINK (self)->segment, buffer);
}

/* Reads the next document of the buffer. If this document is invalid, @error is set, and @document
 * is NULL. Returns FALSE at the end of the buffer. */
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
  *document = gst_mongo_wrap (buffer, caps, get_capture_time (self, buffer), error);
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
  GstFlowReturn flow;

  GST_OBJECT_LOCK (self);
  self->unreadable++;
  GST_OBJECT_UNLOCK (self);
  while ((flow = take_reject (self, &reject, TRUE)) == GST_MONGO_FLOW_INTERRUPTED)
    if ((flow = gst_base_sink_wait_preroll (GST_BASE_SINK (self))) != GST_FLOW_OK)
      break;
  return flow;
}

static void
count_dates_cut (GstMongoSink *self, guint n)
{
  GST_OBJECT_LOCK (self);
  self->dates_cut += n;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
may_be_stored (GstMongoSink *self, const bson_t *document, GError **error)
{
  const gchar *path = self->mode == MONGO_MODE_UPDATE ? mongo_document_find_path (document) : NULL;

  if (path)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "mode=update would treat the name \"%s\" as a path or an operator", path);
  return !path;
}

static GstFlowReturn
push_documents (GstMongoSink *self, MongoReader *reader, GstBuffer *buffer)
{
  GstFlowReturn flow = GST_FLOW_OK;
  bson_t *next;

  for (guint index = 0; flow == GST_FLOW_OK; index++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (bson_t) document = NULL;
    GRefString *collection = NULL;

    if (!next_document (self, reader, buffer, &next, &error)) {
      /* A buffer without documents is marked done here, because it has no document that would mark
       * it done when it is stored. */
      if (index == 0)
        gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
      break;
    }
    if ((document = next) && may_be_stored (self, document, &error))
      collection = choose_collection (self, document, &error);
    if (collection) {
      flow = push_document (self, g_steal_pointer (&document), collection, buffer, index, reader);
    } else {
      flow = reject_unreadable (self, buffer, reader, error);
    }
  }
  count_dates_cut (self, reader->dates_cut);
  return flow;
}

/* --- files --- */

static GstFlowReturn
push_file (GstMongoSink *self, GstBuffer *buffer, const GstMapInfo *map)
{
  const MongoReader reader = {.text = map->data, .text_size = map->size};
  g_autofree gchar *id = gst_kafka_meta_make_frame_id (buffer);
  GstCaps *caps = gst_pad_get_current_caps (GST_BASE_SINK_PAD (self));
  g_autoptr (bson_t) metadata = gst_mongo_describe (buffer, caps, get_capture_time (self, buffer));
  g_autoptr (GError) error = NULL;
  GRefString *bucket = choose_collection (self, metadata, &error);
  GstFlowReturn flow;

  if (bucket)
    flow = mongo_gridfs_push_file (
        &(const MongoUpload){bucket, id, metadata, map->data, map->size, buffer, push_item, self});
  else
    flow = reject_unreadable (self, buffer, &reader, error);
  g_clear_pointer (&bucket, g_ref_string_release);
  gst_clear_caps (&caps);
  return flow;
}

/* --- buffers --- */

static GstFlowReturn
push_buffer (GstMongoSink *self, MongoFormat format, GstBuffer *buffer, const GstMapInfo *map)
{
  MongoReader reader = {
      .format = format,
      .data = map->data ? map->data : (const guint8 *) "",
      .size = map->size,
  };

  reader.start = reader.data;
  return self->mode == MONGO_MODE_GRIDFS ? push_file (self, buffer, map)
                                         : push_documents (self, &reader, buffer);
}

/* Takes ownership of @buffer. */
static GstFlowReturn
push_whole_buffer (GstMongoSink *self, MongoFormat format, GstBuffer *buffer)
{
  GstFlowReturn flow;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    gst_buffer_unref (buffer);
    GST_ELEMENT_ERROR (
        self, RESOURCE, READ, ("Could not map a buffer's memory for reading."), (NULL));
    return GST_FLOW_ERROR;
  }
  flow = push_buffer (self, format, buffer, &map);
  gst_buffer_unmap (buffer, &map);
  /* The buffer is marked failed, because otherwise those of its documents that were pushed already
   * would mark it done. */
  if (flow != GST_FLOW_OK)
    gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_FAILED);
  gst_buffer_unref (buffer);
  return flow;
}

/* Returns TRUE if the buffer is a part of a stream of bytes, in which a document may continue in
 * the next buffer, while a Kafka message holds whole documents. */
static gboolean
is_part_of_stream (GstMongoSink *self, MongoFormat format, GstBuffer *buffer)
{
  return !self->wrap && self->mode != MONGO_MODE_GRIDFS && format != MONGO_FORMAT_JSON &&
         !gst_kafka_meta_peek (buffer);
}

static GstFlowReturn
push_stream (GstMongoSink *self, MongoFormat format, GstBuffer *buffer)
{
  gsize searched = gst_adapter_available (self->rest), size, whole;

  self->rest_format = format;
  gst_adapter_push (self->rest, gst_buffer_ref (buffer));
  size = gst_adapter_available (self->rest);
  whole = size == 0 ? 0
                    : mongo_reader_count_whole (
                          format, gst_adapter_map (self->rest, size), size, searched);
  gst_adapter_unmap (self->rest);
  return whole ? push_whole_buffer (self, format, gst_adapter_take_buffer (self->rest, whole))
               : GST_FLOW_OK;
}

/* Handles the bytes that are left at the end of a stream of bytes: a last line without line feed is
 * a document; an incomplete document is rejected. */
static GstFlowReturn
push_rest (GstMongoSink *self)
{
  gsize size = gst_adapter_available (self->rest);

  return size ? push_whole_buffer (
                    self, self->rest_format, gst_adapter_take_buffer (self->rest, size))
              : GST_FLOW_OK;
}

/* Skips a Kafka message without a value, which deletes the messages of the same key in Kafka, and
 * holds no document. */
static void
skip_tombstone (GstMongoSink *self, GstBuffer *buffer)
{
  GST_OBJECT_LOCK (self);
  self->tombstones++;
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (self, "skipped a message without a value");
  gst_kafka_meta_mark (buffer, GST_KAFKA_ACK_DONE);
}

static GstFlowReturn
gst_mongo_sink_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  MongoFormat format = g_atomic_int_get (&self->format);
  gboolean in_stream = is_part_of_stream (self, format, buffer);
  GstFlowReturn flow = GST_FLOW_OK;

  if (gst_kafka_meta_is_tombstone (buffer)) {
    skip_tombstone (self, buffer);
    return GST_FLOW_OK;
  }
  if (!in_stream || format != self->rest_format)
    flow = push_rest (self);
  if (flow != GST_FLOW_OK)
    return flow;
  return in_stream ? push_stream (self, format, buffer)
                   : push_whole_buffer (self, format, gst_buffer_ref (buffer));
}

/* At a flush, discards the first part of a document whose rest hasn't come. When caps are accepted,
 * forgets the refused caps, which set_caps() can't do, because the base class doesn't set caps
 * again that it had set before the refused caps. */
static gboolean
gst_mongo_sink_event (GstBaseSink *sink, GstEvent *event)
{
  GstMongoSink *self = GST_MONGO_SINK (sink);
  gboolean is_caps = GST_EVENT_TYPE (event) == GST_EVENT_CAPS;
  gboolean taken;

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_adapter_clear (self->rest);
  taken = GST_BASE_SINK_CLASS (gst_mongo_sink_parent_class)->event (sink, event);
  if (is_caps && taken)
    gst_caps_replace (&self->refused_caps, NULL);
  return taken;
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
  timeout = self->settings.drain_timeout;
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
    flow = push_rest (GST_MONGO_SINK (sink));
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

/* --- properties --- */

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
      "dates-cut", G_TYPE_UINT64, self->dates_cut,                  //
      "tombstones", G_TYPE_UINT64, self->tombstones,                //
      "undated", G_TYPE_UINT64, self->undated,                      //
      "batches", G_TYPE_UINT64, stats.batches,                      //
      "retries", G_TYPE_UINT64, stats.retries,                      //
      "waiting", G_TYPE_UINT64, stats.waiting,                      //
      "waiting-bytes", G_TYPE_UINT64, stats.waiting_bytes,          //
      "write-latency", G_TYPE_UINT64, stats.write_latency,          //
      "write-latency-max", G_TYPE_UINT64, stats.write_latency_max, NULL);
}

static void
gst_mongo_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMongoSink *self = GST_MONGO_SINK (object);

  GST_OBJECT_LOCK (self);
  if (self->writer && !(pspec->flags & GST_PARAM_MUTABLE_PLAYING))
    GST_WARNING_OBJECT (self, "%s takes effect at the next start", pspec->name);
  if (id == PROP_ON_ERROR)
    self->rejects.on_error = g_value_get_enum (value);
  else if (!gst_mongo_settings_set_property (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_mongo_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMongoSink *self = GST_MONGO_SINK (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_ON_ERROR)
    g_value_set_enum (value, self->rejects.on_error);
  else if (id == PROP_STATS)
    g_value_take_boxed (value, new_stats (self));
  else if (!gst_mongo_settings_get_property (&self->settings, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_mongo_sink_finalize (GObject *object)
{
  GstMongoSink *self = GST_MONGO_SINK (object);

  gst_mongo_settings_clear (&self->settings);
  gst_mongo_rejects_clear (&self->rejects);
  g_object_unref (self->rest);
  G_OBJECT_CLASS (gst_mongo_sink_parent_class)->finalize (object);
}

static void
gst_mongo_sink_class_init (GstMongoSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  GST_DEBUG_CATEGORY_INIT (gst_mongo_sink_debug, "mongosink", 0, "MongoDB sink");

  object_class->set_property = gst_mongo_sink_set_property;
  object_class->get_property = gst_mongo_sink_get_property;
  object_class->finalize = gst_mongo_sink_finalize;

  gst_mongo_settings_install_properties (object_class);
  /**
   * GstMongoSink:on-error:
   *
   * What happens to a buffer that is no document, and to a document that the database refuses for
   * good, if the pad `rejects` isn't linked. By default the document is skipped, because one bad
   * document must not stop a stream. The warning or error is STREAM/DECODE for an invalid document,
   * and RESOURCE/WRITE for a document that the database refuses.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_ON_ERROR,
      g_param_spec_enum ("on-error", "On error", "What to do when a document can never be stored",
          GST_TYPE_MONGO_SINK_ON_ERROR, DEFAULT_ON_ERROR, flags));
  /**
   * GstMongoSink:stats:
   *
   * Counters of this run, or of the last one, as a structure `mongosink-stats` of guint64:
   *
   * | field | meaning |
   * | --- | --- |
   * | documents | documents stored |
   * | duplicates | documents that were stored before |
   * | rejected | documents that can never be stored |
   * | unreadable | rejected documents that were invalid, or gave no collection name |
   * | dates-cut | dates whose digits below the millisecond were cut off, because BSON has none |
   * | tombstones | Kafka messages without a value, which are skipped |
   * | undated | documents without a date in expire-field, which never expire |
   * | batches | batches that the server acknowledged, in whole or in part |
   * | retries | batches sent again |
   * | waiting, waiting-bytes | documents not yet acknowledged, and their size as BSON |
   * | write-latency | moving mean of the time from sending a batch to its acknowledgement, ns |
   * | write-latency-max | longest such time, ns |
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Counters of documents and batches, and times of writes", GST_TYPE_STRUCTURE,
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
  sink_class->event = gst_mongo_sink_event;
  sink_class->render = gst_mongo_sink_render;
  sink_class->wait_event = gst_mongo_sink_wait_event;
}

static void
gst_mongo_sink_init (GstMongoSink *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  /* GstBaseSink's defaults are changed, because with them two mongosinks on one streaming thread
   * wait for each other in preroll, and the last sample keeps the last ack token for ever. */
  gst_base_sink_set_async_enabled (sink, FALSE);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);

  self->rest = gst_adapter_new ();
  gst_mongo_rejects_init (&self->rejects, GST_ELEMENT (self));
  gst_mongo_settings_init (&self->settings);
  self->rejects.on_error = DEFAULT_ON_ERROR;
}
