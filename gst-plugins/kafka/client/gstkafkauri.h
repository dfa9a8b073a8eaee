/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* kafka://host[:port][,host[:port]…]/topic[?property=value&…] */
typedef struct {
  gchar *servers;
  gchar *topic;
  GHashTable *query; /* the query: maps a property's name to its value, both text */
} GstKafkaUri;

/* Returns: (nullable) (transfer full): the parts of the URI in @text. @error: a GstUriError */
GstKafkaUri *gst_kafka_uri_parse (const gchar *text, GError **error);
void gst_kafka_uri_free (GstKafkaUri *uri);

/* Sets bootstrap-servers, topic, and each property in the query that @object's own class has. The
 * URI may not set config-file and client-properties, because it may come from a stranger, who could
 * make the client read a file or change its security. */
gboolean gst_kafka_uri_apply (const GstKafkaUri *uri, GObject *object, GError **error);

/* Returns: (nullable) (transfer full): the URI of @topic at @servers; %NULL if @topic is %NULL */
gchar *gst_kafka_uri_to_string (const gchar *servers, const gchar *topic);

/* Sets the functions that the URI handlers of kafkasink and kafkasrc share: one lists the
 * protocols, the other makes a URI from the element's properties. */
void gst_kafka_uri_init_handler (GstURIHandlerInterface *handler);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstKafkaUri, gst_kafka_uri_free)

G_END_DECLS
