/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkasettings.h"

#include <string.h>

#include "fogfield.h"

#define DEFAULT_ACCESS_TIMEOUT (60 * GST_SECOND)

void
gst_kafka_settings_init (GstKafkaSettings *settings)
{
  memset (settings, 0, sizeof *settings);
  settings->access_timeout = DEFAULT_ACCESS_TIMEOUT;
}

void
gst_kafka_settings_clear (GstKafkaSettings *settings)
{
  g_clear_pointer (&settings->bootstrap_servers, g_free);
  g_clear_pointer (&settings->topic, g_free);
  g_clear_pointer (&settings->config_file, g_free);
  g_clear_pointer (&settings->client_properties, gst_structure_free);
}

void
gst_kafka_settings_install_properties (GObjectClass *klass, const gchar *topic_blurb)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (klass, GST_KAFKA_PROP_BOOTSTRAP_SERVERS,
      g_param_spec_string ("bootstrap-servers", "Bootstrap servers",
          "Brokers to ask for the cluster's members first: host:port, comma-separated",
          GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS, flags));
  g_object_class_install_property (klass, GST_KAFKA_PROP_TOPIC,
      g_param_spec_string ("topic", "Topic", topic_blurb, NULL, flags));
  g_object_class_install_property (klass, GST_KAFKA_PROP_CONFIG_FILE,
      g_param_spec_string ("config-file", "Configuration file",
          "File of librdkafka options, one name=value a line, # begins a comment; the place for "
          "passwords and keys",
          NULL, flags));
  g_object_class_install_property (klass, GST_KAFKA_PROP_CLIENT_PROPERTIES,
      g_param_spec_boxed ("client-properties", "Client properties",
          "Further librdkafka options, as in \"c,session.timeout.ms=6000\"; secrets are refused "
          "here, "
          "config-file takes them",
          GST_TYPE_STRUCTURE, flags));
  /* How long to wait when the cluster takes away, while it runs, what it granted at the
   * start: rights (ACLs), credentials, trust in a certificate. At the start, a refusal is
   * an error at once. Since: 0.1 */
  g_object_class_install_property (klass, GST_KAFKA_PROP_ACCESS_TIMEOUT,
      g_param_spec_uint64 ("access-timeout", "Access timeout",
          "How long to wait for access that the cluster grants no longer (rights, credentials, "
          "certificates) before it is an error (ns); 0: not at all; the maximum: for ever",
          0, G_MAXUINT64, DEFAULT_ACCESS_TIMEOUT, flags));
}

gboolean
gst_kafka_option_is_secret (const gchar *name)
{
  return strstr (name, "password") || strstr (name, "secret") || strstr (name, "passphrase") ||
         g_str_has_suffix (name, "key.pem") || g_str_equal (name, "sasl.oauthbearer.config");
}

static gboolean
hide_secret (GQuark id, GValue *value, gpointer unused)
{
  if (gst_kafka_option_is_secret (g_quark_to_string (id))) {
    g_value_unset (value);
    g_value_init (value, G_TYPE_STRING);
    g_value_set_static_string (value, "(hidden)");
  }
  return TRUE;
}

/* The property can be read, so a secret that conf_new is going to refuse must not stay in it. */
static GstStructure *
dup_without_secrets (const GValue *value)
{
  GstStructure *s = g_value_dup_boxed (value);

  if (s)
    gst_structure_map_in_place (s, hide_secret, NULL);
  return s;
}

static const FogField fields[] = {
    FOG_FIELD (GST_KAFKA_PROP_BOOTSTRAP_SERVERS, GstKafkaSettings, bootstrap_servers),
    FOG_FIELD (GST_KAFKA_PROP_TOPIC, GstKafkaSettings, topic),
    FOG_FIELD (GST_KAFKA_PROP_CONFIG_FILE, GstKafkaSettings, config_file),
    FOG_FIELD (GST_KAFKA_PROP_ACCESS_TIMEOUT, GstKafkaSettings, access_timeout),
    {0},
};

/* With the object lock. */
static gboolean
set_client_properties (GstKafkaSettings *settings, guint id, const GValue *value)
{
  if (id != GST_KAFKA_PROP_CLIENT_PROPERTIES)
    return FALSE;
  g_clear_pointer (&settings->client_properties, gst_structure_free);
  settings->client_properties = dup_without_secrets (value);
  return TRUE;
}

gboolean
gst_kafka_settings_set_property (
    GstKafkaSettings *settings, GObject *object, guint id, const GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known =
      fog_field_set (fields, settings, id, value) || set_client_properties (settings, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
}

/* With the object lock. */
static gboolean
get (const GstKafkaSettings *settings, guint id, GValue *value)
{
  if (id == GST_KAFKA_PROP_CLIENT_PROPERTIES)
    g_value_set_boxed (value, settings->client_properties);
  else if (id == GST_KAFKA_PROP_BOOTSTRAP_SERVERS && !settings->bootstrap_servers)
    g_value_set_static_string (value, GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS);
  else
    return fog_field_get (fields, settings, id, value);
  return TRUE;
}

gboolean
gst_kafka_settings_get_property (
    GstKafkaSettings *settings, GObject *object, guint id, GValue *value)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = get (settings, id, value);
  GST_OBJECT_UNLOCK (object);
  return known;
}

void
gst_kafka_settings_copy (GstKafkaSettings *copy, GstKafkaSettings *settings, GstElement *element)
{
  GST_OBJECT_LOCK (element);
  copy->bootstrap_servers = g_strdup (settings->bootstrap_servers);
  copy->topic = g_strdup (settings->topic);
  copy->config_file = g_strdup (settings->config_file);
  copy->client_properties =
      settings->client_properties ? gst_structure_copy (settings->client_properties) : NULL;
  GST_OBJECT_UNLOCK (element);
}
