/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes Kafka headers, as any producer may write them, from which elements read the meta, the
 * caps, the flags and numbers. Input: NAME NUL VALUE NUL … */
#include <string.h>

#include "client/gstkafkaformat.h"
#include "fuzz.h"
#include "gstkafkameta.h"

static void
add_header (GPtrArray *headers, const gchar *name, const guint8 *value, gsize size)
{
  if (g_utf8_validate (name, -1, NULL))
    g_ptr_array_add (headers, gst_kafka_header_new (name, value, (gssize) size));
}

static GPtrArray *
split (const guint8 *data, gsize size)
{
  GPtrArray *headers = gst_kafka_headers_new (8);
  const guint8 *end = data + size, *nul;

  while ((nul = memchr (data, 0, end - data))) {
    const guint8 *value = nul + 1, *after = memchr (value, 0, end - value);

    add_header (headers, (const gchar *) data, value, (after ? after : end) - value);
    if (!after)
      break;
    data = after + 1;
  }
  return headers;
}

static void
read_caps (const gchar *text)
{
  g_autoptr (GstCaps) caps = text ? gst_kafka_caps_from_text (text) : NULL;

  g_assert_true (!caps || gst_caps_is_fixed (caps));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const gchar *const numbers[] = {"seq", "capture-time", "gst-pts", "rate-min", "rate-max"};
  g_autoptr (GstBuffer) buffer = NULL;
  g_autofree gchar *id = NULL, *flags = NULL;
  const gchar *text;

  if (!gst_is_initialized ()) {
    gst_init (NULL, NULL);
    gst_kafka_meta_register ();
  }
  buffer = gst_buffer_new ();
  gst_kafka_meta_take_headers (buffer, split (data, size));
  read_caps (gst_kafka_meta_get_header (buffer, "gst-caps"));
  text = gst_kafka_meta_get_header (buffer, "gst-flags");
  flags = text ? gst_kafka_flags_to_text (gst_kafka_flags_from_text (text)) : NULL;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    guint64 whole;
    gdouble number;

    gst_kafka_meta_get_header_uint64 (buffer, numbers[i], &whole);
    gst_kafka_meta_get_header_double (buffer, numbers[i], &number);
  }
  id = gst_kafka_meta_make_frame_id (buffer);
  gst_kafka_meta_set_headers (buffer, "camera", "new", "gst-caps", NULL, NULL);
  g_assert_cmpstr (gst_kafka_meta_get_header (buffer, "camera"), ==, "new");
  return 0;
}
