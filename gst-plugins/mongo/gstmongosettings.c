/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongosettings.h"

#include "fogfield.h"

#include "server/mongocollection.h"
#include "server/mongoexpiry.h"
#include "document/mongodocument.h"
#include "server/mongouri.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mongo_sink_debug);
#define GST_CAT_DEFAULT gst_mongo_sink_debug

#define DEFAULT_COLLECTION "events"
#define DEFAULT_EXPIRE_FIELD "captured"
#define DEFAULT_CONNECTIONS 2
#define DEFAULT_BATCH_SIZE 500
#define DEFAULT_BATCH_BYTES (4 * 1024 * 1024)
#define DEFAULT_BATCH_LATENCY 0
#define DEFAULT_RETRY_TIMEOUT (60 * GST_SECOND)
#define DEFAULT_DRAIN_TIMEOUT (10 * GST_SECOND)

enum {
  PROP_0,
  PROP_URI,
  PROP_URI_FILE,
  PROP_DATABASE,
  PROP_COLLECTION,
  PROP_MODE,
  PROP_CONNECTIONS,
  PROP_BATCH_SIZE,
  PROP_BATCH_BYTES,
  PROP_BATCH_LATENCY,
  PROP_RETRY_TIMEOUT,
  PROP_DRAIN_TIMEOUT,
  PROP_WRAP,
  PROP_CREATE_INDEX,
  PROP_EXPIRE_FIELD,
  PROP_EXPIRE_AFTER,
  PROP_TIME_FIELD,
  PROP_META_FIELD,
};

GType
gst_mongo_sink_mode_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
        {MONGO_MODE_INSERT, "Insert the document, unless its _id is stored already", "insert"},
        {MONGO_MODE_REPLACE,
            "Replace the stored document with the same _id, or insert the document", "replace"},
        {MONGO_MODE_UPDATE,
            "Set the document's fields in the stored one with the same _id, or insert the document",
            "update"},
        {MONGO_MODE_GRIDFS, "Store each buffer as a file", "gridfs"},
        {0, NULL, NULL},
    };
    g_once_init_leave (&type, g_enum_register_static ("GstMongoSinkMode", values));
  }
  return type;
}

static void
set_collection (GstMongoSettings *self, const gchar *name)
{
  g_clear_pointer (&self->collection, g_ref_string_release);
  self->collection = g_ref_string_new (name ? name : DEFAULT_COLLECTION);
}

static void
set_expire_field (GstMongoSettings *self, const gchar *name)
{
  g_free (self->target.expire_field);
  self->target.expire_field = g_strdup (name ? name : DEFAULT_EXPIRE_FIELD);
}

/* The fields of GstMongoSettings that hold the properties. The property uri is write-only, because
 * it may hold a password. */
static const FogField fields[] = {
    FOG_FIELD (PROP_URI, GstMongoSettings, uri),
    FOG_FIELD (PROP_URI_FILE, GstMongoSettings, uri_file),
    FOG_FIELD (PROP_DATABASE, GstMongoSettings, target.database),
    FOG_FIELD (PROP_CONNECTIONS, GstMongoSettings, writer.connections),
    FOG_FIELD (PROP_BATCH_SIZE, GstMongoSettings, writer.batch_size),
    FOG_FIELD (PROP_BATCH_BYTES, GstMongoSettings, writer.batch_bytes),
    FOG_FIELD (PROP_BATCH_LATENCY, GstMongoSettings, writer.batch_latency),
    FOG_FIELD (PROP_RETRY_TIMEOUT, GstMongoSettings, writer.retry_timeout),
    FOG_FIELD (PROP_DRAIN_TIMEOUT, GstMongoSettings, drain_timeout),
    FOG_FIELD (PROP_CREATE_INDEX, GstMongoSettings, target.indexes),
    FOG_FIELD (PROP_EXPIRE_AFTER, GstMongoSettings, target.expire_after),
    FOG_FIELD (PROP_WRAP, GstMongoSettings, wrap),
    FOG_FIELD (PROP_MODE, GstMongoSettings, target.mode),
    FOG_FIELD (PROP_TIME_FIELD, GstMongoSettings, target.time_field),
    FOG_FIELD (PROP_META_FIELD, GstMongoSettings, target.meta_field),
    {0},
};

void
gst_mongo_settings_init (GstMongoSettings *self)
{
  set_collection (self, NULL);
  set_expire_field (self, NULL);
  self->target.expire_after = MONGO_EXPIRY_UNSET;
  self->writer.connections = DEFAULT_CONNECTIONS;
  self->writer.batch_size = DEFAULT_BATCH_SIZE;
  self->writer.batch_bytes = DEFAULT_BATCH_BYTES;
  self->writer.batch_latency = DEFAULT_BATCH_LATENCY;
  self->writer.retry_timeout = DEFAULT_RETRY_TIMEOUT;
  self->drain_timeout = DEFAULT_DRAIN_TIMEOUT;
}

