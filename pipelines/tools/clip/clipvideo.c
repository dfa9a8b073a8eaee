/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clipvideo.h"

#include <gst/video/video.h>
#include <string.h>

#include "engine/haarengine.h"
#include "frames/haaroverlay.h"
#include "gstkafkameta.h"
#include "pictures/livedecode.h"

/* Time (ms) by which the range of events that is read is extended at both ends, because an event's
 * timestamp in Kafka may be its time of arrival. */
#define SLACK 60000
/* Time (ms) by which a frame's timestamp in Kafka may be after its capture, because it may be the
 * time of arrival. */
#define ARRIVAL 2000

/* Number of tiles along the longer side of a picture that is blurred as a whole. */
#define TILES 5

/* Without a look ahead, and with few threads, x264 keeps fewer frames in memory: with pictures of
 * 3840x2160 it needs half the memory. */
#define H264                                                                                       \
  "x264enc bframes=0 key-int-max=60 speed-preset=veryfast rc-lookahead=0 mb-tree=false threads=2 " \
  "! h264parse ! "

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
    /* Theora has a constant frame rate, so videorate repeats each frame until the next one
     * comes. */
    {".ogv", "videorate skip-to-first=true ! video/x-raw,framerate=25/1 ! theoraenc ! oggmux",
        "videorate,theoraenc,oggmux", "plugins-base"},
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
        "No encoder for \"%s\" is installed: install gstreamer1.0-%s, or choose another suffix.",
        file, packages);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
        "\"%s\" has an unknown end: take .mp4, .mkv, .webm or .ogv for video, .jsonl or .csv for "
        "events.",
        file);
  return NULL;
}

/* --- boxes and blur --- */

