/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "livedecode.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>
#include <string.h>

#include "livesize.h"

/* Longest time (us) for decoding a picture. */
#define TIMEOUT (5 * G_USEC_PER_SEC)
/* Interval at which the pipeline's bus is checked for errors. */
#define LOOK_TIME (50 * GST_MSECOND)
/* Assumed time between frames whose times aren't known; any value is right. */
#define PERIOD (40 * GST_MSECOND)

static gboolean
fail (GError **error, gint code, const gchar *text)
{
  g_set_error_literal (error, G_IO_ERROR, code, text);
  return FALSE;
}

/* --- formats --- */

const gchar *
live_decode_get_format (const LiveFrame *frame)
{
  return frame->caps ? gst_structure_get_name (gst_caps_get_structure (frame->caps, 0)) : "";
}

static gboolean
is_too_large (gint64 width, gint64 height)
{
  return width <= 0 || height <= 0 || width * height > LIVE_PICTURE_MAX;
}

/* Returns FALSE if a picture is too large, before a decoder allocates memory for it. */
static gboolean
check_size (gint64 width, gint64 height, GError **error)
{
  if (!is_too_large (width, height))
    return TRUE;
  return fail (error, G_IO_ERROR_NOT_SUPPORTED, "The picture is too large to be shown.");
}

typedef gboolean (*GetSize) (const guint8 *data, gsize size, gint *width, gint *height);

static gboolean
check_header (
    const guint8 *data, gsize size, GetSize get_size, const gchar *damaged, GError **error)
{
  gint width, height;

  if (!get_size (data, size, &width, &height))
    return fail (error, G_IO_ERROR_INVALID_DATA, damaged);
  return check_size (width, height, error);
}

gboolean
live_decode_check_picture (const gchar *format, const guint8 *data, gsize size, GError **error)
{
  if (g_str_equal (format, "image/jpeg"))
    return check_header (data, size, live_jpeg_get_size, "The frame isn't a JPEG picture.", error);
  if (g_str_equal (format, "image/png"))
    return check_header (data, size, live_png_get_size, "The frame isn't a PNG picture.", error);
  return TRUE;
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
live_decode_find_elements (const LiveFrame *frame, GError **error)
{
  const gchar *format = live_decode_get_format (frame);
  const guint8 *data;
  gsize size;

  if (!frame->bytes) {
    fail (error, G_IO_ERROR_NOT_SUPPORTED, "The frame is empty, or too large to be shown.");
    return NULL;
  }
  data = g_bytes_get_data (frame->bytes, &size);
  if (!live_decode_check_picture (format, data, size, error))
    return NULL;
  if (g_str_equal (format, "image/jpeg"))
    return "jpegdec";
  if (g_str_equal (format, "video/x-raw"))
    return check_raw (frame, error) ? "identity" : NULL;
  if (g_str_has_prefix (format, "image/") || g_str_has_prefix (format, "video/"))
    return "decodebin";
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
      "No picture can be made of a frame of the format \"%.64s\".", format);
  return NULL;
}

/* --- decodebin --- */

/* Return values of decodebin's signal `autoplug-select`. */
typedef enum { AUTOPLUG_TRY, AUTOPLUG_EXPOSE, AUTOPLUG_SKIP } Autoplug;

/* Lets decodebin use only decoders and parsers of frames, and no element that opens a stream
 * elsewhere or demuxes a container, because a frame's caps are set by its sender, and may be
 * anything. */
static gint
select_factory (
    GstElement *decodebin, GstPad *pad, GstCaps *caps, GstElementFactory *factory, gpointer data)
{
  const gchar *klass = gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_KLASS);

  return strstr (klass, "Decoder") || strstr (klass, "Parser") ? AUTOPLUG_TRY : AUTOPLUG_SKIP;
}

/* Checks the picture's size when a parser has found it, before a decoder allocates memory. */
static gboolean
may_go_on (GstElement *decodebin, GstPad *pad, GstCaps *caps, gpointer data)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  gint width = 1, height = 1;

  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  return !is_too_large (width, height);
}

void
live_decode_guard (GstElement *pipeline)
{
  GstIterator *all = gst_bin_iterate_elements (GST_BIN (pipeline));
  GValue item = G_VALUE_INIT;

  while (gst_iterator_next (all, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);

    if (g_signal_lookup ("autoplug-select", G_OBJECT_TYPE (element))) {
      g_object_set (element, "force-sw-decoders", TRUE, NULL);
      g_signal_connect (element, "autoplug-select", G_CALLBACK (select_factory), NULL);
      g_signal_connect (element, "autoplug-continue", G_CALLBACK (may_go_on), NULL);
    }
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (all);
}

/* --- a pipeline from appsrc to appsink --- */

typedef struct {
  GstElement *pipeline, *in, *out;
  GstCaps *caps; /* caps of the buffers that are pushed */
} Pass;

static gboolean
pass_begin (Pass *self, const gchar *elements, GstCaps *caps, GError **error)
{
  g_autoptr (GError) missing = NULL;
  g_autofree gchar *line =
      g_strdup_printf ("appsrc name=in format=time ! %s ! appsink name=out sync=false "
                       "enable-last-sample=false max-buffers=4",
          elements);

  self->caps = caps;
  self->pipeline = gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &missing);
  if (!self->pipeline) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "It can't be decoded where the page's server runs: %s.", missing->message);
    return FALSE;
  }
  self->in = gst_bin_get_by_name (GST_BIN (self->pipeline), "in");
  self->out = gst_bin_get_by_name (GST_BIN (self->pipeline), "out");
  live_decode_guard (self->pipeline);
  gst_app_src_set_caps (GST_APP_SRC (self->in), caps);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

