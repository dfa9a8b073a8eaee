/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "server/mongowriter.h"

G_BEGIN_DECLS

/**
 * GstMongoSinkMode:
 * @MONGO_MODE_INSERT: a stored document with the same `_id` stays as it is
 * @MONGO_MODE_REPLACE: replaces the stored document with the same `_id`, or inserts
 * @MONGO_MODE_UPDATE: sets its fields in the stored document with the same `_id`, or inserts
 * @MONGO_MODE_GRIDFS: stores each buffer as a file
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
  MongoTarget target; /* the database is NULL if the URI's is to be used */
  MongoWriterSettings writer;
  GRefString *collection; /* a name or a template */
  gboolean wrap;
  GstClockTime drain_timeout;
} GstMongoSettings;

/* The ids from here on belong to gstmongosink.c. */
enum { GST_MONGO_SINK_PROP_OTHER = 100 };

void gst_mongo_settings_init (GstMongoSettings *self);
void gst_mongo_settings_clear (GstMongoSettings *self);
void gst_mongo_settings_install_properties (GObjectClass *klass);
/* With the object lock. FALSE: @id is none of these properties. */
gboolean gst_mongo_settings_set_property (GstMongoSettings *self, guint id, const GValue *value);
gboolean gst_mongo_settings_get_property (GstMongoSettings *self, guint id, GValue *value);

/* Called with the object lock: returns whether collection, mode and indexes go together. @error: a
 * GstResourceError */
gboolean gst_mongo_settings_check (GstMongoSettings *self, GError **error);
G_END_DECLS
