/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clipvideo.h"

#include <gst/video/video.h>
#include <string.h>

#include "engine/haarengine.h"
#include "frames/haaroverlay.h"
#include "gstkafkameta.h"
#include "pictures/livedecode.h"

/* ms by which a wider range is read, for the same reason as in cliprows.c. */
#define SLACK 60000
/* ms by which a frame's time in Kafka may be after its capture: it may be that of its arrival. */
#define ARRIVAL 2000

#define H264 "x264enc bframes=0 key-int-max=60 speed-preset=veryfast ! h264parse ! "

static const struct {
  const gchar *end, *elements, *names, *packages;
} encoders[] = {
    {".mp4", H264 "mp4mux faststart=true", "x264enc,h264parse,mp4mux", "plugins-ugly and -bad"},
    {".mp4", "openh264enc ! h264parse ! mp4mux faststart=true", "openh264enc,h264parse,mp4mux", ""},
    {".mp4", "avenc_mpeg4 bitrate=4000000 ! mp4mux", "avenc_mpeg4,mp4mux", ""},
    {".mkv", H264 "matroskamux", "x264enc,h264parse,matroskamux", "plugins-good"},
    {".mkv", "jpegenc ! matroskamux", "jpegenc,matroskamux", ""},
    {".webm", "vp8enc deadline=1 cpu-used=8 target-bitrate=4000000 ! webmmux", "vp8enc,webmmux",
        "plugins-good"},
    {".ogv", "theoraenc ! oggmux", "theoraenc,oggmux", "plugins-base"},
};

/* --- the encoder --- */

static gboolean
are_installed (const gchar *names)
{
  g_auto (GStrv) list = g_strsplit (names, ",", -1);
  gboolean all = TRUE;

  for (guint i = 0; list[i]; i++) {
    GstElementFactory *factory = gst_element_factory_find (list[i]);

    all = all && factory;
    gst_clear_object (&factory);
  }
  return all;
}

const gchar *
clip_find_encoder (const gchar *file, GError **error)
{
  const gchar *packages = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++) {
    if (!g_str_has_suffix (file, encoders[i].end))
      continue;
    if (are_installed (encoders[i].names))
      return encoders[i].elements;
    packages = packages ? packages : encoders[i].packages;
  }
  if (packages)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "No encoder for \"%s\" is installed: install gstreamer1.0-%s, or choose another end.", file,
        packages);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "\"%s\" has an unknown end: take .mp4, .mkv, .webm or .ogv for video, .jsonl or .csv for "
        "events.",
        file);
  return NULL;
}

/* --- boxes --- */

typedef struct {
  GHashTable *answers; /* maps a frame's id to its LiveAnswer; NULL: no boxes are drawn */
  const ClipRange *range;
  GstVideoInfo info;
  GstClockTime shown; /* capture time of the latest frame, ns since the Unix epoch */
  gint ended;         /* atomic: nothing more is read */
  ClipVideo *video;
} Drawing;

static gboolean
take_event (GstSample *sample, gpointer data)
{
  LiveAnswer *answer = live_answer_from_sample (sample);

  if (answer)
    g_hash_table_replace (data, answer->id, answer);
  return TRUE;
}

/* (nullable) (transfer full) */
static GHashTable *
read_answers (const LiveSource *events, const ClipRange *range, GError **error)
{
  const ClipRange wide = {range->camera, MAX (range->from - SLACK, 0), range->to + SLACK, NULL};
  g_autoptr (GHashTable) answers =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) live_answer_unref);

  return clip_read (events, &wide, take_event, answers, error) ? g_steal_pointer (&answers) : NULL;
}

static void
draw (Drawing *self, GstBuffer *frame, const LiveAnswer *answer)
{
  g_autoptr (GArray) boxes = g_array_new (FALSE, TRUE, sizeof (HaarBox));

  for (guint i = 0; i < answer->boxes->len; i++) {
    const LiveBox *box = &g_array_index (answer->boxes, LiveBox, i);
    HaarBox one = {.rect = {box->x, box->y, box->w, box->h}};

    g_array_append_val (boxes, one);
  }
  haar_overlay_draw (frame, &self->info, boxes);
  self->video->boxed++;
}

static void
draw_buffer (Drawing *self, GstPadProbeInfo *info)
{
  g_autofree gchar *id = gst_kafka_meta_make_frame_id (GST_PAD_PROBE_INFO_BUFFER (info));
  const LiveAnswer *answer = id ? g_hash_table_lookup (self->answers, id) : NULL;

  if (!answer || !answer->boxes->len)
    return;
  info->data = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  draw (self, info->data, answer);
}

static void
see_event (Drawing *self, GstEvent *event)
{
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    g_atomic_int_set (&self->ended, TRUE);
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return;
  gst_event_parse_caps (event, &caps);
  gst_video_info_from_caps (&self->info, caps);
}

/* FALSE: a frame of another time, which stands within the range in Kafka because it was late; or
 * one of the range that can't be shown any more */
static gboolean
take_frame (Drawing *self, GstClockTime captured)
{
  gint64 ms = (gint64) (captured / GST_MSECOND);

  if (captured && (ms < self->range->from || ms >= self->range->to))
    return FALSE;
  if (captured && captured < self->shown) {
    self->video->late++;
    return FALSE;
  }
  self->shown = captured;
  self->video->frames++;
  return TRUE;
}