static void
pass_end (Pass *self)
{
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_object_unref (self->in);
  gst_object_unref (self->out);
  gst_object_unref (self->pipeline);
}

static void
read_error (Pass *self, GstMessage *message, GError **error)
{
  g_autoptr (GError) found = NULL;

  gst_message_parse_error (message, &found, NULL);
  if (g_error_matches (found, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ||
      g_error_matches (found, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "No decoder of %s is installed where the page's server runs.",
        gst_structure_get_name (gst_caps_get_structure (self->caps, 0)));
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The frame can't be decoded: %s",
        found->message);
}

/* Returns: (nullable): the sample with the time @wanted, or the last sample if none has this
 * time. */
static GstSample *
pass_pull (Pass *self, GstClockTime wanted, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);
  gint64 deadline = g_get_monotonic_time () + TIMEOUT;
  GstSample *best = NULL, *sample;
  GstMessage *message = NULL;

  while (!message && !gst_app_sink_is_eos (GST_APP_SINK (self->out)) &&
         g_get_monotonic_time () < deadline) {
    sample = gst_app_sink_try_pull_sample (GST_APP_SINK (self->out), LOOK_TIME);
    if (sample && best && GST_BUFFER_PTS (gst_sample_get_buffer (best)) == wanted)
      gst_sample_unref (sample);
    else if (sample) {
      g_clear_pointer (&best, gst_sample_unref);
      best = sample;
    }
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  }
  if (message && !best)
    read_error (self, message, error);
  else if (!best)
    fail (error, G_IO_ERROR_INVALID_DATA, "The frame can't be decoded.");
  g_clear_pointer (&message, gst_message_unref);
  return best;
}

GstSample *
live_decode_pass (const gchar *elements, GstBuffer *buffer, GstCaps *caps, GError **error)
{
  GstSample *sample;
  Pass pass;

  if (!pass_begin (&pass, elements, caps, error))
    return NULL;
  gst_app_src_push_buffer (GST_APP_SRC (pass.in), gst_buffer_ref (buffer));
  gst_app_src_end_of_stream (GST_APP_SRC (pass.in));
  sample = pass_pull (&pass, GST_CLOCK_TIME_NONE, error);
  pass_end (&pass);
  return sample;
}

/* --- frames from a keyframe on --- */

/* Returns whether all frames have a time, and no other frame has the same time as the last one. */
static gboolean
has_times (const GPtrArray *run)
{
  const LiveFrame *last = g_ptr_array_index (run, run->len - 1);

  for (guint i = 0; i < run->len; i++) {
    const LiveFrame *frame = g_ptr_array_index (run, i);

    if (!GST_CLOCK_TIME_IS_VALID (frame->pts) || (frame != last && frame->pts == last->pts))
      return FALSE;
  }
  return TRUE;
}

/* Pushes all frames. Returns the time of the last one, by which its picture is found, because
 * pictures may leave a decoder in another order than the frames were pushed. */
static GstClockTime
push_run (Pass *self, const GPtrArray *run)
{
  gboolean timed = has_times (run);
  GstClockTime pts = 0;

  for (guint i = 0; i < run->len; i++) {
    const LiveFrame *frame = g_ptr_array_index (run, i);
    GstBuffer *buffer = gst_buffer_new_wrapped_bytes (frame->bytes);

    pts = timed ? frame->pts : i * PERIOD;
    GST_BUFFER_PTS (buffer) = pts;
    if (frame->delta)
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    gst_app_src_push_buffer (GST_APP_SRC (self->in), buffer);
  }
  gst_app_src_end_of_stream (GST_APP_SRC (self->in));
  return pts;
}

/* Returns FALSE if @sample isn't the picture of the wanted frame, because the blur would then be at
 * wrong places. The picture of a single frame is always the wanted one, even if its decoder changes
 * its time. */
static gboolean
check_time (GstSample *sample, const GPtrArray *run, GstClockTime wanted, GError **error)
{
  if (run->len == 1 || GST_BUFFER_PTS (gst_sample_get_buffer (sample)) == wanted)
    return TRUE;
  return fail (error, G_IO_ERROR_INVALID_DATA, "The frame can't be decoded.");
}

static gboolean
check_raw_sample (GstSample *sample, GError **error)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample)))
    return fail (error, G_IO_ERROR_NOT_SUPPORTED,
        "The picture is too large to be shown, or its decoder isn't installed.");
  return check_size (info.width, info.height, error);
}

GstSample *
live_decode (const GPtrArray *run, GError **error)
{
  const LiveFrame *frame = g_ptr_array_index (run, run->len - 1);
  const gchar *elements = live_decode_find_elements (frame, error);
  GstClockTime wanted;
  GstSample *sample;
  Pass pass;

  if (!elements || !pass_begin (&pass, elements, frame->caps, error))
    return NULL;
  wanted = push_run (&pass, run);
  sample = pass_pull (&pass, wanted, error);
  pass_end (&pass);
  if (sample && !(check_time (sample, run, wanted, error) && check_raw_sample (sample, error)))
    g_clear_pointer (&sample, gst_sample_unref);
  return sample;
}