void
gst_mongo_settings_clear (GstMongoSettings *self)
{
  g_free (self->uri);
  g_free (self->uri_file);
  mongo_target_clear (&self->target);
  g_ref_string_release (self->collection);
}

static gboolean
check_collection (GstMongoSettings *self, GError **error)
{
  g_autoptr (GError) what = NULL;

  if (mongo_collection_check (self->collection, &what))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "The property collection can't be used: %s.", what->message);
  return FALSE;
}

static gboolean
check (GstMongoSettings *self, GError **error)
{
  g_autoptr (GError) what = NULL;

  if (!check_collection (self, error))
    return FALSE;
  if (mongo_target_check (&self->target, &what))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "These properties don't go together: %s.", what->message);
  return FALSE;
}

mongoc_uri_t *
gst_mongo_settings_open_uri (GstMongoSettings *self, GstObject *element, GError **error)
{
  g_autofree gchar *uri = NULL;
  g_autofree gchar *file = NULL;
  gboolean usable;

  GST_OBJECT_LOCK (element);
  usable = check (self, error);
  uri = g_strdup (self->uri);
  file = g_strdup (self->uri_file);
  GST_OBJECT_UNLOCK (element);
  return usable ? mongo_uri_open (uri, file, error) : NULL;
}

void
gst_mongo_settings_log (const GstMongoSettings *self, GstElement *element, const mongoc_uri_t *uri,
    const MongoTarget *target)
{
  const MongoWriterSettings *writer = &self->writer;
  g_autofree gchar *hosts = mongo_uri_describe (uri);

  GST_INFO_OBJECT (element,
      "MongoDB at %s, database %s, collection %s, mode %d, wrap %d, libmongoc %s", hosts,
      target->database, self->collection, target->mode, self->wrap, mongoc_get_version ());
  GST_INFO_OBJECT (element,
      "batches of at most %u documents and %" G_GSIZE_FORMAT " bytes over at most %u connections, "
      "tried for %" GST_TIME_FORMAT,
      writer->batch_size, (gsize) writer->batch_bytes, writer->connections,
      GST_TIME_ARGS (writer->retry_timeout));
  GST_INFO_OBJECT (element,
      "indexes %s, documents expire %d s after %s (0: never, -1: as the collection has it), time "
      "series over %s of %s",
      target->indexes ? target->indexes : "none", target->expire_after, target->expire_field,
      target->time_field ? target->time_field : "no field",
      target->meta_field ? target->meta_field : "no meta field");
}

gboolean
gst_mongo_settings_set_property (GstMongoSettings *self, guint id, const GValue *value)
{
  if (id == PROP_COLLECTION)
    set_collection (self, g_value_get_string (value));
  else if (id == PROP_EXPIRE_FIELD)
    set_expire_field (self, g_value_get_string (value));
  else
    return fog_field_set (fields, self, id, value);
  return TRUE;
}

gboolean
gst_mongo_settings_get_property (GstMongoSettings *self, guint id, GValue *value)
{
  if (id == PROP_COLLECTION)
    g_value_set_string (value, self->collection);
  else if (id == PROP_EXPIRE_FIELD)
    g_value_set_string (value, self->target.expire_field);
  else
    return fog_field_get (fields, self, id, value);
  return TRUE;
}

