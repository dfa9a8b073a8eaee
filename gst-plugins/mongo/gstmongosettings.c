/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongosettings.h"

#include "fogfield.h"

#include "server/mongocollection.h"
#include "server/mongoexpiry.h"
#include "document/mongodocument.h"
#include "server/mongouri.h"

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
        {MONGO_MODE_REPLACE, "Replace the document with the same _id, or insert it", "replace"},
        {MONGO_MODE_UPDATE, "Set the fields in the document with the same _id, or insert it",
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

/* The property uri can't be read, because it may hold a password. */
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

gboolean
gst_mongo_settings_check (GstMongoSettings *self, GError **error)
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
   * The connection string. The connection string may hold a password, so the property can't be
   * read. Command lines are
   * visible to all users of a machine: use #GstMongoSink:uri-file or MONGODB_URI there. A malformed
   * URI is RESOURCE/SETTINGS, and the message hides the password.
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
   * The name of a file whose only line is the connection string. The file is read at each start.
   * Errors:
   * RESOURCE/NOT_FOUND, RESOURCE/OPEN_READ, RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_URI_FILE,
      g_param_spec_string ("uri-file", "URI file",
          "File with the MongoDB connection string, used if uri is unset", NULL, flags));
  /**
   * GstMongoSink:database:
   *
   * The database that holds the collection. The server creates it with the first document.
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
   * The collection for the documents. The server creates it with the first document. The name may
   * be a template that each document fills: the field `camera` replaces `%{camera}`, a field within
   * a field replaces `%{place.city}`, and a formatted date in UTC replaces `%{captured:%Y-%m}`. A
   * document is rejected if it lacks the field, or if the name would have characters other than
   * letters, digits and `_-.:`. A malformed template is RESOURCE/SETTINGS.
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
   * default, two, the server works on one batch while the next is on its way. Documents may be
   * stored in another order than they came. In the modes `replace`, `update` and `gridfs` order
   * matters, so they use one connection.
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
   * The largest number of documents in a batch. A full batch is written at once. When four full
   * batches are queued, the stream waits. With the default, the time for a round trip is small.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size", "Largest number of documents in a batch", 1,
          10000, DEFAULT_BATCH_SIZE, flags));
  /**
   * GstMongoSink:batch-bytes:
   *
   * The largest size of a batch in bytes of BSON. A larger document is written alone.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BATCH_BYTES,
      g_param_spec_uint ("batch-bytes", "Batch bytes", "Largest size of a batch in bytes of BSON",
          1, MONGO_DOCUMENT_MAX, DEFAULT_BATCH_BYTES, flags));
  /**
   * GstMongoSink:batch-latency:
   *
   * The time that the first document of a batch waits for others (ns). With 0, the default, a
   * document
   * is written at once if a connection is free, and the documents that come during a write form the
   * next batch. A longer wait makes fewer and larger batches, which is less work for the server.
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
   * be reached, elects a primary, is over its limits, or answers too slowly. After a slow answer
   * the batch is
   * written in parts, with more time. While it tries, the element holds the buffers. If no
   * document of
   * the batch is stored within this time, the element fails with RESOURCE/WRITE, and messages of
   * `kafkasrc` are read again. The default of a minute is longer than the election of a primary
   * and most restarts.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_RETRY_TIMEOUT,
      g_param_spec_uint64 ("retry-timeout", "Retry timeout",
          "How long to try to write a batch before it is an error (ns); 0: once; the maximum: for "
          "ever",
          0, G_MAXUINT64, DEFAULT_RETRY_TIMEOUT, flags));
  /**
   * GstMongoSink:drain-timeout:
   *
   * The time that EOS waits until the last documents are acknowledged (ns); then RESOURCE/WRITE is
   * posted.
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
   * Stores each buffer, whatever its caps, as a document with the field `data` (binary) and the
   * known ones of `caps` (text), `pts`, `dts`, `duration` (ns), `captured` (date) and `headers` (a
   * document, which may name the collection: `frames-%{headers.camera}`; a value that is no UTF-8
   * text is binary). Headers whose names can't be a field's (empty, with a dot, with a dollar sign
   * first, no UTF-8), and all but the last one of a name, are in the array `other-headers` as
   * documents of `name` and `value`. Without this property the element takes only
   * `application/json`, `application/x-ndjson` and `application/bson`. A buffer of more than 16 MiB
   * is rejected.
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
   * The name of the date from which #GstMongoSink:expire-after counts: one field, but not `_id`. A
   * time series counts from its #GstMongoSink:time-field instead. A document without a date there
   * is stored and never expires; the 1st, 2nd, 4th, 8th … is a warning RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_EXPIRE_FIELD,
      g_param_spec_string ("expire-field", "Expire field", "Date from which expire-after counts",
          DEFAULT_EXPIRE_FIELD, flags));
  /**
   * GstMongoSink:expire-after:
   *
   * The server deletes a document this many seconds after its #GstMongoSink:expire-field, by an
   * index with the name `mongosink-expiry`, or in a time series after its
   * #GstMongoSink:time-field. 0: never. -1, the default: a collection keeps the rule that it has,
   * and a warning RESOURCE/SETTINGS describes it.
   *
   * Before the first document of a collection, the element compares the existing rules with this
   * one. The time of an
   * existing rule over the same field is changed, and an index `mongosink-expiry` over another
   * field, or with 0, is dropped. If an index that somebody else made contradicts, or if the server
   * refuses what is needed (it takes the right to list, create, change and drop indexes, as
   * `readWrite` has it), no document is stored, and after #GstMongoSink:retry-timeout the error is
   * RESOURCE/WRITE. A server without such indexes is a warning RESOURCE/SETTINGS, and keeps the
   * documents.
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
   * How documents are stored. With `insert` and `gridfs` the first document of an `_id` counts, and
   * a replay changes nothing. With `replace` and `update` the latest document of an `_id` counts.
   * So in the modes
   * `replace` and `update` a replay restores an older document until the newer ones have been read
   * again. A slow server that
   * executes an old write late may even restore it for good.
   *
   * `gridfs` takes any caps and stores each buffer as a file in the bucket
   * #GstMongoSink:collection. The file's `_id` and `filename` are `camera:session:seq` of the
   * headers, else the place in Kafka. The file's `metadata` has caps, times and headers. Another
   * file
   * with an existing name is rejected.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode", "How documents are stored", GST_TYPE_MONGO_SINK_MODE,
          MONGO_MODE_INSERT, flags));
  /**
   * GstMongoSink:time-field:
   *
   * The name of the date field of a time series. If the field is set, each collection is created
   * as a time series over it,
   * unless the collection exists. If the server has no time series, a warning RESOURCE/SETTINGS
   * says so, and
   * the collection is an ordinary one. In a time series `_id` isn't unique, so a document that is
   * sent twice, after a replay or a lost acknowledgement, is stored twice.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TIME_FIELD,
      g_param_spec_string ("time-field", "Time field",
          "Date of each document, to create collections as time series; unset: ordinary ones", NULL,
          flags));
  /**
   * GstMongoSink:meta-field:
   *
   * The name of the field that identifies the series within a time series, for example `camera`. It
   * needs #GstMongoSink:time-field, else RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_META_FIELD,
      g_param_spec_string ("meta-field", "Meta field",
          "Field that identifies a series within a time series; unset: none", NULL, flags));
  gst_type_mark_as_plugin_api (GST_TYPE_MONGO_SINK_MODE, 0);
}
