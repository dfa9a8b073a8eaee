/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaclient.h"

#include <string.h>

#include "fogfile.h"

GST_DEBUG_CATEGORY_STATIC (rdkafka_debug);
#define GST_CAT_DEFAULT rdkafka_debug

/* librdkafka before 2.2 crashes when it renews an OAUTHBEARER token, because it uses a queue that
 * doesn't exist yet. */
#define OAUTHBEARER_VERSION 0x02020000
/* librdkafka 2.4 and 2.8 have the option group.protocol too, but with group.protocol=consumer the
 * second member of a group never gets partitions. */
#define CONSUMER_PROTOCOL_VERSION 0x020c0000

static void
init_debug (void)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    GST_DEBUG_CATEGORY_INIT (rdkafka_debug, "rdkafka", 0, "librdkafka's own log");
    g_once_init_leave (&once, 1);
  }
}

/* --- configuration --- */

static GstDebugLevel
debug_level (int syslog_level)
{
  /* librdkafka's errors are logged as warnings, because it recovers from most of them. */
  if (syslog_level <= 3)
    return GST_LEVEL_WARNING;
  if (syslog_level == 4)
    return GST_LEVEL_INFO;
  return syslog_level < 7 ? GST_LEVEL_DEBUG : GST_LEVEL_LOG;
}

static void
forward_log (const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
  GST_CAT_LEVEL_LOG (rdkafka_debug, debug_level (level), NULL, "%s: %s: %s",
      rk ? rd_kafka_name (rk) : "conf", facility, text);
  if (rk && rd_kafka_opaque (rk))
    gst_kafka_fault_note_log (rd_kafka_opaque (rk), facility, text);
}

/* Always returns FALSE. */
static gboolean
refuse_old_library (
    const gchar *where, const gchar *name, const gchar *why, const gchar *version, GError **error)
{
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "%s: option \"%s\" is refused: librdkafka %s %s. Use librdkafka %s or later.", where, name,
      rd_kafka_version_str (), why, version);
  return FALSE;
}

/* A configuration of librdkafka that is being built. */
typedef struct {
  rd_kafka_conf_t *conf;
  GstElement *element;
  const GstKafkaOption *options; /* the element's own */
  GError **error;
} Builder;

static gboolean
set_option (Builder *self, const gchar *where, const gchar *name, const gchar *value)
{
  gchar said[512];
  rd_kafka_conf_res_t result = rd_kafka_conf_set (self->conf, name, value, said, sizeof said);

  if (result == RD_KAFKA_CONF_OK) {
    GST_DEBUG_OBJECT (self->element, "%s: option %s is set", where, name);
    return TRUE;
  }
  if (result == RD_KAFKA_CONF_UNKNOWN && g_str_equal (name, "group.protocol"))
    return refuse_old_library (where, name, "has only the classic protocol", "2.12", self->error);
  /* librdkafka's error text may quote the option's value, so it isn't used for a secret. */
  g_set_error (self->error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "%s: option \"%s\" is refused: %s", where, name,
      gst_kafka_option_is_secret (name) ? "its value is not valid" : said);
  return FALSE;
}

static const GstKafkaOption *
find_option (const GstKafkaOption *options, const gchar *name)
{
  for (; options && options->name; options++)
    if (g_str_equal (options->name, name))
      return options;
  return NULL;
}

static gboolean
apply_defaults (Builder *self, gboolean classic)
{
  g_autofree gchar *name = gst_object_get_name (GST_OBJECT (self->element));

  if (!set_option (self, name, "client.id", name))
    return FALSE;
  for (const GstKafkaOption *option = self->options; option && option->name; option++)
    if (option->value && (classic || !option->classic) &&
        !set_option (self, name, option->name, option->value))
      return FALSE;
  return TRUE;
}

static gboolean
check_not_owned (Builder *self, const gchar *where, const gchar *name)
{
  const GstKafkaOption *option = find_option (self->options, name);

  if (!option || !option->owned)
    return TRUE;
  g_set_error (self->error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "%s: option \"%s\" is refused: the element sets it, see its properties", where, name);
  return FALSE;
}

