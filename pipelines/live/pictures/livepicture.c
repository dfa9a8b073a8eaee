/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livepicture.h"

#include <gst/video/video.h>

#include "liveblur.h"
#include "livedecode.h"

#define ENCODER "videoconvert ! jpegenc quality=85"

/* --- blur --- */

static void
blur_pixels (LivePixels *pixels, const LiveAnswer *answer, LiveBlur blur)
{
  if (blur == LIVE_BLUR_PICTURE || !answer) {
    live_blur_picture (pixels);
    return;
  }
  for (guint i = 0; i < answer->boxes->len; i++)
    live_blur_face (pixels, &g_array_index (answer->boxes, LiveBox, i));
}

/* Returns: (nullable) (transfer full): a blurred copy of the picture. */
static GstBuffer *
blur_sample (GstSample *sample, const LiveAnswer *answer, LiveBlur blur)
{
  GstBuffer *buffer = gst_buffer_copy_deep (gst_sample_get_buffer (sample));
  GstVideoInfo info;
  GstVideoFrame map;
  LivePixels pixels;

  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample)) ||
      !gst_video_frame_map (&map, &info, buffer, GST_MAP_READWRITE)) {
    gst_buffer_unref (buffer);
    return NULL;
  }
  pixels = (LivePixels){GST_VIDEO_FRAME_PLANE_DATA (&map, 0), info.width, info.height,
      (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&map, 0)};
  blur_pixels (&pixels, answer, blur);
  gst_video_frame_unmap (&map);
  return buffer;
}

static GBytes *
take_bytes (GstSample *sample)
{
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  gpointer data;
  gsize size;

  gst_buffer_extract_dup (buffer, 0, gst_buffer_get_size (buffer), &data, &size);
  return g_bytes_new_take (data, size);
}

/* Returns: (nullable): the name of the frame's format if browsers can show this format; NULL if
 * they can't. */
static const gchar *
find_shown (const LiveFrame *frame)
{
  static const gchar *const formats[] = {"image/jpeg", "image/png"};

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (live_decode_get_format (frame), formats[i]))
      return formats[i];
  return NULL;
}

static GBytes *
encode (GstBuffer *buffer, GstCaps *caps, GError **error)
{
  g_autoptr (GstSample) encoded = live_decode_pass (ENCODER, buffer, caps, error);

  return encoded ? take_bytes (encoded) : NULL;
}

static GBytes *
encode_blurred (GstSample *raw, const LiveAnswer *answer, LiveBlur blur, GError **error)
{
  g_autoptr (GstSample) pixels = live_decode_pass ("videoconvert ! video/x-raw,format=RGB",
      gst_sample_get_buffer (raw), gst_sample_get_caps (raw), error);
  g_autoptr (GstBuffer) blurred = pixels ? blur_sample (pixels, answer, blur) : NULL;

  if (blurred)
    return encode (blurred, gst_sample_get_caps (pixels), error);
  if (pixels)
    g_set_error_literal (
        error, G_IO_ERROR, G_IO_ERROR_FAILED, "The picture can't be blurred, so it isn't shown.");
  return NULL;
}

GBytes *
live_picture_make (const GPtrArray *run, const LiveAnswer *answer, LiveBlur blur,
    const gchar **type, GError **error)
{
  const LiveFrame *frame = g_ptr_array_index (run, run->len - 1);
  const gchar *shown = find_shown (frame);
  g_autoptr (GstSample) raw = NULL;

  if (!live_decode_find_elements (frame, error))
    return NULL;
  if (shown && blur == LIVE_BLUR_NONE) {
    *type = shown;
    return g_bytes_ref (frame->bytes);
  }
  *type = "image/jpeg";
  raw = live_decode (run, error);
  if (!raw)
    return NULL;
  if (blur == LIVE_BLUR_NONE)
    return encode (gst_sample_get_buffer (raw), gst_sample_get_caps (raw), error);
  return encode_blurred (raw, answer, blur, error);
}