/* A late frame before the range moves all others, and a decoder changes times that go back. */
static GstBuffer *
place_frame (const Drawing *self, GstBuffer *frame, GstClockTime captured)
{
  frame = gst_buffer_make_writable (frame);
  if (captured)
    GST_BUFFER_PTS (frame) = captured - (GstClockTime) self->range->from * GST_MSECOND;
  return frame;
}

static GstPadProbeReturn
see_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Drawing *self = data;
  GstClockTime captured;

  if (GST_IS_EVENT (info->data)) {
    see_event (self, info->data);
    return GST_PAD_PROBE_OK;
  }
  captured = clip_get_capture_time (info->data);
  if (!take_frame (self, captured))
    return GST_PAD_PROBE_DROP;
  info->data = place_frame (self, info->data, captured);
  if (self->answers)
    draw_buffer (self, info);
  return GST_PAD_PROBE_OK;
}

/* --- the pipeline --- */

/* Returns: (transfer full): what keeps the size of @first, since files have one; empty: it isn't
 * known */
static gchar *
make_scaler (const LiveFrame *first)
{
  if (first->width <= 0 || first->height <= 0)
    return g_strdup ("");
  return g_strdup_printf ("videoscale add-borders=true ! "
                          "video/x-raw,width=%d,height=%d,pixel-aspect-ratio=1/1 ! ",
      first->width, first->height);
}

/* No decoder follows another kind of frames: kafkasrc skips those and counts them. */
static void
keep_kind (GstElement *pipeline, const LiveFrame *first)
{
  g_autoptr (GstElement) filter = gst_bin_get_by_name (GST_BIN (pipeline), "kind");
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (live_decode_get_format (first));

  g_object_set (filter, "caps", caps, NULL);
}

static GstElement *
make_pipeline (const LiveSource *frames, const ClipRange *range, const LiveFrame *first,
    const gchar *decoder, const gchar *encoder, const gchar *file, GError **error)
{
  g_autofree gchar *scaler = make_scaler (first);
  g_autofree gchar *line =
      g_strdup_printf ("kafkasrc name=source ! capsfilter name=kind ! %s ! videoconvert ! "
                       "video/x-raw,format=I420,colorimetry=bt601 ! identity name=frames ! %s%s "
                       "! filesink name=sink async=false",
          decoder, scaler, encoder);
  const ClipRange wide = {range->camera, range->from, range->to + ARRIVAL, NULL};
  GstElement *pipeline = gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  g_autoptr (GstElement) source = NULL, sink = NULL;

  if (!pipeline)
    return NULL;
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (source, "bootstrap-servers", frames->servers, "topic", frames->topic, NULL);
  if (frames->config_file)
    g_object_set (source, "config-file", frames->config_file, NULL);
  clip_set_range (source, &wide);
  keep_kind (pipeline, first);
  g_object_set (sink, "location", file, NULL);
  return pipeline;
}

/* Returns: (nullable) (transfer full): EOS or an error; NULL: nothing is read any more, although
 * the end wasn't reached. Once all is read, the file may take its time. */
static GstMessage *
wait_for_message (GstElement *pipeline, Drawing *drawing)
{
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint64 progress;

  do {
    progress = clip_get_progress (source);
    message = gst_bus_timed_pop_filtered (bus, CLIP_PATIENCE, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  } while (
      !message && (g_atomic_int_get (&drawing->ended) || clip_get_progress (source) != progress));
  return message;
}

static gboolean
wait_for_end (GstElement *pipeline, Drawing *drawing, GError **error)
{
  GstMessage *message = wait_for_message (pipeline, drawing);
  gboolean ended = message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;

  if (!message)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "Kafka has given nothing for 20 s.");
  else if (!ended)
    gst_message_parse_error (message, error, NULL);
  g_clear_pointer (&message, gst_message_unref);
  return ended;
}

static gboolean
run (GstElement *pipeline, Drawing *drawing, GError **error)
{
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_autoptr (GstElement) frames = gst_bin_get_by_name (GST_BIN (pipeline), "frames");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (frames, "src");
  gboolean ended;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      see_frame, drawing, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  ended = wait_for_end (pipeline, drawing, error);
  drawing->video->odd = clip_get_stat (source, "refused-caps") + clip_get_stat (source, "bad-caps");
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return ended;
}

gboolean
clip_write_video (const LiveSource *frames, const LiveSource *events, const ClipRange *range,
    const LiveFrame *first, const gchar *encoder, const gchar *file, ClipVideo *video,
    GError **error)
{
  const gchar *decoder = live_decode_find_elements (first, error);
  g_autoptr (GHashTable) answers = NULL;
  Drawing drawing = {.range = range, .shown = 0, .video = video};
  GstElement *pipeline;
  gboolean written;

  if (!decoder)
    return FALSE;
  if (events && !(answers = read_answers (events, range, error)))
    return FALSE;
  pipeline = make_pipeline (frames, range, first, decoder, encoder, file, error);
  if (!pipeline)
    return FALSE;
  drawing.answers = answers;
  written = run (pipeline, &drawing, error);
  gst_object_unref (pipeline);
  return written;
}
