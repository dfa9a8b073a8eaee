/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fogcaps.h"

/* In GStreamer's comparison of caps features, ANY equals every other feature, so ANY is tested
 * separately. */
static gboolean
is_any_memory (const GstCaps *caps, guint index)
{
  const GstCapsFeatures *features = gst_caps_get_features (caps, index);

  return features && gst_caps_features_is_any (features);
}

static gboolean
is_plain (const GstCaps *caps, guint index)
{
  const GstCapsFeatures *features = gst_caps_get_features (caps, index);

  return !is_any_memory (caps, index) && (!features || gst_caps_features_is_equal (features,
                                                           GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY));
}

gboolean
fog_caps_are_plain (const GstCaps *caps)
{
  for (guint i = 0; i < gst_caps_get_size (caps); i++)
    if (!is_plain (caps, i))
      return FALSE;
  return TRUE;
}

/* Returns: (nullable): the first caps feature of @caps that names a memory, or, if @memory is
 * FALSE, the first one that names something else */
static const gchar *
find_feature (const GstCaps *caps, gboolean memory)
{
  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GstCapsFeatures *features = gst_caps_get_features (caps, i);

    for (guint n = 0; !is_plain (caps, i) && n < gst_caps_features_get_size (features); n++) {
      const gchar *name = gst_caps_features_get_nth (features, n);

      if (g_str_has_prefix (name, "memory:") == memory &&
          !g_str_equal (name, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY))
        return name;
    }
  }
  return NULL;
}

gchar *
fog_caps_explain (const GstCaps *caps)
{
  const gchar *other = find_feature (caps, FALSE);

  if (other && !find_feature (caps, TRUE))
    return g_strdup_printf (
        "The bytes of these frames aren't the whole picture, or have another layout: their caps "
        "have the feature \"%s\". Remove it before this element. An element that makes an overlay "
        "draws the overlay itself if no capsfilter before this element demands the feature; "
        "deinterlace joins fields.",
        other);
  return g_strdup ("Only this machine can read these frames, because they lie in a device's "
                   "memory. Convert them before this element, with videoconvert, vapostproc ! "
                   "video/x-raw, gldownload or the like.");
}

GstCaps *
fog_caps_keep_plain (GstCaps *caps)
{
  GstCaps *kept;

  if (gst_caps_is_any (caps) || fog_caps_are_plain (caps))
    return gst_caps_ref (caps);
  kept = gst_caps_new_empty ();
  for (guint i = 0; i < gst_caps_get_size (caps); i++)
    if (is_plain (caps, i) || is_any_memory (caps, i))
      gst_caps_append_structure (kept, gst_structure_copy (gst_caps_get_structure (caps, i)));
  if (!gst_caps_is_empty (kept))
    return kept;
  gst_caps_unref (kept);
  return gst_caps_ref (caps);
}
