/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kafka:// URI from a stranger. */
#include <string.h>

#include "client/gstkafkauri.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree gchar *text = g_strndup ((const gchar *) data, size), *again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstKafkaUri) uri = gst_kafka_uri_parse (text, &error), same = NULL;

  g_assert_true ((uri != NULL) != (error != NULL));
  /* The contents of brackets aren't checked: README.md. */
  if (!uri || !g_utf8_validate (text, -1, NULL) || strchr (uri->servers, '['))
    return 0;
  again = gst_kafka_uri_to_string (uri->servers, uri->topic);
  same = gst_kafka_uri_parse (again, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (same->topic, ==, uri->topic);
  return 0;
}
