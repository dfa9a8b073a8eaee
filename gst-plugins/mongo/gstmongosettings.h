/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "server/mongowriter.h"

G_BEGIN_DECLS

/**
 * GstMongoSinkMode:
 * @MONGO_MODE_INSERT: what is stored under the same `_id` already stays
 * @MONGO_MODE_REPLACE: the document takes the place of that with the same `_id`, or is inserted
 * @MONGO_MODE_UPDATE: its fields are set in that with the same `_id`, or it is inserted
 * @MONGO_MODE_GRIDFS: each buffer is a file
 *
 * How documents are stored.
 */
#define GST_TYPE_MONGO_SINK_MODE (gst_mongo_sink_mode_get_type ())
GType gst_mongo_sink_mode_get_type (void);

/* mongosink's settings. Guarded by the element's object lock. */
typedef struct {
  gchar *uri;
  gchar *uri_file;
  MongoTarget target; /* database NULL: the URI's */
  MongoWriterSettings writer;
  GRefString *collection; /* a name or a template */
  gboolean wrap;
  GstClockTime drain_timeout;
} GstMongoSettings;

/* Ids from here on are the element's. */
enum { GST_MONGO_SINK_PROP_OTHER = 100 };

void gst_mongo_settings_init (GstMongoSettings *self);
void gst_mongo_settings_clear (GstMongoSettings *self);
void gst_mongo_settings_install_properties (GObjectClass *klass);
/* FALSE: not one of these ids. With the object lock. */
gboolean gst_mongo_settings_set_property (GstMongoSettings *self, guint id, const GValue *value);
gboolean gst_mongo_settings_get_property (GstMongoSettings *self, guint id, GValue *value);

/* Whether collection, mode and indexes go together; with the object lock.
 * @error is a GstResourceError. */
gboolean gst_mongo_settings_check (GstMongoSettings *self, GError **error);
G_END_DECLS
