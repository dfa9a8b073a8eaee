/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <librdkafka/rdkafka.h>

G_BEGIN_DECLS

/* Updates a running client from its config-file and CA file if they were replaced since the client
 * was made, because librdkafka reads these files only once. */

/* Takes sasl.username and sasl.password from the config-file of @element, for the connections that
 * are made from now on. A config-file that can't be read any more, or is a pipe, changes
 * nothing. */
void gst_kafka_renew_password (rd_kafka_t *rk, GstElement *element);

/* Returns whether a certificate of a broker (@der), whose issuer wasn't found when @ca_file was
 * read, is trusted by the file's present contents. @error: OpenSSL's error for the certificate;
 * FALSE is returned for any other error than a missing issuer */
gboolean gst_kafka_is_trusted_now (const gchar *ca_file, int error, const gchar *der, gsize size);

G_END_DECLS
