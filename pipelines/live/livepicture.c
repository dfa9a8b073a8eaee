/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livepicture.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include "liveblur.h"
#include "livejpeg.h"

/* A picture that takes longer is given up. */
#define TIMEOUT (5 * GST_SECOND)
#define ENCODER "videoconvert ! jpegenc quality=85"

static gboolean
fail (GError **error, gint code, const gchar *text)
{
  g_set_error_literal (error, G_IO_ERROR, code, text);
  return FALSE;
}

/* --- formats --- */

static const gchar *
format_of (const LiveFrame *frame)
{
  return frame->caps ? gst_structure_get_name (gst_caps_get_structure (frame->caps, 0)) : "";
}

static gboolean
is_jpeg (const LiveFrame *frame)
{
  return g_str_equal (format_of (frame), "image/jpeg");
}

/* Refuses a large picture before a decoder allocates memory for it. */
static gboolean
check_size (gint64 width, gint64 height, GError **error)
{
  if (width > 0 && height > 0 && width * height <= LIVE_PICTURE_MAX)
    return TRUE;
  return fail (error, G_IO_ERROR_NOT_SUPPORTED, "The picture is too large to be shown.");
}

static gboolean
check_jpeg (const LiveFrame *frame, GError **error)
{
  gint width, height;
  gsize size;
  const guint8 *data = g_bytes_get_data (frame->bytes, &size);

  if (!live_jpeg_get_size (data, size, &width, &height))
    return fail (error, G_IO_ERROR_INVALID_DATA, "The frame isn't a JPEG picture.");
  return check_size (width, height, error);
}

static gboolean
check_raw (const LiveFrame *frame, GError **error)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, frame->caps))
    return fail (error, G_IO_ERROR_NOT_SUPPORTED, "The frame's format is not known.");
  if (GST_VIDEO_INFO_SIZE (&info) > frame->size)
    return fail (error, G_IO_ERROR_INVALID_DATA, "The frame is shorter than its caps say.");
  return check_size (info.width, info.height, error);
}

const gchar *
live_picture_find_decoder (const LiveFrame *frame, GError **error)
{
  if (!frame->bytes) {
    fail (error, G_IO_ERROR_NOT_SUPPORTED, "The frame is empty, or too large to be shown.");
    return NULL;
  }
  if (is_jpeg (frame))
    return check_jpeg (frame, error) ? "jpegdec ! " : NULL;
  if (g_str_equal (format_of (frame), "video/x-raw"))
    return check_raw (frame, error) ? "" : NULL;
  fail (error, G_IO_ERROR_NOT_SUPPORTED, "No picture can be made of a frame of this format.");
  return NULL;
}

/* --- through a pipeline --- */

static GstSample *
pull (GstElement *pipeline, GstElement *sink, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstSample *sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), TIMEOUT);
  GstMessage *message;

  if (sample)
    return sample;
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  if (message) {
    gst_message_parse_error (message, error, NULL);
    gst_message_unref (message);
  } else {
    fail (error, G_IO_ERROR_INVALID_DATA, "The frame can't be decoded.");
  }
  return NULL;
}

GstSample *
live_picture_run (const gchar *elements, GstBuffer *buffer, GstCaps *caps, GError **error)
{
  g_autofree gchar *line = g_strdup_printf ("appsrc name=in format=time ! %s ! appsink name=out "
                                            "sync=false enable-last-sample=false",
      elements);
  GstElement *pipeline = gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  g_autoptr (GstElement) in = pipeline ? gst_bin_get_by_name (GST_BIN (pipeline), "in") : NULL;
  g_autoptr (GstElement) out = pipeline ? gst_bin_get_by_name (GST_BIN (pipeline), "out") : NULL;
  GstSample *sample;

  if (!pipeline)
    return NULL;
  gst_app_src_set_caps (GST_APP_SRC (in), caps);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_app_src_push_buffer (GST_APP_SRC (in), gst_buffer_ref (buffer));
  gst_app_src_end_of_stream (GST_APP_SRC (in));
  sample = pull (pipeline, out, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return sample;
}

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

/* (nullable) (transfer full): a copy of the pixels, blurred. */
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

static GstSample *
decode (const LiveFrame *frame, const gchar *decoder, GError **error)
{
  g_autofree gchar *elements = g_strdup_printf ("%svideoconvert ! video/x-raw,format=RGB", decoder);
  g_autoptr (GstBuffer) buffer = gst_buffer_new_wrapped_bytes (frame->bytes);

  return live_picture_run (elements, buffer, frame->caps, error);
}

GBytes *
live_picture_make (const LiveFrame *frame, const LiveAnswer *answer, LiveBlur blur, GError **error)
{
  const gchar *decoder = live_picture_find_decoder (frame, error);
  g_autoptr (GstSample) pixels = NULL, encoded = NULL;
  g_autoptr (GstBuffer) blurred = NULL;

  if (!decoder)
    return NULL;
  if (blur == LIVE_BLUR_NONE && is_jpeg (frame))
    return g_bytes_ref (frame->bytes);
  pixels = decode (frame, decoder, error);
  if (!pixels)
    return NULL;
  if (blur != LIVE_BLUR_NONE)
    blurred = blur_sample (pixels, answer, blur);
  if (blur != LIVE_BLUR_NONE && !blurred) {
    fail (error, G_IO_ERROR_FAILED, "The picture can't be blurred, so it isn't shown.");
    return NULL;
  }
  encoded = live_picture_run (ENCODER, blurred ? blurred : gst_sample_get_buffer (pixels),
      gst_sample_get_caps (pixels), error);
  return encoded ? take_bytes (encoded) : NULL;
}