void
gst_mongo_settings_install_properties (GObjectClass *klass)
{
  const GParamFlags both = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags flags = both | GST_PARAM_MUTABLE_READY, live = both | GST_PARAM_MUTABLE_PLAYING;

  /**
   * GstMongoSink:uri:
   *
   * The MongoDB connection string, which may hold a password, so the property can't be read. On a
   * command line use #GstMongoSink:uri-file or MONGODB_URI instead, because all users of a machine
   * can see command lines. A malformed URI causes the error RESOURCE/SETTINGS, whose message hides
   * the password.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_URI,
      g_param_spec_string ("uri", "URI",
          "MongoDB connection string; unset: uri-file, else MONGODB_URI, else " MONGO_DEFAULT_URI,
          NULL, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstMongoSink:uri-file:
   *
   * The name of a file whose only line is the connection string. The file is read at each start of
   * the element. If the file is missing, unreadable or no URI, the error is RESOURCE/NOT_FOUND,
   * RESOURCE/OPEN_READ or RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_URI_FILE,
      g_param_spec_string ("uri-file", "URI file",
          "File with the MongoDB connection string, used if uri is unset", NULL, flags));
  /**
   * GstMongoSink:database:
   *
   * The database that holds the collection. The server creates the database when the first document
   * is stored in it.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DATABASE,
      g_param_spec_string ("database", "Database",
          "Database to write to; unset: that of the URI, else " MONGO_FALLBACK_DATABASE, NULL,
          flags));
  /**
   * GstMongoSink:collection:
   *
   * The collection for the documents. The server creates the collection when the first document is
   * stored in it. The name may be a template that each document fills: the field `camera` replaces
   * `%{camera}`, a field within a field replaces `%{place.city}`, and a formatted date in UTC
   * replaces `%{captured:%Y-%m}`. A document is rejected if it lacks a field of the template, or if
   * the collection's name would have characters other than letters, digits and `_-.:`. A malformed
   * template causes the error RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_COLLECTION,
      g_param_spec_string ("collection", "Collection",
          "Collection to write to; each document's fields replace %{field} and %{date:%Y-%m}",
          DEFAULT_COLLECTION, flags));
  /**
   * GstMongoSink:connections:
   *
   * The number of batches that are written in parallel, each over its own connection. With the
   * default, two, the server works on one batch while the next batch is on its way to the server.
   * With several connections, documents may be stored in another order than they came. The modes
   * `replace`, `update` and `gridfs` use one connection, because in these modes the order of the
   * documents matters.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CONNECTIONS,
      g_param_spec_uint ("connections", "Connections",
          "Largest number of batches written in parallel (mode=insert)", 1, 16, DEFAULT_CONNECTIONS,
          flags));
  /**
   * GstMongoSink:batch-size:
   *
   * The largest number of documents in a batch. A batch that has batch-size documents is written
   * without a wait. When four full batches are queued, the stream waits. The default, 500, is so
   * large that the time for a round trip hardly counts.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size", "Largest number of documents in a batch", 1,
          10000, DEFAULT_BATCH_SIZE, flags));
  /**
   * GstMongoSink:batch-bytes:
   *
   * The largest size of a batch in bytes of BSON. A document that is larger than batch-bytes is
   * written alone.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BATCH_BYTES,
      g_param_spec_uint ("batch-bytes", "Batch bytes", "Largest size of a batch in bytes of BSON",
          1, MONGO_DOCUMENT_MAX, DEFAULT_BATCH_BYTES, flags));
  /**
   * GstMongoSink:batch-latency:
   *
   * The time (ns) that the first document of a batch waits for more documents. With 0, the default,
   * a document is written at once if a connection is free, and the documents that come during a
   * write form the next batch. With a longer wait, batches are fewer and larger, which means less
   * work for the server.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BATCH_LATENCY,
      g_param_spec_uint64 ("batch-latency", "Batch latency",
          "How long a document may wait for its batch to fill (ns)", 0, 60 * GST_SECOND,
          DEFAULT_BATCH_LATENCY, flags));
  /**
   * GstMongoSink:retry-timeout:
   *
   * The time for which a batch is tried again, with growing pauses (ns), while the database can't
   * be reached, elects a primary, is over its limits, or answers too slowly. After an answer that
   * came too slowly, the batch is written in smaller batches, with more time for each answer. The
   * element holds the buffers of the batch until it is stored or the time is over. If no document
   * of the batch is stored within this time, the element fails with RESOURCE/WRITE, and messages of
   * `kafkasrc` are read again. The default, a minute, is longer than the election of a primary and
   * than most restarts of a server.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_RETRY_TIMEOUT,
      g_param_spec_uint64 ("retry-timeout", "Retry timeout",
          "How long the write of a batch is tried before the element fails (ns); 0: once; the "
          "maximum: for "
          "ever",
          0, G_MAXUINT64, DEFAULT_RETRY_TIMEOUT, flags));
  /**
   * GstMongoSink:drain-timeout:
   *
   * The longest time (ns) that EOS waits until all documents are acknowledged, before the error
   * RESOURCE/WRITE is posted.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "How long EOS waits until all documents are acknowledged (ns) before it is an error", 0,
          3600 * GST_SECOND, DEFAULT_DRAIN_TIMEOUT, live));
  /**
   * GstMongoSink:wrap:
   *
   * Stores each buffer, whatever its caps, as a document. The fields of this document are `data`
   * (binary) and, if they are known, `caps` (text), `pts`, `dts`, `duration` (ns), `captured`
   * (date) and `headers` (a document, which may name the collection: `frames-%{headers.camera}`;
   * the value of a header is binary if it isn't UTF-8 text). A header whose name can't be the name
   * of a field (because it is empty, has a dot, begins with a dollar sign or isn't UTF-8), and a
   * header that a later one of the same name follows, are in the array `other-headers` as documents
   * of `name` and `value`. Without `wrap` the element takes only `application/json`,
   * `application/x-ndjson` and `application/bson`. A buffer whose document would be larger than 16
   * MiB is rejected.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_WRAP,
      g_param_spec_boolean ("wrap", "Wrap",
          "Store each buffer as a document with its bytes, caps and times", FALSE, flags));
  /**
   * GstMongoSink:create-index:
   *
   * Indexes that are created in each collection before its first document, unless they exist.
   * `camera,-captured` is an index over two fields, the second one in descending order. Indexes are
   * separated by semicolons. If the server refuses an index, a warning RESOURCE/SETTINGS is posted,
   * and documents are stored without the index.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CREATE_INDEX,
      g_param_spec_string ("create-index", "Create index",
          "Indexes to create in each collection, as in \"camera,-captured;replica\"", NULL, flags));
  /**
   * GstMongoSink:expire-field:
   *
   * The name of the date from which #GstMongoSink:expire-after counts: the name of one field other
   * than `_id`. In a time series, expire-after counts from #GstMongoSink:time-field instead. A
   * document without a date in expire-field is stored and never expires; the 1st, 2nd, 4th, 8th …
   * such document causes a warning RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_EXPIRE_FIELD,
      g_param_spec_string ("expire-field", "Expire field",
          "Name of the date field from which expire-after counts", DEFAULT_EXPIRE_FIELD, flags));
  /**
   * GstMongoSink:expire-after:
   *
   * The server deletes a document this many seconds after its #GstMongoSink:expire-field, by an
   * index with the name `mongosink-expiry`, or in a time series after its #GstMongoSink:time-field.
   * With 0, documents never expire. With -1, the default, a collection keeps the rule of expiry
   * that it has, and a warning RESOURCE/SETTINGS describes this rule.
   *
   * Before the first document of a collection, the element compares the collection's existing rules
   * of expiry with the one that expire-after and expire-field define. The time of an existing rule
   * over expire-field is changed; an index `mongosink-expiry` over another field is dropped, and
   * with expire-after=0 over any field. If an index that somebody else made contradicts
   * expire-after and expire-field, or if the server refuses to list, create, change or drop indexes
   * (the role `readWrite` permits it), no document is stored, and after #GstMongoSink:retry-timeout
   * the element fails with RESOURCE/WRITE. If the server doesn't support indexes that delete
   * documents, a warning RESOURCE/SETTINGS is posted, and documents never expire.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_EXPIRE_AFTER,
      g_param_spec_int ("expire-after", "Expire after",
          "Seconds after which the server deletes a document (0: never; -1: as the collection has "
          "it)",
          MONGO_EXPIRY_UNSET, G_MAXINT32, MONGO_EXPIRY_UNSET, flags));
  /**
   * GstMongoSink:mode:
   *
   * How documents are stored. With `insert` and `gridfs` the first document with an `_id` is kept,
   * so a replay changes nothing. With `replace` and `update` the latest document with an `_id` is
   * kept. In the modes `replace` and `update`, a replay therefore restores older documents until
   * the newer documents with the same `_id` have been read again. In the modes `replace` and
   * `update`, a slow server that executes an old write late may even restore an older document for
   * good.
   *
   * `gridfs` takes any caps and stores each buffer as a file in the bucket
   * #GstMongoSink:collection. The file's `_id` and `filename` are `camera:session:seq` of the
   * headers, or `topic:partition:offset` if these headers are missing. The file's `metadata` has
   * caps, times and headers. A different file with the name of a stored file is rejected.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode", "How documents are stored", GST_TYPE_MONGO_SINK_MODE,
          MONGO_MODE_INSERT, flags));
  /**
   * GstMongoSink:time-field:
   *
   * The name of the date field of a time series. If time-field is set, each collection is created
   * as a time series over this date field, unless the collection exists. If the server doesn't
   * support time series, a warning RESOURCE/SETTINGS says so, and the collection is created as an
   * ordinary one. In a time series `_id` isn't unique, so a document that is sent twice, after a
   * replay or a lost acknowledgement, is stored twice.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TIME_FIELD,
      g_param_spec_string ("time-field", "Time field",
          "Name of the date field with which collections are created as time series; unset: none "
          "is",
          NULL, flags));
  /**
   * GstMongoSink:meta-field:
   *
   * The name of the field that identifies the series within a time series, for example `camera`.
   * Without #GstMongoSink:time-field, meta-field is an error RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_META_FIELD,
      g_param_spec_string ("meta-field", "Meta field",
          "Field that identifies a series within a time series; unset: none", NULL, flags));
  gst_type_mark_as_plugin_api (GST_TYPE_MONGO_SINK_MODE, 0);
}
