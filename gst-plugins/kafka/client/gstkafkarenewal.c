/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkarenewal.h"
#include "fogfile.h"
#include "gstkafkaerror.h"
#include "gstkafkasettings.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

/* Returns: (nullable) (transfer full): the last value of @name in the lines of @text */
static gchar *
find_option (const gchar *text, const gchar *name)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  const gchar *found, *value, *last = NULL;

  for (gchar **line = lines; *line; line++)
    if (gst_kafka_config_read_line (*line, &found, &value) == GST_KAFKA_LINE_OPTION &&
        g_str_equal (found, name))
      last = value;
  return g_strdup (last);
}

void
gst_kafka_renew_password (rd_kafka_t *rk, GstElement *element)
{
  g_autofree gchar *path = NULL, *text = NULL, *user = NULL, *password = NULL;
  rd_kafka_error_t *error;

  g_object_get (element, "config-file", &path, NULL);
  if (!path || !fog_file_read (path, FOG_FILE_MAX, &text, NULL, NULL))
    return;
  user = find_option (text, "sasl.username");
  password = find_option (text, "sasl.password");
  if (!user || !password)
    return;
  GST_DEBUG_OBJECT (element, "user and password are taken from config-file \"%s\" again", path);
  error = rd_kafka_sasl_set_credentials (rk, user, password);
  if (!error)
    return;
  GST_WARNING_OBJECT (element, "%s", rd_kafka_error_string (error));
  rd_kafka_error_destroy (error);
}

static gboolean
is_about_issuer (int error)
{
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static gboolean
verify (X509_STORE *store, X509 *certificate)
{
  X509_STORE_CTX *context = X509_STORE_CTX_new ();
  gboolean trusted = context && X509_STORE_CTX_init (context, store, certificate, NULL) == 1 &&
                     X509_verify_cert (context) == 1;

  X509_STORE_CTX_free (context);
  return trusted;
}

gboolean
gst_kafka_is_trusted_now (const gchar *ca_file, int error, const gchar *der, gsize size)
{
  const guchar *at = (const guchar *) der;
  X509_STORE *store;
  X509 *certificate;
  gboolean trusted;

  if (!ca_file || !is_about_issuer (error))
    return FALSE;
  store = X509_STORE_new ();
  certificate = d2i_X509 (NULL, &at, (long) size);
  trusted = store && certificate && X509_STORE_load_locations (store, ca_file, NULL) == 1 &&
            verify (store, certificate);
  X509_free (certificate);
  X509_STORE_free (store);
  return trusted;
}
