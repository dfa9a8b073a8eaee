/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstmongosettings.h"

#include "fogfield.h"

#include "server/mongocollection.h"
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
        {MONGO_MODE_INSERT, "Insert, unless the _id is there", "insert"},
        {MONGO_MODE_REPLACE, "Replace what has the same _id, or insert", "replace"},
        {MONGO_MODE_UPDATE, "Set the fields in what has the same _id, or insert", "update"},
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

/* uri can't be read: it may hold a password. */
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
   * The connection string. Since it may hold a password, it can't be read back; a command line is
   * visible to all users of a machine, so prefer #GstMongoSink:uri-file or MONGODB_URI there.
   */
  g_object_class_install_property (klass, PROP_URI,
      g_param_spec_string ("uri", "URI",
          "MongoDB connection string (NULL: uri-file, else MONGODB_URI, else " MONGO_DEFAULT_URI
          ")",
          NULL, G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstMongoSink:uri-file:
   *
   * A file whose only line is the connection string; read at each start.
   */
  g_object_class_install_property (klass, PROP_URI_FILE,
      g_param_spec_string ("uri-file", "URI file",
          "File that holds the MongoDB connection string, used unless uri is set", NULL, flags));
  /**
   * GstMongoSink:database:
   *
   * The database that holds the collection.
   */
  g_object_class_install_property (klass, PROP_DATABASE,
      g_param_spec_string ("database", "Database",
          "Database to write to (NULL: the one in the URI, else " MONGO_FALLBACK_DATABASE ")", NULL,
          flags));
  /**
   * GstMongoSink:collection:
   *
   * The collection that gets the documents; the server makes it if need be. It may differ from
   * document to document: `%{camera}` stands for the field of this name, `%{place.city}` for a
   * field within a field, `%{captured:%Y-%m}` for a date, formatted, in UTC. A document
   * without the field, or with one that makes no name of letters, digits and `_-.:`, is
   * handled as #GstMongoSink:on-error says.
   */
  g_object_class_install_property (klass, PROP_COLLECTION,
      g_param_spec_string ("collection", "Collection",
          "Collection to write to; %{field} and %{date:%Y-%m} are filled from each document",
          DEFAULT_COLLECTION, flags));
  /**
   * GstMongoSink:connections:
   *
   * How many batches are written side by side, each over a connection of its own: the server works
   * on one while another is under way. Documents may be stored in another order than they came in;
   * the modes `replace`, `update` and `gridfs`, where order matters, use one connection.
   */
  g_object_class_install_property (klass, PROP_CONNECTIONS,
      g_param_spec_uint ("connections", "Connections",
          "Batches written side by side, at most (mode=insert)", 1, 16, DEFAULT_CONNECTIONS,
          flags));
  /**
   * GstMongoSink:batch-size:
   *
   * A batch goes out when it has this many documents, if neither
   * #GstMongoSink:batch-bytes nor #GstMongoSink:batch-latency sent it before. At most
   * four batches are held; then the stream waits.
   */
  g_object_class_install_property (klass, PROP_BATCH_SIZE,
      g_param_spec_uint ("batch-size", "Batch size", "Documents written at once, at most", 1, 10000,
          DEFAULT_BATCH_SIZE, flags));
  /**
   * GstMongoSink:batch-bytes:
   *
   * A batch goes out when its documents have this size as BSON. A larger document goes alone.
   */
  g_object_class_install_property (klass, PROP_BATCH_BYTES,
      g_param_spec_uint ("batch-bytes", "Batch bytes", "Bytes of BSON written at once, at most", 1,
          MONGO_DOCUMENT_MAX, DEFAULT_BATCH_BYTES, flags));
  /**
   * GstMongoSink:batch-latency:
   *
   * How long the first document of a batch waits for others, in ns. Without, a document goes
   * out at once while no write is under way, and those that come during a write are the next
   * batch: the faster they come, the larger the batches. A wait makes fewer, larger batches,
   * for a server that others load too.
   */
  g_object_class_install_property (klass, PROP_BATCH_LATENCY,
      g_param_spec_uint64 ("batch-latency", "Batch latency",
          "Time a document waits for its batch to fill, at most (ns)", 0, 60 * GST_SECOND,
          DEFAULT_BATCH_LATENCY, flags));
  /**
   * GstMongoSink:retry-timeout:
   *
   * How long a batch is sent again, with growing pauses, while the database is away, elects a
   * primary, is over its limits, or too slow to answer: then in parts, with more time. The buffers
   * are held meanwhile. If none of its documents gets stored for so long, the element fails, and
   * what came from `kafkasrc` comes again.
   */
  g_object_class_install_property (klass, PROP_RETRY_TIMEOUT,
      g_param_spec_uint64 ("retry-timeout", "Retry timeout",
          "Time to try again to write a batch before giving up (ns; 0: never again; -1: for ever)",
          0, G_MAXUINT64, DEFAULT_RETRY_TIMEOUT, flags));
  /**
   * GstMongoSink:drain-timeout:
   *
   * How long the end of the stream waits for the last documents to be
   * acknowledged. Then the element fails.
   */
  g_object_class_install_property (klass, PROP_DRAIN_TIMEOUT,
      g_param_spec_uint64 ("drain-timeout", "Drain timeout",
          "Time that EOS waits for documents not yet acknowledged, at most (ns)", 0,
          3600 * GST_SECOND, DEFAULT_DRAIN_TIMEOUT, live));
  /**
   * GstMongoSink:wrap:
   *
   * Store each buffer, whatever its caps, as a document of its own with the fields `data` (binary),
   * and as far as they are known `caps` (text), `pts`, `dts`, `duration` (ns), `captured` (date)
   * and `headers` (a document of texts; one of them may name the collection:
   * `frames-%{headers.camera}`). Otherwise the element takes `application/json`,
   * `application/x-ndjson` and `application/bson` alone.
   */
  g_object_class_install_property (klass, PROP_WRAP,
      g_param_spec_boolean ("wrap", "Wrap",
          "Store any buffer as a document that holds its bytes, caps and times", FALSE, flags));
  /**
   * GstMongoSink:create-index:
   *
   * Indexes to make, unless they are there, in each collection before its first document:
   * `camera,-captured` is one of two fields, the second one downwards; several are separated by
   * semicolons. A server that refuses gives a warning, and documents are stored without.
   */
  g_object_class_install_property (klass, PROP_CREATE_INDEX,
      g_param_spec_string ("create-index", "Create index",
          "Indexes that each collection shall have: \"camera,-captured;replica\"", NULL, flags));
  /**
   * GstMongoSink:expire-field:
   *
   * The field, a date, that #GstMongoSink:expire-after counts from.
   */
  g_object_class_install_property (klass, PROP_EXPIRE_FIELD,
      g_param_spec_string ("expire-field", "Expire field", "Date that expire-after counts from",
          DEFAULT_EXPIRE_FIELD, flags));
  /**
   * GstMongoSink:expire-after:
   *
   * Lets the server delete a document this many seconds after its #GstMongoSink:expire-field, by a
   * TTL index; in a time series after its #GstMongoSink:time-field.
   */
  g_object_class_install_property (klass, PROP_EXPIRE_AFTER,
      g_param_spec_uint ("expire-after", "Expire after",
          "Seconds after which the server deletes a document (0: never)", 0, G_MAXINT32, 0, flags));
  /**
   * GstMongoSink:mode:
   *
   * How documents are stored. With `replace` and `update` the latest one of an `_id` counts, so a
   * replay may bring an older one back until the newer ones have come again, and so may, for good,
   * a slow server that carries out a write after it was sent again; with `insert` and `gridfs` the
   * first one does, and a replay changes nothing. `gridfs` takes any caps, and stores each buffer
   * as a file in the bucket #GstMongoSink:collection: its `_id` and `filename` are
   * `camera:session:seq` as in the headers, else its place in Kafka; caps, times and headers are
   * its `metadata`. Another content under a name that is there is refused.
   */
  g_object_class_install_property (klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode", "How documents are stored", GST_TYPE_MONGO_SINK_MODE,
          MONGO_MODE_INSERT, flags));
  /**
   * GstMongoSink:time-field:
   *
   * The field, a date, that makes each collection a time series, if it isn't there yet. A server
   * without them gives a warning and stores ordinary documents. No server keeps `_id` unique in a
   * time series, so what is sent twice is there twice: after a replay, or a lost acknowledgement.
   */
  g_object_class_install_property (klass, PROP_TIME_FIELD,
      g_param_spec_string ("time-field", "Time field",
          "Date of each document, for collections made as time series (NULL: ordinary ones)", NULL,
          flags));
  /**
   * GstMongoSink:meta-field:
   *
   * What tells the series of a time series apart: `camera`, say.
   */
  g_object_class_install_property (klass, PROP_META_FIELD,
      g_param_spec_string ("meta-field", "Meta field",
          "Field that tells one time series from another (NULL: none)", NULL, flags));
  gst_type_mark_as_plugin_api (GST_TYPE_MONGO_SINK_MODE, 0);
}