static gboolean
apply_line (Builder *self, const gchar *where, gchar *line)
{
  const gchar *name, *value;

  switch (gst_kafka_config_read_line (line, &name, &value)) {
    case GST_KAFKA_LINE_OPTION:
      return check_not_owned (self, where, name) && set_option (self, where, name, value);
    case GST_KAFKA_LINE_EMPTY:
      return TRUE;
    default:
      g_set_error (self->error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
          "%s: expected a line of the form name=value", where);
      return FALSE;
  }
}

static gchar *
read_config_file (const gchar *path, GError **error)
{
  g_autoptr (GError) failed = NULL;
  gchar *text;
  gsize size;

  if (!fog_file_read (path, FOG_FILE_MAX, &text, &size, &failed)) {
    g_set_error (error, GST_RESOURCE_ERROR,
        g_error_matches (failed, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? GST_RESOURCE_ERROR_NOT_FOUND
                                                                   : GST_RESOURCE_ERROR_OPEN_READ,
        "Could not read config-file %s", failed->message);
    return NULL;
  }
  if (g_utf8_validate_len (text, size, NULL))
    return text;
  g_free (text);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "config-file \"%s\" is not a text file in UTF-8", path);
  return NULL;
}

static gboolean
apply_config_text (Builder *self, const gchar *path, const gchar *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    g_autofree gchar *where = g_strdup_printf ("config-file \"%s\" line %u", path, i + 1);

    if (!apply_line (self, where, lines[i]))
      return FALSE;
  }
  return TRUE;
}

static const gchar *
refusal_of_client_property (const gchar *name)
{
  if (gst_kafka_option_is_secret (name))
    return "it is a secret, and others can read this property; put it into a file and set "
           "config-file to the file's name";
  if (g_str_equal (name, "plugin.library.paths") || g_str_equal (name, "ssl.engine.location") ||
      g_str_equal (name, "sasl.kerberos.kinit.cmd"))
    return "it makes the client run code; only a config-file may set it";
  if (g_str_equal (name, "bootstrap.servers") || g_str_equal (name, "metadata.broker.list"))
    return "use the property bootstrap-servers";
  return NULL;
}

static gboolean
apply_client_property (GQuark id, const GValue *value, gpointer user_data)
{
  Builder *self = user_data;
  const gchar *name = g_quark_to_string (id);
  const gchar *refusal = refusal_of_client_property (name);
  g_autofree gchar *text =
      G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value) : gst_value_serialize (value);

  if (refusal) {
    g_set_error (self->error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "client-properties: option \"%s\" is refused: %s", name, refusal);
    return FALSE;
  }
  return check_not_owned (self, "client-properties", name) &&
         set_option (self, "client-properties", name, text ? text : "");
}

/* @text: (nullable): the contents of the config-file */
static gboolean
apply_settings (Builder *self, GstKafkaSettings *settings, const gchar *text)
{
  const gchar *servers = settings->bootstrap_servers;

  if (text && !apply_config_text (self, settings->config_file, text))
    return FALSE;
  if (servers && !set_option (self, "bootstrap-servers", "bootstrap.servers", servers))
    return FALSE;
  return !settings->client_properties ||
         gst_structure_foreach (settings->client_properties, apply_client_property, self);
}

static gboolean
has_value (const rd_kafka_conf_t *conf, const gchar *name, const gchar *expected)
{
  g_autofree gchar *value = gst_kafka_conf_dup (conf, name);

  return g_str_equal (value, expected);
}

static gboolean
has_consumer_protocol (const rd_kafka_conf_t *conf)
{
  return has_value (conf, "group.protocol", "consumer");
}

static gboolean
check_library (const rd_kafka_conf_t *conf, GError **error)
{
  const gchar *where = "config-file or client-properties";

  if (rd_kafka_version () < OAUTHBEARER_VERSION &&
      has_value (conf, "sasl.mechanisms", "OAUTHBEARER"))
    return refuse_old_library (
        where, "sasl.mechanism=OAUTHBEARER", "crashes when it renews a token", "2.2", error);
  if (rd_kafka_version () < CONSUMER_PROTOCOL_VERSION && has_consumer_protocol (conf))
    return refuse_old_library (where, "group.protocol=consumer",
        "has only an early version of this protocol", "2.12", error);
  return TRUE;
}

