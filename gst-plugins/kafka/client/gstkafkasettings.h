/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The properties that kafkasink and kafkasrc share: how to reach a cluster. */

#define GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS "localhost:9092"

/* All fields are guarded by the element's object lock. */
typedef struct {
  /* NULL: the property wasn't set, so the config-file may set the servers */
  gchar *bootstrap_servers;
  gchar *topic;
  gchar *config_file;
  GstStructure *client_properties;
  GstClockTime access_timeout;
} GstKafkaSettings;

/* Ids of the shared properties; the ids of an element's own properties begin at
 * GST_KAFKA_PROP_OWN. */
enum {
  GST_KAFKA_PROP_BOOTSTRAP_SERVERS = 1,
  GST_KAFKA_PROP_TOPIC,
  GST_KAFKA_PROP_CONFIG_FILE,
  GST_KAFKA_PROP_CLIENT_PROPERTIES,
  GST_KAFKA_PROP_ACCESS_TIMEOUT,
  GST_KAFKA_PROP_OWN,
};

void gst_kafka_settings_init (GstKafkaSettings *settings);
void gst_kafka_settings_clear (GstKafkaSettings *settings);
/* @topic_blurb: the blurb of the property topic, which differs because only kafkasrc accepts lists
 * and patterns. */
void gst_kafka_settings_install_properties (GObjectClass *klass, const gchar *topic_blurb);
/* Returns FALSE if @id isn't one of the shared ids. The functions that set and get a property take
 * the object lock themselves. */
gboolean gst_kafka_settings_set_property (
    GstKafkaSettings *settings, GObject *object, guint id, const GValue *value);
gboolean gst_kafka_settings_get_property (
    GstKafkaSettings *settings, GObject *object, guint id, GValue *value);

/* Returns TRUE if the option's value is a secret. Only config-file may set an option that is a
 * secret, and the value is never shown. */
gboolean gst_kafka_option_is_secret (const gchar *name);

typedef enum {
  GST_KAFKA_LINE_OPTION,
  GST_KAFKA_LINE_EMPTY, /* the line is empty, or a comment */
  GST_KAFKA_LINE_MALFORMED,
} GstKafkaLine;

/* Parses a line of a config-file, and modifies it. @name, @value: (out): pointers into @line, set
 * for a line with an option */
GstKafkaLine gst_kafka_config_read_line (gchar *line, const gchar **name, const gchar **value);

/* Copies @settings to @copy, under the object lock of @element. The caller frees @copy with
 * gst_kafka_settings_clear(). */
void gst_kafka_settings_copy (
    GstKafkaSettings *copy, GstKafkaSettings *settings, GstElement *element);

G_END_DECLS
