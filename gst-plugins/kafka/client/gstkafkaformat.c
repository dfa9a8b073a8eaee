/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstkafkaformat.h"

#include <string.h>

static const struct {
  GstBufferFlags flag;
  const gchar *name;
} flag_names[] = {
    {GST_BUFFER_FLAG_DISCONT, "discont"},
    {GST_BUFFER_FLAG_RESYNC, "resync"},
    {GST_BUFFER_FLAG_CORRUPTED, "corrupted"},
    {GST_BUFFER_FLAG_MARKER, "marker"},
    {GST_BUFFER_FLAG_HEADER, "header"},
    {GST_BUFFER_FLAG_GAP, "gap"},
    {GST_BUFFER_FLAG_DROPPABLE, "droppable"},
    {GST_BUFFER_FLAG_DELTA_UNIT, "delta-unit"},
};

gchar *
gst_kafka_flags_to_text (GstBufferFlags flags)
{
  GString *text = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (flag_names); i++) {
    if (!(flags & flag_names[i].flag))
      continue;
    if (text)
      g_string_append_c (text, ',');
    else
      text = g_string_new (NULL);
    g_string_append (text, flag_names[i].name);
  }
  return text ? g_string_free (text, FALSE) : NULL;
}

GstBufferFlags
gst_kafka_flags_from_text (const gchar *text)
{
  g_auto (GStrv) names = g_strsplit (text, ",", G_N_ELEMENTS (flag_names) + 1);
  GstBufferFlags flags = 0;

  for (guint i = 0; i < G_N_ELEMENTS (flag_names); i++)
    if (g_strv_contains ((const gchar *const *) names, flag_names[i].name))
      flags |= flag_names[i].flag;
  return flags;
}

static gboolean
is_modest (const gchar *text)
{
  guint brackets = 0;
  const gchar *c = text;

  for (; *c && c - text <= GST_KAFKA_MAX_CAPS_TEXT; c++)
    if (strchr ("{[<(", *c))
      brackets++;
  return !*c && brackets <= GST_KAFKA_MAX_CAPS_BRACKETS;
}

static gboolean
is_in_system_memory (GstCaps *caps)
{
  GstCapsFeatures *features = gst_caps_get_features (caps, 0);

  return !features || gst_caps_features_is_equal (features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

GstCaps *
gst_kafka_caps_from_text (const gchar *text)
{
  GstCaps *caps = is_modest (text) ? gst_caps_from_string (text) : NULL;

  if (caps && gst_caps_is_fixed (caps) && is_in_system_memory (caps))
    return caps;
  gst_clear_caps (&caps);
  return NULL;
}
