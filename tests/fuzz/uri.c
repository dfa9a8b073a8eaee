/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes kafka:// URIs. */
#include "client/gstkafkauri.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree gchar *text = g_strndup ((const gchar *) data, size), *again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstKafkaUri) uri = gst_kafka_uri_parse (text, &error);

  g_assert_true ((uri != NULL) != (error != NULL));
  if (uri)
    again = gst_kafka_uri_to_string (uri->servers, uri->topic);
  return 0;
}
