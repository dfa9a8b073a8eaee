/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "server/mongowriter.h"

G_BEGIN_DECLS

/**
 * GstMongoSinkMode:
 * @MONGO_MODE_INSERT: a stored document with the same `_id` stays as it is
 * @MONGO_MODE_REPLACE: the document replaces the stored one with the same `_id`, or is inserted
 * @MONGO_MODE_UPDATE: the document's fields are set in the stored one with the same `_id`, or it is
 *   inserted
 * @MONGO_MODE_GRIDFS: each buffer is stored as a GridFS file
 *
 * How documents are stored.
 *
 * Since: 0.1
 */
#define GST_TYPE_MONGO_SINK_MODE (gst_mongo_sink_mode_get_type ())
GType gst_mongo_sink_mode_get_type (void);

/* mongosink's settings. Guarded by the element's object lock. */
typedef struct {
  gchar *uri;
  gchar *uri_file;
  MongoTarget target; /* `target.database` is NULL if the URI names the database */
  MongoWriterSettings writer;
  GRefString *collection; /* the collection's name, or a template for it */
  gboolean wrap;
  GstClockTime drain_timeout;
} GstMongoSettings;

/* Property ids from this one on are defined by gstmongosink.c. */
enum { GST_MONGO_SINK_PROP_OTHER = 100 };

void gst_mongo_settings_init (GstMongoSettings *self);
void gst_mongo_settings_clear (GstMongoSettings *self);
void gst_mongo_settings_install_properties (GObjectClass *klass);
/* Called with the object lock. Returns FALSE if @id isn't the id of one of mongosink's settings. */
gboolean gst_mongo_settings_set_property (GstMongoSettings *self, guint id, const GValue *value);
gboolean gst_mongo_settings_get_property (GstMongoSettings *self, guint id, GValue *value);

/* Takes the object lock of @element. Returns: (nullable) (transfer full): the URI of the property
 * uri or uri-file, or of the environment; NULL if there is no URI, or if the properties about
 * collection, mode and indexes contradict each other. @error: a GstResourceError */
mongoc_uri_t *gst_mongo_settings_open_uri (
    GstMongoSettings *self, GstObject *element, GError **error);

/* Called with the object lock. Logs the settings in force, without the URI's user and password.
 * @target: the target of the run, with the name of its database */
void gst_mongo_settings_log (const GstMongoSettings *self, GstElement *element,
    const mongoc_uri_t *uri, const MongoTarget *target);

G_END_DECLS
