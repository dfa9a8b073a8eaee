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

  /**
   * GstKafkaSink:bootstrap-servers:
   *
   * The brokers that the client asks for the members of the cluster, as host:port, separated by
   * commas. One broker that answers is enough. #GstKafkaSrc has the same property. A cluster that
   * can't be reached at the start is the error RESOURCE/OPEN_WRITE (OPEN_READ from #GstKafkaSrc).
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, GST_KAFKA_PROP_BOOTSTRAP_SERVERS,
      g_param_spec_string ("bootstrap-servers", "Bootstrap servers",
          "Brokers that the client contacts first: host:port, separated by commas",
          GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS, flags));
  /**
   * GstKafkaSink:topic:
   *
   * The topic to publish to, or to read from with #GstKafkaSrc:topic. The topic has to be set:
   * without a topic, or with a name that brokers refuse, starting fails with RESOURCE/SETTINGS.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, GST_KAFKA_PROP_TOPIC,
      g_param_spec_string ("topic", "Topic", topic_blurb, NULL, flags));
  /**
   * GstKafkaSink:config-file:
   *
   * A text file with options of librdkafka, one `name=value` a line; a line that begins with # is a
   * comment. Passwords and keys belong here, because pipelines, dot files and logs show properties
   * but never the contents of this file. Errors: RESOURCE/NOT_FOUND, RESOURCE/OPEN_READ, or
   * RESOURCE/SETTINGS with the number of the wrong line. #GstKafkaSrc has the same property.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, GST_KAFKA_PROP_CONFIG_FILE,
      g_param_spec_string ("config-file", "Configuration file",
          "File with options of librdkafka, one name=value a line, # begins a comment; for "
          "passwords and keys",
          NULL, flags));
  /**
   * GstKafkaSink:client-properties:
   *
   * More options of librdkafka as a structure, which override those of #GstKafkaSink:config-file.
   * RESOURCE/SETTINGS is the error for an unknown name, a wrong value, a secret, an option that the
   * element sets itself, and an option that makes librdkafka run code. #GstKafkaSrc has the same
   * property.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, GST_KAFKA_PROP_CLIENT_PROPERTIES,
      g_param_spec_boxed ("client-properties", "Client properties",
          "More options of librdkafka, as in \"c,session.timeout.ms=6000\"; secrets belong in "
          "config-file",
          GST_TYPE_STRUCTURE, flags));
  /**
   * GstKafkaSink:access-timeout:
   *
   * The time to wait (ns) after the cluster withdraws access that it granted before: rights (ACLs),
   * credentials, trust in a certificate. While the element waits, it posts a warning. If access
   * isn't back after this time, the element fails with RESOURCE/NOT_AUTHORIZED. Access that was
   * never granted is an error at once. The default, a minute, is enough to replace a password or a
   * list of rights. #GstKafkaSrc has the same property.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, GST_KAFKA_PROP_ACCESS_TIMEOUT,
      g_param_spec_uint64 ("access-timeout", "Access timeout",
          "How long to wait for access that the cluster has withdrawn (rights, credentials, "
          "certificates) before it is an error (ns); 0: not at all; the maximum: for ever",
          0, G_MAXUINT64, DEFAULT_ACCESS_TIMEOUT, flags));
}

GstKafkaLine
gst_kafka_config_read_line (gchar *line, const gchar **name, const gchar **value)
{
  gchar *equals;

  g_strstrip (line);
  if (!*line || *line == '#')
    return GST_KAFKA_LINE_EMPTY;
  equals = strchr (line, '=');
  if (!equals || equals == line)
    return GST_KAFKA_LINE_MALFORMED;
  *equals = '\0';
  *name = g_strchomp (line);
  *value = g_strchug (equals + 1);
  return GST_KAFKA_LINE_OPTION;
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

/* Copies the value of client-properties and hides secrets in it, because users can read the
 * property. gst_kafka_conf_new() refuses the hidden options later. */
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