typedef struct {
  const ClipWish *wish;
  GHashTable *answers; /* maps a frame's id to its LiveAnswer; NULL: no answers are needed */
  GstVideoInfo info;
  /* time of capture of the latest frame in the video, ns since the Unix epoch */
  GstClockTime shown;
  guint64 pictures, decoded; /* numbers of pictures of the range before and behind the decoder */
  gint ended;                /* atomic flag: the source has sent EOS */
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

/* Returns: (transfer full): of HaarBox */
static GArray *
list_boxes (const LiveAnswer *answer)
{
  GArray *boxes = g_array_new (FALSE, TRUE, sizeof (HaarBox));

  for (guint i = 0; i < answer->boxes->len; i++) {
    const LiveBox *box = &g_array_index (answer->boxes, LiveBox, i);
    HaarBox one = {.rect = {box->x, box->y, box->w, box->h}};

    g_array_append_val (boxes, one);
  }
  return boxes;
}

/* Returns: (transfer full): array of HaarBox: squares that together cover the picture; each is
 * blurred like a face */
static GArray *
list_tiles (const GstVideoInfo *info)
{
  GArray *tiles = g_array_new (FALSE, TRUE, sizeof (HaarBox));
  gint side = MAX (info->width, info->height) / TILES + 1;

  for (gint y = 0; y < info->height; y += side)
    for (gint x = 0; x < info->width; x += side) {
      HaarBox one = {.rect = {x, y, side, side}};

      g_array_append_val (tiles, one);
    }
  return tiles;
}

/* Blurs the frame. Returns FALSE if that has failed, so that the frame may still show a face. */
static gboolean
blur (const Drawing *self, GstBuffer *frame, const LiveAnswer *answer)
{
  gboolean faces = self->wish->blur == LIVE_BLUR_FACES && answer;
  g_autoptr (GArray) boxes = faces ? list_boxes (answer) : list_tiles (&self->info);

  return haar_overlay_blur (frame, &self->info, boxes);
}

static void
draw (Drawing *self, GstBuffer *frame, const LiveAnswer *answer)
{
  g_autoptr (GArray) boxes = list_boxes (answer);

  haar_overlay_draw (frame, &self->info, boxes);
  self->video->boxed++;
}

/* Draws and blurs what the wish demands. Returns FALSE if the frame must not be shown. */
static gboolean
change_frame (Drawing *self, GstBuffer *frame)
{
  g_autofree gchar *id = gst_kafka_meta_make_frame_id (frame);
  const LiveAnswer *answer = id && self->answers ? g_hash_table_lookup (self->answers, id) : NULL;

  if (self->wish->blur != LIVE_BLUR_NONE && !blur (self, frame, answer))
    return FALSE;
  if (self->wish->boxes && answer && answer->boxes->len)
    draw (self, frame, answer);
  return TRUE;
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

/* Returns FALSE if the frame can't be shown, because frames that were captured later have been
 * shown already */
static gboolean
take_frame (Drawing *self, GstClockTime captured)
{
  if (captured && captured < self->shown) {
    self->video->late++;
    return FALSE;
  }
  self->shown = captured;
  self->video->frames++;
  return TRUE;
}

/* Sets the frame's time from its time of capture, because timestamps in the stream would be shifted
 * by a late frame before the range, and decoders change timestamps that go back. */
static GstBuffer *
place_frame (const Drawing *self, GstBuffer *frame, GstClockTime captured)
{
  frame = gst_buffer_make_writable (frame);
  if (captured)
    GST_BUFFER_PTS (frame) = captured - (GstClockTime) self->wish->range->from * GST_MSECOND;
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
  /* Late frames of other times, which lie within the range in Kafka, are dropped. */
  if (!clip_range_has (self->wish->range, info->data))
    return GST_PAD_PROBE_DROP;
  self->decoded++;
  captured = clip_get_capture_time (info->data);
  if (!take_frame (self, captured))
    return GST_PAD_PROBE_DROP;
  info->data = place_frame (self, info->data, captured);
  if (change_frame (self, info->data))
    return GST_PAD_PROBE_OK;
  GST_ELEMENT_ERROR (GST_PAD_PARENT (pad), STREAM, FORMAT,
      ("A frame can't be blurred, so there is no clip."), (NULL));
  return GST_PAD_PROBE_DROP;
}

static gboolean
may_be_decoded (const gchar *format, GstBuffer *picture)
{
  GstMapInfo map;
  gboolean may;

  if (!gst_buffer_map (picture, &map, GST_MAP_READ))
    return FALSE;
  may = live_decode_check_picture (format, map.data, map.size, NULL);
  gst_buffer_unmap (picture, &map);
  return may;
}

/* Counts the pictures that go into the decoder, and drops pictures that are too large for the
 * decoder. Other formats aren't counted, because only a message that is a picture becomes exactly
 * one frame. */
static GstPadProbeReturn
see_picture (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Drawing *self = data;
  const gchar *format = live_decode_get_format (self->wish->first);

  if (g_str_has_prefix (format, "image/") && clip_range_has (self->wish->range, info->data))
    self->pictures++;
  return may_be_decoded (format, info->data) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/* --- the pipeline --- */

/* Returns: (transfer full): elements that scale all frames to the size of @first, because a video
 * file has one size; empty if the size isn't known */
static gchar *
make_scaler (const LiveFrame *first)
{
  if (first->width <= 0 || first->height <= 0)
    return g_strdup ("");
  return g_strdup_printf ("videoscale add-borders=true ! "
                          "video/x-raw,width=%d,height=%d,pixel-aspect-ratio=1/1 ! ",
      first->width, first->height);
}

/* Lets the pipeline accept only the format of @first, because the decoder can't change the format:
 * kafkasrc skips and counts frames of other formats. */
static void
keep_kind (GstElement *pipeline, const LiveFrame *first)
{
  g_autoptr (GstElement) filter = gst_bin_get_by_name (GST_BIN (pipeline), "kind");
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (live_decode_get_format (first));

  g_object_set (filter, "caps", caps, NULL);
}

static GstElement *
make_pipeline (const ClipWish *wish, const gchar *file, GError **error)
{
  const gchar *decoder = live_decode_find_elements (wish->first, error);
  g_autofree gchar *scaler = make_scaler (wish->first);
  g_autofree gchar *line =
      g_strdup_printf ("kafkasrc name=source ! capsfilter name=kind ! %s ! videoconvert ! "
                       "video/x-raw,format=I420,colorimetry=bt601 ! identity name=frames ! %s%s "
                       "! filesink name=sink async=false",
          decoder ? decoder : "", scaler, wish->encoder);
  const ClipRange wide = {wish->range->camera, wish->range->from, wish->range->to + ARRIVAL, NULL};
  GstElement *pipeline =
      decoder ? gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error) : NULL;
  g_autoptr (GstElement) source = NULL, sink = NULL;

  if (!pipeline)
    return NULL;
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (
      source, "bootstrap-servers", wish->frames->servers, "topic", wish->frames->topic, NULL);
  if (wish->frames->config_file)
    g_object_set (source, "config-file", wish->frames->config_file, NULL);
  clip_set_range (source, &wide);
  keep_kind (pipeline, wish->first);
  live_decode_guard (pipeline);
  g_object_set (sink, "location", file, NULL);
  return pipeline;
}

/* Returns: (nullable) (transfer full): the message EOS or an error; NULL if reading makes no
 * progress although the end isn't reached. After the last message is read, there is no time limit
 * for writing the file. */
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

static void
add_probe (GstElement *pipeline, const gchar *name, GstPadProbeType type,
    GstPadProbeCallback callback, Drawing *drawing)
{
  g_autoptr (GstElement) element = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");

  gst_pad_add_probe (pad, type, callback, drawing, NULL);
}

static gboolean
run (GstElement *pipeline, Drawing *drawing, GError **error)
{
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  ClipVideo *video = drawing->video;
  gboolean ended;

  add_probe (pipeline, "kind", GST_PAD_PROBE_TYPE_BUFFER, see_picture, drawing);
  add_probe (pipeline, "frames", GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      see_frame, drawing);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  ended = wait_for_end (pipeline, drawing, error);
  video->odd = clip_get_stat (source, "refused-caps") + clip_get_stat (source, "bad-caps");
  gst_element_set_state (pipeline, GST_STATE_NULL);
  video->damaged = drawing->pictures - MIN (drawing->pictures, drawing->decoded);
  return ended;
}

/* --- frames that came after the range --- */

static gboolean
count_late (GstSample *sample, gpointer data)
{
  Drawing *self = data;
  GstBuffer *message = gst_sample_get_buffer (sample);
  const gchar *camera = gst_kafka_meta_get_header (message, GST_KAFKA_HEADER_CAMERA);

  if (g_strcmp0 (camera, self->wish->range->camera) == 0 &&
      clip_range_has (self->wish->range, message))
    self->video->late++;
  return TRUE;
}

gboolean
clip_write_video (const ClipWish *wish, const gchar *file, ClipVideo *video, GError **error)
{
  g_autoptr (GHashTable) answers = NULL;
  Drawing drawing = {.wish = wish, .video = video};
  GstElement *pipeline;
  gboolean written;

  if ((wish->boxes || wish->blur == LIVE_BLUR_FACES) &&
      !(answers = read_answers (wish->events, wish->range, error)))
    return FALSE;
  pipeline = make_pipeline (wish, file, error);
  if (!pipeline)
    return FALSE;
  drawing.answers = answers;
  written = run (pipeline, &drawing, error);
  gst_object_unref (pipeline);
  return written && clip_read_rest (wish->frames, wish->range->to + ARRIVAL, count_late, &drawing,
                        &video->searched, error);
}
