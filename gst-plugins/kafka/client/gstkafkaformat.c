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

static GstBufferFlags
find_flag (const gchar *name, gsize size)
{
  for (guint i = 0; i < G_N_ELEMENTS (flag_names); i++)
    if (strncmp (flag_names[i].name, name, size) == 0 && flag_names[i].name[size] == '\0')
      return flag_names[i].flag;
  return 0;
}

GstBufferFlags
gst_kafka_flags_from_text (const gchar *text)
{
  GstBufferFlags flags = 0;
  gsize size;

  for (; *text; text += size + (text[size] == ',')) {
    size = strcspn (text, ",");
    flags |= find_flag (text, size);
  }
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

/* Returns TRUE if the caps begin with a valid name, followed by no other features than system
 * memory. For any other name or features GStreamer would log a critical warning for each
 * message. */
static gboolean
begins_with_name (const gchar *text)
{
  gsize spaces = strspn (text, " ");
  const gchar *end =
      text + spaces + strspn (text + spaces, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/-_.:+");

  return g_ascii_isalpha (text[spaces]) &&
         (strchr (" ,", *end) ||
             g_str_has_prefix (end, "(" GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY ")"));
}

/* Returns TRUE if @value is one text of hexadecimal bytes, or a list of such texts. */
static gboolean
are_bytes (const gchar *value)
{
  const gchar *first = value + strspn (value, " "), *c = first + strspn (first, "<{ ");
  gboolean listed = *first == '<' || *first == '{';

  for (;;) {
    gsize size = strspn (c, G_CSET_DIGITS "abcdefABCDEF");

    c += size;
    c += strspn (c, " ");
    if (size % 2 || !listed || *c != ',')
      return size % 2 == 0 && strchr (",}>", *c);
    c += 1 + strspn (c + 1, " ");
  }
}

/* @type: the text after the bracket that begins a type. Returns FALSE for types whose values have a
 * text format of their own (structures, caps), and for a buffer whose value isn't hexadecimal:
 * GStreamer would log a critical warning about both. */
static gboolean
is_plain_value (const gchar *type)
{
  static const gchar *const others[] = {
      "structure", "caps", "features", "taglist", "sample", "segment"};
  gsize size = strcspn (type, ")");
  g_autofree gchar *name = g_ascii_strdown (type, (gssize) size);

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    if (strstr (name, others[i]))
      return FALSE;
  return !strstr (name, "buffer") || are_bytes (type + size + (type[size] == ')'));
}

/* Returns TRUE if @text, apart from its quoted parts, is a single structure with plain values
 * only. */
static gboolean
is_one_plain_structure (const gchar *text)
{
  gboolean quoted = FALSE;

  for (const gchar *c = text; *c; c++) {
    if (*c == '\\' && c[1])
      c++;
    else if (*c == '"')
      quoted = !quoted;
    else if (!quoted && (*c == ';' || (*c == '(' && !is_plain_value (c + 1))))
      return FALSE;
  }
  return begins_with_name (text);
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
  GstCaps *caps =
      is_modest (text) && is_one_plain_structure (text) ? gst_caps_from_string (text) : NULL;

  if (caps && gst_caps_is_fixed (caps) && is_in_system_memory (caps))
    return caps;
  gst_clear_caps (&caps);
  return NULL;
}
