/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes settings of users and files: lines of a config-file, client-properties, templates, names
 * of collections, indexes, MongoDB's URIs. The first byte of the input chooses the parser. */
#include "client/gstkafkaclient.h"
#include "fogtemplate.h"
#include "fuzz.h"
#include "server/mongocollection.h"
#include "server/mongoindex.h"
#include "server/mongouri.h"

static gboolean
fill (GString *filled, const gchar *name, gpointer user_data)
{
  g_string_append (filled, name);
  return TRUE;
}

static void
read_template (gchar *text)
{
  if (fog_template_check (text))
    g_free (fog_template_fill (text, fill, NULL));
}

static void
read_line (gchar *text)
{
  const gchar *name = NULL, *value = NULL;

  if (gst_kafka_config_read_line (text, &name, &value) == GST_KAFKA_LINE_OPTION)
    g_assert_true (name && value);
}

static void
read_client_properties (gchar *text)
{
  GstKafkaSettings settings;
  g_autoptr (GError) error = NULL;
  GstElement *element = gst_object_ref_sink (gst_bin_new ("fuzz"));
  rd_kafka_conf_t *conf;

  gst_kafka_settings_init (&settings);
  settings.client_properties = gst_structure_from_string (text, NULL);
  conf = gst_kafka_conf_new (&settings, element, NULL, &error);
  g_assert_true ((conf != NULL) != (error != NULL));
  g_clear_pointer (&conf, rd_kafka_conf_destroy);
  gst_kafka_settings_clear (&settings);
  gst_object_unref (element);
}

static void
read_collection (gchar *text)
{
  g_autofree gchar *name = NULL;
  bson_t *document = BCON_NEW ("camera", BCON_UTF8 ("c"), "captured", BCON_DATE_TIME (1));

  if (mongo_collection_check (text, NULL))
    name = mongo_collection_expand (text, document, NULL);
  bson_destroy (document);
}

static void
read_index (gchar *text)
{
  bson_t *command = mongo_index_command ("c", text, NULL, NULL);

  g_clear_pointer (&command, bson_destroy);
}

static void
read_mongo_uri (gchar *text)
{
  g_autoptr (GError) error = NULL;
  mongoc_uri_t *uri = mongo_uri_open (text, NULL, &error);

  g_assert_true ((uri != NULL) != (error != NULL));
  g_clear_pointer (&uri, mongoc_uri_destroy);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const readers[]) (gchar *) = {read_template, read_line, read_client_properties,
      read_collection, read_index, read_mongo_uri};
  g_autofree gchar *text = NULL;

  if (size == 0)
    return 0;
  if (!gst_is_initialized ())
    gst_init (NULL, NULL);
  text = g_strndup ((const gchar *) data + 1, size - 1);
  if (g_utf8_validate (text, -1, NULL))
    readers[data[0] % G_N_ELEMENTS (readers)](text);
  return 0;
}
