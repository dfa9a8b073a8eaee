/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gstkafkaerror.h"

G_BEGIN_DECLS

/* What kafkasink and kafkasrc have in common towards librdkafka: the properties for reaching a
 * cluster, how they become a configuration, how the library's log and errors become GStreamer's. */

#define GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS "localhost:9092"

/* Guarded by the element's object lock. */
typedef struct {
  gchar *bootstrap_servers; /* NULL: never set, so a config-file may say */
  gchar *topic;
  gchar *config_file;
  GstStructure *client_properties;
  GstClockTime access_timeout;
} GstKafkaSettings;

/* Ids of the shared properties; an element's own begin at GST_KAFKA_PROP_OWN. */
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
/* What a topic may be differs. */
void gst_kafka_settings_install_properties (GObjectClass *klass, const gchar *topic_blurb);
/* FALSE: not one of the shared ids. With the object lock held by these, not by the caller. */
gboolean gst_kafka_settings_set_property (
    GstKafkaSettings *settings, GObject *object, guint id, const GValue *value);
gboolean gst_kafka_settings_get_property (
    GstKafkaSettings *settings, GObject *object, guint id, GValue *value);

/* Replaces *@text by @value's string. */
void gst_kafka_take_text (gchar **text, const GValue *value);

/* An option the element decides on itself, or a default of its own. */
typedef struct {
  const gchar *name;
  const gchar *value; /* NULL: only refused from outside */
  gboolean
      owned; /* TRUE: a user's setting of it is an error; FALSE: a default that a user overrides */
  gboolean classic; /* TRUE: the library refuses it with group.protocol=consumer */
} GstKafkaOption;

/* TRUE if the option's value is a secret: to be taken from config-file alone, and never shown. */
gboolean gst_kafka_option_is_secret (const gchar *name);

/**
 * gst_kafka_conf_new:
 * @settings: under no lock; a snapshot is taken
 * @element: for the object lock, the client id and the log
 * @options: the element's own, ended by a NULL name
 * @error: GST_RESOURCE_ERROR_SETTINGS (a wrong name or value, a refused option: it is
 *   named; what this librdkafka can't do: the first version that can is named),
 *   NOT_FOUND or OPEN_READ (config-file)
 *
 * Order: @options, then config-file, then client-properties. Secrets are taken from
 * config-file alone. The library's log goes to the debug category `rdkafka`, one
 * level down, with @element's name.
 *
 * Returns: (nullable) (transfer full): a configuration for gst_kafka_client_new()
 */
rd_kafka_conf_t *gst_kafka_conf_new (
    GstKafkaSettings *settings, GstElement *element, const GstKafkaOption *options, GError **error);

/* (transfer full): an option's value; "" if it has none. */
gchar *gst_kafka_conf_dup (const rd_kafka_conf_t *conf, const gchar *name);

/* Takes over @conf. Its opaque becomes @fault, the first member of whatever the callbacks work on;
 * the error says what to change. */
rd_kafka_t *gst_kafka_client_new (
    rd_kafka_type_t type, rd_kafka_conf_t *conf, GstKafkaFault *fault, GError **error);

G_END_DECLS