/* (nullable) */
static rd_kafka_conf_t *
build_conf (GstKafkaSettings *settings, const gchar *text, GstElement *element,
    const GstKafkaOption *options, gboolean classic, GError **error)
{
  Builder self = {rd_kafka_conf_new (), element, options, error};

  rd_kafka_conf_set_log_cb (self.conf, forward_log);
  if (!set_option (
          &self, "bootstrap-servers", "bootstrap.servers", GST_KAFKA_DEFAULT_BOOTSTRAP_SERVERS) ||
      !apply_defaults (&self, classic) || !apply_settings (&self, settings, text) ||
      !check_library (self.conf, error))
    g_clear_pointer (&self.conf, rd_kafka_conf_destroy);
  return self.conf;
}

/* An option can't be unset again, and only after all settings are applied it is known which group
 * protocol is set. So a configuration with group.protocol=consumer is built a second time, without
 * the defaults for the classic protocol. */
static rd_kafka_conf_t *
build_fitting_conf (GstKafkaSettings *settings, const gchar *text, GstElement *element,
    const GstKafkaOption *options, GError **error)
{
  rd_kafka_conf_t *conf = build_conf (settings, text, element, options, TRUE, error);

  if (!conf || !has_consumer_protocol (conf))
    return conf;
  rd_kafka_conf_destroy (conf);
  GST_INFO_OBJECT (element, "group.protocol=consumer: the brokers decide on timeouts and assignor");
  return build_conf (settings, text, element, options, FALSE, error);
}

rd_kafka_conf_t *
gst_kafka_conf_new (
    GstKafkaSettings *settings, GstElement *element, const GstKafkaOption *options, GError **error)
{
  GstKafkaSettings copy;
  rd_kafka_conf_t *conf = NULL;
  g_autofree gchar *text = NULL;

  init_debug ();
  gst_kafka_settings_copy (&copy, settings, element);
  /* The config-file is read only once, although the configuration may be built twice, because the
   * file may be a pipe. */
  if (copy.config_file)
    text = read_config_file (copy.config_file, error);
  if (!copy.config_file || text)
    conf = build_fitting_conf (&copy, text, element, options, error);
  gst_kafka_settings_clear (&copy);
  return conf;
}

gchar *
gst_kafka_conf_dup (const rd_kafka_conf_t *conf, const gchar *name)
{
  gsize size = 0;
  gchar *value;

  if (rd_kafka_conf_get (conf, name, NULL, &size) != RD_KAFKA_CONF_OK || !size)
    return g_strdup ("");
  value = g_malloc0 (size);
  rd_kafka_conf_get (conf, name, value, &size);
  return value;
}

gchar *
gst_kafka_conf_describe (const rd_kafka_conf_t *conf)
{
  g_autofree gchar *servers = gst_kafka_conf_dup (conf, "bootstrap.servers");
  g_autofree gchar *protocol = gst_kafka_conf_dup (conf, "security.protocol");
  g_autofree gchar *mechanism = gst_kafka_conf_dup (conf, "sasl.mechanism");
  gboolean sasl = g_str_has_prefix (protocol, "sasl");

  return g_strdup_printf ("librdkafka %s, brokers %s, %s%s%s", rd_kafka_version_str (), servers,
      protocol, sasl ? " with " : "", sasl ? mechanism : "");
}

rd_kafka_t *
gst_kafka_client_new (
    rd_kafka_type_t type, rd_kafka_conf_t *conf, GstKafkaFault *fault, GError **error)
{
  g_autofree gchar *cause = NULL;
  gchar said[512];
  rd_kafka_t *rk;

  g_free (fault->ca_file);
  fault->ca_file = gst_kafka_conf_dup (conf, "ssl.ca.location");
  gst_kafka_fault_watch (fault, conf);
  rk = rd_kafka_new (type, conf, said, sizeof said);
  if (rk)
    return rk;
  rd_kafka_conf_destroy (conf);
  cause = gst_kafka_fault_dup_tls_cause (fault);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "Could not set up a Kafka client: %s%s%s%s. Check config-file, client-properties and the "
      "element's properties.",
      said, cause ? " (" : "", cause ? cause : "", cause ? ")" : "");
  return NULL;
}
