/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cameratls.h"

#include <gio/gio.h>

#include "fogfile.h"

static void
free_certificates (gpointer data, GClosure *closure)
{
  g_list_free_full (data, g_object_unref);
}

/* Returns: (nullable) (transfer full): of GTlsCertificate */
static GList *
read_certificates (const gchar *file, GError **error)
{
  g_autofree gchar *text = NULL;
  g_autoptr (GError) cause = NULL;
  GList *list = NULL;

  if (!fog_file_read (file, FOG_CERTIFICATES_MAX, &text, NULL, &cause)) {
    g_set_error (error, GST_RESOURCE_ERROR,
        g_error_matches (cause, G_FILE_ERROR, G_FILE_ERROR_INVAL) ? GST_RESOURCE_ERROR_SETTINGS
                                                                  : GST_RESOURCE_ERROR_OPEN_READ,
        "tls-ca-file can't be used: %s.", cause->message);
    return NULL;
  }
  list = g_tls_certificate_list_new_from_file (file, &cause);
  if (!list)
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "tls-ca-file=\"%s\" holds no certificate in PEM%s%s.", file, cause ? ": " : "",
        cause ? cause->message : "");
  return list;
}

gboolean
camera_tls_check (const gchar *file, GError **error)
{
  GList *certificates = read_certificates (file, error);
  gboolean usable = certificates != NULL;

  g_list_free_full (certificates, g_object_unref);
  return usable;
}

/* Handles rtspsrc's signal `accept-certificate`, which asks about a certificate with errors. */
static gboolean
accept_certificate (GstElement *rtspsrc, GTlsConnection *connection, GTlsCertificate *certificate,
    GTlsCertificateFlags errors, gpointer data)
{
  GList *certificates = data;

  if (errors != G_TLS_CERTIFICATE_BAD_IDENTITY)
    return FALSE;
  for (GList *l = certificates; l; l = l->next)
    if (g_tls_certificate_is_same (l->data, certificate))
      return TRUE;
  return FALSE;
}

gboolean
camera_tls_trust (GstElement *rtspsrc, const gchar *file, GError **error)
{
  GList *certificates = read_certificates (file, error);
  g_autofree gchar *path = g_canonicalize_filename (file, NULL);
  g_autoptr (GTlsDatabase) database = certificates ? g_tls_file_database_new (path, error) : NULL;

  if (!database) {
    g_list_free_full (certificates, g_object_unref);
    return FALSE;
  }
  g_object_set (rtspsrc, "tls-database", database, NULL);
  g_signal_connect_data (rtspsrc, "accept-certificate", G_CALLBACK (accept_certificate),
      certificates, free_certificates, 0);
  return TRUE;
}
